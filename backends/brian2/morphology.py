"""A cell's tree as a `Morphology` of Brian2.

Brian2 joins sections at their ends; a compartment's node is in its middle, as ours. Where branches leave at
a compartment's node, or on both of its sides, the node is made the end of a section, as in Brian2's `Soma`,
and the resistance from the node to the next one lies wholly in the next compartment.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.discretisation import Compartments, axial_resistance, lateral_area
from ...core.morphology import Morphology
from ...core.values import Floats
from .library import import_brian2

b2 = import_brian2()

Side = Literal["start", "node", "end"]
End = tuple[int, Side]
"""A compartment and where something is joined to it."""

_Profile = tuple[tuple[float, float], ...]
"""(distance, diameter) along a section, in µm."""

_SOMA = 1e-6
"""The resistance in 1/µm between the node of Brian2's `Soma` and its end, which is not quite 0."""


class NoMorphologyError(ValueError):
    """A branching that Brian2's morphologies have no words for."""


@dataclass
class _Piece:
    """Compartments in a row, with the children at their end; resistances in 1/µm."""

    compartments: list[int] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    children: list[_Piece] = field(default_factory=list)


def brian2_morphology(
    morphology: Morphology, cut: Compartments, own_shape: bool
) -> tuple[Any, NDArray[np.int64]]:
    """Brian2's morphology, and the index in it of each of our compartments.

    ``own_shape``: a compartment is all the cones inside of it; otherwise, as in Brian2's `Section`, the one
    between the diameters at its ends. Raises NoMorphologyError where branches leave at a compartment's node
    and several at each of its ends.
    """
    shapes = _shapes(morphology, cut, own_shape)
    order: list[int] = []
    made = _made(_tree(morphology, cut, shapes), shapes.area, order)
    index = np.empty(len(order), dtype=np.int64)
    index[order] = np.arange(len(order))
    return made, index


@dataclass(frozen=True, eq=False)
class _Shapes:
    """Areas [µm²] and the resistances [1/µm] of both halves of every compartment."""

    area: Floats
    before: Floats
    after: Floats

    def resistance(self, compartment: int, side: Side) -> float:
        """Between a compartment's node and one of its ends."""
        if side == "node":
            return _SOMA
        return float((self.before if side == "start" else self.after)[compartment])


def _shapes(morphology: Morphology, cut: Compartments, own_shape: bool) -> _Shapes:
    n = len(cut.compartments)
    area, before, after = np.empty(n), np.empty(n), np.empty(n)
    for k, compartment in enumerate(cut.compartments):
        section = morphology.section(compartment.section)
        profile: _Profile = section.profile
        start, stop = (section.extent_um * (compartment.k + j) / compartment.n for j in range(2))
        if not own_shape:
            profile = _one_cone(profile, start, stop)
            start, stop = 0.0, stop - start
        area[k] = lateral_area(profile, start, stop)
        middle = 0.5 * (start + stop)
        before[k] = axial_resistance(profile, start, middle)
        after[k] = axial_resistance(profile, middle, stop)
    # Up to a point there is no conductance, and nothing is joined: that half is never used.
    before = np.where(np.isinf(before), after, before)
    after = np.where(np.isinf(after), before, after)
    return _Shapes(area, before, after)


def _one_cone(profile: _Profile, start: float, stop: float) -> _Profile:
    x, d = np.asarray(profile).T
    first, last = np.interp([start, stop], x, d)
    return ((0.0, float(first)), (stop - start, float(last)))


def _joints(morphology: Morphology, cut: Compartments) -> Iterator[list[End]]:
    """What is joined where: two ends or more at each joint."""
    own: dict[str, list[int]] = {s.name: [] for s in morphology.sections}
    for k, compartment in enumerate(cut.compartments):
        own[compartment.section].append(k)
    for mine in own.values():
        for a, b in itertools.pairwise(mine):
            yield [(a, "end"), (b, "start")]
    joints: dict[End, list[End]] = {}
    for section in morphology.sections:
        if section.parent is None:
            continue
        parent, x = morphology.section(section.parent), section.parent_x
        while x == 0.0 and parent.parent is not None:
            # The end 0 of a section is where it is joined to its own parent.
            parent, x = morphology.section(parent.parent), parent.parent_x
        mine = own[parent.name]
        there: End = (mine[min(int(x * len(mine)), len(mine) - 1)], "node")
        if x in {0.0, 1.0}:
            there = (mine[0], "start") if x == 0.0 else (mine[-1], "end")
        joints.setdefault(there, [there]).append((own[section.name][0], "start"))
    yield from joints.values()


