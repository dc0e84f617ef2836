"""Whether an experiment fits into the memory of this machine: said before it is drawn, and not by a crash."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import InputError
from .experiment import Experiment
from .populations import Population
from .values import Array, Distribution
from .wiring import MAX_CONNECTIONS, expected_connections

_NUMBER = 8
"""Bytes of a number."""
_WORTH_ASKING = 1e9
"""What fits into any machine is not held against this one."""


def check_memory(experiment: Experiment) -> None:
    """InputError naming the part that needs most, if what is drawn and recorded cannot fit here.

    Only what every backend needs is counted: states, per-cell values, connections, samples.
    """
    needed = dict(_needed(experiment))
    total = sum(needed.values())
    if total < _WORTH_ASKING:
        return
    import psutil

    free = psutil.virtual_memory().available
    if total <= free:
        return
    largest = max(needed, key=lambda part: needed[part])
    raise InputError(
        largest,
        f"needs about {needed[largest] / 1e9:,.3g} GB of memory, and {free / 1e9:,.3g} GB are free on "
        "this machine; take fewer cells, connections, recorded variables or steps",
    )


def _needed(experiment: Experiment) -> Iterator[tuple[str, float]]:
    """The bytes that each part of an experiment needs at least, by its name."""
    for population in experiment.populations:
        if not isinstance(population, Population):
            yield population.name, _NUMBER * population.size
            continue
        cell = experiment.cells[population.name]
        several = sum(isinstance(v, Array | Distribution) for v in cell.values.values())
        # Initial values, the states that a run moves, and parameters that differ.
        yield population.name, _NUMBER * population.size * (2 * len(cell.states) + several)
    for projection in experiment.projections:
        pre, post = (experiment.population(n).size for n in (projection.source, projection.target))
        expected = expected_connections(projection.rule, pre, post)
        if expected <= MAX_CONNECTIONS:  # more are refused as such
            yield projection.name, _NUMBER * expected
    for record in experiment.records:
        cells = experiment.population(record.population).size
        cells = cells if record.cells is None else len(record.cells)
        samples = float(experiment.n_steps) * cells * len(record.variables)
        yield f"records.{record.population}", _NUMBER * samples
