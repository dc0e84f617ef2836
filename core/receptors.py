"""Receptors: how a cell answers to the arrival of a spike of weight ``w``.

Every kind is a few equations, an ``on_pre`` and, unless it kicks a variable itself, a current that adds
to a port of the cell. The states are one per cell and receptor, never one per synapse: arrivals of many
synapses at one instant add, because every ``on_pre`` is proportional to ``w``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from .description import Description
from .errors import InputError
from .units import Dimension, Quantity, dimension_of_unit, internal_unit
from .values import Value


@dataclass(frozen=True)
class ReceptorEquations:
    """A receptor written out: equations, what an arrival does, parameters, the name of its current.

    ``outside`` are names in the equations that stand for a variable of the cell, whatever the receptor
    calls its own: a membrane potential called g is not the conductance g.
    """

    equations: str
    on_pre: str
    parameters: Mapping[str, Value]
    current: str | None
    outside: Mapping[str, str] = field(default_factory=dict)


_VOLTAGE = "voltage_"
"""Stands for the cell's membrane potential; no name that anybody can give ends so."""


class _Receptor(Description, ABC):
    port: str | None = None
    """The ``(input)`` of the cell that the current adds to; needed when the cell has several."""

    @abstractmethod
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        """The receptor's equations for a port of the given dimension."""


def _current(port: Dimension | None, where: str) -> Dimension:
    if port is None:
        raise InputError(where, "the cell has no (input) that a current could add to")
    return port


def _positive(value: Value, where: str) -> None:
    if isinstance(value, Quantity) and value.internal <= 0:
        word = "negative" if value.internal < 0 else "zero"
        raise InputError(where, f"{value} is {word}; a time constant has to be > 0")


class Delta(_Receptor):
    """A kick: ``target += w`` at the instant of arrival."""

    kind: Literal["delta"] = "delta"
    target: str = "v"

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        return ReceptorEquations("", f"{self.target} += w", {}, None)


class ExponentialCurrent(_Receptor):
    """A current that jumps by ``w`` and decays: dI/dt = -I/τ."""

    kind: Literal["exponential_current"] = "exponential_current"
    tau: Value

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit = internal_unit(_current(port, where))
        _positive(self.tau, f"{where}.tau")
        return ReceptorEquations(
            f"dcurrent/dt = -current/tau : {unit}\ntau : ms",
            "current += w",
            {"tau": self.tau},
            "current",
        )


class AlphaCurrent(_Receptor):
    """A current w·(t/τ)·exp(1 - t/τ), of peak ``w`` at t = τ."""

    kind: Literal["alpha_current"] = "alpha_current"
    tau: Value

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit = internal_unit(_current(port, where))
        _positive(self.tau, f"{where}.tau")
        return ReceptorEquations(
            f"da/dt = -a/tau : {unit}\ndcurrent/dt = (exp(1)*a - current)/tau : {unit}\ntau : ms",
            "a += w",
            {"tau": self.tau},
            "current",
        )


class _Conductance(_Receptor):
    reversal: Value
    voltage: str = "v"

    def _units(self, port: Dimension | None, where: str) -> tuple[str, str]:
        # A conductance is what makes (conductance · mV) the dimension of the port: nS for pA.
        current = _current(port, where)
        return internal_unit(current / dimension_of_unit("mV")), internal_unit(current)

    def _equations(self, states: str, port: Dimension | None, where: str, factor: str = "") -> str:
        _, current = self._units(port, where)
        return f"{states}\ncurrent = {factor}g*(reversal - {_VOLTAGE}) : {current}\nreversal : mV\n"


class ExponentialConductance(_Conductance):
    """A conductance that jumps by ``w`` and decays: dg/dt = -g/τ, I = g·(E - v)."""

    kind: Literal["exponential_conductance"] = "exponential_conductance"
    tau: Value

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit, _ = self._units(port, where)
        _positive(self.tau, f"{where}.tau")
        states = f"dg/dt = -g/tau : {unit}\ntau : ms"
        return ReceptorEquations(
            self._equations(states, port, where),
            "g += w",
            {"tau": self.tau, "reversal": self.reversal},
            "current",
            {_VOLTAGE: self.voltage},
        )


