"""A `Table`: named columns of one file, or of arrays in memory, before anybody says what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import InputError
from ....core.values import Floats

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?\s*", re.ASCII)
_NOT_A_NUMBER = {
    "",
    "nan",
    "na",
    "n/a",
    "null",
    "none",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "-infinity",
}


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length with their names, ``""`` where there is none.

    ``columns`` are texts (of a text file, so that no digit is lost before units are known) or numbers.
    ``units`` are those that an array carries itself, else "". ``lines`` number the rows in the file.
    ``remarks`` are its comment lines. ``headed`` says whether the columns have names.
    """

    where: str
    names: tuple[str, ...]
    columns: tuple[NDArray[Any], ...]
    headed: bool = True
    units: tuple[str, ...] = ()
    lines: NDArray[np.int64] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.columns[0].size) if self.columns else 0

    def place(self, row: int, column: int) -> str:
        """Where a value stands, as an error says it."""
        line = row + 1 if self.lines is None else int(self.lines[row])
        return f"{self.where}, row {line}, column {self.names[column] or column + 1!r}"

    def is_numeric(self, column: int) -> bool:
        """Whether every value of a column is a number, or stands for a missing one."""
        values = self.columns[column]
        if values.dtype.kind in "iufb":
            return True
        if values.dtype.kind not in "US":
            return False
        return all(is_number(text) or is_missing(text) for text in set(values.tolist()))

    def numbers(self, column: int, power: Decimal = Decimal(1), missing: bool = False) -> Floats:
        """A column as numbers times a factor, correctly rounded where it is text.

        Raises InputError with row and column for what is no finite number; with *missing*, it is NaN.
        """
        values = self.columns[column]
        if values.dtype.kind in "iufb":
            numbers = np.asarray(values, dtype=np.float64)
            if power != 1:
                numbers = scaled(numbers, power)
        else:
            numbers = self._parsed(column, values, power, missing)
        if not missing and not np.isfinite(numbers).all():
            row = int(np.flatnonzero(~np.isfinite(numbers))[0])
            raise InputError(self.place(row, column), f"{values[row]} is no finite number")
        return numbers

    def _parsed(self, column: int, texts: NDArray[Any], power: Decimal, missing: bool) -> Floats:
        exponent = _power_of_ten(power)
        suffix = "" if not exponent else f"e{exponent}"
        numbers = np.empty(texts.size)
        for row, text in enumerate(texts.tolist()):
            if _NUMBER.fullmatch(text) is None:
                if missing and is_missing(text):
                    numbers[row] = np.nan
                    continue
                raise InputError(self.place(row, column), f"{text!r} is no finite number")
            text = text.strip().replace("d", "e").replace("D", "e")
            if exponent is None or (suffix and ("e" in text or "E" in text)):
                numbers[row] = float(Decimal(text) * power)
            else:
                numbers[row] = float(text + suffix)
        return numbers


def is_number(text: str) -> bool:
    """Whether a text is a number as files write it; ``1_000`` and digits of other scripts are none."""
    return _NUMBER.fullmatch(text) is not None


def is_missing(text: str) -> bool:
    """Whether a text stands for a number that is not there, or not finite."""
    return text.strip().lower() in _NOT_A_NUMBER


def _power_of_ten(factor: Decimal) -> int | None:
    """k of a factor 10**k; None of another."""
    _, digits, exponent = factor.normalize().as_tuple()
    return int(exponent) if digits == (1,) else None


def scaled(numbers: Floats, factor: Decimal) -> Floats:
    """Numbers times a factor, rounded once: divided where its inverse is the whole number."""
    inverse = 1 / factor
    if factor < 1 and inverse == int(inverse):
        return numbers / float(inverse)
    return numbers * float(factor)
