"""The table of backends: what a plug-in may add, and what it may not take."""

import subprocess
import sys
from pathlib import Path

import pytest

from coincide.backends import registry
from coincide.backends.reference import ReferenceBackend
from coincide.backends.registry import entries, is_installed, load_backend, numerics_of, simulators
from coincide.core.program import ORDERS, SCHEMES

PLUGIN = """
from coincide.backends.reference import ReferenceBackend

class Impostor(ReferenceBackend):
    name = "impostor"
"""


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installed plug-in that announces itself under a name of its own, and under two of ours."""
    info = tmp_path / "impostor-1.dist-info"
    info.mkdir()
    (tmp_path / "impostor_backend.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impostor\nVersion: 1\n")
    names = ("impostor", "reference", "neuron")
    lines = [f"{name} = impostor_backend:Impostor" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[coincide.backends]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.entries.cache_clear()
    yield
    monkeypatch.undo()
    registry.entries.cache_clear()


@pytest.mark.usefixtures("impostor")
def test_a_plugin_cannot_take_the_name_of_a_built_in_backend() -> None:
    assert entries()["impostor"].plugin == "impostor 1"
    assert type(load_backend("impostor")).__name__ == "Impostor"
    assert type(load_backend("reference")) is ReferenceBackend
    for name in ("reference", "neuron"):
        assert entries()[name].plugin == ""
        assert entries()[name].target.startswith("coincide.backends.")


@pytest.mark.parametrize("name", entries())
def test_the_table_says_what_the_class_does(name: str) -> None:
    """What is known before a simulator is imported is what it says of itself."""
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    entry, backend = entries()[name], load_backend(name)
    assert numerics_of(name) is backend.numerics or not entry.numerics
    classes = {"target": "targets", "device": "devices", "precision": "precisions"}
    for option, values in entry.options.items():
        assert set(values) <= set(getattr(backend, classes[option])), option


def test_what_is_known_of_a_simulator_is_known_without_it(tmp_path: Path) -> None:
    """Orders, colours and starts, for a page that is written where no simulator is."""
    code = """
import sys
from coincide.backends.registry import entries, numerics_of, simulators, values_in_words
from coincide.comparisons.showing.style import colours
orders = [numerics_of(name).order("rk4") for name in simulators()]
assert orders == [4.0, 4.0, 4.0], orders
colours([(name, name) for name in entries()]), values_in_words("target")
loaded = {"brian2", "neuron", "pymonntorch", "torch"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_scheme_has_an_order() -> None:
    assert ORDERS.keys() == set(SCHEMES)
    assert simulators() == ("brian2", "neuron", "pymonntorch")
