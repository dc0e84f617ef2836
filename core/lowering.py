"""Lowering: a cable cell written out as the equations of its compartments.

::

    capacitance·area·dv_k/dt = I_k + Σ_j shape_kj/Ra·(v_j - v_k) - area·Σ_channel I_channel,k

with gates, schemes and concentrations for every compartment that has the channel. In a cell of one
compartment names are plain (``v``, ``m_kpkj``, ``cai``); otherwise the compartment stands behind
(``v_dend_3``). A channel's parameters (``epsilon_naRsg``, ``conductance_naRsg``) are one for all
compartments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .channels import Channel
from .discretisation import Compartment, Compartments, cut
from .equations import Variable
from .errors import InputError
from .membrane import LoweredScheme, MembraneWriter, compartment_at
from .membrane_names import Origin, amount_owner
from .neurons import NeuronModel
from .scopes import Owner, OwnerKind
from .values import Value, smallest

if TYPE_CHECKING:
    from .cable import CableCell


@dataclass(frozen=True, eq=False)
class Lowered:
    """The equations of a cable cell, and where their names come from, which `origins` say.

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
    origins: Mapping[str, Origin] = field(default_factory=dict, kw_only=True)

    @cached_property
    def point(self) -> NeuronModel:
        """The equations as a point neuron."""
        threshold = None
        if self.cell.spike_threshold is not None:
            threshold = f"{self.potential(self.spike_at)} > spike_threshold"
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

    @property
    def spike_at(self) -> int:
        """The number of the compartment whose v makes the spikes."""
        place = self.cell.spike_at or f"{self.cell.morphology.root.name}(0.5)"
        return self.at(place, self.cell.name)

    def at(self, place: str, where: str) -> int:
        """The number of the compartment at a place such as ``dend(0.25)``; InputError if off the tree."""
        return compartment_at(self.cell, self.cut, place, where)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of the equations, each with its owner and its compartment."""
        return tuple(
            replace(v, owner=origin.owner, compartment=origin.compartment, plain=origin.plain)
            for v in self.point.variables
            for origin in (self.origins[v.name],)
        )

    @cached_property
    def _names(self) -> Mapping[tuple[Owner, int | None], str]:
        return {(o.owner, o.compartment): name for name, o in self.origins.items()}

    @cached_property
    def _in_compartments(self) -> Mapping[tuple[str, int | None], str]:
        return {(o.plain, o.compartment): name for name, o in self.origins.items()}

    def find(self, kind: OwnerKind, name: str, own: str, k: int | None = None) -> str | None:
        """The variable that a part of the cell calls *own*, in a compartment or in all; None without one."""
        return self._names.get((Owner(kind, name, own), k))

    def name(self, kind: OwnerKind, name: str, own: str, k: int | None = None) -> str:
        """The variable that a part of the cell calls *own*, which is there."""
        return self._names[Owner(kind, name, own), k]

    def called(self, plain: str, compartment: int) -> str | None:
        """The variable of a compartment that all have under a name such as ``m_kpkj``; None without one."""
        return self._in_compartments.get((plain, compartment))

    def potential(self, compartment: int) -> str:
        """The membrane potential of a compartment."""
        return self.name("membrane", "", "v", compartment)

    def port(self, compartment: int) -> str:
        """The (input) of a compartment."""
        return self.name("membrane", "", "I", compartment)

    def area(self, compartment: int) -> str:
        """The parameter that holds a compartment's area."""
        return self.name("membrane", "", "membrane_area", compartment)

    def amount(self, channel: Channel, region: str) -> str:
        """The parameter that holds a channel's conductance or permeability in a region."""
        return self.name(*amount_owner(channel, region))


def lower(cell: CableCell) -> Lowered:
    """Write out a cable cell; InputError for a channel whose equations do not fit together."""
    resistivity, capacitance = (
        _number(cell, name) for name in ("axial_resistivity", "capacitance")
    )
    pieces = cut(cell.morphology, cell.discretisation, resistivity, capacitance)
    writer = MembraneWriter(cell, pieces)
    equations = "\n".join(writer.lines())
    return Lowered(
        cell,
        pieces,
        writer.channels,
        schemes=tuple(writer.schemes),
        equations=equations,
        values=writer.values,
        initial=writer.initial,
        places=writer.places,
        rates=tuple(writer.rates),
        time_constants=tuple(writer.time_constants),
        bounds=writer.bounds,
        origins=writer.origins,
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


def _number(cell: CableCell, name: str) -> float:
    """A number that the rule for compartments needs; of a distribution its least, mean or median."""
    value = getattr(cell, name)
    least = smallest(value)
    return (next(iter(value.quantities().values())) if least is None else least).internal
