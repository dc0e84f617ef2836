"""Short-term plasticity is exact on every backend, and the same on all."""

from functools import cache

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.comparisons.checks.conformance.cases import plasticity
from coincide.core.errors import UnsupportedError
from coincide.core.experiment import Experiment
from coincide.core.neurons import NeuronModel
from coincide.core.plasticity import TsodyksMarkram
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, Projection
from coincide.core.realize import realize
from coincide.core.receptors import Delta
from coincide.core.recording import Recording
from coincide.core.settings import Mode, Settings
from coincide.core.values import Array

BACKENDS = ("reference", "brian2", "neuron", "pymonntorch")
_SUM = NeuronModel(
    name="Sum",
    equations="dv/dt = 0*v/tau : 1\ntau : ms",
    parameters={"tau": "1 ms"},
    initial={"v": "0"},
)


def counter(times: tuple[float, ...]) -> Experiment:
    """Cells that add up what arrives, over a depressing, a facilitating and a connection of own numbers."""
    kinds = {
        "depressing": TsodyksMarkram(U="0.4", tau_rec="90 ms"),
        "facilitating": TsodyksMarkram(U="0.05", tau_rec="30 ms", tau_facil="150 ms"),
        "own": TsodyksMarkram(
            U=Array([0.4, 0.05]),
            tau_rec=Array([60.0, 30.0], "ms"),
            tau_facil=Array([9.0, 150.0], "ms"),
        ),
    }
    return Experiment(
        name="counter",
        duration="60 ms",
        dt="0.1 ms",
        populations=[
            SpikeTrains(name="train", times=(times,)),
            *(Population(name=n, model=_SUM, size=2, receptors={"kick": Delta()}) for n in kinds),
        ],
        projections=[
            Projection(
                source="train",
                target=name,
                receptor="kick",
                rule=AllToAll(),
                weight="3",
                delay=Array([0.7, 1.3], "ms"),
                plasticity=kind,
            )
            for name, kind in kinds.items()
        ],
        records=[{"population": name, "variables": ["v"]} for name in kinds],
    )


@pytest.mark.parametrize("backend", [*BACKENDS, "oracle"])
def test_arrivals_have_the_sizes_of_the_closed_form(backend: str) -> None:
    interval, n = 5.0, 10
    experiment = counter(tuple(1.0 + interval * np.arange(n)))
    found = load_backend(backend).run(realize(experiment), Settings(mode="aligned"))
    at = 10 + 50 * np.arange(n)

    def steps(population: str, cell: int) -> np.ndarray:
        values = found.traces[population, "v"].values[:, cell]
        arrive = at + (7, 13)[cell]
        return values[arrive] - values[arrive - 1]

    q = np.exp(-interval / 90.0)
    steady = (1 - q) / (1 - 0.6 * q)
    expected = 3 * 0.4 * (steady + (1 - steady) * (0.6 * q) ** np.arange(n))
    np.testing.assert_allclose(steps("depressing", 0), expected, rtol=1e-11)
    np.testing.assert_allclose(steps("depressing", 1), expected, rtol=1e-11)
    # u_n = U·Σ_{k<n} ((1 - U)·f)^k, and x from its recursion.
    f, q = np.exp(-interval / 150.0), np.exp(-interval / 30.0)
    u = 0.05 * np.cumsum((0.95 * f) ** np.arange(n))
    x = [1.0]
    for k in range(n - 1):
        x.append(1 - (1 - x[-1] * (1 - u[k])) * q)
    np.testing.assert_allclose(steps("facilitating", 0), 3 * u * x, rtol=1e-11)
    np.testing.assert_allclose(steps("own", 1), 3 * u * x, rtol=1e-11)
    assert steps("own", 0)[1] < steps("own", 0)[0]


@cache
def recorded(backend: str, mode: Mode) -> Recording:
    return load_backend(backend).run(realize(plasticity()), Settings(mode=mode))


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_in_lockstep_spikes_are_identical_and_currents_equal_to_round_off(backend: str) -> None:
    expected, found = recorded("reference", "lockstep"), recorded(backend, "lockstep")
    assert len(expected.spikes["cells"]) > 8
    assert np.array_equal(found.spikes["cells"].cells, expected.spikes["cells"].cells)
    np.testing.assert_allclose(
        found.spikes["cells"].times, expected.spikes["cells"].times, rtol=0, atol=1e-9
    )
    for variable in ("v", "current_exc"):
        a, b = (r.traces["cells", variable].values for r in (found, expected))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


def test_spikes_of_one_step_go_one_after_the_other_or_are_refused() -> None:
    realization = realize(counter((2.0, 2.0, 2.0, 9.0)))
    runs = {
        name: load_backend(name).run(realization, Settings(mode="lockstep"))
        for name in ("reference", "neuron", "pymonntorch")
    }
    total = 3 * 0.4 * (1 + 0.6 + 0.36)
    for found in runs.values():
        values = found.traces["depressing", "v"].values[:, 0]
        assert values[27] == pytest.approx(total, rel=1e-13)
        for key, trace in runs["reference"].traces.items():
            np.testing.assert_allclose(found.traces[key].values, trace.values, rtol=1e-12)
    with pytest.raises(UnsupportedError, match="several spikes in one step"):
        load_backend("brian2").run(realization, Settings(mode="lockstep"))
