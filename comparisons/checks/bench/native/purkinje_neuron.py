"""The Purkinje cell of Khaliq, Gouwens & Raman (2003) in NEURON: a Section with density mechanisms.

The mechanisms are in purkinje/*.mod: `sparse` for the 13-state sodium channel, `cnexp` for gates.
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
parser.add_argument("--cells", type=int, default=1)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.01, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument("--cache", type=Path, required=True, help="folder for compiled mechanisms")
args = parser.parse_args()

start = time.perf_counter()
h.nrn_load_dll(str(compiled(Path(__file__).with_name("purkinje"), args.cache)))
h.load_file("stdrun.hoc")
times, ids = h.Vector(), h.Vector()
kept = []
for number in range(args.cells):
    soma = h.Section(name=f"soma{number}")
    soma.L = soma.diam = 20
    soma.cm = 1
    for name in ("narsg", "kpkj", "kpkj2", "kpkjslow", "bkpkj", "cap", "cadiff", "hpkj", "pas"):
        soma.insert(name)
    soma.ena, soma.ek = 60, -88
    soma(0.5).g_pas, soma(0.5).e_pas = 5e-5, -60
    h.ion_style("ca_ion", 3, 2, 0, 0, 1, sec=soma)
    soma.cao = 2
    detector = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
    detector.threshold = 0
    detector.record(times, ids, number)
    kept += [soma, detector]
h.dt = args.dt
h.steps_per_ms = 1 / args.dt
h.finitialize(-60)
built = time.perf_counter()
h.continuerun(args.duration)
done = time.perf_counter()

np.savez(args.out, times=times.as_numpy(), ids=ids.as_numpy().astype(np.int32))
print(json.dumps({"build_s": built - start, "run_s": done - built, "spikes": len(times)}))
