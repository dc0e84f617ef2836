"""Rates from intervals, where a curve starts, ends and bends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.recording import Spikes

Floats = NDArray[np.float64]
STOPPED = 2.0
"""A cell that is silent at the end for this many of its mean intervals has stopped."""


def steady_rates(spikes: Spikes, size: int, start_ms: float, stop_ms: float) -> Floats:
    """The rate [Hz] of every cell from the intervals that end after *start_ms*, shape (size,).

    It is 0 where there is no such interval, or where the cell stopped: at the end it has been silent for
    twice its mean interval. Only what a cell does on and on counts.
    """
    order = np.lexsort((spikes.times, spikes.cells))
    times, cells = spikes.times[order], spikes.cells[order]
    interval = np.diff(times)
    ends = (cells[1:] == cells[:-1]) & (times[1:] > start_ms)
    count = np.bincount(cells[1:][ends], minlength=size)
    total = np.bincount(cells[1:][ends], weights=interval[ends], minlength=size)
    last = np.full(size, -np.inf)
    np.maximum.at(last, cells, times)
    mean = np.divide(total, count, out=np.full(size, np.inf), where=count > 0)
    going = (count > 0) & (stop_ms - last <= STOPPED * mean)
    return np.where(going, 1000.0 / mean, 0.0)


@dataclass(frozen=True)
class Edge:
    """Where a curve starts or ends: between two neighbouring currents; None is beyond the range."""

    silent: float | None
    firing: float

    def to_dict(self) -> dict[str, float | None]:
        """Plain data."""
        return {"silent": self.silent, "firing": self.firing}


def onset_of(currents: Floats, rates: Floats) -> Edge | None:
    """The least current that fires, and the silent one below it; None if none fires."""
    firing = np.flatnonzero(rates > 0)
    if not firing.size:
        return None
    first = int(firing[0])
    return Edge(float(currents[first - 1]) if first else None, float(currents[first]))


def block_of(currents: Floats, rates: Floats) -> Edge | None:
    """The largest current that fires, and the silent one above it; None if the curve does not end."""
    firing = np.flatnonzero(rates > 0)
    if not firing.size or firing[-1] == rates.size - 1:
        return None
    last = int(firing[-1])
    return Edge(float(currents[last + 1]), float(currents[last]))


def next_currents(
    currents: Floats, curves: Sequence[Floats], finest: float, bend_hz: float
) -> Floats:
    """The currents to add: three within every step from silence to firing, one at each side of a bend.

    A step is split while it is wider than *finest*; at a bend the middle of three currents is more than
    *bend_hz* off the straight line between the outer two.
    """
    width = np.diff(currents)
    parts = np.zeros(width.size, dtype=int)
    for rates in curves:
        edge = (rates[1:] > 0) != (rates[:-1] > 0)
        straight = edge | ((rates[1:] == 0) & (rates[:-1] == 0))
        parts[edge & (width > finest)] = 4
        if rates.size < 3:
            continue
        line = rates[:-2] + (rates[2:] - rates[:-2]) * width[:-1] / (width[:-1] + width[1:])
        bent = np.abs(rates[1:-1] - line) > bend_hz
        for steps, split in (
            (parts[:-1], bent & ~straight[:-1]),
            (parts[1:], bent & ~straight[1:]),
        ):
            steps[split] = np.maximum(steps[split], 2)
    # Bends are followed to four times the finest step: a curve that jumps at onset bends for ever.
    parts[(parts == 2) & (width <= 4 * finest)] = 0
    added = [currents[k] + width[k] * np.arange(1, n) / n for k, n in enumerate(parts) if n > 1]
    return np.concatenate(added) if added else np.zeros(0)
