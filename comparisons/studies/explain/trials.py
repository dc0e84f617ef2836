"""The runs of an explanation: done once each, counted against a budget, and measured pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from ....core.cache import cache_dir
from ....core.errors import CoincideError, RunError
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...running.how import How
from ...running.keys import run_key
from .hypothesis import Side
from .measure import Disagreement, disagreement

BUDGET = 15
"""Runs that explaining a pair may cost, the two of the pair among them."""

Key = tuple[str, str, str]
Perform = Callable[[Side], Recording]


@dataclass(frozen=True)
class Trial:
    """One run of an explanation: its id, what was run, why it was run, how it ended."""

    id: str
    backend: str
    settings: Settings
    digest: str
    purpose: str
    status: str = "ok"
    reason: str = ""
    method: str = ""
    wall_s: float = 0.0
    cached: bool = False
    folder: Path | None = None

    @property
    def command(self) -> str:
        """The options of ``coincide run`` that ask for these settings."""
        said = ["-b", self.backend, "--mode", self.settings.mode]
        if self.settings.method:
            said += ["--method", self.settings.method]
        for name in self.settings.undone or ():
            said += ["--undo", name]
        if self.settings.precision:
            said += ["--precision", self.settings.precision]
        return " ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "id": self.id,
            "backend": self.backend,
            "options": self.command,
            "digest": self.digest,
            "purpose": self.purpose,
            "status": self.status,
            "reason": self.reason,
            "method": self.method,
            "wall_s": self.wall_s,
            "cached": self.cached,
            "folder": None if self.folder is None else str(self.folder),
        }


@dataclass(eq=False)
class Trials:
    """All runs of one explanation.

    A run counts once, however often it is asked for, whether or not the cache has it. Without budget left
    a run is not done, and what depends on it is None. ``perform`` replaces the process of its own in which a
    run is done, for backends that no other process can find.
    """

    budget: int = BUDGET
    how: How = field(default_factory=How)
    perform: Perform | None = None
    tolerance_ms: float | None = None
    done: dict[Key, Trial] = field(default_factory=dict)
    _recordings: dict[Key, Recording] = field(default_factory=dict)
    _measured: dict[tuple[Any, Any], Disagreement] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many more runs the budget allows."""
        return max(0, self.budget - len(self.done))

    def cost(self, sides: Sequence[Side]) -> int:
        """How many runs these sides would cost that have not been done."""
        return len({key_of(s) for s in sides if s.runs} - self.done.keys())

    def run(self, sides: Sequence[Side], purpose: str, reserve: int = 0) -> None:
        """Do those runs that are still to be done, as many as the budget allows, in order.

        ``reserve`` runs of the budget are left alone.
        """
        todo: dict[Key, Side] = {}
        for side in sides:
            if side.runs and key_of(side) not in self.done:
                if len(todo) >= self.left - reserve:
                    break
                todo.setdefault(key_of(side), side)
        if self.perform is not None:
            for key, side in todo.items():
                self._run_here(key, side, purpose)
        elif todo:
            self._run_in_processes(todo, purpose)

    def _run_here(self, key: Key, side: Side, purpose: str) -> None:
        assert self.perform is not None
        trial = _trial(key, side, purpose)
        try:
            recording = self.perform(side)
        except CoincideError as error:
            trial = replace(trial, status="failed", reason=str(error))
        else:
            self._recordings[key] = recording
            trial = replace(trial, method=str(recording.provenance.get("method", "")))
        self.done[key] = trial

    def _run_in_processes(self, todo: dict[Key, Side], purpose: str) -> None:
        trials, jobs = {}, []
        for key, side in todo.items():
            assert side.realization is not None
            trials[key] = _trial(key, side, purpose)
            path = stored(side.realization)
            job = self.how.job(path, side.realization, side.backend, side.settings)
            jobs.append(replace(job, name=trials[key].id))
        for (key, trial), run in zip(trials.items(), self.how.perform(jobs), strict=True):
            self.done[key] = replace(
                trial,
                status=run.status,
                reason=run.reason,
                method=run.method,
                wall_s=run.wall_s,
                cached=run.cached,
                folder=run.folder,
            )
            if run.ok:
                self._recordings[key] = run.recording

    def recording(self, side: Side) -> Recording | None:
        """The recording of a side that was run or is given, with its transforms; None if there is none."""
        found = side.given if not side.runs else self._recordings.get(key_of(side))
        if found is None:
            return None
        return reduce(lambda recording, change: change(recording), side.transforms, found)

    def trial(self, side: Side) -> Trial | None:
        """The run of a side; None if it was not run."""
        return self.done.get(key_of(side)) if side.runs else None

    def id(self, side: Side) -> str:
        """The id of the run of a side; its label if it is a recording from elsewhere."""
        return trial.id if (trial := self.trial(side)) is not None else side.label

    def need(self, side: Side) -> Recording:
        """The recording of a side; RunError with the run's reason if there is none."""
        found = self.recording(side)
        if found is None:
            trial = self.trial(side)
            raise RunError(
                side.label,
                trial.reason if trial is not None else f"no run is left of {self.budget}",
            )
        return found

    def measure(self, a: Side, b: Side) -> Disagreement | None:
        """How far two sides disagree, as far as they have been run; None if one has not."""
        # A changed recording is another one each time; only runs as they are are kept.
        key = (_identity(a), _identity(b))
        if key not in self._measured:
            one, other = self.recording(a), self.recording(b)
            if one is None or other is None:
                return None
            self._measured[key] = disagreement(one, other, (a.label, b.label), self.tolerance_ms)
        return self._measured[key]


def stored(realization: Realization) -> Path:
    """The file in the cache that holds a realization, drawn or changed, by its content."""
    path = cache_dir("realizations") / f"{realization.digest[:40]}.npz"
    if not path.exists():
        realization.save(path)
    return path


def key_of(side: Side) -> Key:
    """What makes a run of a side another run."""
    assert side.realization is not None
    return side.backend, side.settings.key, side.realization.digest


def _identity(side: Side) -> tuple[Any, ...]:
    source: Any = key_of(side) if side.runs else id(side.given)
    return source, side.transforms


def _trial(key: Key, side: Side, purpose: str) -> Trial:
    assert side.realization is not None
    digest = side.realization.digest
    try:
        content = run_key(digest, side.backend, side.settings)
    except (CoincideError, KeyError):  # a backend that is in no table
        content = f"{key[1]}{digest}"
    return Trial(
        f"{side.backend}-{side.settings.mode}-{content[:8]}",
        side.backend,
        side.settings,
        digest,
        purpose,
    )
