"""Distances between spike trains, cell by cell, by elephant and pyspike."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import CoincideError, InputError
from .ordering import Floats, Integers, SortedSpikes, sort_by_cell

MOST_CELLS = 200
"""Cells measured unless more are asked for: elephant takes milliseconds for each."""


@dataclass(frozen=True, eq=False)
class SpikeTrainDistance:
    """A distance between the spike trains of recordings a and b, of each of some cells.

    Attributes:
        name: of the distance.
        mean: over the cells measured; nan if no cell spikes.
        per_cell: (K,) distance of each of `cells`.
        cells: (K,) cells measured: those that spike in a or in b, or, of more than were asked
            for, as many at even ranks.
        n_cells: how many spike in a or in b.
    """

    name: str
    mean: float
    per_cell: Floats
    cells: Integers
    n_cells: int


def victor_purpura_distance(
    times_a: ArrayLike,
    cells_a: ArrayLike,
    times_b: ArrayLike,
    cells_b: ArrayLike,
    *,
    cost: float,
    most_cells: int | None = MOST_CELLS,
) -> SpikeTrainDistance:
    """The cheapest way to edit one spike train into the other.

    Adding or deleting a spike costs 1, moving it by d costs `cost` · |d|, so that two spikes
    correspond if they are less than 2/cost apart. No unit; by elephant.

    Source: Victor and Purpura (1996), J Neurophysiol 76:1310.

    Args:
        times_a: (n_a,) spike times of a, in ms, in any order.
        cells_a: (n_a,) integer cells.
        times_b: (n_b,) spike times of b, in ms, in any order.
        cells_b: (n_b,) integer cells.
        cost: of a shift, in 1/ms; 0 compares the numbers of spikes.
        most_cells: measure at most so many cells; None for all.

    Raises:
        InputError: for spikes that are not valid or a negative cost.
        CoincideError: if elephant is not installed.
    """
    if not (math.isfinite(cost) and cost >= 0.0):
        raise InputError(
            "victor_purpura_distance.cost", f"{cost} /ms is given; it has to be finite and >= 0"
        )
    elephant = _library("elephant.spike_train_dissimilarity", "elephant", "Victor-Purpura")
    ms = _library("quantities", "quantities", "Victor-Purpura").ms

    def distance(a: Floats, b: Floats) -> float:
        trains = [a * ms, b * ms]
        found = elephant.victor_purpura_distance(trains, cost_factor=cost / ms, sort=False)
        return float(found[0, 1])

    trains = _trains("victor_purpura_distance", times_a, cells_a, times_b, cells_b)
    return _per_cell("Victor-Purpura", distance, *trains, most_cells)


def van_rossum_distance(
    times_a: ArrayLike,
    cells_a: ArrayLike,
    times_b: ArrayLike,
    cells_b: ArrayLike,
    *,
    tau: float,
    most_cells: int | None = MOST_CELLS,
) -> SpikeTrainDistance:
    """The distance of two spike trains, each spike replaced by a decaying exponential.

    D² = (1/tau) ∫ (f_a − f_b)² dt with f(t) = Σ exp(−(t − t_k)/tau) for t_k <= t. A spike too many
    gives D = √½, one shifted by d gives D = √(1 − exp(−|d|/tau)). No unit; by elephant, divided
    by √2 as elephant's definition has twice this D².

    Source: van Rossum (2001), Neural Comput 13:751.

    Args:
        times_a: (n_a,) spike times of a, in ms, in any order.
        cells_a: (n_a,) integer cells.
        times_b: (n_b,) spike times of b, in ms, in any order.
        cells_b: (n_b,) integer cells.
        tau: time constant of the exponential, in ms.
        most_cells: measure at most so many cells; None for all.

    Raises:
        InputError: for spikes that are not valid or a tau that is not > 0.
        CoincideError: if elephant is not installed.
    """
    if not (math.isfinite(tau) and tau > 0.0):
        raise InputError(
            "van_rossum_distance.tau", f"{tau} ms is given; it has to be finite and > 0"
        )
    elephant = _library("elephant.spike_train_dissimilarity", "elephant", "van Rossum")
    ms = _library("quantities", "quantities", "van Rossum").ms

    def distance(a: Floats, b: Floats) -> float:
        with warnings.catch_warnings():
            # Equal trains give squares of −1e-16, which elephant sets to 0 and warns about.
            warnings.filterwarnings("ignore", message="van_rossum_distance: very small negative")
            found = elephant.van_rossum_distance([a * ms, b * ms], tau * ms, sort=False)
        return float(found[0, 1]) / math.sqrt(2.0)

    trains = _trains("van_rossum_distance", times_a, cells_a, times_b, cells_b)
    return _per_cell("van Rossum", distance, *trains, most_cells)


def isi_distance(
    times_a: ArrayLike,
    cells_a: ArrayLike,
    times_b: ArrayLike,
    cells_b: ArrayLike,
    *,
    start: float,
    stop: float,
    most_cells: int | None = MOST_CELLS,
) -> SpikeTrainDistance:
    """How much the momentary inter-spike intervals differ, from 0 (equal) to 1.

    The mean over time of |x_a − x_b| / max(x_a, x_b), x the interval around t; before the first
    and after the last spike the interval to the edge, or the nearest one if that is longer. A
    common shift is nearly invisible to it. By pyspike.

    Source: Kreuz et al. (2007), J Neurosci Methods 165:151; edges: Mulansky et al. (2015).

    Args:
        times_a: (n_a,) spike times of a, in ms, in any order.
        cells_a: (n_a,) integer cells.
        times_b: (n_b,) spike times of b, in ms, in any order.
        cells_b: (n_b,) integer cells.
        start: of the recordings, in ms.
        stop: end of the recordings, in ms.
        most_cells: measure at most so many cells; None for all.

    Raises:
        InputError: for spikes that are not valid or outside the recordings.
        CoincideError: if pyspike is not installed.
    """
    spikes = (times_a, cells_a, times_b, cells_b)
    return _by_pyspike("ISI", "isi_distance", spikes, start, stop, most_cells)


def spike_distance(
    times_a: ArrayLike,
    cells_a: ArrayLike,
    times_b: ArrayLike,
    cells_b: ArrayLike,
    *,
    start: float,
    stop: float,
    most_cells: int | None = MOST_CELLS,
) -> SpikeTrainDistance:
    """The SPIKE distance: how far, relative to the intervals, spikes are from each other.

    The mean over time of the distance of the spikes around t to the nearest ones of the other
    train, weighted by closeness and divided by the mean interval; from 0 (equal) to 1. By pyspike.

    Source: Kreuz et al. (2013), J Neurophysiol 109:1457; edges: Mulansky et al. (2015).

    Args:
        times_a: (n_a,) spike times of a, in ms, in any order.
        cells_a: (n_a,) integer cells.
        times_b: (n_b,) spike times of b, in ms, in any order.
        cells_b: (n_b,) integer cells.
        start: of the recordings, in ms.
        stop: end of the recordings, in ms.
        most_cells: measure at most so many cells; None for all.

    Raises:
        InputError: for spikes that are not valid or outside the recordings.
        CoincideError: if pyspike is not installed.
    """
    spikes = (times_a, cells_a, times_b, cells_b)
    return _by_pyspike("SPIKE", "spike_distance", spikes, start, stop, most_cells)


def _by_pyspike(
    name: str,
    function: str,
    spikes: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
    start: float,
    stop: float,
    most_cells: int | None,
) -> SpikeTrainDistance:
    if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
        raise InputError(function, f"start {start} ms and stop {stop} ms; start has to be < stop")
    pyspike = _library("pyspike", "pyspike", name)
    measure = getattr(pyspike, function)
    a, b = _trains(function, *spikes)
    for trains, which in ((a, "a"), (b, "b")):
        t = trains.times
        if t.size and not start <= t.min() <= t.max() <= stop:
            raise InputError(
                f"{function}.times_{which}",
                f"spikes from {t.min()} to {t.max()} ms, outside the recording of {start} to "
                f"{stop} ms",
            )

    def distance(x: Floats, y: Floats) -> float:
        edges = (start, stop)
        return float(measure(pyspike.SpikeTrain(x, edges), pyspike.SpikeTrain(y, edges)))

    return _per_cell(name, distance, a, b, most_cells)


def _library(module: str, package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CoincideError(
            f"{name} distance: needs {package}, which cannot be imported ({error}); "
            "install it with: pip install 'coincide[analysis]'"
        ) from error


def _trains(
    where: str, times_a: ArrayLike, cells_a: ArrayLike, times_b: ArrayLike, cells_b: ArrayLike
) -> tuple[SortedSpikes, SortedSpikes]:
    a = sort_by_cell(times_a, cells_a, where, "_a")
    return a, sort_by_cell(times_b, cells_b, where, "_b")


def _per_cell(
    name: str,
    distance: Callable[[Floats, Floats], float],
    a: SortedSpikes,
    b: SortedSpikes,
    most_cells: int | None,
) -> SpikeTrainDistance:
    if most_cells is not None and most_cells < 1:
        raise InputError(f"{name} distance.most_cells", f"{most_cells} is given; at least 1 needed")
    cells = spiking = np.union1d(a.ids, b.ids)
    if most_cells is not None and cells.size > most_cells:
        cells = cells[np.arange(most_cells) * cells.size // most_cells]
    pairs = zip(_of_cells(a, cells), _of_cells(b, cells), strict=True)
    found = np.array([distance(x, y) for x, y in pairs], dtype=np.float64)
    mean = float(found.mean()) if found.size else math.nan
    return SpikeTrainDistance(name, mean, found, cells, spiking.size)


def _of_cells(spikes: SortedSpikes, cells: Integers) -> Iterator[Floats]:
    ends = np.append(0, np.cumsum(spikes.counts))
    rank = np.searchsorted(spikes.ids, cells)
    has = np.isin(cells, spikes.ids)
    for k, any_spike in zip(rank, has, strict=True):
        yield spikes.times[ends[k] : ends[k + 1]] if any_spike else spikes.times[:0]
