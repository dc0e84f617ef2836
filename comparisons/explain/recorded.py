"""Hypotheses that two recordings alone can tell: stamps, samples, units, tails, cells, digits, NaN.

Each is a transform of a recording, so that testing it runs nothing. Beside them stand those about spikes that
one recorder lost although both simulated them: the traces, where there are any, still agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from ...core.clock import step_times
from ...core.recording import Recording, Spikes, Trace
from ..metrics import ROUND_OFF
from .causes import Cause
from .engine import Situation, explain_sides
from .explanation import Explanation
from .hypothesis import Hypothesis, Side, Transform, with_recording
from .replay import step_of_spikes
from .trials import Trials

LAGS = (-1, 1, -2, 2, -3, 3, -4, 4, -5, 5)
"""Steps by which stamps and samples are shifted to see whether that explains the difference."""
MATCHED = 0.95
"""The share of spikes that a lag has to bring together, more than there were without."""


def from_recordings(situation: Situation) -> Iterable[Hypothesis]:
    """What the two recordings alone suggest, about either, likely causes first."""
    one, other = situation.recording_a, situation.recording_b
    found = recording_hypotheses(one, other)
    # A shift or a scale is told once: of the second it would be the same again, turned round.
    found += [_turned(h) for h in recording_hypotheses(other, one) if h.cause not in _RELATIVE]
    return sorted(found, key=lambda h: -h.prior)


def explain_recordings(
    a: Recording, b: Recording, labels: tuple[str, str], tolerance_ms: float | None = None
) -> Explanation:
    """Why two recordings from anywhere differ, as far as they tell without running anything.

    Raises InputError where they have nothing in common.
    """
    trials = Trials(tolerance_ms=tolerance_ms)
    sides = Side(labels[0], given=a), Side(labels[1], given=b)
    return explain_sides(*sides, trials, (from_recordings,), "two recordings")


_RELATIVE = ("spike_stamp", "parameter")


def _turned(hypothesis: Hypothesis) -> Hypothesis:
    """A hypothesis about the second recording instead of the first."""
    sides: dict[str, Literal["a", "b", "both"]] = {"a": "b", "b": "a", "both": "both"}
    return replace(
        hypothesis,
        name=f"the second {hypothesis.name}",
        words=hypothesis.words.replace("the first recording", "the second recording"),
        side=sides[hypothesis.side],
        prior=hypothesis.prior - 0.01,
    )


def recording_hypotheses(suspicious: Recording, other: Recording) -> list[Hypothesis]:
    """Hypotheses about what is wrong with one recording, as transforms of it or of the other."""
    return [
        *_not_finite(suspicious, other),
        *_shorter(suspicious, other),
        *_scales(suspicious, other),
        *_precision(suspicious, other),
        *_sample_lags(suspicious, other),
        *_spike_lags(suspicious, other),
        *_lost(suspicious, other),
    ]


def _of(
    cause: Cause, words: str, transform: Transform, prior: float, side: Literal["a", "b"] = "a",
    factor: float | None = None, place: str = "",
) -> Hypothesis:  # fmt: skip
    """A hypothesis about the first recording: mended itself, or (side b) the other made to be like it."""
    return Hypothesis(
        cause, words, words, side, with_recording(transform), prior, factor, place or cause,
        exclusive=cause, imitates=side == "b",
    )  # fmt: skip


def _common(a: Recording, b: Recording) -> Iterator[tuple[tuple[str, str], Trace, Trace]]:
    for key, one in a.traces.items():
        other = b.traces.get(key)
        if other is not None and np.array_equal(one.cells, other.cells):
            yield key, one, other


def _map_traces(recording: Recording, change: Any) -> Recording:
    return replace(recording, traces={k: change(k, t) for k, t in recording.traces.items()})


# What is missing.


def _not_finite(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    first: dict[tuple[str, str], int] = {}
    for key, one, other in _common(a, b):
        bad = ~np.isfinite(one.values).all(axis=1)
        if bad.any() and np.isfinite(other.values).all():
            first[key] = int(np.argmax(bad))
    if not first:
        return
    key = min(first, key=lambda k: a.traces[k].times[first[k]])
    when = a.traces[key].times[first[key]]

    def same(recording: Recording) -> Recording:
        def change(key: tuple[str, str], trace: Trace) -> Trace:
            if key not in first:
                return trace
            return replace(trace, values=trace.values[: first[key]])

        return _map_traces(recording, change)

    words = (
        f"the first recording has values of {'.'.join(key)} that are not finite from {when:g} ms on"
    )
    # What is left of both without these samples is compared.
    yield Hypothesis(
        "not_finite", words, words, "both", with_recording(same), 0.99, place="not_finite",
        exclusive="not_finite",
    )  # fmt: skip


def _ends(recording: Recording) -> float:
    ends = [float(t.times[-1]) for t in recording.traces.values() if len(t.values)]
    return max(ends, default=recording.duration_ms)


def _shorter(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    end, other = _ends(a), _ends(b)
    if not a.traces:
        last_a, last_b = (
            max((float(s.times[-1]) for s in r.spikes.values() if len(s)), default=0.0)
            for r in (a, b)
        )
        gaps = _longest_gap(b)
        if last_b - last_a <= 3 * gaps:
            return
        end, other = last_a, last_b
    dt = max(a.dt_ms, b.dt_ms)
    if other - end < 0.5 * dt:
        return

    def cut(recording: Recording) -> Recording:
        spikes = {
            n: Spikes(s.times[s.times <= end + 1e-9], s.cells[s.times <= end + 1e-9])
            for n, s in recording.spikes.items()
        }
        shorter = _map_traces(
            recording, lambda k, t: replace(t, values=t.values[t.times <= end + 1e-9])
        )
        return replace(shorter, spikes=spikes, duration_ms=min(end, recording.duration_ms))

    steps = round((other - end) / dt)
    what = "one sample" if steps == 1 else f"the last {other - end:g} ms"
    yield _of(
        "recording_grid", f"lacks {what} of the recording: it ends at {end:g} ms", cut, 0.95, "b",
        place="tail",
    )  # fmt: skip


def _longest_gap(recording: Recording) -> float:
    """The longest time without any spike in a recording; infinite with fewer than 2."""
    times = np.sort(np.concatenate([s.times for s in recording.spikes.values()] or [np.empty(0)]))
    return float(np.diff(times).max()) if times.size > 1 else float("inf")


# Units and digits.


def _scales(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    factors: dict[tuple[str, str], float] = {}
    for key, one, other in _common(a, b):
        n = min(len(one.values), len(other.values))
        x, y = np.ravel(other.values[:n]), np.ravel(one.values[:n])
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = x[finite], y[finite]
        if not x.size or not np.any(x) or not np.any(y):
            continue
        factor = float(x @ y) / float(x @ x)
        left = np.max(np.abs(y - factor * x))
        if abs(factor - 1) > 1e-6 and left <= 1e-6 * np.max(np.abs(y)):
            factors[key] = factor
    if not factors:
        return

    def back(recording: Recording) -> Recording:
        return _map_traces(
            recording, lambda k, t: replace(t, values=t.values / factors.get(k, 1.0))
        )

    names = ", ".join(".".join(k) for k in list(factors)[:3])
    value = next(iter(factors.values()))
    same = len({f"{f:.6g}" for f in factors.values()}) == 1
    by = f"{value:.6g}" if same else ", ".join(f"{f:.6g}" for f in factors.values())
    yield _of(
        "parameter", f"writes {names} in another unit: all values are {by} times as large", back, 0.97,
        factor=value if same else None, place="unit",
    )  # fmt: skip


def _single(values: Any) -> Any:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


def _precision(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Traces that hold 32-bit numbers where those of the other do not."""
    narrow = {
        key
        for key, one, other in _common(a, b)
        if np.array_equal(_single(one.values), one.values, equal_nan=True)
        and not np.array_equal(_single(other.values), other.values, equal_nan=True)
    }
    if narrow:
        yield _of(
            "precision", "stores traces as 32-bit numbers",
            lambda r: _map_traces(
                r, lambda k, t: replace(t, values=_single(t.values)) if k in narrow else t
            ),
            0.9, "b", place="digits",
        )  # fmt: skip


