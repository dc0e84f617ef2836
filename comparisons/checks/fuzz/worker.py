"""Runs of many cases on one backend: a process that has imported the simulator once and forks for each.

So a crash, a hang or a leak costs one case, and a start of the simulator is paid once. Reads tasks from its
standard input, one line of JSON each, and answers each with one line.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from ....backends.registry import load_backend
from ....core.errors import CoincideError
from ....core.realization import Realization
from ....core.settings import Settings
from ...running.child import run_to_folder

COMMANDS = "commands"
"""In the place of a backend: tasks are command lines."""


def _import_all() -> None:
    """Import what commands import when they need it, so that each fork has it."""
    import h5py  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401
    import scipy.stats  # noqa: F401

    from ....models.library import MODELS
    from ...studies.diff import study as diff
    from ...studies.lesion import study

    assert MODELS
    assert all((diff, study))
    _command()


@lru_cache(maxsize=1)
def _command() -> Callable[[Sequence[str]], int]:
    """The command ``coincide`` as it is installed: what is tried here is what a user calls."""
    (command,) = entry_points(group="console_scripts", name="coincide")
    return cast(Callable[[Sequence[str]], int], command.load())


def serve(backend: str) -> None:
    """Answer tasks until the input ends."""
    try:
        if backend == COMMANDS:
            _import_all()
        else:
            load_backend(backend).version()
    except CoincideError as error:
        print(json.dumps({"status": "missing", "reason": str(error)}), flush=True)
        return
    print(json.dumps({"status": "ready"}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_perform(backend, json.loads(line))), flush=True)


def _perform(backend: str, task: dict[str, Any]) -> dict[str, Any]:
    """Do one task in a fork; its status and reason, for a command its exit status and what it printed."""
    log = Path(task["out"]).with_suffix(".log")
    child = os.fork()
    if child == 0:
        _in_the_child(backend, task, log)
    deadline = time.monotonic() + task["timeout_s"]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"status": "timeout", "reason": f"did not finish within {task['timeout_s']:g} s"}
        time.sleep(0.005)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == "SIGXCPU":
            return {"status": "timeout", "reason": "it computes for too long"}
        return {"status": "crashed", "reason": f"the process died of {name}"}
    if "argv" in task:
        return {"status": os.WEXITSTATUS(status), "reason": log.read_text(errors="replace")}
    try:
        data = json.loads((Path(task["out"]) / "run.json").read_text())
    except (OSError, ValueError):
        words = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return {"status": "crashed", "reason": words[-1][:300] if words else "ended without a word"}
    return {"status": data["status"], "reason": data.get("reason", "")}


def _in_the_child(backend: str, task: dict[str, Any], log: Path) -> None:
    os.setsid()
    code = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(Path(task["out"]).parent)
        if "argv" in task:
            resource.setrlimit(resource.RLIMIT_CPU, (task["cpu_s"], task["cpu_s"] + 5))
            # As a terminal that is not one: no colours, lines that are not broken.
            os.environ |= {"COLUMNS": "400", "NO_COLOR": "1", "TERM": "dumb"}
            os.environ["COINCIDE_CACHE_DIR"] = str(Path(task["out"]) / "cache")
            code = _command()(task["argv"])
            return
        settings = Settings(**task["settings"])
        realization = Realization.load(task["realization"])
        run_to_folder(realization, backend, settings, Path(task["out"]), lambda fraction: None)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Nothing of the parent's is to be closed or written a second time.
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
