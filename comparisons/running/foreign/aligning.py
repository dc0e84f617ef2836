"""Two recordings from elsewhere made comparable: populations, the names of cells, variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ....core.caveats import Caveat
from ....core.recording import Recording, Spikes, Trace
from .found import Foreign
from .ids import Ids


def same_names(a: Recording, b: Recording) -> tuple[Recording, Recording]:
    """Two recordings of one population each are compared whatever the populations are called."""
    ours, theirs = _populations(a), _populations(b)
    if len(ours) == len(theirs) == 1 and ours != theirs:
        b = _renamed(b, {next(iter(theirs)): next(iter(ours))})
    return a, b


def align(
    a: Foreign, b: Foreign, names: tuple[str, str]
) -> tuple[Recording, Recording, list[Caveat]]:
    """Two recordings in the same terms, and what was assumed for it or cannot be compared."""
    said: list[Caveat] = []
    if a.base and b.base and a.base != b.base:
        # What a file is called names no population.
        b = _rebased(b, a.base)
    one, other = a.recording, b.recording
    ours, theirs = _populations(one), _populations(other)
    if len(ours) == len(theirs) == 1 and ours != theirs:
        here, there = next(iter(ours)), next(iter(theirs))
        if here != a.base and there != b.base:
            said.append(
                Caveat(
                    "assumed", "populations", f"{here} and {there} are one, each alone in its file"
                )
            )
        if here == a.base:
            a = _called(a, {here: there})
        else:
            b = _called(b, {there: here})
    one, other = a.recording, b.recording
    one, other = _same_cells(one, other, a, b, said)
    one, other = _told_by_unit(one, other)
    apart = abs(a.start_ms - b.start_ms)
    if a.lasts and b.lasts and apart > 1e-6 and not (one.traces and other.traces):
        said.append(
            Caveat(
                "not read",
                "",
                f"{names[0]} begins at {a.start_ms:g} ms, {names[1]} at {b.start_ms:g} ms: what only one "
                "recorded is not compared",
            )
        )
    return one, other, said


def _populations(recording: Recording) -> set[str]:
    return {*recording.spikes, *(population for population, _ in recording.traces)}


def _rebased(foreign: Foreign, base: str) -> Foreign:
    """The population that a file does not name called otherwise, with its segments."""
    old = foreign.base
    names = {
        name: base + name.removeprefix(old)
        for name in _populations(foreign.recording)
        if name == old or name.startswith(f"{old} [")
    }
    return replace(_called(foreign, names), base=base)


def _called(foreign: Foreign, names: Mapping[str, str]) -> Foreign:
    labels = {names.get(p, p): found for p, found in foreign.labels.items()}
    return replace(foreign, recording=_renamed(foreign.recording, names), labels=labels)


def _renamed(recording: Recording, names: Mapping[str, str]) -> Recording:
    return replace(
        recording,
        spikes={names.get(p, p): s for p, s in recording.spikes.items()},
        traces={(names.get(p, p), v): t for (p, v), t in recording.traces.items()},
        sizes={names.get(p, p): n for p, n in recording.sizes.items()},
    )


def _same_cells(
    one: Recording, other: Recording, a: Foreign, b: Foreign, said: list[Caveat]
) -> tuple[Recording, Recording]:
    """Cells that are called by names get the numbers that these have in both recordings together."""
    for population in one.spikes.keys() & other.spikes.keys():
        ours, theirs = a.labels.get(population), b.labels.get(population)
        if ours is None and theirs is None:
            continue
        if ours is None or theirs is None:
            said.append(
                Caveat(
                    "assumed",
                    population,
                    "cells have names in one file and numbers in the other: the names are numbered in the "
                    "order of the alphabet",
                )
            )
            continue
        every = sorted({*ours, *theirs})
        number = {name: k for k, name in enumerate(every)}
        one = _numbered(
            one, population, np.array([number[n] for n in ours], dtype=np.int32), len(every)
        )
        other = _numbered(
            other, population, np.array([number[n] for n in theirs], dtype=np.int32), len(every)
        )
    return one, other


def _numbered(recording: Recording, population: str, numbers: Ids, size: int) -> Recording:
    old = recording.spikes[population]
    spikes = Spikes.sorted(old.times, numbers[old.cells] if numbers.size else old.cells)
    return replace(
        recording,
        spikes={**recording.spikes, population: spikes},
        sizes={**recording.sizes, population: size},
    )


def _told_by_unit(one: Recording, other: Recording) -> tuple[Recording, Recording]:
    """Traces of one name in different units are no traces of one variable: the unit joins their names."""
    apart = {
        key
        for key in one.traces.keys() & other.traces.keys()
        if one.traces[key].unit != other.traces[key].unit
    }
    if not apart:
        return one, other

    def told(recording: Recording) -> Recording:
        traces: dict[tuple[str, str], Trace] = {}
        for (population, variable), trace in recording.traces.items():
            unit = f" [{trace.unit}]" if (population, variable) in apart else ""
            traces[population, variable + unit] = trace
        return replace(recording, traces=traces)

    return told(one), told(other)
