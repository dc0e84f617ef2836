"""How far a recording is from the truth: errors of spike times and of traces, and the error asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError
from ...core.recording import Recording, Spikes, Trace
from ...core.units import TIME, Quantity, describe
from . import compare_traces
from .ordering import Floats, Integers, sort_by_cell

END_SHIFTS = 2.0
"""A last spike without a partner is left out within this many of its cell's largest shifts of the end.

Near the end of a run a spike may be just inside in one recording and just outside in the other.
"""


@dataclass(frozen=True)
class ErrorBound:
    """An error asked for: ``spikes`` within ``value`` ms, or ``traces`` within ``value`` of their range."""

    kind: Literal["spikes", "traces"]
    value: float

    def __str__(self) -> str:
        return f"{self.value:g} ms" if self.kind == "spikes" else f"{100 * self.value:g} %"


def parse_error(text: str, where: str = "--error") -> ErrorBound:
    """Read ``0.05ms`` (spike times) or ``1%`` (traces, of their range).

    Raises InputError for another dimension and for what is not above 0, or not below 100 %.
    """
    allowed = 'give a time for spikes, such as "0.05ms", or a share for traces, such as "1%"'
    stripped = text.strip()
    if stripped.endswith("%"):
        share = Quantity.parse(stripped[:-1].strip(), where)
        if not share.dimension.is_dimensionless:
            raise InputError(where, f"{text!r} is no percentage; {allowed}")
        bound = ErrorBound("traces", share.internal / 100)
        if bound.value >= 1.0:
            raise InputError(where, f"{text} is the whole range of a trace; it has to be < 100 %")
    else:
        given = Quantity.parse(stripped, where)
        if given.dimension.is_dimensionless:
            raise InputError(where, f"{text!r} has no unit; {allowed}")
        if given.dimension != TIME:
            raise InputError(where, f"{text} is {describe(given.dimension)}; {allowed}")
        bound = ErrorBound("spikes", given.internal)
    if bound.value <= 0.0:
        raise InputError(where, f"{text} is not above 0; {allowed}")
    return bound


@dataclass(frozen=True, eq=False)
class SpikePairs:
    """The spikes of a population in two recordings, the k-th of a cell with the k-th of the same cell.

    ``found`` and ``truth`` [ms] and ``cells`` have shape (n,), ordered by cell, then time. ``unlike`` are
    cells with another number of spikes, of which none is here; ``n_at_end`` last spikes were left out because
    their partner may lie beyond the end of the run.
    """

    cells: Integers
    found: Floats
    truth: Floats
    unlike: Integers
    n_at_end: int

    @property
    def shift(self) -> Floats:
        """found − truth in ms, shape (n,); negative where found is early."""
        return self.found - self.truth


def pair_spikes(found: Spikes, truth: Spikes, end_ms: float, dt_ms: float) -> SpikePairs:
    """Pair spikes by their order within each cell; *end_ms* is where the shorter recording ends.

    Order, not nearness, for a bound on the shift would hide the error that is to be measured.
    """
    a = sort_by_cell(found.times, found.cells, "pair_spikes", "_found")
    b = sort_by_cell(truth.times, truth.cells, "pair_spikes", "_truth")
    ids = np.union1d(a.ids, b.ids)
    n_a, n_b = np.zeros((2, ids.size), dtype=np.int64)
    n_a[np.searchsorted(ids, a.ids)] = a.counts
    n_b[np.searchsorted(ids, b.ids)] = b.counts
    common = np.minimum(n_a, n_b)
    first_a, first_b = np.cumsum(n_a) - n_a, np.cumsum(n_b) - n_b
    owner = np.repeat(np.arange(ids.size), common)
    rank = np.arange(owner.size) - np.repeat(np.cumsum(common) - common, common)
    t_a, t_b = a.times[first_a[owner] + rank], b.times[first_b[owner] + rank]

    largest = np.full(ids.size, dt_ms)
    np.maximum.at(largest, owner, np.abs(t_a - t_b))
    one_more = np.abs(n_a - n_b) == 1
    last = np.full(ids.size, -math.inf)
    for times, counts, first in ((a.times, n_a, first_a), (b.times, n_b, first_b)):
        longer = one_more & (counts > common)
        last[longer] = times[first[longer] + counts[longer] - 1]
    at_end = one_more & (last >= end_ms - END_SHIFTS * largest)
    unlike = (n_a != n_b) & ~at_end
    keep = ~unlike[owner]
    return SpikePairs(ids[owner][keep], t_a[keep], t_b[keep], ids[unlike], int(at_end.sum()))


@dataclass(frozen=True)
class TraceError:
    """The error of one variable, over its range in the truth: the largest, the root mean square.

    ``max_abs`` is in ``unit``. ``bound`` is the largest error of interpolation that was taken off, in the
    same unit; 0 where both were sampled at common times.
    """

    population: str
    variable: str
    unit: str
    max_abs: float
    relative: float
    rms: float
    bound: float
    n_compared: int


@dataclass(frozen=True)
class Accuracy:
    """The error of a recording: of its spikes in ms, of its traces as shares of their range.

    ``spike_ms`` is the largest |shift| of any spike, None unless every cell has as many spikes as in the
    truth (``counts_agree``) and there are any; ``spike_rms_ms`` and ``spike_mean_ms`` (signed, negative where
    early) likewise. ``n_unlike`` counts the cells with another number of spikes. ``traces`` are over the
    whole run, ``before`` over the time before any spike of the population in either recording, empty if
    that is less than three samples.
    """

    n_found: int
    n_truth: int
    n_unlike: int
    n_at_end: int
    spike_ms: float | None
    spike_rms_ms: float | None
    spike_mean_ms: float | None
    traces: tuple[TraceError, ...]
    before: tuple[TraceError, ...]

    @property
    def counts_agree(self) -> bool:
        """Whether every cell has as many spikes as in the truth."""
        return self.n_unlike == 0

    @property
    def trace_rms(self) -> float | None:
        """The largest root mean square error of any trace over its range; None without traces.

        The measure for ``1%``: where a cell spikes, a spike one step late makes the largest error of its
        trace the whole range, however small the step.
        """
        return max((t.rms for t in self.traces), default=None)

    @property
    def trace_max(self) -> float | None:
        """The largest error of any trace over its range; None without traces."""
        return max((t.relative for t in self.traces), default=None)

    @property
    def before_max(self) -> float | None:
        """The largest error of any trace before the first spike, over the range of the whole run."""
        return max((t.relative for t in self.before), default=None)

    def of(self, kind: Literal["spikes", "traces"]) -> float | None:
        """The error that a bound of that kind is held against; None where it is not defined."""
        return self.spike_ms if kind == "spikes" else self.trace_rms

    def meets(self, bound: ErrorBound) -> bool:
        """Whether the error is within a bound; a wrong number of spikes meets none on spikes.

        A bound on traces does not ask for the number of spikes.
        """
        error = self.of(bound.kind)
        return error is not None and error <= bound.value

    @property
    def in_words(self) -> str:
        """The errors in one line."""
        said = []
        if not self.counts_agree:
            cells = "1 cell" if self.n_unlike == 1 else f"{self.n_unlike} cells"
            said.append(
                f"{self.n_found} spikes instead of {self.n_truth}, {cells} with another number"
            )
        elif self.spike_ms is not None:
            said.append(f"all {self.n_truth} spikes within {self.spike_ms:.2g} ms")
        else:
            said.append("no spikes")
        if self.trace_rms is not None:
            said.append(f"traces within {100 * self.trace_rms:.2g} % of their range (rms)")
        return ", ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "counts_agree": self.counts_agree, "trace_rms": self.trace_rms}


def accuracy(found: Recording, truth: Recording, until_ms: float = math.inf) -> Accuracy:
    """The error of *found* against *truth*, of one experiment run with any two steps, until *until_ms*.

    Samples are compared at common times where half of the coarser ones have a partner, else the finer
    recording is interpolated and only the part of a difference beyond the largest possible error of that
    counts (`metrics.compare_traces`): no simulator is blamed for an interpolation.

    Raises InputError if the two share neither a population nor a trace.
    """
    names = [name for name in truth.spikes if name in found.spikes]
    keys = [key for key in truth.traces if key in found.traces]
    if not names and not keys:
        raise InputError("accuracy", "the recordings have no population and no trace in common")
    if math.isfinite(until_ms):
        found, truth = (replace(r, spikes=_until(r.spikes, until_ms)) for r in (found, truth))
    end = min(found.duration_ms, truth.duration_ms, until_ms)
    step = max(found.dt_ms, 0.0)
    pairs = [pair_spikes(found.spikes[n], truth.spikes[n], end, step) for n in names]
    shifts = np.concatenate([np.empty(0), *(p.shift for p in pairs)])
    n_unlike = sum(p.unlike.size for p in pairs)
    whole = shifts.size > 0 and n_unlike == 0
    first = {n: _first_spike(found.spikes[n], truth.spikes[n]) for n in names}
    traces = [_trace_error(key, found.traces[key], truth.traces[key], until_ms) for key in keys]
    before = [
        _trace_error(
            key, found.traces[key], truth.traces[key], min(first.get(key[0], math.inf), until_ms)
        )
        for key in keys
    ]
    return Accuracy(
        n_found=sum(len(found.spikes[n]) for n in names),
        n_truth=sum(len(truth.spikes[n]) for n in names),
        n_unlike=n_unlike,
        n_at_end=sum(p.n_at_end for p in pairs),
        spike_ms=float(np.abs(shifts).max()) if whole else None,
        spike_rms_ms=float(np.sqrt(np.mean(shifts**2))) if whole else None,
        spike_mean_ms=float(shifts.mean()) if whole else None,
        traces=tuple(t for t in traces if t is not None),
        before=tuple(t for t in before if t is not None),
    )


def _until(spikes: Mapping[str, Spikes], until_ms: float) -> dict[str, Spikes]:
    """The spikes up to a time."""
    return {
        name: Spikes(s.times[s.times <= until_ms], s.cells[s.times <= until_ms])
        for name, s in spikes.items()
    }


def _first_spike(*recordings: Spikes) -> float:
    """When the first spike of any recording is [ms]; infinite without one."""
    return min((float(s.times.min()) for s in recordings if len(s)), default=math.inf)


def _trace_error(
    key: tuple[str, str], found: Trace, truth: Trace, until_ms: float = math.inf
) -> TraceError | None:
    """The error of one variable in samples before *until_ms*; None if fewer than three of either are."""
    population, variable = key
    if found.unit != truth.unit:
        raise InputError(
            f"{population}.{variable}", f"one is in {found.unit!r}, the truth in {truth.unit!r}"
        )
    _, in_found, in_truth = np.intersect1d(found.cells, truth.cells, return_indices=True)
    # A sample at the very time of a spike is after its reset in one, before it in another.
    slack = 1e-9 * max(1.0, abs(until_ms)) if math.isfinite(until_ms) else 0.0
    rows = [int(np.searchsorted(t.times, until_ms - slack)) for t in (found, truth)]
    if not in_found.size or min(rows) < 3:
        return None
    difference = compare_traces(
        truth.times[: rows[1]],
        truth.values[: rows[1], in_truth],
        found.times[: rows[0]],
        found.values[: rows[0], in_found],
    )
    if not difference.n_compared or not math.isfinite(difference.max_abs):
        return None
    scale = _range(truth.values[:, in_truth])
    return TraceError(
        population,
        variable,
        truth.unit,
        difference.max_abs,
        difference.max_abs / scale,
        difference.rms / scale,
        difference.interpolation_bound,
        difference.n_compared,
    )


def _range(values: Floats) -> float:
    """The range of a variable, at least 10⁻³ of its largest size: at rest it is only rounding."""
    low, high = float(values.min()), float(values.max())
    return max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-300)


def spiking(recordings: Iterable[Recording]) -> bool:
    """Whether any recording has a spike."""
    return any(len(spikes) for r in recordings for spikes in r.spikes.values())
