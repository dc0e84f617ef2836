"""Dimensions, units and quantities; pint reads the texts, nothing converts after that.

Everything inside coincide is a float in one coherent system: mV, ms, pA, and from these nS, pF, GOhm;
µm for length, mol·10⁻¹⁸ for substance, so that a concentration is in mM.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .common_units import read_common
from .errors import InputError

_MOST = 12
"""The largest power of a base unit that is taken."""
BASE = ("mass", "length", "time", "current", "substance", "temperature")
# Powers of ten of the internal base units in SI (kg, m, s, A, mol, K): they make mV, ms, pA coherent.
_INTERNAL_EXPONENT = {
    "mass": -12,
    "length": -6,
    "time": -3,
    "current": -12,
    "substance": -18,
    "temperature": 0,
}


@dataclass(frozen=True)
class Dimension:
    """A physical dimension: the exponents of mass, length, time, current, substance, temperature."""

    exponents: tuple[Fraction, ...]

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a - b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __pow__(self, power: Fraction | int) -> Dimension:
        return Dimension(tuple(a * Fraction(power) for a in self.exponents))

    @property
    def is_dimensionless(self) -> bool:
        """Whether every exponent is zero."""
        return not any(self.exponents)

    def __str__(self) -> str:
        return internal_unit(self)


DIMENSIONLESS = Dimension((Fraction(0),) * len(BASE))


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Pint's unit registry with exact decimal factors; made on first use, since it takes a while."""
    import pint

    registry: Any = pint.UnitRegistry(non_int_type=Decimal)
    registry.define("@alias ohm = Ohm")
    return registry


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> tuple[Decimal, Dimension]:
    """The factor to the internal unit, exact, and the dimension of a unit such as ``"nS/um**2"``.

    Raises InputError when the text is no unit or has an offset (degC).
    """
    stripped = text.strip()
    if stripped in {"", "1"}:
        return Decimal(1), DIMENSIONLESS
    if len(stripped) > 80 or not re.fullmatch(r"[\w\s*/^().µμΩ²³⁻¹-]+", stripped):
        raise InputError("unit", f"{text!r} is not a unit; examples: mV, ms, nS/um**2")
    common = read_common(stripped)
    if common is not None:
        power_of_ten, exponents_in_si = common
        for exponent, name in zip(exponents_in_si, BASE, strict=True):
            power_of_ten -= exponent * _INTERNAL_EXPONENT[name]
        dimension = Dimension(tuple(Fraction(e) for e in exponents_in_si))
        if all(abs(e) <= _MOST for e in exponents_in_si):
            return Decimal(1).scaleb(power_of_ten), dimension
    return _parse_with_pint(stripped)


def _parse_with_pint(stripped: str) -> tuple[Decimal, Dimension]:
    registry = _registry()
    try:
        factor, root = registry.get_root_units(registry.parse_units(stripped))
        if not registry.Quantity(1, registry.parse_units(stripped))._is_multiplicative:
            raise InputError("unit", f"{stripped!r} has an offset; use kelvin")
        dimensionality = dict(registry.get_dimensionality(root))
    except InputError:
        raise
    except Exception as error:  # pint raises its own, tokenize's and arithmetic errors here
        raise InputError(
            "unit", f"{stripped!r} is not a unit pint knows; examples: mV, ms, nS, pA, uF/cm**2"
        ) from error
    exponents = []
    scale = Decimal(factor)
    for name in BASE:
        power = Fraction(str(dimensionality.pop(f"[{name}]", 0)))
        exponents.append(power)
        if power.denominator != 1 or abs(power) > _MOST:
            raise InputError("unit", f"{stripped!r} has the power {power} of [{name}]")
        # pint's root unit of mass is the gram.
        grams = -3 if name == "mass" else 0
        scale = scale.scaleb(int(power) * (grams - _INTERNAL_EXPONENT[name]))
    if dimensionality:
        raise InputError(
            "unit",
            f"{stripped!r} has the dimension {', '.join(dimensionality)}, not used in neurons",
        )
    return scale, Dimension(tuple(exponents))


