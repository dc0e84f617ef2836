"""A text file as a `Table`: its encoding, comments, delimiter, decimal comma and header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import InputError
from .headers import is_time
from .table import Table, is_missing, is_number

_COMMENTS = ("#", "%", "//")
_DELIMITERS = ("\t", ";", "|", ",", "")  # the last is any white space
_LOOK = 50
"""Lines by which the delimiter is told."""
_NAMES = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", "": "spaces"}
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*", re.ASCII)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path) -> Table:
    """The columns of a text file; InputError naming the line for what is no table."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from error
    return table_of_text(decoded(data, str(path)), str(path))


def decoded(data: bytes, where: str) -> str:
    """The text of a file in UTF-8, UTF-16 or, failing these, Latin-1; InputError for what is no text."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise InputError(
                    where, f"is no text in {encoding.upper()}: it breaks off"
                ) from error
    start = data[:4000]
    if b"\0" in start:
        # UTF-16 without its mark: every other byte of digits is 0.
        even, odd = start[::2].count(0), start[1::2].count(0)
        encoding = "utf-16-le" if odd > even else "utf-16-be"
        try:
            if max(even, odd) < 0.4 * len(start) / 2:
                raise InputError(where, "is no table: it is no text")
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise InputError(where, "is no table: it is no text") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def table_of_text(text: str, where: str) -> Table:
    """The columns of a text; InputError naming the line for what is no table."""
    remarks, numbers, lines = _without_comments(text)
    if not lines:
        said = _names_in(remarks)
        if len(said) >= 2 and any(map(is_time, said)):  # a recorder that saw no spike
            return _empty(where, said, remarks)
        raise InputError(
            where, "is no table: it is empty; without spikes, write the header time,cell alone"
        )
    delimiter = _delimiter(lines)
    split = _splitter(delimiter, lines)
    rows = _rows(lines, split, where, numbers)
    names: Sequence[str] = ()
    if _is_header(rows[0]):
        names, rows, numbers = [name.strip() for name in rows[0]], rows[1:], numbers[1:]
    else:
        said = _names_in(remarks)
        if len(said) == len(rows[0]) and any(map(is_time, said)):
            names = said
    _check_widths(rows, names, numbers, delimiter, where)
    if not rows:
        return _empty(where, names, remarks)
    if any("\0" in field for row in rows[:_LOOK] for field in row):
        raise InputError(where, "is no table: it is no text")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    if delimiter != ",":
        columns = [_with_points(column) for column in columns]
    names = tuple(names) or ("",) * len(columns)
    # A delimiter at the end of every line is no column.
    while len(columns) > 1 and not names[-1] and not any(map(str.strip, columns[-1].tolist())):
        columns, names = columns[:-1], names[:-1]
    return Table(
        where,
        tuple(names),
        tuple(columns),
        any(names),
        ("",) * len(columns),
        np.asarray(numbers, dtype=np.int64),
        tuple(remarks),
    )


def _empty(where: str, names: Sequence[str], remarks: Sequence[str]) -> Table:
    columns = tuple(np.empty(0) for _ in names)
    return Table(where, tuple(names), columns, True, ("",) * len(names), None, tuple(remarks))


def _without_comments(text: str) -> tuple[list[str], list[int], list[str]]:
    """The comment lines without their sign; the numbers and texts of the other lines that are not empty."""
    remarks, numbers, lines = [], [], []
    for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        bare = line.strip()
        if bare.startswith(_COMMENTS):
            remarks.append(bare.lstrip("#%/ \t"))
        elif bare:
            numbers.append(number)
            lines.append(re.sub(r"\s#.*", "", line) if "#" in line else line)
    return remarks, numbers, lines


def _names_in(remarks: Sequence[str]) -> list[str]:
    """The names of columns in the last comment line that has a time among them, as NEST writes them."""
    for remark in reversed(remarks):
        for delimiter in _DELIMITERS:
            fields = [f.strip() for f in (remark.split(delimiter) if delimiter else remark.split())]
            if len(fields) >= 2 and any(map(is_time, fields)):
                return fields
    return []


def _delimiter(lines: Sequence[str]) -> str:
    """What stands between the fields: the first that gives every line as many, all of them single values."""
    look = lines[1 : _LOOK + 1] if len(lines) > 1 else lines[:1]
    best, most = "", -1.0
    for delimiter in _DELIMITERS:
        split = _splitter(delimiter, look)
        fields = [split(line) for line in look]
        widths = Counter(map(len, fields))
        width, n_same = widths.most_common(1)[0]
        if width < 2:
            continue
        flat = [field for row in fields for field in row]
        good = [is_number(f) or is_missing(f) or bool(_DECIMAL_COMMA.fullmatch(f)) for f in flat]
        # Names of cells are no numbers; two numbers in one field are a wrong delimiter.
        torn = [bool(re.search(r"\d[\s;|\t]+[\d.+-]", f)) for f in flat]
        score = n_same / len(look) + sum(good) / len(flat) - 2 * sum(torn) / len(flat)
        if score > most + 1e-9:
            best, most = delimiter, score
    return best if most >= 0 else ","  # one column: no space in its name parts it


def _splitter(delimiter: str, lines: Sequence[str]) -> Callable[[str], list[str]]:
    if not delimiter:
        return str.split
    if any('"' in line for line in lines):
        return lambda line: next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return lambda line: line.split(delimiter)


def _rows(
    lines: Sequence[str], split: Callable[[str], list[str]], where: str, numbers: Sequence[int]
) -> list[list[str]]:
    rows = []
    for number, line in zip(numbers, lines, strict=True):
        try:
            rows.append(split(line))
        except csv.Error as error:
            raise InputError(
                f"{where}, row {number}",
                "is no row of a table: a quotation mark is not closed, or a field is too long",
            ) from error
    return rows


def _is_header(row: Sequence[str]) -> bool:
    fields = [field.strip().strip('"') for field in row]
    numeric = [is_number(f) or bool(_DECIMAL_COMMA.fullmatch(f)) for f in fields]
    if any(is_time(f) for f in fields):
        return True
    return not any(numeric) and any(f and not is_missing(f) for f in fields)


def _check_widths(
    rows: list[list[str]], names: Sequence[str], numbers: Sequence[int], delimiter: str, where: str
) -> None:
    if not rows:
        return
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if names and len(names) != width:
        fields = f"field{'s' if width > 1 else ''}"
        raise InputError(
            where,
            f"its header names {len(names)} column{'s' if len(names) > 1 else ''} "
            f"({', '.join(n or '?' for n in names[:8])}), but its rows have {width} {fields}; "
            "name every column",
        )
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != width:
            raise InputError(
                f"{where}, row {number}",
                f"has {len(row)} field{'s' if len(row) > 1 else ''} between {_NAMES[delimiter]}, the "
                f"others have {width}",
            )


def _with_points(column: NDArray[Any]) -> NDArray[Any]:
    """Decimal commas as points, in a column where no number has a point."""
    if column.dtype.kind != "U" or not any("," in text for text in column.tolist()):
        return column
    texts = column.tolist()
    if all(
        _DECIMAL_COMMA.fullmatch(t) or (is_number(t) and "." not in t) or is_missing(t)
        for t in texts
    ):
        return np.array([text.replace(",", ".") for text in texts])
    return column
