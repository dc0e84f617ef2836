"""Explaining a pair: what is planted is found, what is not there is not, within the budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import coincide as co
from coincide.backends.registry import load_backend
from coincide.comparisons.studies.explain.engine import Situation, explain_sides
from coincide.comparisons.studies.explain.explanation import Explanation
from coincide.comparisons.studies.explain.hypothesis import (
    Hypothesis,
    Side,
    with_model,
    with_recording,
)
from coincide.comparisons.studies.explain.trials import Trials
from coincide.core.realize import realize
from coincide.core.recording import Recording, Spikes
from coincide.core.settings import Settings
from coincide.models.library import load_model

LIF = load_model("lif_80").with_(duration="60 ms")


@pytest.fixture(scope="module")
def realization():
    return realize(LIF)


def here(side: Side) -> Recording:
    """The reference in this process."""
    return load_backend(side.backend).run(side.realization, side.settings)


def with_delays(realization, by):
    return replace(
        realization,
        edges=tuple(replace(e, delay_steps=e.delay_steps + by) for e in realization.edges),
    )


def with_weights(realization, factor):
    return replace(
        realization, edges=tuple(replace(e, weight=e.weight * factor) for e in realization.edges)
    )


def pair(realization, fault=lambda r: r, **settings):
    a = Side("one", "reference", Settings(**settings), fault(realization))
    return a, Side("other", "reference", Settings(), realization)


def proposing(*hypotheses):
    def propose(situation: Situation):
        assert situation.runs_left >= 0
        return hypotheses

    return propose


LONGER = Hypothesis(
    "delivery_order",
    "delays",
    "has delays one step longer",
    "a",
    with_model(lambda r: with_delays(r, -1)),
    prior=0.3,
)
STRONGER = Hypothesis(
    "parameter",
    "weights",
    "has weights 1.5 times as large",
    "a",
    with_model(lambda r: with_weights(r, 1 / 1.5)),
    prior=0.6,
    factor=1.5,
)


def test_two_that_agree_need_no_explanation_and_two_runs(realization):
    trials = Trials(perform=here)
    a, b = pair(realization)
    found = explain_sides(a, b, trials, model="lif_80")
    # One run: both sides are the same run.
    assert len(trials.done) == 1
    assert found.causes == ()
    assert found.unexplained == 0
    assert "nothing to explain" in found.in_words


def test_a_planted_cause_is_named_and_what_is_not_there_is_not(realization):
    a, b = pair(realization, lambda r: with_delays(r, 1))
    trials = Trials(perform=here)
    found = explain_sides(a, b, trials, [proposing(STRONGER, LONGER)])
    assert [f.name for f in found.causes] == ["delays"]
    assert found.causes[0].share == 1.0
    assert found.after.settled
    assert found.unexplained == 0
    assert len(found.runs) <= found.budget
    ids = {trial.id for trial in found.runs}
    assert {found.causes[0].run, found.causes[0].left_in} <= ids


def test_two_planted_causes_are_both_named(realization):
    a, b = pair(realization, lambda r: with_weights(with_delays(r, 1), 1.5))
    found = explain_sides(a, b, Trials(perform=here), [proposing(LONGER, STRONGER)])
    assert {f.name for f in found.causes} == {"delays", "weights"}
    assert sum(f.share for f in found.causes) == pytest.approx(1.0)
    assert found.of_cause("parameter") > 0
    assert found.after.settled


def test_what_nothing_removes_is_said_loudly(realization):
    a, b = pair(realization, lambda r: with_delays(r, 1))
    found = explain_sides(a, b, Trials(perform=here), [proposing(STRONGER)])
    assert found.causes == ()
    assert found.unexplained == 1.0
    assert "UNEXPLAINED" in found.in_words
    assert found.shares() == {"unexplained": 1.0}


def test_another_scheme_is_an_integrator(realization):
    a = Side("rk4", "reference", Settings("aligned", method="rk4"), realization)
    b = Side("euler", "reference", Settings("aligned", method="euler"), realization)
    found = explain_sides(a, b, Trials(perform=here))
    assert [f.cause for f in found.causes] == ["integrator"]
    assert found.after.verdict == "identical"


def lorenz(duration: str):
    """Lorenz's equations, Lyapunov exponent 0.906/ms here: 10⁻¹² grows to 1 in some 30 ms."""
    model = co.NeuronModel(
        name="lorenz",
        equations="""
            dx/dt = 10*(y - x)/tau : 1
            dy/dt = (x*(28 - z) - y)/tau : 1
            dz/dt = (x*y - 8*z/3)/tau : 1
            tau : ms
        """,
        parameters={"tau": "1 ms"},
        initial={"x": "1", "y": "1", "z": "20"},
    )
    return co.Experiment(
        name="lorenz",
        populations=[co.Population(name="p", model=model, size=1)],
        records=[co.Record(population="p", variables=["x"])],
        duration=duration,
        dt="0.01 ms",
    )


