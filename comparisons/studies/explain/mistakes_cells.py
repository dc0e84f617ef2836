"""Mistakes of cells: threshold, reset, values averaged or exchanged, digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from ....core.experiment import Experiment
from ....core.neurons import NeuronModel
from ....core.populations import Population
from ....core.realization import Edges, Realization, RealizedPopulation
from ....core.values import Floats
from .changes import of_model, with_edges, with_populations
from .hypothesis import Hypothesis

MOST_SWAPS = 150
Fields = dict[str, str]


def cell_mistakes(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    """Mistakes about the cells of some populations."""
    yield from _threshold_and_reset(model, populations)
    yield from _averages(model, populations)
    yield from _initial(model, populations)
    yield from _swaps(model, populations)
    yield of_model(
        "precision",
        "keeps parameters, weights and initial values in 32-bit numbers",
        _in_single,
        0.6,
        "precision",
    )


# Equations belong to the experiment, so that a process can be given the changed ones.


def _with_models(
    model: Realization, change: Callable[[NeuronModel], Fields | None]
) -> Realization | None:
    """A realization with other equations of its point neurons; None if none of them changes."""
    new = {}
    for population in model.experiment.populations:
        if isinstance(population, Population) and isinstance(population.model, NeuronModel):
            fields = change(population.model)
            if fields is not None:
                new[population.name] = population.model.model_copy(update=fields)
    if not new:
        return None
    populations = tuple(
        p.model_copy(update={"model": new[p.name]}) if p.name in new else p
        for p in model.experiment.populations
    )
    # Written out and read again, so that everything derived is derived anew.
    experiment = Experiment.from_dict(
        model.experiment.model_copy(update={"populations": populations}).to_dict()
    )
    return with_populations(
        replace(model, experiment=experiment),
        list(new),
        lambda p: replace(p, cell=experiment.cells[p.name]),
    )


def _reached(model: NeuronModel) -> Fields | None:
    """``>=`` for ``>``, and the other way round."""
    found = re.fullmatch(r"([^<>=]+)(<=|>=|<|>)([^<>=]+)", model.threshold or "")
    if found is None:
        return None
    sign = found[2]
    return {"threshold": found[1] + (sign[0] if "=" in sign else f"{sign}=") + found[3]}


def _without_line(model: NeuronModel, k: int) -> Fields | None:
    lines = [line for line in re.split(r"[\n;]", model.reset) if line.strip()]
    if len(lines) < 2 or k >= len(lines):
        return None
    return {"reset": "\n".join(lines[:k] + lines[k + 1 :])}


def _other_threshold(model: Realization) -> Realization:
    return _with_models(model, _reached) or model


def _shorter_reset(model: Realization, k: int) -> Realization:
    return _with_models(model, partial(_without_line, k=k)) or model


def _threshold_and_reset(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    cells = [model.populations[n].cell for n in populations]
    if any(c.reset for c in cells):
        yield of_model(
            "lost_spikes",
            "lets a cell spike where the threshold is reached, not exceeded",
            _other_threshold,
            0.9,  # where it changes anything, a state stood on the threshold to the last digit
            "threshold",
        )
    most = max(len(c.reset) for c in cells)
    for k in range(most if most > 1 else 0):
        targets = sorted({c.reset[k].target for c in cells if len(c.reset) > k})
        words = f"does not reset {', '.join(targets)}"
        yield of_model("parameter", words, partial(_shorter_reset, k=k), 0.5, "reset")


# Averages.


def _mean_parameters(model: Realization) -> Realization:
    def one(p: RealizedPopulation) -> RealizedPopulation:
        new = {n: float(np.mean(v)) for n, v in p.parameters.items() if np.ptp(v) > 0}
        return replace(p, parameters={**p.parameters, **new})

    return with_populations(model, list(model.populations), one)


def _mean_weights(model: Realization) -> Realization:
    def one(edges: Edges) -> Edges:
        return replace(edges, weight=float(np.mean(edges.weight))) if len(edges) else edges

    return with_edges(model, lambda e: True, one)


def _averages(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    here = [model.populations[n] for n in populations]
    if any(np.ptp(v) > 0 for p in here for v in p.parameters.values()):
        words = "gives all cells of a population the mean of each parameter"
        yield of_model("parameter", words, _mean_parameters, 0.6, "parameters")
    into = [e for e in model.edges if e.target in populations and len(e)]
    if any(np.ptp(e.weight) > 0 for e in into):
        words = "gives all synapses of a projection their mean weight"
        yield of_model("parameter", words, _mean_weights, 0.55, "weights")


# Initial values.


def _mean(values: Floats) -> Floats:
    return np.full_like(values, np.mean(values))


def _zero(values: Floats) -> Floats:
    return values * 0.0


def _begin(
    model: Realization, change: Callable[[Floats], Floats], spared: frozenset[tuple[str, str]]
) -> Realization:
    def one(p: RealizedPopulation) -> RealizedPopulation:
        new = {n: v if (p.name, n) in spared else change(v) for n, v in p.initial.items()}
        return replace(p, initial=new)

    return with_populations(model, list(model.populations), one)


def _initial(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    recorded = frozenset((p, v) for p, v, _ in model.recorded())
    values = [v for n in populations for v in model.populations[n].initial.values()]
    for end, change, acts in (
        ("at the mean of its population", _mean, any(np.ptp(v) > 0 for v in values)),
        ("at 0", _zero, any(np.any(v) for v in values)),
    ):
        for which, spared in (("every state", frozenset()), ("what nobody records", recorded)):
            if acts:
                yield of_model(
                    "initial_value",
                    f"begins {which} {end}",
                    partial(_begin, change=change, spared=spared),
                    0.55,
                    "initial values",
                )


# Swaps.


def _swapped(model: Realization, a: str, b: str) -> Realization:
    def one(p: RealizedPopulation) -> RealizedPopulation:
        if a not in p.parameters or b not in p.parameters:
            return p
        new = {a: p.parameters[b], b: p.parameters[a]}
        return replace(p, parameters={**p.parameters, **new})

    return with_populations(model, list(model.populations), one)


def _swaps(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    done: set[tuple[str, str]] = set()
    for name in populations:
        p = model.populations[name]
        dimension = {n: p.cell.variable(n).dimension for n in p.parameters}
        for a, b in combinations(p.parameters, 2):
            same = np.array_equal(p.parameters[a], p.parameters[b])
            if same or dimension[a] != dimension[b] or (a, b) in done or len(done) >= MOST_SWAPS:
                continue
            done.add((a, b))
            words = f"exchanges {a} and {b}"
            yield of_model("parameter", words, partial(_swapped, a=a, b=b), 0.45, f"{a}, {b}")


# Digits.


def _single(value: Any) -> Any:
    single = np.asarray(value, dtype=np.float32).astype(np.float64)
    return float(single) if single.ndim == 0 else single


def _in_single(model: Realization) -> Realization:
    def one(p: RealizedPopulation) -> RealizedPopulation:
        return replace(
            p,
            parameters={n: _single(v) for n, v in p.parameters.items()},
            initial={n: _single(v) for n, v in p.initial.items()},
        )

    model = with_populations(model, list(model.populations), one)
    return with_edges(model, lambda e: True, lambda e: replace(e, weight=_single(e.weight)))
