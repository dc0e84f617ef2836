"""A `Program`: what one step of a cell does, statement by statement, in one integration scheme.

Lockstep is every backend rendering the same program: the same expressions in the same order. Names that
end in an underscore are temporaries made here; a user's names cannot end so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from .cable_step import implicit_step
from .cell import Assignment, Cell, Increment
from .derivative import slope_of
from .equations import Variable
from .errors import InputError, unknown
from .expressions import names, number, rename, substitute, text
from .levels import levels
from .linear import linear_in

Method = Literal["euler", "exponential_euler", "rk4"]
_MOST_NODES = 100_000
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
        "rk4": _rk4,
        "guarded_rk4": _guarded_rk4,
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


def _trees(given: Mapping[str, ast.expr | None]) -> dict[str, ast.expr]:
    return {name: tree for name, tree in given.items() if tree is not None}


def _right(variable: Variable) -> ast.expr:
    assert variable.right is not None
    return variable.right


def _binary(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    return ast.BinOp(left=left, op=operator, right=right)


def _name(name: str) -> ast.expr:
    return ast.Name(id=name)


def _while_active(variable: Variable, tree: ast.expr) -> ast.expr:
    """The right-hand side, or 0 for a variable that stays while its cell is refractory."""
    if not variable.unless_refractory:
        return tree
    return ast.IfExp(test=_name("not_refractory"), body=tree, orelse=number(0.0))


def _moved(name: str, rate: str, step: ast.expr) -> ast.expr:
    return _binary(_name(name), ast.Add(), _binary(_name(rate), ast.Mult(), step))


def _right_sides(cell: Cell) -> list[Assignment]:
    """Sub-expressions and rates at t_n; ``rate_x_`` is dx/dt."""
    statements = [Assignment(v.name, _right(v)) for v in cell.subexpressions]
    statements += [Assignment(f"rate_{v.name}_", _while_active(v, _right(v))) for v in cell.states]
    return statements


def _euler(cell: Cell) -> list[Assignment]:
    """x(t+dt) = x + dt·f(t_n): all right-hand sides at t_n."""
    moved = [
        Assignment(v.name, _moved(v.name, f"rate_{v.name}_", _name("dt"))) for v in cell.states
    ]
    return _right_sides(cell) + moved


def _exponential_euler(cell: Cell) -> list[Assignment]:
    """x + f·dt·exprel(a·dt) for dx/dt = f = a·x + b with a, b held at t_n; forward Euler if not linear.

    The same as x·e^{a·dt} + (b/a)(e^{a·dt} - 1), without dividing by an a that may be 0. Sub-expressions
    that are ``held`` belong to b, whatever they depend on. The membrane potentials of a tree move
    together, by `cable_step.implicit_step`.
    """
    inline = _trees({v.name: v.right for v in _inlined(cell, keep_held=True)})
    statements = _right_sides(cell)
    tree = cell.lowered if cell.lowered is not None and cell.lowered.cut.couplings else None
    potentials = set()
    if tree is not None:
        potentials = {tree.potential(k) for k in range(len(tree.compartments))}
    slopes: dict[str, ast.expr | None] = {}
    moved = []
    for variable in cell.states:
        linear = linear_in(substitute(_right(variable), inline), variable.name)
        if variable.name in potentials:
            slopes[variable.name] = None if linear is None else linear.slope
            continue
        step = _name("dt")
        if linear is not None and linear.slope is not None:
            product = _binary(linear.slope, ast.Mult(), _name("dt"))
            exprel = ast.Call(func=ast.Name(id="exprel"), args=[product], keywords=[])
            statements.append(
                Assignment(f"step_{variable.name}_", _binary(_name("dt"), ast.Mult(), exprel))
            )
            step = _name(f"step_{variable.name}_")
        moved.append(
            Assignment(variable.name, _moved(variable.name, f"rate_{variable.name}_", step))
        )
    if tree is not None:
        moved += implicit_step(tree, slopes)
    return statements + moved


def _rk4(cell: Cell) -> list[Assignment]:
    """Classical Runge-Kutta of order 4 (Kutta 1901), inputs held over the step."""
    return [a for stage in (1, 2, 3, 4) for a in _stage(cell, stage)] + [
        Assignment(v.name, _runge_kutta(v)) for v in cell.states
    ]


def _guarded_rk4(cell: Cell) -> list[Assignment]:
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
            op=ast.And(), values=[inlined(cell, cell.threshold), _name("not_refractory")]
        )
    statements = [a for stage in (1, 2, 3, 4) for a in _stage(cell, stage, guard)]
    rates = inlined_rates(cell)
    slopes = {name: _scaled_slope(rate, name) for name, rate in rates.items()}
    sizes = [_call("abs", _name(f"slope_{n}_")) for n, slope in slopes.items() if slope is not None]
    for name, slope in slopes.items():
        if slope is not None:
            statements.append(Assignment(f"slope_{name}_", slope))
    if sizes:
        fastest = reduce(lambda one, other: _call("maximum", one, other), sizes)
        within = ast.Compare(left=fastest, ops=[ast.LtE()], comparators=[number(1.0)])
        statements.append(Assignment("calm_", _call("int", within)))
        statements += _exponential_midpoint(cell, rates, slopes, guard)
    before, after = _held_at_threshold(cell)
    statements += before
    for v in cell.states:
        tree = _runge_kutta(v)
        if sizes:
            tree = _if("calm_", tree, _name(f"end_{v.name}_"))
        statements.append(Assignment(v.name, tree))
    return statements + after


def _scaled_slope(rate: ast.expr, name: str) -> ast.expr | None:
    """a·dt of the slope a of a rate by its own variable, at most 1 where it is not linear in it."""
    linear = linear_in(rate, name)
    slope = slope_of(rate, name) if linear is None else linear.slope
    if slope is None:
        return None
    scaled = _binary(slope, ast.Mult(), _name("dt"))
    # One that grows is an upstroke, which rk4 follows to the threshold.
    return scaled if linear is not None else _call("minimum", scaled, number(1.0))


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
    half = _binary(number(0.5), ast.Mult(), _name("dt"))
    trial = {v.name: f"half_{v.name}_" for v in cell.states}
    for v in cell.states:
        step = half
        if slopes[v.name] is not None:
            scaled = _binary(number(0.5), ast.Mult(), _name(f"slope_{v.name}_"))
            step = _binary(half, ast.Mult(), _call("exprel", scaled))
        statements.append(Assignment(trial[v.name], _moved(v.name, f"k1_{v.name}_", step)))
    middle = trial
    if guard is not None:
        statements.append(Assignment("beyond_", _call("int", rename(guard, trial))))
        middle = {v.name: f"middle_{v.name}_" for v in cell.states}
        for v in cell.states:
            tree = _if("beyond_", _name(v.name), _name(trial[v.name]))
            statements.append(Assignment(middle[v.name], tree))
    for v in cell.states:
        others = {name: other for name, other in middle.items() if name != v.name}
        rate = _while_active(v, rename(rates[v.name], others))
        slope, step = slopes[v.name], _name("dt")
        if slope is not None:
            step = _binary(_name("dt"), ast.Mult(), _call("exprel", rename(slope, others)))
        statements.append(Assignment(f"rate_{v.name}_", rate))
        statements.append(Assignment(f"end_{v.name}_", _moved(v.name, f"rate_{v.name}_", step)))
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
        after.append(Assignment("crossed_", _call("int", inlined(cell, cell.threshold))))
    for k, (name, level, up) in enumerate(held):
        mark = str(k) if k else ""
        under, at = f"under{mark}_", f"level{mark}_"
        away = _binary(
            number(_BEYOND), ast.Mult(), _call("maximum", _call("abs", _name(at)), number(1.0))
        )
        behind = _binary(_name(at), ast.Add() if up else ast.Sub(), away)
        nearest = _call("minimum" if up else "maximum", _name(name), behind)
        # Not one that refractoriness keeps there, nor one that was beyond when the step began.
        order = ast.LtE() if up else ast.GtE()
        begun = ast.Compare(left=_name(name), ops=[order], comparators=[level])
        inside = ast.BoolOp(op=ast.And(), values=[begun, _name("not_refractory")])
        before.append(Assignment(under, _call("int", inside)))
        put = nearest if whole else _if("crossed_", nearest, _name(name))
        after += [Assignment(at, level), Assignment(name, _if(under, put, _name(name)))]
    return before, after


def _stage(cell: Cell, stage: int, guard: ast.expr | None = None) -> list[Assignment]:
    """The state of a stage of rk4, from the slopes of the one before, and its own slopes ``k2_x_``."""
    changing = [v.name for v in (*cell.states, *cell.subexpressions)]
    # Two underscores, which no name has: a variable k1_v is not the k1 of a state v_1.
    local = {name: f"{name}__{stage}_" for name in changing}
    half = _binary(number(0.5), ast.Mult(), _name("dt"))
    step = {2: half, 3: half, 4: _name("dt")}.get(stage)
    statements: list[Assignment] = []
    if step is None or guard is None:
        for v in cell.states:
            tree = (
                _name(v.name) if step is None else _moved(v.name, f"k{stage - 1}_{v.name}_", step)
            )
            statements.append(Assignment(local[v.name], tree))
    else:
        trial = {v.name: f"trial{stage}_{v.name}_" for v in cell.states}
        for v in cell.states:
            tree = _moved(v.name, f"k{stage - 1}_{v.name}_", step)
            statements.append(Assignment(trial[v.name], tree))
        beyond = f"beyond{stage}_"
        statements.append(Assignment(beyond, _call("int", rename(guard, trial))))
        for v in cell.states:
            tree = _if(beyond, _name(f"{v.name}__{stage - 1}_"), _name(trial[v.name]))
            statements.append(Assignment(local[v.name], tree))
    for v in cell.subexpressions:
        statements.append(Assignment(local[v.name], rename(_right(v), local)))
    for v in cell.states:
        tree = _while_active(v, rename(_right(v), local))
        statements.append(Assignment(f"k{stage}_{v.name}_", tree))
    return statements


def _runge_kutta(v: Variable) -> ast.expr:
    """x + dt/6·(k1 + 2(k2 + k3) + k4)."""
    sixth = _binary(_name("dt"), ast.Div(), number(6.0))
    k1, k2, k3, k4 = (_name(f"k{stage}_{v.name}_") for stage in (1, 2, 3, 4))
    middle = _binary(number(2.0), ast.Mult(), _binary(k2, ast.Add(), k3))
    total = _binary(_binary(k1, ast.Add(), middle), ast.Add(), k4)
    return _binary(_name(v.name), ast.Add(), _binary(sixth, ast.Mult(), total))


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=function), args=list(arguments), keywords=[])


def _if(flag: str, body: ast.expr, orelse: ast.expr) -> ast.expr:
    """One of two by a number that is 1 or 0."""
    test = ast.Compare(left=_name(flag), ops=[ast.Gt()], comparators=[number(0.5)])
    return ast.IfExp(test=test, body=body, orelse=orelse)


@lru_cache(maxsize=256)
def _inlined(cell: Cell, keep_held: bool = False) -> tuple[Variable, ...]:
    """The sub-expressions with all others substituted: functions of states, parameters, inputs.

    With *keep_held* those that are held stay as names.
    """
    done: dict[str, ast.expr] = {}
    size: dict[str, int] = {}
    result = []
    for variable in cell.subexpressions:
        right = _right(variable)
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
    return _trees({v.name: v.right for v in _inlined(cell)})


def inlined_rates(cell: Cell) -> dict[str, ast.expr]:
    """dx/dt of every state as a function of states, parameters and inputs alone."""
    inline = _inlined_trees(cell)
    return {v.name: substitute(_right(v), inline) for v in cell.states}


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
    drives = np.zeros((len(order), len(order)))
    for name, tree in rates.items():
        for other in names(tree) & order.keys():
            drives[order[other], order[name]] = 1.0
    # Importing scipy's graphs takes a while, and few commands come here.
    from scipy.sparse.csgraph import connected_components

    _, circle = connected_components(drives, directed=True, connection="strong")
    for name, tree in rates.items():
        own = {other for other, k in order.items() if circle[k] == circle[order[name]]}
        for other in own & names(tree):
            linear = linear_in(tree, other)
            if linear is None or (linear.slope is not None and names(linear.slope) & own):
                return True
    return False


def inlined(cell: Cell, tree: ast.expr) -> ast.expr:
    """A tree with the cell's sub-expressions substituted."""
    return substitute(tree, _inlined_trees(cell))


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
                return _name(self._seen[key])
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
