"""The first divergence of two recordings: when, in which cell, in what, and what had happened just before."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....core.cell import Cell
from ....core.errors import CoincideError
from ....core.experiment import Record
from ....core.expressions import names
from ....core.inlining import inlined
from ....core.numpy_code import Namespace, compile_expression
from ....core.realization import Realization, RealizedPopulation
from ....core.recording import Recording
from ....core.units import internal_unit
from ....core.values import Floats
from ...measuring import compare_traces, match_spikes
from ...measuring.pairs import json_safe
from ...showing.style import shown_unit
from .events import STEPS_BEFORE, Event, Place, events_before, events_in_words
from .hypothesis import Side
from .trials import Trials

VISIBLE = 1e-3
"""Traces have parted where they differ by more than this share of their range: 0.1 mV of 100 mV."""
STEPS_SHOWN = 20
"""Steps on both sides of the divergence that are kept and drawn."""
MOST_STATES = 8
"""States of the cell that are recorded again, those of the threshold first."""


@dataclass(frozen=True, eq=False)
class Course:
    """One side's course around the divergence: the cell's variable, its distance below threshold."""

    label: str
    backend: str
    times: Floats
    values: Floats
    margin: Floats | None

    def at(self, time_ms: float) -> float | None:
        """The value of the last sample up to a time."""
        k = int(np.searchsorted(self.times, time_ms + 1e-9, side="right")) - 1
        return float(self.values[k]) if k >= 0 else None

    def margin_at(self, time_ms: float) -> float | None:
        """The distance below threshold at the last sample up to a time."""
        k = int(np.searchsorted(self.times, time_ms + 1e-9, side="right")) - 1
        return float(self.margin[k]) if self.margin is not None and k >= 0 else None


@dataclass(frozen=True, eq=False)
class Divergence:
    """The first divergence of a pair with what happened in the steps before on both sides.

    ``courses`` hold ``shown`` around the time, none where that cell's traces could not be had; ``threshold``
    is the level of the condition where it is a constant.
    """

    place: Place
    dt_ms: float
    labels: tuple[str, str]
    shown: str
    unit: str
    courses: tuple[Course, ...]
    threshold: float | None
    events: tuple[Event, ...]
    in_words: str
    runs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        p = self.place
        plain: dict[str, Any] = json_safe(
            {
                "time_ms": p.time_ms,
                "population": p.population,
                "cell": p.cell,
                "variable": p.variable,
                "shown": self.shown,
                "unit": self.unit,
                "threshold": self.threshold,
                "events": [{**vars(e), "in_words": e.in_words} for e in self.events],
                "courses": [
                    {
                        "side": c.label,
                        "times_ms": c.times.tolist(),
                        "values": c.values.tolist(),
                        "below_threshold": None if c.margin is None else c.margin.tolist(),
                    }
                    for c in self.courses
                ],
                "in_words": self.in_words,
                "runs": list(self.runs),
            }
        )
        return plain


def first_place(a: Recording, b: Recording) -> Place | None:
    """Where two recordings first part visibly; None if nowhere.

    A spike is earlier than a trace at the same time only where no trace has parted by then.
    """
    found = [*_traces_part(a, b), *_spikes_part(a, b)]
    return min(found, key=lambda place: place.time_ms, default=None)


def _traces_part(a: Recording, b: Recording) -> Iterator[Place]:
    for key in a.traces.keys() & b.traces.keys():
        one, other = a.traces[key], b.traces[key]
        cells, in_a, in_b = np.intersect1d(one.cells, other.cells, return_indices=True)
        if not cells.size:
            continue
        found = compare_traces(
            one.times,
            one.values[:, in_a],
            other.times,
            other.values[:, in_b],
            relative_threshold=VISIBLE,
        )
        first = [f for f in (found.first_divergence, found.not_finite_a, found.not_finite_b) if f]
        if first:
            earliest = min(first, key=lambda f: f.time)
            yield Place(float(earliest.time), key[0], int(cells[earliest.cell]), key[1])


def _spikes_part(a: Recording, b: Recording) -> Iterator[Place]:
    dt = min(a.dt_ms, b.dt_ms)
    for name in a.spikes.keys() & b.spikes.keys():
        one, other = a.spikes[name], b.spikes[name]
        match = match_spikes(
            one.times, one.cells, other.times, other.cells, 1e-6 * dt, indices=True
        )
        assert match.missing_spikes is not None
        assert match.extra_spikes is not None
        for spikes, lonely in ((one, match.missing_spikes), (other, match.extra_spikes)):
            if lonely.size:
                k = lonely[np.argmin(spikes.times[lonely])]
                yield Place(float(spikes.times[k]), name, int(spikes.cells[k]), "spike")


def look_cost(a: Side, b: Side, trials: Trials) -> int:
    """How many runs `look` will ask for."""
    one, other = trials.recording(a), trials.recording(b)
    place = None if one is None or other is None else first_place(one, other)
    if place is None:
        return 0
    pair = [_recorded_at(side, place) for side in (a, b)]
    return trials.cost([side for side in pair if side is not None])


def look(a: Side, b: Side, trials: Trials) -> Divergence | None:
    """Look at the first divergence of two sides that were run; None where they do not part visibly.

    If the cell was not recorded there, both are run again with it recorded, as far as the budget allows.
    """
    one, other = trials.need(a), trials.need(b)
    place = first_place(one, other)
    if place is None:
        return None
    pair = [_recorded_at(side, place) for side in (a, b)]
    again = [side for side in pair if side is not None]
    seen = [a, b]
    if again and trials.cost(again) <= trials.left:
        trials.run(again, "the cell of the first divergence recorded")
        seen = [
            p if p is not None and trials.recording(p) is not None else s
            for p, s in zip(pair, (a, b), strict=True)
        ]
        place = _earlier(place, trials.need(seen[0]), trials.need(seen[1]))
    recordings = [trials.need(side) for side in seen]
    realization = a.realization or b.realization
    dt = min(one.dt_ms, other.dt_ms)
    shown, courses, threshold, unit = _courses((a, b), recordings, realization, place, dt)
    labels = (a.label, b.label)
    events: list[Event] = []
    if realization is not None:
        for side, recording in zip((a, b), recordings, strict=True):
            events += events_before(side, recording, place, dt)
    events.sort(key=lambda e: e.time_ms)
    about = _margin_unit(realization, place)
    known = None if realization is None else events
    words = _in_words(place, labels, (one, other), courses, known, dt, about, shown_unit(unit))
    runs = tuple(trials.id(side) for side in seen)
    return Divergence(
        place, dt, labels, shown, unit, courses, threshold, tuple(events), words, runs
    )


def _earlier(place: Place, a: Recording, b: Recording) -> Place:
    """The same cell's own first divergence, now that it is recorded."""
    found = [
        p for p in [*_traces_part(_only(a, place), _only(b, place))] if p.time_ms < place.time_ms
    ]
    return min(found, key=lambda p: p.time_ms, default=place)


