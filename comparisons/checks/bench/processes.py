"""Processes whose time and memory are measured, and the machine on which they were."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One process that ended.

    Attributes:
        wall_s: from its start to its end.
        cpu_s: that all its threads and children computed; little changed by what else runs.
        peak_mb: the most memory it held (the largest of its children where they held more).
        output: its standard output.
        problem: why it did not end well; empty if it did.
        timed_out: whether it was stopped.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str
    problem: str = ""
    timed_out: bool = False

    @property
    def line(self) -> dict[str, Any]:
        """The JSON of its last line; empty if it is none."""
        lines = self.output.strip().splitlines()
        try:
            found = json.loads(lines[-1]) if lines else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def but(self, problem: str) -> Measured:
        """The same, marked as gone wrong."""
        return replace(self, problem=problem)


def measure(
    command: Sequence[str | Path], timeout_s: float, environment: Mapping[str, str] | None = None
) -> Measured:
    """Run a process in a session of its own and in an empty folder, and measure it.

    Never raises for what happens in the process. Memory is what the kernel says of this process
    (wait4), at least what this one held when it started it.
    """
    with tempfile.TemporaryDirectory(prefix="coincide-bench-") as scratch:
        out, err = Path(scratch) / "stdout", Path(scratch) / "stderr"
        started = time.perf_counter()
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdout=output,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                cwd=scratch,
                start_new_session=True,
                env={**os.environ, "MPLBACKEND": "agg", **(environment or {})},
            )
            stopped = threading.Event()

            def stop() -> None:
                stopped.set()
                _kill(process.pid)

            timer = threading.Timer(timeout_s, stop)
            timer.start()
            try:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                wall = time.perf_counter() - started
            finally:
                timer.cancel()
                # Before the number of the session is given back and can be another's.
                _kill(process.pid)
                _, status, usage = os.wait4(process.pid, 0)
        # Told here, or Popen would wait for a process that is gone.
        process.returncode = os.waitstatus_to_exitcode(status)
        text, words = out.read_text(errors="replace"), err.read_text(errors="replace")
    problem = ""
    if stopped.is_set():
        problem = f"did not finish within {timeout_s:g} s"
    elif process.returncode:
        last = [line.strip() for line in (words or text).splitlines() if line.strip()]
        said = last[-1][:300] if last else "without a word"
        problem = f"ended with status {process.returncode}: {said}"
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(wall, cpu, usage.ru_maxrss / 1024, text, problem, stopped.is_set())


def _kill(pid: int) -> None:
    """End a session that `measure` started, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def in_turn(
    makers: Mapping[str, Callable[[], Measured]],
    rounds: int,
    done: Callable[[str], None] = lambda name: None,
) -> dict[str, list[Measured]]:
    """Measure several things in turn, A B C A B C …, so that a load that comes and goes meets all.

    One that goes wrong is not tried again.
    """
    found: dict[str, list[Measured]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            if found[name] and found[name][-1].problem:
                continue
            found[name].append(make())
            done(name)
    return found


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float | None:
    """The median over pairs of a_k/b_k; None without a pair, or where b is not > 0."""
    ratios = [a / b for a, b in zip(above, below, strict=False) if b > 0]
    return statistics.median(ratios) if ratios else None


def machine_line() -> str:
    """The machine in words: processor, cores, system, Python, and how busy it is now."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    return (
        f"{processor()}, {cores} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f}"
    )


def processor() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
