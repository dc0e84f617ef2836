"""A `Cell`: one population's neuron, its receptors and inputs written out as one set of equations.

This is what every backend translates: names are unique, units are gone, each port is a sub-expression
that adds what drives it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .cable import CableCell
from .equations import Kind, Variable, check_dimension, in_order, known_dimensions, parse_statements
from .errors import InputError, unknown
from .expressions import BOOLEAN, names, number, parse, text
from .inputs import Input
from .lowering import Lowered
from .populations import Population
from .ports import Increment, Port, bind_units, choose_port, read_port, write_receptor
from .scopes import Owner, input_name
from .values import Value

__all__ = ["Assignment", "Cell", "Increment", "Port", "bind_units", "build_cell", "choose_port"]

_BINARY = {"+=": ast.Add, "-=": ast.Sub, "*=": ast.Mult, "/=": ast.Div}


@dataclass(frozen=True)
class Assignment:
    """``target = expression``, both in internal units."""

    target: str
    expression: ast.expr

    def __str__(self) -> str:
        return f"{self.target} = {text(self.expression)}"


@dataclass(frozen=True, eq=False)
class Cell:
    """One population's cell as flat equations.

    ``variables`` holds the states, the sub-expressions in an order in which they can be evaluated,
    the parameters, and the ``input`` variables that are held over a step; ``values`` the parameters'
    values by description. ``reset`` runs in order. ``on_crossing`` marks a cell without reset, whose
    spike is the step at which the threshold condition becomes true. ``lowered`` is the cable cell that these
    are the equations of, for backends that can take it as it is. ``drives`` says what each input's variable
    is called.
    """

    name: str
    variables: tuple[Variable, ...]
    values: Mapping[str, Value]
    receptors: tuple[Port, ...]
    threshold: ast.expr | None
    reset: tuple[Assignment, ...]
    refractory: str | None
    lowered: Lowered | None = None
    drives: Mapping[str, str] = field(default_factory=dict)

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
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise unknown(self.name, "variable", name, [v.name for v in self.variables])

    def port(self, receptor: str) -> Port:
        """A receptor by name."""
        for port in self.receptors:
            if port.name == receptor:
                return port
        raise unknown(self.name, "receptor", receptor, [r.name for r in self.receptors])


def build_cell(population: Population, inputs: Sequence[Input] = ()) -> Cell:
    """Write out a population's neuron model with its receptors and inputs as one `Cell`.

    Raises InputError for a receptor whose ``on_pre`` is not proportional to ``w``,
    or a current that no port takes.
    """
    name = population.name
    model = population.model
    variables = {v.name: v for v in model.variables}
    values: dict[str, Value] = {**model.parameters, **population.parameters}
    drives: dict[str, list[str]] = {v.name: [] for v in model.variables if v.kind == "input"}
    driven: dict[str, str] = {}
    for given in inputs:
        port = choose_port(population, given.port, given.name)
        if port is None:
            raise InputError(
                given.name, f"{model.name} has no variable that is an (input); add 'I : pA (input)'"
            )
        drive = driven[given.name] = input_name(port.name, given.name, variables)
        kind: Kind = "input" if given.constant is None else "parameter"
        variables[drive] = replace(
            port, name=drive, kind=kind, owner=Owner("input", given.name, port.name), plain=""
        )
        if given.constant is not None:
            values[drive] = given.constant
        drives[port.name].append(drive)
    receptors = []
    for receptor_name, receptor in population.receptors.items():
        place = f"{name}.{receptor_name}"
        written = write_receptor(population, receptor_name, receptor, variables)
        receptors.append(written)
        variables |= {v.name: v for v in written.variables}
        values |= written.values
        current = written.current
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
    for port_name, terms in drives.items():
        variables[port_name] = replace(
            variables[port_name], kind="subexpression", right=_sum_of(terms)
        )
    flat = _ordered(tuple(variables.values()), name)
    declared = {v.name for v in flat}
    known = known_dimensions(flat)
    ports = tuple(read_port(name, receptor, flat) for receptor in receptors)
    bound = tuple(
        v if v.right is None else replace(v, right=bind_units(v.right, declared)) for v in flat
    )
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
    return Cell(name, bound, values, ports, threshold, reset, refractory, lowered, driven)


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


def _read_reset(source: str, declared: set[str]) -> tuple[Assignment, ...]:
    assignments = []
    for target, operator, right in parse_statements(source, "reset"):
        tree = bind_units(right, declared)
        if operator != "=":
            tree = ast.BinOp(left=ast.Name(id=target), op=_BINARY[operator](), right=tree)
        assignments.append(Assignment(target, tree))
    return tuple(assignments)
