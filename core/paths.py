"""Changing one value of an experiment by its path: ``exc.tau``, ``drive_to_exc_ampa.weight``, ``dt``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InputError, nearest
from .experiment import Experiment
from .populations import Population

_TOP = ("duration", "dt", "seed", "name", "variant", "title")


def set_values(experiment: Experiment, assignments: Sequence[str]) -> Experiment:
    """A copy of an experiment with ``path=value`` assignments applied, validated again.

    A path is a field of the experiment (``dt``), or the name of a population, projection or input and what
    of it: a field (``exc.size``), a parameter (``exc.tau``), an initial value (``exc.initial.v``), a field of
    a receptor (``exc.ampa.tau``) or of a rule (``exc_to_inh_ampa.rule.p``). InputError says what would match.
    """
    data = experiment.to_dict()
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip() or not text.strip():
            raise InputError(
                f"--set {assignment}", "write path=value, for instance exc.tau='10 ms'"
            )
        _assign(data, experiment, path.strip(), _value(text.strip()))
    return Experiment.from_dict(data)


def _value(text: str) -> Any:
    """JSON where it is JSON (numbers, lists, objects), else the text itself: a quantity."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def paths(experiment: Experiment) -> list[str]:
    """Every path that `set_values` takes and that has a value in the experiment."""
    found = list(_TOP[:3])
    for population in experiment.populations:
        if isinstance(population, Population):
            found.append(f"{population.name}.size")
            parameters = [v.name for v in population.model.variables if v.kind == "parameter"]
            states = [v.name for v in population.model.variables if v.kind == "state"]
            found += [f"{population.name}.{name}" for name in parameters]
            found += [f"{population.name}.initial.{name}" for name in states]
            found.append(f"{population.name}.model.refractory")
            for name, receptor in population.receptors.items():
                fields = [f for f in type(receptor).model_fields if f not in {"kind", "port"}]
                found += [f"{population.name}.{name}.{field}" for field in fields]
    sources = [p for p in experiment.populations if not isinstance(p, Population)]
    for part in (*sources, *experiment.projections, *experiment.inputs):
        fields = [f for f in type(part).model_fields if f not in {"name", "kind"}]
        found += [f"{part.name}.{field}" for field in fields]
    return found


def _assign(data: dict[str, Any], experiment: Experiment, path: str, value: Any) -> None:
    head, *rest = path.split(".")
    if head in _TOP and not rest:
        data[head] = value
        return
    part, steps = _find(data, head), rest
    if part is None or not steps:
        raise _no_match(experiment, path)
    population = part.get("kind") == "neurons"
    if population:
        steps = _inside_population(experiment, head, steps)
    target: Any = part
    for step in steps[:-1]:
        target = target.setdefault(step, {})
        if not isinstance(target, dict):
            raise _no_match(experiment, path)
    known = set(paths(experiment))
    if path not in known and f"{head}.{rest[0]}" not in known:
        raise _no_match(experiment, path)
    target[steps[-1]] = value


def _find(data: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    for kind in ("populations", "projections", "inputs"):
        for part in data.get(kind, ()):
            if part["name"] == name:
                found: dict[str, Any] = part
                return found
    return None


def _inside_population(experiment: Experiment, name: str, steps: list[str]) -> list[str]:
    """``tau`` is a parameter, ``ampa.tau`` a field of a receptor; other fields stay as they are."""
    population = experiment.neurons(name)
    parameters = {v.name for v in population.model.variables if v.kind == "parameter"}
    if steps[0] in parameters:
        return ["parameters", *steps]
    if steps[0] in population.receptors:
        return ["receptors", *steps]
    return steps


def _no_match(experiment: Experiment, path: str) -> InputError:
    return InputError(f"--set {path}", f"matches nothing; {nearest(path, paths(experiment))}")
