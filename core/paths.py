"""Where a path such as ``exc.tau`` or ``drive_to_exc_ampa.weight`` points in an experiment's description.

One resolver for ``--set`` and for perturbations: a `Place` is where the value stands in the plain data, the
value it has, and its dimension.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .cable import CableCell
from .description import Description
from .errors import InputError, nearest
from .experiment import Experiment
from .populations import Population
from .units import TIME, Dimension, Quantity
from .values import Array, Distribution

_TOP = ("duration", "dt", "seed", "name", "variant", "title", "signal", "output")
_OFFERED = 3
_MOST_LISTED = 12
_TAGS = frozenset({"name", "kind", "rule", "distribution"})
_ARROW = re.compile(r"\s*(?:->|→)\s*")


@dataclass(frozen=True, eq=False)
class Place:
    """One value of an experiment: its path, its place in the plain data, its value and dimension.

    ``dimension`` is None where the value is no quantity, or is not given and could be of any.
    """

    path: str
    steps: tuple[str | int, ...]
    value: Any
    dimension: Dimension | None = None

    def write(self, data: dict[str, Any], value: Any) -> None:
        """Put a plain value there, in the plain data of the experiment."""
        target: Any = data
        for step in self.steps[:-1]:
            target = target[step] if isinstance(step, int) else target.setdefault(step, {})
            if not isinstance(target, dict | list):
                raise InputError(self.path, "is inside of a value that has no parts; set that one")
        target[self.steps[-1]] = value


def set_values(experiment: Experiment, assignments: Sequence[str]) -> Experiment:
    """A copy of an experiment with ``path=value`` assignments applied, validated again.

    A path is a field of the experiment (``dt``), or the name of a population, projection or input and what
    of it: a field (``exc.size``), a parameter (``exc.tau``), an initial value (``exc.initial.v``), a field of
    a receptor (``exc.ampa.tau``) or of a rule (``exc_to_inh_ampa.rule.p``). Of a cable cell it is a field
    (``purkinje.capacitance``), a parameter or field of a channel (``purkinje.naRsg.epsilon``,
    ``purkinje.naRsg.conductance``) or a field of an ion (``purkinje.ca.outside``). The projection between two
    populations, where there is one only, is also ``exc->inh``, and what one population only has needs no
    name before it (``capacitance``). InputError says what would match.
    """
    data = experiment.to_dict()
    known = places(experiment)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip() or not text.strip():
            raise InputError(
                f"--set {assignment}", "write path=value, for instance exc.tau='10 ms'"
            )
        path = path.strip()
        place = resolve(experiment, path, f"--set {path}", known, data)
        place.write(data, plain_value(text.strip()))
    return type(experiment).from_dict(data)


def plain_value(text: str) -> Any:
    """JSON where it is JSON (numbers, lists, objects), else the text itself: a quantity."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def paths(experiment: Experiment) -> list[str]:
    """Every path that has a value in the experiment, texts about it left out."""
    return [path for path in places(experiment) if path not in _TOP[_OFFERED:]]


