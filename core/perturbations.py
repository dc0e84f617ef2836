"""Perturbations and lesions as data: what is changed in an experiment, by how much, and who measured it.

A perturbation is applied to the description, so that every backend runs the same lesioned model, on the
same draws: whatever it does not touch is drawn as before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from .arithmetic import Value, between, in_unit_of, negative, read_value, scaled, shifted
from .cable import CableCell
from .description import Description
from .errors import InputError, nearest
from .experiment import Experiment
from .inputs import Input
from .neurons import read_initial
from .paths import Place, is_pattern, places, projection_between, resolve, resolve_all
from .perturbation_text import (
    Operation,
    percent,
    plain_operand,
    read_perturbation,
    write_perturbation,
)
from .reading import read_json
from .units import Quantity, dimension_of_unit
from .values import RealNumber, check_value

_PERMEABILITY = dimension_of_unit("um/ms")
_CONDUCTANCES = (dimension_of_unit("nS"), dimension_of_unit("nS/um**2"), _PERMEABILITY)


class Perturbation(Description):
    """One change of an experiment at a path, or at every path that a pattern with ``*`` matches.

    ``set`` gives a value; ``scale`` multiplies by a number; ``add`` adds a quantity; ``remove`` takes that
    part of a population's cells out (all by default, and with them its projections, inputs and records);
    ``silence`` undoes the effect of an input, a projection, or all that leaves a population or source.
    Values may be arrays and distributions; a number without a unit is in that of the value which is there.
    ``severity`` s in [0, 1] is how much of it is applied: a factor
    f becomes 1 + s·(f - 1), what is added or removed is s times that, a value set is
    healthy + s·(value - healthy), and what is silenced keeps 1 - s of its effect. Whole numbers are
    rounded to the nearest.
    """

    path: str
    operation: Operation
    value: Any = None
    citation: str = ""
    severity: RealNumber = Field(default=1.0, ge=0, le=1)

    def __init__(
        self,
        path: Any = "",
        operation: Any = "set",
        value: Any = None,
        citation: Any = "",
        **data: Any,
    ) -> None:
        super().__init__(path=path, operation=operation, value=value, citation=citation, **data)

    @classmethod
    @override
    def _called(cls, data: Any) -> object:
        return data.get("path")

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        path = re.sub(r"\s*(->|→)\s*", "->", path.strip())
        if not path or re.search(r"\s|:=|\*=|×|\+=|-=", path):
            raise InputError("path", f"{path!r} is no path; write for instance exc.tau")
        return path

    @field_validator("operation", mode="before")
    @classmethod
    def _operation(cls, operation: object) -> object:
        if operation not in get_args(Operation):
            raise InputError(
                "operation",
                f"there is no {operation!r}; {nearest(str(operation), get_args(Operation))}",
            )
        return operation

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        path, operation = str(given.get("path")), given.get("operation")
        return {**given, "value": plain_operand(path, operation, given.get("value"))}

    def at(self, severity: float) -> Perturbation:
        """The same at a part of its severity; InputError outside of [0, 1]."""
        return self.model_copy(update={"severity": self.severity * _severity(severity, str(self))})

    @override
    def __str__(self) -> str:
        return write_perturbation(self.path, self.operation, self.value, self.severity)


class Lesion(Description):
    """Perturbations that belong together, applied in their order; texts are read as perturbations."""

    name: str
    title: str = ""
    perturbations: tuple[Perturbation, ...]
    citation: str = ""

    def __init__(
        self,
        name: Any = "",
        title: Any = "",
        perturbations: Any = (),
        citation: Any = "",
        **data: Any,
    ) -> None:
        super().__init__(
            name=name, title=title, perturbations=perturbations, citation=citation, **data
        )

    @field_validator("perturbations", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if isinstance(given, str | Perturbation):
            given = (given,)
        if not isinstance(given, list | tuple):
            return given
        return tuple(parse_perturbation(p) if isinstance(p, str) else p for p in given)

    @model_validator(mode="after")
    def _consistent(self) -> Lesion:
        if not self.name.strip() or not self.name.isprintable():
            raise InputError("lesion", f"{self.name!r} is no name; use one line of text")
        if not self.perturbations:
            raise InputError(f"{self.name}.perturbations", "is empty; give at least one")
        return self

    def at(self, severity: float) -> Lesion:
        """The lesion at a severity: 0 is healthy, 1 the lesion itself; InputError outside of [0, 1]."""
        part = _severity(severity, self.name)
        return self.model_copy(
            update={"perturbations": tuple(p.at(part) for p in self.perturbations)}
        )

    def to_json(self, indent: int | None = 2) -> str:
        """The lesion as JSON, without fields that have their default."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(data, indent=indent, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str = "lesion") -> Lesion:
        """Read what `to_json` wrote; InputError names the place of anything wrong."""
        data = read_json(text, where)
        if not isinstance(data, dict):
            raise InputError(where, "is no JSON object with name and perturbations")
        for needed in ("name", "perturbations"):
            if needed not in data:
                raise InputError(where, f"has no {needed!r}; a lesion has name and perturbations")
        try:
            return cls(**{str(key): value for key, value in data.items()})
        except InputError as error:
            raise InputError(where, str(error)) from None


