"""The Purkinje cell of Khaliq, Gouwens & Raman (2003) in Brian2: a NeuronGroup, exponential Euler.

As in Brian2's own examples of Hodgkin-Huxley cells. The calcium current and the shell's floor are
``constant over dt``, because exponential Euler takes equations that are linear in their own variable;
I6 is what the other sodium states leave, so that none is lost.
"""

import argparse
import json
import time

import numpy as np
from brian2.only import (
    BrianLogger,
    NeuronGroup,
    SpikeMonitor,
    defaultclock,
    ms,
    prefs,
    run,
    second,
    start_scope,
)

parser = argparse.ArgumentParser()
parser.add_argument("--cells", type=int, default=1)
parser.add_argument("--duration", type=float, default=1000.0, help="ms")
parser.add_argument("--dt", type=float, default=0.01, help="ms")
parser.add_argument("--out", required=True)
parser.add_argument("--target", choices=["auto", "cython", "numpy"], default="auto")
parser.add_argument("--cache", help="where compiled code is kept (default: Brian2's own place)")
args = parser.parse_args()

BrianLogger.log_level_error()
prefs.codegen.target = args.target
if args.cache:
    prefs.codegen.runtime.cython.cache_dir = args.cache

A, B = (0.75 / 0.005) ** 0.25, (0.005 / 0.5) ** 0.25
# Sodium states and the rates between them: (from, to, there, back).
steps = [(f"C{k}", f"C{k + 1}", f"{5 - k}*fa", f"{k}*fb") for k in range(1, 5)]
steps += [(f"I{k}", f"I{k + 1}", f"{(5 - k) * A!r}*fa", f"{k * B!r}*fb") for k in range(1, 5)]
steps += [
    (f"C{k}", f"I{k}", f"{0.005 * A ** (k - 1)!r}/ms", f"{0.5 * B ** (k - 1)!r}/ms")
    for k in range(1, 6)
]
steps += [
    ("C5", "O", "150/ms", "40/ms"),
    ("O", "B", "1.75/ms", "fz"),
    ("O", "I6", "0.75/ms", "0.005/ms"),
    ("I5", "I6", "150/ms", "40/ms"),
]
states = ["C1", "C2", "C3", "C4", "C5", "O", "B", "I1", "I2", "I3", "I4", "I5"]


def balance(state: str) -> str:
    """dstate/dt as what comes in less what goes out."""
    into = [f"{back}*{b}" for a, b, _, back in steps if a == state]
    into += [f"{there}*{a}" for a, b, there, _ in steps if b == state]
    out = [there for a, _, there, _ in steps if a == state]
    out += [back for _, b, _, back in steps if b == state]
    return f"d{state}/dt = {' + '.join(into)} - ({' + '.join(out)})*{state} : 1"


