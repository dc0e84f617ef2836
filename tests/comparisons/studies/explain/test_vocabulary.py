"""The words of explaining: causes, hypotheses, and the number that says how far two recordings disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coincide.backends.conventions import Convention
from coincide.backends.registry import entries, is_installed, load_backend
from coincide.comparisons.studies.explain.causes import CAUSES, MEANING
from coincide.comparisons.studies.explain.hypothesis import (
    Hypothesis,
    Side,
    apply_all,
    undo,
    with_model,
    with_recording,
)
from coincide.comparisons.studies.explain.measure import disagreement, share_removed
from coincide.comparisons.studies.explain.words import percent
from coincide.core.recording import Recording, Spikes, Trace
from coincide.core.settings import Settings


def test_every_cause_says_what_it_is():
    assert set(MEANING) == set(CAUSES)
    assert len(CAUSES) == 18


@pytest.mark.parametrize("name", [n for n in entries() if is_installed(n)])
def test_every_convention_of_every_backend_has_a_cause(name):
    causes = {c.name: c.cause for c in load_backend(name).conventions}
    assert "unexplained" not in causes.values(), causes


def test_a_convention_nobody_knows_is_not_given_a_cause_it_may_not_have():
    assert Convention("colour_of_the_cell", "…", "…").cause == "unexplained"
    assert Convention("saturation", "…", "…").cause == "saturation"
    assert Convention("refractory_arrivals", "…", "…").cause == "refractory_count"
    assert Convention("refractory_arrivals", "…", "…", "lost_spikes").cause == "lost_spikes"


def recording(times, cells, values=None, dt=0.1, n=1000):
    traces = {}
    if values is not None:
        traces["p", "v"] = Trace(values, np.array([0], np.int32), "mV", 0.0, dt)
    return Recording(n * dt, dt, {"p": Spikes.sorted(times, cells)}, traces, {"p": 4})


@pytest.fixture
def one():
    rng = np.random.default_rng(1)
    steps = np.sort(rng.choice(1000, 200, replace=False))
    return recording(steps * 0.1, rng.integers(0, 4, 200), rng.normal(size=(1001, 1)))


def test_equal_recordings_do_not_disagree(one):
    found = disagreement(one, one)
    assert found.total == 0
    assert found.settled
    assert found.matched_spikes == found.n_spikes == 200


def test_round_off_is_no_disagreement(one):
    trace = one.traces["p", "v"]
    other = replace(one, traces={("p", "v"): replace(trace, values=trace.values * (1 + 1e-13))})
    found = disagreement(one, other)
    assert found.total == 0
    assert found.verdict == "round-off"


def test_a_shift_of_one_step_is_a_tenth_of_the_window(one):
    spikes = one.spikes["p"]
    late = replace(one, spikes={"p": Spikes(spikes.times + 0.1, spikes.cells)}, traces={})
    found = disagreement(replace(one, traces={}), late)
    assert found.total == pytest.approx(0.1)  # 0.1 ms of 1 ms
    assert found.traces is None


def test_unrelated_traces_are_as_far_apart_as_can_be():
    rng = np.random.default_rng(2)
    a, b = (recording([], [], rng.normal(size=(1001, 1))) for _ in range(2))
    # √(E (x - y)²/(var x + var y)) is 1; of 1001 samples its standard error is about 0.02.
    assert disagreement(a, b).total == pytest.approx(1.0, abs=0.08)


def test_spikes_of_one_alone_and_a_missing_tail_count_whole(one):
    silent = recording([], [], one.traces["p", "v"].values[:501])
    found = disagreement(one, silent)
    assert found.spikes == 1.0
    assert found.traces == pytest.approx(500 / 1001)


def test_nan_counts_as_far_apart_as_can_be(one):
    values = one.traces["p", "v"].values.copy()
    values[500:] = np.nan
    trace = replace(one.traces["p", "v"], values=values)
    found = disagreement(one, replace(one, traces={("p", "v"): trace}))
    assert found.traces == pytest.approx(501 / 1001)
    assert found.verdict == "different"


def test_the_share_removed_is_relative_and_may_be_negative(one):
    spikes = one.spikes["p"]

    def shifted(by):
        moved = Spikes(spikes.times + by, spikes.cells)
        return disagreement(one, replace(one, spikes={"p": moved}))

    assert share_removed(shifted(0.2), shifted(0.0)) == 1.0
    assert share_removed(shifted(0.2), shifted(0.4)) < 0 < share_removed(shifted(0.2), shifted(0.1))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (-1e-5, "0 %"),
        (-0.02, "−2 %"),
        (1e-9, "<0.1 %"),
        (0.021, "2.1 %"),
        (0.344, "34 %"),
        (0.9999, "99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_written_so_that_nothing_looks_like_nothing_or_all(share, text):
    assert percent(share) == text


def test_changes_of_sides_compose(one):
    a, b = Side("a", "brian2", Settings("raw")), Side("b", "neuron", Settings("raw"))
    seen = []

    def model(realization):
        seen.append(realization)
        return realization

    hypotheses = [
        Hypothesis("spike_stamp", "a.spike_stamp", "…", "a", undo("spike_stamp")),
        Hypothesis("refractory_count", "a.refractory_count", "…", "a", undo("refractory_count")),
        Hypothesis("recording_grid", "b.shift", "…", "b", with_recording(lambda r: r)),
        Hypothesis("parameter", "both", "…", "both", with_model(model)),
    ]
    changed_a, changed_b = apply_all(hypotheses, a, b)
    assert changed_a.settings.undone == ("refractory_count", "spike_stamp")
    assert changed_b.settings == b.settings
    assert len(changed_b.transforms) == 1
    assert a.settings.undone is None
    assert not seen
