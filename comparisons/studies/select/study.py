"""Which backend to take: `select` measures work and precision, a `Selection` is what came out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack, get_args

import numpy as np

from ....backends.registry import entries, is_judge, load_backend
from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.program import METHODS
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...measuring.accuracy import ErrorBound, parse_error, spiking
from ...measuring.caveats import capped, caveats_of
from ...running.how import How, OneByOne
from ...running.runs import grid_backends
from ...running.store import store_realization
from ...showing.result import Result
from .cost import Forecast
from .forecast import enlarged, forecasts
from .points import Ability, Need, Point, cheapest, foretell, front
from .search import Candidate, Errors, Search

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

Verdict = Literal["found", "not reached", "undecided"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
DEFAULT_BUDGET_S = 120.0
DEFAULT_SPIKES_MS = 0.1
DEFAULT_TRACES = 0.01


@dataclass(frozen=True, repr=False)
class Selection(Result):
    """What every backend can do, what was measured, and which to take.

    ``until_ms`` is where errors are counted to, None for the whole run. ``recommended`` is the quickest point
    within ``bound``, None if there is none; ``needs`` has what each backend would need, the best first.
    """

    kind: ClassVar[str] = "coincide-selection/1"
    experiment: Experiment
    bound: ErrorBound
    bound_given: bool
    truth: str
    truth_is_oracle: bool
    until_ms: float | None
    abilities: tuple[Ability, ...]
    points: tuple[Point, ...]
    recommended: Point | None
    needs: tuple[Need, ...]
    forecasts: tuple[Forecast, ...]
    budget_s: float
    notes: tuple[str, ...] = ()

    @cached_property
    def caveats(self) -> tuple[Caveat, ...]:
        """What was asked for and not measured: what cannot run or never ended well, and what is recommended.

        A step that is too coarse for one candidate is a finding about it, and no caveat.
        """
        able = {(a.backend, a.mode) for a in self.abilities if a.able}
        never = [
            Caveat("not run", f"{a.backend}-{a.mode}", a.reason)
            for a in self.abilities
            if not a.able and (a.backend, a.mode) not in able
        ]
        good = {(p.backend, p.mode) for p in self.points if p.run.ok}
        failed = {
            (p.backend, p.mode): p.run for p in self.points if (p.backend, p.mode) not in good
        }
        best = [] if self.recommended is None else [self.recommended.run]
        ran = caveats_of([*failed.values(), *best])
        compiling = [
            Caveat("not finished", p.label, "its seconds of compiling were not told from building")
            for p in self.points
            if p.compiling
        ]
        return tuple(dict.fromkeys([*never, *ran, *compiling]))

    @property
    def verdict(self) -> Verdict:
        """Whether a quickest way within the bound was found: of all that was asked for."""
        found: Verdict = "not reached" if self.recommended is None else "found"
        return capped(found, self.caveats, "undecided", VERDICTS)

    @property
    def front(self) -> tuple[Point, ...]:
        """The points that no other beats in both time and error, the quickest first."""
        return front(self.points, self.bound.kind)

    @property
    def table(self) -> pandas.DataFrame:
        """Every point: step, errors, seconds, memory."""
        table: pandas.DataFrame = self._beside("tables").points_table(self)
        return table

    def plot(self) -> Figure:
        """Error over time on logarithmic axes, a line for each backend and method, the front marked."""
        figure: Figure = self._beside("figures").precision_figure(self)
        return figure

    def plain(self) -> dict[str, Any]:
        """What to take, what each backend would need, every point, the forecasts."""
        plain: dict[str, Any] = self._beside("tables").plain(self)
        return plain


def select(
    experiment: Experiment | str,
    backends: str | Iterable[str] | None = None,
    modes: str | Iterable[str] = ("aligned", "raw"),
    *,
    error: ErrorBound | str | None = None,
    budget_s: float = DEFAULT_BUDGET_S,
    size: int | None = None,
    duration_ms: float | None = None,
    oracle: bool = True,
    **keywords: Unpack[OneByOne],
) -> Selection:
    """Measure what precision costs on every backend, in every mode, with every method, and recommend one.

    *experiment* is an Experiment or the name of a library model; *error* what is asked for, ``"0.05ms"`` of
    spikes or ``"1%"`` of traces (root mean square over their range); 0.1 ms by default where the model
    spikes, else 1 %. Steps are doubled or halved from the model's own, the most promising candidate first,
    until the cheapest that meets the error is known or *budget_s* seconds are spent. Runs are done one at a
    time and afresh, for their seconds count. With *size* (cells in all) or *duration_ms* a cost model is
    fitted for the best of every backend, extrapolated, and checked by one larger run of the recommended.
    How runs are done is said by the keywords of `OneByOne`.

    Raises InputError for anything wrong before anything runs; runs that fail cost their own row only.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    if backends is None:
        # What judges is no simulator to take, unless it is asked for.
        backends = [name for name in grid_backends() if not is_judge(name)] or grid_backends()
    names = [backends] if isinstance(backends, str) else list(backends)
    names = [n for n in dict.fromkeys(names) if n != "oracle"]
    how = How.of(names, modes, keywords, reference=False, taken=OneByOne)
    how = how.with_(jobs=1, fresh=True)
    bound = parse_error(error) if isinstance(error, str) else error
    _check(experiment, names, bound, budget_s, size, duration_ms)
    # Names, modes and options are checked there; every backend is asked for the method by itself.
    first_requests = how.with_(method=None).requests()
    own = {
        name: {k: v for k, v in how.options.items() if k in entries()[name].options}
        for name in dict.fromkeys(name for name, _ in first_requests)
    }
    first, path = store_realization(experiment)
    # Before anything is run, for what cannot be made so large or long cannot be foretold either.
    larger = enlarged(experiment, size, duration_ms)
    abilities = _abilities(first, first_requests, how.method)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    search = Search(experiment, budget_s, how)
    notes = list(first.notes)
    truth, said = _oracle(first, path, oracle, min(how.timeout_s, budget_s / 2), how, notes)
    search.start(abilities, own)
    is_oracle = truth is not None
    if truth is None:
        found = search.finest_truth()
        truth, said = found if found is not None else (None, "")
    if truth is not None:
        if bound is None:
            bound = (
                ErrorBound("spikes", DEFAULT_SPIKES_MS)
                if spiking([truth])
                else ErrorBound("traces", DEFAULT_TRACES)
            )
        search.judge(truth)
        search.refine(bound)
        search.settle(bound)
    bound = bound or ErrorBound("spikes", DEFAULT_SPIKES_MS)
    points = tuple(search.points)
    best = cheapest(points, bound)
    needs = _needs(search.candidates, search.errors, bound)
    told: tuple[Forecast, ...] = ()
    if size is not None or duration_ms is not None:
        told = forecasts(
            experiment, larger, points, best, needs, bound, size, duration_ms, budget_s, how
        )
    notes += _busy(load)
    if search.left_out:
        left_out = ", ".join(dict.fromkeys(s.replace(", ", " ") for s in search.left_out))
        notes.append(f"left out, for the budget of {budget_s:g} s did not reach: {left_out}")
    if bound.kind == "spikes" and truth is not None and not spiking([truth]):
        notes.append(
            "no cell spikes, so that no error of spikes is defined; ask for one of traces: 1%"
        )
    return Selection(
        experiment,
        bound,
        error is not None,
        said,
        is_oracle,
        float(search.until_ms) if np.isfinite(search.until_ms) else None,
        abilities,
        points,
        best,
        needs,
        told,
        budget_s,
        tuple(dict.fromkeys(notes)),
    )


