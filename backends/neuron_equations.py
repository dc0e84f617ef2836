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

from ..core.cell import Assignment, Cell
from ..core.expressions import names, number, substitute
from ..core.numpy_code import compile_expression, evaluate_constants
from ..core.program import Program, program_of
from ..core.realization import RealizedPopulation


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
    found: dict[str, ast.expr] = {}
    for statement in subexpressions:
        tree = substitute(statement.expression, found)
        if state in names(tree):
            found[statement.target] = tree
    return found


def _linear(rate: ast.expr, name: str) -> tuple[ast.expr, ast.expr | None]:
    """The rate in a form in which NMODL sees its linearity, and its slope; None if it is not linear."""
    slope = slope_of(rate, name)
    if slope is not None:
        return rate, slope
    from ..core.symbolic import from_sympy, linear_coefficient, symbol, to_sympy

    whole = to_sympy(rate)
    coefficient = linear_coefficient(whole, name)
    if coefficient is None:
        return rate, None
    slope = from_sympy(coefficient)
    rest = from_sympy(whole.subs(symbol(name), 0))
    product = ast.BinOp(left=slope, op=ast.Mult(), right=ast.Name(id=name))
    return ast.BinOp(left=product, op=ast.Add(), right=rest), slope


_ZERO = ast.dump(number(0.0))


def slope_of(tree: ast.expr, name: str) -> ast.expr | None:
    """d(tree)/d(name) if sums, products and quotients alone show that it is linear, else None."""
    if name not in names(tree):
        return number(0.0)
    match tree:
        case ast.Name():
            return number(1.0)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            inner = slope_of(operand, name)
            return None if inner is None else ast.UnaryOp(op=op, operand=inner)
        case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
            a, b = slope_of(left, name), slope_of(right, name)
            return None if a is None or b is None else ast.BinOp(left=a, op=op, right=b)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            a, b = slope_of(left, name), slope_of(right, name)
            if a is None or b is None:
                return None
            if ast.dump(b) == _ZERO and name not in names(right):
                return ast.BinOp(left=a, op=ast.Mult(), right=right)
            if name not in names(left):
                return ast.BinOp(left=left, op=ast.Mult(), right=b)
            return None
        case ast.BinOp(op=ast.Div(), left=left, right=right) if name not in names(right):
            a = slope_of(left, name)
            return None if a is None else ast.BinOp(left=a, op=ast.Div(), right=right)
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
