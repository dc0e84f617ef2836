"""A perturbation as text and as plain data: ``purkinje.naRsg.epsilon := 1e-12 /ms``, ``remove 40% purkinje``.

What is written here reads back as the same, but for a citation, which has no place in it.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from .arithmetic import read_value
from .description import Description
from .errors import InputError
from .paths import plain_value
from .units import Quantity
from .values import Array

Operation = Literal["set", "scale", "add", "remove", "silence"]

_SIGNS: dict[str, Operation] = {":=": "set", "*=": "scale", "×": "scale", "+=": "add", "-=": "add"}
_CHANGE = re.compile(
    r"(?P<path>\S+?(?:\s*(?:->|→)\s*\S+?)?)\s*(?P<sign>:=|\*=|×|\+=|-=)\s*(?P<value>.+)", re.DOTALL
)
_REMOVE = re.compile(r"remove\s+(?:(?P<number>\S+?)\s*(?P<percent>%)?\s+(?:of\s+)?)?(?P<path>\S+)")
_SILENCE = re.compile(r"silence\s+(?P<path>\S.*?)")
_SEVERITY = re.compile(r"(?P<rest>.*\S)\s+at\s+(?P<percent>[0-9][0-9.eE+-]*)\s*%", re.DOTALL)


class Written(NamedTuple):
    """What a text says: the path, the operation, its value as plain data, how much of it is applied."""

    path: str
    operation: Operation
    value: Any
    severity: float


def read_perturbation(text: str) -> Written:
    """The parts of a perturbation's text; InputError for one that is none."""
    rest, severity = text.strip(), 1.0
    match = _SEVERITY.fullmatch(rest)
    if match is not None:
        rest, severity = match["rest"], _part(match["percent"], True, text)
        if severity > 1:
            raise InputError(text.strip(), f"the severity {percent(severity)} is above 100%")
    match = _SILENCE.fullmatch(rest)
    if match is not None:
        return Written(match["path"], "silence", None, severity)
    match = _REMOVE.fullmatch(rest)
    if match is not None:
        if match["path"].endswith("%"):
            raise InputError(rest, f"of which population? write for instance '{rest} purkinje'")
        of_hundred = match["percent"] is not None
        part = 1.0 if match["number"] is None else _part(match["number"], of_hundred, text)
        return Written(match["path"], "remove", part, severity)
    match = _CHANGE.fullmatch(rest)
    if match is None:
        raise InputError(
            text.strip() or "perturbation",
            "is no perturbation; write 'path := value', 'path *= 0.5', 'path += 5 mV', "
            "'remove 40% population' or 'silence name'",
        )
    value = plain_value(match["value"].strip())
    if match["sign"] == "-=":
        quantity = Quantity.parse(value, text)
        value = str(Quantity(-quantity.magnitude, quantity.unit))
    return Written(match["path"], _SIGNS[match["sign"]], value, severity)


def write_perturbation(path: str, operation: Operation, value: Any, severity: float) -> str:
    """The text of a perturbation, from its plain value."""
    suffix = "" if severity == 1 else f" at {percent(severity)}"
    if operation == "silence":
        return f"silence {path}{suffix}"
    if operation == "remove":
        return f"remove {percent(value)} {path}{suffix}"
    sign = {"set": ":=", "scale": "*=", "add": "+="}[operation]
    # What is added is a quantity, also where it has no unit and could be read as a number.
    bare = operation == "add" and isinstance(value, str) and not value.endswith("%")
    return f"{path} {sign} {value if bare else _written(value)}{suffix}"


def plain_operand(path: str, operation: object, value: Any) -> Any:
    """The value of an operation as plain data; InputError for one that it cannot have."""
    if isinstance(value, Quantity):
        value = str(value)
    elif isinstance(value, Description):
        value = value.model_dump(mode="json", exclude_none=True)
    if operation == "set":
        return _as_json(value, path)
    if operation == "scale":
        return _number(value, f"{path} *= {value}", "a factor is a number such as 0.5")
    if operation == "add":
        return _addend(value, f"{path} += {value}")
    if operation == "remove":
        return _fraction(1.0 if value is None else value, f"remove {path}")
    if operation == "silence" and value is not None:
        raise InputError(f"silence {path}", f"takes no value, but {value!r} is given")
    return value


def percent(part: float) -> str:
    """A part as a percentage that reads back as the same number."""
    return f"{(Decimal(repr(float(part))) * 100).normalize():f}%"


def _number(value: object, where: str, advice: str) -> float:
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise InputError(where, f"{value!r} is no number; {advice}") from None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InputError(where, f"{value!r} is no number; {advice}")
    if not math.isfinite(number):
        raise InputError(where, f"{value} is not finite; {advice}")
    return float(number)


def _as_json(value: Any, path: str) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        problem = f"{value!r} cannot be set: it is no text, finite number or list of such"
        raise InputError(path, problem) from None


def _addend(value: object, where: str) -> Any:
    if isinstance(value, dict | list):
        addend = read_value(value, where)
        if not isinstance(addend, Array):
            raise InputError(where, "a distribution cannot be added; give a number with its unit")
        return addend.model_dump(mode="json")
    return str(Quantity.parse(value, where))


def _fraction(value: object, where: str) -> float:
    part = _number(value, where, "give the part of the cells, in (0, 1]")
    if part > 1:
        raise InputError(where, f"{percent(part)} is more than there is; 100% at most")
    if part <= 0:
        raise InputError(where, f"{percent(part)} is nothing to remove; give more than 0%")
    return part


def _part(number: str, percent: bool, where: str) -> float:
    value = _number(number, where, "write for instance 40%")
    # In decimals, so that what is printed reads back as the same number.
    return float(Decimal(number) / 100) if percent else value


def _written(value: Any) -> str:
    """A plain value as a text that reads back as the same."""
    if isinstance(value, str) and value and value == value.strip() and value[-1] != "%":
        if plain_value(value) == value:
            return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
