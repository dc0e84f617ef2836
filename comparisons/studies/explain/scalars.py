"""Numbers of a model that may be wrong by a factor or an offset: parameters, weights, inputs, initial values.

A `Scalar` says how the model looks with the number changed; `fitting` finds the change that the recordings
ask for. Those of all populations alike come first, then those of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from ....core.experiment import Experiment
from ....core.realization import HeldInput, Realization, RealizedPopulation
from ....core.units import internal_unit
from .causes import Cause
from .changes import (
    Chosen,
    ModelChange,
    label_of,
    projections_into,
    scopes,
    with_edges,
    with_inputs,
    with_populations,
)

Kind = Literal["factor", "offset"]


@dataclass(frozen=True, eq=False)
class Scalar:
    """One number, or several that are wrong together.

    ``changed`` gives the model with the number times *x* (``factor``) or plus *x* (``offset``, whose
    natural size is ``size``). ``cause`` is what it is if the number is wrong, ``zero`` if it is 0.
    ``value`` is the number as it should be, where it is one, and ``unit`` its unit. ``far`` marks what acts
    on arrivals under way, so that it has to be replayed from when they were sent.
    """

    cause: Cause
    place: str
    changed: Callable[[Realization, float], Realization]
    kind: Kind = "factor"
    prior: float = 0.5
    size: float = 1.0
    value: float | None = None
    unit: str = ""
    far: bool = False
    zero: Cause = "parameter"

    def by(self, x: float) -> ModelChange:
        """The change of a model by x."""
        return lambda model: self.changed(model, x)


def scalars(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    """All numbers that act directly on some populations."""
    yield from _weights(model, populations)
    yield from _parameters(model, populations)
    yield from _inputs(model, populations)
    yield from _initial(model, populations)


# Weights.


def _weighted(model: Realization, x: float, chosen: Chosen) -> Realization:
    return with_edges(model, chosen, lambda e: replace(e, weight=e.weight * x))


def _weights(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    for label, chosen, members in projections_into(model, populations):
        if any(np.any(e.weight) for e in members):
            yield Scalar(
                "parameter",
                f"the weight of {label}",
                partial(_weighted, chosen=chosen),
                prior=0.6,
                far=True,
                zero="lost_spikes",
            )


# Parameters.


def _set(population: RealizedPopulation, name: str, value: Any) -> RealizedPopulation:
    return replace(population, parameters={**population.parameters, name: value})


def _scaled(model: Realization, x: float, scope: Sequence[str], name: str) -> Realization:
    return with_populations(model, scope, lambda p: _set(p, name, p.parameters[name] * x))


def _moved(model: Realization, x: float, scope: Sequence[str], name: str) -> Realization:
    return with_populations(model, scope, lambda p: _set(p, name, p.parameters[name] + x))


def _parameters(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    names = dict.fromkeys(n for p in model.populations.values() for n in p.parameters)
    for name in names:
        owners = [p.name for p in model.populations.values() if name in p.parameters]
        for scope in scopes(owners, populations):
            yield from _one_parameter(model, name, scope, len(owners) > 1)
    drives = _constant_inputs(model.experiment)
    members = {p for p, _ in drives}
    if len({n for _, n in drives}) > 1 and members & set(populations):

        def changed(model: Realization, x: float) -> Realization:
            def one(p: RealizedPopulation) -> RealizedPopulation:
                new = {n: v * x for n, v in p.parameters.items() if (p.name, n) in drives}
                return replace(p, parameters={**p.parameters, **new})

            return with_populations(model, sorted(members), one)

        yield Scalar("parameter", "every constant input", changed, prior=0.6)


def _constant_inputs(experiment: Experiment) -> set[tuple[str, str]]:
    """(population, parameter) of every constant input."""
    return {
        (name, v.name)
        for name, cell in experiment.cells.items()
        for v in cell.parameters
        if v.owner.kind == "input"
    }


def _one_parameter(
    model: Realization, name: str, scope: Sequence[str], several: bool
) -> Iterator[Scalar]:
    values = [model.populations[p].parameters[name] for p in scope]
    unit = internal_unit(model.populations[scope[0]].cell.variable(name).dimension)
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    same = bool(np.ptp(flat) == 0)
    prior = 0.6 if len(scope) > 1 else 0.55
    place = f"{name} of {label_of(scope)}" if several else f"{scope[0]}.{name}"
    value = float(flat[0]) if same else None
    if np.any(flat):
        scaled = partial(_scaled, scope=scope, name=name)
        yield Scalar("parameter", place, scaled, prior=prior, value=value, unit=unit)
    if not same or not np.any(flat) or unit == "mV":
        yield offsets_of(model, name, scope, several)


def offsets_of(model: Realization, name: str, scope: Sequence[str], several: bool) -> Scalar:
    """A parameter of some populations that may be too large or too small by the same amount in all."""
    values = [model.populations[p].parameters[name] for p in scope]
    unit = internal_unit(model.populations[scope[0]].cell.variable(name).dimension)
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    largest = float(np.max(np.abs(flat)))
    return Scalar(
        "parameter",
        f"{name} of {label_of(scope)}" if several else f"{scope[0]}.{name}",
        partial(_moved, scope=scope, name=name),
        "offset",
        0.55 if len(scope) > 1 else 0.5,
        1.0 if unit == "mV" or not largest else largest,
        float(flat[0]) if np.ptp(flat) == 0 else None,
        unit,
    )


# Inputs that change with time.


def _gained(model: Realization, x: float, scope: Sequence[str], wanted: str) -> Realization:
    def one(given: HeldInput) -> HeldInput:
        return replace(given, gain=given.gain * x) if wanted in ("", given.input_name) else given

    return with_inputs(model, scope, one)


def _inputs(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    holders = [n for n, p in model.populations.items() if p.inputs]
    local = [n for n in holders if n in populations]
    each = [(n, given.input_name) for n in local for given in model.populations[n].inputs]
    if len(each) > 1:
        change = partial(_gained, scope=tuple(holders), wanted="")
        yield Scalar("parameter", "every input that changes with time", change, prior=0.55)
    for name, wanted in each:
        change = partial(_gained, scope=(name,), wanted=wanted)
        yield Scalar("parameter", f"the input {wanted}", change, prior=0.55)


# Initial values.


def _begin(population: RealizedPopulation, name: str, value: Any) -> RealizedPopulation:
    return replace(population, initial={**population.initial, name: np.asarray(value)})


def _initial_scaled(model: Realization, x: float, scope: Sequence[str], name: str) -> Realization:
    return with_populations(model, scope, lambda p: _begin(p, name, p.initial[name] * x))


def _initial_moved(model: Realization, x: float, scope: Sequence[str], name: str) -> Realization:
    return with_populations(model, scope, lambda p: _begin(p, name, p.initial[name] + x))


def _initial(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    names = dict.fromkeys(n for p in model.populations.values() for n in p.initial)
    for name in names:
        owners = [n for n, p in model.populations.items() if name in p.initial]
        for scope in scopes(owners, populations):
            place = f"the initial {name} of {label_of(scope)}"
            if any(np.any(model.populations[p].initial[name]) for p in scope):
                scaled = partial(_initial_scaled, scope=scope, name=name)
                yield Scalar("initial_value", place, scaled, zero="initial_value")
            else:
                moved = partial(_initial_moved, scope=scope, name=name)
                yield Scalar("initial_value", place, moved, "offset", 0.45, zero="initial_value")
