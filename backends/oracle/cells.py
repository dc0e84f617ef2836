"""The cells of one population in continuous time: what happens to each, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import RunError
from ...core.expressions import names, number, parse, substitute, text
from ...core.inlining import inlined
from ...core.linear import linear_in
from ...core.numpy_code import compile_expression, compile_statements, evaluate_constants
from ...core.program import program_of
from ...core.realization import Realization, RealizedPopulation
from ...core.recording import Spikes, Trace
from .ends import MOST_SPIKES, StuckError, accumulates, leaves, slides
from .events import Arrivals, distance, first_crossing
from .inputs import Drive, refractory_ms
from .samples import Samples
from .scalar import Inputs, OneCell, ScalarEquations
from .single import LSODAStepper, RadauStepper
from .steps import RatesOfSome, Stepper, Tolerance, VectorDOP853

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

TOGETHER_MS = 1e-9
"""Events closer than this are one instant: sums of decimal times differ by round-off."""


class CellGroup:
    """One population: its equations, its arrivals, its refractoriness, its samples and spikes.

    `advance` moves every cell up to a time; nothing that is not known yet may arrive before it.
    """

    def __init__(
        self, realization: Realization, population: RealizedPopulation, tolerance: Tolerance
    ) -> None:
        self.population, self.name, self.size = population, population.name, population.size
        self._dt = realization.dt_ms
        self._end = realization.n_steps * realization.dt_ms
        cell = population.cell
        program = program_of(cell, "euler")
        fixed = {**population.parameters, "dt": self._dt}
        fixed.update(evaluate_constants(program.constants, population.parameters, self._dt))
        self._scalars = {k: v for k, v in fixed.items() if not np.ndim(v)}
        self._arrays = {k: np.asarray(v) for k, v in fixed.items() if np.ndim(v)}
        self._states = [v.name for v in cell.states]
        self._rate_names = [f"rate_{name}_" for name in self._states]
        statements = [a for a in program.update if a.target not in self._states]
        self._constants = {
            c.target: c.expression if names(c.expression) else number(float(fixed[c.target]))
            for c in program.constants
        }
        self._derive = compile_statements(statements, self._rate_names)
        self._statements = statements
        self._increments = [
            [
                (
                    self._states.index(i.target),
                    compile_expression(i.coefficient),
                    i.unless_refractory,
                )
                for i in program.increments[receptor.name]
            ]
            for receptor in cell.receptors
        ]
        self._reset = [
            (self._states.index(a.target), compile_expression(a.expression)) for a in program.reset
        ]
        self._on_crossing = cell.on_crossing
        self._threshold = cell.threshold is not None
        if cell.threshold is not None:
            tree = inlined(cell, cell.threshold)
            margin = tolerance.slack, 8 * tolerance.absolute
            used = names(tree)
            looked_at = [k for k, name in enumerate(self._states) if name in used]
            self._looked_at: Rows = np.array(looked_at, dtype=np.intp)
            self._as_written = compile_expression(tree)
            self._distance = distance(tree)
            self._root = compile_expression(self._distance)
            self._inside = compile_expression(distance(tree, *margin))
            self._at_once = compile_expression(distance(tree, *margin, at_once=True))
            self._beyond = compile_expression(distance(tree, -margin[0], -margin[1]))
        self.drives = [Drive(realization, population, given) for given in population.inputs]
        self.breakpoints = np.unique(
            np.concatenate([np.empty(0), *(d.breakpoints for d in self.drives)])
        )
        self._held_until = 0.0
        self._refractory_ms = refractory_ms(population)
        self._waiting = np.zeros(self.size, dtype=bool)
        self._until = np.full(self.size, np.inf)
        self.receptors = {r.name: k for k, r in enumerate(cell.receptors)}
        self.given = Arrivals(self.size, len(cell.receptors), TOGETHER_MS)
        self.sent = Arrivals(self.size, len(cell.receptors), TOGETHER_MS)
        self._spikes: list[tuple[Floats, Rows]] = []
        self._fresh: list[tuple[Floats, Rows]] = []
        self._latest = np.full((self.size, MOST_SPIKES), -np.inf)
        self._counts = np.zeros(self.size, dtype=np.int64)
        self.n_events = 0
        self._tolerance = tolerance
        self._samples = Samples(realization, self.name, self._states, TOGETHER_MS)
        self._all: Rows = np.arange(self.size)
        self._initial = np.array([population.initial[name] for name in self._states])
        self._steps: Stepper

    # -- equations ---------------------------------------------------------------------------

    def _namespace(self, cells: Rows, times: Floats, states: Floats) -> dict[str, Any]:
        everyone = cells.size == self.size and cells is self._all
        ns: dict[str, Any] = dict(self._scalars)
        ns.update(self._arrays if everyone else {k: v[cells] for k, v in self._arrays.items()})
        ns["not_refractory"] = ~self._waiting[cells]
        for drive in self.drives:
            ns[drive.variable] = drive.at(times, cells)
        ns.update(zip(self._states, states, strict=False))
        return ns

    def _rates(self, cells: Rows) -> RatesOfSome:
        """The right-hand sides of some cells; what stays over a step is looked up once."""
        ns = self._namespace(cells, np.zeros(cells.size), np.empty((0, cells.size)))
        moving = [d for d in self.drives if d.moves]

        def rates(times: Floats, states: Floats) -> Floats:
            for drive in moving:
                ns[drive.variable] = drive.at(times, cells)
            for name, state in zip(self._states, states, strict=True):
                ns[name] = state
            self._derive(ns)
            slopes = np.empty_like(states)
            for k, name in enumerate(self._rate_names):
                slopes[k] = ns[name]
            return slopes

        return rates

    def _measure(self, cells: Rows, times: Floats, states: Floats) -> tuple[Floats, Floats, Floats]:
        """The distance to the threshold, less and plus the slack, from the states it depends on."""
        ns = self._namespace(cells, times, states[:0])
        for row, state in zip(self._looked_at, states, strict=True):
            ns[self._states[row]] = state
        measures = np.empty((3, times.size))
        measures[0], measures[1] = self._root(ns), self._inside(ns)
        # What lies below the threshold matters only where there is no reset.
        measures[2] = self._beyond(ns) if self._on_crossing else measures[1]
        return measures[0], measures[1], measures[2]

    def _search(
        self, cells: Rows, begin: Floats, end: Floats, above: Bools
    ) -> tuple[Floats, Bools]:
        crossings = np.full(cells.size, np.inf)
        stayed = above.copy()
        rows = np.flatnonzero(~self._waiting[cells]) if self._threshold else np.empty(0, np.intp)
        if rows.size:

            def measure(k: Rows, times: Floats) -> tuple[Floats, Floats, Floats]:
                some = cells[rows[k]]
                return self._measure(
                    some, times, self._steps.dense(some, times, rows=self._looked_at)
                )

            armed = above[rows] & self._on_crossing
            crossings[rows], stayed[rows] = first_crossing(measure, begin[rows], end[rows], armed)
        return crossings, stayed

    # -- set up ------------------------------------------------------------------------------

    def fastest_rate(self) -> float:
        """The largest rate [1/ms] of the linearised equations at t = 0; inf if they are not finite there.

        Conditions in the equations are held, so that a jump is not taken for a slope.
        """
        n = len(self._states)
        slopes = np.empty((self.size, n, n))
        equations = self._scalar(algebra=False)
        with np.errstate(all="ignore"):
            for k in range(self.size):
                cell, state = self._one(equations, k), self._initial[:, k]
                inputs = self.inputs(k, 0.0)
                modes = cell.conditions(state.tolist(), inputs, ())
                slopes[k] = cell.jacobian(state, inputs, modes)
        if not np.isfinite(slopes).all():
            return np.inf
        return float(np.max(np.abs(np.linalg.eigvals(slopes)), initial=0.0))

    def prepare(self, method: str) -> None:
        """Choose the integrator and do what happens at t = 0 but for the arrivals."""
        self.hold(0.0)
        rtol, atol = self._tolerance.relative, self._tolerance.absolute
        first = 0.1 * self._dt
        if method == "dop853":
            self._steps = VectorDOP853(self._rates, self._initial, self._search, rtol, atol, first)
            return
        self._equations = self._scalar(algebra=True)
        if method == "radau":
            self._steps = RadauStepper(
                self, self._initial, self._search, rtol, atol, first, self._reach
            )
        else:
            self._steps = LSODAStepper(self, self._initial, self._search, rtol, atol)

    # -- one cell as single numbers ----------------------------------------------------------

    def _scalar(self, algebra: bool) -> ScalarEquations:
        changing = [d.variable for d in self.drives]
        used = {n for a in self._statements for n in names(a.expression)}
        changing += ["not_refractory"] if "not_refractory" in used else []
        margin = self._tolerance.slack, 8 * self._tolerance.absolute
        constants = [n for n in (*self._scalars, *self._arrays) if n not in changing]
        return ScalarEquations(self._statements, self._states, changing, constants, margin, algebra)

    def _one(self, equations: ScalarEquations, cell: int) -> OneCell:
        return equations.of(self._constants_of(cell))

    def _constants_of(self, cell: int) -> dict[str, float]:
        numbers = {k: float(v) for k, v in self._scalars.items()}
        return numbers | {k: float(v[cell]) for k, v in self._arrays.items()}

    def of(self, cell: int) -> OneCell:
        """The functions of a cell."""
        return self._one(self._equations, cell)

    def inputs(self, cell: int, time: float) -> Inputs:
        """The inputs of a cell at a time, then whether it is not refractory, until its next event."""
        rows, now = np.array([cell]), np.array([time])
        values = [
            float(d.at(now, rows)[0]) if d.moves else float(d.held[cell]) for d in self.drives
        ]
        return (*values, not bool(self._waiting[cell]))

    def _reach(self, cell: int) -> tuple[float, list[tuple[int, float]]] | None:
        """The distance of a cell to its threshold as ``constant + Σ factor·state``, if it is linear."""
        if not self._threshold:
            return -np.inf, []
        tree: Any = self._distance
        values = self._constants_of(cell)
        factors = []
        for row in self._looked_at.tolist():
            linear = None if tree is None else linear_in(tree, self._states[row])
            if linear is None or linear.slope is None or names(linear.slope) - values.keys():
                return None
            factors.append((row, float(compile_expression(linear.slope)(values))))
            tree = linear.intercept
        if tree is None:
            return 0.0, factors
        if names(tree) - values.keys():
            return None
        return float(compile_expression(tree)(values)), factors

    @property
    def n_steps(self) -> int:
        """How many steps were tried so far, over all cells."""
        return self._steps.n_steps

    def states(self) -> Iterator[tuple[str, Floats]]:
        """Every state by name, (cells,), where the steps under way begin."""
        return zip(self._states, self._steps.state, strict=True)

    # -- the run -----------------------------------------------------------------------------

    def hold(self, time: float) -> None:
        """Take the inputs that act from ``time`` up to the next breakpoint."""
        later = self.breakpoints[self.breakpoints > time + TOGETHER_MS]
        self._held_until = float(later[0]) if later.size else self._end
        for drive in self.drives:
            drive.hold(time, self._held_until)

    @property
    def next_breakpoint(self) -> float:
        """When the inputs change next."""
        return self._held_until

    def begin_window(self, time: float) -> None:
        """What happens to all cells at t = 0 and where an input jumps."""
        if time == 0.0:
            if self._threshold and self._on_crossing:
                # What is above at t = 0 did not cross.
                ns = self._namespace(self._all, np.zeros(self.size), self._initial)
                self._steps.above[:] = self._as_written(ns)
            self._happen(self._all, np.zeros(self.size), self._initial, crossed=False)
        elif time >= self._held_until - TOGETHER_MS and time < self._end - TOGETHER_MS:
            self.hold(time)
            self._happen(
                self._all, np.full(self.size, time), self._steps.state.copy(), crossed=False
            )

    def _next_events(self, cells: Rows) -> Floats:
        due = np.minimum(self.given.next_times(cells), self.sent.next_times(cells))
        until: Floats = np.where(self._waiting[cells], self._until[cells], np.inf)
        earliest: Floats = np.minimum(due, until)
        return earliest

    def advance(
        self, until: float, horizon: float, last: bool, only: Rows | None = None, stop: bool = False
    ) -> tuple[Floats, Rows]:
        """Move all cells, or some, to ``until``; the spikes since the last call, as (times, cells).

        Steps may look as far ahead as ``horizon``; ``last`` lets events at ``until`` happen too, and
        with *stop* everything ends with the first spike.
        """
        steps = self._steps
        before = until + TOGETHER_MS if last else until - TOGETHER_MS
        cells = self._all if only is None else only
        while cells.size:
            event = np.maximum(self._next_events(cells), steps.begin[cells])
            # New steps, where there is none.
            without = (steps.end[cells] <= steps.begin[cells]) & (event > steps.begin[cells])
            without &= steps.begin[cells] < until
            if without.any():
                ahead = min(self._held_until, max(horizon, until))
                limit = np.minimum(event[without], ahead)
                try:
                    steps.propose(cells[without], limit)
                except StuckError as stuck:
                    # Nothing of this proposal counts: not all crossings in it were looked for.
                    steps.end[cells[without]] = steps.begin[cells[without]]
                    steps.crossing[cells[without]] = np.inf
                    if not self._spikes_at_once(stuck):
                        raise RunError("oracle", self._why(stuck)) from stuck
                    continue
            end, crossing = steps.end[cells], steps.crossing[cells]
            crossing = np.where(end > steps.begin[cells], crossing, np.inf)
            arrives = (event <= end) & (event <= crossing + TOGETHER_MS) & (event < before)
            arrives |= (event <= steps.begin[cells]) & (event < before)
            crosses = ~arrives & (crossing <= np.minimum(end, until))
            ends = ~arrives & ~crosses & (end <= until) & (end > steps.begin[cells])
            if ends.any():
                some = cells[ends]
                self._sample_until(some, end[ends])
                steps.commit(some)
            if crosses.any():
                some = cells[crosses]
                times, states = self._polished(some, crossing[crosses])
                self._sample_until(some, times)
                self._happen(some, times, states, crossed=True)
            if arrives.any():
                some, times = cells[arrives], event[arrives]
                states = steps.state[:, some].copy()
                inner = times > steps.begin[some]
                if inner.any():
                    self._sample_until(some[inner], times[inner])
                    states[:, inner] = steps.exact(some[inner], times[inner])
                self._happen(some, times, states, crossed=False)
            cells = cells[arrives | crosses | ends]
            if stop and self._fresh:
                break
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return np.empty(0), np.empty(0, dtype=np.intp)
        return np.concatenate([t for t, _ in fresh]), np.concatenate([c for _, c in fresh])

    def _spikes_at_once(self, stuck: StuckError) -> bool:
        """Whether a state that blows up crosses its threshold on the way: that is a spike of this instant.

        An exponential upstroke takes so little time to a threshold far up that no step is short enough.
        What blows up moves so much faster than all else that the way is straight.
        """
        if stuck.finite or not self._threshold or self._on_crossing or self._waiting[stuck.cell]:
            return False
        rows, now = np.array([stuck.cell]), np.array([stuck.time])
        state = stuck.state[:, None]
        rate = self._rates(rows)(now, state)

        def beyond(time: float) -> bool:
            there = (state + time * rate)[self._looked_at]
            return bool(self._measure(rows, now, there)[1][0] > 0)

        if not np.isfinite(rate).all() or not beyond(TOGETHER_MS):
            return False
        low, high = 0.0, TOGETHER_MS
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if beyond(middle) else (middle, high)
        self._happen(rows, now, state + high * rate, crossed=True)
        return True

    def _why(self, stuck: StuckError) -> str:
        """What keeps a cell from coming further, in words."""
        who = f"cell {stuck.cell} of {self.name}"
        if not stuck.finite:
            ends = self._threshold and not self._on_crossing
            return leaves(who, stuck.time, self._states, stuck.state, ends)
        equations = self._scalar(algebra=False)
        inputs, state = self.inputs(stuck.cell, stuck.time), stuck.state.tolist()
        if stuck.switch is not None:
            near = [stuck.switch]
        else:
            cell = self._one(equations, stuck.cell)
            modes = tuple(bool(m) for m in cell.conditions(state, inputs, ()))
            far = np.abs(np.array(cell.distances(state, inputs, modes)))
            near = np.flatnonzero(far <= 1e-6 * np.abs(stuck.state).max(initial=1.0)).tolist()
        written = [parse(equations.switches[k], "condition") for k in near]
        return slides(who, stuck.time, [text(substitute(t, self._constants)) for t in written])

    def after_spike(self, cell: int, state: Floats) -> None:
        """Put one cell at t = 0 into a state (S,) in which a spike has just left it."""
        rows = np.array([cell])
        self._steps.above[rows] = self._on_crossing
        if not self._on_crossing:
            self._waiting[rows] = self._refractory_ms[rows] > 0
            self._until[rows] = self._refractory_ms[rows]
        self._steps.restart(rows, np.zeros(1), state[:, None])

    def state_at(self, cell: int, time: float) -> Floats:
        """The state (S,) of a cell at a time up to which it has been moved, since its last event."""
        steps, rows = self._steps, np.array([cell])
        if time >= steps.end[cell]:
            return steps.state[:, cell].copy()
        state: Floats = steps.dense(rows, np.array([time]))[:, 0]
        return state

    def _sample_until(self, cells: Rows, until: Floats) -> None:
        self._samples.between(cells, self._steps.begin[cells], until, self._steps.dense)

    def _polished(self, cells: Rows, times: Floats) -> tuple[Floats, Floats]:
        """The crossings and the states there by Newton's method on integrated, not interpolated, states."""
        steps, looked_at = self._steps, self._looked_at
        begin, end = steps.begin[cells], steps.end[cells]
        width = 1e-4 * (end - begin)
        early, late = np.maximum(times - width, begin), np.minimum(times + width, end)
        rise = self._measure(cells, late, steps.dense(cells, late, rows=looked_at))[0]
        rise = rise - self._measure(cells, early, steps.dense(cells, early, rows=looked_at))[0]
        states = steps.exact(cells, times)
        for _ in range(3):
            with np.errstate(all="ignore"):
                move = -self._measure(cells, times, states[looked_at])[0] * (late - early) / rise
            # Where the threshold is hardly more than touched there is no slope to go by.
            move = np.where(np.abs(move) < width, move, 0.0)
            moved = np.clip(times + move, begin, end)
            if np.all(np.abs(moved - times) <= np.spacing(times)):
                break
            times = moved
            states = steps.exact(cells, times)
        return times, states

    def _happen(self, cells: Rows, times: Floats, states: Floats, crossed: bool) -> None:
        """One instant of some cells: refractoriness ends, arrivals, threshold, reset, sample."""
        self.n_events += cells.size
        ended = self._waiting[cells] & (self._until[cells] <= times + TOGETHER_MS)
        self._waiting[cells[ended]] = False
        if not crossed:
            states = self._receive(cells, times, states)
        fired = self._fired(cells, times, states, crossed)
        if fired.any():
            some = cells[fired]
            ns = self._namespace(some, times[fired], states[:, fired])
            for row, value in self._reset:
                changed = np.broadcast_to(value(ns), some.shape)
                states[row, fired] = changed
                ns[self._states[row]] = changed
            self._fresh.append((times[fired], some))
            self._spikes.append((times[fired], some))
            self._check_intervals(some, times[fired])
            if not self._on_crossing:
                self._waiting[some] = self._refractory_ms[some] > 0
                self._until[some] = times[fired] + self._refractory_ms[some]
                self._check_reset(some, times[fired], states[:, fired])
        self._steps.restart(cells, times, states)
        self._samples.at_instant(cells, times, states)

    def _receive(self, cells: Rows, times: Floats, states: Floats) -> Floats:
        if not self._increments:
            return states
        due = times + TOGETHER_MS
        weights = self.given.take(cells, due) + self.sent.take(cells, due)
        if not weights.any():
            return states
        ns = self._namespace(cells, times, states)
        states = states.copy()
        for receptor, increments in enumerate(self._increments):
            for row, coefficient, unless_refractory in increments:
                change = coefficient(ns) * weights[receptor]
                if unless_refractory:
                    change = np.where(self._waiting[cells], 0.0, change)
                states[row] += change
        return states

    def _fired(self, cells: Rows, times: Floats, states: Floats, crossed: bool) -> Bools:
        if not self._threshold:
            return np.zeros(cells.size, dtype=bool)
        ns = self._namespace(cells, times, states)
        holds = np.broadcast_to(self._at_once(ns) > 0, cells.shape) | crossed
        if not self._on_crossing:
            fired: Bools = holds & ~self._waiting[cells]
            return fired
        above = self._steps.above[cells] & ~np.full(cells.size, crossed)
        self._steps.above[cells] = holds | (
            above & np.broadcast_to(self._beyond(ns) >= 0, cells.shape)
        )
        fired = holds & ~above
        return fired

    def _check_reset(self, cells: Rows, times: Floats, states: Floats) -> None:
        ready = np.flatnonzero(~self._waiting[cells])
        if not ready.size:
            return
        ns = self._namespace(cells[ready], times[ready], states[:, ready])
        again = np.broadcast_to(self._at_once(ns) > 0, ready.shape)
        if again.any():
            k = ready[np.argmax(again)]
            raise RunError(
                "oracle",
                f"{self.name}: the reset of cell {cells[k]} at {times[k]:.6g} ms leaves it above "
                "threshold; without refractoriness it would spike without end at that instant",
            )

    def _check_intervals(self, cells: Rows, times: Floats) -> None:
        """RunError for a cell whose last spikes lie within one step of the grid."""
        place = self._counts[cells] % MOST_SPIKES
        oldest = self._latest[cells, place]
        self._latest[cells, place] = times
        self._counts[cells] += 1
        crowded = times - oldest < self._dt
        if crowded.any():
            cell = int(cells[np.argmax(crowded)])
            last = np.sort(self._latest[cell])
            raise RunError("oracle", accumulates(f"cell {cell} of {self.name}", last))

    def spikes(self) -> Spikes:
        """All spikes so far."""
        if not self._spikes:
            return Spikes.sorted(np.empty(0), np.empty(0, dtype=np.int32))
        times, cells = (np.concatenate([s[k] for s in self._spikes]) for k in (0, 1))
        return Spikes.sorted(times, cells)

    def traces(self) -> dict[tuple[str, str], Trace]:
        """The samples of everything recorded."""
        return self._samples.traces()
