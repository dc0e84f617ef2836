"""The eight firing patterns of the adaptive exponential cell, at a usual step, on every backend.

Parameters: Naud, Marcille, Clopath & Gerstner 2008, Biol. Cybern. 99:335, Table 1. The number of spikes of
each pattern is the oracle's, and by halving dt the reference's too. A spike is late by up to a step for
itself and every one before it in its cell, as the clock contract brings spikes and resets to the grid.
The last pattern, irregular, is chaotic: runs at two steps part after some 70 ms, and only what lies before is
held against the oracle.
"""

import numpy as np
import pytest

from coincide.backends.registry import availability, load_backend
from coincide.core.experiment import Experiment
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.recording import Spikes
from coincide.core.settings import Settings
from coincide.core.values import Array

PATTERNS = {  #         C g_L  E_L    a tau_w  b  V_r   I
    "tonic": (200, 10, -70, 2, 30, 0, -58, 500),
    "adaptation": (200, 12, -70, 2, 300, 60, -58, 500),
    "initial burst": (130, 18, -58, 4, 150, 120, -50, 400),
    "regular bursting": (200, 10, -58, 2, 120, 100, -46, 210),
    "delayed accelerating": (200, 12, -70, -10, 300, 0, -58, 300),
    "delayed regular bursting": (100, 10, -65, -10, 90, 30, -47, 110),
    "transient": (100, 10, -65, 10, 90, 100, -47, 180),
    "irregular": (100, 12, -60, -11, 130, 30, -48, 160),
}
CHAOTIC_FROM_MS = {"irregular": 65.0}
UNITS = {
    "C": "pF",
    "g_L": "nS",
    "E_L": "mV",
    "a": "nS",
    "tau_w": "ms",
    "b": "pA",
    "V_r": "mV",
    "I": "pA",
}


def experiment(duration: float, dt: float = 0.02) -> Experiment:
    """One cell of each pattern."""
    columns = np.array(list(PATTERNS.values()), dtype=float).T.tolist()
    model = NeuronModel(
        name="AdEx",
        equations="""
        dv/dt = (g_L*(E_L - v) + g_L*2*mV*exp((v + 50*mV)/(2*mV)) - w_ad + I)/C : mV
        dw_ad/dt = (a*(v - E_L) - w_ad)/tau_w : pA
        """
        + "\n".join(f"{name} : {unit}" for name, unit in UNITS.items()),
        threshold="v > 0*mV",
        reset="v = V_r; w_ad = w_ad + b",
        parameters={name: f"1 {unit}" for name, unit in UNITS.items()},
        initial={"v": "E_L"},
    )
    values = {n: Array(c, UNITS[n]) for n, c in zip(UNITS, columns, strict=True)}
    cells = Population(name="cells", model=model, size=len(PATTERNS), parameters=values)
    return Experiment(
        name="patterns", populations=[cells], duration=f"{duration} ms", dt=f"{dt} ms"
    )


def spikes(backend: str, given: Experiment) -> Spikes:
    """The spikes of a run in aligned mode."""
    return load_backend(backend).run(realize(given), Settings("aligned")).spikes["cells"]


@pytest.fixture(scope="module")
def exact() -> dict[float, Spikes]:
    """The oracle's spikes by duration, computed once."""
    return {}


@pytest.mark.parametrize("backend", ["reference", "brian2", "neuron", "pymonntorch"])
@pytest.mark.parametrize("duration", [50.0, pytest.param(300.0, marks=pytest.mark.slow)])
def test_every_pattern_has_the_spikes_of_continuous_time(
    backend: str, duration: float, exact: dict[float, Spikes]
) -> None:
    here = availability(backend)
    if not here.available:
        pytest.skip(f"{backend} cannot be used here: {here.cause}; {here.install}")
    if duration not in exact:
        exact[duration] = spikes("oracle", experiment(duration))
    found = spikes(backend, experiment(duration))
    for k, name in enumerate(PATTERNS):
        own, true = (s.times[s.cells == k] for s in (found, exact[duration]))
        until = min(CHAOTIC_FROM_MS.get(name, duration), duration)
        own, true = own[own < until], true[true < until]
        assert own.size == true.size, (name, own, true)
        late = own - true
        steps = 0.02 * (1 + np.arange(true.size))
        # The number of late steps grows with the spikes; where a cell rests near its threshold, as between
        # bursts, a step of lateness becomes several.
        assert np.all(np.abs(late) < 4 * steps), (name, late / steps)


@pytest.mark.slow
def test_a_smaller_step_has_the_same_numbers_of_spikes() -> None:
    numbers = [
        np.bincount(spikes("reference", experiment(300.0, dt)).cells, minlength=8)[:7]
        for dt in (0.02, 0.01, 0.005)
    ]
    assert (numbers[0] == numbers[1]).all()
    assert (numbers[1] == numbers[2]).all()


@pytest.mark.parametrize(
    "threshold", ["v + 0*mV > 0*mV and w_ad < 1e6*pA", "not (v <= 0*mV)", "2*v > 0*mV"]
)
def test_a_reset_that_reads_the_upstroke_has_the_spikes_of_continuous_time(threshold: str) -> None:
    """Whatever the form of the threshold: the same five spikes, within the steps of the aligned run."""
    model = NeuronModel(
        name="adex",
        equations="""
            dv/dt = (10*nS*(-70*mV - v) + 20*nS*mV*exp((v + 50*mV)/(2*mV)) - w_ad + 500*pA)/(200*pF) : mV
            dw_ad/dt = (2*nS*(v + 70*mV) - w_ad)/(30*ms) : pA
        """,
        threshold=threshold,
        reset="v = v - 58*mV",
        initial={"v": "-70 mV"},
    )
    given = Experiment(
        name="x",
        populations=[Population(name="cells", model=model, size=1)],
        duration="60 ms",
        dt="0.02 ms",
    )
    exact, found = spikes("oracle", given), spikes("reference", given)
    assert len(exact) == len(found) == 5
    # An upstroke is a step late, and every interval begins with the one before.
    np.testing.assert_array_less(np.abs(found.times - exact.times), 0.02 * np.arange(1.5, 6))
