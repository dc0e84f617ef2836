"""Inputs that change with time, drawn on the grid: `realize_input` makes a `HeldInput` of an input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cell import choose_port
from .clock import on_grid, step_times, to_steps
from .equations import Variable
from .errors import InputError
from .experiment import Experiment
from .inputs import (
    Input,
    OrnsteinUhlenbeckInput,
    RampInput,
    SineInput,
    StepInput,
    TimeSeriesInput,
    UniformNoiseInput,
    WhiteNoiseInput,
)
from .populations import Population
from .realization import HeldInput
from .units import Dimension, Quantity
from .values import Floats, draw_value

_MAX_DRAWN = 1e9


def port_of(population: Population, given: Input) -> Variable:
    """The (input) of a population's model that an input drives."""
    port = choose_port(population, given.port, given.name)
    assert port is not None  # the experiment was validated
    return port


def chosen_cells(given: Input, size: int) -> NDArray[np.bool_]:
    """Which cells of a population of *size* an input reaches, shape (size,)."""
    chosen = np.ones(size, dtype=bool)
    if given.cells is not None:
        chosen[:] = False
        chosen[list(given.cells)] = True
    return chosen


def realize_input(
    experiment: Experiment,
    population: Population,
    given: Input,
    rng: np.random.Generator,
    notes: list[str],
) -> HeldInput:
    """The values of an input in every step; notes say what is off the grid.

    Raises InputError for an interval below one step, which would leave samples out.
    """
    size, dt, n_steps = population.size, experiment.dt_ms, experiment.n_steps
    port = port_of(population, given)
    times = step_times(np.arange(n_steps), dt)
    gain = chosen_cells(given, size).astype(np.float64)
    columns = np.zeros(size, dtype=np.int32)
    frames = np.arange(n_steps, dtype=np.int32)
    if isinstance(
        given, TimeSeriesInput | WhiteNoiseInput | UniformNoiseInput | OrnsteinUhlenbeckInput
    ):
        frames = _frames(given, times, experiment, notes)
    if isinstance(given, TimeSeriesInput):
        scale = Quantity(1.0, given.unit).to(port.dimension, given.name)
        values = np.asarray(given.values)[:, None] * scale
        frames = np.minimum(frames, values.shape[0] - 1)
    elif isinstance(given, WhiteNoiseInput | UniformNoiseInput | OrnsteinUhlenbeckInput):
        n_columns = 1 if given.shared else size
        n_frames = int(frames[-1]) + 1
        if n_frames * n_columns > _MAX_DRAWN:
            raise InputError(
                given.name, f"asks for more than {_MAX_DRAWN:g} numbers; use a longer interval"
            )
        values = _noise(given, n_frames, n_columns, port.dimension, rng)
        columns = columns if given.shared else np.arange(size, dtype=np.int32)
    else:
        span = _span(given, experiment, notes)
        amplitude, values = _waveform(given, times, span, port.dimension, size, rng)
        gain = gain * amplitude
        frames, values = _shortened(frames, values)
    variable = experiment.cells[population.name].drives[given.name]
    return HeldInput(variable, given.name, values, frames, columns, gain)


def _frames(
    given: TimeSeriesInput | WhiteNoiseInput | UniformNoiseInput | OrnsteinUhlenbeckInput,
    times: Floats,
    experiment: Experiment,
    notes: list[str],
) -> NDArray[np.int32]:
    """The sample that holds in every step, shape (n_steps,)."""
    interval, dt = given.interval.internal, experiment.dt_ms
    if interval < dt * (1 - 1e-9):
        raise InputError(
            f"{given.name}.interval",
            f"{given.interval} is shorter than a step of {experiment.dt}, so that samples would be "
            "left out; choose a smaller dt or a longer interval",
        )
    if not on_grid(interval, dt):
        notes.append(f"{given.name}: its interval is no multiple of dt, so frames vary by a step")
    # t_n belongs to the frame it falls in; the slack keeps exact multiples from slipping back.
    return np.floor(times / interval + 1e-9).astype(np.int32)


