"""What a figure shows of recordings: which cells, how many points, which spikes coincide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_opening

from ...core.recording import Recording, Spikes, Trace
from ..measuring import ROUND_OFF, compare_traces, match_spikes
from ..measuring.traces import REST

Floats = NDArray[np.float64]
Key = tuple[str, str]
SHORTEST = 200
"""Of a line, parts of less than its length over this are not drawn apart."""
MOST_VALUES = 20_000_000
"""Values of a trace beyond which the difference is taken of the cells shown only."""


@dataclass(frozen=True, eq=False)
class Difference:
    """|difference| to the reference over time, the largest of the cells: times [ms], shape (n,)."""

    times: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Matched:
    """Spikes of two recordings on a common axis of cells: times [ms] and rows, by how they match."""

    matched: tuple[Floats, Floats]
    missing: tuple[Floats, Floats]
    extra: tuple[Floats, Floats]

    @property
    def perfect(self) -> bool:
        """Whether every spike has its partner."""
        return not (self.missing[0].size or self.extra[0].size)


def shared_traces(recordings: Mapping[str, Recording]) -> list[Key]:
    """The traces that every recording has with a cell in common; potentials first."""
    keys = [
        key
        for key in next(iter(recordings.values())).traces
        if all(key in r.traces for r in recordings.values())
        and common_cells([r.traces[key] for r in recordings.values()]).size
    ]
    return sorted(keys, key=lambda key: key[1] != "v")


def common_cells(traces: Sequence[Trace]) -> NDArray[np.int32]:
    """The cells that all traces have, ascending."""
    cells = np.unique(traces[0].cells)
    for trace in traces[1:]:
        cells = np.intersect1d(cells, trace.cells)
    return cells


def choose_cells(
    traces: Sequence[Trace], spikes: Spikes | None, first: Sequence[int], count: int
) -> list[int]:
    """A few cells: those where runs part first, then cells from the busiest to the quietest."""
    cells = common_cells(traces)
    chosen = list(dict.fromkeys(c for c in first if c in cells))[: max(1, count - 1)]
    if spikes is not None and len(spikes):
        n = np.array([np.count_nonzero(spikes.cells == c) for c in cells[:2000]])
        ranked = cells[np.argsort(-n, kind="stable")]
    else:
        ranked = cells
    for position in np.linspace(0, len(ranked) - 1, count):
        if len(chosen) < count and ranked[round(position)] not in chosen:
            chosen.append(int(ranked[round(position)]))
    return sorted(int(c) for c in chosen[:count])


def column(trace: Trace, cell: int) -> Floats:
    """The values of one cell, shape (samples,)."""
    return trace.values[:, int(np.flatnonzero(trace.cells == cell)[0])]


def thin(times: Floats, values: Floats, columns: int) -> tuple[Floats, Floats]:
    """At most four points for each of *columns* equal spans: first, extremes, last.

    What is drawn of them is the same as of all points, wherever a span is no wider than a pixel.
    """
    n = times.size
    if n <= 4 * columns:
        return times, values
    width = -(-n // columns)
    padded = np.full(width * (-(-n // width)), np.nan)
    padded[:n] = values
    rows = padded.reshape(-1, width)
    start = np.arange(rows.shape[0]) * width
    low = np.where(np.isnan(rows), np.inf, rows).argmin(axis=1) + start
    high = np.where(np.isnan(rows), -np.inf, rows).argmax(axis=1) + start
    last = np.minimum(start + width, n) - 1
    keep = np.unique(np.concatenate([start, low, high, last]))
    return times[keep], values[keep]


def apart(
    times: Floats, values: Floats, others: Sequence[tuple[Floats, Floats]], near: float
) -> NDArray[np.bool_]:
    """Where a line is further than *near* from all *others*, for long enough to be seen as a line."""
    found = np.ones(times.size, dtype=bool)
    for other_times, other in others:
        with np.errstate(invalid="ignore"):
            found &= np.abs(values - np.interp(times, other_times, other)) > near
    # A part of a line that is shorter than a dash, such as a spike one step late, stays in the dashes.
    return np.asarray(binary_opening(found, np.ones(max(1, times.size // SHORTEST))), dtype=bool)


def outlined(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All samples within but the first and last of every part, at which another line goes on."""
    return np.asarray(binary_erosion(inside, border_value=1), dtype=bool)


