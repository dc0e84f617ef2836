"""A voltage clamp: a point channel of the electrode's conductance, and a current for the command.

g·(V(t) - v) = -g·(v - V₀) + g·(V(t) - V₀): what a channel of reversal V₀ lets through and an input of g times
the command above V₀. Held at V a gate relaxes by x∞ + (x₀ - x∞)·e^{-t/τ} (Hodgkin & Huxley 1952).
"""

import math

import numpy as np
import pytest

from coincide.backends.registry import availability, load_backend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion
from coincide.core.discretisation import FixedSegments
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import StepInput
from coincide.core.kinetics import Gate
from coincide.core.morphology import ball_and_stick
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings

HOLD, COMMAND, START_MS = -65.0, -20.0, 1.0
# So few channels that the electrode does not notice them.
POTASSIUM = Channel(
    name="potassium",
    ion="k",
    conductance="1e-9 S/cm**2",
    gates=(
        Gate(
            name="n",
            power=4,
            alpha="0.1/exprel(-(v + 55*mV)/(10*mV))/ms",
            beta="0.125*exp(-(v + 65*mV)/(80*mV))/ms",
        ),
    ),
)
ELECTRODE = Channel(
    name="electrode", conductance="10 uS", reversal=f"{HOLD} mV", region="dend(0.5)"
)


def clamped() -> Experiment:
    cell = CableCell(
        name="clamped",
        morphology=ball_and_stick("20 um", "50 um", "2 um"),
        discretisation=FixedSegments(segments=1),
        channels=(POTASSIUM, ELECTRODE),
        ions=(Ion(name="k", reversal="-77 mV"),),
        v_initial=f"{HOLD} mV",
        spike_threshold=None,
    )
    return Experiment(
        name="voltage_clamp",
        populations=(Population(name="cell", model=cell, size=1),),
        inputs=(
            StepInput(
                name="command",
                population="cell",
                port="dend(0.5)",
                start=f"{START_MS} ms",
                amplitude=f"{1e4 * (COMMAND - HOLD)} pA",
            ),
        ),
        records=(Record(population="cell", variables=("v", "n_potassium"), at="dend(0.5)"),),
        duration="6 ms",
        dt="0.01 ms",
    )


def rates(v: float) -> tuple[float, float]:
    x = -(v + 55) / 10
    return 0.1 * x / math.expm1(x), 0.125 * math.exp(-(v + 65) / 80)


@pytest.mark.parametrize("backend", ["reference", "neuron", "brian2", "pymonntorch", "oracle"])
def test_a_gate_relaxes_by_its_exponential(backend: str) -> None:
    here = availability(backend)
    if not here.available:
        pytest.skip(f"{backend} cannot be used here: {here.cause}; {here.install}")
    found = load_backend(backend).run(realize(clamped()), Settings("aligned"))
    v, n = (found.traces["cell", name].values[:, 0] for name in ("v_dend", "n_potassium_dend"))
    times = np.arange(n.size) * 0.01
    (a0, b0), (a, b) = rates(HOLD), rates(COMMAND)
    start, end = a0 / (a0 + b0), a / (a + b)
    late = times > START_MS + 1.0
    expected = end + (start - end) * np.exp(-(a + b) * (times - START_MS))
    # The electrode charges the dendrite within 1e-3 ms, and the soma within 0.1 ms: then a current of nA
    # over 10 uS is left. A gate that is held over a step is late by it at most, 0.01 ms over τ = 1.6 ms.
    assert v[late] == pytest.approx(COMMAND, abs=0.01)
    assert n[late] == pytest.approx(expected[late], abs=0.01 / 1.6 * (end - start))
    assert abs(n[-1] - start) > 0.3
