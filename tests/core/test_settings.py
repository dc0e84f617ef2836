"""Settings: what cannot be asked of a run, and what a mode undoes."""

import itertools

import pytest

from coincide.core.errors import InputError
from coincide.core.settings import Settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "rawer"}, "^mode: there is no mode 'rawer'; did you mean 'raw'"),
        ({"precision": "float16"}, "^precision: there is no precision 'float16'"),
        ({"mode": "lockstep", "method": "rk5"}, "^method: there is no scheme of lockstep 'rk5'"),
        (
            {"mode": "lockstep", "undone": ()},
            "^undone: lockstep has every convention undone; use raw",
        ),
        ({"undone": ("spike_stamp",)}, "^undone: lockstep has every convention undone"),
    ],
)
def test_what_cannot_be_asked(given: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Settings(**given)  # type: ignore[arg-type]


def test_a_method_of_a_simulator_is_its_own_matter() -> None:
    assert Settings("raw", "rk5").method == "rk5"
    assert Settings().scheme == "exponential_euler"
    assert Settings("lockstep", "euler").scheme == "euler"


def test_what_is_undone() -> None:
    assert [Settings(m).undoes("spike_stamp") for m in ("raw", "aligned", "lockstep")] == [  # type: ignore[arg-type]
        False,
        True,
        True,
    ]
    one = Settings("raw", undone=("spike_stamp",))
    assert (one.undoes("spike_stamp"), one.undoes("delay_rounding")) == (True, False)
    assert not Settings("aligned", undone=()).undoes("spike_stamp")


def test_a_key_for_each() -> None:
    given = [
        Settings(),
        Settings("raw"),
        Settings("raw", undone=()),
        Settings("raw", "euler"),
        Settings("raw", device="cuda"),
        Settings("raw", precision="float32"),
        Settings("raw", target="numpy"),
        Settings("raw", undone=("a",)),
        Settings("raw", undone=("b",)),
    ]
    assert all(a.key != b.key for a, b in itertools.combinations(given, 2))
    assert Settings("raw").key == Settings("raw").key
