"""Rallpacks 1 and 3: a uniform cable of 1 mm with a current into its end, passive and with channels.

`steady_state` is the closed form of the passive cable: the ends come to 167.18084 and 108.34226 mV above
rest. The compartments' nodes lie in their middles, so a cell of n compartments is compared at
x = (k + ½)·L/n, where its error falls as 1/n².

Source: Bhalla, Bilitch & Bower 1992, Trends Neurosci. 15:453.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..core.cable import CableCell
from ..core.discretisation import FixedSegments
from ..core.errors import InputError
from ..core.experiment import Experiment, Record
from ..core.inputs import ConstantInput
from ..core.morphology import Morphology, cylinder
from ..core.populations import Population
from ..core.units import Quantity
from ..core.values import Floats
from .hh_squid import leak, squid_channels, squid_ions
from .tables import Table, read_table


def build_passive(variant: str, *, compartments: int = 50) -> Experiment:
    """Rallpack 1: the passive cable."""
    table = read_table("rallpack1")
    cell = CableCell(
        name="rallpack1",
        morphology=_cable(table),
        discretisation=_segments(compartments),
        channels=(leak(table),),
        capacitance=table["capacitance"],
        axial_resistivity=table["axial_resistivity"],
        v_initial=table["E_leak"],
        spike_threshold=None,
        source=table.source,
    )
    return _experiment("rallpack1", variant, "A passive cable", table, cell, table.quantity("dt"))


def build_active(variant: str, *, compartments: int = 50) -> Experiment:
    """Rallpack 3: the cable with the squid axon's channels."""
    table, active = read_table("rallpack1"), read_table("rallpack3")
    cell = CableCell(
        name="rallpack3",
        morphology=_cable(table),
        discretisation=_segments(compartments),
        channels=(*squid_channels(active), leak(table)),
        ions=squid_ions(active),
        capacitance=table["capacitance"],
        axial_resistivity=table["axial_resistivity"],
        v_initial=table["E_leak"],
        spike_at="cable(1)",
        source=table.source,
    )
    dt = active.quantity("dt")
    return _experiment("rallpack3", variant, "A cable with squid channels", table, cell, dt)


def _cable(table: Table) -> Morphology:
    return cylinder(table.quantity("length"), table.quantity("diameter"), name="cable")


def _segments(compartments: int) -> FixedSegments:
    if compartments < 2:
        raise InputError("rallpack.compartments", f"{compartments} is no cable; it needs 2 or more")
    return FixedSegments(segments=compartments)


def _experiment(
    name: str, variant: str, title: str, table: Table, cell: CableCell, dt: Quantity
) -> Experiment:
    ends = (cell.lowered.potential(0), cell.lowered.potential(len(cell.lowered.compartments) - 1))
    return Experiment(
        name=name,
        variant=variant,
        title=f"{title} of {len(cell.lowered.compartments)} compartments",
        source=table.source,
        populations=(Population(name="cell", model=cell, size=1),),
        inputs=(
            ConstantInput(name="current", population="cell", port="cable(0)", amplitude=table["I"]),
        ),
        records=(Record(population="cell", variables=ends),),
        duration=table.quantity("duration"),
        dt=dt,
    )


def steady_state(x: ArrayLike) -> Floats:
    """v - E in mV of the passive cable at fractions x of its length, once it no longer changes.

    v(x) - E = I·λ·r·cosh((L - xL)/λ)/sinh(L/λ), with r = 4·Ra/(π d²) the axial resistance per length and
    λ = √(d·Rm/(4·Ra)) (Rall 1959, Exp. Neurol. 1:491).
    """
    table = read_table("rallpack1")
    length, diameter = (table.internal(n, "um") for n in ("length", "diameter"))
    resistivity = table.internal("axial_resistivity", "GOhm*um")
    leak_density = table.internal("g_leak", "nS/um**2")
    current = table.internal("I", "pA")
    constant = math.sqrt(diameter / (4 * resistivity * leak_density))
    per_length = 4 * resistivity / (math.pi * diameter**2)
    distance = length * (1 - np.asarray(x, dtype=np.float64))
    scale = current * per_length * constant / math.sinh(length / constant)
    return np.asarray(scale * np.cosh(distance / constant))
