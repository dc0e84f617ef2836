"""Cells with a tree, one `SpatialNeuron` each: their equations for any compartment, and what is where.

A cell's lowered equations name each compartment's variables; `SpatialNeuron` wants them once, as arrays
over the compartments. They are those of the same cell with one compartment and every channel in it. Where a
channel is not, its conductance is 0, and its gates move without effect.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cable import CableCell
from ...core.cell import Cell, Increment, build_cell
from ...core.channels import Channel
from ...core.discretisation import FixedSegments
from ...core.equations import Variable
from ...core.expressions import names, rename
from ...core.lowering import Lowered
from ...core.morphology import cylinder
from ...core.populations import Population
from ...core.realization import HeldInput, RealizedPopulation
from ...core.values import Floats
from .blocks import Values
from .morphology import brian2_morphology


class NotOnTreeError(ValueError):
    """Something that `SpatialNeuron` has no place for."""


@dataclass(frozen=True, eq=False)
class TreePlan:
    """What the trees of a population have in common.

    ``cell`` has the equations of any compartment, with receptors and inputs; ``v`` and ``membrane_area`` are
    parameters there. ``home`` says of a flat name which name it has there and in which compartment it is;
    ``receptor_at`` where a receptor is. ``ports`` are the currents injected, by compartment. ``amounts``
    are, by parameter of ``cell``, the flat parameters of the compartments, None where a channel is not.
    """

    lowered: Lowered
    cell: Cell
    home: Mapping[str, tuple[str, int]]
    receptor_at: Mapping[str, int]
    ports: Mapping[int, ast.expr]
    amounts: Mapping[str, tuple[str | None, ...]]
    spike_at: int

    @cached_property
    def _flat(self) -> dict[str, list[tuple[str, int]]]:
        flat_of: dict[str, list[tuple[str, int]]] = {}
        for flat, (name, k) in self.home.items():
            flat_of.setdefault(name, []).append((flat, k))
        return flat_of

    def parameter(self, name: str, given: Mapping[str, Values], index: int) -> Values | None:
        """A parameter's number or numbers (compartments,) in a cell; None where it has no own."""

        def number(flat: str) -> float:
            value = given[flat]
            return float(value if np.ndim(value) == 0 else np.asarray(value)[index])

        if name in self.amounts:
            numbers = [0.0 if flat is None else number(flat) for flat in self.amounts[name]]
            same = all(n == numbers[0] for n in numbers)
            return numbers[0] if same else np.asarray(numbers)
        if name == "membrane_area":
            return None
        # A concentration inside is called in each compartment, ki_dend = ki, and is one number there.
        flat = self._flat[name][0][0] if name in self._flat else name
        return next((number(n) for n in (flat, name) if n in given), None)

    def initial(self, name: str, given: Mapping[str, Floats], index: int) -> Floats:
        """A state's initial values (compartments,) in a cell; 0 where it has none.

        What belongs to a receptor or input begins alike in all compartments.
        """
        values = np.zeros(len(self.lowered.compartments))
        own = [(flat, k) for flat, k in self._flat[name] if flat in given]
        for flat, k in own:
            values[k] = given[flat][index]
        if len(own) == 1:
            values[:] = given[own[0][0]][index]
        return values


