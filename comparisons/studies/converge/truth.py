"""What stands for the truth where there is no oracle: the limit of the series that is known best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .growing import Growing
from .order import extrapolate, order_of_changes, rms
from .quantities import CROSSINGS, STAMPS, Quantity, quantities
from .reduced import Reduced, Train


def best_of(good: Sequence[Growing]) -> tuple[Reduced, dict[str, float], str]:
    """The truth, its uncertainty by quantity (root mean square, in its unit), and what it is in words."""

    def doubt_of(g: Growing) -> tuple[bool, float]:
        raw = g.settings.mode == "raw"  # a simulator's own ways may lead elsewhere
        if len(g.reduced) < 3:
            return raw, np.inf
        found = quantities(g.reduced[:-1], g.reduced[-1])
        q = next((q for q in found if not q.stamped), found[0] if found else None)
        return raw, np.inf if q is None else _limit(q)[1]

    best = min(good, key=doubt_of)
    finest = best.reduced[-1]
    if len(best.reduced) < 3:
        return finest, {}, f"the finest run of {best.label} (dt {finest.dt_ms:g} ms)"
    found = quantities(best.reduced[:-1], finest)
    doubts = {q.name: _limit(q)[1] for q in found}
    truth = _extrapolated(best.reduced, found)
    return truth, doubts, f"{best.label}, extrapolated from dt {finest.dt_ms:g} ms to 0"


def _limit(q: Quantity) -> tuple[float, float]:
    """The order by which a quantity's levels and its finest (the truth) are extrapolated; the doubt."""
    values, dts = [*q.values, q.truth], [*q.dts, q.dts[-1] / 2]
    changes = [rms(a - b) for a, b in pairwise(values)]
    order = 1.0 if q.stamped else order_of_changes(dts, changes, q.floor)
    _, doubt = extrapolate(values, order)
    return order, rms(doubt) + (dts[-1] if q.stamped else 0.0)


def _extrapolated(levels: Sequence[Reduced], found: Sequence[Quantity]) -> Reduced:
    """The finest level with spikes, crossings and samples moved to their limits, where known."""
    finest, before = levels[-1], levels[-2]
    factors = {q.name: 1.0 / (2.0 ** _limit(q)[0] - 1.0) for q in found}
    of_samples = next((f for n, f in factors.items() if n not in (STAMPS, CROSSINGS)), 0.0)

    trains = {}
    for name, train in finest.trains.items():
        other = before.trains.get(name)
        times, crossings = train.times.copy(), train.crossings.copy()
        if other is not None and np.array_equal(train.cells, other.cells):
            near = np.abs(train.times - other.times) < 1.0
            times += np.where(near, factors.get(STAMPS, 0.0) * (train.times - other.times), 0.0)
            shift = train.crossings - other.crossings
            crossings += np.where(near, factors.get(CROSSINGS, 0.0) * shift, 0.0)
        trains[name] = Train(train.cells, times, crossings)
    samples = {}
    for key, values in finest.samples.items():
        moved = values.copy()
        if key in before.samples:
            n = min(len(values), len(before.samples[key]))
            start = min(finest.first_spike(key[0]), before.first_spike(key[0]))
            step = finest.end_ms / max(len(values) - 1, 1)
            early = (np.arange(n) * step < start)[:, None]
            change = values[:n] - before.samples[key][:n]
            moved[:n] += np.where(early, of_samples * change, 0.0)
        samples[key] = moved
    return replace(finest, trains=trains, samples=samples)
