"""Linear interpolation with a bound of its error, which holds at jumps and kinks."""

from __future__ import annotations

import numpy as np

from .ordering import Floats, Integers


def interpolate(times: Floats, values: Floats, at: Floats, left: Integers) -> tuple[Floats, Floats]:
    """Values at times between samples, and how far the true ones may be from them.

    At the fraction θ of an interval h, with four second differences around it of which M is the
    largest, the bound is

        M θ (1 − θ), twice the error |f''| h² θ (1 − θ) / 2 <= |f''| h² / 8 of a smooth curve;

    where the four are not on a line up to M/16, as at a kink or a reset,

        M max(θ, 1 − θ) + the larger of the outer two,

    the most that one jump and one kink inside the interval can amount to, plus the curve beside
    them. What no sample shows, such as two opposite jumps in one interval, is not bounded.

    Args:
        times: (n,) increasing sample times, n >= 2.
        values: (n, K) samples.
        at: (m,) times to interpolate at.
        left: (m,) the sample before each of them, at most n − 2.

    Returns:
        values and bounds, (m, K) each.
    """
    step = (times[left + 1] - times[left])[:, None]
    # Times that are equal up to rounding may lie just outside the recording.
    theta = np.clip((at - times[left])[:, None] / step, 0.0, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        value = values[left] * (1.0 - theta) + values[left + 1] * theta
        return value, _bound(times, values, left, theta, step)


def _bound(t: Floats, f: Floats, i: Integers, theta: Floats, step: Floats) -> Floats:
    slope = np.diff(f, axis=0) / np.diff(t)[:, None]
    if slope.shape[0] < 2:
        return np.broadcast_to(np.abs(f[1] - f[0]), theta.shape[:1] + f.shape[1:])
    curvature = 2.0 * np.diff(slope, axis=0) / (t[2:] - t[:-2])[:, None]  # of samples 1 … n − 2
    # Of samples i − 1 … i + 2; at the ends of the recording the four nearest.
    window = np.clip(i - 2, 0, max(0, len(curvature) - 4)) + np.arange(4)[:, None]
    near = curvature[np.minimum(window, len(curvature) - 1)]
    size = np.abs(near)
    largest = size.max(axis=0)
    unlike = np.maximum(
        np.abs(near[1] - (2.0 * near[0] + near[3]) / 3.0),
        np.abs(near[2] - (near[0] + 2.0 * near[3]) / 3.0),
    )
    smooth = unlike <= largest / 16.0
    # Beside a jump the two outer ones are the curvature of the curve itself.
    rough = largest * np.maximum(theta, 1.0 - theta) + np.maximum(size[0], size[3])
    return np.where(smooth, largest * theta * (1.0 - theta), rough) * step**2
