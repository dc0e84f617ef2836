"""Trees of expressions put together."""

from __future__ import annotations

import ast

from .expressions import number


def binary(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    """``left operator right``."""
    return ast.BinOp(left=left, op=operator, right=right)


def name_of(name: str) -> ast.expr:
    """A variable."""
    return ast.Name(id=name)


def call(function: str, *arguments: ast.expr) -> ast.expr:
    """A function of the language of expressions."""
    return ast.Call(func=ast.Name(id=function), args=list(arguments), keywords=[])


def choice(flag: str, body: ast.expr, orelse: ast.expr) -> ast.expr:
    """One of two by a number that is 1 or 0."""
    test = ast.Compare(left=name_of(flag), ops=[ast.Gt()], comparators=[number(0.5)])
    return ast.IfExp(test=test, body=body, orelse=orelse)