def _only(recording: Recording, place: Place) -> Recording:
    traces = {
        key: replace(
            trace,
            values=trace.values[:, trace.cells == place.cell],
            cells=trace.cells[trace.cells == place.cell],
        )
        for key, trace in recording.traces.items()
        if key[0] == place.population and place.cell in trace.cells
    }
    return replace(recording, traces=traces)


def _recorded_at(side: Side, place: Place) -> Side | None:
    """A side with the states of one cell recorded; None if they are, or it cannot be run again."""
    if not side.runs or side.realization is None:
        return None
    population = side.realization.populations.get(place.population)
    if population is None:
        return None
    wanted = _states_to_see(population.cell, place)
    recorded = {
        variable
        for name, variable, cells in side.realization.recorded()
        if name == place.population and place.cell in cells
    }
    if set(wanted[:1]) <= recorded:
        return None
    number = place.cell if population.kept is None else int(population.kept[place.cell])
    record = Record(population=place.population, variables=wanted, cells=(number,))
    try:
        experiment = side.realization.experiment.with_(records=[record.model_dump(mode="json")])
    except CoincideError:
        return None
    return replace(side, realization=replace(side.realization, experiment=experiment))


def _states_to_see(cell: Cell, place: Place) -> tuple[str, ...]:
    """The state to show first: the one that parted, or what the threshold is about; then others."""
    states = [v.name for v in cell.states]
    about = (
        []
        if cell.threshold is None
        else [n for n in states if n in names(inlined(cell, cell.threshold))]
    )
    first = [place.variable] if place.variable in states else []
    return tuple(dict.fromkeys([*first, *about, *states]))[:MOST_STATES]


def _courses(
    sides: tuple[Side, Side],
    recordings: list[Recording],
    realization: Realization | None,
    place: Place,
    dt: float,
) -> tuple[str, tuple[Course, ...], float | None, str]:
    """What to show of the cell, on both sides, around the time."""
    population = None if realization is None else realization.populations.get(place.population)
    common = [
        key
        for key in recordings[0].traces
        if key[0] == place.population
        and all(key in r.traces and place.cell in r.traces[key].cells for r in recordings)
    ]
    order = [place.variable]
    if population is not None:
        order += _states_to_see(population.cell, place)
    shown = next((v for v in order if (place.population, v) in common), None)
    if shown is None:
        return "", (), None, ""
    courses, level = [], None
    for side, recording in zip(sides, recordings, strict=True):
        trace = recording.traces[place.population, shown]
        inside = np.abs(trace.times - place.time_ms) <= STEPS_SHOWN * dt + 1e-9
        column = int(np.flatnonzero(trace.cells == place.cell)[0])
        margin = None
        if population is not None:
            margin, found = _margin(population, recording, place)
            margin = None if margin is None or margin.size != inside.size else margin[inside]
            level = found if shown in _threshold_states(population.cell) else level
        courses.append(
            Course(
                side.label, side.backend, trace.times[inside], trace.values[inside, column], margin
            )
        )
    unit = recordings[0].traces[place.population, shown].unit
    return shown, tuple(courses), level, unit


