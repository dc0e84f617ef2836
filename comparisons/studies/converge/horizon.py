"""The horizon: until when refinement agrees, how fast runs part, and what is left to compare after that."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ....core.cache import cache_dir
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.expressions import names as names_in
from ....core.inlining import inlined
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...measuring import SpikeStatistics, spike_statistics
from ...measuring.accuracy import pair_spikes
from ...measuring.equivalence import Equivalence, equivalence, seed_margin
from ...measuring.ordering import Floats
from ...measuring.populations import BIN_MS
from ...running.how import How
from ...running.runs import Run
from ...running.store import store_realization

if TYPE_CHECKING:
    from .study import Series

PERTURBATION = 1e-9
"""One initial value is moved by this share of its size, at least 1 of its unit."""
_BINS = 40
_SMALLEST_MS = 1e-11
"""Shifts of spikes below this are the integrator's own."""
_LARGEST_MS = 0.1
"""Shifts above this have left the linear regime."""
_LEAST_POINTS = 4
_STATISTICS = (("rate", "Hz"), ("CV", ""), ("correlation", ""))
_LEAST_SEEDS = 3
_LEAST_HALVED = 3

Counted: TypeAlias = Mapping[str, Sequence[Mapping[str, SpikeStatistics]]]


@dataclass(frozen=True)
class Lyapunov:
    """The finite-time growth of a perturbation of one initial value, on one simulator.

    ``exponent`` [1/ms] is the slope of log distance over time, the distance being the root mean square shift
    of spikes in a bin of time (``times_ms``, ``shifts_ms``), fitted between 10⁻¹¹ and 0.1 ms; ``low`` to
    ``high`` is its 95 % interval. ``parted_ms`` is when a spike had moved by 1 ms or was lost, None if
    never. NaN where too few spikes moved.

    Source: Wolf et al. 1985, Physica D 16:285 for finite-time estimates; here without renormalising.
    """

    simulator: str
    what: str
    perturbation: float
    exponent: float
    low: float
    high: float
    parted_ms: float | None
    times_ms: tuple[float, ...]
    shifts_ms: tuple[float, ...]

    @property
    def in_words(self) -> str:
        """What the perturbation did, in a sentence."""
        start = f"{self.what} moved by {self.perturbation:.2g} on {self.simulator}"
        if math.isnan(self.exponent) and max(self.shifts_ms, default=0.0) <= _SMALLEST_MS:
            return f"{start}: no spike moves, so that the distance shrinks (a reset wipes it)"
        if math.isnan(self.exponent):
            return f"{start}: too few spikes move for an exponent"
        rate = f"λ = {1e3 * self.exponent:.3g} /s ({1e3 * self.low:.3g} to {1e3 * self.high:.3g})"
        if self.low > 0:
            doubling = math.log(2) / self.exponent
            return f"{start}: the distance doubles every {doubling:.3g} ms, {rate}: chaotic"
        if self.high < 0:
            return (
                f"{start}: the distance shrinks, {rate}: not chaotic for small perturbations; runs part "
                "because a step moves spikes by a finite time, which changes who spikes first"
            )
        return f"{start}: neither growth nor decay can be told, {rate}"


@dataclass(frozen=True)
class DistributionRow:
    """How far the distribution over cells of a statistic on b is from that on a, in its unit.

    ``distance`` is Wasserstein's of the cells of all seeds; ``between_seeds`` the mean of that of any two
    seeds on a.
    """

    quantity: str
    unit: str
    a: str
    b: str
    distance: float
    between_seeds: float


@dataclass(frozen=True)
class Horizon:
    """Until when runs agree, and the statistics after that.

    ``until_ms`` has, for every series, (dt, time at which its spikes part from the truth's; None if they do
    not), coarse to fine. ``start_ms`` is where statistics are counted from. ``margin_rule`` was fixed before
    any other backend was looked at. ``missing`` says why there are no statistics, if there are none.
    """

    until_ms: Mapping[str, tuple[tuple[float, float | None], ...]]
    lyapunov: Lyapunov | None
    start_ms: float
    seeds: tuple[int, ...]
    margin_rule: str
    tests: tuple[Equivalence, ...]
    distributions: tuple[DistributionRow, ...]
    missing: str = ""

    @property
    def latest_ms(self) -> float:
        """The latest time until which any finest level agrees with the truth."""
        last = [levels[-1][1] for levels in self.until_ms.values() if levels]
        return max((t for t in last if t is not None), default=math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(replace(self, tests=())), "tests": [t.to_dict() for t in self.tests]}


