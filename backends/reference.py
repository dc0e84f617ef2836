"""The reference: the clock contract in plain NumPy, the specification that one can run.

DESIGN: from t_n to t_{n+1} inputs are held, states move, arrivals act, the threshold is tested, spikes
are stamped t_{n+1}, resets act, and the sample is taken. One array operation a statement, none per cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from ..core.cell import Cell
from ..core.features import FEATURES
from ..core.numpy_code import (
    Namespace,
    compile_expression,
    compile_for_one,
    compile_statements,
    evaluate_constants,
)
from ..core.plasticity import Terminals, occurrences
from ..core.program import METHODS, SCHEMES, Program, Scheme, program_of
from ..core.realization import Edges, Realization, RealizedPopulation
from ..core.recording import Recording, Spikes, Trace
from ..core.settings import MODES, Settings
from ..core.units import internal_unit
from .base import Backend, Watch
from .watch import LOOKS, States


class ReferenceBackend(Backend):
    """The clock contract in NumPy; its modes differ in the default scheme alone.

    In raw and aligned that is rk4, of order 4, guarded: it never looks beyond a threshold, and moves by
    exponential Euler where a rate is too fast for it. Where a cell is compartments it is exponential_euler:
    their coupling exceeds what rk4 is stable for at usual steps.
    """

    name = "reference"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": ("default", *SCHEMES),
        "aligned": ("default", *SCHEMES),
        "lockstep": METHODS,
    }
    features = frozenset(FEATURES)

    @override
    def version(self) -> str:
        return f"NumPy {np.__version__}"

    @override
    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        started = time.perf_counter()
        n_steps, dt = realization.n_steps, realization.dt_ms
        network = Network(realization, scheme_for(realization, settings), n_steps)
        built = time.perf_counter()
        with np.errstate(all="ignore"):
            every = max(1, n_steps // LOOKS)
            for now in range(n_steps + 1):
                network.step(now)
                if now % every == 0 or now == n_steps:
                    progress(now / n_steps)
                    progress.look(now * dt, network.states())
        return Recording(
            duration_ms=n_steps * dt,
            dt_ms=dt,
            spikes=network.spikes(),
            traces=network.traces(),
            sizes={name: p.size for name, p in realization.populations.items()},
            provenance={"method": network.method},
            notes=()
            if settings.mode == "lockstep"
            else (f"the reference integrated with {network.method}",),
            build_s=built - started,
            run_s=time.perf_counter() - built,
        )


def scheme_for(realization: Realization, settings: Settings) -> Scheme:
    """The scheme that the settings ask for, or the reference's default for these cells."""
    if settings.mode == "lockstep" or settings.method in SCHEMES:
        return settings.scheme
    # The coupling of compartments is too fast for an explicit method at usual steps.
    cells = [p.cell for p in realization.populations.values()]
    stiff = any(c.lowered is not None for c in cells)
    return "exponential_euler" if stiff else "guarded_rk4"


class Network:
    """A realization in the middle of a run: `step` is called for now = 0, 1, 2, ….

    The last ``kept`` samples of every record are kept, all spikes are. A run can also `resume` where another
    one of the same populations stands, for instance with other weights from there on.
    """

    def __init__(self, realization: Realization, method: Scheme, kept: int) -> None:
        self.method = method
        self.dt_ms = dt = realization.dt_ms
        self._first = 0
        self._groups = {
            name: _Group(population, method, dt)
            for name, population in realization.populations.items()
        }
        for edges in realization.edges:
            self._groups[edges.target].listen(edges)
        self._recorders = [
            _Recorder(self._groups[name], variable, cells, kept, dt)
            for name, variable, cells in realization.recorded()
        ]
        self._sources = [(s.name, s.steps, s.cells) for s in realization.sources.values()]
        self._outgoing = {
            name: [(e, self._groups[e.target]) for e in realization.edges_from(name)]
            for name in (*self._groups, *realization.sources)
        }

    def step(self, now: int) -> None:
        """Everything that happens from the instant before to this one, and at it."""
        groups = self._groups.values()
        if now:
            for group in groups:
                group.move(now - 1)
        for group in groups:
            group.receive(now)
            fired = group.fire(now)
            for edges, target in self._outgoing[group.name]:
                target.send(edges, fired, now)
        for name, steps, cells in self._sources:
            first, last = np.searchsorted(steps, (now, now + 1))
            for edges, target in self._outgoing[name]:
                target.send(edges, cells[first:last], now)
        for recorder in self._recorders:
            recorder.sample(now - self._first)

    def states(self) -> States:
        """Every state as it stands, those of plasticity too."""
        for name, group in self._groups.items():
            for variable in group.states:
                yield name, variable, group.ns[variable]
            for projection, terminals in group.terminals.items():
                yield projection, "u", terminals.u
                yield projection, "x", terminals.x

    def resume(self, other: Network, now: int) -> None:
        """Stand where *other* stands after its step *now*; its arrivals under way keep their weights."""
        self._first = now + 1
        for name, group in self._groups.items():
            group.resume(other._groups[name], now)

    def spikes(self) -> dict[str, Spikes]:
        """All spikes so far, by population."""
        return {name: group.spikes(self._first, self.dt_ms) for name, group in self._groups.items()}

    def traces(self) -> dict[tuple[str, str], Trace]:
        """The samples so far, by population and variable."""
        start = self._first * self.dt_ms
        return {
            (r.group.name, r.variable): replace(r.trace, start_ms=start) for r in self._recorders
        }


