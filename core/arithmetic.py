"""Scaling and shifting values of a description: quantities, arrays and distributions stay what they are.

Random numbers are scaled number for number: a distribution scaled by f draws, from one stream, f times
what it drew before.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from pydantic import TypeAdapter, ValidationError

from .description import explain
from .errors import InputError
from .units import Quantity, parse_unit
from .values import Array, Distribution, Exponential, LogNormal, Normal, TruncatedNormal, Uniform
from .values import Value as _Value

Value: TypeAlias = Quantity | Array | Uniform | Normal | TruncatedNormal | LogNormal | Exponential
Number: TypeAlias = Value | float | int | tuple[float, ...]
"""What can be scaled: a value with a unit, a plain number, a list of plain numbers."""

_VALUES: TypeAdapter[Any] = TypeAdapter(_Value)


def read_value(plain: object, where: str) -> Value:
    """A value from plain data; InputError naming *where* if it is none."""
    try:
        value: Value = _VALUES.validate_python(plain)
    except ValidationError as error:
        problem = explain(error, Array).problem
        raise InputError(where, problem) from None
    return value


def in_unit_of(value: object, given: Value) -> Value:
    """A number without a unit in the unit that a value has; anything else as it is given."""
    if isinstance(given, Quantity) and given.unit == "1" and isinstance(value, Value):
        unit = value.unit if isinstance(value, Quantity | Array) else _unit(value)
        return Quantity(given.magnitude, unit)
    return given


def scaled(value: Number, factor: float, where: str) -> Number:
    """A value times a number; whole numbers are rounded to the nearest, ties up.

    Raises InputError for a distribution times a negative number, which would mirror it.
    """
    if factor == 1:
        return value
    if isinstance(value, bool):
        raise InputError(where, f"{value} cannot be scaled; it is no number")
    if isinstance(value, int):
        return math.floor(value * factor + 0.5)
    if isinstance(value, float):
        return _times(value, factor)
    if isinstance(value, tuple):
        return tuple(_product(value, factor))
    if isinstance(value, Quantity):
        return Quantity(_times(value.magnitude, factor), value.unit)
    if isinstance(value, Array):
        return Array(_product(value.values, factor), value.unit)
    if factor < 0:
        raise InputError(
            where, f"a distribution times {factor:g} would be mirrored; give a factor >= 0"
        )
    if factor == 0:
        return Quantity(0.0, _unit(value))
    changes = {name: scaled(q, factor, where) for name, q in value.quantities().items()}
    return value.model_copy(update=changes)


def shifted(value: Number, by: Value, where: str) -> Number:
    """A value plus a quantity or an array; InputError where the sum is no value of a description."""
    if isinstance(by, Distribution):
        raise InputError(where, "a distribution cannot be added; give a number with its unit")
    if isinstance(value, bool | tuple):
        raise InputError(where, "cannot be added to; set it")
    if isinstance(value, int | float):
        given = (
            Quantity(float(value)) if isinstance(by, Quantity) else Array((value,) * len(by.values))
        )
        total = shifted(given, by, where)
        if not isinstance(total, Quantity):
            raise InputError(where, "is one number; an array cannot be added to it")
        whole = isinstance(value, int)
        return math.floor(total.internal + 0.5) if whole else total.internal
    if isinstance(by, Array):
        if isinstance(value, Distribution):
            raise InputError(where, "is drawn from a distribution; an array cannot be added to it")
        if isinstance(value, Quantity):
            value = Array((value.magnitude,) * len(by.values), value.unit)
        if len(value.values) != len(by.values):
            raise InputError(where, f"has {len(value.values)} values, not {len(by.values)}")
        other = np.asarray(by.values) * float(_ratio(by.unit, value.unit, where))
        return Array(np.asarray(value.values) + other, value.unit)
    if isinstance(value, Quantity):
        return Quantity(_plus(value.magnitude, by, value.unit, where), value.unit)
    if isinstance(value, Array):
        offset = _plus(0.0, by, value.unit, where)
        return Array(np.asarray(value.values) + offset, value.unit)
    if by.magnitude == 0:
        _ratio(by.unit, _unit(value), where)
        return value
    if not isinstance(value, Uniform | Normal | TruncatedNormal):
        raise InputError(
            where, f"a {value.distribution} distribution cannot be shifted; scale or set it"
        )
    changes = {
        name: Quantity(_plus(q.magnitude, by, q.unit, where), q.unit)
        for name, q in value.quantities().items()
        if name != "std"
    }
    return value.model_copy(update=changes)


def between(healthy: Number, new: Number, part: float, where: str) -> Number:
    """``healthy + part·(new - healthy)``, number for number; InputError if there is nothing between."""
    plain = isinstance(healthy, int | float) and isinstance(new, int | float)
    if plain:
        if isinstance(healthy, bool) or isinstance(new, bool):
            raise InputError(where, "there is nothing between true and false; use severity 0 or 1")
        total = healthy + part * (new - healthy)  # type: ignore[operator]
        return math.floor(total + 0.5) if isinstance(healthy, int) else total
    if isinstance(healthy, tuple) and isinstance(new, tuple) and len(healthy) == len(new):
        a, b = np.asarray(healthy), np.asarray(new)
        return tuple((a + part * (b - a)).tolist())
    if isinstance(healthy, Value) and isinstance(new, Quantity | Array):
        if isinstance(healthy, Quantity) and isinstance(new, Quantity):
            # One sum instead of two products, so that equal values stay equal.
            return shifted(healthy, _fraction_of(new, healthy, part, where), where)
        rest = scaled(healthy, 1 - part, where)
        addend = scaled(new, part, where)
        assert isinstance(addend, Quantity | Array)
        return shifted(rest, addend, where)
    raise InputError(
        where, "there is nothing between its value and the one to set; use severity 0 or 1"
    )


def _fraction_of(new: Quantity, healthy: Quantity, part: float, where: str) -> Quantity:
    """``part·(new - healthy)`` in the unit of *new*."""
    difference = _plus(new.magnitude, Quantity(-healthy.magnitude, healthy.unit), new.unit, where)
    return Quantity(_times(difference, part), new.unit)


def negative(value: Number) -> bool:
    """Whether a value is, or by its description can be, below zero; a normal distribution does not count."""
    if isinstance(value, Exponential | LogNormal):
        return any(q.magnitude < 0 for q in value.quantities().values())
    if isinstance(value, Normal):
        return value.mean.magnitude < 0
    if isinstance(value, Uniform | TruncatedNormal):
        return value.low is not None and value.low.magnitude < 0
    if isinstance(value, Quantity):
        return value.magnitude < 0
    numbers = value.values if isinstance(value, Array) else value
    return bool(np.min(np.asarray(numbers), initial=0.0) < 0)


def _unit(value: Distribution) -> str:
    return next(iter(value.quantities().values())).unit


def _times(number: float, factor: float) -> float:
    # In decimals, so that 0.1 nS times 3 reads 0.3 nS.
    return float(Decimal(repr(number)) * Decimal(repr(float(factor))))


def _product(values: tuple[float, ...], factor: float) -> list[float]:
    product: list[float] = (np.asarray(values, dtype=np.float64) * factor).tolist()
    return product


def _ratio(unit: str, to: str, where: str) -> Fraction:
    """What a number in *unit* is multiplied by to be in *to*."""
    Quantity(1.0, unit).to(Quantity(1.0, to).dimension, where)
    return Fraction(parse_unit(unit)[0]) / Fraction(parse_unit(to)[0])


def _plus(number: float, by: Quantity, unit: str, where: str) -> float:
    addend = Fraction(Decimal(repr(by.magnitude))) * _ratio(by.unit, unit, where)
    return float(Fraction(Decimal(repr(number))) + addend)