eqs = f"""
dV/dt = (15*O*(60 - V) + (4*mk**3*hk + 2*n2**4 + 4*ns**4 + 7*mb**3*zb**2*hb)*(-88 - V)
         + 0.1*nh*(-30 - V) + 0.05*(-60 - V) - ica)/ms : 1
fa = 150*exp(V/20)/ms : Hz
fb = 3*exp(-V/20)/ms : Hz
fz = 0.03*exp(-V/25)/ms : Hz
I6 = 1 - ({" + ".join(states)}) : 1
{chr(10).join(map(balance, states))}
dmk/dt = (1/(1 + exp(-(V + 35)/15.4)) - mk)/tmk : 1
tmk = (int(V < -46)*3*(3.4225e-5 + 0.00498*exp((V + 11)/28.29)) + int(V >= -46)*(0.00012851
       + 1/(exp((V + 111.7)/12.9) + exp(-(V - 45)/23.1))))*second : second
dhk/dt = (0.31 + 0.78/(1 + exp((V + 16.802)/11.2)) - hk)/thk : 1
thk = (int(V > -11)*(0.0012 + 0.0023*exp(-0.141*(V + 11))) + int(V <= -11)*(1.2202e-5
       + 0.012*exp(-((V + 67.3)/49.6)**2)))*second : second
dn2/dt = (1/(1 + exp(-(V + 35)/20.4)) - n2)/tn2 : 1
tn2 = (int(V < -31)*(0.000688 + 1/(exp((V + 75.2)/6.5) + exp(-(V - 130.5)/34.8)))
       + int(V >= -31)*(0.00016 + 0.0008*exp(-0.0267*(V + 11))))*second : second
dns/dt = (1/(1 + exp(-(V + 27.5)/18.4)) - ns)/tns : 1
tns = (0.000796 + 1/(exp((V + 84.2)/11.7) + exp(-(V - 295.7)/74.2)))*second : second
dmb/dt = (1/(1 + exp(-(V + 33.9)/6.2)) - mb)/tmb : 1
tmb = (0.000505 + 1/(exp(-(V - 28.3)/10) + exp((V + 91.4)/10.1)))*second : second
dzb/dt = (1/(1 + 0.001/ca) - zb)/ms : 1
dhb/dt = (0.085 + 0.915/(1 + exp((V + 37)/5.8)) - hb)/thb : 1
thb = (0.0019 + 1/(exp(-(V - 49.2)/12.9) + exp((V + 53.5)/5.2)))*second : second
dmc/dt = (1/(1 + exp(-(V + 19)/5.5)) - mc)/tmc : 1
tmc = (int(V > -50)*(0.000191 + 0.00376*exp(-((V + 41.9)/27.8)**2))
       + int(V <= -50)*(0.00026367 + 0.1278*exp(0.10327*V)))*second : second
dnh/dt = (1/(1 + exp((V + 90.1)/9.9)) - nh)/(190*ms + 720*ms*exp(-((V + 81.5)/11.9)**2)) : 1
u = V/12.718766 : 1
ica = 9.648533*mc*(ca - 2*exp(-u))/exprel(-u) : 1 (constant over dt)
dca/dt = free*(source - ca/ms) : 1
source = -10*ica/(2*96485.33*0.1)/ms : Hz (constant over dt)
free = int(ca > 1e-4 or source > ca/ms) : 1 (constant over dt)
"""


def sodium_at_rest() -> dict[str, float]:
    """The steady state of the sodium channel at -60 mV."""
    names = [*states, "I6"]
    space = {"ms": 1.0, "fa": 150 * np.exp(-3), "fb": 3 * np.exp(3), "fz": 0.03 * np.exp(2.4)}
    flow = np.zeros((13, 13))
    for a, b, there, back in steps:
        for source, target, rate in ((a, b, there), (b, a, back)):
            k, j, r = names.index(source), names.index(target), eval(rate, space)
            flow[j, k] += r
            flow[k, k] -= r
    flow[-1] = 1.0
    return dict(zip(names, np.linalg.solve(flow, np.eye(13)[-1]), strict=True))


start = time.perf_counter()
start_scope()
defaultclock.dt = args.dt * ms
cells = NeuronGroup(
    args.cells, eqs, threshold="V > 0", refractory="V > 0", method="exponential_euler"
)
cells.V = -60
cells.ca = 1e-4
for name, value in sodium_at_rest().items():
    if name != "I6":
        setattr(cells, name, value)
cells.mk = "1/(1 + exp(-(V + 35)/15.4))"
cells.hk = "0.31 + 0.78/(1 + exp((V + 16.802)/11.2))"
cells.n2 = "1/(1 + exp(-(V + 35)/20.4))"
cells.ns = "1/(1 + exp(-(V + 27.5)/18.4))"
cells.mb = "1/(1 + exp(-(V + 33.9)/6.2))"
cells.zb = "1/(1 + 0.001/ca)"
cells.hb = "0.085 + 0.915/(1 + exp((V + 37)/5.8))"
cells.mc = "1/(1 + exp(-(V + 19)/5.5))"
cells.nh = "1/(1 + exp((V + 90.1)/9.9))"
spikes = SpikeMonitor(cells)
marks: list[float] = []


def report(elapsed: object, completed: float, begin: object, duration: object) -> None:
    """The first report comes when code is generated and compiled, just before the first step."""
    marks.append(time.perf_counter())


run(args.duration * ms, report=report, report_period=3600 * second)
done = time.perf_counter()

np.savez(args.out, times=np.asarray(spikes.t / ms), ids=np.asarray(spikes.i, np.int32))
print(json.dumps({"build_s": marks[0] - start, "run_s": done - marks[0], "spikes": len(spikes.t)}))