def _threshold_states(cell: Cell) -> list[str]:
    if cell.threshold is None:
        return []
    return [v.name for v in cell.states if v.name in names(inlined(cell, cell.threshold))]


def _margin_unit(realization: Realization | None, place: Place) -> str:
    """The unit of the threshold condition's sides: that of the first state in it."""
    if realization is None or place.population not in realization.populations:
        return ""
    cell = realization.populations[place.population].cell
    states = _threshold_states(cell)
    return shown_unit(internal_unit(cell.variable(states[0]).dimension)) if states else ""


def _margin(
    population: RealizedPopulation, recording: Recording, place: Place
) -> tuple[Floats | None, float | None]:
    """How far the cell is below its threshold at every sample, and the threshold where it is constant."""
    cell = population.cell
    if cell.threshold is None:
        return None, None
    condition = inlined(cell, cell.threshold)
    if not (isinstance(condition, ast.Compare) and len(condition.ops) == 1):
        return None, None
    low, high = condition.left, condition.comparators[0]
    if isinstance(condition.ops[0], ast.Lt | ast.LtE):
        low, high = high, low
    scope: Namespace = {"not_refractory": True}
    for name, value in population.parameters.items():
        scope[name] = value[place.cell] if isinstance(value, np.ndarray) else value
    for state in cell.states:
        trace = recording.traces.get((place.population, state.name))
        if trace is not None and place.cell in trace.cells:
            scope[state.name] = trace.values[:, int(np.flatnonzero(trace.cells == place.cell)[0])]
    if (names(low) | names(high)) - scope.keys():
        return None, None
    above = np.asarray(compile_expression(high)(scope), dtype=np.float64)
    margin = np.asarray(above - compile_expression(low)(scope), dtype=np.float64)
    return (margin if margin.ndim else None), (float(above) if above.ndim == 0 else None)


def _in_words(
    place: Place,
    labels: tuple[str, str],
    recordings: tuple[Recording, Recording],
    courses: tuple[Course, ...],
    events: list[Event] | None,
    dt: float,
    margin_unit: str,
    unit: str,
) -> str:
    who = f"cell {place.cell} of {place.population}"
    said = [
        f"At {place.time_ms:.6g} ms {_what_parts(place, labels, recordings, courses, unit, who)}."
    ]
    before = place.time_ms - dt
    margins = [(c.label, c.margin_at(before)) for c in courses]
    near = [
        f"{abs(m):.4g} {margin_unit} {'below' if m >= 0 else 'above'} its threshold in {label}"
        for label, m in margins
        if m is not None
    ]
    if near:
        said.append(f"A step before, the cell was {' and '.join(near)}.")
    if events is not None:
        said.append(events_in_words(events, labels))
    return " ".join(said)


def _what_parts(
    place: Place,
    labels: tuple[str, str],
    recordings: tuple[Recording, Recording],
    courses: tuple[Course, ...],
    unit: str,
    who: str,
) -> str:
    if place.variable == "spike":
        return f"{who} {_spike_times(place, labels, recordings)}"
    values = [c.at(place.time_ms) for c in courses]
    both = " and ".join(
        f"{value:.6g} {unit} in {label}".replace("  ", " ")
        for label, value in zip(labels, values, strict=False)
        if value is not None
    )
    return (
        f"{place.variable} of {who} parts: {both}" if both else f"{place.variable} of {who} parts"
    )


def _spike_times(
    place: Place, labels: tuple[str, str], recordings: tuple[Recording, Recording]
) -> str:
    """When the cell spikes in each, as near as that is to the time."""
    near: list[tuple[str, float | None]] = []
    for label, recording in zip(labels, recordings, strict=True):
        spikes = recording.spikes[place.population]
        mine = spikes.times[spikes.cells == place.cell]
        close = mine[np.abs(mine - place.time_ms) <= STEPS_BEFORE * recording.dt_ms]
        time = float(close[np.argmin(np.abs(close - place.time_ms))]) if close.size else None
        near.append((label, time))
    near.sort(key=lambda n: n[1] != place.time_ms)
    (first, _), (other, late) = near
    if late is None:
        return f"spikes in {first} and not in {other}"
    return f"spikes in {first}, but at {late:.6g} ms in {other}"
