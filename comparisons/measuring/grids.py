"""Which samples of two recordings are at equal times, and what to do where none are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .ordering import Floats, Integers

Grid = Literal["same", "common", "interpolated", "none"]


@dataclass(frozen=True, eq=False)
class SampleTimes:
    """Which rows are compared.

    For "same" and "common", rows_a[i] and rows_b[i] are at times[i]. For "interpolated", `fine`
    names the recording to interpolate, and the rows of the other are those at `times`.
    """

    kind: Grid
    times: Floats
    rows_a: Integers
    rows_b: Integers
    n_missing: int
    n_extra: int
    fine: Literal["a", "b", ""] = ""


def match_sample_times(ta: Floats, tb: Floats, tolerance: float) -> SampleTimes:
    """Decide which samples to compare; `tolerance` is how far equal times may be apart, in ms."""
    none = np.empty(0, dtype=np.int64)
    if ta.size == 0 or tb.size == 0:
        return SampleTimes("none", np.empty(0), none, none, ta.size, tb.size)
    if ta.size == tb.size and bool(np.all(np.abs(ta - tb) <= tolerance)):
        rows = np.arange(ta.size)
        return SampleTimes("same", ta, rows, rows, 0, 0)
    rows_a, rows_b = _equal_times(ta, tb, tolerance)
    in_a = (ta >= tb[0] - tolerance) & (ta <= tb[-1] + tolerance)
    in_b = (tb >= ta[0] - tolerance) & (tb <= ta[-1] + tolerance)
    step_a, step_b = _step(ta), _step(tb)
    outside_a = _outside(ta, tb, step_b if tb.size > 1 else step_a, tolerance)
    outside_b = _outside(tb, ta, step_a if ta.size > 1 else step_b, tolerance)
    if rows_a.size and 2 * rows_a.size >= min(in_a.sum(), in_b.sum()):
        if math.isclose(step_a, step_b, rel_tol=1e-6):
            outside_a, outside_b = ta.size - rows_a.size, tb.size - rows_b.size
        return SampleTimes("common", ta[rows_a], rows_a, rows_b, outside_a, outside_b)
    fine: Literal["a", "b"] = "a" if step_a <= step_b else "b"
    if not (in_a.any() and in_b.any()) or (ta if fine == "a" else tb).size < 2:
        return SampleTimes("none", np.empty(0), none, none, ta.size, tb.size)
    rows = np.flatnonzero(in_b if fine == "a" else in_a)
    times = (tb if fine == "a" else ta)[rows]
    rows_a, rows_b = (none, rows) if fine == "a" else (rows, none)
    return SampleTimes("interpolated", times, rows_a, rows_b, outside_a, outside_b, fine)


def _equal_times(ta: Floats, tb: Floats, tolerance: float) -> tuple[Integers, Integers]:
    """Rows of a and b at equal times, each at most once."""
    after = np.minimum(np.searchsorted(tb, ta), tb.size - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(tb[before] - ta) < np.abs(tb[after] - ta), before, after)
    rows_a = np.flatnonzero(np.abs(tb[nearest] - ta) <= tolerance)
    rows_b, first = np.unique(nearest[rows_a], return_index=True)
    return rows_a[first], rows_b


def _outside(times: Floats, other: Floats, step: float, tolerance: float) -> int:
    """Samples at least one step of the other recording before its first or after its last."""
    margin = (step if math.isfinite(step) else 0.0) - tolerance
    return int(np.sum((times <= other[0] - margin) | (times >= other[-1] + margin)))


def _step(times: Floats) -> float:
    return float(np.median(np.diff(times))) if times.size > 1 else math.inf
