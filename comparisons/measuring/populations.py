"""What the spikes of every population of a recording amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.recording import Recording
from . import SpikeStatistics, spike_statistics

if TYPE_CHECKING:
    pass


BIN_MS = 5.0
"""Width of the bins of the statistics."""


def population_statistics(recording: Recording, name: str) -> tuple[int, SpikeStatistics]:
    """The cells of a population, and what its spikes amount to over the whole recording."""
    spikes = recording.spikes[name]
    seen = int(spikes.cells.max()) + 1 if len(spikes) else 1
    cells = max(recording.sizes.get(name, 1), seen)
    stop = max(recording.duration_ms, float(spikes.times[-1]) if len(spikes) else 0.0)
    numbers = spike_statistics(
        spikes.times, spikes.cells, cells, start=0.0, stop=stop, bin=min(BIN_MS, stop)
    )
    return cells, numbers
