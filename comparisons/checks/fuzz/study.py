"""`fuzz`: many random experiments on several backends, what each amounts to, the failing ones made small."""

from __future__ import annotations

import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....backends.registry import entries, load_backend
from ....core.errors import CoincideError, InputError, UnsupportedError, unknown
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.settings import MODES, Settings
from ...running.runs import grid_backends
from .experiments import Case, draw_case
from .judging import FAULTS, Judged, Steps, compared, judge_lockstep, summary, within_integrators
from .running import TIMEOUT_S, Outcome, Workers, realized

_AHEAD = 4
"""Cases that wait for backends at one time."""


@dataclass(frozen=True)
class CaseResult:
    """What a case amounts to on every backend in every mode."""

    case: Case
    judged: tuple[Judged, ...]
    seconds: float = 0.0

    @property
    def faults(self) -> tuple[Judged, ...]:
        """What is a finding."""
        return tuple(j for j in self.judged if j.is_fault)


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how it shows, the cases that show it, and the smallest experiment that does."""

    judged: Judged
    cases: tuple[int, ...]
    method: str
    experiment: dict[str, Any]
    shrunk: bool = False


@dataclass(frozen=True)
class Fuzz:
    """A seed's cases, what they amount to, and the findings among them."""

    seed: int
    modes: tuple[str, ...]
    backends: tuple[str, ...]
    asked: int
    results: tuple[CaseResult, ...]
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def judged(self) -> list[Judged]:
        """All that was judged."""
        return [j for r in self.results for j in r.judged]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "seed": self.seed,
            "modes": list(self.modes),
            "backends": list(self.backends),
            "cases": self.asked,
            "finished": len(self.results),
            "seconds": round(self.seconds, 1),
            "summary": summary(self.judged),
            "unsupported": reasons(self.judged, "unsupported"),
            "findings": [
                {
                    "backend": f.judged.backend,
                    "mode": f.judged.mode,
                    "kind": f.judged.kind,
                    "why": f.judged.why,
                    "cases": list(f.cases),
                    "method": f.method,
                    "experiment": f.experiment,
                }
                for f in self.findings
            ],
            "notes": list(self.notes),
        }


def reasons(judged: Sequence[Judged], kind: str) -> dict[str, int]:
    """How often each reason occurs among what is of a kind."""
    from .judging import essence

    found: dict[str, int] = {}
    for one in judged:
        if one.kind == kind:
            key = f"{one.backend} {one.mode}: {essence(one.why)}"
            found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))


class Trial:
    """Runs experiments on backends and judges them; holds the workers while it is open."""

    def __init__(self, backends: Sequence[str], modes: Sequence[str], timeout_s: float) -> None:
        self.backends = [b for b in backends if b != "reference"]
        self.modes = list(modes)
        self.workers = Workers(["reference", *self.backends], timeout_s)
        self._pool = ThreadPoolExecutor(2 + 2 * len(self.backends))
        self._scratch = tempfile.TemporaryDirectory(prefix="coincide-fuzz-")
        self._count = 0
        # Here, because Brian2 is not imported outside of the main thread.
        loaded = {b: load_backend(b) for b in self.backends} if "raw" in self.modes else {}
        self._known = {b: tuple(c.name for c in made.conventions) for b, made in loaded.items()}

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self.workers.__exit__()
        self._pool.shutdown(cancel_futures=True)
        self._scratch.cleanup()

    def folder(self) -> Path:
        """A new folder for one case."""
        self._count += 1
        made = Path(self._scratch.name) / f"{self._count}"
        made.mkdir()
        return made

    def judge(
        self, data: dict[str, Any], method: str, only: tuple[str, str] | None = None
    ) -> tuple[Judged, ...]:
        """What an experiment, as plain data, amounts to; *only* on one (backend, mode) where given."""
        folder = self.folder()
        try:
            return tuple(self._judged(data, method, folder, only))
        finally:
            _remove(folder)

    def _judged(
        self, data: dict[str, Any], method: str, folder: Path, only: tuple[str, str] | None
    ) -> Iterator[Judged]:
        try:
            experiment = Experiment.from_dict(data)
            realization, path = realized(experiment, folder)
        except InputError as error:
            yield Judged("", "", "refused", str(error))
            return
        except Exception as error:
            yield Judged("", "", "crashed", f"{type(error).__name__}: {error}")
            return
        for mode in self.modes if only is None else [only[1]]:
            settings = Settings(mode=mode, method=method if mode == "lockstep" else None)  # type: ignore[arg-type]
            backends = self.backends if only is None else [only[0]]
            runs = {
                name: self._pool.submit(
                    self.workers[name].run, path, settings, folder / f"{name}-{mode}"
                )
                for name in ["reference", *(b for b in backends if b != "reference")]
            }
            reference = runs.pop("reference").result()
            if not reference.ok:
                for run in runs.values():
                    run.result()
                # A judge that blows up says nothing about others; a step too large for a case does that.
                sane = not re.search(r"\b(nan|inf|finite)\b", reference.reason)
                yield Judged("reference", mode, "failed" if sane else "not sane", reference.reason)
                continue
            for name, run in runs.items():
                yield self._one(name, mode, run, reference, realization, settings, folder)

    def _one(
        self,
        name: str,
        mode: str,
        run: Future[Outcome],
        reference: Outcome,
        realization: Realization,
        settings: Settings,
        folder: Path,
    ) -> Judged:
        outcome = run.result()
        try:
            if mode == "lockstep" or not outcome.ok:
                judged = judge_lockstep(name, outcome, reference, realization, settings)
                return Judged(name, mode, judged.kind, judged.why)
            return self._numerics(name, mode, outcome, reference, realization, folder)
        except CoincideError as error:
            return Judged(name, mode, "failed", f"what was recorded: {error}")

    def _numerics(
        self,
        name: str,
        mode: str,
        outcome: Outcome,
        reference: Outcome,
        realization: Realization,
        folder: Path,
    ) -> Judged:
        """A run with a backend's own integrator: what differs has to be its, or a convention's."""
        dt = realization.dt_ms
        pair = compared(reference.recording, outcome.recording, dt)
        if pair.of_seen not in ("undecided", "different"):
            return Judged(name, mode, "agrees", pair.of_seen)
        half = realization.experiment.with_(dt=f"{dt / 2:.12g} ms")
        below = folder / f"{name}-{mode}-half"
        below.mkdir()
        _, path = realized(half, below)
        settings = Settings(mode=mode)  # type: ignore[arg-type]
        said = []
        for kind, undone in (("integrators", None), ("conventions", self._known.get(name, ()))):
            if kind == "conventions" and (mode != "raw" or not undone):
                continue
            own = outcome
            if kind == "conventions":
                settings = Settings(mode="raw", undone=undone)
                first = folder / "drawn.npz"
                own = self.workers[name].run(first, settings, below / "undone")
            halves = [
                self.workers[backend].run(path, chosen, below / f"{kind}-{backend}")
                for backend, chosen in ((name, settings), ("reference", Settings(mode=mode)))  # type: ignore[arg-type]
            ]
            if not (own.ok and all(h.ok for h in halves)):
                reason = next(o.reason for o in (own, *halves) if not o.ok)
                said.append(f"{kind}: a run to find out did not end well ({reason})")
                continue
            steps = Steps(
                own.recording, halves[0].recording, reference.recording, halves[1].recording
            )
            found, words = within_integrators(steps, dt)
            said.append(f"{kind}: {words}")
            if found or compared(steps.reference, steps.backend, dt).of_seen != "different":
                return Judged(name, mode, kind, "; ".join(said))  # type: ignore[arg-type]
        return Judged(name, mode, "differs", "; ".join([pair.in_words, *said]))