def dimension_of_unit(text: str) -> Dimension:
    """The dimension of a unit text."""
    return parse_unit(text)[1]


_COMMON = (
    "mV", "ms", "pA", "nS", "pF", "GOhm", "mM", "um", "K", "1/ms", "mV/ms", "pA/ms", "nS/ms",
    "pA/um**2", "nS/um**2", "pF/um**2", "um**2", "um**3", "mM/ms", "1/mV", "pA/mV**2", "nS/mV",
    "pA*ms", "mV**2", "mV/pA", "1/mM", "pA/mV**3", "pA/mV",
)  # fmt: skip


@lru_cache(maxsize=1)
def _common_units() -> dict[Dimension, str]:
    names: dict[Dimension, str] = {}
    for text in _COMMON:
        names.setdefault(dimension_of_unit(text), text)
    return names


@lru_cache(maxsize=256)
def internal_unit(dimension: Dimension) -> str:
    """The name of the internal unit of a dimension, such as ``"mV"``; ``"1"`` if dimensionless."""
    if dimension.is_dimensionless:
        return "1"
    known = _common_units().get(dimension)
    if known is not None:
        return known
    symbols = ("(mV*pA*ms**3/um**2)", "um", "ms", "pA", "(mM*um**3)", "K")
    parts = [
        symbol if power == 1 else f"{symbol}**{power}"
        for symbol, power in zip(symbols, dimension.exponents, strict=True)
        if power
    ]
    return "*".join(parts)


_NUMBER = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*", re.DOTALL
)


def read_foreign(given: object) -> tuple[NDArray[np.float64], str] | None:
    """Numbers and unit of a quantity of Brian2, quantities, pint or astropy; None if it is none.

    The packages are not imported: a quantity is known by its attributes.
    """
    if hasattr(given, "dim") and hasattr(given, "get_best_unit"):
        return _read_brian2(given)
    if hasattr(given, "dimensionality") and hasattr(given, "rescale"):
        return np.asarray(given.magnitude, dtype=np.float64), str(given.dimensionality.string)  # type: ignore[attr-defined]
    if hasattr(given, "magnitude") and hasattr(given, "units"):
        text = f"{given.units:~C}".replace("µ", "u")
        return np.asarray(given.magnitude, dtype=np.float64), text or "1"
    if hasattr(given, "unit") and hasattr(given, "value") and hasattr(given, "decompose"):
        return np.asarray(given.value, dtype=np.float64), str(given.unit) or "1"
    return None


_BRIAN2 = ("length", "mass", "time", "current", "temperature", "substance", "luminosity")


def _read_brian2(given: Any) -> tuple[NDArray[np.float64], str]:
    """In internal units: Brian2 keeps the numbers in SI and does not know what they were written in."""
    powers = {
        name: Fraction(p).limit_denominator(12)
        for name, p in zip(_BRIAN2, given.dim._dims, strict=True)
    }
    if powers["luminosity"]:
        raise InputError("unit", f"{given.dim} has a luminous intensity, which no model needs")
    dimension = Dimension(tuple(powers[name] for name in BASE))
    power = sum(powers[name] * _INTERNAL_EXPONENT[name] for name in BASE)
    numbers = np.asarray(given, dtype=np.float64)
    if power.denominator != 1:
        return numbers * 10.0 ** -float(power), internal_unit(dimension)
    shift = int(power)
    scaled = [_shifted(number, -shift) for number in numbers.ravel().tolist()]
    return np.array(scaled, dtype=np.float64).reshape(numbers.shape), internal_unit(dimension)


def _shifted(number: float, power: int) -> float:
    """The number times a power of ten, as it was written before Brian2 multiplied it by a unit."""
    if not math.isfinite(number):
        return number
    written = float(f"{Decimal(repr(number)).scaleb(power):.15g}")
    if written * float(Decimal(1).scaleb(-power)) == number:
        return written
    return float(Decimal(repr(number)).scaleb(power))


