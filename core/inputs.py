"""Inputs: what is injected into a port of a population's cells, evaluated at t_n and held over the step."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .description import Description
from .errors import InputError, nearest
from .names import check_identifier
from .reading import read_text
from .syntax import shown
from .units import TIME, Quantity, dimension_of_unit
from .values import Indices, RealNumber, RealNumbers, Value, as_tuple, in_unit

_ZERO = Quantity(0.0, "ms")


class _Input(Description):
    """An input to ``cells`` (all by default) of a population, into the ``(input)`` named ``port``."""

    name: str
    population: str
    port: str | None = None
    cells: Indices | None = None

    @model_validator(mode="after")
    def _named(self) -> Any:
        check_identifier(self.name, "input")
        for field in ("start", "stop", "interval", "tau"):
            given = getattr(self, field, None)
            if given is None:
                continue
            value = given.to(TIME, f"{self.name}.{field}")
            if value < 0 or (value == 0 and field in {"interval", "tau"}):
                word = ">= 0" if field in {"start", "stop"} else "> 0"
                raise InputError(f"{self.name}.{field}", f"{given} has to be {word}")
        start, stop = getattr(self, "start", None), getattr(self, "stop", None)
        if start is not None and stop is not None and stop.internal <= start.internal:
            raise InputError(self.name, f"stop {stop} is not after start {start}")
        std = getattr(self, "std", None)
        if std is not None and std.magnitude < 0:
            raise InputError(f"{self.name}.std", f"{std} has to be >= 0")
        return self


class ConstantInput(_Input):
    """The same amplitude throughout; an array or distribution gives one amplitude a cell."""

    kind: Literal["constant"] = "constant"
    amplitude: Value


class StepInput(_Input):
    """``amplitude`` from ``start`` up to ``stop`` (to the end by default), zero otherwise."""

    kind: Literal["step"] = "step"
    amplitude: Value
    start: Quantity = _ZERO
    stop: Quantity | None = None


class RampInput(_Input):
    """Linear from ``initial`` at ``start`` to ``final`` at ``stop``; held before and after."""

    kind: Literal["ramp"] = "ramp"
    initial: Quantity
    final: Quantity
    start: Quantity = _ZERO
    stop: Quantity


class SineInput(_Input):
    """``offset + amplitude·sin(2π·frequency·(t - start) + phase)`` from start to stop, else zero."""

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


class TimeSeriesInput(_Input):
    """Samples, each held for ``interval``; the last stays until the end.

    ``values`` are given, or read from ``column`` of the file ``csv``; the numbers read become part of
    the description.
    """

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


class WhiteNoiseInput(_Input):
    """Frozen white noise: a new normal number for every cell (or one for all) every ``interval``."""

    kind: Literal["white_noise"] = "white_noise"
    mean: Quantity
    std: Quantity
    interval: Quantity
    shared: bool = False


class UniformNoiseInput(_Input):
    """Frozen uniform noise on [low, high): a new number for every cell every ``interval``."""

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


class OrnsteinUhlenbeckInput(_Input):
    """Frozen Ornstein-Uhlenbeck noise of stationary std, exact on its ``interval``.

    x_{k+1} = mean + (x_k - mean)·exp(-interval/τ) + std·sqrt(1 - exp(-2·interval/τ))·N(0, 1)
    (Gillespie 1996, Phys. Rev. E 54:2084).
    """

    kind: Literal["ornstein_uhlenbeck"] = "ornstein_uhlenbeck"
    mean: Quantity
    std: Quantity
    tau: Quantity
    interval: Quantity
    shared: bool = False


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


def read_column(path: Path, column: str | None, where: str) -> tuple[float, ...]:
    """The numbers of one column of a CSV file; InputError names the file, the column and the row."""
    if column is None:
        raise InputError(f"{where}.column", f"which column of {path}?")
    if not path.exists():
        raise InputError(f"{where}.csv", f"there is no file {path}")
    try:
        rows = list(csv.reader(io.StringIO(read_text(path)), strict=True))
    except csv.Error:
        raise InputError(
            f"{where}.csv", f"{path} is no CSV file: a quotation mark is not closed"
        ) from None
    numbered = [(k, row) for k, row in enumerate(rows, 1) if any(field.strip() for field in row)]
    if not numbered:
        raise InputError(f"{where}.csv", f"{path} is no CSV file: it is empty")
    (_, first), *rest = numbered
    header = [name.strip() for name in first]
    if column not in header:
        raise InputError(
            f"{where}.column", f"{path} has no column {column!r}; {nearest(column, header)}"
        )
    if header.count(column) > 1:
        raise InputError(
            f"{where}.column", f"{path} has {header.count(column)} columns {column!r}; rename one"
        )
    numbers = []
    for row, fields in rest:
        if len(fields) != len(header):
            raise InputError(
                f"{where}.csv",
                f"row {row} of {path} has {len(fields)} fields, its header {len(header)}",
            )
        text = fields[header.index(column)].strip()
        try:
            number = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(
                f"{where}.column",
                f"row {row} of column {column!r} in {path} is {shown(text)}, no finite number",
            )
        numbers.append(number)
    return tuple(numbers)
