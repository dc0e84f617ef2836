"""The equations of a membrane, compartment by compartment, as lines of the equation language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .channels import Channel, Ion
from .discretisation import Compartments
from .equations import parse_equations
from .errors import InputError, unknown
from .expressions import names, parse, rename, text, units_in
from .membrane_names import MembraneNames
from .morphology import Morphology
from .names import check_variable
from .scopes import OwnerKind
from .units import Quantity, internal_unit
from .values import Value

if TYPE_CHECKING:
    from .cable import CableCell

GAS_CONSTANT = 8.31446261815324
FARADAY = 96485.33212331001
_RT_F = 1e3 * GAS_CONSTANT / FARADAY
"""mV/K."""
_CHARGE = FARADAY * 1e-3
"""pA·ms/(µm³·mM): what one mM in a µm³ carries for one valence."""
ZERO_CELSIUS = 273.15
_MOST_TERMS = 64
"""Of one sum: an expression may nest 100 deep."""


@dataclass(frozen=True)
class LoweredScheme:
    """A Markov scheme in one compartment: its states, and the name of every transition's rate.

    ``rest`` is the state that is 1 minus the others; ``arrows`` are (source, target, rate), all by their
    names in the lowered equations.
    """

    states: tuple[str, ...]
    rest: str
    arrows: tuple[tuple[str, str, str], ...]


def compartment_at(cell: CableCell, cut: Compartments, place: str, where: str) -> int:
    """The number of the compartment at a place such as ``dend(0.25)``; InputError if off the tree.

    Its node is in its middle: the ends 0 and 1 of a section are its first and its last compartment.
    """
    section, x = cell.morphology.place(place, where)
    own = [k for k, c in enumerate(cut.compartments) if c.section == section.name]
    return own[min(int(x * len(own)), len(own) - 1)]


def sections_of(channel: Channel, morphology: Morphology, where: str) -> dict[str, str]:
    """The region whose density of a channel holds, by section; ``elsewhere`` goes before ``all``.

    InputError for a region that is not there, or two that share a section.
    """
    regions: dict[str, str] = {}
    for region in sorted(channel.amounts, key=lambda name: name != "all"):
        for section in morphology.in_region(region, f"{where}.region"):
            other = regions.get(section.name, "all")
            if other != "all":
                raise InputError(where, f"is given in {section.name} by {other!r} and {region!r}")
            regions[section.name] = region
    return regions


class MembraneWriter(MembraneNames):
    """The lines of a cell's equations; collects values, initial values, schemes and origins on the way."""

    def __init__(self, cell: CableCell, cut: Compartments) -> None:
        super().__init__(cell, cut.compartments)
        self.cut = cut
        self.ions = {ion.name: ion for ion in cell.ions}
        self.values: dict[str, Value] = {}
        self.initial: dict[str, Value | str] = {}
        self.schemes: list[LoweredScheme] = []
        self.rates: list[str] = []
        self.time_constants: list[str] = []
        self.bounds: dict[str, tuple[float, bool]] = {
            "temperature": (-ZERO_CELSIUS, False),
            "capacitance": (0.0, False),
            "axial_resistivity": (0.0, False),
        }
        self.neighbours: dict[int, list[tuple[int, float]]] = {}
        for coupling in cut.couplings:
            for here, there in (
                (coupling.first, coupling.second),
                (coupling.second, coupling.first),
            ):
                self.neighbours.setdefault(here, []).append((there, coupling.shape))
        self._regions = {
            c.name: sections_of(c, cell.morphology, c.name) for c in cell.channels if not c.is_point
        }
        self.channels = tuple(tuple(self._in_compartment(k)) for k in range(len(self.compartments)))

    def _in_compartment(self, k: int) -> Iterator[tuple[Channel, str]]:
        section = self.compartments[k].section
        for channel in self.cell.channels:
            if channel.is_point:
                if compartment_at(self.cell, self.cut, channel.region, channel.name) == k:
                    yield channel, channel.region
                continue
            region = self._regions[channel.name].get(section)
            if region is not None:
                yield channel, region

    def lines(self) -> Iterator[str]:
        """All equations, compartment by compartment, then the parameters."""
        for k in range(len(self.compartments)):
            yield from self._compartment(k)
        thermal_voltage = self._membrane("thermal_voltage")
        yield f"{thermal_voltage} = {_RT_F!r}*mV*({ZERO_CELSIUS!r} + temperature) : mV"
        given: dict[str, tuple[str, Value | None]] = {
            "temperature": ("1", Quantity(self.cell.celsius)),
            "capacitance": ("pF/um**2", self.cell.capacitance),
            "axial_resistivity": (
                "GOhm*um",
                self.cell.axial_resistivity if self.cut.couplings else None,
            ),
            "spike_threshold": ("mV", self.cell.spike_threshold),
        }
        for name, (unit, value) in given.items():
            if value is not None:
                yield f"{self._membrane(name)} : {unit}"
                self.values[name] = value
        for channel in self.cell.channels:
            yield from self._parameters_of(channel)
        for ion in self.cell.ions:
            yield from self._parameters_of_ion(ion)

    # One compartment

    def _compartment(self, k: int) -> Iterator[str]:
        v, port, area = (self._membrane(n, k) for n in ("v", "I", "membrane_area"))
        outward: list[str] = []
        points: list[str] = []
        carried: dict[str, list[str]] = {}
        inner: list[str] = []
        for channel, region in self.channels[k]:
            inner += self._channel(channel, region, k)
            current = self._of_channel(channel, "I", k)
            (points if channel.is_point else outward).append(current)
            if channel.ion is not None:
                density = f"{current}/{area}" if channel.is_point else current
                carried.setdefault(channel.ion, []).append(density)
        axial = self._axial(k)
        total = [port]
        if outward:
            total.append(f"- {area}*({' + '.join(outward)})")
        total += [f"- {current}" for current in points]
        total += [f"+ {current}" for current in _grouped(axial)]
        yield f"d{v}/dt = ({' '.join(total)})/(capacitance*{area}) : mV"
        self.initial[v] = self.cell.v_initial
        yield f"{port} : pA (input)"
        yield from inner
        for name, ion in self.ions.items():
            yield from self._ion(ion, carried.get(name, []), k)
        yield f"{area} : um**2"
        self.values[area] = Quantity(self.compartments[k].area, "um**2")
        self.bounds[area] = (0.0, False)

    def _axial(self, k: int) -> list[str]:
        own = self._membrane("v", k)
        return [
            f"{shape!r}*um/axial_resistivity*({self._membrane('v', other)} - {own})"
            for other, shape in self.neighbours.get(k, ())
        ]

    def _ion(self, ion: Ion, densities: list[str], k: int) -> Iterator[str]:
        if ion.pool is not None:
            inside, total = self._inside(ion, k), self._pooled("influx", ion, k)
            depth, tau, rest = (self._pooled(part, ion) for part in ("depth", "tau", "rest"))
            summed = " + ".join(densities) or "0*pA/um**2"
            charge = f"({ion.valence * _CHARGE!r}*pA*ms/(um**3*mM)*{depth})"
            yield f"{total} = -({summed})/{charge} : mM/ms (held)"
            rate = f"({total} - ({inside} - {rest})/{tau})"
            if ion.pool.floor.internal > 0:
                # At the floor it only moves upward.
                floor, decays = self._pooled("floor", ion), self._pooled("free", ion, k)
                yield (f"{decays} = int({inside} > {floor} or {rate} > 0*mM/ms) : 1 (held)")
                rate = f"{decays}*{rate}"
            yield f"d{inside}/dt = {rate} : mM"
            self.initial[inside] = ion.pool.start
        elif ion.inside is not None and len(self.compartments) > 1:
            yield f"{self._inside(ion, k)} = {self._inside(ion)} : mM"
        if ion.reversal is None and ion.has_inside and ion.outside is not None:
            here = self._inside(ion, k if ion.pool is not None else None)
            nernst = f"thermal_voltage/{ion.valence!r}*log({self._outside(ion)}/{here})"
            yield f"{self._reversal(ion, k)} = {nernst} : mV"

    def _parameters_of_ion(self, ion: Ion) -> Iterator[str]:
        if ion.reversal is not None:
            name = self._reversal(ion)
            yield f"{name} : mV"
            self.values[name] = ion.reversal
        given: list[tuple[str, str, Value, bool]] = []
        if ion.inside is not None:
            given.append((self._inside(ion), "mM", ion.inside, False))
        if ion.outside is not None:
            given.append((self._outside(ion), "mM", ion.outside, False))
        if ion.pool is not None:
            pool = ion.pool
            given += [
                (self._pooled("depth", ion), "um", pool.depth, False),
                (self._pooled("tau", ion), "ms", pool.tau, False),
                (self._pooled("rest", ion), "mM", pool.rest, True),
            ]
            if pool.floor.internal > 0:
                given.append((self._pooled("floor", ion), "mM", pool.floor, True))
        for name, unit, value, may_be_zero in given:
            yield f"{name} : {unit}"
            self.values[name] = value
            self.bounds[name] = (0.0, may_be_zero)

    # One channel

    def _outer(self, channel: Channel, k: int) -> dict[str, str]:
        """The names outside a channel that its expressions may use."""
        outer = {"v": self._membrane("v", k), "celsius": "temperature"}
        for name, ion in self.ions.items():
            if ion.has_reversal:
                outer[f"e{name}"] = self._reversal(ion, k if ion.reversal is None else None)
            if ion.has_inside:
                outer[f"{name}i"] = self._inside(ion, None if ion.pool is None else k)
            if ion.outside is not None:
                outer[f"{name}o"] = self._outside(ion)
        return outer

    def _inner(self, channel: Channel, k: int) -> dict[str, str]:
        """The names of a channel: its parameters once, all else once a compartment."""
        inner = {
            v.name: self._of_channel(channel, v.name, None if v.kind == "parameter" else k)
            for v in parse_equations(channel.equations, channel.name)
        }
        states: list[tuple[str, OwnerKind]] = [(gate.name, "gate") for gate in channel.gates]
        if channel.scheme is not None:
            states += [(state, "scheme") for state in channel.scheme.states]
        for name, kind in states:
            inner[name] = self._call(f"{name}_{channel.name}", kind, channel.name, name, k)
        for name in inner.keys() & self._outer(channel, k).keys():
            raise InputError(
                f"{self.cell.name}.{channel.name}.{name}",
                f"{name} is what the cell calls its own; choose another name",
            )
        return inner

    def _channel(self, channel: Channel, region: str, k: int) -> Iterator[str]:
        where = f"{self.cell.name}.{channel.name}"
        inner = self._inner(channel, k)
        mapping = {**self._outer(channel, k), **inner}

        def written(expression: str, part: str) -> str:
            tree = parse(expression, f"{where}.{part}")
            units = units_in(tree, mapping)
            for name in sorted(names(tree) - mapping.keys()):
                self._check_name(name, mapping, f"{where}.{part}")
                if name not in units:
                    raise unknown(f"{where}.{part}", "variable", name, mapping)
                if name == "V":
                    raise InputError(
                        f"{where}.{part}",
                        "V is the unit volt; the membrane potential is v (1 V: 1e3*mV)",
                    )
            return text(rename(tree, mapping))

        for variable in parse_equations(channel.equations, channel.name):
            if variable.right is not None:
                right = written(text(variable.right), variable.name)
                self.places[mapping[variable.name]] = f"{channel.name}.{variable.name}"
                yield f"{mapping[variable.name]} = {right} : {variable.unit}"
        warm = f"{self._of_channel(channel, 'warmth')}*" if channel.q10 != 1.0 else ""
        for gate in channel.gates:
            x = mapping[gate.name]
            if gate.alpha is not None and gate.beta is not None:
                a, b = (
                    self._made(f"{rate}_{gate.name}", "gate", channel, f"{gate.name}.{rate}", k)
                    for rate in ("alpha", "beta")
                )
                self.rates += [a, b]
                yield f"{a} = {written(gate.alpha, f'{gate.name}.alpha')} : 1/ms"
                yield f"{b} = {written(gate.beta, f'{gate.name}.beta')} : 1/ms"
                yield f"d{x}/dt = {warm}({a}*(1 - {x}) - {b}*{x}) : 1"
                self.initial[x] = f"{a}/({a} + {b})"
            elif gate.inf is not None and gate.tau is not None:
                limit, tau = (
                    self._made(f"{part}_{gate.name}", "gate", channel, f"{gate.name}.{part}", k)
                    for part in ("inf", "tau")
                )
                self.time_constants.append(tau)
                # All that its equation alone can be wrong in is a constant tau of 0.
                self.places[f"d{x}/dt"] = f"{channel.name}.{gate.name}.tau"
                yield f"{limit} = {written(gate.inf, f'{gate.name}.inf')} : 1"
                yield f"{tau} = {written(gate.tau, f'{gate.name}.tau')} : ms"
                yield f"d{x}/dt = {warm}({limit} - {x})/{tau} : 1"
                self.initial[x] = limit
        if channel.scheme is not None:
            rates = {}
            for arrow in channel.scheme.arrows:
                place = f"{arrow.source}->{arrow.target}"
                rate = f"rate_{arrow.source}_{arrow.target}"
                name = self._made(rate, "scheme", channel, place, k)
                self.rates.append(name)
                yield f"{name} = {warm}({written(arrow.rate, place)}) : 1/ms"
                rates[arrow.source, arrow.target] = name
            yield from self._scheme(channel, rates, mapping)
        yield from self._current(channel, region, k, written(channel.opening, "open"))

    def _check_name(self, name: str, mapping: Mapping[str, str], where: str) -> None:
        """A better message than the flat equations could give for an ion's name."""
        for ion in self.ions.values():
            for known, missing in (
                (f"e{ion.name}", "reversal, or outside and inside or a pool"),
                (f"{ion.name}i", "inside or a pool"),
                (f"{ion.name}o", "outside"),
            ):
                if name == known and name not in mapping:
                    raise InputError(where, f"needs {name}: give the ion {ion.name} {missing}")

    def _scheme(
        self, channel: Channel, rates: Mapping[tuple[str, str], str], mapping: Mapping[str, str]
    ) -> Iterator[str]:
        scheme = channel.scheme
        assert scheme is not None
        states = {s: mapping[s] for s in scheme.states}
        others = [states[s] for s in scheme.states if s != scheme.rest]
        yield f"{states[scheme.rest]} = 1 - ({' + '.join(others)}) : 1"
        for state in scheme.states:
            if state == scheme.rest:
                continue
            inflow = [f"{r}*{states[a]}" for (a, b), r in rates.items() if b == state]
            outflow = [r for (a, _), r in rates.items() if a == state]
            right = " + ".join(inflow) or "0/ms"
            if outflow:
                right += f" - ({' + '.join(outflow)})*{states[state]}"
            yield f"d{states[state]}/dt = {right} : 1"
            if scheme.initial is not None:
                self.initial[states[state]] = Quantity(scheme.initial.get(state, 0.0))
        arrows = tuple((states[a], states[b], r) for (a, b), r in rates.items())
        self.schemes.append(LoweredScheme(tuple(states.values()), states[scheme.rest], arrows))

    def _current(self, channel: Channel, region: str, k: int, opening: str) -> Iterator[str]:
        amount = self._amount(channel, region)
        current = self._of_channel(channel, "I", k)
        self.places[current] = f"{channel.name}.open"
        v = self._membrane("v", k)
        if channel.permeability is None:
            if channel.ion is not None:
                reversal = self._outer(channel, k)[f"e{channel.ion}"]
            else:
                reversal = self._of_channel(channel, "reversal")
            unit = "pA" if channel.is_point else "pA/um**2"
            yield f"{current} = {amount}*({opening})*({v} - {reversal}) : {unit}"
            return
        assert channel.ion is not None
        ion, outer = self.ions[channel.ion], self._outer(channel, k)
        inside, outside = outer[f"{ion.name}i"], outer[f"{ion.name}o"]
        u = self._of_channel(channel, "ratio", k)
        charge = f"{ion.valence * _CHARGE!r}*pA*ms/(um**3*mM)"
        yield f"{u} = {ion.valence!r}*{v}/thermal_voltage : 1"
        yield (
            f"{current} = {amount}*({opening})*{charge}"
            f"*({inside} - {outside}*exp(-{u}))/exprel(-{u}) : pA/um**2 (held)"
        )

    def _parameters_of(self, channel: Channel) -> Iterator[str]:
        unit = {"conductance": "nS/um**2", "permeability": "um/ms"}[channel.amount]
        if channel.is_point:
            unit = "nS"
        for region, value in channel.amounts.items():
            name = self._amount(channel, region)
            yield f"{name} : {unit}"
            self.values[name] = value
            self.bounds[name] = (0.0, True)
        if channel.ion is None and channel.reversal is not None:
            reversal = self._of_channel(channel, "reversal")
            yield f"{reversal} : mV"
            self.values[reversal] = channel.reversal
        if channel.q10 != 1.0:
            yield (
                f"{self._of_channel(channel, 'warmth')} = "
                f"{channel.q10!r}**((temperature - {channel.q10_celsius!r})/10) : 1"
            )
        for variable in parse_equations(channel.equations, channel.name):
            if variable.kind == "parameter":
                name = self._of_channel(channel, variable.name)
                check_variable(name, f"{self.cell.name}.{channel.name}.{variable.name}")
                yield f"{name} : {internal_unit(variable.dimension)}"
                self.values[name] = channel.parameters[variable.name]
                self.places[name] = f"{channel.name}.{variable.name}"


def _grouped(terms: Sequence[str]) -> Sequence[str]:
    """Terms of a sum, in groups where they are so many that the sum would nest too deeply."""
    while len(terms) > _MOST_TERMS:
        terms = [
            f"({' + '.join(terms[k : k + _MOST_TERMS])})" for k in range(0, len(terms), _MOST_TERMS)
        ]
    return terms
