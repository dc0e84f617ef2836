"""An `Experiment`: populations, projections, inputs, what to record, for how long; complete as JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Set
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from .cable import CableCell
from .cell import Cell, Port, build_cell, choose_port
from .clock import to_steps
from .description import Description, explain
from .errors import InputError, unknown
from .inputs import Input
from .neurons import check_initial
from .populations import AnyPopulation, Population
from .projections import OneToOne, Projection
from .reading import read_json, read_text
from .syntax import shown
from .units import TIME, Quantity
from .values import Indices, WholeNumber, check_value

SCHEMA_VERSION = 1


class Record(Description):
    """State variables to sample at every step, of ``cells`` of a population (all by default).

    ``at`` is a place on a cable cell such as ``"dend(0.5)"``: the variables are then those of the compartment
    there, ``"v"`` or ``"m_na"``.
    """

    population: str
    variables: tuple[str, ...]
    cells: Indices | None = None
    at: str | None = None


class Experiment(Description):
    """One model and what is done with it: the description that every backend runs.

    Spikes of all neuron populations are recorded. ``seed`` fixes everything random. ``signal`` names the
    input or source that carries the signal, ``output`` the population whose rate is the output: what a
    read-out asks for; nothing is run differently for them.
    """

    schema_version: Literal[1] = 1
    name: str
    variant: str = ""
    title: str = ""
    source: str = ""
    populations: tuple[AnyPopulation, ...]
    projections: tuple[Projection, ...] = ()
    inputs: tuple[Input, ...] = ()
    records: tuple[Record, ...] = ()
    duration: Quantity
    dt: Quantity = Quantity(0.1, "ms")
    seed: WholeNumber = Field(default=1, ge=0)
    signal: str = ""
    output: str = ""

    @model_validator(mode="before")
    @classmethod
    def _schema(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            version = given.get("schema_version", SCHEMA_VERSION)
            if isinstance(version, bool) or version != SCHEMA_VERSION:
                raise InputError(
                    "schema_version",
                    f"{version!r} is not {SCHEMA_VERSION}, the version this program reads; "
                    "write the file again with a program of the same version",
                )
            populations = given.get("populations")
            if isinstance(populations, list | tuple):
                # What has a model is neurons; saying so is left to those who like to.
                given = {
                    **given,
                    "populations": [
                        {"kind": "neurons", **p} if isinstance(p, dict) and "model" in p else p
                        for p in populations
                    ],
                }
        return given

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        # It names files and folders too.
        if not re.fullmatch(r"\w[\w .+-]{0,99}", name) or not name.isprintable():
            raise InputError(
                "name",
                f"{shown(name)} is no name; use letters, digits, spaces and _ . + - (100 at most)",
            )
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        _distinct((p.name for p in self.populations), "population")
        _distinct((p.name for p in self.projections), "projection")
        _distinct((i.name for i in self.inputs), "input")
        if not any(isinstance(p, Population) for p in self.populations):
            raise InputError(self.name, "has no population of neurons")
        for place, quantity in (("duration", self.duration), ("dt", self.dt)):
            if quantity.to(TIME, f"{self.name}.{place}") <= 0:
                raise InputError(f"{self.name}.{place}", f"{quantity} has to be > 0")
        if self.n_steps < 1:
            raise InputError(
                f"{self.name}.duration", f"{self.duration} is shorter than one step of {self.dt}"
            )
        self._check_inputs()
        self._check_initial()
        self._check_projections()
        self._check_records()
        self._check_roles()
        return self

    def _check_roles(self) -> None:
        neurons = {p.name for p in self.populations if isinstance(p, Population)}
        carriers = {i.name for i in self.inputs} | {p.name for p in self.populations} - neurons
        for role, kind, known in (
            ("signal", "input or source", carriers),
            ("output", "population of neurons", neurons),
        ):
            name = getattr(self, role)
            if name and name not in known:
                raise unknown(f"{self.name}.{role}", kind, name, known)

    def _check_initial(self) -> None:
        for population in self.populations:
            if isinstance(population, Population):
                variables = self.cells[population.name].variables
                check_initial(population.initial, variables, population.name)

    def _check_inputs(self) -> None:
        for given in self.inputs:
            population = self.neurons(given.population, f"{given.name}.population")
            port = choose_port(population, given.port, given.name)
            if port is None:
                raise InputError(
                    given.name,
                    f"{population.model.name} has no (input); add a line such as 'I : pA (input)'",
                )
            given.check_dimension(port.dimension)
            if given.cells is not None:
                _check_cells(given.cells, population.size, given.name, population.name)

    def _check_projections(self) -> None:
        for projection in self.projections:
            source = self.population(projection.source, f"{projection.name}.source")
            target = self.neurons(projection.target, f"{projection.name}.target")
            if projection.receptor not in target.receptors:
                raise unknown(
                    projection.name,
                    f"receptor of {target.name}",
                    projection.receptor,
                    target.receptors,
                )
            port = self.port(projection)
            check_value(projection.weight, port.weight_dimension, f"{projection.name}.weight")
            if isinstance(projection.rule, OneToOne) and source.size != target.size:
                raise InputError(
                    projection.name,
                    f"one_to_one needs equal sizes, but {source.name} has {source.size} cells "
                    f"and {target.name} {target.size}",
                )
            if projection.rule.rule == "explicit":
                _check_cells(
                    projection.rule.pre, source.size, f"{projection.name}.pre", source.name
                )
                _check_cells(
                    projection.rule.post, target.size, f"{projection.name}.post", target.name
                )

    def _check_records(self) -> None:
        seen: set[tuple[str, str]] = set()
        for record in self.records:
            where = f"records.{record.population}"
            population = self.neurons(record.population, where)
            states = {v.name for v in self.cells[record.population].states}
            if not record.variables:
                raise InputError(where, f"names no variable; known: {', '.join(sorted(states))}")
            for given, variable in zip(
                record.variables, self.recorded_variables(record), strict=True
            ):
                if variable not in states:
                    raise self._not_recorded(record, given, states)
                if (record.population, variable) in seen:
                    raise InputError(where, f"{variable!r} is recorded twice; join the records")
                seen.add((record.population, variable))
            if record.cells is not None:
                _check_cells(record.cells, population.size, where, population.name)
                if not record.cells or len(set(record.cells)) < len(record.cells):
                    raise InputError(where, "cells has to name one or more cells, each once")

    def _not_recorded(self, record: Record, variable: str, states: Set[str]) -> InputError:
        where = f"records.{record.population}"
        model = self.neurons(record.population, where).model
        if isinstance(model, CableCell) and len(model.lowered.compartments) > 1:
            lowered = model.lowered
            if record.at is None:
                places = [
                    f"{c.section}({c.x:.3g})"
                    for k, c in enumerate(lowered.compartments)
                    if lowered.called(variable, k) in states
                ]
                if places:
                    problem = (
                        f"{model.name} has a tree; say where {variable!r} is: at={places[0]!r}"
                    )
                    return InputError(where, problem)
            else:
                here = lowered.at(record.at, where)
                states = {
                    v.plain for v in lowered.variables if v.name in states and v.compartment == here
                }
                where = f"{where}.at {record.at}"
        return unknown(where, "state variable", variable, states)

    def recorded_variables(self, record: Record) -> tuple[str, ...]:
        """A record's variables by their names in the equations.

        InputError for a place that is not there, or that does not have them.
        """
        if record.at is None:
            return record.variables
        where = f"records.{record.population}.at"
        model = self.neurons(record.population, where).model
        if not isinstance(model, CableCell):
            raise InputError(where, f"{model.name} is a point neuron; only a cable cell has places")
        lowered = model.lowered
        compartment = lowered.at(record.at, where)
        if len(lowered.compartments) == 1:
            return record.variables
        states = {v.name for v in self.cells[record.population].states}
        called = []
        for variable in record.variables:
            name = lowered.called(variable, compartment)
            if name is None:
                raise self._not_recorded(record, variable, states)
            called.append(name)
        return tuple(called)

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The written-out cell of every neuron population by name."""
        return {
            p.name: build_cell(p, [i for i in self.inputs if i.population == p.name])
            for p in self.populations
            if isinstance(p, Population)
        }

    def population(self, name: str, where: str = "population") -> AnyPopulation:
        """A population by name; InputError with the nearest name if there is none."""
        for population in self.populations:
            if population.name == name:
                return population
        raise unknown(where, "population", name, [p.name for p in self.populations])

    def neurons(self, name: str, where: str = "population") -> Population:
        """A population of neurons by name; InputError if it is a source of spikes only."""
        population = self.population(name, where)
        if not isinstance(population, Population):
            raise InputError(
                where, f"{name!r} is a source of spikes; a population of neurons is needed"
            )
        return population

    def port(self, projection: Projection) -> Port:
        """The receptor of the target that a projection reaches."""
        return self.cells[projection.target].port(projection.receptor)

    @property
    def dt_ms(self) -> float:
        """The time step in ms."""
        return self.dt.internal

    @property
    def duration_ms(self) -> float:
        """The duration in ms, as described."""
        return self.duration.internal

    @property
    def n_steps(self) -> int:
        """The number of steps: duration/dt rounded to the nearest, ties up."""
        return int(to_steps(self.duration_ms, self.dt_ms, f"{self.name}.duration"))

    def to_json(self, indent: int | None = 2) -> str:
        """The whole description as JSON, without fields that have their default."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole description as plain data, without fields that have their default."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        # Discriminators are defaults of their classes, but JSON cannot be read without them.
        _keep_tags(self, data)
        return {"schema_version": SCHEMA_VERSION, **data}

    @classmethod
    def from_json(cls, text: str, where: str = "experiment") -> Experiment:
        """Read what `to_json` wrote; InputError names the place of anything wrong."""
        data = read_json(text, where)
        if not isinstance(data, dict):
            raise InputError(where, "is no JSON object")
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Experiment:
        """An experiment from plain data; InputError names the place of anything wrong."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise explain(error, cls, data.get("name")) from None

    @classmethod
    def load(cls, path: str | Path) -> Experiment:
        """Read an experiment from a JSON file."""
        return cls.from_json(read_text(path), str(path))

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON: the same for the same description, on every machine."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def __repr__(self) -> str:
        cells = sum(p.size for p in self.populations if isinstance(p, Population))
        name = f"{self.name} {self.variant}".strip()
        return (
            f"Experiment({name}: {cells:,} cells, {self.duration}, dt {self.dt}, seed {self.seed})"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from .html import experiment_html

        return experiment_html(self)

    def with_(self, **changes: Any) -> Experiment:
        """A copy with some fields changed, validated again."""
        return type(self).from_dict({**self.to_dict(), **_plain(changes)})


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Quantity) else value
        for name, value in changes.items()
    }


def _keep_tags(model: Any, data: Any) -> None:
    """Add to dumped data the fields that say of which kind a description is."""
    if isinstance(model, Description) and isinstance(data, dict):
        for field in ("kind", "rule", "distribution"):
            if field in type(model).model_fields and isinstance(getattr(model, field), str):
                data[field] = getattr(model, field)
        for name in type(model).model_fields:
            if name in data:
                _keep_tags(getattr(model, name), data[name])
    elif isinstance(model, Mapping) and isinstance(data, dict):
        for key, value in model.items():
            if key in data:
                _keep_tags(value, data[key])
    elif isinstance(model, tuple) and isinstance(data, list) and len(model) == len(data):
        if model and isinstance(model[0], Description):
            for value, plain in zip(model, data, strict=True):
                _keep_tags(value, plain)


def _distinct(names: Iterable[str], kind: str) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise InputError(f"{kind} {name}", "is given twice; names have to be distinct")
        seen.add(name)


def _check_cells(cells: Iterable[int], size: int, where: str, population: str) -> None:
    for cell in cells:
        if not 0 <= cell < size:
            raise InputError(where, f"cell {cell} is not among the {size} cells of {population}")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment."""
    return Experiment.model_json_schema()