@dataclass(frozen=True)
class Quantity:
    """A number with its unit as the user wrote it, such as ``10 ms``."""

    magnitude: float
    unit: str = "1"

    @classmethod
    def parse(cls, given: object, where: str = "quantity") -> Quantity:
        """Read ``"10 ms"``, a plain number, a Quantity or a pint quantity.

        Raises InputError naming *where* for anything else, an unknown unit, NaN or infinity.
        """
        try:
            quantity = cls._read(given, where)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(where, f"{given!r:.60} is not a number that can be used") from error
        if not math.isfinite(quantity.magnitude):
            raise InputError(where, f"{quantity.magnitude} is not a finite number")
        try:
            internal = quantity.internal
        except InputError as error:
            raise InputError(where, error.problem) from error
        if not math.isfinite(internal):
            raise InputError(where, f"{quantity} is too large a number in {quantity.dimension}")
        return quantity

    @classmethod
    def _read(cls, given: object, where: str) -> Quantity:
        if isinstance(given, Quantity):
            return given
        foreign = read_foreign(given)
        if foreign is not None:
            values, unit = foreign
            if values.ndim:
                raise InputError(where, f"{values.size} numbers where one is needed")
            return cls(float(values), unit)
        if isinstance(given, bool):
            raise InputError(where, f"{given!r} is not a quantity; write a number with a unit")
        if isinstance(given, int | float):
            return cls(float(given))
        if isinstance(given, str):
            match = _NUMBER.fullmatch(given)
            if match is None:
                raise InputError(
                    where, f'{given!r} is not a quantity; write a number and a unit: "10 ms"'
                )
            # "10*ms" as in an expression, "5/ms" for a rate.
            unit = (
                f"1{match[2]}" if match[2].startswith("/") else match[2].removeprefix("*").strip()
            )
            return cls(float(match[1]), unit or "1")
        if hasattr(given, "dtype") and getattr(given, "ndim", None) == 0:
            return cls(float(given))  # type: ignore[arg-type]
        raise InputError(where, f'{given!r} is not a quantity; write a number and a unit: "10 ms"')

    @property
    def dimension(self) -> Dimension:
        """The dimension of the unit."""
        return parse_unit(self.unit)[1]

    @property
    def internal(self) -> float:
        """The number in internal units, correctly rounded."""
        return float(Decimal(repr(self.magnitude)) * parse_unit(self.unit)[0])

    def to(self, dimension: Dimension, where: str) -> float:
        """The number in internal units after checking the dimension; InputError if it differs."""
        if self.dimension != dimension:
            raise InputError(
                where,
                f"{self} has the dimension of {describe(self.dimension)}, "
                f"but {describe(dimension)} is needed",
            )
        return self.internal

    def __str__(self) -> str:
        number = f"{self.magnitude!r}".removesuffix(".0")
        return number if self.unit == "1" else f"{number} {self.unit}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Quantities are texts in JSON: ``"10 ms"``."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda given: cls.parse(given, where=""),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema(), when_used="always"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """A text of a number and a unit, or a plain number."""
        return {
            "anyOf": [
                {"type": "string", "examples": ["10 ms", "-65 mV", "0.5"]},
                {"type": "number"},
            ],
            "title": "Quantity",
        }


_WORDS = {
    "mV": "a voltage",
    "ms": "a time",
    "pA": "a current",
    "nS": "a conductance",
    "pF": "a capacitance",
    "GOhm": "a resistance",
    "mM": "a concentration",
    "um": "a length",
    "1/ms": "a rate",
    "um**2": "an area",
    "K": "a temperature",
}


def describe(dimension: Dimension) -> str:
    """A dimension in words with its internal unit: ``a voltage [mV]``."""
    unit = internal_unit(dimension)
    if unit == "1":
        return "a pure number"
    return f"{_WORDS.get(unit, 'a quantity')} [{unit}]"


TIME = Dimension(tuple(Fraction(name == "time") for name in BASE))


def to_internal(text: object, unit: str, where: str) -> float:
    """The internal number of a quantity that has to have the dimension of *unit*."""
    return Quantity.parse(text, where).to(dimension_of_unit(unit), where)


def milliseconds(given: object, where: str) -> float:
    """A duration in ms; InputError if it is no time."""
    return Quantity.parse(given, where).to(TIME, where)
