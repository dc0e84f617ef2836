"""Running a realization: every run is a process of its own, and its recording is kept by content.

The same run is never computed twice unless asked: its folder in the cache is named after the digest of
everything drawn, the settings, and the versions of the simulator and of coincide.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..backends.base import Progress
from ..backends.registry import entries, interpreter, is_installed, load_backend
from ..core.cache import cache_dir, lock
from ..core.errors import InputError, MachineError, RunError, UnsupportedError
from ..core.exit_status import ExitStatus
from ..core.experiment import Experiment
from ..core.realization import Realization
from ..core.realize import realize
from ..core.recording import Recording
from ..core.seal import broken_seal, seal
from ..core.settings import Settings
from ..core.storage import (
    RUN_FILE,
    atomic_folder,
    read_recording,
    read_run,
    replace_folder,
    write_json,
    write_recording,
)
from .child import INSIDE, PARENT, child_environment
from .keys import code_fingerprint, installed_version, run_key

Status = Literal["ok", "failed", "unsupported", "timeout"]
DEFAULT_TIMEOUT_S = 3600.0
MOST_TIMEOUT_S = 1e9
"""About 32 years: the system's clocks can wait for no more than some times that."""
_CANCELLED = "cancelled"
_LOG = logging.getLogger("coincide")
"""Where what is no result is said as it happens: on standard error, unless a program wants it elsewhere."""
_GRACE_S = 5.0
"""How long after its time a process that nobody ended ends itself."""


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
        """The recording, read on first use; RunError if the run did not end well."""
        if not self.ok or self.folder is None:
            raise RunError(self.backend, self.reason or self.status)
        return read_recording(self.folder)

    def __repr__(self) -> str:
        said = self.reason or f"{sum(self.spikes.values()):,} spikes in {self.wall_s:.2f} s"
        return f"Run({self.id}: {self.status}, {said})"

    def _repr_html_(self) -> str:
        from .report import run_html

        return run_html(self)

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

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= MOST_TIMEOUT_S:
            raise InputError(
                "--timeout",
                f"{self.timeout_s:g} s is given; it has to be > 0 and <= {MOST_TIMEOUT_S:g} s",
            )

    @property
    def id(self) -> str:
        """The name of the run within a comparison."""
        parts = [self.backend, self.settings.mode, self.settings.method or ""]
        parts += [self.settings.precision or "", self.settings.target or ""]
        if self.settings.device != "cpu":
            parts.append(self.settings.device)
        if self.settings.undone is not None:
            parts.append("undo:" + ",".join(self.settings.undone))
        return "-".join(part for part in parts if part)


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
        from ..models.library import load_model

        experiment = load_model(experiment)
    return load_backend(backend).run(realize(experiment), settings or Settings(), progress)


def store_realization(experiment: Experiment) -> tuple[Realization, Path]:
    """The realization of an experiment and the file in the cache that holds it."""
    folder = cache_dir("realizations")
    # A generator's stream may change between versions of NumPy.
    numpy_version = installed_version("numpy")
    path = folder / f"{experiment.hash[:32]}-{code_fingerprint()}-{numpy_version}.npz"
    damage = ""
    if path.exists():
        try:
            return Realization.load(path), path
        except InputError as error:
            damage = (
                f"what was kept of this model {error.problem.partition(';')[0]}; it was drawn anew"
            )
            _LOG.warning("%s: %s", experiment.name, damage)
            path.unlink(missing_ok=True)
    realization = realize(experiment)
    try:
        realization.save(path)
    except OSError as error:
        raise MachineError.of(error, str(folder)) from error
    if damage:
        realization = replace(realization, notes=(*realization.notes, damage))
    return realization, path


def perform(job: Job) -> Run:
    """Perform one run in a process of its own, or take it from the cache.

    Never raises for what happens in the process: a crash, a hang, an error is the run's status. Raises
    MachineError where the cache cannot be written, which is so for every other run too.
    """
    key = run_key(job.digest, job.backend, job.settings)
    folder = cache_dir("runs", key[:2]) / key
    try:
        with lock(folder):
            damage = None
            if not job.fresh:
                found, damage = _from_store(job, folder)
                if found is not None:
                    return found
            run = _start_process(job, folder)
    except OSError as error:
        raise MachineError.of(error, str(cache_dir())) from error
    if damage is None:
        return run
    _LOG.warning("%s: %s", job.id, damage)
    return replace(run, notes=(*run.notes, damage))


