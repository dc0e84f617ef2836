"""Cable cells as descriptions: JSON, the hash, and whatever is wrong with them in one message."""

# A table reads better in long lines.
# ruff: noqa: E501, PT017

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincide.core.cable import CableCell
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, json_schema
from coincide.core.realize import realize
from coincide.models.library import load_model

Plain = dict[str, Any]
CABLES = [
    ("purkinje_khaliq2003", "wild_type"),
    ("purkinje_khaliq2003", "med"),
    ("hh_squid", "default"),
    ("hh_squid", "built_in"),
    ("rallpack1", "default"),
    ("rallpack3", "default"),
]

_DESCRIBED: Plain = {
    "name": "all",
    "duration": "1 ms",
    "dt": "0.01 ms",
    "populations": [
        {
            "name": "cells", "kind": "neurons", "size": 2,
            "model": {
                "kind": "cable", "name": "pc", "celsius": 22.0, "spike_at": "soma(0.5)",
                "morphology": {"sections": [
                    {"name": "soma", "length": "20 um", "diameter": "20 um", "label": "soma"},
                    {"name": "trunk", "parent": "soma", "length": "100 um", "diameter": "2 um", "label": "dend"},
                    {"name": "tuft", "parent": "trunk", "parent_x": 0.5, "label": "dend",
                     "points": [[0, 0, 0, 2], [0, 50, 0, 1], [10, 90, 0, 1]]},
                ]},
                "discretisation": {"kind": "length_constant", "fraction": 0.2, "frequency": "100 Hz"},
                "channels": [
                    {"name": "leak", "conductance": "5e-5 S/cm**2", "reversal": "-65 mV"},
                    {"name": "nav", "ion": "na", "conductance": "0.1 S/cm**2", "region": "soma",
                     "elsewhere": {"dend": "0.01 S/cm**2"}, "q10": 3.0, "q10_celsius": 6.3,
                     "gates": [
                         {"name": "m", "power": 3, "alpha": "1/exprel(-(v + 40*mV)/(10*mV))/ms", "beta": "4*exp(-(v + 65*mV)/(18*mV))/ms"},
                         {"name": "h", "inf": "1/(1 + exp((v + 60*mV)/(7*mV)))", "tau": "tau_0"}],
                     "equations": "tau_0 : ms", "parameters": {"tau_0": "2 ms"}},
                    {"name": "kv", "ion": "k", "conductance": {"values": [1e-3, 2e-3], "unit": "S/cm**2"}, "open": "O",
                     "scheme": {"transitions": ["C1 <-> C2 (2*a, b)", "C2 <-> O (a, 2*b)"], "remainder": "C1"},
                     "equations": "a = 0.1/ms*exp(v/(20*mV)) : 1/ms\nb = 0.2/ms : 1/ms"},
                    {"name": "cap", "ion": "ca", "permeability": "5e-5 cm/s", "region": "trunk, tuft",
                     "gates": [{"name": "m", "inf": "1/(1 + exp(-(v + 19*mV)/(5.5*mV)))", "tau": "1*ms"}]},
                    {"name": "syn", "conductance": "1 nS", "reversal": "0 mV", "region": "tuft(0.9)"},
                ],
                "ions": [
                    {"name": "na", "reversal": "50 mV"},
                    {"name": "k", "inside": "140 mM", "outside": "3 mM"},
                    {"name": "ca", "valence": 2, "outside": "2 mM", "pool": {"depth": "0.1 um", "tau": "1 ms", "floor": "1e-4 mM"}},
                ],
                "stand_ins": [{"simulator": "neuron", "mechanism": "pas", "channels": ["leak"]}],
            },
            "receptors": {"ampa": {"kind": "exponential_conductance", "tau": "5 ms", "reversal": "0 mV", "port": "trunk(0.2)"}},
        },
    ],
    "inputs": [{"name": "i", "kind": "constant", "population": "cells", "amplitude": "1 pA", "port": "soma(0.5)"}],
    "records": [{"population": "cells", "variables": ["v", "cai"], "at": "tuft(0.3)"}],
}  # fmt: skip


@pytest.fixture
def described() -> Plain:
    return copy.deepcopy(_DESCRIBED)


