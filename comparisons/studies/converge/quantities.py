"""What is followed as dt is halved: spike times, threshold crossings, potentials, as equal vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...measuring import ROUND_OFF
from ...measuring.accuracy import END_SHIFTS
from ...measuring.ordering import Floats
from .reduced import Reduced, Train

APART_MS = 1.0
"""Two runs have parted where a spike has moved by more than this, or has no partner."""
ROUND_OFF_MS = 1e-8
"""Spike times that differ by less are the same: what the oracle's own are known to."""
STAMPS = "spike times"
CROSSINGS = "threshold crossings"
BEFORE = "before the first spike"
_LEAST_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Quantity:
    """One vector of numbers at several levels and in the truth, each of shape (M,).

    ``dts`` are those of the levels, coarse to fine. ``stamped``: the numbers are multiples of dt. ``floor``
    is round-off, in ``unit``. ``places`` name the numbers.
    """

    name: str
    unit: str
    stamped: bool
    floor: float
    dts: tuple[float, ...]
    values: tuple[Floats, ...]
    truth: Floats
    places: tuple[str, ...]


def agree_until(a: Reduced, b: Reduced) -> float:
    """When two runs part [ms]: the first spike moved by more than 1 ms, or without a partner.

    Infinite if never. A last spike whose partner may lie beyond the end counts as having one.
    """
    first = math.inf
    for name in a.trains.keys() & b.trains.keys():
        x, y = a.trains[name], b.trains[name]
        in_x, in_y = _paired(x, y)
        shift = np.abs(x.times[in_x] - y.times[in_y])
        moved = shift > APART_MS
        if moved.any():
            first = min(first, float(np.minimum(x.times[in_x], y.times[in_y])[moved].min()))
        slack = END_SHIFTS * max(float(shift.max(initial=0.0)), a.dt_ms, b.dt_ms)
        end = min(a.end_ms, b.end_ms) - min(slack, END_SHIFTS * APART_MS)
        for train, paired in ((x, in_x), (y, in_y)):
            alone = np.ones(train.times.size, dtype=bool)
            alone[paired] = False
            alone &= train.times < end
            if alone.any():
                first = min(first, float(train.times[alone].min()))
    return first


def _paired(x: Train, y: Train) -> tuple[np.ndarray, np.ndarray]:
    """The places of spikes that both have: the k-th of a cell in one and in the other."""
    most = int(max([*x.rank, *y.rank], default=0)) + 1 if x.times.size and y.times.size else 1
    _, in_x, in_y = np.intersect1d(
        x.cells * most + x.rank, y.cells * most + y.rank, return_indices=True
    )
    return in_x, in_y


def window(levels: Sequence[Reduced], truth: Reduced) -> tuple[int, float]:
    """The first of the levels to use, and until when [ms] they and the truth have the same spikes.

    As many levels as possible, three at least, as long as that costs at most half of the time.
    """
    until = [agree_until(level, truth) for level in levels]
    first = max(0, len(levels) - 3)
    span = min(until[first:], default=math.inf)
    for k in range(first - 1, -1, -1):
        if min(until[k:]) < 0.5 * span:
            break
        first = k
    return first, min(until[first:], default=math.inf)


def quantities(levels: Sequence[Reduced], truth: Reduced) -> list[Quantity]:
    """All that can be followed through levels, coarse to fine, against the truth."""
    first, until = window(levels, truth)
    used = levels[first:]
    found = [_spikes(used, truth, until, crossings=False), _spikes(used, truth, until, True)]
    found.append(_potentials(used, truth))
    return [q for q in found if q is not None]


def _spikes(
    levels: Sequence[Reduced], truth: Reduced, until: float, crossings: bool
) -> Quantity | None:
    """The times of the spikes before *until* that all levels have."""
    values: list[list[Floats]] = [[] for _ in range(len(levels) + 1)]
    places: list[str] = []
    for name, true in truth.trains.items():
        trains = [level.trains.get(name) for level in levels]
        if any(t is None for t in trains):
            continue
        whole = [true, *(t for t in trains if t is not None)]
        keys = _common_keys(whole)
        rows = [np.searchsorted(_keys(t), keys) for t in whole]
        early = true.times[rows[0]] < until
        if crossings:
            for train, row in zip(whole, rows, strict=True):
                early &= np.isfinite(train.crossings[row])
        for k, (train, row) in enumerate(zip(whole, rows, strict=True)):
            values[k].append((train.crossings if crossings else train.times)[row][early])
        places += [
            f"spike {rank + 1} of {name} {cell}"
            for cell, rank in zip(
                true.cells[rows[0]][early], true.rank[rows[0]][early], strict=True
            )
        ]
    joined = [np.concatenate([np.empty(0), *v]) for v in values]
    if not joined[0].size:
        return None
    return Quantity(
        CROSSINGS if crossings else STAMPS,
        "ms",
        not crossings,
        ROUND_OFF_MS,
        tuple(level.dt_ms for level in levels),
        tuple(joined[1:]),
        joined[0],
        tuple(places),
    )


_MOST_SPIKES_A_CELL = 2**32


def _keys(train: Train) -> np.ndarray:
    return train.cells.astype(np.int64) * _MOST_SPIKES_A_CELL + train.rank


def _common_keys(trains: Sequence[Train]) -> np.ndarray:
    common = _keys(trains[0])
    for train in trains[1:]:
        common = np.intersect1d(common, _keys(train), assume_unique=True)
    return common


def _potentials(levels: Sequence[Reduced], truth: Reduced) -> Quantity | None:
    """Samples before any spike of their population: potentials in mV, or all states over their range."""
    keys = [k for k in truth.samples if all(k in level.samples for level in levels)]
    volts = [k for k in keys if truth.units[k] == "mV"]
    values: list[list[Floats]] = [[] for _ in range(len(levels) + 1)]
    spiking = False
    scale_of_all = 0.0
    for key in volts or keys:
        runs = [truth, *levels]
        start = min(run.first_spike(key[0]) for run in runs)
        spiking |= math.isfinite(start)
        n = min(run.samples[key].shape[0] for run in runs)
        coarse = max(level.dt_ms for level in levels)
        step = (truth.end_ms / (n - 1)) if n > 1 else coarse
        rows = np.arange(n) * step < start - coarse - 1e-9
        if rows.sum() < _LEAST_SAMPLES:
            continue
        samples = [run.samples[key][:n][rows] for run in runs]
        good = np.all([np.isfinite(s) for s in samples], axis=0)
        whole = truth.samples[key][np.isfinite(truth.samples[key])]
        extent = max(float(np.ptp(whole)), 1e-3 * float(np.abs(whole).max()), 1e-300)
        scale_of_all = max(scale_of_all, extent)
        for k, s in enumerate(samples):
            values[k].append(s[good] / (1.0 if volts else extent))
    joined = [np.concatenate([np.empty(0), *v]) for v in values]
    if not joined[0].size:
        return None
    what = "membrane potential" if volts else "states over their range"
    return Quantity(
        f"{what} {BEFORE}" if spiking else what,
        "mV" if volts else "",
        False,
        ROUND_OFF * (scale_of_all if volts else 1.0),
        tuple(level.dt_ms for level in levels),
        tuple(joined[1:]),
        joined[0],
        (),
    )