def _from_store(job: Job, folder: Path) -> tuple[Run | None, str | None]:
    """The run that is kept in a folder; else None, and what is wrong with what is there, if anything is."""
    if not (folder / RUN_FILE).exists():
        return None, None
    try:
        damage = broken_seal(folder)
        if damage is None:
            data = read_run(folder)
            read_recording(folder)
            return _as_run(job, data, folder, cached=True), None
    except InputError as error:
        damage = error.problem
    return None, f"the recording kept of this run was damaged ({damage}); it was computed again"


def _as_run(job: Job, data: Mapping[str, Any], folder: Path | None, cached: bool) -> Run:
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


def _start_process(job: Job, folder: Path) -> Run:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="coincide-", dir=folder.parent) as scratch:
        result = Path(scratch) / "result"
        log = Path(scratch) / "log"
        command = [
            interpreter(job.backend), "-m", "coincide", "run", job.realization,
            "-b", job.backend, "--settings", json.dumps(asdict(job.settings)),
            "--out", str(result), "--quiet", "--ends-after", f"{job.timeout_s + _GRACE_S:g}",
        ]  # fmt: skip
        if job.progress_file:
            command += ["--progress-file", job.progress_file]
        status, reason = _wait(command, log, job, scratch)
        wall = time.perf_counter() - started
        try:
            data = read_run(result)
        except InputError:
            reason = reason or _last_words(log)
            data = {"status": status if status != "ok" else "failed", "reason": reason}
            return _as_run(job, {**data, "wall_s": wall}, None, cached=False)
        data["wall_s"] = wall
        if data["status"] == "ok":
            seal(result, data)
            replace_folder(result, folder)
        return _as_run(job, data, folder, cached=False)


def _wait(command: Sequence[str], log: Path, job: Job, scratch: str) -> tuple[Status, str]:
    """Wait for a process until it ends, its time is over, or the whole comparison is cancelled."""
    deadline = time.monotonic() + job.timeout_s
    cancelled = Path(job.progress_file).with_name(_CANCELLED) if job.progress_file else None
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.PIPE,
                cwd=scratch, start_new_session=True,
                env=child_environment() | {PARENT: str(os.getpid()), INSIDE: "1"},
            )  # fmt: skip
        except FileNotFoundError:
            return "failed", f"{command[0]} does not run: there is no such program"
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    return "timeout", _too_late(job)
                if cancelled is not None and cancelled.exists():
                    return "failed", "cancelled"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
        finally:
            _kill(process)
    code = process.returncode
    if code == ExitStatus.MACHINE:
        raise MachineError("", _last_words(log).removeprefix("error: "))
    if code == -signal.SIGALRM:
        return "timeout", _too_late(job)
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; out of memory?" if name == "SIGKILL" else ""
        return "failed", f"the process died of {name}{hint}"
    return "ok", ""


def _too_late(job: Job) -> str:
    """That its time was over, and how far it had come, where it said so."""
    done = read_progress(job.progress_file) if job.progress_file else 0.0
    how_far = f"; {100 * done:.2g} % of it was done" if done > 0 else ""
    return f"did not finish within {job.timeout_s:g} s{how_far}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "the process ended without a word"


def execute(
    realization: Realization,
    path: Path,
    requests: Iterable[tuple[str, Settings]],
    *,
    jobs: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    executor: Executor | None = None,
    on_start: Callable[[str, str], None] = lambda run_id, progress_file: None,
    on_end: Callable[[Run], None] = lambda run: None,
) -> tuple[Run, ...]:
    """Perform several runs side by side, in the order asked for.

    ``executor`` is anything with the interface of concurrent.futures; threads by default, each waiting
    for its own process. ``on_start`` gets the id of a run and the file to which it writes its progress.
    """
    todo = [
        Job(str(path), realization.digest, backend, settings, timeout_s, fresh)
        for backend, settings in requests
    ]
    return perform_all(
        todo, jobs=jobs, executor=executor,
        on_start=lambda k, job: on_start(job.id, job.progress_file),
        on_end=lambda k, run: on_end(run),
    )  # fmt: skip


