"""A random experiment: populations, sources, projections, inputs, records, sometimes a lesion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.paths import paths
from ....core.perturbations import apply
from ....core.realize import realize
from .cables import DrawnCable, draw_cable
from .draw import Draw, Names, Plain
from .neurons import DrawnNeuron, draw_neuron
from .receptors import DrawnReceptor, draw_receptor
from .terms import VOLTS, Known

_POPULATIONS = ("exc", "inh", "E", "I", "cells", "v", "tau", "pop1", "neuron", "Source", "layer4")
_RECEPTORS = ("ampa", "gaba", "d", "e", "i_syn", "v", "g", "exc", "nmda", "w1", "syn", "in1", "m")
_INPUTS = ("drive", "stim", "noise", "i0", "I", "dc", "bias", "t0", "ampa", "current", "ou")


@dataclass
class _Group:
    """A population as drawn: plain data, size, what it receives with."""

    data: Plain
    size: int
    ports: list[tuple[str, str, float]]
    receptors: dict[str, DrawnReceptor]
    spiking: bool
    neuron: DrawnNeuron | None = None
    cable: DrawnCable | None = None


@dataclass(frozen=True)
class Case:
    """One random experiment as plain data, with the integration scheme of lockstep that it is run by."""

    seed: int
    number: int
    experiment: Plain
    method: str

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"case_{self.number:04d}"


def draw_case(seed: int, number: int) -> Case:
    """The random experiment *number* of a *seed*, the same whenever it is drawn.

    >>> draw_case(1, 5) == draw_case(1, 5)
    True
    """
    draw = Draw(seed, number)
    made = _Maker(draw, f"fuzz_{seed}_{number}").make()
    tree = any(p.get("model", {}).get("kind") == "cable" for p in made["populations"])
    # Explicit schemes are stable on no tree with the steps of point neurons.
    method = draw.one(("exponential_euler",) * 3 + (() if tree else ("euler", "rk4")))
    if draw.chance(0.15):
        made = _lesioned(draw, made)
    return Case(seed, number, made, method)


def _lesioned(draw: Draw, healthy: Plain) -> Plain:
    """An experiment with one thing perturbed, silenced or removed; the healthy one where that cannot be."""
    try:
        experiment = Experiment.from_dict(healthy)
        names = [p.name for p in (*experiment.populations, *experiment.projections)]
        changed = [p for p in paths(experiment) if p not in ("dt", "duration", "seed")]
        texts = [
            f"silence {draw.one(names)} at {draw.whole(20, 100)}%",
            f"remove {draw.whole(10, 60)}% {draw.one(names)}",
            f"{draw.one(changed)} *= {draw.between(0.7, 1.2):g}",
            f"{draw.one(changed)} *= {draw.between(0.7, 1.2):g}",
        ]
        lesioned = apply(experiment, draw.one(texts))
        realize(lesioned)  # a scaled edge of a distribution may leave nothing to draw
        return lesioned.to_dict()
    except InputError:
        return healthy


class _Maker:
    def __init__(self, draw: Draw, name: str) -> None:
        self.draw = draw
        self.name = name
        self.populations = Names(draw)
        self.inputs: list[Plain] = []
        self.projections: list[Plain] = []
        self.records: list[Plain] = []

    def make(self) -> Plain:
        d = self.draw
        dt = d.one((0.1, 0.1, 0.05, 0.025, 0.2))
        kinds = d.one(
            (
                ("point",),
                ("point",),
                ("point", "point"),
                ("point",) * 3,
                ("cable",),
                ("cable", "point"),
            )
        )
        if "cable" in kinds:
            dt = d.one((0.025, 0.05, 0.02))
        self.dt = dt
        self.steps = d.whole(150, 500)
        self.duration = round(dt * self.steps, 6)
        groups = [self._cable() if kind == "cable" else self._neurons() for kind in kinds]
        sources = [self._source() for _ in range(d.whole(0, 2))]
        for group in groups:
            self._drive(group)
        for _ in range(d.whole(1, 5)):
            self._project(groups, sources)
        for group in groups:
            self._record(group)
        everything = [g.data for g in groups] + [s for s, _ in sources]
        data: Plain = {
            "name": self.name,
            "populations": d.some(everything, len(everything), len(everything)),
            "projections": self.projections,
            "inputs": self.inputs,
            "records": self.records,
            "duration": f"{self.duration:g} ms"
            if d.chance(0.8)
            else f"{self.duration + dt / 3:.6g} ms",
            "dt": f"{dt:g} ms",
            "seed": d.whole(0, 10_000),
        }
        return {k: v for k, v in data.items() if v != []}

    def _receptor_names(self) -> tuple[str, ...]:
        names = Names(self.draw)
        return tuple(names.identifier(_RECEPTORS) for _ in range(self.draw.whole(0, 3)))

    def _receptors(self, names: tuple[str, ...], neuron: DrawnNeuron) -> dict[str, DrawnReceptor]:
        avoided = neuron.names if neuron.tame else ()
        drawn = {n: draw_receptor(self.draw, neuron.ports, neuron.states, avoided) for n in names}
        return {name: receptor for name, receptor in drawn.items() if receptor is not None}

    def _neurons(self) -> _Group:
        d = self.draw
        name = self.populations.identifier(_POPULATIONS)
        wanted = self._receptor_names()
        neuron = draw_neuron(d, d.one(("lif", "M", "cell", name)), wanted)
        receptors = self._receptors(wanted, neuron)
        size = d.whole(1, 7)
        data: Plain = {
            "name": name,
            "model": neuron.model,
            "size": size,
            "receptors": {n: r.data for n, r in receptors.items()},
        }
        given = {
            n: d.value(low, high, unit, size, 0.7)
            for n, (low, high, unit) in neuron.parameters.items()
            if d.chance(0.3)
        }
        if given:
            data["parameters"] = given
        initial = {
            s.name: d.value(*((-75, -52, VOLTS) if s.unit == VOLTS else (-1, 1, "1")), size, 0.8)
            for s in neuron.states
            if d.chance(0.3)
        }
        if initial:
            data["initial"] = initial
        if d.chance(0.1):
            data["lost"] = d.between(0.1, 0.6)
        return _Group(data, size, neuron.ports, receptors, neuron.spiking, neuron)

    def _cable(self) -> _Group:
        d = self.draw
        name = self.populations.identifier(_POPULATIONS)
        cable = draw_cable(d, d.one(("cell", "pyramidal", name)))
        # Enough to move a cell of this size.
        size = 12.0 * cable.radius_um**2
        several = len(cable.places) > 2 or cable.model["discretisation"].get("segments") != 1
        places = cable.places if several else [*cable.places]
        ports = [(place, "pA", size) for place in places]
        receptors: dict[str, DrawnReceptor] = {}
        for receptor in self._receptor_names():
            drawn = draw_receptor(d, ports, [Known("v", VOLTS)])
            if drawn is None or drawn.data["kind"] == "delta":
                continue
            if drawn.data["kind"] == "custom" and "current" not in drawn.data:
                continue
            drawn.data["port"] = drawn.data.get("port", d.one(places))
            receptors[receptor] = drawn
        cells = d.whole(1, 3)
        data: Plain = {
            "name": name,
            "model": cable.model,
            "size": cells,
            "receptors": {n: r.data for n, r in receptors.items()},
        }
        if d.chance(0.15):
            self._clamp(name, cable, d.one(places))
        spiking = cable.model.get("spike_threshold", "") is not None
        return _Group(data, cells, ports, receptors, spiking, None, cable)

    def _clamp(self, population: str, cable: DrawnCable, place: str) -> None:
        """A voltage clamp: an electrode's conductance, and a current for the command above its hold."""
        d = self.draw
        micro, hold = d.between(0.2, 4), d.between(-80, -60)
        cable.model["channels"].append(
            {
                "name": "electrode",
                "conductance": f"{micro:g} uS",
                "reversal": f"{hold:g} mV",
                "region": place,
            }
        )
        command = 1e3 * micro * (d.between(-50, 10) - hold)
        clamp = {"kind": "step", "name": "command", "population": population, "port": place}
        start = f"{d.between(0, self.duration / 2):g} ms"
        self.inputs.append({**clamp, "amplitude": f"{command:.6g} pA", "start": start})

    def _source(self) -> tuple[Plain, int]:
        d = self.draw
        name = self.populations.identifier(("poisson", "noise", "src", "trains", "given", "p0"))
        size = d.whole(1, 8)
        if d.chance(0.5):
            times = [
                [d.between(0, self.duration) for _ in range(d.whole(0, 5))] for _ in range(size)
            ]
            if d.chance(0.3) and times[0]:
                times[0].append(times[0][0])
            if d.chance(0.2):
                times[-1].append(0.0)
            if d.chance(0.2):
                seconds = [[t / 1000 for t in train] for train in times]
                return {"kind": "spike_trains", "name": name, "times": seconds, "unit": "s"}, size
            return {"kind": "spike_trains", "name": name, "times": times}, size
        data: Plain = {
            "kind": "poisson",
            "name": name,
            "size": size,
            "rate": d.value(20, 800, "Hz", size, 0.4),
        }
        if d.chance(0.3):
            data |= {
                "profile": [d.between(0, 2) for _ in range(d.whole(1, 4))],
                "interval": d.quantity(1, self.duration / 2, "ms"),
                "repeat": d.chance(0.5),
            }
        if d.chance(0.2):
            data["start"] = d.quantity(0, self.duration / 2, "ms")
        if d.chance(0.2):
            data["stop"] = d.quantity(self.duration / 2, self.duration, "ms")
        if d.chance(0.1):
            data["lost"] = d.between(0.1, 0.5)
        return data, size

    def _drive(self, group: _Group) -> None:
        d = self.draw
        names = Names(d, [i["name"] for i in self.inputs])
        for _ in range(d.whole(0 if len(group.ports) != 1 else 1, 2)):
            if not group.ports:
                return
            port, unit, size = d.one(group.ports)
            given = self._input(unit, size, group.size)
            given |= {"name": names.identifier(_INPUTS), "population": group.data["name"]}
            if len(group.ports) > 1 or d.chance(0.3):
                given["port"] = port
            if d.chance(0.2) and not isinstance(given.get("amplitude"), dict):
                given["cells"] = sorted(d.some(range(group.size), 1, group.size))
            self.inputs.append(given)

    def _input(self, unit: str, size: float, cells: int) -> Plain:
        d = self.draw
        kind = d.one(
            (
                "constant",
                "step",
                "ramp",
                "sine",
                "time_series",
                "white_noise",
                "uniform_noise",
                "ornstein_uhlenbeck",
            )
        )
        if kind == "constant":
            return {"kind": kind, "amplitude": d.value(size / 4, 2 * size, unit, cells, 0.4)}
        early, late = d.between(0, self.duration / 3), d.between(self.duration / 2, self.duration)
        if kind == "step":
            made: Plain = {
                "kind": kind,
                "amplitude": d.value(size / 2, 2 * size, unit, cells, 0.3),
                "start": f"{early:g} ms",
            }
            return made | ({"stop": f"{late:g} ms"} if d.chance(0.7) else {})
        if kind == "ramp":
            return {
                "kind": kind,
                "initial": d.quantity(-size / 2, size / 2, unit),
                "final": d.quantity(size / 2, 2 * size, unit),
                "start": f"{early:g} ms",
                "stop": f"{late:g} ms",
            }
        if kind == "sine":
            made = {
                "kind": kind,
                "amplitude": d.value(size / 4, size, unit, cells, 0.2),
                "frequency": d.quantity(5, 300, "Hz"),
                "phase": d.between(0, 6),
                "start": f"{early:g} ms",
            }
            return made | (
                {"offset": d.quantity(0, size, unit)}
                if d.chance(0.5) and isinstance(made["amplitude"], str)
                else {}
            )
        interval = f"{d.one((self.dt, 2 * self.dt, 5 * self.dt, d.between(0.3, 2))):g} ms"
        if kind == "time_series":
            values = [d.between(-size / 2, 2 * size) for _ in range(d.whole(1, 30))]
            return {"kind": kind, "values": values, "unit": unit, "interval": interval}
        made = {"kind": kind, "interval": interval, "shared": d.chance(0.3)}
        if kind == "uniform_noise":
            return made | {
                "low": d.quantity(-size, 0, unit),
                "high": d.quantity(size / 10, 2 * size, unit),
            }
        made |= {"mean": d.quantity(0, size, unit), "std": d.quantity(size / 10, size, unit)}
        return made | ({"tau": d.quantity(0.5, 10, "ms")} if kind == "ornstein_uhlenbeck" else {})

    def _project(self, groups: list[_Group], sources: list[tuple[Plain, int]]) -> None:
        d = self.draw
        targets = [g for g in groups if g.receptors]
        senders = [(g.data, g.size) for g in groups if g.spiking] + sources * 2
        if not targets or not senders:
            return
        target = d.one(targets)
        source, n_source = d.one(senders)
        name, receptor = d.one(sorted(target.receptors.items()))
        rule, listed = self._rule(n_source, target.size, source is target.data)
        made: Plain = {
            "source": source["name"],
            "target": target.data["name"],
            "receptor": name,
            "rule": rule,
            "weight": self._weight(receptor, listed),
            "delay": self._delay(listed),
            "name": f"pr{len(self.projections)}",
        }
        if rule["rule"] == "fixed_probability" and rule["p"] > 0 and d.chance(0.2):
            made["weight_scale"] = "1/(pN)"
        if rule["rule"] == "fixed_in_degree" and rule["n"] > 0 and d.chance(0.2):
            made["weight_scale"] = "1/C"
        if d.chance(0.1):
            made["weight_scale"] = "1/N"
        if d.chance(0.2):
            made["plasticity"] = {
                "kind": "tsodyks_markram",
                "U": d.value(0.1, 0.9, "1", 0, 0.2),
                "tau_rec": d.value(5, 200, "ms", 0, 0.2),
                "tau_facil": d.one(("0 ms", d.quantity(5, 200, "ms"))),
            }
        self.projections.append(made)

    def _rule(self, pre: int, post: int, same: bool) -> tuple[Plain, int]:
        """A rule, with the number of connections where it is known (0 where it is not)."""
        d = self.draw
        kinds = [
            "all_to_all",
            "fixed_probability",
            "fixed_in_degree",
            "fixed_out_degree",
            "fixed_total_number",
            "explicit",
            "explicit",
        ]
        kind = d.one([*kinds, "one_to_one"] if pre == post else kinds)
        rule: Plain = {"rule": kind}
        others = same and d.chance(0.5)
        if kind == "explicit":
            n = d.whole(0, 12)
            rule["pre"] = [d.whole(0, pre - 1) for _ in range(n)]
            rule["post"] = [d.whole(0, post - 1) for _ in range(n)]
            return rule, n
        if kind == "one_to_one":
            return rule, pre
        if others:
            rule["self_connections"] = False
        left = {"fixed_in_degree": pre, "fixed_out_degree": post, "fixed_total_number": pre * post}
        if kind == "all_to_all":
            return rule, pre * post - (pre if others else 0)
        if kind == "fixed_probability":
            rule["p"] = d.one((0.0, 1.0, d.between(0.1, 0.9), d.between(0.1, 0.9)))
            return rule, 0
        free = left[kind] - ((pre if kind == "fixed_total_number" else 1) if others else 0)
        rule["multapses"] = d.chance(0.5) and free > 0
        rule["n"] = d.whole(0, free + (2 if rule["multapses"] else 0))
        return rule, 0

    def _weight(self, receptor: DrawnReceptor, listed: int) -> Any:
        d = self.draw
        if d.chance(0.15):
            middle = (receptor.low * receptor.high) ** 0.5
            unit = receptor.weight_unit
            mean = f"{middle:.4g} {unit}"
            forms = (
                {"distribution": "lognormal", "median": mean, "sigma": 0.3},
                {"distribution": "exponential", "mean": mean},
                {"distribution": "normal", "mean": mean, "std": f"{middle / 4:.4g} {unit}"},
            )
            return d.one(forms)
        sign = -1 if d.chance(0.15) and receptor.weight_unit in ("pA", "mV", "mV/ms") else 1
        low, high = sorted((sign * receptor.low, sign * receptor.high))
        return d.value(low, high, receptor.weight_unit, listed, 0.4)

    def _delay(self, listed: int) -> Any:
        d = self.draw
        if d.chance(0.3):
            return f"{self.dt * d.one((1, 1, 2, 3, 10)):g} ms"
        return d.value(self.dt, 20 * self.dt, "ms", listed, 0.4)

    def _record(self, group: _Group) -> None:
        d = self.draw
        name = group.data["name"]
        if group.cable is not None:
            # Places of one compartment are one record: by distinct sections none is asked for twice.
            sections: dict[str, str] = {}
            for place in group.cable.places:
                sections.setdefault(place.partition("(")[0], place)
            for place in d.some(list(sections.values()), 1, len(sections)):
                variables = ["v", *d.some(group.cable.states, 0, 2)]
                self.records.append({"population": name, "variables": variables, "at": place})
            return
        assert group.neuron is not None
        states = [s.name for s in group.neuron.states]
        record: Plain = {"population": name, "variables": d.some(states, 1, len(states))}
        if d.chance(0.2):
            record["cells"] = d.some(range(group.size), 1, group.size)
        self.records.append(record)
