"""Cells that two recordings number differently: from 1 instead of 0, from the end, or in any other order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....core.recording import Recording, Spikes
from .hypothesis import Hypothesis, with_recording
from .time_maps import MATCHED, by_cell

_DIGITS = 5
"""Decimals of ms to which trains have to agree to be those of one cell."""


def cell_hypotheses(a: Recording, b: Recording) -> Iterator[Hypothesis]:
    """How the first numbers the cells of each population, where that is not as the other does."""
    maps: dict[str, dict[int, int]] = {}
    for name in a.spikes.keys() & b.spikes.keys():
        found = renumbering(a.spikes[name], b.spikes[name])
        if found:
            maps[name] = found
    if not maps:
        return

    def back(recording: Recording) -> Recording:
        spikes, sizes = dict(recording.spikes), dict(recording.sizes)
        for name, to in maps.items():
            spikes[name] = _renumbered(recording.spikes[name], to)
            sizes[name] = b.sizes.get(name, sizes.get(name, 0))
        return replace(recording, spikes=spikes, sizes=sizes)

    of = "" if len(a.spikes) == 1 else f" of {', '.join(sorted(maps))}"
    words = f"numbers the cells{of} {_in_words(maps)}"
    yield Hypothesis(
        "cell_ids", words, words, "a", with_recording(back), 0.94, place="ids", exclusive="ids"
    )


def renumbering(one: Spikes, other: Spikes) -> dict[int, int] | None:
    """For the ids of one recording those of the other, by the trains; None where they need no change.

    Cells are told by their spike times, by the intervals between them where times are shifted, or by the
    ratios of these where they are scaled. A cell whose train is that of the same id keeps it.
    """
    if min(len(one), len(other)) < 2:
        return None
    ours, theirs = by_cell(one), by_cell(other)
    if len(ours) < 2 and len(theirs) < 2 and ours.keys() == theirs.keys():
        return None
    for keys in (_trains, _intervals, _proportions):
        found = _matched(keys(ours), keys(theirs))
        explained = sum(ours[cell].size for cell in found)
        if explained < MATCHED * min(len(one), len(other)):
            continue
        moved = {cell: to for cell, to in found.items() if cell != to}
        if not moved:
            return None
        shifts = {to - cell for cell, to in found.items()}
        if len(shifts) == 1:  # a rule holds for cells that could not be told, too
            shift = shifts.pop()
            return {cell: cell + shift for cell in ours if cell + shift >= 0}
        return _whole(found, ours.keys(), theirs.keys())
    return None


def _trains(trains: dict[int, NDArray[np.float64]]) -> dict[int, bytes]:
    return {cell: np.round(t, _DIGITS).tobytes() for cell, t in trains.items()}


def _intervals(trains: dict[int, NDArray[np.float64]]) -> dict[int, bytes]:
    return {
        cell: (np.round(np.diff(t), _DIGITS - 1) + 0.0).tobytes()
        for cell, t in trains.items()
        if t.size > 1
    }


def _proportions(trains: dict[int, NDArray[np.float64]]) -> dict[int, bytes]:
    return {
        cell: (np.round(np.diff(t) / (t[-1] - t[0]), _DIGITS - 1) + 0.0).tobytes()
        for cell, t in trains.items()
        if t.size > 3 and t[-1] > t[0]
    }


def _matched(ours: dict[int, bytes], theirs: dict[int, bytes]) -> dict[int, int]:
    """Cells with the same train, each once; the same id first."""
    found = {cell: cell for cell, train in ours.items() if theirs.get(cell) == train}
    free: dict[bytes, list[int]] = defaultdict(list)
    for cell in sorted(theirs, reverse=True):
        if cell not in found:
            free[theirs[cell]].append(cell)
    for cell in sorted(ours):
        if cell not in found and free.get(ours[cell]):
            found[cell] = free[ours[cell]].pop()
    return found


def _whole(found: dict[int, int], ours: object, theirs: object) -> dict[int, int]:
    """A map of all cells, one to one: what could not be told takes the ids that are left, in order."""
    cells = set(ours)  # type: ignore[call-overload]
    left = sorted(set(theirs) - set(found.values()))  # type: ignore[call-overload]
    complete = dict(found)
    spare = max([*complete.values(), *cells, *left], default=0) + 1
    for k, cell in enumerate(sorted(cells - found.keys())):
        complete[cell] = left[k] if k < len(left) else spare + k
    return complete


def _renumbered(spikes: Spikes, to: dict[int, int]) -> Spikes:
    old = np.array(sorted(to), dtype=np.int64)
    new = np.array([to[int(cell)] for cell in old], dtype=np.int64)
    place = np.minimum(np.searchsorted(old, spikes.cells), max(old.size - 1, 0))
    known = old[place] == spikes.cells
    return Spikes.sorted(spikes.times, np.where(known, new[place], spikes.cells))


def _in_words(maps: dict[str, dict[int, int]]) -> str:
    shifts = {cell - to for found in maps.values() for cell, to in found.items()}
    if len(shifts) == 1:
        shift = shifts.pop()
        if shift == 1:
            return (
                "from 1 where the other begins with 0: every id is 1 larger (--ids-from 1 says it)"
            )
        if shift == -1:
            return (
                "from 0 where the other begins with 1: every id is 1 smaller (--ids-from 1 says it)"
            )
        return f"{abs(shift)} {'higher' if shift > 0 else 'lower'} than the other"
    sums = {cell + to for found in maps.values() for cell, to in found.items()}
    if len(sums) == 1:
        return f"from the end: cell k is {sums.pop()} − k of the other"
    examples = [f"{cell} is {to}" for found in maps.values() for cell, to in sorted(found.items())]
    changed = sum(cell != to for found in maps.values() for cell, to in found.items())
    more = ", …" if len(examples) > 5 else ""
    return (
        f"in another order: its {', '.join(examples[:5])}{more} of the other; {changed} are moved"
    )
