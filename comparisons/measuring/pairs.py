"""Two recordings of one model compared: the matching of spikes, the difference of traces, the verdict."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from ...core.caveats import Caveat
from ...core.errors import InputError
from ...core.recording import Recording, Spikes, Trace
from . import ROUND_OFF, columns_of, compare_traces, match_spikes
from .caveats import capped, caveats_of_recording

Verdict = Literal["identical", "round-off", "close", "undecided", "different"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the one that says most to the one that says least.

``undecided``: nothing differs beyond the tolerance in what was seen, but not all was.
"""
QUIET_TRACES = 0.01
"""Traces of a population without spikes are close within this share of their range, everywhere."""
SPIKING_TRACES = 0.25
"""Traces of a spiking population are close within this share of their range, as root mean square.

A spike one step late makes one sample wrong by the whole range; at 500 Hz and 0.1 ms these are 5 % of the
samples, whose root mean square is 0.22 of the range.
"""


@dataclass(frozen=True)
class TraceRow:
    """How far one variable of two runs differs; values in ``unit``, times in ms.

    ``relative`` is the largest difference, ``relative_rms`` its root mean square, both over the range of
    the variable; ``n_not_finite`` counts samples that are NaN or infinite in either.
    """

    population: str
    variable: str
    unit: str
    max_abs: float
    rms: float
    relative: float
    relative_rms: float
    first_divergence: dict[str, float | int] | None
    grid: str
    n_compared: int
    n_missing: int
    n_extra: int
    n_not_finite: int
    identical: bool

    @property
    def whole(self) -> bool:
        """Whether both cover the same samples with finite numbers."""
        return not (self.unseen or self.n_not_finite)

    @property
    def unseen(self) -> str:
        """What of the samples was not compared, in words; empty if all were."""
        name = f"{self.population}.{self.variable}"
        if self.n_compared == 0:
            return f"{name} was never sampled at times that can be compared"
        alone = self.n_missing + self.n_extra
        samples = f"sample of {name} has" if alone == 1 else f"samples of {name} have"
        return f"{alone:,} {samples} no partner" if alone else ""


@dataclass(frozen=True)
class SpikeRow:
    """How the spikes of one population of two runs match one to one; times in ms.

    ``first_mismatch_ms`` is the time of the first spike without a partner, None if all have one; the shifts
    are None if no spike has one. Of the spikes without a partner, ``alone`` are of cells silent in the other
    run, and the others up to ``farthest_ms`` from the nearest spike of their cell there; None without any.
    """

    population: str
    n_a: int
    n_b: int
    matched: int
    missing: int
    extra: int
    max_shift_ms: float | None
    rms_shift_ms: float | None
    mean_shift_ms: float | None
    first_mismatch_ms: float | None
    farthest_ms: float | None
    alone: int
    identical: bool


