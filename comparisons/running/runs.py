"""Running a realization: every run is a process of its own, and its recording is kept by content.

The same run is never computed twice unless asked: its folder in the cache is named after the digest of
everything drawn, the settings, and the versions of the simulator and of coincide.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ...backends.base import Progress
from ...backends.registry import entries, is_installed, load_backend
from ...core.errors import InputError, RunError
from ...core.experiment import Experiment
from ...core.html import notebook_html
from ...core.realize import realize
from ...core.recording import Recording
from ...core.settings import Settings
from ...core.storage import read_recording

Status = Literal["ok", "failed", "unsupported", "timeout"]
DEFAULT_TIMEOUT_S = 3600.0
MOST_TIMEOUT_S = 1e9
"""About 32 years: the system's clocks can wait for no more than some times that."""
LOG = logging.getLogger("coincide")
"""Where what is no result is said as it happens: on standard error, unless a program wants it elsewhere."""


@dataclass(frozen=True, repr=False)
class Run:
    """One run and how it ended; ``reason`` says why it did not end well."""

    id: str
    backend: str
    mode: str
    method: str
    status: Status
    reason: str = ""
    version: str = ""
    spikes: Mapping[str, int] = field(default_factory=dict)
    build_s: float = 0.0
    run_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    cached: bool = False
    folder: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is a recording."""
        return self.status == "ok"

    @cached_property
    def recording(self) -> Recording:
        """The recording, read on first use and kept; RunError if the run did not end well."""
        return self.read()

    def read(self) -> Recording:
        """The recording, read anew and not kept, for studies whose recordings do not fit into memory.

        Raises RunError if the run did not end well.
        """
        if not self.ok or self.folder is None:
            raise RunError(self.backend, self.reason or self.status)
        return read_recording(self.folder)

    def __repr__(self) -> str:
        said = self.reason or f"{sum(self.spikes.values()):,} spikes in {self.wall_s:.2f} s"
        return f"Run({self.id}: {self.status}, {said})"

    def _repr_html_(self) -> str:
        return notebook_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; the folder and the recording stay out."""
        data = {k: v for k, v in asdict(self).items() if k not in {"folder"}}
        return {**data, "notes": list(self.notes)}


@dataclass(frozen=True)
class Job:
    """Everything that a process needs to perform one run: paths and plain data only."""

    realization: str
    digest: str
    backend: str
    settings: Settings
    timeout_s: float = DEFAULT_TIMEOUT_S
    fresh: bool = False
    progress_file: str = ""
    name: str = ""
    """What the run is called; what it is made with by default."""

    def __post_init__(self) -> None:
        check_timeout(self.timeout_s)

    @property
    def id(self) -> str:
        """The name of the run within a comparison."""
        if self.name:
            return self.name
        parts = [self.backend, self.settings.mode, self.settings.method or ""]
        parts += [self.settings.precision or "", self.settings.target or ""]
        if self.settings.device != "cpu":
            parts.append(self.settings.device)
        if self.settings.undone is not None:
            parts.append("undo:" + ",".join(self.settings.undone))
        return "-".join(part for part in parts if part)


def check_timeout(seconds: float) -> None:
    """InputError for a time that no run can be given."""
    if not 0 < seconds <= MOST_TIMEOUT_S:
        raise InputError(
            "--timeout", f"{seconds:g} s is given; it has to be > 0 and <= {MOST_TIMEOUT_S:g} s"
        )


def run(
    experiment: Experiment | str,
    backend: str,
    settings: Settings | None = None,
    *,
    progress: Progress = lambda fraction: None,
) -> Recording:
    """Run an experiment, or a library model by name, on one backend in this process.

    Raises InputError, UnsupportedError or RunError with the reason.
    """
    if isinstance(experiment, str):
        from ...models.library import load_model

        experiment = load_model(experiment)
    return load_backend(backend).run(realize(experiment), settings or Settings(), progress)


def as_run(job: Job, data: Mapping[str, Any], folder: Path | None, cached: bool) -> Run:
    """The run of a job that ended as *data* says, the content of its run.json or a part of it."""
    return Run(
        id=job.id,
        backend=job.backend,
        mode=job.settings.mode,
        method=data.get("method", job.settings.method or ""),
        status=data["status"],
        reason=data.get("reason", ""),
        version=data.get("version", ""),
        spikes=data.get("spikes", {}),
        build_s=data.get("build_s", 0.0),
        run_s=data.get("run_s", 0.0),
        wall_s=data.get("wall_s", 0.0),
        peak_mb=data.get("peak_mb", 0.0),
        cached=cached,
        folder=folder if data["status"] == "ok" else None,
        notes=tuple(data.get("notes", ())),
    )


def too_late(job: Job) -> str:
    """That its time was over, and how far it had come, where it said so."""
    done = read_progress(job.progress_file) if job.progress_file else 0.0
    how_far = f"; {100 * done:.2g} % of it was done" if done > 0 else ""
    return f"did not finish within {job.timeout_s:g} s{how_far}"


def read_progress(path: str) -> float:
    """The fraction done that a run last wrote; 0 before its first word."""
    try:
        return float(Path(path).read_text() or 0.0)
    except (OSError, ValueError):
        return 0.0


def grid_backends() -> tuple[str, ...]:
    """The installed backends that run on a grid, the reference first; the oracle is asked for by name."""
    return tuple(name for name in entries() if name != "oracle" and is_installed(name))
