"""Morphologies from files: read → tree → soma by convention → sections.

SWC is read here, Neurolucida's ``.asc`` and the Blue Brain Project's ``.h5`` by MorphIO, an extra.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import field_validator, model_validator

from .channels import LENGTH, relative_number
from .description import Description
from .errors import InputError
from .morphio_files import SUFFIXES, read_by_morphio
from .neurites import NeuritesFrom, sections_of
from .point_tree import Roots, check_radii, grow
from .section import Section
from .soma import outlined, sphere_of
from .swc import SwcPoint, read_swc
from .units import Quantity, parse_unit

_LARGEST_UM = 1e5
_THICKEST_UM = 1000.0
_SMALLEST_UM = 1.0


class Reading(Description):
    """How a file of a morphology is to be read.

    ``unit`` is that of its lengths (µm if not given, unless no cell is of that size), ``min_radius`` what
    smaller radii are raised to. ``roots`` chooses where there are several trees: numbers of roots,
    ``"largest"``, or ``"all"``, which joins them to the soma. ``neurites_from`` says where neurites at the
    soma begin: at the soma's point that they are joined to (``"soma"``) or at their own (``"first_point"``);
    if not given, the latter where the soma is one point or an outline, the former where it is several.
    """

    unit: str | None = None
    min_radius: Quantity | None = None
    roots: Roots | None = None
    neurites_from: NeuritesFrom | None = None

    @field_validator("roots", mode="before")
    @classmethod
    def _which(cls, given: object) -> object:
        if isinstance(given, str) and given not in ("all", "largest"):
            problem = f"{given!r} is none of 'all', 'largest' and the number of a root"
            raise InputError("Reading.roots", problem, True)
        return given

    @model_validator(mode="after")
    def _lengths(self) -> Reading:
        _ = self.scale
        if self.min_radius is not None and self.least_radius_um <= 0:
            raise InputError("Reading.min_radius", f"{self.min_radius} has to be > 0", True)
        return self

    @property
    def scale(self) -> float:
        """The unit in µm."""
        if self.unit is None:
            return 1.0
        try:
            factor, dimension = parse_unit(self.unit)
        except InputError as error:
            raise InputError("Reading.unit", error.problem, True) from None
        if dimension != LENGTH:
            raise InputError(
                "Reading.unit", f"{self.unit!r} is no length; write um, nm or mm", True
            )
        return float(factor)

    @property
    def least_radius_um(self) -> float:
        """``min_radius`` in µm, 0 if there is none."""
        if self.min_radius is None:
            return 0.0
        return relative_number(self.min_radius, LENGTH, "Reading.min_radius")


def read_sections(path: Path, reading: Reading) -> tuple[Section, ...]:
    """The sections of a file, parents first; InputError with the file, and the line of an SWC."""
    contour = None
    if path.suffix.lower() in SUFFIXES:
        written, contour = read_by_morphio(path, reading.scale)
    else:
        written = read_swc(path, reading.scale)
    points = _raised(written, reading)
    if reading.unit is None:
        _check_size(points, path)
    tree = grow(points, reading.roots)
    if contour is not None:
        check_radii(tree)
        rows = tuple((x, y, z, d) for x, y, z, d in outlined(contour, str(path)).tolist())
        soma = Section(name="soma", points=rows, label="soma")
        return sections_of(tree, reading.neurites_from, outline=soma)
    sphere = sphere_of(tree)
    check_radii(tree, ends=() if sphere is not None else (tree.root.number,))
    return sections_of(tree, reading.neurites_from, sphere=sphere)


def _raised(points: Mapping[int, SwcPoint], reading: Reading) -> Mapping[int, SwcPoint]:
    """Points whose radii are at least what is asked for; InputError for one below 0."""
    least = reading.least_radius_um
    for point in points.values():
        if point.radius < least == 0:
            raise InputError(
                point.where,
                f"has the radius {point.radius / reading.scale:g}; it has to be >= 0: "
                "min_radius='0.1 um' raises what is smaller to that",
            )
    return {n: replace(p, radius=max(p.radius, least)) for n, p in points.items()}


def _check_size(points: Mapping[int, SwcPoint], path: Path) -> None:
    """InputError for a cell that no animal has, if read in µm: nobody said that it is."""
    extent = float(np.ptp([p.place for p in points.values()], axis=0).max())
    thickest = 2 * max(p.radius for p in points.values())
    if extent > _LARGEST_UM or thickest > _THICKEST_UM:
        likely = "nm"
    elif 0 < max(extent, thickest) < _SMALLEST_UM:
        likely = "mm"
    else:
        return
    raise InputError(
        str(path),
        f"would be a cell {extent:.3g} um across and up to {thickest:.3g} um thick: give its unit, "
        f"unit={likely!r} or, if that is so, unit='um'",
    )
