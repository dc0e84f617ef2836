"""Where things reach a cell: its ports, which currents add to, and its receptors written out.

A receptor is `WrittenReceptor`: its equations with the names that they have in the cell (`scopes`), and what
the arrival of a weight does. Its states have to be the sums of its synapses' states (`superposition`).
"""

from __future__ import annotations

import ast
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from .cable import CableCell
from .equations import (
    Variable,
    check_dimension,
    constants_of,
    known_dimensions,
    parse_equations,
    parse_statements,
)
from .errors import InputError, unknown
from .expressions import BOOLEAN, dimension_of, names, number, substitute, text, units_in
from .folding import fold
from .linear import linear_in
from .neurons import NeuronModel, check_parameters
from .populations import Population
from .receptors import Receptor
from .scopes import Owner, Scope, receptor_name
from .superposition import check_superposition
from .units import DIMENSIONLESS, TIME, Dimension
from .values import Value


@dataclass(frozen=True)
class Increment:
    """What the sum W of the weights arriving at one instant does: ``target += coefficient·W``."""

    target: str
    coefficient: ast.expr
    unless_refractory: bool


@dataclass(frozen=True)
class Port:
    """A receptor as the projections see it: its name, the dimension of a weight, its increments.

    ``names`` are the receptor's own variables with their names in the equations of the cell.
    """

    name: str
    weight_dimension: Dimension
    increments: tuple[Increment, ...]
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WrittenReceptor:
    """A receptor in the equations of its cell, before its arrivals are read.

    ``current`` is the name of its current there, ``values`` those of its parameters by their names there.
    """

    name: str
    variables: tuple[Variable, ...]
    values: Mapping[str, Value]
    current: str | None
    on_pre: str
    scope: Scope


def choose_port(population: Population, asked: str | None, where: str) -> Variable | None:
    """The port that is asked for, or the only one; InputError when that is not clear."""
    model = population.model
    ports = {v.name: v for v in model.variables if v.kind == "input"}
    if asked is not None:
        if isinstance(model, CableCell) and "(" in asked:
            asked = model.port_at(asked, where)
        if asked not in ports:
            raise unknown(where, f"(input) of {population.model.name}", asked, ports)
        return ports[asked]
    if len(ports) > 1:
        if isinstance(model, CableCell):
            raise InputError(where, f"{model.name} has a tree; say where: port='{_a_place(model)}'")
        raise InputError(where, f"{model.name} has the inputs {', '.join(ports)}; say port=")
    return next(iter(ports.values()), None)


def _a_place(model: CableCell) -> str:
    return f"{model.morphology.root.name}(0.5)"


def bind_units(tree: ast.expr, declared: Container[str]) -> ast.expr:
    """A copy of a tree in which units such as ``mV`` are numbers."""
    units = units_in(tree, declared)
    return substitute(tree, {name: number(unit.internal) for name, unit in units.items()})


def write_receptor(
    population: Population, name: str, receptor: Receptor, taken: Container[str]
) -> WrittenReceptor:
    """A receptor's equations as part of its cell, in which the names *taken* are given already."""
    where = f"{population.name}.{name}"
    kick = receptor.kind == "delta" or (receptor.kind == "custom" and receptor.current is None)
    port = None if kick else choose_port(population, receptor.port, where)
    written = receptor.write_out(None if port is None else port.dimension, where)
    local = parse_equations(written.equations, where)
    cell = {v.name: v for v in population.model.variables}
    cell_names = {n: n for n in cell}
    here = _voltage_at(population.model, receptor, where)
    if here is not None and "v" not in cell:
        # In a tree v is the membrane potential at the receptor's place.
        cell["v"] = replace(cell[here], name="v")
        cell_names["v"] = here
    own = {v.name: receptor_name(v.name, name, taken) for v in local}
    scope = Scope(own, cell_names, written.outside)
    _check_equations(local, cell, written.outside, where)
    check_parameters(written.parameters, local, where)
    for variable in local:
        if variable.kind == "parameter" and variable.name not in written.parameters:
            raise InputError(f"{where}.{variable.name}", "the parameter has no value")
    current = written.current
    if current is not None and current not in scope.own:
        raise unknown(f"{where}.current", "variable", current, scope.own)
    if receptor.kind == "custom":
        statements = parse_statements(written.on_pre, f"{where}.on_pre")
        increments = [(target, right) for target, _, right in statements]
        check_superposition(local, increments, current, where)
    variables = tuple(
        replace(
            v,
            name=scope.own[v.name],
            owner=Owner("receptor", name, v.name),
            compartment=None if here is None else cell[here].compartment,
            right=None
            if v.right is None
            else scope.written_out(bind_units(v.right, {*cell, *scope.own})),
        )
        for v in local
    )
    values = {scope.own[parameter]: value for parameter, value in written.parameters.items()}
    flat_current = None if current is None else scope.own[current]
    return WrittenReceptor(name, variables, values, flat_current, written.on_pre, scope)