def horizon_of(
    experiment: Experiment,
    first: Realization,
    series: Sequence[Series],
    truth_run: Run | None,
    n_seeds: int,
    left_s: float,
    how: How,
) -> Horizon | None:
    """The horizon where the finest level of any series parts from the truth before the end; else None.

    The seeds are run if they fit into *left_s* seconds, three at least; fewer than asked for if need be.
    """
    good = [s for s in series if s.ok]
    until = {
        s.label: tuple((level.dt_ms, level.agree_until_ms) for level in s.levels if level.run.ok)
        for s in good
    }
    # A single coarse level that parts is only inaccurate: refinement has to have been tried.
    parted = [
        s
        for s in good
        if len(until[s.label]) >= _LEAST_HALVED and until[s.label][-1][1] is not None
    ]
    if not parted:
        return None
    latest = max(t for s in parted if (t := until[s.label][-1][1]) is not None)
    start = min(latest, experiment.duration_ms / 2)
    oracle = truth_run is not None and truth_run.ok
    base = truth_run if oracle else good[0].levels[0].run
    assert base is not None
    settings = Settings("aligned") if oracle else good[0].settings
    lyapunov = _lyapunov(first, base, settings, how)
    # The yardstick is a series of the contract's own conventions where there is one.
    yardstick = min(good, key=lambda s: (s.mode == "raw", s.backend != "reference"))
    compared = [yardstick, *(s for s in parted if s is not yardstick)]
    cost = how.seconds(s.levels[0].run for s in compared)
    n = n_seeds if cost * n_seeds <= left_s else int(left_s / cost)
    tests: tuple[Equivalence, ...] = ()
    rows: tuple[DistributionRow, ...] = ()
    seeds = tuple(range(experiment.seed, experiment.seed + n))
    if len(compared) < 2:
        missing = "one series only: nothing to compare statistics with"
    elif n < _LEAST_SEEDS:
        missing = (
            f"{n_seeds} seeds of {len(compared)} series would take about {cost * n_seeds:.2g} s, of "
            f"{left_s:.2g} s left; give a larger budget, or --seeds to have them run all the same"
        )
    else:
        span = start, experiment.duration_ms
        tests, rows = _statistics(experiment, compared, seeds, span, how)
        missing = "" if tests else "no statistic has a value that varies over the seeds"
    rule = (
        f"margins: one standard deviation over the seeds of {yardstick.label}, a rule fixed before the "
        "others were looked at"
    )
    return Horizon(until, lyapunov, start, seeds if tests else (), rule, tests, rows, missing)


# --- growth of a perturbation --------------------------------------------------------------------


def perturbed(realization: Realization) -> tuple[Realization, str, float] | None:
    """A realization with one initial value moved, what that is, and by how much; None without thresholds.

    It is the first state in the threshold of the first cell of the first population that spikes.
    """
    for name, population in realization.populations.items():
        cell = population.cell
        if cell.threshold is None:
            continue
        states = [v.name for v in cell.states]
        used = names_in(inlined(cell, cell.threshold))
        variable = next((v for v in states if v in used), None)
        if variable is None:
            continue
        values = np.array(population.initial[variable])
        step = PERTURBATION * max(1.0, abs(float(values[0])))
        values[0] += step
        moved = replace(population, initial={**population.initial, variable: values})
        populations = {**realization.populations, name: moved}
        return replace(realization, populations=populations), f"{variable} of {name} 0", step
    return None


def store(realization: Realization) -> Path:
    """The file in the cache that holds a realization that no experiment alone gives."""
    path = cache_dir("realizations") / f"moved-{realization.digest[:32]}.npz"
    if not path.exists():
        realization.save(path)
    return path


def _lyapunov(first: Realization, base: Run, settings: Settings, how: How) -> Lyapunov | None:
    found = perturbed(first)
    if found is None or not base.ok:
        return None
    moved, what, step = found
    (run,) = how.run(store(moved), moved, [(base.backend, settings)])
    if not run.ok:
        return None
    return growth(base.read(), run.read(), base.backend, what, step)


