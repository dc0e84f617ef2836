"""A `View`: what a run recorded of one probe, and the instants that can be read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....core.realization import Realization
from ....core.recording import Recording
from ....core.values import Floats

_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class View:
    """What was recorded of a probe; ``places`` say where its parts are, as (population, first cell)."""

    probe: str
    recording: Recording
    realization: Realization
    places: Mapping[tuple[str, str], tuple[str, int]]

    def place(self, part: str) -> tuple[str, int]:
        """The population and the first cell of a part."""
        return self.places[self.probe, part]

    def stamps(self, part: str) -> Floats:
        """The spike times of the first cell of a part in ms."""
        population, cell = self.place(part)
        spikes = self.recording.spikes[population]
        times: Floats = spikes.times[spikes.cells == cell]
        return times

    def stamp(self, part: str) -> float:
        """The time of the first spike in ms; NaN if there is none."""
        found = self.stamps(part)
        return float(found[0]) if found.size else float("nan")

    def interval(self, part: str) -> float:
        """The time between the first two spikes in ms; NaN if there are not two."""
        found = self.stamps(part)
        return float(found[1] - found[0]) if found.size > 1 else float("nan")

    def times(self, part: str, variable: str) -> Floats:
        """The times of the samples of a part in ms, shape (samples,)."""
        return self.recording.traces[self.place(part)[0], variable].times

    def values(self, part: str, variable: str, cell: int = 0) -> Floats:
        """The samples of a cell of a part, shape (samples,)."""
        population, first = self.place(part)
        trace = self.recording.traces[population, variable]
        column = np.flatnonzero(trace.cells == first + cell)
        return trace.values[:, int(column[0])]

    def variables(self, part: str) -> tuple[str, ...]:
        """The names of what was recorded of the population of a part."""
        population, _ = self.place(part)
        return tuple(name for owner, name in self.recording.traces if owner == population)

    def end(self, part: str, variable: str) -> float:
        """The last sample."""
        return float(self.values(part, variable)[-1])

    def since(self, part: str, variable: str = "x") -> float:
        """The instant in ms since when a variable has grown by 1 a ms; NaN if it never has.

        Its last sample tells that without regard to when within a step samples are taken or spikes stamped.
        """
        grown = self.end(part, variable)
        return float(self.times(part, variable)[-1]) - grown if grown else float("nan")

    def first_change(self, part: str, variable: str) -> float:
        """The time in ms of the first sample that differs from the first; NaN if none does."""
        values = self.values(part, variable)
        changed = np.flatnonzero(values != values[0])
        return float(self.times(part, variable)[changed[0]]) if changed.size else float("nan")

    def at(self, part: str, variable: str, time_ms: float) -> float:
        """The first sample at or after a time; NaN if there is none within a step."""
        times = self.times(part, variable)
        if not np.isfinite(time_ms):
            return float("nan")
        k = int(np.searchsorted(times, time_ms - _SLACK))
        step = float(times[1] - times[0])
        if k == times.size or times[k] - time_ms > step - _SLACK:
            return float("nan")
        return float(self.values(part, variable)[k])
