"""Derivatives of expressions by a variable, as trees of the language."""

from __future__ import annotations

import ast
import copy
from functools import lru_cache
from typing import Any

from .errors import InputError
from .expressions import names, parse, rename, substitute, text

_MOST_NODES = 2_000
"""Of a tree that `slope_of` derives: sympy takes seconds for more."""


def derivative(tree: ast.expr, name: str) -> ast.expr:
    """The derivative of a tree by a variable where no condition in it turns.

    InputError, NotImplementedError, TypeError, ValueError or AttributeError where sympy has none that the
    language can say, such as Heaviside's.
    """
    # The compartments of a cell have the same equations in other names: each is derived once.
    order = {n: f"x{k}__" for k, n in enumerate(_in_order(tree))}
    if name not in order:
        return ast.Constant(value=0.0)
    derivative = _derivative_of(text(rename(tree, order)), order[name])
    return rename(derivative, {new: old for old, new in order.items()})


def _in_order(tree: ast.expr) -> list[str]:
    variables = names(tree)
    used = (n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    return list(dict.fromkeys(n for n in used if n in variables))


@lru_cache(maxsize=4096)
def _derivative_of(source: str, name: str) -> ast.expr:
    return _derivative(parse(source, "derivative"), name)


def _derivative(tree: ast.expr, name: str) -> ast.expr:
    # Few steps need algebra, which takes a while to import.
    from .symbolic import from_sympy, symbol, to_sympy

    if name not in names(tree):
        return ast.Constant(value=0.0)
    if isinstance(tree, ast.IfExp):
        body, orelse = _derivative(tree.body, name), _derivative(tree.orelse, name)
        return ast.IfExp(test=tree.test, body=body, orelse=orelse)
    choices: dict[str, ast.expr] = {}
    plain = _Placeholders(choices).visit(copy.deepcopy(tree))
    if isinstance(plain, ast.Name) and plain.id in choices:
        return ast.Constant(value=0.0)  # int(…)
    whole = to_sympy(plain)
    total = substitute(from_sympy(whole.diff(symbol(name))), choices)
    for placeholder, choice in choices.items():
        if isinstance(choice, ast.IfExp) and name in names(choice):
            outer = substitute(from_sympy(whole.diff(symbol(placeholder))), choices)
            product = ast.BinOp(left=outer, op=ast.Mult(), right=_derivative(choice, name))
            total = ast.BinOp(left=total, op=ast.Add(), right=product)
    return total


class _Placeholders(ast.NodeTransformer):
    """Puts names in the place of choices, which sympy would rearrange."""

    def __init__(self, choices: dict[str, ast.expr]) -> None:
        self.choices = choices

    def visit(self, node: ast.AST) -> Any:
        if condition_of(node) is not None:
            name = f"choice{len(self.choices)}__"
            assert isinstance(node, ast.expr)
            self.choices[name] = node
            return ast.Name(id=name)
        return super().visit(node)


def condition_of(node: ast.AST) -> ast.expr | None:
    """What a choice, an IfExp or ``int(…)``, depends on; None for everything else."""
    if isinstance(node, ast.IfExp):
        return node.test
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int":
        return node.args[0]
    return None


def slope_of(tree: ast.expr, name: str) -> ast.expr | None:
    """The derivative of a rate by its own variable; None where it is 0 or algebra does not give it."""
    if name not in names(tree) or sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        return None
    try:
        return derivative(tree, name)
    except (InputError, NotImplementedError, TypeError, ValueError, AttributeError):
        return None
