"""What can go wrong, as types that say where, what was given, what is allowed and what to do.

CoincideError
├── InputError          the description, a file or an option is wrong      exit status 2
├── UnsupportedError    a backend cannot run this, because …               exit status 3
├── RunError            a simulator crashed, hung or returned nonsense     exit status 3
└── MachineError        a disk is full, a folder cannot be written         exit status 4
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

from .exit_status import ExitStatus


class CoincideError(Exception):
    """Any error that coincide explains to its user instead of showing a traceback."""

    exit_status: int = ExitStatus.FAILED


class InputError(CoincideError, ValueError):
    """Something given to coincide is wrong; the message names the place and what is allowed."""

    exit_status: int = ExitStatus.BAD_INPUT

    def __init__(self, where: str, problem: str, relative: bool = False) -> None:
        self.where = where
        self.problem = problem
        # Whether *where* begins with a kind of part instead of the name of one, as in Uniform.low.
        self.relative = relative
        super().__init__(f"{where}: {problem}" if where else problem)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, bool]]:
        return type(self), (self.where, self.problem, self.relative)


class UnsupportedError(CoincideError):
    """A backend cannot run an experiment; never an approximation in silence."""

    def __init__(self, backend: str, reason: str) -> None:
        self.backend = backend
        self.reason = reason
        super().__init__(f"{backend}: unsupported, because {reason}")

    def __reduce__(self) -> tuple[type[UnsupportedError], tuple[str, str]]:
        return type(self), (self.backend, self.reason)


class RunError(CoincideError):
    """A run ended without a recording that keeps the contract."""

    def __init__(self, backend: str, reason: str) -> None:
        self.backend = backend
        self.reason = reason
        super().__init__(f"{backend}: {reason}")

    def __reduce__(self) -> tuple[type[RunError], tuple[str, str]]:
        return type(self), (self.backend, self.reason)


class MachineError(CoincideError):
    """The machine does not do what is needed: a disk is full, a folder cannot be written, or trusted."""

    exit_status: int = ExitStatus.MACHINE

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}" if where else problem)

    def __reduce__(self) -> tuple[type[MachineError], tuple[str, str]]:
        return type(self), (self.where, self.problem)

    @classmethod
    def of(cls, error: OSError, where: str = "") -> MachineError:
        """What the system says, with what to do where that is known."""
        where = where or str(error.filename or "")
        said = os.strerror(error.errno).lower() if error.errno else str(error)
        return cls(where, f"{said}{_REMEDIES.get(error.errno or 0, '')}")


_CACHE = "COINCIDE_CACHE_DIR moves the cache, TMPDIR what is only needed for a while"
_REMEDIES = {
    errno.ENOSPC: f"; make room, or write elsewhere: {_CACHE}",
    errno.EDQUOT: f"; make room, or write elsewhere: {_CACHE}",
    errno.EFBIG: "; the system allows no larger file (ulimit -f)",
    errno.EROFS: f"; write elsewhere: {_CACHE}",
    errno.EACCES: f"; write elsewhere: {_CACHE}",
    errno.EMFILE: "; allow more open files (ulimit -n), or take fewer --jobs",
    errno.ENOMEM: "; take a smaller model, or fewer --jobs",
    errno.EAGAIN: "; the system allows no more processes (ulimit -u); take fewer --jobs",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known name, and all of them when they are few."""
    names = sorted(known)
    if not names:
        return "there is none"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:12])}, …"
    return f"did you mean {close[0]!r}? known: {listed}" if close else f"known: {listed}"


def unknown(where: str, kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that does not exist, with the nearest valid one."""
    return InputError(where, f"there is no {kind} {name!r}; {nearest(name, known)}")