Perturbing: TypeAlias = Lesion | Perturbation | str | Sequence[Perturbation | str]
"""What can be applied to an experiment."""


def parse_perturbation(text: str, citation: str = "") -> Perturbation:
    """A perturbation as one writes it, such as ``purkinje.naRsg.epsilon := 1e-12 /ms``.

    Others are ``path *= 0.5`` (or ×), ``path += 5 mV``, ``remove 40% purkinje`` and ``silence climbing``. Any
    of them may end in ``at 50%``, its severity. InputError for anything else.
    """
    path, operation, value, severity = read_perturbation(text)
    return Perturbation(path, operation, value, citation, severity=severity)


def apply(experiment: Experiment, perturbing: Perturbing) -> Experiment:
    """An experiment with a lesion or perturbations applied to its description, one after the other.

    Raises InputError, naming the perturbation, for a path that matches nothing, a wrong dimension, what
    cannot be scaled, more removed than there is, and whatever makes the experiment invalid.
    """
    if isinstance(perturbing, Lesion):
        perturbing = perturbing.perturbations
    elif isinstance(perturbing, str | Perturbation):
        perturbing = (perturbing,)
    listed = [parse_perturbation(p) if isinstance(p, str) else p for p in perturbing]
    at_once = _apply_at_once(experiment, listed) if len(listed) > 1 else None
    if at_once is not None:
        return at_once
    for perturbation in listed:
        experiment = _apply(experiment, perturbation)
    return experiment


def _apply_at_once(experiment: Experiment, listed: Sequence[Perturbation]) -> Experiment | None:
    """The same as one after the other, where each changes a value of its own; None where that is not so.

    An experiment is then made once and not as often as there are perturbations.
    """
    if any(p.operation in ("remove", "silence") or is_pattern(p.path) for p in listed):
        return None
    data, known = experiment.to_dict(), places(experiment)
    changed: set[tuple[str | int, ...]] = set()
    try:
        for perturbation in listed:
            steps = resolve(experiment, perturbation.path, str(perturbation), known).steps
            inside = {steps[:k] for k in range(1, len(steps) + 1)}
            if inside & changed or any(s[: len(steps)] == steps for s in changed):
                return None
            changed.add(steps)
            if perturbation.severity:
                _change(experiment, perturbation, data, str(perturbation), known)
        _keep_compartments(experiment, data)
        return type(experiment).from_dict(data)
    except InputError:
        return None  # one after the other tells which is wrong


