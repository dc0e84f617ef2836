"""Numbers of a model that may be wrong by a factor or an offset: parameters, weights, inputs, initial values.

A `Scalar` says how the model looks with the number changed; `fitting` finds the change that the recordings
ask for. Those of all populations alike come first, then those of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...core.cell import input_variable
from ...core.experiment import Experiment
from ...core.realization import Edges, Realization, RealizedPopulation
from ...core.units import internal_unit
from .causes import Cause

Kind = Literal["factor", "offset"]


@dataclass(frozen=True, eq=False)
class Scalar:
    """One number, or several that are wrong together.

    ``changed`` gives the model with the number times *x* (``factor``) or plus *x* (``offset``, whose
    natural size is ``size``). ``cause`` is what it is if the number is wrong, ``cause_of_zero`` if it is 0.
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


def scalars(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    """All numbers that act directly on some populations."""
    yield from _weights(model, populations)
    yield from _parameters(model, populations)
    yield from _inputs(model, populations)
    yield from _initial(model, populations)


def with_populations(
    model: Realization,
    names: Sequence[str],
    change: Callable[[RealizedPopulation], RealizedPopulation],
) -> Realization:
    """A model with some populations changed."""
    new = {n: change(p) if n in names else p for n, p in model.populations.items()}
    return replace(model, populations=new)


def with_edges(
    model: Realization, chosen: Callable[[Edges], bool], change: Callable[[Edges], Edges]
) -> Realization:
    """A model with some projections changed."""
    return replace(model, edges=tuple(change(e) if chosen(e) else e for e in model.edges))


def _inhibits(edges: Edges) -> bool:
    return bool(np.mean(edges.weight) < 0) or edges.receptor.startswith("inh")


def projections_into(
    model: Realization, populations: Sequence[str]
) -> Iterator[tuple[str, Callable[[Edges], bool], int]]:
    """Groups of projections that may share a mistake: how they are called, which they are, how many.

    All, those of a receptor, those from spike sources, those into or from one population, and each alone.
    """
    into = [e for e in model.edges if len(e) and e.target in populations]
    groups: dict[str, Callable[[Edges], bool]] = {"all projections": lambda e: True}
    for receptor in dict.fromkeys(e.receptor for e in into):
        groups[f"projections to {receptor}"] = lambda e, r=receptor: e.receptor == r
    groups["inhibitory projections"] = _inhibits
    groups["excitatory projections"] = lambda e: not _inhibits(e)
    groups["projections of spike sources"] = lambda e: e.source in model.sources
    groups["projections between cells"] = lambda e: e.source not in model.sources
    for name in dict.fromkeys(e.source for e in into):
        groups[f"projections from {name}"] = lambda e, n=name: e.source == n
    for name in dict.fromkeys(e.target for e in into):
        groups[f"projections into {name}"] = lambda e, n=name: e.target == n
    for one in into:
        groups[one.name] = lambda e, n=one.name: e.name == n
    seen: set[frozenset[str]] = set()
    for name, chosen in groups.items():
        members = frozenset(e.name for e in model.edges if len(e) and chosen(e))
        if members & {e.name for e in into} and members not in seen:
            seen.add(members)
            label = next(iter(members)) if len(members) == 1 else name
            yield label, chosen, len(members)


def _weights(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    for label, chosen, _ in projections_into(model, populations):
        if not any(np.any(e.weight) for e in model.edges if chosen(e)):
            continue

        def changed(
            model: Realization, x: float, chosen: Callable[[Edges], bool] = chosen
        ) -> Realization:
            return with_edges(model, chosen, lambda e: replace(e, weight=e.weight * x))

        yield Scalar(
            "parameter", f"the weight of {label}", changed, prior=0.6, far=True, zero="lost_spikes"
        )


def _scopes(owners: Sequence[str], populations: Sequence[str]) -> list[tuple[str, ...]]:
    """All owners of a number together, then each alone that has parted."""
    local = [(name,) for name in owners if name in populations]
    return ([tuple(owners)] if len(owners) > 1 and local else []) + local


def _label(names: Sequence[str], of: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "every population" if len(of) > 1 else names[0]


def _parameters(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    names = dict.fromkeys(n for p in model.populations.values() for n in p.parameters)
    for name in names:
        owners = [p.name for p in model.populations.values() if name in p.parameters]
        for scope in _scopes(owners, populations):
            yield from _one_parameter(model, name, scope, owners)
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
    found = set()
    for given in experiment.inputs:
        if given.kind == "constant":
            cell = experiment.cells[given.population]
            found |= {
                (given.population, v.name)
                for v in cell.parameters
                if v.name.endswith(f"_{given.name}")
                and v.name == input_variable(v.name[: -len(given.name) - 1], given.name)
            }
    return found


def _one_parameter(
    model: Realization, name: str, scope: Sequence[str], owners: Sequence[str]
) -> Iterator[Scalar]:
    values = [model.populations[p].parameters[name] for p in scope]
    unit = internal_unit(model.populations[scope[0]].cell.variable(name).dimension)
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values])
    same = bool(np.ptp(flat) == 0)
    prior = 0.6 if len(scope) > 1 else 0.55
    place = f"{name} of {_label(scope, owners)}" if len(owners) > 1 else f"{scope[0]}.{name}"

    def scaled(model: Realization, x: float) -> Realization:
        return with_populations(model, scope, lambda p: _set(p, name, p.parameters[name] * x))

    def moved(model: Realization, x: float) -> Realization:
        return with_populations(model, scope, lambda p: _set(p, name, p.parameters[name] + x))

    value = float(flat[0]) if same else None
    if np.any(flat):
        yield Scalar("parameter", place, scaled, prior=prior, value=value, unit=unit)
    if not same or not np.any(flat) or unit == "mV":
        yield Scalar(
            "parameter", place, moved, "offset", prior - 0.05, _natural(unit, flat), value, unit
        )


def _natural(unit: str, values: Any) -> float:
    largest = float(np.max(np.abs(values)))
    return 1.0 if unit == "mV" or not largest else largest


def _set(population: RealizedPopulation, name: str, value: Any) -> RealizedPopulation:
    return replace(population, parameters={**population.parameters, name: value})


def _inputs(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    holders = [n for n, p in model.populations.items() if p.inputs]
    groups: list[tuple[str, tuple[str, ...], str | None]] = []
    if set(holders) & set(populations):
        groups.append(("every input that changes with time", tuple(holders), None))
    for name in holders:
        if name in populations:
            groups += [
                (f"the input {given.input_name}", (name,), given.input_name)
                for given in model.populations[name].inputs
            ]
    if len(groups) == 2:
        del groups[0]
    for label, scope, wanted in groups:

        def changed(
            model: Realization, x: float, scope: Any = scope, wanted: Any = wanted
        ) -> Realization:
            def one(p: RealizedPopulation) -> RealizedPopulation:
                return replace(
                    p,
                    inputs=tuple(
                        replace(i, gain=i.gain * x) if wanted in (None, i.input_name) else i
                        for i in p.inputs
                    ),
                )

            return with_populations(model, scope, one)

        yield Scalar("parameter", label, changed, prior=0.55)


def _initial(model: Realization, populations: Sequence[str]) -> Iterator[Scalar]:
    names = dict.fromkeys(n for p in model.populations.values() for n in p.initial)
    for name in names:
        owners = [n for n, p in model.populations.items() if name in p.initial]
        for scope in _scopes(owners, populations):
            values = np.concatenate([model.populations[p].initial[name] for p in scope])

            def scaled(
                model: Realization, x: float, scope: Any = scope, name: str = name
            ) -> Realization:
                return with_populations(model, scope, lambda p: _begin(p, name, p.initial[name] * x))

            def moved(
                model: Realization, x: float, scope: Any = scope, name: str = name
            ) -> Realization:
                return with_populations(model, scope, lambda p: _begin(p, name, p.initial[name] + x))

            place = f"the initial {name} of {_label(scope, owners)}"
            if np.any(values):
                yield Scalar(
                    "initial_value", place, scaled, prior=0.5, zero="initial_value"
                )
            else:
                yield Scalar("initial_value", place, moved, "offset", 0.45, zero="initial_value")


def _begin(population: RealizedPopulation, name: str, value: Any) -> RealizedPopulation:
    return replace(population, initial={**population.initial, name: np.asarray(value)})
