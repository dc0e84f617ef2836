"""What PymoNNtorch does in its own way."""

from __future__ import annotations

from ..conventions import Convention
from ..why_not import no_delay_in_the_middle

CONVENTIONS = (
    Convention("precision", "computes in float32, the default of its Network", "float64"),
    Convention(
        "spike_stamp",
        "tests the threshold at the beginning of an iteration, before the state moves, and records the "
        "number of the iteration, counted from 1: a spike of t_n is stamped t_{n+1}; those of the end "
        "of the run are not found",
        "a spike is stamped with the instant at which the condition is true",
    ),
    Convention(
        "recording_phase",
        "records after all other behaviours of an iteration: samples from dt on, none at 0, taken before "
        "the arrivals, the threshold and the reset of their instant",
        "samples from 0 on, after arrivals, threshold and reset",
    ),
    Convention(
        "input_onset",
        "has iteration·dt as its only time: an input of t_{n+1} is held from t_n to t_{n+1}",
        "the input of t_n is held from t_n to t_{n+1}",
    ),
    Convention(
        "source_delivery",
        "has iteration·dt as its only time: a given spike of t_n is fired in iteration n, one step "
        "before the cells' spikes of t_n, and acts one step early; those of t_0 are lost",
        "a given spike acts like a cell's spike of the same stamp",
    ),
    Convention(
        "delay_rounding",
        "rounds a delay to iterations with round(): ties to even",
        "to the nearest step, ties up",
        why_not=no_delay_in_the_middle,
        doubtful=True,
    ),
    Convention(
        "refractory_rounding",
        "rounds a refractory time to iterations with round(): ties to even",
        "to the nearest step, ties up",
    ),
)
