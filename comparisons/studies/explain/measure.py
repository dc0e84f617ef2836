"""How far two recordings disagree, as one number between 0 and 1 and the numbers behind it.

The share of a disagreement that a cause explains is a ratio of two such numbers, so the number has to be 0
where nothing but round-off is left, graded where spikes are shifted a little, and 1 where the two are as
far apart as two unrelated recordings.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.recording import Recording, Spikes, Trace
from ...measuring import ROUND_OFF, match_spikes
from ...measuring.pairs import (
    Pair,
    TraceRow,
    Verdict,
    compare_one_trace,
    compare_recordings,
    json_safe,
)

WINDOW_MS = 1.0
"""Spikes further apart than this, the width of a spike, share nothing; two steps where dt is longer."""


@dataclass(frozen=True)
class Disagreement:
    """How far two recordings disagree.

    ``spikes``: the mean over all spikes of both of min(1, shift/`WINDOW_MS`), 1 for a spike without a
    partner in the window; None without spikes. ``traces``: the root mean square difference of each variable
    over √(var a + var b), the value it has for two unrelated recordings, at most 1; samples that only one
    has count as 1, and so does what is not finite; the mean over variables; None without traces.
    ``total`` is the mean of the two that there are.

    ``matched_spikes`` are those with a partner within the tolerance of the comparison, of ``n_spikes``, the
    larger number: the numbers of the pair's verdict, and the only count of spikes in an explanation.
    ``spikes_until_ms`` is the time of the first spike that is not shared, ``until_ms`` that of the first
    difference of anything beyond round-off, each None if there is none.
    """

    total: float
    spikes: float | None
    traces: float | None
    matched_spikes: int
    n_spikes: int
    spikes_until_ms: float | None
    until_ms: float | None
    verdict: Verdict
    in_words: str

    @property
    def settled(self) -> bool:
        """Whether nothing but round-off is left."""
        return self.verdict in ("identical", "round-off")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain: dict[str, Any] = json_safe(asdict(self))
        return plain


def disagreement(
    a: Recording,
    b: Recording,
    names: tuple[str, str] = ("a", "b"),
    tolerance_ms: float | None = None,
) -> Disagreement:
    """Measure two recordings of one model; InputError where they have nothing in common."""
    dt = min(a.dt_ms, b.dt_ms)
    pair = compare_recordings(
        a, b, names, max(a.dt_ms, b.dt_ms) if tolerance_ms is None else tolerance_ms
    )
    spikes = _spikes(a, b, dt)
    traces = None if pair.verdict == "identical" and not pair.traces else _traces(a, b, pair)
    parts = [part for part in (spikes, traces) if part is not None]
    total = 0.0
    if pair.verdict not in ("identical", "round-off"):
        total = sum(parts) / len(parts) if parts else 1.0
        if pair.unmatched and not parts:
            total = 1.0
    return Disagreement(
        total,
        spikes,
        traces,
        sum(r.matched for r in pair.spikes),
        _n_spikes(pair),
        pair.spikes_until_ms,
        pair.agree_until_ms,
        pair.verdict,
        pair.in_words,
    )


def _n_spikes(pair: Pair) -> int:
    """The larger number of spikes of the two."""
    return max(sum(row.n_a for row in pair.spikes), sum(row.n_b for row in pair.spikes))


def _spikes(a: Recording, b: Recording, dt: float) -> float | None:
    """The disagreement of the spikes; None without any."""
    window = max(WINDOW_MS, 2 * max(a.dt_ms, b.dt_ms))
    penalty, n_both = 0.0, 0
    for name in sorted(a.spikes.keys() & b.spikes.keys()):
        one, other = a.spikes[name], b.spikes[name]
        match = match_spikes(one.times, one.cells, other.times, other.cells, window, indices=True)
        assert match.pairs is not None
        shifts = np.abs(one.times[match.pairs[:, 0]] - other.times[match.pairs[:, 1]])
        shifts = np.where(shifts <= 1e-6 * dt, 0.0, shifts)
        penalty += 2 * float(np.minimum(shifts / window, 1.0).sum()) + match.missing + match.extra
        n_both += match.n_a + match.n_b
    for name in a.spikes.keys() ^ b.spikes.keys():
        lonely = len(a.spikes.get(name) or b.spikes[name])
        penalty, n_both = penalty + lonely, n_both + lonely
    return penalty / n_both if n_both else None


def _traces(a: Recording, b: Recording, pair: Pair) -> float | None:
    keys = [(row.population, row.variable) for row in pair.traces]
    found = [
        _trace(row, a.traces[key], b.traces[key])
        for row, key in zip(pair.traces, keys, strict=True)
    ]
    return sum(found) / len(found) if found else None


def _trace(found: TraceRow, a: Trace, b: Trace) -> float:
    """The distance of one variable, 0 to 1; 0 for round-off. *found* is how a and b compare."""
    common, in_a, in_b = np.intersect1d(a.cells, b.cells, return_indices=True)
    one, other = a.values[:, in_a], b.values[:, in_b]
    finite = [values[np.isfinite(values)] for values in (one, other)]
    variance = sum(float(np.var(values)) if values.size else 0.0 for values in finite)
    if not found.n_compared or not math.isfinite(found.rms):
        share = 1.0
    elif found.relative <= ROUND_OFF:
        share = 0.0
    elif variance > 0:
        share = min(1.0, found.rms / math.sqrt(variance))
    else:
        share = 1.0
    n_bad = found.n_not_finite / max(1, common.size)
    lonely = found.n_missing + found.n_extra + min(n_bad, found.n_compared)
    both = found.n_compared + found.n_missing + found.n_extra
    compared = both - lonely
    return float((share * compared + lonely) / both) if both else 1.0


def growing_error(a: Recording, b: Recording) -> tuple[float, str] | None:
    """A measure that an integrator's error is proportional to, and its unit; None where nothing is.

    The mean distance [ms] of the k-th spikes of the same cells, or the largest difference of a trace where
    nothing spikes. Where a cell has two spikes more in one of the two, errors have grown beyond proportion.
    """
    shifts: list[NDArray[np.float64]] = []
    for name in a.spikes.keys() & b.spikes.keys():
        one, other = a.spikes[name], b.spikes[name]
        size = 1 + max(one.cells.max(initial=-1), other.cells.max(initial=-1))
        counts = [np.bincount(spikes.cells, minlength=size) for spikes in (one, other)]
        if np.abs(counts[0] - counts[1]).max(initial=0) > 1:
            return None
        shifts.append(_ordinal_shifts(one, other, counts[0], counts[1]))
    moved = np.concatenate([*shifts, np.empty(0)])
    if moved.size:
        return float(np.abs(moved).mean()), "ms"
    keys = [key for key in a.traces if key in b.traces]
    rows = [compare_one_trace(key, a.traces[key], b.traces[key]) for key in keys]
    return (max(row.max_abs for row in rows), rows[0].unit) if len(rows) == 1 else None


def _ordinal_shifts(
    a: Spikes, b: Spikes, n_a: NDArray[np.int64], n_b: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The k-th spike of a cell in b minus the k-th in a, for all that have both."""
    n = np.minimum(n_a, n_b)
    kept = []
    for spikes, counts in ((a, n_a), (b, n_b)):
        order = np.lexsort((spikes.times, spikes.cells))
        cells = spikes.cells[order]
        rank = np.arange(cells.size) - np.repeat(np.cumsum(counts) - counts, counts)
        kept.append(spikes.times[order][rank < n[cells]])
    return np.asarray(kept[1] - kept[0])


def share_removed(before: Disagreement, after: Disagreement) -> float:
    """The share of a disagreement that a change took away; negative where it grew.

    1 if nothing but round-off is left.
    """
    if after.settled:
        return 1.0
    return 1.0 - after.total / before.total if before.total > 0 else 0.0
