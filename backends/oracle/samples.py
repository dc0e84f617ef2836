"""Samples on the grid of states that move in continuous time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.realization import Realization
from ...core.recording import Trace
from ...core.units import internal_unit

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Samples:
    """The traces of one population, one sample a step of the grid.

    Times within ``together`` ms of the grid are on it; a sample there is the state after everything.
    """

    def __init__(
        self, realization: Realization, name: str, states: Sequence[str], together: float
    ) -> None:
        population = realization.populations[name]
        self._name, self._together, self._dt = name, together, realization.dt_ms
        self._traces: list[tuple[int, Rows, Trace]] = []
        self._recorded = np.zeros(population.size, dtype=bool)
        for owner, variable, cells in realization.recorded():
            if owner != name:
                continue
            unit = internal_unit(population.cell.variable(variable).dimension)
            # NaN until sampled: what is left out by mistake is found out.
            values = np.full((realization.n_steps + 1, cells.size), np.nan)
            columns = np.full(population.size, -1, dtype=np.intp)
            columns[cells] = np.arange(cells.size)
            trace = Trace(values, cells, unit, 0.0, self._dt)
            self._traces.append((states.index(variable), columns, trace))
            self._recorded[cells] = True
        self._states = states

    def between(
        self, cells: Rows, begin: Floats, until: Floats, dense: Callable[[Rows, Floats], Floats]
    ) -> None:
        """Sample some cells at the grid times in (begin, until]."""
        some = self._recorded[cells]
        if not some.any():
            return
        cells, begin, until = cells[some], begin[some], until[some]
        slack = self._together / self._dt
        first = np.floor(begin / self._dt + slack).astype(np.intp) + 1
        last = np.floor(until / self._dt + slack).astype(np.intp)
        counts = np.maximum(last - first + 1, 0)
        total = int(counts.sum())
        if not total:
            return
        many = np.repeat(cells, counts)
        samples = np.arange(total) + np.repeat(first - np.cumsum(counts) + counts, counts)
        times = np.minimum(samples * self._dt, np.repeat(until, counts))
        self._store(samples, many, dense(many, times))

    def at_instant(self, cells: Rows, times: Floats, states: Floats) -> None:
        """Sample the cells whose instant lies on the grid, from states (S, cells)."""
        samples = np.round(times / self._dt).astype(np.intp)
        now = self._recorded[cells] & (np.abs(samples * self._dt - times) <= self._together)
        if now.any():
            self._store(samples[now], cells[now], states[:, now])

    def _store(self, samples: Rows, cells: Rows, states: Floats) -> None:
        for row, columns, trace in self._traces:
            column = columns[cells]
            here = column >= 0
            trace.values[samples[here], column[here]] = states[row, here]

    def traces(self) -> dict[tuple[str, str], Trace]:
        """The traces by population and variable."""
        return {(self._name, self._states[row]): trace for row, _, trace in self._traces}