@dataclass(frozen=True, eq=False)
class CompiledCell:
    """A cell's program in one scheme, compiled; it holds no state."""

    program: Program
    update: Callable[[Namespace], None]
    threshold: Callable[[Namespace], Any] | None
    reset: tuple[tuple[str, Callable[[Namespace], Any]], ...]
    increments: Mapping[str, tuple[tuple[str, Callable[[Namespace], Any], bool], ...]]


@lru_cache(maxsize=64)
def compiled_cell(cell: Cell, method: Scheme, single: bool) -> CompiledCell:
    """A cell compiled, for one (*single*) or for several; kept, since a network may be run many times."""
    program = program_of(cell, method)
    compiled = compile_for_one if single else compile_statements
    return CompiledCell(
        program,
        compiled(program.update, [v.name for v in cell.states]),
        None if program.threshold is None else compile_expression(program.threshold),
        tuple((a.target, compile_expression(a.expression)) for a in program.reset),
        {
            receptor: tuple(
                (i.target, compile_expression(i.coefficient), i.unless_refractory)
                for i in increments
            )
            for receptor, increments in program.increments.items()
        },
    )


class _Group:
    """The state of one population and the arrivals on their way to it."""

    def __init__(self, population: RealizedPopulation, method: Scheme, dt: float) -> None:
        self.population = population
        self.name = population.name
        cell = population.cell
        code = compiled_cell(cell, method, population.size == 1)
        program = code.program
        self.ns: Namespace = dict(population.parameters)
        self.ns["dt"] = dt
        self.ns.update(evaluate_constants(program.constants, population.parameters, dt))
        self.ns.update({name: value.copy() for name, value in population.initial.items()})
        self.ns["not_refractory"] = np.ones(population.size, dtype=bool)
        self.states = [v.name for v in cell.states]
        self._update, self._threshold = code.update, code.threshold
        self._reset, self._increments = code.reset, code.increments
        self._on_crossing = cell.on_crossing
        self._was_above: NDArray[np.bool_] | None = None
        self._refractory_steps = population.refractory_steps
        self._refractory = population.has_refractoriness
        self._remaining = np.zeros(population.size, dtype=np.int64)
        self._arrivals: dict[str, NDArray[np.float64]] = {}
        self._slots: dict[str, int] = {}
        self._fired: list[NDArray[np.int32]] = []
        self.terminals: dict[str, Terminals] = {}
        self._sizes: dict[str, int] = {}
        self._dt = dt

    def listen(self, edges: Edges) -> None:
        """Make room for the arrivals of a projection: a ring of one row per step of delay."""
        slots = max(self._slots.get(edges.receptor, 0), edges.max_delay_steps + 1)
        self._slots[edges.receptor] = slots
        self._arrivals[edges.receptor] = np.zeros((slots, self.population.size))
        self._sizes[edges.name] = len(edges)
        if edges.plasticity is not None:
            self.terminals[edges.name] = Terminals(edges.plasticity, edges.source_size, len(edges))

    def resume(self, other: _Group, now: int) -> None:
        """Take over state, refractoriness and arrivals under way from a group of the same cells."""
        self.ns.update({name: np.array(other.ns[name]) for name in self.states})
        self.ns["not_refractory"] = other.ns["not_refractory"].copy()
        self._remaining = other._remaining.copy()
        self._was_above = other._was_above
        for name, terminals in other.terminals.items():
            if name in self.terminals and self._sizes[name] == other._sizes[name]:
                self.terminals[name] = deepcopy(terminals)
        for receptor, ring in self._arrivals.items():
            old = other._arrivals.get(receptor)
            for later in range(1, 0 if old is None else old.shape[0]):
                assert old is not None
                row = old[(now + later) % old.shape[0]]
                if later < ring.shape[0]:
                    ring[(now + later) % ring.shape[0]] = row

    def move(self, step: int) -> None:
        """Contract 1 and 2: inputs of t_n are held, the state moves to t_{n+1}."""
        for given in self.population.inputs:
            self.ns[given.variable] = given.at(step)
        self._update(self.ns)
        if self._refractory:
            np.maximum(self._remaining - 1, 0, out=self._remaining)
            self.ns["not_refractory"] = self._remaining == 0

    def receive(self, now: int) -> None:
        """Contract 3: arrivals due now act, all on the state before any of them."""
        active = self.ns["not_refractory"]
        changes: list[tuple[str, Any]] = []
        for receptor, ring in self._arrivals.items():
            due = ring[now % ring.shape[0]]
            if not due.any():
                continue
            for target, coefficient, unless_refractory in self._increments[receptor]:
                change = coefficient(self.ns) * due
                if unless_refractory and self._refractory:
                    change = np.where(active, change, 0.0)
                changes.append((target, change))
            ring[now % ring.shape[0]] = 0.0
        for target, change in changes:
            self.ns[target] = self.ns[target] + change

    def fire(self, now: int) -> NDArray[np.int32]:
        """Contract 4 and 5: test the threshold, stamp spikes with this instant, reset."""
        empty = np.empty(0, dtype=np.int32)
        if self._threshold is None:
            self._fired.append(empty)
            return empty
        above = np.broadcast_to(self._threshold(self.ns), self.population.size)
        if self._on_crossing:
            was_above = above if self._was_above is None else self._was_above
            self._was_above = above
            fired = np.flatnonzero(above & ~was_above).astype(np.int32)
        else:
            fired = np.flatnonzero(above & self.ns["not_refractory"]).astype(np.int32)
        self._fired.append(fired)
        if fired.size and self._reset:
            mask = np.zeros(self.population.size, dtype=bool)
            mask[fired] = True
            for target, value in self._reset:
                self.ns[target] = np.where(mask, value(self.ns), self.ns[target])
            if self._refractory:
                steps = np.broadcast_to(self._refractory_steps, self.population.size)
                self._remaining[fired] = steps[fired]
                self.ns["not_refractory"] = self._remaining == 0
        return fired

    def send(self, edges: Edges, fired: NDArray[np.int32], now: int) -> None:
        """Contract 6: spikes stamped now arrive after the delays of their connections."""
        if not fired.size or not len(edges):
            return
        terminals = self.terminals.get(edges.name)
        if terminals is None:
            self._send(edges, fired, now)
            return
        for once in occurrences(fired):
            self._send(edges, fired[once], now, terminals)

    def _send(
        self, edges: Edges, fired: NDArray[np.int32], now: int, terminals: Terminals | None = None
    ) -> None:
        first, last = edges.starts[fired], edges.starts[fired + 1]
        counts = last - first
        total = int(counts.sum())
        if not total:
            return
        # The indices first[0]…last[0]-1, first[1]…last[1]-1, … without a loop.
        chosen = np.arange(total) + np.repeat(first - np.cumsum(counts) + counts, counts)
        post = edges.post[chosen]
        weight = edges.weight if np.ndim(edges.weight) == 0 else np.asarray(edges.weight)[chosen]
        weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), total)
        if terminals is not None:
            if terminals.per_connection:
                weights = terminals.release(chosen, now * self._dt) * weights
            else:
                weights = np.repeat(terminals.release(fired, now * self._dt), counts) * weights
        ring = self._arrivals[edges.receptor]
        slots, size = ring.shape
        if np.ndim(edges.delay_steps) == 0:
            row = (now + int(edges.delay_steps)) % slots
            ring[row] += np.bincount(post, weights, minlength=size)
        else:
            rows = (now + np.asarray(edges.delay_steps)[chosen]) % slots
            np.add.at(ring, (rows, post), weights)

    def spikes(self, first: int, dt: float) -> Spikes:
        """All spikes so far, the first of them at step *first* or later."""
        counts = [fired.size for fired in self._fired]
        steps = first + np.repeat(np.arange(len(counts)), counts)
        cells = np.concatenate(self._fired) if self._fired else np.empty(0, np.int32)
        return Spikes.from_steps(steps, cells, dt)


class _Recorder:
    """Contract 7: one sample of a state variable after everything else of an instant."""

    def __init__(
        self, group: _Group, variable: str, cells: NDArray[np.int32], kept: int, dt: float
    ) -> None:
        self.group = group
        self.variable = variable
        unit = internal_unit(group.population.cell.variable(variable).dimension)
        self.trace = Trace(np.empty((kept + 1, cells.size)), cells, unit, 0.0, dt)

    def sample(self, now: int) -> None:
        """Store the state of this instant."""
        self.trace.values[now] = self.group.ns[self.variable][self.trace.cells]
