"""Whatever is wrong with a description: one InputError that names the place, never another exception."""

# A table reads better in long lines; look-alike letters are among what is tested.
# ruff: noqa: E501, RUF001, PT017

import copy
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.realize import realize

Plain = dict[str, Any]
NAN, INFINITE = float("nan"), float("inf")


def exc(data: Plain) -> Any:
    return data["populations"][0]


def model(data: Plain) -> Any:
    return data["populations"][1]["model"]


def equations(data: Plain, old: str, new: str) -> None:
    assert old in model(data)["equations"]
    model(data)["equations"] = model(data)["equations"].replace(old, new)


def receptor(data: Plain, name: str = "ampa") -> Any:
    return exc(data)["receptors"][name]


def source(data: Plain, name: str = "drive") -> Any:
    return next(p for p in data["populations"] if p["name"] == name)


def projection(data: Plain, k: int = 0) -> Any:
    return data["projections"][k]


def given_input(data: Plain, name: str) -> Any:
    return next(i for i in data["inputs"] if i["name"] == name)


Change = Callable[[Plain], Any]
# What is done to the description, the place that the message has to begin with, what it has to say.
TABLE: dict[str, tuple[Change, str, str]] = {
    # --- unknown names, with the nearest valid one
    "field": (lambda d: d.update(durration="5 ms"), "all", "no field 'durration'; did you mean 'duration'"),
    "population field": (lambda d: exc(d).update(sise=3), "exc", "no field 'sise'; did you mean 'size'"),
    "population kind": (lambda d: exc(d).update(kind="neuron"), "all.populations.0", "did you mean 'neurons'"),
    "no population kind": (lambda d: [exc(d).pop(k) for k in ("kind", "model")], "all.populations.0", "the field 'kind' is missing"),
    "projection source": (
        lambda d: projection(d).update(source="drve", name="p"), "p.source", "did you mean 'drive'"),
    "projection target": (
        lambda d: projection(d).update(target="exd", name="p"), "p.target", "did you mean 'exc'"),
    "projection to a source": (
        lambda d: projection(d).update(target="drive", name="p"), "p.target", "is a source of spikes"),
    "projection receptor": (
        lambda d: projection(d).update(receptor="amp", name="p"), "p", "no receptor of exc 'amp'; did you mean 'ampa'"),
    "projection receptor of nothing": (
        lambda d: (projection(d, 5).update(name="p"), d["populations"][1].update(receptors={})),
        "exc_to_inh_kick", "there is none"),
    "rule": (
        lambda d: projection(d).update(rule={"rule": "fixed_probabilty", "p": 0.1}), "drive_to_exc_ampa.rule",
        "no rule 'fixed_probabilty'; did you mean 'fixed_probability'"),
    "rule field": (
        lambda d: projection(d)["rule"].update(q=1), "drive_to_exc_ampa.rule", "there is no field 'q'"),
    "weight scale": (
        lambda d: projection(d).update(weight_scale="1/M"), "drive_to_exc_ampa.weight_scale", "'1/(pN)'"),
    "receptor kind": (
        lambda d: receptor(d).update(kind="exponential_conductanse"), "exc.receptors.ampa",
        "did you mean 'exponential_conductance'"),
    "receptor field": (lambda d: receptor(d).update(taw="1 ms"), "exc.receptors.ampa", "did you mean 'tau'"),
    "parameter": (lambda d: exc(d)["parameters"].update(tao="5 ms"), "exc", "did you mean 'tau'"),
    "model parameter": (lambda d: model(d)["parameters"].update(tao="5 ms"), "LIF", "did you mean 'tau'"),
    "initial": (lambda d: exc(d)["initial"].update(u="5 mV"), "exc.initial", "no state variable 'u'"),
    "input population": (
        lambda d: given_input(d, "step").update(population="ex"), "step.population", "did you mean 'exc'"),
    "input into a source": (
        lambda d: given_input(d, "step").update(population="drive"), "step.population", "source of spikes"),
    "input port": (lambda d: given_input(d, "step").update(port="J"), "step", "no (input) of LIF 'J'"),
    "input kind": (
        lambda d: given_input(d, "step").update(kind="steps"), "all.inputs.1", "did you mean 'step'"),
    "input field": (lambda d: given_input(d, "step").update(begin="1 ms"), "step", "no field 'begin'"),
    "record population": (lambda d: d["records"][0].update(population="exh"), "records.exh", "did you mean 'exc'"),
    "record of a source": (lambda d: d["records"][0].update(population="drive"), "records.drive", "source of spikes"),
    "record variable": (
        lambda d: d["records"][0].update(variables=["g_amp"]), "records.exc", "did you mean 'g_ampa'"),
    "record of a parameter": (lambda d: d["records"][0].update(variables=["tau"]), "records.exc", "no state variable"),
    "distribution": (
        lambda d: exc(d)["parameters"].update(tau={"distribution": "unifrom", "low": "1 ms", "high": "2 ms"}),
        "exc.parameters.tau", "did you mean 'uniform'"),
    # --- equations
    "unknown variable": (lambda d: equations(d, "E_L - v", "E_l - v"), "LIF.dv/dt", "did you mean 'E_L'"),
    "wrong dimension": (
        lambda d: equations(d, "R*I", "I"), "LIF.dv/dt", "cannot add 'E_L - v', a voltage [mV], and 'I', a current [pA]"),
    "wrong rate": (lambda d: equations(d, ")/tau :", ") :"), "LIF.dv/dt", "a voltage [mV], but a quantity [mV/ms]"),
    "cycle": (
        lambda d: model(d).update(equations=model(d)["equations"] + "\na = b : 1\nb = c : 1\nc = a : 1"),
        "LIF", "a → b → c → a"),
    "attribute": (lambda d: equations(d, "R*I", "R.real*I"), "LIF.v", "attribute access is not allowed"),
    "call": (lambda d: equations(d, "R*I", "eval('R')*I"), "LIF.v", "there is no function 'eval'"),
    "lambda": (lambda d: equations(d, "R*I", "(lambda: R)()*I"), "LIF.v", "only the functions"),
    "endless power": (lambda d: equations(d, "R*I", "9**9**9**9*R*I"), "LIF.v", "too large a number"),
    "look-alike": (lambda d: equations(d, "- v", "- ѵ"), "LIF.v", "only plain letters"),
    "no unit": (lambda d: equations(d, "tau : ms", "tau :"), "LIF.tau", "has no unit"),
    "wrong unit": (lambda d: equations(d, "tau : ms", "tau : mss"), "LIF.tau", "'mss' is not a unit"),
    "keyword of NMODL": (lambda d: equations(d, "tau : ms", "tau : ms\nSTATE : 1"), "LIF.STATE", "of NMODL"),
    "keyword of C++": (lambda d: equations(d, "tau : ms", "tau : ms\ndouble : 1"), "LIF.double", "of C++"),
    "keyword of Brian2": (lambda d: equations(d, "tau : ms", "tau : ms\nxi : 1"), "LIF.xi", "of Brian2"),
    "keyword of Python": (lambda d: equations(d, "tau : ms", "tau : ms\nlambda : 1"), "LIF.lambda", "of Python"),
    "no identifier": (lambda d: equations(d, "tau : ms", "tau : ms\n2b : 1"), "LIF.2b", "is not a name"),
    "threshold variable": (lambda d: model(d).update(threshold="u > -50*mV"), "LIF.threshold", "unknown variable 'u'"),
    "threshold number": (lambda d: model(d).update(threshold="v > -50"), "LIF.threshold", "cannot compare"),
    "reset variable": (lambda d: model(d).update(reset="u = E_L"), "LIF.reset", "no state variable 'u'"),
    "refractory": (lambda d: model(d).update(refractory="t_ref"), "LIF.refractory", "no parameter 't_ref'"),
    "no equations": (lambda d: model(d).update(equations="  "), "LIF", "has no differential equation"),
    # --- names
    "population name": (lambda d: d["populations"][1].update(name="in h"), "population", "'in h' is not a name"),
    "population keyword": (lambda d: d["populations"][1].update(name="class"), "population", "reserved word"),
    "receptor name": (
        lambda d: exc(d)["receptors"].update({"a-b": {"kind": "delta"}}), "exc.receptors", "'a-b' is not a name"),
    "input name": (lambda d: given_input(d, "step").update(name="2nd"), "input", "'2nd' is not a name"),
    "projection name": (lambda d: projection(d).update(name="a/b"), "projection", "'a/b' is not a name"),
    "path as a name": (lambda d: d["populations"][1].update(name="../x"), "population", "is not a name"),
    "duplicate population": (lambda d: d["populations"].append(exc(d)), "population exc", "given twice"),
    "duplicate projection": (
        lambda d: d["projections"].append(projection(d)), "projection drive_to_exc_ampa", "given twice"),
    "duplicate input": (lambda d: d["inputs"].append(given_input(d, "step")), "input step", "given twice"),
    # --- missing
    "no name": (lambda d: d.pop("name"), "Experiment", "the field 'name' is missing"),
    "no duration": (lambda d: d.pop("duration"), "all", "the field 'duration' is missing"),
    "no population name": (lambda d: exc(d).pop("name"), "all.populations.0", "the field 'name' is missing"),
    "no model": (lambda d: exc(d).pop("model"), "exc", "the field 'model' is missing"),
    "no size": (lambda d: exc(d).pop("size"), "exc", "the field 'size' is missing"),
    "no weight": (lambda d: projection(d).pop("weight"), "drive_to_exc_ampa", "the field 'weight' is missing"),
    "no p": (lambda d: projection(d)["rule"].pop("p"), "drive_to_exc_ampa.rule", "the field 'p' is missing"),
    "no tau": (lambda d: receptor(d).pop("tau"), "exc.receptors.ampa", "the field 'tau' is missing"),
    "no high": (lambda d: exc(d)["initial"]["v"].pop("high"), "exc.initial.v", "the field 'high' is missing"),
    "no parameter": (lambda d: model(d)["parameters"].pop("tau"), "inh.tau", "the parameter of LIF has no value"),
    "no receptor parameter": (
        lambda d: receptor(d, "own").update(parameters={}), "exc.own.tau_x", "the parameter has no value"),
    "no populations": (lambda d: d.update(populations=[]), "all", "no population of neurons"),
    "sources alone": (
        lambda d: d.update(populations=[source(d)], projections=[], inputs=[], records=[]),
        "all", "no population of neurons"),
    "no trains": (lambda d: source(d, "given").update(times=[]), "given.times", "has no trains"),
    "no samples": (lambda d: given_input(d, "series").update(values=[]), "series.values", "is empty"),
    "no variables": (lambda d: d["records"][0].update(variables=[]), "records.exc", "names no variable"),
    "no cells": (lambda d: d["records"][0].update(cells=[]), "records.exc", "one or more cells"),
    "profile without interval": (lambda d: source(d, "wave").pop("interval"), "wave", "given together"),
    "empty profile": (lambda d: source(d, "wave").update(profile=[]), "wave.profile", "one or more numbers"),
    # --- dimensions
    "weight in mV": (
        lambda d: projection(d).update(weight="1 mV"), "drive_to_exc_ampa.weight",
        "1 mV has the dimension of a voltage [mV], but a conductance [nS] is needed"),
    "weight without unit": (lambda d: projection(d).update(weight=1), "drive_to_exc_ampa.weight", "a pure number"),
    "array of weights": (
        lambda d: projection(d, 6)["weight"].update(unit="nS"), "given_to_exc_alpha.weight", "but a current [pA]"),
    "spread of weights": (
        lambda d: projection(d, 1)["weight"].update(std="1 pA"), "exc_to_exc_gaba.weight.std", "but a conductance"),
    "delay in mV": (lambda d: projection(d).update(delay="1 mV"), "drive_to_exc_ampa.delay", "but a time [ms]"),
    "rate in ms": (lambda d: source(d).update(rate="1 ms"), "drive.rate", "but a rate [1/ms]"),
    "start in mV": (lambda d: source(d).update(start="1 mV"), "drive.start", "but a time [ms]"),
    "times in mV": (lambda d: source(d, "given").update(unit="mV"), "given.unit", "but a time [ms]"),
    "amplitude in mV": (lambda d: given_input(d, "bias").update(amplitude="1 mV"), "bias.amplitude", "a current [pA]"),
    "series in mV": (lambda d: given_input(d, "series").update(unit="mV"), "series.unit", "a current [pA]"),
    "frequency in ms": (lambda d: given_input(d, "sine").update(frequency="1 ms"), "sine.frequency", "a rate [1/ms]"),
    "low in mV": (lambda d: given_input(d, "uniform").update(low="1 mV"), "uniform.low", "a current [pA]"),
    "ou tau in mV": (lambda d: given_input(d, "ou").update(tau="1 mV"), "ou.tau", "a time [ms]"),
    "duration in mV": (lambda d: d.update(duration="1 mV"), "all.duration", "a time [ms]"),
    "initial in ms": (lambda d: exc(d)["initial"].update(v="1 ms"), "exc.initial.v", "a voltage [mV]"),
    "tau in mV": (lambda d: exc(d)["parameters"].update(tau="1 mV"), "exc.tau", "a time [ms]"),
    "current of a receptor": (
        lambda d: receptor(d, "own").update(equations="dx/dt = -x/ms : 1\ncur = x*mV : mV", parameters={}),
        "exc.own", "its current is in mV, but the port 'I' in pA"),
    "on_pre not proportional": (
        lambda d: receptor(d, "own").update(on_pre="x += w**2"), "exc.own.on_pre", "is not proportional to w"),
    "on_pre assigns": (lambda d: receptor(d, "own").update(on_pre="x = w"), "exc.own.on_pre", "arrivals add"),
    # --- units and numbers
    "unit typo": (lambda d: d.update(duration="10 mss"), "all.duration", "'mss' is not a unit"),
    "unit twice": (lambda d: d.update(duration="10 ms ms"), "all.duration", "a quantity [ms**2]"),
    "unit of an array": (
        lambda d: exc(d)["parameters"]["R"].update(unit="GOhmm"), "exc.R", "'GOhmm' is not a unit"),
    "unit of a series": (lambda d: given_input(d, "series").update(unit="pAA"), "series.unit", "'pAA' is not a unit"),
    "two units": (lambda d: d.update(duration="10 ms 5 us"), "all.duration", "is not a unit"),
    "only a unit": (lambda d: d.update(duration="ms"), "all.duration", "is not a quantity"),
    "blank": (lambda d: d.update(duration="   "), "all.duration", "is not a quantity"),
    "too large": (lambda d: d.update(duration="1e400 ms"), "all.duration", "not a finite number"),
    "too large in ms": (lambda d: d.update(duration="1e308 s"), "all.duration", "too large a number"),
    "endless integer": (lambda d: d.update(duration=10**400), "all.duration", "is not a number that can be used"),
    "nan text": (lambda d: d.update(duration="nan ms"), "all.duration", "is not a quantity"),
    "nan": (lambda d: d.update(duration=NAN), "all.duration", "not a finite number"),
    "infinity": (lambda d: d.update(duration=INFINITE), "all.duration", "not a finite number"),
    "nan in an array": (
        lambda d: exc(d)["parameters"]["R"]["values"].__setitem__(3, NAN), "exc.parameters.R.values.3", "finite"),
    "null in an array": (
        lambda d: exc(d)["parameters"]["R"]["values"].__setitem__(3, None), "exc.parameters.R.values.3", "None"),
    "nan in a receptor": (
        lambda d: receptor(d).update(tau={"values": [NAN] * 12, "unit": "ms"}), "exc.receptors.ampa.tau.values.0",
        "finite"),
    "nan in weights": (
        lambda d: projection(d, 6)["weight"]["values"].__setitem__(1, NAN), "given_to_exc_alpha.weight.values.1",
        "finite"),
    "nan in a series": (lambda d: given_input(d, "series")["values"].append(NAN), "series.values.3", "finite"),
    "nan in a profile": (lambda d: source(d, "wave")["profile"].append(NAN), "wave.profile.3", "finite"),
    "nan in times": (lambda d: source(d, "given")["times"][0].append(NAN), "given.times.0.2", "finite"),
    "infinite time": (lambda d: source(d, "given")["times"][0].append(INFINITE), "given.times.0.2", "finite"),
    "nan phase": (lambda d: given_input(d, "sine").update(phase=NAN), "sine.phase", "finite"),
    "nan sigma": (lambda d: projection(d, 2)["weight"].update(sigma=NAN), "exc_to_inh_kick.weight.sigma", "finite"),
    "nan p": (lambda d: projection(d)["rule"].update(p=NAN), "drive_to_exc_ampa.rule.p", "finite"),
    # --- signs and sizes
    "size zero": (lambda d: exc(d).update(size=0), "exc.size", "it has to be > 0"),
    "size negative": (lambda d: exc(d).update(size=-3), "exc.size", "it has to be > 0"),
    "size enormous": (lambda d: exc(d).update(size=10**12), "exc.size", "it has to be <= 2147483647"),
    "size of a source": (lambda d: source(d).update(size=0), "drive.size", "it has to be > 0"),
    "size in words": (lambda d: exc(d).update(size="many"), "exc.size", "'many' is not a whole number"),
    "size as text": (lambda d: exc(d).update(size="20"), "exc.size", "'20' is not a whole number; write 20"),
    "size true": (lambda d: exc(d).update(size=True), "exc.size", "True is not a whole number"),
    "degree as text": (
        lambda d: projection(d, 1)["rule"].update(n="3"), "exc_to_exc_gaba.rule.n", "'3' is not a whole number"),
    "pairs as texts": (
        lambda d: projection(d, 6)["rule"].update(pre=["2", "0", "0"]), "given_to_exc_alpha.rule.pre",
        "'2' is not a whole number"),
    "cells by truth": (
        lambda d: d["records"][0].update(cells=[True, False]), "all.records.0.cells", "True is not a whole number"),
    "input cells as text": (
        lambda d: given_input(d, "bias").update(cells=["0"]), "bias.cells", "'0' is not a whole number"),
    "half a cell": (lambda d: exc(d).update(size=1.5), "exc.size", "a whole number is needed"),
    "tau negative": (
        lambda d: model(d)["parameters"].update(tau="-10 ms"), "LIF.tau",
        "-10 ms is negative; a time constant has to be > 0"),
    "tau zero": (lambda d: exc(d)["parameters"].update(tau="0 ms"), "exc.tau", "0 ms is zero"),
    "tau array": (
        lambda d: exc(d)["parameters"].update(tau={"values": [-1] + [1] * 11, "unit": "ms"}), "exc.tau", "-1 ms is negative"),
    "tau uniform": (
        lambda d: exc(d)["parameters"].update(tau={"distribution": "uniform", "low": "-1 ms", "high": "2 ms"}),
        "exc.tau", "-1 ms is negative"),
    "tau normal": (
        lambda d: exc(d)["parameters"].update(tau={"distribution": "normal", "mean": "1 ms", "std": "9 ms"}),
        "exc.tau", "is negative; a time constant has to be > 0"),
    "receptor tau negative": (lambda d: receptor(d).update(tau="-5 ms"), "exc.ampa.tau", "-5 ms is negative"),
    "receptor tau array": (
        lambda d: receptor(d).update(tau={"values": [1] * 11 + [-1], "unit": "ms"}), "exc.ampa.tau", "-1 ms is negative"),
    "receptor tau drawn": (
        lambda d: receptor(d).update(tau={"distribution": "normal", "mean": "1 ms", "std": "9 ms"}),
        "exc.tau_ampa", "is negative"),
    "custom tau negative": (
        lambda d: receptor(d, "own")["parameters"].update(tau_x="-1 ms"), "exc.own.tau_x", "-1 ms is negative"),
    "rise not below decay": (
        lambda d: receptor(d, "gaba").update(tau_rise="8 ms"), "exc.gaba", "tau_rise 8 ms is not below tau_decay 8 ms"),
    "rise not below decay in a cell": (
        lambda d: receptor(d, "gaba").update(tau_rise={"values": [1] * 11 + [9], "unit": "ms"}), "exc.gaba",
        "tau_rise 9 ms of cell 11 is not below its tau_decay 8 ms"),
    "decay drawn below rise": (
        lambda d: receptor(d, "gaba").update(
            tau_decay={"distribution": "uniform", "low": "0.1 ms", "high": "0.9 ms"}), "exc.gaba",
        "tau_rise 1 ms of cell 0 is not below its tau_decay"),
    "refractory negative": (lambda d: model(d).update(refractory="-1 ms"), "LIF.refractory", "-1 ms is negative"),
    "refractory endless": (lambda d: model(d).update(refractory="1e300 ms"), "exc.refractory", "more than 2147483646"),
    "rate negative": (lambda d: source(d).update(rate="-5 Hz"), "drive.rate", "-5 Hz is negative"),
    "rates negative": (
        lambda d: source(d, "wave").update(rate={"values": [1, -2, 3], "unit": "Hz"}), "wave.rate", "is negative"),
    "profile negative": (lambda d: source(d, "wave").update(profile=[1, -1]), "wave.profile", "numbers >= 0"),
    "interval zero": (lambda d: source(d, "wave").update(interval="0 ms"), "wave.interval", "shorter than a step"),
    "interval negative": (lambda d: source(d, "wave").update(interval="-1 ms"), "wave.interval", "is negative"),
    "start negative": (lambda d: source(d).update(start="-1 ms"), "drive.start", "is negative"),
    "time negative": (lambda d: source(d, "given")["times"][0].append(-1.0), "given.times[0]", "negative"),
    "noise interval zero": (lambda d: given_input(d, "white").update(interval="0 ms"), "white.interval", "has to be > 0"),
    "noise interval tiny": (
        lambda d: given_input(d, "white").update(interval="1e-12 ms"), "white.interval", "shorter than a step of 0.1 ms"),
    "ou interval below dt": (
        lambda d: given_input(d, "ou").update(interval="0.05 ms"), "ou.interval",
        "choose a smaller dt or a longer interval"),
    "series interval below dt": (
        lambda d: given_input(d, "series").update(interval="0.09 ms"), "series.interval",
        "0.09 ms is shorter than a step of 0.1 ms, so that samples would be left out"),
    "noise std": (lambda d: given_input(d, "white").update(std="-1 pA"), "white.std", "has to be >= 0"),
    "noise range": (lambda d: given_input(d, "uniform").update(low="2 pA"), "uniform", "low 2 pA is above high 1 pA"),
    "ou tau": (lambda d: given_input(d, "ou").update(tau="0 ms"), "ou.tau", "has to be > 0"),
    "step backwards": (
        lambda d: given_input(d, "step").update(stop="20 ms"), "step", "stop 20 ms is not after start 20 ms"),
    "sine backwards": (
        lambda d: given_input(d, "sine").update(start="9 ms", stop="5 ms"), "sine", "stop 5 ms is not after start 9 ms"),
    "ramp backwards": (lambda d: given_input(d, "ramp").update(start="50 ms"), "ramp", "is not after start 50 ms"),
    "input start": (lambda d: given_input(d, "step").update(start="-1 ms"), "step.start", "has to be >= 0"),
    "std negative": (
        lambda d: projection(d, 1)["weight"].update(std="-1 nS"), "exc_to_exc_gaba.weight", "std -1 nS is negative"),
    "sigma negative": (lambda d: projection(d, 2)["weight"].update(sigma=-1), "exc_to_inh_kick.weight.sigma", "has to be >= 0"),
    "duration zero": (lambda d: d.update(duration="0 ms"), "all.duration", "has to be > 0"),
    "duration negative": (lambda d: d.update(duration="-5 ms"), "all.duration", "has to be > 0"),
    "dt zero": (lambda d: d.update(dt="0 ms"), "all.dt", "has to be > 0"),
    "dt above duration": (lambda d: d.update(dt="200 ms"), "all.duration", "shorter than one step of 200 ms"),
    "dt tiny": (lambda d: d.update(dt="1e-300 ms"), "all.duration", "more than 2147483646 steps"),
    "seed negative": (lambda d: d.update(seed=-1), "all.seed", "it has to be >= 0"),
    "seed of text": (lambda d: d.update(seed="x"), "all.seed", "'x' is not a whole number"),
    "seed true": (lambda d: d.update(seed=True), "all.seed", "True is not a whole number"),
    # --- connections
    "p above one": (lambda d: projection(d)["rule"].update(p=1.5), "drive_to_exc_ampa.rule.p", "it has to be <= 1"),
    "p negative": (lambda d: projection(d)["rule"].update(p=-0.5), "drive_to_exc_ampa.rule.p", "has to be >= 0"),
    "in-degree negative": (lambda d: projection(d, 1)["rule"].update(n=-1), "exc_to_exc_gaba.rule.n", "has to be >= 0"),
    "in-degree too large": (
        lambda d: projection(d, 1)["rule"].update(n=12), "exc_to_exc_gaba: source cells", "12 asked for, but only 11"),
    "out-degree too large": (
        lambda d: projection(d, 2)["rule"].update(n=9, multapses=False), "exc_to_inh_kick: target cells", "only 8"),
    "number too large": (
        lambda d: projection(d, 3)["rule"].update(n=97, multapses=False), "inh_to_exc_slow", "only 96 distinct"),
    "number enormous": (lambda d: projection(d, 3)["rule"].update(n=10**12), "inh_to_exc_slow", "2e+09 at most"),
    "sizes differ": (
        lambda d: projection(d, 4).update(source="inh", name="p"), "p", "inh has 8 cells and exc 12"),
    "pairs differ": (lambda d: projection(d, 6)["rule"]["pre"].pop(), "given_to_exc_alpha.rule", "2 source cells, but 3 target"),
    "pre out of range": (
        lambda d: projection(d, 6)["rule"]["pre"].__setitem__(0, 3), "given_to_exc_alpha.pre",
        "cell 3 is not among the 3 cells of given"),
    "post out of range": (
        lambda d: projection(d, 6)["rule"]["post"].__setitem__(0, -1), "given_to_exc_alpha.post", "cell -1 is not among"),
    "array of weights too short": (
        lambda d: projection(d, 6)["weight"]["values"].pop(), "given_to_exc_alpha.weight", "2 values, but 3 are needed"),
    "array of a parameter too short": (
        lambda d: exc(d)["parameters"]["R"]["values"].pop(), "exc.R", "11 values, but 12 are needed"),
    "delay below a step": (
        lambda d: projection(d).update(delay="0.04 ms"), "drive_to_exc_ampa.delay", "less than one step of 0.1 ms"),
    "delay zero": (lambda d: projection(d).update(delay="0 ms"), "drive_to_exc_ampa.delay", "at least one time step"),
    "delay negative": (lambda d: projection(d).update(delay="-1 ms"), "drive_to_exc_ampa.delay", "has to be > 0"),
    "scale without p": (lambda d: projection(d, 3).update(weight_scale="1/(pN)"), "inh_to_exc_slow.weight_scale", "needs"),
    "scale with p = 0": (lambda d: projection(d)["rule"].update(p=0), "drive_to_exc_ampa.weight_scale", "needs p > 0"),
    "scale with n = 0": (lambda d: projection(d, 1)["rule"].update(n=0), "exc_to_exc_gaba.weight_scale", "needs n > 0"),
    "input to cells that are not": (lambda d: given_input(d, "bias").update(cells=[12]), "bias", "cell 12 is not among"),
    "record of cells that are not": (lambda d: d["records"][0].update(cells=[-1]), "records.exc", "cell -1 is not among"),
    "record of a cell twice": (lambda d: d["records"][0].update(cells=[1, 1]), "records.exc", "each once"),
    "record twice": (lambda d: d["records"].append(d["records"][0]), "records.exc", "'v' is recorded twice"),
    # --- types
    "null population": (lambda d: d["populations"].append(None), "all.populations.5", "None"),
    "populations by name": (lambda d: d.update(populations={"exc": exc(d)}), "all.populations", "a list is needed"),
    "populations null": (lambda d: d.update(populations=None), "all.populations", "a list is needed"),
    "name of a number": (lambda d: d.update(name=5), "Experiment.name", "5: a text is needed"),
    "model by name": (lambda d: exc(d).update(model="LIF"), "exc.model", "'LIF'"),
    "equations as a list": (lambda d: model(d).update(equations=["x"]), "LIF.equations", "a text is needed"),
    "rule by name": (lambda d: projection(d).update(rule="all_to_all"), "drive_to_exc_ampa.rule", "'all_to_all'"),
    "parameters as a list": (lambda d: exc(d).update(parameters=[1]), "exc.parameters", "names with values are needed"),
    "parameter null": (lambda d: exc(d)["parameters"].update(tau=None), "exc.parameters.tau", "None is not a quantity"),
    "parameter true": (lambda d: exc(d)["parameters"].update(tau=True), "exc.parameters.tau", "True is not a quantity"),
    "truth value in an array": (
        lambda d: exc(d)["parameters"].update(tau=[10, True]), "exc.parameters.tau", "is no array of numbers"),
    "truth value in an array with a unit": (
        lambda d: exc(d)["parameters"].update(tau={"values": [True], "unit": "ms"}), "exc.parameters.tau.values", "True is not a number"),
    "truth value as a probability": (
        lambda d: projection(d).update(rule={"rule": "fixed_probability", "p": True}), "drive_to_exc_ampa.rule.p", "True is not a number"),
    "text as lost": (lambda d: exc(d).update(lost="0.1"), "exc.lost", "'0.1' is not a number"),
    "parameter of objects": (lambda d: exc(d)["parameters"].update(tau=[{}]), "exc.parameters.tau", "no array of numbers"),
    "parameter of ragged lists": (
        lambda d: exc(d)["parameters"].update(tau=[[1], [1, 2]]), "exc.parameters.tau", "no array of numbers"),
    "distribution of a list": (
        lambda d: exc(d)["parameters"].update(tau={"distribution": [1]}), "exc.parameters.tau", "no distribution"),
    "initial null": (lambda d: exc(d)["initial"].update(v=None), "exc.initial.v", "None is not a quantity"),
    "times as a number": (lambda d: source(d, "given").update(times=5), "given.times", "a list is needed"),
    "times as texts": (lambda d: source(d, "given").update(times=[["x"]]), "given.times[0]", "is not a quantity"),
    "series as an object": (lambda d: given_input(d, "series").update(values={}), "series.values", "a list is needed"),
    "csv as a number": (
        lambda d: (given_input(d, "series").pop("values"), given_input(d, "series").update(csv=5)),
        "series.csv", "a text is needed"),
    "shared as a text": (lambda d: given_input(d, "white").update(shared="maybe"), "white.shared", "true or false is needed"),
    "version": (lambda d: d.update(schema_version=2), "schema_version", "2 is not 1, the version this program reads"),
    "version as text": (lambda d: d.update(schema_version="1"), "schema_version", "'1' is not 1"),
    "version true": (lambda d: d.update(schema_version=True), "schema_version", "True is not 1"),
    "version null": (lambda d: d.update(schema_version=None), "schema_version", "None is not 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_one_message_names_the_place(name: str, described: Plain) -> None:
    change, where, words = TABLE[name]
    change(described)
    started = time.perf_counter()
    with pytest.raises(InputError) as caught:
        realize(Experiment.from_dict(described))
    assert time.perf_counter() - started < 5
    message = str(caught.value)
    assert message.startswith(f"{where}: "), message
    assert words in message
    assert "\n" not in message
    assert len(message) < 500
    assert caught.value.exit_status == 2


# --- text and files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("{'name': 1}", "is no JSON"),
        ("nothing", "is no JSON"),
        ('{"name": "a",}', "is no JSON"),
        ("[]", "is no JSON object"),
        ("null", "is no JSON object"),
        ('"text"', "is no JSON object"),
        ("1", "is no JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"seed": ' + "1" * 5000 + "}", "is no JSON"),
        ('{"name": "a", "name": "b"}', "has the key 'name' twice"),
        ('{"name": "a", "populations": [{"size": 1, "size": 2}]}', "has the key 'size' twice"),
    ],
    ids=lambda text: text[:20],
)
def test_text_that_is_no_experiment(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Experiment.from_json(text, "model.json")
    assert str(caught.value).startswith(("model.json: ", "model.json, line 1, column "))
    assert words in str(caught.value)


def test_numbers_outside_json_are_refused(described: Plain) -> None:
    described["projections"][0]["rule"]["p"] = NAN
    text = json.dumps(described)
    assert "NaN" in text
    with pytest.raises(InputError, match=r"rule\.p: nan"):
        Experiment.from_json(text)


def test_a_file_that_cannot_be_read(tmp_path: Any) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.json", "binary.json", "."):
        with pytest.raises(InputError) as caught:
            Experiment.load(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: cannot be read")


@pytest.mark.parametrize(
    ("content", "column", "where", "words"),
    [
        (
            "t,current\n0,1\n",
            "curent",
            "series.column",
            "has no column 'curent'; did you mean 'current'",
        ),
        ("t,current\n0,1\n", None, "series.column", "which column of"),
        ("t,current\n0,1\n1,\n", "current", "series.column", "row 3 of column 'current'"),
        ("t,current\n0,1\n1,nan\n", "current", "series.column", "row 3 of column 'current'"),
        ("t,current\n0,one\n", "current", "series.column", "row 2 of column 'current'"),
        ("t,current\n0,inf\n", "current", "series.column", "row 2 of column 'current'"),
        ("t,current\n", "current", "series.values", "is empty"),
        ("", "current", "series.csv", "is no CSV file"),
        (None, "current", "series.csv", "there is no file"),
    ],
)
def test_a_csv_file_that_is_not_as_said(
    content: str | None, column: Any, where: str, words: str, described: Plain, tmp_path: Any
) -> None:
    path = tmp_path / "current.csv"
    if content is not None:
        path.write_text(content)
    given_input(described, "series").pop("values")
    given_input(described, "series").update(csv=str(path), column=column)
    with pytest.raises(InputError) as caught:
        Experiment.from_dict(described)
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)
    assert (
        column is None
        or "which" in words
        or where == "series.values"
        or str(path) in str(caught.value)
    )


# --- anything at all ---------------------------------------------------------------------------------

JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400), st.floats(), st.text(max_size=6),
    st.sampled_from(["1 ms", "1 mV", "v", "-1 nS", "9**9**9", "all_to_all", "v.x", "1e400 ms", "exc", "1/0"]),
    st.just([]), st.just({}), st.just([None]), st.just([[]]), st.just({"a": 1}), st.just({"kind": "delta"}),
    st.just({"distribution": "normal"}), st.just({"values": [1, 2], "unit": "ms"}), st.just([1.0, "x"]),
    st.just({"rule": "one_to_one"}), st.just({"kind": []}),
).map(copy.deepcopy)  # fmt: skip


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        found += _places(value, (*path, key))
    return found


@given(st.data())
@settings(max_examples=150)
def test_any_change_is_an_experiment_or_an_input_error(
    described: Plain, data: st.DataObject
) -> None:
    described = json.loads(json.dumps(described))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(_places(described)))
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
