"""A `Cell`: one population's neuron, its receptors and inputs written out as one set of equations.

This is what every backend translates: names are unique, units are gone, each port is a sub-expression
that adds what drives it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .cable import CableCell
from .equations import (
    Variable,
    check_dimension,
    check_dimensions,
    in_order,
    known_dimensions,
    parse_equations,
    parse_statements,
)
from .errors import InputError, unknown
from .expressions import (
    BOOLEAN,
    dimension_of,
    names,
    number,
    parse,
    rename,
    substitute,
    text,
    units_in,
)
from .inputs import Input
from .linear import linear_in
from .lowering import Lowered
from .neurons import NeuronModel, check_parameters
from .populations import Population
from .receptors import Receptor, ReceptorEquations
from .units import DIMENSIONLESS, Dimension
from .values import Value

_BINARY = {"+=": ast.Add, "-=": ast.Sub, "*=": ast.Mult, "/=": ast.Div}


@dataclass(frozen=True)
class Assignment:
    """``target = expression``, both in internal units."""

    target: str
    expression: ast.expr

    def __str__(self) -> str:
        return f"{self.target} = {text(self.expression)}"


@dataclass(frozen=True)
class Increment:
    """What the sum W of the weights arriving at one instant does: ``target += coefficient·W``."""

    target: str
    coefficient: ast.expr
    unless_refractory: bool


@dataclass(frozen=True)
class Port:
    """A receptor as the projections see it: its name, the dimension of a weight, its increments."""

    name: str
    weight_dimension: Dimension
    increments: tuple[Increment, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """One population's cell as flat equations.

    ``variables`` holds the states, the sub-expressions in an order in which they can be evaluated,
    the parameters, and the ``input`` variables that are held over a step; ``values`` the parameters'
    values by description. ``reset`` runs in order. ``on_crossing`` marks a cell without reset, whose
    spike is the step at which the threshold condition becomes true. ``lowered`` is the cable cell that these
    are the equations of, for backends that can take it as it is.
    """

    name: str
    variables: tuple[Variable, ...]
    values: Mapping[str, Value]
    receptors: tuple[Port, ...]
    threshold: ast.expr | None
    reset: tuple[Assignment, ...]
    refractory: str | None
    lowered: Lowered | None = None

    @property
    def states(self) -> tuple[Variable, ...]:
        """The state variables in the order written, the neuron's before its receptors'."""
        return tuple(v for v in self.variables if v.kind == "state")

    @property
    def subexpressions(self) -> tuple[Variable, ...]:
        """The sub-expressions in order of evaluation."""
        return tuple(v for v in self.variables if v.kind == "subexpression")

    @property
    def parameters(self) -> tuple[Variable, ...]:
        """The parameters, a number or one per cell."""
        return tuple(v for v in self.variables if v.kind == "parameter")

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """The inputs that change with time and are held over each step."""
        return tuple(v for v in self.variables if v.kind == "input")

    @property
    def on_crossing(self) -> bool:
        """Whether a spike is an upward crossing rather than a state that is reset."""
        return self.threshold is not None and not self.reset

    def variable(self, name: str) -> Variable:
        """A variable by name; InputError with the nearest name if there is none."""
        for found in self.variables:
            if found.name == name:
                return found
        raise unknown(self.name, "variable", name, [v.name for v in self.variables])

    def port(self, receptor: str) -> Port:
        """A receptor by name."""
        for found in self.receptors:
            if found.name == receptor:
                return found
        raise unknown(self.name, "receptor", receptor, [r.name for r in self.receptors])


def input_variable(port: str, input_name: str) -> str:
    """The name in the equations of an input that drives a port."""
    return f"{port}_{input_name}"


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


def build_cell(population: Population, inputs: Sequence[Input] = ()) -> Cell:
    """Write out a population's neuron model with its receptors and inputs as one `Cell`.

    Raises InputError for a name used twice, a receptor whose ``on_pre`` is not proportional to ``w``,
    or a current that no port takes.
    """
    name = population.name
    model = population.model
    variables = {v.name: v for v in model.variables}
    values: dict[str, Value] = {**model.parameters, **population.parameters}
    drives: dict[str, list[str]] = {v.name: [] for v in model.variables if v.kind == "input"}
    for given in inputs:
        port = choose_port(population, given.port, given.name)
        if port is None:
            raise InputError(
                given.name, f"{model.name} has no variable that is an (input); add 'I : pA (input)'"
            )
        drive = input_variable(port.name, given.name)
        kind = "parameter" if given.kind == "constant" else "input"
        _add(variables, Variable(drive, kind, port.unit, port.dimension), given.name)  # type: ignore[arg-type]
        if given.kind == "constant":
            values[drive] = given.amplitude
        drives[port.name].append(drive)
    local_on_pre = {}
    for receptor_name, receptor in population.receptors.items():
        place = f"{name}.{receptor_name}"
        written, renamed, current = _write_receptor(population, receptor_name, receptor, place)
        for variable in renamed:
            _add(variables, variable, place)
        for parameter, value in written.parameters.items():
            values[f"{parameter}_{receptor_name}"] = value
        if current is not None:
            port = choose_port(population, receptor.port, place)
            if port is None:
                raise InputError(
                    place, f"{model.name} has no (input) that its current could add to"
                )
            dimension = variables[current].dimension
            if dimension != port.dimension:
                raise InputError(
                    place,
                    f"its current is in {dimension}, but the port {port.name!r} in {port.dimension}",
                )
            drives[port.name].append(current)
        local_on_pre[receptor_name] = written.on_pre
    for port_name, terms in drives.items():
        old = variables[port_name]
        variables[port_name] = Variable(
            port_name, "subexpression", old.unit, old.dimension, _sum_of(terms)
        )
    flat = _ordered(tuple(variables.values()), name)
    declared = {v.name for v in flat}
    known = known_dimensions(flat)
    ports = tuple(
        _read_port(population, receptor, on_pre, flat) for receptor, on_pre in local_on_pre.items()
    )
    bound = tuple(
        Variable(
            v.name, v.kind, v.unit, v.dimension,
            None if v.right is None else bind_units(v.right, declared), v.unless_refractory, v.held,
        )
        for v in flat
    )  # fmt: skip
    refractory = model.refractory
    threshold = None
    if model.threshold is not None:
        tree = parse(model.threshold, f"{model.name}.threshold")
        check_dimension(tree, BOOLEAN, known, f"{model.name}.threshold")
        threshold = bind_units(tree, declared)
    reset = _read_reset(model.reset, declared)
    instants = {"threshold": [threshold] if threshold is not None else []}
    instants["reset"] = [a.expression for a in reset]
    for read in ports:
        instants[f"{read.name}.on_pre"] = [i.coefficient for i in read.increments]
    for what, trees in instants.items():
        _check_instant(trees, bound, f"{name}.{what}")
    lowered = model.lowered if isinstance(model, CableCell) else None
    return Cell(name, bound, values, ports, threshold, reset, refractory, lowered)


def _check_instant(trees: Sequence[ast.expr], variables: Sequence[Variable], where: str) -> None:
    """InputError if what happens at an instant depends on an input, which is held over a step."""
    right = {v.name: v.right for v in variables if v.kind == "subexpression"}
    held = {v.name for v in variables if v.kind == "input"}
    pending = {name for tree in trees for name in names(tree)}
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        seen.add(name)
        if name in held:
            raise InputError(
                where,
                f"depends on the input {name!r}, which belongs to a step and not to an instant",
            )
        tree = right.get(name)
        if tree is not None:
            pending |= names(tree) - seen


def _add(variables: dict[str, Variable], variable: Variable, where: str) -> None:
    if variable.name in variables:
        raise InputError(where, f"the name {variable.name!r} is used twice; rename one of them")
    variables[variable.name] = variable


def _sum_of(terms: Sequence[str]) -> ast.expr:
    if not terms:
        return number(0.0)
    tree: ast.expr = ast.Name(id=terms[0])
    for term in terms[1:]:
        tree = ast.BinOp(left=tree, op=ast.Add(), right=ast.Name(id=term))
    return tree


def _ordered(variables: tuple[Variable, ...], where: str) -> tuple[Variable, ...]:
    states = tuple(v for v in variables if v.kind == "state")
    rest = tuple(v for v in variables if v.kind in {"parameter", "input"})
    return states + in_order(variables, where) + rest


def bind_units(tree: ast.expr, declared: set[str]) -> ast.expr:
    """A copy of a tree in which units such as ``mV`` are numbers."""
    units = units_in(tree, declared)
    return substitute(tree, {name: number(unit.internal) for name, unit in units.items()})


def _write_receptor(
    population: Population, name: str, receptor: Receptor, where: str
) -> tuple[ReceptorEquations, tuple[Variable, ...], str | None]:
    """A receptor's equations with its own names suffixed by the receptor's name."""
    kick = receptor.kind == "delta" or (receptor.kind == "custom" and receptor.current is None)
    port = None if kick else choose_port(population, receptor.port, where)
    written = receptor.write_out(None if port is None else port.dimension, where)
    local = parse_equations(written.equations, where)
    new_names = {v.name: f"{v.name}_{name}" for v in local}
    outside = {v.name: v for v in population.model.variables}
    here = _voltage_at(population.model, receptor, where)
    if here is not None and "v" not in outside:
        # In a tree v is the membrane potential at the receptor's place.
        outside["v"] = replace(outside[here], name="v", right=None)
    known = known_dimensions((*outside.values(), *local))
    for variable in local:
        if variable.kind == "input":
            raise InputError(f"{where}.{variable.name}", "a receptor has no (input) of its own")
        if variable.right is None:
            continue
        for used in names(variable.right) - new_names.keys() - outside.keys():
            if not units_in(ast.Name(id=used), known):
                raise unknown(f"{where}.{variable.name}", "variable", used, known)
    check_dimensions((*(v for n, v in outside.items() if n not in new_names), *local), where)
    check_parameters(written.parameters, local, where)
    for variable in local:
        if variable.kind == "parameter" and variable.name not in written.parameters:
            raise InputError(f"{where}.{variable.name}", "the parameter has no value")
    if here is not None:
        new_names.setdefault("v", here)
    renamed = tuple(
        Variable(
            new_names[v.name], v.kind, v.unit, v.dimension,
            None if v.right is None else rename(v.right, new_names), v.unless_refractory, v.held,
        )
        for v in local
    )  # fmt: skip
    current = written.current
    if current is not None:
        if current not in new_names:
            raise unknown(f"{where}.current", "variable", current, new_names)
        current = new_names[current]
    return written, renamed, current


def _voltage_at(model: NeuronModel | CableCell, receptor: Receptor, where: str) -> str | None:
    """The membrane potential at a receptor on a tree."""
    if not isinstance(model, CableCell):
        return None
    lowered = model.lowered
    if receptor.port is None:
        return lowered.named("v", lowered.at(_a_place(model), where))
    if "(" in receptor.port:
        return lowered.named("v", lowered.at(receptor.port, where))
    ports = [lowered.named("I", k) for k in range(len(lowered.compartments))]
    if receptor.port not in ports:
        raise unknown(where, f"(input) of {model.name}", receptor.port, ports)
    return lowered.named("v", ports.index(receptor.port))


def _read_port(
    population: Population, receptor: str, on_pre: str, flat: tuple[Variable, ...]
) -> Port:
    where = f"{population.name}.{receptor}.on_pre"
    here = _voltage_at(population.model, population.receptors[receptor], where)
    states = {v.name: v for v in flat if v.kind == "state"}
    declared = {v.name for v in flat}
    known = known_dimensions(flat)
    increments = []
    weight: Dimension | None = None
    for target, operator, right in parse_statements(on_pre, where):
        full = f"{target}_{receptor}" if f"{target}_{receptor}" in declared else target
        if full == "v" and here is not None:
            full = here
        if full not in states:
            raise unknown(where, "state variable", target, states)
        if operator not in {"+=", "-="}:
            raise InputError(where, f"'{target} {operator} …': arrivals add; write 'x += … w'")
        local = {n: f"{n}_{receptor}" for n in names(right) if f"{n}_{receptor}" in declared}
        if here is not None:
            local.setdefault("v", here)
        tree = rename(right, local)
        coefficient = _coefficient_of_w(tree, where)
        if operator == "-=":
            coefficient = ast.UnaryOp(op=ast.USub(), operand=coefficient)
        units = {n: q.dimension for n, q in units_in(coefficient, declared).items()}
        found = dimension_of(coefficient, {**known, **units}, where)
        dimension = states[full].dimension / (
            found if isinstance(found, Dimension) else DIMENSIONLESS
        )
        if weight is not None and dimension != weight:
            raise InputError(
                where, f"w would be in {weight} for one statement, {dimension} for another"
            )
        weight = dimension
        increments.append(
            Increment(full, bind_units(coefficient, declared), states[full].unless_refractory)
        )
    if weight is None:
        raise InputError(where, "does nothing; write for instance 'g += w'")
    return Port(receptor, weight, tuple(increments))


def _coefficient_of_w(tree: ast.expr, where: str) -> ast.expr:
    """What multiplies ``w`` in an expression that has to be proportional to it."""
    linear = linear_in(tree, "w")
    if linear is None or linear.slope is None or linear.intercept is not None:
        raise InputError(
            where, f"{text(tree)!r} is not proportional to w; arrivals at one instant have to add"
        )
    return linear.slope


def _read_reset(source: str, declared: set[str]) -> tuple[Assignment, ...]:
    assignments = []
    for target, operator, right in parse_statements(source, "reset"):
        tree = bind_units(right, declared)
        if operator != "=":
            tree = ast.BinOp(left=ast.Name(id=target), op=_BINARY[operator](), right=tree)
        assignments.append(Assignment(target, tree))
    return tuple(assignments)
