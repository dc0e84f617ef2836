"""The difference of two recordings of one variable, on the same or on different sample times."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import InputError
from .grids import Grid, SampleTimes, match_sample_times
from .interpolation import interpolate
from .ordering import Floats, Integers

ROUND_OFF = 1e-9
"""Share of a variable's range below which two values count as equal up to rounding."""

REST = 1e-3
"""The range counts as at least this share of the largest magnitude.

So a variable at rest, whose range is its own rounding, is not divided by that.
"""

_BLOCK = 250_000  # values, 2 MB: two blocks and their difference stay in the cache


class Samples(Protocol):
    """Values that can be sliced by rows: a NumPy array, a memory map, an HDF5 data set."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, K) samples and cells, or (T,) of one cell."""

    def __getitem__(self, key: slice, /) -> Any:
        """The samples of a range of rows."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Some columns of samples, picked when a range of rows is asked for."""

    values: Samples
    columns: Integers

    @property
    def shape(self) -> tuple[int, ...]:
        """The samples and the columns picked."""
        return self.values.shape[0], self.columns.size

    def __getitem__(self, key: slice, /) -> Any:
        """The columns picked of a range of rows."""
        return self.values[key][:, self.columns]


def columns_of(values: Samples, columns: Integers) -> Samples:
    """Some columns of samples, without a copy of what is not asked for."""
    if np.array_equal(columns, np.arange(values.shape[1])):
        return values
    return Columns(values, columns)


class Sample(NamedTuple):
    """A place in a recording: `time` in ms, `cell` as the column of the values."""

    time: float
    cell: int


@dataclass(frozen=True, eq=False)
class TraceDifference:
    """How far the samples of a variable in recording b are from those in a.

    Compared are values at equal times. Where the sample times differ, the finer recording is
    interpolated linearly at the times of the coarser, and of each difference only the part
    beyond the largest possible error of the interpolation counts (see `interpolate`). Values are
    in the unit of the variable.

    Attributes:
        grid: "same" times; "common" ones only; "interpolated"; "none" in common.
        n_cells: columns.
        n_a: samples (rows) of a.
        n_b: samples of b.
        n_compared: rows compared.
        n_missing: samples of a at least one step of b before its first or after its last, or,
            where both have the same step, without a partner in b.
        n_extra: the same of b in a.
        max_abs: largest |b − a|; nan if no finite pair was compared.
        max_abs_at: where that is; None likewise.
        rms: root of the mean of (b − a)² over samples and cells; nan likewise.
        range: largest minus smallest value of a and b together, over all samples and cells.
        relative: max_abs over the range, which counts as at least `REST` of the largest
            magnitude; 0 where a and b are equal.
        threshold: |b − a| above which the recordings have diverged: the relative threshold times
            the same range.
        first_divergence: earliest sample, and lowest cell, where |b − a| exceeds the threshold.
        not_finite_a: first sample of a that is NaN or infinite, or None; it is not compared.
        not_finite_b: the same of b.
        n_not_finite_a: how many values of a are NaN or infinite.
        n_not_finite_b: the same of b.
        interpolation_bound: largest bound subtracted; 0 without interpolation.
        times: (n_compared,) times compared, in ms, or None.
        difference: (n_compared, n_cells) b − a, shrunk towards 0 by the bound, or None; NaN or
            infinite where a or b is.
    """

    grid: Grid
    n_cells: int
    n_a: int
    n_b: int
    n_compared: int
    n_missing: int
    n_extra: int
    max_abs: float
    max_abs_at: Sample | None
    rms: float
    range: float
    relative: float
    threshold: float
    first_divergence: Sample | None
    not_finite_a: Sample | None
    not_finite_b: Sample | None
    n_not_finite_a: int
    n_not_finite_b: int
    interpolation_bound: float
    times: Floats | None = field(default=None, repr=False)
    difference: Floats | None = field(default=None, repr=False)

    @property
    def complete(self) -> bool:
        """Whether both cover the same time with finite values, and something was compared."""
        return (
            self.n_compared > 0
            and self.n_missing == self.n_extra == 0
            and self.n_not_finite_a == self.n_not_finite_b == 0
        )

    @property
    def identical(self) -> bool:
        """Whether both have the same samples and every value is equal (0.0 and −0.0 are)."""
        return self.complete and self.grid == "same" and self.max_abs == 0.0


