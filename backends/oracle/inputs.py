"""Inputs and refractory times in continuous time: as described, not as rounded to a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.input_base import Grid
from ...core.realization import HeldInput, Realization, RealizedPopulation
from ...core.units import TIME, Quantity

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Drive:
    """One input of a population: smooth between its ``breakpoints`` [ms].

    Where it does not move between two of them, ``held`` of shape (cells,) is its value.
    """

    def __init__(self, realization: Realization, population: RealizedPopulation, given: HeldInput):
        described = next(i for i in realization.experiment.inputs if i.name == given.input_name)
        grid = Grid(realization.experiment.dt, realization.n_steps)
        self.variable = given.variable
        self.held: Floats = np.zeros(population.size)
        self._described, self._given = described, given
        self._course: Callable[[Floats], Floats] | None = None
        points = described.breakpoints(grid)
        inside = (points > 1e-9) & (points < grid.end_ms - 1e-9)
        self.breakpoints = np.unique(points[inside])

    @property
    def moves(self) -> bool:
        """Whether it changes in the stretch of time that is held."""
        return self._course is not None

    def hold(self, begin: float, end: float) -> None:
        """Take the values of a stretch of time without breakpoints."""
        middle = 0.5 * (begin + end)
        self._course = self._described.between(middle)
        if self._course is not None:
            self.held = np.zeros_like(self._given.gain)
            return
        (values,) = self._described.at(np.array([middle]), self._given.values)
        self.held = self._given.gain * values[self._given.columns]

    def at(self, times: Floats, cells: Rows | slice) -> Floats:
        """The values of some cells, each at its own time."""
        if self._course is None:
            return self.held[cells]
        return self._given.gain[cells] * self._course(times)


def refractory_ms(population: RealizedPopulation) -> Floats:
    """The refractory time of every cell [ms], as described, shape (size,)."""
    name = population.cell.refractory
    value: Any = 0.0
    if name is not None:
        value = population.parameters.get(name)
        if value is None:
            value = Quantity.parse(name).to(TIME, population.name)
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), population.size))
