"""Warm workers: a process that has imported a simulator once, and forks a child for every run.

A crash, a hang or a leak costs one run, as with a process of its own, and what a run leaves behind is the
same; only the start of the interpreter and the imports are paid once. A `Worker` is kept for each backend of
the process that runs studies; it ends when that process does, for it reads from it. See `child.wait_for_runs`
for its other end.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any

from ...backends.registry import entries, interpreter
from ...core.settings import Settings
from .child import INSIDE, child_environment

COLD = "COINCIDE_COLD"
"""Set where every run is to be a fresh process."""
_OWN = ("COINCIDE_", "PYTEST_CURRENT_TEST", "COLUMNS", "LINES")
"""Variables of the environment that a worker takes over with each run, and need not be started anew for."""


def forks(backend: str, settings: Settings) -> bool:
    """Whether runs of a backend with some settings may be forks of one process.

    Not on a device, whose driver does not survive a fork; not off Linux, whose libraries may not; not of a
    plug-in, which says nothing of it and may be edited between two runs.
    """
    if sys.platform != "linux" or settings.device != "cpu" or os.environ.get(COLD):
        return False
    return not entries()[backend].plugin


class Fork:
    """A run in a worker, with what `subprocess.Popen` has of a process."""

    stdin = None

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker, self._number = worker, number
        self._ended = threading.Event()
        self.pid: int | None = None
        self.returncode: int | None = None
        self.lost = False
        """Whether the worker ended before this run began."""

    def began(self, pid: int) -> None:
        """It has been forked."""
        self.pid = pid

    def end(self, returncode: int) -> None:
        """It has ended, with a status or, below 0, by a signal."""
        self.returncode = returncode
        self._ended.set()

    def gone(self) -> None:
        """The worker is no more: a run that had begun was ended with it."""
        if self.returncode is None:
            self.lost = self.pid is None
            self.end(-signal.SIGKILL)

    def poll(self) -> int | None:
        """Its status if it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; subprocess.TimeoutExpired if that takes longer."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("run", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it and all that it started; a worker that still imports is ended as a whole."""
        if self.returncode is not None:
            return
        if self.pid is None:
            self._worker.close()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._ended.wait(10.0)


class Worker:
    """A process that has imported one backend, as this process sees it."""

    def __init__(self, backend: str, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._forks: dict[int, Fork] = {}
        self._numbers = count()
        self._closed = False
        self.process = subprocess.Popen(
            [interpreter(backend), "-m", "coincide", "run", "-", "-b", backend, "--waits"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
            env=dict(environment),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it takes runs."""
        return not self._closed and self.process.poll() is None

    def start(self, task: Mapping[str, Any]) -> Fork:
        """Fork a child for a run; see `child.wait_for_runs` for what a task has."""
        with self._lock:
            fork = Fork(self, next(self._numbers))
            self._forks[fork._number] = fork
            line = json.dumps({**task, "number": fork._number}) + "\n"
            assert self.process.stdin is not None
            try:
                self.process.stdin.write(line.encode())
                self.process.stdin.flush()
            except (OSError, ValueError):
                fork.gone()
        if self._closed:
            fork.gone()
        return fork

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                fork = self._forks[said["number"]]
                if "pid" in said:
                    fork.began(said["pid"])
                    continue
                del self._forks[said["number"]]
                if "code" in said:
                    fork.end(said["code"])
                else:
                    fork.gone()
        self.close()
        self.process.stdout.close()

    def close(self) -> None:
        """End the process and the runs in it."""
        self._closed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for fork in tuple(self._forks.values()):
            if fork.pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(fork.pid, signal.SIGKILL)
            fork.gone()
        with contextlib.suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.wait()


class Workers:
    """The worker of each backend, started at first use and again where it died or its environment changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, tuple[Mapping[str, str], Worker]] = {}

    def __getitem__(self, backend: str) -> Worker:
        environment = child_environment() | {INSIDE: "1"}
        key = {k: v for k, v in environment.items() if not k.startswith(_OWN)}
        key["python"] = interpreter(backend)
        with self._lock:
            known = self._workers.get(backend)
            if known is not None and known[0] == key and known[1].alive:
                return known[1]
            worker = Worker(backend, environment)
            self._workers[backend] = (key, worker)
        if known is not None and known[1].alive:
            known[1].close()
        return worker

    def close(self) -> None:
        """End them all."""
        with self._lock:
            for _, worker in self._workers.values():
                worker.close()
            self._workers.clear()


def workers() -> Workers:
    """Those of this process; a fork of it, as an executor makes them, has its own."""
    return _workers_of(os.getpid())


@lru_cache(maxsize=1)
def _workers_of(pid: int) -> Workers:
    made = Workers()
    atexit.register(lambda: made.close() if os.getpid() == pid else None)
    return made