def compare_traces(
    times_a: ArrayLike,
    values_a: Samples,
    times_b: ArrayLike,
    values_b: Samples,
    *,
    relative_threshold: float = ROUND_OFF,
    time_tolerance: float = 1e-9,
    keep_difference: bool = False,
) -> TraceDifference:
    """Compare two recordings of one variable, cell by cell, without holding them in memory.

    Values are read by blocks of rows, so memory maps and HDF5 data sets can be given. Times count
    as equal when closer than the time tolerance. If at least half of the coarser grid's
    samples, in the time both cover, are on the finer grid, only these are compared; otherwise the
    finer grid is interpolated.

    Args:
        times_a: (T_a,) strictly increasing sample times of a, in ms.
        values_a: (T_a, K) values of a, or (T_a,).
        times_b: (T_b,) strictly increasing sample times of b, in ms.
        values_b: (T_b, K) values of b, or (T_b,), of the same cells in the same order.
        relative_threshold: share of the range beyond which the recordings have diverged.
        time_tolerance: in ms; covers the rounding of k·dt.
        keep_difference: also return the times compared and the difference.

    Raises:
        InputError: for times that do not increase or are not finite, for shapes that do not fit.
    """
    a = _Trace.checked(times_a, values_a, "a")
    b = _Trace.checked(times_b, values_b, "b")
    if a.n_cells != b.n_cells:
        raise InputError(
            "compare_traces", f"a has {a.n_cells} cells and b has {b.n_cells}; they have to agree"
        )
    grids = match_sample_times(a.times, b.times, time_tolerance)
    extent_a, extent_b = _Extent(), _Extent()
    if grids.kind != "same":
        # Samples that are not compared count for the range too; else one reading does for both.
        for rows in a.blocks():
            extent_a = extent_a.with_block(a.times[rows], a.rows(rows))
        for rows in b.blocks():
            extent_b = extent_b.with_block(b.times[rows], b.rows(rows))
    total = _Total()
    peaks: list[float] = []
    kept: list[Floats] = []
    blocks = list(_blocks(a, b, grids))
    for block in blocks:
        times, values_a, values_b, difference, bound = _difference(a, b, grids, block)
        if grids.kind == "same":
            extent_a = extent_a.with_block(times, values_a)
            extent_b = extent_b.with_block(times, values_b)
        total, peak = total.with_block(times, difference, bound)
        peaks.append(peak)
        if keep_difference:
            kept.append(difference)
    low, high = min(extent_a.low, extent_b.low), max(extent_a.high, extent_b.high)
    span = high - low if low <= high else 0.0
    scale = max(span, REST * max(abs(low), abs(high))) if low <= high else 0.0
    threshold = relative_threshold * scale
    beyond = next((k for k, peak in enumerate(peaks) if peak > threshold), None)
    first = None if beyond is None else _first(a, b, grids, blocks[beyond], threshold)
    count = total.count
    return TraceDifference(
        grid=grids.kind,
        n_cells=a.n_cells,
        n_a=a.times.size,
        n_b=b.times.size,
        n_compared=grids.times.size,
        n_missing=grids.n_missing,
        n_extra=grids.n_extra,
        max_abs=total.largest if count else math.nan,
        max_abs_at=total.largest_at,
        rms=math.sqrt(total.squares / count) if count else math.nan,
        range=span,
        relative=_ratio(total.largest, scale) if count else math.nan,
        threshold=threshold,
        first_divergence=first,
        not_finite_a=extent_a.not_finite,
        not_finite_b=extent_b.not_finite,
        n_not_finite_a=extent_a.n_not_finite,
        n_not_finite_b=extent_b.n_not_finite,
        interpolation_bound=total.bound,
        times=grids.times if keep_difference else None,
        difference=np.concatenate(kept) if kept else _none_kept(keep_difference, a.n_cells),
    )


def _none_kept(wanted: bool, n_cells: int) -> Floats | None:
    return np.empty((0, n_cells)) if wanted else None


def _ratio(difference: float, scale: float) -> float:
    return difference / scale if difference else 0.0


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Trace:
    """Samples that are read by rows as (rows, K) float64."""

    times: Floats
    values: Samples
    n_cells: int

    @staticmethod
    def checked(times: ArrayLike, values: Samples, name: str) -> _Trace:
        t = np.asarray(times, dtype=np.float64)
        shape = np.shape(values) if not hasattr(values, "shape") else tuple(values.shape)
        if t.ndim != 1 or len(shape) not in (1, 2) or shape[0] != t.size:
            raise InputError(
                f"compare_traces.values_{name}",
                f"shape {shape} for times of shape {t.shape}; (samples, cells) is needed",
            )
        late = t[1:] > t[:-1]
        if not np.isfinite(t).all() or not late.all():
            wrong = np.flatnonzero(~np.isfinite(t)) if late.all() else np.flatnonzero(~late) + 1
            raise InputError(
                f"compare_traces.times_{name}",
                f"sample {wrong[0]} is at {t[wrong[0]]} ms; times have to be finite and increase",
            )
        if not hasattr(values, "shape"):
            values = np.asarray(values)
        return _Trace(t, values, 1 if len(shape) == 1 else shape[1])

    def rows(self, block: slice) -> Floats:
        """The samples of a range of rows, shape (rows, K)."""
        values = np.asarray(self.values[block], dtype=np.float64)
        return values.reshape(block.stop - block.start, self.n_cells)

    def blocks(self) -> Iterator[slice]:
        yield from _spans(self.times.size, self.n_cells)


def _spans(n_rows: int, n_cells: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, n_cells))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


