"""Whether a convention acts on a model, held against what the simulator does with and without it."""

from __future__ import annotations

import numpy as np
import pytest

from coincide.backends.registry import is_installed, load_backend
from coincide.comparisons.studies.explain.engine import explain_sides
from coincide.comparisons.studies.explain.explaining import sides_of
from coincide.comparisons.studies.explain.trials import Trials
from coincide.core.cable import CableCell
from coincide.core.channels import Channel
from coincide.core.experiment import Experiment, Record
from coincide.core.morphology import cylinder
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.settings import Settings

brian2 = pytest.mark.skipif(not is_installed("brian2"), reason="Brian2 is not installed")
neuron = pytest.mark.skipif(not is_installed("neuron"), reason="NEURON is not installed")

LEAKY = NeuronModel(name="leaky", equations="dv/dt = (20*mV - v)/(10*ms) : mV")
QUADRATIC = NeuronModel(
    name="quadratic",
    equations="dv/dt = (v**2/mV + 20*mV)/(10*ms) : mV",
    threshold="v > 30*mV",
    reset="v = -10*mV",
)
SMOOTH = NeuronModel(name="smooth", equations="dv/dt = 20*mV/(10*ms)*cos(v/(20*mV)) : mV")
COUPLED = NeuronModel(
    name="coupled",
    equations="dv/dt = (1 - u)*(20*mV - v)/(10*ms) : mV\ndu/dt = -u/(5*ms) : 1",
    initial={"u": "0.9"},
)
CYLINDER = CableCell(
    name="passive",
    morphology=cylinder("20 um", "20 um"),
    channels=(Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV"),),
    v_initial="-50 mV",
)


def drawn(
    model: NeuronModel | CableCell, records: tuple[str, ...] = ("v",), **more: str
) -> Realization:
    return realize(
        Experiment(
            name="x",
            populations=(Population(name="c", model=model, size=1),),
            records=(Record(population="c", variables=records),),
            **({"duration": "10 ms", "dt": "0.1 ms"} | more),  # type: ignore[arg-type]
        )
    )


@neuron
@pytest.mark.parametrize(
    "model",
    [
        LEAKY,
        QUADRATIC,
        *(pytest.param(m, marks=pytest.mark.slow) for m in (SMOOTH, COUPLED, CYLINDER)),
    ],
    ids=["leaky", "quadratic", "smooth", "coupled", "cable"],
)
def test_neurons_integrator_acts_where_it_is_said_to(model: NeuronModel | CableCell) -> None:
    """On Sections, and on point neurons too whose equations are not linear in their own variable."""
    realization, backend = drawn(model), load_backend("neuron")
    (integrator,) = (c for c in backend.conventions if c.name == "integrator")
    others = tuple(c.name for c in backend.conventions if c is not integrator)
    runs = [
        backend.run(realization, Settings("raw", undone=undone))
        for undone in (others, (*others, "integrator"))
    ]
    theirs, ours = (run.traces["c", "v"].values for run in runs)
    apart = float(np.max(np.abs(theirs - ours)))
    assert (apart > 1e-6) == (model is not LEAKY)
    assert (apart > 1e-6) == integrator.acts_on(realization, Settings("raw"))


@brian2
@pytest.mark.parametrize("turned", [False, True])
def test_a_copy_that_brian2_makes_an_alias_is_named(turned: bool) -> None:
    """``r = x; x *= 0.5`` leaves r as x was before, 1: by Brian2's NumPy target both are 0.5."""
    model = NeuronModel(
        name="copying",
        equations="dv/dt = 1/ms : 1\ndx/dt = 0/ms : 1\ndr/dt = 0/ms : 1",
        threshold="v > 1",
        reset="v = 0; r = x; x *= 0.5",
        initial={"x": "1"},
    )
    realization = drawn(model, ("r", "x"), duration="1.5 ms")
    names = ["reference", "brian2"] if turned else ["brian2", "reference"]
    a, b = sides_of(realization, names, "raw", {"target": "numpy"})
    here = Trials(perform=lambda s: load_backend(s.backend).run(s.realization, s.settings))
    found = explain_sides(a, b, here, model="copying")
    assert found.after.settled, found.in_words
    (alias,) = [f for f in found.causes if f.name == "aliased_copies"]
    assert alias.side == "brian2"
    assert alias.cause == "non_convergent"
    assert alias.share > 0
