"""One column of numbers of a CSV file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from .errors import InputError, nearest
from .reading import read_text
from .syntax import shown


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
