"""The tree of a morphology's points: one cell, rooted in its soma."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from .errors import InputError
from .swc import SOMA, SwcPoint
from .values import Indices, WholeNumber

Roots = WholeNumber | Indices | Literal["all", "largest"]
"""Which trees of a file: roots by number, all of them, or the one of the most points."""

_MOST_LISTED = 4
LEAST_RADIUS_UM = 1e-4
"""0.1 nm: an atom's radius."""


@dataclass(frozen=True, eq=False)
class PointTree:
    """The points of one tree by number, parents before children.

    The root is a point of the soma if there is a soma. ``wired`` are roots of further trees, joined to the
    soma without a cone between.
    """

    points: Mapping[int, SwcPoint]
    wired: frozenset[int] = frozenset()

    @property
    def root(self) -> SwcPoint:
        """The point without a parent."""
        return next(iter(self.points.values()))

    @cached_property
    def _children(self) -> Mapping[int, list[SwcPoint]]:
        children: dict[int, list[SwcPoint]] = {}
        for point in sorted(self.points.values(), key=lambda p: p.line):
            children.setdefault(point.parent, []).append(point)
        return children

    def children(self, point: SwcPoint) -> list[SwcPoint]:
        """The points whose parent it is, in the order of the file."""
        return self._children.get(point.number, [])


def grow(points: Mapping[int, SwcPoint], roots: Roots | None = None) -> PointTree:
    """One tree of the points of a file; InputError, with the line, for several trees or several somas.

    ``roots`` chooses where there are several: the numbers of their roots, ``"largest"``, the one with the
    most points, or ``"all"``. Those beside the soma's are joined to the nearest of its points.
    """
    trees = _trees(points)
    chosen = _chosen(points, trees, roots)
    kept = {n: points[n] for root in chosen for n in trees[root]}
    soma = _the_soma(kept)
    rooted = dict(kept)
    if soma:
        _turn(rooted, soma[0])
    wired = _joined(rooted, soma) if len(chosen) > 1 else frozenset()
    return PointTree(_ordered(rooted), wired)


def _trees(points: Mapping[int, SwcPoint]) -> dict[int, list[int]]:
    """The numbers of the points of every tree, by its root's."""
    root_of: dict[int, int] = {}
    for number in points:
        trail = []
        while number not in root_of and points[number].parent != -1:
            trail.append(number)
            number = points[number].parent
        root = root_of.setdefault(number, number)
        root_of.update(dict.fromkeys(trail, root))
    trees: dict[int, list[int]] = {}
    for number in points:
        trees.setdefault(root_of[number], []).append(number)
    return trees


def _chosen(
    points: Mapping[int, SwcPoint], trees: Mapping[int, Sequence[int]], roots: Roots | None
) -> list[int]:
    """The roots that are asked for."""
    if roots is None:
        if len(trees) > 1:
            first, second = (points[n] for n in list(trees)[:2])
            raise InputError(
                second.where,
                f"is a second root beside line {first.line}; a cell is one tree, and here are "
                f"{_listed(trees)}: roots='all' joins them to the soma, roots={first.number} or "
                "roots='largest' takes one",
            )
        return list(trees)
    if isinstance(roots, str):
        largest = max(trees, key=lambda root: len(trees[root]))
        return [largest] if roots == "largest" else list(trees)
    numbers = [roots] if isinstance(roots, int) else list(dict.fromkeys(roots))
    for number in numbers:
        if number not in trees:
            raise InputError("roots", f"{number} is no root; here are {_listed(trees)}")
    if not numbers:
        raise InputError("roots", f"is empty; here are {_listed(trees)}")
    return numbers


def _listed(trees: Mapping[int, Sequence[int]]) -> str:
    shown = [f"{root} ({len(numbers):,} points)" for root, numbers in trees.items()]
    more = len(shown) - _MOST_LISTED
    return f"{len(shown):,} of the roots {', '.join(shown[:_MOST_LISTED])}" + (
        f" and {more:,} more" if more > 0 else ""
    )


def _the_soma(points: Mapping[int, SwcPoint]) -> list[SwcPoint]:
    """The points of the soma, the one nearest to the root first; empty if there is none."""
    tops = [
        p
        for p in points.values()
        if p.kind == SOMA and (p.parent == -1 or points[p.parent].kind != SOMA)
    ]
    if len(tops) > 1:
        first, second = sorted(tops, key=lambda p: p.line)[:2]
        raise InputError(
            second.where,
            f"begins a second soma beside that of line {first.line}; a cell has one: give its points "
            "the type of their neurite, or take one tree with roots=",
        )
    return tops + [p for p in points.values() if p.kind == SOMA and p not in tops]


def _turn(points: dict[int, SwcPoint], root: SwcPoint) -> None:
    """Make a point the root of its tree: the edges on the way to the old root are turned around."""
    parent, number = -1, root.number
    while number != -1:
        following = points[number].parent
        points[number] = replace(points[number], parent=parent)
        parent, number = number, following


def _joined(points: dict[int, SwcPoint], soma: Sequence[SwcPoint]) -> frozenset[int]:
    """Join the trees without soma to the nearest of its points; their roots."""
    others = [p for p in points.values() if p.parent == -1 and p.kind != SOMA]
    if not soma:
        raise InputError(
            others[1].where, "is a second root, and there is no soma to join it to; take one root"
        )
    for root in others:
        nearest = min(soma, key=lambda p: math.dist(p.place, root.place))
        points[root.number] = replace(root, parent=nearest.number)
    return frozenset(p.number for p in others)


def _ordered(points: Mapping[int, SwcPoint]) -> dict[int, SwcPoint]:
    """Parents before children."""
    children: dict[int, list[int]] = {}
    for point in points.values():
        children.setdefault(point.parent, []).append(point.number)
    pending, ordered = list(children[-1]), {}
    for number in pending:
        ordered[number] = points[number]
        pending += children.get(number, [])
    return ordered


def check_radii(tree: PointTree, ends: Iterable[int] = ()) -> None:
    """InputError for a radius of 0, or none that matter can have, where the cell goes on.

    ``ends`` are roots that a cone may start at.
    """
    for point in tree.points.values():
        if point.radius >= LEAST_RADIUS_UM:
            continue
        children = tree.children(point)
        around = [*children, *([tree.points[point.parent]] if point.parent != -1 else [])]
        free = not children or (point.parent == -1 and point.number in ends and len(children) == 1)
        if not (free and around and around[0].radius >= LEAST_RADIUS_UM):
            raise InputError(
                point.where,
                f"has the radius {point.radius:g}: only a cone at a tip may end in a point; "
                "min_radius='0.1 um' raises what is smaller to that",
            )