@dataclass(frozen=True)
class Pair:
    """Two runs compared: the verdict, and the traces and spikes that led to it.

    ``agree_until_ms`` is when spikes or traces first differ by more than round-off; None if never.
    ``caveats`` are what was not seen or cannot be trusted, of either: with one that limits, the verdict is
    ``undecided`` unless something differs; ``of_seen`` is the verdict of what was compared, whatever stands
    beside it. ``unmatched`` are remarks on what only one of the two has.
    """

    a: str
    b: str
    verdict: Verdict
    agree_until_ms: float | None
    tolerance_ms: float
    traces: tuple[TraceRow, ...]
    spikes: tuple[SpikeRow, ...]
    caveats: tuple[Caveat, ...] = ()
    unmatched: tuple[str, ...] = ()
    of_seen: Verdict = "undecided"

    @property
    def spikes_until_ms(self) -> float | None:
        """The time of the first spike that the two do not share; None if they share all."""
        times = [r.first_mismatch_ms for r in self.spikes if r.first_mismatch_ms is not None]
        return min(times, default=None)

    @property
    def in_words(self) -> str:
        """The verdict with its main numbers."""
        return self.words_beside(())

    def words_beside(self, said_there: Container[Caveat]) -> str:
        """`in_words` without the caveats that are said elsewhere beside it."""
        said = [self._about_agreement()]
        broken = [r for r in self.traces if r.n_not_finite]
        if broken:
            names = ", ".join(f"{r.population}.{r.variable}" for r in broken)
            said.append(f"{names} is not finite in {sum(r.n_not_finite for r in broken)} samples")
        caveats = dict.fromkeys(str(c) for c in self.caveats if c not in said_there)
        return "; ".join([*said, *caveats, *self.unmatched])

    def _about_agreement(self) -> str:
        n_a = sum(row.n_a for row in self.spikes)
        n_b = sum(row.n_b for row in self.spikes)
        compared = [row.relative for row in self.traces if row.n_compared]
        relative = max(compared, default=0.0)
        if self.verdict == "identical":
            if not self.traces:
                return f"every spike ({n_a:,}) is the same to the bit; no traces to compare"
            if not n_a:
                return "no spikes; every sample is the same to the bit"
            return f"every spike ({n_a:,}) and every sample are the same to the bit"
        traces = "no sample of a trace was compared" if self.traces else "no traces"
        if compared:
            traces = f"traces within {relative:.1e} of their range"
        if n_a == n_b == 0 and not self.traces:
            return "neither has a spike nor a trace, so there is nothing to tell them apart by"
        if n_a == n_b == 0:
            return f"no spikes; {traces}"
        until = self.spikes_until_ms
        matched = sum(row.matched for row in self.spikes)
        same = until is None and matched == n_a == n_b
        if same and relative <= ROUND_OFF:
            return f"all {n_a:,} spikes the same, {traces}"
        if not matched:
            words = f"none of {max(n_a, n_b):,} spikes within {self.tolerance_ms:g} ms of another's"
            return f"{words}: {self._about_the_rest()}"
        if same:
            return f"all {n_a:,} spikes the same, but {traces} (round-off: {ROUND_OFF:g})"
        shift = max((r.max_shift_ms or 0.0 for r in self.spikes), default=0.0)
        words = f"{matched:,} of {max(n_a, n_b):,} spikes within {self.tolerance_ms:g} ms"
        words += f", largest shift {shift:.3g} ms"
        if rest := self._about_the_rest():
            words += f" of these; the others {rest}"
        if until is None:
            return f"{words}; {traces}"
        return f"{words}; the same spikes until {until:g} ms" if until > 0 else words

    def _about_the_rest(self) -> str:
        """How far the spikes without a partner are from what is nearest; nothing if all have one."""
        far = [row.farthest_ms for row in self.spikes if row.farthest_ms is not None]
        alone = sum(row.alone for row in self.spikes)
        if not far:
            return "of cells that are silent in the other" if alone else ""
        words = f"up to {max(far):.3g} ms from the nearest of their cell"
        return f"{words}, or ({alone:,}) of cells silent in the other" if alone else words


def compare_recordings(
    a: Recording,
    b: Recording,
    names: tuple[str, str],
    tolerance_ms: float,
    caveats: Sequence[Caveat] | None = None,
) -> Pair:
    """Compare two recordings of one model.

    *caveats* are what is known not to have been seen of the two; by default it is looked for. A population,
    cells, samples or time that only one of them recorded are added, so that the verdict is undecided at best.
    Where one holds spikes alone it is close at best, for the other's traces were not compared. Raises
    InputError when they have nothing in common or traces in different units.
    """
    spikes = tuple(
        compare_spikes(name, a.spikes[name], b.spikes[name], tolerance_ms, min(a.dt_ms, b.dt_ms))
        for name in a.spikes
        if name in b.spikes
    )
    traces = tuple(
        compare_one_trace(key, a.traces[key], b.traces[key]) for key in a.traces if key in b.traces
    )
    if not spikes and not traces:
        raise InputError(
            f"{names[0]}, {names[1]}",
            "have no population and no trace in common; "
            f"one has {', '.join(a.spikes) or 'none'}, the other {', '.join(b.spikes) or 'none'}",
        )
    if caveats is None:
        caveats = [
            caveat
            for recording, name in ((a, names[0]), (b, names[1]))
            for caveat in caveats_of_recording(recording, name)
        ]
    limits, remarks = _unmatched(a, b, names)
    found = (*caveats, *limits, *(_only(words) for row in traces if (words := row.unseen)))
    of_seen = _verdict(spikes, traces, whole=not remarks)
    verdict = capped(of_seen, found, "undecided", VERDICTS)
    until = _agree_until(spikes, traces)
    return Pair(
        *names, verdict, until, tolerance_ms, traces, spikes, found, tuple(remarks), of_seen
    )


def _unmatched(
    a: Recording, b: Recording, names: tuple[str, str]
) -> tuple[list[Caveat], list[str]]:
    """What one recording has and the other has not: parts that were not compared, and remarks.

    A file of spikes alone says nothing about traces nor about how long it was recorded: only a remark.
    """
    limits: list[Caveat] = []
    remarks: list[str] = []
    for one, other, name in ((a, b, names[0]), (b, a, names[1])):
        for population in sorted(one.spikes.keys() - other.spikes.keys()):
            limits.append(_only(f"only {name} has spikes of {population}"))
        for population, variable in sorted(one.traces.keys() - other.traces.keys()):
            words = f"only {name} has {population}.{variable}"
            if other.traces:
                limits.append(_only(words))
            else:
                remarks.append(words)
    for key in sorted(a.traces.keys() & b.traces.keys()):
        cells = set(a.traces[key].cells.tolist()) ^ set(b.traces[key].cells.tolist())
        if cells:
            limits.append(_only(f"{len(cells)} cells of {'.'.join(key)} are in one recording only"))
    known = (a.provenance or a.traces) and (b.provenance or b.traces)
    if known and abs(a.duration_ms - b.duration_ms) > 1.5 * max(a.dt_ms, b.dt_ms):
        limits.append(
            _only(f"{names[0]} lasts {a.duration_ms:g} ms, {names[1]} {b.duration_ms:g} ms")
        )
    return limits, remarks