def _busy(load: float) -> list[str]:
    """A note where other work was going on when measuring began."""
    cores = os.cpu_count() or 1
    if load < 0.5 * cores:
        return []
    return [
        f"the machine was busy when this began (load {load:.1f} on {cores} cores): seconds are too "
        "long, their ratios less so"
    ]


def _check(
    experiment: Experiment,
    names: Sequence[str],
    bound: ErrorBound | None,
    budget_s: float,
    size: int | None,
    duration_ms: float | None,
) -> None:
    if not names:
        raise InputError("-b", "only the oracle is named, which is the truth; name a simulator too")
    if not (np.isfinite(budget_s) and budget_s > 0):
        raise InputError("--budget", f"{budget_s:g} s is given; it has to be > 0")
    if size is not None and size < 1:
        raise InputError("--size", f"{size} cells are given; it has to be 1 or more")
    if duration_ms is not None and not (np.isfinite(duration_ms) and duration_ms > 0):
        raise InputError("--duration-of-interest", f"{duration_ms:g} ms is given; it has to be > 0")
    may_spike = any(cell.threshold is not None for cell in experiment.cells.values())
    if not may_spike and not experiment.records:
        raise InputError(
            experiment.name,
            "no cell spikes and nothing is recorded, so that no error is defined; add a Record",
        )
    if not may_spike and bound is not None and bound.kind == "spikes":
        raise InputError(
            "--error", f"no cell of {experiment.name} spikes; ask for traces, as in 1%"
        )
    if not experiment.records and bound is not None and bound.kind == "traces":
        raise InputError(
            "--error", f"{experiment.name} records no trace; ask for spikes, as in 0.1ms"
        )


