"""Probes of spikes: how they are stamped, what makes one, how often a cell can, how long it is refractory."""

from __future__ import annotations

import numpy as np

from .cells import COPYING, CROSSING, FALLING, HOLDING, IN_ORDER, LIF, STILL, of, ramp
from .pack import DT_MS, DURATION_MS, Cells, Parts
from .probe import Probe, shown_number
from .view import View


def _one(cells: Cells) -> Parts:
    return Parts({"cell": cells})


def _stamp(view: View) -> float:
    return view.stamp("cell")


def _count(view: View) -> float:
    return float(view.stamps("cell").size)


def _interval(view: View) -> float:
    return view.interval("cell")


def _lateness(view: View) -> float:
    """The stamp less the instant at which the reset acts, in steps."""
    return round((view.stamp("cell") - view.since("cell")) / DT_MS, 3)


def _per_step(view: View) -> float:
    """Spikes a step from 5 to 15 ms."""
    stamps = view.stamps("cell")
    within = np.count_nonzero((stamps > 5.0 - DT_MS / 2) & (stamps < 15.0 - DT_MS / 2))
    return within * DT_MS / 10.0


def _side(number: float) -> str:
    if number == 0:
        return "as it acts"
    steps = shown_number(abs(number))
    return f"{steps} step{'' if steps == '1' else 's'} {'late' if number > 0 else 'early'}"


def _order(number: float) -> str:
    return {1.0: "in order", 8.0: "all at once"}.get(round(number, 3), shown_number(number))


def _copy(number: float) -> str:
    return {8.0: "a value", 4.0: "one array"}.get(round(number, 3), shown_number(number))


SPIKES = (
    Probe(
        "stamp", "spikes", "threshold crossed at 10.05 ms: stamp",
        "a ramp crosses its threshold at 10.05 ms: the stamp of the spike",
        "spike_stamp", _one(ramp("x")), _stamp, 10.1, "ms", ("spike_stamp",), grid=True,
    ),
    Probe(
        "stamp_lateness", "spikes", "that stamp, against the reset",
        "the stamp of that spike, against the instant at which its reset acts",
        "spike_stamp", _one(ramp("x")), _lateness, 0, "step", ("spike_stamp",), _side,
    ),
    Probe(
        "stamp_lif", "spikes", "leaky cell, 19.6166 ms: stamp",
        "the first spike of a leaky cell, exactly at 19.616585 ms: its stamp",
        "spike_stamp", _one(of(LIF)), _stamp, 19.7, "ms", ("spike_stamp",), grid=True,
    ),
    Probe(
        "interval", "spikes", "interval of 5.05 ms",
        "a ramp that needs 5.05 ms, without refractoriness: the interval",
        "lost_spikes", _one(ramp(theta=5.05)), _interval, 5.1, "ms", grid=True,
    ),
    Probe(
        "threshold_equal", "spikes", "u > threshold, when equal",
        "u is the threshold to the bit, and the condition is u > threshold",
        "lost_spikes", _one(Cells(STILL, parameters={"theta": 0.0})), _count, 0, "spike",
        ("threshold_test",),
    ),
    Probe(
        "threshold_held", "spikes", "held above threshold: interval",
        "a cell that stays above threshold, 1 ms refractory: the interval",
        "lost_spikes", _one(of(STILL)), _interval, 1.0, "ms", ("threshold_test", "refractory_count"),
    ),
    Probe(
        "threshold_start", "spikes", "above threshold at t = 0 only",
        "above threshold at t = 0, below it a step later",
        "lost_spikes", _one(of(FALLING)), _count, 1, "spike", ("initial_instant", "threshold_test"),
    ),
    Probe(
        "threshold_end", "spikes", "crossing in the last step",
        "the threshold is crossed half a step before the end of the run",
        "lost_spikes", _one(ramp(theta=DURATION_MS - DT_MS / 2)), _count, 1, "spike",
        ("spike_stamp", "threshold_test"),
    ),
    Probe(
        "crossing", "spikes", "no reset: crossing",
        "without a reset: u crosses its threshold once, at 10.05 ms",
        "lost_spikes", _one(of(CROSSING, u=-10.05)), _count, 1, "spike", ("threshold_test",),
        batch="crossing",
    ),
    Probe(
        "crossing_start", "spikes", "no reset: above from t = 0 on",
        "without a reset: u is above its threshold from the beginning on",
        "lost_spikes", _one(of(CROSSING, u=1.0)), _count, 0, "spike",
        ("initial_instant", "threshold_test"), batch="crossing",
    ),
    Probe(
        "reset_order", "spikes", "statements of a reset",
        "the reset 'v = 0; z = v + 1' from v = 7: z after it",
        "delivery_order", _one(of(IN_ORDER, "z")), lambda v: v.end("cell", "z"), 1, "mV",
        ("reset_order",), _order,
    ),
    Probe(
        "reset_copies", "spikes", "a copy in a reset",
        "the reset 'z = v; v *= 0.5' from v = 8: z after it",
        "non_convergent", _one(of(COPYING, "z")), lambda v: v.end("cell", "z"), 8, "mV",
        ("aliased_copies",), _copy,
    ),
    Probe(
        "saturation", "spikes", "1.5 crossings a step: spikes",
        "driven over threshold 1.5 times a step: spikes a step",
        "saturation", _one(ramp(theta=1.0, slope=15.0)), _per_step, 1, "",
        ("saturation", "threshold_test"), grid=True,
    ),
)  # fmt: skip
"""Stamps, thresholds, resets, saturation."""


def _steps_held(view: View) -> float:
    """By how many steps refractoriness lengthens the interval."""
    return round((view.interval("cell") - view.interval("free")) / DT_MS, 3)


def _refractory(t_ref: float, steps: int) -> Probe:
    off_grid = t_ref != 2
    name = f"{t_ref:g}".replace(".", "_")
    parts = {"cell": Cells(HOLDING, parameters={"t_ref": t_ref}), "free": ramp(theta=5.05)}
    return Probe(
        f"refractory_{name}",
        "refractoriness",
        f"t_ref {t_ref:g} ms holds",
        f"{t_ref:g} ms of refractoriness: the steps it holds",
        "rounding" if off_grid else "refractory_count",
        Parts(parts),
        _steps_held,
        steps,
        "step",
        ("refractory_count", *(("refractory_rounding",) if off_grid else ())),
        grid=off_grid,
    )


_PERIODS = (
    (2.0, 20),
    (1.04, 10),
    (1.05, 11),
    (1.06, 11),
    (2.05, 21),
    (0.25, 3),
    (0.15, 2),
    (0.04, 0),
)
REFRACTORINESS = tuple(_refractory(t_ref, steps) for t_ref, steps in _PERIODS)
"""How long refractoriness holds."""
