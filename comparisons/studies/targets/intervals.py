"""Means over seeds with their intervals, which lie within what a quantity can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .activity import BETA_HZ

LEVEL = 0.95
"""Of the intervals, by Student's t over seeds."""
POSSIBLE: Mapping[str, tuple[float, float]] = {
    "rate": (0.0, math.inf),
    "cv": (0.0, math.inf),
    "fano": (0.0, math.inf),
    "beta_power": (0.0, math.inf),
    "beta_share": (0.0, 1.0),
    "beta_peak": BETA_HZ,
    "locking": (0.0, 1.0),
}
"""What values a quantity can have: no interval lies outside; a phase has none."""


def interval_of(
    values: Sequence[float], possible: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float, float]:
    """Mean and 95 % interval over seeds by Student's t, of it what is *possible*.

    nan where fewer than two seeds have a value.
    """
    from scipy.stats import t as student

    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return math.nan, math.nan, math.nan
    mean = float(known.mean())
    if known.size < 2:
        return mean, math.nan, math.nan
    half = float(student.ppf(0.5 + LEVEL / 2, known.size - 1) * known.std(ddof=1))
    half /= math.sqrt(known.size)
    return mean, max(mean - half, possible[0]), min(mean + half, possible[1])


def circular_interval(degrees: Sequence[float]) -> tuple[float, float, float]:
    """The same for angles: the mean direction, and the interval of the deviations from it."""
    known = np.asarray(degrees, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return math.nan, math.nan, math.nan
    turned = np.exp(1j * np.radians(known))
    centre = float(np.degrees(np.angle(turned.mean())))
    away = np.degrees(np.angle(turned * np.exp(-1j * math.radians(centre))))
    _, low, high = interval_of(away.tolist())
    # Beyond half a turn to either side an angle comes back.
    return centre, centre + max(low, -180.0), centre + min(high, 180.0)
