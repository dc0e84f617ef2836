"""A cable cell taken apart: its channels, pools and receptors, each with the equations it needs.

The equations are those of the lowered cell, of one compartment that has the piece; what they are called
there loses the compartment's name, so that one mechanism serves all compartments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ...core.cell import Cell, Increment, Port
from ...core.channels import Channel, Ion
from ...core.equations import Variable
from ...core.errors import UnsupportedError
from ...core.expressions import names, number, rename, substitute
from ...core.lowering import Lowered
from ...core.realization import RealizedPopulation
from ...core.scopes import OwnerKind
from ...core.units import DIMENSIONLESS
from ...core.values import Floats

_BUILT_IN_IONS = {("na", 1), ("k", 1), ("ca", 2)}

Kind = Literal["channel", "point_channel", "pool", "receptor"]


@dataclass(frozen=True)
class Arrow:
    """``source <-> target`` of a scheme with the names of its rates; ``back`` is None for one way."""

    source: str
    target: str
    rate: str
    back: str | None


@dataclass(frozen=True, eq=False)
class Piece:
    """A channel, a pool or a receptor of a population's cells, in the compartments that have it.

    ``cell`` holds its equations; the states in ``outputs`` are none, their derivatives are what the piece
    gives out: its current (pA/µm², or pA inward for a receptor) and a scheme's rates. ``occupancies`` are
    the states of a scheme. ``outside`` says what names from outside are in NMODL. ``parameters`` have
    shape (), (size, 1) or (size, compartments), ``initial`` (size, compartments). ``reads`` holds, by
    NEURON's name of an ion, what is read of it; ``writes`` is the ion of its current or concentration.
    ``flat`` gives, by name in the lowered equations, the state and the number of the compartment among
    those of the piece.
    """

    name: str
    kind: Kind
    compartments: tuple[int, ...]
    cell: Cell
    outputs: tuple[str, ...]
    outside: Mapping[str, str]
    parameters: Mapping[str, float | Floats]
    initial: Mapping[str, Floats]
    flat: Mapping[str, tuple[str, int]]
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: Ion | None = None
    occupancies: tuple[str, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    floor: str | None = None

    @property
    def is_point(self) -> bool:
        """Whether it is a point process rather than a density."""
        return self.kind in {"point_channel", "receptor"}

    @property
    def states(self) -> tuple[str, ...]:
        """The states with differential equations, then those of a scheme."""
        return (*(v.name for v in self.equation_states), *self.occupancies)

    @property
    def equation_states(self) -> tuple[Variable, ...]:
        """The states with differential equations."""
        return tuple(v for v in self.cell.states if v.name not in self.outputs)


CURRENT = "current_"
"""The output of a piece that is its current; no name of a model ends so."""


def ion_name(ion: Ion) -> str:
    """What an ion is called in NEURON, which knows one valence for a name."""
    if (ion.name, ion.valence) in _BUILT_IN_IONS:
        return ion.name
    return f"{ion.name}_{ion.valence}".replace("-", "m")


def pieces_of(population: RealizedPopulation, variable_step: bool) -> tuple[Piece, ...]:
    """The pieces of a population of cable cells; UnsupportedError for a receptor that is none.

    With *variable_step* a pool's floor is in its equation, which a fixed step puts right afterwards.
    """
    lowered = population.cell.lowered
    assert lowered is not None
    taker = _Taker(population, lowered)
    pieces = [taker.channel(channel) for channel in lowered.cell.channels]
    pieces += [taker.pool(i, variable_step) for i in lowered.cell.ions if i.pool is not None]
    pieces += [taker.receptor(port) for port in population.cell.receptors]
    return tuple(piece for piece in pieces if piece.compartments)


class _Taker:
    """Takes pieces out of a population's flat equations."""

    def __init__(self, population: RealizedPopulation, lowered: Lowered) -> None:
        self.population, self.lowered = population, lowered
        self.flat = {v.name: v for v in population.cell.variables}
        self.ions = {ion.name: ion for ion in lowered.cell.ions}

    def channel(self, channel: Channel) -> Piece:
        """A channel in all compartments that have it."""
        places = {
            k: region
            for k, own in enumerate(self.lowered.channels)
            for c, region in own
            if c.name == channel.name
        }
        if not places:
            raise UnsupportedError("neuron", f"{channel.name} is in no compartment")
        compartments = tuple(places)
        first = compartments[0]
        gates = [self._state("gate", channel, g.name, first) for g in channel.gates]
        occupancies: list[str] = []
        arrows: tuple[Arrow, ...] = ()
        roots = {CURRENT: ast.Name(id=self.lowered.name("channel", channel.name, "I", first))}
        if channel.scheme is not None:
            states = channel.scheme.states
            occupancies = [self._state("scheme", channel, s, first) for s in states]
            arrows = self._arrows(channel, first)
            for arrow in arrows:
                for rate in filter(None, (arrow.rate, arrow.back)):
                    roots[f"{rate}_"] = ast.Name(id=self._at(rate, first))
        own_amount = self.lowered.amount(channel, channel.region)
        amounts = {k: self.lowered.amount(channel, region) for k, region in places.items()}
        piece = self._piece(
            channel.name,
            "point_channel" if channel.is_point else "channel",
            compartments,
            roots,
            gates,
            occupancies,
            {amounts[first]: own_amount},
            stops=(),
        )
        values = [np.asarray(self.population.parameters[amounts[k]]) for k in compartments]
        parameters = {**piece.parameters, own_amount: self._by_compartment(values)}
        initial: dict[str, Floats] = dict(piece.initial)
        if channel.scheme is not None:
            rest = self._state("scheme", channel, channel.scheme.rest, first)
            others = [initial[name] for name in occupancies if name != rest]
            initial[rest] = 1.0 - np.sum(others, axis=0)
        writes = None if channel.ion is None else self.ions[channel.ion]
        return replace(piece, parameters=parameters, initial=initial, writes=writes, arrows=arrows)

    def pool(self, ion: Ion, variable_step: bool) -> Piece:
        """The shell of an ion, in every compartment."""
        assert ion.pool is not None
        compartments = tuple(range(len(self.lowered.compartments)))
        flux = self.lowered.name("pool", ion.name, "influx", 0)
        right = self.flat[flux].right
        # -(the sum of the currents)/charge, whose sum is NEURON's to know.
        assert isinstance(right, ast.BinOp)
        assert isinstance(right.op, ast.Div)
        inward = ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="outward_"))
        changed: dict[str, ast.expr] = {
            flux: ast.BinOp(left=inward, op=ast.Div(), right=right.right)
        }
        limited = self.lowered.find("pool", ion.name, "free", 0)
        if limited is not None and not variable_step:
            changed[limited] = number(1.0)
        state = self._plain(self.lowered.name("ion", ion.name, "inside", 0))
        piece = self._piece(
            ion.name,
            "pool",
            compartments,
            {},
            [state],
            [],
            {},
            stops=("outward_",),
            changed=changed,
        )
        name = ion_name(ion)
        # mA/cm² in NEURON, pA/µm² here.
        outside = {**piece.outside, "outward_": f"(10 * i{name})", state: f"{name}i"}
        floor = None if variable_step else self.lowered.find("pool", ion.name, "floor")
        parameters = dict(piece.parameters)
        if floor is not None:
            parameters[floor] = self._across(self.population.parameters[floor])
        return replace(
            piece, outside=outside, writes=ion, floor=floor, parameters=parameters, reads={}
        )

    def receptor(self, port: Port) -> Piece:
        """A receptor in the compartment that its current goes to."""
        where = f"{self.population.name}.{port.name}"
        own = self._states_of(port)
        targets = {increment.target for increment in port.increments}
        driven = None
        for k in range(len(self.lowered.compartments)):
            for current in self._driving(k):
                if self.flat[current].kind in {"state", "subexpression"} and (
                    self._reached(current) & targets
                ):
                    driven = k, current
        kicked = [t for t in targets if t not in own]
        if driven is None or kicked:
            raise UnsupportedError(
                "neuron",
                f"{where} changes {', '.join(kicked) or 'no current'} of a cable cell at once, which "
                "Sections cannot; use a receptor with a current, or lockstep",
            )
        k, current = driven
        voltage = self.lowered.potential(k)
        used = self._reached(current) | {
            name for i in port.increments for name in self._leaves(i.coefficient)
        }
        foreign = {n for n in used if self.flat[n].kind == "state"} - own - {voltage}
        if foreign:
            raise UnsupportedError(
                "neuron",
                f"{where} uses {', '.join(sorted(foreign))}, which its compartment's Section does not "
                f"have for it (it has {voltage}); use lockstep",
            )
        increments = [i.coefficient for i in port.increments]
        piece = self._piece(
            port.name,
            "receptor",
            (k,),
            {CURRENT: ast.Name(id=current)},
            [s for s in self._ordered(own) if s in used | targets],
            [],
            {},
            stops=(),
            also=increments,
        )
        renamed = tuple(
            Increment(i.target, rename(i.coefficient, {voltage: "v"}), i.unless_refractory)
            for i in port.increments
        )
        cell = replace(piece.cell, receptors=(replace(port, increments=renamed),))
        return replace(piece, cell=cell)

    # Names

    def _at(self, plain: str, k: int) -> str:
        name = self.lowered.called(plain, k)
        assert name is not None
        return name

    def _state(self, kind: OwnerKind, channel: Channel, own: str, k: int) -> str:
        """What a state of a channel, which is in a compartment, is called in all of them."""
        return self._plain(self.lowered.name(kind, channel.name, own, k))

    def _arrows(self, channel: Channel, k: int) -> tuple[Arrow, ...]:
        """The transitions of a scheme, there and back in one."""
        assert channel.scheme is not None
        pairs = dict.fromkeys((t.source, t.target) for t in channel.scheme.arrows)
        arrows: list[Arrow] = []
        while pairs:
            a, b = next(iter(pairs))
            there, back = (
                self._state("scheme", channel, f"{source}->{target}", k)
                if (source, target) in pairs
                else None
                for source, target in ((a, b), (b, a))
            )
            assert there is not None
            source, target = (self._state("scheme", channel, s, k) for s in (a, b))
            arrows.append(Arrow(source, target, there, back))
            pairs.pop((a, b))
            pairs.pop((b, a), None)
        return tuple(arrows)

    def _driving(self, k: int) -> frozenset[str]:
        right = self.flat[self.lowered.port(k)].right
        return frozenset() if right is None else names(right)

    def _states_of(self, port: Port) -> set[str]:
        """The receptor's own states."""
        states = self.population.cell.states
        return {v.name for v in states if v.owner[:2] == ("receptor", port.name)}

    def _ordered(self, states: Iterable[str]) -> list[str]:
        chosen = set(states)
        return [v.name for v in self.population.cell.states if v.name in chosen]

    def _leaves(self, tree: ast.expr) -> set[str]:
        return set().union(*(self._reached(name) for name in names(tree))) if names(tree) else set()

    def _reached(self, name: str) -> set[str]:
        """A name and all that it depends on, through sub-expressions and rates of receptors' states."""
        seen: set[str] = set()
        pending = {name}
        while pending:
            name = pending.pop()
            if name in seen or name not in self.flat:
                continue
            seen.add(name)
            variable = self.flat[name]
            if variable.right is not None and (
                variable.kind != "state" or variable.owner.kind == "receptor"
            ):
                pending |= names(variable.right) - seen
        return seen

    # The piece

    def _by_compartment(self, values: Sequence[Floats]) -> Floats:
        size = self.population.size
        columns = [np.broadcast_to(v, (size,)) for v in values]
        return np.stack(columns, axis=1)

    def _across(self, value: float | Floats) -> float | Floats:
        array = np.asarray(value, dtype=np.float64)
        return float(array) if array.ndim == 0 else array[:, None]

    def _plain(self, name: str) -> str:
        """A name without its compartment's."""
        variable = self.flat.get(name)
        if variable is None or variable.kind == "parameter":
            return name
        return variable.plain or name

    def _piece(
        self,
        name: str,
        kind: Kind,
        compartments: tuple[int, ...],
        roots: Mapping[str, ast.expr],
        states: Sequence[str],
        occupancies: Sequence[str],
        renamed: Mapping[str, str],
        *,
        stops: Sequence[str],
        changed: Mapping[str, ast.expr] | None = None,
        also: Sequence[ast.expr] = (),
    ) -> Piece:
        """The piece of ``states`` (plain names) in compartments, with what ``roots`` and they need."""
        k = compartments[0]
        here = {s: s if kind == "receptor" else self._at(s, k) for s in (*states, *occupancies)}
        changed = dict(changed or {})
        rates: dict[str, ast.expr] = {}
        for state in states:
            right = self.flat[here[state]].right
            assert right is not None
            rates[state] = substitute(right, changed)
        wanted: set[str] = set().union(*map(names, (*rates.values(), *roots.values(), *also)))
        inner: list[Variable] = []
        kept = set(here.values())
        for variable in reversed(self.population.cell.subexpressions):
            if variable.name in wanted and variable.name not in kept:
                assert variable.right is not None
                tree = substitute(variable.right, changed)
                inner.append(replace(variable, right=tree))
                wanted |= names(tree)
        leaves = wanted - {v.name for v in inner} - kept
        leaves -= {"not_refractory"}
        outside, reads = self._outside(leaves - set(stops), k)
        plain = {n: self._plain(n) for n in wanted | kept}
        plain |= {flat: state for state, flat in here.items()} | dict(renamed)

        def moved(tree: ast.expr) -> ast.expr:
            return rename(tree, {old: new for old, new in plain.items() if old != new})

        variables = [replace(self.flat[here[s]], name=s, right=moved(rates[s])) for s in states]
        variables += [_output(n, moved(tree)) for n, tree in roots.items()]
        variables += [_held(n) for n in (*occupancies, *map(plain.__getitem__, outside), *stops)]
        variables += [
            replace(v, name=plain[v.name], right=moved(v.right))  # type: ignore[arg-type]
            for v in inner[::-1]
        ]
        numbers = sorted(leaves - set(outside) - set(stops))
        variables += [replace(self.flat[n], name=plain[n]) for n in numbers]
        cell = Cell(f"{self.population.name}.{name}", tuple(variables), {}, (), None, (), None)
        given = self.population.parameters
        initial, flat = self._initial((*states, *occupancies), compartments, kind)
        return Piece(
            name,
            kind,
            compartments,
            cell,
            tuple(roots),
            {plain[n]: text for n, text in outside.items()},
            {plain[n]: self._across(given[n]) for n in numbers},
            initial,
            flat,
            reads,
            occupancies=tuple(occupancies),
        )

    def _outside(
        self, leaves: Iterable[str], k: int
    ) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """What leaves are in NMODL that NEURON keeps, by flat name, and what is read of which ion."""
        kept: dict[str, str] = {}
        reads: dict[str, list[str]] = {}
        for leaf in sorted(leaves):
            variable = self.flat[leaf]
            if leaf == self.lowered.potential(k):
                kept[leaf] = "v"
            # The reversal potential that is given, and a pool's concentration.
            form = {("reversal", "parameter"): "e{}", ("inside", "state"): "{}i"}.get(
                (variable.owner.own, variable.kind)
            )
            if variable.owner.kind == "ion" and form is not None:
                name = ion_name(self.ions[variable.owner.name])
                kept[leaf] = form.format(name)
                reads.setdefault(name, []).append(kept[leaf])
        return kept, {ion: tuple(own) for ion, own in reads.items()}

    def _initial(
        self, states: Sequence[str], compartments: tuple[int, ...], kind: Kind
    ) -> tuple[dict[str, Floats], dict[str, tuple[str, int]]]:
        initial: dict[str, Any] = {}
        flat: dict[str, tuple[str, int]] = {}
        for state in states:
            own = [state if kind == "receptor" else self._at(state, k) for k in compartments]
            if own[0] in self.population.initial:  # but for what is 1 minus the others
                initial[state] = self._by_compartment([self.population.initial[n] for n in own])
                flat |= {name: (state, i) for i, name in enumerate(own)}
        return initial, flat


def _output(name: str, tree: ast.expr) -> Variable:
    return Variable(name, "state", "1", DIMENSIONLESS, tree)


def _held(name: str) -> Variable:
    return Variable(name, "input", "1", DIMENSIONLESS)
