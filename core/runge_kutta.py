"""Classical Runge-Kutta of order 4 as statements, stage by stage."""

from __future__ import annotations

import ast

from .builders import binary, call, choice, name_of
from .cell import Assignment, Cell
from .equations import Variable
from .expressions import number, rename
from .inlining import right_of


def rk4(cell: Cell) -> list[Assignment]:
    """Classical Runge-Kutta of order 4 (Kutta 1901), inputs held over the step."""
    return [a for stage in (1, 2, 3, 4) for a in stage_of(cell, stage)] + [
        Assignment(v.name, weighted_sum(v)) for v in cell.states
    ]


def while_active(variable: Variable, tree: ast.expr) -> ast.expr:
    """The right-hand side, or 0 for a variable that stays while its cell is refractory."""
    if not variable.unless_refractory:
        return tree
    return ast.IfExp(test=name_of("not_refractory"), body=tree, orelse=number(0.0))


def moved(name: str, rate: str, step: ast.expr) -> ast.expr:
    """``name + rate·step``."""
    return binary(name_of(name), ast.Add(), binary(name_of(rate), ast.Mult(), step))


def stage_of(cell: Cell, stage: int, guard: ast.expr | None = None) -> list[Assignment]:
    """The state of a stage of rk4, from the slopes of the one before, and its own slopes ``k2_x_``."""
    changing = [v.name for v in (*cell.states, *cell.subexpressions)]
    # Two underscores, which no name has: a variable k1_v is not the k1 of a state v_1.
    local = {name: f"{name}__{stage}_" for name in changing}
    half = binary(number(0.5), ast.Mult(), name_of("dt"))
    step = {2: half, 3: half, 4: name_of("dt")}.get(stage)
    statements: list[Assignment] = []
    if step is None or guard is None:
        for v in cell.states:
            tree = (
                name_of(v.name) if step is None else moved(v.name, f"k{stage - 1}_{v.name}_", step)
            )
            statements.append(Assignment(local[v.name], tree))
    else:
        trial = {v.name: f"trial{stage}_{v.name}_" for v in cell.states}
        for v in cell.states:
            tree = moved(v.name, f"k{stage - 1}_{v.name}_", step)
            statements.append(Assignment(trial[v.name], tree))
        beyond = f"beyond{stage}_"
        statements.append(Assignment(beyond, call("int", rename(guard, trial))))
        for v in cell.states:
            tree = choice(beyond, name_of(f"{v.name}__{stage - 1}_"), name_of(trial[v.name]))
            statements.append(Assignment(local[v.name], tree))
    for v in cell.subexpressions:
        statements.append(Assignment(local[v.name], rename(right_of(v), local)))
    for v in cell.states:
        tree = while_active(v, rename(right_of(v), local))
        statements.append(Assignment(f"k{stage}_{v.name}_", tree))
    return statements


def weighted_sum(v: Variable) -> ast.expr:
    """x + dt/6·(k1 + 2(k2 + k3) + k4)."""
    sixth = binary(name_of("dt"), ast.Div(), number(6.0))
    k1, k2, k3, k4 = (name_of(f"k{stage}_{v.name}_") for stage in (1, 2, 3, 4))
    middle = binary(number(2.0), ast.Mult(), binary(k2, ast.Add(), k3))
    total = binary(binary(k1, ast.Add(), middle), ast.Add(), k4)
    return binary(name_of(v.name), ast.Add(), binary(sixth, ast.Mult(), total))
