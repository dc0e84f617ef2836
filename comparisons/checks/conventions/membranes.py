"""Probes of cells with a membrane: what a point neuron does not show of a simulator."""

from __future__ import annotations

import math

from ....core.cable import CableCell, StandIn
from ....core.channels import Channel, Ion
from ....core.kinetics import Gate
from ....core.morphology import Morphology, Section, cylinder
from ....core.units import Quantity
from .pack import DT_MS, Cells, Given, Kind, Parts
from .probe import Probe, shown_number
from .view import View

_TAU_MS, _RISE_MV = 20.0, 24.0
# 1/20 of 1 µF/cm² a ms. A cylinder as long as it is thick has π·d² for a side: 250 pF of it.
_SIDE_UM = math.sqrt(25_000.0 / math.pi)
_BODY = cylinder(f"{_SIDE_UM} um", f"{_SIDE_UM} um")
_LEAK = Channel(name="leak", conductance="5e-5 S/cm**2", reversal="-65 mV")
# What a charge of so little conductance loses in 20 ms is 10⁻⁸ of it.
_TIGHT = Channel(name="leak", conductance="1e-12 S/cm**2", reversal="-65 mV")

PASSIVE = Kind(CableCell(name="passive", morphology=_BODY, channels=(_LEAK,)))
"""The leaky cell as one compartment of a membrane."""
CAPACITOR = Kind(CableCell(name="capacitor", morphology=_BODY, channels=(_TIGHT,)))
"""250 pF that hold what charge they get."""

_DENDRITE = ((0.0, 0.0, 0.0, 2.0), (50.0, 0.0, 0.0, 6.0), (100.0, 0.0, 0.0, 2.0))
_BULGE = Kind(
    CableCell(
        name="bulge",
        morphology=Morphology(
            sections=(
                Section(name="soma", length=Quantity(20.0, "um"), diameter=Quantity(20.0, "um")),
                Section(name="dend", parent="soma", points=_DENDRITE),
            )
        ),
        channels=(_TIGHT,),
    )
)
# The sides of a cylinder and of two truncated cones, 1 pF for 100 µm².
_BULGE_PF = (math.pi * 20 * 20 + 2 * math.pi * (1.0 + 3.0) * math.hypot(50.0, 2.0)) / 100

_RATES = {
    "m": ("1/exprel(-(v + 40*mV)/(10*mV))/ms", "4*exp(-(v + 65*mV)/(18*mV))/ms"),
    "h": ("0.07*exp(-(v + 65*mV)/(20*mV))/ms", "1/(1 + exp(-(v + 35*mV)/(10*mV)))/ms"),
    "n": ("0.1/exprel(-(v + 55*mV)/(10*mV))/ms", "0.125*exp(-(v + 65*mV)/(80*mV))/ms"),
}


def _gate(name: str, power: int = 1) -> Gate:
    alpha, beta = _RATES[name]
    return Gate(name=name, power=power, alpha=alpha, beta=beta)


def _squid(name: str, *stand_ins: StandIn) -> Kind:
    """The cell of Hodgkin and Huxley 1952."""
    channels = (
        Channel(
            name="sodium", ion="na", conductance="0.12 S/cm**2", gates=(_gate("m", 3), _gate("h"))
        ),
        Channel(name="potassium", ion="k", conductance="0.036 S/cm**2", gates=(_gate("n", 4),)),
        Channel(name="leak", conductance="3e-4 S/cm**2", reversal="-54.3 mV"),
    )
    return Kind(
        CableCell(
            name=name,
            morphology=_BODY,
            channels=channels,
            stand_ins=stand_ins,
            ions=(Ion(name="na", reversal="50 mV"), Ion(name="k", reversal="-77 mV")),
        )
    )


_HH = StandIn(
    simulator="neuron",
    mechanism="hh",
    channels=("sodium", "potassium", "leak"),
    parameters={
        "gnabar": "sodium.conductance",
        "gkbar": "potassium.conductance",
        "gl": "leak.conductance",
        "el": "leak.reversal",
    },
)
OWN, BUILT_IN = _squid("squid"), _squid("squid_built_in", _HH)


