"""Mistakes of a simulator: each a function of a `Realization`, None where it cannot be made.

They are written apart from the hypotheses of `explain` on purpose: a test that shared its code with what
it tests would agree with itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, cast

import numpy as np

from ....core.cell import Cell
from ....core.excitation import inhibits
from ....core.realization import Edges, HeldInput, Realization, RealizedPopulation, RealizedSource
from ....core.realize import realize
from .fault import ChangeModel


def _each_edges(change: Callable[[Realization, Edges], Edges | None]) -> ChangeModel:
    """A change of every projection that it can act on."""

    def act(model: Realization) -> Realization | None:
        new = [(e, change(model, e) if len(e) else None) for e in model.edges]
        if all(changed is None for _, changed in new):
            return None
        return replace(
            model, edges=tuple(old if changed is None else changed for old, changed in new)
        )

    return act


def _one_edges(change: ChangeModel, last: bool = False) -> ChangeModel:
    """The change in the first (or last) projection alone that it can act on."""

    def act(model: Realization) -> Realization | None:
        order = range(len(model.edges))
        for k in reversed(order) if last else order:
            alone = change(replace(model, edges=(model.edges[k],)))
            if alone is not None:
                edges = (*model.edges[:k], *alone.edges, *model.edges[k + 1 :])
                return replace(model, edges=edges)
        return None

    return act


def _each_population(
    change: Callable[[RealizedPopulation], RealizedPopulation | None],
) -> ChangeModel:
    """A change of every population that it can act on."""

    def act(model: Realization) -> Realization | None:
        new = {name: change(p) for name, p in model.populations.items()}
        if all(changed is None for changed in new.values()):
            return None
        populations = {name: new[name] or p for name, p in model.populations.items()}
        return replace(model, populations=populations)

    return act


def _each_source(change: Callable[[RealizedSource], RealizedSource | None]) -> ChangeModel:
    def act(model: Realization) -> Realization | None:
        new = {name: change(s) if s.steps.size else None for name, s in model.sources.items()}
        if all(changed is None for changed in new.values()):
            return None
        return replace(model, sources={n: new[n] or s for n, s in model.sources.items()})

    return act


def _each_input(change: Callable[[HeldInput], HeldInput | None]) -> ChangeModel:
    def one(population: RealizedPopulation) -> RealizedPopulation | None:
        new = [(i, change(i)) for i in population.inputs]
        if all(changed is None for _, changed in new):
            return None
        return replace(population, inputs=tuple(changed or old for old, changed in new))

    return _each_population(one)


# Weights and connections.


def weight_factor(factor: float, which: str = "all") -> ChangeModel:
    """Weights times a factor: of ``all`` projections, the ``first``, or the ``inhibitory`` ones."""

    def change(model: Realization, edges: Edges) -> Edges | None:
        if which == "inhibitory" and not inhibits(model, edges):
            return None
        if not np.any(edges.weight):
            return None
        return replace(edges, weight=edges.weight * factor)

    act = _each_edges(change)
    return _one_edges(act) if which == "first" else act


def dropped_projection(model: Realization) -> Realization | None:
    """The last projection is never built."""
    return _one_edges(_each_edges(lambda _, e: keep_edges(e, np.zeros(len(e), bool))), True)(model)


def keep_edges(edges: Edges, kept: Any) -> Edges:
    """The connections that a mask, or indices, choose."""

    def chosen(value: Any) -> Any:
        return value if np.ndim(value) == 0 else np.asarray(value)[kept]

    return replace(
        edges,
        pre=edges.pre[kept],
        post=edges.post[kept],
        weight=chosen(edges.weight),
        delay_steps=chosen(edges.delay_steps),
        delay_ms=chosen(edges.delay_ms),
    )


def dropped_synapse(model: Realization) -> Realization | None:
    """One synapse is missing: the middle one onto a cell that is recorded, if there is such a cell."""
    recorded: dict[str, set[int]] = {}
    for population, _, cells in model.recorded():
        recorded.setdefault(population, set()).update(cells.tolist())
    for k, edges in enumerate(model.edges):
        onto = np.flatnonzero(np.isin(edges.post, list(recorded.get(edges.target, ()))))
        if onto.size:
            kept = np.ones(len(edges), dtype=bool)
            kept[onto[onto.size // 2]] = False
            new = (*model.edges[:k], keep_edges(edges, kept), *model.edges[k + 1 :])
            return replace(model, edges=new)
    return None


def collapsed_multapses(model: Realization) -> Realization | None:
    """Of several synapses between the same two cells only one is kept."""

    def change(_: Realization, edges: Edges) -> Edges | None:
        pairs = edges.pre.astype(np.int64) * (int(edges.post.max()) + 1) + edges.post
        _, first = np.unique(pairs, return_index=True)
        return None if first.size == len(edges) else keep_edges(edges, np.sort(first))

    return _each_edges(change)(model)


def shifted_targets(model: Realization) -> Realization | None:
    """Targets are counted from 1: every synapse ends one cell too far."""

    def change(model: Realization, edges: Edges) -> Edges | None:
        size = model.populations[edges.target].size
        if size == 1:
            return None
        post = ((edges.post + 1) % size).astype(edges.post.dtype)
        order = np.lexsort((post, edges.pre))
        return keep_edges(replace(edges, post=post), order)

    return _each_edges(change)(model)


def transposed(model: Realization) -> Realization | None:
    """Rows and columns of a weight matrix are exchanged within a population."""

    def change(_: Realization, edges: Edges) -> Edges | None:
        if edges.source != edges.target:
            return None
        order = np.lexsort((edges.pre, edges.post))
        return keep_edges(replace(edges, pre=edges.post, post=edges.pre), order)

    return _each_edges(change)(model)


def mean_weights(model: Realization) -> Realization | None:
    """Every synapse of a projection has the mean weight."""

    def change(_: Realization, edges: Edges) -> Edges | None:
        if np.ptp(edges.weight) == 0:
            return None
        return replace(edges, weight=float(np.mean(edges.weight)))

    return _each_edges(change)(model)


def delays_by(steps: int, from_sources: bool = False) -> ChangeModel:
    """All delays longer by some steps (of what leaves spike sources only); at least one step is left."""

    def change(model: Realization, edges: Edges) -> Edges | None:
        if from_sources and edges.source not in model.sources:
            return None
        new = np.maximum(np.asarray(edges.delay_steps) + steps, 1)
        if np.array_equal(new, edges.delay_steps):
            return None
        plain = int(new) if new.ndim == 0 else new.astype(np.int32)
        return replace(edges, delay_steps=plain, delay_ms=plain * model.dt_ms)

    return _each_edges(change)


def floored_delays(model: Realization) -> Realization | None:
    """Delays are cut to whole steps instead of rounded."""

    def change(model: Realization, edges: Edges) -> Edges | None:
        new = np.maximum(np.floor(np.asarray(edges.delay_ms) / model.dt_ms + 1e-9), 1)
        if np.array_equal(new, edges.delay_steps):
            return None
        return replace(edges, delay_steps=int(new) if new.ndim == 0 else new.astype(np.int32))

    return _each_edges(change)(model)


def mean_delays(model: Realization) -> Realization | None:
    """Every synapse of a projection has the mean delay."""

    def change(model: Realization, edges: Edges) -> Edges | None:
        if np.ptp(edges.delay_steps) == 0:
            return None
        steps = round(float(np.mean(edges.delay_steps)))
        return replace(edges, delay_steps=steps, delay_ms=steps * model.dt_ms)

    return _each_edges(change)(model)


# Cells.


def refractory_by(change_steps: Callable[[Any], Any]) -> ChangeModel:
    """Other numbers of refractory steps than described."""

    def change(population: RealizedPopulation) -> RealizedPopulation | None:
        if not population.has_refractoriness:
            return None
        new = np.maximum(change_steps(np.asarray(population.refractory_steps)), 0)
        return replace(
            population, refractory_steps=int(new) if new.ndim == 0 else new.astype(np.int32)
        )

    return _each_population(change)


def parameter(pattern: str, change_value: Callable[[Any], Any]) -> ChangeModel:
    """A parameter has another value wherever there is one of that name; ``I_*`` are all that begin so."""

    def change(population: RealizedPopulation) -> RealizedPopulation | None:
        names = [n for n in population.parameters if fnmatchcase(n, pattern)]
        new = {n: change_value(population.parameters[n]) for n in names}
        if all(np.array_equal(new[n], population.parameters[n]) for n in names):
            return None
        return replace(population, parameters={**population.parameters, **new})

    return _each_population(change)


def swapped(first: str, second: str) -> ChangeModel:
    """Two parameters have each other's values."""

    def change(population: RealizedPopulation) -> RealizedPopulation | None:
        old = population.parameters
        if first not in old or second not in old or np.array_equal(old[first], old[second]):
            return None
        return replace(population, parameters={**old, first: old[second], second: old[first]})

    return _each_population(change)


