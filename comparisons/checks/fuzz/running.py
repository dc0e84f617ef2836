"""Cases on backends: every backend has a worker of its own, which several cases wait for."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ....backends.registry import interpreter
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.realize import realize
from ....core.recording import Recording
from ....core.settings import Settings
from ....core.storage import read_recording
from ...running.child import child_environment

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """How a run of a case ended: ``ok``, ``failed``, ``unsupported``, ``timeout`` or ``crashed``."""

    status: str
    reason: str = ""
    folder: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a recording."""
        return self.status == "ok"

    @property
    def recording(self) -> Recording:
        """The recording of a run that ended well."""
        assert self.folder is not None
        return read_recording(self.folder)


class Worker:
    """The process of one backend; it is started at first use, and again after it died."""

    def __init__(self, backend: str, timeout_s: float = TIMEOUT_S) -> None:
        self.backend = backend
        self.timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115

    def run(self, realization: Path, settings: Settings, out: Path) -> Outcome:
        """Run what is drawn in a file, and wait; never raises for what happens in the process."""
        task = {
            "realization": str(realization),
            "out": str(out),
            "timeout_s": self.timeout_s,
            "settings": asdict(settings),
        }
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                answer = self._start()
                if answer["status"] != "ready":
                    return Outcome("failed", answer["reason"])
            answer = self._ask(task)
        return Outcome(
            answer["status"], answer["reason"], out if answer["status"] == "ok" else None
        )

    def command(self, argv: Sequence[str], folder: Path, cpu_s: float) -> dict[str, Any]:
        """Do a command line in a fork; its exit status (or ``crashed``, ``timeout``) and what it printed."""
        task = {
            "argv": list(argv),
            "out": str(folder),
            "timeout_s": self.timeout_s,
            "cpu_s": int(cpu_s),
        }
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            return self._ask(task)

    def _start(self) -> dict[str, Any]:
        environment = child_environment() | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [
                interpreter(self.backend),
                "-m",
                "coincide.comparisons.checks.fuzz.worker",
                self.backend,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env=environment,
            start_new_session=True,
        )
        return self._answer()

    def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._died()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        for line in process.stdout:
            # A simulator may print a word of its own while it is imported.
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict) and "status" in answer:
                    return {"reason": "", **answer}
        return self._died()

    def _died(self) -> dict[str, Any]:
        """What is said of a process that ended, with its last words."""
        self._words.seek(0)
        words = self._words.read().decode(errors="replace").strip().split("\n")[-1][:300]
        return {"status": "crashed", "reason": f"the process of {self.backend} ended: {words}"}

    def close(self) -> None:
        """End the process and what it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()
        self._process = None


class Workers:
    """The workers of some backends, closed together.

    >>> with Workers(["reference"]) as workers:  # doctest: +SKIP
    ...     workers["reference"].run(path, Settings(), folder)
    """

    def __init__(self, backends: list[str], timeout_s: float = TIMEOUT_S) -> None:
        self._workers = {name: Worker(name, timeout_s) for name in backends}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.close()

    def __getitem__(self, backend: str) -> Worker:
        return self._workers[backend]


def realized(experiment: Experiment, folder: Path) -> tuple[Realization, Path]:
    """What an experiment draws, and the file that holds it for the workers."""
    realization = realize(experiment)
    path = folder / "drawn.npz"
    realization.save(path)
    return realization, path


if sys.platform == "win32":  # pragma: no cover
    raise ImportError("workers fork, which Windows cannot")