def _only(words: str) -> Caveat:
    return Caveat("not read", "", words)


def compare_spikes(
    population: str, a: Spikes, b: Spikes, tolerance_ms: float, dt_ms: float
) -> SpikeRow:
    """Match the spikes of one population and say where they first part."""
    # A shift of less than a millionth of a step is the rounding of step·dt.
    match = match_spikes(a.times, a.cells, b.times, b.cells, tolerance_ms, apart=1e-6 * dt_ms)
    same = len(a) == len(b) and bool(
        np.array_equal(a.times, b.times) and np.array_equal(a.cells, b.cells)
    )
    shifts: tuple[float | None, float | None, float | None] = (None, None, None)
    if match.matched:
        shifts = (match.max_shift, match.rms_shift, match.mean_shift)
    return SpikeRow(
        population,
        match.n_a,
        match.n_b,
        match.matched,
        match.missing,
        match.extra,
        *shifts,
        match.first_mismatch,
        match.farthest,
        match.alone,
        same,
    )


def compare_one_trace(key: tuple[str, str], a: Trace, b: Trace) -> TraceRow:
    """Compare one variable of the cells that both recorded; InputError if units or cells differ."""
    population, variable = key
    if a.unit != b.unit:
        raise InputError(
            f"{population}.{variable}", f"one recording is in {a.unit!r}, the other in {b.unit!r}"
        )
    common, in_a, in_b = np.intersect1d(a.cells, b.cells, return_indices=True)
    if not common.size:
        raise InputError(f"{population}.{variable}", "the recordings have no cell in common")
    difference = compare_traces(
        a.times, columns_of(a.values, in_a), b.times, columns_of(b.values, in_b)
    )
    first = difference.first_divergence
    return TraceRow(
        population,
        variable,
        a.unit,
        difference.max_abs,
        difference.rms,
        difference.relative,
        difference.rms / difference.range if difference.range > 0 else 0.0,
        None if first is None else {"t_ms": first.time, "cell": int(common[first.cell])},
        difference.grid,
        difference.n_compared,
        difference.n_missing,
        difference.n_extra,
        difference.n_not_finite_a + difference.n_not_finite_b,
        difference.identical,
    )


def _verdict(spikes: Sequence[SpikeRow], traces: Sequence[TraceRow], whole: bool) -> Verdict:
    """The best verdict that spikes, traces and what is missing allow."""
    if not traces and not any(row.n_a or row.n_b for row in spikes):
        return "undecided"  # nothing was there to differ
    if whole and all(r.identical for r in spikes) and all(r.identical for r in traces):
        return "identical"
    whole = whole and all(row.whole for row in traces)
    same_spikes = all(row.first_mismatch_ms is None and row.n_a == row.n_b for row in spikes)
    if whole and same_spikes and all(row.relative <= ROUND_OFF for row in traces):
        return "round-off"
    if any(row.n_not_finite for row in traces):
        return "different"
    if any(row.missing or row.extra for row in spikes):
        return "different"
    spiking = {row.population for row in spikes if row.n_a or row.n_b}
    for row in traces:
        if not row.n_compared:
            continue
        near = row.relative_rms <= SPIKING_TRACES
        if row.population not in spiking:
            near = row.relative <= QUIET_TRACES
        if not near:
            return "different"
    return "close"


def _agree_until(spikes: Sequence[SpikeRow], traces: Sequence[TraceRow]) -> float | None:
    times = [row.first_mismatch_ms for row in spikes if row.first_mismatch_ms is not None]
    times += [float(row.first_divergence["t_ms"]) for row in traces if row.first_divergence]
    return min(times, default=None)


def pair_to_dict(pair: Pair) -> dict[str, Any]:
    """A pair as plain data; what could not be computed is null, since JSON has no NaN."""
    plain: dict[str, Any] = json_safe({**asdict(pair), "in_words": pair.in_words})
    return plain


def json_safe(value: Any) -> Any:
    """A value that JSON can hold: NumPy's numbers as Python's, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(name): json_safe(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
