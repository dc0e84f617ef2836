"""Verdicts on recordings whose differences are known."""

from dataclasses import replace

import numpy as np
import pytest

from coincide.comparisons.compare import compare_recordings
from coincide.comparisons.foreign import same_names
from coincide.core.errors import InputError
from coincide.core.recording import Recording, Spikes, Trace

DT = 0.1


def _recording(times, cells, values=None) -> Recording:
    if values is None:
        values = np.sin(np.arange(101) * 0.1)[:, None] * 10 - 60
    trace = Trace(np.asarray(values, dtype=float), np.array([0], np.int32), "mV", 0.0, DT)
    return Recording(
        10.0, DT, {"cells": Spikes.sorted(times, cells)}, {("cells", "v"): trace}, {"cells": 3}
    )


TIMES, CELLS = np.array([1.0, 2.5, 7.0]), np.array([0, 2, 1])


def _pair(a: Recording, b: Recording, tolerance: float = DT):
    return compare_recordings(a, b, ("a", "b"), tolerance)


def test_equal_bits_are_identical() -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES, CELLS))
    assert pair.verdict == "identical"
    assert pair.agree_until_ms is None


def test_round_off_in_traces_and_times() -> None:
    a = _recording(TIMES, CELLS)
    values = a.traces["cells", "v"].values * (1 + 1e-14)
    b = _recording(TIMES * (1 + 1e-15), CELLS, values)
    pair = _pair(a, b)
    assert pair.verdict == "round-off"
    assert pair.agree_until_ms is None


@pytest.mark.parametrize(
    ("shift", "verdict"), [(DT, "close"), (-DT, "close"), (2 * DT, "different")]
)
def test_a_shift_of_one_step_is_close(shift: float, verdict: str) -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES + np.array([0, shift, 0]), CELLS))
    assert pair.verdict == verdict
    first = pair.spikes[0].first_mismatch_ms
    assert first == pytest.approx(min(2.5, 2.5 + shift), abs=1e-9)
    assert pair.agree_until_ms == first


def test_a_spike_of_another_cell_is_different() -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES, [0, 1, 1]))
    row = pair.spikes[0]
    assert pair.verdict == "different"
    assert (row.matched, row.missing, row.extra) == (2, 1, 1)


def test_a_trace_beyond_round_off_is_not_round_off() -> None:
    a = _recording(TIMES, CELLS)
    values = a.traces["cells", "v"].values.copy()
    values[40:] += 1e-6
    pair = _pair(a, _recording(TIMES, CELLS, values))
    assert pair.verdict == "close"
    assert pair.traces[0].first_divergence == {"t_ms": pytest.approx(4.0), "cell": 0}
    assert pair.agree_until_ms == pytest.approx(4.0)


def test_a_missing_tail_is_never_round_off() -> None:
    a = _recording(TIMES, CELLS)
    trace = a.traces["cells", "v"]
    short = replace(a, traces={("cells", "v"): replace(trace, values=trace.values[:-5])})
    pair = _pair(a, short)
    assert pair.traces[0].n_missing == 5
    assert pair.verdict == "close"


@pytest.mark.parametrize(("factor", "verdict"), [(1.0005, "close"), (1.2, "different")])
def test_without_spikes_traces_decide(factor: float, verdict: str) -> None:
    a = _recording([], [])
    values = (a.traces["cells", "v"].values + 60) * factor - 60
    assert _pair(a, _recording([], [], values)).verdict == verdict


def test_nothing_in_common_is_an_error() -> None:
    a = _recording(TIMES, CELLS)
    b = replace(a, spikes={"others": a.spikes["cells"]}, traces={})
    with pytest.raises(InputError, match=r"nothing|in common"):
        _pair(a, b)
    assert _pair(*same_names(a, b)).verdict == "identical"
