"""Why a convention makes no difference to a model: the reason in words, empty where it may make one.

Every rule gets the realization and the settings of its run. `Convention.why_not` holds one of them, or one of
the simulator's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..core.expressions import names
from ..core.numpy_code import Namespace, compile_expression
from ..core.program import program_of
from ..core.realization import Realization, RealizedPopulation
from ..core.settings import Settings
from ..core.units import TIME, Quantity

WhyNot = Callable[[Realization, Settings], str]


def may_act(r: Realization, settings: Settings) -> str:
    """Of what nothing is known."""
    return ""


def no_threshold(r: Realization, settings: Settings) -> str:
    """Of what happens to spikes of cells."""
    spiking = any(p.cell.threshold is not None for p in r.populations.values())
    return "" if spiking else "no cell has a threshold"


def none_begins_above(r: Realization, settings: Settings) -> str:
    """Of what happens at t = 0."""
    for population in r.populations.values():
        if population.cell.threshold is not None and not population.cell.on_crossing:
            values: Namespace = {**population.parameters, **population.initial}
            values |= {given.variable: given.at(0) for given in population.inputs}
            if np.any(_condition(population, values)):
                return ""
    return "no cell begins above its threshold"


def _condition(population: RealizedPopulation, values: Namespace) -> np.ndarray:
    """The threshold condition of every cell on given values; true where it cannot be told."""
    program = program_of(population.cell, "euler")
    assert program.threshold is not None
    scope: Namespace = {**values, "dt": 1.0, "not_refractory": True}
    try:
        for constant in program.constants:
            scope[constant.target] = compile_expression(constant.expression)(scope)
        return np.asarray(compile_expression(program.threshold)(scope), dtype=bool)
    except (KeyError, NameError):
        return np.array([True])


def no_arrival_meets_the_test(r: Realization, settings: Settings) -> str:
    """Of whether arrivals act before or after threshold and reset."""
    for edges in r.edges:
        cell = r.populations[edges.target].cell
        program = program_of(cell, "euler")
        read = names(program.threshold) if program.threshold is not None else set()
        touched = read | {a.target for a in program.reset}
        for increment in program.increments[edges.receptor]:
            if increment.target in touched or names(increment.coefficient) & _states(
                r, edges.target
            ):
                return ""
    return "no arrival changes what threshold or reset read or write"


def _states(r: Realization, population: str) -> set[str]:
    return {v.name for v in r.populations[population].cell.states}


def no_arrival_depends_on_state(r: Realization, settings: Settings) -> str:
    """Of the order of arrivals at one instant."""
    for edges in r.edges:
        program = program_of(r.populations[edges.target].cell, "euler")
        for increment in program.increments[edges.receptor]:
            if names(increment.coefficient) & _states(r, edges.target):
                return ""
    return "what an arrival does depends on no state"


def no_given_spikes(r: Realization, settings: Settings) -> str:
    """Of when given spikes act."""
    given = any(s.steps.size and r.edges_from(s.name) for s in r.sources.values())
    return "" if given else "there are no given spikes"


def no_given_spike_off_grid(r: Realization, settings: Settings) -> str:
    """Of how given spikes are brought to steps."""
    for source in r.sources.values():
        if off_grid(source.times, r.dt_ms).any():
            return ""
    return "every given spike lies on the grid"


def no_delay_off_grid(r: Realization, settings: Settings) -> str:
    """Of how delays are brought to steps."""
    if any(off_grid(delays, r.dt_ms).any() for delays in _delays(r)):
        return ""
    return "every delay is a whole number of steps"


def no_delay_in_the_middle(r: Realization, settings: Settings) -> str:
    """The same where each is rounded by itself to the nearest step, so that only ties are another's."""
    if any(_ties(delays, r.dt_ms).any() for delays in _delays(r)):
        return ""
    return "no delay lies in the middle between two steps"


def _delays(r: Realization) -> Iterator[np.ndarray]:
    for edges in r.edges:
        yield np.atleast_1d(np.asarray(edges.delay_ms, dtype=float))


def nothing_refractory(r: Realization, settings: Settings) -> str:
    """Of how long refractoriness lasts."""
    refractory = any(p.has_refractoriness for p in r.populations.values())
    return "" if refractory else "nothing is refractory"


def no_arrival_is_lost(r: Realization, settings: Settings) -> str:
    """Of arrivals at the ends of refractoriness."""
    for edges in r.edges:
        population = r.populations[edges.target]
        if population.has_refractoriness and any(
            i.unless_refractory
            for port in population.cell.receptors
            if port.name == edges.receptor
            for i in port.increments
        ):
            return ""
    return "no arrival is lost in refractoriness"


def no_refractory_time_off_grid(r: Realization, settings: Settings) -> str:
    """Of how refractory times are brought to steps."""
    if any(off_grid(p, r.dt_ms).any() for p in _refractory_times(r)):
        return ""
    return nothing_refractory(r, settings) or "refractory times are whole numbers of steps"


def _refractory_times(r: Realization) -> Iterator[np.ndarray]:
    for population in r.populations.values():
        described = population.cell.refractory
        if described is None or not population.has_refractoriness:
            continue
        given = population.parameters.get(described)
        time = Quantity.parse(described).to(TIME, population.name) if given is None else given
        yield np.atleast_1d(np.asarray(time, dtype=float))


def no_input_changes(r: Realization, settings: Settings) -> str:
    """Of when inputs act."""
    changing = any(np.ptp(i.frames) > 0 for p in r.populations.values() for i in p.inputs)
    return "" if changing else "no input changes with time"


def nothing_recorded(r: Realization, settings: Settings) -> str:
    """Of samples."""
    return "" if any(True for _ in r.recorded()) else "no trace is recorded"


def no_tree(r: Realization, settings: Settings) -> str:
    """Of what compartments are."""
    for population in r.populations.values():
        lowered = population.cell.lowered
        if lowered is not None and len(lowered.compartments) > 1:
            return ""
    return "no cell has a tree"


def off_grid(times: np.ndarray, dt_ms: float) -> np.ndarray:
    """Which times are no multiple of dt, but for round-off."""
    ratio = np.asarray(times, dtype=float) / dt_ms
    return np.asarray(np.abs(ratio - np.round(ratio)) > 1e-6)


def _ties(times: np.ndarray, dt_ms: float) -> np.ndarray:
    ratio = np.asarray(times, dtype=float) / dt_ms
    return np.asarray(np.abs(ratio - np.floor(ratio) - 0.5) < 1e-6)