def _abilities(
    first: Realization, requests: Sequence[tuple[str, Settings]], method: str | None
) -> tuple[Ability, ...]:
    """What every backend can do: its own choice in every mode, then every method by name."""
    found = []
    for name, settings in requests:
        try:
            backend = load_backend(name)
        except InputError as problem:
            found.append(Ability(name, settings.mode, method or "", problem.problem))
            continue
        methods = backend.methods.get(settings.mode, METHODS)
        named = [m for m in methods if m not in ("default", "auto")]
        for wanted in [method] if method else [None, *named]:
            asked = replace(settings, method=None)
            if wanted is not None and not (settings.mode == "lockstep" and wanted not in METHODS):
                asked = replace(settings, method=wanted)
            reason = backend.unsupported(first, asked)
            if wanted is not None and settings.mode == "lockstep" and wanted not in METHODS:
                reason = f"lockstep has {', '.join(METHODS)}"
            found.append(Ability(name, settings.mode, wanted or "", reason or ""))
            if wanted is None and reason is not None:
                break  # the methods would only repeat it
    return tuple(found)


def _oracle(
    first: Realization, path: Path, wanted: bool, timeout_s: float, how: How, notes: list[str]
) -> tuple[Recording | None, str]:
    """The oracle's recording, from the cache if there, and what it is; None and why not in *notes*."""
    if not wanted:
        return None, ""
    settings = Settings("aligned")
    reason = load_backend("oracle").unsupported(first, settings)
    if reason is not None:
        notes.append(f"the oracle cannot run this: {reason}")
        return None, ""
    job = how.with_(timeout_s=timeout_s, fresh=False).job(path, first, "oracle", settings)
    (run,) = how.perform([job])
    if not run.ok:
        notes.append(f"the oracle did not end well: {run.reason}")
        return None, ""
    return run.read(), f"the oracle ({run.version})"


def _needs(candidates: Sequence[Candidate], errors: Errors, bound: ErrorBound) -> tuple[Need, ...]:
    """What each backend needs for the bound, with its best candidate; the quickest first."""
    best: dict[str, Need] = {}
    for c in candidates:
        need = _need(c.points(errors), bound)
        other = best.get(c.backend)
        # What was measured goes before what is foretold, as it does for what is recommended.
        if other is None or (not need.measured, need.seconds) < (not other.measured, other.seconds):
            best[c.backend] = need
    return tuple(sorted(best.values(), key=lambda n: n.seconds))


def _need(points: Sequence[Point], bound: ErrorBound) -> Need:
    point = cheapest(points, bound)
    last = points[-1]
    if point is not None:
        return Need(
            point.backend, point.label, point.dt_ms, point.time_s, point.value(bound.kind), True
        )
    good = [p for p in points if p.run.ok]
    if not good:
        why = f"{last.run.status}: {last.run.reason}"
        return Need(last.backend, last.label, last.dt_ms, np.inf, np.inf, False, why)
    finest = min(good, key=lambda p: p.dt_ms)
    told = foretell(good, bound)
    if told is None:
        why = f"not reached: {finest.error.in_words if finest.error else 'no error is known'}"
        return Need(
            finest.backend, finest.label, finest.dt_ms, np.inf, finest.value(bound.kind), False, why
        )
    dt, seconds, order = told
    why = (
        f"foretold: {finest.value(bound.kind):.2g} at dt {finest.dt_ms:g} ms, falling with order "
        f"{order:.2g}"
    )
    return Need(finest.backend, finest.label, dt, seconds, bound.value, False, why)
