"""A recording reduced to what convergence is judged by: spikes, crossings, samples at common times."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....backends.oracle.events import NoDistanceError, distance
from ....core.expressions import names as names_in
from ....core.inlining import inlined
from ....core.numpy_code import evaluate
from ....core.realization import Realization, RealizedPopulation
from ....core.recording import Recording, Trace
from ...measuring.ordering import Floats, Integers, sort_by_cell

_BESIDE = 3
# A polynomial through six samples around a crossing, by the powers of the fraction of a step.
_POWERS = np.linalg.inv(np.vander(np.arange(-2.0, 4.0), increasing=True))
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Train:
    """The spikes of a population ordered by cell, then time: ``cells`` and ``times`` [ms], shape (n,).

    ``crossings`` are the same spikes where the recorded trace crosses the threshold, between samples; NaN
    where that is not known.
    """

    cells: Integers
    times: Floats
    crossings: Floats

    @property
    def rank(self) -> Integers:
        """The number of each spike within its cell, from 0."""
        starts = np.flatnonzero(np.diff(self.cells, prepend=-1))
        counts = np.diff(np.append(starts, self.cells.size))
        return np.arange(self.cells.size) - np.repeat(starts, counts)


@dataclass(frozen=True, eq=False)
class Reduced:
    """A recording with step ``dt_ms``: trains by population, samples at multiples of a coarser step.

    ``samples`` have shape (T, K), NaN where there is none; ``units`` by the same key (population, variable).
    """

    dt_ms: float
    end_ms: float
    trains: Mapping[str, Train]
    samples: Mapping[tuple[str, str], Floats]
    units: Mapping[tuple[str, str], str]

    def first_spike(self, population: str) -> float:
        """When the first spike of a population is [ms]; infinite without one."""
        train = self.trains.get(population)
        return float(train.times.min()) if train is not None and train.times.size else np.inf


def reduce_recording(
    recording: Recording, realization: Realization, coarse_ms: float, exact: bool = False
) -> Reduced:
    """Reduce a recording; its samples at multiples of *coarse_ms*.

    *exact*: its spikes are at the very crossings, as the oracle's are. The crossings of others are those of
    the polynomial through the six samples around: its error is of order 6.
    """
    trains = {}
    for name, spikes in recording.spikes.items():
        ordered = sort_by_cell(spikes.times, spikes.cells, "spikes")
        cells = np.repeat(ordered.ids, ordered.counts)
        train = Train(cells, ordered.times, np.full(cells.size, np.nan))
        population = realization.populations.get(name)
        if population is not None and population.cell.on_crossing:
            found = ordered.times if exact else _crossings(recording, population, train)
            train = Train(cells, ordered.times, found)
        trains[name] = train
    n = int(np.floor(realization.n_steps * realization.dt_ms / coarse_ms + 1e-6)) + 1
    samples = {key: _at(trace, coarse_ms, n) for key, trace in recording.traces.items()}
    units = {key: trace.unit for key, trace in recording.traces.items()}
    return Reduced(recording.dt_ms, recording.duration_ms, trains, samples, units)


def _at(trace: Trace, coarse_ms: float, n: int) -> Floats:
    """The samples at k·coarse_ms, k < n; NaN where a recording has none."""
    times = trace.times
    wanted = np.arange(n) * coarse_ms
    row = np.clip(np.searchsorted(times, wanted - 1e-6 * coarse_ms), 0, times.size - 1)
    there = np.abs(times[row] - wanted) <= 1e-6 * coarse_ms
    values = np.array(trace.values[row], dtype=np.float64)
    values[~there] = np.nan
    return values


def _crossings(recording: Recording, population: RealizedPopulation, train: Train) -> Floats:
    """Where the threshold is crossed, between samples, of the spikes of recorded cells; NaN elsewhere."""
    found = np.full(train.times.size, np.nan)
    cell = population.cell
    assert cell.threshold is not None
    try:
        tree = distance(inlined(cell, cell.threshold))
    except NoDistanceError:
        return found
    states = {v.name for v in cell.states}
    used = sorted(names_in(tree) & states)
    known = {v: recording.traces.get((population.name, v)) for v in used}
    if not used or any(trace is None for trace in known.values()):
        return found
    if names_in(tree) - states - set(population.parameters):
        return found  # it depends on an input or on refractoriness
    first = known[used[0]]
    assert first is not None
    if any(t is None or t.values.shape != first.values.shape for t in known.values()):
        return found
    recorded = np.isin(train.cells, first.cells)
    order = np.argsort(first.cells)
    column = order[np.searchsorted(first.cells[order], train.cells[recorded])]
    stamp = np.rint((train.times[recorded] - first.start_ms) / first.dt_ms).astype(np.int64)
    traces = {v: t.values for v, t in known.items() if t is not None}
    at = _located(tree, population, traces, train.cells[recorded], column, stamp)
    found[recorded] = first.start_ms + at * first.dt_ms
    return found


def _located(
    tree: ast.expr,
    population: RealizedPopulation,
    traces: Mapping[str, Floats],
    cells: Integers,
    column: Integers,
    stamp: Integers,
) -> Floats:
    """The crossings nearest to stamps, as fractional numbers of samples."""
    n_samples = next(iter(traces.values())).shape[0]

    def values(rows: Integers) -> Floats:
        """The distance from threshold at samples (spikes, k)."""
        known: dict[str, object] = {v: t[rows, column[:, None]] for v, t in traces.items()}
        for name, value in population.parameters.items():
            known[name] = np.asarray(value)[cells][:, None] if np.ndim(value) else value
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(tree, known), dtype=np.float64), rows.shape)

    # The last sample below threshold before one above, nearest to the stamp.
    offsets = np.arange(-_BESIDE, _BESIDE + 1)
    rows = stamp[:, None] + offsets
    inside = (rows >= 2) & (rows + 3 < n_samples)
    low = values(np.clip(rows, 0, n_samples - 1))
    high = values(np.clip(rows + 1, 0, n_samples - 1))
    crossing = inside & (low <= 0.0) & (high > 0.0)
    # A stamp is mostly that of the sample after the crossing.
    far = np.where(crossing, np.abs(offsets + 1), np.iinfo(np.int64).max)
    best = np.argmin(far, axis=1)
    left = rows[np.arange(rows.shape[0]), best]
    there = crossing[np.arange(rows.shape[0]), best]
    found = np.full(stamp.size, np.nan)
    if not there.any():
        return found
    around = np.clip(left[:, None] + np.arange(-2, 4), 0, n_samples - 1)
    coefficients = values(around) @ _POWERS.T
    below, above = np.zeros(stamp.size), np.ones(stamp.size)
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        value = np.sum(coefficients * middle[:, None] ** np.arange(6), axis=1)
        below, above = np.where(value <= 0, middle, below), np.where(value <= 0, above, middle)
    found[there] = (left + (below + above) / 2)[there]
    return found
