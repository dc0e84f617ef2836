"""The clock contract as PymoNNtorch behaviours, whose keys are the order within an iteration.

PymoNNtorch calls all behaviours of a network in the order of their keys and counts its iterations from 1.
Iteration n + 1 is the instant t_n and the step that leaves it:

====  ==============  =======================================================================
key   behaviour       what it does
====  ==============  =======================================================================
0     `KeepTime`      the network's clock
1     `HoldInputs`    inputs of t_n are held
2     `SendSpikes`    a synapse group sends the spikes of the iteration before on their way
3     `Receive`       the dendrite: arrivals due at t_n act
4     `Fire`          threshold, spikes, reset, refractoriness; `GiveSpikes` for a source
5     `Sample`        the sample at t_n, after all of the above
6     `Integrate`     the state moves to t_{n+1}
7     `Sample`        where PymoNNtorch's own recorders stand: after everything
====  ==============  =======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.plasticity import RealizedPlasticity, occurrences
from ...core.realization import Edges, Ints
from .cells import NOBODY, Arrivals, Cells, Firing, Moment, Place, Trains
from .library import Behavior

TIME, INPUT, SYNAPSE, DENDRITE, NEURON, SAMPLE, MOVE, RECORDER = range(8)
"""The keys."""

_FEW = 8
"""Up to so many spikes in a step, one `index_add_` each is faster than gathering their connections."""


class KeepTime(Behavior):
    """The clock of the network: iteration n + 1 is the step n."""

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self.moment = moment

    def forward(self, network: Any) -> None:
        """Go on to the step of this iteration."""
        self.moment.now += 1


class HoldInputs(Behavior):
    """Contract 1: inputs are evaluated at t_n and held, or ``lead`` steps too early."""

    def __init__(self, cells: Cells, moment: Moment, n_steps: int, lead: int) -> None:
        super().__init__()
        self.cells, self.moment, self.last, self.lead = cells, moment, n_steps - 1, lead

    def forward(self, neurons: Any) -> None:
        """Hold the inputs of this step."""
        step = min(self.moment.now + self.lead, self.last)
        for held in self.cells.inputs:
            held.hold(step)


class Terminals:
    """Short-term plasticity as tensors: u, x and the last spike of each source cell, or connection."""

    def __init__(self, plasticity: RealizedPlasticity, edges: Edges, place: Place) -> None:
        self.per_connection = plasticity.per_connection
        size = len(edges) if self.per_connection else edges.source_size
        self.facilitates = bool(np.all(plasticity.tau_facil))
        self._numbers = [place.tensor(value) for value in plasticity.values().values()]
        self.u, self.x = place.tensor(np.zeros(size)), place.tensor(np.ones(size))
        self.last = place.tensor(np.zeros(size))

    def release(self, which: torch.Tensor, time_ms: float) -> torch.Tensor:
        """u·x at a spike now of distinct source cells (connections), after which resources are used up."""
        capacity, tau_rec, tau_facil = (
            number[which] if number.dim() else number for number in self._numbers
        )
        since = time_ms - self.last[which]
        if self.facilitates:
            u = self.u[which] * torch.exp(-since / tau_facil)
            u = u + capacity * (1.0 - u)
        else:
            u = capacity
        x = 1.0 + (self.x[which] - 1.0) * torch.exp(-since / tau_rec)
        passed = u * x
        self.u[which] = u.expand(passed.shape) if u.dim() == 0 else u
        self.x[which] = x - passed
        self.last[which] = time_ms
        return passed


class SendSpikes(Behavior):
    """Contract 6: spikes of the iteration before arrive after the delays of their connections.

    Only the connections of cells that fired are touched. ``delay_steps`` may be one number or one per
    connection; ``index`` is the place of a connection in the flat rest of the ring.
    """

    def __init__(
        self,
        edges: Edges,
        delay_steps: int | Ints,
        source: Firing,
        arrivals: Arrivals,
        moment: Moment,
        place: Place,
        dt: float,
    ) -> None:
        super().__init__()
        self.dt = dt
        plastic = edges.plasticity
        self.terminals = None if plastic is None else Terminals(plastic, edges, place)
        self.source, self.arrivals, self.moment, self.place = source, arrivals, moment, place
        self.slots = arrivals.slots
        self.max_delay = int(np.max(delay_steps, initial=1))
        index: NDArray[Any] = edges.post
        if np.ndim(delay_steps) == 0:
            self.into = [arrivals.row(k, int(delay_steps)) for k in range(self.slots)]
        else:
            index = (np.asarray(delay_steps, np.int64) - 1) * arrivals.size + index
            self.into = [arrivals.rest(k) for k in range(self.slots)]
        narrow = index.max(initial=0) < 2**31
        self.index = place.tensor(index, torch.int32 if narrow else torch.int64)
        self.starts = edges.starts
        self.counts = np.diff(edges.starts)
        n_weights = len(edges) if np.ndim(edges.weight) else int(self.counts.max(initial=0))
        self.one_weight = np.ndim(edges.weight) == 0
        self.weight = place.tensor(np.broadcast_to(np.asarray(edges.weight), n_weights))
        self._parts: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        if not place.host:
            self.starts_there = place.tensor(edges.starts[:-1], torch.int64)
            self.counts_there = place.tensor(self.counts, torch.int64)

    def forward(self, synapse: Any) -> None:
        """Add the weights of the connections of those who fired to the sums on their way."""
        fired = self.source.fired
        if not fired.size:
            return
        now = self.moment.now
        into = self.into[now % self.slots]
        due = now - 1 + self.max_delay
        if due > self.arrivals.last_due:
            self.arrivals.last_due = due
        if self.terminals is not None:
            for once in occurrences(fired):
                self._send(fired[once], into)
            return
        if self.place.host and fired.size <= _FEW:
            for cell in fired.tolist():
                index, weight = self._parts.get(cell) or self._part(cell)
                into.index_add_(0, index, weight)
            return
        self._send(fired, into)

    def _send(self, fired: NDArray[np.int64], into: torch.Tensor) -> None:
        total = int(self.counts[fired].sum())
        if not total:
            return
        chosen = self._chosen(fired, total)
        weight = self.weight[:1].expand(total) if self.one_weight else self.weight[chosen]
        if self.terminals is not None:
            time_ms = (self.moment.now - 1) * self.dt
            if self.terminals.per_connection:
                weight = self.terminals.release(chosen, time_ms) * weight
            else:
                there = self._there(fired)
                passed = self.terminals.release(there, time_ms)
                count = self._there(self.counts[fired])
                weight = torch.repeat_interleave(passed, count, output_size=total) * weight
        into.index_add_(0, self.index[chosen], weight)

    def _there(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self.place.device)

    def _part(self, cell: int) -> tuple[torch.Tensor, torch.Tensor]:
        first, last = int(self.starts[cell]), int(self.starts[cell + 1])
        weight = self.weight[: last - first] if self.one_weight else self.weight[first:last]
        self._parts[cell] = part = (self.index[first:last], weight)
        return part

    def _chosen(self, fired: NDArray[np.int64], total: int) -> torch.Tensor:
        """The connections of all who fired: first[0]…last[0]-1, first[1]…last[1]-1, …, no loop."""
        if self.place.host:
            counts = self.counts[fired]
            shift = self.starts[fired] - np.cumsum(counts) + counts
            return torch.from_numpy(np.arange(total) + np.repeat(shift, counts))
        there = self._there(fired) if self.terminals is not None else self.source.fired_there
        assert there is not None
        count = self.counts_there[there]
        offset = self.starts_there[there] - count.cumsum(0) + count
        # The total is known on the host, so the device need not be waited for.
        shifts = torch.repeat_interleave(offset, count, output_size=total)
        return torch.arange(total, device=self.place.device) + shifts


class Receive(Behavior):
    """Contract 3: arrivals due now act, all worked out on the state before any of them."""

    def __init__(self, cells: Cells, moment: Moment) -> None:
        super().__init__()
        self.cells, self.moment = cells, moment
        self.rings = [(cells.increments[name], ring) for name, ring in cells.arrivals.items()]

    def forward(self, neurons: Any) -> None:
        """Let the arrivals of this instant act."""
        now, cells = self.moment.now, self.cells
        changes = []
        used = []
        for increments, ring in self.rings:
            due = ring.due(now)
            if due is None:
                continue
            used.append((ring, due))
            for target, coefficient, unless_refractory in increments:
                change = due if coefficient is None else coefficient() * due
                if unless_refractory and cells.busy:
                    change = change * cells.active
                changes.append((target, change))
        for target, change in changes:
            target.add_(change)
        for ring, due in used:
            due.zero_()
            ring.turn(now)


class Fire(Behavior):
    """Contract 4 and 5: test the threshold, keep who fired, reset, begin refractoriness."""

    def __init__(self, cells: Cells, moment: Moment) -> None:
        super().__init__()
        self.cells, self.moment = cells, moment
        assert cells.threshold is not None
        self.threshold = cells.threshold
        self.host = cells.place.host

    def forward(self, neurons: Any) -> None:
        """Find out who fires now and reset them."""
        cells = self.cells
        above = self.threshold()
        if above.dim() == 0:
            above = above.expand(cells.size)
        if cells.on_crossing:
            was_above = above if cells.was_above is None else cells.was_above
            cells.was_above = above
            above = above & ~was_above
        elif cells.busy:
            above = above & cells.not_refractory
        if self.host:
            cells.fired = fired = above.numpy().nonzero()[0]
            if not fired.size:
                return
            there = torch.from_numpy(fired)
        else:
            cells.fired_there = there = above.nonzero().squeeze(1)
            cells.fired = fired = there.cpu().numpy()
            if not fired.size:
                return
        now = self.moment.now
        cells.spike_steps.append(now)
        cells.spike_cells.append(fired)
        if cells.reset is not None:
            cells.reset(there)
            cells.rest(now)


class GiveSpikes(Behavior):
    """The spikes of a source; several of one cell in one step stay several."""

    def __init__(self, trains: Trains, moment: Moment, place: Place) -> None:
        super().__init__()
        self.trains, self.moment, self.place = trains, moment, place

    def forward(self, neurons: Any) -> None:
        """Fire the spikes of this step."""
        trains = self.trains
        step = self.moment.now + trains.lead
        first, last = trains.offsets[step], trains.offsets[step + 1]
        if first == last:
            trains.fired = NOBODY
            return
        trains.fired = trains.cells[first:last]
        if not self.place.host:
            trains.fired_there = torch.from_numpy(trains.fired).to(self.place.device)


class Sample(Behavior):
    """Contract 7: one sample of each recorded state variable; ``values`` are (samples, cells) each."""

    def __init__(self, cells: Cells, wanted: Sequence[tuple[str, Ints]], n_samples: int) -> None:
        super().__init__()
        place = cells.place
        self.wanted = wanted
        self.row = 0
        self.values = []
        self.copies: list[tuple[Any, Any, Any]] = []
        for variable, chosen in wanted:
            state = cells.states[variable]
            shape = (n_samples, chosen.size)
            values = torch.empty(shape, dtype=place.dtype, device=place.device)
            self.values.append(values)
            index: Any = slice(None)
            if not np.array_equal(chosen, np.arange(cells.size)):
                index = chosen if place.host else place.tensor(chosen, torch.int64)
            if place.host:
                self.copies.append((values.numpy(), state.numpy(), index))
            else:
                self.copies.append((values, state, index))

    def forward(self, neurons: Any) -> None:
        """Store the state of this instant."""
        for values, state, index in self.copies:
            values[self.row] = state[index]
        self.row += 1


class Integrate(Behavior):
    """Contract 2: the state moves to t_{n+1}; what is *unless refractory* stays while it is."""

    def __init__(self, cells: Cells, moment: Moment) -> None:
        super().__init__()
        self.cells, self.moment = cells, moment

    def initialize(self, neurons: Any) -> None:
        """Show the state where users of PymoNNtorch look for it."""
        super().initialize(neurons)
        neurons.state = self.cells.states

    def forward(self, neurons: Any) -> None:
        """Move the state by one step."""
        cells = self.cells
        if cells.busy:
            cells.move_some()
            cells.wake(self.moment.now + 1)
        else:
            cells.move()
