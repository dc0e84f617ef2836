"""Whether a projection excites or inhibits: what an arrival does, whatever receptors are called."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .cell import Cell
from .expressions import names
from .inlining import inlined, inlined_rates
from .numpy_code import evaluate
from .realization import Edges, Realization

_STEPS = 3
"""An arrival that drives a conductance which drives the potential has reached it after two."""


def inhibits(realization: Realization, edges: Edges) -> bool:
    """Whether an arrival of the mean weight lowers the potential of a cell that is at its start.

    The cell has the mean parameters and initial values of its population. False where it does not move.
    """
    population = realization.populations[edges.target]
    cell, port = population.cell, population.cell.port(edges.receptor)
    constants = {name: float(np.mean(value)) for name, value in population.parameters.items()}
    constants |= {given.variable: float(np.mean(given.at(0))) for given in population.inputs}
    constants["not_refractory"] = True
    alone = {name: float(np.mean(values)) for name, values in population.initial.items()}
    reached = dict(alone)
    for increment in port.increments:
        coefficient = evaluate(inlined(cell, increment.coefficient), {**constants, **alone})
        reached[increment.target] += float(coefficient) * float(np.mean(edges.weight))
    for _ in range(_STEPS):
        alone = _moved(cell, constants, alone, realization.dt_ms / 10)
        reached = _moved(cell, constants, reached, realization.dt_ms / 10)
    return sum(reached[name] - alone[name] for name in _potentials(cell)) < 0


def _moved(
    cell: Cell, constants: Mapping[str, float], states: Mapping[str, float], step_ms: float
) -> dict[str, float]:
    values = {**constants, **states}
    with np.errstate(all="ignore"):
        rates = {name: float(evaluate(tree, values)) for name, tree in inlined_rates(cell).items()}
    return {name: value + step_ms * rates[name] for name, value in states.items()}


def _potentials(cell: Cell) -> list[str]:
    """The states that a spike's condition looks at, and those of a membrane."""
    looked_at = set() if cell.threshold is None else names(inlined(cell, cell.threshold))
    return [v.name for v in cell.states if v.name in looked_at or v.owner[::2] == ("membrane", "v")]