# Shifts.


def _sample_lags(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Samples that are those of some steps before, or after."""
    pairs = [
        (one, other) for _, one, other in _common(a, b) if np.ptp(other.values) > 0
    ]  # fmt: skip
    if not pairs or any(_near(one.values, other.values) for one, other in pairs):
        return
    for lag in LAGS:
        if not all(_near(*_shifted(one.values, other.values, lag)) for one, other in pairs):
            continue
        steps = f"{abs(lag)} step{'s' if abs(lag) > 1 else ''}"
        words = f"samples the state of {steps} {'before' if lag > 0 else 'after'}"
        yield _of(
            "recording_grid", words,
            partial(_all_late, lag=lag), 0.93, "b", place="samples",
        )  # fmt: skip
        return


def _shifted(one: Any, other: Any, lag: int) -> tuple[Any, Any]:
    n = min(len(one), len(other))
    if lag > 0:
        return one[lag:n], other[: n - lag]
    return one[: n + lag], other[-lag:n]


def _late(trace: Trace, lag: int) -> Trace:
    rows = np.clip(np.arange(len(trace.values)) - lag, 0, len(trace.values) - 1)
    return replace(trace, values=trace.values[rows])


def _all_late(recording: Recording, lag: int) -> Recording:
    return _map_traces(recording, lambda _, trace: _late(trace, lag))


def _near(one: Any, other: Any) -> bool:
    n = min(len(one), len(other))
    if n == 0:
        return False
    spread = float(np.nanmax(other) - np.nanmin(other)) or 1.0
    return bool(np.nanmax(np.abs(one[:n] - other[:n])) <= ROUND_OFF * spread)


def _spike_lags(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """One lag for every spike, of all populations or of one."""
    dt = min(a.dt_ms, b.dt_ms)
    for names in (
        tuple(a.spikes.keys() & b.spikes.keys()),
        *((n,) for n in a.spikes if n in b.spikes),
    ):
        before = _share(a.spikes, b.spikes, names, 0, dt)
        if before is None or before > 1 - 1e-12:
            continue
        others = [n for n in a.spikes if n in b.spikes and n not in names]
        rest = _share(a.spikes, b.spikes, others, 0, dt)
        if rest is not None and rest < MATCHED:
            continue  # what moves other populations as well is no stamp of this one
        lags = {lag: _share(a.spikes, b.spikes, names, lag, dt) or 0.0 for lag in LAGS}
        lag = max(lags, key=lambda k: (lags[k], -abs(k)))
        if lags[lag] < max(MATCHED, before):
            continue

        def moved(recording: Recording, lag: int = lag, names: Any = names) -> Recording:
            def change(s: Spikes) -> Spikes:
                return Spikes.sorted(step_times(step_of_spikes(s.times, dt) - lag, dt), s.cells)

            return replace(
                recording,
                spikes={n: change(s) if n in names else s for n, s in recording.spikes.items()},
            )

        of = "every spike" if len(names) > 1 or len(a.spikes) == 1 else f"the spikes of {names[0]}"
        steps = f"{abs(lag)} step{'s' if abs(lag) > 1 else ''} ({abs(lag) * dt:g} ms)"
        yield _of(
            "spike_stamp", f"stamps {of} {steps} {'late' if lag > 0 else 'early'}", moved, 0.9,
            place="stamps",
        )  # fmt: skip
        return


def _keys(spikes: Spikes, dt: float, lag: int = 0) -> Any:
    return (step_of_spikes(spikes.times, dt) - lag) * 2**31 + spikes.cells


def _share(
    a: Mapping[str, Spikes], b: Mapping[str, Spikes], names: Iterable[str], lag: int, dt: float
) -> float | None:
    """The share of spikes that have a partner at the same step with one recording shifted."""
    matched = total = 0
    for name in names:
        one, other = _keys(a[name], dt, lag), _keys(b[name], dt)
        matched += np.intersect1d(one, other).size
        total += max(one.size, other.size)
    return matched / total if total else None


# Lost spikes.


def _lost(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Spikes of the other recording that are missing here, while none is here that is not there."""
    dt = min(a.dt_ms, b.dt_ms)
    missing = {}
    for name in a.spikes.keys() & b.spikes.keys():
        here, there = _keys(a.spikes[name], dt), _keys(b.spikes[name], dt)
        if np.setdiff1d(here, there).size:
            return
        gone = ~np.isin(there, here)
        if gone.any():
            missing[name] = gone
    if not missing or not _traces_agree(a, b):
        return
    n = sum(int(gone.sum()) for gone in missing.values())
    cells = {name: np.unique(b.spikes[name].cells[gone]) for name, gone in missing.items()}
    whole = all(
        not np.isin(a.spikes[name].cells, lost).any()
        and len(np.unique(b.spikes[name].cells)) > len(lost)
        for name, lost in cells.items()
    )
    if whole:
        said = ", ".join(f"{name} {' '.join(map(str, lost[:5]))}" for name, lost in cells.items())
        count = sum(len(lost) for lost in cells.values())
        words = f"has no spike of {count} cell{'s' if count > 1 else ''} ({said})"
    else:
        words = f"lost {n} spikes{_rule(b, missing, dt)}"

    def drop(recording: Recording) -> Recording:
        spikes = dict(recording.spikes)
        for name, gone in missing.items():
            if len(spikes[name]) == gone.size:
                spikes[name] = Spikes(spikes[name].times[~gone], spikes[name].cells[~gone])
        return replace(recording, spikes=spikes)

    yield _of("lost_spikes", words, drop, 0.85, "b", place="spikes")


def _rule(b: Recording, missing: Mapping[str, Any], dt: float) -> str:
    """Which spikes are lost, if a rule says it."""
    crowded, limits = True, set()
    for name, gone in missing.items():
        steps = step_of_spikes(b.spikes[name].times, dt)
        _, of, count = np.unique(steps, return_inverse=True, return_counts=True)
        crowded = crowded and bool((count[of][gone] > 1).all())
        kept = np.bincount(of, weights=~gone)
        limits |= set(kept[np.unique(of[gone])].astype(int).tolist())
    if crowded and len(limits) == 1:
        return f", all in steps with more than {limits.pop()} of them"
    every = []
    for gone in missing.values():
        places = np.flatnonzero(gone) + 1
        every.append(int(np.gcd.reduce(places)))
    if len(set(every)) == 1 and every[0] > 1:
        return f", every {every[0]}th of a population"
    return ""


def _traces_agree(a: Recording, b: Recording) -> bool:
    return all(_near(one.values, other.values) for _, one, other in _common(a, b))
