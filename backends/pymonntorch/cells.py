"""The tensors of one run: the state of a population, arrivals on their way, given spikes.

On the CPU each tensor has a NumPy view of the same memory: what concerns a handful of cells (which fired,
what is recorded) costs a tenth of the time there. On other devices the same is done with tensors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.numpy_code import evaluate_constants
from ...core.program import Program
from ...core.realization import HeldInput, Ints, RealizedPopulation
from .code import Literals, compile_expression, compile_reset
from .moves import find_moves
from .share import share
from .update import Fused, compile_update, operations, rows

NOBODY: NDArray[np.int64] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Place:
    """Where tensors live and in what precision; ``host`` if NumPy can see them."""

    device: torch.device
    dtype: torch.dtype
    host: bool

    def tensor(self, value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
        """A tensor of its own from numbers, shape kept."""
        array = np.array(value)  # a copy: what was realized is never written to
        # First the type, then the place: not every device has float64.
        return torch.from_numpy(array).to(self.dtype if dtype is None else dtype).to(self.device)


class Moment:
    """The step that an iteration computes: ``now`` is n for the iteration n + 1 of PymoNNtorch."""

    def __init__(self) -> None:
        self.now = -1


class Firing:
    """Who fired last: ``fired`` on the host, ``fired_there`` on a device that is not the host."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.fired = NOBODY
        self.fired_there: torch.Tensor | None = None


class Trains(Firing):
    """The spikes of a source, those of a step found by its offset.

    ``lead`` is the number of steps by which they come too early.
    """

    def __init__(
        self, name: str, size: int, steps: Ints, cells: Ints, n_steps: int, lead: int
    ) -> None:
        super().__init__(name, size)
        self.cells = cells.astype(np.int64)
        self.offsets = np.searchsorted(steps, np.arange(n_steps + 3)).tolist()
        self.lead = lead


class Arrivals:
    """The sums of weights on their way to one receptor: a ring of one row per step of delay.

    Row ``now % slots`` is due now. Where delays differ within a projection there are twice as many rows,
    so that a connection of k steps is the fixed distance (k - 1)·size from the row of its spike; the
    second half becomes the first when the first is used up.
    """

    def __init__(
        self, receptor: str, size: int, max_delay: int, varied: bool, place: Place
    ) -> None:
        self.receptor = receptor
        self.size = size
        self.slots = max_delay
        self.varied = varied
        rows = 2 * self.slots if varied else self.slots
        self.ring = torch.zeros((rows, size), dtype=place.dtype, device=place.device)
        self.rows = list(self.ring.unbind(0))
        self._lower, self._upper = self.ring[: self.slots], self.ring[self.slots :]
        self._flat = self.ring.view(-1)
        self.last_due = -1

    def row(self, spike_slot: int, delay: int) -> torch.Tensor:
        """The row in which spikes arrive that synapses see in ``spike_slot``, one step after them."""
        row = spike_slot + delay - 1
        return self.rows[row if self.varied else row % self.slots]

    def rest(self, spike_slot: int) -> torch.Tensor:
        """All rows from that of ``spike_slot`` on, flat, for indices (delay - 1)·size + cell."""
        return self._flat[spike_slot * self.size :]

    def due(self, now: int) -> torch.Tensor | None:
        """The sums due now, shape (size,); None if nothing can be."""
        return self.rows[now % self.slots] if now <= self.last_due else None

    def turn(self, now: int) -> None:
        """After the sums of ``now`` were used: begin a new round when the first half is used up."""
        if self.varied and (now + 1) % self.slots == 0 and now < self.last_due:
            self._lower.copy_(self._upper)
            self._upper.zero_()


class Held:
    """An input that changes with time, written into its tensor when its frame changes."""

    def __init__(self, given: HeldInput, place: Place) -> None:
        self.frames = given.frames
        self.last = -1
        shared = not given.columns.any()
        gain = given.gain[0] if np.all(given.gain == given.gain[0]) else given.gain
        self._values: Any = given.values[:, 0] if shared else given.values
        self._gain: Any = gain
        self._columns: Any = None
        if not shared and not np.array_equal(given.columns, np.arange(given.values.shape[1])):
            self._columns = given.columns
        shape = () if shared and np.ndim(gain) == 0 else (given.gain.size,)
        self.tensor = torch.zeros(shape, dtype=place.dtype, device=place.device)
        self._view = self.tensor.numpy() if place.host else None
        if not place.host:
            self._values = place.tensor(self._values)
            self._gain = place.tensor(gain)
            if self._columns is not None:
                self._columns = place.tensor(self._columns, torch.int64)

    def hold(self, step: int) -> None:
        """Hold the value of a step."""
        frame = int(self.frames[step])
        if frame == self.last:
            return
        self.last = frame
        values = self._values[frame]
        if self._columns is not None:
            values = values[self._columns]
        if self._view is None:
            self.tensor.copy_(self._gain * values)
        else:
            np.multiply(self._gain, values, out=self._view, casting="same_kind")


