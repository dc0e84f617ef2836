"""Quotients that are 0/0 at one value of a state, as the rates of channels often are where `exprel` helps."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cell import Cell
from .errors import InputError
from .expressions import names, text
from .inlining import inlined
from .linear import linear_in
from .numpy_code import compile_expression
from .realization import RealizedPopulation
from .units import internal_unit

EXPREL = (
    "write such a quotient with exprel, (exp(x) - 1)/x and 1 at 0: x/(1 - exp(-x)) is 1/exprel(-x)"
)


@dataclass(frozen=True)
class Singularity:
    """A quotient in a variable's equation that is 0/0 where one state has one value."""

    variable: str
    quotient: str
    state: str
    at: float
    unit: str

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.quotient} in {self.variable} is 0/0 at {self.state} = {self.at:g}{unit}"


def singularities(population: RealizedPopulation, index: int) -> Iterator[Singularity]:
    """The quotients of a cell's equations that are 0/0 where one state has one value.

    Looked for are denominators with an exponential whose numerator is linear in one state, all else in them
    being numbers of the cell: the rates of channels.
    """
    cell = population.cell
    numbers = numbers_of(population, index)
    states = {v.name for v in cell.states}
    for variable in (*cell.subexpressions, *cell.states):
        assert variable.right is not None
        for node in ast.walk(variable.right):
            if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
                continue
            singular = _singular(cell, node, states, numbers)
            if singular is not None:
                state, at = singular
                unit = internal_unit(cell.variable(state).dimension)
                yield Singularity(variable.name, text(node), state, at, unit)


def _singular(
    cell: Cell, node: ast.BinOp, states: set[str], numbers: Mapping[str, float]
) -> tuple[str, float] | None:
    try:
        above, below = inlined(cell, node.left), inlined(cell, node.right)
    except InputError:  # written out it has too many terms
        return None
    free = names(below) - numbers.keys()
    if len(free) != 1 or names(above) - numbers.keys() != free or not free <= states:
        return None
    if not any(isinstance(n, ast.Call) for n in ast.walk(below)):
        return None
    (state,) = free
    line = linear_in(above, state)
    if line is None or line.slope is None:
        return None
    slope = float(compile_expression(line.slope)(numbers))
    offset = 0.0 if line.intercept is None else float(compile_expression(line.intercept)(numbers))
    at = -offset / slope + 0.0  # never -0
    under = compile_expression(below)
    here, near = (float(under({**numbers, state: x})) for x in (at, at + max(1.0, abs(at))))
    return (state, at) if abs(here) <= 1e-9 * abs(near) else None


def numbers_of(population: RealizedPopulation, index: int) -> dict[str, float]:
    """The parameters of one cell."""
    return {
        name: float(value if np.ndim(value) == 0 else np.asarray(value)[index])
        for name, value in population.parameters.items()
    }


def zero_by_zero(tree: ast.expr, values: Mapping[str, Any]) -> str | None:
    """The first quotient in a tree that is 0/0 somewhere with these values; None if none is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            with np.errstate(all="ignore"):
                above = np.asarray(compile_expression(node.left)(values))
                below = np.asarray(compile_expression(node.right)(values))
            if np.any((above == 0) & (below == 0)):
                return text(node)
    return None
