"""From sections to compartments: how many, how large, how strongly coupled.

Compartments are of equal length within a section, their nodes in their middles, as in NEURON. Between two
nodes lies the resistance of the cones between them, r = Ra·∫4/(π d²)dx. The ends of sections are nodes
without membrane; they are eliminated exactly, a branch point of m arms by the star-mesh rule
g_ij = g_i·g_j/Σg.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .channels import relative_number
from .description import Description
from .errors import InputError
from .morphology import Morphology
from .section import Section
from .units import Quantity, dimension_of_unit
from .values import RealNumber, WholeNumber

_HZ = dimension_of_unit("Hz")
CAPACITANCE = dimension_of_unit("pF/um**2")
RESISTIVITY = dimension_of_unit("ohm*cm")
_MOST = 100_000
_STEP_UM = 1e-9
_MOST_ARMS = 64
"""Of a point without membrane: all of them are coupled with each other."""


class FixedSegments(Description):
    """The same number of compartments in every section."""

    kind: Literal["fixed"] = "fixed"
    segments: WholeNumber = Field(default=1, ge=1, le=_MOST)

    def count(self, section: Section, resistivity: float, capacitance: float) -> int:
        """The number of compartments of a section."""
        return self.segments


class LengthConstant(Description):
    """Compartments shorter than ``fraction`` of the length constant at ``frequency``, odd in number.

    Ra and Cm are the cell's, or ``axial_resistivity`` and ``capacitance`` where given: a lesion of the
    membrane then leaves the compartments as they are.

    λ_f = ½·√(d/(π f Ra Cm)), section by section, n = 2·int((L/(fraction·λ_f) + 0.9)/2) + 1 (Hines & Carnevale
    2001, Neuroscientist 7:123, the d_lambda rule).
    """

    kind: Literal["length_constant"] = "length_constant"
    frequency: Quantity = Quantity(100.0, "Hz")
    fraction: RealNumber = Field(default=0.1, gt=0)
    axial_resistivity: Quantity | None = None
    capacitance: Quantity | None = None

    @model_validator(mode="after")
    def _consistent(self) -> LengthConstant:
        for field, dimension in (("axial_resistivity", RESISTIVITY), ("capacitance", CAPACITANCE)):
            given = getattr(self, field)
            where = f"LengthConstant.{field}"
            if given is not None and relative_number(given, dimension, where) <= 0:
                raise InputError(where, f"{given} has to be > 0", relative=True)
        if relative_number(self.frequency, _HZ, "LengthConstant.frequency") <= 0:
            problem = f"{self.frequency} has to be > 0"
            raise InputError("LengthConstant.frequency", problem, relative=True)
        return self

    def count(self, section: Section, resistivity: float, capacitance: float) -> int:
        """The number of compartments; the cell's resistivity in GOhm·µm, capacitance in pF/µm²."""
        if self.axial_resistivity is not None:
            resistivity = self.axial_resistivity.internal
        if self.capacitance is not None:
            capacitance = self.capacitance.internal
        frequency = self.frequency.internal
        electrotonic = 0.0
        for (x0, d0), (x1, d1) in zip(section.profile, section.profile[1:], strict=False):
            # λ in µm: d [µm]/(f [1/ms]·Ra [GOhm·µm]·C [pF/µm²]), and GOhm·pF = ms.
            scale = math.pi * frequency * resistivity * capacitance
            electrotonic += (x1 - x0) / (0.5 * math.sqrt(0.5 * (d0 + d1) / scale))
        pieces = electrotonic / self.fraction
        if pieces > _MOST:
            raise InputError(
                section.name,
                f"would have {pieces:.3g} compartments; at most {_MOST:,}: choose a larger fraction",
            )
        return int((pieces + 0.9) / 2) * 2 + 1


Discretisation = Annotated[FixedSegments | LengthConstant, Field(discriminator="kind")]
"""A rule for the number of compartments."""


@dataclass(frozen=True)
class Compartment:
    """A piece of a section: number ``k`` of ``n`` in it, of an area in µm²."""

    section: str
    k: int
    n: int
    area: float

    @property
    def x(self) -> float:
        """Where its node is, as a fraction of the section."""
        return (self.k + 0.5) / self.n

    @property
    def name(self) -> str:
        """The section's name, with the number where there are several."""
        return self.section if self.n == 1 else f"{self.section}_{self.k}"


@dataclass(frozen=True)
class Coupling:
    """Two compartments and the shape µm of the cytoplasm between them: g = shape/Ra."""

    first: int
    second: int
    shape: float


@dataclass(frozen=True)
class Compartments:
    """A cell cut into compartments, and what joins them."""

    compartments: tuple[Compartment, ...]
    couplings: tuple[Coupling, ...]


