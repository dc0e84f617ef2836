"""Optimal one-to-one matching of the spikes of two recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from .ordering import Floats, Integers, SortedSpikes, sort_by_cell

SLACK = 1e-6
"""Share of the tolerance by which a shift may exceed it.

Two spikes exactly one tolerance apart on a grid are at k·dt and (k + 1)·dt, whose difference in
floating point may come out above dt. The slack is far above that rounding (for a tolerance of
0.1 ms it covers times up to 1e8 ms) and far below a step; it does not grow with time.
"""

# Spikes of unsettled cells, and states of the dynamic programme, worked on at once.
_CHUNK = 200_000
_BATCH = 8_000_000
_MOST_STATES = 400_000_000


@dataclass(frozen=True, eq=False)
class SpikeMatch:
    """How the spikes of recording b coincide with those of recording a, cell by cell.

    A match pairs a spike of a with one of b of the same cell at most `tolerance` away; each
    spike is in at most one pair. Of all sets of pairs, the one with the most pairs is taken, and
    among these the one with the smallest sum of squared shifts, so `rms_shift` is the smallest
    possible one. Ties are broken arbitrarily but reproducibly.

    Attributes:
        tolerance: largest shift allowed, in ms (see `SLACK` for its rounding).
        n_a: spikes in a.
        n_b: spikes in b.
        matched: pairs.
        missing: spikes of a without a partner in b.
        extra: spikes of b without a partner in a.
        max_shift: largest |t_b − t_a| of the pairs, in ms; 0 without pairs.
        rms_shift: root of the mean of (t_b − t_a)² over the pairs, in ms; 0 without pairs.
        mean_shift: mean of t_b − t_a over the pairs, in ms; negative where b is early.
        first_mismatch: the earliest time in ms of a spike without a partner, or of a pair further apart
            than was asked for; None if there is neither.
        farthest: of the spikes without a partner whose cell fires in the other recording too, the largest
            distance to that cell's nearest spike there, in ms; None without any.
        alone: spikes without a partner whose cell is silent in the other recording.
        pairs: (matched, 2) indices into the spikes of a and of b as they were given, or None.
        missing_spikes: (missing,) indices into the spikes of a, ascending, or None.
        extra_spikes: (extra,) indices into the spikes of b, ascending, or None.
    """

    tolerance: float
    n_a: int
    n_b: int
    matched: int
    missing: int
    extra: int
    max_shift: float
    rms_shift: float
    mean_shift: float
    first_mismatch: float | None
    farthest: float | None = None
    alone: int = 0
    pairs: Integers | None = field(default=None, repr=False)
    missing_spikes: Integers | None = field(default=None, repr=False)
    extra_spikes: Integers | None = field(default=None, repr=False)

    @property
    def share(self) -> float:
        """Pairs over the number of spikes of the recording that has more; 1 if both have none."""
        most = max(self.n_a, self.n_b)
        return self.matched / most if most else 1.0


def match_spikes(
    times_a: ArrayLike,
    cells_a: ArrayLike,
    times_b: ArrayLike,
    cells_b: ArrayLike,
    tolerance: float,
    *,
    apart: float = 0.0,
    indices: bool = False,
) -> SpikeMatch:
    """Match the spikes of two recordings one to one, within each cell, optimally.

    The optimum is the largest number of pairs, then the smallest sum of squared shifts. It is
    exact: on a line, uncrossing two crossing pairs raises neither the longer shift nor their
    sum of squares, so some optimum keeps the order of the spikes, and the best order-keeping
    matching is found by dynamic programming. Almost all spikes never get there: where a
    cell, or a group of spikes that no possible pair leaves, has equally many spikes on both sides
    and the k-th is within tolerance of the k-th, that pairing is the optimum.

    Args:
        times_a: (n_a,) spike times of a, in ms, in any order.
        cells_a: (n_a,) integer cell of each spike of a.
        times_b: (n_b,) spike times of b, in ms, in any order.
        cells_b: (n_b,) integer cell of each spike of b.
        tolerance: largest |t_b − t_a| of a pair, in ms; 0 asks for equal times.
        apart: shift in ms beyond which a pair counts for `first_mismatch`.
        indices: also return which spikes were paired, missing and extra.

    Raises:
        InputError: for arrays of unequal length, times that are not finite, cells that are not
            integers, a negative tolerance, or one so long that thousands of spikes compete.
    """
    tolerance = float(tolerance)
    if not (np.isfinite(tolerance) and tolerance >= 0.0):
        raise InputError(
            "match_spikes.tolerance", f"{tolerance} ms is given; it has to be finite and >= 0"
        )
    a = sort_by_cell(times_a, cells_a, "match_spikes", "_a", keep_order=indices)
    b = sort_by_cell(times_b, cells_b, "match_spikes", "_b", keep_order=indices)
    longest = tolerance * (1.0 + SLACK)

    n_a, n_b = _spikes_per_cell(a, b)
    first_a, first_b = _firsts(n_a), _firsts(n_b)
    in_order = _pair_in_order(a.times, b.times, first_a, n_a, first_b, n_b, longest)
    shifts, found = [b.times[in_order.b] - a.times[in_order.a]], [(in_order.a, in_order.b)]
    for cells in _chunks(np.flatnonzero(in_order.open), n_a + n_b):
        pairs_a, pairs_b = _match_cells(
            a.times, b.times, first_a[cells], n_a[cells], first_b[cells], n_b[cells], longest
        )
        shifts.append(b.times[pairs_b] - a.times[pairs_a])
        found.append((pairs_a, pairs_b))
    shift = np.concatenate(shifts) if len(shifts) > 1 else shifts[0]
    matched = shift.size
    pairs = None
    pairs_a, pairs_b = (np.concatenate(side) for side in zip(*found, strict=True))
    rest = [
        _nearest(a.times, first_a, n_a, _others(pairs_a, a.times.size), b.times, first_b, n_b),
        _nearest(b.times, first_b, n_b, _others(pairs_b, b.times.size), a.times, first_a, n_a),
    ]
    near = [float(distances.max()) for distances, _ in rest if distances.size]
    if a.order is not None and b.order is not None:
        pairs = np.column_stack([a.order[pairs_a], b.order[pairs_b]])
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return SpikeMatch(
        tolerance=tolerance,
        n_a=a.times.size,
        n_b=b.times.size,
        matched=matched,
        missing=a.times.size - matched,
        extra=b.times.size - matched,
        max_shift=float(max(shift.max(), -shift.min())) if matched else 0.0,
        rms_shift=float(np.sqrt(shift @ shift / matched)) if matched else 0.0,
        mean_shift=float(shift.mean()) if matched else 0.0,
        first_mismatch=_first_mismatch(a.times, b.times, pairs_a, pairs_b, shift, apart),
        farthest=max(near, default=None),
        alone=sum(silent for _, silent in rest),
        pairs=pairs,
        missing_spikes=None if pairs is None else _others(pairs[:, 0], a.times.size),
        extra_spikes=None if pairs is None else _others(pairs[:, 1], b.times.size),
    )


def _first_mismatch(
    times_a: Floats,
    times_b: Floats,
    pairs_a: Integers,
    pairs_b: Integers,
    shift: Floats,
    apart: float,
) -> float | None:
    first = np.inf
    for times, paired in ((times_a, pairs_a), (times_b, pairs_b)):
        if paired.size < times.size:
            first = min(first, float(times[_others(paired, times.size)].min()))
    moved = np.flatnonzero(np.abs(shift) > apart)
    if moved.size:
        pair = np.minimum(times_a[pairs_a[moved]], times_b[pairs_b[moved]])
        first = min(first, float(pair.min()))
    return None if first == np.inf else first


def _nearest(
    times: Floats,
    first: Integers,
    n: Integers,
    which: Integers,
    other: Floats,
    first_other: Integers,
    n_other: Integers,
) -> tuple[Floats, int]:
    """How far some spikes are from the nearest of their cell on the other side, and how many have none."""
    if not which.size:
        return np.empty(0), 0
    cell = np.searchsorted(first + n, which, side="right")
    has = n_other[cell] > 0
    cell, which = cell[has], which[has]
    cells, place = np.unique(cell, return_inverse=True)
    there = other[_ranges(first_other[cells], n_other[cells])]
    begin = _firsts(n_other[cells])
    # NumPy orders complex numbers by real, then imaginary part.
    keys = np.repeat(np.arange(cells.size), n_other[cells]) + 1j * there
    after = np.searchsorted(keys, place + 1j * times[which])
    last = begin[place] + n_other[cell] - 1
    right = there[np.minimum(after, last)] if there.size else there
    left = there[np.maximum(after - 1, begin[place])] if there.size else there
    distance = np.minimum(np.abs(right - times[which]), np.abs(times[which] - left))
    return distance, int(np.count_nonzero(~has))


# --- groups of spikes ---------------------------------------------------------------------------


def _spikes_per_cell(a: SortedSpikes, b: SortedSpikes) -> tuple[Integers, Integers]:
    """Spikes of a and of b in each cell that has any, cells ascending."""
    ids = np.union1d(a.ids, b.ids)
    counts_a, counts_b = np.zeros((2, ids.size), dtype=np.int64)
    counts_a[np.searchsorted(ids, a.ids)] = a.counts
    counts_b[np.searchsorted(ids, b.ids)] = b.counts
    return counts_a, counts_b


def _firsts(counts: Integers) -> Integers:
    """Where each of consecutive groups of the given sizes begins."""
    return np.cumsum(counts) - counts


def _ranges(first: Integers, counts: Integers) -> Integers:
    """The indices first[g] … first[g] + counts[g] − 1 of all groups g, one after the other."""
    indices = np.repeat(first - _firsts(counts), counts)
    indices += np.arange(indices.size)
    return indices


def _others(some: Integers, n: int) -> Integers:
    left = np.ones(n, dtype=bool)
    left[some] = False
    return np.flatnonzero(left)


def _chunks(groups: Integers, sizes: Integers) -> Iterator[Integers]:
    """Groups in portions of bounded size, so that the work stays in bounded memory."""
    if groups.size:
        portion = np.cumsum(sizes[groups]) // _CHUNK
        yield from np.split(groups, np.flatnonzero(np.diff(portion)) + 1)


# --- matching -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _InOrder:
    """Pairs of the groups that are settled; `open` marks those that are not."""

    a: Integers
    b: Integers
    open: NDArray[np.bool_]


def _pair_in_order(
    times_a: Floats,
    times_b: Floats,
    first_a: Integers,
    n_a: Integers,
    first_b: Integers,
    n_b: Integers,
    longest: float,
) -> _InOrder:
    """Settle the groups whose k-th spikes of a and b all are within tolerance.

    For equally many spikes, k-th to k-th is the only complete matching that keeps the order.
    """
    unsettled = (n_a > 0) & (n_b > 0)
    equal = unsettled & (n_a == n_b)
    size = n_a[equal]
    if size.sum() == times_a.size == times_b.size:
        a = b = np.arange(times_a.size)
        near = np.abs(times_b - times_a) <= longest
    else:
        a, b = _ranges(first_a[equal], size), _ranges(first_b[equal], size)
        near = np.abs(times_b[b] - times_a[a]) <= longest
    if not near.all():
        settled = np.logical_and.reduceat(near, _firsts(size))
        keep = np.repeat(settled, size)
        a, b = a[keep], b[keep]
        equal[equal] = settled
    return _InOrder(a, b, unsettled & ~equal)


def _match_cells(
    times_a: Floats,
    times_b: Floats,
    first_a: Integers,
    n_a: Integers,
    first_b: Integers,
    n_b: Integers,
    longest: float,
) -> tuple[Integers, Integers]:
    """Match the spikes of some cells: cut them into clusters no pair can cross, settle each."""
    a, b = _ranges(first_a, n_a), _ranges(first_b, n_b)
    ta, tb = times_a[a], times_b[b]
    cell = np.concatenate([np.repeat(np.arange(n_a.size), n) for n in (n_a, n_b)])
    time = np.concatenate([ta, tb])
    # NumPy orders complex numbers by real, then imaginary part; two sorted runs merge in one pass.
    merged = np.argsort(cell + 1j * time, kind="stable")
    is_b = merged >= ta.size
    starts = _cluster_starts(time[merged], cell[merged], is_b, longest)

    size = np.diff(np.append(starts, is_b.size))
    cluster_b = np.add.reduceat(is_b, starts, dtype=np.int64)
    cluster_a = size - cluster_b
    start_a, start_b = _firsts(cluster_a), _firsts(cluster_b)
    in_order = _pair_in_order(ta, tb, start_a, cluster_a, start_b, cluster_b, longest)
    hard = in_order.open
    more_a, more_b = _match_clusters(
        ta, tb, start_a[hard], cluster_a[hard], start_b[hard], cluster_b[hard], longest
    )
    return a[np.concatenate([in_order.a, more_a])], b[np.concatenate([in_order.b, more_b])]


def _cluster_starts(
    time: Floats, cell: Integers, is_b: NDArray[np.bool_], longest: float
) -> Integers:
    """Where a spike, in order of cell and time, begins a cluster: no pair possible across.

    Between neighbours of different recordings a pair is possible across iff they are near.
    Inside a run of spikes of one recording, it is iff the spike before the run is near the
    second neighbour, or the spike after the run is near the first.
    """
    n = time.size
    change = np.ones(n, dtype=bool)
    change[1:] = (is_b[1:] != is_b[:-1]) | (cell[1:] != cell[:-1])
    cut = np.ones(n, dtype=bool)
    cut[1:] = (time[1:] - time[:-1] > longest) | (cell[1:] != cell[:-1])
    inside = np.flatnonzero(~cut & ~change)
    if inside.size:
        runs = np.append(np.flatnonzero(change), n)
        run = np.searchsorted(runs, inside, side="right") - 1
        before, after = runs[run] - 1, np.minimum(runs[run + 1], n - 1)
        # Cells that differ make a run end too, but then nothing can pair there. For the first and
        # the last run the clipped index is a spike of the run itself, which has to be ruled out.
        reach_back = (before >= 0) & (cell[before] == cell[inside])
        reach_back &= time[inside] - time[before] <= longest
        reach_on = (runs[run + 1] < n) & (cell[after] == cell[inside])
        reach_on &= time[after] - time[inside - 1] <= longest
        cut[inside] = ~(reach_back | reach_on)
    return np.flatnonzero(cut)


def _match_clusters(
    times_a: Floats,
    times_b: Floats,
    first_a: Integers,
    n_a: Integers,
    first_b: Integers,
    n_b: Integers,
    longest: float,
) -> tuple[Integers, Integers]:
    """Settle clusters by dynamic programming, many of similar shape at once."""
    found_a = [np.empty(0, dtype=np.int64)]
    found_b = [np.empty(0, dtype=np.int64)]
    if n_a.size:
        # For each spike of a, the window of spikes of b in its cluster that are near.
        a = _ranges(first_a, n_a)
        low, high = _windows(times_a, times_b, a, first_a, n_a, first_b, n_b, longest)
        width = np.maximum(np.maximum.reduceat(high - low, _firsts(n_a)), 1)
        shape = np.ceil(np.log2(n_a)).astype(int) * 64 + np.ceil(np.log2(width)).astype(int)
        for kind in np.unique(shape):
            same = np.flatnonzero(shape == kind)
            rows, columns = int(n_a[same].max()), int(width[same].max())
            if rows * (columns + 1) > _MOST_STATES:
                raise InputError(
                    "match_spikes.tolerance",
                    f"up to {columns} spikes of one cell lie within the tolerance of a single "
                    f"spike, in a cluster of {rows}; ask for a tolerance below the typical "
                    "interval between spikes",
                )
            batch = max(1, _BATCH // (rows * (columns + 1)))
            for some in np.split(same, range(batch, same.size, batch)):
                pairs_a, pairs_b = _align(
                    times_a,
                    times_b,
                    first_a[some],
                    n_a[some],
                    low,
                    _firsts(n_a)[some],
                    first_b[some] + n_b[some],
                    columns,
                    longest,
                )
                found_a.append(pairs_a)
                found_b.append(pairs_b)
    return np.concatenate(found_a), np.concatenate(found_b)


def _windows(
    times_a: Floats,
    times_b: Floats,
    a: Integers,
    first_a: Integers,
    n_a: Integers,
    first_b: Integers,
    n_b: Integers,
    longest: float,
) -> tuple[Integers, Integers]:
    """For each spike of a, the range of spikes of b in its cluster within tolerance.

    Counted in the merged order of cluster and time, as a binary search over all clusters at once.
    """
    cluster_a = np.repeat(np.arange(n_a.size), n_a)
    cluster_b = np.repeat(np.arange(n_b.size), n_b)
    b = _ranges(first_b, n_b)
    keys = cluster_b + 1j * times_b[b]
    found = []
    for sign, side in ((-1, "left"), (1, "right")):
        # A little wider than the tolerance: whether a pair is allowed is decided by its shift.
        edge = times_a[a] + sign * longest
        edge += sign * 2 * np.spacing(np.abs(edge))
        found.append(np.searchsorted(keys, cluster_a + 1j * edge, side=side))  # type: ignore[call-overload]
    offset = np.repeat(first_b - _firsts(n_b), n_a)
    return found[0] + offset, found[1] + offset


def _align(
    times_a: Floats,
    times_b: Floats,
    first_a: Integers,
    n_a: Integers,
    low: Integers,
    first_low: Integers,
    end_b: Integers,
    columns: int,
    longest: float,
) -> tuple[Integers, Integers]:
    """The best order-keeping matching of each of C clusters, row by row of a.

    best[c, p] is the best score using the spikes of a so far and the spikes of b before
    low + p; a score is the number of pairs (real part), then minus the sum of squared shifts
    (imaginary part), which NumPy compares in this order. Row i follows from row i − 1 by

        best_i[p] = max over q <= p of (best_{i−1}[q], best_{i−1}[q − 1] + score(i, q − 1)).
    """
    c = np.arange(n_a.size)
    rows = int(n_a.max())
    p = np.arange(columns + 1)
    scale = longest if longest > 0.0 else 1.0
    nothing = complex(-np.inf, 0.0)
    best = np.zeros((c.size, columns + 1), dtype=np.complex128)
    source = np.empty((rows, c.size, columns + 1), dtype=np.min_scalar_type(columns + 1))
    paired = np.empty((rows, c.size, columns + 1), dtype=bool)
    lows = np.empty((rows, c.size), dtype=np.int64)
    previous = low[first_low]
    for i in range(rows):
        active = i < n_a
        row = np.minimum(i, n_a - 1)
        here = low[first_low + row]
        lows[i] = here
        spike_a = times_a[first_a + row]
        spike_b = here[:, None] + p[:-1]
        exists = (spike_b < end_b[:, None]) & active[:, None]
        shift = times_b[np.where(exists, spike_b, 0)] - spike_a[:, None]
        allowed = exists & (np.abs(shift) <= longest)
        score = np.where(allowed, 1.0 - 1j * (shift / scale) ** 2, nothing)
        # To the right of the window of the row before, its last score goes on.
        moved = np.minimum(p + (here - previous)[:, None], columns)
        skip = np.take_along_axis(best, moved, axis=1)
        candidate = skip.copy()
        np.maximum(skip[:, 1:], skip[:, :-1] + score, out=candidate[:, 1:])
        best = np.maximum.accumulate(candidate, axis=1)
        paired[i] = candidate != skip
        rises = np.zeros(best.shape, dtype=source.dtype)
        rises[:, 1:] = np.where(best[:, 1:] != best[:, :-1], p[1:], 0)
        np.maximum.accumulate(rises, axis=1, out=source[i])
        previous = here

    found_a, found_b = [], []
    at = np.full(c.size, columns)
    for i in reversed(range(rows)):
        at = source[i, c, at].astype(np.int64)
        pair = paired[i, c, at]
        at -= pair
        found_a.append((first_a + i)[pair])
        found_b.append((lows[i] + at)[pair])
        if i:
            at = np.minimum(at + lows[i] - lows[i - 1], columns)
    return np.concatenate(found_a), np.concatenate(found_b)
