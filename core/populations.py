"""Populations: cells of one model, Poisson trains, given spike trains."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    field_validator,
    model_validator,
)

from .cable import CableCell
from .description import Description
from .errors import InputError
from .lowering import check_bounds
from .names import check_identifier
from .neurons import NeuronModel, check_initial, check_parameters, read_initial
from .receptors import Receptor
from .units import TIME, Quantity, dimension_of_unit
from .values import (
    Array,
    RealNumber,
    RealNumbers,
    Value,
    WholeNumber,
    as_tuple,
    check_numbers_in,
    check_value,
    in_unit,
)

_RATE = dimension_of_unit("Hz")


def _kind(given: Any) -> str:
    if not isinstance(given, dict):
        return "cable" if isinstance(given, CableCell) else "point"
    kind = given.get("kind", "cable" if "morphology" in given else "point")
    if kind == "point" and "kind" in given:
        problem = "a point neuron has no kind; leave it out"
        raise InputError(f"{given.get('name', 'model')}.kind", problem)
    if kind not in ("cable", "point"):
        problem = f"there is no kind {kind!r}; a cell with a membrane is of the kind 'cable'"
        raise InputError(f"{given.get('name', 'model')}.kind", problem)
    return str(kind)


Model = Annotated[
    Annotated[NeuronModel, Tag("point")] | Annotated[CableCell, Tag("cable")], Discriminator(_kind)
]
"""What a population's cells are: a point neuron or a cable cell."""


class _Group(Description):
    """Cells of one name; ``lost`` is the part of them, in [0, 1), that is taken out after drawing.

    Which cells are lost is drawn from a stream of its own: those lost at 0.2 are among those lost at 0.4,
    and nothing drawn for the others changes.
    """

    name: str
    lost: RealNumber = Field(default=0.0, ge=0, lt=1)

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        check_identifier(name, "population")
        return name


class Population(_Group):
    """Cells of one neuron model or cable cell, with their receptors by name.

    ``parameters`` and ``initial`` override the model's; every value can be one number, an array with one
    number a cell, or a distribution.
    """

    kind: Literal["neurons"] = "neurons"
    model: Model
    size: WholeNumber = Field(gt=0, le=2**31 - 1)
    receptors: dict[str, Receptor] = Field(default_factory=dict)
    parameters: dict[str, Value] = Field(default_factory=dict)
    initial: dict[str, Value | str] = Field(default_factory=dict)

    @field_validator("initial", mode="before")
    @classmethod
    def _initial_values(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: read_initial(value) for name, value in given.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Population:
        for receptor in self.receptors:
            check_identifier(receptor, f"{self.name}.receptors")
        variables = self.model.variables
        check_parameters(self.parameters, variables, self.name)
        if isinstance(self.model, CableCell):
            check_bounds(self.model.lowered, self.parameters, self.name)
        # States of receptors can be given too; the experiment, which knows them by name, checks those.
        own = {v.name for v in variables}
        local = {n: v for n, v in self.initial.items() if n in own or not self.receptors}
        check_initial(local, variables, self.name)
        given = {**self.model.parameters, **self.parameters}
        for variable in variables:
            if variable.kind == "parameter" and variable.name not in given:
                raise InputError(
                    f"{self.name}.{variable.name}",
                    f"the parameter of {self.model.name} has no value; "
                    f'give parameters={{"{variable.name}": "… {variable.unit}"}}',
                )
        return self


class PoissonSource(_Group):
    """Independent Poisson spike trains of a constant or time-varying rate; every spike is kept.

    ``rate`` is one number, an array (one a train) or a distribution. With ``profile`` it is multiplied by
    ``profile[k]`` during the k-th ``interval``; after the last, the last factor stays, or with ``repeat``
    the profile begins again.
    """

    kind: Literal["poisson"] = "poisson"
    size: WholeNumber = Field(gt=0, le=2**31 - 1)
    rate: Value
    profile: RealNumbers | None = None
    interval: Quantity | None = None
    repeat: bool = False
    start: Quantity = Quantity(0.0, "ms")
    stop: Quantity | None = None

    @model_validator(mode="before")
    @classmethod
    def _factors(cls, given: Any) -> Any:
        """The profile as plain numbers: what has a unit is no factor of a rate."""
        if isinstance(given, dict) and "profile" in given:
            place = f"{given.get('name', cls.__name__)}.profile"
            return given | {"profile": in_unit(given["profile"], "1", place)}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> PoissonSource:
        check_value(self.rate, _RATE, f"{self.name}.rate")
        if isinstance(self.rate, Quantity) and self.rate.magnitude < 0:
            raise InputError(f"{self.name}.rate", f"{self.rate} is negative; a rate has to be >= 0")
        if isinstance(self.rate, Array) and min(self.rate.values, default=0) < 0:
            raise InputError(f"{self.name}.rate", "a rate is negative; all have to be >= 0")
        for field in ("start", "stop", "interval"):
            given = getattr(self, field)
            place = f"{self.name}.{field}"
            if given is not None and given.to(TIME, place) < 0:
                raise InputError(place, f"{given} is negative; a time has to be >= 0")
        if (self.profile is None) != (self.interval is None):
            raise InputError(self.name, "profile and interval are given together or not at all")
        if self.profile is not None:
            values = np.asarray(self.profile)
            if not values.size or (values < 0).any():
                raise InputError(f"{self.name}.profile", "has to be one or more numbers >= 0")
        return self


def _trains(given: Any) -> Any:
    try:
        return tuple(as_tuple(train) for train in given)
    except (TypeError, ValueError, OverflowError):
        pass
    # What they are instead is said with its place; but texts would be taken for numbers.
    for train in given if isinstance(given, list | tuple) else ():
        check_numbers_in(train)
    return given


class SpikeTrains(_Group):
    """Given spike trains: one list of times a cell, in ``unit``; times may be unsorted and repeated."""

    kind: Literal["spike_trains"] = "spike_trains"
    times: Annotated[
        tuple[tuple[float, ...], ...], BeforeValidator(_trains), PlainSerializer(lambda v: v)
    ]
    unit: str = "ms"

    @model_validator(mode="before")
    @classmethod
    def _times_with_units(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("times"), list | tuple):
            return given
        unit, place = given.get("unit", "ms"), f"{given.get('name', 'SpikeTrains')}.times"
        times = [in_unit(train, unit, f"{place}[{k}]") for k, train in enumerate(given["times"])]
        return {**given, "times": times}

    @model_validator(mode="after")
    def _consistent(self) -> SpikeTrains:
        Quantity.parse(Quantity(1.0, self.unit), f"{self.name}.unit").to(
            dimension_of_unit("ms"), f"{self.name}.unit"
        )
        if not self.times:
            raise InputError(f"{self.name}.times", "has no trains; give one list of times a cell")
        for cell, train in enumerate(self.times):
            if min(train, default=0.0) < 0:
                raise InputError(
                    f"{self.name}.times[{cell}]", "has a negative time; all have to be >= 0"
                )
        return self

    @property
    def size(self) -> int:
        """The number of trains."""
        return len(self.times)


AnyPopulation = Annotated[Population | PoissonSource | SpikeTrains, Field(discriminator="kind")]
"""Anything that emits spikes."""


def n_lost(population: AnyPopulation) -> int:
    """How many cells of a population are lost: lost·size to the nearest, ties up; one cell stays."""
    return min(math.floor(population.lost * population.size + 0.5), population.size - 1)