def growth(a: Recording, b: Recording, simulator: str, what: str, step: float) -> Lyapunov:
    """The growth of the distance of two recordings of which one was perturbed."""
    from scipy.stats import linregress
    from scipy.stats import t as student

    end = min(a.duration_ms, b.duration_ms)
    times, shifts, parted = [np.empty(0)], [np.empty(0)], math.inf
    for name in a.spikes:
        pairs = pair_spikes(b.spikes[name], a.spikes[name], end, 0.0)
        far = np.abs(pairs.shift) > 1.0
        parted = min(parted, float(pairs.truth[far].min()) if far.any() else math.inf)
        lost = np.isin(a.spikes[name].cells, pairs.unlike)
        parted = min(parted, _parts(a, b, name)) if lost.any() else parted
        times.append(pairs.truth)
        shifts.append(np.abs(pairs.shift))
    t, s = np.concatenate(times), np.concatenate(shifts)
    inside = t < parted
    edges = np.linspace(0.0, min(end, parted), _BINS + 1)
    which = np.digitize(t[inside], edges) - 1
    middles, sizes = [], []
    for k in range(_BINS):
        chosen = s[inside][which == k]
        if chosen.size:
            middles.append(float(edges[k] + edges[k + 1]) / 2)
            sizes.append(float(np.sqrt(np.mean(chosen**2))))
    x, y = np.array(middles), np.array(sizes)
    good = (y > _SMALLEST_MS) & (y < _LARGEST_MS)
    exponent = half = math.nan
    if good.sum() >= _LEAST_POINTS:
        fit = linregress(x[good], np.log(y[good]))
        exponent = float(fit.slope)
        half = float(student.ppf(0.975, int(good.sum()) - 2) * fit.stderr)
    return Lyapunov(
        simulator,
        what,
        step,
        exponent,
        exponent - half,
        exponent + half,
        parted if math.isfinite(parted) else None,
        tuple(middles),
        tuple(sizes),
    )


def _parts(a: Recording, b: Recording, name: str) -> float:
    """When the spikes of a population first differ by more than 1 ms or in number."""
    from ...measuring import match_spikes

    x, y = a.spikes[name], b.spikes[name]
    match = match_spikes(x.times, x.cells, y.times, y.cells, 1.0, indices=True)
    assert match.missing_spikes is not None
    assert match.extra_spikes is not None
    alone = [*x.times[match.missing_spikes], *y.times[match.extra_spikes]]
    return float(min(alone, default=math.inf))


# --- statistics ----------------------------------------------------------------------------------


def _statistics(
    experiment: Experiment,
    series: Sequence[Series],
    seeds: Sequence[int],
    span: tuple[float, float],
    how: How,
) -> tuple[tuple[Equivalence, ...], tuple[DistributionRow, ...]]:
    """Equivalence tests of all series against the first, at the model's own dt."""
    jobs = []
    for seed in seeds:
        drawn, path = store_realization(experiment.with_(seed=seed))
        jobs += [how.job(path, drawn, s.backend, s.settings) for s in series]
    runs = how.perform(jobs)
    counted: dict[str, list[dict[str, SpikeStatistics]]] = {}
    for k, s in enumerate(series):
        found = [_of(run.read(), *span) for run in runs[k :: len(series)] if run.ok]
        if len(found) == len(seeds):
            counted[s.label] = found
    yardstick, *others = [s.label for s in series if s.label in counted] or [""]
    tests: list[Equivalence] = []
    rows: list[DistributionRow] = []
    for other in others:
        for population in counted[yardstick][0]:
            tests += _tests(population, yardstick, other, counted)
            rows += _distributions(population, yardstick, other, counted)
    return tuple(tests), tuple(rows)


def _tests(population: str, a: str, b: str, counted: Counted) -> Iterator[Equivalence]:
    for what, unit in _STATISTICS:
        x, y = (
            np.array([_value(found[population], what) for found in counted[label]])
            for label in (a, b)
        )
        # No spread over the seeds or no value: there is nothing to test.
        with contextlib.suppress(InputError):
            yield equivalence(
                x, y, seed_margin(x), quantity=f"{what} of {population}", unit=unit, names=(a, b)
            )


def _of(recording: Recording, start: float, stop: float) -> dict[str, SpikeStatistics]:
    return {
        name: spike_statistics(
            spikes.times,
            spikes.cells,
            recording.sizes[name],
            start=start,
            stop=stop,
            bin=min(BIN_MS, stop - start),
        )
        for name, spikes in recording.spikes.items()
        if name in recording.sizes
    }


def _value(s: SpikeStatistics, what: str) -> float:
    return {"rate": s.rate.mean, "CV": s.variation.mean, "correlation": s.correlation.mean}[what]


def _distributions(population: str, a: str, b: str, counted: Counted) -> list[DistributionRow]:
    from scipy.stats import wasserstein_distance

    rows = []
    for what, unit in _STATISTICS[:2]:

        def cells(label: str, what: str = what) -> list[Floats]:
            found = [
                s[population].rate.per_cell if what == "rate" else s[population].variation.per_cell
                for s in counted[label]
            ]
            return [v[np.isfinite(v)] for v in found]

        mine, theirs = cells(a), cells(b)
        pairs = [(x, y) for x, y in itertools.combinations(mine, 2) if x.size and y.size]
        x, y = np.concatenate(mine), np.concatenate(theirs)
        if not (x.size and y.size and pairs):
            continue
        between = float(np.mean([wasserstein_distance(*pair) for pair in pairs]))
        distance = float(wasserstein_distance(x, y))
        rows.append(DistributionRow(f"{what} of {population}", unit, a, b, distance, between))
    return rows
