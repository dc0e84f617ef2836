"""Times that two recordings write differently: a lag, a scale, both, rounding, jitter; of spikes and samples.

How the times of the two hang together is found by `time_maps`; here it is said, and undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from ....core.clock import step_times
from ....core.recording import Recording, Spikes, Trace
from ....core.values import Floats
from ...running.foreign.time_steps import FINEST_MS, step_of
from .causes import Cause
from .hypothesis import Hypothesis, with_recording
from .replay import step_of_spikes
from .time_maps import (
    MATCHED,
    UNITS,
    TimeMap,
    by_cell,
    digits_of,
    ordinal,
    share,
    shortest,
    tight,
    time_map,
)

_JITTER = 0.25
"""Stamps that move by less than this share of the shortest usual interval still tell which spike is which."""


def steps_known(recording: Recording) -> bool:
    """Whether a recording's step is one of a simulation, and not only how its times are written."""
    return bool(recording.traces) or "dt_ms" in recording.provenance


def time_hypotheses(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """What the first does to the times of spikes, for all populations at once or for one."""
    common = tuple(n for n in a.spikes if n in b.spikes)
    for names in (common, *((n,) for n in common if len(common) > 1)):
        one, other = _together(a, names), _together(b, names)
        if len(one) < 2 or len(other) < 2:
            continue
        before = share(one, other, tight(one, other))
        if before > 1 - 1e-12:
            continue
        rest = [n for n in common if n not in names]
        if rest and share(_together(a, rest), _together(b, rest), tight(one, other)) < MATCHED:
            continue  # what moves other populations as well is no stamp of this one
        found = list(_of_one(a, b, one, other, names, before))
        if found:
            yield from found
            return


def _of_one(
    a: Recording, b: Recording, one: Spikes, other: Spikes, names: tuple[str, ...], before: float
) -> Iterator[Hypothesis]:
    whole = len(names) > 1 or len(a.spikes) == 1
    of = "every spike" if whole else f"the spikes of {names[0]}"
    found = time_map(one, other, before)
    if found is not None:
        yield (
            _late(a, b, found, names, of)
            if found.factor == 1.0
            else _scaled(a, b, found, names, of)
        )
    rounded = _rounded(one, other, names, of)
    if rounded is not None:
        yield rounded
    jitter = _jitter(one, other, names, of)
    if jitter is not None:
        yield jitter


# --- saying and undoing -------------------------------------------------------------------------


def _together(recording: Recording, names: Iterable[str]) -> Spikes:
    """The spikes of several populations as of one, their cells told apart."""
    chosen = [recording.spikes[name] for name in names]
    if len(chosen) == 1:
        return chosen[0]
    cells, first = [], 0
    ends = [2**31 // max(1, len(chosen)) for _ in chosen]
    for spikes, room in zip(chosen, ends, strict=True):
        # Populations of more cells than there is room for are told apart as far as they are.
        cells.append(first + spikes.cells % room)
        first += room
    return Spikes.sorted(
        np.concatenate([s.times for s in chosen] or [np.empty(0)]),
        np.concatenate(cells or [np.empty(0, dtype=np.int32)]),
    )


def changed_times(
    recording: Recording, change: Callable[[Floats], Floats], names: Iterable[str]
) -> Recording:
    """A recording with the times of the spikes of some populations changed."""
    chosen = set(names)
    spikes = {
        name: Spikes.sorted(change(s.times), s.cells) if name in chosen else s
        for name, s in recording.spikes.items()
    }
    ends = [float(s.times[-1]) for s in spikes.values() if len(s)]
    duration = recording.duration_ms
    if not recording.traces and not recording.provenance:
        duration = max([*ends, 0.0])
    return replace(recording, spikes=spikes, duration_ms=duration)


def _late(
    a: Recording, b: Recording, found: TimeMap, names: tuple[str, ...], of: str
) -> Hypothesis:
    lag = found.lag_ms
    word = "late" if lag > 0 else "early"
    dt = min(a.dt_ms, b.dt_ms)
    steps = lag / dt
    on_grid = steps_known(a) and steps_known(b) and abs(steps - round(steps)) < 1e-6
    amount = f"{abs(lag):.6g} ms"
    if on_grid:
        count = abs(round(steps))
        amount = f"{count} step{'s' if count > 1 else ''} ({amount})"

    def back(times: Floats) -> Floats:
        if on_grid:
            return step_times(step_of_spikes(times, dt) - round(steps), dt)
        return _snapped(times - lag, b, names)

    return _hypothesis(
        "spike_stamp",
        f"stamps {of} {amount} {word}",
        partial(changed_times, change=back, names=names),
        0.9,
        "stamps",
    )


def _snapped(times: Floats, like: Recording, names: tuple[str, ...]) -> Floats:
    """Times to the digits to which those of another recording are written."""
    step = digits_of(_together(like, names).times)
    return np.round(times / step) * step if step else times


def _scaled(
    a: Recording, b: Recording, found: TimeMap, names: tuple[str, ...], of: str
) -> Hypothesis:
    words = f"writes the times of {of} {scaled_in_words(found)}"
    if not found.larger:  # the smaller numbers are made larger, which loses no digits

        def back(times: Floats) -> Floats:
            return _snapped(found.back(times), b, names)

        change = partial(changed_times, change=back, names=names)
        return _hypothesis("parameter", words, change, 0.96, "times", factor=found.scale)

    def alike(times: Floats) -> Floats:
        return _snapped(times * found.factor + found.offset_ms, a, names)

    change = partial(changed_times, change=alike, names=names)
    return _hypothesis("parameter", words, change, 0.96, "times", factor=found.scale, side="b")


def scaled_in_words(found: TimeMap) -> str:
    """What a map says of the one: ``1000 times smaller, as if its times are in s, read as ms``."""
    unit = next((u for factor, u in UNITS.items() if abs(found.factor / factor - 1) < 1e-6), "")
    if unit:
        times = f"{found.factor:.9g} times {'larger' if found.larger else 'smaller'}"
        whose = "the other's" if found.larger else "its"
        words = f"{times}, as if {whose} are in {unit}, read as ms (--unit says it)"
    else:
        words = f"{found.scale:.9g} times as large"
        if found.factor < 1.1:
            runs = "gains" if found.larger else "loses"
            words += f", so that its clock {runs} {abs(found.scale - 1) * 1e3:.4g} ms a second"
    return words + (f", and {late_in_words(found.lag_ms)}" if found.lag_ms else "")


def late_in_words(lag_ms: float) -> str:
    """A lag: ``0.1 ms late``."""
    return f"{abs(lag_ms):.6g} ms {'late' if lag_ms > 0 else 'early'}"


def _rounded(one: Spikes, other: Spikes, names: tuple[str, ...], of: str) -> Hypothesis | None:
    """Times that are those of the other on a coarser grid, or as 32-bit numbers."""
    x, y = ordinal(one, other)
    if y.size < max(len(one), len(other)) or np.array_equal(x, y):
        return None
    single = x.astype(np.float32).astype(np.float64)
    if np.array_equal(single, y):
        return _hypothesis(
            "precision",
            f"writes the times of {of} as 32-bit numbers",
            partial(changed_times, change=_as_single, names=names),
            0.94,
            "digits of times",
            side="b",
        )
    step = step_of(y)
    if step <= FINEST_MS or step_of(x) >= step:
        return None
    for word, to in (("rounded", np.rint), ("cut", np.floor), ("rounded up", np.ceil)):
        # A time on the grid itself may be a hair beside it.
        steps = to(np.round(x / step, 6)) if word != "rounded" else to(x / step)
        if float(np.abs(steps * step - y).max()) <= 1e-6 * step or (
            word == "rounded" and float(np.abs(x - y).max()) <= 0.5 * step * (1 + 1e-6)
        ):

            def alike(recording: Recording) -> Recording:
                return _with_ordinal_times(recording, one, names)

            return _hypothesis(
                "rounding",
                f"writes the times of {of} {word} to {step:g} ms",
                alike,
                0.92,
                "digits of times",
                side="b",
            )
    return None


def _as_single(times: Floats) -> Floats:
    return times.astype(np.float32).astype(np.float64)


def _jitter(one: Spikes, other: Spikes, names: tuple[str, ...], of: str) -> Hypothesis | None:
    """Stamps that move to and fro by less than would make another spike of them."""
    x, y = ordinal(one, other)
    if y.size < max(3, len(one), len(other)) or len(names) > 1:
        return None
    moved = y - x
    gaps = np.concatenate([np.diff(t) for t in by_cell(other).values()] or [np.empty(0)])
    shortest = float(np.quantile(gaps[gaps > 0], 0.05)) if (gaps > 0).any() else 0.0
    if float(np.abs(moved).max()) > _JITTER * shortest or not np.any(moved):
        return None

    def alike(recording: Recording) -> Recording:
        return _with_ordinal_times(recording, one, names)

    words = (
        f"stamps {of} with a jitter of {float(moved.std()):.3g} ms (standard deviation; at most "
        f"{float(np.abs(moved).max()):.3g} ms, {float(moved.mean()):+.2g} ms on average), for which no rule "
        "was found"
    )
    return _hypothesis("spike_stamp", words, alike, 0.5, "jitter", side="b")


def _with_ordinal_times(recording: Recording, like: Spikes, names: tuple[str, ...]) -> Recording:
    """The k-th spike of every cell at the time of the k-th there, where there are as many."""
    ours = by_cell(like)
    spikes: dict[str, Spikes] = dict(recording.spikes)
    for name in names:
        old = recording.spikes[name]
        order = np.lexsort((old.times, old.cells))
        cells, first = np.unique(old.cells[order], return_index=True)
        times = old.times.copy()
        for cell, places in zip(cells.tolist(), np.split(order, first[1:]), strict=True):
            if cell in ours and ours[cell].size == places.size:
                times[places] = ours[cell]
        spikes[name] = Spikes.sorted(times, old.cells)
    return replace(recording, spikes=spikes)


def _hypothesis(
    cause: Cause,
    words: str,
    transform: Callable[[Recording], Recording],
    prior: float,
    place: str,
    factor: float | None = None,
    side: Literal["a", "b"] = "a",
) -> Hypothesis:
    return Hypothesis(
        cause,
        words,
        words,
        side,
        with_recording(transform),
        prior,
        factor,
        place,
        exclusive=place,
        imitates=side == "b",
    )


# --- samples ------------------------------------------------------------------------------------


def sample_time_hypotheses(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Samples that are the same, at other times: their clock is late, or counts in another unit."""
    maps: dict[tuple[str, str], tuple[float, float]] = {}
    for key, one in a.traces.items():
        other = b.traces.get(key)
        if other is None or not _same_samples(one, other) or len(one.values) < 3:
            continue
        x, y = other.times, one.times
        if np.allclose(x, y, rtol=0, atol=1e-9):
            continue
        scale = float(np.ptp(y) / np.ptp(x))
        scale = shortest(scale, 1e-9 * scale)
        lag = shortest(float(np.median(y - scale * x)), 1e-9 * float(np.abs(y).max()) + 1e-12)
        if float(np.abs(y - scale * x - lag).max()) <= 1e-6 * one.dt_ms:
            maps[key] = (scale, lag)
    if not maps or len(set(maps.values())) > 1:
        return
    scale, lag = next(iter(maps.values()))
    names = ", ".join(".".join(key) for key in list(maps)[:3])
    words = f"writes the samples of {names}"
    if scale != 1.0:
        words += f" at times {scale:.9g} times as large"
    if lag:
        words += (
            f"{' and' if scale != 1.0 else ''} {abs(lag):.6g} ms {'late' if lag > 0 else 'early'}"
        )

    def alike(recording: Recording) -> Recording:
        traces: Mapping[tuple[str, str], Trace] = {
            key: replace(
                t,
                start_ms=a.traces[key].start_ms,
                dt_ms=a.traces[key].dt_ms,
                at_ms=a.traces[key].at_ms,
            )
            if key in maps
            else t
            for key, t in recording.traces.items()
        }
        return replace(recording, traces=traces, duration_ms=a.duration_ms)

    yield _hypothesis(
        "recording_grid",
        words,
        alike,
        0.96,
        "times of samples",
        factor=scale if scale != 1 else None,
        side="b",
    )


def _same_samples(one: Trace, other: Trace) -> bool:
    if one.values.shape != other.values.shape or not np.array_equal(one.cells, other.cells):
        return False
    spread = float(np.ptp(other.values)) if other.values.size else 0.0
    return spread > 0 and bool(
        np.allclose(one.values, other.values, rtol=0, atol=1e-9 * spread, equal_nan=True)
    )
