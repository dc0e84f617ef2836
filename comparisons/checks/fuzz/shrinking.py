"""A failing experiment made small: parts are dropped as long as the same fault shows."""

from __future__ import annotations

import ast
import copy
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ....core.errors import InputError
from ....core.experiment import Experiment
from .judging import Judged

if TYPE_CHECKING:
    from .study import Trial

Plain = dict[str, Any]


def shrunk(
    trial: Trial,
    data: Plain,
    method: str,
    judged: Judged,
    budget_s: float,
    on_smaller: Callable[[Judged, int], None] = lambda judged, size: None,
) -> Plain:
    """The smallest experiment found within a budget that shows the same fault on the same backend."""
    deadline = time.monotonic() + budget_s
    only = (judged.backend, judged.mode) if judged.backend else None
    best = data

    def shows(candidate: Plain) -> bool:
        refused = judged.kind == "refused"
        try:
            Experiment.from_dict(candidate)
        except InputError:
            if not refused:
                return False
        except Exception:
            return judged.kind == "crashed" and not judged.backend
        again = trial.judge(candidate, method, only)
        return any(j.signature == judged.signature for j in again)

    improved = True
    while improved and time.monotonic() < deadline:
        improved = False
        for candidate in smaller(best):
            if time.monotonic() > deadline:
                break
            if shows(candidate):
                best, improved = candidate, True
                on_smaller(judged, len(json.dumps(best)))
                break
    return best


def smaller(data: Plain) -> Iterator[Plain]:
    """Experiments with one part less, large parts first; some of them are not valid."""
    yield from _without(data, "projections")
    yield from _without(data, "inputs")
    yield from _without_populations(data)
    yield from _without_receptors(data)
    yield from _shorter(data)
    yield from _without(data, "records")
    yield from _fewer_cells(data)
    yield from _plainer_parts(data)
    yield from _plainer_cables(data)
    yield from _plainer_equations(data)


def _without(data: Plain, field: str) -> Iterator[Plain]:
    listed = data.get(field, [])
    if len(listed) > 3:
        half = len(listed) // 2
        yield {**data, field: listed[:half]}
        yield {**data, field: listed[half:]}
    for k in range(len(listed)):
        yield {**data, field: [*listed[:k], *listed[k + 1 :]]}


def _without_populations(data: Plain) -> Iterator[Plain]:
    for population in data["populations"]:
        name = population["name"]
        yield {
            **data,
            "populations": [p for p in data["populations"] if p is not population],
            "projections": [
                p for p in data.get("projections", []) if name not in (p["source"], p["target"])
            ],
            "inputs": [i for i in data.get("inputs", []) if i["population"] != name],
            "records": [r for r in data.get("records", []) if r["population"] != name],
        }


def _without_receptors(data: Plain) -> Iterator[Plain]:
    for k, population in enumerate(data["populations"]):
        for receptor in population.get("receptors", {}):
            made = copy.deepcopy(data)
            del made["populations"][k]["receptors"][receptor]
            made["projections"] = [
                p
                for p in made.get("projections", [])
                if (p["target"], p["receptor"]) != (population["name"], receptor)
            ]
            yield made


def _shorter(data: Plain) -> Iterator[Plain]:
    number, unit = data["duration"].split()
    for part in (4, 2):
        if float(number) / part > 4 * float(data["dt"].split()[0]):
            yield {**data, "duration": f"{float(number) / part:.6g} {unit}"}


