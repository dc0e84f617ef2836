"""Grids that times lie on: the step of samples, and the digits to which spike times are written."""

from __future__ import annotations

import numpy as np

from ....core.errors import InputError
from ....core.values import Floats
from .reading import LATEST_MS

_STEPS = (
    1.0,
    0.5,
    0.25,
    0.2,
    0.125,
    0.1,
    0.0625,
    0.05,
    0.03125,
    0.025,
    0.02,
    0.015625,
    0.0125,
    0.01,
    0.005,
    0.0025,
    0.002,
    0.001,
    1e-4,
)
FINEST_MS = 1e-4
"""Times that are on no coarser grid than this are called continuous."""
REGULAR = 1e-3
"""Samples are regular if none is further than this share of a step from its place: files round times."""


def step_of(times: Floats) -> float:
    """The coarsest usual time step [ms] of which all times are multiples; `FINEST_MS` if of none.

    It only says how finely times are written; nothing is decided by it that the times do not say.
    """
    if not times.size:
        return 1.0
    for step in _STEPS:
        steps = times / step
        rounding = 1e-6 + 4e-16 * float(np.abs(steps).max())
        if bool(np.all(np.abs(steps - np.rint(steps)) <= rounding)):
            return step
    return FINEST_MS


def regular(times: Floats) -> float | None:
    """The step of regular samples in ms; None if they are not regular, or fewer than two."""
    if times.size < 2:
        return None
    step = float(times[-1] - times[0]) / (times.size - 1)
    places = times[0] + step * np.arange(times.size)
    if not step > 0 or float(np.abs(times - places).max()) > REGULAR * step:
        return None
    # 0.1 and not 0.1000000001, so that equal grids have equal times to the bit.
    short = float(f"{step:.6g}")
    drift = abs(short - step) * times.size
    return short if drift <= REGULAR * step else step


def check_times(times: Floats, where: str) -> None:
    """InputError for times that are not finite, or beyond `LATEST_MS`."""
    bad = ~(np.abs(times) <= LATEST_MS)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        value = times.ravel()[k]
        why = (
            "is no finite number" if not np.isfinite(value) else "is no time of a recording, in ms"
        )
        raise InputError(where, f"time {k + 1} is {value:g}, which {why}")
