"""What a population of cable cells becomes in NEURON: Sections, mechanisms, and where each number goes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...core.cable import CableCell, StandIn
from ...core.errors import InputError, UnsupportedError
from ...core.expressions import dimension_of, names, parse, rename, units_in
from ...core.lowering import Lowered
from ...core.numpy_code import compile_expression
from ...core.realization import Realization, RealizedPopulation
from ...core.units import Quantity, dimension_of_unit
from ...core.values import Floats
from .blocks import plastic_targets
from .compile import load_neuron
from .conventions import Style
from .density import Membrane, membrane_of
from .pieces import Piece, pieces_of


@dataclass(frozen=True, eq=False)
class BuiltIn:
    """A mechanism of NEURON's own in place of channels: its numbers (size, compartments) in its units."""

    mechanism: str
    compartments: tuple[int, ...]
    channels: tuple[str, ...]
    numbers: Mapping[str, Floats]


class Place(NamedTuple):
    """Where a state is: in a compartment, of a mechanism (none where it is the segment's), under a name.

    ``later``: its sample of t_n is found one step later; ``ahead``: it is half a step ahead of v.
    """

    compartment: int
    membrane: str | None
    name: str
    later: bool = False
    point: bool = False
    ahead: bool = False


@dataclass(frozen=True, eq=False)
class CablePlan:
    """All that is needed to build a population of cable cells.

    ``states`` says where all states are, by their names in the lowered equations, ``places`` the recorded
    ones. ``crossings``: a mechanism of
    ours finds the spikes, else a NetCon that looks at v.
    """

    population: RealizedPopulation
    lowered: Lowered
    membranes: tuple[Membrane, ...]
    built_in: tuple[BuiltIn, ...]
    states: Mapping[str, Place]
    places: Mapping[str, Place]
    crossings: bool

    @property
    def spike_at(self) -> int:
        """The compartment whose v makes the spikes."""
        return self.lowered.spike_at

    def receptor(self, name: str) -> Membrane:
        """The mechanism of a receptor."""
        return next(
            m for m in self.membranes if m.piece.kind == "receptor" and m.piece.name == name
        )


def takes_sections(population: RealizedPopulation, lockstep: bool) -> bool:
    """Whether a population is built of Sections: cable cells, but not in lockstep."""
    return population.cell.lowered is not None and not lockstep


def plan_of(
    realization: Realization, name: str, style: Style, others: Sequence[Membrane]
) -> CablePlan:
    """The plan of a population; UnsupportedError for what Sections cannot do exactly."""
    population = realization.populations[name]
    lowered = population.cell.lowered
    assert lowered is not None
    recorded = {v for p, v, _ in realization.recorded() if p == name}
    built_in = tuple(built_in_of(realization, name)) if style.built_in else ()
    replaced = {channel for b in built_in for channel in b.channels}
    membranes: list[Membrane] = []
    for piece in pieces_of(population, style.variable_step):
        if piece.kind in {"channel", "point_channel"} and piece.name in replaced:
            continue
        states = [s for flat, (s, _) in piece.flat.items() if flat in recorded]
        made = membrane_of(
            piece,
            states,
            style,
            realization.dt_ms,
            [*others, *membranes],
            plastic=name in plastic_targets(realization),
        )
        membranes.append(made)
    everywhere = _places(lowered, membranes, built_in, style.second_order)
    missing = sorted(recorded - everywhere.keys())
    if missing:
        raise UnsupportedError(
            "neuron",
            f"{name}: {missing[0]} is not among the states that NEURON has; record another, or use lockstep",
        )
    places = {v: everywhere[v] for v in recorded}
    return CablePlan(
        population, lowered, tuple(membranes), built_in, everywhere, places, not style.watch
    )


