"""When a condition becomes true: threshold expressions as signed distances, and their first root."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...core.expressions import number, text

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
Measure = Callable[[Rows, Floats], tuple[Floats, Floats, Floats]]
"""(rows, times) to (distance, distance - slack, distance + slack), each of the shape of times."""

_FAR = 1e300
_JUMPS = {"int", "sign", "floor", "ceil"}
# Where a polynomial of degree 7 is looked at; the extrema of the Chebyshev polynomial of degree 8.
_NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(9) / 8)


class NoDistanceError(ValueError):
    """A condition that has no continuous distance."""


def distance(
    tree: ast.expr, slack: float = 0.0, absolute: float = 0.0, at_once: bool = False
) -> ast.expr:
    """A condition as a number that is positive where it holds: ``a > b`` is a - b.

    ``and`` is the smaller, ``or`` the larger of two distances. From every comparison
    ``absolute + slack·(|a| + |b|)`` is taken away; with *at_once* it is added where the comparison
    holds at equality too. Raises NoDistanceError for ``==``, ``!=`` and operands that jump.
    """

    def comparison(op: type[ast.cmpop], left: ast.expr, right: ast.expr) -> ast.expr:
        for operand in (left, right):
            for node in ast.walk(operand):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _JUMPS:
                    raise NoDistanceError(f"{text(node)!r} in the threshold jumps")
        if op in (ast.Lt, ast.LtE):
            left, right = right, left
        elif op not in (ast.Gt, ast.GtE):
            raise NoDistanceError("'==' or '!=' in the threshold holds at single points only")
        difference: ast.expr = ast.BinOp(left=left, op=ast.Sub(), right=right)
        if not slack and not absolute:
            return difference
        size = ast.BinOp(left=_call("abs", left), op=ast.Add(), right=_call("abs", right))
        margin = ast.BinOp(
            left=number(absolute),
            op=ast.Add(),
            right=ast.BinOp(left=number(slack), op=ast.Mult(), right=size),
        )
        operator = ast.Add() if at_once and op in (ast.GtE, ast.LtE) else ast.Sub()
        return ast.BinOp(left=difference, op=operator, right=margin)

    def visit(node: ast.expr, negated: bool) -> ast.expr:
        match node:
            case ast.Constant(value=bool() as truth):
                return number(_FAR if truth is not negated else -_FAR)
            case ast.Name():  # not_refractory, the only condition with a name
                yes, no = number(_FAR), number(-_FAR)
                return ast.IfExp(
                    test=node, body=no if negated else yes, orelse=yes if negated else no
                )
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return visit(operand, not negated)
            case ast.BoolOp(op=op, values=values):
                smaller = isinstance(op, ast.And) is not negated
                result = visit(values[0], negated)
                for value in values[1:]:
                    result = _call(
                        "minimum" if smaller else "maximum", result, visit(value, negated)
                    )
                return result
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return comparison(_OPPOSITE[type(op)] if negated else type(op), left, right)
        raise NoDistanceError(f"{text(node)!r} is no comparison")

    return visit(tree, False)


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=name), args=list(arguments), keywords=[])


def first_crossing(
    measure: Measure, begin: Floats, end: Floats, above: Bools
) -> tuple[Floats, Bools]:
    """When the distance first becomes positive in [begin, end], inf where it does not, shape (rows,);
    and whether it stayed above from begin to end.

    The distance counts as positive only beyond the slack, so that an asymptote *at* the threshold is
    no crossing; the time is that of its root. Rows that begin *above* have to fall below by the slack
    first. A maximum hidden between the nodes is looked for wherever the neighbours' curvature lets
    it reach zero.
    """
    crossings = np.full(begin.shape, np.inf)
    low, high = begin.copy(), begin.copy()
    rows: Rows = np.arange(begin.size)
    left, right = begin, end
    first = True
    for _ in range(8):
        times = left[:, None] + (right - left)[:, None] * _NODES
        times[:, -1] = right
        many = np.repeat(rows, _NODES.size)
        root, inside, beyond = (a.reshape(times.shape) for a in measure(many, times.ravel()))
        if first:
            below = beyond < 0
            # A crossing is where it is by round-off of the time, so that it may begin just below.
            below[:, 0] &= ~above
            was_below = np.logical_or.accumulate(below, axis=1) | ~above[:, None]
            stayed = ~was_below[:, -1]
            first = False
        else:
            was_below = np.ones(inside.shape, dtype=bool)
        hits = (inside > 0) & was_below
        hit = hits.any(axis=1)
        if hit.any():
            node = np.argmax(hits[hit], axis=1)
            chosen = rows[hit]
            which = np.flatnonzero(hit)
            before = np.maximum(node - 1, 0)
            low[chosen], high[chosen] = times[which, before], times[which, node]
            crossings[chosen] = 0.0
        # The highest inner node and its neighbours: can a parabola through them reach zero?
        rising = np.where(was_below[:, 1:-1], root[:, 1:-1], -np.inf)
        top = np.argmax(rising, axis=1) + 1
        all_rows = np.arange(rows.size)
        at, before_top, after_top = (root[all_rows, top + k] for k in (0, -1, 1))
        bend = np.abs(before_top - 2 * at + after_top)
        peak = np.isfinite(at) & (at >= np.maximum(before_top, after_top))
        hopeful = ~hit & peak & was_below[all_rows, top - 1] & (at + 2 * bend > 0) & (bend > 0)
        if not hopeful.any():
            break
        picked = np.flatnonzero(hopeful)
        left, right = times[picked, top[picked] - 1], times[picked, top[picked] + 1]
        rows = rows[picked]
    crossed: Rows = np.flatnonzero(crossings == 0.0)
    if crossed.size:
        crossings[crossed] = _root(measure, crossed, low[crossed], high[crossed])
    return crossings, stayed


def _root(measure: Measure, rows: Rows, low: Floats, high: Floats) -> Floats:
    """The root of the distance between low (below or at zero) and high (above), by the Illinois method.

    Every third trial is a bisection, so that a kink costs at most three times a bisection.
    """
    low, high = low.copy(), high.copy()
    f_low, f_high = measure(rows, low)[0], measure(rows, high)[0]
    # Above zero already at the low end, though within the slack there: it crossed at that instant.
    high = np.where(f_low > 0, low, high)
    side = np.zeros(rows.size)
    for trial in range(150):
        open_ = high - low > 1e-14 * np.maximum(1.0, np.abs(high))
        if not open_.any():
            break
        with np.errstate(all="ignore"):
            guess = (low * f_high - high * f_low) / (f_high - f_low)
        middle = 0.5 * (low + high)
        bisect = (trial % 3 == 2) | ~((guess > low) & (guess < high))
        guess = np.where(bisect, middle, guess)
        value = measure(rows, guess)[0]
        below = value <= 0
        go_low, go_high = open_ & below, open_ & ~below
        low, f_low = np.where(go_low, guess, low), np.where(go_low, value, f_low)
        high, f_high = np.where(go_high, guess, high), np.where(go_high, value, f_high)
        f_high = np.where(go_low & (side < 0), 0.5 * f_high, f_high)
        f_low = np.where(go_high & (side > 0), 0.5 * f_low, f_low)
        side = np.where(go_low, -1.0, np.where(go_high, 1.0, side))
    return high


class Arrivals:
    """What is on its way to the cells of one population: instants sorted by cell, then time.

    Arrivals of one cell within ``together`` ms are one instant; the weights of a receptor add.
    """

    def __init__(self, size: int, receptors: int, together: float) -> None:
        self.size, self.receptors, self.together = size, receptors, together
        self._times: Floats = np.empty(0)
        self._weights: Floats = np.empty((0, receptors))
        self._cells: Rows = np.empty(0, dtype=np.intp)
        self._next: Rows = np.zeros(size, dtype=np.intp)
        self._stop: Rows = np.zeros(size, dtype=np.intp)

    def add(self, times: Floats, cells: Rows, receptors: Rows, weights: Floats) -> None:
        """Let weights arrive: all arrays of shape (n,)."""
        spread = np.zeros((times.size, self.receptors))
        spread[np.arange(times.size), receptors] = weights
        if self._times.size:
            # Forget what has arrived, so that the cost of sorting is that of what is pending.
            kept = np.arange(self._times.size) >= self._next[self._cells]
            times = np.concatenate([self._times[kept], times])
            cells = np.concatenate([self._cells[kept], cells])
            spread = np.concatenate([self._weights[kept], spread])
        order = np.lexsort((times, cells))
        times, cells, spread = times[order], cells[order], spread[order]
        new = np.ones(times.size, dtype=bool)
        new[1:] = (np.diff(cells) != 0) | (np.diff(times) > self.together)
        starts = np.flatnonzero(new)
        self._times, self._cells = times[starts], cells[starts]
        self._weights = np.add.reduceat(spread, starts, axis=0) if starts.size else spread
        edges = np.searchsorted(self._cells, np.arange(self.size + 1))
        self._next, self._stop = edges[:-1].copy(), edges[1:]

    def next_times(self, cells: Rows) -> Floats:
        """When the next arrival of each cell is due; inf if none is known."""
        due = np.full(cells.size, np.inf)
        some = self._next[cells] < self._stop[cells]
        due[some] = self._times[self._next[cells[some]]]
        return due

    def take(self, cells: Rows, until: Floats) -> Floats:
        """Remove and add up what is due up to ``until``, shape (receptors, cells)."""
        total = np.zeros((cells.size, self.receptors))
        while True:
            due = np.flatnonzero(self.next_times(cells) <= until)
            if not due.size:
                return total.T
            total[due] += self._weights[self._next[cells[due]]]
            self._next[cells[due]] += 1
