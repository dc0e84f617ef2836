"""Random cable cells: small morphologies, gates, Markov schemes, ions with pools, channels at places."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from .draw import Draw, Names, Plain

_SECTIONS = ("soma", "dend", "axon", "apic", "trunk", "tuft", "ais", "d1", "d2", "spine")
_CHANNELS = ("leak", "naf", "kdr", "km", "cal", "ih", "na_p", "bk", "pas", "hh", "Ca_T", "ka")
_GATES = ("m", "h", "n", "p", "s", "x", "a", "z", "q", "o", "act", "inact")


@dataclass
class DrawnCable:
    """A cable cell as plain data, with its places and what can be recorded at each (``v``, ``m_na``)."""

    model: Plain
    places: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    radius_um: float = 5.0


def _sections(draw: Draw) -> list[Plain]:
    names = Names(draw)
    made: list[Plain] = []
    for k in range(draw.whole(1, 4)):
        name = names.identifier(_SECTIONS)
        root = k == 0
        length = draw.between(8, 30) if root else draw.between(20, 180)
        diameter = draw.between(6, 25) if root else draw.scale(0.6, 4)
        section: Plain = {"name": name}
        if not root:
            section["parent"] = draw.one(made)["name"]
            if draw.chance(0.4):
                section["parent_x"] = draw.one((0.0, 0.5, 1.0, draw.between(0, 1)))
        if draw.chance(0.7):
            section |= {"length": f"{length:g} um", "diameter": f"{diameter:g} um"}
        else:
            steps = draw.whole(2, 4)
            section["points"] = [
                [
                    round(length * j / (steps - 1), 4),
                    draw.between(-2, 2),
                    draw.between(-2, 2),
                    round(diameter * draw.between(0.5, 1.2), 4),
                ]
                for j in range(steps)
            ]
        if draw.chance(0.6):
            section["label"] = draw.one(("soma", "dend", "axon")) if not root else "soma"
        made.append(section)
    return made


def _gate(draw: Draw, name: str, opens: bool) -> Plain:
    """A gate whose rates are smooth and of a few ms."""
    gate: Plain = {"name": name}
    if draw.chance(0.5):
        gate["power"] = draw.whole(1, 4)
    half, slope = draw.between(-60, -20), draw.between(4, 12)
    if not opens:
        half, slope = half - 25, -slope
    if draw.chance(0.5):
        gate["inf"] = f"1/(1 + exp(-(v + {-half:g}*mV)/({slope:g}*mV)))"
        fastest, more = draw.between(0.1, 1), draw.between(0.2, 8)
        gate["tau"] = (
            f"{fastest:g}*ms + {more:g}*ms*exp(-((v + {-half:g}*mV)/({draw.between(20, 40):g}*mV))**2)"
        )
        return gate
    rise = f"{draw.between(0.1, 1.5):g}/exprel(-(v + {-half:g}*mV)/({abs(slope):g}*mV))/ms"
    fall = (
        f"{draw.between(0.1, 2):g}*exp(-(v + {-half + 10:g}*mV)/({draw.between(15, 60):g}*mV))/ms"
    )
    gate["alpha"], gate["beta"] = (rise, fall) if opens else (fall, rise)
    return gate


def _scheme(draw: Draw, names: Names) -> tuple[Plain, str]:
    states = [names.identifier(("C1", "C2", "O", "B", "I1", "OB")) for _ in range(draw.whole(2, 4))]
    transitions = []
    for a, b in itertools.pairwise(states):
        there = f"{draw.between(0.1, 2):g}*exp(clip((v + {draw.between(30, 60):g}*mV)/(25*mV), -4, 4))/ms"
        back = f"{draw.between(0.1, 2):g}/ms"
        transitions.append(f"{a} <-> {b} ({there}, {back})")
    scheme: Plain = {"transitions": transitions}
    if draw.chance(0.4):
        scheme["remainder"] = draw.one(states)
    return scheme, draw.one(states)


def _ions(draw: Draw) -> list[Plain]:
    ions: list[Plain] = [{"name": "na", "reversal": draw.quantity(45, 60, "mV")}, {"name": "k"}]
    if draw.chance(0.6):
        ions[1]["reversal"] = draw.quantity(-95, -75, "mV")
    else:
        ions[1] |= {"inside": draw.quantity(120, 145, "mM"), "outside": draw.quantity(2.5, 6, "mM")}
    if draw.chance(0.6):
        calcium: Plain = {"name": "ca", "valence": 2, "outside": draw.quantity(1.5, 2.5, "mM")}
        if draw.chance(0.7):
            calcium["pool"] = {
                "depth": draw.quantity(0.1, 0.5, "um"),
                "tau": draw.quantity(2, 30, "ms"),
                "rest": draw.quantity(5e-5, 2e-4, "mM"),
                "floor": "1e-5 mM",
            }
        else:
            calcium["inside"] = draw.quantity(5e-5, 2e-4, "mM")
        ions.append(calcium)
    return ions


def _channel(draw: Draw, names: Names, ion: Plain | None, sections: list[Plain]) -> Plain:
    channel: Plain = {"name": names.identifier(_CHANNELS)}
    # What lowering calls its own of a channel is refused, and says so.
    made = ("I", "conductance", "permeability", "reversal", "warmth", "ratio")
    own = Names(draw, [channel["name"], "v", "celsius", *made])
    if ion is None:
        channel["reversal"] = draw.quantity(-75, -50, "mV")
    else:
        channel["ion"] = ion["name"]
    largest = {None: 4e-4, "na": 0.1, "k": 0.04, "ca": 1e-3}[None if ion is None else ion["name"]]
    if ion is not None and ion["name"] == "ca" and draw.chance(0.6):
        channel["permeability"] = f"{draw.scale(1e-6, 1e-4):g} cm/s"
    else:
        channel["conductance"] = f"{draw.scale(largest / 8, largest):g} S/cm**2"
    amount = "conductance" if "conductance" in channel else "permeability"
    if ion is not None:
        if draw.chance(0.25):
            channel["scheme"], open_state = _scheme(draw, own)
            channel["open"] = open_state
        else:
            gates = [_gate(draw, own.variable(draw.one(_GATES)), True)]
            if draw.chance(0.5):
                gates.append(_gate(draw, own.variable(draw.one(_GATES)), False))
            channel["gates"] = gates
            if draw.chance(0.2):
                channel["open"] = f"{gates[0]['name']}**2*(0.2 + 0.8*{gates[-1]['name']})"
        if draw.chance(0.3):
            name = own.variable("shift")
            channel["equations"] = f"{name} : mV"
            channel["parameters"] = {name: draw.quantity(-4, 4, "mV")}
            for gate in channel.get("gates", ()):
                for part in ("alpha", "beta", "inf", "tau"):
                    if part in gate:
                        gate[part] = gate[part].replace("(v + ", f"(v - {name} + ")
    if draw.chance(0.3):
        channel |= {"q10": draw.between(1.5, 3.5), "q10_celsius": draw.between(5, 30)}
    regions = [s["name"] for s in sections] + [s["label"] for s in sections if "label" in s]
    if ion is not None and draw.chance(0.35):
        channel["region"] = draw.one(regions)
    if draw.chance(0.2) and "region" not in channel:
        where = draw.one(sections)["name"]
        first = float(channel[amount].split()[0])
        channel["elsewhere"] = {where: f"{first / 2:.4g} {channel[amount].split()[1]}"}
    if ion is None and draw.chance(0.15):
        channel.pop("elsewhere", None)
        channel |= {
            "conductance": draw.quantity(0.5, 3, "nS"),
            "region": f"{draw.one(sections)['name']}(0.5)",
        }
    return channel


def draw_cable(draw: Draw, name: str) -> DrawnCable:
    """A random cable cell of a few compartments."""
    sections = _sections(draw)
    ions = _ions(draw)
    names = Names(draw, [i["name"] for i in ions])
    leak = _channel(draw, names, None, sections)
    leak.pop("region", None)
    if leak["conductance"].endswith("nS"):
        leak["conductance"] = "1e-4 S/cm**2"
    leak["reversal"] = draw.quantity(-72, -58, "mV")
    channels = [leak]
    for _ in range(draw.whole(0, 3)):
        channels.append(_channel(draw, names, draw.one((*ions, None)), sections))
    cut: Plain = {"kind": "fixed", "segments": draw.whole(1, 3)}
    if draw.chance(0.2):
        cut = {"kind": "length_constant", "fraction": draw.between(0.2, 0.5)}
    model: Plain = {
        "kind": "cable",
        "name": name,
        "morphology": {"sections": sections},
        "discretisation": cut,
        "channels": channels,
        "ions": ions,
        "v_initial": draw.quantity(-72, -55, "mV"),
        "capacitance": draw.quantity(0.7, 2, "uF/cm**2"),
        "axial_resistivity": draw.quantity(80, 200, "ohm*cm"),
        "celsius": draw.between(6, 36),
    }
    if draw.chance(0.3):
        model["spike_threshold"] = draw.one((None, "-20 mV", "-30 mV"))
    places = [f"{s['name']}({x})" for s in sections for x in (0.5, draw.between(0.05, 0.95))]
    if draw.chance(0.3) and model.get("spike_threshold", ""):
        model["spike_at"] = draw.one(places)
    gates = [
        f"{gate['name']}_{c['name']}"
        for c in channels
        if c.get("region", "all") == "all"
        for gate in c.get("gates", ())
    ]
    root = sections[0]
    thick = float(root["diameter"].split()[0]) if "diameter" in root else root["points"][0][3]
    return DrawnCable(model, places, gates, thick / 2)
