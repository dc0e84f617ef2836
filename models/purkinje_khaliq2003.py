"""The isolated Purkinje cell with resurgent sodium current, healthy and without Nav1.6.

One compartment with a 13-state sodium channel, three voltage-gated potassium channels and one activated
by calcium, P-type calcium with a shell below the membrane, and I_h; it fires without any input. The interval
is 36.54 ms (27.4 Hz) 1 s after the start and still falls, with a time constant of 0.24 s, to 36.49875 ms;
without Nav1.6 (*med* mice, which are ataxic) it is 46.0 ms (21.7 Hz) after 1 s and goes to 45.68651 ms
(`coincide.backends.oracle.orbit.steady_interval`).

The sodium channel starts at its steady state. The published file starts it with occupancies one of which is
negative; that moves the first spike, not the interval. At dt 0.025 ms rates are off by percents.

Source: Khaliq, Gouwens & Raman 2003, J. Neurosci. 23:4899 (ModelDB 48332).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..core.cable import CableCell
from ..core.channels import Channel, Ion, Pool
from ..core.experiment import Experiment, Record
from ..core.kinetics import Gate, Scheme
from ..core.morphology import cylinder
from ..core.perturbations import Lesion, Perturbation
from ..core.populations import Population
from .tables import Table, read_table

_SODIUM = """
activate = alpha*exp(v/(20*mV)) : 1/ms
deactivate = beta*exp(-v/(20*mV)) : 1/ms
unblock = zeta*exp(-v/(25*mV)) : 1/ms
a = (Oon/Con)**0.25 : 1
b = (Ooff/Coff)**0.25 : 1
alpha : 1/ms
beta : 1/ms
gamma : 1/ms
delta : 1/ms
epsilon : 1/ms
zeta : 1/ms
Con : 1/ms
Coff : 1/ms
Oon : 1/ms
Ooff : 1/ms
"""
_SODIUM_PARAMETERS = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "Con",
    "Coff",
    "Oon",
    "Ooff",
)


def build(variant: str, *, cells: int = 1) -> Experiment:
    """The experiment: ``cells`` cells without input, of the variant ``wild_type`` or ``med``."""
    table = read_table("purkinje_khaliq2003")
    return Experiment(
        name="purkinje_khaliq2003",
        variant=variant,
        title="A Purkinje cell with resurgent sodium current"
        + (", without Nav1.6" if variant == "med" else ""),
        source=table.source,
        populations=(
            Population(name="purkinje", model=purkinje_cell(variant == "med"), size=cells),
        ),
        records=(Record(population="purkinje", variables=("v", "cai"), cells=(0,)),),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )


def purkinje_cell(med: bool = False) -> CableCell:
    """The cell; with ``med`` as in mice without Nav1.6."""
    table = read_table("purkinje_khaliq2003")
    return CableCell(
        name="purkinje_khaliq2003",
        morphology=cylinder(table.quantity("length"), table.quantity("diameter")),
        channels=(
            _sodium(table, med),
            _kpkj(table),
            _kpkj2(table),
            _kpkjslow(table),
            _bkpkj(table),
            _cap(table),
            _hpkj(table),
            Channel(name="leak", conductance=table["g_leak"], reversal=table["E_leak"]),
        ),
        ions=(
            Ion(name="na", reversal=table["E_na"]),
            Ion(name="k", reversal=table["E_k"]),
            Ion(
                name="ca",
                valence=2,
                outside=table["ca_outside"],
                pool=Pool(
                    depth=table.quantity("ca_depth"),
                    tau=table.quantity("ca_tau"),
                    floor=table.quantity("ca_floor"),
                ),
            ),
        ),
        capacitance=table["capacitance"],
        celsius=table.number("celsius"),
        v_initial=table["v_initial"],
        source=table.source,
    )


def sodium_transitions() -> tuple[str, ...]:
    """The 13 states: closed C1…C5, open O, blocked B, inactivated I1…I6."""
    found = []
    for k in range(1, 5):
        found.append(f"C{k} <-> C{k + 1} ({5 - k}*activate, {k}*deactivate)")
        found.append(f"I{k} <-> I{k + 1} ({5 - k}*activate*a, {k}*deactivate*b)")
    found += ["C5 <-> O (gamma, delta)", "O <-> B (epsilon, unblock)"]
    found += [f"C{k} <-> I{k} (Con*a**{k - 1}, Coff*b**{k - 1})" for k in range(1, 6)]
    found += ["O <-> I6 (Oon, Ooff)", "I5 <-> I6 (gamma, delta)"]
    return tuple(found)


def _sodium(table: Table, med: bool) -> Channel:
    parameters = table.values(*_SODIUM_PARAMETERS)
    if med:
        parameters |= {"Oon": table["med_Oon"], "epsilon": table["med_epsilon"]}
    return Channel(
        name="naRsg",
        ion="na",
        conductance=table["g_naRsg"],
        open="O",
        scheme=Scheme(transitions=sodium_transitions(), remainder="I6"),
        equations=_SODIUM,
        parameters=parameters,
        source="Raman & Bean 2001, Biophys. J. 80:729; Khaliq et al. 2003",
    )


def _kpkj(table: Table) -> Channel:
    # u = v + 11 mV: a junction potential.
    return Channel(
        name="kpkj",
        ion="k",
        conductance=table["g_kpkj"],
        equations="u = (v + 11*mV)/mV : 1",
        gates=(
            Gate(
                name="m",
                power=3,
                inf="1/(1 + exp(-(u + 24)/15.4))",
                tau="(3*(3.4225e-5 + 0.00498*exp(u/28.29)) if u < -35 else 0.00012851 "
                "+ 1/(exp((u + 100.7)/12.9) + exp(-(u - 56)/23.1)))*s",
            ),
            Gate(
                name="h",
                inf="0.31 + 0.78/(1 + exp((u + 5.802)/11.2))",
                tau="(0.0012 + 0.0023*exp(-0.141*u) if u > 0 else "
                "1.2202e-5 + 0.012*exp(-((u + 56.3)/49.6)**2))*s",
            ),
        ),
    )


def _kpkj2(table: Table) -> Channel:
    return Channel(
        name="kpkj2",
        ion="k",
        conductance=table["g_kpkj2"],
        equations="u = (v + 11*mV)/mV : 1",
        gates=(
            Gate(
                name="n",
                power=4,
                inf="1/(1 + exp(-(u + 24)/20.4))",
                tau="(0.000688 + 1/(exp((u + 64.2)/6.5) + exp(-(u - 141.5)/34.8)) if u < -20 "
                "else 0.00016 + 0.0008*exp(-0.0267*u))*s",
            ),
        ),
    )


def _kpkjslow(table: Table) -> Channel:
    return Channel(
        name="kpkjslow",
        ion="k",
        conductance=table["g_kpkjslow"],
        equations="u = (v + 11*mV)/mV : 1",
        gates=(
            Gate(
                name="n",
                power=4,
                inf="1/(1 + exp(-(u + 16.5)/18.4))",
                tau="(0.000796 + 1/(exp((u + 73.2)/11.7) + exp(-(u - 306.7)/74.2)))*s",
            ),
        ),
    )


def _bkpkj(table: Table) -> Channel:
    return Channel(
        name="bkpkj",
        ion="k",
        conductance=table["g_bkpkj"],
        open="m**3*z**2*h",
        equations="u = (v + 5*mV)/mV : 1",
        gates=(
            Gate(
                name="m",
                inf="1/(1 + exp(-(u + 28.9)/6.2))",
                tau="(0.000505 + 1/(exp(-(u - 33.3)/10) + exp((u + 86.4)/10.1)))*s",
            ),
            Gate(name="z", inf="1/(1 + 0.001*mM/cai)", tau="1*ms"),
            Gate(
                name="h",
                inf="0.085 + 0.915/(1 + exp((u + 32)/5.8))",
                tau="(0.0019 + 1/(exp(-(u - 54.2)/12.9) + exp((u + 48.5)/5.2)))*s",
            ),
        ),
    )


def _cap(table: Table) -> Channel:
    return Channel(
        name="cap",
        ion="ca",
        permeability=table["P_cap"],
        equations="u = v/mV : 1",
        gates=(
            Gate(
                name="m",
                inf="1/(1 + exp(-(u + 19)/5.5))",
                tau="(0.000191 + 0.00376*exp(-((u + 41.9)/27.8)**2) if u > -50 else "
                "0.00026367 + 0.1278*exp(0.10327*u))*s",
            ),
        ),
    )


def _hpkj(table: Table) -> Channel:
    return Channel(
        name="hpkj",
        conductance=table["g_hpkj"],
        reversal=table["E_h"],
        equations="u = v/mV : 1",
        gates=(
            Gate(
                name="n",
                inf="1/(1 + exp((u + 90.1)/9.9))",
                tau="(190 + 720*exp(-((u + 81.5)/11.9)**2))*ms",
            ),
        ),
    )


def _scaled(name: str, title: str, path: str, factor: float, citation: str) -> Lesion:
    change = Perturbation(f"purkinje.{path}", "scale", factor, citation)
    return Lesion(name=name, title=title, perturbations=(change,), citation=citation)


_MED = "Khaliq et al. 2003, J. Neurosci. 23:4899: the sodium channels left in med mice"

LESIONS: Mapping[str, Lesion] = MappingProxyType(
    {
        lesion.name: lesion
        for lesion in (
            Lesion(
                name="nav16_null",
                title="no Nav1.6: no resurgent sodium current, faster inactivation",
                perturbations=(
                    Perturbation("purkinje.naRsg.epsilon", "set", "1e-12 /ms", _MED),
                    Perturbation("purkinje.naRsg.Oon", "set", "2.3 /ms", _MED),
                ),
                citation=_MED,
            ),
            _scaled(
                "bk_block",
                "no BK current",
                "bkpkj.conductance",
                0.0,
                "full block is chosen; BK is reduced in SCA1 and SCA2 (Dell'Orco et al. 2015, J. Neurosci. "
                "35:11292; Dell'Orco et al. 2017, Hum. Mol. Genet. 26:3935)",
            ),
            _scaled(
                "cap_block",
                "no P-type calcium current",
                "cap.permeability",
                0.0,
                "full block is chosen; Cav2.1 is mutated in SCA6 and EA2 (Zhuchenko et al. 1997, Nat. Genet. "
                "15:62; Ophoff et al. 1996, Cell 87:543)",
            ),
            _scaled("ih_block", "no I_h", "hpkj.conductance", 0.0, "chosen: full block"),
            _scaled(
                "kv3_half",
                "half of the fast, highly TEA-sensitive potassium current (Kv3)",
                "kpkj.conductance",
                0.5,
                "the half is chosen; Kv3.3 is mutated in SCA13 (Waters et al. 2006, Nat. Genet. 38:447) and "
                "reduced in SCA2",
            ),
            _scaled(
                "na_half",
                "half of the sodium channels",
                "naRsg.conductance",
                0.5,
                "chosen: one of two alleles",
            ),
            _scaled(
                "capacitance",
                "a membrane capacitance larger by a fifth",
                "capacitance",
                1.2,
                "chosen",
            ),
        )
    }
)
"""Lesions of the cell, by name; each says whose number it takes."""
