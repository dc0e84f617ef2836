"""Inputs that change with time, drawn on the grid: `realize_input` makes a `HeldInput` of an input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .drawn import Drawn
from .experiment import Experiment
from .input_base import Grid
from .inputs import Input
from .populations import Population
from .ports import choose_port
from .realization import HeldInput


def chosen_cells(given: Input, size: int) -> NDArray[np.bool_]:
    """Which cells of a population of *size* an input reaches, shape (size,)."""
    chosen = np.ones(size, dtype=bool)
    if given.cells is not None:
        chosen[:] = False
        chosen[list(given.cells)] = True
    return chosen


def realize_input(
    experiment: Experiment, population: Population, given: Input, rng: np.random.Generator
) -> Drawn[HeldInput]:
    """The values of an input in every step; notes say what is off the grid.

    Raises InputError for an interval below one step, which would leave samples out.
    """
    port = choose_port(population, given.port, given.name)
    assert port is not None  # the experiment was validated
    grid = Grid(experiment.dt, experiment.n_steps)
    drawn = given.hold(grid, population.size, port.dimension, rng)
    course = drawn.value
    gain = chosen_cells(given, population.size).astype(np.float64) * course.gain
    variable = experiment.cells[population.name].drives[given.name]
    held = HeldInput(variable, given.name, course.values, course.frames, course.columns, gain)
    return Drawn(held, drawn.notes)
