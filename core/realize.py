"""Drawing an experiment: `realize` turns an `Experiment` into a `Realization`.

Every draw comes from a stream of its own, named after the part and the purpose and derived from the one
seed, so that changing one part leaves the draws of all others as they were.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from .cell import Cell, bind_units
from .clock import on_grid, to_steps
from .drawn import Drawn, Note
from .errors import InputError
from .experiment import Experiment
from .expressions import names, parse
from .held_inputs import chosen_cells, realize_input
from .inlining import inlined
from .inputs import Input
from .losses import Intact, without_lost
from .lowering import Lowered, check_bounds
from .markov import steady_state
from .memory import check_memory
from .neurons import check_parameters
from .numpy_code import evaluate
from .plasticity import RealizedPlasticity, check_numbers
from .populations import PoissonSource, Population, SpikeTrains
from .projections import Explicit, Projection
from .realization import Edges, Ints, Realization, RealizedPopulation, RealizedSource
from .receptors import DoubleExponentialConductance
from .singular import EXPREL, zero_by_zero
from .units import TIME, Quantity, dimension_of_unit, internal_unit
from .values import Array, Floats, Value, draw_value
from .wiring import draw_pairs, explicit_order

_BLOCK_MS = 100.0
_MOST_BLOCKS = 1_000_000
_MAX_DRAWN = 1e9
_MOST_NOTES = 5


def stream(seed: int, *name: str) -> np.random.Generator:
    """The random stream of a name: the same for the same seed and name, whatever else is drawn."""
    words = np.frombuffer(hashlib.sha256("/".join(name).encode()).digest(), dtype=np.uint32)
    return np.random.default_rng(np.random.SeedSequence([seed, *words.tolist()]))


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
            sources[population.name] = Drawn(_realize_poisson(experiment, population))
        else:
            sources[population.name] = _realize_trains(experiment, population)
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
    initial = _initial_values(population, cell, parameters, seed)
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


def _initial_values(
    population: Population, cell: Cell, parameters: Mapping[str, float | Floats], seed: int
) -> dict[str, Floats]:
    """Initial values of all states, shape (size,).

    Expressions may use parameters, sub-expressions and other states. A Markov scheme of which nothing is
    given starts at its steady state.
    """
    name, size = population.name, population.size
    given: dict[str, Value | str] = {**population.model.initial, **population.initial}
    values: dict[str, float | Floats] = dict(parameters)
    expressions: dict[str, ast.expr] = {}
    schemes = [] if cell.lowered is None else list(cell.lowered.schemes)
    schemes = [s for s in schemes if not given.keys() & set(s.states)]
    steady = {state for scheme in schemes for state in scheme.states}
    declared = {v.name for v in cell.variables}
    for variable in cell.states:
        state = variable.name
        value = given.get(state, Quantity(0.0))
        if isinstance(value, str):
            place = f"{name}.initial.{state}"
            expressions[state] = inlined(cell, bind_units(parse(value, place), declared))
        elif state in given:
            rng = stream(seed, "population", name, "initial", state)
            place = f"{name}.initial.{state}"
            values[state] = draw_value(value, rng, size, variable.dimension, place)
        elif state not in steady:
            values[state] = 0.0
    place = f"{name}.initial"
    while expressions or schemes:
        waiting = expressions.keys() | {s for scheme in schemes for s in scheme.states}
        ready = [state for state, tree in expressions.items() if not names(tree) & waiting]
        for state in ready:
            values[state] = _at_start(expressions.pop(state), values, f"{place}.{state}")
        settled = False
        for scheme in list(schemes):
            rates = [(a, b, inlined(cell, ast.Name(id=r))) for a, b, r in scheme.arrows]
            if not any(names(tree) & waiting for _, _, tree in rates):
                _check_rates(cell, [r for _, _, r in scheme.arrows], values, name)
                numbers = {(a, b): _at_start(tree, values, place) for a, b, tree in rates}
                values.update(steady_state(scheme.states, numbers, size, name))
                schemes.remove(scheme)
                settled = True
        if not ready and not settled:
            raise InputError(
                f"{name}.initial", f"{', '.join(sorted(waiting))} need each other's values"
            )
    if cell.lowered is not None:
        _check_kinetics(cell, cell.lowered, values, name)
    return {
        v.name: np.array(np.broadcast_to(np.asarray(values[v.name], dtype=np.float64), size))
        for v in cell.states
    }


def _at_start(tree: ast.expr, values: Mapping[str, float | Floats], where: str) -> float | Floats:
    """The value of a tree at t = 0; InputError unless it is finite."""
    try:
        with np.errstate(all="ignore"):
            value: float | Floats = evaluate(tree, values)
    except InputError as error:
        raise InputError(where, error.problem) from None
    if not np.isfinite(value).all():
        wrong = np.ravel(value)[~np.isfinite(np.ravel(value))][0]
        quotient = zero_by_zero(tree, values)
        why = "a state has to start at a number"
        if quotient is not None:
            why = f"{quotient} is 0/0 there; {EXPREL}"
        raise InputError(where, f"comes to {wrong:g} at t = 0; {why}")
    return value


def _check_kinetics(
    cell: Cell, lowered: Lowered, values: Mapping[str, float | Floats], name: str
) -> None:
    """InputError for rates and occupancies with which a membrane cannot start."""
    _check_rates(cell, (*lowered.rates, *lowered.time_constants), values, name)
    for scheme in lowered.schemes:
        total: float | Floats = 0.0
        for state in scheme.states:
            if state == scheme.rest:
                continue
            least, most = np.min(values[state]), np.max(values[state])
            if least < -1e-9 or most > 1 + 1e-9:
                worst = least if least < -1e-9 else most
                problem = f"{worst:g} is no occupancy; it has to be in [0, 1]"
                raise InputError(f"{name}.initial.{state}", problem)
            total = total + values[state]
        if np.max(total) > 1 + 1e-9:
            problem = f"the other states add to {np.max(total):g}, which leaves less than 0 for it"
            raise InputError(f"{name}.initial.{scheme.rest}", problem)


def _check_rates(
    cell: Cell, rates: Iterable[str], values: Mapping[str, float | Floats], name: str
) -> None:
    """InputError for a rate that is negative, or a time constant that is not above 0, at t = 0."""
    assert cell.lowered is not None
    times = set(cell.lowered.time_constants)
    for rate in rates:
        place = f"{name}.{cell.lowered.places[rate]}"
        rates_at_start = np.ravel(_at_start(inlined(cell, ast.Name(id=rate)), values, place))
        wrong = (rates_at_start <= 0) if rate in times else (rates_at_start < 0)
        if wrong.any():
            what = "ms at t = 0; a time constant has to be > 0"
            if rate not in times:
                what = "/ms at t = 0; a rate has to be >= 0"
            raise InputError(
                place, f"comes to {rates_at_start[wrong][0]:g} {what}".replace(" /ms", "/ms")
            )


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


def _on_steps(
    name: str, size: int, times: Floats, cells: NDArray[np.integer], experiment: Experiment
) -> RealizedSource:
    early = times <= experiment.duration_ms + experiment.dt_ms
    times, cells = times[early], cells[early]
    steps = to_steps(times, experiment.dt_ms)
    kept = steps <= experiment.n_steps
    return RealizedSource(name, size, *_in_order(steps[kept], cells[kept], times[kept]))


def _in_order(
    steps: NDArray[np.integer], cells: NDArray[np.integer], times: Floats
) -> tuple[Ints, Ints, Floats]:
    """Spikes sorted by step, then cell; those of one cell in one step stay as they were."""
    order = np.lexsort((cells, steps))
    return steps[order].astype(np.int32), cells[order].astype(np.int32), times[order]


def _realize_poisson(experiment: Experiment, source: PoissonSource) -> RealizedSource:
    """Counts per train and block are Poisson, times within uniform: exact, and longer runs begin alike."""
    name, size = source.name, source.size
    rate = draw_value(
        source.rate,
        stream(experiment.seed, "population", name, "rate"),
        size,
        dimension_of_unit("1/ms"),
        f"{name}.rate",
    )
    rate = np.broadcast_to(np.asarray(rate, dtype=np.float64), size)
    if (rate < 0).any():
        raise InputError(f"{name}.rate", "a drawn rate is negative; use a truncated distribution")
    rng = stream(experiment.seed, "population", name, "spikes")
    start = source.start.to(TIME, f"{name}.start")
    stop = np.inf if source.stop is None else source.stop.to(TIME, f"{name}.stop")
    block = _BLOCK_MS if source.interval is None else source.interval.to(TIME, f"{name}.interval")
    if block < experiment.dt_ms * (1 - 1e-9):
        raise InputError(
            f"{name}.interval", f"{source.interval} is shorter than a step of {experiment.dt}"
        )
    profile = np.asarray((1.0,) if source.profile is None else source.profile)
    if experiment.duration_ms / block > _MOST_BLOCKS:
        raise InputError(
            f"{name}.interval",
            f"{source.interval} cuts the run into more than {_MOST_BLOCKS:,} parts",
        )
    dt, parts = experiment.dt_ms, []
    waiting = (np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
    n_expected = 0.0
    n_blocks = int(np.ceil(experiment.duration_ms / block - 1e-9))
    for k in range(n_blocks):
        factor = profile[k % profile.size if source.repeat else min(k, profile.size - 1)]
        expected = rate * factor * block
        n_expected += float(np.sum(expected))
        if not n_expected <= _MAX_DRAWN:
            raise InputError(f"{name}.rate", f"asks for more than {_MAX_DRAWN:g} spikes in all")
        counts = rng.poisson(expected)
        times = (k + rng.random(int(counts.sum()))) * block
        cells = np.repeat(np.arange(size, dtype=np.int32), counts)
        kept = (times >= start) & (times < stop) & (times <= experiment.duration_ms + dt)
        times, cells = times[kept], cells[kept]
        steps = to_steps(times, dt)
        steps = np.concatenate([waiting[0], steps])
        cells = np.concatenate([waiting[1], cells])
        times = np.concatenate([waiting[2], times])
        # Sorted block by block, which takes little memory; the last step may have spikes of the next.
        last = k == n_blocks - 1
        done = steps <= experiment.n_steps if last else steps < to_steps((k + 1) * block, dt)
        parts.append(_in_order(steps[done], cells[done], times[done]))
        waiting = (steps[~done], cells[~done], times[~done])
    return RealizedSource(
        name,
        size,
        np.concatenate([s for s, _, _ in parts]),
        np.concatenate([c for _, c, _ in parts]),
        np.concatenate([t for _, _, t in parts]),
    )


def _realize_trains(experiment: Experiment, source: SpikeTrains) -> Drawn[RealizedSource]:
    scale = Quantity(1.0, source.unit).to(TIME, f"{source.name}.unit")
    counts = [len(train) for train in source.times]
    cells = np.repeat(np.arange(source.size, dtype=np.int32), counts)
    times = np.concatenate([np.asarray(t, dtype=np.float64) for t in source.times]) * scale
    notes: tuple[Note, ...] = ()
    if times.size and not on_grid(times, experiment.dt_ms):
        rounded = f"spike times are rounded to steps of {experiment.dt_ms} ms"
        notes = (Note(source.name, rounded),)
    return Drawn(_on_steps(source.name, source.size, times, cells, experiment), notes)


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
