"""Equations as people write them for Brian2, read into variables.

::

    dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)   a state variable
    I_leak = g_L*(E_L - v)      : pA                       a sub-expression
    I                           : pA (input)               a port: what drives the cell adds up here
    tau                         : ms                       a parameter

A sub-expression that is ``(held)`` counts as a constant where a scheme is exact for linear equations.

``#`` starts a comment; a line ends where its parentheses are closed.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .errors import InputError
from .expressions import BOOLEAN, dimension_of, names, parse, text, units_in
from .folding import fold
from .idioms import FLAGS, UNITS
from .names import check_variable
from .scopes import NOBODY, Owner
from .syntax import shown
from .units import TIME, Dimension, describe, dimension_of_unit

Kind = Literal["state", "subexpression", "input", "parameter"]

_FLAGS = re.compile(r"(?<![*/(])\s*\((?P<flags>[a-z][a-z\s,-]*)\)$")
_DERIVATIVE = re.compile(r"d\s*([A-Za-z]\w*)\s*/\s*dt")


@dataclass(frozen=True)
class Variable:
    """One line of a model: its name, what it is, its unit, and its right-hand side if it has one.

    ``owner`` is the part of the cell that it belongs to, ``compartment`` the number of the one that it is
    in, None for what is one for the whole cell; ``plain`` is the name that all compartments have for it,
    empty where that is its name.
    """

    name: str
    kind: Kind
    unit: str
    dimension: Dimension
    right: ast.expr | None = None
    unless_refractory: bool = False
    held: bool = False
    owner: Owner = NOBODY
    compartment: int | None = None
    plain: str = ""

    def __str__(self) -> str:
        left = f"d{self.name}/dt" if self.kind == "state" else self.name
        right = f" = {text(self.right)}" if self.right is not None else ""
        flags = {"input": " (input)"}.get(self.kind, "")
        if self.unless_refractory:
            flags = " (unless refractory)"
        if self.held:
            flags = " (held)"
        return f"{left}{right} : {self.unit}{flags}"


@lru_cache(maxsize=512)
def parse_equations(source: str, where: str) -> tuple[Variable, ...]:
    """The variables of a block of equations, in the order written.

    Raises InputError naming *where* and the line for anything that is no equation, a name used
    twice, or a name that some simulator's language reserves.
    """
    variables: dict[str, Variable] = {}
    for line in _lines(source, where):
        variable = _parse_line(line, where)
        if variable.name in variables:
            raise InputError(
                f"{where}.{variable.name}", "is defined twice; remove one of the lines"
            )
        variables[variable.name] = variable
    return tuple(variables.values())


def _lines(source: str, where: str) -> list[str]:
    lines: list[str] = []
    pending = ""
    for raw in source.splitlines():
        pending = f"{pending} {raw.split('#')[0].strip()}".strip()
        if pending.count("(") > pending.count(")"):
            continue
        if pending:
            lines.append(pending)
        pending = ""
    if pending:
        raise InputError(where, f"{shown(pending)}: a parenthesis is never closed")
    return lines


def _parse_line(line: str, where: str) -> Variable:
    definition, colon, unit = line.rpartition(":")
    if not colon:
        raise InputError(
            where,
            f"{shown(line)} is no equation; write 'dv/dt = … : mV', 'x = … : 1' or 'tau : ms'",
        )
    left, equals, right = (part.strip() for part in definition.partition("="))
    unit = unit.strip()
    flags: set[str] = set()
    match = _FLAGS.search(unit)
    if match is not None:
        flags = {flag.strip() for flag in match["flags"].split(",")}
        unit = unit[: match.start()].strip()
    derivative = _DERIVATIVE.fullmatch(left)
    name = derivative[1] if derivative else left
    place = f"{where}.{name}"
    check_variable(name, place)
    unknown_flags = flags - {"unless refractory", "input", "parameter", "held"}
    if unknown_flags:
        flag = min(unknown_flags)
        known = "known: unless refractory, input, parameter, held"
        raise InputError(place, f"unknown flag {flag!r}; {FLAGS.get(flag, known)}")
    if not unit:
        raise InputError(place, "has no unit; write ': 1' for a pure number")
    if unit in UNITS:
        raise InputError(place, f"{unit!r} is no unit; {UNITS[unit]}")
    try:
        dimension = dimension_of_unit(unit)
    except InputError as error:
        raise InputError(place, error.problem) from error
    tree = parse(right, place) if equals else None
    kind: Kind
    if derivative:
        if tree is None:
            raise InputError(place, "a differential equation needs a right-hand side")
        kind = "state"
    elif tree is not None:
        kind = "subexpression"
    else:
        kind = "input" if "input" in flags else "parameter"
    if "unless refractory" in flags and kind != "state":
        raise InputError(place, "only a differential equation can be 'unless refractory'")
    if "input" in flags and kind != "input":
        raise InputError(place, "an input has no right-hand side")
    if "held" in flags and kind != "subexpression":
        raise InputError(place, "only a sub-expression can be 'held'")
    return Variable(
        name,
        kind,
        unit,
        dimension,
        tree,
        "unless refractory" in flags,
        "held" in flags,
        Owner("neuron", "", name),
    )


def check_dimensions(variables: tuple[Variable, ...], where: str) -> None:
    """InputError unless both sides of every equation have one dimension and every name is known."""
    known = known_dimensions(variables)
    constants = constants_of(variables, known, where)
    for variable in variables:
        if variable.right is None:
            continue
        left = f"d{variable.name}/dt" if variable.kind == "state" else variable.name
        place = f"{where}.{left}"
        needed = variable.dimension / TIME if variable.kind == "state" else variable.dimension
        check_dimension(variable.right, needed, known, place, constants)


def constants_of(
    variables: tuple[Variable, ...], known: Mapping[str, Dimension | str], where: str
) -> dict[str, float | bool]:
    """The values of the sub-expressions that are numbers, whatever the states, parameters and inputs are."""
    pending = {v.name: _right(v) for v in variables if v.kind == "subexpression"}
    needs = {name: names(tree) for name, tree in pending.items()}
    constants: dict[str, float | bool] = {}
    while ready := [n for n in pending if all(u in constants or u not in known for u in needs[n])]:
        for name in ready:
            tree = pending.pop(name)
            values = {u: q.internal for u, q in units_in(tree, known).items()}
            value = fold(tree, f"{where}.{name}", {**values, **constants})
            if value is not None:
                constants[name] = value
    return constants


def known_dimensions(variables: tuple[Variable, ...]) -> dict[str, Dimension | str]:
    """The dimension of every variable by name, and that of the condition ``not_refractory``."""
    known: dict[str, Dimension | str] = {v.name: v.dimension for v in variables}
    known["not_refractory"] = BOOLEAN
    return known


def check_dimension(
    tree: ast.expr,
    needed: Dimension | str,
    known: Mapping[str, Dimension | str],
    where: str,
    constants: Mapping[str, float | bool] | None = None,
) -> None:
    """InputError unless a tree has the dimension *needed* (or is a condition, for BOOLEAN).

    Nor may a part of it that is a number, with units and the sub-expressions *constants*, be none that is
    finite: ``sqrt(-1)*v`` and ``v/(0*mV)`` are NaN or infinite whatever the states are.
    """
    units = units_in(tree, known)
    # Chained, not copied: a cell of many compartments has many names and many equations.
    dimensions = {name: unit.dimension for name, unit in units.items()}
    dimension = dimension_of(tree, ChainMap(dimensions, known), where)  # type: ignore[arg-type]
    if units or constants:
        values = {name: unit.internal for name, unit in units.items()}
        fold(tree, where, ChainMap(values, constants or {}))  # type: ignore[arg-type]
    if dimension == needed:
        return
    if needed == BOOLEAN:
        raise InputError(
            where, f"{shown(text(tree))} is a value, not a condition such as 'v > v_th'"
        )
    if isinstance(dimension, str):
        raise InputError(where, f"{shown(text(tree))} is a condition, not a value")
    assert isinstance(needed, Dimension)
    raise InputError(
        where,
        f"{shown(text(tree))} has the dimension of {describe(dimension)}, "
        f"but {describe(needed)} is needed",
    )


def in_order(variables: tuple[Variable, ...], where: str) -> tuple[Variable, ...]:
    """The sub-expressions in an order in which each can be evaluated; InputError on a cycle."""
    pending = {v.name: v for v in variables if v.kind == "subexpression"}
    ordered: list[Variable] = []
    while pending:
        ready = [v for v in pending.values() if not (names(_right(v)) & pending.keys())]
        if not ready:
            cycle = " → ".join(_cycle(pending))
            raise InputError(where, f"the sub-expressions {cycle} need each other; break the cycle")
        for variable in ready:
            ordered.append(pending.pop(variable.name))
    return tuple(ordered)


def _right(variable: Variable) -> ast.expr:
    assert variable.right is not None
    return variable.right


def _cycle(pending: Mapping[str, Variable]) -> list[str]:
    path = [next(iter(pending))]
    while True:
        following = min(names(_right(pending[path[-1]])) & pending.keys())
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def parse_statements(source: str, where: str) -> tuple[tuple[str, str, ast.expr], ...]:
    """Statements such as ``v = v_reset; u += d`` as (target, operator, right-hand side).

    The operators are ``=``, ``+=``, ``-=``, ``*=`` and ``/=``.
    """
    statements = []
    for line in re.split(r"[;\n]", source):
        line = line.split("#")[0].strip()
        if not line:
            continue
        match = re.fullmatch(r"([A-Za-z]\w*)\s*(=|\+=|-=|\*=|/=)(?!=)\s*(.+)", line)
        if match is None:
            raise InputError(
                where, f"{shown(line)} is no statement; write 'v = v_reset' or 'g += w'"
            )
        right = parse(match[3], where)
        if match[2] == "/=":
            fold(ast.BinOp(left=ast.Name(id=match[1]), op=ast.Div(), right=right), where)
        statements.append((match[1], match[2], right))
    return tuple(statements)
