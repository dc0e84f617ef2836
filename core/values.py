"""Values of parameters, initial values, weights, delays: one number, an array, or a distribution."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PlainSerializer
from typing_extensions import override

from .description import Description
from .errors import InputError, unknown
from .units import Dimension, Quantity, parse_unit, read_foreign

Floats = NDArray[np.float64]


def _whole(given: Any) -> Any:
    # Pydantic would take the text "20" and the truth value true for numbers.
    if isinstance(given, bool | np.bool_ | str | bytes):
        raise InputError("", f'{given!r} is not a whole number; write 20, not "20" or true')
    return given


def _real(given: Any) -> Any:
    if isinstance(given, bool | np.bool_ | str | bytes):
        raise InputError("", f'{given!r} is not a number; write 0.5, not "0.5" or true')
    return given


def _reals(given: Any) -> Any:
    """A list or array of numbers as a tuple; a text or truth value in it is refused."""
    try:
        return as_tuple(given)
    except (TypeError, ValueError, OverflowError):
        check_numbers_in(given)
    return given  # what else it is, is said with its place


def check_numbers_in(given: Any) -> None:
    """InputError for a list with a text or a truth value in it, which would be taken for a number."""
    for value in given if isinstance(given, list | tuple) else ():
        if isinstance(value, bool | np.bool_) or _reads_as_number(value):
            _real(value)


def _reads_as_number(value: Any) -> bool:
    if not isinstance(value, str | bytes):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _indices(given: Any) -> Any:
    if isinstance(given, np.ndarray):
        given = given.ravel().tolist()
    return tuple(map(_whole, given)) if isinstance(given, list | tuple) else given


WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""An integer; neither a text nor a truth value."""
RealNumber = Annotated[float, BeforeValidator(_real)]
"""A number; neither a text nor a truth value."""
RealNumbers = Annotated[tuple[float, ...], BeforeValidator(_reals)]
"""A list of numbers, from a list or a NumPy array."""
Indices = Annotated[tuple[int, ...], BeforeValidator(_indices)]
"""Numbers of cells, from a list or a NumPy array."""


class Array(Description):
    """One number per cell or per connection, in one unit."""

    values: RealNumbers
    unit: str = "1"

    def __init__(self, values: Any = (), unit: str = "1", **data: Any) -> None:
        foreign = numbers_with_unit(values)
        if foreign is not None and unit != "1":
            values = in_unit(values, unit, "Array.values")
        elif foreign is not None:
            values, unit = foreign
        elif isinstance(values, np.ndarray):
            values = values.tolist()
        super().__init__(values=values, unit=unit, **data)

    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        """The array in internal units; InputError if its length or dimension is wrong."""
        scale = Quantity.parse(Quantity(1.0, self.unit), where).to(dimension, where)
        values = np.asarray(self.values, dtype=np.float64)
        if values.shape != (size,):
            raise InputError(where, f"has {values.size} values, but {size} are needed")
        return values * scale


class Distribution(Description, ABC):
    """A distribution from which one number per cell or per connection is drawn."""

    distribution: str

    def quantities(self) -> dict[str, Quantity]:
        """The fields that carry the unit of what is drawn."""
        return {
            name: value
            for name in type(self).model_fields
            if isinstance(value := getattr(self, name), Quantity) and name != "sigma"
        }

    def internal(self, dimension: Dimension, where: str) -> dict[str, float]:
        """The fields in internal units, after checking their dimension."""
        return {n: q.to(dimension, f"{where}.{n}") for n, q in self.quantities().items()}

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        """*size* numbers in internal units."""


def _needs(condition: bool, where: str, problem: str) -> None:
    if not condition:
        raise InputError(where, problem)


class Uniform(Distribution):
    """Uniform on [low, high)."""

    distribution: Literal["uniform"] = "uniform"
    low: Quantity
    high: Quantity

    @override
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        f = self.internal(dimension, where)
        _needs(f["low"] <= f["high"], where, f"low {self.low} is above high {self.high}")
        return rng.uniform(f["low"], f["high"], size)


class Normal(Distribution):
    """Normal with mean and standard deviation."""

    distribution: Literal["normal"] = "normal"
    mean: Quantity
    std: Quantity

    @override
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        f = self.internal(dimension, where)
        _needs(f["std"] >= 0, where, f"std {self.std} is negative")
        return rng.normal(f["mean"], f["std"], size)


class TruncatedNormal(Distribution):
    """Normal with mean and standard deviation (before truncation), kept within [low, high]."""

    distribution: Literal["truncated_normal"] = "truncated_normal"
    mean: Quantity
    std: Quantity
    low: Quantity | None = None
    high: Quantity | None = None

    @override
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        from scipy.special import ndtr, ndtri

        f = self.internal(dimension, where)
        _needs(f["std"] > 0, where, f"std {self.std} has to be > 0")
        low, high = f.get("low", -math.inf), f.get("high", math.inf)
        _needs(low < high, where, f"low {self.low} is not below high {self.high}")
        a, b = ((edge - f["mean"]) / f["std"] for edge in (low, high))
        # On the side where the normal's distribution function is far from 1, for accuracy.
        sign = -1.0 if a > 0 else 1.0
        lower, upper = (ndtr(a), ndtr(b)) if a <= 0 else (ndtr(-b), ndtr(-a))
        _needs(upper > lower, where, f"no normal number falls between {self.low} and {self.high}")
        drawn = sign * ndtri(rng.uniform(lower, upper, size))
        return np.asarray(np.clip(f["mean"] + f["std"] * drawn, low, high))


