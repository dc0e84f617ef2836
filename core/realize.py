"""Drawing an experiment: `realize` turns an `Experiment` into a `Realization`.

Every draw comes from a stream of its own, named after the part and the purpose and derived from the one
seed, so that changing one part leaves the draws of all others as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .cell import Cell
from .clock import on_grid, to_steps
from .drawn import Drawn, Note, stream
from .errors import InputError
from .experiment import Experiment
from .held_inputs import chosen_cells, realize_input
from .initial_values import initial_values
from .inputs import Input
from .losses import Intact, without_lost
from .lowering import check_bounds
from .memory import check_memory
from .neurons import check_parameters
from .plasticity import RealizedPlasticity, check_numbers
from .populations import PoissonSource, Population
from .projections import Explicit, Projection
from .realization import Edges, Realization, RealizedPopulation, RealizedSource
from .realize_sources import realize_poisson, realize_trains
from .receptors import DoubleExponentialConductance
from .units import TIME, Quantity, dimension_of_unit, internal_unit
from .values import Array, Floats, draw_value
from .wiring import draw_pairs, explicit_order

_MOST_NOTES = 5


def realize(experiment: Experiment) -> Realization:
    """Draw everything random of an experiment, once.

    Raises InputError, naming the part, for arrays of a wrong length, delays under one step, a rule that
    asks for more partners than there are, or what this machine's memory cannot hold.
    """
    check_memory(experiment)
    populations: dict[str, Drawn[RealizedPopulation]] = {}
    sources: dict[str, Drawn[RealizedSource]] = {}
    for population in experiment.populations:
        if isinstance(population, Population):
            populations[population.name] = _realize_population(experiment, population)
        elif isinstance(population, PoissonSource):
            sources[population.name] = Drawn(realize_poisson(experiment, population))
        else:
            sources[population.name] = realize_trains(experiment, population)
    edges = [_realize_edges(experiment, p) for p in experiment.projections]
    notes = _duration_notes(experiment)
    for population in experiment.populations:
        of_sources = population.name in sources
        notes += (sources if of_sources else populations)[population.name].notes
    notes += _together([note for e in edges for note in e.notes])
    intact = Intact(
        {name: drawn.value for name, drawn in populations.items()},
        {name: drawn.value for name, drawn in sources.items()},
        tuple(drawn.value for drawn in edges),
    )
    remaining = without_lost(experiment, intact, stream)
    notes += remaining.notes
    return Realization(
        experiment,
        experiment.dt_ms,
        experiment.n_steps,
        *remaining.value,
        tuple(map(str, notes)),
        tuple(str(note) for note in notes if note.of_grid),
    )


def _duration_notes(experiment: Experiment) -> list[Note]:
    dt, duration = experiment.dt_ms, experiment.duration_ms
    if on_grid(duration, dt):
        return []
    # A run in continuous time ends there too.
    acts = f"duration {duration} ms acts as {experiment.n_steps} steps of {dt} ms"
    return [Note("", acts, of_grid=False)]


def _together(notes: list[Note]) -> list[Note]:
    """The notes of projections, of which those that many have in common are one."""
    shared = Counter(note.what for note in notes)
    kept = [note for note in notes if shared[note.what] <= _MOST_NOTES]
    for what, n in shared.items():
        if n > _MOST_NOTES:
            names = [note.where for note in notes if note.what == what][:_MOST_NOTES]
            kept.append(Note(f"{', '.join(names)} and {n - _MOST_NOTES} more", what))
    return kept


def _realize_population(
    experiment: Experiment, population: Population
) -> Drawn[RealizedPopulation]:
    name, size, seed = population.name, population.size, experiment.seed
    cell = experiment.cells[name]
    parameters: dict[str, float | Floats] = {}
    amplitudes = {cell.drives[i.name]: i for i in _inputs(experiment, name)}
    for variable in cell.parameters:
        place = f"{name}.{variable.name}"
        rng = stream(seed, "population", name, "parameter", variable.name)
        value = draw_value(cell.values[variable.name], rng, size, variable.dimension, place)
        given = amplitudes.get(variable.name)
        if given is not None and given.cells is not None:
            value = np.where(chosen_cells(given, size), value, 0.0)
        parameters[variable.name] = value
        if np.ndim(value):
            least = Quantity(float(np.min(value)), internal_unit(variable.dimension))
            check_parameters({variable.name: least}, cell.variables, name)
            if cell.lowered is not None:
                check_bounds(cell.lowered, {variable.name: least}, name)
    _check_time_constants(population, cell, parameters)
    initial = initial_values(population, cell, parameters, seed)
    steps = _refractory_steps(population, cell, parameters, experiment.dt_ms)
    inputs = [
        realize_input(experiment, population, given, stream(seed, "input", given.name))
        for given in _inputs(experiment, name)
        if given.constant is None
    ]
    held = tuple(given.value for given in inputs)
    realized = RealizedPopulation(name, size, cell, parameters, initial, steps.value, held)
    return Drawn(realized, (*steps.notes, *(note for given in inputs for note in given.notes)))


def _check_time_constants(
    population: Population, cell: Cell, parameters: Mapping[str, float | Floats]
) -> None:
    """InputError for a cell whose double exponential would not rise faster than it decays."""
    for name, receptor in population.receptors.items():
        if not isinstance(receptor, DoubleExponentialConductance):
            continue
        own = cell.port(name).names
        rise, decay = np.broadcast_arrays(parameters[own["tau_rise"]], parameters[own["tau_decay"]])
        wrong = np.flatnonzero(rise >= decay)
        if wrong.size:
            k = wrong[0]
            raise InputError(
                f"{population.name}.{name}",
                f"tau_rise {rise.flat[k]:g} ms of cell {k} is not below its tau_decay "
                f"{decay.flat[k]:g} ms; give values or distributions that do not overlap",
            )


def _inputs(experiment: Experiment, population: str) -> list[Input]:
    return [i for i in experiment.inputs if i.population == population]


def _refractory_steps(
    population: Population, cell: Cell, parameters: Mapping[str, float | Floats], dt: float
) -> Drawn[int | NDArray[np.int32]]:
    if cell.refractory is None:
        return Drawn(0)
    if cell.refractory in parameters:
        period = parameters[cell.refractory]
    else:
        place = f"{population.name}.refractory"
        period = Quantity.parse(cell.refractory, place).to(TIME, place)
    if np.min(period) < 0:
        raise InputError(f"{population.name}.refractory", "a refractory time is negative")
    steps = to_steps(period, dt, f"{population.name}.refractory")
    acts = f"refractory times are rounded to whole steps of {dt} ms"
    if steps.ndim == 0:
        acts = f"refractory {period} ms acts as {int(steps) * dt:g} ms"
    return Drawn(
        int(steps) if steps.ndim == 0 else steps.astype(np.int32),
        () if on_grid(period, dt) else (Note(population.name, acts),),
    )


def _realize_edges(experiment: Experiment, projection: Projection) -> Drawn[Edges]:
    name, seed, dt = projection.name, experiment.seed, experiment.dt_ms
    n_pre = experiment.population(projection.source).size
    n_post = experiment.population(projection.target).size
    same = projection.source == projection.target
    pre, post = draw_pairs(
        projection.rule, n_pre, n_post, same, stream(seed, "projection", name, "rule"), name
    )
    dimension = experiment.port(projection).weight_dimension
    weight: float | Floats = draw_value(
        projection.weight,
        stream(seed, "projection", name, "weight"),
        pre.size,
        dimension,
        f"{name}.weight",
    )
    weight = weight * projection.scale(n_pre)
    delay = draw_value(
        projection.delay, stream(seed, "projection", name, "delay"), pre.size, TIME, f"{name}.delay"
    )
    if isinstance(projection.rule, Explicit):
        # Arrays follow the user's list of pairs; what is drawn belongs to no pair in particular.
        order = explicit_order(projection.rule)
        if isinstance(projection.weight, Array):
            weight = np.asarray(weight)[order]
        if isinstance(projection.delay, Array):
            delay = np.asarray(delay)[order]
    steps = to_steps(delay, dt, f"{name}.delay")
    if np.size(steps) and np.min(steps) < 1:
        short = int(np.sum(steps < 1))
        raise InputError(
            f"{name}.delay",
            f"{np.min(delay):g} ms is less than one step of {dt:g} ms"
            + (f" ({short} of {pre.size} delays are)" if np.ndim(delay) else "")
            + "; make the delay longer or dt smaller",
        )
    notes: tuple[Note, ...] = ()
    if np.size(delay) and not on_grid(delay, dt):
        acts = f"delays are rounded to whole steps of {dt:g} ms"
        if np.ndim(delay) == 0:
            acts = f"delay {delay:g} ms acts as {int(steps) * dt:g} ms"
        notes = (Note(name, acts),)
    edges = Edges(
        name,
        projection.source,
        projection.target,
        projection.receptor,
        n_pre,
        pre,
        post,
        weight,
        int(steps) if steps.ndim == 0 else steps.astype(np.int32),
        delay,
        _realize_plasticity(projection, pre.size, seed),
    )
    return Drawn(edges, notes)


def _realize_plasticity(projection: Projection, n: int, seed: int) -> RealizedPlasticity | None:
    described = projection.plasticity
    if described is None:
        return None
    numbers: dict[str, float | Floats] = {}
    for field, unit in (("U", "1"), ("tau_rec", "ms"), ("tau_facil", "ms")):
        where = f"{projection.name}.plasticity.{field}"
        given = getattr(described, field)
        rng = stream(seed, "projection", projection.name, "plasticity", field)
        value = draw_value(given, rng, n, dimension_of_unit(unit), where)
        if isinstance(projection.rule, Explicit) and isinstance(given, Array):
            value = np.asarray(value)[explicit_order(projection.rule)]
        check_numbers(field, np.asarray(value), where)
        numbers[field] = value
    return RealizedPlasticity(**numbers)
