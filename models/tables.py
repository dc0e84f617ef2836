"""Parameter tables: every number of a published model, with its unit and where it comes from."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..core.description import explain
from ..core.errors import InputError, unknown
from ..core.reading import read_json
from ..core.units import Dimension, Quantity, describe, internal_unit
from ..core.values import Array, Value, check_value

_READ: TypeAdapter[Any] = TypeAdapter(Value)


@dataclass(frozen=True)
class Parameter:
    """One line of a table: a value as JSON holds it, its source, and what other sources say instead."""

    value: Any
    source: str
    conflict: str = ""


@dataclass(frozen=True)
class Table:
    """The parameters of a library model by name, and the publication they are of.

    ``model`` names the neuron model that they are for, where the table says so; ``file`` is what a
    message calls the table.
    """

    name: str
    source: str
    parameters: Mapping[str, Parameter]
    model: str = ""
    file: str = field(default="", compare=False)

    @property
    def where(self) -> str:
        """What a message calls the table: its file."""
        return self.file or f"{self.name}.json"

    def _given(self, name: str) -> Any:
        if name not in self.parameters:
            raise unknown(self.where, "parameter", name, self.parameters)
        return self.parameters[name].value

    def __getitem__(self, name: str) -> Any:
        """A value for a description: a `Quantity`, an `Array` or a distribution."""
        return _READ.validate_python(self._given(name))

    def _value(self, name: str) -> Any:
        try:
            return self[name]
        except ValidationError as error:
            raise InputError(f"{self.where}: {name}", explain(error, Array).problem) from None

    def values(self, *names: str) -> dict[str, Any]:
        """Several values by name, as ``parameters`` of a population takes them."""
        return {name: self[name] for name in names}

    def quantity(self, name: str) -> Quantity:
        """A single number with its unit."""
        return Quantity.parse(self._given(name), f"{self.where}: {name}")

    def internal(self, name: str, unit: str) -> float:
        """A single number in *unit*, which is an internal unit such as mV."""
        return self.quantity(name).to(Quantity(1.0, unit).dimension, f"{self.where}: {name}")

    def number(self, name: str) -> float:
        """A single number without a unit."""
        return self.internal(name, "1")

    def count(self, name: str) -> int:
        """A whole number."""
        given = self._given(name)
        if not isinstance(given, int) or isinstance(given, bool):
            raise InputError(f"{self.where}: {name}", f"{given!r} is no whole number")
        return given

    @property
    def conflicts(self) -> dict[str, str]:
        """What other sources have instead, by parameter."""
        return {name: p.conflict for name, p in self.parameters.items() if p.conflict}

    def check(self, dimensions: Mapping[str, Dimension], optional: Container[str] = ()) -> None:
        """InputError, with file and key, for a key not in *dimensions*, one missing, or a wrong unit."""
        for name in self.parameters:
            if name not in dimensions:
                raise unknown(self.where, "parameter", name, dimensions)
        for name, dimension in dimensions.items():
            place = f"{self.where}: {name}"
            if name not in self.parameters:
                if name in optional:
                    continue
                unit = internal_unit(dimension)
                raise InputError(place, f'is missing; give "{name}": {{"value": "… {unit}", …}}')
            given = self._given(name)
            value = Quantity.parse(given, place) if isinstance(given, str) else self._value(name)
            if isinstance(value, Quantity) and value.unit == "1" != internal_unit(dimension):
                raise InputError(place, f"{value} has no unit; {describe(dimension)} is needed")
            check_value(value, dimension, place)


@lru_cache(maxsize=32)
def read_table(name: str) -> Table:
    """The table ``models/parameters/<name>.json``."""
    text = files(__package__).joinpath("parameters", f"{name}.json").read_text(encoding="utf-8")
    return parse_table(text, name)


def parse_table(text: str, name: str, file: str = "") -> Table:
    """A table from the text of its file; InputError names *file* and key for anything that is none."""
    where = file or f"{name}.json"
    data = read_json(text, where)
    if not isinstance(data, dict) or not isinstance(data.get("parameters"), dict):
        raise InputError(where, 'needs "source" and "parameters": {"name": {"value": …, …}, …}')
    known = ("source", "model", "parameters")
    for key in data:
        if key not in known:
            raise unknown(where, "field", key, known)
    parameters = {}
    for key, line in data["parameters"].items():
        parameters[key] = _line(line, f"{where}: {key}")
    for key in ("source", "model"):
        if not isinstance(data.get(key, ""), str):
            raise InputError(f"{where}: {key}", f"{data[key]!r} is no text")
    if not data.get("source"):
        raise InputError(f"{where}: source", "is missing; say where the numbers come from")
    return Table(name, data["source"], MappingProxyType(parameters), data.get("model", ""), file)


def _line(line: Any, where: str) -> Parameter:
    if not isinstance(line, dict):
        raise InputError(where, f'{line!r} is no line; write {{"value": …, "source": "…"}}')
    for key in line:
        if key not in ("value", "source", "conflict"):
            raise unknown(where, "field", key, ("value", "source", "conflict"))
    for key in ("value", "source"):
        if key not in line:
            raise InputError(where, f"the field {key!r} is missing")
    return Parameter(line["value"], str(line["source"]), str(line.get("conflict", "")))
