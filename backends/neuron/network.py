"""A network in NEURON: cells, given spikes, connections and recordings, built from arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.clock import step_times
from ...core.realization import Edges, HeldInput, Realization, RealizedPopulation
from ...core.values import Floats
from ..watch import States
from .cable import CablePlan
from .compile import CONNECT, SOURCE, load_neuron
from .conventions import Timing
from .mechanism import HOLD, Mechanism
from .nmodl import mangled
from .sections import CableCells

# A long list of point processes in one segment takes long to take apart.
_CELLS_PER_SECTION = 500


class Network:
    """The objects of one run. NEURON keeps only what Python refers to, so `close` ends them all.

    ``mechanisms`` are those of point neurons, ``plans`` say how cable cells are built, both by population.
    With ``sample_times`` in ms traces are sampled then, else in every step.
    """

    def __init__(
        self,
        realization: Realization,
        mechanisms: Mapping[str, Mechanism],
        plans: Mapping[str, CablePlan],
        timing: Timing,
        n_samples: int,
        sample_times: Floats | None = None,
    ) -> None:
        self.h = load_neuron()
        self._sample_times = None if sample_times is None else self.h.Vector(sample_times)
        self.realization, self.timing = realization, timing
        self.mechanisms = mechanisms
        self.cables: dict[str, CableCells] = {}
        self.shortest_ms = np.inf
        self._sections: list[Any] = []
        self._kept: list[Any] = []
        self._cells: dict[str, list[Any]] = {}
        self._first: dict[str | tuple[str, str], int] = {}
        self._ids: dict[str, range] = {}
        self._all = self.h.List()
        self._netcons = self.h.List()
        for name, population in realization.populations.items():
            if name in plans:
                self._build(name, plans[name])
            else:
                self._cells[name] = self._create(population, mechanisms[name])
            self._number(name, self._cells[name])
        for source in realization.sources.values():
            times = (
                source.times
                if timing.exact_sources
                else step_times(source.steps, realization.dt_ms)
            )
            self._cells[source.name] = self._create_source(source.size, times, source.cells)
            self._number(source.name, self._cells[source.name])
        for edges in realization.edges:
            if len(edges):
                self._connect(edges)
        self._record_spikes()
        self._traces = {
            (name, variable): self._record(name, variable, cells, n_samples)
            for name, variable, cells in realization.recorded()
        }
        self._gathered = {
            name: self._pointers(name, population)
            for name, population in realization.populations.items()
        }

    def _number(self, name: str | tuple[str, str], cells: Sequence[Any]) -> None:
        self._first[name] = int(self._all.count())
        for cell in cells:
            self._all.append(cell)

    def _build(self, name: str, plan: CablePlan) -> None:
        """Cable cells: their spikes come from their crossings, if any, and go to their receptors."""
        cable = CableCells(plan, self.realization.dt_ms)
        self.cables[name] = cable
        self._cells[name] = cable.crossings
        for receptor, points in cable.receptors.items():
            self._number((name, receptor), points)

    def _create(self, population: RealizedPopulation, mechanism: Mechanism) -> list[Any]:
        make = getattr(self.h, mechanism.name)
        cells: list[Any] = []
        while len(cells) < population.size:
            section = self.h.Section()
            self._sections.append(section)
            segment = section(0.5)
            room = min(_CELLS_PER_SECTION, population.size - len(cells))
            cells += [make(segment) for _ in range(room)]
        for name, number in mechanism.shared.items():
            setattr(self.h, name, number)
        for name, values in mechanism.per_cell.items():
            for cell, value in zip(cells, values.tolist(), strict=True):
                setattr(cell, name, value)
        return cells

    def hold(self, name: str) -> None:
        """Give the tables of a population's inputs to its mechanism."""
        for k, given in enumerate(self.realization.populations[name].inputs):
            values, frames = self.h.Vector(given.values.ravel()), self.h.Vector(frames_of(given))
            self._kept += [values, frames]
            getattr(self._cells[name][0], HOLD)(k, values, frames, given.values.shape[1])

    def play(self, name: str, variable_of: Callable[[str], str]) -> None:
        """Let NEURON play a population's inputs: each frame from its first step on."""
        for given in self.realization.populations[name].inputs:
            starts = np.flatnonzero(np.diff(given.frames, prepend=given.frames[0] - 1))
            times = self.h.Vector(step_times(starts, self.realization.dt_ms))
            shown = given.values[given.frames[starts]]
            columns = {c: self.h.Vector(shown[:, c]) for c in np.unique(given.columns).tolist()}
            self._kept += [times, *columns.values()]
            target = f"_ref_{variable_of(given.variable)}"
            for cell, column in zip(self._cells[name], given.columns.tolist(), strict=True):
                columns[column].play(getattr(cell, target), times)

    def _create_source(self, size: int, times: Floats, cells: NDArray[np.int32]) -> list[Any]:
        make = getattr(self.h, SOURCE)
        made = [make() for _ in range(size)]
        order = np.lexsort((times, cells))
        trains = np.split(times[order], np.searchsorted(cells[order], np.arange(1, size)))
        for cell, train in zip(made, trains, strict=True):
            if train.size:
                vector = self.h.Vector(train)
                self._kept.append(vector)
                cell.play(vector)
        return made

    def _delays(self, edges: Edges) -> Floats:
        """The delays for NetCons in ms, shape (n,)."""
        dt, timing = self.realization.dt_ms, self.timing
        if timing.described:
            delays = np.asarray(edges.delay_ms, dtype=np.float64)
        else:
            delays = step_times(np.asarray(edges.delay_steps), dt)
        # A crossing of a cable cell is noticed in time.
        if edges.source in self.mechanisms:
            if timing.described:
                delays = delays - timing.late_ms
            else:
                late = round(timing.late_ms / dt)
                delays = step_times(np.asarray(edges.delay_steps) - late, dt)
        delays = np.maximum(delays - timing.early_ms, 0.0)
        self.shortest_ms = min(self.shortest_ms, float(np.min(delays)))
        return np.broadcast_to(delays, len(edges)).astype(np.float64)

    def _target(self, edges: Edges) -> tuple[str | tuple[str, str], int]:
        """Where the receiving point processes are listed, and the number of the receptor in them."""
        if edges.target in self.cables:
            return (edges.target, edges.receptor), 0
        return edges.target, self.mechanisms[edges.target].channels[edges.receptor]

    def _connect(self, edges: Edges) -> None:
        n = len(edges)
        target, channel = self._target(edges)
        weights = np.broadcast_to(np.asarray(edges.weight, dtype=np.float64), n)
        delays = self._delays(edges)
        plastic = _plastic(edges)
        seen = edges.source in self.cables and not self._cells[edges.source]
        if hasattr(self.h, CONNECT) and not seen:
            columns = (
                edges.pre + self._first[edges.source],
                edges.post + self._first[target],
                weights,
                np.full(n, channel, dtype=np.float64),
                delays,
                *plastic,
            )
            getattr(self.h, CONNECT)(self._all, self._netcons, *map(self.h.Vector, columns))
            return
        # NEURON's C interface is young: without it the same, more slowly; and a NetCon that looks at v.
        first = self._first[target]
        rows = (edges.pre.tolist(), edges.post.tolist(), weights.tolist(), delays.tolist())
        for row, (i, j, weight, delay) in enumerate(zip(*rows, strict=True)):
            post = self._all.o(first + j)
            if seen:
                if not self.cables[edges.source].spikes:
                    return
                netcon = self.cables[edges.source].netcon(i, post, delay, weight)
            else:
                netcon = self.h.NetCon(self._cells[edges.source][i], post, 0.5, delay, weight)
            netcon.weight[1] = channel
            for k, column in enumerate(plastic):
                netcon.weight[2 + k] = column[row]
            self._netcons.append(netcon)

    def _record_spikes(self) -> None:
        self._times, self._numbers = self.h.Vector(), self.h.Vector()
        first = 0
        for name, population in self.realization.populations.items():
            self._ids[name] = range(first, first + population.size)
            cable = self.cables.get(name)
            for k in range(population.size):
                if cable is None or cable.crossings:
                    netcon = self.h.NetCon(self._cells[name][k], None)
                elif cable.spikes:
                    netcon = cable.netcon(k, None)
                else:
                    break
                netcon.record(self._times, self._numbers, first + k)
                self._kept.append(netcon)
            first += population.size

    def _record(self, name: str, variable: str, cells: NDArray[np.int32], n: int) -> list[Any]:
        vectors = []
        for k in cells.tolist():
            if name in self.cables:
                reference, section = self.cables[name].reference(variable, k)
            else:
                recorded = self.mechanisms[name].recorded[variable]
                reference = getattr(self._cells[name][k], f"_ref_{recorded}")
                section = self._sections[0]
            if self._sample_times is not None:
                vector = self.h.Vector()
                vectors.append(vector.record(reference, self._sample_times, sec=section))
                continue
            # Given its length, a Vector does not grow while it is filled.
            vectors.append(self.h.Vector(n).record(reference, sec=section))
        return vectors

    def _pointers(self, name: str, population: RealizedPopulation) -> tuple[list[str], Any, Any]:
        """The states of a population, pointers to all of them, and room for their values."""
        if name in self.cables:
            cable = self.cables[name]
            states = list(cable.plan.states)
            references = [cable.pointer(v, k) for v in states for k in range(population.size)]
        else:
            states = [v.name for v in population.cell.states]
            references = [
                getattr(cell, reference)
                for reference in (f"_ref_{mangled(v)}" for v in states)
                for cell in self._cells[name]
            ]
        pointers = self.h.PtrVector(max(1, len(references)))
        for k, pointer in enumerate(references):
            pointers.pset(k, pointer)
        return states, pointers, self.h.Vector(len(references))

    def states(self) -> States:
        """Every state as it stands, gathered by NEURON."""
        for name, (states, pointers, room) in self._gathered.items():
            if not states:
                continue
            pointers.gather(room)
            values = room.as_numpy().reshape(len(states), -1)
            yield from ((name, variable, row) for variable, row in zip(states, values, strict=True))

    def spikes(self, name: str) -> tuple[Floats, NDArray[np.int32]]:
        """The times [ms] that NEURON gave the spikes of a population, and their cells."""
        ids = self._numbers.as_numpy().astype(np.int64)
        own = self._ids[name]
        chosen = (ids >= own.start) & (ids < own.stop)
        return self._times.as_numpy()[chosen], (ids[chosen] - own.start).astype(np.int32)

    def trace(self, name: str, variable: str) -> Floats:
        """What was recorded of a variable, shape (samples, cells)."""
        vectors = self._traces[name, variable]
        return np.array([vector.as_numpy() for vector in vectors]).T

    def close(self) -> None:
        """Let go of everything, connections first, so that the next run finds NEURON empty."""
        self._netcons.remove_all()
        self._all.remove_all()
        self._traces.clear()
        self._gathered.clear()
        self._kept.clear()
        self._cells.clear()
        for cable in self.cables.values():
            cable.close()
        self.cables.clear()
        self._sections.clear()


def _plastic(edges: Edges) -> tuple[Floats, ...]:
    """U, tau_rec and tau_facil of every connection, shape (n,) each; nothing without plasticity."""
    if edges.plasticity is None:
        return ()
    return tuple(
        np.broadcast_to(np.asarray(value, dtype=np.float64), len(edges)).copy()
        for value in edges.plasticity.values().values()
    )


def frames_of(given: HeldInput) -> Floats:
    """The frame of every step, shape (n_steps + 1,); the step after the last, never seen, repeats it."""
    return np.append(given.frames, given.frames[-1:]).astype(np.float64)
