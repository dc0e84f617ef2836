"""Morphologies: a tree of unbranched sections, each a row of truncated cones.

As in NEURON a place is a section and a fraction of its length, ``"dend(0.25)"``; 0 is the end that is
joined to the parent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from .channels import LENGTH
from .description import Description
from .errors import InputError, unknown
from .names import check_identifier
from .swc import SwcPoint, read_swc
from .units import Quantity

_PLACE = re.compile(r"\s*([A-Za-z]\w*)\s*\(\s*([^()]*)\s*\)\s*")
_LABELS: Mapping[int, str] = {1: "soma", 2: "axon", 3: "dend", 4: "apic"}


class Section(Description):
    """An unbranched piece of a cell, joined with its end 0 to ``parent`` at ``parent_x``.

    Either a cylinder of ``length`` and ``diameter``, or ``points`` along it, each (x, y, z, diameter) in
    µm. ``label`` is the kind of neurite; it names a region.
    """

    name: str
    parent: str | None = None
    parent_x: float = Field(default=1.0, ge=0, le=1)
    length: Quantity | None = None
    diameter: Quantity | None = None
    points: tuple[tuple[float, float, float, float], ...] = ()
    label: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Section:
        check_identifier(self.name, "section")
        if self.label:
            check_identifier(self.label, f"{self.name}.label")
        cylinder = self.length is not None and self.diameter is not None
        if cylinder == bool(self.points) or (self.length is None) != (self.diameter is None):
            raise InputError(self.name, "needs a length and a diameter, or points; one of the two")
        if cylinder:
            for field in ("length", "diameter"):
                given: Quantity = getattr(self, field)
                if given.to(LENGTH, f"{self.name}.{field}") <= 0:
                    raise InputError(f"{self.name}.{field}", f"{given} has to be > 0")
            return self
        if len(self.points) < 2:
            raise InputError(f"{self.name}.points", "needs two points or more")
        if min(p[3] for p in self.points) <= 0:
            raise InputError(f"{self.name}.points", "has a diameter that is not > 0")
        if self.extent_um <= 0:
            raise InputError(f"{self.name}.points", "are all at one place: the length is 0")
        return self

    @cached_property
    def profile(self) -> tuple[tuple[float, float], ...]:
        """(distance from end 0, diameter) along the section, in µm."""
        if self.length is not None and self.diameter is not None:
            d = self.diameter.internal
            return ((0.0, d), (self.length.internal, d))
        found = [(0.0, self.points[0][3])]
        for a, b in zip(self.points, self.points[1:], strict=False):
            found.append((found[-1][0] + math.dist(a[:3], b[:3]), b[3]))
        return tuple(found)

    @property
    def extent_um(self) -> float:
        """The length in µm."""
        return self.profile[-1][0]


class Morphology(Description):
    """A tree of sections; the one without a parent is the root.

    They are given, or read from the file ``swc`` (see `load_swc`); what was read becomes part of the
    description. Raises InputError for names used twice, a parent that is missing, a cycle, or a second root.
    """

    sections: tuple[Section, ...] = ()
    swc: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "sections" in given:
            return given
        path = given.get("swc")
        if not isinstance(path, str | Path):
            return given
        return {**given, "swc": str(path), "sections": _sections_of(Path(path))}

    @model_validator(mode="after")
    def _tree(self) -> Morphology:
        if not self.sections:
            raise InputError(
                "Morphology.sections", "is empty; give sections, or an swc file", relative=True
            )
        names = [s.name for s in self.sections]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(twice, "is the name of two sections; names have to be distinct")
        for section in self.sections:
            if section.parent is not None and section.parent not in self._by_name:
                raise unknown(f"{section.name}.parent", "section", section.parent, names)
        rooted: set[str | None] = {None}
        for section in self.sections:
            path: dict[str | None, None] = {}
            name: str | None = section.name
            while name is not None and name not in rooted:
                if name in path:
                    ring = " → ".join(map(str, [*path, name]))
                    raise InputError(section.name, f"is its own ancestor: {ring}")
                path[name] = None
                name = self._by_name[name].parent
            rooted.update(path)
        roots = [s.name for s in self.sections if s.parent is None]
        if len(roots) > 1:
            raise InputError(roots[1], f"has no parent, nor has {roots[0]}; a cell is one tree")
        return self

    def section(self, name: str, where: str = "section") -> Section:
        """A section by name; InputError with the nearest name if there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise unknown(where, "section", name, self._by_name)
        return found

    @cached_property
    def _by_name(self) -> dict[str, Section]:
        return {s.name: s for s in self.sections}

    @property
    def root(self) -> Section:
        """The section without a parent."""
        return next(s for s in self.sections if s.parent is None)

    def in_region(self, region: str, where: str = "region") -> tuple[Section, ...]:
        """The sections of a region: ``all``, section names or labels, joined by commas."""
        chosen: set[str] = set()
        known = {"all", *self._by_name, *(s.label for s in self.sections if s.label)}
        for part in (p.strip() for p in region.split(",")):
            if part not in known:
                raise unknown(where, "region", part, known)
            chosen |= {s.name for s in self.sections if part in {"all", s.name, s.label}}
        return tuple(s for s in self.sections if s.name in chosen)

    def place(self, text: str, where: str = "place") -> tuple[Section, float]:
        """The section and fraction of a place such as ``dend(0.25)``; InputError if it is off the tree."""
        match = _PLACE.fullmatch(text)
        if match is None:
            raise InputError(
                where, f"{text!r} is no place; write a section and a fraction: 'soma(0.5)'"
            )
        section = self.section(match[1], where)
        try:
            x = float(match[2])
        except ValueError:
            raise InputError(where, f"{match[2]!r} in {text!r} is no number") from None
        if not 0 <= x <= 1:
            raise InputError(where, f"{text!r} is off the tree; the fraction is from 0 to 1")
        return section, x