def _places(
    lowered: Lowered, membranes: Iterable[Membrane], built_in: Iterable[BuiltIn], second_order: bool
) -> dict[str, Place]:
    places = {lowered.potential(k): Place(k, None, "v") for k in range(len(lowered.compartments))}
    for m in membranes:
        for flat, (state, i) in m.piece.flat.items():
            owner = None if m.piece.kind == "pool" else m.name
            places[flat] = Place(
                m.piece.compartments[i],
                owner,
                m.recorded[state],
                state in m.later,
                m.piece.is_point,
                second_order and m.piece.kind != "receptor",
            )
    for own in built_in:
        for channel in lowered.cell.channels:
            for gate in channel.gates if channel.name in own.channels else ():
                if not _is_range(f"{gate.name}_{own.mechanism}"):
                    continue
                for k in own.compartments:
                    flat = lowered.name("gate", channel.name, gate.name, k)
                    places[flat] = Place(k, own.mechanism, gate.name, ahead=second_order)
    return places


def _is_range(name: str) -> bool:
    """Whether NEURON knows a variable of a density mechanism; asked for outside a segment, it says so."""
    try:
        getattr(load_neuron(), name)
    except TypeError:
        return True
    except AttributeError:
        return False
    return False


# Mechanisms of NEURON's own


def built_in_of(realization: Realization, name: str) -> list[BuiltIn]:
    """NEURON's own mechanisms that a population's cell names; UnsupportedError where one is not the same."""
    population = realization.populations[name]
    assert population.cell.lowered is not None
    model = population.cell.lowered.cell
    mechanisms = [
        _built_in(realization, population, stand_in)
        for stand_in in model.stand_ins
        if stand_in.simulator == "neuron"
    ]
    temperatures = {
        float(np.ravel(p.parameters["temperature"])[0])
        for p in realization.populations.values()
        if p.cell.lowered is not None and p.cell.lowered.cell.stand_ins
    }
    if mechanisms and (np.ndim(population.parameters["temperature"]) or len(temperatures) > 1):
        raise _differs(name, mechanisms[0].mechanism, "takes one temperature for all cells")
    return mechanisms


def _differs(name: str, mechanism: str, why: str) -> UnsupportedError:
    return UnsupportedError(
        "neuron", f"{name}: NEURON's own {mechanism} {why}; undo the convention built_in"
    )


def _built_in(
    realization: Realization, population: RealizedPopulation, stand_in: StandIn
) -> BuiltIn:
    h, name = load_neuron(), population.name
    lowered = population.cell.lowered
    assert lowered is not None
    if not hasattr(h, stand_in.mechanism):
        raise UnsupportedError("neuron", f"{name}: NEURON has no mechanism {stand_in.mechanism!r}")
    regions: dict[str, dict[int, str]] = {channel: {} for channel in stand_in.channels}
    for k, own in enumerate(lowered.channels):
        for channel, region in own:
            if channel.name in regions:
                regions[channel.name][k] = region
    places = {tuple(own) for own in regions.values()}
    if len(places) != 1:
        raise _differs(name, stand_in.mechanism, "is in one place, but its channels are in several")
    compartments = places.pop()
    _check_start(realization, population, stand_in)
    _check_ions(lowered.cell, stand_in, name)
    numbers = {}
    for variable, text in stand_in.parameters.items():
        columns = []
        for k in compartments:
            amounts = {}
            for channel in lowered.cell.channels:
                if channel.name in regions:
                    amount = lowered.amount(channel, regions[channel.name][k])
                    amounts[lowered.amount(channel, channel.region)] = amount
            columns.append(_number(population, stand_in, variable, text, amounts))
        numbers[variable] = np.stack(columns, axis=1)
    return BuiltIn(stand_in.mechanism, compartments, stand_in.channels, numbers)


def _check_start(
    realization: Realization, population: RealizedPopulation, stand_in: StandIn
) -> None:
    """A mechanism of NEURON's own starts at its own steady state."""
    described = realization.experiment.population(population.name)
    for state in getattr(described, "initial", ()):
        owner = population.cell.variable(state).owner
        if owner.kind in {"gate", "scheme"} and owner.name in stand_in.channels:
            raise _differs(
                population.name,
                stand_in.mechanism,
                f"starts at its steady state, not at {state} as given",
            )


