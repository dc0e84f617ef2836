"""A cell's differential equations as NEURON's own integrators need them.

``cnexp`` solves x' = a·x + b exactly over a step, one equation after the other. An equation that is not
linear in its own variable it translates without a word into wrong code, so linearity is decided here.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.cell import Assignment, Cell
from ...core.expressions import names, number, substitute
from ...core.inlining import inlined_rates
from ...core.linear import linear_in
from ...core.numpy_code import compile_expression, evaluate_constants
from ...core.program import Program, program_of
from ...core.realization import RealizedPopulation


@dataclass(frozen=True)
class Equations:
    """dx/dt of every state, the sub-expressions they use, in order, and the constants of all.

    ``slopes`` are the coefficients a of x' = a·x + b, None for an equation that is not of this form.
    """

    program: Program
    rates: Mapping[str, ast.expr]
    subexpressions: tuple[Assignment, ...]
    slopes: Mapping[str, ast.expr | None]


def equations_of(cell: Cell, linear: bool) -> Equations:
    """The equations of a cell, constant parts taken out.

    With *linear* each equation has the sub-expressions that depend on its own variable written out, so that
    what it is linear in can be seen in it.
    """
    program = program_of(cell, "euler")
    states = {v.name for v in cell.states}
    rate_names = {f"rate_{name}_" for name in states}
    steps = [a for a in program.update if a.target not in states]
    subexpressions = tuple(a for a in steps if a.target not in rate_names)
    written = {a.target: a.expression for a in steps if a.target in rate_names}
    rates: dict[str, ast.expr] = {}
    slopes: dict[str, ast.expr | None] = {}
    for variable in cell.states:
        # A rate that depends on parameters alone is a constant of the program.
        rate = written.get(f"rate_{variable.name}_", ast.Name(id=f"rate_{variable.name}_"))
        if variable.unless_refractory and isinstance(rate, ast.IfExp):
            rate = rate.body
        if linear:
            rate = substitute(rate, _depending_on(variable.name, subexpressions))
            rate, slopes[variable.name] = _linear(rate, variable.name)
        rates[variable.name] = rate
    return Equations(program, rates, subexpressions, slopes)


def needed(wanted: set[str], subexpressions: tuple[Assignment, ...]) -> list[Assignment]:
    """The sub-expressions that the wanted names depend on, in order."""
    wanted = set(wanted)
    result = []
    for statement in reversed(subexpressions):
        if statement.target in wanted:
            result.append(statement)
            wanted |= names(statement.expression)
    return result[::-1]


def _depending_on(state: str, subexpressions: tuple[Assignment, ...]) -> dict[str, ast.expr]:
    trees: dict[str, ast.expr] = {}
    for statement in subexpressions:
        tree = substitute(statement.expression, trees)
        if state in names(tree):
            trees[statement.target] = tree
    return trees


def _linear(rate: ast.expr, name: str) -> tuple[ast.expr, ast.expr | None]:
    """The rate in a form in which NMODL sees its linearity, and its slope; None if it is not linear."""
    linear = linear_in(rate, name)
    zero = number(0.0)
    if linear is None:
        # Algebra may still find it linear; sympy is slow to import, so it is asked last.
        from ...core.symbolic import from_sympy, linear_coefficient, symbol, to_sympy

        whole = to_sympy(rate)
        coefficient = linear_coefficient(whole, name)
        if coefficient is None:
            return rate, None
        rest = from_sympy(whole.subs(symbol(name), 0))
        slope = from_sympy(coefficient)
        product = ast.BinOp(left=slope, op=ast.Mult(), right=ast.Name(id=name))
        return ast.BinOp(left=product, op=ast.Add(), right=rest), slope
    slope = linear.slope or zero
    if linear.slope is None or not _chooses(rate, name):
        return rate, slope
    # NMODL's cnexp does not look into a condition: slope·x + intercept says it in so many words.
    product = ast.BinOp(left=slope, op=ast.Mult(), right=ast.Name(id=name))
    return ast.BinOp(left=product, op=ast.Add(), right=linear.intercept or zero), slope


def _chooses(tree: ast.expr, name: str) -> bool:
    return any(isinstance(n, ast.IfExp) and name in names(n) for n in ast.walk(tree))


def why_not_together(cell: Cell) -> str | None:
    """Why a cell's equations are not linear in all its states together; None if they are.

    cnexp holds all other states where it solves for one, which is of order 1 where they multiply each other.
    """
    rates = inlined_rates(cell)
    for name, rate in rates.items():
        for other in sorted(names(rate) & rates.keys()):
            linear = linear_in(rate, other)
            if linear is None:
                return f"d{name}/dt of {cell.name} is not linear in {other}"
            if linear.slope is not None and (more := names(linear.slope) & rates.keys()):
                return f"d{name}/dt of {cell.name} multiplies {other} by {min(more)}"
    return None


def why_not_cnexp(population: RealizedPopulation, dt_ms: float) -> str | None:
    """Why NEURON's cnexp cannot integrate a population; None if it can.

    It divides by the slope, so a slope that is 0 with the initial values (a cell without a leak) is
    excluded too.
    """
    cell = population.cell
    equations = equations_of(cell, linear=True)
    for name, slope in equations.slopes.items():
        if slope is None:
            return f"d{name}/dt of {population.name} is not linear in {name}"
    values: dict[str, Any] = {**population.parameters, **population.initial, "dt": dt_ms}
    values["not_refractory"] = True
    values |= {given.variable: given.at(0) for given in population.inputs}
    values |= evaluate_constants(equations.program.constants, population.parameters, dt_ms)
    with np.errstate(all="ignore"):
        for statement in equations.subexpressions:
            values[statement.target] = compile_expression(statement.expression)(values)
        for name, slope in equations.slopes.items():
            assert slope is not None
            if name not in names(equations.rates[name]):
                continue  # NEURON takes a plain Euler step, exact for what is held
            if np.any(np.asarray(compile_expression(slope)(values)) == 0.0):
                return f"the slope of d{name}/dt of {population.name} is 0, which it divides by"
    return None
