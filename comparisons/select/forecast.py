"""Longer and larger: a few more runs, a cost model fitted to them, a forecast, one larger run as a check."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...core.errors import InputError
from ...core.experiment import Experiment
from ...core.realization import Realization
from ...core.storage import read_recording
from ..accuracy import ErrorBound
from ..runs import Job, Run, store_realization
from .cost import CostModel, Forecast, Load, fit, foreseen, load_of, scaled
from .points import Need, Point, cheapest

_SIZES = (2.0,)
_LENGTHS = (0.5, 2.0)
CHECK = 4.0
"""The check is a run this many times what was measured, or the target itself where that is smaller."""


def forecasts(
    experiment: Experiment, points: Sequence[Point], best: Point | None, needs: Sequence[Need],
    bound: ErrorBound, size: int | None, duration_ms: float | None,
    perform: Callable[..., tuple[Run, ...]], timeout_s: float,
) -> tuple[Forecast, ...]:  # fmt: skip
    """A forecast for the best candidate of every backend that meets the bound, the recommended checked.

    Fitted are the measured runs of the candidate, one of half and one of twice the duration, and one of
    twice the size where a size is asked for. Raises InputError for an experiment that cannot be scaled.
    """
    cells = sum(p.size for p in experiment.populations if p.kind == "neurons")
    factor = 1.0 if size is None else size / cells
    length = 1.0 if duration_ms is None else duration_ms / experiment.duration_ms
    if best is None:
        return ()
    target = _changed(experiment, best.dt_ms, factor, length)
    said = [] if size is None else [f"{size:,} cells"]
    said += [] if duration_ms is None else [_length(duration_ms)]
    found = []
    for need in needs:
        mine = [p for p in points if p.label == need.label and p.run.ok]
        chosen = cheapest(mine, bound)
        if chosen is None:
            continue
        ran = _Measured(chosen, perform, timeout_s)
        for p in mine:
            realization, _ = store_realization(_changed(experiment, p.dt_ms, 1.0, 1.0))
            ran.keep(realization, p.run, p.build_s)
        for times in _LENGTHS:
            ran.run(_changed(experiment, chosen.dt_ms, 1.0, times))
        for times in _SIZES if size is not None else ():
            ran.run(_changed(experiment, chosen.dt_ms, times, 1.0))
        model = ran.model()
        load = foreseen(ran.base, experiment.duration_ms, _changed(target, chosen.dt_ms, 1.0, 1.0))
        forecast = Forecast(
            chosen.label, chosen.dt_ms, " and ".join(said), model.time_s(load), model.run_s(load),
            model.build_s(load), model,
        )  # fmt: skip
        if chosen is best:
            forecast = _checked(forecast, experiment, ran, model, factor, length)
        found.append(forecast)
    return tuple(sorted(found, key=lambda f: f.seconds))


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

    def __init__(
        self, chosen: Point, perform: Callable[..., tuple[Run, ...]], timeout_s: float
    ) -> None:
        self.chosen, self.perform, self.timeout_s = chosen, perform, timeout_s
        self.loads: list[Load] = []
        self.run_s: list[float] = []
        self.build_s: list[float] = []

    @property
    def base(self) -> Load:
        """The load of the chosen point's own run."""
        return self._base

    def keep(self, realization: Realization, run: Run, build_s: float) -> None:
        """Take in a run."""
        assert run.folder is not None
        load = load_of(realization, read_recording(run.folder))
        if run is self.chosen.run:
            self._base = load
        self.loads.append(load)
        self.run_s.append(run.run_s)
        self.build_s.append(build_s)

    def run(self, experiment: Experiment) -> Run:
        """Run one more, and take it in if it ends well."""
        run, realization = self.measure(experiment)
        if run.ok:
            self.keep(realization, run, run.build_s)
        return run

    def measure(self, experiment: Experiment) -> tuple[Run, Realization]:
        """Run one more."""
        realization, path = store_realization(experiment)
        job = Job(
            str(path), realization.digest, self.chosen.backend, self.chosen.settings,
            self.timeout_s, True,
        )  # fmt: skip
        (run,) = self.perform([job])
        return run, realization

    def model(self) -> CostModel:
        """The model of all runs taken in."""
        return fit(self.chosen.label, self.loads, self.run_s, self.build_s)


def _checked(
    forecast: Forecast, experiment: Experiment, ran: _Measured, model: CostModel, factor: float,
    length: float,
) -> Forecast:  # fmt: skip
    """The forecast with one run larger than any fitted: the target, or at most four times the measured."""
    times_size = min(factor, CHECK) if factor > 1 else factor
    times_length = min(length, CHECK) if length > 1 else length
    if max(times_size, times_length) <= 1:
        return replace(forecast, remark="it is no larger than what was measured")
    try:
        larger = _changed(experiment, ran.chosen.dt_ms, times_size, times_length)
        run, realization = ran.measure(larger)
    except InputError as error:
        return replace(forecast, remark=str(error))
    if not run.ok or run.folder is None:
        return replace(forecast, remark=f"the larger run did not end well: {run.reason}")
    foretold = model.run_s(foreseen(ran.base, experiment.duration_ms, larger))
    cells = sum(p.size for p in realization.populations.values())
    what = f"{cells:,} {'cell' if cells == 1 else 'cells'} for {_length(larger.duration_ms)}"
    assert not math.isnan(run.run_s)
    return replace(forecast, check=(what, foretold, run.run_s))
