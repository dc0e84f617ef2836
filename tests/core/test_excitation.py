"""Which projections inhibit: told by what an arrival does, not by what its receptor is called."""

import pytest

from coincide.core.excitation import inhibits
from coincide.core.experiment import Experiment
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.projections import OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import (
    AlphaConductance,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
    Receptor,
)
from coincide.models.library import load_model

LIF = NeuronModel(
    name="lif",
    equations="""
    dv/dt = (-60*mV - v)/(20*ms) + (I + g_own*(-80*mV - v))/C : mV
    dg_own/dt = -g_own/(5*ms) : nS
    I : pA (input)
    C : pF""",
    threshold="v > -50*mV",
    reset="v = -60*mV",
    parameters={"C": "200 pF"},
    initial={"v": "-60 mV"},
)


@pytest.mark.parametrize(
    ("receptor", "weight", "expected"),
    [
        (ExponentialConductance(tau="5 ms", reversal="0 mV"), "1 nS", False),
        (ExponentialConductance(tau="5 ms", reversal="-80 mV"), "1 nS", True),
        (AlphaConductance(tau="5 ms", reversal="-80 mV"), "1 nS", True),
        (
            DoubleExponentialConductance(tau_rise="1 ms", tau_decay="5 ms", reversal="-80 mV"),
            "1 nS",
            True,
        ),
        (ExponentialCurrent(tau="5 ms"), "-1 pA", True),
        (ExponentialCurrent(tau="5 ms"), "1 pA", False),
        (Delta(target="v"), "-1 mV", True),
        (Delta(target="g_own"), "1 nS", True),
        (
            CustomReceptor(
                equations="ds/dt = -s/(5*ms) : pA\nout = -s : pA", on_pre="s += w", current="out"
            ),
            "1 pA",
            True,
        ),
    ],
)
def test_an_arrival_says_it(receptor: Receptor, weight: str, expected: bool) -> None:
    described = Experiment(
        name="x",
        duration="1 ms",
        dt="0.1 ms",
        populations=(Population(name="c", size=2, model=LIF, receptors={"exc": receptor}),),
        projections=(
            Projection(
                name="p",
                source="c",
                target="c",
                receptor="exc",
                weight=weight,
                delay="1 ms",
                rule=OneToOne(),
            ),
        ),
    )
    (edges,) = (realization := realize(described)).edges
    assert inhibits(realization, edges) is expected


@pytest.mark.parametrize("name", ["coba_4000", "izhikevich_50", "cuba_4000"])
def test_what_comes_from_inhibitory_cells_inhibits(name: str) -> None:
    realization = realize(load_model(name))
    assert realization.edges
    for edges in realization.edges:
        assert inhibits(realization, edges) == (edges.source == "inh"), edges.name