class TestJson:
    @pytest.mark.parametrize(("name", "variant"), CABLES)
    def test_library_models_come_back_as_they_were(self, name: str, variant: str) -> None:
        one = load_model(name, variant)
        two = Experiment.from_json(one.to_json())
        assert two == one
        assert two.hash == one.hash
        assert two.to_json() == one.to_json()

    def test_every_kind_of_part(self, described: Plain) -> None:
        one = Experiment.from_dict(described)
        two = Experiment.from_json(one.to_json())
        assert two == one
        assert two.hash == one.hash
        model = two.neurons("cells").model
        assert isinstance(model, CableCell)
        assert model.lowered.equations == one.neurons("cells").model.lowered.equations  # type: ignore[union-attr]
        realize(one)

    def test_a_change_anywhere_changes_the_hash(self, described: Plain) -> None:
        hashes = {Experiment.from_dict(described).hash}
        for change in (
            lambda m: m.update(celsius=23.0),
            lambda m: m["channels"][1].update(q10=2.0),
            lambda m: m["channels"][1]["elsewhere"].update(dend="0.02 S/cm**2"),
            lambda m: m["channels"][2]["scheme"].update(remainder="O"),
            lambda m: m["channels"][1]["gates"][0].update(power=4),
            lambda m: m["ions"][2]["pool"].update(depth="0.2 um"),
            lambda m: m["morphology"]["sections"][2].update(parent_x=0.25),
            lambda m: m["discretisation"].update(fraction=0.1),
            lambda m: m.update(spike_at="trunk(0.5)"),
        ):
            data = copy.deepcopy(described)
            change(data["populations"][0]["model"])  # type: ignore[no-untyped-call]
            hashes.add(Experiment.from_dict(data).hash)
        assert len(hashes) == 10

    def test_the_schema_describes_it(self, described: Plain) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        schema = json_schema()
        for data in (
            described,
            Experiment.from_dict(described).to_dict(),
            *(load_model(n, v).to_dict() for n, v in CABLES),
        ):
            jsonschema.validate(json.loads(json.dumps(data)), schema)
        described["populations"][0]["model"]["channels"][0]["conductanse"] = "1 S/cm**2"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(described, schema)

    def test_a_morphology_tells_which_kind_of_model_it_is(self, described: Plain) -> None:
        one = Experiment.from_dict(described)
        del described["populations"][0]["model"]["kind"]
        assert Experiment.from_dict(described) == one


def model(data: Plain) -> Any:
    return data["populations"][0]["model"]


def channel(data: Plain, name: str) -> Any:
    return next(c for c in model(data)["channels"] if c["name"] == name)


def section(data: Plain, name: str) -> Any:
    return next(s for s in model(data)["morphology"]["sections"] if s["name"] == name)


def ion(data: Plain, name: str) -> Any:
    return next(i for i in model(data)["ions"] if i["name"] == name)


def gate(data: Plain, which: str = "m", /, **change: Any) -> Any:
    found = next(g for g in channel(data, "nav")["gates"] if g["name"] == which)
    found.update(change)
    return found


def population(data: Plain) -> Any:
    return data["populations"][0]


