"""A network in NEURON: cells, given spikes, connections and recordings, built from arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.clock import step_times
from ..core.realization import Edges, HeldInput, Realization, RealizedPopulation
from ..core.values import Floats
from .neuron_compile import CONNECT, SOURCE, load_neuron
from .neuron_conventions import Timing
from .neuron_mechanism import Mechanism

# A long list of point processes in one segment takes long to take apart.
_CELLS_PER_SECTION = 500


class Network:
    """The objects of one run. NEURON keeps only what Python refers to, so `close` ends them all."""

    def __init__(
        self, realization: Realization, mechanisms: Mapping[str, Mechanism], timing: Timing,
        n_samples: int,
    ) -> None:  # fmt: skip
        self.h = load_neuron()
        self.realization, self.timing = realization, timing
        self._sections: list[Any] = []
        self._kept: list[Any] = []
        self._cells: dict[str, list[Any]] = {}
        self._first: dict[str, int] = {}
        self._all = self.h.List()
        self._netcons = self.h.List()
        for name, population in realization.populations.items():
            self._cells[name] = self._create(population, mechanisms[name])
            self._number(name)
        for source in realization.sources.values():
            times = (
                source.times
                if timing.exact_sources
                else step_times(source.steps, realization.dt_ms)
            )
            self._cells[source.name] = self._create_source(source.size, times, source.cells)
            self._number(source.name)
        for edges in realization.edges:
            if len(edges):
                self._connect(edges, mechanisms[edges.target].channels[edges.receptor])
        self._record_spikes()
        self._traces = {
            (name, variable): self._record(name, mechanisms[name].recorded[variable], cells, n_samples)
            for name, variable, cells in realization.recorded()
        }  # fmt: skip

    def _number(self, name: str) -> None:
        self._first[name] = int(self._all.count())
        for cell in self._cells[name]:
            self._all.append(cell)

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
            self._cells[name][0].hold(k, values, frames, given.values.shape[1])

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
        if edges.source in self.realization.populations:
            if timing.described:
                delays = delays - timing.late_ms
            else:
                late = round(timing.late_ms / dt)
                delays = step_times(np.asarray(edges.delay_steps) - late, dt)
        delays = np.maximum(delays - timing.early_ms, 0.0)
        return np.broadcast_to(delays, len(edges)).astype(np.float64)

    def _connect(self, edges: Edges, channel: int) -> None:
        n = len(edges)
        columns = (
            edges.pre + self._first[edges.source],
            edges.post + self._first[edges.target],
            np.broadcast_to(np.asarray(edges.weight, dtype=np.float64), n),
            np.full(n, channel, dtype=np.float64),
            self._delays(edges),
        )
        if hasattr(self.h, CONNECT):
            getattr(self.h, CONNECT)(self._all, self._netcons, *map(self.h.Vector, columns))
            return
        # NEURON's C interface is young: without it the same, more slowly.
        pre, post = self._cells[edges.source], self._cells[edges.target]
        rows = (edges.pre.tolist(), edges.post.tolist(), columns[2].tolist(), columns[4].tolist())
        for i, j, weight, delay in zip(*rows, strict=True):
            netcon = self.h.NetCon(pre[i], post[j], 0.5, delay, weight)
            netcon.weight[1] = channel
            self._netcons.append(netcon)

    def _record_spikes(self) -> None:
        self._times, self._ids = self.h.Vector(), self.h.Vector()
        for name in self.realization.populations:
            first = self._first[name]
            for k, cell in enumerate(self._cells[name]):
                netcon = self.h.NetCon(cell, None)
                netcon.record(self._times, self._ids, first + k)
                self._kept.append(netcon)

    def _record(self, name: str, variable: str, cells: NDArray[np.int32], n: int) -> list[Any]:
        vectors = []
        for k in cells.tolist():
            reference = getattr(self._cells[name][k], f"_ref_{variable}")
            # Given its length, a Vector does not grow while it is filled.
            vectors.append(self.h.Vector(n).record(reference, sec=self._sections[0]))
        return vectors

    def spikes(self, name: str) -> tuple[Floats, NDArray[np.int32]]:
        """The times [ms] that NEURON gave the spikes of a population, and their cells."""
        ids = self._ids.as_numpy().astype(np.int64)
        first = self._first[name]
        chosen = (ids >= first) & (ids < first + len(self._cells[name]))
        return self._times.as_numpy()[chosen], (ids[chosen] - first).astype(np.int32)

    def trace(self, name: str, variable: str) -> Floats:
        """What was recorded of a variable, shape (samples, cells)."""
        vectors = self._traces[name, variable]
        return np.array([vector.as_numpy() for vector in vectors]).T

    def close(self) -> None:
        """Let go of everything, connections first, so that the next run finds NEURON empty."""
        self._netcons.remove_all()
        self._all.remove_all()
        self._traces.clear()
        self._kept.clear()
        self._cells.clear()
        self._sections.clear()


def frames_of(given: HeldInput) -> Floats:
    """The frame of every step, shape (n_steps + 1,); the step after the last, never seen, repeats it."""
    return np.append(given.frames, given.frames[-1:]).astype(np.float64)