def averaged_parameters(model: Realization) -> Realization | None:
    """Parameters that differ from cell to cell have their mean in every cell."""

    def change(population: RealizedPopulation) -> RealizedPopulation | None:
        new = {n: float(np.mean(v)) for n, v in population.parameters.items() if np.ptp(v) > 0}
        return replace(population, parameters={**population.parameters, **new}) if new else None

    return _each_population(change)(model)


def single_precision(model: Realization) -> Realization | None:
    """Parameters, weights and initial values pass through 32-bit floats."""

    def cast_(value: Any) -> Any:
        single = np.asarray(value, dtype=np.float32).astype(np.float64)
        return float(single) if single.ndim == 0 else single

    def change(p: RealizedPopulation) -> RealizedPopulation:
        return replace(
            p,
            parameters={n: cast_(v) for n, v in p.parameters.items()},
            initial={n: cast_(v) for n, v in p.initial.items()},
        )

    new = _each_population(change)(model)
    assert new is not None
    return replace(new, edges=tuple(replace(e, weight=cast_(e.weight)) for e in new.edges))


def initial_of(change_value: Callable[[Any], Any]) -> ChangeModel:
    """Other initial values of the states that are not recorded.

    Where a state is recorded the contract sees at once that it begins elsewhere.
    """

    def act(model: Realization) -> Realization | None:
        seen = {(p, v) for p, v, _ in model.recorded()}

        def change(p: RealizedPopulation) -> RealizedPopulation | None:
            new = {
                n: np.array(change_value(v))
                for n, v in p.initial.items()
                if (p.name, n) not in seen
            }
            if all(np.array_equal(v, p.initial[n]) for n, v in new.items()):
                return None
            return replace(p, initial={**p.initial, **new})

        return _each_population(change)(model)

    return act


