"""Random receptors of every kind, for whatever a cell has to receive them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw, Names, Plain
from .terms import Known


@dataclass(frozen=True)
class DrawnReceptor:
    """A receptor as plain data, with the unit of its weights and the range that moves the cell."""

    data: Plain
    weight_unit: str
    low: float
    high: float


def draw_receptor(
    draw: Draw,
    ports: list[tuple[str, str, float]],
    states: list[Known],
    avoided: Sequence[str] = (),
) -> DrawnReceptor | None:
    """A receptor of a cell with some (input) ports and states; None if nothing there can receive.

    *avoided* are names that its own equations do not use.
    """
    voltages = [s.name for s in states if s.unit == "mV"]
    kinds = ["delta"] * 2 + ["custom_kick"] if states else []
    if ports:
        kinds += ["exponential_current", "alpha_current", "custom_current"] * 2
        if voltages:
            kinds += [
                "exponential_conductance",
                "alpha_conductance",
                "double_exponential_conductance",
                "nmda",
                "custom_conductance",
            ] * 2
    if not kinds:
        return None
    kind = draw.one(kinds)
    if kind in ("delta", "custom_kick"):
        return _kick(draw, kind, draw.one(states), avoided)
    port, unit, size = draw.one(ports)
    given: Plain = {} if len(ports) == 1 and draw.chance(0.7) else {"port": port}
    if kind.endswith("_current"):
        return _current(draw, kind, given, unit, size, avoided)
    return _conductance(draw, kind, given, unit, size, draw.one(voltages), avoided)


def _kick(draw: Draw, kind: str, state: Known, avoided: Sequence[str]) -> DrawnReceptor:
    low, high = (0.2, 6.0) if state.unit == "mV" else (0.02, 0.5)
    if kind == "delta":
        data: Plain = {"kind": "delta"}
        if state.name != "v" or draw.chance(0.5):
            data["target"] = state.name
        return DrawnReceptor(data, state.unit, low, high)
    names = Names(draw, [state.name, *avoided])
    gain = names.variable("gain")
    return DrawnReceptor(
        {
            "kind": "custom",
            "equations": f"{gain} : 1",
            "parameters": {gain: draw.quantity(0.5, 1.5, "1")},
            "on_pre": f"{state.name} {draw.one(('+=', '-='))} {gain}*w",
        },
        state.unit,
        low,
        high,
    )


def _tau(draw: Draw) -> object:
    return draw.value(0.8, 12, "ms", 0, spread=0.15)


def _current(
    draw: Draw, kind: str, given: Plain, unit: str, size: float, avoided: Sequence[str]
) -> DrawnReceptor:
    low, high = size / 20, size * 1.5
    if kind != "custom_current":
        return DrawnReceptor({"kind": kind, **given, "tau": _tau(draw)}, unit, low, high)
    names = Names(draw, avoided)
    s, r, tau = names.variable("s"), names.variable("r"), names.variable("tau")
    equations = f"d{s}/dt = ({draw.between(0.5, 2):g}*{r} - {s})/{tau} : {unit}\n"
    equations += f"d{r}/dt = -{r}/({draw.between(1, 8):g}*ms) : {unit}\n{tau} : ms"
    current, on_pre = s, f"{r} += w"
    if draw.chance(0.5):
        current = names.variable("current")
        equations += (
            f"\n{current} = {draw.between(0.3, 1):g}*{s} + {draw.between(0, 0.5):g}*{r} : {unit}"
        )
    if draw.chance(0.5):
        on_pre += f"; {s} {draw.one(('+=', '-='))} {draw.between(0.05, 0.3):g}*w"
    parameters = {tau: _tau(draw)}
    return DrawnReceptor(
        {
            "kind": "custom",
            **given,
            "equations": equations,
            "on_pre": on_pre,
            "current": current,
            "parameters": parameters,
        },
        unit,
        low,
        high,
    )


def _conductance(
    draw: Draw,
    kind: str,
    given: Plain,
    unit: str,
    size: float,
    voltage: str,
    avoided: Sequence[str],
) -> DrawnReceptor:
    weight = {"pA": "nS", "mV": "1", "mV/ms": "1/ms", "1": "1/mV", "1/ms": "1/(mV*ms)"}[unit]
    low, high = size / 1000, size / 60
    low_e, high_e = draw.one(((-5.0, 5.0), (-90.0, -65.0)))
    if kind == "custom_conductance":
        names = Names(draw, [voltage, *avoided])
        g, current, scale = names.variable("g"), names.variable("current"), names.variable("k")
        return DrawnReceptor(
            {
                "kind": "custom",
                **given,
                "current": current,
                "on_pre": f"{g} += w",
                "parameters": {scale: draw.quantity(5, 20, "mV")},
                "equations": f"d{g}/dt = -{g}/({draw.between(1, 8):g}*ms) : {weight}\n{scale} : mV\n"
                f"{current} = {g}*({draw.between(low_e, high_e):g}*mV - {voltage})"
                f"/(1 + exp(-({voltage} + 50*mV)/{scale})) : {unit}",
            },
            weight,
            low,
            high,
        )
    data: Plain = {"kind": kind, **given, "reversal": draw.quantity(low_e, high_e, "mV")}
    if voltage != "v" or draw.chance(0.5):
        data["voltage"] = voltage
    if kind.startswith("double"):
        data |= {
            "tau_rise": draw.quantity(0.4, 1.5, "ms"),
            "tau_decay": draw.value(2, 12, "ms", 0, 0.2),
        }
    else:
        data["tau"] = _tau(draw)
    if kind == "nmda" and draw.chance(0.5):
        data["magnesium"] = draw.quantity(0.2, 2, "mM")
    return DrawnReceptor(data, weight, low, high)
