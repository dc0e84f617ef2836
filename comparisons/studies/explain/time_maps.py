"""`TimeMap`: how the spike times of one recording come of those of another, found without knowing a step.

Where every cell has as many spikes in both, its k-th spikes are the same one; where not, the most frequent
difference of two spikes of a cell is tried, also after a change of unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ....core.recording import Spikes
from ....core.values import Floats
from ...measuring import match_spikes
from ...running.foreign.time_steps import FINEST_MS, step_of

MATCHED = 0.95
"""The share of spikes that a change of times has to bring together, more than there were without."""
UNITS: Mapping[float, str] = MappingProxyType({1e3: "s", 1e6: "µs instead of s", 6e4: "min"})
"""Factors that are units read as others: times in s called ms are 1000 times too small."""
_MOST_PAIRS = 2_000_000


@dataclass(frozen=True)
class TimeMap:
    """How the times of one recording come of those of the other.

    The larger are ``factor`` (at least 1) times the smaller plus ``offset_ms``; ``larger`` says whether
    the one has the larger.
    """

    factor: float
    offset_ms: float
    larger: bool

    @property
    def scale(self) -> float:
        """The times of the one over those of the other."""
        return self.factor if self.larger else 1 / self.factor

    @property
    def lag_ms(self) -> float:
        """What the one is late, in its own times."""
        return self.offset_ms if self.larger else -self.offset_ms / self.factor

    def back(self, times: Floats) -> Floats:
        """Times of the one as the other writes them."""
        if self.larger:
            return (times - self.offset_ms) / self.factor
        return times * self.factor + self.offset_ms


def time_map(one: Spikes, other: Spikes, before: float = 0.0) -> TimeMap | None:
    """How the times of one come of those of the other; None where they do not, or are the same."""
    return ordinal_map(one, other) or frequent_map(one, other, before)


def ordinal_map(one: Spikes, other: Spikes) -> TimeMap | None:
    """Scale and lag by the k-th spikes of cells that have as many in both; None if they do not fit."""
    x, y = ordinal(one, other)
    if y.size < 2 or y.size < 0.5 * max(len(one), len(other)):
        return None
    lag = float(np.median(y - x))
    left = float(np.abs(y - x - lag).max())
    close = tight(one, other)
    rounding = 0.51 * (digits_of(one.times) + digits_of(other.times))
    for allowed in (close, rounding):
        if left <= allowed and abs(lag) > 2 * allowed:
            return TimeMap(1.0, shortest(lag, allowed), True)
    if left <= max(close, rounding) or float(np.ptp(x)) <= 0 or float(np.ptp(y)) <= 0:
        return None
    larger = float(np.ptp(y)) >= float(np.ptp(x))
    line = (
        _line(x, y, digits_of(one.times), digits_of(other.times))
        if larger
        else (_line(y, x, digits_of(other.times), digits_of(one.times)))
    )
    return None if line is None else TimeMap(*line, larger)


def _line(x: Floats, y: Floats, rounding_y: float, rounding_x: float) -> tuple[float, float] | None:
    """Factor and offset of y = factor · x + offset, as short as their digits allow; None if y is none."""
    spread = float(np.ptp(x))
    factor, offset = (float(v) for v in np.polyfit(x - x.mean(), y, 1))
    allowed = max(1e-9 * float(np.abs(y).max()), 0.51 * (rounding_y + factor * rounding_x))
    factor = shortest(factor, 2 * allowed / spread)
    offset = float(np.median(y - factor * x))
    offset = 0.0 if abs(offset) <= 2 * allowed else shortest(offset, allowed)
    left = float(np.abs(y - factor * x - offset).max())
    if factor < 1 or left > 1.5 * allowed or (factor - 1) * spread < 4 * allowed:
        return None
    return factor, offset


def frequent_map(one: Spikes, other: Spikes, before: float) -> TimeMap | None:
    """A lag that brings most spikes of the smaller recording together, perhaps after a change of unit."""
    if min(len(one), len(other)) < max(3, 0.3 * max(len(one), len(other))):
        return None
    close = tight(one, other)
    for factor in (1.0, *UNITS):
        for larger in (True, False) if factor > 1 else (True,):
            big, small = (one, other) if larger else (other, one)
            scaled = Spikes(small.times * factor, small.cells)
            allowed = max(close, 1e-9 * float(np.abs(big.times).max()))
            lag = frequent_difference(big, scaled, allowed)
            if lag is None:
                continue
            lag = 0.0 if abs(lag) <= 2 * allowed else shortest(lag, allowed)
            if (factor, lag) == (1.0, 0.0):
                continue
            moved = Spikes(scaled.times + lag, small.cells)
            if share(big, moved, 2 * allowed) >= max(MATCHED, before):
                return TimeMap(factor, lag, larger)
    return None


def frequent_difference(one: Spikes, other: Spikes, width: float) -> float | None:
    """The most frequent difference of the times of two spikes of one cell, in bins of a width."""
    found = []
    n_pairs = 0
    there_by_cell = by_cell(other)
    for cell, times in by_cell(one).items():
        there = there_by_cell.get(cell)
        if there is None:
            continue
        found.append(np.subtract.outer(times, there).ravel())
        n_pairs += found[-1].size
        if n_pairs > _MOST_PAIRS:
            break
    if not found:
        return None
    differences = np.sort(np.concatenate(found))
    # The densest window of two widths: bins would cut a rounded lag in two.
    upto = np.searchsorted(differences, differences + 2 * width, side="right")
    first = int(np.argmax(upto - np.arange(differences.size)))
    return float(np.median(differences[first : upto[first]]))


def ordinal(one: Spikes, other: Spikes) -> tuple[Floats, Floats]:
    """The k-th spikes of all cells that have as many in both: times in the other, and in the one."""
    counts = [np.unique(spikes.cells, return_counts=True) for spikes in (one, other)]
    cells, ours, theirs = np.intersect1d(counts[0][0], counts[1][0], return_indices=True)
    cells = cells[counts[0][1][ours] == counts[1][1][theirs]]
    found = []
    for spikes in (other, one):
        order = np.lexsort((spikes.times, spikes.cells))
        found.append(spikes.times[order][np.isin(spikes.cells[order], cells)])
    return found[0], found[1]


def by_cell(spikes: Spikes) -> dict[int, Floats]:
    """The times of every cell, ascending."""
    order = np.lexsort((spikes.times, spikes.cells))
    cells, first = np.unique(spikes.cells[order], return_index=True)
    return dict(zip(cells.tolist(), np.split(spikes.times[order], first[1:]), strict=True))


def share(one: Spikes, other: Spikes, tolerance_ms: float) -> float:
    """The share of the spikes of the smaller recording that have a partner in the other."""
    fewer = min(len(one), len(other))
    if not fewer:
        return 1.0 if len(one) == len(other) else 0.0
    match = match_spikes(one.times, one.cells, other.times, other.cells, tolerance_ms)
    return match.matched / fewer


def digits_of(times: Floats) -> float:
    """To how many ms times are written, 0 where no digits tell it or the grid is one of a simulation."""
    step = step_of(times)
    return step if FINEST_MS < step <= 0.01 else 0.0


def tight(one: Spikes, other: Spikes) -> float:
    """What two equal times may differ by: the rounding of numbers of their size."""
    largest = max(float(np.abs(s.times).max(initial=0.0)) for s in (one, other))
    return 1e-7 * min(1.0, largest) + 1e-15 * largest


def shortest(value: float, allowed: float) -> float:
    """The shortest number within what is allowed: 0.1 and not 0.09999999."""
    for digits in range(1, 16):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= allowed:
            return short
    return value