def fuzz(
    seed: int = 1,
    cases: int = 60,
    modes: Sequence[str] = ("lockstep",),
    backends: Sequence[str] | None = None,
    *,
    first: int = 0,
    budget_s: float = float("inf"),
    timeout_s: float = TIMEOUT_S,
    shrink: bool = True,
    shrink_s: float = 60.0,
    on_case: Callable[[CaseResult], None] = lambda result: None,
    on_shrink: Callable[[Judged, int], None] = lambda judged, size: None,
) -> Fuzz:
    """Draw *cases* random experiments from *first* on, run them, judge them, make the failing ones small.

    The budget in seconds holds for drawing and running; what was not begun by then is left out and counted.
    InputError for an unknown backend or mode.
    """
    names = tuple(dict.fromkeys(backends or grid_backends()))
    for name in names:
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
    for mode in modes:
        if mode not in MODES:
            raise unknown("--mode", "mode", mode, MODES)
    if all(name == "reference" for name in names):
        raise InputError("-b", "the reference is the judge; name a backend that it judges")
    started = time.monotonic()
    results: list[CaseResult] = []
    with Trial(names, modes, timeout_s) as trial, ThreadPoolExecutor(_AHEAD) as ahead:
        pending: deque[Future[CaseResult]] = deque()
        numbers = iter(range(first, first + cases))
        for number in numbers:
            if time.monotonic() - started > budget_s:
                break
            pending.append(ahead.submit(_judge_case, trial, seed, number))
            if len(pending) >= _AHEAD:
                results.append(pending.popleft().result())
                on_case(results[-1])
        while pending:
            results.append(pending.popleft().result())
            on_case(results[-1])
        findings = _findings(trial, results, shrink_s if shrink else 0.0, on_shrink)
    left = cases - len(results)
    notes = (f"{left} of {cases} cases were not begun within {budget_s:g} s",) if left else ()
    return Fuzz(
        seed,
        tuple(modes),
        names,
        cases,
        tuple(results),
        findings,
        time.monotonic() - started,
        notes,
    )


def _judge_case(trial: Trial, seed: int, number: int) -> CaseResult:
    started = time.monotonic()
    case = draw_case(seed, number)
    judged = trial.judge(case.experiment, case.method)
    return CaseResult(case, judged, time.monotonic() - started)


def _findings(
    trial: Trial,
    results: Sequence[CaseResult],
    shrink_s: float,
    on_shrink: Callable[[Judged, int], None],
) -> tuple[Finding, ...]:
    from .shrinking import shrunk

    groups: dict[tuple[str, ...], list[tuple[CaseResult, Judged]]] = {}
    for result in results:
        for judged in result.faults:
            groups.setdefault(judged.signature, []).append((result, judged))
    found = []
    for group in groups.values():
        # The smallest description is the quickest to make smaller.
        result, judged = min(group, key=lambda member: len(str(member[0].case.experiment)))
        numbers = tuple(member[0].case.number for member in group)
        data, method = result.case.experiment, result.case.method
        if shrink_s > 0:
            data = shrunk(trial, data, method, judged, shrink_s, on_shrink)
        found.append(Finding(judged, numbers, method, data, shrink_s > 0))
    return tuple(found)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["FAULTS", "CaseResult", "Finding", "Fuzz", "Trial", "UnsupportedError", "fuzz"]
