"""A run as a process of its own: started, waited for, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ...backends.registry import interpreter
from ...core.errors import InputError, MachineError
from ...core.exit_status import ExitStatus
from ...core.seal import seal
from ...core.storage import read_run, replace_folder
from .child import INSIDE, PARENT, child_environment
from .runs import Job, Run, Status, as_run, too_late
from .warm import Fork, forks, workers

CANCELLED = "cancelled"


_LOST = "the worker ended before the run began"
_GRACE_S = 5.0
"""How long after its time a process that nobody ended ends itself."""


def run_in_process(job: Job, folder: Path) -> Run:
    """Perform a run in a process of its own; its recording, sealed, replaces what is in *folder*."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="coincide-", dir=folder.parent) as scratch:
        result = Path(scratch) / "result"
        log = Path(scratch) / "log"
        command = [
            interpreter(job.backend),
            "-m",
            "coincide",
            "run",
            job.realization,
            "-b",
            job.backend,
            "--settings",
            json.dumps(asdict(job.settings)),
            "--out",
            str(result),
            "--quiet",
            "--ends-after",
            f"{job.timeout_s + _GRACE_S:g}",
        ]
        if job.progress_file:
            command += ["--progress-file", job.progress_file]
        status, reason = _wait(_forked(job, log, result) or _fresh(command, log), log, job)
        if reason is _LOST:  # a process of its own says why the simulator cannot be imported
            status, reason = _wait(_fresh(command, log), log, job)
        wall = time.perf_counter() - started
        try:
            data = read_run(result)
        except InputError:
            reason = reason or _last_words(log)
            data = {"status": status if status != "ok" else "failed", "reason": reason}
            return as_run(job, {**data, "wall_s": wall}, None, cached=False)
        data["wall_s"] = wall
        if data["status"] == "ok":
            seal(result, data)
            replace_folder(result, folder)
        return as_run(job, data, folder, cached=False)


def _forked(job: Job, log: Path, result: Path) -> Fork | None:
    """A fork of the worker of its backend; None where that is not safe or there is no worker."""
    if not forks(job.backend, job.settings):
        return None
    task = {
        "realization": job.realization,
        "settings": asdict(job.settings),
        "out": str(result),
        "log": str(log),
        "progress_file": job.progress_file,
        "ends_after": job.timeout_s + _GRACE_S,
        "environment": child_environment() | {INSIDE: "1"},
    }
    try:
        return workers()[job.backend].start(task)
    except OSError:
        return None


def _fresh(command: Sequence[str], log: Path) -> subprocess.Popen[bytes] | str:
    """A process of its own; else why there is none."""
    with log.open("wb") as output:
        try:
            return subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.PIPE,
                cwd=log.parent,
                start_new_session=True,
                env=child_environment() | {PARENT: str(os.getpid()), INSIDE: "1"},
            )
        except FileNotFoundError:
            return f"{command[0]} does not run: there is no such program"


def _wait(process: Fork | subprocess.Popen[bytes] | str, log: Path, job: Job) -> tuple[Status, str]:
    """Wait for a process until it ends, its time is over, or the whole comparison is cancelled."""
    if isinstance(process, str):
        return "failed", process
    deadline = time.monotonic() + job.timeout_s
    cancelled = Path(job.progress_file).with_name(CANCELLED) if job.progress_file else None
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                return "timeout", too_late(job)
            if cancelled is not None and cancelled.exists():
                return "failed", "cancelled"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    finally:
        _kill(process)
    code = process.returncode
    assert code is not None
    if isinstance(process, Fork) and process.lost:
        return "failed", _LOST
    if code == ExitStatus.MACHINE:
        raise MachineError("", _last_words(log).removeprefix("error: "))
    if code == -signal.SIGALRM:
        return "timeout", too_late(job)
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; out of memory?" if name == "SIGKILL" else ""
        return "failed", f"the process died of {name}{hint}"
    return "ok", ""


def _kill(process: Fork | subprocess.Popen[bytes]) -> None:
    """End the process and all that it started."""
    if isinstance(process, Fork):
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "the process ended without a word"
