"""Cable cells in NEURON: Sections, what is inserted in them, clamps, receptors, sources of spikes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...core.clock import step_times
from ...core.errors import RunError
from ...core.expressions import names
from ...core.lowering import Lowered
from ...core.realization import HeldInput, RealizedPopulation
from ...core.section import Section
from ...core.units import Quantity
from ...core.values import Floats
from .cable import CablePlan, Place
from .compile import CROSSING, load_neuron
from .pieces import ion_name

_CM = Quantity(1.0, "uF/cm**2").internal
_RA = Quantity(1.0, "ohm*cm").internal
_NA = 1e-3
"""nA in a pA."""
_FOREVER = 1e9


class CableCells:
    """The Sections and point processes of one population of cable cells.

    ``receptors`` are its point processes by receptor, one a cell; ``crossings`` those that find spikes,
    none where a NetCon looks at v.
    """

    def __init__(self, plan: CablePlan, dt_ms: float) -> None:
        self.h = load_neuron()
        self.plan, self.lowered = plan, plan.lowered
        self.size = plan.population.size
        self.kept: list[Any] = []
        self.sections: list[Any] = []
        self._segments: list[list[Any]] = []
        self._points: dict[str, list[Any]] = {}
        self.crossings: list[Any] = []
        for cell in range(self.size):
            self._segments.append(self._tree(cell))
        self._insert()
        self._clamp(dt_ms)
        if plan.crossings and self.lowered.cell.spike_threshold is not None:
            self._watch()

    @property
    def receptors(self) -> Mapping[str, list[Any]]:
        """The point processes of each receptor, one a cell."""
        return {
            m.piece.name: self._points[m.name]
            for m in self.plan.membranes
            if m.piece.kind == "receptor"
        }

    # Geometry

    def _tree(self, cell: int) -> list[Any]:
        """A cell's Sections; its segments in the order of the compartments."""
        made: dict[str, Any] = {}
        counts = {c.section: c.n for c in self.lowered.compartments}
        capacitance = self._of(cell, "capacitance") / _CM
        resistivity = self.plan.population.parameters.get("axial_resistivity")
        for description in self.lowered.cell.morphology.sections:
            section = self.h.Section()
            _shape(section, description)
            section.nseg = counts[description.name]
            section.cm = capacitance
            if resistivity is not None:
                section.Ra = self._of(cell, "axial_resistivity") / _RA
            made[description.name] = section
        for description in self.lowered.cell.morphology.sections:
            if description.parent is not None:
                parent = made[description.parent]
                made[description.name].connect(parent(description.parent_x), 0)
        self.sections += made.values()
        segments = [made[c.section](c.x) for c in self.lowered.compartments]
        if cell == 0:
            _check_areas(self.lowered, segments)
        return segments

    def _of(self, cell: int, parameter: str) -> float:
        value = self.plan.population.parameters[parameter]
        return float(np.broadcast_to(np.asarray(value), (self.size,))[cell])

    # Membrane

    def _insert(self) -> None:
        for own in self.plan.built_in:
            self._insert_density(own.mechanism, own.compartments, own.numbers)
        for membrane in self.plan.membranes:
            for name, number in membrane.shared.items():
                setattr(self.h, name, number)
            compartments = membrane.piece.compartments
            if membrane.piece.is_point:
                self._place_points(membrane.name, compartments, membrane.each)
            else:
                self._insert_density(membrane.name, compartments, membrane.each)
        if self.plan.built_in:
            self.h.celsius = float(np.ravel(self.plan.population.parameters["temperature"])[0])
        self._set_ions()
        population = self.plan.population
        for k in range(len(self.lowered.compartments)):
            values = population.initial[self.lowered.potential(k)].tolist()
            for segments, value in zip(self._segments, values, strict=True):
                segments[k].v = value

    def _insert_density(
        self, mechanism: str, compartments: tuple[int, ...], numbers: Mapping[str, Floats]
    ) -> None:
        columns = {name: values.tolist() for name, values in numbers.items()}
        for cell, segments in enumerate(self._segments):
            chosen = [segments[k] for k in compartments]
            for segment in chosen:
                if not segment.sec.has_membrane(mechanism):
                    segment.sec.insert(mechanism)
            for name, rows in columns.items():
                for segment, value in zip(chosen, rows[cell], strict=True):
                    setattr(getattr(segment, mechanism), name, value)

    def _place_points(
        self, mechanism: str, compartments: tuple[int, ...], numbers: Mapping[str, Floats]
    ) -> None:
        make = getattr(self.h, mechanism)
        (k,) = compartments
        points = [make(segments[k]) for segments in self._segments]
        self._points[mechanism] = points
        for name, values in numbers.items():
            for point, value in zip(points, values[:, 0].tolist(), strict=True):
                setattr(point, name, value)

    def _set_ions(self) -> None:
        """Reversal potentials as given; NEURON's own Nernst equation is switched off."""
        population = self.plan.population
        for ion in self.lowered.cell.ions:
            name = ion_name(ion)
            reversal = self.lowered.find("ion", ion.name, "reversal")
            given = None if reversal is None else population.parameters[reversal]
            values = np.broadcast_to(np.asarray(0.0 if given is None else given), (self.size,))
            for segments, value in zip(self._segments, values.tolist(), strict=True):
                for section in dict.fromkeys(segment.sec for segment in segments):
                    if not section.has_membrane(f"{name}_ion"):
                        continue
                    style = 3 if ion.pool is not None else 0
                    self.h.ion_style(f"{name}_ion", style, 1, 0, 0, 0, sec=section)
                    for segment in section if given is not None else ():
                        setattr(segment, f"e{name}", value)

    # Inputs and spikes

    def _clamp(self, dt_ms: float) -> None:
        """An IClamp for every input; NEURON plays those that change: each frame from its first step on."""
        population = self.plan.population
        changing = {given.variable: given for given in population.inputs}
        for k, name in _clamped(population):
            if name in changing:
                self._play(k, changing[name], dt_ms)
                continue
            values = np.broadcast_to(np.asarray(population.parameters[name]), (self.size,))
            for cell in np.flatnonzero(values).tolist():
                self._iclamp(cell, k).amp = values[cell] * _NA

    def _iclamp(self, cell: int, k: int) -> Any:
        clamp = self.h.IClamp(self._segments[cell][k])
        clamp.delay, clamp.dur = 0.0, _FOREVER
        self.kept.append(clamp)
        return clamp

    def _play(self, k: int, given: HeldInput, dt_ms: float) -> None:
        starts = np.flatnonzero(np.diff(given.frames, prepend=given.frames[0] - 1))
        times = self.h.Vector(step_times(starts, dt_ms))
        shown = given.values[given.frames[starts]] * _NA
        self.kept.append(times)
        played: dict[tuple[int, float], Any] = {}
        pairs = zip(given.columns.tolist(), given.gain.tolist(), strict=True)
        for cell, (column, gain) in enumerate(pairs):
            if gain == 0.0:
                continue
            if (column, gain) not in played:
                played[column, gain] = self.h.Vector(shown[:, column] * gain)
                self.kept.append(played[column, gain])
            clamp = self._iclamp(cell, k)
            played[column, gain].play(clamp._ref_amp, times)

    def _watch(self) -> None:
        make, k = getattr(self.h, CROSSING), self.plan.spike_at
        for cell, segments in enumerate(self._segments):
            crossing = make(segments[k])
            crossing.level = self._of(cell, "spike_threshold")
            self.crossings.append(crossing)

    def netcon(self, cell: int, target: Any, delay: float = 0.0, weight: float = 0.0) -> Any:
        """A NetCon from a cell, where a NetCon looks at v."""
        segment = self._segments[cell][self.plan.spike_at]
        made = self.h.NetCon(segment._ref_v, target, sec=segment.sec)
        made.threshold = self._of(cell, "spike_threshold")
        made.delay = delay
        made.weight[0] = weight
        return made

    @property
    def spikes(self) -> bool:
        """Whether the cells have a threshold at all."""
        return self.lowered.cell.spike_threshold is not None

    def reference(self, variable: str, cell: int) -> tuple[Any, Any]:
        """NEURON's reference to a recorded state, and the Section it is in."""
        place = self.plan.places[variable]
        return self._refer(place, cell), self._segments[cell][place.compartment].sec

    def pointer(self, variable: str, cell: int) -> Any:
        """NEURON's reference to a state, recorded or not."""
        return self._refer(self.plan.states[variable], cell)

    def _refer(self, place: Place, cell: int) -> Any:
        owner = self._segments[cell][place.compartment]
        if place.point:
            assert place.membrane is not None
            owner = self._points[place.membrane][cell]
        elif place.membrane is not None:
            owner = getattr(owner, place.membrane)
        return getattr(owner, f"_ref_{place.name}")

    def samples(self, variable: str, values: Floats, n: int) -> Floats:
        """The n samples of t_n among the recorded values, shape (n or more, cells)."""
        place = self.plan.places[variable]
        samples = values[int(place.later) :][:n]
        if not place.ahead:
            return samples
        # Half a step ahead: the mean of the two around t_n, but for the initial value.
        return np.concatenate([samples[:1], 0.5 * (samples[:-1] + samples[1:])])

    def close(self) -> None:
        """Let go of everything, point processes before the Sections they are in."""
        self.crossings.clear()
        self.kept.clear()
        self._points.clear()
        self._segments.clear()
        self.sections.clear()


