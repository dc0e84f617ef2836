"""Why two runs of one model can differ: what each class of causes means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ....backends.conventions import CAUSES, Cause

__all__ = ["CAUSES", "MEANING", "Cause"]

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
