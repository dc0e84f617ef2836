"""How fast spikes are matched, beside the nearest functions of pyspike and elephant.

All of them compute on one core; their time is the processor's, which a busy machine changes little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .distances import victor_purpura_distance
from .ordering import sort_by_cell
from .spikes import match_spikes

Result = TypeVar("Result")


@dataclass(frozen=True)
class Peer:
    """Another library on the same spikes.

    Attributes:
        name: of its function.
        n_spikes: spikes of a that both were given.
        seconds: it took.
        own_seconds: matching took for the same spikes.
        same: whether it gave the number that follows from the matching.
    """

    name: str
    n_spikes: int
    seconds: float
    own_seconds: float
    same: bool

    @property
    def ratio(self) -> float:
        """How many times faster matching was."""
        return self.seconds / self.own_seconds


@dataclass(frozen=True)
class MatchingBenchmark:
    """Time to match two recordings that share most spikes.

    Attributes:
        n_spikes: spikes of a.
        seconds: best of three.
        spikes_per_second: n_spikes over seconds.
        peers: other libraries, on fewer cells.
    """

    n_spikes: int
    seconds: float
    spikes_per_second: float
    peers: tuple[Peer, ...]


def benchmark_matching(
    n_spikes: int = 10_000_000, peers: bool = True, seed: int = 0
) -> MatchingBenchmark:
    """Match recordings in order of time, of which b lacks one spike in a hundred.

    The cells spike every 25 ms on average, on a grid of 0.1 ms. pyspike's SPIKE synchronization
    with `max_tau` and elephant's Victor-Purpura distance at a cost of 2/tolerance then follow
    from the numbers of matched, missing and extra spikes, as every pair has no shift. Both
    are timed from arrays of times and cells on, as matching is.

    Args:
        n_spikes: spikes of a, about.
        peers: also time pyspike and elephant, on up to 400 and 10 of the cells.
        seed: of the spikes.
    """
    dt, tolerance, n_cells = 0.1, 0.1, 4000
    rng = np.random.default_rng(seed)
    steps = max(1, round(250 * n_spikes / n_cells))
    key = np.unique(rng.integers(0, steps * n_cells, n_spikes))  # in order of time
    t, cell = (key // n_cells).astype(np.float64) * dt, key % n_cells
    kept = rng.random(t.size) >= 0.01
    seconds, _ = _timed(lambda: match_spikes(t, cell, t[kept], cell[kept], tolerance))
    found: tuple[Peer, ...] = ()
    if peers:
        stop = steps * dt
        found = (
            _pyspike(t, cell, kept, 400, tolerance, stop),
            _elephant(t, cell, kept, 10, tolerance),
        )
    return MatchingBenchmark(t.size, seconds, t.size / seconds, found)


def _timed(function: Callable[[], Result]) -> tuple[float, Result]:
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        result = function()
        best = min(best, time.process_time() - begin)
    return best, result


def _pyspike(
    t: NDArray[np.float64],
    cell: NDArray[np.int64],
    kept: NDArray[np.bool_],
    n_cells: int,
    tolerance: float,
    stop: float,
) -> Peer:
    import pyspike

    some = cell < n_cells
    b = some & kept
    own_seconds, match = _timed(lambda: match_spikes(t[some], cell[some], t[b], cell[b], tolerance))

    def trains(chosen: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        spikes = sort_by_cell(t[chosen], cell[chosen], "benchmark_matching")
        counts = np.zeros(n_cells, dtype=np.int64)
        counts[spikes.ids] = spikes.counts
        return np.split(spikes.times, np.cumsum(counts)[:-1])

    begin = time.process_time()
    pairs = [
        [pyspike.SpikeTrain(train, (0.0, stop)) for train in pair]
        for pair in zip(trains(some), trains(b), strict=True)
    ]
    # The share of coincident spikes of each cell, times its spikes, halved: its matched pairs.
    matched = sum(
        pyspike.spike_sync(x, y, max_tau=tolerance) * (len(x) + len(y)) / 2 for x, y in pairs
    )
    seconds = time.process_time() - begin
    same = abs(matched - match.matched) < 0.5
    return Peer("pyspike.spike_sync", match.n_a, seconds, own_seconds, same)


def _elephant(
    t: NDArray[np.float64],
    cell: NDArray[np.int64],
    kept: NDArray[np.bool_],
    n_cells: int,
    tolerance: float,
) -> Peer:
    # Its time grows with the square of the spikes of a cell.
    some = (cell < n_cells) & (t < 10_000.0)
    b = some & kept
    spikes = t[some], cell[some], t[b], cell[b]
    own_seconds, match = _timed(lambda: match_spikes(*spikes, tolerance))
    victor_purpura_distance([1.0], [0], [1.0], [0], cost=1.0)  # imports elephant
    begin = time.process_time()
    distance = victor_purpura_distance(*spikes, cost=2.0 / tolerance, most_cells=None)
    seconds = time.process_time() - begin
    same = abs(float(distance.per_cell.sum()) - match.missing - match.extra) < 0.5
    return Peer("elephant.victor_purpura_distance", match.n_a, seconds, own_seconds, same)
