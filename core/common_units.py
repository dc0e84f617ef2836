"""The units of everyday models, so that reading one does not need pint's registry (a third of a second).

A text is a product of units with prefixes and whole powers: ``nS/um**2``, ``1/(ms*mV)``. Everything else is
pint's. A test holds that both agree on every unit that is known here.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType

# SI exponents of mass, length, time, current, substance, temperature.
_SYMBOLS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "V": (1, 2, -3, -1, 0, 0),
        "A": (0, 0, 0, 1, 0, 0),
        "S": (-1, -2, 3, 2, 0, 0),
        "F": (-1, -2, 4, 2, 0, 0),
        "ohm": (1, 2, -3, -2, 0, 0),
        "Ohm": (1, 2, -3, -2, 0, 0),
        "s": (0, 0, 1, 0, 0, 0),
        "Hz": (0, 0, -1, 0, 0, 0),
        "m": (0, 1, 0, 0, 0, 0),
        "K": (0, 0, 0, 0, 0, 1),
    }
)
_PREFIXES: Mapping[str, int] = MappingProxyType(
    {"G": 9, "M": 6, "k": 3, "": 0, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}
)


def _named() -> dict[str, tuple[int, tuple[int, ...]]]:
    units = {
        prefix + symbol: (power, exponents)
        for symbol, exponents in _SYMBOLS.items()
        for prefix, power in _PREFIXES.items()
        if prefix != "c" or symbol == "m"
    }
    # A molar, mol/l, is 10³ mol/m³.
    molar = (0, -3, 0, 0, 1, 0)
    units |= {f"{p}M": (3 + _PREFIXES[p], molar) for p in ("", "m", "u", "n")}
    return units


def _spelled_out() -> dict[str, tuple[int, tuple[int, ...]]]:
    """Names as in Brian2: a prefix and the word, ``mvolt``, ``namp``, ``msecond``."""
    words = {
        "volt": "V",
        "amp": "A",
        "ampere": "A",
        "siemens": "S",
        "farad": "F",
        "second": "s",
        "hertz": "Hz",
        "meter": "m",
        "metre": "m",
        "kelvin": "K",
    }
    units = {
        prefix + word: (power, _SYMBOLS[symbol])
        for word, symbol in words.items()
        for prefix, power in _PREFIXES.items()
        if prefix != "c" or symbol == "m"
    }
    return units | {f"{p}molar": _named()[f"{p}M"] for p in ("", "m", "u", "n")}


SPELLED_OUT: Mapping[str, tuple[int, tuple[int, ...]]] = MappingProxyType(_spelled_out())
"""Power of ten and SI exponents of units as Brian2 spells them."""

COMMON: Mapping[str, tuple[int, tuple[int, ...]]] = MappingProxyType(_named() | _spelled_out())
"""Power of ten and SI exponents of every unit known here, by name."""


def read_common(text: str) -> tuple[int, tuple[int, ...]] | None:
    """Power of ten in SI and exponents of a unit text; None if it needs pint."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return _read(tree)


def _read(node: ast.expr) -> tuple[int, tuple[int, ...]] | None:
    match node:
        case ast.Name(id=name):
            return COMMON.get(name)
        case ast.Constant(value=1):
            return 0, (0,) * 6
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)):
            base = _read(left)
            if base is None or not 0 < power <= 6:
                return None
            return base[0] * power, tuple(e * power for e in base[1])
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            a, b = _read(left), _read(right)
            if a is None or b is None:
                return None
            sign = 1 if isinstance(op, ast.Mult) else -1
            exponents = tuple(x + sign * y for x, y in zip(a[1], b[1], strict=True))
            return a[0] + sign * b[0], exponents
    return None