class AlphaConductance(_Conductance):
    """A conductance w·(t/τ)·exp(1 - t/τ), of peak ``w`` at t = τ, I = g·(E - v)."""

    kind: Literal["alpha_conductance"] = "alpha_conductance"
    tau: Value

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit, _ = self._units(port, where)
        _positive(self.tau, f"{where}.tau")
        states = f"da/dt = -a/tau : {unit}\ndg/dt = (exp(1)*a - g)/tau : {unit}\ntau : ms"
        return ReceptorEquations(
            self._equations(states, port, where),
            "a += w",
            {"tau": self.tau, "reversal": self.reversal},
            "current",
            {_VOLTAGE: self.voltage},
        )


_TWO_EXPONENTIALS = """
drise/dt = -rise/tau_rise : {unit}
ddecay/dt = -decay/tau_decay : {unit}
g = decay - rise : {unit}
peak_time = tau_rise*tau_decay/(tau_decay - tau_rise)*log(tau_decay/tau_rise) : ms
norm = 1/(exp(-peak_time/tau_decay) - exp(-peak_time/tau_rise)) : 1
tau_rise : ms
tau_decay : ms
"""


def _two_time_constants(rise: Value, decay: Value, where: str) -> None:
    _positive(rise, f"{where}.tau_rise")
    _positive(decay, f"{where}.tau_decay")
    if isinstance(rise, Quantity) and isinstance(decay, Quantity):
        if rise.internal >= decay.internal:
            raise InputError(
                where,
                f"tau_rise {rise} is not below tau_decay {decay}; use alpha_conductance if they are equal",
            )


class DoubleExponentialConductance(_Conductance):
    """A conductance of peak ``w`` that rises with τ_rise and decays with τ_decay, I = g·(E - v)."""

    kind: Literal["double_exponential_conductance"] = "double_exponential_conductance"
    tau_rise: Value
    tau_decay: Value

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit, _ = self._units(port, where)
        _two_time_constants(self.tau_rise, self.tau_decay, where)
        return ReceptorEquations(
            self._equations(_TWO_EXPONENTIALS.format(unit=unit), port, where),
            "rise += norm*w; decay += norm*w",
            {"tau_rise": self.tau_rise, "tau_decay": self.tau_decay, "reversal": self.reversal},
            "current",
            {_VOLTAGE: self.voltage},
        )


class NMDA(_Conductance):
    """A conductance blocked by magnesium: I = g·(E - v)/(1 + [Mg]/β·exp(-γv)), dg/dt = -g/τ.

    Source: Jahr & Stevens 1990, J. Neurosci. 10:3178 (β = 3.57 mM, γ = 0.062/mV).
    """

    kind: Literal["nmda"] = "nmda"
    tau: Value
    reversal: Value = Quantity(0.0, "mV")
    magnesium: Value = Quantity(1.0, "mM")
    beta: Value = Quantity(3.57, "mM")
    gamma: Value = Quantity(0.062, "1/mV")

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        unit, _ = self._units(port, where)
        _positive(self.tau, f"{where}.tau")
        states = (
            f"dg/dt = -g/tau : {unit}\n"
            f"block = 1/(1 + magnesium/beta*exp(-gamma*{_VOLTAGE})) : 1\n"
            "tau : ms\nmagnesium : mM\nbeta : mM\ngamma : 1/mV"
        )
        return ReceptorEquations(
            self._equations(states, port, where, factor="block*"),
            "g += w",
            {
                "tau": self.tau,
                "reversal": self.reversal,
                "magnesium": self.magnesium,
                "beta": self.beta,
                "gamma": self.gamma,
            },
            "current",
            {_VOLTAGE: self.voltage},
        )


class CustomReceptor(_Receptor):
    """A receptor by equations of one's own, which may use the variables of the cell.

    ``on_pre`` statements are ``x += …`` proportional to ``w``; ``current`` names the sub-expression or state
    variable that is its current. What the equations do not define is the cell's. All have to be linear in
    the receptor's own states (`superposition`): those are one per cell, for all of its synapses.
    """

    kind: Literal["custom"] = "custom"
    equations: str
    on_pre: str
    current: str | None = None
    parameters: dict[str, Value] = Field(default_factory=dict)

    @override
    def write_out(self, port: Dimension | None, where: str) -> ReceptorEquations:
        return ReceptorEquations(self.equations, self.on_pre, self.parameters, self.current)


Receptor = Annotated[
    Delta
    | ExponentialCurrent
    | AlphaCurrent
    | ExponentialConductance
    | AlphaConductance
    | DoubleExponentialConductance
    | NMDA
    | CustomReceptor,
    Field(discriminator="kind"),
]
"""Any kind of receptor."""
