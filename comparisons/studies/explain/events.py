"""What happened to one cell in the steps before two recordings part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....core.clock import step_times
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.units import internal_unit
from ....core.values import Floats
from .hypothesis import Side

STEPS_BEFORE = 10
"""Steps before the divergence in which events are told."""

EventKind = Literal["arrival", "spike", "input", "refractory"]


@dataclass(frozen=True)
class Place:
    """Where two recordings first part: a spike of one alone (``variable`` is "spike") or a variable."""

    time_ms: float
    population: str
    cell: int
    variable: str


@dataclass(frozen=True)
class Event:
    """Something that happened to the cell on one side.

    An arrival is due when the source's spike, as that side stamps it, plus the delay is due: ``weight`` in
    ``unit`` from ``cell`` of ``source``. A refractory event is its end by that side's stamps.
    """

    side: str
    time_ms: float
    kind: EventKind
    source: str = ""
    cell: int = -1
    projection: str = ""
    weight: float | None = None
    unit: str = ""

    @property
    def what(self) -> tuple[str, str, int, str]:
        """What happened, whenever it did."""
        return self.kind, self.source, self.cell, self.projection

    @property
    def in_words(self) -> str:
        """What happened, without the side."""
        if self.kind == "arrival":
            said = f"an arrival from cell {self.cell} of {self.source} ({self.projection}"
            if self.weight is not None:
                said += f", {self.weight:.4g} {self.unit}".rstrip()
            return f"{said}) at {self.time_ms:.6g} ms"
        if self.kind == "input":
            return (
                f"{self.source} changes to {self.weight:.4g} {self.unit} at {self.time_ms:.6g} ms"
            )
        if self.kind == "refractory":
            return f"its refractoriness ends at {self.time_ms:.6g} ms"
        return f"a spike of the cell itself at {self.time_ms:.6g} ms"


def events_before(side: Side, recording: Recording, place: Place, dt: float) -> Iterator[Event]:
    """What happened to the cell on one side in the steps before the divergence."""
    realization = side.realization
    if realization is None or place.population not in realization.populations:
        return
    first, last = place.time_ms - STEPS_BEFORE * dt - 1e-9, place.time_ms + 1e-9
    yield from _arrivals(side.label, realization, recording, place, first, last)
    population = realization.populations[place.population]
    own = recording.spikes.get(place.population)
    if own is not None:
        times = own.times[own.cells == place.cell]
        for time in times[(times >= first) & (times <= last)]:
            yield Event(side.label, float(time), "spike")
        steps = np.broadcast_to(np.asarray(population.refractory_steps), (population.size,))
        pause = float(steps[place.cell]) * realization.dt_ms
        ends = times + pause
        for time in ends[(ends >= first) & (ends <= last + dt)] if pause else ():
            yield Event(side.label, float(time), "refractory")
    for given in population.inputs:
        n_first = max(1, round(first / realization.dt_ms))
        for n in range(n_first, min(realization.n_steps, round(last / realization.dt_ms) + 1)):
            before, now = (float(given.at(k)[place.cell]) for k in (n - 1, n))
            if now != before:
                time = float(step_times(np.array([n]), realization.dt_ms)[0])
                yield Event(side.label, time, "input", given.input_name, weight=now)


def _arrivals(
    label: str,
    realization: Realization,
    recording: Recording,
    place: Place,
    first: float,
    last: float,
) -> Iterator[Event]:
    for edges in realization.edges:
        if edges.target != place.population:
            continue
        mine = np.flatnonzero(edges.post == place.cell)
        if not mine.size:
            continue
        times, cells = _spikes_of(edges.source, realization, recording)
        longest = edges.max_delay_steps * realization.dt_ms
        recent = (times >= first - longest) & (times <= last)
        times, cells = times[recent], cells[recent]
        delays = np.broadcast_to(np.asarray(edges.delay_steps), edges.pre.shape)
        weights = np.broadcast_to(np.asarray(edges.weight), edges.pre.shape)
        for k in mine:  # the connections of one cell, within some steps
            for time in times[cells == edges.pre[k]] + delays[k] * realization.dt_ms:
                if first <= time <= last:
                    yield Event(
                        label,
                        float(time),
                        "arrival",
                        edges.source,
                        int(edges.pre[k]),
                        edges.name,
                        float(weights[k]),
                        _weight_unit(realization, edges.name),
                    )


def _spikes_of(
    name: str, realization: Realization, recording: Recording
) -> tuple[Floats, np.ndarray]:
    if name in realization.sources:
        source = realization.sources[name]
        return step_times(source.steps, realization.dt_ms), source.cells
    spikes = recording.spikes.get(name)
    return (np.empty(0), np.empty(0, np.int32)) if spikes is None else (spikes.times, spikes.cells)


def _weight_unit(realization: Realization, projection: str) -> str:

    experiment = realization.experiment
    found = next(p for p in experiment.projections if p.name == projection)
    return internal_unit(experiment.port(found).weight_dimension)


def events_in_words(events: list[Event], labels: tuple[str, str]) -> str:
    """Events in a sentence: those of both, then those that differ."""
    by_side: Mapping[str, list[Event]] = {s: [e for e in events if e.side == s] for s in labels}
    if not events:
        return f"Nothing reached the cell in the {STEPS_BEFORE} steps before."
    times = [{(*e.what, round(e.time_ms, 6)) for e in by_side[s]} for s in labels]
    shared = [e for e in by_side[labels[0]] if (*e.what, round(e.time_ms, 6)) in times[1]]
    said = []
    if shared:
        said.append("due in both: " + _listed(shared))
    for k, label in enumerate(labels):
        only = [e for e in by_side[label] if (*e.what, round(e.time_ms, 6)) not in times[1 - k]]
        if only:
            said.append(f"only in {label}: {_listed(only)}")
    return f"In the {STEPS_BEFORE} steps before, by each side's own stamps, {'; '.join(said)}."


def _listed(events: list[Event]) -> str:
    shown = [e.in_words for e in events[-4:]]
    more = len(events) - len(shown)
    return ", ".join(shown) + (f" and {more} before" if more else "")
