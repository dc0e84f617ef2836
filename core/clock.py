"""The grid: times as whole numbers of steps, rounded to the nearest, ties up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# 0.15/0.1 is 1.4999999999999998 in floating point: a tie that should go up. The slack is far above
# round-off of any duration in use (10⁷ steps · 2⁻⁵³) and far below what a user could mean.
_SLACK = 1e-9


def to_steps(time_ms: Any, dt_ms: float) -> NDArray[np.int64]:
    """A time, or an array of times, as a whole number of steps (nearest, ties up)."""
    ratio = np.asarray(time_ms, dtype=np.float64) / dt_ms
    return np.floor(ratio + 0.5 + _SLACK).astype(np.int64)


def on_grid(time_ms: Any, dt_ms: float) -> bool:
    """Whether all times are whole numbers of steps but for floating point."""
    ratio = np.asarray(time_ms, dtype=np.float64) / dt_ms
    return bool(np.all(np.abs(ratio - np.round(ratio)) <= _SLACK * np.maximum(1.0, np.abs(ratio))))


def step_times(steps: NDArray[np.integer[Any]], dt_ms: float) -> NDArray[np.float64]:
    """The times in ms of steps: step·dt, the one way every backend turns steps into times."""
    return np.asarray(steps, dtype=np.float64) * dt_ms
