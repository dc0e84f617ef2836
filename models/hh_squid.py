"""The squid axon of Hodgkin and Huxley: one compartment, sodium, potassium, leak.

10 µA/cm² from 10 ms on make it fire; v rises above 10 mV first at 11.9337349 ms, then at 26.8527278 and
41.4885384 ms (the oracle's times). The variant ``built_in`` lets NEURON, in raw mode, take its own mechanism
``hh`` instead of our equations: its rates come from a table of 1 mV steps, so that its spikes do not
go to these times as dt goes to 0.

Source: Hodgkin & Huxley 1952, J. Physiol. 117:500.
"""

from __future__ import annotations

from ..core.cable import CableCell, StandIn
from ..core.channels import Channel, Ion
from ..core.experiment import Experiment, Record
from ..core.inputs import StepInput
from ..core.kinetics import Gate
from ..core.morphology import cylinder
from ..core.populations import Population
from .tables import Table, read_table

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


def build(variant: str) -> Experiment:
    """The experiment, ``default`` or ``built_in``."""
    table = read_table("hh_squid")
    cell = CableCell(
        name="hh_squid",
        morphology=cylinder(table.quantity("length"), table.quantity("diameter")),
        channels=(*squid_channels(table), leak(table)),
        ions=squid_ions(table),
        capacitance=table["capacitance"],
        celsius=table.number("celsius"),
        v_initial=table["v_initial"],
        spike_threshold=table.quantity("spike_threshold"),
        stand_ins=(_HH,) if variant == "built_in" else (),
        source=table.source,
    )
    return Experiment(
        name="hh_squid",
        variant=variant,
        title="The squid axon, one compartment"
        + (", in raw mode by NEURON's own mechanism" if variant == "built_in" else ""),
        source=table.source,
        populations=(Population(name="axon", model=cell, size=1),),
        inputs=(
            StepInput(
                name="current",
                population="axon",
                amplitude=table["I"],
                start=table.quantity("start"),
            ),
        ),
        records=(
            Record(population="axon", variables=("v", "m_sodium", "h_sodium", "n_potassium")),
        ),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )


def squid_channels(table: Table) -> tuple[Channel, Channel]:
    """Sodium and potassium channels; rates of 6.3 °C, at other temperatures by a Q10 of 3.

    x/(1 - e^{-x}) is written 1/exprel(-x), which has a value at 0.
    """
    warm = {"q10": table.number("q10"), "q10_celsius": 6.3} if "q10" in table.parameters else {}
    sodium = Channel(
        name="sodium",
        ion="na",
        conductance=table["g_na"],
        gates=(
            Gate(
                name="m",
                power=3,
                alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms",
                beta="4*exp(-(v + 65*mV)/(18*mV))/ms",
            ),
            Gate(
                name="h",
                alpha="0.07*exp(-(v + 65*mV)/(20*mV))/ms",
                beta="1/(1 + exp(-(v + 35*mV)/(10*mV)))/ms",
            ),
        ),
        **warm,
    )
    potassium = Channel(
        name="potassium",
        ion="k",
        conductance=table["g_k"],
        gates=(
            Gate(
                name="n",
                power=4,
                alpha="0.1/exprel(-(v + 55*mV)/(10*mV))/ms",
                beta="0.125*exp(-(v + 65*mV)/(80*mV))/ms",
            ),
        ),
        **warm,
    )
    return sodium, potassium


def squid_ions(table: Table) -> tuple[Ion, Ion]:
    """Sodium and potassium with the reversal potentials of a table."""
    return Ion(name="na", reversal=table["E_na"]), Ion(name="k", reversal=table["E_k"])


def leak(table: Table) -> Channel:
    """A leak."""
    return Channel(name="leak", conductance=table["g_leak"], reversal=table["E_leak"])
