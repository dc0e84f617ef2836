"""Inputs and refractory times in continuous time: as described, not as rounded to a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.held_inputs import waveform_at
from ...core.inputs import RampInput, SineInput, StepInput
from ...core.realization import HeldInput, Realization, RealizedPopulation
from ...core.units import TIME, Quantity

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Drive:
    """One input of a population: smooth between its ``breakpoints`` [ms].

    ``moves`` says that it changes between them; otherwise ``held`` of shape (cells,) is its value.
    """

    def __init__(self, realization: Realization, population: RealizedPopulation, given: HeldInput):
        described = next(i for i in realization.experiment.inputs if i.name == given.input_name)
        end = realization.n_steps * realization.dt_ms
        self.variable = given.variable
        self.moves = False
        self.held: Floats = np.zeros(population.size)
        self._gain = given.gain
        self._on = (-np.inf, np.inf)
        self._shape: Callable[[Floats], Floats] | None = None
        self._values: Callable[[float], Floats]
        if isinstance(described, StepInput | SineInput | RampInput):
            dimension = population.cell.variable(given.variable).dimension
            stop = np.inf if described.stop is None else described.stop.internal
            self.breakpoints = np.array([described.start.internal, stop])
            if isinstance(described, StepInput):
                self._values = lambda middle: (
                    given.gain * waveform_at(described, np.array([middle]), dimension)
                )
            elif isinstance(described, RampInput):
                self._shape = lambda times: waveform_at(described, times, dimension)
            else:
                self._shape = _sine(described)
                self._on = (described.start.internal, stop)
        else:
            interval = described.interval.internal  # type: ignore[union-attr]
            last = given.values.shape[0] - 1
            # A frame that the last step of the grid does not reach was not drawn.
            count = min(last, int(np.floor(end / interval + 1e-9)))
            self.breakpoints = np.arange(1, count + 1) * interval
            self._values = lambda middle: (
                given.gain
                * given.values[min(int(np.floor(middle / interval)), last), given.columns]
            )
        inside = (self.breakpoints > 1e-9) & (self.breakpoints < end - 1e-9)
        self.breakpoints = np.unique(self.breakpoints[inside])

    def hold(self, begin: float, end: float) -> None:
        """Take the values of a stretch of time without breakpoints."""
        middle = 0.5 * (begin + end)
        if self._shape is None:
            self.held = self._values(middle)
            return
        self.moves = bool(self._on[0] <= middle < self._on[1])
        self.held = np.zeros_like(self._gain)

    def at(self, times: Floats, cells: Rows | slice) -> Floats:
        """The values of some cells, each at its own time."""
        if self.moves and self._shape is not None:
            return self._gain[cells] * self._shape(times)
        return self.held[cells]


def _sine(described: SineInput) -> Callable[[Floats], Floats]:
    """The oscillation without its beginning and end; gain carries the amplitude unless there is an offset."""
    start = described.start.internal
    omega = 2 * np.pi * described.frequency.internal
    scale, offset = 1.0, 0.0
    if described.offset is not None:
        assert isinstance(described.amplitude, Quantity)  # realize refuses anything else
        scale, offset = described.amplitude.internal, described.offset.internal
    return lambda times: offset + scale * np.sin(omega * (times - start) + described.phase)


def refractory_ms(population: RealizedPopulation) -> Floats:
    """The refractory time of every cell [ms], as described, shape (size,)."""
    name = population.cell.refractory
    value: Any = 0.0
    if name is not None:
        value = population.parameters.get(name)
        if value is None:
            value = Quantity.parse(name).to(TIME, population.name)
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), population.size))
