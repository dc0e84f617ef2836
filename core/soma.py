"""What a soma is when all there is are points: a sphere, a row of cones, or an outline."""

from __future__ import annotations

import math

import numpy as np

from .errors import InputError
from .point_tree import PointTree
from .swc import SOMA
from .values import Floats

_SAME = 0.01
"""How far from equal two lengths of a three-point soma may be: NEURON's 1 %."""
_CONES = 21
_AROUND = 101


def sphere_of(tree: PointTree) -> float | None:
    """The diameter in µm of a soma that stands for a sphere; None if it is made of cones, or missing.

    It does if it is one point, or three of one diameter of which two lie one radius off the first on both
    sides and hold no neurites: the convention of NeuroMorpho.org. Points all at one place are one.
    """
    points = [p for p in tree.points.values() if p.kind == SOMA]
    if not points:
        return None
    centre, *others = points
    if all(p.place == centre.place for p in others):
        return 2 * max(p.radius for p in points)
    three = len(others) == 2 and all(p.parent == centre.number for p in others)
    if not three or any(tree.children(p) for p in others):
        return None
    distances = [math.dist(centre.place, p.place) for p in others]
    alike = [p.radius for p in others] + distances
    opposite = math.dist(others[0].place, others[1].place) > (2 - _SAME) * centre.radius
    close = all(abs(length - centre.radius) <= _SAME * centre.radius for length in alike)
    return 2 * centre.radius if close and opposite else None


def outlined(contour: Floats, where: str) -> Floats:
    """The cones inside of a soma's outline: their (x, y, z, diameter) in µm, shape (21, 4).

    As NEURON's Import3d makes them (Hines, Import3d_GUI.contour2centroid): the outline is taken at 101
    places, its longest axis by the moments of these, and widths across it between its two sides, which are
    made convex. ``contour`` has the shape (points, 3). InputError for an outline without a width.
    """
    steps = np.linalg.norm(np.diff(contour, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0.0, along[-1], _AROUND)
    outline = np.column_stack([np.interp(places, along, axis) for axis in contour.T])
    middle = outline.mean(axis=0)
    around = outline - middle
    _, axes = np.linalg.eigh(around.T @ around)
    major, minor = axes[:, 2], axes[:, 1].copy()
    minor[2] = 0.0
    width = float(np.linalg.norm(minor))
    if along[-1] <= 0 or width < 1e-6:
        raise InputError(where, "the outline of its soma has no width in the plane of x and y")
    if major[np.argmax(np.abs(major))] < 0:
        major = -major
    along, across = around @ major, around @ (minor / width)
    first = int(np.argmax(along))
    along, across = np.roll(along, -first), np.roll(across, -first)
    last = int(np.argmin(along))
    # Both sides from the far end to the near one, increasing along the axis.
    sides = [_convex(along[:last][::-1], across[:last][::-1]), _convex(along[last:], across[last:])]
    if any(len(side[0]) < 2 for side in sides):
        raise InputError(where, "the outline of its soma has one side only")
    known = np.sort(np.concatenate([side[0] for side in sides]))
    axis = np.linspace(known[1], known[-2], _CONES)
    widths = np.abs(np.subtract(*(np.interp(axis, *side) for side in sides)))
    # The ends are no points.
    widths[0] = 0.5 * (widths[0] + widths[1])
    widths[-1] = 0.5 * (widths[-1] + widths[-2])
    if widths.min() <= 0:
        raise InputError(where, "the outline of its soma crosses itself")
    return np.column_stack([middle + np.outer(axis, major), widths])


def _convex(along: Floats, across: Floats) -> tuple[Floats, Floats]:
    """A side with what goes backward left out, seen from its end."""
    kept = list(range(len(along)))
    j = len(kept) - 1
    while j > 0:
        if along[kept[j]] <= along[kept[j - 1]]:
            del kept[j]
            if j == len(kept):
                j -= 1
        else:
            j -= 1
    return along[kept], across[kept]
