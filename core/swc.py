"""The SWC format: a line per point with number, type, x, y, z, radius (µm) and the parent's number.

Cannon et al. 1998, J. Neurosci. Methods 84:49. Types: 1 soma, 2 axon, 3 dendrite, 4 apical dendrite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError


@dataclass(frozen=True)
class SwcPoint:
    """One line of an SWC file; lengths in µm, ``parent`` is -1 for the root."""

    number: int
    kind: int
    x: float
    y: float
    z: float
    radius: float
    parent: int
    line: int


def read_swc(path: Path) -> dict[int, SwcPoint]:
    """The points of a file by number, in the order written.

    Raises InputError, with the line, for what is no point, a number used twice, a radius not above 0, a
    parent that is missing, a cycle, or two roots.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"cannot be read: {error}") from error
    points: dict[int, SwcPoint] = {}
    for k, text in enumerate(lines, 1):
        text = text.split("#")[0].strip()
        if not text:
            continue
        point = _point(text.replace(",", " ").split(), k, f"{path}, line {k}")
        if point.number in points:
            first = points[point.number].line
            raise InputError(
                f"{path}, line {k}", f"the number {point.number} is taken by line {first}"
            )
        points[point.number] = point
    if not points:
        raise InputError(str(path), "has no points; a line is: number type x y z radius parent")
    _check_tree(points, path)
    return points


def _point(fields: list[str], line: int, where: str) -> SwcPoint:
    if len(fields) < 7:
        raise InputError(
            where, f"has {len(fields)} fields; a point is: number type x y z radius parent"
        )
    try:
        whole = [int(fields[k]) for k in (0, 1, 6)]
        x, y, z, radius = (float(field) for field in fields[2:6])
    except ValueError as error:
        raise InputError(where, f"is no point: {error}") from error
    if not all(map(math.isfinite, (x, y, z, radius))):
        raise InputError(where, "has a number that is not finite")
    if radius <= 0:
        raise InputError(where, f"has the radius {radius:g}; it has to be > 0")
    return SwcPoint(whole[0], whole[1], x, y, z, radius, whole[2], line)


def _check_tree(points: dict[int, SwcPoint], path: Path) -> None:
    for point in points.values():
        if point.parent != -1 and point.parent not in points:
            raise InputError(
                f"{path}, line {point.line}", f"its parent {point.parent} is not in the file"
            )
    rooted: set[int] = {-1}
    for point in points.values():
        trail: dict[int, None] = {}
        number = point.number
        while number not in rooted:
            if number in trail:
                passed = list(trail)
                cycle = " → ".join(map(str, [*passed[passed.index(number) :], number]))
                raise InputError(
                    f"{path}, line {points[number].line}", f"is its own ancestor: {cycle}"
                )
            trail[number] = None
            number = points[number].parent
        rooted.update(trail)
    roots = [p for p in points.values() if p.parent == -1]
    if len(roots) > 1:
        raise InputError(
            f"{path}, line {roots[1].line}",
            f"is a second root beside line {roots[0].line}; a cell is one tree",
        )
