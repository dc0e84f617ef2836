"""Blocks: populations of the same equations run as one group of Brian2, and given spikes as one generator.

Every object of Brian2 costs some microseconds a step whatever its size, so that two populations that
differ in numbers alone are one `NeuronGroup`, as the examples of its documentation do with subgroups.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cell import Cell
from ...core.clock import step_times
from ...core.expressions import text
from ...core.realization import HeldInput, Realization, RealizedPopulation, RealizedSource
from ...core.units import TIME, Quantity
from ...core.values import Floats

Values = float | Floats


@dataclass(frozen=True, eq=False)
class Block:
    """Populations with the same equations, one behind the other.

    ``parameters`` are floats where all cells agree, else arrays (size,); ``offsets`` says where a
    population begins.
    """

    name: str
    members: tuple[RealizedPopulation, ...]
    offsets: Mapping[str, int]
    size: int
    parameters: Mapping[str, Values]
    initial: Mapping[str, Floats]
    refractory_steps: int | NDArray[np.int32]
    refractory_ms: Values

    @property
    def cell(self) -> Cell:
        """The equations."""
        return self.members[0].cell

    @property
    def inputs(self) -> tuple[HeldInput, ...]:
        """The held inputs; populations with inputs stand alone."""
        return self.members[0].inputs

    @property
    def has_refractoriness(self) -> bool:
        """Whether any cell is refractory for at least one step."""
        return any(p.has_refractoriness for p in self.members)


def blocks_of(realization: Realization, but: Collection[str] = ()) -> tuple[Block, ...]:
    """The blocks of a realization's populations, but some by name."""
    alike: dict[object, list[RealizedPopulation]] = {}
    for population in realization.populations.values():
        if population.name in but:
            continue
        alike.setdefault(_structure(population), []).append(population)
    return tuple(_block(members) for members in alike.values())


def _structure(population: RealizedPopulation) -> object:
    cell = population.cell
    if population.inputs:
        return population.name
    return (
        tuple(
            (
                v.name,
                v.kind,
                None if v.right is None else text(v.right),
                v.unless_refractory,
                v.held,
            )
            for v in cell.variables
        ),
        tuple(
            (r.name, tuple((i.target, text(i.coefficient)) for i in r.increments))
            for r in cell.receptors
        ),
        None if cell.threshold is None else text(cell.threshold),
        tuple(map(str, cell.reset)),
        cell.refractory is None,
        population.has_refractoriness,
    )


def _block(members: Sequence[RealizedPopulation]) -> Block:
    sizes = [p.size for p in members]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    names = [p.name for p in members]

    def joined(values: Sequence[Any]) -> Any:
        first = values[0]
        if all(np.ndim(v) == 0 and v == first for v in values):
            return first
        return np.concatenate(
            [np.broadcast_to(v, size) for v, size in zip(values, sizes, strict=True)]
        )

    return Block(
        name=_name_of(names),
        members=tuple(members),
        offsets={name: int(start) for name, start in zip(names, starts, strict=False)},
        size=int(starts[-1]),
        parameters={k: joined([p.parameters[k] for p in members]) for k in members[0].parameters},
        initial={k: np.concatenate([p.initial[k] for p in members]) for k in members[0].initial},
        refractory_steps=joined([p.refractory_steps for p in members]),
        refractory_ms=joined([_period(p) for p in members]),
    )


def _name_of(populations: Sequence[str]) -> str:
    """A name that neither another block nor anything that belongs to one has.

    Brian2 calls a group's monitor or thresholder by its name, an underscore and a word, and no population's
    name ends in an underscore or has two together.
    """
    joined = "__".join(populations)
    return f"cells_{joined}_" if len(joined) < 80 else f"cells_{populations[0]}__"


def _period(population: RealizedPopulation) -> Values:
    """The refractory time as described, before it is rounded to steps."""
    given = population.cell.refractory
    if given is None:
        return 0.0
    if given in population.parameters:
        return population.parameters[given]
    return Quantity.parse(given).to(TIME, f"{population.name}.refractory")


GIVEN = "given_spikes"
"""The name of the one generator of all given spikes."""


@dataclass(frozen=True, eq=False)
class Given:
    """All given spikes as one generator of which no cell spikes twice in a step.

    A source cell with up to m spikes in one step is m cells of the generator, with the connections
    repeated; ``origin`` (copies,) are the source cells of the last cells. ``times_ms`` and ``cells`` are
    the spikes.
    """

    size: int
    times_ms: Floats
    cells: NDArray[np.int32]
    offsets: Mapping[str, int]
    origin: NDArray[np.int32]

    def repeated(self, pre: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Generator cells and indices of connections, for connections from the source cells *pre*."""
        pres, chosen = [pre], [np.arange(pre.size)]
        base = self.size - self.origin.size
        order = np.argsort(self.origin, kind="stable")
        first = np.searchsorted(self.origin[order], pre, side="left")
        last = np.searchsorted(self.origin[order], pre, side="right")
        for k in range(int(np.max(last - first, initial=0))):
            more = np.flatnonzero(first + k < last)
            pres.append((base + order[first[more] + k]).astype(np.int32))
            chosen.append(more)
        return np.concatenate(pres), np.concatenate(chosen)


def given_spikes(realization: Realization, exact_times: bool) -> Given | None:
    """The given spikes of all sources that are connected; None if there are none.

    ``exact_times`` leaves the times as they were given, for Brian2 to put them in bins.
    """
    sources = [s for s in realization.sources.values() if realization.edges_from(s.name)]
    if not sources:
        return None
    dt = realization.dt_ms
    starts = np.concatenate([[0], np.cumsum([s.size for s in sources])])
    cells = np.concatenate([s.cells + start for s, start in zip(sources, starts, strict=False)])
    times = np.concatenate([_times(s, dt, exact_times) for s in sources])
    # The bin as SpikeGeneratorGroup.before_run finds it.
    bins = ((times * 1e-3 + 1e-3 * (dt * 1e-3)) / (dt * 1e-3)).astype(np.int64)
    order = np.lexsort((times, cells, bins))
    cells, times, bins = cells[order], times[order], bins[order]
    begins = np.ones(bins.size, dtype=bool)
    begins[1:] = (np.diff(bins) != 0) | (np.diff(cells) != 0)
    where = np.arange(bins.size)
    rank = where - np.maximum.accumulate(np.where(begins, where, 0))
    total = int(starts[-1])
    # One generator cell for each (source cell, rank above 0) that occurs.
    pairs = np.unique(np.stack([cells[rank > 0], rank[rank > 0]], axis=1), axis=0)
    if pairs.size:
        width = int(pairs[:, 1].max()) + 1
        keys = pairs[:, 0] * width + pairs[:, 1]
        position = np.searchsorted(keys, cells[rank > 0] * width + rank[rank > 0])
        cells = cells.copy()
        cells[rank > 0] = total + position
    return Given(
        size=total + len(pairs),
        times_ms=times,
        cells=cells.astype(np.int32),
        offsets={s.name: int(start) for s, start in zip(sources, starts, strict=False)},
        origin=pairs[:, 0].astype(np.int32) if pairs.size else np.empty(0, dtype=np.int32),
    )


def _times(source: RealizedSource, dt: float, exact: bool) -> Floats:
    return source.times if exact else step_times(source.steps, dt)
