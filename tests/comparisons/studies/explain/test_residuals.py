"""One step of the contract from a run's own states: nothing is left where it obeys; sizes are told."""

from __future__ import annotations

import numpy as np
import pytest

import coincide as co
from coincide.backends.registry import is_installed, load_backend
from coincide.comparisons.checks.faults import realized, recorded
from coincide.comparisons.studies.explain.engine import explain_sides
from coincide.comparisons.studies.explain.hypothesis import Side
from coincide.comparisons.studies.explain.residuals import OwnStates, recorded_whole
from coincide.comparisons.studies.explain.sizes import simplest, sizes
from coincide.comparisons.studies.explain.trials import Trials
from coincide.core.program import METHODS
from coincide.core.settings import Settings

MODELS = ("lif_10", "lif_80", "izhikevich_50", "hh_squid")


def whole(name, duration="40 ms"):
    model = recorded_whole(co.realize(co.load_model(name).with_(duration=duration)))
    assert model is not None
    return model


def own_states(model, method, backend="reference", **settings):
    recording = load_backend(backend).run(model, Settings("lockstep", method, **settings))
    return OwnStates(model, method, recording)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MODELS)
def test_the_reference_leaves_nothing(name, method):
    model = whole(name)
    own = own_states(model, method)
    spikes = sum(int(s.spiked.sum()) for s in own.step(model).values())
    assert spikes > 0
    assert own.left(model) == 0
    assert own.between(100, 250).left(model) == 0


@pytest.mark.skipif(not is_installed("neuron"), reason="NEURON is not installed")
def test_a_simulator_that_obeys_leaves_nothing():
    model = whole("lif_10")
    assert own_states(model, "euler", "neuron").left(model) == 0


def test_another_scheme_leaves_every_step_that_moves():
    model = whole("hh_squid")
    own = OwnStates(
        model, "rk4", load_backend("reference").run(model, Settings("lockstep", "euler"))
    )
    (stepped,) = own.step(model).values()
    assert stepped.off.mean() > 0.9


def test_what_is_wrong_at_arrivals_alone_is_off_there_alone():
    """Half a weight: off in the steps in which a spike of the run's own arrives, in no other."""
    model = whole("lif_10", duration="60 ms")
    lighter = realized.weight_factor(0.5)(model)
    recording = load_backend("reference").run(lighter, Settings("lockstep"))
    own = OwnStates(model, "exponential_euler", recording)
    (stepped,) = own.step(model).values()
    (edges,) = model.edges
    spikes = recording.spikes["cells"]
    sent = np.rint(spikes.times / model.dt_ms).astype(int)
    delays = np.broadcast_to(edges.delay_steps, len(edges))
    due = np.zeros(stepped.off.shape, dtype=bool)
    for step, cell in zip(sent, spikes.cells, strict=True):
        for k in range(edges.starts[cell], edges.starts[cell + 1]):
            if step + delays[k] <= model.n_steps:
                due[step + delays[k] - 1, edges.post[k]] = True
    assert stepped.off.any()
    assert not (stepped.off & ~due).any()
    assert own.left(lighter) == 0


def test_the_threshold_lies_between_silence_and_spike():
    model = whole("lif_10", duration="60 ms")
    higher = realized.parameter("v_threshold", lambda v: v + 0.37)(model)
    own = OwnStates(
        model, "exponential_euler", load_backend("reference").run(higher, Settings("lockstep"))
    )
    (stepped,) = own.step(model).values()
    low, high = stepped.bracket
    assert low < 0.37 < high
    assert high - low < 0.2
    assert not stepped.off.any()
    assert stepped.odd.any()


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.68, 0.74, 0.7),
        (-0.32, -0.29, -0.3),
        (2.9, 3.4, 3.0),
        (0.123, 0.1239, 0.123),
        (8.0, 14.0, 10.0),
    ],
)
def test_the_simplest_number_of_a_bracket(low, high, found):
    assert simplest(low, high) == pytest.approx(found)


def test_what_is_too_large_or_plastic_is_not_looked_at():
    assert recorded_whole(co.realize(co.load_model("lif_80").with_(duration="10 s"))) is None
    experiment = co.load_model("lif_10")
    plastic = co.TsodyksMarkram(U=0.5, tau_rec="100 ms")
    projections = [experiment.projections[0].model_copy(update={"plasticity": plastic})]
    model = co.realize(experiment.with_(projections=[p.model_dump() for p in projections]))
    assert recorded_whole(model) is None


SIZES = (
    ("lif_10", realized.parameter("v_threshold", lambda v: v + 0.8), "0.8 mV higher"),
    ("lif_10", realized.parameter("v_threshold", lambda v: v - 0.25), "mV lower"),
    ("lif_10", realized.delays_by(7), "delivers the spikes of coupling 7 steps late"),
    ("lif_10", realized.refractory_by(lambda n: n - 7), "refractory for 7 steps less"),
    ("lif_10", realized.refractory_by(lambda n: n + 11), "refractory for 11 steps more"),
    ("lif_10", recorded.stamps_by(13), "stamps every spike 13 steps (1.3 ms) late"),
    ("izhikevich_50", realized.input_by(7), "changes the inputs 7 steps late"),
    ("izhikevich_50", realized.input_by(-3), "changes the inputs 3 steps early"),
)


@pytest.mark.skipif(not is_installed("brian2"), reason="Brian2 is not installed")
@pytest.mark.parametrize(("name", "change", "words"), SIZES)
def test_sizes_that_nobody_tries_are_told(name, change, words):
    """Brian2 with a mistake of a size that is in no list, held against another that has none."""
    model = co.realize(co.load_model(name).with_(duration="60 ms"))

    def here(side: Side):
        backend, bad = load_backend(side.backend), side.label == "bad"
        if change.__module__ == recorded.__name__:
            found = backend.run(side.realization, side.settings)
            return change(found) if bad else found
        return backend.run(change(side.realization) if bad else side.realization, side.settings)

    bad = Side("bad", "brian2", Settings("lockstep", target="numpy"), model)
    good = Side("good", "reference", Settings("lockstep"), model)
    found = explain_sides(bad, good, Trials(perform=here), (sizes,))
    (cause,) = found.causes
    assert cause.side == "bad"
    assert words in cause.hypothesis.words
    assert found.verdict == "explained"
    # The pair, every state of the bad one, the contract with the mistake; and the cell of the divergence.
    assert len(found.runs) <= 7
