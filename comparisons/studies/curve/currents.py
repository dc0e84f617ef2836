"""One cell at many currents as one experiment: a population with one cell a current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....core.cell import choose_port
from ....core.equations import Variable
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.inputs import ConstantInput
from ....core.populations import Population
from ....core.realize import realize
from ....core.units import Quantity, internal_unit
from ....core.values import Array

INPUT = "current"


def cell_of(experiment: Experiment) -> Population:
    """The one population of cells of an experiment; InputError if it is not about one kind of cell."""
    neurons = [p for p in experiment.populations if isinstance(p, Population)]
    if len(neurons) != 1 or experiment.projections:
        what = "projections" if experiment.projections else f"{len(neurons)} populations"
        raise InputError(
            experiment.name, f"has {what}; a curve is of one cell: a model with one population"
        )
    return neurons[0]


def port_of(experiment: Experiment) -> Variable:
    """The port that the current goes into: that of the experiment's own input if it has one."""
    population = cell_of(experiment)
    asked = next((i.port for i in experiment.inputs if i.port), None)
    port = choose_port(population, asked, experiment.name)
    if port is None:
        raise InputError(
            experiment.name,
            f"{population.model.name} has no (input); add a line such as 'I : pA (input)'",
        )
    return port


def range_of(
    experiment: Experiment, first: str | None, last: str | None
) -> tuple[float, float, str]:
    """From where to where the current goes and its unit: 0 to twice the model's own by default.

    The numbers are in the unit, that of the model's current or of what is given.
    """
    port = port_of(experiment)
    own = [i.quantities().get("amplitude") for i in experiment.inputs]
    usual = next((a for a in own if isinstance(a, Quantity)), None)
    given = {
        name: Quantity.parse(text, name)
        for name, text in (("--from", first), ("--to", last))
        if text is not None
    }
    for name, quantity in given.items():
        if quantity.magnitude or quantity.unit != "1":
            quantity.to(port.dimension, name)
    if "--to" not in given and (usual is None or not usual.magnitude):
        raise InputError(
            "--to",
            f"{experiment.name} has no current of its own; say how far, such as 100 {port.unit}",
        )
    largest = given.get("--to") or usual
    assert largest is not None
    unit = largest.unit if largest.unit != "1" else port.unit
    per_unit = Quantity(1.0, unit).internal
    end = largest.magnitude * (1.0 if "--to" in given else 2.0)
    start = given["--from"].internal / per_unit if "--from" in given else 0.0
    if not start < end:
        raise InputError("--from", f"{start:g} {unit} is not below {end:g} {unit}, the end")
    return start, end, unit


def at_currents(experiment: Experiment, currents: Sequence[float], unit: str) -> Experiment:
    """The experiment's first cell at every current, held from the start on, and nothing recorded.

    Parameters and initial values of the cell that are drawn or an array are those of cell 0.
    """
    population = cell_of(experiment)
    port = port_of(experiment)
    asked = next((i.port for i in experiment.inputs if i.port), None)
    drawn = realize(experiment.with_(duration=experiment.dt)).populations[population.name]
    dimensions = {v.name: v.dimension for v in experiment.cells[population.name].variables}

    def of_first(values: Mapping[str, Any], drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            if isinstance(value, Quantity | str)
            else Quantity(float(np.ravel(drawn[name])[0]), internal_unit(dimensions[name]))
            for name, value in values.items()
        }

    parameters = of_first(population.parameters, drawn.parameters)
    initial = of_first(population.initial, drawn.initial)
    cells = population.model_copy(
        update={"size": len(currents), "lost": 0.0, "parameters": parameters, "initial": initial}
    )
    return experiment.with_(
        populations=(cells,),
        inputs=(
            ConstantInput(
                name=INPUT,
                population=population.name,
                port=asked or (port.name if asked is None and not experiment.inputs else None),
                amplitude=Array(tuple(currents), unit),
            ),
        ),
        records=(),
        signal="",
        output="",
    )
