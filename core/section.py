"""A section: an unbranched piece of a cell, a row of truncated cones.

As in NEURON a place in it is a fraction of its length; 0 is the end that is joined to the parent.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise

from pydantic import Field, model_validator

from .channels import LENGTH
from .description import Description
from .errors import InputError
from .names import check_identifier
from .units import Quantity
from .values import RealNumber

LEAST_UM = 1e-6
"""What is shorter has no length."""


class Section(Description):
    """An unbranched piece of a cell, joined with its end 0 to ``parent`` at ``parent_x``.

    Either a cylinder of ``length`` and ``diameter``, or ``points`` along it, each (x, y, z, diameter) in
    µm. A diameter of 0 is a cone that ends in a point: at an end to which nothing is joined. ``label`` is the
    kind of neurite; it names a region.
    """

    name: str
    parent: str | None = None
    parent_x: RealNumber = Field(default=1.0, ge=0, le=1)
    length: Quantity | None = None
    diameter: Quantity | None = None
    points: tuple[tuple[RealNumber, RealNumber, RealNumber, RealNumber], ...] = ()
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
                if given.to(LENGTH, f"{self.name}.{field}") < LEAST_UM:
                    raise InputError(
                        f"{self.name}.{field}", f"{given} has to be > 0, at least {LEAST_UM:g} um"
                    )
            return self
        if len(self.points) < 2:
            raise InputError(f"{self.name}.points", "needs two points or more")
        self._check_diameters()
        if self.extent_um < LEAST_UM:
            raise InputError(f"{self.name}.points", "are all at one place: the length is 0")
        return self

    def _check_diameters(self) -> None:
        where = f"{self.name}.points"
        diameters = [p[3] for p in self.points]
        if min(diameters) < 0:
            raise InputError(where, f"has the diameter {min(diameters):g}; it has to be >= 0")
        if 0 in diameters[1:-1]:
            raise InputError(
                where, "has the diameter 0 between its ends; only an end can be a point"
            )
        if len(diameters) == 2 and not any(diameters):
            raise InputError(where, "has the diameter 0 at both ends: there is no membrane")

    @cached_property
    def profile(self) -> tuple[tuple[float, float], ...]:
        """(distance from end 0, diameter) along the section, in µm."""
        if self.length is not None and self.diameter is not None:
            d = self.diameter.internal
            return ((0.0, d), (self.length.internal, d))
        profile = [(0.0, self.points[0][3])]
        for a, b in pairwise(self.points):
            profile.append((profile[-1][0] + math.dist(a[:3], b[:3]), b[3]))
        return tuple(profile)

    @property
    def extent_um(self) -> float:
        """The length in µm."""
        return self.profile[-1][0]

    def is_point_at(self, x: float) -> bool:
        """Whether the section ends there in a point, so that nothing can be joined to it."""
        return x in {0.0, 1.0} and self.profile[-int(x)][1] == 0
