"""rk4 for cells that only a reset ends: it looks at nothing beyond the threshold, and is stiff-proof."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache, reduce

import numpy as np

from .builders import binary, call, choice, name_of
from .cell import Assignment, Cell
from .derivative import slope_of
from .expressions import names, number, rename
from .inlining import inlined, inlined_rates
from .levels import levels
from .linear import linear_in
from .runge_kutta import moved, stage_of, weighted_sum, while_active


def guarded_rk4(cell: Cell) -> list[Assignment]:
    """rk4 that looks at nothing beyond the threshold; where a rate is too fast for it, an exponential rule.

    The upstroke of an exponential or a quadratic cell becomes infinite shortly after its threshold: a stage
    that lies there is worth nothing, to no variable. Where the state of a stage fulfils the threshold's
    condition while the cell is not refractory, the stage before is taken for it, so that every
    right-hand side is that of a state in which the cell has not spiked. Not in a cell that stays finite
    without (`runs_away`): the stages of a linear cell are as good there as elsewhere. Where the slope
    a = ∂f/∂x of a rate x' = f has |a·dt| > 1 at t_n, all move from there by `_exponential_midpoint`. The
    slope of an equation that is not linear in itself counts while it decays, such as that of x² far down.
    A state that a reset reads is left just behind the threshold, see `_held_at_threshold`.
    """
    guard = None
    if cell.threshold is not None and runs_away(cell):
        guard = ast.BoolOp(
            op=ast.And(), values=[inlined(cell, cell.threshold), name_of("not_refractory")]
        )
    statements = [a for stage in (1, 2, 3, 4) for a in stage_of(cell, stage, guard)]
    rates = inlined_rates(cell)
    slopes = {name: _scaled_slope(rate, name) for name, rate in rates.items()}
    sizes = [
        call("abs", name_of(f"slope_{n}_")) for n, slope in slopes.items() if slope is not None
    ]
    for name, slope in slopes.items():
        if slope is not None:
            statements.append(Assignment(f"slope_{name}_", slope))
    if sizes:
        fastest = reduce(lambda one, other: call("maximum", one, other), sizes)
        within = ast.Compare(left=fastest, ops=[ast.LtE()], comparators=[number(1.0)])
        statements.append(Assignment("calm_", call("int", within)))
        statements += _exponential_midpoint(cell, rates, slopes, guard)
    before, after = _held_at_threshold(cell)
    statements += before
    for v in cell.states:
        tree = weighted_sum(v)
        if sizes:
            tree = choice("calm_", tree, name_of(f"end_{v.name}_"))
        statements.append(Assignment(v.name, tree))
    return statements + after


def _scaled_slope(rate: ast.expr, name: str) -> ast.expr | None:
    """a·dt of the slope a of a rate by its own variable, at most 1 where it is not linear in it."""
    linear = linear_in(rate, name)
    slope = slope_of(rate, name) if linear is None else linear.slope
    if slope is None:
        return None
    scaled = binary(slope, ast.Mult(), name_of("dt"))
    # One that grows is an upstroke, which rk4 follows to the threshold.
    return scaled if linear is not None else call("minimum", scaled, number(1.0))


def _exponential_midpoint(
    cell: Cell,
    rates: Mapping[str, ast.expr],
    slopes: Mapping[str, ast.expr | None],
    guard: ast.expr | None,
) -> list[Assignment]:
    """``end_x_``, every state after a step along the line through its rate, the others in mid-step.

    Half a step from t_n first, x_h = x + dt/2·f·exprel(a·dt/2). Then x + dt·f·exprel(a·dt) with f and a of
    x at t_n and all others at x_h: of order 2, exact for x' = a·x + b, and for others that of the line
    through x_n (Rosenbrock-Euler; Hochbruck and Ostermann 2010, Acta Numerica 19:209).
    """
    statements = []
    half = binary(number(0.5), ast.Mult(), name_of("dt"))
    trial = {v.name: f"half_{v.name}_" for v in cell.states}
    for v in cell.states:
        step = half
        if slopes[v.name] is not None:
            scaled = binary(number(0.5), ast.Mult(), name_of(f"slope_{v.name}_"))
            step = binary(half, ast.Mult(), call("exprel", scaled))
        statements.append(Assignment(trial[v.name], moved(v.name, f"k1_{v.name}_", step)))
    middle = trial
    if guard is not None:
        statements.append(Assignment("beyond_", call("int", rename(guard, trial))))
        middle = {v.name: f"middle_{v.name}_" for v in cell.states}
        for v in cell.states:
            tree = choice("beyond_", name_of(v.name), name_of(trial[v.name]))
            statements.append(Assignment(middle[v.name], tree))
    for v in cell.states:
        others = {name: other for name, other in middle.items() if name != v.name}
        rate = while_active(v, rename(rates[v.name], others))
        slope, step = slopes[v.name], name_of("dt")
        if slope is not None:
            step = binary(name_of("dt"), ast.Mult(), call("exprel", rename(slope, others)))
        statements.append(Assignment(f"rate_{v.name}_", rate))
        statements.append(Assignment(f"end_{v.name}_", moved(v.name, f"rate_{v.name}_", step)))
    return statements


_BEYOND = 1e-9
"""How far beyond its threshold, relative to it, a state is left that has just passed it."""


def _held_at_threshold(cell: Cell) -> tuple[list[Assignment], list[Assignment]]:
    """Statements before and after the states move, for a reset that reads the state of an upstroke.

    In continuous time that state is at the threshold when it is reset. A step ends far beyond, at 10^6 mV
    with an exponential upstroke, which ``v = v - 70*mV`` would carry on with, so it is put just behind the
    threshold. Only where x is not linear in itself, and at the `levels` that the condition has for x. Where
    the condition is more than one comparison, only once it is fulfilled as a whole.
    """
    if cell.threshold is None:
        return [], []
    read = {name for a in cell.reset for name in names(inlined(cell, a.expression))}
    rates = inlined_rates(cell)
    held = [
        (name, level, up)
        for name, level, up in levels(inlined(cell, cell.threshold), rates)
        if name in read and linear_in(rates[name], name) is None
    ]
    # Two that are held to each other's level, as by v + u > 1, would be where the other one exploded to.
    held = [h for h in held if not any(h[0] in names(o[1]) and o[0] in names(h[1]) for o in held)]
    before: list[Assignment] = []
    after: list[Assignment] = []
    whole = isinstance(cell.threshold, ast.Compare)
    if held and not whole:
        after.append(Assignment("crossed_", call("int", inlined(cell, cell.threshold))))
    for k, (name, level, up) in enumerate(held):
        mark = str(k) if k else ""
        under, at = f"under{mark}_", f"level{mark}_"
        away = binary(
            number(_BEYOND), ast.Mult(), call("maximum", call("abs", name_of(at)), number(1.0))
        )
        behind = binary(name_of(at), ast.Add() if up else ast.Sub(), away)
        nearest = call("minimum" if up else "maximum", name_of(name), behind)
        # Not one that refractoriness keeps there, nor one that was beyond when the step began.
        order = ast.LtE() if up else ast.GtE()
        begun = ast.Compare(left=name_of(name), ops=[order], comparators=[level])
        inside = ast.BoolOp(op=ast.And(), values=[begun, name_of("not_refractory")])
        before.append(Assignment(under, call("int", inside)))
        put = nearest if whole else choice("crossed_", nearest, name_of(name))
        after += [Assignment(at, level), Assignment(name, choice(under, put, name_of(name)))]
    return before, after


@lru_cache(maxsize=256)
def runs_away(cell: Cell) -> bool:
    """Whether only a reset may end what the states do: it has one, and a rate grows faster than they do.

    The upstroke of a quadratic or an exponential cell is infinite shortly after its threshold. A solution
    stays finite for all times where the states that drive each other, in a circle, do so linearly, whatever
    is multiplied to them by states that they do not drive: v' = (E - v)/tau + g*(E_s - v) with g' = -g/tau_s.
    """
    if not cell.reset:
        return False
    rates = inlined_rates(cell)
    order = {name: k for k, name in enumerate(rates)}
    drives = np.eye(len(order), dtype=bool)
    for name, tree in rates.items():
        for other in names(tree) & order.keys():
            drives[order[other], order[name]] = True
    # Whom a state drives by way of others: paths of twice the length each time.
    for _ in range(len(order).bit_length()):
        drives = drives.astype(float) @ drives.astype(float) > 0.5
    circles = drives & drives.T
    for name, tree in rates.items():
        own = {other for other, k in order.items() if circles[k, order[name]]}
        for other in own & names(tree):
            linear = linear_in(tree, other)
            if linear is None or (linear.slope is not None and names(linear.slope) & own):
                return True
    return False
