"""Longer and larger: a few more runs, a cost model fitted to them, a forecast, one larger run as a check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realization import Realization
from ...measuring.accuracy import ErrorBound
from ...running.how import How
from ...running.runs import Run
from ...running.store import store_realization
from .cost import CostModel, Forecast, Load, fit, foreseen, load_of, scaled
from .points import Need, Point, cheapest

_SIZES = (2.0,)
_LENGTHS = (0.5, 2.0)
# Of a run so short that starting it is most of its time, longer ones tell more.
_SHORT_S = 1.0
_SIZES_OF_SHORT = (2.0, 4.0)
_LENGTHS_OF_SHORT = (2.0, 8.0)
CHECK = 2.0
"""The check is a run this many times the largest that was fitted, or the target where that is smaller."""
_LEAST_CHECK_S = 5.0
_QUICK_S = 10.0


def forecasts(
    experiment: Experiment,
    larger: Experiment,
    points: Sequence[Point],
    best: Point | None,
    needs: Sequence[Need],
    bound: ErrorBound,
    size: int | None,
    duration_ms: float | None,
    budget_s: float,
    how: How,
) -> tuple[Forecast, ...]:
    """A forecast of a *larger* experiment for the best candidate of every backend that meets the bound.

    Fitted are the measured runs of the candidate, two of other durations (half and twice, or twice and eight
    times where a run takes less than a second), and larger ones where a size is asked for. The recommended
    one is checked by one larger run, which may take a quarter of the budget.
    """
    factor = 1.0 if size is None else size / cells_of(experiment)
    length = 1.0 if duration_ms is None else duration_ms / experiment.duration_ms
    if best is None:
        return ()
    said = [] if size is None else [f"{size:,} cells"]
    said += [] if duration_ms is None else [_length(duration_ms)]
    found = []
    for need in needs:
        of_backend = [p for p in points if p.backend == need.backend and p.run.ok]
        chosen = cheapest(of_backend, bound)
        if chosen is None:
            continue
        mine = [p for p in of_backend if p.label == chosen.label]
        ran = _Measured(chosen, how)
        for p in mine:
            realization, _ = store_realization(_changed(experiment, p.dt_ms, 1.0, 1.0))
            ran.keep(realization, p.run, p.build_s)
        short = chosen.run_s < _SHORT_S
        lengths = [t for t in (_LENGTHS_OF_SHORT if short else _LENGTHS) if t < max(length, 2.1)]
        sizes = [t for t in (_SIZES_OF_SHORT if short else _SIZES) if t < factor]
        for times in lengths:
            ran.run(_changed(experiment, chosen.dt_ms, 1.0, times))
        for times in sizes:
            ran.run(_changed(experiment, chosen.dt_ms, times, 1.0))
        model = ran.model()
        load = foreseen(ran.base, experiment.duration_ms, _changed(larger, chosen.dt_ms, 1.0, 1.0))
        forecast = Forecast(
            chosen.label,
            chosen.dt_ms,
            " and ".join(said),
            *ran.at_least(model, load),
            model,
            recommended=chosen is best,
        )
        if chosen is best:
            most = (CHECK * max([1.0, *sizes]), CHECK * max([1.0, *lengths]))
            wanted = (min(factor, most[0]), min(length, most[1]))
            limit = max(budget_s / 4, _LEAST_CHECK_S)
            forecast = _checked(forecast, experiment, ran, model, wanted, limit)
        found.append(forecast)
    return tuple(sorted(found, key=lambda f: (not f.recommended, f.seconds)))


def enlarged(experiment: Experiment, size: int | None, duration_ms: float | None) -> Experiment:
    """An experiment of so many cells, that lasts so long; InputError where it cannot be made so."""
    longer = {} if duration_ms is None else {"duration": f"{duration_ms!r} ms"}
    changed = experiment.with_(**longer) if longer else experiment
    return changed if size is None else scaled(changed, size / cells_of(experiment))


def cells_of(experiment: Experiment) -> int:
    """The cells of an experiment, sources not counted."""
    return sum(p.size for p in experiment.populations if p.kind == "neurons")


def _length(ms: float) -> str:
    return f"{ms / 1e3:g} s" if ms >= 1e3 else f"{ms:g} ms"


def _changed(experiment: Experiment, dt_ms: float, factor: float, length: float) -> Experiment:
    """The experiment with a step, so many times as large and as long."""
    changes = {}
    if dt_ms != experiment.dt_ms:
        changes["dt"] = f"{dt_ms!r} ms"
    if length != 1.0:
        changes["duration"] = f"{experiment.duration_ms * length!r} ms"
    changed = experiment.with_(**changes) if changes else experiment
    return scaled(changed, factor) if factor != 1.0 else changed


class _Measured:
    """The runs of one candidate that its cost model is fitted to."""

    def __init__(self, chosen: Point, how: How) -> None:
        self.chosen, self.how = chosen, how
        self.loads: list[Load] = []
        self.run_s: list[float] = []
        self.build_s: list[float] = []

    @property
    def base(self) -> Load:
        """The load of the chosen point's own run."""
        return self._base

    def keep(self, realization: Realization, run: Run, build_s: float) -> None:
        """Take in a run."""
        load = load_of(realization, run.read())
        if run is self.chosen.run:
            self._base = load
        self.loads.append(load)
        self.run_s.append(run.run_s)
        self.build_s.append(build_s)

    def run(self, experiment: Experiment) -> Run:
        """Run one more, twice where that is quick, and take in the quicker if it ends well.

        A first run may compile, and another's work may slow one down.
        """
        run, realization = self.measure(experiment)
        if run.ok and run.wall_s < _QUICK_S:
            again, _ = self.measure(experiment)
            if again.ok:
                run_s, build_s = min(run.run_s, again.run_s), min(run.build_s, again.build_s)
                run = replace(again, run_s=run_s, build_s=build_s)
        if run.ok:
            self.keep(realization, run, run.build_s)
        return run

    def at_least(self, model: CostModel, load: Load) -> tuple[float, float, float]:
        """Seconds in all, of simulating and of building: no less than what a smaller or shorter run took."""
        below = [k for k, own in enumerate(self.loads) if _within(own, load)]
        run_s = max([model.run_s(load), *(self.run_s[k] for k in below)])
        build_s = max([model.build_s(load), *(self.build_s[k] for k in below)])
        return run_s + build_s, run_s, build_s

    def measure(self, experiment: Experiment) -> tuple[Run, Realization]:
        """Run one more."""
        realization, path = store_realization(experiment)
        request = self.chosen.backend, self.chosen.settings
        (run,) = self.how.run(path, realization, [request])
        return run, realization

    def model(self) -> CostModel:
        """The model of all runs taken in."""
        return fit(self.chosen.label, self.loads, self.run_s, self.build_s)