def _other_cell(change: Callable[[Cell], Cell | None]) -> ChangeModel:
    def one(population: RealizedPopulation) -> RealizedPopulation | None:
        cell = change(population.cell)
        return None if cell is None else replace(population, cell=cell)

    return _each_population(one)


def _not_strict(cell: Cell) -> Cell | None:
    tree = cell.threshold
    if not isinstance(tree, ast.Compare) or not isinstance(tree.ops[0], ast.Gt):
        return None
    return replace(
        cell, threshold=ast.Compare(left=tree.left, ops=[ast.GtE()], comparators=tree.comparators)
    )


threshold_reached = _other_cell(_not_strict)
"""``>=`` where the model says ``>``."""


def _no_second_reset(cell: Cell) -> Cell | None:
    return replace(cell, reset=cell.reset[:1]) if len(cell.reset) > 1 else None


lost_reset = _other_cell(_no_second_reset)
"""Only the first statement of the reset acts."""


def _arrivals_always(cell: Cell) -> Cell | None:
    ports = tuple(
        replace(
            port, increments=tuple(replace(i, unless_refractory=False) for i in port.increments)
        )
        for port in cell.receptors
    )
    refuses = any(i.unless_refractory for port in cell.receptors for i in port.increments)
    return replace(cell, receptors=ports) if refuses else None


arrivals_while_refractory = _other_cell(_arrivals_always)
"""A refractory cell takes the kicks that it should refuse."""

# Inputs and sources.