@dataclass(frozen=True)
class _Extent:
    """Smallest and largest finite value (inf, −inf without one), and what is not finite."""

    low: float = math.inf
    high: float = -math.inf
    not_finite: Sample | None = None
    n_not_finite: int = 0

    def with_block(self, times: Floats, block: Floats) -> _Extent:
        if not block.size:
            return self
        # NaN and infinities show in the extremes; only then the block is searched.
        low, high = float(block.min()), float(block.max())
        first, count = self.not_finite, self.n_not_finite
        if not (math.isfinite(low) and math.isfinite(high)):
            bad = ~np.isfinite(block)
            if first is None:
                first = _place(times, int(np.argmax(bad)), block.shape[1])
            count += int(bad.sum())
            low = float(np.min(block, initial=math.inf, where=~bad))
            high = float(np.max(block, initial=-math.inf, where=~bad))
        return _Extent(min(self.low, low), max(self.high, high), first, count)


# --- differences --------------------------------------------------------------------------------

_Block = tuple[Floats, Floats, Floats, Floats, float]


def _blocks(a: _Trace, b: _Trace, grids: SampleTimes) -> Iterator[slice]:
    """Ranges of the times compared, so that what is read for each fits the cache."""
    per_row = 1
    if grids.fine and grids.times.size:
        fine = a if grids.fine == "a" else b
        per_row = max(1, fine.times.size // grids.times.size)
    yield from _spans(grids.times.size, a.n_cells * per_row)


def _difference(a: _Trace, b: _Trace, grids: SampleTimes, block: slice) -> _Block:
    """Times, values of a and of b, b − a, and the largest interpolation bound subtracted."""
    times = grids.times[block]
    bound = None
    if grids.fine == "a":
        values_a, bound = _interpolated(a, times)
    else:
        values_a = _pick(a, grids.rows_a[block])
    if grids.fine == "b":
        values_b, bound = _interpolated(b, times)
    else:
        values_b = _pick(b, grids.rows_b[block])
    with np.errstate(invalid="ignore", over="ignore"):
        difference = values_b - values_a
    if bound is None:
        return times, values_a, values_b, difference, 0.0
    return times, values_a, values_b, *_beyond(difference, bound)


def _pick(trace: _Trace, rows: Integers) -> Floats:
    """Some ascending rows, read as the one span around them."""
    first, last = int(rows[0]), int(rows[-1])
    block = trace.rows(slice(first, last + 1))
    return block if last - first + 1 == rows.size else block[rows - first]


def _beyond(difference: Floats, bound: Floats) -> tuple[Floats, float]:
    largest = float(np.max(bound, initial=0.0, where=np.isfinite(bound)))
    with np.errstate(invalid="ignore"):
        part = np.abs(difference) - bound
    return np.copysign(np.where(part < 0.0, 0.0, part), difference), largest


def _interpolated(fine: _Trace, times: Floats) -> tuple[Floats, Floats]:
    """Linear interpolation of the fine recording at some times, and its error bound."""
    last = fine.times.size - 2
    left = np.clip(np.searchsorted(fine.times, times, side="right") - 1, 0, last)
    rows = slice(max(0, int(left[0]) - 2), min(fine.times.size, int(left[-1]) + 4))
    return interpolate(fine.times[rows], fine.rows(rows), times, left - rows.start)


def _first(
    a: _Trace, b: _Trace, grids: SampleTimes, block: slice, threshold: float
) -> Sample | None:
    """The first sample of a block, read again, whose difference is above the threshold."""
    times, _, _, difference, _ = _difference(a, b, grids, block)
    size = np.abs(difference.ravel())
    size[~np.isfinite(size)] = 0.0
    return _place(times, int(np.argmax(size > threshold)), difference.shape[1])


# --- summary ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Total:
    """What was seen in the blocks so far."""

    largest: float = 0.0
    largest_at: Sample | None = None
    squares: float = 0.0
    count: int = 0
    bound: float = 0.0

    def with_block(self, times: Floats, difference: Floats, bound: float) -> tuple[_Total, float]:
        """With one more block, and the largest difference within it."""
        if difference.size == 0:
            return self, 0.0
        flat = difference.ravel()
        count = flat.size
        largest = max(float(flat.max()), -float(flat.min()))
        with np.errstate(over="ignore", invalid="ignore"):
            squares = float(flat @ flat)
        if not math.isfinite(largest):
            finite = np.isfinite(flat)
            count = int(finite.sum())
            flat = np.where(finite, flat, 0.0)
            largest = float(np.abs(flat).max())
            squares = float(flat @ flat)
        at = self.largest_at
        if count and (at is None or largest > self.largest):
            at = _place(times, int(np.argmax(np.abs(flat))), difference.shape[1])
        total = _Total(
            max(self.largest, largest),
            at,
            self.squares + squares,
            self.count + count,
            max(self.bound, bound),
        )
        return total, largest


def _place(times: Floats, index: int, n_cells: int) -> Sample:
    row, cell = divmod(index, n_cells)
    return Sample(float(times[row]), cell)
