"""COBA and CUBA in PymoNNtorch: behaviors on one NeuronGroup and two SynapseGroups.

Forward Euler, as in the examples of its manual. Synapses are event-driven: lists of edges, sorted by
source, written into a ring of coming steps. Delay: as in the wiring file, one step.
PymoNNtorch's default precision is float32 (`--dtype float32`); float64 makes the work comparable with
the other simulators'.
"""

import argparse
import json
import math
import time
from typing import Any

import numpy as np
import torch
from pymonntorch import Behavior, Network, NeuronGroup, SynapseGroup


class LIF(Behavior):  # type: ignore[misc]
    """Leaky integrate-and-fire cells: one step of membrane, threshold and reset."""

    def initialize(self, group: Any) -> None:
        """Read the parameters, set the initial state."""
        super().initialize(group)
        self.coba = self.parameter("network") == "coba"
        self.dt = self.parameter("dt")
        group.ring_length = self.parameter("ring_length")
        initial = self.parameter("initial")
        self.n_ref = round(5.0 / self.dt)
        self.decay_e, self.decay_i = 1 - self.dt / 5.0, 1 - self.dt / 10.0
        group.v, group.ge, group.gi = (
            torch.tensor(initial[name], dtype=group.def_dtype, device=group.device)
            for name in ("v0", "ge0", "gi0")
        )
        group.refractory = torch.zeros(group.size, dtype=torch.int32, device=group.device)
        group.ring_e, group.ring_i = (
            torch.zeros(group.ring_length, group.size, dtype=group.def_dtype, device=group.device)
            for _ in range(2)
        )

    def forward(self, group: Any) -> None:
        """From one grid point to the next."""
        v, ge, gi, refractory = group.v, group.ge, group.gi, group.refractory
        if self.coba:
            dv = ge * -v + gi * (-80.0 - v) - (v + 60.0)
        else:
            dv = ge + gi - (v + 49.0)
        dv *= refractory <= 0
        v.add_(dv, alpha=self.dt / 20.0)
        ge *= self.decay_e
        gi *= self.decay_i
        now = group.iteration % group.ring_length
        for state, ring in ((ge, group.ring_e), (gi, group.ring_i)):
            state += ring[now]
            ring[now].zero_()
        refractory -= 1
        # A cell that is refractory rests at its reset, below the threshold.
        group.spikes = torch.nonzero(v > -50.0).squeeze(1)
        if len(group.spikes):
            v[group.spikes] = -60.0
            refractory[group.spikes] = self.n_ref


class Events(Behavior):  # type: ignore[misc]
    """Weights of the sources that spiked, added to the ring at the step they arrive."""

    def initialize(self, synapses: Any) -> None:
        """Sort edges into rows of sources; fold the delay into the place in the ring."""
        super().initialize(synapses)
        pre, post, weight, delay = self.parameter("edges")
        self.ring = getattr(synapses.dst, self.parameter("ring")).view(-1)
        self.rows = np.searchsorted(pre, np.arange(synapses.src.size + 1)).tolist()
        self.place = torch.tensor(
            delay.astype(np.int64) * synapses.dst.size + post, device=synapses.device
        )
        self.weight = torch.tensor(weight, dtype=synapses.def_dtype, device=synapses.device)

    def forward(self, synapses: Any) -> None:
        """Send this step's spikes."""
        rows = [slice(self.rows[i], self.rows[i + 1]) for i in synapses.src.spikes.tolist()]
        if rows:
            place = torch.cat([self.place[row] for row in rows])
            place += synapses.iteration * synapses.dst.size
            place %= len(self.ring)
            self.ring.index_add_(0, place, torch.cat([self.weight[row] for row in rows]))


class SpikeTimes(Behavior):  # type: ignore[misc]
    """Steps and numbers of the cells that spiked."""

    def initialize(self, group: Any) -> None:
        """Start with empty lists."""
        super().initialize(group)
        self.steps: list[int] = []
        self.cells: list[torch.Tensor] = []

    def forward(self, group: Any) -> None:
        """Keep this step's spikes."""
        if len(group.spikes):
            self.steps.append(group.iteration)
            self.cells.append(group.spikes)


parser = argparse.ArgumentParser()
parser.add_argument("--network", choices=["coba", "cuba"], required=True)
parser.add_argument("--edges", required=True)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.1, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument("--device", default="cpu")
parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
args = parser.parse_args()
wiring = np.load(args.edges)
torch.set_grad_enabled(False)
torch.set_num_threads(1)

start = time.perf_counter()
net = Network(dtype=getattr(torch, args.dtype), device=args.device)
longest = max(wiring["exc_delay"].max(initial=1), wiring["inh_delay"].max(initial=1))
recorder = SpikeTimes()
cells = NeuronGroup(
    len(wiring["v0"]),
    net,
    behavior={
        1: LIF(
            network=args.network,
            dt=args.dt,
            ring_length=int(longest) + 1,
            initial={name: wiring[name] for name in ("v0", "ge0", "gi0")},
        ),
        3: recorder,
    },
)
for name, ring in (("exc", "ring_e"), ("inh", "ring_i")):
    edges = [wiring[f"{name}_{key}"] for key in ("pre", "post", "weight", "delay")]
    SynapseGroup(net, cells, cells, behavior={2: Events(edges=edges, ring=ring)})
net.initialize(info=False)
built = time.perf_counter()
net.simulate_iterations(math.floor(args.duration / args.dt + 0.5), measure_block_time=False)
done = time.perf_counter()

counts = [len(found) for found in recorder.cells]
np.savez(
    args.out,
    times=np.repeat(np.array(recorder.steps, dtype=float), counts) * args.dt,
    ids=torch.cat([torch.empty(0, dtype=torch.int64), *(c.cpu() for c in recorder.cells)]).numpy(),
)
print(json.dumps({"build_s": built - start, "run_s": done - built, "spikes": sum(counts)}))
