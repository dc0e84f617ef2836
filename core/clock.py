"""The grid: times as whole numbers of steps, rounded to the nearest, ties up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

# 0.15/0.1 is 1.4999999999999998 in floating point: a tie that should go up. The slack is far above
# round-off of any duration in use (10⁷ steps · 2⁻⁵³) and far below what a user could mean.
_SLACK = 1e-9


MAX_STEPS = 2**31 - 2
"""Steps are 32-bit numbers in every recording and realization."""


def to_steps(time_ms: Any, dt_ms: float, where: str = "time") -> NDArray[np.int64]:
    """A time, or an array of times, as a whole number of steps (nearest, ties up).

    Raises InputError naming *where* for a time of more than MAX_STEPS steps.
    """
    with np.errstate(over="ignore"):
        ratio = np.asarray(time_ms, dtype=np.float64) / dt_ms
    if not np.all(np.abs(ratio) <= MAX_STEPS):
        raise InputError(
            where, f"{np.max(time_ms):g} ms are more than {MAX_STEPS} steps of {dt_ms:g} ms"
        )
    return np.floor(ratio + 0.5 + _SLACK).astype(np.int64)


def on_grid(time_ms: Any, dt_ms: float) -> bool:
    """Whether all times are whole numbers of steps but for floating point."""
    with np.errstate(over="ignore"):
        ratio = np.asarray(time_ms, dtype=np.float64) / dt_ms
    return bool(np.all(np.abs(ratio - np.round(ratio)) <= _SLACK * np.maximum(1.0, np.abs(ratio))))


def step_times(steps: NDArray[np.integer[Any]], dt_ms: float) -> NDArray[np.float64]:
    """The times in ms of steps: step·dt, the one way every backend turns steps into times."""
    return np.asarray(steps, dtype=np.float64) * dt_ms