class Cells(Firing):
    """The state of a population: one tensor per variable, changed in place by compiled functions."""

    def __init__(
        self,
        population: RealizedPopulation,
        program: Program,
        refractory_steps: int | Ints,
        dt: float,
        place: Place,
    ) -> None:
        super().__init__(population.name, population.size)
        self.population = population
        self.place = place
        cell = population.cell
        constants = evaluate_constants(program.constants, population.parameters, dt)
        numbers: dict[str, Any] = {**population.parameters, "dt": dt, **constants}
        ns = {name: place.tensor(value) for name, value in numbers.items()}
        statements = share(program, constants)
        moves = find_moves(statements, [v.name for v in cell.states], numbers)
        together = () if moves is None else moves.states
        names = [*together, *(v.name for v in cell.states if v.name not in together)]
        start = [np.broadcast_to(np.asarray(population.initial[n]), self.size) for n in names]
        state = place.tensor(np.array(start, dtype=np.float64).reshape(len(names), self.size))
        ns |= dict(zip(names, state.unbind(0), strict=True))
        self.inputs = [Held(given, place) for given in population.inputs]
        ns |= {g.variable: h.tensor for g, h in zip(population.inputs, self.inputs, strict=True)}
        self.not_refractory = torch.ones(self.size, dtype=torch.bool, device=place.device)
        self.active = torch.ones(self.size, dtype=place.dtype, device=place.device)
        ns |= {"not_refractory": self.not_refractory, "active_": self.active}
        self.states: Mapping[str, torch.Tensor] = {v.name: ns[v.name] for v in cell.states}
        literals = Literals(place.dtype, place.device)
        with_rows = ns if moves is None else {**ns, **rows(moves, ns, state)}
        self.move, self.move_some = (
            compile_update(statements, moves, names, with_rows, literals, always_active)
            for always_active in (True, False)
        )
        self.state = state
        self.operations = operations(statements, moves)
        varying = [*(given.variable for given in population.inputs), "active_"]
        self._fused = partial(Fused, statements, names, ns, state, literals, varying)
        self.threshold = (
            None
            if program.threshold is None
            else compile_expression(program.threshold, ns, literals)
        )
        self.reset = compile_reset(program.reset, ns, literals) if program.reset else None
        self.increments = {
            receptor: [
                (
                    self.states[i.target],
                    None
                    if getattr(i.coefficient, "value", None) == 1.0
                    else compile_expression(i.coefficient, ns, literals),
                    i.unless_refractory,
                )
                for i in increments
            ]
            for receptor, increments in program.increments.items()
        }
        self.on_crossing = cell.on_crossing
        self.was_above: torch.Tensor | None = None
        self.arrivals: dict[str, Arrivals] = {}
        self.spike_steps: list[int] = []
        self.spike_cells: list[NDArray[np.int64]] = []
        # Refractoriness: the step from which a cell is active again. Where all cells pause equally
        # long on the host, those who wake are remembered in the order in which they fell silent.
        self.busy = False
        self._pause: Any = refractory_steps
        self._longest = int(np.max(refractory_steps, initial=0))
        self._busy_until = 0
        self._asleep: deque[tuple[int, NDArray[np.int64]]] = deque()
        self._in_order = place.host and np.ndim(refractory_steps) == 0
        self._until = torch.zeros(self.size, dtype=torch.int64, device=place.device)
        if place.host:
            self._until_view = self._until.numpy()
            self._views = (self.not_refractory.numpy(), self.active.numpy())
        elif np.ndim(refractory_steps):
            self._pause = place.tensor(refractory_steps, torch.int64)

    def fused(self) -> list[Fused]:
        """The updates to give to torch.compile: while all cells are active, and while some may not be."""
        kinds = (True, False) if self._longest else (True,)
        return [self._fused(always_active) for always_active in kinds]

    def rest(self, now: int) -> None:
        """Those who just fired are refractory from now on, each for its number of steps."""
        if not self._longest:
            return
        self._busy_until = max(self._busy_until, now + self._longest)
        if self._in_order:
            not_refractory, active = self._views
            not_refractory[self.fired] = False
            active[self.fired] = 0.0
            self._asleep.append((now + self._longest, self.fired))
            self.busy = True
            return
        fired: Any = self.fired if self.place.host else self.fired_there
        pause = self._pause[fired] if np.ndim(self._pause) else self._pause
        if self.place.host:
            self._until_view[fired] = now + pause
        else:
            self._until[fired] = now + pause
        self.wake(now)

    def wake(self, now: int) -> None:
        """Those whose time is up are active again; ``busy`` if perhaps not all are."""
        self.busy = now < self._busy_until
        if self._in_order:
            while self._asleep and self._asleep[0][0] <= now:
                _, cells = self._asleep.popleft()
                not_refractory, active = self._views
                not_refractory[cells] = True
                active[cells] = 1.0
        elif self.place.host:
            not_refractory, active = self._views
            np.less_equal(self._until_view, now, out=not_refractory)
            active[:] = not_refractory
        else:
            torch.le(self._until, now, out=self.not_refractory)
            self.active.copy_(self.not_refractory)
