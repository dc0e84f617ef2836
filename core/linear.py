"""Linearity of an expression as it is written: slope and intercept, without algebra on the whole."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .expressions import names, number


@dataclass(frozen=True)
class Linear:
    """``slope·x + intercept``; None stands for 0, and neither contains x."""

    slope: ast.expr | None
    intercept: ast.expr | None


def linear_in(tree: ast.expr, name: str) -> Linear | None:
    """A tree as a linear function of a variable; None if it is not one as written.

    A variable may be added, subtracted, negated, multiplied or divided by what does not contain it, and
    stand in the branches of a condition that does not. What would only be linear after cancelling, such as
    ``x*x - x*x``, is not.
    """
    if name not in names(tree):
        zero = isinstance(tree, ast.Constant) and not tree.value
        return Linear(None, None if zero else tree)
    match tree:
        case ast.Name():
            return Linear(number(1.0), None)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            inner = linear_in(operand, name)
            if inner is None or isinstance(op, ast.UAdd):
                return inner
            return Linear(_negative(inner.slope), _negative(inner.intercept))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            a, b = linear_in(left, name), linear_in(right, name)
            if a is None or b is None:
                return None
            return Linear(_joined(a.slope, op, b.slope), _joined(a.intercept, op, b.intercept))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            if name in names(left):
                inner = linear_in(left, name) if name not in names(right) else None
                return inner and Linear(*(_binary(p, tree.op, right) for p in _parts(inner)))
            inner = linear_in(right, name)
            return inner and Linear(*(_binary(left, tree.op, p) for p in _parts(inner)))
        case ast.BinOp(left=left, op=ast.Div(), right=right) if name not in names(right):
            inner = linear_in(left, name)
            return inner and Linear(*(_binary(p, tree.op, right) for p in _parts(inner)))
        case ast.IfExp(test=test, body=body, orelse=orelse) if name not in names(test):
            a, b = linear_in(body, name), linear_in(orelse, name)
            if a is None or b is None:
                return None
            return Linear(_chosen(test, a.slope, b.slope), _chosen(test, a.intercept, b.intercept))
    return None


def _parts(linear: Linear) -> tuple[ast.expr | None, ast.expr | None]:
    return linear.slope, linear.intercept


def _negative(tree: ast.expr | None) -> ast.expr | None:
    return tree and ast.UnaryOp(op=ast.USub(), operand=tree)


def _binary(
    left: ast.expr | None, operator: ast.operator, right: ast.expr | None
) -> ast.expr | None:
    """A product or quotient of which one side may be 0."""
    if left is None or right is None:
        return None
    if isinstance(operator, ast.Mult):
        # The slope of x itself is 1, which would otherwise be multiplied with in every step.
        for one, other in ((left, right), (right, left)):
            if _is_one(one):
                return other
            if isinstance(one, ast.UnaryOp) and _is_one(one.operand):
                return _negative(other)
    return ast.BinOp(left=left, op=operator, right=right)


def _is_one(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == 1.0


def _joined(
    left: ast.expr | None, operator: ast.operator, right: ast.expr | None
) -> ast.expr | None:
    if right is None:
        return left
    if left is None:
        return right if isinstance(operator, ast.Add) else _negative(right)
    return ast.BinOp(left=left, op=operator, right=right)


def _chosen(test: ast.expr, body: ast.expr | None, orelse: ast.expr | None) -> ast.expr | None:
    if body is None and orelse is None:
        return None
    zero = number(0.0)
    return ast.IfExp(test=test, body=body or zero, orelse=orelse or zero)
