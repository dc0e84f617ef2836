"""A `Program`: what one step of a cell does, statement by statement, in one integration scheme.

Lockstep is every backend rendering the same program: the same expressions in the same order. Names that
end in an underscore are temporaries made here; a user's names cannot end so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from .builders import binary, name_of
from .cable_step import implicit_step
from .cell import Assignment, Cell, Increment
from .errors import unknown
from .expressions import names, substitute, text
from .guarded_rk4 import guarded_rk4
from .inlining import inlined, inlined_subexpressions, right_of
from .linear import linear_in
from .runge_kutta import moved, rk4, while_active

Method = Literal["euler", "exponential_euler", "rk4"]
METHODS: tuple[Method, ...] = get_args(Method)
Scheme = Literal["euler", "exponential_euler", "rk4", "guarded_rk4"]
"""The schemes of lockstep, and one for those that have no integrator of their own for a cell."""
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
ORDERS: Mapping[str, float] = MappingProxyType(
    {"euler": 1.0, "exponential_euler": 1.0, "rk4": 4.0, "guarded_rk4": 4.0}
)
"""Their textbook orders, for smooth right-hand sides."""


@dataclass(frozen=True)
class Program:
    """One step of a cell in one scheme.

    ``constants`` are evaluated once, in order, from parameters and ``dt``; ``update`` moves the states
    from t_n to t_{n+1}, in order, with the inputs of t_n; ``increments`` by receptor, ``threshold`` and
    ``reset`` follow the clock contract. ``not_refractory`` may occur in any of them.
    """

    cell: Cell
    method: Scheme
    constants: tuple[Assignment, ...]
    update: tuple[Assignment, ...]
    increments: Mapping[str, tuple[Increment, ...]]
    threshold: ast.expr | None
    reset: tuple[Assignment, ...]

    @property
    def temporaries(self) -> tuple[str, ...]:
        """The names that the update assigns and that are no states."""
        states = {v.name for v in self.cell.states}
        return tuple(dict.fromkeys(a.target for a in self.update if a.target not in states))


def program_of(cell: Cell, method: Scheme) -> Program:
    """The program of a cell in a scheme; InputError if there is no such scheme."""
    if method not in SCHEMES:
        raise unknown("method", "integration scheme", method, SCHEMES)
    makers = {
        "euler": _euler,
        "exponential_euler": _exponential_euler,
        "rk4": rk4,
        "guarded_rk4": guarded_rk4,
    }
    update = _needed(makers[method](cell), {v.name for v in cell.states})
    hoist = _Hoist(cell)
    statements = tuple(
        Assignment(a.target, hoist(a.expression)) for a in update if not hoist.takes(a)
    )
    # What happens after the update sees the state there, so its sub-expressions are written out.
    increments = {
        r.name: tuple(
            Increment(i.target, hoist(inlined(cell, i.coefficient)), i.unless_refractory)
            for i in r.increments
        )
        for r in cell.receptors
    }
    threshold = None if cell.threshold is None else hoist(inlined(cell, cell.threshold))
    reset = tuple(Assignment(a.target, hoist(inlined(cell, a.expression))) for a in cell.reset)
    return Program(cell, method, tuple(hoist.constants), statements, increments, threshold, reset)


def _right_sides(cell: Cell) -> list[Assignment]:
    """Sub-expressions and rates at t_n; ``rate_x_`` is dx/dt."""
    statements = [Assignment(v.name, right_of(v)) for v in cell.subexpressions]
    statements += [Assignment(f"rate_{v.name}_", while_active(v, right_of(v))) for v in cell.states]
    return statements


def _euler(cell: Cell) -> list[Assignment]:
    """x(t+dt) = x + dt·f(t_n): all right-hand sides at t_n."""
    moves = [
        Assignment(v.name, moved(v.name, f"rate_{v.name}_", name_of("dt"))) for v in cell.states
    ]
    return _right_sides(cell) + moves


def _exponential_euler(cell: Cell) -> list[Assignment]:
    """x + f·dt·exprel(a·dt) for dx/dt = f = a·x + b with a, b held at t_n; forward Euler if not linear.

    The same as x·e^{a·dt} + (b/a)(e^{a·dt} - 1), without dividing by an a that may be 0. Sub-expressions
    that are ``held`` belong to b, whatever they depend on. The membrane potentials of a tree move
    together, by `cable_step.implicit_step`.
    """
    inline = {v.name: right_of(v) for v in inlined_subexpressions(cell, keep_held=True)}
    statements = _right_sides(cell)
    tree = cell.lowered if cell.lowered is not None and cell.lowered.cut.couplings else None
    potentials = set()
    if tree is not None:
        potentials = {tree.potential(k) for k in range(len(tree.compartments))}
    slopes: dict[str, ast.expr | None] = {}
    moves = []
    for variable in cell.states:
        linear = linear_in(substitute(right_of(variable), inline), variable.name)
        if variable.name in potentials:
            slopes[variable.name] = None if linear is None else linear.slope
            continue
        step = name_of("dt")
        if linear is not None and linear.slope is not None:
            product = binary(linear.slope, ast.Mult(), name_of("dt"))
            exprel = ast.Call(func=ast.Name(id="exprel"), args=[product], keywords=[])
            statements.append(
                Assignment(f"step_{variable.name}_", binary(name_of("dt"), ast.Mult(), exprel))
            )
            step = name_of(f"step_{variable.name}_")
        moves.append(
            Assignment(variable.name, moved(variable.name, f"rate_{variable.name}_", step))
        )
    if tree is not None:
        moves += implicit_step(tree, slopes)
    return statements + moves


def _needed(statements: list[Assignment], wanted: Iterable[str]) -> list[Assignment]:
    """The statements that the wanted names depend on."""
    needed = set(wanted)
    kept = []
    for statement in reversed(statements):
        if statement.target in needed:
            kept.append(statement)
            needed |= names(statement.expression)
    return kept[::-1]


class _Hoist:
    """Moves what depends on parameters and dt alone out of the step, into named constants."""

    def __init__(self, cell: Cell) -> None:
        self.known = {v.name for v in cell.parameters} | {"dt"}
        self.constants: list[Assignment] = []
        self._seen: dict[str, str] = {}
        self._states = {v.name for v in cell.states}

    def takes(self, statement: Assignment) -> bool:
        """Whether a whole statement is constant and so needs to run only once."""
        if statement.target in self._states or not self._is_constant(statement.expression):
            return False
        self._define(statement.target, statement.expression)
        return True

    def _is_constant(self, tree: ast.expr) -> bool:
        return names(tree) <= self.known

    def _define(self, name: str, tree: ast.expr) -> None:
        self.constants.append(Assignment(name, tree))
        self.known.add(name)

    def __call__(self, tree: ast.expr) -> ast.expr:
        """The tree with its constant parts replaced by the names of constants."""
        if isinstance(tree, ast.Name | ast.Constant):
            return tree
        if self._is_constant(tree) and not _is_literal(tree):
            if not _is_condition(tree):
                key = text(tree)
                if key not in self._seen:
                    self._seen[key] = f"c{len(self._seen)}_"
                    self._define(self._seen[key], tree)
                return name_of(self._seen[key])
        match tree:
            case ast.BinOp(left=left, op=op, right=right):
                return ast.BinOp(left=self(left), op=op, right=self(right))
            case ast.UnaryOp(op=op, operand=operand):
                return ast.UnaryOp(op=op, operand=self(operand))
            case ast.BoolOp(op=op, values=values):
                return ast.BoolOp(op=op, values=[self(v) for v in values])
            case ast.Compare(left=left, ops=ops, comparators=[right]):
                return ast.Compare(left=self(left), ops=ops, comparators=[self(right)])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return ast.IfExp(test=self(test), body=self(body), orelse=self(orelse))
            case ast.Call(func=func, args=arguments):
                return ast.Call(func=func, args=[self(a) for a in arguments], keywords=[])
        raise AssertionError(ast.dump(tree))


def _is_condition(tree: ast.expr) -> bool:
    """Whether a tree is true or false, which no constant can hold: those are numbers everywhere."""
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.Not)
    return isinstance(tree, ast.Compare | ast.BoolOp)


def _is_literal(tree: ast.expr) -> bool:
    return isinstance(tree, ast.UnaryOp) and isinstance(tree.operand, ast.Constant)
