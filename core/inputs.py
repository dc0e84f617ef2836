"""Inputs: what is injected into a port of a population's cells, evaluated at t_n and held over the step.

What each answers to those who ask, and how to add one, is in `input_base`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from .csv_column import read_column
from .errors import InputError
from .input_base import Grid, InputBase, Sampled, Waveform
from .units import Dimension, Quantity, dimension_of_unit
from .values import Floats, RealNumber, RealNumbers, Value, as_tuple, draw_value, in_unit

_MAX_DRAWN = 1e9
_ZERO = Quantity(0.0, "ms")


class ConstantInput(InputBase):
    """The same amplitude throughout; an array or distribution gives one amplitude a cell."""

    measured: ClassVar[tuple[str, ...]] = ("amplitude",)

    kind: Literal["constant"] = "constant"
    amplitude: Value

    @property
    def constant(self) -> Value:
        """The amplitude."""
        return self.amplitude


class StepInput(Waveform):
    """``amplitude`` from ``start`` up to ``stop`` (to the end by default), zero otherwise."""

    measured: ClassVar[tuple[str, ...]] = ("amplitude",)

    kind: Literal["step"] = "step"
    amplitude: Value
    start: Quantity = _ZERO
    stop: Quantity | None = None

    def wave(self, times: Floats, start: float, stop: float) -> Floats:
        """1 from start to stop."""
        return self.on(times, start, stop).astype(np.float64)

    def gain(self, size: int, dimension: Dimension, rng: np.random.Generator) -> float | Floats:
        """The amplitude."""
        return draw_value(self.amplitude, rng, size, dimension, f"{self.name}.amplitude")

    def jumps(self) -> tuple[float, ...]:
        """Start and stop, but for a start at 0."""
        return tuple(q.internal for q in (self.start, self.stop) if q is not None and q.internal)


class RampInput(Waveform):
    """Linear from ``initial`` at ``start`` to ``final`` at ``stop``; held before and after."""

    measured: ClassVar[tuple[str, ...]] = ("initial", "final")
    moves: ClassVar[bool] = True

    kind: Literal["ramp"] = "ramp"
    initial: Quantity
    final: Quantity
    start: Quantity = _ZERO
    stop: Quantity

    def wave(self, times: Floats, start: float, stop: float) -> Floats:
        """The ramp itself."""
        first, last = self.initial.internal, self.final.internal
        part = np.clip((times - start) / (stop - start), 0.0, 1.0)
        return np.asarray(first + (last - first) * part)

    def between(self, instant: float) -> Callable[[Floats], Floats]:
        """The ramp, which has no jump."""
        return lambda times: self.wave(times, *self.span)


class SineInput(Waveform):
    """``offset + amplitude·sin(2π·frequency·(t - start) + phase)`` from start to stop, else zero."""

    measured: ClassVar[tuple[str, ...]] = ("amplitude", "offset")
    moves: ClassVar[bool] = True

    kind: Literal["sine"] = "sine"
    amplitude: Value
    frequency: Quantity
    phase: RealNumber = 0.0
    offset: Quantity | None = None
    start: Quantity = _ZERO
    stop: Quantity | None = None

    @model_validator(mode="after")
    def _frequency(self) -> SineInput:
        self.frequency.to(dimension_of_unit("Hz"), f"{self.name}.frequency")
        return self

    def wave(self, times: Floats, start: float, stop: float) -> Floats:
        """The oscillation while it is on."""
        return np.where(self.on(times, start, stop), self._oscillation(times, start), 0.0)

    def _oscillation(self, times: Floats, start: float) -> Floats:
        """It without its beginning and end, and of amplitude 1 where the gain carries the amplitude."""
        angle = 2 * np.pi * self.frequency.internal * (times - start) + self.phase
        if self.offset is None:
            return np.asarray(np.sin(angle))
        assert isinstance(self.amplitude, Quantity)  # or it is refused when drawn
        return np.asarray(self.offset.internal + self.amplitude.internal * np.sin(angle))

    def between(self, instant: float) -> Callable[[Floats], Floats] | None:
        """The oscillation where it is on, continued beyond start and stop."""
        start, stop = self.span
        if not start <= instant < stop:
            return None
        return lambda times: self._oscillation(times, start)

    def gain(self, size: int, dimension: Dimension, rng: np.random.Generator) -> float | Floats:
        """The amplitude, but where there is an offset."""
        if self.offset is None:
            return draw_value(self.amplitude, rng, size, dimension, f"{self.name}.amplitude")
        if not isinstance(self.amplitude, Quantity):
            raise InputError(
                self.name, "an offset needs one amplitude for all cells; use two inputs"
            )
        return 1.0


class TimeSeriesInput(Sampled):
    """Samples, each held for ``interval``; the last stays until the end.

    ``values`` are given, or read from ``column`` of the file ``csv``; the numbers read become part of
    the description.
    """

    measured: ClassVar[tuple[str, ...]] = ("values",)

    kind: Literal["time_series"] = "time_series"
    values: RealNumbers = ()
    unit: str
    interval: Quantity
    csv: str | None = None
    column: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        given = dict(given)
        csv, column = given.get("csv"), given.get("column")
        if "values" in given:
            unit, place = given.get("unit"), f"{given.get('name', 'time series')}.values"
            if isinstance(unit, str):
                given["values"] = in_unit(given["values"], unit, place)
            try:
                given["values"] = as_tuple(given["values"])
            except (TypeError, ValueError, OverflowError):
                return given  # its types are checked below
        elif isinstance(csv, str | Path) and isinstance(column, str | None):
            place = str(given.get("name", "time series"))
            given |= {"csv": str(csv), "values": read_column(Path(csv), column, place)}
        return given

    @model_validator(mode="after")
    def _some(self) -> TimeSeriesInput:
        if not self.values:
            raise InputError(f"{self.name}.values", "is empty; give values, or csv and column")
        return self

    def check_dimension(self, dimension: Dimension) -> None:
        """InputError unless the unit of the values has a dimension."""
        place = f"{self.name}.unit"
        Quantity.parse(Quantity(1.0, self.unit), place).to(dimension, place)

    def n_samples(self, grid: Grid) -> int:
        """All that are given."""
        return len(self.values)

    def samples(self, n: int, size: int, rng: np.random.Generator) -> Floats:
        """The values, of which the last stays."""
        return np.asarray(self.values)[:, None] * Quantity(1.0, self.unit).internal


class _Noise(Sampled):
    """Numbers that are drawn for every cell, or one for all where it is shared."""

    random: ClassVar[bool] = True

    if TYPE_CHECKING:
        shared: bool

    def samples(self, n: int, size: int, rng: np.random.Generator) -> Floats:
        """Numbers of a shape (n, size), or (n, 1); InputError for more than memory can hold."""
        columns = 1 if self.shared else size
        if n * columns > _MAX_DRAWN:
            raise InputError(
                self.name, f"asks for more than {_MAX_DRAWN:g} numbers; use a longer interval"
            )
        return self.noise(n, columns, rng)

    def noise(self, n: int, columns: int, rng: np.random.Generator) -> Floats:
        """Numbers of a shape (n, columns)."""
        raise NotImplementedError


def _check_std(name: str, std: Quantity) -> None:
    if std.magnitude < 0:
        raise InputError(f"{name}.std", f"{std} has to be >= 0")


class WhiteNoiseInput(_Noise):
    """Frozen white noise: a new normal number for every cell (or one for all) every ``interval``."""

    measured: ClassVar[tuple[str, ...]] = ("mean", "std")

    kind: Literal["white_noise"] = "white_noise"
    mean: Quantity
    std: Quantity
    interval: Quantity
    shared: bool = False

    @model_validator(mode="after")
    def _spread(self) -> Any:
        _check_std(self.name, self.std)
        return self

    def noise(self, n: int, columns: int, rng: np.random.Generator) -> Floats:
        """mean + std·N(0, 1)."""
        return self.mean.internal + self.std.internal * rng.standard_normal((n, columns))


class UniformNoiseInput(_Noise):
    """Frozen uniform noise on [low, high): a new number for every cell every ``interval``."""

    measured: ClassVar[tuple[str, ...]] = ("low", "high")

    kind: Literal["uniform_noise"] = "uniform_noise"
    low: Quantity
    high: Quantity
    interval: Quantity
    shared: bool = False

    @model_validator(mode="after")
    def _order(self) -> UniformNoiseInput:
        if self.low.dimension == self.high.dimension and self.low.internal > self.high.internal:
            raise InputError(self.name, f"low {self.low} is above high {self.high}")
        return self

    def noise(self, n: int, columns: int, rng: np.random.Generator) -> Floats:
        """Uniform on [low, high)."""
        return rng.uniform(self.low.internal, self.high.internal, (n, columns))


class OrnsteinUhlenbeckInput(_Noise):
    """Frozen Ornstein-Uhlenbeck noise of stationary std, exact on its ``interval``.

    x_{k+1} = mean + (x_k - mean)·exp(-interval/τ) + std·sqrt(1 - exp(-2·interval/τ))·N(0, 1)
    (Gillespie 1996, Phys. Rev. E 54:2084).
    """

    measured: ClassVar[tuple[str, ...]] = ("mean", "std")

    kind: Literal["ornstein_uhlenbeck"] = "ornstein_uhlenbeck"
    mean: Quantity
    std: Quantity
    tau: Quantity
    interval: Quantity
    shared: bool = False

    @model_validator(mode="after")
    def _spread(self) -> Any:
        self.check_time("tau", positive=True)
        _check_std(self.name, self.std)
        return self

    def noise(self, n: int, columns: int, rng: np.random.Generator) -> Floats:
        """The process at the beginning of every interval, from its stationary distribution on."""
        normal = rng.standard_normal((n, columns))
        decay = float(np.exp(-self.interval.internal / self.tau.internal))
        kicks: Floats = normal * np.sqrt(1.0 - decay * decay)
        kicks[0] = normal[0]
        for k in range(1, n):
            kicks[k] += decay * kicks[k - 1]
        return np.asarray(self.mean.internal + self.std.internal * kicks)


Input = Annotated[
    ConstantInput
    | StepInput
    | RampInput
    | SineInput
    | TimeSeriesInput
    | WhiteNoiseInput
    | UniformNoiseInput
    | OrnsteinUhlenbeckInput,
    Field(discriminator="kind"),
]
"""Any kind of input."""
