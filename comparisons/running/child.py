"""The process of one run: where it runs, how it ends with the one that started it, what it leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...backends.base import Progress
from ...backends.registry import entries, interpreter, load_backend
from ...core.errors import InputError, RunError, UnsupportedError
from ...core.package import environment_that_finds_it
from ...core.process import ALONE
from ...core.reading import reason_of
from ...core.realization import Realization
from ...core.settings import Settings
from ...core.storage import atomic_folder, write_json, write_recording
from .keys import installed_version

PARENT = "COINCIDE_PARENT"
"""The number of the process that waits for this one, which holds the other end of standard input."""
INSIDE = "COINCIDE_INSIDE"
"""Set in a process that a backend's own interpreter was started for."""
_PR_SET_PDEATHSIG = 1


def end_with_parent(after_s: float | None = None) -> None:
    """End this process when the one that waits for it does, killed or not, and after a time in any case.

    The kernel ends it at once on Linux. Elsewhere, and where another program stands between the two, the end
    of standard input says that nobody waits any more; a simulator's compiled code may delay that.
    """
    if after_s is not None:
        # The default action: nothing of Python has to run for it.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, max(after_s, 0.001))
    parent = os.environ.pop(PARENT, "")
    if not parent:
        return
    if sys.platform == "linux" and os.getppid() == int(parent):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it ended before this was asked for
            os._exit(1)
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    # Its own group, which the parent made: compilers that it started end with it.
    with contextlib.suppress(OSError):
        if os.getpgid(0) == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def wait_for_runs(backend: str) -> dict[str, Any]:
    """Import a backend's simulator and fork for every run asked for; returns in each fork with what to run.

    Tasks come on standard input, one line of JSON each: the number of the run, its realization, settings,
    ``out``, ``log``, ``progress_file``, ``ends_after`` [s] and environment. The answers are the process of a
    fork when it begins and its status when it has ended. When the input ends, all runs end, and this process.
    """
    answers = os.dup(1)
    os.dup2(2, 1)  # a simulator may print a word of its own while it is imported
    load_backend(backend).prepare()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    rest = b""

    def answer(**words: int) -> None:
        os.write(answers, json.dumps(words).encode() + b"\n")

    while True:
        ready, _, _ = select.select([0, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            for pid in tuple(running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    answer(number=running.pop(pid), code=os.waitstatus_to_exitcode(status))
        if 0 not in ready:
            continue
        given = os.read(0, 1 << 16)
        if not given:
            for pid in running:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            os._exit(0)
        *lines, rest = (rest + given).split(b"\n")
        for line in lines:
            task: dict[str, Any] = json.loads(line)
            try:
                pid = os.fork()
            except (
                OSError
            ):  # no room for another process: whoever asked is told, and starts one itself
                answer(number=task["number"])
                continue
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (answers, awake, wake):
                    os.close(descriptor)
                _become(task)
                return task
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)  # here too, so that it is so when the answer is read
            running[pid] = task["number"]
            answer(number=task["number"], pid=pid)


def _become(task: Mapping[str, Any]) -> None:
    """Make a fork what a process of its own would be: its group, its files, its environment, its time."""
    parent = os.getppid()
    os.setpgid(0, 0)
    log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    os.chdir(Path(task["log"]).parent)
    # The worker's own parent and purpose stay.
    kept = {name: os.environ[name] for name in (ALONE,) if name in os.environ}
    os.environ.clear()
    os.environ |= task["environment"] | kept
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(task["ends_after"], 0.001))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the worker ended before this was asked for
        os._exit(1)


def in_its_own_environment(backend: str, arguments: Sequence[str]) -> int | None:
    """Run a command's *arguments* by the interpreter of a backend, if that is another; its exit status.

    COINCIDE_PYTHON_<NAME> names it. The process that does so is told, and runs the backend itself.
    """
    python = interpreter(backend)
    if os.environ.get(INSIDE) or python == sys.executable:
        return None
    environment = child_environment() | {INSIDE: "1"}
    try:
        done = subprocess.run([python, "-m", "coincide", *arguments], env=environment, check=False)
    except OSError as error:
        raise InputError(
            f"COINCIDE_PYTHON_{backend.upper()}",
            f"{python} does not run: {reason_of(error)}; give the path of a Python that has {backend} and "
            "coincide, or unset it",
        ) from error
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def child_environment() -> dict[str, str]:
    """The environment of a process that runs coincide."""
    return environment_that_finds_it(
        {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "MPLBACKEND": "agg"}
    )


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
    needed = [package for entry in entries().values() for package in entry.packages]
    packages = dict.fromkeys(["numpy", "scipy", *needed])
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
