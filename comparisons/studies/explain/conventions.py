"""The conventions of a backend as hypotheses, and why one cannot act on a given model."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from ....backends.base import Convention
from ....backends.neuron.equations import why_not_cnexp, why_not_together
from ....backends.registry import entries, load_backend
from ....core.expressions import names
from ....core.numpy_code import Namespace, compile_expression
from ....core.program import program_of
from ....core.realization import Realization, RealizedPopulation
from ....core.units import TIME, Quantity
from .causes import cause_of
from .hypothesis import Hypothesis, Side, undo


@dataclass(frozen=True)
class Candidate:
    """A convention of one side that has not been undone there.

    ``cannot`` says why it cannot act on this model, empty if it can. ``doubtful`` marks one that acts only
    where round-off or a coincidence lets it.
    """

    hypothesis: Hypothesis
    convention: Convention
    cannot: str
    doubtful: bool

    @property
    def name(self) -> str:
        """The convention's own name."""
        return self.convention.name


def candidates(side: Side, which: Literal["a", "b"]) -> tuple[Candidate, ...]:
    """The conventions that a side follows and that could be undone, in the backend's order."""
    if not side.runs or side.settings.mode == "lockstep" or side.backend not in entries():
        return ()
    assert side.realization is not None
    found = []
    for convention in load_backend(side.backend).conventions:
        if side.settings.undoes(convention.name):
            continue
        hypothesis = Hypothesis(
            cause_of(convention.name),
            f"{side.label}: {convention.name}",
            convention.does,
            which,
            undo(convention.name),
            prior=0.9,
            place=convention.name,
        )
        cannot = why_it_cannot_act(convention.name, side.backend, side.realization)
        doubtful = (side.backend, convention.name) in _DOUBTFUL or (
            "",
            convention.name,
        ) in _DOUBTFUL
        found.append(Candidate(hypothesis, convention, cannot, doubtful))
    return tuple(found)


def why_it_cannot_act(convention: str, backend: str, realization: Realization) -> str:
    """Why a convention makes no difference to this model; empty if it may.

    An expectation, not a proof: it saves runs, and the proof is that nothing is left with the others undone.
    """
    rule = _RULES.get(convention)
    return rule(realization, backend) if rule is not None else ""


def _thresholds(r: Realization, backend: str) -> str:
    spiking = any(p.cell.threshold is not None for p in r.populations.values())
    return "" if spiking else "no cell has a threshold"


def _initial_instant(r: Realization, backend: str) -> str:
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


def _delivery_order(r: Realization, backend: str) -> str:
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


def _arrival_sum(r: Realization, backend: str) -> str:
    for edges in r.edges:
        program = program_of(r.populations[edges.target].cell, "euler")
        for increment in program.increments[edges.receptor]:
            if names(increment.coefficient) & _states(r, edges.target):
                return ""
    return "what an arrival does depends on no state"


def _sources(r: Realization, backend: str) -> str:
    if not any(s.steps.size and r.edges_from(s.name) for s in r.sources.values()):
        return "there are no given spikes"
    if backend == "neuron":
        return _source_rounding(r, backend)
    return ""


def _source_rounding(r: Realization, backend: str) -> str:
    for source in r.sources.values():
        if _off_grid(source.times, r.dt_ms).any():
            return ""
    return "every given spike lies on the grid"


def _delays(r: Realization, backend: str) -> str:
    """Delays off the grid; where each is rounded by itself to the nearest step, only ties."""
    delays = [np.atleast_1d(np.asarray(edges.delay_ms, dtype=float)) for edges in r.edges]
    if backend in ("brian2", "pymonntorch"):
        if not any(_ties(d, r.dt_ms).any() for d in delays):
            return "no delay lies in the middle between two steps"
    elif not any(_off_grid(d, r.dt_ms).any() for d in delays):
        return "every delay is a whole number of steps"
    return ""


def _refractoriness(r: Realization, backend: str) -> str:
    return (
        "" if any(p.has_refractoriness for p in r.populations.values()) else "nothing is refractory"
    )


