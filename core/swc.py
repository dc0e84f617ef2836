"""The SWC format: a line per point with number, type, x, y, z, radius and the parent's number.

Cannon et al. 1998, J. Neurosci. Methods 84:49. Types: 1 soma, 2 axon, 3 dendrite, 4 apical dendrite. What
is written in files beyond that and does no harm is read: other encodings, headers without ``#``, numbers as
``1.0``, a root whose parent is 0, further columns, lines in any order.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import InputError

SOMA = 1
_FORM = "number type x y z radius parent"
_FIELDS = 7
_LARGEST = 2**53
"""Whole numbers up to here are exact as floats."""
_BEGINS = re.compile(r"[-+]?(\d|\.\d|nan|inf)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)
_FARTHEST_UM = 1e9
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class SwcPoint:
    """One line of an SWC file; lengths in µm, ``parent`` is -1 for a root.

    ``where`` says the file and line, for messages.
    """

    number: int
    kind: int
    x: float
    y: float
    z: float
    radius: float
    parent: int
    line: int
    where: str = ""

    @property
    def place(self) -> tuple[float, float, float]:
        """Where it is, in µm."""
        return self.x, self.y, self.z

    @property
    def sized(self) -> tuple[float, float, float, float]:
        """(x, y, z, diameter) in µm, as sections have them."""
        return self.x, self.y, self.z, 2 * self.radius


def read_swc(path: Path, scale: float = 1.0) -> dict[int, SwcPoint]:
    """The points of a file by number, in the order written; ``scale`` is the file's unit in µm.

    Raises InputError, with the line, for what is no point, a number used twice, a parent that is missing, or
    a cycle. Radii are as written.
    """
    points: dict[int, SwcPoint] = {}
    for line, fields in _rows(_text(path)):
        where = f"{path}, line {line}"
        point = _point(fields, line, where, scale)
        if point.number in points:
            first = points[point.number].line
            raise InputError(where, f"the number {point.number} is taken by line {first}")
        points[point.number] = point
    if not points:
        raise InputError(str(path), f"has no points; a line is: {_FORM}")
    # Roots are written -1, by some 0, which is a number that no point has then.
    points = {
        n: replace(p, parent=-1) if p.parent < 0 or (p.parent == 0 and 0 not in points) else p
        for n, p in points.items()
    }
    _check_parents(points)
    return points


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16")
        if b"\0" in raw:
            raise InputError(str(path), "cannot be read: it is no text")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            # Comments in an older encoding; the numbers are the same in all of them.
            return raw.decode("latin-1")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(str(path), f"cannot be read: {reason}") from error


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of every line that is no comment; a header of words before the first point is none."""
    begun = False
    # Not splitlines: it takes some letters of older encodings for ends of lines.
    for line, row in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        row = row.split("#")[0].strip()
        if not row or not (begun or _BEGINS.match(row)):
            continue
        begun = True
        yield line, _fields(row)


def _fields(row: str) -> list[str]:
    apart = row.replace(";", " ").split()
    if len(apart) >= _FIELDS and any(map(_DECIMAL_COMMA.fullmatch, apart)):
        return [field.replace(",", ".") for field in apart]
    return row.replace(";", " ").replace(",", " ").split()


def _point(fields: list[str], line: int, where: str, scale: float) -> SwcPoint:
    if len(fields) < _FIELDS:
        raise InputError(where, f"has {len(fields)} fields; a point is: {_FORM}")
    number, kind, parent = (_whole(fields[k], where) for k in (0, 1, 6))
    x, y, z, radius = (scale * _number(field, where) for field in fields[2:6])
    if number < 0:
        raise InputError(where, f"has the number {number}; the numbers of points are >= 0")
    if max(map(abs, (x, y, z, radius))) > _FARTHEST_UM:
        raise InputError(where, "has a place or radius beyond 1e9 um")
    return SwcPoint(number, kind, x, y, z, radius, parent, line, where)


def _number(text: str, where: str) -> float:
    if not _NUMBER.fullmatch(text) and not _NOT_FINITE.fullmatch(text):
        raise InputError(where, f"is no point: {text!r} is no number; one is: {_FORM}")
    value = float(text)
    if not math.isfinite(value):
        raise InputError(where, f"has a number that is not finite: {text}")
    return value


def _whole(text: str, where: str) -> int:
    value = _number(text, where)
    if value != int(value) or abs(value) > _LARGEST:
        raise InputError(
            where, f"is no point: {text} is no whole number; number, type and parent are"
        )
    return int(value)


def _check_parents(points: dict[int, SwcPoint]) -> None:
    for point in points.values():
        if point.parent != -1 and point.parent not in points:
            raise InputError(
                point.where, f"its parent {point.parent} is not in the file; a root has -1"
            )
    rooted: set[int] = {-1}
    for point in points.values():
        trail: dict[int, None] = {}
        number = point.number
        while number not in rooted:
            if number in trail:
                passed = list(trail)
                cycle = " → ".join(map(str, [*passed[passed.index(number) :], number]))
                raise InputError(points[number].where, f"is its own ancestor: {cycle}")
            trail[number] = None
            number = points[number].parent
        rooted.update(trail)
