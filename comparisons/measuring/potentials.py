"""Amplitude and width of action potentials, by eFEL."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ...core.cable import CableCell
from ...core.experiment import Experiment
from ...core.expressions import names
from ...core.recording import Recording
from .readings import Reading

MOST_CELLS = 10
"""Recorded cells of a population whose action potentials are measured: the first ones."""
FEATURES: Mapping[str, str] = MappingProxyType(
    {"AP amplitude": "AP_amplitude", "AP width": "AP_duration_half_width"}
)
"""eFEL's features: from the onset (dV/dt of 10 mV/ms) to the peak; the time above half of that."""


_ENDS = "AP_end_indices"


def shaped(experiment: Experiment) -> tuple[dict[str, str], list[str]]:
    """Populations whose action potentials have a shape, each with its potential; and why others have not."""
    found: dict[str, str] = {}
    resets, unrecorded = [], []
    recorded = {
        (r.population, v) for r in experiment.records for v in experiment.recorded_variables(r)
    }
    for name, cell in experiment.cells.items():
        if cell.threshold is None:
            continue
        tested = [v.name for v in cell.states if v.name in names(cell.threshold) and v.unit == "mV"]
        if not cell.on_crossing:
            resets.append(name)
        elif seen := [v for v in tested if (name, v) in recorded]:
            found[name] = seen[0]
        else:
            unrecorded.append(f"{name} ({_potential(experiment, name, tested)})")
    said = []
    if resets:
        said.append(
            f"{', '.join(resets)}: action potentials have no amplitude nor width, a spike is a reset"
        )
    if unrecorded:
        said.append(
            f"{', '.join(unrecorded)}: the potential is not recorded, so action potentials have no "
            "amplitude nor width; add it to the records"
        )
    if found and not is_there():
        said.append(
            f"{', '.join(found)}: amplitude and width of action potentials need eFEL; "
            "pip install 'coincide[analysis]'"
        )
        found = {}
    return found, said


def _potential(experiment: Experiment, name: str, tested: list[str]) -> str:
    """The potential that a threshold tests, as a record names it: v at soma(0.5)."""
    model = experiment.neurons(name).model
    if isinstance(model, CableCell) and len(model.lowered.compartments) > 1:
        return f"v at {model.spike_at or f'{model.morphology.root.name}(0.5)'}"
    return ", ".join(tested) or "no potential"


def is_there() -> bool:
    """Whether eFEL can be imported."""
    try:
        importlib.import_module("efel")
    except ImportError:
        return False
    return True


def shapes(
    recording: Recording, population: str, variable: str, start_ms: float, threshold_mv: float
) -> tuple[Reading, Reading]:
    """Amplitude [mV] and width [ms]: means over the action potentials of the recorded cells.

    eFEL takes the samples as they are, so a width is resolved by the sampling. A peak is one above
    *threshold_mv*, the model's own, so that these are the spikes that a rate counts. Only whole action
    potentials from *start_ms* on count.
    """
    trace = recording.traces.get((population, variable))
    if trace is None:
        gone = Reading(math.nan, f"no recorded cell of {population} is left")
        return gone, gone
    efel = importlib.import_module("efel")
    times = trace.times
    traces = []
    for k in range(min(MOST_CELLS, trace.values.shape[1])):
        # Started between two action potentials, for eFEL takes half of one for a whole.
        low = np.flatnonzero((times >= start_ms) & (trace.values[:, k] < threshold_mv))
        if low.size:
            t, v = times[low[0] :], trace.values[low[0] :, k]
            traces.append({"T": t, "V": v, "stim_start": [t[0]], "stim_end": [t[-1]]})
    if not traces:
        return (Reading(math.nan, "no action potential"),) * 2
    # eFEL's settings are global: as they were when it was imported, before and after.
    efel.reset()
    try:
        efel.set_setting("interp_step", trace.dt_ms)
        efel.set_setting("Threshold", threshold_mv)
        wanted = [*FEATURES.values(), _ENDS]
        values = efel.get_feature_values(traces, wanted, raise_warnings=False)
    finally:
        efel.reset()
    return _pooled(values, "AP amplitude"), _pooled(values, "AP width")


def _pooled(values: Any, quantity: str) -> Reading:
    feature = FEATURES[quantity]
    # One that the recording cuts off has no end; eFEL gives it a width all the same.
    given = [
        np.asarray(v[feature][: len(v[_ENDS])], dtype=float)
        for v in values
        if v[feature] is not None and v[_ENDS] is not None
    ]
    pooled = np.concatenate([np.empty(0), *given])
    pooled = pooled[np.isfinite(pooled) & (pooled > 0.0)]
    if not pooled.size:
        return Reading(math.nan, "no action potential")
    return Reading(float(pooled.mean()))
