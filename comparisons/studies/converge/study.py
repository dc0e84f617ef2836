"""dt halved on several simulators: `converge` runs it, a `ConvergenceStudy` is what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from ....backends.registry import load_backend
from ....core.caveats import Caveat
from ....core.clock import MAX_STEPS
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...measuring.accuracy import Accuracy, accuracy
from ...measuring.caveats import capped, caveats_of, caveats_of_recording
from ...running.how import How, HowKeywords
from ...running.runs import Run, grid_backends
from ...running.store import store_realization
from ...showing.result import Result
from .growing import Growing
from .horizon import Horizon, horizon_of
from .order import VERDICTS, Order, Verdict, order_of
from .quantities import agree_until, quantities
from .reasons import holding_down
from .reduced import Reduced, reduce_recording
from .truth import best_of

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

DEFAULT_BUDGET_S = 120.0
DEFAULT_LEVELS = 6
LEAST_LEVELS = 3
DEFAULT_SEEDS = 5
MOST_SEEDS = 10_000
ALL_LEVELS = "all levels asked for"
NOT_ASKED = "it was not asked for"


@dataclass(frozen=True, repr=False)
class Level:
    """One run of a series: its step, how it ended, its error against the truth.

    ``agree_until_ms`` is when its spikes part from those of the truth, None if they do not.
    """

    dt_ms: float
    run: Run
    error: Accuracy | None = None
    agree_until_ms: float | None = None


@dataclass(frozen=True, repr=False)
class Series:
    """One backend in one mode with one method, with its levels from coarse to fine and its orders.

    ``stopped`` says why no finer level was run. ``reasons`` hold for the quantity of the same name.
    ``caveats`` are what was not seen of its runs: it is then undecided at best.
    """

    backend: str
    mode: str
    method: str
    version: str
    settings: Settings
    levels: tuple[Level, ...]
    orders: tuple[Order, ...]
    stopped: str
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    caveats: tuple[Caveat, ...] = ()

    @property
    def label(self) -> str:
        """A short name: backend, mode, method."""
        return ", ".join(part for part in (self.backend, self.mode, self.method) if part)

    @property
    def ok(self) -> bool:
        """Whether any level ended well."""
        return any(level.run.ok for level in self.levels)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its quantities; ``undecided`` without any."""
        found = [o.verdict for o in self.orders]
        worst: Verdict = max(found, key=VERDICTS.index) if found else "undecided"
        return capped(worst, self.caveats, "undecided", VERDICTS)

    @property
    def flagged(self) -> bool:
        """Whether it goes to another limit, or to none."""
        return self.verdict in ("elsewhere", "stalls")

    def order(self, name: str) -> Order | None:
        """The order of a quantity whose name begins so."""
        return next((o for o in self.orders if o.name.startswith(name)), None)


@dataclass(frozen=True, repr=False)
class ConvergenceStudy(Result):
    """An experiment, its series of halved steps, the truth they were held against, and the horizon.

    ``truth`` says what the truth is: the oracle, or the extrapolation of one of the series.
    """

    kind: ClassVar[str] = "coincide-convergence/1"
    experiment: Experiment
    series: tuple[Series, ...]
    truth: str
    truth_is_oracle: bool
    horizon: Horizon | None
    budget_s: float
    notes: tuple[str, ...] = ()

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What was not seen of any series."""
        return tuple(dict.fromkeys(c for s in self.series for c in s.caveats))

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any series that was asked for."""
        return max((s.verdict for s in self.series), key=VERDICTS.index, default="undecided")

    @property
    def flagged(self) -> tuple[Series, ...]:
        """The series that go to another limit, or to none."""
        return tuple(s for s in self.series if s.flagged)

    @property
    def table(self) -> pandas.DataFrame:
        """Every level of every series: dt, errors, seconds."""
        table: pandas.DataFrame = self._beside("tables").levels_table(self)
        return table

    @property
    def orders_table(self) -> pandas.DataFrame:
        """The order of every quantity of every series, its limit, the verdict."""
        table: pandas.DataFrame = self._beside("tables").orders_table(self)
        return table

    def plot(self, quantity: str | None = None) -> Figure:
        """Error over dt on logarithmic axes with the slopes, a panel for each quantity."""
        figure: Figure = self._beside("figures").convergence_figure(self, quantity)
        return figure

    def plain(self) -> dict[str, Any]:
        """The verdict, every series with its levels and orders, the horizon, all in words."""
        plain: dict[str, Any] = self._beside("tables").plain(self)
        return plain