@dataclass(frozen=True, eq=False)
class Tree:
    """One cell of a population as a `SpatialNeuron`; it stands where a block stands.

    ``morphology`` is Brian2's, ``rows`` are the indices in it of our compartments.
    """

    name: str
    population: RealizedPopulation
    index: int
    plan: TreePlan
    morphology: Any
    rows: NDArray[np.int64]

    @property
    def members(self) -> tuple[RealizedPopulation, ...]:
        """The population."""
        return (self.population,)

    @property
    def cell(self) -> Cell:
        """The equations of any compartment."""
        return self.plan.cell

    @property
    def size(self) -> int:
        """The number of compartments."""
        return int(self.rows.size)

    @property
    def spike_row(self) -> int:
        """Where spikes are recorded, in Brian2's order."""
        return int(self.rows[self.plan.spike_at])

    @property
    def inputs(self) -> tuple[HeldInput, ...]:
        """The held inputs of this cell, each as one value for all compartments."""
        inputs = []
        for given in self.population.inputs:
            column, gain = given.columns[self.index], given.gain[self.index]
            inputs.append(
                replace(
                    given,
                    variable=self.plan.home[given.variable][0],
                    values=gain * given.values[:, column : column + 1],
                    columns=np.zeros(1, dtype=np.int32),
                    gain=np.ones(1),
                )
            )
        return tuple(inputs)

    @cached_property
    def parameters(self) -> dict[str, Values]:
        """The parameters of the equations, numbers or arrays in Brian2's order."""
        parameters = {}
        for variable in self.cell.parameters:
            value = self.plan.parameter(variable.name, self.population.parameters, self.index)
            if value is not None:
                parameters[variable.name] = value if np.ndim(value) == 0 else self.placed(value)
        return parameters

    @cached_property
    def initial(self) -> dict[str, Floats]:
        """The initial values of v and of the states, in Brian2's order."""
        return {
            name: self.placed(self.plan.initial(name, self.population.initial, self.index))
            for name in ("v", *(s.name for s in self.cell.states))
        }

    def number(self, name: str) -> float:
        """A parameter that is one number for the cell."""
        value = self.plan.parameter(name, self.population.parameters, self.index)
        assert isinstance(value, float)
        return value

    def placed(self, values: Any) -> Floats:
        """Values by our compartments in the order of Brian2's."""
        placed = np.empty(self.size)
        placed[self.rows] = values
        return placed


def has_tree(population: RealizedPopulation) -> bool:
    """Whether a population's cells have more than one compartment."""
    lowered = population.cell.lowered
    return lowered is not None and len(lowered.compartments) > 1


def trees_of(population: RealizedPopulation, own_shape: bool) -> tuple[Tree, ...]:
    """The cells of a population as trees; ``own_shape`` as of `brian2_morphology`.

    Raises NotOnTreeError for a receptor that spans compartments or an area that is not the morphology's,
    and NoMorphologyError for a branching without words in Brian2.
    """
    plan = _plan(population)
    morphology, rows = brian2_morphology(plan.lowered.cell.morphology, plan.lowered.cut, own_shape)
    return tuple(
        Tree(f"tree_{population.name}_{index}", population, index, plan, morphology, rows)
        for index in range(population.size)
    )


def _plan(population: RealizedPopulation) -> TreePlan:
    flat = population.cell
    lowered = flat.lowered
    assert lowered is not None
    for k, compartment in enumerate(lowered.compartments):
        name = lowered.area(k)
        if not np.allclose(population.parameters[name], compartment.area, rtol=1e-9, atol=0):
            raise NotOnTreeError(f"{name} is not the area that the morphology gives")
    template = build_cell(Population(name=flat.name, model=_one_compartment(lowered.cell), size=1))
    home = _homes(lowered, template)
    extras = _Extras(flat, lowered, home)
    local = extras.named_beside({v.name for v in template.variables})
    home |= {name: (local[name], k) for name, k in extras.places.items()}
    new_names = {name: own for name, (own, _) in home.items()}
    kept = [_as_parameter(v) for v in template.variables if v.name != "I"]
    added = [
        replace(
            v, name=local[v.name], right=None if v.right is None else rename(v.right, new_names)
        )
        for v in extras.variables
    ]
    receptors = tuple(
        replace(r, increments=tuple(_renamed(i, new_names) for i in r.increments))
        for r in flat.receptors
    )
    ports = {
        k: rename(right, new_names)
        for k in range(len(lowered.compartments))
        if names(right := _right(flat.variable(lowered.port(k))))
    }
    return TreePlan(
        lowered,
        replace(template, variables=(*kept, *added), receptors=receptors, lowered=None),
        home,
        extras.receptor_at,
        ports,
        _amounts(lowered),
        lowered.spike_at,
    )


def _right(variable: Variable) -> ast.expr:
    assert variable.right is not None
    return variable.right


def _renamed(increment: Increment, new_names: Mapping[str, str]) -> Increment:
    target = new_names.get(increment.target, increment.target)
    return replace(increment, target=target, coefficient=rename(increment.coefficient, new_names))


