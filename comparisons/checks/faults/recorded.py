"""Mistakes of a recorder: each a function of a `Recording`, None where it cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ....core.clock import step_times
from ....core.recording import Recording, Spikes, Trace
from .fault import ChangeRecording


def _spikes(recording: Recording, change: Callable[[Spikes], Spikes]) -> Recording | None:
    if not any(len(s) for s in recording.spikes.values()):
        return None
    return replace(recording, spikes={name: change(s) for name, s in recording.spikes.items()})


def stamps_by(steps: int) -> ChangeRecording:
    """Every spike is stamped some steps late; none before 0."""

    def act(recording: Recording) -> Recording | None:
        def change(spikes: Spikes) -> Spikes:
            at = np.rint(spikes.times / recording.dt_ms).astype(np.int64) + steps
            last = round(recording.duration_ms / recording.dt_ms)
            inside = (at >= 0) & (at <= last)
            times = step_times(at[inside], recording.dt_ms)
            return Spikes.sorted(times, spikes.cells[inside])

        return _spikes(recording, change)

    return act


def samples_late(recording: Recording) -> Recording | None:
    """Every sample shows the state of one step before."""

    def change(trace: Trace) -> Trace:
        return replace(trace, values=np.concatenate([trace.values[:1], trace.values[:-1]]))

    if not recording.traces:
        return None
    return replace(recording, traces={k: change(t) for k, t in recording.traces.items()})


def scaled(factor: float) -> ChangeRecording:
    """Traces are written in another unit than they say."""

    def act(recording: Recording) -> Recording | None:
        if not recording.traces:
            return None
        traces = {k: replace(t, values=t.values * factor) for k, t in recording.traces.items()}
        return replace(recording, traces=traces)

    return act


def truncated(share: float) -> ChangeRecording:
    """The recording ends early, spikes and traces."""

    def act(recording: Recording) -> Recording | None:
        n = int(share * recording.duration_ms / recording.dt_ms)
        end = n * recording.dt_ms
        spikes = {
            name: Spikes(s.times[s.times <= end], s.cells[s.times <= end])
            for name, s in recording.spikes.items()
        }
        traces = {k: replace(t, values=t.values[: n + 1]) for k, t in recording.traces.items()}
        return replace(recording, spikes=spikes, traces=traces, duration_ms=end)

    return act


def lost_cell(recording: Recording) -> Recording | None:
    """The spikes of the busiest cell of the first spiking population are missing."""
    for name, spikes in recording.spikes.items():
        if len(np.unique(spikes.cells)) > 1:
            kept = spikes.cells != np.bincount(spikes.cells).argmax()
            new = Spikes(spikes.times[kept], spikes.cells[kept])
            return replace(recording, spikes={**recording.spikes, name: new})
    return None


def permuted_cells(recording: Recording) -> Recording | None:
    """Cells are numbered from the end."""
    sizes = recording.sizes
    if not any(len(s) and sizes[n] > 1 for n, s in recording.spikes.items()):
        return None
    spikes = {
        name: Spikes.sorted(s.times, sizes[name] - 1 - s.cells)
        for name, s in recording.spikes.items()
    }
    return replace(recording, spikes=spikes)


def not_finite(share: float) -> ChangeRecording:
    """Traces are NaN after a share of the run."""

    def act(recording: Recording) -> Recording | None:
        if not recording.traces:
            return None

        def change(trace: Trace) -> Trace:
            values = trace.values.copy()
            values[int(share * values.shape[0]) :] = np.nan
            return replace(trace, values=values)

        return replace(recording, traces={k: change(t) for k, t in recording.traces.items()})

    return act


def busy_steps(limit: int) -> ChangeRecording:
    """A buffer takes a few spikes a step; the others of that step are lost."""

    def act(recording: Recording) -> Recording | None:
        lost = 0

        def change(spikes: Spikes) -> Spikes:
            nonlocal lost
            steps = np.rint(spikes.times / recording.dt_ms).astype(np.int64)
            _, first, of = np.unique(steps, return_index=True, return_inverse=True)
            kept = np.arange(steps.size) - first[of] < limit
            lost += int((~kept).sum())
            return Spikes(spikes.times[kept], spikes.cells[kept])

        new = _spikes(recording, change)
        return new if lost else None

    return act


def every_nth_lost(n: int) -> ChangeRecording:
    """Every n-th spike is missing."""

    def act(recording: Recording) -> Recording | None:
        lost = 0

        def change(spikes: Spikes) -> Spikes:
            nonlocal lost
            kept = np.arange(1, len(spikes) + 1) % n != 0
            lost += int((~kept).sum())
            return Spikes(spikes.times[kept], spikes.cells[kept])

        new = _spikes(recording, change)
        return new if lost else None

    return act


def single_precision(recording: Recording) -> Recording | None:
    """Traces are stored as 32-bit floats."""
    if not recording.traces:
        return None
    traces = {
        k: replace(t, values=t.values.astype(np.float32).astype(np.float64))
        for k, t in recording.traces.items()
    }
    return replace(recording, traces=traces)
