"""Short-term plasticity as a description, as drawn numbers, and as states of terminals."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coincide.comparisons.checks.conformance.cases import plasticity
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.features import required_features
from coincide.core.perturbations import apply
from coincide.core.plasticity import RealizedPlasticity, Terminals, TsodyksMarkram, occurrences
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.values import Array


def passed(u: float, tau_rec: float, tau_facil: float, times: NDArray[np.float64]) -> list[float]:
    terminals = Terminals(RealizedPlasticity(u, tau_rec, tau_facil), 1, 1)
    return [float(terminals.release(np.array([0]), t)[0]) for t in times]


def test_a_depressing_train_has_the_closed_form() -> None:
    # x_n = x* + (1 - x*)·((1 - U)·q)^(n-1) with q = exp(-Δ/τ_rec), x* = (1 - q)/(1 - (1 - U)·q).
    capacity, tau, interval = 0.35, 800.0, 50.0
    found = passed(capacity, tau, 0.0, 3.0 + interval * np.arange(40))
    q = np.exp(-interval / tau)
    steady = (1 - q) / (1 - (1 - capacity) * q)
    expected = capacity * (steady + (1 - steady) * ((1 - capacity) * q) ** np.arange(40))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_facilitating_train_reaches_its_steady_state() -> None:
    capacity, tau_rec, tau_facil, interval = 0.0192, 559.0, 623.0, 20.0
    found = passed(capacity, tau_rec, tau_facil, interval * np.arange(1500))
    f, q = np.exp(-interval / tau_facil), np.exp(-interval / tau_rec)
    u = capacity / (1 - (1 - capacity) * f)
    x = (1 - q) / (1 - (1 - u) * q)
    assert found[0] == pytest.approx(capacity, rel=1e-15)
    assert found[5] > 3 * found[0]
    assert found[-1] == pytest.approx(u * x, rel=1e-12)


def test_after_a_long_pause_a_connection_is_as_new() -> None:
    found = passed(0.4, 100.0, 50.0, np.array([1.0, 2.0, 1e5]))
    assert found[1] != pytest.approx(found[0])
    assert found[2] == pytest.approx(found[0], rel=1e-15)


def test_spikes_of_one_instant_are_one_after_the_other() -> None:
    found = passed(0.3, 100.0, 0.0, np.array([5.0, 5.0, 5.0]))
    np.testing.assert_allclose(found, 0.3 * 0.7 ** np.arange(3), rtol=1e-15)


def test_occurrences_name_no_cell_twice_and_keep_the_order() -> None:
    cells = np.array([4, 1, 4, 4, 2, 1])
    found = [part.tolist() for part in occurrences(cells)]
    assert found == [[0, 1, 4], [2, 5], [3]]
    assert [p.tolist() for p in occurrences(np.array([3, 1]))] == [[0, 1]]
    assert [p.tolist() for p in occurrences(np.array([], int))] == [[]]


def test_it_is_part_of_the_description(tmp_path: Path) -> None:
    experiment = plasticity()
    assert Experiment.from_json(experiment.to_json()) == experiment
    weaker = apply(experiment, "depressing.plasticity.U *= 0.5")
    assert weaker.projections[0].plasticity == TsodyksMarkram(U="0.175", tau_rec="100 ms")
    assert weaker.hash != experiment.hash
    realization = realize(experiment)
    needed = required_features(realization)
    assert needed["plasticity"] == "depressing"
    assert needed["plasticity_per_connection"] == "among"
    realization.save(tmp_path / "drawn.npz")
    loaded = Realization.load(tmp_path / "drawn.npz")
    assert loaded.digest == realization.digest != realize(weaker).digest
    assert loaded.edges[2].plasticity is not None
    assert np.shape(loaded.edges[2].plasticity.tau_rec) == (16,)


def test_the_projection_is_named_where_a_number_is_wrong() -> None:
    data = plasticity().to_dict()
    data["projections"][0]["plasticity"]["tau_rec"] = "-3 ms"
    with pytest.raises(InputError) as caught:
        Experiment.from_dict(data)
    assert "depressing.plasticity.tau_rec: -3 ms; a time constant has to be > 0" in str(
        caught.value
    )


def test_lost_cells_take_their_connections_numbers_along() -> None:
    intact = realize(plasticity()).edges[2]
    lesioned = realize(apply(plasticity(), "remove 50% cells"))
    kept, edges = lesioned.populations["cells"].kept, lesioned.edges[2]
    assert kept is not None
    assert intact.plasticity is not None
    assert edges.plasticity is not None
    there = np.isin(intact.pre, kept) & np.isin(intact.post, kept)
    assert np.array_equal(edges.plasticity.U, np.asarray(intact.plasticity.U)[there])


@pytest.mark.parametrize(
    ("values", "place", "problem"),
    [
        ({"U": "0", "tau_rec": "1 ms"}, "TsodyksMarkram.U", "0; U has to be in (0, 1]"),
        ({"U": "1.5", "tau_rec": "1 ms"}, "TsodyksMarkram.U", "1.5; U has to be in (0, 1]"),
        (
            {"U": "0.5", "tau_rec": "0 ms"},
            "TsodyksMarkram.tau_rec",
            "0 ms; a time constant has to be > 0",
        ),
        ({"U": "0.5", "tau_rec": "5 mV"}, "TsodyksMarkram.tau_rec", "5 mV"),
        (
            {"U": "0.5", "tau_rec": "5 ms", "tau_facil": "-1 ms"},
            "TsodyksMarkram.tau_facil",
            "or 0 ms for no",
        ),
        ({"U": Array([0.5, 1.2]), "tau_rec": "5 ms"}, "TsodyksMarkram.U", "1.2; U has to be in"),
        (
            {"U": "0.5", "tau_rec": "5 ms", "tau_facil": Array([3.0, 0.0], "ms")},
            "TsodyksMarkram.tau_facil",
            "0; a time constant has to be > 0",
        ),
    ],
)
def test_numbers_outside_of_what_they_can_be(
    values: dict[str, object], place: str, problem: str
) -> None:
    with pytest.raises(InputError, match=r"^TsodyksMarkram\.") as caught:
        TsodyksMarkram(**values)
    assert str(caught.value).startswith(place)
    assert problem in str(caught.value)