def _refractory_arrivals(r: Realization, backend: str) -> str:
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


def _refractory_rounding(r: Realization, backend: str) -> str:
    if any(_off_grid(p, r.dt_ms).any() for p in _refractory_times(r)):
        return ""
    return _refractoriness(r, backend) or "refractory times are whole numbers of steps"


def _refractory_times(r: Realization) -> Iterator[np.ndarray]:
    for population in r.populations.values():
        described = population.cell.refractory
        if described is None or not population.has_refractoriness:
            continue
        given = population.parameters.get(described)
        time = Quantity.parse(described).to(TIME, population.name) if given is None else given
        yield np.atleast_1d(np.asarray(time, dtype=float))


def _aliased_copies(r: Realization, backend: str) -> str:
    for population in r.populations.values():
        copied: set[str] = set()
        for assignment in population.cell.reset:
            if assignment.target in copied and assignment.target in names(assignment.expression):
                return ""
            if isinstance(assignment.expression, ast.Name):
                copied |= {assignment.target, assignment.expression.id}
    return "no reset copies a variable that it changes afterwards"


def _inputs(r: Realization, backend: str) -> str:
    changing = any(np.ptp(i.frames) > 0 for p in r.populations.values() for i in p.inputs)
    return "" if changing else "no input changes with time"


def _recorded(r: Realization, backend: str) -> str:
    return "" if any(True for _ in r.recorded()) else "no trace is recorded"


def _integrator(r: Realization, backend: str) -> str:
    """NEURON's acts on Sections, and on point neurons that cnexp does not solve all states of together."""
    for population in r.populations.values():
        cable = population.cell.lowered is not None
        if cable or why_not_cnexp(population, r.dt_ms) or why_not_together(population.cell):
            return ""
    return "there are no cable cells, and the equations of the others are linear in all states together"


def _trees(r: Realization, backend: str) -> str:
    for population in r.populations.values():
        lowered = population.cell.lowered
        if lowered is not None and len(lowered.compartments) > 1:
            return ""
    return "no cell has a tree"


def _built_in(r: Realization, backend: str) -> str:
    for population in r.experiment.populations:
        for stand_in in getattr(getattr(population, "model", None), "stand_ins", ()):
            if stand_in.simulator == backend:
                return ""
    return "no cell names a mechanism of the simulator's own"


_DOUBTFUL = frozenset(
    {
        ("", "input_hold"),
        ("", "refractory_arrivals"),
        ("", "delay_rounding"),
        ("neuron", "threshold_test"),
        ("neuron", "source_delivery"),
        ("neuron", "refractory_count"),
    }
)
"""(backend or "" for any, convention): several of them are tested by one run."""


def _off_grid(times: np.ndarray, dt_ms: float) -> np.ndarray:
    ratio = np.asarray(times, dtype=float) / dt_ms
    return np.asarray(np.abs(ratio - np.round(ratio)) > 1e-6)


def _ties(times: np.ndarray, dt_ms: float) -> np.ndarray:
    ratio = np.asarray(times, dtype=float) / dt_ms
    return np.asarray(np.abs(ratio - np.floor(ratio) - 0.5) < 1e-6)


_RULES: Mapping[str, Callable[[Realization, str], str]] = MappingProxyType(
    {
        "spike_stamp": _thresholds,
        "threshold_test": _thresholds,
        "initial_instant": _initial_instant,
        "delivery_order": _delivery_order,
        "arrival_sum": _arrival_sum,
        "source_delivery": _sources,
        "source_rounding": _source_rounding,
        "delay_rounding": _delays,
        "refractory_count": _refractoriness,
        "refractory_arrivals": _refractory_arrivals,
        "refractory_rounding": _refractory_rounding,
        "input_hold": _inputs,
        "input_onset": _inputs,
        "recording_phase": _recorded,
        "compartment_shape": _trees,
        "aliased_copies": _aliased_copies,
        "integrator": _integrator,
        "built_in": _built_in,
    }
)