def perform_all(
    todo: Sequence[Job],
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    on_start: Callable[[int, Job], None] = lambda k, job: None,
    on_end: Callable[[int, Run], None] = lambda k, run: None,
) -> tuple[Run, ...]:
    """Perform jobs, of several realizations too, side by side; the runs in the order of the jobs.

    The callbacks get the place of the job among those given.
    """
    if jobs is not None and jobs < 1:
        raise InputError("--jobs", f"{jobs} is given; at least 1 is needed")
    with tempfile.TemporaryDirectory(prefix="coincide-progress-") as progress:
        todo = [
            replace(job, progress_file=str(Path(progress) / f"{k}")) for k, job in enumerate(todo)
        ]
        pool = executor or ThreadPoolExecutor(jobs or os.cpu_count() or 1)
        try:
            futures = {}
            for k, job in enumerate(todo):
                on_start(k, job)
                futures[pool.submit(perform, job)] = k
            results = {}
            for future in as_completed(futures):
                k = futures[future]
                try:
                    results[k] = future.result()
                except MachineError:
                    raise
                except Exception as error:  # the executor itself may fail, on a cluster in any way
                    reason = f"{type(error).__name__}: {error}"
                    failed = {"status": "failed", "reason": reason}
                    results[k] = _as_run(todo[k], failed, None, False)
                on_end(k, results[k])
        except BaseException:
            # Every waiting thread sees this file and ends its process.
            (Path(progress) / _CANCELLED).touch()
            if executor is None:
                assert isinstance(pool, ThreadPoolExecutor)
                pool.shutdown(cancel_futures=True)
            raise
        if executor is None:
            assert isinstance(pool, ThreadPoolExecutor)
            pool.shutdown()
        return tuple(results[k] for k in range(len(todo)))


def run_to_folder(
    realization: Realization, backend: str, settings: Settings, out: Path, progress: Progress
) -> dict[str, Any]:
    """Run in this process and write recording and run.json to a folder, atomically.

    Whatever goes wrong in the simulator is the status and reason in run.json. Returns its content.
    """
    experiment = realization.experiment
    data: dict[str, Any] = {
        "format": "coincide-run/1",
        "experiment": experiment.to_dict(),
        "hash": experiment.hash,
        "digest": realization.digest,
        "backend": backend,
        "mode": settings.mode,
        "method": settings.method or (settings.scheme if settings.mode == "lockstep" else ""),
        "settings": asdict(settings),
        "machine": machine(),
    }
    recording = None
    started = time.perf_counter()
    try:
        simulator = load_backend(backend)
        data["version"] = simulator.version()
        recording = simulator.run(realization, settings, progress)
        data["method"] = recording.provenance.get("method", data["method"])
        data["status"] = "ok"
        data["notes"] = list(recording.notes)
        data["spikes"] = {name: len(spikes) for name, spikes in recording.spikes.items()}
    except UnsupportedError as error:
        data |= {"status": "unsupported", "reason": error.reason}
    except RunError as error:
        data |= {"status": "failed", "reason": error.reason}
    except InputError as error:
        data |= {"status": "failed", "reason": str(error)}
    except MemoryError:
        data |= {"status": "failed", "reason": "ran out of memory"}
    except Exception as error:  # a simulator may fail in any way; it costs its own row
        data |= {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
    data["wall_s"] = time.perf_counter() - started
    data["peak_mb"] = _peak_mb()
    with atomic_folder(out) as folder:
        if recording is None:
            write_json(folder / "run.json", data)
        else:
            write_recording(recording, folder, data)
    return data


def _peak_mb() -> float:
    """The most memory that this process has held.

    The kernel's own mark of this program, where there is one: that of getrusage begins with what the process
    held that started this one.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> dict[str, Any]:
    """Where this process runs, for the provenance of a result."""
    packages = ("numpy", "scipy", "brian2", "neuron", "pymonntorch", "torch")
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: v for name in packages if (v := installed_version(name))},
    }


def write_progress(path: str) -> Progress:
    """A callback that keeps the fraction done in a file, for the process that waits."""
    target = Path(path)

    def progress(fraction: float) -> None:
        with contextlib.suppress(OSError):  # it is advice: the run does not depend on it
            target.write_text(f"{fraction:.4f}")

    return progress


def read_progress(path: str) -> float:
    """The fraction done that a run last wrote; 0 before its first word."""
    try:
        return float(Path(path).read_text() or 0.0)
    except (OSError, ValueError):
        return 0.0


def grid_backends() -> tuple[str, ...]:
    """The installed backends that run on a grid, the reference first; the oracle is asked for by name."""
    return tuple(name for name in entries() if name != "oracle" and is_installed(name))
