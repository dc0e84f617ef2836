"""Statistics of the spikes and traces of one population: rate, irregularity, correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError
from .ordering import Floats, Integers, SortedSpikes, sort_by_cell

_BLOCK = 250_000


@dataclass(frozen=True, eq=False)
class FiringRate:
    """Spikes per cell and second.

    Attributes:
        mean: over all cells, in Hz.
        sd: standard deviation over the cells, in Hz (of the population: divided by N).
        per_cell: (N,) rate of each cell, in Hz.
        n_silent: cells without a spike.
    """

    mean: float
    sd: float
    per_cell: Floats
    n_silent: int


@dataclass(frozen=True, eq=False)
class IntervalVariation:
    """Coefficient of variation of the inter-spike intervals: their standard deviation over mean.

    0 for a regular train, 1 for a Poisson train, above 1 for bursts. The standard deviation is
    that of the sample (divided by n − 1). Intervals are those between spikes in the window.

    Source: Softky and Koch (1993), J Neurosci 13:334.

    Attributes:
        mean: over the cells with at least three spikes; nan without one.
        per_cell: (N,) of each cell; nan with fewer than three spikes.
        n_cells: cells with at least three spikes.
    """

    mean: float
    per_cell: Floats
    n_cells: int


@dataclass(frozen=True, eq=False)
class CountCorrelation:
    """Pearson correlation of the binned spike counts of pairs of cells.

    Cells whose count is the same in every bin, silent ones among them, have none and are left
    out before cells are drawn. The window is cut to whole bins.

    Source: de la Rocha et al. (2007), Nature 448:802.

    Attributes:
        mean: over the pairs; nan with fewer than two cells.
        sd: standard deviation over the pairs; nan likewise.
        cells: (K,) cells drawn, ascending.
        n_pairs: K (K − 1) / 2.
        bin: width of a bin, in ms.
        n_bins: bins.
        seed: the draw of the cells is `numpy.random.default_rng(seed)`.
    """

    mean: float
    sd: float
    cells: Integers
    n_pairs: int
    bin: float
    n_bins: int
    seed: int


@dataclass(frozen=True)
class Synchrony:
    """Golomb's chi: fluctuation of the population mean over that of its members.

    chi² = var_t(mean_i x_i) / mean_i(var_t x_i). 1 if all cells do the same, of order 1/√N if
    they are independent.

    Source: Golomb and Rinzel (1994), Physica D 72:259; Golomb (2007), Scholarpedia 2:1347.

    Attributes:
        chi: from 0 to 1; nan where nothing fluctuates.
        n_cells: cells N.
        n_samples: samples or bins.
    """

    chi: float
    n_cells: int
    n_samples: int


@dataclass(frozen=True, eq=False)
class SpikeStatistics:
    """What the spikes of a population in a window of time amount to.

    Attributes:
        n_spikes: spikes in the window.
        rate: spikes per second.
        variation: of the inter-spike intervals.
        correlation: of the spike counts of pairs.
        synchrony: of the binned counts.
    """

    n_spikes: int
    rate: FiringRate
    variation: IntervalVariation
    correlation: CountCorrelation
    synchrony: Synchrony


def spike_statistics(
    times: ArrayLike,
    cells: ArrayLike,
    n_cells: int,
    *,
    start: float,
    stop: float,
    bin: float = 5.0,
    most_cells: int = 100,
    seed: int = 0,
) -> SpikeStatistics:
    """Describe the spikes of a population with start <= t <= stop.

    Args:
        times: (n,) spike times in ms, in any order.
        cells: (n,) cells, integers from 0 to n_cells − 1.
        n_cells: cells of the population, silent ones too.
        start: begin of the window, in ms. A spike at an edge of two bins belongs to the left one,
            as it is stamped with the end of its step; one at `start` to the first.
        stop: end of the window, in ms.
        bin: width of the bins for correlation and synchrony, in ms.
        most_cells: cells drawn for the correlation.
        seed: of that draw.

    Raises:
        InputError: for spikes that are not valid, cells that do not exist, an empty window.
    """
    window = stop - start
    if not (math.isfinite(window) and window > 0.0):
        raise InputError(
            "spike_statistics", f"start {start} ms and stop {stop} ms; start has to be < stop"
        )
    if n_cells < 1:
        raise InputError("spike_statistics.n_cells", f"{n_cells} is given; at least 1 is needed")
    if not 0.0 < bin <= window:
        raise InputError(
            "spike_statistics.bin",
            f"{bin} ms is given; it has to be > 0 and at most the window of {window} ms",
        )
    if most_cells < 2:
        raise InputError("spike_statistics.most_cells", f"{most_cells} is given; a pair needs 2")
    spikes = sort_by_cell(times, cells, "spike_statistics")
    if spikes.ids.size and not 0 <= spikes.ids[0] <= spikes.ids[-1] < n_cells:
        wrong = spikes.ids[0] if spikes.ids[0] < 0 else spikes.ids[-1]
        raise InputError(
            "spike_statistics.cells", f"there is no cell {wrong}; there are 0 to {n_cells - 1}"
        )
    t, cell = _inside(spikes, start, stop)
    counts = np.bincount(cell, minlength=n_cells)
    rates = counts / window * 1e3
    n_bins = math.floor(window / bin * (1.0 + 1e-12))
    # The rounding of k·dt does not move a spike on.
    index = np.maximum(np.ceil((t - start) / bin - 1e-9).astype(np.int64) - 1, 0)
    binned = index < n_bins
    index, in_bin = index[binned], cell[binned]
    return SpikeStatistics(
        n_spikes=t.size,
        rate=FiringRate(
            mean=float(rates.mean()),
            sd=float(rates.std()),
            per_cell=rates,
            n_silent=int((counts == 0).sum()),
        ),
        variation=_variation(t, cell, counts),
        correlation=_correlation(index, in_bin, n_cells, n_bins, bin, most_cells, seed),
        synchrony=_count_synchrony(index, in_bin, n_cells, n_bins),
    )


def trace_synchrony(values: ArrayLike) -> Synchrony:
    """Golomb's chi of a variable, as a rule the membrane potential.

    Args:
        values: (T, N) samples of N cells, at equal steps.

    Raises:
        InputError: for values that are not finite or not of that shape.
    """
    v = np.asarray(values)
    if v.ndim != 2 or 0 in v.shape:
        raise InputError("trace_synchrony.values", f"shape {v.shape}; (samples, cells) is needed")
    n_samples, n_cells = v.shape
    # Taken from the first sample, so that a large resting value costs no digits.
    first = v[0].astype(np.float64)
    sums, squares, population = np.zeros(n_cells), np.zeros(n_cells), np.empty(n_samples)
    step = max(1, _BLOCK // n_cells)
    for k in range(0, n_samples, step):
        x = v[k : k + step] - first
        population[k : k + step] = x.mean(axis=1)
        sums += x.sum(axis=0)
        squares += np.einsum("ij,ij->j", x, x)
    if not np.isfinite(squares).all():
        cell = int(np.flatnonzero(~np.isfinite(squares))[0])
        raise InputError("trace_synchrony.values", f"cell {cell} has values that are not finite")
    single = float(np.mean(np.maximum(squares / n_samples - (sums / n_samples) ** 2, 0.0)))
    return Synchrony(_chi(float(population.var()), single), n_cells, n_samples)


def _inside(spikes: SortedSpikes, start: float, stop: float) -> tuple[Floats, Integers]:
    cell = np.repeat(spikes.ids, spikes.counts)
    inside = (spikes.times >= start) & (spikes.times <= stop)
    return (spikes.times, cell) if inside.all() else (spikes.times[inside], cell[inside])


def _variation(t: Floats, cell: Integers, counts: Integers) -> IntervalVariation:
    """From times ordered by cell."""
    n_cells = counts.size
    same = cell[1:] == cell[:-1]
    interval, owner = np.diff(t)[same], cell[1:][same]
    n = np.maximum(counts - 1, 1)
    mean = np.bincount(owner, interval, minlength=n_cells) / n
    squares = np.bincount(owner, (interval - mean[owner]) ** 2, minlength=n_cells)
    enough = counts >= 3
    per_cell = np.full(n_cells, np.nan)
    # Several spikes at one time only: a mean of 0, and no variation to speak of.
    some = enough & (mean > 0.0)
    per_cell[some] = np.sqrt(squares[some] / (n[some] - 1)) / mean[some]
    defined = per_cell[some]
    return IntervalVariation(
        mean=float(defined.mean()) if defined.size else math.nan,
        per_cell=per_cell,
        n_cells=int(defined.size),
    )


def _correlation(
    index: Integers,
    cell: Integers,
    n_cells: int,
    n_bins: int,
    bin: float,
    most_cells: int,
    seed: int,
) -> CountCorrelation:
    sums, squares = _moments(index, cell, n_cells, n_bins)
    # Whole numbers, so equality is exact: n Σx² = (Σx)² iff all are equal.
    candidates = np.flatnonzero(n_bins * squares != sums * sums)
    if candidates.size > most_cells:
        candidates = np.random.default_rng(seed).choice(candidates, most_cells, replace=False)
        candidates.sort()
    k = candidates.size
    mean = sd = math.nan
    if k >= 2:
        row = np.full(n_cells, -1)
        row[candidates] = np.arange(k)
        chosen = row[cell] >= 0
        flat = np.bincount(row[cell[chosen]] * n_bins + index[chosen], minlength=k * n_bins)
        pairs = np.corrcoef(flat.reshape(k, n_bins))[np.triu_indices(k, 1)]
        mean, sd = float(pairs.mean()), float(pairs.std())
    return CountCorrelation(mean, sd, candidates, k * (k - 1) // 2, bin, n_bins, seed)


def _moments(
    index: Integers, cell: Integers, n_cells: int, n_bins: int
) -> tuple[Integers, Integers]:
    """Σ x and Σ x² over the bins of each cell, without a table of all cells by all bins."""
    order = cell * n_bins + index
    # Times are ordered within each cell, so equal places are neighbours.
    starts = np.flatnonzero(np.concatenate([[True], order[1:] != order[:-1]]))[: order.size]
    x = np.diff(np.append(starts, order.size))
    owner = cell[starts]
    sums = np.bincount(owner, x, minlength=n_cells).astype(np.int64)
    squares = np.bincount(owner, x * x, minlength=n_cells).astype(np.int64)
    return sums, squares


def _count_synchrony(index: Integers, cell: Integers, n_cells: int, n_bins: int) -> Synchrony:
    sums, squares = _moments(index, cell, n_cells, n_bins)
    single = float(np.mean((n_bins * squares - sums * sums) / n_bins**2))
    population: NDArray[np.float64] = np.bincount(index, minlength=n_bins) / n_cells
    return Synchrony(_chi(float(population.var()), single), n_cells, n_bins)


def _chi(population: float, single: float) -> float:
    return math.sqrt(population / single) if single > 0.0 else math.nan
