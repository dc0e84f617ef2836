"""Mistakes that are no number: the scheme, digits, steps of delays and refractoriness, the timing of inputs.

Each is a hypothesis about the suspicious side, tested by making the healthy side do the same. Those about
spike sources and connections are in `mistakes_wiring`, those about cells in `mistakes_cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....core.clock import to_steps
from ....core.program import METHODS
from ....core.realization import Edges, HeldInput, Realization, RealizedPopulation
from ....core.settings import Settings
from ....core.units import TIME, Quantity
from .changes import (
    Chosen,
    in_steps,
    label_of,
    narrower,
    of_model,
    projections_into,
    scopes,
    whole_steps,
    with_edges,
    with_inputs,
    with_populations,
)
from .hypothesis import Hypothesis, with_settings
from .mistakes_cells import cell_mistakes
from .mistakes_wiring import wiring_mistakes
from .replay import Parting

Rule = Callable[[Any], Any]
_ROUNDINGS: tuple[tuple[str, Rule], ...] = (("down", np.floor), ("up", np.ceil))
_BY = (1, -1, 2, -2)


def mistakes(model: Realization, settings: Settings, at: Parting) -> Iterator[Hypothesis]:
    """All mistakes that can act on the populations that part first, the likeliest first."""
    yield from sorted(_all(model, settings, at), key=lambda h: -h.prior)


def _all(model: Realization, settings: Settings, at: Parting) -> Iterator[Hypothesis]:
    yield from _schemes(settings)
    yield from _delays(model, at.populations)
    yield from _refractoriness(model, at.populations)
    yield from inputs_by(model, at.populations)
    yield from wiring_mistakes(model, at)
    yield from cell_mistakes(model, at.populations)


def _by_method(settings: Settings, method: str) -> Settings:
    return replace(settings, method=method)


def _schemes(settings: Settings) -> Iterator[Hypothesis]:
    if settings.mode != "lockstep":
        return
    for method in METHODS:
        if method != settings.scheme:
            words = f"integrates with {method}"
            yield Hypothesis(
                "integrator",
                words,
                words,
                "b",
                with_settings(partial(_by_method, method=method)),
                0.7,
                place="method",
                imitates=True,
            )


# Delays.


def delays_by(
    model: Realization, populations: Sequence[str], steps: Sequence[int] = _BY
) -> Iterator[Hypothesis]:
    """Arrivals some steps late or early, of all projections into some populations or of a part of them."""
    for rank, (label, chosen, members) in enumerate(projections_into(model, populations)):
        longest = max(e.max_delay_steps for e in members)
        for by in steps:
            if longest + by < 1:
                continue
            late = f"{in_steps(by)} {'late' if by > 0 else 'early'}"
            yield of_model(
                "delivery_order",
                f"delivers the spikes of {label} {late}",
                partial(_delayed, chosen=chosen, by=by),
                narrower(0.7 - 0.1 * abs(by), rank),
                label,
            )


def _delays(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    yield from delays_by(model, populations)
    for rank, (label, chosen, members) in enumerate(projections_into(model, populations)):
        ratios = [np.asarray(e.delay_ms) / model.dt_ms for e in members]
        if any(np.any(np.abs(r - np.round(r)) > 1e-6) for r in ratios):
            for name, rule in _ROUNDINGS:
                yield of_model(
                    "rounding",
                    f"rounds the delays of {label} {name}",
                    partial(_rounded_delays, chosen=chosen, rule=rule),
                    narrower(0.65, rank),
                    label,
                )
        if any(np.ptp(e.delay_steps) for e in members):
            yield of_model(
                "parameter",
                f"gives {label} one delay, their mean",
                partial(_mean_delay, chosen=chosen),
                narrower(0.5, rank),
                label,
            )


def _delayed(model: Realization, chosen: Chosen, by: int) -> Realization:
    def one(edges: Edges) -> Edges:
        steps = np.maximum(np.asarray(edges.delay_steps) + by, 1)
        return replace(edges, delay_steps=whole_steps(steps))

    return with_edges(model, chosen, one)


def _rounded_delays(model: Realization, chosen: Chosen, rule: Rule) -> Realization:
    def one(edges: Edges) -> Edges:
        steps = rule(np.round(np.asarray(edges.delay_ms) / model.dt_ms, 9))
        return replace(edges, delay_steps=whole_steps(np.maximum(steps, 1)))

    return with_edges(model, chosen, one)


def _mean_delay(model: Realization, chosen: Chosen) -> Realization:
    def one(edges: Edges) -> Edges:
        if not len(edges):
            return edges
        return replace(
            edges, delay_steps=int(to_steps(float(np.mean(edges.delay_ms)), model.dt_ms))
        )

    return with_edges(model, chosen, one)


# Refractoriness.


def refractoriness_by(
    model: Realization, populations: Sequence[str], steps: Sequence[int] = _BY
) -> Iterator[Hypothesis]:
    """Refractoriness some steps longer or shorter, of all populations or of one that has parted."""
    owners = [n for n, p in model.populations.items() if p.has_refractoriness]
    for scope in scopes(owners, populations):
        label = label_of(scope)
        longest = max(int(np.max(model.populations[n].refractory_steps)) for n in scope)
        for by in steps:
            if longest + by < 0:
                continue
            words = f"keeps {label} refractory for {in_steps(by)} {'more' if by > 0 else 'less'}"
            change = partial(_refractory_by, scope=scope, by=by)
            yield of_model("refractory_count", words, change, 0.7 - 0.1 * abs(by), label)


def _refractoriness(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    yield from refractoriness_by(model, populations)
    owners = [n for n, p in model.populations.items() if p.has_refractoriness]
    for scope in scopes(owners, populations):
        label = label_of(scope)
        yield of_model(
            "refractory_count",
            f"has no refractoriness in {label}",
            partial(_not_refractory, scope=scope),
            0.6,
            label,
        )
        for name, rule in _ROUNDINGS:
            new = {n: _rounded_period(model, n, rule) for n in scope}
            if any(not np.array_equal(new[n], model.populations[n].refractory_steps) for n in new):
                yield of_model(
                    "rounding",
                    f"rounds the refractory time of {label} {name}",
                    partial(_refractory_of, new=new),
                    0.65,
                    label,
                )


def _refractory_by(model: Realization, scope: Sequence[str], by: int) -> Realization:
    def one(population: RealizedPopulation) -> RealizedPopulation:
        steps = np.maximum(np.asarray(population.refractory_steps) + by, 0)
        return replace(population, refractory_steps=whole_steps(steps))

    return with_populations(model, scope, one)


def _not_refractory(model: Realization, scope: Sequence[str]) -> Realization:
    return with_populations(
        model, scope, lambda p: replace(p, refractory_steps=p.refractory_steps * 0)
    )


def _refractory_of(model: Realization, new: dict[str, Any]) -> Realization:
    return with_populations(model, list(new), lambda p: replace(p, refractory_steps=new[p.name]))


def _rounded_period(model: Realization, name: str, rule: Rule) -> Any:
    """The refractory steps of a population if its time is rounded by another rule."""
    population = model.populations[name]
    said = population.cell.refractory
    if said is None:
        return population.refractory_steps
    if said in population.parameters:
        period = population.parameters[said]
    else:
        period = Quantity.parse(said, name).to(TIME, name)
    return whole_steps(rule(np.round(np.asarray(period) / model.dt_ms, 9)))


# Inputs.


def inputs_by(
    model: Realization, populations: Sequence[str], steps: Sequence[int] = _BY
) -> Iterator[Hypothesis]:
    """Inputs some steps late or early, of all populations or of one that has parted."""
    holders = [n for n, p in model.populations.items() if p.inputs]
    for scope in scopes(holders, populations):
        of = "" if len(scope) == len(holders) else f" of {scope[0]}"
        for by in steps:
            words = f"changes the inputs{of} {in_steps(by)} {'late' if by > 0 else 'early'}"
            change = partial(_inputs_by, scope=scope, by=by)
            yield of_model("input_onset", words, change, 0.75 - 0.1 * abs(by))


def _inputs_by(model: Realization, scope: Sequence[str], by: int) -> Realization:
    def one(given: HeldInput) -> HeldInput:
        steps = np.arange(given.frames.size) - by
        return replace(given, frames=given.frames[np.clip(steps, 0, steps.size - 1)])

    return with_inputs(model, scope, one)