def _apply(experiment: Experiment, perturbation: Perturbation) -> Experiment:
    where = str(perturbation)
    data = experiment.to_dict()
    change = {"remove": _remove, "silence": _silence}.get(perturbation.operation, _change)
    change(experiment, perturbation, data, where)
    if perturbation.severity == 0:
        return experiment
    _keep_compartments(experiment, data)
    try:
        return type(experiment).from_dict(data)
    except InputError as error:
        raise InputError(where, str(error)) from None


def _keep_compartments(experiment: Experiment, data: dict[str, Any]) -> None:
    """Cut lesioned cells by the numbers of the healthy ones: the error of cutting is then the same."""
    for population in data["populations"]:
        cut = population.get("model", {}).get("discretisation", {})
        if cut.get("kind") != "length_constant":
            continue
        healthy = experiment.neurons(population["name"]).model
        assert isinstance(healthy, CableCell)
        for field in ("axial_resistivity", "capacitance"):
            value = getattr(healthy, field)
            given = population["model"].get(field)
            changed = given is not None and given != _to_plain(value)
            if changed and isinstance(value, Quantity):
                cut.setdefault(field, str(value))


def _change(
    experiment: Experiment,
    perturbation: Perturbation,
    data: dict[str, Any],
    where: str,
    known: Mapping[str, Place] | None = None,
) -> None:
    matched = resolve_all(experiment, perturbation.path, where, known)
    if is_pattern(perturbation.path) and perturbation.operation != "set":
        # Of what a pattern matches, some may not be given: a channel's permeability, an input's stop.
        matched = [p for p in matched if p.value is not None] or matched
    for place in matched:
        at = where if place.path == perturbation.path else f"{where}: {place.path}"
        value = _changed(place, perturbation, at)
        _check_sign(place, value, at)
        place.write(data, _to_plain(value))


def _changed(place: Place, perturbation: Perturbation, where: str) -> Any:
    """The value that a place gets."""
    given, severity = perturbation.value, perturbation.severity
    if perturbation.operation == "set":
        # An initial value may be an expression.
        text = isinstance(given, str) and isinstance(read_initial(given), str)
        if place.dimension is not None and not (text and "initial" in place.steps):
            given = in_unit_of(place.value, read_value(given, where))
            check_value(given, place.dimension, where)
        if severity == 1:
            return given
        if isinstance(given, list):
            given = tuple(given)
        return between(_numeric(place, where), given, severity, where)
    value = _numeric(place, where)
    if perturbation.operation == "scale":
        return scaled(value, given if severity == 1 else 1 + severity * (given - 1), where)
    addend = in_unit_of(value, read_value(given, where))
    if place.dimension is not None:
        check_value(addend, place.dimension, where)
    if severity != 1:
        addend = scaled(addend, severity, where)  # type: ignore[assignment]
    return shifted(value, addend, where)


def _numeric(place: Place, where: str) -> Any:
    """The number, value or numbers at a place; InputError for anything that is none."""
    value = place.value
    if place.path == "seed":
        raise InputError(where, "is the seed, whose size means nothing; set it")
    if value is None:
        raise InputError(where, "has no value to change; set one")
    if isinstance(value, str):
        try:
            # A refractory time may be written as a text.
            return Quantity.parse(value)
        except InputError:
            raise InputError(where, f"{value!r} is a text, which has no size; set it") from None
    numbers = isinstance(value, tuple) and value and all(isinstance(v, float) for v in value)
    if isinstance(value, bool) or not (numbers or isinstance(value, int | float | Value)):
        raise InputError(where, "is no number; name one of its parts, or set it")
    return value


def _check_sign(place: Place, value: Any, where: str) -> None:
    """InputError for a conductance below zero that was not so before."""
    if place.dimension not in _CONDUCTANCES or not isinstance(value, Value):
        return
    was = isinstance(place.value, Value) and negative(place.value)
    if negative(value) and not was:
        shown = value if isinstance(value, Quantity) else "a value"
        what = "permeability" if place.dimension == _PERMEABILITY else "conductance"
        raise InputError(where, f"{shown} would be negative; a {what} has to be >= 0")


