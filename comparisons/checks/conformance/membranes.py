"""Cases with membranes: one compartment with everything that a channel can be, and a branched tree."""

from __future__ import annotations

from typing import Any

from ....core.cable import CableCell
from ....core.channels import Channel, Ion, Pool
from ....core.discretisation import FixedSegments
from ....core.experiment import Experiment, Record
from ....core.inputs import StepInput
from ....core.kinetics import Gate, Scheme
from ....core.morphology import Morphology, Section, cylinder
from ....core.populations import Population, SpikeTrains
from ....core.projections import AllToAll, Projection
from ....core.receptors import ExponentialConductance
from ....core.units import Quantity

_SODIUM = Channel(
    name="sodium",
    ion="na",
    conductance="0.12 S/cm**2",
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
)
_POTASSIUM = Channel(
    name="potassium",
    ion="k",
    conductance="0.036 S/cm**2",
    open="O",
    scheme=Scheme(
        transitions=(
            "N0 <-> N1 (4*a, b)",
            "N1 <-> N2 (3*a, 2*b)",
            "N2 <-> N3 (2*a, 3*b)",
            "N3 <-> O (a, 4*b)",
        )
    ),
    equations="""
        a = 0.1/exprel(-(v + 55*mV)/(10*mV))/ms : 1/ms
        b = 0.125*exp(-(v + 65*mV)/(80*mV))/ms : 1/ms
    """,
)
_CALCIUM = Channel(
    name="calcium",
    ion="ca",
    permeability="5e-6 cm/s",
    gates=(Gate(name="m", power=2, inf="1/(1 + exp(-(v + 10*mV)/(6*mV)))", tau="1*ms"),),
)
_LEAK = Channel(name="leak", conductance="3e-4 S/cm**2", reversal="-54.3 mV")
_IONS = (
    Ion(name="na", reversal="50 mV"),
    Ion(name="k", reversal="-77 mV"),
    Ion(
        name="ca", valence=2, outside="2 mM", pool=Pool(depth="0.1 um", tau="10 ms", rest="1e-4 mM")
    ),
)


def _experiment(name: str, cell: CableCell, place: str, records: Any) -> Experiment:
    receptor = ExponentialConductance(tau="2 ms", reversal="0 mV", port=place)
    return Experiment(
        name=name,
        populations=(
            Population(name="cells", model=cell, size=2, receptors={"exc": receptor}),
            SpikeTrains(name="given", times=((4.0, 21.5), (9.0,))),
        ),
        projections=(
            Projection(
                source="given",
                target="cells",
                receptor="exc",
                rule=AllToAll(),
                weight="8 nS",
                delay="1 ms",
            ),
        ),
        inputs=(
            StepInput(
                name="step",
                population="cells",
                port="soma(0.5)",
                amplitude="0.3 nA",
                start="25 ms",
                stop="32 ms",
            ),
        ),
        records=records,
        duration="40 ms",
        dt="0.025 ms",
    )


def membrane() -> Experiment:
    """One compartment: gates, a Markov scheme, a Goldman-Hodgkin-Katz current, a pool, a receptor."""
    cell = CableCell(
        name="membrane",
        morphology=cylinder("30 um", "30 um"),
        channels=(_SODIUM, _POTASSIUM, _CALCIUM, _LEAK),
        ions=_IONS,
    )
    variables = ("v", "h_sodium", "N3_potassium", "cai", "g_exc")
    return _experiment("membrane", cell, "soma(0.5)", (_record(variables),))


def tree() -> Experiment:
    """A soma with two branches: densities by region, a synapse on a branch, spikes at the soma."""

    def branch(name: str, length: float) -> Section:
        return Section(
            name=name,
            parent="soma",
            label="dend",
            length=Quantity(length, "um"),
            diameter=Quantity(2.0, "um"),
        )

    soma = Section(
        name="soma", label="soma", length=Quantity(25.0, "um"), diameter=Quantity(25.0, "um")
    )
    sodium = _SODIUM.model_copy(update={"elsewhere": {"dend": Quantity(0.02, "S/cm**2")}})
    cell = CableCell(
        name="tree",
        morphology=Morphology(sections=(soma, branch("near", 120.0), branch("far", 240.0))),
        discretisation=FixedSegments(segments=2),
        channels=(sodium, _POTASSIUM, _LEAK),
        ions=_IONS[:2],
    )
    records = (_record(("v",), "soma(0.5)"), _record(("v", "m_sodium"), "far(0.9)"))
    return _experiment("tree", cell, "far(0.9)", records)


def _record(variables: tuple[str, ...], at: str | None = None) -> Record:
    return Record(population="cells", variables=variables, at=at)
