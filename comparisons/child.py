"""What a process of one run does to end with the one that started it, however that one ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ..backends.registry import interpreter
from ..core.errors import InputError
from ..core.reading import reason_of

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
    # The child finds coincide where this process found it, even when it is not installed.
    here = str(Path(__file__).resolve().parents[2])
    paths = [p for p in (os.environ.get("PYTHONPATH"),) if p]
    root = Path(__file__).resolve().parents[1]
    if root.name == "coincide":
        paths.append(here)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "MPLBACKEND": "agg"}
    if paths:
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