def input_by(steps: int) -> ChangeModel:
    """Every input that changes with time comes some steps late."""

    def change(given: HeldInput) -> HeldInput | None:
        at = np.clip(np.arange(given.frames.size) - steps, 0, given.frames.size - 1)
        frames = given.frames[at]
        return None if np.array_equal(frames, given.frames) else replace(given, frames=frames)

    return _each_input(change)


def input_gain(factor: float) -> ChangeModel:
    """Every input that changes with time is scaled."""
    return _each_input(lambda given: replace(given, gain=given.gain * factor))


def shared_input(model: Realization) -> Realization | None:
    """All cells of a population get the noise of the first."""

    def change(given: HeldInput) -> HeldInput | None:
        if np.ptp(given.columns) == 0:
            return None
        return replace(given, columns=np.full_like(given.columns, given.columns[0]))

    return _each_input(change)(model)


def merged_source(model: Realization) -> Realization | None:
    """A source emits at most one spike a step."""

    def change(source: RealizedSource) -> RealizedSource | None:
        key = source.steps.astype(np.int64) * source.size + source.cells
        _, first = np.unique(key, return_index=True)
        return None if first.size == key.size else _keep_spikes(source, np.sort(first))

    return _each_source(change)(model)


def _keep_spikes(source: RealizedSource, kept: Any) -> RealizedSource:
    return replace(
        source, steps=source.steps[kept], cells=source.cells[kept], times=source.times[kept]
    )


def saturated_source(steps: int) -> ChangeModel:
    """A source cannot spike again within some steps: its rate saturates."""

    def change(source: RealizedSource) -> RealizedSource | None:
        last = np.full(source.size, -steps - 1)
        kept = np.zeros(source.steps.size, dtype=bool)
        for k, (step, cell) in enumerate(zip(source.steps, source.cells, strict=True)):
            if step - last[cell] >= steps:
                kept[k], last[cell] = True, step
        return None if kept.all() else _keep_spikes(source, kept)

    return _each_source(change)


def shared_source(model: Realization) -> Realization | None:
    """All cells of a source emit the train of its first cell."""

    def change(source: RealizedSource) -> RealizedSource | None:
        if source.size == 1 or 0 not in source.cells:
            return None
        mine = source.cells == 0
        n = int(mine.sum())
        cells = np.tile(np.arange(source.size, dtype=np.int32), n)
        return replace(
            source,
            cells=cells,
            steps=np.repeat(source.steps[mine], source.size),
            times=np.repeat(source.times[mine], source.size),
        )

    return _each_source(change)(model)


def source_until(share: float) -> ChangeModel:
    """Sources fall silent after a share of the run."""

    def change_all(model: Realization) -> Realization | None:
        end = int(share * model.n_steps)

        def change(source: RealizedSource) -> RealizedSource | None:
            kept = source.steps <= end
            return None if kept.all() else _keep_spikes(source, kept)

        return _each_source(change)(model)

    return change_all


def other_seed(model: Realization) -> Realization | None:
    """The spike sources are drawn with another seed."""
    if not model.sources:
        return None
    other = realize(model.experiment.with_(seed=model.experiment.seed + 1))
    return replace(model, sources=cast("dict[str, RealizedSource]", dict(other.sources)))


# What is no mistake.


def populations_reversed(model: Realization) -> Realization | None:
    """Populations in the opposite order."""
    if len(model.populations) < 2:
        return None
    return replace(model, populations=dict(list(model.populations.items())[::-1]))


def projections_reversed(model: Realization) -> Realization | None:
    """Projections in the opposite order, so that arrivals add up in another."""
    return replace(model, edges=model.edges[::-1]) if len(model.edges) > 1 else None


def arrays_spelled_out(model: Realization) -> Realization | None:
    """One number for all as an array of equal numbers."""

    def cells(p: RealizedPopulation) -> RealizedPopulation:
        return replace(
            p, parameters={n: np.broadcast_to(v, p.size).copy() for n, v in p.parameters.items()}
        )

    new = _each_population(cells)(model)
    assert new is not None
    return replace(
        new,
        edges=tuple(
            replace(
                e,
                weight=np.broadcast_to(e.weight, len(e)).copy(),
                delay_steps=np.broadcast_to(e.delay_steps, len(e)).astype(np.int32),
            )
            for e in new.edges
        ),
    )
