"""Izhikevich's neuron, as both of his networks in the library use it.

::

    dv/dt = 0.04 v²/(mV ms) + 5 v/ms + 140 mV/ms - u + I
    du/dt = a (b v - u)
    v >= 30 mV: v = c, u = u + d

Source: Izhikevich 2003, IEEE Trans. Neural Networks 14:1569, eqs. 1-3; the numbers in the first equation
are part of it. There time is in ms and everything else without unit; here v is in mV, u and I in mV/ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.neurons import NeuronModel

SOURCE = "Izhikevich 2003, IEEE Trans. Neural Networks 14:1569"

_EQUATIONS = """
dv/dt = 0.04/ms/mV*v**2 + 5/ms*v + 140*mV/ms - u + I : mV
du/dt = a*(b*v - u) : mV/ms
I : mV/ms (input)
"""
_PARAMETERS = """
a : 1/ms
b : 1/ms
c : mV
d : mV/ms
"""
_SPREAD = """
a = a_0 + a_r*r : 1/ms
b = b_0 + b_r*r : 1/ms
c = c_0 + c_rr*r**2 : mV
d = d_0 + d_rr*r**2 : mV/ms
r : 1
a_0 : 1/ms
a_r : 1/ms
b_0 : 1/ms
b_r : 1/ms
c_0 : mV
c_rr : mV
d_0 : mV/ms
d_rr : mV/ms
"""
SPREAD_PARAMETERS = ("r", "a_0", "a_r", "b_0", "b_r", "c_0", "c_rr", "d_0", "d_rr")


def izhikevich(parameters: Mapping[str, Any] | None = None) -> NeuronModel:
    """The neuron with parameters a, b, c, d."""
    return _neuron("Izhikevich", _EQUATIONS + _PARAMETERS, "b*v", parameters)


def spread_izhikevich(parameters: Mapping[str, Any] | None = None) -> NeuronModel:
    """The neuron whose a, b, c, d depend on one number r a cell, from 0 to 1, as in the 2003 network."""
    return _neuron("SpreadIzhikevich", _EQUATIONS + _SPREAD, "(b_0 + b_r*r)*v", parameters)


def _neuron(name: str, equations: str, u: str, parameters: Mapping[str, Any] | None) -> NeuronModel:
    return NeuronModel(
        name=name,
        equations=equations,
        threshold="v >= 30*mV",
        reset="v = c; u = u + d",
        parameters=dict(parameters or {}),
        initial={"v": "-65 mV", "u": u},
        source=SOURCE,
    )