def _tree(morphology: Morphology, cut: Compartments, shapes: _Shapes) -> _Piece:
    """The root piece: from the root if Brian2 has words for that, else from a tip."""
    joints: dict[End, list[End]] = {}
    for joint in _joints(morphology, cut):
        joints.update(dict.fromkeys(joint, joint))
    first = next(k for k, c in enumerate(cut.compartments) if c.section == morphology.root.name)
    tips = [k for k, count in Counter(k for k, _ in joints).items() if count == 1]
    problem: NoMorphologyError | None = None
    for start in (first, *tips):
        try:
            return _grown(start, joints, shapes)
        except NoMorphologyError as error:
            compartment = cut.compartments[int(str(error))]
            problem = NoMorphologyError(
                f"{compartment.section}({(compartment.k + 0.5) / compartment.n:g})"
            )
    assert problem is not None
    raise problem


def _ends(compartment: int) -> tuple[End, End, End]:
    return (compartment, "start"), (compartment, "node"), (compartment, "end")


def _grown(start: int, joints: Mapping[End, list[End]], shapes: _Shapes) -> _Piece:
    """The tree from a compartment outward; NoMorphologyError holds the compartment's number."""
    root = _Piece()
    pending: list[tuple[_Piece, int, Side | None, float]] = [(root, start, None, 0.0)]
    while pending:
        piece, k, entry, before = pending.pop()
        while True:
            piece.compartments.append(k)
            piece.before.append(before or shapes.resistance(k, "start"))
            exits = [end for end in _ends(k) if end[1] != entry and end in joints]
            others = [[e for e in joints[end] if e != end] for end in exits]
            if len(exits) == 1 and exits[0][1] != "node":
                piece.after.append(shapes.resistance(*exits[0]))
                if len(others[0]) == 1:
                    ((k, entry),) = others[0]
                    before = shapes.resistance(k, entry)
                    continue
                shifts = [0.0]
            else:
                # Several exits, all of them from the node.
                piece.after.append(_SOMA if exits else shapes.resistance(k, "end"))
                shifts = [shapes.resistance(*end) if end[1] != "node" else 0.0 for end in exits]
                if any(len(o) > 1 and shift for o, shift in zip(others, shifts, strict=True)):
                    raise NoMorphologyError(k)
            break
        for shift, branches in zip(shifts, others, strict=False):
            for child, side in branches:
                piece.children.append(_Piece())
                resistance = shift + shapes.resistance(child, side)
                pending.append((piece.children[-1], child, side, resistance))
    return root


def _made(piece: _Piece, area: Floats, order: list[int]) -> Any:
    """The objects of Brian2, depth first, as it numbers compartments."""
    pending: list[tuple[_Piece, Any]] = [(piece, None)]
    root = None
    while pending:
        here, parent = pending.pop()
        order += here.compartments
        section = _section(here, area)
        if parent is None:
            root = section
        else:
            parent.children.add(f"s{len(order)}", section)
        pending += [(child, section) for child in reversed(here.children)]
    return root


def _section(piece: _Piece, area: Floats) -> Any:
    # Length and diameter of a cylinder of the same area: Brian2 tells distances by them, no more.
    n = len(piece.compartments)
    areas = area[piece.compartments]
    resistances = np.asarray(piece.before) + np.asarray(piece.after)
    lengths = (resistances * areas**2 / (4 * math.pi)) ** (1 / 3)
    diameters = areas / (math.pi * lengths)
    return _Section(
        diameter=np.append(diameters, diameters[-1]) * b2.um,
        n=n,
        length=lengths * b2.um,
        shape=(areas * 1e-12, 1e-6 / np.asarray(piece.before), 1e-6 / np.asarray(piece.after)),
    )


class _Section(b2.Section):  # type: ignore[name-defined]
    """A section whose areas [m²] and ``r_length`` [m] are given as they are."""

    def __init__(self, shape: tuple[Floats, Floats, Floats], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shape = shape

    def copy_section(self) -> Any:
        return _Section(
            self._shape, diameter=self._diameter * b2.meter, n=self.n, length=self.length
        )

    @property
    def area(self) -> Any:
        return self._shape[0] * b2.meter**2

    @property
    def r_length_1(self) -> Any:
        return self._shape[1] * b2.meter

    @property
    def r_length_2(self) -> Any:
        return self._shape[2] * b2.meter
