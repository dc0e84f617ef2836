"""Probes of delivery: when an arrival acts, what becomes of several, what a reset does to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cells import LIFTED, ONCE, listener, of, ramp
from .pack import DT_MS, Link, Parts, Poisson, Train
from .probe import Probe, shown_number
from .view import View

_SENT = 8
"""Arrivals in consecutive steps before an event, and as many after it."""
_LIFTS = tuple(1.0 + 1.7 * k for k in range(10))
"""Given spikes at times whose sums with a delay round in different ways in floating point."""


def _heard(*times: float, delay: float = 1.0, multapses: int = 1) -> Parts:
    """Given spikes to a listener."""
    return Parts(
        {"source": Train(times), "cell": listener("g", "x")},
        (Link("source", "cell", delay_ms=delay, times=multapses),),
    )


def _later(time: float) -> Parts:
    """The same from two sources, one with a spike at 10 ms, one with a spike later."""
    return Parts(
        {"a": Train((10.0,)), "b": Train((time,)), "on_a": listener("x"), "on_b": listener("x")},
        (Link("a", "on_a"), Link("b", "on_b")),
    )


def _between(delay: float) -> Parts:
    """From a cell that crosses its threshold at 10.05 ms to a listener."""
    return Parts(
        {"source": ramp("x"), "cell": listener("x")}, (Link("source", "cell", delay_ms=delay),)
    )


def _delay(view: View) -> float:
    """From the instant at which a spike resets its cell to the instant at which it acts on another."""
    return view.since("cell") - view.since("source")


def _two(receptor: str, weight: float) -> Parts:
    """Two sources with a spike at the same time to one cell."""
    return Parts(
        {"a": Train((5.0,)), "b": Train((5.0,)), "cell": listener("g")},
        (Link("a", "cell", receptor, weight=weight), Link("b", "cell", receptor, weight=weight)),
    )


_LIFT = Parts(
    {"source": Train(_LIFTS), "cell": of(LIFTED, "r", "x"), "witness": listener("g", "x")},
    (Link("source", "cell"), Link("source", "witness")),
)


def _lag(view: View) -> float:
    """How many steps after its arrivals a cell that each of them lifts is reset, on the average."""
    arrived, reset = view.end("witness", "g"), view.end("cell", "r")
    if reset != arrived:
        return float("nan")
    return round((view.end("witness", "x") - view.end("cell", "x")) / arrived / DT_MS, 3)


def _around(event_ms: float, receptor: str, variable: str) -> Parts:
    """Arrivals in consecutive steps around an event of a cell that spikes at 10.05 ms, and a witness."""
    first = round(event_ms / DT_MS) - _SENT - round(1.0 / DT_MS)
    times = tuple(round((first + k) * DT_MS, 6) for k in range(2 * _SENT + 1))
    return Parts(
        {"source": Train(times), "cell": of(ONCE, variable, "x"), "witness": listener("g", "x")},
        (Link("source", "cell", receptor), Link("source", "witness")),
    )


def _first_kept(view: View, variable: str) -> float:
    """The instant of the first arrival that is still there at the end; those after it are too."""
    sent, kept = view.end("witness", "g"), view.end("cell", variable)
    # x grows by the sum of end - (first + k·dt) over the arrivals k = 0 … sent - 1.
    mean = float(view.times("witness", "x")[-1]) - view.end("witness", "x") / sent
    return mean - DT_MS * (sent - 1) / 2 + DT_MS * (sent - kept)


def _wiped_until(view: View) -> float:
    """The last arrival that a reset wipes, in steps after the instant of the reset."""
    return round((_first_kept(view, "q") - view.since("cell")) / DT_MS, 3) - 1


def _accepted_from(view: View) -> float:
    """The first arrival that is accepted again, in ms after the spike."""
    return round(_first_kept(view, "k") - view.since("cell"), 4)


def _inside(receptor: str, variable: str) -> Parts:
    """One arrival in the middle of refractoriness."""
    return Parts(
        {"source": Train((10.0,)), "cell": of(ONCE, variable)}, (Link("source", "cell", receptor),)
    )


def _poisson(rate_hz: float, *sources: str) -> Parts:
    """Poisson sources to the cells a and b, from one source to both or from one to each."""
    return Parts(
        {**{s: Poisson(rate_hz) for s in sources}, "a": listener("g"), "b": listener("g")},
        (Link(sources[0], "a"), Link(sources[-1], "b")),
    )


def _share_arrived(view: View) -> float:
    drawn = view.realization.sources[view.place("one")[0]].steps.size
    return view.end("a", "g") / drawn


def _alike(view: View) -> float:
    return float(np.array_equal(view.values("a", "g"), view.values("b", "g")))


def _the_same(number: float) -> str:
    return "the same" if number == 1 else "others"


def _wiped(number: float) -> str:
    if number == 0:
        return "wiped"
    return "kept" if number == -1 else f"wiped until {shown_number(number)} steps"


def _kept(number: float) -> str:
    return {0.0: "lost", 1.0: "kept"}.get(number, shown_number(number))


def _in_turn(number: float) -> str:
    return {1.0: "together", 0.75: "in turn"}.get(round(number, 3), shown_number(number))


def _lagging(number: float) -> str:
    if number != number:
        return "not each time"
    return "at once" if number == 0 else f"{shown_number(number)} step{'s' * (number != 1)} late"


def _seen(number: float) -> str:
    return "at once" if number == 0 else f"{shown_number(number)} step{'s' * (number != 1)} late"


def _percent(number: float) -> str:
    return f"{shown_number(100 * number)} %"


def _end(variable: str) -> Callable[[View], float]:
    return lambda view: view.end("cell", variable)


def _acts(view: View) -> float:
    return view.since("cell")


def _delay_probe(delay: float, expected: float) -> Probe:
    whole = delay == expected
    return Probe(
        f"delay_{delay:g}".replace(".", "_"),
        "delivery",
        f"delay {delay:g} ms between cells acts as",
        f"a delay of {delay:g} ms from a cell to another: how long after the reset of the one it acts",
        "delivery_order" if whole else "rounding",
        _between(delay),
        _delay,
        expected,
        "ms",
        ("delivery_order",) if whole else ("delay_rounding",),
        grid=True,
    )


def _source_probe(time: float, expected: float) -> Probe:
    return Probe(
        f"source_{time:g}".replace(".", "_"),
        "delivery",
        f"given spike at {time:g} ms, later by",
        f"a given spike at {time:g} ms: how much later than one at 10 ms it acts",
        "rounding",
        _later(time),
        lambda view: view.since("on_b") - view.since("on_a"),
        expected,
        "ms",
        ("source_rounding", "source_delivery"),
        grid=True,
    )


_DELAYS = ((0.1, 0.1), (1.0, 1.0), (1.04, 1.0), (1.05, 1.1), (1.06, 1.1), (0.25, 0.3), (0.15, 0.2))

DELIVERY = (
    Probe(
        "source_acts", "delivery", "given spike at 10 ms + 1 ms acts at",
        "a given spike at 10 ms with a delay of 1 ms: when it acts",
        "delivery_order", _heard(10.0), _acts, 11.0, "ms", ("source_delivery",),
    ),
    Probe(
        "source_seen", "delivery", "and is first seen at",
        "the same: the first sample of a variable that it drives to change",
        "delivery_order", _heard(10.0), lambda v: v.first_change("cell", "x"), 11.1, "ms",
        ("source_delivery",),
    ),
    Probe(
        "source_start", "delivery", "given spike at 0 ms + 1 ms acts at",
        "a given spike at 0 ms with a delay of 1 ms: when it acts",
        "delivery_order", _heard(0.0), _acts, 1.0, "ms", ("source_delivery", "initial_instant"),
    ),
    *(_source_probe(*pair) for pair in ((10.04, 0.0), (10.05, 0.1), (10.06, 0.1))),
    Probe(
        "source_rounded_twice", "delivery", "given 10.05 ms + 1.05 ms acts at",
        "a given spike at 10.05 ms with a delay of 1.05 ms: when it acts", "rounding",
        _heard(10.05, delay=1.05), _acts, 11.2, "ms",
        ("source_rounding", "source_delivery", "delay_rounding"), grid=True,
    ),
    *(_delay_probe(*pair) for pair in _DELAYS),
    Probe(
        "delay_0_04", "delivery", "delay of 0.04 ms",
        "a delay of 0.04 ms, which is below one step, acts as",
        "rounding", _between(0.04), _delay, None, "ms", batch="delay_0_04", refusal=r"\bstep\b",
    ),
    Probe(
        "arrival_seen", "samples", "a kick is seen",
        "the first sample that shows a kick, after the instant at which it acts",
        "recording_grid", _heard(10.0),
        lambda v: round((v.first_change("cell", "g") - v.since("cell")) / DT_MS, 3), 0, "step",
        ("recording_phase",), _seen, grid=True,
    ),
    Probe(
        "arrival_lifts", "delivery", "lifted over threshold: reset",
        "arrivals lift a cell over threshold: when it is reset after them",
        "delivery_order", _LIFT, _lag, 0, "step", ("delivery_order",), _lagging,
    ),
    Probe(
        "arrival_at_reset", "delivery", "arrival at the instant of a reset",
        "an arrival at the instant of a reset of the variable it kicks",
        "delivery_order", _around(10.1, "wiped", "q"), _wiped_until, 0, "step", ("delivery_order",),
        _wiped, grid=True,
    ),
    Probe(
        "arrivals_add", "delivery", "two arrivals at once",
        "two arrivals at one instant, a kick of 1 each: together",
        "lost_spikes", _two("kick", 1.0), _end("g"), 2,
    ),
    Probe(
        "arrivals_state", "delivery", "two that depend on the state",
        "two arrivals at one instant, each adds (1 - g)/2 to g = 0",
        "delivery_order", _two("fill", 0.5), _end("g"), 1, "", ("arrival_sum", "delivery_order"), _in_turn,
    ),
    Probe(
        "multapse", "delivery", "two connections of two cells",
        "two connections from a cell to another, a kick of 1 each: together",
        "lost_spikes", _heard(5.0, multapses=2), _end("g"), 2,
    ),
)  # fmt: skip
"""When arrivals act, and in which order."""

ARRIVALS = (
    Probe(
        "arrival_refractory", "refractoriness", "arrival while refractory",
        "an arrival within refractoriness at a variable marked 'unless refractory'",
        "refractory_count", _inside("held", "k"), _end("k"), 0, "", ("refractory_arrivals",), _kept,
    ),
    Probe(
        "arrival_unmarked", "refractoriness", "the same, variable not marked",
        "an arrival within refractoriness at a variable not so marked",
        "refractory_count", _inside("wiped", "q"), _end("q"), 1, "", ("refractory_arrivals",), _kept,
    ),
    Probe(
        "arrival_after", "refractoriness", "t_ref 2 ms: accepted again after",
        "2 ms refractory: how long after a spike arrivals at a marked variable are accepted again",
        "refractory_count", _around(12.1, "held", "k"), _accepted_from, 2.0, "ms",
        ("refractory_arrivals", "refractory_count"), grid=True,
    ),
)  # fmt: skip
"""Arrivals while a cell is refractory."""

SOURCES = (
    Probe(
        "source_repeats", "sources", "three spikes at one time",
        "a source with three spikes at one time: those that arrive",
        "saturation", _heard(5.0, 5.0, 5.0), _end("g"), 3, "spike", ("saturation",),
    ),
    Probe(
        "source_crowded", "sources", "four spikes in one step",
        "four given spikes within one step, 4.96 to 5.02 ms: those that arrive",
        "saturation", _heard(4.96, 4.98, 5.0, 5.02), _end("g"), 4, "spike", ("saturation",),
    ),
    Probe(
        "poisson_strong", "sources", "Poisson, 5 spikes a step: arrive",
        "a Poisson source of 5 spikes a step: the share of them that arrives",
        "saturation", _poisson(50_000.0, "one"), _share_arrived, 1, "", ("saturation",), _percent,
    ),
    Probe(
        "poisson_shared", "sources", "one Poisson source, two cells",
        "one Poisson source to two cells: the spikes they get",
        "random_streams", _poisson(400.0, "one"), _alike, 1, "", ("random_streams",), _the_same,
    ),
    Probe(
        "poisson_own", "sources", "two Poisson sources",
        "two Poisson sources of one rate: the spikes they give",
        "random_streams", _poisson(400.0, "one", "other"), _alike, 0, "", ("random_streams",), _the_same,
    ),
)  # fmt: skip
"""Many spikes of a source in a step, and which cells get which."""
