"""COBA and CUBA in PyNN 0.13, on NEURON or Brian2 (`--simulator neuron|brian2`).

IF_cond_exp and IF_curr_exp with the wiring as FromListConnector. Delay: as in the wiring file, one
step. PyNN cannot set initial conductances on every simulator: a volley of one spike per cell, whose
weights are the initial conductances, stands for them. It arrives two steps after the start.
PyNN is not a dependency of coincide: run this with the Python of an environment that has it.
"""

import argparse
import importlib
import json
import time
import warnings

import numpy as np
import numpy.typing as npt

parser = argparse.ArgumentParser()
parser.add_argument("--simulator", choices=["neuron", "brian2"], required=True)
parser.add_argument("--network", choices=["coba", "cuba"], required=True)
parser.add_argument("--edges", required=True)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.1, help="ms")
parser.add_argument("--out", required=True)
args = parser.parse_args()
wiring = np.load(args.edges)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sim = importlib.import_module(f"pyNN.{args.simulator}")

start = time.perf_counter()
longest = int(max(wiring["exc_delay"].max(initial=1), wiring["inh_delay"].max(initial=1)))
sim.setup(timestep=args.dt, min_delay=args.dt, max_delay=max(longest, 2) * args.dt)
# 10 nS of leak: weights in units of it become µS, weights in mV become nA.
g_leak = 0.01
common = {
    "cm": 0.2,
    "tau_m": 20.0,
    "v_thresh": -50.0,
    "v_reset": -60.0,
    "tau_refrac": 5.0,
    "tau_syn_E": 5.0,
    "tau_syn_I": 10.0,
}
if args.network == "coba":
    cell_type = sim.IF_cond_exp(v_rest=-60.0, e_rev_E=0.0, e_rev_I=-80.0, **common)
else:
    cell_type = sim.IF_curr_exp(v_rest=-49.0, **common)
cells = sim.Population(len(wiring["v0"]), cell_type, initial_values={"v": wiring["v0"]})
cells.record("spikes")


def edges(name: str) -> npt.NDArray[np.float64]:
    """Rows of source, target, weight, delay."""
    return np.column_stack(
        [
            wiring[f"{name}_pre"],
            wiring[f"{name}_post"],
            g_leak * wiring[f"{name}_weight"],
            args.dt * wiring[f"{name}_delay"],
        ]
    )


projections = []
for name, receptor in (("exc", "excitatory"), ("inh", "inhibitory")):
    connector = sim.FromListConnector(edges(name))
    projections.append(sim.Projection(cells, cells, connector, receptor_type=receptor))
if wiring["ge0"].any() or wiring["gi0"].any():
    volley = sim.Population(1, sim.SpikeSourceArray(spike_times=[args.dt]))
    everyone = np.arange(len(cells))
    for key, receptor in (("ge0", "excitatory"), ("gi0", "inhibitory")):
        weights = g_leak * wiring[key]
        rows = np.column_stack(
            [np.zeros_like(everyone), everyone, weights, np.full(len(cells), args.dt)]
        )
        projections.append(
            sim.Projection(volley, cells, sim.FromListConnector(rows), receptor_type=receptor)
        )
built = time.perf_counter()
sim.run(args.duration)
done = time.perf_counter()

trains = cells.get_data("spikes").segments[0].spiketrains
times = [np.asarray(train) for train in trains]
counts = [len(train) for train in times]
np.savez(args.out, times=np.concatenate(times), ids=np.repeat(np.arange(len(counts)), counts))
sim.end()
print(json.dumps({"build_s": built - start, "run_s": done - built, "spikes": sum(counts)}))
