"""The Purkinje cell of Khaliq, Gouwens & Raman (2003) in PymoNNtorch: a Behavior, exponential Euler.

The sodium states are the rows of one tensor; I6, the last, is what the others leave. Every variable that is
linear in itself moves exactly over a step with the others held, calcium's current too.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from pymonntorch import Behavior, Network, NeuronGroup

A, B = (0.75 / 0.005) ** 0.25, (0.005 / 0.5) ** 0.25
NAMES = ["C1", "C2", "C3", "C4", "C5", "I1", "I2", "I3", "I4", "I5", "O", "B", "I6"]


def sodium_matrices() -> tuple[torch.Tensor, ...]:
    """Rates as four matrices: constant ones, and what multiplies fa, fb and fz; [to, from]."""
    fixed, fa, fb, fz = (np.zeros((13, 13)) for _ in range(4))

    def put(matrix: Any, source: str, target: str, rate: float) -> None:
        k, j = NAMES.index(source), NAMES.index(target)
        matrix[j, k] += rate
        matrix[k, k] -= rate

    for k in range(1, 5):
        put(fa, f"C{k}", f"C{k + 1}", 5 - k)
        put(fb, f"C{k + 1}", f"C{k}", k)
        put(fa, f"I{k}", f"I{k + 1}", (5 - k) * A)
        put(fb, f"I{k + 1}", f"I{k}", k * B)
    for k in range(1, 6):
        put(fixed, f"C{k}", f"I{k}", 0.005 * A ** (k - 1))
        put(fixed, f"I{k}", f"C{k}", 0.5 * B ** (k - 1))
    for closed, opened in (("C5", "O"), ("I5", "I6")):
        put(fixed, closed, opened, 150.0)
        put(fixed, opened, closed, 40.0)
    put(fixed, "O", "B", 1.75)
    put(fz, "B", "O", 1.0)
    put(fixed, "O", "I6", 0.75)
    put(fixed, "I6", "O", 0.005)
    return tuple(torch.tensor(m, dtype=torch.float64) for m in (fixed, fa, fb, fz))


def sodium_rates(v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The rates that depend on v, per ms."""
    return 150 * torch.exp(v / 20), 3 * torch.exp(-v / 20), 0.03 * torch.exp(-v / 25)