def _shape(section: Any, description: Section) -> None:
    if description.points:
        section.pt3dclear()
        for x, y, z, diameter in description.points:
            section.pt3dadd(x, y, z, diameter)
        return
    assert description.length is not None
    assert description.diameter is not None
    section.L = description.length.internal
    section.diam = description.diameter.internal


def _check_areas(lowered: Lowered, segments: list[Any]) -> None:
    """RunError unless NEURON cuts the cell as we do; it keeps points in single precision."""
    for compartment, segment in zip(lowered.compartments, segments, strict=True):
        if abs(segment.area() - compartment.area) > 1e-4 * compartment.area:
            raise RunError(
                "neuron",
                f"{lowered.cell.name}: NEURON finds {segment.area():g} um**2 for {compartment.name} "
                f"instead of {compartment.area:g} um**2",
            )


def _clamped(population: RealizedPopulation) -> Iterator[tuple[int, str]]:
    """(compartment, name) of every constant and changing input of a population of cable cells."""
    cell = population.cell
    assert cell.lowered is not None
    for k in range(len(cell.lowered.compartments)):
        right = cell.variable(cell.lowered.port(k)).right
        for name in sorted(names(right) if right is not None else ()):
            if cell.variable(name).kind in {"parameter", "input"}:
                yield k, name