def cylinder(length: Quantity | str, diameter: Quantity | str, name: str = "soma") -> Morphology:
    """One cylinder."""
    section = Section(
        name=name, length=Quantity.parse(length), diameter=Quantity.parse(diameter), label=name
    )
    return Morphology(sections=(section,))


def ball_and_stick(
    soma: Quantity | str, length: Quantity | str, diameter: Quantity | str
) -> Morphology:
    """A soma as long as it is wide, with one dendrite at its end."""
    ball = Section(
        name="soma", length=Quantity.parse(soma), diameter=Quantity.parse(soma), label="soma"
    )
    stick = Section(
        name="dend", parent="soma", length=Quantity.parse(length),
        diameter=Quantity.parse(diameter), label="dend",
    )  # fmt: skip
    return Morphology(sections=(ball, stick))


def load_swc(path: str | Path) -> Morphology:
    """A morphology from an SWC file.

    Unbranched runs of one type become sections ``soma``, ``dend_0``, ``axon_0``, ``apic_0``, …, with
    labels. A soma of one point is a cylinder as long as it is wide; so is one of three points that are the
    centre and two points one radius off it (the convention of NeuroMorpho.org). Neurites are joined to
    the soma's middle and begin at their own first point; other branches begin at their parent's point.
    Raises InputError naming the line for a cycle, a missing parent, or numbers that make no sense.
    """
    return Morphology(sections=_sections_of(Path(path)))


def _sections_of(path: Path) -> tuple[Section, ...]:
    points = read_swc(path)
    children: dict[int, list[SwcPoint]] = {}
    for point in points.values():
        children.setdefault(point.parent, []).append(point)
    sections: list[Section] = []
    home: dict[int, tuple[str, float]] = {}
    soma = [p for p in points.values() if p.kind == 1]
    for point in soma:
        if point.parent != -1 and points[point.parent].kind != 1:
            raise InputError(
                f"{path}, line {point.line}",
                f"is a point of the soma, but its parent {point.parent} is none; "
                "the soma has to hold together and the root",
            )
    if soma:
        sections.append(_soma(soma))
        home = {p.number: ("soma", 0.5) for p in soma}
    counts: dict[str, int] = {}
    pending = [p for p in points.values() if p.kind != 1 and p.parent in {-1, *home}]
    while pending:
        first = pending.pop(0)
        run = [first]
        while len(children.get(run[-1].number, [])) == 1:
            following = children[run[-1].number][0]
            if following.kind != run[-1].kind:
                break
            run.append(following)
        parent = points.get(first.parent)
        line = list(run)
        if parent is not None and (parent.kind != 1 or len(run) == 1):
            line.insert(0, parent)
        if len(line) < 2:
            raise InputError(
                f"{path}, line {first.line}", "is a neurite of one point; it needs two, or a soma"
            )
        label = _LABELS.get(first.kind, f"type{first.kind}")
        name = f"{label}_{counts.get(label, 0)}"
        counts[label] = counts.get(label, 0) + 1
        joined = home.get(first.parent, (None, 1.0))
        shape = tuple((p.x, p.y, p.z, 2 * p.radius) for p in line)
        sections.append(
            Section(name=name, parent=joined[0], parent_x=joined[1], points=shape, label=label)
        )
        home.update({p.number: (name, 1.0) for p in run})
        pending += children.get(run[-1].number, [])
    return tuple(sections)


def _soma(points: Sequence[SwcPoint]) -> Section:
    centre = points[0]
    around = [p for p in points[1:] if p.parent == centre.number]
    if len(points) == 1 or (len(points) == 3 and len(around) == 2 and _is_sphere(centre, around)):
        size = Quantity(2 * centre.radius, "um")
        return Section(name="soma", length=size, diameter=size, label="soma")
    shape = tuple((p.x, p.y, p.z, 2 * p.radius) for p in points)
    return Section(name="soma", points=shape, label="soma")


def _is_sphere(centre: SwcPoint, around: Iterable[SwcPoint]) -> bool:
    place = (centre.x, centre.y, centre.z)
    offsets = [math.dist(place, (p.x, p.y, p.z)) for p in around]
    return all(abs(d - centre.radius) <= 0.01 * centre.radius for d in offsets)
