"""A `Recording`: what one run produced, spikes and traces, with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .caveats import Caveat
from .clock import step_times
from .values import Floats


@dataclass(frozen=True, eq=False)
class Spikes:
    """The spikes of a population, sorted by time, then cell: ``times`` [ms] and ``cells``, shape (n,)."""

    times: Floats
    cells: NDArray[np.int32]

    @classmethod
    def sorted(cls, times: Any, cells: Any) -> Spikes:
        """Spikes from arrays in any order."""
        times = np.asarray(times, dtype=np.float64)
        cells = np.asarray(cells, dtype=np.int32)
        if times.shape == cells.shape:
            later, together = times[1:] > times[:-1], times[1:] == times[:-1]
            if bool(np.all(later | (together & (cells[1:] >= cells[:-1])))):
                return cls(times, cells)
        order = np.lexsort((cells, times))
        return cls(times[order], cells[order])

    @classmethod
    def from_steps(cls, steps: Any, cells: Any, dt_ms: float) -> Spikes:
        """Spikes stamped with whole numbers of steps."""
        return cls.sorted(step_times(np.asarray(steps), dt_ms), cells)

    def __len__(self) -> int:
        return int(self.times.size)


@dataclass(frozen=True, eq=False)
class Trace:
    """A state variable sampled on a regular grid, or at times of its own.

    ``values`` has shape (samples, cells); sample k was taken at ``start_ms + k·dt_ms``, or at ``at_ms[k]``
    where a recording from elsewhere has irregular samples, shape (samples,), ``dt_ms`` being their median
    gap; ``unit`` is the internal unit of the variable. Large values that were read stay in their file, and
    cannot be changed.
    """

    values: Floats
    cells: NDArray[np.int32]
    unit: str
    start_ms: float
    dt_ms: float
    at_ms: Floats | None = None

    @property
    def times(self) -> Floats:
        """The times of the samples in ms, shape (samples,)."""
        if self.at_ms is not None:
            return self.at_ms
        first = round(self.start_ms / self.dt_ms)
        if abs(first * self.dt_ms - self.start_ms) <= 1e-9:
            # Whole steps multiplied once, so that equal grids have equal times to the bit.
            return step_times(np.arange(first, first + self.values.shape[0]), self.dt_ms)
        return self.start_ms + step_times(np.arange(self.values.shape[0]), self.dt_ms)


@dataclass(frozen=True, eq=False)
class Recording:
    """Spikes by population, traces by (population, variable), and the provenance of a run.

    ``notes`` say what the run did that a reader should know (rounding, defaults of a simulator);
    ``caveats`` what was not seen, or cannot be trusted, which limits every verdict about the recording;
    ``build_s`` and ``run_s`` are the seconds to set the model up and to simulate it.
    """

    duration_ms: float
    dt_ms: float
    spikes: Mapping[str, Spikes]
    traces: Mapping[tuple[str, str], Trace]
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    build_s: float = 0.0
    run_s: float = 0.0
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """A few lines: what was recorded, not the numbers."""
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        from .html import recording_html

        return recording_html(self)


def _lines(recording: Recording) -> list[str]:
    lines = [f"Recording of {recording.duration_ms:g} ms in steps of {recording.dt_ms:g} ms"]
    for name, spikes in recording.spikes.items():
        size = recording.sizes.get(name, 0)
        cells = "1 cell" if size == 1 else f"{size:,} cells"
        lines.append(f"  {name}: {cells}, {len(spikes):,} spikes")
    for (population, variable), trace in recording.traces.items():
        n_samples, n_cells = trace.values.shape
        cells = "1 cell" if n_cells == 1 else f"{n_cells:,} cells"
        lines.append(f"  {population}.{variable} [{trace.unit}]: {cells}, {n_samples:,} samples")
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"  … and {len(lines) - _MOST_LINES + 1} more"]
    caveats = recording.caveats[:_MOST_CAVEATS]
    lines += [f"  {caveat.kind}: {caveat}" for caveat in caveats]
    if len(recording.caveats) > len(caveats):
        lines.append(f"  … and {len(recording.caveats) - len(caveats)} more not seen or assumed")
    return lines


_MOST_LINES = 12
_MOST_CAVEATS = 6
