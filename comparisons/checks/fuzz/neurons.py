"""Random point neurons: states, parameters, sub-expressions, threshold, reset, refractoriness.

Every state relaxes to something bounded, so that runs stay finite: what is compared is the translation of
equations, not how a model blows up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .draw import TAKEN, Draw, Names, Plain
from .terms import VOLTS, Known, Terms

_TARGETS = {VOLTS: (-75.0, -50.0), "1": (-1.0, 1.0)}


@dataclass
class DrawnNeuron:
    """A neuron model as plain data, with what the rest of an experiment has to know of it.

    ``ports`` are (name, unit, amplitude that moves the cell), ``states`` (name, unit), ``parameters`` the
    ranges of what a population may give otherwise: name → (low, high, unit).
    """

    model: Plain
    ports: list[tuple[str, str, float]] = field(default_factory=list)
    states: list[Known] = field(default_factory=list)
    parameters: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    spiking: bool = True
    tame: bool = False
    """Whether the names of its receptors' own are to be others than its own."""

    @property
    def names(self) -> list[str]:
        """What the equations define."""
        lines = [line.partition(" ")[0] for line in self.model["equations"].split("\n")]
        return [name[1:-3] if name.endswith("/dt") else name for name in lines]


class _Maker:
    """Draws one neuron, part by part; the order of the parts fixes what is drawn."""

    def __init__(self, draw: Draw, name: str, receptors: tuple[str, ...]) -> None:
        self.draw = draw
        # Names that what a receptor is called would make of another: v_d beside a receptor d.
        nasty = [f"{v}_{r}" for v in ("v", "g", "current", "tau") for r in receptors]
        # Half of the cells share no name with what their receptors call their own.
        tame = draw.chance(0.5)
        self.nasty = [] if tame else nasty
        self.names = Names(draw, TAKEN if tame else ())
        self.lines: list[str] = []
        self.made = DrawnNeuron({"name": name, "parameters": {}, "initial": {}})
        self.made.tame = tame
        self.known: list[Known] = []
        self.afterwards: list[Known] = []
        """What thresholds and resets may use: nothing that depends on an input."""

    def parameter(self, usual: str, low: float, high: float, unit: str) -> str:
        name = self.names.variable(usual, self.nasty)
        self.lines.append(f"{name} : {unit}")
        self.made.model["parameters"][name] = self.draw.quantity(low, high, unit)
        self.made.parameters[name] = (low, high, unit)
        return name

    def make(self) -> DrawnNeuron:
        d = self.draw
        refractory = d.chance(0.5)
        for _ in range(d.whole(0, 3)):
            self.known.append(Known(self.parameter("p", 0.2, 1.8, "1"), "1"))
        for _ in range(d.whole(0, 2)):
            self.known.append(Known(self.parameter("tau_m", 3, 40, "ms"), "ms"))
        self.afterwards = [k for k in self.known if k.unit != "ms"]
        self._states()
        self._subexpressions()
        self._ports()
        spikes = d.chance(0.88)
        resets = spikes and d.chance(0.85)
        refractory = refractory and resets
        self._derivatives(refractory)
        if spikes:
            self._spiking(resets, refractory)
        self._initial()
        order = d.some(self.lines, len(self.lines), len(self.lines))
        self.made.model["equations"] = "\n".join(order)
        self.made.spiking = spikes
        return self.made

    def _states(self) -> None:
        d = self.draw
        units = [VOLTS if d.chance(0.8) else "1"]
        units += [d.one((VOLTS, "1", "1")) for _ in range(d.whole(0, 3))]
        for unit in units:
            usual = "v" if not self.made.states else "u"
            self.made.states.append(Known(self.names.variable(usual, self.nasty), unit))
        self.known += self.made.states
        self.afterwards += self.made.states

    def _subexpressions(self) -> None:
        d = self.draw
        for _ in range(d.whole(0, 2)):
            name = self.names.variable("f", self.nasty)
            terms = Terms(d, [k for k in self.known if k.unit != "ms"])
            if d.chance(0.5):
                self.lines.append(f"{name} = {terms.bounded(2)} : 1")
                made = Known(name, "1")
            else:
                self.lines.append(f"{name} = {d.between(3, 20):g}*mV*{terms.bounded(1)} : mV")
                made = Known(name, VOLTS)
            self.known.append(made)
            self.afterwards.append(made)

    def _ports(self) -> None:
        first = self.made.states[0]
        d = self.draw
        kinds = {
            VOLTS: (("pA", 200.0), ("pA", 200.0), ("mV", 20.0), ("mV/ms", 1.5)),
            "1": (("1", 1.5), ("1/ms", 0.1), ("pA", 200.0)),
        }[first.unit]
        for _ in range(d.one((0, 1, 1, 1, 1, 1, 2))):
            unit, size = d.one(kinds)
            name = self.names.variable("I", self.nasty)
            self.lines.append(f"{name} : {unit} (input)")
            self.made.ports.append((name, unit, size))

    def _drive(self, name: str, unit: str, tau: str, state: str) -> str:
        """What a port adds to the derivative of a state."""
        d = self.draw
        if unit == "pA":
            if state == VOLTS:
                if d.chance(0.5):
                    return f"{name}/{self.parameter('C', 60, 300, 'pF')}"
                return f"{name}*{self.parameter('R', 0.05, 0.2, 'GOhm')}/{tau}"
            return f"{name}/({d.between(80, 300):g}*pA)/{tau}"
        return name if unit.endswith("/ms") else f"{name}/{tau}"

    def _derivatives(self, refractory: bool) -> None:
        d = self.draw
        for k, state in enumerate(self.made.states):
            terms = Terms(d, self.known)
            tau = terms.time(1)
            low, high = _TARGETS[state.unit]
            scale = "*mV" if state.unit == VOLTS else ""
            size = d.between(2, 25) if state.unit == VOLTS else d.between(0.2, 2)
            if d.chance(0.5):
                target = self.parameter("E_L", low, high, state.unit)
            else:
                target = f"({d.between(low, high):g}{scale})"
            parts = [f"({target} - {state.name}"]
            for _ in range(d.whole(0 if k else 1, 2)):
                parts.append(f" {d.one('+-')} {size:g}{scale}*{terms.bounded(d.whole(1, 3))}")
            line = "".join(parts) + f")/{tau}"
            if d.chance(0.15):
                line = f"({line} if {terms.condition(1)} else ({target} - {state.name})/(25*ms))"
            for port, unit, _ in self.made.ports:
                if k == 0 or (d.chance(0.15) and state.unit == self.made.states[0].unit):
                    line += f" + {self._drive(port, unit, tau, state.unit)}"
            flag = " (unless refractory)" if refractory and d.chance(0.6 if k == 0 else 0.3) else ""
            rate = "mV" if state.unit == VOLTS else "1"
            self.lines.append(f"d{state.name}/dt = {line} : {rate}{flag}")

    def _spiking(self, resets: bool, refractory: bool) -> None:
        d = self.draw
        first = self.made.states[0]
        low, high = (-62.0, -45.0) if first.unit == VOLTS else (0.1, 0.9)
        unit = first.unit
        level = (
            self.parameter("v_th", low, high, unit)
            if d.chance(0.5)
            else f"{d.between(low, high):g}" + ("*mV" if unit == VOLTS else "")
        )
        more = Terms(d, self.afterwards)
        if d.chance(0.2):
            step = "2*mV" if unit == VOLTS else "0.2"
            level = f"{level} + {step}*{more.bounded(1)}"
        threshold = d.one(
            (
                f"{first.name} > {level}",
                f"{first.name} >= {level}",
                f"not ({first.name} <= {level})",
            )
        )
        if d.chance(0.15):
            threshold = f"({threshold}) and {more.condition(1)}"
        self.made.model["threshold"] = threshold
        if not resets:
            return
        below = f"{d.between(low - 15, low - 4):g}*mV" if unit == VOLTS else f"{d.between(-1, 0):g}"
        reset = [f"{first.name} = {below}"]
        others = self.made.states[1:]
        for state in d.some(others, 0, len(others)):
            scale = "*mV" if state.unit == VOLTS else ""
            same = [s.name for s in self.made.states if s.unit == state.unit and s is not state]
            forms = [
                f"{state.name} += {d.between(0.1, 2):g}{scale}",
                f"{state.name} -= {d.between(0.1, 1):g}{scale}*{more.bounded(1)}",
                f"{state.name} *= {d.between(0.3, 0.9):g}",
                f"{state.name} /= {d.between(1.2, 2):g}",
                f"{state.name} = {more.bounded(1)}" + (f"*(8{scale})" if scale else ""),
            ]
            forms += [f"{state.name} = {name}" for name in same]
            reset.append(d.one(forms))
            if d.chance(0.25):
                reset.append(d.one(forms))
        # The order of statements matters: r = v before v is reset is another model.
        order = d.some(reset, len(reset), len(reset)) if d.chance(0.4) else reset
        self.made.model["reset"] = d.one(("; ", "\n")).join(order)
        if refractory:
            if d.chance(0.5):
                self.made.model["refractory"] = d.quantity(0, 5, "ms")
            else:
                self.made.model["refractory"] = self.parameter("t_ref", 0.3, 5, "ms")

    def _initial(self) -> None:
        d = self.draw
        for state in self.made.states:
            low, high = _TARGETS[state.unit]
            if d.chance(0.6) or state.unit == VOLTS:
                given = d.quantity(low, high, state.unit)
                if d.chance(0.25):
                    # Parameters only: others may need this state's own value.
                    own = self.made.parameters
                    numbers = [k for k in self.known if k.name in own and k.unit == "1"]
                    scale = "mV" if state.unit == VOLTS else "1"
                    given = f"{d.between(low, high):g}*{scale} + 0.3*{scale}*{Terms(d, numbers).bounded(1)}"
                self.made.model["initial"][state.name] = given


def draw_neuron(draw: Draw, name: str, receptors: tuple[str, ...]) -> DrawnNeuron:
    """A random point neuron; *receptors* are the names that its population's receptors will have."""
    return _Maker(draw, name, receptors).make()
