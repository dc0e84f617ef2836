"""A point neuron is its equations: a `NeuronModel`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from pydantic import Field, field_validator, model_validator

from .description import Description
from .equations import (
    Variable,
    check_dimension,
    check_dimensions,
    constants_of,
    in_order,
    known_dimensions,
    parse_equations,
    parse_statements,
)
from .errors import InputError, unknown
from .expressions import BOOLEAN, names, parse
from .names import check_identifier
from .units import TIME, Dimension, Quantity
from .values import Value, check_value, smallest


class NeuronModel(Description):
    """A point neuron: differential equations, a threshold, a reset, a refractory period.

    ``refractory`` is a time or the name of a parameter that is one. Without a reset, a spike is the
    step at which the threshold condition becomes true. Parameters given here are defaults that a
    population can override; initial values not given are 0.
    """

    name: str
    equations: str
    threshold: str | None = None
    reset: str = ""
    refractory: str | None = None
    parameters: dict[str, Value] = Field(default_factory=dict)
    initial: dict[str, Value | str] = Field(default_factory=dict)
    source: str = ""

    @field_validator("refractory", mode="before")
    @classmethod
    def _refractory_as_text(cls, given: object) -> object:
        if isinstance(given, str) and any(sign in given for sign in "<>=()"):
            problem = (
                f"{given!r} is no time: give one, such as '2 ms', or the name of a parameter that is; a "
                "condition cannot be described"
            )
            raise InputError("NeuronModel.refractory", problem, relative=True)
        return given if given is None or isinstance(given, str) else str(Quantity.parse(given))

    @field_validator("initial", mode="before")
    @classmethod
    def _initial_values(cls, given: object) -> object:
        # "-65 mV" is a quantity, "b*v" an expression of parameters and other initial values.
        if not isinstance(given, Mapping):
            return given
        return {name: read_initial(value) for name, value in given.items()}

    @model_validator(mode="after")
    def _consistent(self) -> NeuronModel:
        check_identifier(self.name, "neuron model")
        variables = self.variables
        if not any(v.kind == "state" for v in variables):
            raise InputError(self.name, "has no differential equation")
        check_dimensions(variables, self.name)
        in_order(variables, self.name)
        self._check_spiking()
        check_parameters(self.parameters, variables, self.name)
        check_initial(self.initial, variables, self.name)
        return self

    def _check_spiking(self) -> None:
        known = known_dimensions(self.variables)
        constants = constants_of(self.variables, known, self.name)
        if self.threshold is not None:
            place = f"{self.name}.threshold"
            check_dimension(parse(self.threshold, place), BOOLEAN, known, place, constants)
        elif self.reset or self.refractory:
            raise InputError(
                f"{self.name}.threshold", "a reset or refractoriness needs a threshold"
            )
        states = {v.name: v for v in self.variables if v.kind == "state"}
        for target, operator, right in parse_statements(self.reset, f"{self.name}.reset"):
            place = f"{self.name}.reset"
            if target not in states:
                raise unknown(place, "state variable", target, states)
            needed = states[target].dimension
            if operator in {"*=", "/="}:
                needed = needed / needed
            check_dimension(right, needed, known, place, constants)
        if self.refractory is None:
            if any(v.unless_refractory for v in states.values()):
                raise InputError(
                    self.name, "a variable is 'unless refractory', but refractory is not given"
                )
            return
        place = f"{self.name}.refractory"
        parameter = {v.name: v for v in self.variables if v.kind == "parameter"}
        if self.refractory in parameter:
            if parameter[self.refractory].dimension != TIME:
                raise InputError(place, f"the parameter {self.refractory!r} is not a time")
        elif self.refractory.isidentifier():
            raise unknown(place, "parameter", self.refractory, parameter)
        elif Quantity.parse(self.refractory, place).to(TIME, place) < 0:
            raise InputError(place, f"{self.refractory} is negative; a time has to be >= 0")
        if not self.reset:
            raise InputError(place, "needs a reset; without one a spike is an upward crossing")

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables that the equations define, in the order written."""
        return parse_equations(self.equations, self.name)


def read_initial(value: object) -> object:
    """A quantity, array or distribution as it is; any other text is an expression."""
    if not isinstance(value, str):
        return value
    try:
        return Quantity.parse(value)
    except InputError:
        return value


def _divides(name: str, variables: tuple[Variable, ...]) -> bool:
    for variable in variables:
        if variable.right is None:
            continue
        for node in ast.walk(variable.right):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                if name in names(node.right):
                    return True
    return False


def check_parameters(
    parameters: Mapping[str, Value], variables: tuple[Variable, ...], where: str
) -> None:
    """InputError for an unknown parameter, a wrong dimension, or a time constant not above zero."""
    known = {v.name: v for v in variables if v.kind == "parameter"}
    for name, value in parameters.items():
        place = f"{where}.{name}"
        if name not in known:
            raise unknown(where, "parameter", name, known)
        dimension = known[name].dimension
        check_value(value, dimension, place)
        least = smallest(value)
        if least is None:
            continue
        number = least.internal
        if dimension == TIME and _divides(name, variables) and number <= 0:
            word = "negative" if number < 0 else "zero"
            raise InputError(place, f"{least} is {word}; a time constant has to be > 0")
        if dimension == TIME and number < 0:
            raise InputError(place, f"{least} is negative; a time has to be >= 0")
        if str(dimension) == "pF" and number <= 0:
            raise InputError(place, f"{least} is not positive; a capacitance has to be > 0")


def check_initial(
    initial: Mapping[str, Value | str], variables: tuple[Variable, ...], where: str
) -> None:
    """InputError for an initial value of something that is no state variable, or of a wrong dimension."""
    states = {v.name: v for v in variables if v.kind == "state"}
    known: dict[str, Dimension | str] = {
        v.name: v.dimension for v in variables if v.kind in {"state", "parameter", "subexpression"}
    }
    for name, value in initial.items():
        if name not in states:
            raise unknown(f"{where}.initial", "state variable", name, states)
        place = f"{where}.initial.{name}"
        if isinstance(value, str):
            check_dimension(parse(value, place), states[name].dimension, known, place)
        else:
            check_value(value, states[name].dimension, place)