def gates(v: torch.Tensor, ca: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Steady states and time constants [ms] of mk, hk, n2, ns, mb, zb, hb, mc, nh: shape (9, cells)."""
    exp, where = torch.exp, torch.where
    u, w = v + 11, v + 5
    inf = torch.stack(
        [
            1 / (1 + exp(-(u + 24) / 15.4)),
            0.31 + 0.78 / (1 + exp((u + 5.802) / 11.2)),
            1 / (1 + exp(-(u + 24) / 20.4)),
            1 / (1 + exp(-(u + 16.5) / 18.4)),
            1 / (1 + exp(-(w + 28.9) / 6.2)),
            1 / (1 + 0.001 / ca),
            0.085 + 0.915 / (1 + exp((w + 32) / 5.8)),
            1 / (1 + exp(-(v + 19) / 5.5)),
            1 / (1 + exp((v + 90.1) / 9.9)),
        ]
    )
    tau = torch.stack(
        [
            1e3
            * where(
                u < -35,
                3 * (3.4225e-5 + 0.00498 * exp(u / 28.29)),
                0.00012851 + 1 / (exp((u + 100.7) / 12.9) + exp(-(u - 56) / 23.1)),
            ),
            1e3
            * where(
                u > 0,
                0.0012 + 0.0023 * exp(-0.141 * u),
                1.2202e-5 + 0.012 * exp(-(((u + 56.3) / 49.6) ** 2)),
            ),
            1e3
            * where(
                u < -20,
                0.000688 + 1 / (exp((u + 64.2) / 6.5) + exp(-(u - 141.5) / 34.8)),
                0.00016 + 0.0008 * exp(-0.0267 * u),
            ),
            1e3 * (0.000796 + 1 / (exp((u + 73.2) / 11.7) + exp(-(u - 306.7) / 74.2))),
            1e3 * (0.000505 + 1 / (exp(-(w - 33.3) / 10) + exp((w + 86.4) / 10.1))),
            torch.ones_like(v),
            1e3 * (0.0019 + 1 / (exp(-(w - 54.2) / 12.9) + exp((w + 48.5) / 5.2))),
            1e3
            * where(
                v > -50,
                0.000191 + 0.00376 * exp(-(((v + 41.9) / 27.8) ** 2)),
                0.00026367 + 0.1278 * exp(0.10327 * v),
            ),
            190 + 720 * exp(-(((v + 81.5) / 11.9) ** 2)),
        ]
    )
    return inf, tau


class Purkinje(Behavior):  # type: ignore[misc]
    """One step of the membrane, its gates, the sodium scheme and the calcium shell."""

    def initialize(self, group: Any) -> None:
        """Begin at -60 mV with everything at its steady state."""
        super().initialize(group)
        self.dt = self.parameter("dt")
        kind = {"dtype": group.def_dtype, "device": group.device}
        self.fixed, self.fa, self.fb, self.fz = (m.to(**kind) for m in sodium_matrices())
        matrices = (self.fixed, self.fa, self.fb, self.fz)
        self.own = [(m.diagonal() - m[:, -1])[:, None] for m in matrices]
        for own in self.own:
            own[-1] = 0.0
        self.own[0][-1] = -1.0  # the last row is not used
        group.v = torch.full((group.size,), -60.0, **kind)
        group.ca = torch.full((group.size,), 1e-4, **kind)
        group.gates = gates(group.v, group.ca)[0]
        fa, fb, fz = (r[0].item() for r in sodium_rates(group.v.double()))
        flow = (
            self.fixed.double()
            + fa * self.fa.double()
            + fb * self.fb.double()
            + fz * self.fz.double()
        )
        flow[-1] = 1.0
        right = torch.zeros(13, dtype=torch.float64, device=group.device)
        right[-1] = 1.0
        steady = torch.linalg.solve(flow, right).to(group.def_dtype)
        group.sodium = steady[:, None].repeat(1, group.size)
        group.above = group.v > 0
        group.spikes = torch.empty(0, dtype=torch.long)

    def forward(self, group: Any) -> None:
        """From one grid point to the next."""
        v, ca, x, dt = group.v, group.ca, group.sodium, self.dt
        fa, fb, fz = sodium_rates(v)
        inf, tau = gates(v, ca)
        rate = self.fixed @ x + fa * (self.fa @ x) + fb * (self.fb @ x) + fz * (self.fz @ x)
        # The slope of each state, the last one written as what the others leave.
        slope = self.own[0] + fa * self.own[1] + fb * self.own[2] + fz * self.own[3]
        moved = (x + rate * torch.expm1(slope * dt) / slope)[:-1]
        group.sodium = torch.cat([moved, 1 - moved.sum(0, keepdim=True)])
        mk, hk, n2, ns, mb, zb, hb, mc, nh = group.gates
        u = v / 12.718766
        i_ca = 9.648533 * mc * (ca - 2 * torch.exp(-u)) * -u / torch.expm1(-u)
        g_na = 15 * x[10]
        g_k = 4 * mk**3 * hk + 2 * n2**4 + 4 * ns**4 + 7 * mb**3 * zb**2 * hb
        total = g_na + g_k + 0.1 * nh + 0.05
        current = g_na * (60 - v) + g_k * (-88 - v) + 0.1 * nh * (-30 - v) + 0.05 * (-60 - v) - i_ca
        group.v = v - current * torch.expm1(-total * dt) / total
        group.gates = inf + (group.gates - inf) * torch.exp(-dt / tau)
        into = -10 * i_ca / (2 * 96485.33 * 0.1)
        group.ca = torch.clamp(into + (ca - into) * np.exp(-dt), min=1e-4)
        above = group.v > 0
        group.spikes = torch.nonzero(above & ~group.above).squeeze(1)
        group.above = above


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
parser.add_argument("--cells", type=int, default=1)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.01, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument("--device", default="cpu")
parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
args = parser.parse_args()
torch.set_grad_enabled(False)
torch.set_num_threads(1)

start = time.perf_counter()
net = Network(dtype=getattr(torch, args.dtype), device=args.device)
recorder = SpikeTimes()
NeuronGroup(args.cells, net, behavior={1: Purkinje(dt=args.dt), 2: recorder})
net.initialize(info=False)
built = time.perf_counter()
net.simulate_iterations(round(args.duration / args.dt), measure_block_time=False)
done = time.perf_counter()

counts = [len(cells) for cells in recorder.cells]
times = np.repeat(np.asarray(recorder.steps, dtype=float), counts) * args.dt
ids = torch.cat(recorder.cells).cpu().numpy() if recorder.cells else np.empty(0, np.int32)
np.savez(args.out, times=times, ids=ids.astype(np.int32))
print(json.dumps({"build_s": built - start, "run_s": done - built, "spikes": len(times)}))