def _span(given: Input, experiment: Experiment, notes: list[str]) -> tuple[float, float]:
    """Start and stop [ms] at the nearest step, ties up, which notes say; InputError where none is left."""
    dt, end = experiment.dt_ms, experiment.n_steps * experiment.dt_ms
    span = [0.0, np.inf]
    for k, field in enumerate(("start", "stop")):
        time = getattr(given, field, None)
        if time is None:
            continue
        span[k] = time.internal
        if time.internal >= end:
            continue
        span[k] = float(step_times(to_steps(time.internal, dt, f"{given.name}.{field}"), dt))
        if not on_grid(time.internal, dt):
            notes.append(f"{given.name}: {field} {time.internal:.9g} ms acts from {span[k]:g} ms")
    if span[1] <= span[0] < end:
        raise InputError(
            given.name,
            f"from {given.start} to {given.stop} is less than a step of {experiment.dt}, "  # type: ignore[union-attr]
            "so that it would act in none; choose a smaller dt",
        )
    return span[0], span[1]


def _shortened(frames: NDArray[np.int32], values: Floats) -> tuple[NDArray[np.int32], Floats]:
    """The same waveform with equal neighbours stored once: a step is two or three frames."""
    changes = np.flatnonzero(np.any(np.diff(values, axis=0) != 0, axis=1)) + 1
    starts = np.concatenate([[0], changes])
    frames = (np.searchsorted(starts, frames, side="right") - 1).astype(np.int32)
    return frames, values[starts]


def _noise(
    given: WhiteNoiseInput | UniformNoiseInput | OrnsteinUhlenbeckInput,
    n_frames: int,
    n_columns: int,
    dimension: Dimension,
    rng: np.random.Generator,
) -> Floats:
    if isinstance(given, UniformNoiseInput):
        low, high = (q.to(dimension, given.name) for q in (given.low, given.high))
        return rng.uniform(low, high, (n_frames, n_columns))
    mean, std = (q.to(dimension, given.name) for q in (given.mean, given.std))
    normal = rng.standard_normal((n_frames, n_columns))
    if isinstance(given, WhiteNoiseInput):
        return mean + std * normal
    decay = float(np.exp(-given.interval.internal / given.tau.internal))
    kicks: Floats = normal * np.sqrt(1.0 - decay * decay)
    kicks[0] = normal[0]  # starts from its stationary distribution
    for k in range(1, n_frames):
        kicks[k] += decay * kicks[k - 1]
    return np.asarray(mean + std * kicks)


def waveform_at(
    given: Input, times: Floats, dimension: Dimension, span: tuple[float, float] | None = None
) -> Floats:
    """The time course of a step, ramp or sine input at ``times`` [ms], for an amplitude of 1.

    A ramp has no amplitude: its own values come out. *span* is its start and stop [ms] on a grid, by default
    those described.
    """
    start = given.start.internal  # type: ignore[union-attr]
    stop = np.inf if given.stop is None else given.stop.internal  # type: ignore[union-attr]
    if span is not None:
        start, stop = span
    slack = 1e-9
    on = (times >= start - slack) & (times < stop - slack)
    if isinstance(given, StepInput):
        return on.astype(np.float64)
    if isinstance(given, RampInput):
        first, last = (q.to(dimension, given.name) for q in (given.initial, given.final))
        part = np.clip((times - start) / (stop - start), 0.0, 1.0)
        return first + (last - first) * part
    assert isinstance(given, SineInput)
    angle = 2 * np.pi * given.frequency.internal * (times - start) + given.phase
    return np.where(on, np.sin(angle), 0.0)


def _waveform(
    given: Input,
    times: Floats,
    span: tuple[float, float],
    dimension: Dimension,
    size: int,
    rng: np.random.Generator,
) -> tuple[Floats | float, Floats]:
    values = waveform_at(given, times, dimension, span)
    if isinstance(given, RampInput):
        return 1.0, values[:, None]
    assert isinstance(given, StepInput | SineInput)
    amplitude = draw_value(given.amplitude, rng, size, dimension, f"{given.name}.amplitude")
    if isinstance(given, SineInput) and given.offset is not None:
        if np.ndim(amplitude):
            raise InputError(
                given.name, "an offset needs one amplitude for all cells; use two inputs"
            )
        offset = given.offset.to(dimension, f"{given.name}.offset")
        on = (times >= span[0] - 1e-9) & (times < span[1] - 1e-9)
        return 1.0, (amplitude * values + np.where(on, offset, 0.0))[:, None]
    return amplitude, values[:, None]
