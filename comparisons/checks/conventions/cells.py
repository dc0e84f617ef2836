"""The cells of probes: variables that stand still or move along straight lines, which every integrator
follows exactly, so that what is read is when something happens and not how well it is integrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....core.neurons import NeuronModel
from ....core.receptors import CustomReceptor, Delta, ExponentialCurrent
from .pack import Cells, Kind

# r counts spikes without being reset, and x is its integral: from the last sample of x follows when spikes
# took effect, whatever they are stamped with.
_RAMP = """
    du/dt = slope : mV{hold}
    dr/dt = 0/ms : 1
    dx/dt = r : ms
    slope : mV/ms
    theta : mV
"""
_PARAMETERS = {"slope": "1 mV/ms", "theta": "10.05 mV"}

RAMP = Kind(
    NeuronModel(
        name="ramp",
        equations=_RAMP.format(hold=""),
        threshold="u > theta",
        reset="u = 0*mV; r = r + 1",
        parameters=_PARAMETERS,
    )
)
"""A variable that rises by 1 mV a ms and is reset at a threshold."""

HOLDING = Kind(
    NeuronModel(
        name="holding",
        equations=_RAMP.format(hold=" (unless refractory)") + "t_ref : ms\n",
        threshold="u > theta",
        reset="u = 0*mV; r = r + 1",
        refractory="t_ref",
        parameters={**_PARAMETERS, "theta": "5.05 mV", "t_ref": "2 ms"},
    )
)
"""The same, standing still for t_ref after a spike."""

ONCE = Kind(
    NeuronModel(
        name="once",
        equations="""
            du/dt = s : mV
            ds/dt = 0*mV/ms**2 : mV/ms
            dr/dt = 0/ms : 1
            dx/dt = r : ms
            dk/dt = 0/ms : 1 (unless refractory)
            dq/dt = 0/ms : 1
        """,
        threshold="u > 10.05*mV",
        reset="u = 0*mV; s = 0*mV/ms; r = 1; q = 0",
        refractory="2 ms",
        initial={"s": "1 mV/ms"},
    ),
    {"held": Delta(target="k"), "wiped": Delta(target="q")},
)
"""Spikes once, at 10.05 ms; k refuses arrivals while refractory, q is reset."""

LISTENER = Kind(
    NeuronModel(name="listener", equations="dg/dt = 0/ms : 1\ndx/dt = g : ms"),
    {"kick": Delta(target="g"), "fill": CustomReceptor(equations="", on_pre="g += w*(1 - g)")},
)
"""A variable for arrivals to kick, or to fill up to 1, and its integral, which tells when they acted."""

LIFTED = Kind(
    NeuronModel(
        name="lifted",
        equations="dv/dt = 0/ms : 1\ndr/dt = 0/ms : 1\ndx/dt = r : ms",
        threshold="v > 0.5",
        reset="v = 0; r = r + 1",
    ),
    {"kick": Delta(target="v")},
)
"""Every arrival lifts v over the threshold."""

DRIVEN = Kind(NeuronModel(name="driven", equations="dx/dt = I : ms\nI : 1 (input)"))
"""The integral of an input."""

STILL = Kind(
    NeuronModel(
        name="still",
        equations="du/dt = 0*mV/ms : mV\ntheta : mV",
        threshold="u > theta",
        reset="u = u",
        refractory="1 ms",
        parameters={"theta": "-1 mV"},
    )
)
"""Stays where it is: above the threshold from the beginning, reset or not."""

FALLING = Kind(
    NeuronModel(
        name="falling",
        equations="du/dt = -1*mV/ms : mV",
        threshold="u > 0*mV",
        reset="u = -1*mV",
        initial={"u": "0.05 mV"},
    )
)
"""Above its threshold at t = 0 only."""

CROSSING = Kind(
    NeuronModel(name="crossing", equations="du/dt = 1*mV/ms : mV", threshold="u > 0*mV")
)
"""No reset: a spike is an upward crossing."""

IN_ORDER = Kind(
    NeuronModel(
        name="in_order",
        equations="du/dt = 1*mV/ms : mV\ndv/dt = 0*mV/ms : mV\ndz/dt = 0*mV/ms : mV",
        threshold="u > 10.05*mV",
        reset="u = -1000*mV; v = 0*mV; z = v + 1*mV",
        initial={"v": "7 mV"},
    )
)
"""Two statements of its reset depend on their order."""

COPYING = Kind(
    NeuronModel(
        name="copying",
        equations="du/dt = 1*mV/ms : mV\ndv/dt = 0*mV/ms : mV\ndz/dt = 0*mV/ms : mV",
        threshold="u > 10.05*mV",
        reset="u = -1000*mV; z = v; v *= 0.5",
        initial={"v": "8 mV"},
    )
)
"""Its reset copies a variable and then changes it."""

ADDING = Kind(
    NeuronModel(
        name="adding", equations="du/dt = s : 1\nds/dt = 0/ms**2 : 1/ms", initial={"u": 1.0}
    )
)
"""Grows from 1 by a step of its own."""

SQUARE = Kind(NeuronModel(name="square", equations="du/dt = -u**2/ms : 1", initial={"u": 1.0}))
"""After one step exactly 1/(1 + dt)."""

EXPLODING = Kind(
    NeuronModel(name="exploding", equations="du/dt = 2*u**2/ms : 1", initial={"u": 1.0})
)
"""1/(1 - 2t): beyond every number after 0.5 ms."""

_LEAK = """
    dv/dt = (E_L - v)/tau + {current}/C : mV
    E_L : mV
    tau : ms
    C : pF
"""
_LEAKY: dict[str, Any] = {"E_L": "-65 mV", "tau": "20 ms", "C": "250 pF"}

LIF = Kind(
    NeuronModel(
        name="lif",
        equations=_LEAK.format(current="I_e") + "I_e : pA",
        threshold="v > -50*mV",
        reset="v = E_L",
        parameters={**_LEAKY, "I_e": "300 pA"},
        initial={"v": "E_L"},
    )
)
"""The leaky cell that simulators are usually shown with: it spikes at 19.616585 ms."""

EXCITED = Kind(
    NeuronModel(
        name="excited",
        equations=_LEAK.format(current="I") + "I : pA (input)",
        parameters=_LEAKY,
        initial={"v": "E_L + 3.5*mV"},
    ),
    {"exc": ExponentialCurrent(tau="5 ms")},
)
"""A leaky cell with a receptor."""


def ramp(*record: str, theta: float = 10.05, slope: float = 1.0) -> Cells:
    """One ramp, with its threshold in mV and its slope in mV a ms."""
    return Cells(RAMP, record, parameters={"theta": theta, "slope": slope})


def listener(*record: str) -> Cells:
    """One listener."""
    return Cells(LISTENER, record)


def of(kind: Kind, *record: str, **initial: float | Sequence[float]) -> Cells:
    """One cell of a kind, with initial values."""
    return Cells(kind, record, initial=initial)
