"""Spikes that only one of two recordings has: a head or tail, cells, doublets, every n-th, crowded steps.

Fewer spikes are not lost spikes: which of the two is wrong, two recordings do not tell. A rule is said only
where it holds for every spike, those that are there and those that are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....core.recording import Recording, Spikes
from ...measuring import match_spikes
from .hypothesis import Hypothesis, with_recording
from .recorded_values import common, near
from .time_maps import tight

Missing = Mapping[str, NDArray[np.bool_]]
_DOUBLET_MS = 5.0
"""A second spike this soon after another of its cell is one of a doublet."""


def missing_spike_hypotheses(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Spikes of the other that the first has not, while all that it has are there."""
    missing: dict[str, NDArray[np.bool_]] = {}
    for name in a.spikes.keys() & b.spikes.keys():
        one, other = a.spikes[name], b.spikes[name]
        found = match_spikes(
            one.times, one.cells, other.times, other.cells, tight(one, other), indices=True
        )
        if found.missing:  # spikes of the first without a partner
            return
        gone = np.zeros(len(other), dtype=bool)
        if found.extra_spikes is not None:
            gone[found.extra_spikes] = True
        if gone.any():
            missing[name] = gone
    if not missing:
        return

    def drop(recording: Recording) -> Recording:
        spikes = dict(recording.spikes)
        for name, gone in missing.items():
            if len(spikes[name]) == gone.size:
                spikes[name] = Spikes(spikes[name].times[~gone], spikes[name].cells[~gone])
        ends = [float(s.times[-1]) for s in spikes.values() if len(s)]
        known = recording.traces or recording.provenance
        duration = recording.duration_ms if known else max([*ends, 0.0])
        return replace(recording, spikes=spikes, duration_ms=duration)

    words = _in_words(a, b, missing)
    yield Hypothesis(
        "lost_spikes",
        words,
        words,
        "b",
        with_recording(drop),
        0.85,
        place="spikes",
        exclusive="spikes",
        imitates=True,
    )


def _in_words(a: Recording, b: Recording, missing: Missing) -> str:
    cells = {name: np.unique(b.spikes[name].cells[gone]) for name, gone in missing.items()}
    whole = all(
        not np.isin(a.spikes[name].cells, lost).any()
        and len(np.unique(b.spikes[name].cells)) > len(lost)
        for name, lost in cells.items()
    )
    if whole:
        said = ", ".join(f"{name} {' '.join(map(str, lost[:5]))}" for name, lost in cells.items())
        count = sum(len(lost) for lost in cells.values())
        return f"has no spike of {count} cell{'s' if count > 1 else ''} ({said})"
    n = sum(int(gone.sum()) for gone in missing.values())
    n_all = sum(len(b.spikes[name]) for name in b.spikes)
    spikes = f"{n:,} of the other's {n_all:,} spikes"
    rule = _doublets(b, missing) or _span(a, b, missing) or _crowded(b, missing) or _every(missing)
    return f"lacks {spikes}{rule or ', for which no rule was found'}"


def _doublets(b: Recording, missing: Missing) -> str:
    """All that are missing follow a spike of their cell that is there, as soon as nothing else does."""
    after: list[float] = []
    others: list[float] = []
    for name, spikes in b.spikes.items():
        gone = missing.get(name, np.zeros(len(spikes), dtype=bool))
        order = np.lexsort((spikes.times, spikes.cells))
        lost, cells, times = gone[order], spikes.cells[order], spikes.times[order]
        # For every spike the place of the last one before it that is there.
        places = np.where(~lost, np.arange(lost.size), -1)
        before = np.r_[-1, np.maximum.accumulate(places)[:-1]] if lost.size else places
        same = (before >= 0) & (cells[before] == cells)
        gaps = np.where(same, times - times[before], np.inf)
        after += gaps[lost].tolist()
        others += gaps[~lost].tolist()
    low, high = min(after), max(after)
    if high > _DOUBLET_MS:
        return ""
    # Rounding: 0.1 ms after another comes out as 0.10000000000000142.
    if high - low <= 1e-6 * high + 1e-9:
        return f": doublets, each {low:.4g} ms after another spike of the same cell"
    if min(others, default=np.inf) <= high * (1 + 1e-6):
        return ""
    apart = f"{low:.3g} to {high:.3g} ms"
    return f": the second spikes of all its doublets, {apart} after another spike of the same cell"


