"""How far the spikes of two runs of one network are the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.recording import Recording
from ...measuring.spikes import match_spikes

_SHIFTS = (0, 1, -1, 2, -2)


@dataclass(frozen=True)
class SpikeList:
    """Spikes of a whole network: `times` [ms] and `cells`, numbered through, in order of time, then cell."""

    times: NDArray[np.float64]
    cells: NDArray[np.int64]

    @classmethod
    def of(cls, times: NDArray[np.float64], cells: NDArray[np.int64]) -> SpikeList:
        """From arrays in any order; times are rounded to 1e-6 ms, far below a step."""
        times = np.rint(np.asarray(times, float) * 1e6) / 1e6
        cells = np.asarray(cells).astype(np.int64)
        order = np.lexsort((cells, times))
        return cls(times[order], cells[order])

    @classmethod
    def from_recording(cls, recording: Recording) -> SpikeList:
        """The populations numbered through in their order, as in the native scripts' wiring file."""
        first, times, cells = 0, [], []
        for name, size in recording.sizes.items():
            spikes = recording.spikes[name]
            times.append(spikes.times)
            cells.append(spikes.cells.astype(np.int64) + first)
            first += size
        return cls.of(np.concatenate(times), np.concatenate(cells))

    @classmethod
    def load(cls, path: Path) -> SpikeList:
        """What a native script wrote."""
        with np.load(path) as file:
            return cls.of(file["times"], file["ids"])


@dataclass(frozen=True)
class Agreement:
    """How two lists of spikes agree.

    Attributes:
        n_a, n_b: spikes of each.
        shift_steps: added to the times of a, in steps, since simulators stamp spikes in their own way.
        until_ms: time of the first spike that only one of them has; None if there is none.
        share: spikes of b before that, of all of b.
        matched: spikes of b matched one to one within a step, of the larger number of spikes.
    """

    n_a: int
    n_b: int
    shift_steps: int
    until_ms: float | None
    share: float
    matched: float


def agreement(a: SpikeList, b: SpikeList, dt_ms: float) -> Agreement:
    """Compare two lists, with the shift of up to two steps by which they agree longest."""
    shift = max(_SHIFTS, key=lambda s: _same(a, b, s * dt_ms))
    n = _same(a, b, shift * dt_ms)
    first = [s.times[n] + k * dt_ms for s, k in ((a, shift), (b, 0)) if n < s.times.size]
    moved = a.times + shift * dt_ms
    largest = max(a.times.size, b.times.size, 1)
    matched = match_spikes(moved, a.cells, b.times, b.cells, dt_ms).matched / largest
    share = n / b.times.size if b.times.size else 1.0
    until = float(min(first)) if first else None
    return Agreement(a.times.size, b.times.size, shift, until, share, matched)


def _same(a: SpikeList, b: SpikeList, shift_ms: float) -> int:
    """How many spikes from the first on have the same time, within 1e-5 ms, and cell."""
    n = min(a.times.size, b.times.size)
    differs = np.abs(a.times[:n] + shift_ms - b.times[:n]) > 1e-5
    differs |= a.cells[:n] != b.cells[:n]
    return int(np.argmax(differs)) if differs.any() else n
