"""A cable cell: a morphology with channels in its membrane, which stands where a point neuron stands."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from .channels import VOLTAGE, Channel, Ion
from .description import Description
from .discretisation import CAPACITANCE, RESISTIVITY, Discretisation, FixedSegments
from .equations import Variable
from .errors import InputError, unknown
from .lowering import Lowered, lower
from .membrane import sections_of
from .morphology import Morphology
from .names import check_identifier
from .units import Quantity
from .values import RealNumber, Value, check_value, smallest


class StandIn(Description):
    """A mechanism that a simulator brings and that is said to be the same as some of a cell's channels.

    In raw mode ``simulator`` takes its own ``mechanism`` in place of ``channels``; ``parameters`` gives the
    mechanism's numbers by name as expressions of a channel's amount: ``{"gnabar": "na.conductance"}``.
    """

    simulator: str
    mechanism: str
    channels: tuple[str, ...]
    parameters: dict[str, str] = Field(default_factory=dict)


class CableCell(Description):
    """A cell with a membrane: C dv/dt = -Σ I_channel + axial currents + what is injected.

    ``capacitance`` is per area, ``axial_resistivity`` that of the cytoplasm. A spike is recorded when v at
    ``spike_at`` (the first section's middle by default) rises above ``spike_threshold``; nothing is reset.
    ``stand_ins`` say which mechanisms that simulators bring are meant to be the same.

    Backends with a cable solver take the cell as it is; all others take `lowered`, the equations of its
    compartments. InputError for a channel in a region or at a place that is not there, a current of an ion
    that the cell does not have, or an ion whose reversal potential nothing gives.
    """

    kind: Literal["cable"] = "cable"
    name: str
    morphology: Morphology
    discretisation: Discretisation = FixedSegments()
    channels: tuple[Channel, ...]
    ions: tuple[Ion, ...] = ()
    capacitance: Value = Quantity(1.0, "uF/cm**2")
    axial_resistivity: Value = Quantity(100.0, "ohm*cm")
    celsius: RealNumber = Field(default=6.3, gt=-273.15)
    v_initial: Value = Quantity(-65.0, "mV")
    spike_threshold: Quantity | None = Quantity(0.0, "mV")
    spike_at: str | None = None
    stand_ins: tuple[StandIn, ...] = ()
    source: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> CableCell:
        check_identifier(self.name, "cell")
        self._check_numbers()
        names = [c.name for c in self.channels] + [i.name for i in self.ions]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"{self.name}.{name}",
                    "is the name of two channels or ions; call a channel 'sodium' and its ion 'na'",
                )
        for channel in self.channels:
            self._check_channel(channel)
        channels = [c.name for c in self.channels]
        for stand_in in self.stand_ins:
            for channel_name in stand_in.channels:
                if channel_name not in channels:
                    raise unknown(f"{self.name}.stand_ins", "channel", channel_name, channels)
        if self.spike_at is not None:
            self.morphology.place(self.spike_at, f"{self.name}.spike_at")
        _ = self.lowered  # its equations are checked as any others are
        return self

    def _check_numbers(self) -> None:
        for field, dimension in (
            ("capacitance", CAPACITANCE),
            ("axial_resistivity", RESISTIVITY),
            ("v_initial", VOLTAGE),
            ("spike_threshold", VOLTAGE),
        ):
            given = getattr(self, field)
            if given is None:
                continue
            check_value(given, dimension, f"{self.name}.{field}")
            least = smallest(given)
            if dimension != VOLTAGE and least is not None and least.internal <= 0:
                raise InputError(f"{self.name}.{field}", f"{least} has to be > 0")

    def _check_channel(self, channel: Channel) -> None:
        where = f"{self.name}.{channel.name}"
        if channel.is_point:
            self.morphology.place(channel.region, f"{where}.region")
        else:
            sections_of(channel, self.morphology, where)
        if channel.ion is None:
            return
        ions = {i.name: i for i in self.ions}
        if channel.ion not in ions:
            raise InputError(
                f"{where}.ion",
                f"its current is carried by {channel.ion!r}, which nobody balances: the cell has "
                + (f"the ions {', '.join(ions)}" if ions else "no ions")
                + f"; add Ion(name={channel.ion!r}, …)",
            )
        ion = ions[channel.ion]
        missing = None
        if channel.permeability is not None and not (ion.has_inside and ion.outside is not None):
            missing = "its concentrations: give outside, and inside or a pool"
        elif channel.permeability is None and not ion.has_reversal:
            missing = "a reversal potential: give reversal, or outside and inside or a pool"
        elif channel.permeability is None and ion.reversal is None and ion.pool is not None:
            if ion.pool.start.internal <= 0:
                missing = "a concentration above 0 for Nernst's equation: give the pool a floor"
        if missing:
            raise InputError(f"{self.name}.{ion.name}", f"{channel.name} needs {missing}")

    @cached_property
    def lowered(self) -> Lowered:
        """The cell written out as the equations of its compartments."""
        return lower(self)

    def port_at(self, place: str, where: str) -> str:
        """The ``(input)`` of the compartment at a place."""
        return self.lowered.port(self.lowered.at(place, where))

    # What a point neuron has, so that both can stand in a population.

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of the lowered equations, each with its owner and its compartment."""
        return self.lowered.variables

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The parameters of the lowered equations."""
        return self.lowered.point.parameters

    @property
    def initial(self) -> Mapping[str, Value | str]:
        """The initial values of the lowered equations; a scheme's steady state is found when drawn."""
        return self.lowered.point.initial

    @property
    def threshold(self) -> str | None:
        """The condition of a spike."""
        return self.lowered.point.threshold

    @property
    def reset(self) -> str:
        """Nothing: a spike is an upward crossing."""
        return ""

    @property
    def refractory(self) -> None:
        """None: what follows a spike follows from the channels."""
        return None
