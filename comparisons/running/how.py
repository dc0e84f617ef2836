"""`How`: how the runs of a study are done, the same from the command line to the processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol, TypedDict

from ...core.errors import InputError, unknown
from ...core.realization import Realization
from ...core.settings import Settings
from .plan import plan
from .pool import perform_all
from .runs import DEFAULT_TIMEOUT_S, Job, Run


class Listener(Protocol):
    """Who is told what becomes of the runs of a study: progress bars, a notebook, nobody."""

    def plan(self, run_ids: Sequence[str]) -> None:
        """The names of the runs that there will be, as far as they are known."""

    def start(self, place: int, job: Job) -> None:
        """A run has been asked for; ``job.progress_file`` will hold the fraction done."""

    def end(self, place: int, run: Run) -> None:
        """A run has ended, well or not."""


class Silent:
    """A listener that does nothing."""

    def plan(self, run_ids: Sequence[str]) -> None:
        """Nothing."""

    def start(self, place: int, job: Job) -> None:
        """Nothing."""

    def end(self, place: int, run: Run) -> None:
        """Nothing."""


class HowKeywords(TypedDict, total=False):
    """The keywords of `How` that every public function takes, beside ``backends`` and ``modes``.

    ``method`` is an integrator that the backends have; ``device`` (``cpu``, ``cuda``), ``precision``
    (``float64``, ``float32``) and ``target`` go to the backends that have them. ``reference=False`` leaves
    the reference out. ``jobs`` runs are done side by side, as many as there are cores by default, in threads
    or by ``executor``, anything with the interface of `concurrent.futures`. A run is ended after
    ``timeout_s`` seconds; with ``fresh`` it is done again although its result is kept. ``listener`` is told
    of every run.
    """

    method: str | None
    device: str
    precision: str | None
    target: str | None
    reference: bool
    jobs: int | None
    timeout_s: float
    fresh: bool
    executor: Executor | None
    listener: Listener


@dataclass(frozen=True)
class How:
    """How runs are done: on which backends, in which modes, with what; see `HowKeywords`.

    ``backends`` is None for all that are installed.

    >>> How.of("brian2", ["raw", "aligned"], jobs=1).modes
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
    listener: Listener = field(default_factory=Silent)

    @classmethod
    def of(
        cls, backends: str | Iterable[str] | None, modes: str | Iterable[str], **given: Any
    ) -> How:
        """From what a public function was called with; InputError for a keyword that there is not."""
        known = {f.name for f in fields(cls)} - {"backends", "modes"}
        for name in given:
            if name not in known:
                raise unknown("keyword", "keyword", name, known)
        names = (backends,) if isinstance(backends, str) else backends
        several = (modes,) if isinstance(modes, str) else tuple(modes)
        how = cls(None if names is None else tuple(names), several, **given)
        if how.jobs is not None and how.jobs < 1:
            raise InputError("jobs", f"{how.jobs} is given; at least 1 run is done at a time")
        if not how.timeout_s > 0:
            raise InputError("timeout", f"{how.timeout_s} s is given; it has to be > 0")
        return how

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