def _within(a: Load, b: Load) -> bool:
    """Whether one load is no larger than another in anything that costs."""
    return a.steps <= b.steps and a.cells <= b.cells and a.connections <= b.connections


def _checked(
    forecast: Forecast,
    experiment: Experiment,
    ran: _Measured,
    model: CostModel,
    wanted: tuple[float, float],
    limit_s: float,
) -> Forecast:
    """The forecast with one run larger than those fitted, as much as *limit_s* seconds buy.

    *wanted* are the factors of size and duration.
    """
    times_size, times_length = wanted
    while True:
        if max(times_size, times_length) <= 1.0:
            return replace(forecast, remark="no larger run was within what is left to spend")
        try:
            larger = _changed(experiment, ran.chosen.dt_ms, times_size, times_length)
            foretold = model.run_s(foreseen(ran.base, experiment.duration_ms, larger))
            if foretold <= limit_s:
                run, realization = ran.measure(larger)
                break
        except InputError as error:
            return replace(forecast, remark=str(error))
        times_size, times_length = (max(1.0, t / 2) for t in (times_size, times_length))
    if not run.ok or run.folder is None:
        return replace(forecast, remark=f"the larger run did not end well: {run.reason}")
    cells = sum(p.size for p in realization.populations.values())
    what = f"{cells:,} {'cell' if cells == 1 else 'cells'} for {_length(larger.duration_ms)}"
    assert not math.isnan(run.run_s)
    return replace(forecast, check=(what, foretold, run.run_s))
