"""The initial values of a population's cells, and that a membrane can start with them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

import numpy as np

from .cell import Cell, bind_units
from .drawn import stream
from .errors import InputError
from .expressions import names, parse
from .inlining import inlined
from .lowering import Lowered
from .markov import steady_state
from .numpy_code import evaluate
from .populations import Population
from .singular import EXPREL, zero_by_zero
from .units import Quantity
from .values import Floats, Value, draw_value


def initial_values(
    population: Population, cell: Cell, parameters: Mapping[str, float | Floats], seed: int
) -> dict[str, Floats]:
    """Initial values of all states, shape (size,).

    Expressions may use parameters, sub-expressions and other states. A Markov scheme of which nothing is
    given starts at its steady state.
    """
    name, size = population.name, population.size
    given: dict[str, Value | str] = {**population.model.initial, **population.initial}
    values: dict[str, float | Floats] = dict(parameters)
    expressions: dict[str, ast.expr] = {}
    schemes = [] if cell.lowered is None else list(cell.lowered.schemes)
    schemes = [s for s in schemes if not given.keys() & set(s.states)]
    steady = {state for scheme in schemes for state in scheme.states}
    declared = {v.name for v in cell.variables}
    for variable in cell.states:
        state = variable.name
        value = given.get(state, Quantity(0.0))
        if isinstance(value, str):
            place = f"{name}.initial.{state}"
            expressions[state] = inlined(cell, bind_units(parse(value, place), declared))
        elif state in given:
            rng = stream(seed, "population", name, "initial", state)
            place = f"{name}.initial.{state}"
            values[state] = draw_value(value, rng, size, variable.dimension, place)
        elif state not in steady:
            values[state] = 0.0
    place = f"{name}.initial"
    while expressions or schemes:
        waiting = expressions.keys() | {s for scheme in schemes for s in scheme.states}
        ready = [state for state, tree in expressions.items() if not names(tree) & waiting]
        for state in ready:
            values[state] = _at_start(expressions.pop(state), values, f"{place}.{state}")
        settled = False
        for scheme in list(schemes):
            rates = [(a, b, inlined(cell, ast.Name(id=r))) for a, b, r in scheme.arrows]
            if not any(names(tree) & waiting for _, _, tree in rates):
                _check_rates(cell, [r for _, _, r in scheme.arrows], values, name)
                numbers = {(a, b): _at_start(tree, values, place) for a, b, tree in rates}
                values.update(steady_state(scheme.states, numbers, size, name))
                schemes.remove(scheme)
                settled = True
        if not ready and not settled:
            raise InputError(
                f"{name}.initial", f"{', '.join(sorted(waiting))} need each other's values"
            )
    if cell.lowered is not None:
        _check_kinetics(cell, cell.lowered, values, name)
    return {
        v.name: np.array(np.broadcast_to(np.asarray(values[v.name], dtype=np.float64), size))
        for v in cell.states
    }


def _at_start(tree: ast.expr, values: Mapping[str, float | Floats], where: str) -> float | Floats:
    """The value of a tree at t = 0; InputError unless it is finite."""
    try:
        with np.errstate(all="ignore"):
            value: float | Floats = evaluate(tree, values)
    except InputError as error:
        raise InputError(where, error.problem) from None
    if not np.isfinite(value).all():
        wrong = np.ravel(value)[~np.isfinite(np.ravel(value))][0]
        quotient = zero_by_zero(tree, values)
        why = "a state has to start at a number"
        if quotient is not None:
            why = f"{quotient} is 0/0 there; {EXPREL}"
        raise InputError(where, f"comes to {wrong:g} at t = 0; {why}")
    return value


def _check_kinetics(
    cell: Cell, lowered: Lowered, values: Mapping[str, float | Floats], name: str
) -> None:
    """InputError for rates and occupancies with which a membrane cannot start."""
    _check_rates(cell, (*lowered.rates, *lowered.time_constants), values, name)
    for scheme in lowered.schemes:
        total: float | Floats = 0.0
        for state in scheme.states:
            if state == scheme.rest:
                continue
            least, most = np.min(values[state]), np.max(values[state])
            if least < -1e-9 or most > 1 + 1e-9:
                worst = least if least < -1e-9 else most
                problem = f"{worst:g} is no occupancy; it has to be in [0, 1]"
                raise InputError(f"{name}.initial.{state}", problem)
            total = total + values[state]
        if np.max(total) > 1 + 1e-9:
            problem = f"the other states add to {np.max(total):g}, which leaves less than 0 for it"
            raise InputError(f"{name}.initial.{scheme.rest}", problem)


def _check_rates(
    cell: Cell, rates: Iterable[str], values: Mapping[str, float | Floats], name: str
) -> None:
    """InputError for a rate that is negative, or a time constant that is not above 0, at t = 0."""
    assert cell.lowered is not None
    times = set(cell.lowered.time_constants)
    for rate in rates:
        place = f"{name}.{cell.lowered.places[rate]}"
        rates_at_start = np.ravel(_at_start(inlined(cell, ast.Name(id=rate)), values, place))
        wrong = (rates_at_start <= 0) if rate in times else (rates_at_start < 0)
        if wrong.any():
            what = "ms at t = 0; a time constant has to be > 0"
            if rate not in times:
                what = "/ms at t = 0; a rate has to be >= 0"
            raise InputError(
                place, f"comes to {rates_at_start[wrong][0]:g} {what}".replace(" /ms", "/ms")
            )
