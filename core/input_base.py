"""What every input can answer, and the two forms of those that change: a waveform, and samples.

A new kind of input derives from `Waveform` and says its `wave`, or from `Sampled` and says its `samples`;
then it is added to `inputs.Input` and to the public names. Nobody else asks of which kind an input is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from .clock import on_grid, step_times, to_steps
from .description import Description
from .drawn import Drawn, Note
from .errors import InputError
from .names import check_identifier
from .units import TIME, Dimension, Quantity
from .values import Floats, Indices, Value, check_value

_SLACK = 1e-9
"""ms that a time may be before an edge and count as the edge."""


@dataclass(frozen=True)
class Grid:
    """The steps of an experiment."""

    dt: Quantity
    n_steps: int

    @property
    def dt_ms(self) -> float:
        """The time step in ms."""
        return self.dt.internal

    @property
    def end_ms(self) -> float:
        """Where the last step ends."""
        return self.n_steps * self.dt_ms


@dataclass(frozen=True)
class Course:
    """What an input is in every step: ``gain[i]·values[frames[n], columns[i]]`` for cell i in step n.

    Shapes: ``values`` (frames, columns), ``frames`` (n_steps,), ``columns`` (cells,), ``gain`` (cells,) or
    one number; in internal units.
    """

    values: Floats
    frames: NDArray[np.int32]
    columns: NDArray[np.int32]
    gain: float | Floats = 1.0


class InputBase(Description):
    """An input to ``cells`` (all by default) of a population, into the ``(input)`` named ``port``.

    ``measured`` are the fields in the unit of the port, ``moves`` says that it changes between its
    `breakpoints`, ``random`` that it is drawn anew where the steps are others.
    """

    measured: ClassVar[tuple[str, ...]] = ()
    moves: ClassVar[bool] = False
    random: ClassVar[bool] = False

    name: str
    population: str
    port: str | None = None
    cells: Indices | None = None

    @model_validator(mode="after")
    def _named(self) -> Any:
        check_identifier(self.name, "input")
        return self

    def check_time(self, field: str, *, positive: bool) -> None:
        """InputError unless a field is a time of 0 or more, or above 0."""
        given = getattr(self, field)
        value = given.to(TIME, f"{self.name}.{field}")
        if value < 0 or (value == 0 and positive):
            word = "> 0" if positive else ">= 0"
            raise InputError(f"{self.name}.{field}", f"{given} has to be {word}")

    @property
    def constant(self) -> Value | None:
        """The value of an input that never changes, None of all others."""
        return None

    def quantities(self) -> dict[str, Any]:
        """What is in the unit of the port, by field."""
        given = {field: getattr(self, field) for field in self.measured}
        return {field: value for field, value in given.items() if value is not None}

    def check_dimension(self, dimension: Dimension) -> None:
        """InputError unless all that is in the unit of the port has a dimension."""
        for field, value in self.quantities().items():
            check_value(value, dimension, f"{self.name}.{field}")

    def jumps(self) -> tuple[float, ...]:
        """The times [ms] of jumps that are brought to the nearest step."""
        return ()

    def breakpoints(self, grid: Grid) -> Floats:
        """The times [ms] between which it is smooth, as described; some may be outside the run."""
        return np.empty(0)

    def at(self, times: Floats, samples: Floats) -> Floats:
        """The values at times [ms] as described, for a gain of 1, shape (times, columns).

        *samples* are the ``values`` that were drawn of it.
        """
        raise NotImplementedError

    def between(self, instant: float) -> Callable[[Floats], Floats] | None:
        """The function of times [ms] that holds around an instant, up to both breakpoints and at them.

        None where it stays as it is there. For a gain of 1.
        """
        return None

    def hold(
        self, grid: Grid, size: int, dimension: Dimension, rng: np.random.Generator
    ) -> Drawn[Course]:
        """What is held in every step, for *size* cells."""
        raise NotImplementedError


class Waveform(InputBase):
    """A function of time from ``start`` to ``stop``, which act from the nearest step on."""

    if TYPE_CHECKING:
        start: Quantity
        stop: Quantity | None

    @model_validator(mode="after")
    def _starts_before_it_stops(self) -> Any:
        self.check_time("start", positive=False)
        if self.stop is not None:
            self.check_time("stop", positive=False)
            if self.stop.internal <= self.start.internal:
                raise InputError(self.name, f"stop {self.stop} is not after start {self.start}")
        return self

    def wave(self, times: Floats, start: float, stop: float) -> Floats:
        """The values at times [ms] for a gain of 1, shape (times,), where it starts and stops [ms] then."""
        raise NotImplementedError

    def gain(self, size: int, dimension: Dimension, rng: np.random.Generator) -> float | Floats:
        """What the wave is multiplied by, a number or an array (size,)."""
        return 1.0

    def on(self, times: Floats, start: float, stop: float) -> NDArray[np.bool_]:
        """Whether it is on at times [ms]."""
        return (times >= start - _SLACK) & (times < stop - _SLACK)

    @property
    def span(self) -> tuple[float, float]:
        """Start and stop [ms] as described."""
        return self.start.internal, np.inf if self.stop is None else self.stop.internal

    def breakpoints(self, grid: Grid) -> Floats:
        """Start and stop."""
        return np.array(self.span)

    def at(self, times: Floats, samples: Floats) -> Floats:
        """The wave where it starts and stops as described."""
        return self.wave(times, *self.span)[:, None]

    def hold(
        self, grid: Grid, size: int, dimension: Dimension, rng: np.random.Generator
    ) -> Drawn[Course]:
        """The wave at the beginning of every step; InputError where it would act in none."""
        span = self._span(grid)
        times = step_times(np.arange(grid.n_steps), grid.dt_ms)
        frames, values = _shortened(self.wave(times, *span.value)[:, None])
        columns = np.zeros(size, dtype=np.int32)
        gain = self.gain(size, dimension, rng)
        return Drawn(Course(values, frames, columns, gain), span.notes)

    def _span(self, grid: Grid) -> Drawn[tuple[float, float]]:
        """Start and stop [ms] at the nearest step, ties up."""
        dt, end = grid.dt_ms, grid.end_ms
        span, notes = [0.0, np.inf], []
        for k, (field, time) in enumerate((("start", self.start), ("stop", self.stop))):
            if time is None:
                continue
            span[k] = time.internal
            if time.internal >= end:
                continue
            span[k] = float(step_times(to_steps(time.internal, dt, f"{self.name}.{field}"), dt))
            if not on_grid(time.internal, dt):
                acts = f"{field} {time.internal:.9g} ms acts from {span[k]:g} ms"
                notes.append(Note(self.name, acts))
        if span[1] <= span[0] < end:
            raise InputError(
                self.name,
                f"from {self.start} to {self.stop} is less than a step of {grid.dt}, "
                "so that it would act in none; choose a smaller dt",
            )
        return Drawn((span[0], span[1]), tuple(notes))


class Sampled(InputBase):
    """Values that are each held for ``interval``."""

    if TYPE_CHECKING:
        interval: Quantity

    @model_validator(mode="after")
    def _takes_time(self) -> Any:
        self.check_time("interval", positive=True)
        return self

    def samples(self, n: int, size: int, rng: np.random.Generator) -> Floats:
        """The first n samples, or all where there are fewer: shape (n, size), or (n, 1) for all cells."""
        raise NotImplementedError

    def n_samples(self, grid: Grid) -> int:
        """How many samples there are in a run."""
        return int(self._frames(grid)[-1]) + 1

    def breakpoints(self, grid: Grid) -> Floats:
        """Where one sample gives way to the next; one that no step of the grid reaches was not drawn."""
        interval = self.interval.internal
        count = min(self.n_samples(grid) - 1, int(np.floor(grid.end_ms / interval + _SLACK)))
        return np.asarray(np.arange(1, count + 1) * interval)

    def at(self, times: Floats, samples: Floats) -> Floats:
        """The sample that holds."""
        frames = np.floor(times / self.interval.internal).astype(np.int64)
        return np.asarray(samples[np.minimum(frames, len(samples) - 1)])

    def hold(
        self, grid: Grid, size: int, dimension: Dimension, rng: np.random.Generator
    ) -> Drawn[Course]:
        """The sample of every step; InputError for an interval below one, which would leave some out."""
        if self.interval.internal < grid.dt_ms * (1 - 1e-9):
            raise InputError(
                f"{self.name}.interval",
                f"{self.interval} is shorter than a step of {grid.dt}, so that samples would be "
                "left out; choose a smaller dt or a longer interval",
            )
        frames = self._frames(grid)
        values = self.samples(int(frames[-1]) + 1, size, rng)
        columns = np.arange(size) if values.shape[1] > 1 else np.zeros(size)
        notes: Sequence[Note] = ()
        if not on_grid(self.interval.internal, grid.dt_ms):
            notes = [Note(self.name, "its interval is no multiple of dt, so frames vary by a step")]
        frames = np.minimum(frames, len(values) - 1)
        return Drawn(Course(values, frames, columns.astype(np.int32)), tuple(notes))

    def _frames(self, grid: Grid) -> NDArray[np.int32]:
        """The sample that holds in every step, shape (n_steps,)."""
        times = step_times(np.arange(grid.n_steps), grid.dt_ms)
        # t_n belongs to the frame it falls in; the slack keeps exact multiples from slipping back.
        return np.floor(times / self.interval.internal + 1e-9).astype(np.int32)


def _shortened(values: Floats) -> tuple[NDArray[np.int32], Floats]:
    """A wave by step with equal neighbours stored once: a step is two or three frames."""
    changes = np.flatnonzero(np.any(np.diff(values, axis=0) != 0, axis=1)) + 1
    starts = np.concatenate([[0], changes])
    steps = np.arange(len(values), dtype=np.int32)
    frames = (np.searchsorted(starts, steps, side="right") - 1).astype(np.int32)
    return frames, values[starts]
