"""Mistakes of spike sources, shared noise and connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....core.realization import Edges, HeldInput, Realization, RealizedSource
from ....core.realize import realize
from .changes import (
    Chosen,
    in_order,
    kept_edges,
    kept_spikes,
    narrower,
    of_model,
    projections_into,
    with_edges,
    with_inputs,
    with_sources,
)
from .hypothesis import Hypothesis
from .replay import Parting

MOST_SYNAPSES = 60
"""Synapses of one projection onto one cell that are tried as missing."""
MOST_CELLS = 100
"""Cells of a source whose train all others may share."""
MOST_DEAD_TIMES = 12
SEEDS = (0, 1, 2, 42, 1234)
"""Seeds that people write, tried beside those next to the model's own."""


def wiring_mistakes(model: Realization, at: Parting) -> Iterator[Hypothesis]:
    """Mistakes about what reaches the populations that part first."""
    yield from _spike_sources(model, at)
    yield from _shared_noise(model, at.populations)
    yield from _lost_synapses(model, at)
    yield from _connections(model, at.populations)


# Sources.


def dead_time(source: RealizedSource, steps: int) -> Any:
    """A mask of the spikes of a source that keeps none within some steps after the last kept of its cell."""
    order = np.lexsort((source.steps, source.cells))
    at = source.steps[order].astype(np.int64) + source.cells[order].astype(np.int64) * 2**32
    kept = np.zeros(at.size, dtype=bool)
    k = 0
    while k < at.size:  # one jump for every spike kept
        kept[order[k]] = True
        k = int(np.searchsorted(at, at[k] + max(steps, 1)))
    return kept


def _saturated(model: Realization, steps: int) -> Realization:
    return with_sources(model, lambda s: kept_spikes(s, dead_time(s, steps)))


