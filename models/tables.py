"""Parameter tables: every number of a published model, with its unit and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from ..core.errors import InputError, unknown
from ..core.units import Quantity
from ..core.values import Value

_READ: TypeAdapter[Any] = TypeAdapter(Value)


@dataclass(frozen=True)
class Parameter:
    """One line of a table: a value as JSON holds it, and its source."""

    value: Any
    source: str


@dataclass(frozen=True)
class Table:
    """The parameters of a library model by name, and the publication they are of."""

    name: str
    source: str
    parameters: Mapping[str, Parameter]

    def _given(self, name: str) -> Any:
        if name not in self.parameters:
            raise unknown(f"{self.name}.json", "parameter", name, self.parameters)
        return self.parameters[name].value

    def __getitem__(self, name: str) -> Any:
        """A value for a description: a `Quantity`, an `Array` or a distribution."""
        return _READ.validate_python(self._given(name))

    def values(self, *names: str) -> dict[str, Any]:
        """Several values by name, as ``parameters`` of a population takes them."""
        return {name: self[name] for name in names}

    def quantity(self, name: str) -> Quantity:
        """A single number with its unit."""
        return Quantity.parse(self._given(name), f"{self.name}.json: {name}")

    def internal(self, name: str, unit: str) -> float:
        """A single number in *unit*, which is an internal unit such as mV."""
        return self.quantity(name).to(Quantity(1.0, unit).dimension, f"{self.name}.json: {name}")

    def number(self, name: str) -> float:
        """A single number without a unit."""
        return self.internal(name, "1")

    def count(self, name: str) -> int:
        """A whole number."""
        given = self._given(name)
        if not isinstance(given, int) or isinstance(given, bool):
            raise InputError(f"{self.name}.json: {name}", f"{given!r} is no whole number")
        return given


@lru_cache(maxsize=32)
def read_table(name: str) -> Table:
    """The table ``models/parameters/<name>.json``."""
    text = files(__package__).joinpath("parameters", f"{name}.json").read_text(encoding="utf-8")
    data = json.loads(text)
    parameters = {
        key: Parameter(line["value"], line["source"]) for key, line in data["parameters"].items()
    }
    return Table(name, data["source"], MappingProxyType(parameters))