def _remove(
    experiment: Experiment, perturbation: Perturbation, data: dict[str, Any], where: str
) -> None:
    populations = {p.name: p for p in experiment.populations}
    part = perturbation.value * perturbation.severity
    for name in _named(perturbation.path, list(populations), where):
        lost = round(populations[name].lost + part, 12)
        if lost > 1:
            left = percent(round(1 - populations[name].lost, 12))
            raise InputError(where, f"is more than there is; {left} of {name} are left")
        if lost < 1:
            _part_of(data, "populations", name)["lost"] = lost
        else:
            _drop(experiment, name, data, where)
    if not any(p.get("kind") == "neurons" for p in data["populations"]):
        raise InputError(where, "leaves no neurons at all; remove less than 100%")


def _drop(experiment: Experiment, name: str, data: dict[str, Any], where: str) -> None:
    """Take a population out with its projections, inputs and records."""
    inputs = {i.name for i in experiment.inputs if i.population == name}
    for role in ("signal", "output"):
        named = getattr(experiment, role)
        if named == name or (role == "signal" and named in inputs):
            what = f"{named!r} is" if named == name else f"its input {named!r} is"
            raise InputError(where, f"{what} the {role} of the experiment; give another first")
    data["populations"] = [p for p in data["populations"] if p["name"] != name]
    data["projections"] = [
        p for p in data.get("projections", ()) if name not in (p["source"], p["target"])
    ]
    for kind in ("inputs", "records"):
        data[kind] = [p for p in data.get(kind, ()) if p["population"] != name]


def _silence(
    experiment: Experiment, perturbation: Perturbation, data: dict[str, Any], where: str
) -> None:
    effect = 1 - perturbation.severity
    projections = {p.name: p for p in experiment.projections}
    inputs = {i.name: i for i in experiment.inputs}
    sources = [p.name for p in experiment.populations]
    path = projection_between(experiment, perturbation.path, where)
    names = _named(path, [*sources, *inputs, *projections], where)
    for name in dict.fromkeys(names):
        if sum(name in kind for kind in (sources, inputs, projections)) > 1:
            raise InputError(where, f"{name!r} is the name of two things; rename one of them")
        leaving = [p for p in projections.values() if name in (p.source, p.name)]
        if name in inputs:
            _silence_input(inputs[name], _part_of(data, "inputs", name), effect, where)
        elif not leaving and not is_pattern(path):
            raise InputError(where, "has no effect, because no projection leaves it")
        for projection in leaving if name not in inputs else ():
            if effect:
                weight = scaled(projection.weight, effect, where)
                _part_of(data, "projections", projection.name)["weight"] = _to_plain(weight)
            else:
                data["projections"] = [
                    p for p in data.get("projections", ()) if p["name"] != projection.name
                ]


def _silence_input(given: Input, plain: dict[str, Any], effect: float, where: str) -> None:
    """An input that reaches no cell stays in the description: it may be the signal."""
    if not effect:
        plain["cells"] = []
        return
    for field, value in given.quantities().items():
        plain[field] = _to_plain(scaled(value, effect, where))


def _named(pattern: str, known: Sequence[str], where: str) -> list[str]:
    """The names that a name or a pattern stands for; InputError if there is none."""
    matches = [name for name in known if fnmatchcase(name, pattern)]
    if not matches:
        raise InputError(where, f"matches nothing; {nearest(pattern, known)}")
    return matches


def _part_of(data: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    part: dict[str, Any] = next(p for p in data[kind] if p["name"] == name)
    return part


def _to_plain(value: Any) -> Any:
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, Description):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value


def _severity(severity: float, where: str) -> float:
    if not 0 <= severity <= 1:
        raise InputError(
            where, f"the severity {severity} is not in [0, 1]; 0 is healthy, 1 the lesion"
        )
    return float(severity)


__all__ = ["Lesion", "Operation", "Perturbation", "Perturbing", "apply", "parse_perturbation"]