def _check_equations(
    local: tuple[Variable, ...],
    cell: Mapping[str, Variable],
    outside: Mapping[str, str],
    where: str,
) -> None:
    """InputError unless every name is one of the receptor's or the cell's, and both sides agree."""
    known = known_dimensions((*cell.values(), *local))
    meant = {stands: cell[name].dimension for stands, name in outside.items() if name in cell}
    constants = constants_of(local, known, where)
    for variable in local:
        if variable.kind == "input":
            raise InputError(f"{where}.{variable.name}", "a receptor has no (input) of its own")
        if variable.right is None:
            continue
        for used in sorted(names(variable.right) - known.keys() - meant.keys()):
            if used in outside or not units_in(ast.Name(id=used), known):
                missing = outside.get(used, used)
                raise unknown(f"{where}.{variable.name}", "variable", missing, known)
    for variable in local:
        if variable.right is None:
            continue
        rate = variable.kind == "state"
        needed = variable.dimension / TIME if rate else variable.dimension
        place = f"{where}.d{variable.name}/dt" if rate else f"{where}.{variable.name}"
        check_dimension(variable.right, needed, {**known, **meant}, place, constants)


def _voltage_at(model: NeuronModel | CableCell, receptor: Receptor, where: str) -> str | None:
    """The membrane potential at a receptor on a tree."""
    if not isinstance(model, CableCell):
        return None
    lowered = model.lowered
    if receptor.port is None:
        return lowered.potential(lowered.at(_a_place(model), where))
    if "(" in receptor.port:
        return lowered.potential(lowered.at(receptor.port, where))
    ports = [lowered.port(k) for k in range(len(lowered.compartments))]
    if receptor.port not in ports:
        raise unknown(where, f"(input) of {model.name}", receptor.port, ports)
    return lowered.potential(ports.index(receptor.port))


def read_port(population: str, receptor: WrittenReceptor, flat: tuple[Variable, ...]) -> Port:
    """What an arrival at a receptor does, in the equations of the cell.

    Raises InputError for an ``on_pre`` that is not proportional to ``w`` or acts on what is no state.
    """
    where, scope = f"{population}.{receptor.name}.on_pre", receptor.scope
    states = {v.name: v for v in flat if v.kind == "state"}
    dimensions = {v.name: v.dimension for v in flat}
    # As the receptor calls them, so that messages do.
    known: dict[str, Dimension | str] = {
        name: dimensions[scope.flat(name)]
        for name in (*scope.cell, *scope.own)
        if scope.flat(name) in dimensions
    }
    known["not_refractory"] = BOOLEAN
    increments = []
    weight: Dimension | None = None
    for target, operator, right in parse_statements(receptor.on_pre, where):
        full = scope.flat(target)
        if full not in states:
            raise unknown(where, "state variable", target, _states(scope, states))
        if operator not in {"+=", "-="}:
            raise InputError(where, f"'{target} {operator} …': arrivals add; write 'x += … w'")
        coefficient = _coefficient_of_w(right, where)
        if operator == "-=":
            coefficient = ast.UnaryOp(op=ast.USub(), operand=coefficient)
        units = units_in(coefficient, known)
        dimensions_here = known | {n: q.dimension for n, q in units.items()}
        unit_of_rest = dimension_of(coefficient, dimensions_here, where)
        fold(coefficient, where, {n: q.internal for n, q in units.items()})
        dimension = states[full].dimension / (
            unit_of_rest if isinstance(unit_of_rest, Dimension) else DIMENSIONLESS
        )
        if weight is not None and dimension != weight:
            raise InputError(
                where, f"w would be in {weight} for one statement, {dimension} for another"
            )
        weight = dimension
        tree = scope.written_out(bind_units(coefficient, known))
        increments.append(Increment(full, tree, states[full].unless_refractory))
    if weight is None:
        raise InputError(where, "does nothing; write for instance 'g += w'")
    return Port(receptor.name, weight, tuple(increments), scope.own)


def _states(scope: Scope, states: Container[str]) -> list[str]:
    """The states that a receptor can act on, by the names that it has for them."""
    return [name for name in {**scope.own, **scope.cell} if scope.flat(name) in states]


def _coefficient_of_w(tree: ast.expr, where: str) -> ast.expr:
    """What multiplies ``w`` in an expression that has to be proportional to it."""
    linear = linear_in(tree, "w")
    if linear is None or linear.slope is None or linear.intercept is not None:
        raise InputError(
            where, f"{text(tree)!r} is not proportional to w; arrivals at one instant have to add"
        )
    return linear.slope
