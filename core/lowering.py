"""Lowering: a cable cell written out as the equations of its compartments.

::

    capacitance·area·dv_k/dt = I_k + Σ_j shape_kj/Ra·(v_j - v_k) - area·Σ_channel I_channel,k

with gates, schemes and concentrations for every compartment that has the channel. In a cell of one
compartment names are plain (``v``, ``m_kpkj``, ``cai``); otherwise the compartment stands behind
(``v_dend_3``). A channel's parameters (``epsilon_naRsg``, ``conductance_naRsg``) are one for all
compartments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .channels import Channel
from .discretisation import Compartment, Compartments, cut
from .errors import InputError
from .membrane import (
    LoweredScheme,
    MembraneWriter,
    amount_name,
    compartment_at,
    made_name,
    named,
    written_names,
)
from .neurons import NeuronModel
from .scopes import ion_name
from .values import Value, smallest

if TYPE_CHECKING:
    from .cable import CableCell


@dataclass(frozen=True, eq=False)
class Lowered:
    """The equations of a cable cell, and where their names come from.

    ``channels[k]`` are the channels in compartment ``k`` with the region whose amount they have. ``places``
    says where a lowered name was written, ``rates`` and ``time_constants`` name the sub-expressions that
    have to be >= 0 and > 0, ``bounds`` holds what parameters have to be above or, with True, at least.
    """

    cell: CableCell
    cut: Compartments
    channels: tuple[tuple[tuple[Channel, str], ...], ...]
    schemes: tuple[LoweredScheme, ...] = field(default=(), kw_only=True)
    equations: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict, kw_only=True)
    initial: Mapping[str, Value | str] = field(default_factory=dict, kw_only=True)
    places: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    rates: tuple[str, ...] = field(default=(), kw_only=True)
    time_constants: tuple[str, ...] = field(default=(), kw_only=True)
    bounds: Mapping[str, tuple[float, bool]] = field(default_factory=dict, kw_only=True)

    @cached_property
    def point(self) -> NeuronModel:
        """The equations as a point neuron."""
        threshold = None
        if self.cell.spike_threshold is not None:
            spike_at = self.cell.spike_at or f"{self.cell.morphology.root.name}(0.5)"
            threshold = f"{self.named('v', self.at(spike_at, self.cell.name))} > spike_threshold"
        try:
            return NeuronModel(
                name=self.cell.name,
                equations=self.equations,
                threshold=threshold,
                parameters=dict(self.values),
                initial=dict(self.initial),
                source=self.cell.source,
            )
        except InputError as error:
            name = error.where.removeprefix(f"{self.cell.name}.")
            place = f"{self.cell.name}.{self.places[name]}" if name in self.places else error.where
            raise InputError(place, error.problem) from None

    @property
    def compartments(self) -> tuple[Compartment, ...]:
        """The compartments, section by section."""
        return self.cut.compartments

    def named(self, name: str, compartment: int) -> str:
        """The name of something in a compartment, ``v`` or ``m_kpkj``, in the lowered equations."""
        return named(name, compartment, self.compartments)

    def at(self, place: str, where: str) -> int:
        """The number of the compartment at a place such as ``dend(0.25)``; InputError if off the tree."""
        return compartment_at(self.cell, self.cut, place, where)

    def amount(self, channel: Channel, region: str) -> str:
        """The parameter that holds a channel's conductance or permeability in a region."""
        return amount_name(channel, region)

    def rate(self, channel: Channel, source: str, target: str) -> str:
        """What the rate of a transition of a channel's scheme is called, but for the compartment."""
        return made_name(f"rate_{source}_{target}", channel, written_names(self.cell))

    def pooled(self, part: str, ion: str) -> str:
        """What the ``tau``, ``depth``, ``influx``, … of an ion's pool is called in the lowered equations."""
        return ion_name(part, ion, written_names(self.cell))


def lower(cell: CableCell) -> Lowered:
    """Write out a cable cell; InputError for a channel whose equations do not fit together."""
    resistivity, capacitance = (
        _number(cell, name) for name in ("axial_resistivity", "capacitance")
    )
    pieces = cut(cell.morphology, cell.discretisation, resistivity, capacitance)
    writer = MembraneWriter(cell, pieces)
    lines = list(writer.lines())
    _check_distinct(lines, cell.name)
    return Lowered(
        cell,
        pieces,
        writer.channels,
        schemes=tuple(writer.schemes),
        equations="\n".join(lines),
        values=writer.values,
        initial=writer.initial,
        places=writer.places,
        rates=tuple(writer.rates),
        time_constants=tuple(writer.time_constants),
        bounds=writer.bounds,
    )


def check_bounds(lowered: Lowered, parameters: Mapping[str, Value], where: str) -> None:
    """InputError for a parameter of the lowered equations that no membrane can have."""
    for name, value in parameters.items():
        least = smallest(value)
        if least is None or name not in lowered.bounds:
            continue
        bound, included = lowered.bounds[name]
        if least.internal < bound or (least.internal == bound and not included):
            sign = ">=" if included else ">"
            raise InputError(f"{where}.{name}", f"{least}: it has to be {sign} {bound:g}")


def _check_distinct(lines: Sequence[str], where: str) -> None:
    """InputError where two names, such as those of section a_1 and of compartment 1 of a, become one."""
    seen: set[str] = set()
    for line in lines:
        left = line.partition(" = ")[0].partition(" : ")[0].strip()
        name = left[1:-3] if left.endswith("/dt") else left
        if name in seen:
            raise InputError(
                where,
                f"written out, two things would be called {name!r}; rename a section, channel or state",
            )
        seen.add(name)


def _number(cell: CableCell, name: str) -> float:
    """A number that the rule for compartments needs; of a distribution its least, mean or median."""
    value = getattr(cell, name)
    least = smallest(value)
    return (next(iter(value.quantities().values())) if least is None else least).internal
