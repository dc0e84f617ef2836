"""Neurolucida's ``.asc`` and the ``.h5`` of the Blue Brain Project as points, read by MorphIO.

MorphIO (Apache-2.0) is the extra ``coincide[morphology]``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .swc import SOMA, SwcPoint
from .values import Floats

SUFFIXES = (".asc", ".h5")
"""The files that are read here."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r":(\d+):(error|warning)")


def read_by_morphio(path: Path, scale: float = 1.0) -> tuple[dict[int, SwcPoint], Floats | None]:
    """The points of a file by number, and the outline of its soma in µm, shape (points, 3), if it is one.

    An outlined soma is one point in its middle. ``scale`` is the file's unit in µm. InputError for a
    damaged file, or without MorphIO.
    """
    whole = _opened(path)
    points: dict[int, SwcPoint] = {}

    def add(kind: int, place: Any, diameter: float, parent: int) -> int:
        number = len(points)
        x, y, z = (scale * float(value) for value in place)
        radius = 0.5 * scale * float(diameter)
        if not np.isfinite([x, y, z, radius]).all():
            raise InputError(str(path), "has a point with a number that is not finite")
        points[number] = SwcPoint(number, kind, x, y, z, radius, parent, number, str(path))
        return number

    soma, contour = np.asarray(whole.soma.points, dtype=float), None
    if len(soma):
        if len(soma) < 3:
            raise InputError(str(path), "the outline of its soma needs three points")
        contour = scale * soma
        add(SOMA, soma.mean(axis=0), 1.0, -1)
    last: dict[int, int] = {}
    for section in whole.iter():
        number = (0 if len(soma) else -1) if section.is_root else last[section.parent.id]
        for k, (place, diameter) in enumerate(zip(section.points, section.diameters, strict=True)):
            # A branch repeats the point that it begins at.
            repeated = k == 0 and not section.is_root
            if not (repeated and _at(points[number], place, scale)):
                number = add(int(section.type), place, diameter, number)
        last[section.id] = number
    if not points:
        raise InputError(str(path), "has no points")
    return points, contour


def _at(point: SwcPoint, place: Any, scale: float) -> bool:
    return point.place == tuple(scale * float(value) for value in place)


def _opened(path: Path) -> Any:
    try:
        import morphio
    except ImportError as error:
        raise InputError(
            str(path),
            f"a {path.suffix} file is read by MorphIO: pip install 'coincide[morphology]', "
            "or convert it to SWC",
        ) from error
    if not path.is_file():
        raise InputError(str(path), "cannot be read: there is no such file")
    try:
        # Its warnings are collected, not printed.
        return morphio.Morphology(str(path), warning_handler=morphio.WarningHandlerCollector())
    except (morphio.MorphioError, RuntimeError, ValueError) as error:
        text = _ESCAPES.sub("", str(error))
        line = _LINE.search(text)
        lines = [row.strip() for row in text.splitlines() if row.strip()]
        where = f"{path}, line {line[1]}" if line else str(path)
        reason = lines[-1].replace(str(path), path.name) if lines else "it is damaged"
        raise InputError(where, f"cannot be read by MorphIO: {reason}") from error
