"""What a reader collects from a file, and the `Foreign` recording that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.recording import Recording, Spikes, Trace
from .reading import Reading
from .time_steps import step_of

Labels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Foreign:
    """A recording from elsewhere.

    ``labels`` are the names of the cells of a population whose ids are no numbers: cell k is called
    ``labels[population][k]``, which another file may number otherwise. ``lasts`` says whether the file
    told how long was recorded, from ``start_ms`` on. ``base`` is what the population is called here that
    the file does not name, "" if it names all. ``made_by`` is the program with its version, if it is said.
    """

    recording: Recording
    labels: Labels = field(default_factory=dict)
    lasts: bool = False
    base: str = ""
    made_by: str = ""
    start_ms: float = 0.0


@dataclass(eq=False)
class Found:
    """What has been read so far of the file ``where``."""

    where: str
    reading: Reading
    spikes: dict[str, Spikes] = field(default_factory=dict)
    traces: dict[tuple[str, str], Trace] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    caveats: list[Caveat] = field(default_factory=list)
    duration_ms: float | None = None
    start_ms: float | None = None
    base: str = ""
    made_by: str = ""

    def assumed(self, what: str, why: str) -> None:
        """Say what the file does not tell and was taken for granted."""
        self._say(Caveat("assumed", what, why))

    def left_out(self, what: str, why: str) -> None:
        """Name what stands in the file and was not read."""
        self._say(Caveat("not read", what, why))

    def _say(self, caveat: Caveat) -> None:
        if caveat not in self.caveats:
            self.caveats.append(caveat)

    def add_spikes(self, population: str, spikes: Spikes, size: int | None = None) -> None:
        """The spikes of a population; InputError if there are some of it already."""
        if population in self.spikes:
            raise InputError(self.where, f"has the spikes of {population!r} twice")
        self.spikes[population] = spikes
        seen = int(spikes.cells.max()) + 1 if len(spikes) else 0
        self.sizes[population] = max(size or 0, seen, self.sizes.get(population, 0))

    def add_trace(self, population: str, variable: str, trace: Trace) -> None:
        """A trace; a second one of the same name is called ``v [2]``, so that none hides another."""
        name, k = variable, 1
        while (population, name) in self.traces:
            k += 1
            name = f"{variable} [{k}]"
        self.traces[population, name] = trace
        seen = int(trace.cells.max()) + 1 if trace.cells.size else 0
        self.sizes[population] = max(seen, self.sizes.get(population, 0))

    def foreign(self) -> Foreign:
        """All of it as a recording; InputError if there is nothing."""
        if not self.spikes and not self.traces:
            left = "; ".join(map(str, self.caveats[:3]))
            raise InputError(
                self.where, "holds no spikes and no traces" + (f": {left}" if left else "")
            )
        ends = [float(s.times[-1]) for s in self.spikes.values() if len(s)]
        ends += [float(t.times[-1]) for t in self.traces.values() if t.values.shape[0]]
        duration = max([*ends, 0.0, self.duration_ms or 0.0])
        dt = self.reading.dt_ms
        if dt is None:
            dt = min((t.dt_ms for t in self.traces.values()), default=None)
        if dt is None:
            dt = step_of(np.concatenate([s.times for s in self.spikes.values()]))
        # A file of spikes alone that does not say how long was recorded lasts as long as any other.
        provenance = {} if self.duration_ms is None else {"recorded_ms": self.duration_ms}
        recording = Recording(
            duration,
            dt,
            self.spikes,
            self.traces,
            self.sizes,
            caveats=tuple(self.caveats),
            provenance=provenance,
        )
        lasts = self.duration_ms is not None or bool(self.traces)
        start = 0.0 if self.start_ms is None else self.start_ms
        return Foreign(recording, self.labels, lasts, self.base, self.made_by, start)
