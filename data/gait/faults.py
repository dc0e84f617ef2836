"""What is known to be wrong in published gait files: equal axes, copies, speeds that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .schema import AXES, JOINTS, SIDES, Floats

_SMOOTH_S = 0.2
_SLOW_S = 2.0
_MOVING = tuple(f"{side}{part}" for part in ("Wrist", "Knee", "Ankle") for side in SIDES)
# A person's ankle moves at less than that on average, running too; a distance over 1/30 s does not.
_FASTEST = 5.0
# Of three or four long stretches of walking, some are alike by chance.
_LEAST = 5
# And strides of somebody with ataxia are so unlike each other that half as unlike says little.
_ALIKE = 0.1


@dataclass(frozen=True)
class Copies:
    """A sequence of ``rows`` rows that comes ``n`` times, the first time as it was recorded."""

    rows: int
    n: int


def equal_axes(table: Any) -> tuple[str, ...]:
    """The joints whose X, Y and Z are the same in every row."""
    return tuple(
        joint
        for joint in JOINTS
        if np.array_equal(table[f"X{joint}"], table[f"Y{joint}"])
        and np.array_equal(table[f"X{joint}"], table[f"Z{joint}"])
    )


def rate_in_stride_speed(table: Any) -> float | None:
    """StrideSpeed / |ankle position| [Hz] where that is one number in every row: the frame rate."""
    ratios = []
    for side in SIDES:
        distance = np.linalg.norm([table[f"{axis}{side}Ankle"] for axis in AXES], axis=0)
        if not (distance > 0).all():
            return None
        ratios.append(table[f"{side}StrideSpeed"].to_numpy() / distance)
    ratio = np.concatenate(ratios)
    middle = float(np.median(ratio))
    if middle <= 0 or float(np.max(np.abs(ratio - middle))) > 1e-3 * middle:
        return None
    return round(middle, 2)


def no_speed(table: Any) -> bool:
    """Whether StrideSpeed cannot be a speed: it is a distance times a rate, or faster than anybody walks."""
    fast = any(float(np.median(table[f"{side}StrideSpeed"])) > _FASTEST for side in SIDES)
    return fast or rate_in_stride_speed(table) is not None


def find_copies(table: Any, frame_rate_hz: float) -> Copies | None:
    """The sequence that a table repeats with noise, or None.

    Walking repeats itself too, but one stride is not the next. So there are copies when the table, moved by
    three strides or more, is at least twice as like itself as when moved by one stride, in 1 - r, and when
    that holds for every multiple of the shift, five at least. r is the correlation over wrists, knees and
    ankles, between 0.2 s and 2 s, which leaves out noise from row to row and the level of each copy.
    """
    signal = _filtered(table, frame_rate_hz)
    if signal.shape[1] == 0:
        return None
    r = _correlation(signal)
    below = np.flatnonzero(r < 0)
    if not below.size or below[0] * 6 >= r.size:
        return None
    first = int(below[0])
    stride = first + int(np.argmax(r[first : 6 * first]))
    start, end = int(2.5 * stride), r.size // _LEAST + 1
    if end - start < 2:
        return None
    apart = 1 - r
    limit = min(apart[stride] / 2, _ALIKE)
    near = np.flatnonzero(apart[start:end] < limit)
    if not near.size:
        return None
    shift = start + int(near[0])
    shift += int(np.argmin(apart[shift : shift + stride // 2]))
    multiples = np.arange(shift, int(0.9 * r.size), shift)
    if (apart[multiples] >= limit).any():
        return None
    return Copies(shift, -(-r.size // shift))


def _filtered(table: Any, frame_rate_hz: float) -> Floats:
    from scipy.ndimage import uniform_filter1d

    columns = [table[f"{axis}{joint}"].to_numpy(dtype=float) for joint in _MOVING for axis in AXES]
    given = np.stack(columns, axis=1)
    short = max(1, int(_SMOOTH_S * frame_rate_hz))
    long = max(short + 1, int(_SLOW_S * frame_rate_hz))
    band = uniform_filter1d(given, short, axis=0) - uniform_filter1d(given, long, axis=0)
    spread = band.std(axis=0)
    moving = spread > 1e-9
    return np.asarray(band[:, moving] / spread[moving])


def _correlation(signal: Floats) -> Floats:
    """The correlation of a signal with itself, moved by 0, 1, … rows, over the overlap; shape (rows,)."""
    n = signal.shape[0]
    size = 1 << (2 * n - 1).bit_length()
    transformed = np.fft.rfft(signal, size, axis=0)
    products = np.fft.irfft(np.sum(np.abs(transformed) ** 2, axis=1), size)[:n]
    energy = np.cumsum(np.sum(signal**2, axis=1))
    before = energy[::-1]
    after = energy[-1] - np.concatenate([[0.0], energy[:-1]])
    overlap = np.sqrt(np.maximum(before * after, 0.0))
    return np.asarray(products / np.maximum(overlap, 1e-9 * energy[-1] + 1e-300))
