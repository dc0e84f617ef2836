"""Why two runs of one model can differ: the classes of causes, and those of the backends' conventions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Cause = Literal[
    "spike_stamp", "refractory_count", "rounding", "delivery_order", "recording_grid", "input_onset",
    "integrator", "non_convergent", "precision", "not_finite", "initial_value", "parameter",
    "random_streams", "saturation", "lost_spikes", "cell_ids", "chaos", "unexplained",
]  # fmt: skip
CAUSES: tuple[Cause, ...] = get_args(Cause)

MEANING: Mapping[Cause, str] = MappingProxyType(
    {
        "spike_stamp": "the same spikes are written down with another time",
        "refractory_count": "refractoriness lasts another number of steps, or loses other arrivals",
        "rounding": "a time that is no multiple of dt is brought to another step",
        "delivery_order": "arrivals, threshold, reset and integration happen in another order within a step, "
        "so that an arrival acts in another step",
        "recording_grid": "samples are taken at other times or in another phase of the step",
        "input_onset": "an input changes in another step, or within a step",
        "integrator": "the equations are integrated by another method, which tends to the same solution as "
        "dt goes to 0",
        "non_convergent": "one of the two does not tend to the solution of the equations as dt goes to 0",
        "precision": "one of the two computes with fewer digits",
        "not_finite": "one of the two has values that are NaN or infinite",
        "initial_value": "a state begins at another value",
        "parameter": "a parameter, a weight or a unit has another value",
        "random_streams": "the two draw other random numbers",
        "saturation": "one of the two cannot follow a high rate or a large value, and holds it at a limit",
        "lost_spikes": "spikes, arrivals or connections of one of the two are missing in the other",
        "cell_ids": "the two number the same cells otherwise",
        "chaos": "differences of the size of round-off grow to the whole disagreement: only statistics can "
        "be compared from there on",
        "unexplained": "no counter-factual run removed this part of the disagreement",
    }
)
"""Every class of causes with what it says."""

_CONVENTIONS: Mapping[str, Cause] = MappingProxyType(
    {
        "spike_stamp": "spike_stamp",
        "refractory_count": "refractory_count",
        "refractory_arrivals": "refractory_count",
        "refractory_rounding": "rounding",
        "delay_rounding": "rounding",
        "source_rounding": "rounding",
        "source_delivery": "delivery_order",
        "delivery_order": "delivery_order",
        "arrival_sum": "delivery_order",
        "initial_instant": "delivery_order",
        "threshold_test": "lost_spikes",
        "recording_phase": "recording_grid",
        "input_hold": "input_onset",
        "input_onset": "input_onset",
        "integrator": "integrator",
        "compartment_shape": "parameter",
        "aliased_copies": "non_convergent",
        "built_in": "non_convergent",
        "precision": "precision",
    }
)


def cause_of(convention: str) -> Cause:
    """The class of a backend's convention by its name; a plug-in's own names stand for themselves.

    ``unexplained`` for a name that no class is known for: its words are then all that can be said.
    """
    found = _CONVENTIONS.get(convention)
    if found is None:
        return convention if convention in CAUSES else "unexplained"
    return found
