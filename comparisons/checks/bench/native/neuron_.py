"""COBA and CUBA in NEURON: point processes with STATE, DERIVATIVE, cnexp, WATCH and NetCon.

The equations are in mechanisms/*.mod. Delay: as in the wiring file, one step. All cells sit in one
passive-less section, which only gives them a place.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")

import numpy as np
from mechanisms_of import compiled
from neuron import h

parser = argparse.ArgumentParser()
parser.add_argument("--network", choices=["coba", "cuba"], required=True)
parser.add_argument("--edges", required=True)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.1, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument(
    "--cache",
    type=Path,
    default=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "coincide"
    / "native",
    help="folder for compiled mechanisms",
)
args = parser.parse_args()
wiring = np.load(args.edges)

start = time.perf_counter()
h.nrn_load_dll(str(compiled(Path(__file__).with_name("mechanisms"), args.cache)))
h.load_file("stdrun.hoc")
CellType = {"coba": h.CobaLIF, "cuba": h.CubaLIF}[args.network]
place = h.Section(name="place")
middle = place(0.5)
cells = []
for v0, ge0, gi0 in zip(*(wiring[name].tolist() for name in ("v0", "ge0", "gi0")), strict=True):
    cell = CellType(middle)
    cell.vm_init, cell.ge_init, cell.gi_init = v0, ge0, gi0
    cells.append(cell)

# The sign of a weight chooses the receptor, as in NEURON's own IntFire cells. Looking a name up in h
# takes longer than making a NetCon: once, not per synapse.
NetCon = h.NetCon
connections = []
for name, sign in (("exc", 1.0), ("inh", -1.0 if args.network == "coba" else 1.0)):
    pre, post = wiring[f"{name}_pre"].tolist(), wiring[f"{name}_post"].tolist()
    weight = (sign * wiring[f"{name}_weight"]).tolist()
    delay = (wiring[f"{name}_delay"] * args.dt).tolist()
    connections += [
        NetCon(cells[i], cells[j], 0, d, w)
        for i, j, d, w in zip(pre, post, delay, weight, strict=True)
    ]
times, ids = h.Vector(), h.Vector()
detectors = []
for number, cell in enumerate(cells):
    detector = NetCon(cell, None)
    detector.record(times, ids, number)
    detectors.append(detector)
h.dt = args.dt
h.steps_per_ms = 1 / args.dt
h.finitialize(-65)
built = time.perf_counter()
h.continuerun(args.duration)
done = time.perf_counter()

np.savez(args.out, times=times.as_numpy(), ids=ids.as_numpy().astype(np.int32))
print(json.dumps({"build_s": built - start, "run_s": done - built, "spikes": len(times)}))
