"""Which runs to measure: every candidate at the model's own step, then the most promising steps first."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ....backends.registry import entries
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...measuring.accuracy import Accuracy, ErrorBound, accuracy
from ...running.how import How
from ...running.runs import Run
from ...running.store import store_realization
from .points import Ability, Point, cheapest, foretell

COARSEST, FINEST = 4, 64
"""Steps tried at most: the model's own times 4, and divided by 64."""
HOPELESS = 8.0
"""A candidate foretold to need this many times the best is left alone."""
_METHODS_SHARE = 0.5
_LONG_BUILD_S = 0.5
"""A build as long as this may have compiled."""
_CONTENDER = 4.0
"""Candidates within this many times the quickest are measured twice: another's work may have slowed one."""
_MOVED = 0.25
"""A run has lost the spikes of the truth where one has moved by this share of their mean interval."""
Errors: TypeAlias = Mapping[tuple[int, float], Accuracy]


class Candidate:
    """A backend in a mode with a method: the runs measured so far, by dt."""

    def __init__(self, backend: str, settings: Settings) -> None:
        self.backend, self.settings = backend, settings
        self.runs: dict[float, Run] = {}
        self.order: list[float] = []
        self.blocked: set[float] = set()
        self.compile_s = 0.0
        self.compiling = False

    @property
    def method(self) -> str:
        """The method that was used, or asked for."""
        return next((r.method for r in self.runs.values() if r.ok), self.settings.method or "")

    def points(self, errors: Errors) -> list[Point]:
        """Its points; *errors* by (id of the candidate, dt)."""
        good = [self.runs[dt] for dt in self.order if self.runs[dt].ok]
        least = min((r.build_s for r in good), default=0.0)
        compiled = max(self.compile_s, 0.0)
        return [
            Point(
                self.backend,
                self.settings.mode,
                self.method,
                self.settings,
                dt,
                self.runs[dt],
                errors.get((id(self), dt)),
                least,
                compiled,
                self.compiling and len(good) < 2,
            )
            for dt in self.order
        ]