def _check_ions(cell: CableCell, stand_in: StandIn, where: str) -> None:
    carried = {c.ion for c in cell.channels if c.name in stand_in.channels}
    for ion in cell.ions:
        if ion.name in carried and ion.reversal is None:
            raise _differs(
                where, stand_in.mechanism, f"needs the reversal potential of {ion.name} as a value"
            )


def _number(
    population: RealizedPopulation,
    stand_in: StandIn,
    variable: str,
    text: str,
    amounts: Mapping[str, str],
) -> Floats:
    """A number for NEURON's mechanism in the unit that NEURON says it has, shape (size,)."""
    where = f"{population.name}.stand_ins.{stand_in.mechanism}.{variable}"
    lowered = population.cell.lowered
    assert lowered is not None

    def written_out(match: re.Match[str]) -> str:
        parameter = lowered.find("channel", match[1], match[2])
        if parameter is None:
            problem = f"{text!r} uses {match[0]}, which is no number of the cell's channels"
            raise InputError(where, problem)
        return parameter

    tree = parse(re.sub(r"([A-Za-z]\w*)\.([A-Za-z]\w*)", written_out, text), where)
    tree = rename(tree, amounts)
    known = {v.name: v.dimension for v in population.cell.parameters}
    for used in names(tree) - known.keys() - units_in(tree, known).keys():
        raise InputError(where, f"{text!r} uses {used}, which is no number of the cell's channels")
    unit = _unit(f"{variable}_{stand_in.mechanism}")
    given = {n: q.dimension for n, q in units_in(tree, known).items()}
    if dimension_of(tree, {**known, **given}, where) != dimension_of_unit(unit):
        raise InputError(where, f"{text!r} has another dimension than {unit}, that of {variable}")
    values: dict[str, Any] = dict(population.parameters)
    values |= {n: q.internal for n, q in units_in(tree, known).items()}
    value = compile_expression(tree)(values) / Quantity(1.0, unit).internal
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (population.size,))


def _unit(variable: str) -> str:
    """The unit of a variable of NEURON's, ``S/cm2``, as we write it."""
    text = load_neuron().units(variable)
    return re.sub(r"(?<=[a-zA-Z])(\d)", r"**\1", text) or "1"


# What is refused


def why_not_sections(realization: Realization, name: str, style: Style) -> str | None:
    """Why a population of cable cells cannot be built of Sections; None if it can."""
    population = realization.populations[name]
    lowered = population.cell.lowered
    assert lowered is not None
    for k, compartment in enumerate(lowered.compartments):
        area = lowered.area(k)
        given = np.asarray(population.parameters[area])
        if np.any(np.abs(given - compartment.area) > 1e-9 * compartment.area):
            return (
                f"{name}.{area} is {np.ravel(given)[0]:g} um**2, but the morphology says "
                f"{compartment.area:g} um**2, which a Section follows; change the morphology, or use lockstep"
            )
    try:
        pieces = pieces_of(population, style.variable_step)
        if style.built_in:
            built_in_of(realization, name)
    except UnsupportedError as error:
        return error.reason
    if style.variable_step:
        return _why_not_variable(population, pieces)
    return None


def _why_not_variable(population: RealizedPopulation, pieces: Iterable[Piece]) -> str | None:
    for piece in pieces:
        for port in piece.cell.receptors:
            for increment in port.increments:
                if names(increment.coefficient) & {*piece.states, *piece.outside}:
                    return (
                        f"{population.name}.{port.name}: what an arrival does depends on the state, which "
                        "CVODE would find at the instant of the arrival, not at t_n; use cnexp"
                    )
    lowered = population.cell.lowered
    if lowered is not None and lowered.cell.spike_threshold is not None:
        v = population.initial[lowered.potential(lowered.spike_at)]
        if np.any(v > np.asarray(population.parameters["spike_threshold"])):
            return f"{population.name} begins above threshold, where CVODE would make it spike; use cnexp"
    return None