def converge(
    experiment: Experiment | str,
    backends: str | Iterable[str] | None = None,
    modes: str | Iterable[str] = ("aligned",),
    *,
    budget_s: float = DEFAULT_BUDGET_S,
    levels: int = DEFAULT_LEVELS,
    seeds: int | None = None,
    oracle: bool = True,
    **keywords: Unpack[HowKeywords],
) -> ConvergenceStudy:
    """Halve dt on several backends and measure to what, and how fast, each converges.

    *experiment* is an Experiment or the name of a library model, whose own dt is the coarsest; *backends*
    are all installed ones by default. dt is halved up to *levels* − 1 times, until round-off, or until the
    next level would need more than what is left of *budget_s* seconds. Errors are against the oracle, or,
    where that cannot run or with ``oracle=False``, against the extrapolation of the series whose limit is
    known best. Where spikes part before the end of the run, the horizon is measured, and the statistics of
    *seeds* seeds are tested for equivalence: 5 by default, if they fit into what is left of the budget or
    into half of it; 0 for no horizon at all. How runs are done is said by the keywords of `HowKeywords`.

    Raises InputError for anything wrong before anything runs; runs that fail cost their own series only.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    names = [backends] if isinstance(backends, str) else list(backends or grid_backends())
    names = [n for n in names if n != "oracle"]
    how = How.of(names, modes, keywords, reference=False)
    _check(experiment, names, budget_s, levels, seeds)
    todo = [Growing(*request) for request in how.requests()]
    first, path = store_realization(experiment)
    why_not = (
        load_backend("oracle").unsupported(first, Settings("aligned")) if oracle else NOT_ASKED
    )
    how.listener.plan([g.label for g in todo])
    asked = [how.job(path, first, g.backend, g.settings) for g in todo]
    if why_not is None:
        wanted = how.job(path, first, "oracle", Settings("aligned"))
        asked.append(replace(wanted, timeout_s=min(how.timeout_s, budget_s)))
    runs = how.perform(asked)
    for growing, run in zip(todo, runs, strict=False):
        growing.add(experiment.dt_ms, run, first, experiment.dt_ms)
    truth_run = runs[-1] if why_not is None else None
    spent = how.seconds(runs)
    for k in range(1, levels):
        dt_ms = experiment.dt_ms / 2**k
        running = [g for g in todo if g.goes_on(budget_s - spent)]
        if not running or experiment.duration_ms / dt_ms > MAX_STEPS:
            break
        drawn, path = store_realization(experiment.with_(dt=f"{dt_ms!r} ms"))
        runs = how.run(path, drawn, [(g.backend, g.settings) for g in running])
        for growing, run in zip(running, runs, strict=True):
            growing.add(dt_ms, run, drawn, experiment.dt_ms)
        spent += how.seconds(runs)
    study = _study_of(experiment, first, todo, truth_run, why_not, budget_s)
    if seeds == 0 or not study.truth:
        return study
    horizon = horizon_of(
        experiment,
        first,
        study.series,
        truth_run,
        DEFAULT_SEEDS if seeds is None else seeds,
        max(budget_s - spent, budget_s / 2) if seeds is None else np.inf,
        how,
    )
    return replace(study, horizon=horizon)


def _check(
    experiment: Experiment, names: Sequence[str], budget_s: float, levels: int, seeds: int | None
) -> None:
    if not names:
        raise InputError("-b", "only the oracle is named, which is the truth; name a simulator too")
    if not (np.isfinite(budget_s) and budget_s > 0):
        raise InputError("--budget", f"{budget_s:g} s is given; it has to be > 0")
    if levels < LEAST_LEVELS:
        raise InputError("--levels", f"{levels} is given; an order needs {LEAST_LEVELS} at least")
    if seeds is not None and (seeds < 0 or seeds == 1):
        raise InputError("--seeds", f"{seeds} is given; it has to be 0 or at least 2")
    if seeds is not None and seeds > MOST_SEEDS:
        raise InputError("--seeds", f"{seeds} is given; at most {MOST_SEEDS:,} are run")
    spiking = any(cell.threshold is not None for cell in experiment.cells.values())
    if not experiment.records and not spiking:
        raise InputError(
            experiment.name,
            "no cell spikes and nothing is recorded, so that nothing can converge; add a Record",
        )


def _study_of(
    experiment: Experiment,
    first: Realization,
    todo: Sequence[Growing],
    truth_run: Run | None,
    why_not: str | None,
    budget_s: float,
) -> ConvergenceStudy:
    """The study from all that was run, without the horizon."""
    notes = list(first.notes)
    good = [g for g in todo if g.reduced]
    truth: Reduced | None = None
    recording: Recording | None = None
    doubts: Mapping[str, float] = {}
    said = ""
    if truth_run is not None and truth_run.ok:
        recording = truth_run.read()
        truth = reduce_recording(recording, first, experiment.dt_ms, exact=True)
        said = f"the oracle ({truth_run.version})"
    else:
        if truth_run is not None:
            notes.append(f"the oracle did not end well: {truth_run.reason}")
        elif why_not != NOT_ASKED:
            notes.append(f"the oracle cannot run this: {why_not}")
        if good:
            truth, doubts, said = best_of(good)
    series = tuple(_series(g, experiment, truth, doubts, recording) for g in todo)
    return ConvergenceStudy(
        experiment, series, said, recording is not None, None, budget_s, tuple(dict.fromkeys(notes))
    )


def _series(
    g: Growing,
    experiment: Experiment,
    truth: Reduced | None,
    doubts: Mapping[str, float],
    recording: Recording | None,
) -> Series:
    """What is told of a series against the truth; errors of whole recordings only against the oracle's."""
    last = g.runs[-1][1]
    ran = next((run for _, run in g.runs if run.ok), last)
    levels, reduced = [], iter(g.reduced)
    for dt_ms, run in g.runs:
        if not run.ok or truth is None:
            levels.append(Level(dt_ms, run))
            continue
        until = agree_until(next(reduced), truth)
        error = None if recording is None else accuracy(run.read(), recording)
        levels.append(Level(dt_ms, run, error, until if np.isfinite(until) else None))
    orders: list[Order] = []
    for q in quantities(g.reduced, truth) if truth is not None and g.reduced else ():
        found = order_of(
            q.name,
            q.unit,
            q.dts,
            q.values,
            q.truth,
            floor=q.floor,
            stamped=q.stamped,
            truth_uncertainty=doubts.get(q.name, 0.0),
            places=q.places,
        )
        orders.append(found)
    return Series(
        g.backend,
        g.settings.mode,
        ran.method or g.settings.method or "",
        ran.version,
        g.settings,
        tuple(levels),
        tuple(orders),
        g.stopped or ALL_LEVELS,
        {o.name: tuple(holding_down(experiment, ran, o)) for o in orders},
        tuple(dict.fromkeys(c for dt_ms, run in g.runs for c in _not_seen(dt_ms, run))),
    )


def _not_seen(dt_ms: float, run: Run) -> list[Caveat]:
    """What was not seen of one level; its recording is read and not kept."""
    found = caveats_of_recording(run.read(), run.id) if run.ok else caveats_of([run])
    return [replace(c, where=f"{c.where}, dt {dt_ms:g} ms") for c in found]