def _driven(kind: Kind, start_ms: float, stop_ms: float | None, pA: float, port: str = "") -> Parts:
    given = Given("cell", start_ms, stop_ms, amplitude=f"{pA} pA", port=port or None)
    at = "soma(0.5)" if port else None
    return Parts({"cell": Cells(kind, ("v",), at=at)}, inputs=(given,))


def _order(view: View) -> float:
    """1 if a step of 0.1 ms from rest is as far off as one of a method of order 1, else 2."""
    h = DT_MS / _TAU_MS
    exact = -65 + _RISE_MV * -math.expm1(-h)
    off = abs(view.at("cell", "v", DT_MS) - exact)
    return 1.0 if off > 0.1 * _RISE_MV * h * h / 2 else 2.0


def _held_for(view: View) -> float:
    """How long 250 pA charged 250 pF: 1 mV a ms."""
    return round(view.end("cell", "v") + 65, 4)


def _capacitance(view: View) -> float:
    """The capacitance that 10 pA for 5 ms find, in parts of what the cones have."""
    (v,) = view.variables("cell")  # it is called after its compartment
    return round(50.0 / (view.end("cell", v) + 65) / _BULGE_PF, 3)


def _apart(view: View) -> float:
    """The largest difference of the two cells in mV; what round-off makes of it is none."""
    apart = float(abs(view.values("own", "v") - view.values("built_in", "v")).max())
    return apart if apart > 1e-6 else 0.0


def _distance(number: float) -> str:
    return "the same" if number == 0 else f"{number:.2g} mV"


def _counted(number: float) -> str:
    return "1" if number == 1 else "2 or more"


MEMBRANES = (
    Probe(
        "membrane_order", "membranes", "order of a step of v",
        "a passive compartment, 300 pA from rest: the order of the error after a step of 0.1 ms",
        "integrator", _driven(PASSIVE, 0.0, None, 300.0), _order, 2, "", ("integrator",), _counted,
        batch="membrane",
    ),
    Probe(
        "membrane_onset", "membranes", "current at 5 ms is first seen at",
        "a current into a membrane from 5 ms on: the first sample that it changes", "input_onset",
        _driven(CAPACITOR, 5.0, 8.0, 250.0), lambda v: v.first_change("cell", "v"), 5.1, "ms",
        ("input_onset",), batch="membrane",
    ),
    Probe(
        "membrane_between", "membranes", "current at 5.05 ms is first seen at",
        "a current into a membrane from 5.05 ms on: the first sample that it changes", "input_onset",
        _driven(CAPACITOR, 5.05, 8.05, 250.0), lambda v: v.first_change("cell", "v"), 5.2, "ms",
        ("input_onset",), grid=True, batch="membrane",
    ),
    Probe(
        "membrane_duration", "membranes", "5.05 to 8.05 ms acts for",
        "a current into a membrane from 5.05 to 8.05 ms: how long it acts", "input_onset",
        _driven(CAPACITOR, 5.05, 8.05, 250.0), _held_for, 3.0, "ms", ("input_onset",), batch="membrane",
    ),
    Probe(
        "membrane_built_in", "membranes", "mechanism of its own, apart by",
        "the squid axon by its equations and by the simulator's own mechanism: how far they are apart",
        "non_convergent",
        Parts(
            {"own": Cells(OWN, ("v",)), "built_in": Cells(BUILT_IN, ("v",))},
            inputs=(Given("own", 1.0, amplitude="2.5 nA"), Given("built_in", 1.0, amplitude="2.5 nA")),
        ),
        _apart, 0.0, "mV", ("built_in",), _distance, batch="membrane",
    ),
    Probe(
        "membrane_shape", "membranes", "area of a compartment of two cones",
        "a dendrite with a bulge: the capacitance that is charged, in parts of that of its cones",
        "parameter", _driven(_BULGE, 5.0, 10.0, 10.0, "soma(0.5)"), _capacitance, 1.0, "",
        ("compartment_shape",), shown_number, batch="tree",
    ),
)  # fmt: skip
"""Integrators of v, currents, built-in mechanisms, the shape of compartments."""
