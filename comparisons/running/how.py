"""`How`: how the runs of a study are done, the same from the command line to the processes.

A study takes the keywords of `HowKeywords`, makes one `How` of them, and asks it for the runs that there are
to do (`How.requests`), for the job of each (`How.job`) and to perform them (`How.perform`). Who wants to see
what becomes of them is a `Listener`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from ...core.errors import InputError, nearest
from ...core.realization import Realization
from ...core.settings import Settings
from .plan import plan
from .pool import perform_all
from .runs import DEFAULT_TIMEOUT_S, Job, Run, check_timeout


class Listener:
    """Who is told what becomes of the runs of a study; this one makes nothing of it."""

    def plan(self, run_ids: Sequence[str], words: str = "") -> None:
        """The names of runs that there will be, as far as they are known; *words* say what they are."""

    def start(self, place: int, job: Job) -> None:
        """A run has been asked for; ``job.progress_file`` will hold the fraction done.

        *place* is that of the job among those that are performed together.
        """

    def end(self, place: int, run: Run) -> None:
        """A run has ended, well or not."""


class Callbacks(Listener):
    """Functions as a listener: ``on_plan``, ``on_start`` and ``on_end`` of the public functions.

    They get what the methods of a `Listener` get; *by_name* what `compare` and `explain` have always given:
    the id of a run and its progress file at its start, the run alone at its end.
    """

    def __init__(
        self,
        on_plan: Callable[..., object] | None = None,
        on_start: Callable[..., object] | None = None,
        on_end: Callable[..., object] | None = None,
        by_name: bool = False,
    ) -> None:
        self._on_plan, self._on_start, self._on_end = on_plan, on_start, on_end
        self._by_name = by_name

    def plan(self, run_ids: Sequence[str], words: str = "") -> None:
        """Call ``on_plan``."""
        if self._on_plan is not None:
            self._on_plan(run_ids)

    def start(self, place: int, job: Job) -> None:
        """Call ``on_start``."""
        if self._on_start is not None:
            self._on_start(*((job.id, job.progress_file) if self._by_name else (place, job)))

    def end(self, place: int, run: Run) -> None:
        """Call ``on_end``."""
        if self._on_end is not None:
            self._on_end(*((run,) if self._by_name else (place, run)))


class OneByOne(TypedDict, total=False):
    """Those of `HowKeywords` that a study takes which times its runs: one at a time and afresh."""

    method: str | None
    device: str
    precision: str | None
    target: str | None
    timeout_s: float
    executor: Executor | None
    listener: Listener
    on_plan: Callable[..., object]
    on_start: Callable[..., object]
    on_end: Callable[..., object]


class HowKeywords(OneByOne, total=False):
    """The keywords of the public functions that say how runs are done.

    ``method`` is an integrator that the backends have; ``device`` (``cpu``, ``cuda``), ``precision``
    (``float64``, ``float32``) and ``target`` go to the backends that have them. ``jobs`` runs are done
    side by side, as many as there are cores by default, in threads that wait for their processes or by
    ``executor``, anything with the interface of `concurrent.futures`. A run is ended after ``timeout_s``
    seconds; with ``fresh`` it is done again although its result is kept. ``listener`` (`Listener`) is
    told of every run; ``on_plan``, ``on_start`` and ``on_end`` are functions in its place.
    """

    jobs: int | None
    fresh: bool


@dataclass(frozen=True)
class How:
    """How runs are done: on which backends, in which modes, with what; see `HowKeywords`.

    ``backends`` is None for all that are installed. With ``reference`` the reference is run too, whether or
    not it is named; without, only where it is.

    >>> How.of("brian2", ["raw", "aligned"], {"jobs": 1}).modes
    ('raw', 'aligned')
    """

    backends: tuple[str, ...] | None = None
    modes: tuple[str, ...] = ("lockstep",)
    method: str | None = None
    device: str = "cpu"
    precision: str | None = None
    target: str | None = None
    reference: bool = True
    jobs: int | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    fresh: bool = False
    executor: Executor | None = None
    listener: Listener = field(default_factory=Listener)

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise InputError("--jobs", f"{self.jobs} is given; at least 1 is needed")
        check_timeout(self.timeout_s)

    @classmethod
    def of(
        cls,
        backends: str | Iterable[str] | None,
        modes: str | Iterable[str],
        keywords: OneByOne | HowKeywords,
        *,
        reference: bool = True,
        by_name: bool = False,
        taken: Any = HowKeywords,
    ) -> How:
        """From what a public function was called with; TypeError for a keyword that it does not take.

        *by_name* is what ``on_start`` and ``on_end`` of the function get; see `Callbacks`.
        """
        given: dict[str, Any] = dict(keywords)
        for name in given:
            if name not in taken.__optional_keys__:
                known = nearest(name, taken.__optional_keys__)
                raise TypeError(f"got an unexpected keyword argument {name!r}; {known}")
        told = {name: given.pop(name, None) for name in ("on_plan", "on_start", "on_end")}
        if any(function is not None for function in told.values()):
            if "listener" in given:
                raise TypeError("give a listener or functions in its place, not both")
            given["listener"] = Callbacks(**told, by_name=by_name)
        names = (backends,) if isinstance(backends, str) else backends
        several = (modes,) if isinstance(modes, str) else tuple(modes)
        return cls(None if names is None else tuple(names), several, reference=reference, **given)

    def with_(self, **changes: Any) -> How:
        """The same but for some fields."""
        return replace(self, **changes)

    @property
    def options(self) -> Mapping[str, str | None]:
        """What only some backends have: device, precision, target."""
        return {"device": self.device, "precision": self.precision, "target": self.target}

    def requests(self) -> list[tuple[str, Settings]]:
        """The runs to do: every backend in every mode, the slow ones first; see `plan`."""
        return plan(self.backends, self.modes, self.method, self.options, self.reference)

    def job(self, path: Path, drawn: Realization, backend: str, settings: Settings) -> Job:
        """One run of a realization that is kept at *path*."""
        return Job(str(path), drawn.digest, backend, settings, self.timeout_s, self.fresh)

    def perform(self, jobs: Sequence[Job]) -> tuple[Run, ...]:
        """Perform jobs side by side; the runs in the order of the jobs."""
        return perform_all(
            jobs,
            jobs=self.jobs,
            executor=self.executor,
            on_start=self.listener.start,
            on_end=self.listener.end,
        )

    def seconds(self, runs: Iterable[Run]) -> float:
        """About how long runs took that were done side by side."""
        walls = [run.wall_s for run in runs]
        return max(max(walls), sum(walls) / (self.jobs or os.cpu_count() or 1))

    def run(
        self, path: Path, drawn: Realization, requests: Iterable[tuple[str, Settings]]
    ) -> tuple[Run, ...]:
        """Perform the runs of one realization that is kept at *path*, in the order asked for."""
        return self.perform([self.job(path, drawn, *request) for request in requests])
