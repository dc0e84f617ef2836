"""Morphologies: a tree of unbranched sections, each a row of truncated cones.

As in NEURON a place is a section and a fraction of its length, ``"dend(0.25)"``; 0 is the end that is
joined to the parent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import model_validator

from .errors import InputError, unknown
from .morphology_files import Reading, read_sections
from .section import Section as Section
from .units import Quantity

_PLACE = re.compile(r"\s*([A-Za-z]\w*)\s*\(\s*([^()]*)\s*\)\s*")


class Morphology(Reading):
    """A tree of sections; the one without a parent is the root.

    They are given, or read from a file: ``swc``, or ``file`` of any form (see `load_morphology`), with the
    options of `Reading`. What was read becomes part of the description; the names of file and options stay,
    to say where it came from. Raises InputError for names used twice, a parent that is missing, a cycle, or
    a second root.
    """

    sections: tuple[Section, ...] = ()
    swc: str | None = None
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "sections" in given:
            return given
        names = [name for name in ("swc", "file") if given.get(name) is not None]
        if len(names) > 1:
            raise InputError("Morphology.file", "is given beside swc; give one", relative=True)
        if not names or not isinstance(given[names[0]], str | Path):
            return given
        path = str(given[names[0]])
        reading = Reading(**{k: v for k, v in given.items() if k in Reading.model_fields})
        return {**given, names[0]: path, "sections": read_sections(Path(path), reading)}

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
            if section.parent is None:
                continue
            if section.parent not in self._by_name:
                raise unknown(f"{section.name}.parent", "section", section.parent, names)
            parent = self._by_name[section.parent]
            if section.is_point_at(0.0) or parent.is_point_at(section.parent_x):
                raise InputError(
                    f"{section.name}.parent",
                    f"is joined to {parent.name}({section.parent_x:g}) at a diameter of 0; only an end to "
                    "which nothing is joined can be a point",
                )
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
        section = self._by_name.get(name)
        if section is None:
            raise unknown(where, "section", name, self._by_name)
        return section

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
        name="dend",
        parent="soma",
        length=Quantity.parse(length),
        diameter=Quantity.parse(diameter),
        label="dend",
    )
    return Morphology(sections=(ball, stick))


def load_morphology(
    path: str | Path,
    *,
    unit: str | None = None,
    min_radius: Quantity | str | None = None,
    roots: int | Sequence[int] | str | None = None,
    neurites_from: str | None = None,
) -> Morphology:
    """A morphology from a file: SWC, or Neurolucida's ``.asc`` and ``.h5`` by MorphIO.

    Unbranched runs of one type become sections ``soma``, ``dend_0``, ``axon_0``, ``apic_0``, …, with labels,
    that follow the edges of the file's tree: each begins at the point it is joined to. A soma of one point is
    a cylinder as long as it is wide; so is one of three points that are the centre and two points one radius
    off it (the convention of NeuroMorpho.org); more points are cones, an outline is made cones as NEURON
    makes it. Neurites are joined to the soma's point that the file says; at a soma of one point, and at an
    outline, they are joined to the middle and begin at their own first point. ``neurites_from`` chooses that
    for any soma. A tree whose root is no soma is turned so that it is.

    The options are those of `Reading`: ``load_morphology("cell.swc", unit="nm", min_radius="0.1 um")``.
    Raises InputError naming the line for a cycle, a missing parent, several roots or somas, or numbers that
    make no sense.
    """
    given: dict[str, Any] = {"unit": unit, "roots": roots, "neurites_from": neurites_from}
    if min_radius is not None:
        given["min_radius"] = Quantity.parse(min_radius, "min_radius")
    try:
        reading = Reading(**given)
    except InputError as error:
        raise InputError(error.where.removeprefix("Reading."), error.problem) from None
    return Morphology(sections=read_sections(Path(path), reading))


def load_swc(path: str | Path, **options: Any) -> Morphology:
    """A morphology from an SWC file; see `load_morphology`, also for the options."""
    return load_morphology(path, **options)