def difference_over_time(a: Trace, b: Trace, shown: Sequence[int]) -> Difference | None:
    """The largest |b − a| over the cells that both have, at each time; None if nothing compares."""
    cells = common_cells([a, b])
    if a.values.shape[0] * cells.size > MOST_VALUES:
        cells = np.asarray(shown, dtype=np.int32)
    in_a, in_b = _columns(a, cells), _columns(b, cells)
    found = compare_traces(
        a.times, a.values[:, in_a], b.times, b.values[:, in_b], keep_difference=True
    )
    if found.times is None or found.difference is None or not found.times.size:
        return None
    size = np.abs(found.difference)
    # A cell that is not finite in a run is not compared; it must not hide the others.
    size[~np.isfinite(size)] = 0.0
    return Difference(found.times, size.max(axis=1))


def round_off_limit(traces: Sequence[Trace]) -> float:
    """The difference above which values of these traces are not the same to round-off."""
    low = min((float(np.nanmin(t.values)) for t in traces if t.values.size), default=0.0)
    high = max((float(np.nanmax(t.values)) for t in traces if t.values.size), default=0.0)
    return ROUND_OFF * max(high - low, REST * max(abs(low), abs(high)))


def population_sizes(recordings: Mapping[str, Recording], order: Sequence[str]) -> dict[str, int]:
    """The cells of every population with spikes recorded, in the order given, then as found."""
    names = dict.fromkeys(name for r in recordings.values() for name in r.spikes)
    ordered = [n for n in order if n in names] + [n for n in names if n not in order]
    return {name: max(_size(r, name) for r in recordings.values()) for name in ordered}


def _size(recording: Recording, name: str) -> int:
    spikes = recording.spikes.get(name)
    seen = int(spikes.cells.max()) + 1 if spikes is not None and len(spikes) else 1
    return max(recording.sizes.get(name, 1), seen)


def stacked(recording: Recording, sizes: Mapping[str, int]) -> tuple[Floats, Floats]:
    """All spikes with the populations one above the other: times [ms] and rows."""
    times: list[Floats] = []
    rows: list[Floats] = []
    base = 0
    for name, size in sizes.items():
        if name in recording.spikes:
            times.append(recording.spikes[name].times)
            rows.append(np.asarray(recording.spikes[name].cells + base, dtype=np.float64))
        base += size
    empty = np.empty(0)
    return np.concatenate([empty, *times]), np.concatenate([empty, *rows])


def match_all(a: Recording, b: Recording, sizes: Mapping[str, int], tolerance_ms: float) -> Matched:
    """Match the spikes of all populations at once, as the comparison does one by one."""
    times_a, rows_a = stacked(a, sizes)
    times_b, rows_b = stacked(b, sizes)
    match = match_spikes(
        times_a,
        rows_a.astype(np.int64),
        times_b,
        rows_b.astype(np.int64),
        tolerance_ms,
        indices=True,
    )
    assert match.pairs is not None
    assert match.missing_spikes is not None
    assert match.extra_spikes is not None
    pair = match.pairs[:, 0]
    return Matched(
        (times_a[pair], rows_a[pair]),
        (times_a[match.missing_spikes], rows_a[match.missing_spikes]),
        (times_b[match.extra_spikes], rows_b[match.extra_spikes]),
    )


def cells_to_skip(marked: Sequence[tuple[Floats, Floats]], cells: int, most: int) -> int:
    """The smallest n such that the spikes of every n-th cell are about *most* at most."""
    total = sum(times.size for times, _ in marked)
    return max(1, min(-(-total // most), cells // 20))


def every_cell(
    spikes: tuple[Floats, Floats], sizes: Mapping[str, int], every: int
) -> tuple[Floats, Floats]:
    """The spikes of every n-th cell of each population, from its first."""
    if every == 1:
        return spikes
    times, rows = spikes
    edges = np.cumsum([0, *sizes.values()])
    first = edges[np.searchsorted(edges, rows, side="right") - 1]
    chosen = (rows - first) % every == 0
    return times[chosen], rows[chosen]


def _columns(trace: Trace, cells: NDArray[np.int32]) -> NDArray[np.int64]:
    order = np.argsort(trace.cells, kind="stable")
    return order[np.searchsorted(trace.cells, cells, sorter=order)]
