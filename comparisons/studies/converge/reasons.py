"""Why an order is what it is: what holds it below the textbook's, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....backends.registry import numerics_of
from ....core.clock import on_grid
from ....core.experiment import Experiment
from ....core.populations import Population
from ...running.runs import Run
from .order import Order
from .quantities import CROSSINGS, STAMPS

_BELOW = 0.3
"""An order is below that of the textbook if it is by more than this and its uncertainty."""


def holding_down(experiment: Experiment, run: Run, order: Order) -> Iterator[str]:
    """What keeps the order of a quantity below that of the method, in words; nothing if it is not below."""
    if order.name == STAMPS:
        yield "spikes are stamped on the grid, which limits the order of their times to 1"
        if reset := [n for n, c in experiment.cells.items() if c.reset]:
            yield f"{', '.join(reset)}: resets act on the grid, so that what follows is of order 1 too"
        return
    numerics = numerics_of(run.backend)
    if order.verdict == "elsewhere":
        yield from numerics.elsewhere(experiment, run.mode)
    known = numerics.order(run.method)
    if numerics.is_adaptive(run.method):
        if order.verdict in ("stalls", "elsewhere"):
            yield f"{run.method} chooses its own steps: its error is set by its tolerance, not by dt"
        return
    if "float32" in run.id or (run.mode in numerics.single and "float64" not in run.id):
        yield "it computes in float32, so that round-off is reached early"
    width = 0.0 if math.isnan(order.half_width) else order.half_width
    if not order.order + width + _BELOW < known:
        return
    staged = run.mode == "raw" and run.method in numerics.staged
    found = [*_inputs(experiment, run, staged), *_events(experiment)]
    if order.name == CROSSINGS:
        found += _after_spikes(experiment)
    yield from found or [f"below the {known:g} of {run.method}: no input or event explains it"]


def _inputs(experiment: Experiment, run: Run, staged: bool) -> Iterator[str]:
    """Inputs that are discontinuous in a step, or held over it although they change.

    *staged* methods read them at the times of their stages.
    """
    for given in experiment.inputs:
        jumps = given.jumps()
        off = [t for t in jumps if not on_grid(t, experiment.dt_ms)]
        if off:
            yield (
                f"{given.name} jumps at {off[0]:g} ms, between two steps, and acts from the "
                "nearest on: order 1"
            )
        elif jumps and staged:
            yield (
                f"{given.name} jumps at {jumps[0]:g} ms inside the stages of {run.method}, which "
                "see it half: order 1"
            )
        if given.moves and not staged:
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
