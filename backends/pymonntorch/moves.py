"""The last part of a step, x + rate·step for every state, as a few operations on all states at once.

The states of a population are the rows of one tensor. Rates and the arguments of exprel are written into the
rows of two others; what follows is done for all rows together: as many operations for twenty states as for
one, and the same result to the last bit.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...core.cell import Assignment
from ...core.expressions import names

_FEWEST = 3
"""States from which rows pay."""


@dataclass(frozen=True)
class Moves:
    """Which states are moved together, in the order of their rows, and what fills the rows.

    ``before`` are the statements until then, those in ``rows`` filling a row: ``rate k`` or ``argument k``.
    The first of the states have dt·exprel(x) as their step, where x is the row times dt, times -dt, or as it
    is: ``signs`` 1, -1, 0. The others have ``steps``, of which those that are no constants are in ``rows``
    too, as ``step k``. ``after`` are the states moved one by one.
    """

    states: tuple[str, ...] = ()
    before: tuple[Assignment, ...] = ()
    rows: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    signs: tuple[int, ...] = ()
    steps: tuple[ast.expr, ...] = ()
    after: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class _Move:
    state: str
    rate: ast.expr
    step: ast.expr
    argument: ast.expr | None


def find_moves(
    statements: Sequence[Assignment], states: Iterable[str], constants: Iterable[str]
) -> Moves | None:
    """The states that can be moved together; None if there are too few, or one needs another's new value."""
    known = frozenset(states)
    first = next((k for k, s in enumerate(statements) if s.target in known), len(statements))
    last = statements[first:]
    if {s.target for s in last} - known or any(
        names(s.expression) & known - {s.target} for s in last
    ):
        return None
    defined = {s.target: k for k, s in enumerate(statements[:first])}
    reads = Counter(
        node.id for s in statements for node in ast.walk(s.expression) if isinstance(node, ast.Name)
    )

    def own(tree: ast.expr) -> int | None:
        """The statement that defines a name read only here."""
        if isinstance(tree, ast.Name) and tree.id in defined and reads[tree.id] == 1:
            return defined[tree.id]
        return None

    moves: list[_Move] = []
    after: list[Assignment] = []
    for statement in last:
        match statement.expression:
            case ast.BinOp(
                left=ast.Name(id=name),
                op=ast.Add(),
                right=ast.BinOp(left=rate, op=ast.Mult(), right=step),
            ) if name == statement.target:
                place = own(step)
                argument = None if place is None else _argument(statements[place].expression)
                moves.append(_Move(name, rate, step, argument))
            case _:
                after.append(statement)
    if len(moves) < _FEWEST:
        return None
    moves.sort(key=lambda move: move.argument is None)
    before = list(statements[:first])
    rows: dict[int, tuple[str, int]] = {}
    signs: list[int] = []
    fixed = set(constants)

    def fill(kind: str, k: int, tree: ast.expr, instead: ast.expr | None = None) -> None:
        place = own(tree)
        if place is None:
            rows[len(before)] = (kind, k)
            before.append(Assignment(f"{kind}{k}_", tree))
            return
        rows[place] = (kind, k)
        if instead is not None:
            before[place] = Assignment(before[place].target, instead)

    for k, move in enumerate(moves):
        fill("rate", k, move.rate)
        if move.argument is not None:
            content, sign = _times_dt(move.argument)
            signs.append(sign)
            fill("argument", k, move.step, content)
        elif not (isinstance(move.step, ast.Name) and move.step.id in fixed):
            fill("step", k, move.step)
    return Moves(
        tuple(m.state for m in moves),
        tuple(before),
        rows,
        tuple(signs),
        tuple(m.step for m in moves[len(signs) :]),
        tuple(after),
    )


def _argument(tree: ast.expr) -> ast.expr | None:
    """x of dt·exprel(x)."""
    match tree:
        case ast.BinOp(
            left=ast.Name(id="dt"),
            op=ast.Mult(),
            right=ast.Call(func=ast.Name(id="exprel"), args=[argument]),
        ):
            return argument
    return None


def _times_dt(argument: ast.expr) -> tuple[ast.expr, int]:
    """An argument without the factor dt or -dt, and the sign of that factor; 0 if there is none."""
    match argument:
        case ast.BinOp(left=inner, op=ast.Mult(), right=ast.Name(id="dt")):
            if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub):
                return inner.operand, -1
            return inner, 1
    return argument, 0
