"""The signal that an experiment carries, and how much of it a population's rate has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import unknown
from ...core.experiment import Experiment
from ...core.populations import PoissonSource
from ...core.realization import Realization
from .ordering import Floats

BIN_MS = 1.0
"""Width of the bins in which signal and rate are counted."""
SIGMA_MS = 20.0
"""Standard deviation of the Gaussian that smooths both."""
LONGEST_LAG_MS = 200.0
"""The longest time by which a rate may follow the signal; a quarter of the window at most."""
_LEAST_BINS = 20


@dataclass(frozen=True, eq=False)
class Signal:
    """The course of a signal in bins of 1 ms, shape (bins,): a rate or a current, in any unit."""

    name: str
    values: Floats


def signal_of(realization: Realization, name: str) -> Signal:
    """The course of the input or source *name* as it was drawn.

    Of an input, the mean over the cells that it reaches; of a Poisson source with a profile, the profile;
    of any other source, its spikes in every bin. InputError if there is neither.
    """
    experiment = realization.experiment
    n_bins = max(1, math.ceil(experiment.duration_ms / BIN_MS - 1e-9))
    starts = np.arange(realization.n_steps) * realization.dt_ms
    bins = np.minimum(np.floor(starts / BIN_MS + 1e-9).astype(np.int64), n_bins - 1)
    counted = np.maximum(np.bincount(bins, minlength=n_bins), 1)
    for population in realization.populations.values():
        for held in population.inputs:
            if held.input_name == name:
                gain = np.bincount(held.columns, held.gain, minlength=held.values.shape[1])
                course = (held.values @ gain)[held.frames] / population.size
                return Signal(name, np.bincount(bins, course, minlength=n_bins) / counted)
    if name in realization.sources:
        source = experiment.population(name)
        if isinstance(source, PoissonSource) and source.profile is not None:
            assert source.interval is not None
            k = np.floor(starts / source.interval.internal + 1e-9).astype(np.int64)
            n = len(source.profile)
            course = np.asarray(source.profile)[k % n if source.repeat else np.minimum(k, n - 1)]
            return Signal(name, np.bincount(bins, course, minlength=n_bins) / counted)
        return Signal(name, counts_of(realization.sources[name].times, n_bins))
    if any(given.name == name for given in experiment.inputs):
        return Signal(name, np.ones(n_bins))  # held constant: it is among the parameters
    names = [*(i.name for i in experiment.inputs), *realization.sources]
    raise unknown("signal", "input or source", name, names)


def counts_of(times: Floats, n_bins: int) -> Floats:
    """Spikes in every bin, shape (n_bins,). One at an edge belongs to the left bin: it ends its step."""
    index = np.clip(np.ceil(times / BIN_MS - 1e-9).astype(np.int64) - 1, 0, n_bins - 1)
    return np.bincount(index, minlength=n_bins).astype(np.float64)


def transmission(signal: Signal, times: Floats, start_ms: float) -> tuple[float, str]:
    """How much of a signal is in the spikes of a population; NaN and the reason where it has no meaning.

    With s the signal and r the spikes in bins of 1 ms, both smoothed with a Gaussian of 20 ms::

        T = max over 0 ≤ τ ≤ 200 ms of |corr_t(s(t), r(t + τ))|

    corr is Pearson's, over the window from *start_ms* on. 1 if the rate follows the signal, up or down,
    at some delay, 0 for a population without a spike. Since it is a largest value it is above 0 for a rate
    without the signal too: of the order of 1/√(window / 70 ms), 70 ms being how long smoothed noise stays
    correlated.
    """
    from scipy.ndimage import gaussian_filter1d

    n_bins = signal.values.size
    first = math.ceil(start_ms / BIN_MS - 1e-9)
    n = n_bins - first
    if n < _LEAST_BINS:
        return math.nan, f"the window is shorter than {_LEAST_BINS * BIN_MS:g} ms"
    s, r = (
        gaussian_filter1d(x, SIGMA_MS / BIN_MS, mode="nearest")[first:]
        for x in (signal.values, counts_of(times, n_bins))
    )
    if np.ptp(s) <= 1e-9 * np.abs(s).max(initial=0.0):
        return math.nan, f"{signal.name} is constant"
    if not np.ptp(r) > 0.0:
        return 0.0, ""
    lags = range(min(int(LONGEST_LAG_MS / BIN_MS), n // 4) + 1)
    found = [_correlation(s[: n - lag], r[lag:]) for lag in lags]
    return max(found), ""


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return abs(float(a @ b)) / size if size > 0.0 else 0.0


def downstream_of(experiment: Experiment, name: str) -> tuple[str, ...]:
    """The populations of neurons that a signal reaches, directly or through others, in their order."""
    reached = {i.population for i in experiment.inputs if i.name == name} | {name}
    edges: Sequence[tuple[str, str]] = [(p.source, p.target) for p in experiment.projections]
    while True:
        more = {target for source, target in edges if source in reached} - reached
        if not more:
            break
        reached |= more
    return tuple(
        p.name for p in experiment.populations if p.kind == "neurons" and p.name in reached
    )