def with_x(realization, by):
    population = realization.populations["p"]
    initial = {**population.initial, "x": population.initial["x"] * (1 + by)}
    return replace(realization, populations={"p": replace(population, initial=initial)})


@pytest.mark.parametrize(("duration", "cause"), [("60 ms", "chaos"), ("10 ms", "unexplained")])
def test_chaos_is_told_from_what_is_unexplained(duration, cause):
    """A difference of 10⁻¹² that nobody removes is chaos once it has grown, and is not if it was large."""
    realization = realize(lorenz(duration))
    small = 1e-12 if cause == "chaos" else 1e-3
    a = Side("one", "reference", Settings(method="rk4"), with_x(realization, small))
    b = Side("other", "reference", Settings(method="rk4"), realization)
    found = explain_sides(a, b, Trials(perform=here))
    assert found.shares() == {cause: pytest.approx(1.0)}
    assert ("UNEXPLAINED" in found.in_words) == (cause == "unexplained")


def test_no_more_runs_than_the_budget(realization):
    a, b = pair(realization, lambda r: with_weights(with_delays(r, 1), 1.5))
    for budget in (2, 3, 4):
        trials = Trials(budget, perform=here)
        found = explain_sides(a, b, trials, [proposing(LONGER, STRONGER)])
        assert len(found.runs) <= budget
        if budget == 2:
            assert found.causes == ()
            assert "UNEXPLAINED" in found.in_words


def test_a_recording_from_elsewhere_is_explained_without_running(realization):
    healthy = here(Side("", "reference", Settings(), realization))
    late = replace(
        healthy, spikes={n: Spikes(s.times + 0.1, s.cells) for n, s in healthy.spikes.items()}
    )

    def earlier(recording: Recording) -> Recording:
        return replace(
            recording,
            spikes={n: Spikes(s.times - 0.1, s.cells) for n, s in recording.spikes.items()},
        )

    shift = Hypothesis("spike_stamp", "shift", "stamps late", "a", with_recording(earlier))
    a, b = Side("file", given=late), Side("other file", given=healthy)
    found = explain_sides(a, b, Trials(), [proposing(shift)])
    assert [f.cause for f in found.causes] == ["spike_stamp"]
    assert found.runs == ()


def test_the_first_divergence_names_the_cell_and_what_reached_it(realization):
    k = next(i for i, e in enumerate(realization.edges) if e.source == "input_exc")

    def dropped(r):
        """The first input of one cell that is not recorded arrives nowhere."""
        edges = list(r.edges)
        first = r.sources["input_exc"].cells[r.sources["input_exc"].cells > 10][0]
        keep = edges[k].pre != first
        edges[k] = replace(
            edges[k],
            pre=edges[k].pre[keep],
            post=edges[k].post[keep],
            **{
                name: np.asarray(value)[keep] if np.ndim(value) else value
                for name in ("weight", "delay_steps", "delay_ms")
                for value in [getattr(edges[k], name)]
            },
        )
        return replace(r, edges=tuple(edges))

    lost = realization.sources["input_exc"].cells
    lost = int(lost[lost > 10][0])
    a, b = pair(realization, dropped)
    trials = Trials(perform=here)
    found: Explanation = explain_sides(a, b, trials)
    place = found.divergence.place
    assert (place.population, place.cell) == ("exc", lost)
    only = [e for e in found.divergence.events if e.kind == "arrival" and e.source == "input_exc"]
    assert {e.side for e in only} == {"other"}
    assert {e.cell for e in only} == {lost}
    assert f"cell {lost} of input_exc" in found.divergence.in_words
    # What its input makes of the current parts first; v is still far below threshold then.
    assert place.variable == "current_exc"
    assert all(
        c.margin is not None and c.margin_at(place.time_ms) > 1 for c in found.divergence.courses
    )
    # Recording another cell changed nothing else.
    assert set(found.divergence.runs).isdisjoint({trials.id(a), trials.id(b)})
    for run, side in zip(found.divergence.runs, (a, b), strict=True):
        again = next(k for k, t in trials.done.items() if t.id == run)
        for name, spikes in trials.need(side).spikes.items():
            assert np.array_equal(trials._recordings[again].spikes[name].times, spikes.times)
