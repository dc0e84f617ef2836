"""Why a state may have left the finite numbers, and what to do: only what is true of these equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.numpy_code import compile_expression, compile_statements
from ..core.program import program_of
from ..core.realization import Realization, RealizedPopulation
from ..core.singular import EXPREL, numbers_of, singularities
from ..core.values import Floats

NEUTRAL = "look at its equation, and compare with -b oracle"
_MOST_STATES = 300
"""Of a cell whose fastest rate is looked for: the matrix of its slopes grows with the square."""
_AT = 1e-9
"""How near a state has to be to a point, relative to it, to stand there."""


def advice(
    realization: Realization,
    population: RealizedPopulation | None,
    index: int,
    value: float,
    before: Mapping[str, float] | None = None,
) -> str:
    """What to do about a cell with a state that is not finite.

    *before* holds states of the cell, by name, at the last instant at which all were finite; what is not
    known is left out. ``population`` is None where the state is of no cell.
    """
    if population is None:
        return NEUTRAL
    with np.errstate(all="ignore"):
        if np.isnan(value):
            start = {n: float(v[index]) for n, v in population.initial.items()}
            points = list(singularities(population, index))
            for known, when in ((before or {}, "stood"), (start, "began")):
                for point in points:
                    if abs(known.get(point.state, np.nan) - point.at) <= _AT * max(
                        1.0, abs(point.at)
                    ):
                        return f"{point}, where it {when}; {EXPREL}"
            if points:
                return f"{points[0]}; {EXPREL}, or, if that is not where it came from, {NEUTRAL}"
        rate = fastest_rate(population, index, realization.dt_ms)
        if rate * realization.dt_ms > 2.0:
            return (
                f"its equations have rates of {rate:.3g}/ms at the start, for which explicit methods are "
                f"unstable from steps of {2 / rate:.2g} ms on: with one of those try a smaller dt, "
                f"else {NEUTRAL}"
            )
    return NEUTRAL


def fastest_rate(population: RealizedPopulation, index: int, dt_ms: float) -> float:
    """The largest rate [1/ms] at which a cell's equations, linearised at the start, decay; 0 if unknown."""
    cell = population.cell
    states = [v.name for v in cell.states]
    n = len(states)
    if not 0 < n <= _MOST_STATES:
        return 0.0
    program = program_of(cell, "euler")
    rates = [f"rate_{name}_" for name in states]
    run = compile_statements([a for a in program.update if a.target not in states], rates)
    start = np.array([float(population.initial[name][index]) for name in states])
    step = 1e-6 * np.maximum(1.0, np.abs(start))
    moved = start[:, None] + np.concatenate([np.diag(step), np.diag(-step)], axis=1)
    ns: dict[str, Any] = {**numbers_of(population, index), "dt": dt_ms}
    for constant in program.constants:
        ns[constant.target] = compile_expression(constant.expression)(ns)
    ns |= {g.variable: float(g.at(0)[index]) for g in population.inputs}
    ns |= dict(zip(states, moved, strict=True))
    ns["not_refractory"] = np.ones(2 * n, dtype=bool)
    run(ns)
    rates_there: Floats = np.array([np.broadcast_to(ns[name], 2 * n) for name in rates])
    slopes = (rates_there[:, :n] - rates_there[:, n:]) / (2 * step)
    if not np.isfinite(slopes).all():
        return 0.0
    return float(max(0.0, -np.linalg.eigvals(slopes).real.min()))
