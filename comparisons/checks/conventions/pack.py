"""Putting probes together: their cells of one kind become one population, so that a run costs little.

A simulator builds and compiles a population at a time: a hundred cells of fifteen kinds are fifteen
populations here. Nothing connects the cells of two probes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ....core.cable import CableCell
from ....core.experiment import Experiment, Record
from ....core.inputs import RampInput, StepInput
from ....core.neurons import NeuronModel
from ....core.populations import AnyPopulation, PoissonSource, Population, SpikeTrains
from ....core.projections import Explicit, Projection
from ....core.receptors import Receptor
from ....core.units import Quantity
from ....core.values import Array

DT_MS = 0.1
"""The step of all probes."""
DURATION_MS = 20.0
"""Their duration: 200 steps."""
TRAINS = "trains"
_SEED = 5


@dataclass(frozen=True)
class Kind:
    """A neuron model or cable cell with its receptors; all cells of a kind are one population."""

    model: NeuronModel | CableCell
    receptors: Mapping[str, Receptor] = field(default_factory=dict)


@dataclass(frozen=True)
class Cells:
    """Cells of a kind, ``size`` of them, as a part of a probe.

    ``parameters`` and ``initial`` are numbers in the units of the model's equations, one for all or one a
    cell; what is not given is the model's own. ``record`` names the variables to sample, in a tree those
    ``at`` a place.
    """

    kind: Kind
    record: tuple[str, ...] = ()
    size: int = 1
    parameters: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    initial: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    at: str | None = None


@dataclass(frozen=True)
class Train:
    """A source with given spikes, times in ms."""

    times: tuple[float, ...]


@dataclass(frozen=True)
class Poisson:
    """A Poisson source that begins after 1 ms and ends at 15 ms, so that all its spikes arrive."""

    rate_hz: float


@dataclass(frozen=True)
class Link:
    """``times`` connections from the first cell of a part to that of another."""

    source: str
    target: str
    receptor: str = "kick"
    delay_ms: float = 1.0
    weight: float = 1.0
    times: int = 1


@dataclass(frozen=True)
class Given:
    """An input into a part: ``amplitude`` from ``start_ms`` up to ``stop_ms``, or rising by 1 a ms from 0."""

    target: str
    start_ms: float = 0.0
    stop_ms: float | None = None
    rising: bool = False
    amplitude: str = "1"
    port: str | None = None


@dataclass(frozen=True)
class Parts:
    """What a probe is made of: parts by name, and what is between them."""

    parts: Mapping[str, Cells | Train | Poisson]
    links: tuple[Link, ...] = ()
    inputs: tuple[Given, ...] = ()


@dataclass(frozen=True)
class Packed:
    """The experiment of several probes, and where the first cell of each part is: (population, cell)."""

    experiment: Experiment
    places: Mapping[tuple[str, str], tuple[str, int]]


def pack(name: str, probes: Iterable[tuple[str, Parts]]) -> Packed:
    """One experiment of probes, given by name."""
    given = [(probe, parts) for probe, parts in probes]
    places: dict[tuple[str, str], tuple[str, int]] = {}
    kinds: dict[str, list[Cells]] = {}
    trains: list[tuple[float, ...]] = []
    populations: list[AnyPopulation] = []
    for probe, parts in given:
        for part, content in parts.parts.items():
            if isinstance(content, Train):
                places[probe, part] = TRAINS, len(trains)
                trains.append(content.times)
            elif isinstance(content, Poisson):
                source = f"{probe}_{part}"
                places[probe, part] = source, 0
                populations.append(
                    PoissonSource(
                        name=source,
                        size=1,
                        rate=f"{content.rate_hz} Hz",
                        start="1 ms",
                        stop="15 ms",
                    )
                )
            else:
                alike = kinds.setdefault(content.kind.model.name, [])
                places[probe, part] = content.kind.model.name, sum(c.size for c in alike)
                alike.append(content)
    if trains:
        populations.append(SpikeTrains(name=TRAINS, times=tuple(trains)))
    populations += [_population(alike) for alike in kinds.values()]
    experiment = Experiment(
        name=name,
        populations=tuple(populations),
        projections=tuple(_projections(given, places)),
        inputs=tuple(_inputs(given, places)),
        records=tuple(_records(kinds)),
        duration=Quantity(DURATION_MS, "ms"),
        dt=Quantity(DT_MS, "ms"),
        seed=_SEED,
    )
    return Packed(experiment, MappingProxyType(places))


def _population(alike: Sequence[Cells]) -> Population:
    kind = alike[0].kind
    units = {v.name: v.unit for v in kind.model.variables}

    def values(field: str) -> dict[str, Any]:
        defaults = getattr(kind.model, field)
        found: dict[str, Any] = {}
        for name in dict.fromkeys(n for cells in alike for n in getattr(cells, field)):
            numbers: list[float] = []
            for cells in alike:
                value = getattr(cells, field).get(name)
                if value is None:
                    value = defaults[name].magnitude if name in defaults else 0.0
                numbers += [value] * cells.size if isinstance(value, int | float) else [*value]
            # A number for all asks less of a simulator than one a cell.
            one = len(set(numbers)) == 1
            unit = units.get(name, "pA")  # a receptor's own current has no line in the model
            found[name] = Quantity(numbers[0], unit) if one else Array(numbers, unit)
        return found

    return Population(
        name=kind.model.name,
        model=kind.model,
        size=sum(c.size for c in alike),
        receptors=dict(kind.receptors),
        parameters=values("parameters"),
        initial=values("initial"),
    )


def _projections(
    given: Iterable[tuple[str, Parts]], places: Mapping[tuple[str, str], tuple[str, int]]
) -> Iterable[Projection]:
    """One projection for all links between two populations by one receptor."""
    alike: dict[tuple[str, str, str], list[tuple[int, int, Link]]] = {}
    for probe, parts in given:
        for link in parts.links:
            (source, pre), (target, post) = places[probe, link.source], places[probe, link.target]
            alike.setdefault((source, target, link.receptor), []).extend(
                [(pre, post, link)] * link.times
            )
    for (source, target, receptor), links in alike.items():
        weights = [link.weight for _, _, link in links]
        delays = [link.delay_ms for _, _, link in links]
        yield Projection(
            source=source,
            target=target,
            receptor=receptor,
            name=f"{source}_on_{target}" + ("" if receptor == "kick" else f"_{receptor}"),
            rule=Explicit(pre=tuple(p for p, _, _ in links), post=tuple(p for _, p, _ in links)),
            weight=Quantity(weights[0]) if len(set(weights)) == 1 else Array(weights, "1"),
            delay=Quantity(delays[0], "ms") if len(set(delays)) == 1 else Array(delays, "ms"),
        )


def _inputs(
    given: Iterable[tuple[str, Parts]], places: Mapping[tuple[str, str], tuple[str, int]]
) -> Iterable[StepInput | RampInput]:
    for probe, parts in given:
        for k, wanted in enumerate(parts.inputs):
            population, cell = places[probe, wanted.target]
            where: dict[str, Any] = {
                "name": f"{probe}_input{k}",
                "population": population,
                "cells": (cell,),
                "port": wanted.port,
            }
            if wanted.rising:
                # It goes on beyond the end of the run.
                end = 2 * DURATION_MS
                yield RampInput(
                    **where, initial=Quantity(0.0), final=Quantity(end), stop=Quantity(end, "ms")
                )
                continue
            stop = None if wanted.stop_ms is None else Quantity(wanted.stop_ms, "ms")
            yield StepInput(
                **where,
                amplitude=Quantity.parse(wanted.amplitude),
                start=Quantity(wanted.start_ms, "ms"),
                stop=stop,
            )


def _records(kinds: Mapping[str, Sequence[Cells]]) -> Iterable[Record]:
    for population, alike in kinds.items():
        for at in dict.fromkeys(cells.at for cells in alike):
            variables = dict.fromkeys(v for cells in alike if cells.at == at for v in cells.record)
            if variables:
                yield Record(population=population, variables=tuple(variables), at=at)
