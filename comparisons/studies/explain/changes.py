"""Changes of a realization, the words that hypotheses are made of: each returns a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....core.excitation import inhibits
from ....core.realization import Edges, HeldInput, Realization, RealizedPopulation, RealizedSource
from .causes import Cause
from .hypothesis import Hypothesis, with_model

ModelChange = Callable[[Realization], Realization]
Chosen = Callable[[Edges], bool]
"""Which projections are meant."""


def of_model(
    cause: Cause, words: str, change: ModelChange, prior: float, place: str = ""
) -> Hypothesis:
    """A hypothesis that the suspicious side runs a changed model; told from others by its words."""
    return Hypothesis(
        cause, words, words, "b", with_model(change), prior, place=place or cause, imitates=True
    )


def with_populations(
    model: Realization,
    names: Sequence[str],
    change: Callable[[RealizedPopulation], RealizedPopulation],
) -> Realization:
    """A model with some populations changed."""
    new = {n: change(p) if n in names else p for n, p in model.populations.items()}
    return replace(model, populations=new)


def with_edges(model: Realization, chosen: Chosen, change: Callable[[Edges], Edges]) -> Realization:
    """A model with some projections changed."""
    return replace(model, edges=tuple(change(e) if chosen(e) else e for e in model.edges))


def with_inputs(
    model: Realization, populations: Sequence[str], change: Callable[[HeldInput], HeldInput]
) -> Realization:
    """A model with the inputs that change with time changed, in some populations."""
    return with_populations(
        model, populations, lambda p: replace(p, inputs=tuple(change(i) for i in p.inputs))
    )


def with_sources(
    model: Realization, change: Callable[[RealizedSource], RealizedSource]
) -> Realization:
    """A model with its spike sources changed."""
    return replace(model, sources={n: change(s) for n, s in model.sources.items()})


def kept_edges(edges: Edges, kept: Any) -> Edges:
    """The connections that a mask or indices choose."""

    def part(value: Any) -> Any:
        return value if np.ndim(value) == 0 else np.asarray(value)[kept]

    return replace(
        edges,
        pre=edges.pre[kept],
        post=edges.post[kept],
        weight=part(edges.weight),
        delay_steps=part(edges.delay_steps),
        delay_ms=part(edges.delay_ms),
    )


def in_order(edges: Edges) -> Edges:
    """Connections sorted by source, then target, as a realization has them."""
    return kept_edges(edges, np.lexsort((edges.post, edges.pre)))


def kept_spikes(source: RealizedSource, kept: Any) -> RealizedSource:
    """The spikes of a source that a mask chooses."""
    return replace(
        source, steps=source.steps[kept], cells=source.cells[kept], times=source.times[kept]
    )


def whole_steps(value: Any) -> Any:
    """Numbers of steps as a realization has them: an int, or an array of 32-bit ints."""
    return int(value) if np.ndim(value) == 0 else np.asarray(value).astype(np.int32)


def in_steps(by: int) -> str:
    """A number of steps without its sign."""
    return f"{abs(by)} step{'s' if abs(by) > 1 else ''}"


def _any(edges: Edges) -> bool:
    return True


def _is_among(edges: Edges, projections: frozenset[str]) -> bool:
    return edges.name in projections


def _has(edges: Edges, field: str, value: str) -> bool:
    return bool(getattr(edges, field) == value)


def _from_sources(edges: Edges, sources: frozenset[str]) -> bool:
    return edges.source in sources


def _from_cells(edges: Edges, sources: frozenset[str]) -> bool:
    return edges.source not in sources


def projections_into(
    model: Realization, populations: Sequence[str]
) -> Iterator[tuple[str, Chosen, list[Edges]]]:
    """Groups of projections that may share a mistake: their name, how to choose them, which they are.

    All, those from spike sources or not, those of a receptor, those into or from one population, and each
    alone, as far as one of them ends in the populations given.
    """
    into = [e for e in model.edges if len(e) and e.target in populations]
    sources = frozenset(model.sources)
    groups: dict[str, Chosen] = {"all projections": _any}
    groups["projections of spike sources"] = partial(_from_sources, sources=sources)
    groups["projections between cells"] = partial(_from_cells, sources=sources)
    for receptor in dict.fromkeys(e.receptor for e in into):
        groups[f"projections to {receptor}"] = partial(_has, field="receptor", value=receptor)
    inhibitory = frozenset(e.name for e in model.edges if len(e) and inhibits(model, e))
    excitatory = frozenset(e.name for e in model.edges) - inhibitory
    groups["inhibitory projections"] = partial(_is_among, projections=inhibitory)
    groups["excitatory projections"] = partial(_is_among, projections=excitatory)
    for name in dict.fromkeys(e.source for e in into):
        groups[f"projections from {name}"] = partial(_has, field="source", value=name)
    for name in dict.fromkeys(e.target for e in into):
        groups[f"projections into {name}"] = partial(_has, field="target", value=name)
    for one in into:
        groups[one.name] = partial(_has, field="name", value=one.name)
    seen: set[frozenset[str]] = set()
    here = {e.name for e in into}
    for name, chosen in groups.items():
        members = [e for e in model.edges if len(e) and chosen(e)]
        named = frozenset(e.name for e in members)
        if named & here and named not in seen:
            seen.add(named)
            yield members[0].name if len(members) == 1 else name, chosen, members


def narrower(prior: float, rank: int) -> float:
    """The prior of a mistake in a group of projections: the later a group is named, the narrower it is."""
    return prior - 0.03 * rank if rank < 3 else prior - 0.1 - 0.01 * rank


def scopes(owners: Sequence[str], populations: Sequence[str]) -> list[tuple[str, ...]]:
    """All populations that have something together, then each alone that has parted."""
    local = [(name,) for name in owners if name in populations]
    return ([tuple(owners)] if len(owners) > 1 and local else []) + local


def label_of(scope: Sequence[str]) -> str:
    """A scope in words."""
    return scope[0] if len(scope) == 1 else "every population"
