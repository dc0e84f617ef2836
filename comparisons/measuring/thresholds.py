"""What a spike is in a study: a rise above the model's own threshold, for every read-out alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...backends.oracle.events import NoDistanceError, distance
from ...core.expressions import names
from ...core.inlining import inlined
from ...core.numpy_code import evaluate
from ...core.realization import Realization
from ...core.recording import Trace

OTHER_THRESHOLDS_MV: tuple[float, ...] = (-25.0, -20.0, -15.0, -10.0, -5.0, 5.0, 10.0)
"""Thresholds, relative to the model's, at which peaks are counted too: does their number depend on it?"""


def thresholds_of(realization: Realization, shapes: Mapping[str, str]) -> dict[str, float]:
    """The potential [mV] above which each population spikes, by name; left out where it is no fixed one.

    *shapes* maps populations to the variable that their threshold tests. Where cells differ, their median.
    """
    found = {}
    for name, variable in shapes.items():
        population = realization.populations.get(name)
        if population is None or population.cell.threshold is None:
            continue
        try:
            tree = distance(inlined(population.cell, population.cell.threshold))
        except NoDistanceError:
            continue
        known = {k: np.asarray(v) for k, v in population.parameters.items()}
        if names(tree) - {variable} - known.keys():
            continue
        # The distance is the potential minus the threshold, so that it is minus the threshold at 0 mV.
        at_0, at_1 = (
            np.asarray(evaluate(tree, {**known, variable: np.float64(v)})) for v in (0.0, 1.0)
        )
        if np.allclose(at_1 - at_0, 1.0, atol=1e-9, rtol=0.0):
            found[name] = float(np.median(-at_0))
    return found


def peaks_above(trace: Trace, start_ms: float, threshold_mv: float) -> int:
    """How often the potentials of all recorded cells rise above a threshold after *start_ms*."""
    above = trace.values[trace.times >= start_ms] > threshold_mv
    return int(np.count_nonzero(above[1:] & ~above[:-1]))


def depends_on_threshold(trace: Trace, start_ms: float, threshold_mv: float) -> str:
    """That the number of peaks depends on the threshold, in words with numbers; nothing where it does not."""
    here = peaks_above(trace, start_ms, threshold_mv)
    for more in sorted(OTHER_THRESHOLDS_MV, key=abs):
        there = peaks_above(trace, start_ms, threshold_mv + more)
        # One more or fewer in a cell is a peak that an end of the window cuts.
        if abs(there - here) > trace.values.shape[1]:
            said = f"{here:,} peaks are above its threshold of {threshold_mv:g} mV, "
            return (said + f"{there:,} above {threshold_mv + more:g} mV").replace("-", "−")
    return ""
