"""Samples of two recordings: NaN, another unit or offset, fewer digits, a sampling phase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....core.recording import Recording, Trace
from ...measuring import ROUND_OFF
from .causes import Cause
from .hypothesis import Hypothesis, Transform, Which, with_recording

Key = tuple[str, str]
_NEAR_LAGS = (1, 2, 3, 4, 5)


def common(a: Recording, b: Recording) -> Iterator[tuple[Key, Trace, Trace]]:
    """The traces of the same cells that both have."""
    for key, one in a.traces.items():
        other = b.traces.get(key)
        if other is None or not one.values.size or not other.values.size:
            continue
        if np.array_equal(one.cells, other.cells):
            yield key, one, other


def near(one: Any, other: Any) -> bool:
    """Whether samples are equal to round-off, as far as both go."""
    n = min(len(one), len(other))
    if n == 0:
        return False
    spread = float(np.nanmax(other) - np.nanmin(other)) or 1.0
    return bool(np.nanmax(np.abs(one[:n] - other[:n])) <= ROUND_OFF * spread)


def _map_traces(recording: Recording, change: Callable[[Key, Trace], Trace]) -> Recording:
    return replace(recording, traces={k: change(k, t) for k, t in recording.traces.items()})


def _of_place(
    cause: Cause, words: str, side: Which, change: Transform, prior: float, place: str
) -> Hypothesis:
    """A hypothesis named by its words, of which one holds of its *place*; on side b it imitates the first."""
    back = with_recording(change)
    alike = side == "b"
    return Hypothesis(
        cause, words, words, side, back, prior, place=place, exclusive=place, imitates=alike
    )


def not_finite(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Values of the first that are NaN or infinite where those of the other are not."""
    first: dict[Key, int] = {}
    for key, one, other in common(a, b):
        bad = ~np.isfinite(one.values).all(axis=1)
        if bad.any() and np.isfinite(other.values).all():
            first[key] = int(np.argmax(bad))
    if not first:
        return
    key = min(first, key=lambda k: a.traces[k].times[first[k]])
    when = a.traces[key].times[first[key]]

    def same(key: Key, trace: Trace) -> Trace:
        if key not in first:
            return trace
        n = first[key]
        at = None if trace.at_ms is None else trace.at_ms[:n]
        return replace(trace, values=trace.values[:n], at_ms=at)

    words = (
        f"the first recording has values of {'.'.join(key)} that are not finite from {when:g} ms on"
    )
    # What is left of both without these samples is compared.
    yield _of_place("not_finite", words, "both", lambda r: _map_traces(r, same), 0.99, "not_finite")


