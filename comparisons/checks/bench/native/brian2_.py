"""COBA and CUBA in Brian2, after the examples CUBA and COBAHH of its documentation.

COBA: dv/dt = (g_e·(E_e - v) + g_i·(E_i - v) - (v - E_L))/tau_m, exponential Euler.
CUBA: dv/dt = (g_e + g_i - (v - E_L))/tau_m, exact integration. Delay: as in the wiring file, one step.
"""

import argparse
import json
import time

import numpy as np
from brian2.only import (
    BrianLogger,
    NeuronGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    ms,
    mV,
    prefs,
    run,
    second,
)

parser = argparse.ArgumentParser()
parser.add_argument("--network", choices=["coba", "cuba"], required=True)
parser.add_argument("--edges", required=True)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.1, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument("--target", choices=["auto", "cython", "numpy"], default="auto")
parser.add_argument("--cache", help="where compiled code is kept (default: Brian2's own place)")
args = parser.parse_args()

BrianLogger.log_level_error()
prefs.codegen.target = args.target
if args.cache:
    prefs.codegen.runtime.cython.cache_dir = args.cache
wiring = np.load(args.edges)

start = time.perf_counter()
defaultclock.dt = args.dt * ms
taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
Vt, Vr = -50 * mV, -60 * mV
if args.network == "coba":
    El, Ee, Ei = -60 * mV, 0 * mV, -80 * mV
    unit, g_unit, method = "1", 1, "exponential_euler"
    current = "ge*(Ee - v) + gi*(Ei - v)"
else:
    El = -49 * mV
    unit, g_unit, method = "volt", mV, "exact"
    current = "ge + gi"
eqs = f"""
dv/dt = ({current} - (v - El))/taum : volt (unless refractory)
dge/dt = -ge/taue : {unit}
dgi/dt = -gi/taui : {unit}
"""
cells = NeuronGroup(
    len(wiring["v0"]), eqs, threshold="v > Vt", reset="v = Vr", refractory=5 * ms, method=method
)
cells.v = wiring["v0"] * mV
cells.ge = wiring["ge0"] * g_unit
cells.gi = wiring["gi0"] * g_unit


def connect(name: str, variable: str) -> Synapses:
    """The synapses of one receptor."""
    synapses = Synapses(cells, cells, f"w : {unit}", on_pre=f"{variable} += w")
    synapses.connect(i=wiring[f"{name}_pre"], j=wiring[f"{name}_post"])
    synapses.w = wiring[f"{name}_weight"] * g_unit
    synapses.delay = wiring[f"{name}_delay"] * args.dt * ms
    return synapses


excitation = connect("exc", "ge")
inhibition = connect("inh", "gi")
spikes = SpikeMonitor(cells)
marks: list[float] = []


def report(elapsed: object, completed: float, begin: object, duration: object) -> None:
    """The first report comes when code is generated and compiled, just before the first step."""
    marks.append(time.perf_counter())


run(args.duration * ms, report=report, report_period=3600 * second)
done = time.perf_counter()
built = marks[0]

np.savez(args.out, times=np.asarray(spikes.t / ms), ids=np.asarray(spikes.i))
print(
    json.dumps({"build_s": built - start, "run_s": done - built, "spikes": int(spikes.num_spikes)})
)