def cut(
    morphology: Morphology,
    rule: FixedSegments | LengthConstant,
    resistivity: float,
    capacitance: float,
) -> Compartments:
    """The compartments of a morphology under a rule; Ra in GOhm·µm, capacitance in pF/µm²."""
    compartments: list[Compartment] = []
    first: dict[str, int] = {}
    counts = {s.name: rule.count(s, resistivity, capacitance) for s in morphology.sections}
    if sum(counts.values()) > _MOST:
        raise InputError(
            "discretisation", f"makes {sum(counts.values()):,} compartments; at most {_MOST:,}"
        )
    # Arms of every end node: (compartment, shape of the half compartment between).
    ends: dict[tuple[str, float], list[tuple[int, float]]] = {}
    couplings: list[Coupling] = []
    for section in morphology.sections:
        n, start = counts[section.name], len(compartments)
        first[section.name] = start
        edges = [section.extent_um * k / n for k in range(n + 1)]
        halves = []
        for k in range(n):
            a, b = edges[k], edges[k + 1]
            compartments.append(
                Compartment(section.name, k, n, lateral_area(section.profile, a, b))
            )
            middle = 0.5 * (a + b)
            halves.append(
                (
                    axial_resistance(section.profile, a, middle),
                    axial_resistance(section.profile, middle, b),
                )
            )
        for k in range(n - 1):
            shape = 1 / (halves[k][1] + halves[k + 1][0])
            couplings.append(Coupling(start + k, start + k + 1, shape))
        ends.setdefault((section.name, 1.0), []).append((start + n - 1, 1 / halves[-1][1]))
        if section.parent is None:
            ends.setdefault((section.name, 0.0), []).append((start, 1 / halves[0][0]))
    for section in morphology.sections:
        if section.parent is None:
            continue
        own = first[section.name]
        length = section.extent_um / counts[section.name]
        shape = 1 / axial_resistance(section.profile, 0.0, 0.5 * length)
        parent, x = morphology.section(section.parent), section.parent_x
        if x == 0.0:
            # The end 0 of a section is where it is joined to its own parent.
            while x == 0.0 and parent.parent is not None:
                parent, x = morphology.section(parent.parent), parent.parent_x
        if x in {0.0, 1.0}:
            ends.setdefault((parent.name, x), []).append((own, shape))
        else:
            n = counts[parent.name]
            couplings.append(Coupling(first[parent.name] + min(int(x * n), n - 1), own, shape))
    for (name, x), arms in ends.items():
        if len(arms) > _MOST_ARMS:
            raise InputError(
                f"{name}({x:g})",
                f"{len(arms)} sections meet in this point; at most {_MOST_ARMS}: join some elsewhere, for "
                f"instance at {name}(0.5)",
            )
        couplings += _meshed(arms)
    return Compartments(tuple(compartments), tuple(couplings))


def _meshed(arms: Sequence[tuple[int, float]]) -> list[Coupling]:
    """A node without membrane eliminated: every pair of its arms is coupled."""
    total = sum(shape for _, shape in arms)
    return [
        Coupling(i, j, a * b / total) for k, (i, a) in enumerate(arms) for j, b in arms[k + 1 :]
    ]


def _pieces(
    profile: Sequence[tuple[float, float]], start: float, stop: float
) -> list[tuple[float, float, float]]:
    """The cones between two distances as (length, first diameter, last diameter).

    A step in diameter is a cone of length 0; at ``start`` it is inside, at ``stop`` if that is the end.
    """
    pieces = []
    for (x0, d0), (x1, d1) in itertools.pairwise(profile):
        a, b = max(x0, start), min(x1, stop)
        step = x1 - x0 < _STEP_UM
        if b > a and not step:
            slope = (d1 - d0) / (x1 - x0)
            pieces.append((b - a, d0 + slope * (a - x0), d0 + slope * (b - x0)))
        elif step and (start <= x0 < stop or x1 == stop == profile[-1][0]):
            pieces.append((0.0, d0, d1))
    return pieces


def lateral_area(profile: Sequence[tuple[float, float]], start: float, stop: float) -> float:
    """The lateral area of cones: π·(d₀ + d₁)/2·√(h² + ((d₁ - d₀)/2)²)."""
    return sum(
        math.pi * 0.5 * (d0 + d1) * math.hypot(h, 0.5 * (d1 - d0))
        for h, d0, d1 in _pieces(profile, start, stop)
    )


def axial_resistance(profile: Sequence[tuple[float, float]], start: float, stop: float) -> float:
    """∫4/(π d²)dx = 4h/(π d₀ d₁) of cones, in 1/µm; infinite up to a point."""
    return sum(
        4 * h / (math.pi * d0 * d1) if d0 * d1 > 0 else math.inf
        for h, d0, d1 in _pieces(profile, start, stop)
        if h > 0
    )