def _merged(source: RealizedSource) -> Any:
    key = source.steps.astype(np.int64) * source.size + source.cells
    first = np.zeros(key.size, dtype=bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def _once_a_step(model: Realization) -> Realization:
    return with_sources(model, lambda s: kept_spikes(s, _merged(s)))


def _silent_from(model: Realization, step: int) -> Realization:
    return with_sources(model, lambda s: kept_spikes(s, s.steps < step))


def _all_as(model: Realization, cell: int) -> Realization:
    def shared(source: RealizedSource) -> RealizedSource:
        if source.size < 2 or not source.steps.size:
            return source
        mine = source.cells == min(cell, source.size - 1)
        n = int(mine.sum())
        return replace(
            source,
            steps=np.repeat(source.steps[mine], source.size),
            cells=np.tile(np.arange(source.size, dtype=np.int32), n),
            times=np.repeat(source.times[mine], source.size),
        )

    return with_sources(model, shared)


def _by_seed(model: Realization, seed: int) -> Realization:
    return replace(model, sources=realize(model.experiment.with_(seed=seed)).sources)


def _spike_sources(model: Realization, at: Parting) -> Iterator[Hypothesis]:
    feeding = sorted(
        {e.source for e in model.edges if e.target in at.populations and e.source in model.sources}
    )
    if not feeding:
        return
    place = "sources"
    if any(not _merged(model.sources[n]).all() for n in feeding):
        words = "merges the spikes of a source that fall into one step"
        yield of_model("lost_spikes", words, _once_a_step, 0.7, place)
    for steps in _dead_times(model, feeding):
        words = f"lets no source spike twice within {steps} steps ({steps * model.dt_ms:g} ms)"
        yield of_model("saturation", words, partial(_saturated, steps=steps), 0.6, place)
    delays = {
        int(d) for e in model.edges if e.source in feeding for d in np.unique(e.delay_steps)[:3]
    }
    for end in sorted({at.step - d - k for d in delays for k in range(4)}, reverse=True):
        words = f"has no source spikes from {end * model.dt_ms:g} ms on"
        yield of_model("lost_spikes", words, partial(_silent_from, step=end), 0.4, place)
    most = max(s.size for s in model.sources.values())
    for cell in range(min(most, MOST_CELLS) if most > 1 else 0):
        words = f"gives all cells of a source the spikes of its cell {cell}"
        yield of_model("random_streams", words, partial(_all_as, cell=cell), 0.5, place)
    own = model.experiment.seed
    for seed in dict.fromkeys((own + 1, own - 1, *SEEDS)):
        if seed != own and seed >= 0:
            words = f"draws the spikes of sources with seed {seed} instead of {own}"
            yield of_model("random_streams", words, partial(_by_seed, seed=seed), 0.35, place)


def _dead_times(model: Realization, names: Sequence[str]) -> list[int]:
    """Dead times that tell the shortest intervals between the spikes of a source apart."""
    intervals: set[int] = set()
    for name in names:
        source = model.sources[name]
        order = np.lexsort((source.steps, source.cells))
        steps, cells = source.steps[order], source.cells[order]
        gaps = np.diff(steps)[np.diff(cells) == 0]
        intervals |= set(np.unique(gaps[gaps > 0])[:MOST_DEAD_TIMES].tolist())
    return [gap + 1 for gap in sorted(intervals)[:MOST_DEAD_TIMES]]


# Noise.


def _first_column(given: HeldInput) -> HeldInput:
    return replace(given, columns=np.full_like(given.columns, given.columns[0]))


def _shared_noise(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    holders = [
        n for n, p in model.populations.items() if any(np.ptp(i.columns) > 0 for i in p.inputs)
    ]
    if set(holders) & set(populations):
        yield of_model(
            "random_streams",
            "gives all cells of a population the noise of the first",
            lambda m: with_inputs(m, holders, _first_column),
            0.6,
            "inputs",
        )


# Connections.


def _without(model: Realization, name: str, k: int) -> Realization:
    return with_edges(
        model, lambda e: e.name == name, lambda e: kept_edges(e, np.arange(len(e)) != k)
    )


def _lost_synapses(model: Realization, at: Parting) -> Iterator[Hypothesis]:
    """One synapse each: those over which a spike has just come to the cell that parts first."""
    if not at.traced:
        return
    for edges in model.edges:
        if edges.target not in at.populations or not len(edges):
            continue
        onto = np.flatnonzero(edges.post == at.cell)
        delays = np.broadcast_to(edges.delay_steps, len(edges))[onto]
        source = model.sources.get(edges.source)
        steps, cells = (source.steps, source.cells) if source else at.spikes[edges.source]
        # What arrives in one step may show in the next, by way of a current.
        sent = {(s, c) for s, c in zip(steps.tolist(), cells.tolist(), strict=True)}
        due = [
            k
            for k, pre, delay in zip(
                onto.tolist(), edges.pre[onto].tolist(), delays.tolist(), strict=True
            )
            if {(at.step - delay, pre), (at.step - 1 - delay, pre)} & sent
        ]
        for k in due[:MOST_SYNAPSES]:
            words = f"lacks the synapse {edges.pre[k]} → {edges.post[k]} of {edges.name}"
            change = partial(_without, name=edges.name, k=k)
            yield of_model("lost_spikes", words, change, 0.45, edges.name)


def _first_of_pairs(edges: Edges) -> Any:
    pairs = edges.pre.astype(np.int64) * (int(edges.post.max(initial=0)) + 1) + edges.post
    return np.sort(np.unique(pairs, return_index=True)[1])


def _single(model: Realization, chosen: Chosen) -> Realization:
    return with_edges(model, chosen, lambda e: kept_edges(e, _first_of_pairs(e)))


def _shifted(model: Realization, chosen: Chosen, by: int) -> Realization:
    def one(edges: Edges) -> Edges:
        post = (edges.post + by) % model.populations[edges.target].size
        return in_order(replace(edges, post=post.astype(np.int32)))

    return with_edges(model, chosen, one)


def _turned(model: Realization, chosen: Chosen) -> Realization:
    def one(edges: Edges) -> Edges:
        if edges.source != edges.target:
            return edges
        return in_order(replace(edges, pre=edges.post, post=edges.pre))

    return with_edges(model, chosen, one)


def _connections(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    for rank, (label, chosen, members) in enumerate(projections_into(model, populations)):
        if any(_first_of_pairs(e).size < len(e) for e in members):
            words = f"keeps one of several synapses between two cells in {label}"
            yield of_model(
                "lost_spikes", words, partial(_single, chosen=chosen), narrower(0.55, rank), label
            )
        for by in (1, -1):
            words = f"connects {label} to the cell {'after' if by > 0 else 'before'} each"
            yield of_model(
                "lost_spikes",
                words,
                partial(_shifted, chosen=chosen, by=by),
                narrower(0.5, rank),
                label,
            )
        if any(e.source == e.target for e in members):
            words = f"exchanges source and target cells in {label}"
            yield of_model(
                "lost_spikes", words, partial(_turned, chosen=chosen), narrower(0.5, rank), label
            )
