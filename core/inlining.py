"""A cell's sub-expressions substituted: functions of its states, parameters and inputs alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from .cell import Cell
from .equations import Variable
from .errors import InputError
from .expressions import substitute

_MOST_NODES = 100_000


def right_of(variable: Variable) -> ast.expr:
    """The right-hand side of a state or a sub-expression."""
    assert variable.right is not None
    return variable.right


@lru_cache(maxsize=256)
def inlined_subexpressions(cell: Cell, keep_held: bool = False) -> tuple[Variable, ...]:
    """The sub-expressions with all others substituted: functions of states, parameters, inputs.

    With *keep_held* those that are held stay as names.
    """
    done: dict[str, ast.expr] = {}
    size: dict[str, int] = {}
    result = []
    for variable in cell.subexpressions:
        right = right_of(variable)
        size[variable.name] = sum(
            size.get(node.id, 1) if isinstance(node, ast.Name) else 1 for node in ast.walk(right)
        )
        if size[variable.name] > _MOST_NODES:
            raise InputError(
                f"{cell.name}.{variable.name}",
                f"has more than {_MOST_NODES:,} terms once its sub-expressions are written out",
            )
        tree = substitute(right, done)
        if keep_held and variable.held:
            size[variable.name] = 1
            continue
        done[variable.name] = tree
        result.append(replace(variable, right=tree))
    return tuple(result)


@lru_cache(maxsize=64)
def _inlined_trees(cell: Cell) -> Mapping[str, ast.expr]:
    return {v.name: right_of(v) for v in inlined_subexpressions(cell)}


def inlined_rates(cell: Cell) -> dict[str, ast.expr]:
    """dx/dt of every state as a function of states, parameters and inputs alone."""
    inline = _inlined_trees(cell)
    return {v.name: substitute(right_of(v), inline) for v in cell.states}


def inlined(cell: Cell, tree: ast.expr) -> ast.expr:
    """A tree with the cell's sub-expressions substituted."""
    return substitute(tree, _inlined_trees(cell))
