"""Lost cells: everything is drawn for the intact populations, then the lost cells are taken out.

So nothing drawn for a cell, or for a connection between two cells that are there, depends on which others
are lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .drawn import Drawn, Note
from .experiment import Experiment
from .populations import AnyPopulation, n_lost
from .realization import Edges, HeldInput, Ints, RealizedPopulation, RealizedSource, renumbered

Stream = Callable[..., np.random.Generator]


def kept_cells(population: AnyPopulation, seed: int, stream: Stream) -> Ints | None:
    """The numbers of the cells that are there, sorted, shape (size - n_lost,); None where none is lost.

    The lost ones are the first of a random order of all, so that more lost cells contain the fewer.
    """
    lost = n_lost(population)
    if not lost:
        return None
    order = stream(seed, "population", population.name, "lost").permutation(population.size)
    return np.sort(order[lost:]).astype(np.int32)


class Intact(NamedTuple):
    """All that was drawn, of populations that have lost no cell, or what is left of it."""

    populations: Mapping[str, RealizedPopulation]
    sources: Mapping[str, RealizedSource]
    edges: tuple[Edges, ...]


def without_lost(experiment: Experiment, intact: Intact, stream: Stream) -> Drawn[Intact]:
    """What was drawn for the intact populations, without their lost cells; notes say how many."""
    if not any(population.lost for population in experiment.populations):
        return Drawn(intact)
    notes = []
    kept = {p.name: kept_cells(p, experiment.seed, stream) for p in experiment.populations}
    for population in experiment.populations:
        if population.lost:
            lost = f"{n_lost(population)} of {population.size} cells are lost"
            notes.append(Note(population.name, lost, of_grid=False))
    for record in experiment.records:
        if record.cells is None:
            continue
        there = int(np.sum(renumbered(np.asarray(record.cells), kept[record.population]) >= 0))
        if there < len(record.cells):
            what = (
                f"{there} of {len(record.cells)} cells to record are"
                if there
                else "no cell to record is"
            )
            notes.append(Note(record.population, f"{what} there", of_grid=False))
    remaining = Intact(
        {name: _population(p, kept[name]) for name, p in intact.populations.items()},
        {name: _source(s, kept[name]) for name, s in intact.sources.items()},
        tuple(_edges(e, kept[e.source], kept[e.target]) for e in intact.edges),
    )
    return Drawn(remaining, tuple(notes))


def _population(population: RealizedPopulation, kept: Ints | None) -> RealizedPopulation:
    if kept is None:
        return population

    def of_kept(value: Any) -> Any:
        return value[kept] if np.ndim(value) else value

    return replace(
        population,
        size=kept.size,
        parameters={name: of_kept(value) for name, value in population.parameters.items()},
        initial={name: of_kept(value) for name, value in population.initial.items()},
        refractory_steps=of_kept(population.refractory_steps),
        inputs=tuple(_input(given, kept) for given in population.inputs),
        kept=kept,
    )


def _input(given: HeldInput, kept: Ints) -> HeldInput:
    used, columns = np.unique(given.columns[kept], return_inverse=True)
    return replace(
        given, values=given.values[:, used], columns=columns.astype(np.int32), gain=given.gain[kept]
    )


def _source(source: RealizedSource, kept: Ints | None) -> RealizedSource:
    if kept is None:
        return source
    cells = renumbered(source.cells, kept)
    there = cells >= 0
    return replace(
        source,
        size=kept.size,
        steps=source.steps[there],
        cells=cells[there].astype(np.int32),
        times=source.times[there],
        kept=kept,
    )


def _edges(edges: Edges, kept_pre: Ints | None, kept_post: Ints | None) -> Edges:
    if kept_pre is None and kept_post is None:
        return edges
    pre, post = renumbered(edges.pre, kept_pre), renumbered(edges.post, kept_post)
    there = (pre >= 0) & (post >= 0)

    def of_kept(value: Any) -> Any:
        return value[there] if np.ndim(value) else value

    return replace(
        edges,
        source_size=edges.source_size if kept_pre is None else kept_pre.size,
        pre=pre[there].astype(np.int32),
        post=post[there].astype(np.int32),
        weight=of_kept(edges.weight),
        delay_steps=of_kept(edges.delay_steps),
        delay_ms=of_kept(edges.delay_ms),
        plasticity=None if edges.plasticity is None else edges.plasticity.taken(there),
    )