def _fewer_cells(data: Plain) -> Iterator[Plain]:
    for k, population in enumerate(data["populations"]):
        size = population.get("size", 1)
        for fewer in {1, size // 2}:
            if 0 < fewer < size:
                made = copy.deepcopy(data)
                made["populations"][k]["size"] = fewer
                yield made
        if population.get("kind") == "spike_trains":
            times = population["times"]
            for j, train in enumerate(times):
                for i in range(len(train)):
                    made = copy.deepcopy(data)
                    del made["populations"][k]["times"][j][i]
                    yield made
    for k, record in enumerate(data.get("records", [])):
        for variable in record["variables"]:
            if len(record["variables"]) > 1:
                made = copy.deepcopy(data)
                made["records"][k]["variables"].remove(variable)
                yield made


_DROPPED = {
    "populations": ("lost", "parameters", "initial"),
    "projections": ("plasticity", "weight_scale"),
    "inputs": ("cells", "stop", "offset"),
    "records": ("cells",),
}


def _plainer_parts(data: Plain) -> Iterator[Plain]:
    for field, names in _DROPPED.items():
        for k, part in enumerate(data.get(field, [])):
            for name in names:
                if name in part:
                    made = copy.deepcopy(data)
                    del made[field][k][name]
                    yield made
            for name, value in part.items():
                if isinstance(value, dict) and name in ("weight", "delay", "amplitude", "rate"):
                    made = copy.deepcopy(data)
                    made[field][k][name] = _one_of(value)
                    yield made
            rule = part.get("rule")
            if isinstance(rule, dict) and rule["rule"] != "all_to_all":
                made = copy.deepcopy(data)
                made[field][k]["rule"] = {"rule": "all_to_all"}
                yield made
            if isinstance(rule, dict) and rule["rule"] == "explicit":
                for j in range(len(rule["pre"])):
                    made = copy.deepcopy(data)
                    for side in ("pre", "post"):
                        del made[field][k]["rule"][side][j]
                    yield made


def _one_of(value: Plain) -> str:
    """A number that a value can be."""
    if "values" in value:
        return f"{value['values'][0] if value['values'] else 0} {value.get('unit', '1')}"
    return str(next(value[n] for n in ("mean", "median", "high") if n in value))


def _plainer_cables(data: Plain) -> Iterator[Plain]:
    for k, population in enumerate(data["populations"]):
        model = population.get("model", {})
        if model.get("kind") != "cable":
            continue
        for field in ("channels", "ions"):
            for j in range(len(model[field])):
                made = copy.deepcopy(data)
                del made["populations"][k]["model"][field][j]
                yield made
        for j in range(1, len(model["morphology"]["sections"])):
            made = copy.deepcopy(data)
            del made["populations"][k]["model"]["morphology"]["sections"][j]
            yield made
        if model["discretisation"] != {"kind": "fixed", "segments": 1}:
            made = copy.deepcopy(data)
            made["populations"][k]["model"]["discretisation"] = {"kind": "fixed", "segments": 1}
            yield made
        for j, channel in enumerate(model["channels"]):
            for name in ("elsewhere", "region", "q10", "equations", "open"):
                if name in channel:
                    made = copy.deepcopy(data)
                    target = made["populations"][k]["model"]["channels"][j]
                    for also in (name, {"q10": "q10_celsius", "equations": "parameters"}.get(name)):
                        target.pop(also, None)
                    yield made
            for i in range(len(channel.get("gates", []))):
                made = copy.deepcopy(data)
                del made["populations"][k]["model"]["channels"][j]["gates"][i]
                yield made


def _plainer_equations(data: Plain) -> Iterator[Plain]:
    for population in data["populations"]:
        model = population.get("model", {})
        if "equations" not in model:
            continue
        for change in _models(model):
            yield {
                **data,
                "populations": [
                    {**p, "model": change} if p is population else p for p in data["populations"]
                ],
            }
            # What a population gives is of no use to a model that has it no more.
            yield {
                **data,
                "populations": [
                    {
                        n: v
                        for n, v in {**p, "model": change}.items()
                        if n not in ("parameters", "initial")
                    }
                    if p is population
                    else p
                    for p in data["populations"]
                ],
            }


def _models(model: Plain) -> Iterator[Plain]:
    lines = model["equations"].split("\n")
    for j, line in enumerate(lines):
        rest = "\n".join([*lines[:j], *lines[j + 1 :]])
        name = line.partition("=")[0].partition(":")[0].strip()
        name = name[1:-3] if name.endswith("/dt") else name
        statements = [s for s in _statements(model) if s.split()[0] != name]
        given = {
            field: {n: v for n, v in model.get(field, {}).items() if n != name}
            for field in ("parameters", "initial")
        }
        yield _cleaned({**model, "equations": rest, "reset": "; ".join(statements), **given})
    if "refractory" in model:
        made = {n: v for n, v in model.items() if n != "refractory"}
        yield {**made, "equations": model["equations"].replace(" (unless refractory)", "")}
    statements = _statements(model)
    for j in range(len(statements)):
        yield _cleaned({**model, "reset": "; ".join([*statements[:j], *statements[j + 1 :]])})
    if "threshold" in model and not statements:
        yield {n: v for n, v in model.items() if n != "threshold"}
    if model.get("initial"):
        yield {**model, "initial": {}}
    if "threshold" in model:
        for text in _simpler(model["threshold"]):
            yield {**model, "threshold": text}
    for j, line in enumerate(lines):
        left, equals, right = line.partition("=")
        if not equals:
            continue
        right, colon, unit = right.rpartition(":")
        for text in _simpler(right):
            changed = f"{left}= {text} {colon}{unit}"
            yield {**model, "equations": "\n".join([*lines[:j], changed, *lines[j + 1 :]])}
    for j, statement in enumerate(statements):
        left, equals, right = statement.partition("=")
        for text in _simpler(right):
            changed = f"{left}{equals} {text}"
            yield {**model, "reset": "; ".join([*statements[:j], changed, *statements[j + 1 :]])}


def _statements(model: Plain) -> list[str]:
    return [s.strip() for s in model.get("reset", "").replace("\n", ";").split(";") if s.strip()]


def _cleaned(model: Plain) -> Plain:
    return {n: v for n, v in model.items() if v not in ("", {})}


def _simpler(text: str) -> Iterator[str]:
    """The expression with one part replaced by a part of that, largest first; dimensions may be wrong."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.expr) and not isinstance(n, ast.Name)]
    for node in nodes:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and not isinstance(node, ast.Constant):
                if isinstance(node, ast.Call) and child is node.func:
                    continue
                yield ast.unparse(_Replace(node, child).visit(copy.deepcopy(tree)))


class _Replace(ast.NodeTransformer):
    """Puts one node in the place of another, which it finds by how it is written and where."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old = (ast.dump(old), old.lineno, old.col_offset, old.end_col_offset)
        self._new = new

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr):
            if (ast.dump(node), node.lineno, node.col_offset, node.end_col_offset) == self._old:
                return self._new
        return self.generic_visit(node)