class Search:
    """Runs candidates one at a time, so that none disturbs the time of another, until the budget is spent."""

    def __init__(self, experiment: Experiment, budget_s: float, how: How) -> None:
        self.experiment, self.budget_s, self.how = experiment, budget_s, how
        self.candidates: list[Candidate] = []
        self.errors: dict[tuple[int, float], Accuracy] = {}
        self.until_ms = math.inf
        self.truth: Recording | None = None
        self.left_out: list[str] = []
        self._drawn: dict[float, tuple[Realization, Path] | None] = {}
        self._started = time.monotonic()

    @property
    def left_s(self) -> float:
        """Seconds left of the budget."""
        return self.budget_s - (time.monotonic() - self._started)

    @property
    def points(self) -> list[Point]:
        """All points of all candidates."""
        return [p for c in self.candidates for p in c.points(self.errors)]

    def drawn(self, dt_ms: float) -> tuple[Realization, Path] | None:
        """The experiment drawn with a step, and its file; None where the step is too long for a delay."""
        if dt_ms not in self._drawn:
            same = dt_ms == self.experiment.dt_ms
            try:
                here = self.experiment if same else self.experiment.with_(dt=f"{dt_ms!r} ms")
                realization, path = store_realization(here)
                self._drawn[dt_ms] = realization, path
            except InputError:
                if same:
                    raise
                self._drawn[dt_ms] = None
        return self._drawn[dt_ms]

    def run(self, candidate: Candidate, dt_ms: float) -> bool:
        """Measure a candidate at a step; whether it ended well."""
        found = self.drawn(dt_ms)
        if found is None:
            candidate.blocked.add(dt_ms)
            return False
        realization, path = found
        limit = min(self.how.timeout_s, max(self.left_s, 1.0) + 0.25 * self.budget_s)
        how = self.how.with_(timeout_s=limit)
        job = how.job(path, realization, candidate.backend, candidate.settings)
        (run,) = how.perform([job])
        if not candidate.runs and run.ok and self._may_have_compiled(run):
            # Whatever is left of the budget: a compiler's seconds as building would decide for others.
            (again,) = how.perform([replace(job, timeout_s=max(limit, 2 * run.wall_s))])
            candidate.compiling = not again.ok
            if again.ok:
                candidate.compile_s = run.build_s + run.run_s - again.build_s - again.run_s
                run = again
        candidate.runs[dt_ms] = run
        candidate.order.append(dt_ms)
        self._judge(candidate, dt_ms)
        if not run.ok:
            candidate.blocked.add(dt_ms)
        return run.ok

    def _may_have_compiled(self, run: Run) -> bool:
        """Whether a first run may hold the time of compiling, which some do within the run itself."""
        target = run.recording.provenance.get("target", "")
        return target in entries()[run.backend].compiling or run.build_s > _LONG_BUILD_S

    def settle(self, bound: ErrorBound) -> None:
        """Measure once more what may be the quickest, as far as the budget goes; the quicker run counts."""
        best = cheapest(self.points, bound)
        if best is None:
            return
        for c in self.candidates:
            mine = cheapest(c.points(self.errors), bound)
            if mine is None or mine.time_s > _CONTENDER * best.time_s:
                continue
            if mine.build_s + mine.run_s + _overhead(c) > self.left_s:
                continue
            found = self.drawn(mine.dt_ms)
            assert found is not None
            limit = max(2 * mine.run.wall_s, self.left_s)
            how = self.how.with_(timeout_s=limit)
            (again,) = how.run(found[1], found[0], [(c.backend, c.settings)])
            if again.ok:
                seconds = min(again.run_s, mine.run.run_s), min(again.build_s, mine.run.build_s)
                c.runs[mine.dt_ms] = replace(again, run_s=seconds[0], build_s=seconds[1])
                c.compiling = False

    def judge(self, truth: Recording) -> None:
        """Count the errors of all runs against a truth, to where half of the first runs agree with it."""
        from ..converge.quantities import agree_until
        from ..converge.reduced import reduce_recording

        self.truth = truth
        first = self.drawn(self.experiment.dt_ms)
        assert first is not None
        reduced = reduce_recording(truth, first[0], self.experiment.dt_ms)
        recordings = [run.read() for c in self.candidates for run in c.runs.values() if run.ok]
        until = [
            agree_until(reduce_recording(r, first[0], self.experiment.dt_ms), reduced)
            for r in recordings
        ]
        kept = [_keeps(accuracy(r, truth), truth) for r in recordings]
        until = [math.inf if k else t for k, t in zip(kept, until, strict=True)]
        middle = float(np.median(until)) if until else math.inf
        self.until_ms = middle if middle < 0.9 * self.experiment.duration_ms else math.inf
        for c in self.candidates:
            for dt in c.order:
                self._judge(c, dt)

    def _judge(self, candidate: Candidate, dt_ms: float) -> None:
        run = candidate.runs[dt_ms]
        if self.truth is not None and run.ok:
            found = accuracy(run.read(), self.truth, self.until_ms)
            self.errors[id(candidate), dt_ms] = found

    def start(
        self, abilities: Sequence[Ability], options: Mapping[str, Mapping[str, str | None]]
    ) -> None:
        """Measure every able candidate at the model's own step: all defaults, then other methods.

        The other methods may take half of the budget; of two that come to the same method one is kept.
        """
        dt = self.experiment.dt_ms
        able = sorted((a for a in abilities if a.able), key=lambda a: bool(a.method))
        walls: dict[str, float] = {}
        for ability in able:
            expected = walls.get(ability.backend, 0.0)
            if ability.method and expected > self.left_s - self.budget_s * (1 - _METHODS_SHARE):
                self.left_out.append(f"{ability.backend}, {ability.mode}, {ability.method}")
                continue
            settings = Settings(
                mode=ability.mode,  # type: ignore[arg-type]
                method=ability.method or None,
                **options[ability.backend],  # type: ignore[arg-type]
            )
            candidate = Candidate(ability.backend, settings)
            if any(
                c.backend == candidate.backend
                and c.settings.mode == ability.mode
                and ability.method
                and ability.method == c.method
                for c in self.candidates
            ):
                continue
            self.run(candidate, dt)
            walls[ability.backend] = candidate.runs[dt].wall_s if dt in candidate.runs else 0.0
            self.candidates.append(candidate)

    def refine(self, bound: ErrorBound) -> None:
        """Measure the most promising step of any candidate until none is left that the budget allows."""
        while True:
            best = cheapest(self.points, bound)
            wanted = [
                (later, seconds, k, dt)
                for k, c in enumerate(self.candidates)
                if (found := self._next(c, bound, best)) is not None
                for later, seconds, dt in [found]
                if seconds + _overhead(c) <= self.left_s
            ]
            if not wanted:
                return
            _, _, k, dt = min(wanted)
            self.run(self.candidates[k], dt)

    def _next(
        self, c: Candidate, bound: ErrorBound, best: Point | None
    ) -> tuple[bool, float, float] | None:
        """Whether it can wait, about how long it takes, and the next step of a candidate; None if none is."""
        points = [p for p in c.points(self.errors) if p.run.ok and p.error is not None]
        if not points:
            return None
        meeting = [p for p in points if p.meets(bound)]
        if meeting:
            # The coarsest step that meets the bound is the quickest: try a coarser one.
            coarsest = max(meeting, key=lambda p: p.dt_ms)
            dt = 2 * coarsest.dt_ms
            known = dt in c.runs or dt in c.blocked
            if known or dt > COARSEST * self.experiment.dt_ms * (1 + 1e-9):
                return self._third(c, points)
            return False, coarsest.build_s + coarsest.run_s / 2, dt
        finest = min(points, key=lambda p: p.dt_ms)
        dt = finest.dt_ms / 2
        if dt in c.blocked or dt < self.experiment.dt_ms / FINEST:
            return None
        told = foretell(points, bound)
        if len(points) > 2 and told is None:
            return None  # it does not get better
        if best is not None and told is not None and told[1] > HOPELESS * best.time_s:
            return self._third(c, points)
        return False, finest.build_s + 2 * finest.run_s, dt

    def _third(self, c: Candidate, points: Sequence[Point]) -> tuple[bool, float, float] | None:
        """A step more where a candidate has fewer than three, for the picture: after all that is more use."""
        if len(points) >= 3:
            return None
        finest = min(points, key=lambda p: p.dt_ms)
        dt = finest.dt_ms / 2
        if dt in c.runs or dt in c.blocked or dt < self.experiment.dt_ms / FINEST:
            return None
        return True, finest.build_s + 2 * finest.run_s, dt

    def finest_truth(self) -> tuple[Recording, str] | None:
        """Where no oracle can run: the finest run that a quarter of the budget buys, and what it is.

        It is that of the quickest candidate, of aligned mode if there is one: raw has its own conventions.
        """
        dt = self.experiment.dt_ms
        good = [c for c in self.candidates if dt in c.runs and c.runs[dt].ok]
        if not good:
            return None
        chosen = min(good, key=lambda c: (c.settings.mode == "raw", c.runs[dt].run_s))
        run = chosen.runs[dt]
        k = int(math.log2(max(1.0, self.budget_s / 4 / max(run.run_s, 1e-3))))
        for halvings in range(min(k, 5), 0, -1):
            fine = Candidate(chosen.backend, replace(chosen.settings))
            if self.run(fine, dt / 2**halvings):
                found = fine.runs[dt / 2**halvings]
                said = f"the run of {chosen.backend}, {chosen.settings.mode}, {found.method}"
                return found.read(), f"{said} with dt {dt / 2**halvings:g} ms"
        return None


def _keeps(found: Accuracy, truth: Recording) -> bool:
    """Whether a run has every spike of the truth, none moved by a quarter of the mean interval."""
    if found.spike_ms is None:
        return found.counts_agree
    cells = sum(np.unique(s.cells).size for s in truth.spikes.values())
    interval = truth.duration_ms * cells / max(found.n_truth, 1)
    return found.spike_ms <= _MOVED * interval


def _overhead(c: Candidate) -> float:
    """Seconds of starting a process, beyond building and running."""
    good = [r for r in c.runs.values() if r.ok]
    return min((max(r.wall_s - r.run_s - r.build_s, 0.0) for r in good), default=0.0)