Change = Callable[[Plain], Any]
TABLE: dict[str, tuple[Change, str, str]] = {
    # --- ions
    "no ions": (lambda d: model(d).pop("ions"), "pc.nav.ion", "carried by 'na', which nobody balances: the cell has no ions; add Ion(name='na', …)"),
    "another ion": (lambda d: channel(d, "nav").update(ion="sodium"), "pc.nav.ion", "nobody balances: the cell has the ions na, k, ca"),
    "ion without a value": (lambda d: ion(d, "na").pop("reversal"), "pc.na", "nav needs a reversal potential: give reversal, or outside and inside or a pool"),
    "ion with one side": (lambda d: ion(d, "k").pop("inside"), "pc.k", "kv needs a reversal potential"),
    "ion without a pool": (lambda d: ion(d, "ca").pop("pool"), "pc.ca", "cap needs its concentrations: give outside, and inside or a pool"),
    "ion without an outside": (lambda d: ion(d, "ca").pop("outside"), "pc.ca", "cap needs its concentrations"),
    "pool that starts empty": (
        lambda d: (ion(d, "ca")["pool"].pop("floor"), channel(d, "nav").update(ion="ca")), "pc.ca", "above 0 for Nernst's equation"),
    "concentration that is not there": (lambda d: gate(d, "h", inf="nai/mM"), "pc.nav.h.inf", "needs nai: give the ion na inside or a pool"),
    "outside that is not there": (lambda d: gate(d, "h", inf="nao/mM"), "pc.nav.h.inf", "needs nao: give the ion na outside"),
    "ion named as a function": (
        lambda d: (ion(d, "na").update(name="xp"), channel(d, "nav").update(ion="xp")), "pc.exp", "'exp' is the name of a function"),
    "two ions": (lambda d: model(d)["ions"].append(ion(d, "na")), "pc.na", "is the name of two channels or ions"),
    # --- names
    "two channels": (lambda d: model(d)["channels"].append(channel(d, "leak")), "pc.leak", "is the name of two channels or ions"),
    "channel named as an ion": (lambda d: channel(d, "nav").update(name="na"), "pc.na", "call a channel 'sodium' and its ion 'na'"),
    "cell name": (lambda d: model(d).update(name="a b"), "cell", "'a b' is not a name"),
    "gate named v": (lambda d: gate(d, "h", name="v"), "pc.nav.v", "v is what the cell calls its own"),
    "gate named as an ion's": (lambda d: gate(d, "h", name="cai"), "pc.nav.cai", "cai is what the cell calls its own"),
    "parameter ena": (
        lambda d: channel(d, "nav").update(equations="tau_0 : ms\nena : mV", parameters={"tau_0": "2 ms", "ena": "1 mV"}),
        "pc.nav.ena", "ena is what the cell calls its own"),
    "reserved gate": (lambda d: gate(d, "h", name="double"), "nav.gates.1.double", "'double' is a reserved word of C++"),
    "reserved state": (
        lambda d: channel(d, "kv")["scheme"].update(transitions=["C1 <-> int (a, b)"]), "kv.scheme.int", "'int' is the name of a function"),
    # --- expressions
    "capital V": (lambda d: gate(d, "h", inf="1/(1 + exp(V/(7*mV)))"), "pc.nav.h.inf", "V is the unit volt; the membrane potential is v"),
    "unknown name": (lambda d: gate(d, "h", tau="tau_1"), "pc.nav.h.tau", "there is no variable 'tau_1'; did you mean 'tau_0'?"),
    "unknown in a transition": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].__setitem__(0, "C1 <-> C2 (2*aa, b)"), "pc.kv.C1->C2", "did you mean 'a'?"),
    "unknown in open": (lambda d: channel(d, "kv").update(open="o"), "pc.kv.open", "there is no variable 'o'"),
    "unknown in equations": (lambda d: channel(d, "kv").update(equations="a = c : 1/ms\nb = 1/ms : 1/ms"), "pc.kv.a", "there is no variable 'c'"),
    "other channel's gate": (lambda d: gate(d, "h", inf="O"), "pc.nav.h.inf", "there is no variable 'O'"),
    "rate in mV": (lambda d: gate(d, alpha="v"), "pc.nav.m.alpha", "a voltage [mV], but a rate [1/ms] is needed"),
    "rate without a unit": (lambda d: gate(d, beta="4"), "pc.nav.m.beta", "a pure number, but a rate [1/ms] is needed"),
    "limit in mV": (lambda d: gate(d, "h", inf="v"), "pc.nav.h.inf", "but a pure number is needed"),
    "time constant without a unit": (lambda d: gate(d, "h", tau="2"), "pc.nav.h.tau", "but a time [ms] is needed"),
    "transition in ms": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].__setitem__(1, "C2 <-> O (a, 2*ms)"), "pc.kv.O->C2", "a time [ms], but a rate"),
    "open in mV": (lambda d: channel(d, "kv").update(open="O*mV"), "pc.kv.open", "is needed"),
    "syntax": (lambda d: gate(d, "h", inf="0.5 +"), "pc.nav.h.inf", "is not an expression"),
    "empty": (lambda d: gate(d, "h", inf=""), "pc.nav.h.inf", "is not an expression"),
    "attribute": (lambda d: gate(d, "h", inf="v.real"), "pc.nav.h.inf", "attribute access is not allowed"),
    "three of four": (lambda d: gate(d, inf="1"), "nav.gates.0.m", "is given by alpha, beta, inf; a gate needs alpha and beta, or inf and tau"),
    "gate field": (lambda d: gate(d, taw="1*ms"), "nav.gates.0", "there is no field 'taw'; did you mean 'tau'?"),
    "parameter of a wrong dimension": (lambda d: channel(d, "nav")["parameters"].update(tau_0="1 mV"), "pc.nav.tau_0", "a voltage [mV], but a time"),
    "cycle": (
        lambda d: channel(d, "kv").update(equations="a = b : 1/ms\nb = a : 1/ms"), "pc", "need each other; break the cycle"),
    # --- schemes
    "no conservation": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].append("O -> (a)"), "kv.scheme.transitions", "it does not conserve its channels"),
    "two at once": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].append("2 C1 -> O (a)"), "kv.scheme.transitions", "does not conserve"),
    "transition twice": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].append("C2 -> O (a)"), "kv.scheme.transitions", "C2 -> O is given twice"),
    "a part apart": (
        lambda d: channel(d, "kv")["scheme"]["transitions"].append("I1 <-> I2 (a, b)"), "kv.scheme.transitions", "I1, I2 cannot be reached from C1"),
    "remainder": (lambda d: channel(d, "kv")["scheme"].update(remainder="C3"), "kv.scheme.remainder", "there is no state 'C3'; did you mean"),
    "occupancies": (lambda d: channel(d, "kv")["scheme"].update(initial={"O": 0.5}), "kv.scheme.initial", "adds to 0.5, not to 1"),
    # --- amounts
    "conductance": (lambda d: channel(d, "leak").update(conductance="-1 S/cm**2"), "leak.conductance", "is negative"),
    "conductances": (lambda d: channel(d, "kv")["conductance"].update(values=[1, -1]), "kv.conductance", "-1 S/cm**2 is negative"),
    "conductance in a region": (lambda d: channel(d, "nav")["elsewhere"].update(dend="-1 S/cm**2"), "nav.conductance in dend", "is negative"),
    "permeability": (lambda d: channel(d, "cap").update(permeability="-1 cm/s"), "cap.permeability", "is negative"),
    "conductance of a population": (
        lambda d: population(d).update(parameters={"conductance_leak": "-1 S/cm**2"}), "cells.conductance_leak", "it has to be >= 0"),
    "conductances of a population": (
        lambda d: population(d).update(parameters={"conductance_leak": {"values": [1, -1], "unit": "S/cm**2"}}), "cells.conductance_leak", "-1 S/cm**2"),
    "conductance drawn": (
        lambda d: (population(d).update(size=60, parameters={"conductance_leak": {"distribution": "normal", "mean": "1 S/cm**2", "std": "9 S/cm**2"}}),
                   channel(d, "kv").update(conductance="1e-3 S/cm**2")), "cells.conductance_leak", "it has to be >= 0"),
    "capacitance": (lambda d: model(d).update(capacitance="0 uF/cm**2"), "pc.capacitance", "has to be > 0"),
    "capacitances": (lambda d: model(d).update(capacitance={"values": [1, 0], "unit": "uF/cm**2"}), "pc.capacitance", "0 uF/cm**2 has to be > 0"),
    "capacitance of a population": (lambda d: population(d).update(parameters={"capacitance": "0 uF/cm**2"}), "cells.capacitance", "it has to be > 0"),
    "capacitance in pF": (lambda d: model(d).update(capacitance="100 pF"), "pc.capacitance", "a capacitance [pF], but a quantity [pF/um**2]"),
    "resistivity": (lambda d: model(d).update(axial_resistivity="-1 ohm*cm"), "pc.axial_resistivity", "has to be > 0"),
    "area": (lambda d: population(d).update(parameters={"membrane_area_soma": "0 um**2"}), "cells.membrane_area_soma", "it has to be > 0"),
    "celsius": (lambda d: model(d).update(celsius=-300), "pc.celsius", "-300: it has to be > -273.15"),
    "celsius of a population": (lambda d: population(d).update(parameters={"temperature": "-273.15"}), "cells.temperature", "> -273.15"),
    "celsius in words": (lambda d: model(d).update(celsius="warm"), "pc.celsius", "'warm'"),
    "v_initial": (lambda d: model(d).update(v_initial="1 pA"), "pc.v_initial", "a voltage [mV] is needed"),
    "spike_threshold": (lambda d: model(d).update(spike_threshold="1 pA"), "pc.spike_threshold", "a voltage [mV] is needed"),
    # --- regions and places
    "region": (lambda d: channel(d, "cap").update(region="dendrite"), "pc.cap.region", "there is no region 'dendrite'; did you mean 'dend'?"),
    "region elsewhere": (lambda d: channel(d, "nav")["elsewhere"].update(axon="1 S/cm**2"), "pc.nav.region", "there is no region 'axon'"),
    "region twice": (lambda d: channel(d, "nav")["elsewhere"].update(tuft="1 S/cm**2"), "pc.nav", "is given in tuft by 'dend' and 'tuft'"),
    "density at a place": (lambda d: channel(d, "leak").update(region="soma(0.5)"), "pc.leak.region", "there is no region 'soma(0.5)'"),
    "point off the tree": (lambda d: channel(d, "syn").update(region="tuft(1.5)"), "pc.syn.region", "'tuft(1.5)' is off the tree; the fraction is from 0 to 1"),
    "point in a region": (lambda d: channel(d, "syn").update(region="tuft"), "syn.region", "'tuft' is no place"),
    "spike_at": (lambda d: model(d).update(spike_at="axon(0.5)"), "pc.spike_at", "there is no section 'axon'; known: soma, trunk, tuft"),
    "spike_at without a number": (lambda d: model(d).update(spike_at="soma(x)"), "pc.spike_at", "'x' in 'soma(x)' is no number"),
    "spike_at a section": (lambda d: model(d).update(spike_at="soma"), "pc.spike_at", "'soma' is no place; write a section and a fraction"),
    "input without a place": (lambda d: d["inputs"][0].pop("port"), "i", "pc has a tree; say where: port='soma(0.5)'"),
    "input off the tree": (lambda d: d["inputs"][0].update(port="soma(-1)"), "i", "'soma(-1)' is off the tree"),
    "input at nothing": (lambda d: d["inputs"][0].update(port="J"), "i", "there is no (input) of pc 'J'"),
    "receptor without a place": (lambda d: population(d)["receptors"]["ampa"].pop("port"), "cells.ampa", "pc has a tree; say where"),
    "receptor off the tree": (lambda d: population(d)["receptors"]["ampa"].update(port="trunk(2)"), "cells.ampa", "'trunk(2)' is off the tree"),
    "kick off the tree": (
        lambda d: population(d)["receptors"].update(kick={"kind": "delta", "port": "trunk(2)"}), "cells.kick", "'trunk(2)' is off the tree"),
    "kick at nothing": (lambda d: population(d)["receptors"].update(kick={"kind": "delta", "port": "J"}), "cells.kick", "there is no (input) of pc 'J'"),
    "record off the tree": (lambda d: d["records"][0].update(at="tuft(1.1)"), "records.cells.at", "is off the tree"),
    "record without a place": (lambda d: d["records"][0].pop("at"), "records.cells", "pc has a tree; say where 'v' is: at='"),
    "record where the channel is not": (
        lambda d: d["records"][0].update(variables=["m_cap"], at="soma(0.5)"), "records.cells.at soma(0.5)",
        "there is no state variable 'm_cap'; did you mean 'm_nav'? known: C2_kv, O_kv, cai, h_nav, m_nav, v"),
    "record of a typo": (lambda d: d["records"][0].update(variables=["m_navv"]), "records.cells.at tuft(0.3)", "did you mean 'm_nav'?"),
    "stand-in": (lambda d: model(d)["stand_ins"][0].update(channels=["ca"]), "pc.stand_ins", "there is no channel 'ca'"),
    # --- morphology
    "missing parent": (lambda d: section(d, "trunk").update(parent="axon"), "trunk.parent", "there is no section 'axon'"),
    "cycle of sections": (lambda d: section(d, "trunk").update(parent="tuft"), "trunk", "is its own ancestor: trunk → tuft → trunk"),
    "two roots": (lambda d: section(d, "trunk").pop("parent"), "trunk", "has no parent, nor has soma"),
    "section twice": (lambda d: section(d, "tuft").update(name="trunk"), "trunk", "is the name of two sections"),
    "no sections": (lambda d: model(d)["morphology"].update(sections=[]), "pc.morphology.sections", "is empty"),
    "length": (lambda d: section(d, "soma").update(length="-1 um"), "soma.length", "has to be > 0"),
    "point": (lambda d: section(d, "tuft")["points"].__setitem__(1, [0, 0, 0]), "tuft.points.1", "is missing"),
    "parent_x": (lambda d: section(d, "tuft").update(parent_x=1.5), "tuft.parent_x", "it has to be <= 1"),
    "discretisation": (lambda d: model(d).update(discretisation={"kind": "d_lambda"}), "pc.discretisation", "there is no kind 'd_lambda'; known: fixed, length_constant"),
    "fraction": (lambda d: model(d)["discretisation"].update(fraction=1e-320), "soma", "at most 100,000"),
    "frequency": (lambda d: model(d)["discretisation"].update(frequency="1 ms"), "pc.discretisation.frequency", "a rate [1/ms] is needed"),
    # --- kinds
    "no morphology": (lambda d: model(d).pop("morphology"), "pc", "the field 'morphology' is missing"),
    "kind": (lambda d: model(d).update(kind="cabel"), "pc.kind", "there is no kind 'cabel'; a cell with a membrane is of the kind 'cable'"),
    "channels": (lambda d: model(d).update(channels="leak"), "pc.channels", "a list is needed"),
    "field": (lambda d: model(d).update(temperature=22), "pc", "there is no field 'temperature'"),
    # --- at the start
    "negative rate": (lambda d: gate(d, alpha="v/mV/ms"), "cells.nav.m.alpha", "comes to -65/ms at t = 0; a rate has to be >= 0"),
    "rate that is none": (lambda d: gate(d, "h", inf="sqrt(v/mV)"), "cells.initial.h_nav_soma", "comes to nan at t = 0"),
    "time constant of zero": (lambda d: gate(d, "h", tau="0*ms"), "pc.nav.h.tau", "division by zero"),
    "negative transition": (
        lambda d: channel(d, "kv").update(equations="a = v/mV/ms : 1/ms\nb = 1/ms : 1/ms"), "cells.kv.C1->C2", "comes to -130/ms at t = 0"),
    "occupancy": (lambda d: population(d).update(initial={"O_kv_soma": "1.5"}), "cells.initial.O_kv_soma", "1.5 is no occupancy"),
    "initial of a typo": (lambda d: population(d).update(initial={"O_kv_som": "0.5"}, receptors={}), "cells.initial", "did you mean 'O_kv_soma'?"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_one_message_names_the_place(name: str, described: Plain) -> None:
    change, where, words = TABLE[name]
    change(described)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError) as caught:
            realize(Experiment.from_dict(described))
    message = str(caught.value)
    assert message.startswith(f"{where}: "), message
    assert words in message, message
    assert "\n" not in message
    assert len(message) < 400
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", ["no ions", "negative rate", "a part apart", "kind"])
def test_the_command_line_says_the_same(name: str, described: Plain, tmp_path: Path) -> None:
    change, where, words = TABLE[name]
    change(described)
    file = tmp_path / "model.json"
    file.write_text(json.dumps(described))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "coincide",
            "run",
            str(file),
            "-b",
            "reference",
            "--out",
            str(tmp_path / "out"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert where in said
    assert words.split(";")[0] in said


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400), st.floats(), st.text(max_size=6),
    st.sampled_from(["1 ms", "1 mV", "v", "-1 nS", "9**9**9", "soma(0.5)", "v.x", "1e400 ms", "C <-> O (1, 1)", "1/0", "V"]),
    st.just([]), st.just({}), st.just([None]), st.just([[]]), st.just({"a": 1}), st.just({"kind": "cable"}),
    st.just({"distribution": "normal"}), st.just({"values": [1, 2], "unit": "ms"}), st.just([1.0, "x"]),
).map(copy.deepcopy)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        found += places(value, (*path, key))
    return found


@given(st.data())
@settings(max_examples=150)
def test_any_change_is_an_experiment_or_an_input_error(
    described: Plain, data: st.DataObject
) -> None:
    described = copy.deepcopy(described)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(described)))
        part: Any = described
        for key in path:
            part = part[key]
        if data.draw(st.booleans()):
            part[last] = data.draw(JUNK)
        elif isinstance(part, list):
            part.append(data.draw(JUNK))
        else:
            part[data.draw(st.text(max_size=5))] = data.draw(JUNK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            realize(Experiment.from_dict(described))
        except InputError as error:
            assert error.where
            assert "\n" not in error.where