def scales(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Values of the first that are those of the other times a factor, plus an offset."""
    maps: dict[Key, tuple[float, float]] = {}
    for key, one, other in common(a, b):
        found = _line(one.values, other.values)
        if found is not None:
            maps[key] = found
    if not maps:
        return

    def back(key: Key, trace: Trace) -> Trace:
        factor, offset = maps.get(key, (1.0, 0.0))
        return replace(trace, values=(trace.values - offset) / factor)

    names = ", ".join(".".join(k) for k in list(maps)[:3])
    factors = [factor for factor, _ in maps.values()]
    same = len({f"{f:.6g}" for f in factors}) == 1
    offsets = {f"{offset:.6g}" for _, offset in maps.values()}
    unit = a.traces[next(iter(maps))].unit
    if same and factors[0] == 1.0:
        amounts = ", ".join(f"{float(o):+.6g}" for o in sorted(offsets))
        words = f"writes {names} with an offset: all values are higher by {amounts} {unit}"
    else:
        by = f"{factors[0]:.6g}" if same else ", ".join(f"{f:.6g}" for f in factors)
        words = f"writes {names} in another unit: all values are {by} times as large"
        if offsets != {"0"}:
            words += f", and {', '.join(sorted(offsets))} {unit} higher"
    yield Hypothesis(
        "parameter",
        words,
        words,
        "a",
        with_recording(lambda r: _map_traces(r, back)),
        0.97,
        factors[0] if same and factors[0] != 1.0 else None,
        "unit",
        exclusive="unit",
    )


def _line(one: Any, other: Any) -> tuple[float, float] | None:
    """Factor and offset that make one sample of the other, to six digits; None if there are none."""
    n = min(len(one), len(other))
    x, y = np.ravel(other[:n]), np.ravel(one[:n])
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if x.size < 2 or not np.any(x) or not np.any(y):
        return None
    largest = float(np.max(np.abs(y)))
    factor = float(x @ y) / float(x @ x)
    if float(np.max(np.abs(y - factor * x))) <= 1e-6 * largest:
        return (factor, 0.0) if abs(factor - 1) > 1e-6 else None
    spread_x, spread_y = float(np.ptp(x)), float(np.ptp(y))
    if spread_x <= 1e-9 * float(np.max(np.abs(x))) or spread_y <= 0 or x.size < 4:
        return None
    centred = x - x.mean()
    factor = float(centred @ y) / float(centred @ centred)
    if abs(factor - 1) <= 1e-6:
        factor = 1.0
    offset = float(np.median(y - factor * x))
    left = float(np.max(np.abs(y - factor * x - offset)))
    if left > 1e-6 * spread_y or abs(offset) <= 1e-9 * largest:
        return None
    return factor, float(f"{offset:.9g}")


def _single(values: Any) -> Any:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


def precision(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Traces that hold 32-bit numbers where those of the other do not."""
    narrow = {
        key
        for key, one, other in common(a, b)
        if np.array_equal(_single(one.values), one.values, equal_nan=True)
        and not np.array_equal(_single(other.values), other.values, equal_nan=True)
    }
    if not narrow:
        return

    def alike(key: Key, trace: Trace) -> Trace:
        return replace(trace, values=_single(trace.values)) if key in narrow else trace

    words = "stores traces as 32-bit numbers"
    yield _of_place("precision", words, "b", lambda r: _map_traces(r, alike), 0.9, "digits")


def sample_lags(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """Samples that are those of some steps before, however many; those of after are the other's of before."""
    pairs = [(one, other) for _, one, other in common(a, b) if np.ptp(other.values) > 0]
    if not pairs or any(near(one.values, other.values) for one, other in pairs):
        return
    if any(one.at_ms is not None or other.at_ms is not None for one, other in pairs):
        return
    far = _likely_lag(*pairs[0])
    for lag in dict.fromkeys((*_NEAR_LAGS, *([far] if far > 0 else []))):
        if not all(near(*_shifted(one.values, other.values, lag)) for one, other in pairs):
            continue
        steps = f"{abs(lag)} step{'s' if abs(lag) > 1 else ''}"
        if abs(lag) > 1:
            steps += f" ({abs(lag) * pairs[0][0].dt_ms:.6g} ms)"
        words = f"samples the state of {steps} before"
        yield _of_place("recording_grid", words, "b", partial(_all_late, lag=lag), 0.93, "samples")
        return


def _likely_lag(one: Trace, other: Trace) -> int:
    """The lag [steps] at which one cell's samples correlate most with the other's."""
    from scipy.signal import correlate

    column = int(np.argmax(np.ptp(other.values, axis=0)))
    x, y = one.values[:, column], other.values[:, column]
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return 0
    found = correlate(x - x.mean(), y - y.mean(), mode="full", method="fft")
    return int(np.argmax(found)) - (y.size - 1)


def _shifted(one: Any, other: Any, lag: int) -> tuple[Any, Any]:
    n = min(len(one), len(other))
    return (one[lag:n], other[: n - lag]) if lag <= n // 2 else (one[:0], other[:0])


def _late(trace: Trace, lag: int) -> Trace:
    rows = np.clip(np.arange(len(trace.values)) - lag, 0, len(trace.values) - 1)
    return replace(trace, values=trace.values[rows])


def _all_late(recording: Recording, lag: int) -> Recording:
    return _map_traces(recording, lambda _, trace: _late(trace, lag))
