"""Sections from a tree of points: unbranched runs of one type.

A section begins at its parent's point and follows the edges of the tree. A run of the soma goes on past its
neurites, which are joined where they are. A run without a length is no section: what follows begins at its
point, and is joined where it would be.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from .errors import InputError
from .point_tree import LEAST_RADIUS_UM, PointTree
from .section import LEAST_UM, Section
from .swc import SOMA, SwcPoint
from .units import Quantity

NeuritesFrom = Literal["soma", "first_point"]
Joint = tuple[str, float]
"""A section and a fraction of its length."""

_LABELS: Mapping[int, str] = {SOMA: "soma", 2: "axon", 3: "dend", 4: "apic"}


def sections_of(
    tree: PointTree,
    neurites_from: NeuritesFrom | None = None,
    sphere: float | None = None,
    outline: Section | None = None,
) -> tuple[Section, ...]:
    """The sections of a tree, parents first: ``soma``, ``dend_0``, ``axon_0``, ``apic_0``, ….

    The soma is a ``sphere`` of a diameter in µm, made a cylinder as long as wide, or the section ``outline``,
    or its runs. By ``neurites_from`` the neurites at it begin at the soma's point that they are joined to,
    as thick as their own first point, or at that; None is the latter for a sphere and an outline, whose
    surface is theirs, else the former. Raises InputError, with the line, for a neurite of one point.
    """
    return _Writer(tree, neurites_from, sphere, outline).sections


class _Writer:
    def __init__(
        self,
        tree: PointTree,
        neurites_from: NeuritesFrom | None,
        sphere: float | None,
        outline: Section | None,
    ) -> None:
        self.tree = tree
        whole = sphere is not None or outline is not None
        self._own_first = (neurites_from or ("first_point" if whole else "soma")) == "first_point"
        self._found: list[Section] = []
        self._joints: dict[int, Joint | None] = {}
        self._counts: dict[str, int] = {}
        self._pending: deque[SwcPoint] = deque()
        if sphere is not None:
            size = Quantity(sphere, "um")
            outline = Section(name="soma", length=size, diameter=size, label="soma")
        if outline is None:
            self._pending.append(tree.root)
        else:
            self._found.append(outline)
            soma = [p for p in tree.points.values() if p.kind == SOMA]
            self._leave(soma, [("soma", 0.5)] * len(soma))
        while self._pending:
            self._write(self._run(self._pending.popleft()))
        if not self._found:
            raise InputError(tree.root.where, "is a neurite of one point; it needs two, or a soma")
        self.sections = tuple(self._found)

    def _leave(self, points: Sequence[SwcPoint], joints: Sequence[Joint | None]) -> None:
        """Have what follows after points joined at a joint for each."""
        self._joints.update(zip((p.number for p in points), joints, strict=True))
        following = [c for p in points for c in self.tree.children(p)]
        self._pending += sorted(
            (c for c in following if c.number not in self._joints), key=lambda p: p.line
        )

    def _run(self, first: SwcPoint) -> list[SwcPoint]:
        run = [first]
        while True:
            children = self.tree.children(run[-1])
            alike = [c for c in children if c.kind == first.kind]
            if len(alike) != 1 or (len(children) > 1 and first.kind != SOMA):
                return run
            run += alike

    def _write(self, run: list[SwcPoint]) -> None:
        first = run[0]
        joint = self._joints.get(first.parent)
        if joint is None and self._found:
            # Beside the section that begins at the root's point.
            joint = (self._found[0].name, 0.0)
        line = self._line(run)
        if sum(math.dist(a[:3], b[:3]) for a, b in pairwise(line)) < LEAST_UM:
            self._leave(run, [joint] * len(run))
            return
        if max(p[3] for p in line) < 2 * LEAST_RADIUS_UM:
            thin = f"is a neurite of radius {first.radius:g}; min_radius='0.1 um' raises it"
            raise InputError(first.where, thin)
        label = _LABELS.get(first.kind, f"type{first.kind}".replace("-", "_minus_"))
        count = self._counts.get(label, 0)
        self._counts[label] = count + 1
        name = f"{label}_{count}" if first.kind != SOMA else f"soma_{count}" if count else "soma"
        parent, x = joint or (None, 1.0)
        section = Section(name=name, parent=parent, parent_x=x, points=tuple(line), label=label)
        self._found.append(section)
        places = [x for x, _ in section.profile][len(line) - len(run) :]
        ends = {0: 0.0, len(run) - 1: 1.0} if len(line) == len(run) else {len(run) - 1: 1.0}
        self._leave(
            run, [(name, ends.get(k, at / section.extent_um)) for k, at in enumerate(places)]
        )

    def _line(self, run: Sequence[SwcPoint]) -> list[tuple[float, float, float, float]]:
        """The points of a section with the one it begins at."""
        first, line = run[0], [p.sized for p in run]
        parent = self.tree.points.get(first.parent)
        if parent is None:
            return line
        start = parent.sized
        if parent.kind == SOMA and first.kind != SOMA:
            apart = self._own_first or first.number in self.tree.wired
            if apart and (len(run) > 1 or self.tree.children(first)):
                return line
            start = (*parent.place, line[0][3])
        return [start, *line]
