"""Sources of spikes drawn: Poisson, and trains that are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .clock import on_grid, to_steps
from .drawn import Drawn, Note, stream
from .errors import InputError
from .experiment import Experiment
from .populations import PoissonSource, SpikeTrains
from .realization import Ints, RealizedSource
from .units import TIME, Quantity, dimension_of_unit
from .values import Floats, draw_value

_BLOCK_MS = 100.0
_MOST_BLOCKS = 1_000_000
_MAX_DRAWN = 1e9


def _on_steps(
    name: str, size: int, times: Floats, cells: NDArray[np.integer], experiment: Experiment
) -> RealizedSource:
    early = times <= experiment.duration_ms + experiment.dt_ms
    times, cells = times[early], cells[early]
    steps = to_steps(times, experiment.dt_ms)
    kept = steps <= experiment.n_steps
    return RealizedSource(name, size, *_in_order(steps[kept], cells[kept], times[kept]))


def _in_order(
    steps: NDArray[np.integer], cells: NDArray[np.integer], times: Floats
) -> tuple[Ints, Ints, Floats]:
    """Spikes sorted by step, then cell; those of one cell in one step stay as they were."""
    order = np.lexsort((cells, steps))
    return steps[order].astype(np.int32), cells[order].astype(np.int32), times[order]


def realize_poisson(experiment: Experiment, source: PoissonSource) -> RealizedSource:
    """Counts per train and block are Poisson, times within uniform: exact, and longer runs begin alike."""
    name, size = source.name, source.size
    rate = draw_value(
        source.rate,
        stream(experiment.seed, "population", name, "rate"),
        size,
        dimension_of_unit("1/ms"),
        f"{name}.rate",
    )
    rate = np.broadcast_to(np.asarray(rate, dtype=np.float64), size)
    if (rate < 0).any():
        raise InputError(f"{name}.rate", "a drawn rate is negative; use a truncated distribution")
    rng = stream(experiment.seed, "population", name, "spikes")
    start = source.start.to(TIME, f"{name}.start")
    stop = np.inf if source.stop is None else source.stop.to(TIME, f"{name}.stop")
    block = _BLOCK_MS if source.interval is None else source.interval.to(TIME, f"{name}.interval")
    if block < experiment.dt_ms * (1 - 1e-9):
        raise InputError(
            f"{name}.interval", f"{source.interval} is shorter than a step of {experiment.dt}"
        )
    profile = np.asarray((1.0,) if source.profile is None else source.profile)
    if experiment.duration_ms / block > _MOST_BLOCKS:
        raise InputError(
            f"{name}.interval",
            f"{source.interval} cuts the run into more than {_MOST_BLOCKS:,} parts",
        )
    dt, parts = experiment.dt_ms, []
    waiting = (np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
    n_expected = 0.0
    n_blocks = int(np.ceil(experiment.duration_ms / block - 1e-9))
    for k in range(n_blocks):
        factor = profile[k % profile.size if source.repeat else min(k, profile.size - 1)]
        expected = rate * factor * block
        n_expected += float(np.sum(expected))
        if not n_expected <= _MAX_DRAWN:
            raise InputError(f"{name}.rate", f"asks for more than {_MAX_DRAWN:g} spikes in all")
        counts = rng.poisson(expected)
        times = (k + rng.random(int(counts.sum()))) * block
        cells = np.repeat(np.arange(size, dtype=np.int32), counts)
        kept = (times >= start) & (times < stop) & (times <= experiment.duration_ms + dt)
        times, cells = times[kept], cells[kept]
        steps = to_steps(times, dt)
        steps = np.concatenate([waiting[0], steps])
        cells = np.concatenate([waiting[1], cells])
        times = np.concatenate([waiting[2], times])
        # Sorted block by block, which takes little memory; the last step may have spikes of the next.
        last = k == n_blocks - 1
        done = steps <= experiment.n_steps if last else steps < to_steps((k + 1) * block, dt)
        parts.append(_in_order(steps[done], cells[done], times[done]))
        waiting = (steps[~done], cells[~done], times[~done])
    return RealizedSource(
        name,
        size,
        np.concatenate([s for s, _, _ in parts]),
        np.concatenate([c for _, c, _ in parts]),
        np.concatenate([t for _, _, t in parts]),
    )


def realize_trains(experiment: Experiment, source: SpikeTrains) -> Drawn[RealizedSource]:
    """The given spikes at the nearest steps; a note says where they are rounded."""
    scale = Quantity(1.0, source.unit).to(TIME, f"{source.name}.unit")
    counts = [len(train) for train in source.times]
    cells = np.repeat(np.arange(source.size, dtype=np.int32), counts)
    times = np.concatenate([np.asarray(t, dtype=np.float64) for t in source.times]) * scale
    notes: tuple[Note, ...] = ()
    if times.size and not on_grid(times, experiment.dt_ms):
        rounded = f"spike times are rounded to steps of {experiment.dt_ms} ms"
        notes = (Note(source.name, rounded),)
    return Drawn(_on_steps(source.name, source.size, times, cells, experiment), notes)