def _as_parameter(variable: Variable) -> Variable:
    """v is no state here: `SpatialNeuron` moves it."""
    return replace(variable, kind="parameter", right=None) if variable.name == "v" else variable


def _one_compartment(cell: CableCell) -> CableCell:
    """The cell with one compartment and all of its channels."""
    fields = {name: getattr(cell, name) for name in CableCell.model_fields}
    fields |= {
        "morphology": cylinder("1 um", "1 um"),
        "discretisation": FixedSegments(),
        "channels": tuple(_everywhere(channel) for channel in cell.channels),
        "spike_at": None,
        "stand_ins": (),
    }
    return CableCell(**fields)


def _everywhere(channel: Channel) -> Channel:
    fields = {name: getattr(channel, name) for name in Channel.model_fields}
    region = "soma(0.5)" if channel.is_point else "all"
    return Channel(**{**fields, "region": region, "elsewhere": {}})


def _homes(lowered: Lowered, template: Cell) -> dict[str, tuple[str, int]]:
    """Of each flat name of one compartment its name in the template, and the compartment."""
    there = {v.owner: v.name for v in template.variables}
    return {
        v.name: (there[v.owner], v.compartment)
        for v in lowered.variables
        if v.compartment is not None and v.owner in there
    }


def _amounts(lowered: Lowered) -> dict[str, tuple[str | None, ...]]:
    amounts = {}
    for channel in lowered.cell.channels:
        here = [
            next((lowered.amount(c, region) for c, region in present if c is channel), None)
            for present in lowered.channels
        ]
        amounts[lowered.amount(channel, channel.region)] = tuple(here)
    return amounts


class _Extras:
    """What receptors and inputs add to the lowered equations, and the compartment of each.

    What is connected by an equation has to be in one compartment, for it is written as if it were in any.
    """

    def __init__(self, flat: Cell, lowered: Lowered, home: Mapping[str, tuple[str, int]]) -> None:
        self.variables = tuple(v for v in flat.variables if v.owner.kind in {"receptor", "input"})
        self._names = {v.name for v in self.variables}
        self._home = home
        groups: list[tuple[set[str], set[int]]] = []
        self.receptor_at = {}
        for what, used, compartments in self._connected(flat, lowered):
            extra = used & self._names
            here = {home[name][1] for name in used if name in home} | compartments
            if len(here) > 1:
                raise NotOnTreeError(_apart(what, here, lowered))
            merged = [g for g in groups if g[0] & extra]
            for group in merged:
                groups.remove(group)
                extra |= group[0]
                here |= group[1]
            if len(here) > 1:
                raise NotOnTreeError(_apart(what, here, lowered))
            groups.append((extra, here))
        self.places = {
            name: next(iter(here), 0) for extra, here in groups for name in sorted(extra)
        }
        for receptor in flat.receptors:
            target = receptor.increments[0].target
            self.receptor_at[receptor.name] = (
                self.places[target] if target in self._names else home[target][1]
            )

    def _connected(self, flat: Cell, lowered: Lowered) -> Iterator[tuple[str, set[str], set[int]]]:
        for variable in self.variables:
            used = set() if variable.right is None else set(names(variable.right))
            yield variable.name, used | {variable.name}, set()
        for k in range(len(lowered.compartments)):
            for drive in names(_right(flat.variable(lowered.port(k)))):
                yield drive, {drive}, {k}
        for receptor in flat.receptors:
            used = {i.target for i in receptor.increments}
            for increment in receptor.increments:
                used |= names(increment.coefficient)
            yield receptor.name, used, set()

    def named_beside(self, taken: Iterable[str]) -> dict[str, str]:
        """Names for what is added, none of which is *taken*."""
        used, local = set(taken), {}
        for name in sorted(self._names):
            own = name
            while own in used:
                own += "x"
            used.add(own)
            local[name] = own
        return local


def _apart(what: str, compartments: Iterable[int], lowered: Lowered) -> str:
    places = ", ".join(lowered.compartments[k].name for k in sorted(compartments))
    return f"{what} is in several compartments at once: {places}"
