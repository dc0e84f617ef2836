"""What `diff --explain` finds in recordings from elsewhere, without knowing a step, in either order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import coincide as co
from coincide.comparisons.studies.explain.explanation import Explanation
from coincide.core.recording import Recording, Spikes, Trace


def network(n_cells: int = 12, rate_hz: float = 15.0, seed: int = 4, digits: int = 3) -> Recording:
    """Irregular spikes of 2 s, written with some decimals, as in files."""
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(2.0, 1000 / rate_hz / 2, (n_cells, 60)) + 2.0
    times = np.round(np.cumsum(gaps, axis=1), digits)
    cells = np.broadcast_to(np.arange(n_cells)[:, None], times.shape)
    inside = times < 2000
    return with_spikes(times[inside], cells[inside])


def with_spikes(times: np.ndarray, cells: np.ndarray) -> Recording:
    spikes = Spikes.sorted(times, cells)
    last = float(spikes.times[-1]) if len(spikes) else 0.0
    return Recording(last, 0.001, {"cells": spikes}, {}, {"cells": int(cells.max()) + 1})


def changed(recording: Recording, change) -> Recording:
    spikes = recording.spikes["cells"]
    return with_spikes(*change(spikes.times.copy(), spikes.cells.copy()))


def explained(a: Recording, b: Recording) -> Explanation:
    found = co.diff(a, b, explain=True).explanation
    assert found is not None
    return found


HEALTHY = network()
RNG = np.random.default_rng(8)
ORDER = RNG.permutation(12)

CASES = {
    "late": (lambda t, c: (t + 0.1, c), "spike_stamp", "0.1 ms"),
    "late by no step": (lambda t, c: (t + 0.0374, c), "spike_stamp", "0.0374 ms"),
    "far": (lambda t, c: (t + 250.0, c), "spike_stamp", "250 ms"),
    "seconds": (lambda t, c: (t / 1000, c), "parameter", "1000 times"),
    "microseconds": (lambda t, c: (t * 1000, c), "parameter", "1000 times"),
    "slow clock": (lambda t, c: (np.round(t * 1.02, 3), c), "parameter", "ms a second"),
    "drift": (lambda t, c: (np.round(t * 1.0001 + 3.0, 3), c), "parameter", "ms a second"),
    "from one": (lambda t, c: (t, c + 1), "cell_ids", "--ids-from 1"),
    "from the end": (lambda t, c: (t, 11 - c), "cell_ids", "from the end"),
    "in another order": (lambda t, c: (t, ORDER[c]), "cell_ids", "in another order"),
    "no head": (lambda t, c: (t[t > 700], c[t > 700]), "recording_grid", "the first"),
    "no tail": (lambda t, c: (t[t < 1500], c[t < 1500]), "recording_grid", "the last"),
    "short head": (lambda t, c: (t[t > 60], c[t > 60]), "lost_spikes", "its head is missing"),
    "a gap": (
        lambda t, c: (t[(t < 500) | (t > 580)], c[(t < 500) | (t > 580)]),
        "lost_spikes",
        "in which it has none",
    ),
    "cells missing": (lambda t, c: (t[c > 2], c[c > 2]), "lost_spikes", "3 cells"),
    "every third lost": (
        lambda t, c: (t[np.arange(1, t.size + 1) % 3 != 0], c[np.arange(1, t.size + 1) % 3 != 0]),
        "lost_spikes",
        "every 3rd",
    ),
    "some lost": (lambda t, c: (t[RNG_KEPT], c[RNG_KEPT]), "lost_spikes", "no rule was found"),
    "doublets": (
        lambda t, c: (np.r_[t, t[::3] + 0.1], np.r_[c, c[::3]]),
        "lost_spikes",
        "doublets, each 0.1 ms after",
    ),
    "on a grid": (
        lambda t, c: (np.round(np.round(t / 0.1) * 0.1, 6), c),
        "rounding",
        "rounded to 0.1 ms",
    ),
    "32 bit": (lambda t, c: (t.astype(np.float32).astype(float), c), "precision", "32-bit"),
    "jitter": (
        lambda t, c: (t + np.random.default_rng(3).normal(0, 0.05, t.size), c),
        "spike_stamp",
        "jitter of 0.05",
    ),
}
RNG_KEPT = np.random.default_rng(9).random(len(HEALTHY.spikes["cells"])) > 0.2
RELATIVE = {"lost_spikes", "recording_grid", "rounding", "precision"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("turned", [False, True])
def test_one_thing_is_named_with_its_numbers(name: str, turned: bool) -> None:
    change, cause, words = CASES[name]
    strange = changed(HEALTHY, change)
    found = explained(HEALTHY, strange) if turned else explained(strange, HEALTHY)
    assert [f.cause for f in found.causes] == [cause]
    assert words in found.causes[0].hypothesis.words
    assert found.after.settled, found.after
    assert found.unexplained == 0
    assert not found.runs
    if cause in RELATIVE:  # whichever stands first, the same one is named
        side = "b" if turned else "a"
        wrong = side if name != "doublets" else {"a": "b", "b": "a"}[side]
        assert found.causes[0].side == wrong


def test_doublets_are_not_called_a_loss_of_every_second_spike() -> None:
    strange = changed(HEALTHY, CASES["doublets"][0])
    for pair in ((HEALTHY, strange), (strange, HEALTHY)):
        text = repr(explained(*pair))
        assert "every 2" not in text
        assert "doublets" in text


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("from one", "late"), ("--ids-from 1", "0.1 ms")),
        (("seconds", "from one"), ("--ids-from 1", "1000 times smaller")),
        (("in another order", "far"), ("in another order", "250 ms late")),
        (("late", "no tail"), ("0.1 ms", "the last")),
    ],
)
def test_two_things_at_once_are_both_named(names: tuple[str, str], words: tuple[str, str]) -> None:
    strange = HEALTHY
    for name in names:
        strange = changed(strange, CASES[name][0])
    found = explained(strange, HEALTHY)
    said = "; ".join(f.hypothesis.words for f in found.causes)
    assert all(word in said for word in words)
    assert found.after.settled


def test_unrelated_recordings_are_unexplained_and_said_to_be() -> None:
    other = network(seed=77)
    for pair in ((HEALTHY, other), (other, HEALTHY)):
        found = explained(*pair)
        assert not found.causes
        assert found.unexplained > 0.99
        assert "unexplained" in repr(found).lower()
    # As many spikes a cell do not make them the same spikes.
    shuffled = changed(HEALTHY, lambda t, c: (np.random.default_rng(2).permutation(t), c))
    assert not explained(shuffled, HEALTHY).causes


def test_equal_recordings_have_nothing_to_explain() -> None:
    assert not explained(HEALTHY, HEALTHY).causes


# --- traces -------------------------------------------------------------------------------------


def samples(values: np.ndarray, start: float = 0.0, dt: float = 0.1) -> Recording:
    trace = Trace(values, np.arange(values.shape[1], dtype=np.int32), "mV", start, dt)
    end = start + dt * (values.shape[0] - 1)
    return Recording(end, dt, {}, {("cells", "v"): trace}, {"cells": values.shape[1]})


V = -65 + np.cumsum(np.random.default_rng(5).normal(0, 0.3, (600, 2)), axis=0)

TRACES = {
    "volts as mV": (samples(V * 1e-3), "parameter", "0.001 times as large"),
    "another zero": (samples(V + 65), "parameter", "+65 mV"),
    "gain and offset": (samples(1.5 * V - 10), "parameter", "1.5 times as large"),
    "late by many": (
        samples(np.r_[np.repeat(V[:1], 37, 0), V[:-37]]),
        "recording_grid",
        "37 steps (3.7 ms)",
    ),
    "late clock": (samples(V, start=4.0), "recording_grid", "4 ms late"),
    "seconds": (samples(V, dt=1e-4), "recording_grid", "0.001 times as large"),
    "no head": (samples(V[100:], start=10.0), "recording_grid", "the first 10 ms"),
    "no tail": (samples(V[:-100]), "recording_grid", "the last 10 ms"),
    "32 bit": (samples(V.astype(np.float32).astype(float)), "precision", "32-bit"),
}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("turned", [False, True])
def test_samples_are_explained(name: str, turned: bool) -> None:
    strange, cause, words = TRACES[name]
    found = explained(samples(V), strange) if turned else explained(strange, samples(V))
    assert [f.cause for f in found.causes] == [cause]
    if not turned:
        assert words in found.causes[0].hypothesis.words
    assert found.after.settled, found.after


def test_the_command_says_it_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from coincide.comparisons.cli import main

    def write(name: str, recording: Recording) -> str:
        spikes = recording.spikes["cells"]
        rows = zip(spikes.times.tolist(), spikes.cells.tolist(), strict=True)
        path = tmp_path / name
        path.write_text("time,cell\n" + "".join(f"{t!r},{c}\n" for t, c in rows))
        return str(path)

    ours = write("ours.csv", HEALTHY)
    theirs = write("theirs.csv", changed(HEALTHY, CASES["from one"][0]))
    assert main(["diff", ours, theirs, "--explain"]) == 0
    out = capsys.readouterr().out
    for word in ("different", "cell_ids", "--ids-from 1", "assumed", "Hz", "Nothing was run"):
        assert word in out
    assert main(["diff", ours, theirs, "--ids-from-b", "1", "--expect", "identical"]) == 0
    assert main(["diff", ours, theirs, "--expect", "close"]) == 1
