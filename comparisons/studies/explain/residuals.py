"""What a run does differently from the contract, step by step: its own states put through one step of it.

Every step begins with the state that the run itself recorded, so that errors do not pile up, chaos plays no
part, and all steps are independent: the program of the reference is run on arrays (steps, cells) in one
call. With F the flow over a step, y = F + Σ coefficient(F)·arrivals and z = reset(y) where the run spiked,

    r = x_{n+1} - z

is nought to round-off where the run obeys. A model that the run may have executed instead leaves nothing, and
what another leaves is counted, at the price of some array operations instead of a run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....backends.reference import CompiledCell, compiled_cell
from ....core.cell import Cell
from ....core.errors import CoincideError
from ....core.experiment import Record
from ....core.inlining import inlined
from ....core.numpy_code import Namespace, compile_expression, evaluate_constants
from ....core.program import Method
from ....core.realization import Edges, Realization, RealizedPopulation
from ....core.recording import Recording
from ....core.values import Floats
from ...measuring import ROUND_OFF
from .replay import Stamps, spread, step_of_spikes

MOST_BYTES = 2**26
"""States, cells and steps beyond these bytes are not looked at."""
Masks = NDArray[np.bool_]
Value = Callable[[Namespace], Any]


@lru_cache(maxsize=64)
def _sides(cell: Cell) -> tuple[Value, Value] | None:
    """The lower and the higher side of a threshold that is one comparison, compiled for arrays."""
    sides = compared(cell)
    return None if sides is None else (compile_expression(sides[0]), compile_expression(sides[1]))


def recorded_whole(model: Realization) -> Realization | None:
    """A model with every state of every cell recorded, nothing drawn again; None if that is too much.

    None too where a projection is plastic: what its terminals hold is no state that can be recorded.
    """
    records, n = [], 0
    for name, population in model.populations.items():
        states = tuple(v.name for v in population.cell.states)
        n += len(states) * population.size
        records.append(Record(population=name, variables=states).model_dump(mode="json"))
    if 8 * n * (model.n_steps + 1) > MOST_BYTES or any(e.plasticity for e in model.edges):
        return None
    try:
        experiment = model.experiment.with_(records=records)
    except CoincideError:
        return None  # states that have no name of their own, as those of a tree's compartments
    return replace(model, experiment=experiment)


@dataclass(frozen=True, eq=False)
class Stepped:
    """One step of a model from every state of one population; all of shape (steps, cells).

    ``off``: some state is not what the step makes of the one before. ``odd``: a spike that the threshold does
    not allow, or none where it does. ``margin``: how far the state is above threshold; None where the
    condition is no comparison. ``free``: not refractory.
    """

    off: Masks
    odd: Masks
    spiked: Masks
    free: Masks
    margin: Floats | None

    @property
    def left(self) -> int:
        """How many steps of cells are not those of the contract."""
        return int(np.count_nonzero(self.off | self.odd))

    @property
    def first(self) -> int:
        """The first step in which one is not."""
        return int(np.argmax((self.off | self.odd).any(axis=1)))

    @property
    def bracket(self) -> tuple[float, float] | None:
        """How much higher the threshold may be: from the highest that did not spike to the lowest that did.

        None where the condition is no comparison, or no level agrees with all of them.
        """
        if self.margin is None:
            return None
        silent, spiking = self.margin[self.free & ~self.spiked], self.margin[self.spiked]
        low = float(np.max(silent, initial=-np.inf))
        high = float(np.min(spiking, initial=np.inf))
        # Not even the contract's own level can be told where nothing spiked.
        return (low, high) if low < high < np.inf else None


class OwnStates:
    """A run with all its states, held against models that it may have executed."""

    def __init__(
        self,
        model: Realization,
        method: Method,
        recording: Recording,
        window: tuple[int, int] | None = None,
    ) -> None:
        self.model, self.method, self._recording = model, method, recording
        self._begin, end = window or (0, model.n_steps)
        self.n = end - self._begin
        self._stamps: dict[str, Stamps] = {
            name: (step_of_spikes(s.times, model.dt_ms), s.cells)
            for name, s in recording.spikes.items()
        }
        self._stamps |= {
            s.name: (s.steps.astype(np.int64), s.cells) for s in model.sources.values()
        }
        self._states: dict[str, dict[str, Floats]] = {name: {} for name in model.populations}
        for (name, variable), trace in recording.traces.items():
            self._states[name][variable] = trace.values[self._begin : end + 1]
        self._range = {key: spread(trace.values) for key, trace in recording.traces.items()}
        self._flows: dict[int, tuple[RealizedPopulation, Namespace]] = {}

    def between(self, first: int, last: int) -> OwnStates:
        """The same run between two steps."""
        window = max(first, 0), min(last, self.model.n_steps)
        return OwnStates(self.model, self.method, self._recording, window)

    def step(self, model: Realization) -> dict[str, Stepped]:
        """One step of a model from every recorded state, by population."""
        with np.errstate(all="ignore"):
            return {name: self._step(model, p) for name, p in model.populations.items()}

    def left(self, model: Realization) -> int:
        """How many steps of cells are not those of a model."""
        return sum(stepped.left for stepped in self.step(model).values())

    def _step(self, model: Realization, p: RealizedPopulation) -> Stepped:
        code = compiled_cell(p.cell, self.method, False)
        before, after = self._since(p)
        free = before[1:] >= np.asarray(p.refractory_steps)
        ns = dict(self._flow(p, code, after))
        ns["not_refractory"] = free
        self._receive(model, p, code, ns, free)
        spiked = after[1:] == 0
        odd, margin = self._fire(p, code, ns, free, spiked)
        for target, value in code.reset:  # each sees what those before it have set
            ns[target] = np.where(spiked, value(ns), ns[target])
        off = np.zeros(spiked.shape, dtype=bool)
        for name, x in self._states[p.name].items():
            small = ROUND_OFF * self._range[p.name, name]
            off |= ~(np.abs(x[1:] - ns[name]) <= small)
        return Stepped(off, odd, spiked, free, margin)

    def _since(self, p: RealizedPopulation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps since the last spike before an instant, and up to it; shapes (n + 1, cells)."""
        steps, cells = self._stamps[p.name]
        steps = steps - self._begin
        last = np.full((self.n + 1, p.size), -(2**40), dtype=np.int64)
        earlier = steps < 0
        np.maximum.at(last[0], cells[earlier], steps[earlier])
        inside = (steps >= 0) & (steps <= self.n)
        last[steps[inside], cells[inside]] = steps[inside]
        np.maximum.accumulate(last, axis=0, out=last)
        now = np.arange(self.n + 1)[:, None]
        before = np.concatenate([np.full((1, p.size), -(2**40)), last[:-1]])
        return now - before, now - last

    def _flow(
        self, p: RealizedPopulation, code: CompiledCell, since: NDArray[np.int64]
    ) -> Namespace:
        """Contract 1 and 2: every state a step on, before arrivals."""
        if id(p) in self._flows:
            return self._flows[id(p)][1]
        constants, dt = code.program.constants, self.model.dt_ms
        ns: Namespace = {**p.parameters, "dt": dt}
        ns.update(evaluate_constants(constants, p.parameters, dt))
        ns.update({name: x[:-1] for name, x in self._states[p.name].items()})
        for given in p.inputs:
            frames = given.frames[self._begin : self._begin + self.n]
            ns[given.variable] = given.gain * given.values[frames][:, given.columns]
        ns["not_refractory"] = since[:-1] >= np.asarray(p.refractory_steps)
        code.update(ns)
        if p is self.model.populations[p.name]:  # the others are asked for once
            self._flows[id(p)] = (p, ns)
        return ns

    def _receive(
        self,
        model: Realization,
        p: RealizedPopulation,
        code: CompiledCell,
        ns: Namespace,
        free: Masks,
    ) -> None:
        """Contract 3: arrivals by the run's own spikes, each on the state before any of them."""
        due: dict[str, Floats] = {}
        for edges in model.edges:
            if edges.target == p.name and len(edges):
                arrivals = self._arrivals(edges, p.size)
                due[edges.receptor] = due.get(edges.receptor, 0.0) + arrivals
        changes = [
            (target, np.where(free | (not unless_refractory), value(ns) * arrivals, 0.0))
            for receptor, arrivals in due.items()
            for target, value, unless_refractory in code.increments[receptor]
        ]
        for target, change in changes:
            ns[target] = ns[target] + change

    def _arrivals(self, edges: Edges, size: int) -> Floats:
        """What arrives at every instant but the first, shape (n, cells)."""
        steps, cells = self._stamps[edges.source]
        first, last = edges.starts[cells], edges.starts[cells + 1]
        counts = last - first
        chosen = np.arange(int(counts.sum())) + np.repeat(
            first - np.cumsum(counts) + counts, counts
        )
        rows = (
            np.repeat(steps - self._begin, counts)
            + np.broadcast_to(edges.delay_steps, len(edges))[chosen]
        )
        weights = np.broadcast_to(np.asarray(edges.weight, dtype=np.float64), len(edges))[chosen]
        inside = (rows >= 1) & (rows <= self.n)
        place = (rows[inside] - 1) * size + edges.post[chosen][inside]
        found = np.bincount(place, weights[inside], minlength=self.n * size)
        return np.asarray(found, dtype=np.float64).reshape(self.n, size)

    def _fire(
        self, p: RealizedPopulation, code: CompiledCell, ns: Namespace, free: Masks, spiked: Masks
    ) -> tuple[Masks, Floats | None]:
        """Contract 4: where the run's spikes are not those of its states, and the margin."""
        if code.threshold is None:
            return np.zeros(spiked.shape, dtype=bool), None
        above = np.broadcast_to(code.threshold(ns), spiked.shape)
        if p.cell.on_crossing:
            was = np.concatenate([above[:1], above[:-1]])
            odd = (above & ~was) != spiked
            odd[0] = False  # whether it was above at the start is not known here
            return odd, None
        odd = (above & free) != spiked
        sides = _sides(p.cell)
        if sides is None:
            return odd, None
        level, state = (side(ns) for side in sides)
        margin = np.array(np.broadcast_to(state - level, spiked.shape), dtype=np.float64)
        return odd & ~(
            np.abs(margin) <= ROUND_OFF * spread(margin)
        ), margin  # there round-off decides


def compared(cell: Cell) -> tuple[ast.expr, ast.expr] | None:
    """The lower and the higher side of a threshold condition that is one comparison, written out."""
    if cell.threshold is None:
        return None
    condition = inlined(cell, cell.threshold)
    if not (isinstance(condition, ast.Compare) and len(condition.ops) == 1):
        return None
    left, right = condition.left, condition.comparators[0]
    upwards = isinstance(condition.ops[0], ast.Gt | ast.GtE)
    return (right, left) if upwards else (left, right)
