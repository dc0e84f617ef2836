"""Where a condition changes: the levels that single states pass when it becomes true."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

from .expressions import names
from .folding import fold
from .linear import linear_in

_OPPOSITE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}


def levels(condition: ast.expr, states: Container[str]) -> Iterator[tuple[str, ast.expr, bool]]:
    """(state, level, whether it passes upwards) of the comparisons in a condition that can be solved.

    Those are ``x > y`` and what is linear in x with a number as its slope, ``2*x + y > 1``, alone or joined
    by ``and``, ``or`` and ``not``; y may be anything without x. Comparisons of other forms are left out.

    >>> from .expressions import parse, text
    >>> [(x, text(y), up) for x, y, up in levels(parse("not (v <= a) and q < 3"), {"v", "q"})]
    [('v', 'a', True), ('q', '3', False)]
    """
    yield from _levels(condition, states, False)


def _levels(
    condition: ast.expr, states: Container[str], negated: bool
) -> Iterator[tuple[str, ast.expr, bool]]:
    match condition:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _levels(operand, states, not negated)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _levels(value, states, negated)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPPOSITE:
            kind = _OPPOSITE[type(op)] if negated else type(op)
            higher = kind in (ast.Gt, ast.GtE)
            for side, other, up in ((left, right, higher), (right, left, not higher)):
                if isinstance(side, ast.Name) and side.id in states and side.id not in names(other):
                    yield side.id, other, up
                    return
            difference = ast.BinOp(left=left, op=ast.Sub(), right=right)
            for name in sorted(names(difference)):
                linear = linear_in(difference, name) if name in states else None
                slope = None if linear is None or linear.slope is None else fold(linear.slope, name)
                if linear is None or not slope:
                    continue
                rest = ast.Constant(value=0.0) if linear.intercept is None else linear.intercept
                turned = ast.UnaryOp(op=ast.USub(), operand=rest)
                assert linear.slope is not None
                level = ast.BinOp(left=turned, op=ast.Div(), right=linear.slope)
                yield name, level, higher == (slope > 0)
