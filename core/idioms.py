"""What to write here for what people write for Brian2, or that it cannot be done, and why.

Brian2 is what most who come here know. Each answer is half a sentence that follows a semicolon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_NOISE = "noise is drawn once for all simulators; use a WhiteNoiseInput or OrnsteinUhlenbeckInput"
_RANDOM = (
    "random numbers are drawn once for all simulators: for values give Uniform(low=…, high=…) or "
    "Normal(mean=…, std=…), for noise a WhiteNoiseInput"
)
_SERIES = (
    "a value of every time is an input: declare 'stim : pA (input)' and give a TimeSeriesInput (or "
    "StepInput, SineInput, RampInput)"
)
_INDEX = (
    "equations do not know a cell's number; use a parameter with one value a cell: Array([…], 'mV')"
)
_PAIR = (
    "equations do not see the cell at the other end of a connection, so gap junctions and graded synapses "
    "cannot be described; a receptor sees w and its own cell"
)
_SINCE = "equations do not know when a cell spiked; use 'unless refractory', or a state that the reset sets"

CALLS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("rand", "randn", "poisson", "binomial"), _RANDOM),
        "sigmoid": "write 1/(1 + exp(-x))",
        "pow": "write x**y",
        "power": "write x**y",
        "square": "write x**2",
        "log10": "write log(x)/2.302585092994046",
        "log2": "write log(x)/0.6931471805599453",
        "ln": "write log(x)",
        "exp2": "write 2**x",
        "fabs": "write abs(x)",
        "heaviside": "write int(x >= 0)",
        "where": "write 'a if c else b'",
        "Piecewise": "write 'a if c else b'",
        "max": "write maximum(a, b)",
        "min": "write minimum(a, b)",
        "round": "write floor(x + 0.5)",
        "mod": "write x - y*floor(x/y)",
        "vtrap": "write y/exprel(x/y) for x/(exp(x/y) - 1), which is right at x = 0 too",
        "timestep": "times are counted by the clock contract; equations do not depend on time: use an input",
        **dict.fromkeys(
            ("arcsin", "arccos", "arctan", "asin", "acos", "atan"), "it is not available"
        ),
        **dict.fromkeys(("TimedArray", "stim"), _SERIES),
    }
)

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "w": "it is the weight of what arrives at a receptor; call an adaptation w_ad, for instance",
        "t": "it is the time, on which equations do not depend; use an input (SineInput, StepInput, …)",
        "t_in_timesteps": "equations do not depend on time; use an input (SineInput, StepInput, …)",
        "dt": "it is the time step, of which equations do not know; use a parameter of another name",
        "pi": "write 3.141592653589793",
        "e": "write exp(1)",
        "xi": _NOISE,
        "i": _INDEX,
        "j": _INDEX,
        "N": "equations do not know how many cells there are; use weight_scale='1/N' of a projection",
        "lastspike": _SINCE,
        "refractory": "the refractory time is the model's field refractory; use not_refractory in conditions",
        "not_refractory": "use it as a condition, true while a cell is not refractory; call nothing else so",
        "rand": _RANDOM,
        "randn": _RANDOM,
        "inf": "infinity is no number here; write a large one",
        "nan": "it is no number; use a finite one",
        "celsius": "in channels it is the cell's temperature; elsewhere call a parameter temperature",
        "area": "call it membrane_area, for instance",
        "diam": "call it diameter, for instance",
    }
)

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "event-driven": "leave it out: receptors are integrated at every step by every simulator",
        "clock-driven": "leave it out: everything is integrated at every step",
        "constant": "leave it out: parameters are constant",
        "constant over dt": "write (held)",
        "shared": "leave it out: a parameter given as one number is one for all cells",
        "linked": "linked variables are not available; give the parameter to both populations",
        "summed": _PAIR,
        "scalar": "leave it out: a parameter given as one number is one for all cells",
        "synaptic": "leave it out, or write the equation into the receptor",
        "point current": "write a channel with a conductance in nS at a place, or a receptor with port=",
    }
)
_NUMBER = "variables are numbers here: write ': 1' and 0 or 1, and a condition such as 'x > 0.5'"
UNITS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("boolean", "bool", "integer", "int", "float"), _NUMBER)
)

_METHOD = "the integrator is a setting of a run: Settings(method=…), --method"
_KICK = "what an arrival does is the receptor's: CustomReceptor(on_pre=…), or a kind that has it"
_POST = "only an arrival acts, so plasticity by the target's spikes cannot be described"
_RULE = (
    "who is connected is the rule: AllToAll(self_connections=False) for i != j, FixedProbability(p=…), "
    "OneToOne() for i == j, Explicit(pre=…, post=…) for pairs"
)
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "method": _METHOD,
        "integrator": _METHOD,
        "on_pre": _KICK,
        "on_post": _POST,
        "model": "a receptor's equations are CustomReceptor(equations=…)",
        "condition": _RULE,
        "connect": _RULE,
        "i": _RULE,
        "j": _RULE,
        "p": _RULE,
        "n": _RULE,
        "p_connect": _RULE,
        "w": "it is called weight",
        "weights": "it is called weight",
        "delays": "it is called delay",
        "events": "one event, the spike, can be described: threshold and reset",
        "run_regularly": "nothing happens at regular times but the inputs: use a TimeSeriesInput",
        "N": "it is called size, of a population",
        "eqs": "it is called equations",
        "namespace": "values are given in parameters",
        "on_spike": "it is called reset",
        "dt": "the time step is the experiment's",
        "gap_junctions": _PAIR,
    }
)


def about_call(name: str, of_time: bool) -> str:
    """An answer to a call of a function that there is not; empty if nothing is known about it."""
    return CALLS.get(name) or (_SERIES if of_time else "")


def about_name(name: str) -> str:
    """An answer to a name that equations elsewhere have and ours do not; empty if nothing is known."""
    if name in NAMES:
        return NAMES[name]
    if re.fullmatch(r"\w+_(pre|post)", name):
        return _PAIR
    if name.startswith("xi_"):
        return _NOISE
    return ""