def resolve(
    experiment: Experiment,
    path: str,
    where: str,
    known: Mapping[str, Place] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Place:
    """The place of a path; InputError, naming *where*, if it matches nothing or two things.

    ``known`` are the places of the experiment, ``data`` its plain data with what was changed already.
    """
    known = places(experiment) if known is None else known
    path = _full(experiment, path, where)
    if path in known:
        place = known[path]
        if not place.steps:
            raise InputError(where, f"{path!r} is the name of two things; rename one of them")
        return place
    outer, dot, last = path.rpartition(".")
    holder = known.get(outer)
    if dot and last and holder is not None and holder.steps:
        # A field that is not among those of its value: of a value written just before, or a wrong one,
        # which validation answers with the fields there are.
        parts = isinstance(holder.value, Description) or _has_parts(data, holder.steps)
        if parts:
            return Place(path, (*holder.steps, last), None)
    short = [name for name in known if name.endswith(f".{path}") and known[name].steps]
    if len(short) == 1:
        return known[short[0]]
    if short:
        several = f"is in {len(short)} places; name one, or '*.{path}' for all: {_listed(short)}"
        raise InputError(where, several)
    raise _no_match(path, known, where)


def resolve_all(
    experiment: Experiment, path: str, where: str, known: Mapping[str, Place] | None = None
) -> list[Place]:
    """The places that a path or a pattern such as ``*.weight`` matches; what holds another comes alone.

    ``known`` are the places of the experiment.
    """
    known = places(experiment) if known is None else known
    if not is_pattern(path):
        return [resolve(experiment, path, where, known)]
    matches = [p for name, p in known.items() if fnmatchcase(name, path)]
    if not matches:
        raise _no_match(path, known, where)
    by_steps = {resolve(experiment, p.path, where, known).steps: p for p in reversed(matches)}
    return [
        p
        for steps, p in reversed(by_steps.items())
        if not any(steps[:k] in by_steps for k in range(1, len(steps)))
    ]


def _has_parts(data: Any, steps: Sequence[Any]) -> bool:
    for step in steps:
        if not isinstance(data, list) and not (isinstance(data, Mapping) and step in data):
            return False
        data = data[step]
    return isinstance(data, Mapping)


def is_pattern(path: str) -> bool:
    """Whether a path has wildcards: ``*``, ``?`` or ``[…]``."""
    return any(character in path for character in "*?[")


def projection_between(experiment: Experiment, name: str, where: str) -> str:
    """The projection that ``granule->purkinje`` means; any other name stays as it is.

    Raises InputError if there is none between the two, or several.
    """
    ends = _ARROW.split(name)
    if len(ends) == 1:
        return name
    between = [p for p in experiment.projections if [p.source, p.target] == ends]
    if len(between) == 1:
        return between[0].name
    if between:
        names = ", ".join(p.name for p in between)
        raise InputError(where, f"there are {len(between)} projections {name}; name one: {names}")
    pairs = [f"{p.source}->{p.target}" for p in experiment.projections]
    raise InputError(where, f"matches nothing; {nearest('->'.join(ends), dict.fromkeys(pairs))}")


def _full(experiment: Experiment, path: str, where: str) -> str:
    head, dot, rest = path.partition(".")
    return f"{projection_between(experiment, head, where)}{dot}{rest}"


def _no_match(path: str, known: Mapping[str, Place], where: str) -> InputError:
    offered = [name for name in known if name not in _TOP[_OFFERED:]]
    steps = path.split(".")
    parts = [name for name in offered if name.startswith(f"{path}.")]
    if parts:
        return InputError(
            where, f"{path!r} is no single value; name one of its parts: {_listed(parts)}"
        )
    # What is said of a part that exists is about that part, or about the part of it.
    for k in range(len(steps) - 1, 0, -1):
        inside = [name for name in offered if name.startswith(".".join(steps[:k]) + ".")]
        if inside:
            return InputError(where, f"matches nothing; {_nearest(path, inside)}")
    return InputError(where, f"matches nothing; {_nearest(path, offered)}")


def _nearest(path: str, offered: Sequence[str]) -> str:
    """A sentence with the nearest path, and those that share its last part or its head first."""
    head, last = path.split(".")[0], path.split(".")[-1]
    lasts = {name: name.split(".")[-1] for name in offered}
    # A last part that none has is taken for the nearest, so that `*.conductnce` is answered.
    alike = [last] if last in lasts.values() else []
    alike = alike or difflib.get_close_matches(last, sorted({*lasts.values()}), n=1)
    first = sorted(
        offered, key=lambda name: (lasts[name] not in alike, name.split(".")[0] != head, name)
    )
    near = [name for name in first if lasts[name] in alike]
    if is_pattern(path):
        near = [f"{path.rpartition('.')[0]}.{end}" for end in alike]
        near = [name for name in near if any(fnmatchcase(o, name) for o in offered)]
    close = [
        found
        for names in (near, [] if is_pattern(path) else first)
        for found in difflib.get_close_matches(path, names, n=1, cutoff=0.5)
    ]
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}known: {_listed(first)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def places(experiment: Experiment) -> dict[str, Place]:
    """Every value of an experiment by its path. Two things of one path have a place without steps."""
    by_path: dict[str, Place] = {}
    for place in _places(experiment):
        twice = place.path in by_path
        by_path[place.path] = Place(place.path, (), None) if twice else place
    return by_path


def _places(experiment: Experiment) -> Iterator[Place]:
    for field in _TOP:
        value = getattr(experiment, field)
        yield Place(field, (field,), value, _dimension(value))
    for k, population in enumerate(experiment.populations):
        steps = ("populations", k)
        if isinstance(population, Population):
            yield from _population(experiment, population, steps)
        else:
            yield from _fields(population, population.name, steps)
    for k, projection in enumerate(experiment.projections):
        weight = experiment.port(projection).weight_dimension
        known = {f"{projection.name}.weight": weight, f"{projection.name}.delay": TIME}
        yield from _fields(projection, projection.name, ("projections", k), known=known)
    for k, given in enumerate(experiment.inputs):
        yield from _fields(given, given.name, ("inputs", k))


def _population(
    experiment: Experiment, population: Population, steps: tuple[str | int, ...]
) -> Iterator[Place]:
    name, model = population.name, population.model
    for field in ("size", "lost"):
        yield Place(f"{name}.{field}", (*steps, field), getattr(population, field))
    cell = experiment.cells[name]
    given = {**model.initial, **population.initial}
    for state in cell.states:
        value = given.get(state.name, Quantity(0.0, str(state.dimension)))
        place = (*steps, "initial", state.name)
        yield Place(f"{name}.initial.{state.name}", place, value, state.dimension)
        yield from _inside(value, f"{name}.initial.{state.name}", place)
    if isinstance(model, CableCell):
        yield from _membrane(population, model, steps)
    else:
        values = {**model.parameters, **population.parameters}
        for variable in model.variables:
            if variable.kind == "parameter":
                # Written to the population, whatever the model's default is.
                place = (*steps, "parameters", variable.name)
                value = values[variable.name]
                yield Place(f"{name}.{variable.name}", place, value, variable.dimension)
                yield from _inside(value, f"{name}.{variable.name}", place)
        yield Place(f"{name}.model.refractory", (*steps, "model", "refractory"), model.refractory)
    for receptor_name, receptor in population.receptors.items():
        place = (*steps, "receptors", receptor_name)
        yield from _fields(receptor, f"{name}.{receptor_name}", place)


def _membrane(
    population: Population, model: CableCell, steps: tuple[str | int, ...]
) -> Iterator[Place]:
    """The fields of a cable cell, of its channels and of its ions.

    What the population gives for a parameter of the lowered equations is what counts, wherever it is.
    """
    name, inside = population.name, (*steps, "model")
    skip = frozenset({"channels", "ions", "morphology", "stand_ins", "source"})
    places = list(_fields(model, name, inside, skip=skip))
    equations, flat = model.lowered, dict[str, str | None]()
    for field in ("capacitance", "axial_resistivity"):
        flat[f"{name}.{field}"] = equations.find("membrane", "", field)
    for k, ion in enumerate(model.ions):
        path = f"{name}.{ion.name}"
        places += _fields(ion, path, (*inside, "ions", k))
        for field in ("reversal", "inside", "outside"):
            flat[f"{path}.{field}"] = equations.find("ion", ion.name, field)
        for field in ("depth", "tau", "rest", "floor"):
            flat[f"{path}.pool.{field}"] = equations.find("pool", ion.name, field)
    for k, channel in enumerate(model.channels):
        path, steps_there = f"{name}.{channel.name}", (*inside, "channels", k)
        places += _fields(channel, path, steps_there, skip=frozenset({"parameters"}))
        for parameter, value in channel.parameters.items():
            own, steps_of = f"{path}.{parameter}", (*steps_there, "parameters", parameter)
            places += [
                Place(own, steps_of, value, _dimension(value)),
                *_inside(value, own, steps_of),
            ]
            flat[own] = equations.find("channel", channel.name, parameter)
        amounts = {channel.region: f"{path}.{channel.amount}"}
        amounts |= {region: f"{path}.elsewhere.{region}" for region in channel.elsewhere}
        flat |= {p: equations.amount(channel, region) for region, p in amounts.items()}
        flat[f"{path}.reversal"] = equations.find("channel", channel.name, "reversal")
    for place in places:
        called = flat.get(place.path)
        if called is not None and called in population.parameters:
            value = population.parameters[called]
            yield Place(place.path, (*steps, "parameters", called), value, _dimension(value))
        else:
            yield place


def _fields(
    part: Description,
    name: str,
    steps: tuple[str | int, ...],
    *,
    known: Mapping[str, Dimension] | None = None,
    skip: frozenset[str] = frozenset(),
) -> Iterator[Place]:
    for field in type(part).model_fields:
        if field in skip or (field in _TAGS and isinstance(getattr(part, field), str)):
            continue
        path, place, value = f"{name}.{field}", (*steps, field), getattr(part, field)
        yield Place(path, place, value, (known or {}).get(path) or _dimension(value))
        yield from _inside(value, path, place)


def _inside(value: Any, path: str, steps: tuple[str | int, ...]) -> Iterator[Place]:
    """The fields of what has fields: a distribution, a rule, a mapping of values by name."""
    if isinstance(value, Description):
        yield from _fields(value, path, steps)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield Place(f"{path}.{key}", (*steps, key), inner, _dimension(inner))
            yield from _inside(inner, f"{path}.{key}", (*steps, key))


def _dimension(value: Any) -> Dimension | None:
    if isinstance(value, Quantity):
        return value.dimension
    if isinstance(value, Array):
        return Quantity(1.0, value.unit).dimension
    if isinstance(value, Distribution):
        return next(iter(value.quantities().values())).dimension
    return None