def _span(a: Recording, b: Recording, missing: Missing) -> str:
    """All that are missing are those before, after or between two times."""
    gone = np.concatenate([b.spikes[name].times[lost] for name, lost in missing.items()])
    kept = np.concatenate([s.times for s in a.spikes.values()] or [np.empty(0)])
    if not kept.size or gone.size < 3:
        return ""
    first, last = float(gone.min()), float(gone.max())
    if last < kept.min():
        return f": all before its first, at {kept.min():.6g} ms (its head is missing)"
    if first > kept.max():
        return f": all after its last, at {kept.max():.6g} ms (its tail is missing)"
    if not ((kept >= first) & (kept <= last)).any():
        return f": all from {first:.6g} to {last:.6g} ms, in which it has none"
    return ""


def _crowded(b: Recording, missing: Missing) -> str:
    """Of every instant with more than k spikes, k are there."""
    limits: set[int] = set()
    for name, gone in missing.items():
        _, of, count = np.unique(b.spikes[name].times, return_inverse=True, return_counts=True)
        kept = np.bincount(of, weights=~gone).astype(int)
        losing = np.unique(of[gone])
        if not (count[losing] > 1).all():
            return ""
        limits |= set(kept[losing].tolist())
        if len(limits) != 1 or bool((kept > next(iter(limits))).any()):
            return ""
    return f", all in steps with more than {limits.pop()} of them"


def _every(missing: Missing) -> str:
    """Every n-th spike of each population, without exception."""
    found = set()
    for gone in missing.values():
        places = np.flatnonzero(gone) + 1
        n = int(places[0])
        if n < 2 or not np.array_equal(places, np.arange(n, gone.size + 1, n)):
            return ""
        found.add(n)
    if len(found) != 1:
        return ""
    n = found.pop()
    ending = {2: "nd", 3: "rd"}.get(n, "th")
    return f", every {n}{ending} of a population"


def end_hypotheses(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """A head or tail that the first lacks, by its samples or by where its spikes begin and end."""
    for early in (True, False):
        found = _end(a, b, early)
        if found is not None:
            yield found


def _end(a: Recording, b: Recording, early: bool) -> Hypothesis | None:
    edge, other = _edge(a, early), _edge(b, early)
    if edge is None or other is None:
        return None
    dt = max(a.dt_ms, b.dt_ms)
    missing = other - edge if not early else edge - other
    if not (a.traces and b.traces) and missing <= 3 * _longest_gap(b):
        return None
    if missing < 0.5 * dt:
        return None

    def inside(times: NDArray[np.float64]) -> NDArray[np.bool_]:
        return times >= edge - 1e-9 if early else times <= edge + 1e-9

    def cut(recording: Recording) -> Recording:
        spikes = {
            n: Spikes(s.times[inside(s.times)], s.cells[inside(s.times)])
            for n, s in recording.spikes.items()
        }
        traces = {}
        for key, trace in recording.traces.items():
            kept = np.flatnonzero(inside(trace.times))
            at = None if trace.at_ms is None else trace.at_ms[kept]
            start = float(trace.times[kept[0]]) if kept.size else trace.start_ms
            rows = slice(int(kept[0]), int(kept[-1]) + 1) if kept.size else slice(0)
            traces[key] = replace(trace, values=trace.values[rows], start_ms=start, at_ms=at)
        duration = recording.duration_ms if early else min(edge, recording.duration_ms)
        return replace(recording, spikes=spikes, traces=traces, duration_ms=duration)

    one = a.traces and b.traces and round(missing / dt) == 1
    if early:
        what = "one sample" if one else f"the first {missing:.6g} ms"
        words = f"lacks {what} of the recording: it begins at {edge:.6g} ms"
    else:
        what = "one sample" if one else f"the last {missing:.6g} ms"
        words = f"lacks {what} of the recording: it ends at {edge:.6g} ms"
    place = "head" if early else "tail"
    return Hypothesis(
        "recording_grid",
        words,
        words,
        "b",
        with_recording(cut),
        0.95,
        place=place,
        exclusive=place,
        imitates=True,
    )


def _edge(recording: Recording, early: bool) -> float | None:
    """When a recording begins or ends: by its samples, or by its spikes if it has none."""
    times = [t.times for t in recording.traces.values() if len(t.values)]
    if not times:
        times = [s.times for s in recording.spikes.values() if len(s)]
    if not times:
        return None
    return min(float(t[0]) for t in times) if early else max(float(t[-1]) for t in times)


def _longest_gap(recording: Recording) -> float:
    """The longest time without any spike in a recording; infinite with fewer than 2."""
    times = np.sort(np.concatenate([s.times for s in recording.spikes.values()] or [np.empty(0)]))
    return float(np.diff(times).max()) if times.size > 1 else float("inf")


def traces_agree(a: Recording, b: Recording) -> bool:
    """Whether the traces that both have are the same: then spikes that one has not were there."""
    return all(near(one.values, other.values) for _, one, other in common(a, b))
