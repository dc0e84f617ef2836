"""Links: all connections from one group of Brian2 to one receptor of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UnsupportedError
from ...core.plasticity import RealizedPlasticity
from ...core.realization import Edges, Realization
from .blocks import GIVEN, Block, Given, Values
from .trees import Tree

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Link:
    """All connections from one block or tree (or the given spikes) to one receptor of another.

    ``pre`` and ``post`` are indices in Brian2's groups; in a tree those of compartments. ``weight``,
    ``delay_ms`` and ``delay_steps`` are one number or arrays (n,), and so are the numbers of ``plasticity``.
    """

    name: str
    source: str
    target: str
    receptor: str
    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    weight: Values
    delay_steps: int | NDArray[np.int32]
    delay_ms: Values
    plasticity: RealizedPlasticity | None = None
    projection: str = ""
    """The name of the projection that it is alone, where it has plasticity."""


def links_of(
    realization: Realization, blocks: Sequence[Block], trees: Sequence[Tree], given: Given | None
) -> tuple[Link, ...]:
    """The links of a realization; connections that never carry a spike are left out."""
    home: dict[str, list[Block | Tree]] = {}
    for block in blocks:
        for population in block.members:
            home[population.name] = [block]
    for tree in trees:
        home.setdefault(tree.population.name, []).append(tree)
    # Connections with short-term plasticity have equations of their own, a projection a link.
    together: dict[tuple[str, str, str, str], list[_Part]] = {}
    for edges in realization.edges:
        if edges.source in home and home[edges.source][0].cell.threshold is None:
            continue
        for source, chosen, pre in _sources(edges, home, given):
            for target, of_those, post in _targets(edges, edges.post[chosen], home):
                if of_those.size:
                    part = _Part(edges, chosen[of_those], pre[of_those], post)
                    alone = edges.name if edges.plasticity is not None else ""
                    key = (source, target, edges.receptor, alone)
                    together.setdefault(key, []).append(part)
    return tuple(
        _link(f"link_{k}_{key[2]}", key, parts, given)
        for k, (key, parts) in enumerate(together.items())
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """Some connections of a projection: which, and between which indices of Brian2's groups."""

    edges: Edges
    chosen: NDArray[np.int64]
    pre: Ints
    post: Ints


def _sources(
    edges: Edges, home: Mapping[str, Sequence[Block | Tree]], given: Given | None
) -> Iterator[tuple[str, NDArray[np.int64], Ints]]:
    """By group that spikes: which connections begin there, and at which index."""
    everything = np.arange(len(edges))
    if edges.source not in home:
        assert given is not None
        yield GIVEN, everything, edges.pre + np.int32(given.offsets[edges.source])
        return
    for block in home[edges.source]:
        if isinstance(block, Tree):
            mine = np.flatnonzero(edges.pre == block.index)
            yield block.name, mine, np.full(mine.size, block.spike_row, dtype=np.int32)
        else:
            yield block.name, everything, edges.pre + np.int32(block.offsets[edges.source])


def _targets(
    edges: Edges, post: Ints, home: Mapping[str, Sequence[Block | Tree]]
) -> Iterator[tuple[str, NDArray[np.int64], Ints]]:
    """By group that receives: which of the connections end there, and at which index."""
    for block in home[edges.target]:
        if isinstance(block, Tree):
            mine = np.flatnonzero(post == block.index)
            row = block.rows[block.plan.receptor_at[edges.receptor]]
            yield block.name, mine, np.full(mine.size, row, dtype=np.int32)
        else:
            offset = np.int32(block.offsets[edges.target])
            yield block.name, np.arange(post.size), post + offset


def _link(
    name: str, key: tuple[str, str, str, str], parts: Sequence[_Part], given: Given | None
) -> Link:
    source, target, receptor, alone = key

    def joined(field: str) -> Any:
        values = [getattr(part.edges, field) for part in parts]
        first = values[0]
        if all(np.ndim(v) == 0 and v == first for v in values):
            return first
        return np.concatenate(
            [np.broadcast_to(v, len(p.edges))[p.chosen] for v, p in zip(values, parts, strict=True)]
        )

    pre = np.concatenate([part.pre for part in parts])
    post = np.concatenate([part.post for part in parts])
    weight, steps, delay = (joined(field) for field in ("weight", "delay_steps", "delay_ms"))
    plasticity = None
    if alone:
        part = parts[0]
        assert part.edges.plasticity is not None
        plasticity = part.edges.plasticity.taken(part.chosen)
    if source == GIVEN and given is not None and given.origin.size:
        if alone and np.isin(pre, given.origin).any():
            raise UnsupportedError(
                "brian2",
                f"{alone}: {parts[0].edges.source} has several spikes in one step, which are several cells "
                "of Brian2's generator, but short-term plasticity has one state for all of them",
            )
        pre, chosen = given.repeated(pre)
        post = post[chosen]
        weight, steps, delay = (v if np.ndim(v) == 0 else v[chosen] for v in (weight, steps, delay))
    return Link(name, source, target, receptor, pre, post, weight, steps, delay, plasticity, alone)