class LogNormal(Distribution):
    """Log-normal: the logarithm is normal around log(median) with standard deviation sigma."""

    distribution: Literal["lognormal"] = "lognormal"
    median: Quantity
    sigma: RealNumber = Field(ge=0)

    @override
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        median = self.internal(dimension, where)["median"]
        return median * np.exp(self.sigma * rng.standard_normal(size))


class Exponential(Distribution):
    """Exponential with the given mean."""

    distribution: Literal["exponential"] = "exponential"
    mean: Quantity

    @override
    def draw(self, rng: np.random.Generator, size: int, dimension: Dimension, where: str) -> Floats:
        mean = self.internal(dimension, where)["mean"]
        return np.asarray(mean * rng.standard_exponential(size))


def _numbers(given: Any) -> tuple[float, ...]:
    try:
        return as_tuple(given)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            "", 'is no array of numbers; write [1.0, 2.0], or {"values": [1.0, 2.0], "unit": "ms"}'
        ) from None


def numbers_with_unit(given: Any, where: str = "") -> tuple[tuple[float, ...], str] | None:
    """Numbers and unit of an array of another package's, or of a list of quantities; None if of neither."""
    foreign = read_foreign(given)
    if foreign is not None and foreign[0].ndim:
        return tuple(foreign[0].ravel().tolist()), foreign[1]
    if not isinstance(given, list | tuple) or not any(_has_unit(item) for item in given):
        return None
    quantities = [Quantity.parse(item, where) for item in given]
    first = quantities[0]
    for k, quantity in enumerate(quantities):
        if quantity.dimension != first.dimension:
            raise InputError(where, f"{quantity}, number {k}, has another dimension than {first}")
    factor = parse_unit(first.unit)[0]
    numbers = (Decimal(repr(q.magnitude)) * parse_unit(q.unit)[0] / factor for q in quantities)
    return tuple(map(float, numbers)), first.unit


def _has_unit(item: Any) -> bool:
    return isinstance(item, str | Quantity) or read_foreign(item) is not None


def in_unit(given: Any, unit: str, where: str) -> Any:
    """Numbers that carry a unit of their own as plain numbers in *unit*; anything else as it is."""
    numbers = numbers_with_unit(given, where)
    if numbers is None:
        return given
    dimension = parse_unit(unit)[1]
    check_value(Quantity(1.0, numbers[1]), dimension, where)
    factor = parse_unit(numbers[1])[0] / parse_unit(unit)[0]
    return tuple(float(Decimal(repr(number)) * factor) for number in numbers[0])


def _read(given: Any) -> Any:
    with_unit = numbers_with_unit(given)
    if with_unit is not None:
        return Array(values=with_unit[0], unit=with_unit[1])
    if read_foreign(given) is not None:
        return Quantity.parse(given, "")
    if isinstance(given, np.ndarray | list | tuple):
        return Array(values=_numbers(given))
    if isinstance(given, dict):
        if "distribution" in given:
            kinds: dict[str, type[Distribution]] = {
                "uniform": Uniform,
                "normal": Normal,
                "truncated_normal": TruncatedNormal,
                "lognormal": LogNormal,
                "exponential": Exponential,
            }
            kind = given["distribution"]
            if not isinstance(kind, str) or kind not in kinds:
                raise unknown("", "distribution", str(kind), kinds)
            return kinds[kind](**given)
        return Array(**given)
    if isinstance(given, Description):
        return given
    return Quantity.parse(given, "")


def _write(value: Any) -> Any:
    if isinstance(value, Description):
        return value.model_dump(mode="json")
    return str(value)


Value = Annotated[
    Quantity | Array | Uniform | Normal | TruncatedNormal | LogNormal | Exponential,
    BeforeValidator(_read),
    PlainSerializer(_write),
]
"""What a parameter can be given as: ``"10 ms"``, an Array, or a distribution."""


def check_value(value: Value, dimension: Dimension, where: str) -> None:
    """InputError unless a value has the dimension needed."""
    if isinstance(value, Quantity):
        value.to(dimension, where)
    elif isinstance(value, Array):
        Quantity.parse(Quantity(1.0, value.unit), where).to(dimension, where)
    else:
        value.internal(dimension, where)


def draw_value(
    value: Value, rng: np.random.Generator, size: int, dimension: Dimension, where: str
) -> float | Floats:
    """A value in internal units: a float when all are equal by description, else an array (size,)."""
    if isinstance(value, Quantity):
        return value.to(dimension, where)
    drawn = value.draw(rng, size, dimension, where)
    if not np.isfinite(drawn).all():
        raise InputError(where, "a number drawn is not finite; give smaller numbers")
    return drawn


def smallest(value: Value) -> Quantity | None:
    """The smallest number that a value can be, as far as its description says."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, Array):
        return Quantity(min(value.values, default=0.0), value.unit)
    if isinstance(value, Uniform | TruncatedNormal):
        return value.low
    return None


def as_tuple(numbers: Sequence[float] | NDArray[Any]) -> tuple[float, ...]:
    """Numbers as a tuple of Python floats; TypeError for texts, truth values, lists among them."""
    if isinstance(numbers, np.ndarray):
        if numbers.dtype.kind not in "iuf":
            raise TypeError(f"an array of {numbers.dtype}")
    elif isinstance(numbers, list | tuple):
        for kind in set(map(type, numbers)):
            if issubclass(kind, bool) or not issubclass(kind, int | float | np.number):
                raise TypeError(f"a list that holds a {kind.__name__}")
    else:
        raise TypeError(f"a {type(numbers).__name__}")
    return tuple(np.asarray(numbers, dtype=np.float64).ravel().tolist())
