"""Why an order is what it is: textbook orders, and what holds an order down, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....core.clock import on_grid
from ....core.experiment import Experiment
from ....core.inputs import RampInput, SineInput, StepInput
from ....core.populations import Population
from ...running.runs import Run
from .order import Order
from .quantities import CROSSINGS, STAMPS

TEXTBOOK = {
    "euler": 1.0,
    "exponential_euler": 1.0,
    "rk2": 2.0,
    "rk4": 4.0,
    "guarded_rk4": 4.0,
    "heun": 1.0,
    "exact": math.inf,
    "derivimplicit": 1.0,
    "implicit Euler": 1.0,
    "Crank-Nicolson": 2.0,
}
"""Orders of the methods of the backends for smooth right-hand sides.

Brian2's heun is forward Euler where no noise is multiplicative. cnexp is exact for one linear equation and
of order 1 for coupled ones, with NEURON's Sections of the order of the Section's method.
"""
_BELOW = 0.3
"""An order is below that of the textbook if it is by more than this and its uncertainty."""


def textbook(method: str) -> float:
    """The order of a method, by its first part; NaN where it is not known."""
    return TEXTBOOK.get(method.split(",")[0].split(" (")[0].strip(), math.nan)


def is_adaptive(method: str) -> bool:
    """Whether a method chooses its own steps, so that dt is only the grid of what is recorded."""
    return method.lower().startswith("cvode")


def holding_down(experiment: Experiment, run: Run, order: Order) -> Iterator[str]:
    """What keeps the order of a quantity below that of the method, in words; nothing if it is not below."""
    if order.name == STAMPS:
        yield "spikes are stamped on the grid, which limits the order of their times to 1"
        if reset := [n for n, c in experiment.cells.items() if c.reset]:
            yield f"{', '.join(reset)}: resets act on the grid, so that what follows is of order 1 too"
        return
    if order.verdict == "elsewhere" and run.backend == "neuron" and run.mode == "raw":
        yield from _stand_ins(experiment)
    known = textbook(run.method)
    if is_adaptive(run.method):
        if order.verdict in ("stalls", "elsewhere"):
            yield f"{run.method} chooses its own steps: its error is set by its tolerance, not by dt"
        return
    if run.backend == "pymonntorch" and "float32" in _precision(run):
        yield "it computes in float32, so that round-off is reached early"
    width = 0.0 if math.isnan(order.half_width) else order.half_width
    if not order.order + width + _BELOW < known:
        return
    found = [*_inputs(experiment, run), *_events(experiment)]
    if order.name == CROSSINGS:
        found += _after_spikes(experiment)
    yield from found or [f"below the {known:g} of {run.method}: no input or event explains it"]


def _stand_ins(experiment: Experiment) -> Iterator[str]:
    """Mechanisms of NEURON's own that take the place of channels in raw mode."""
    for population in experiment.populations:
        for own in getattr(getattr(population, "model", None), "stand_ins", ()):
            if own.simulator == "neuron":
                yield (
                    f"NEURON's own {own.mechanism} stands for {', '.join(own.channels)} of "
                    f"{population.name} (the convention built_in): its rates come from a table"
                )


def _precision(run: Run) -> str:
    return " ".join((run.id, *run.notes, "float32" if run.mode == "raw" else ""))


def _inputs(experiment: Experiment, run: Run) -> Iterator[str]:
    """Inputs that are discontinuous in a step, or held over it although they change."""
    inside_stages = run.mode == "raw" and run.backend == "brian2" and run.method in ("rk2", "rk4")
    for given in experiment.inputs:
        if isinstance(given, StepInput):
            edges = [q.internal for q in (given.start, given.stop) if q is not None and q.internal]
            off = [t for t in edges if not on_grid(t, experiment.dt_ms)]
            if off:
                yield (
                    f"{given.name} jumps at {off[0]:g} ms, between two steps, and acts from the "
                    "nearest on: order 1"
                )
            elif edges and inside_stages:
                yield (
                    f"{given.name} jumps at {edges[0]:g} ms inside the stages of {run.method}, which "
                    "see it half: order 1"
                )
        elif isinstance(given, SineInput | RampInput) and not inside_stages:
            yield f"{given.name} changes with time and is held over each step: order 1"


def _events(experiment: Experiment) -> Iterator[str]:
    """Arrivals that are brought to the grid."""
    sources = {p.name for p in experiment.populations if not isinstance(p, Population)}
    fed = [p.name for p in experiment.projections if p.source in sources]
    if fed:
        yield f"the given spikes of {', '.join(fed)} arrive at whole steps: order 1"


def _after_spikes(experiment: Experiment) -> Iterator[str]:
    """Spikes of other cells, which arrive on the grid."""
    sources = {p.name for p in experiment.populations if not isinstance(p, Population)}
    inner = [p.name for p in experiment.projections if p.source not in sources]
    if inner:
        yield f"the spikes sent through {', '.join(inner)} arrive at whole steps: order 1"
