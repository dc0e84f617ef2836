"""Where coincide keeps what it can make again: the user's cache directory.

Code that was compiled there is loaded, so that it has to be the user's own: a folder of somebody else, or one
that others may write to, is used only where ``COINCIDE_CACHE_SHARED=1`` says that this is meant.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MachineError
from .reading import reason_of

SHARED = "COINCIDE_CACHE_SHARED"


def is_shared() -> bool:
    """Whether several users share the cache on purpose."""
    return os.environ.get(SHARED, "") not in ("", "0")


def cache_dir(*parts: str) -> Path:
    """A folder of the cache, made if absent; ``COINCIDE_CACHE_DIR`` moves the whole cache.

    MachineError if the folder cannot be made, or belongs to somebody else or may be written to by others.
    """
    root = os.environ.get("COINCIDE_CACHE_DIR")
    if not root:
        import platformdirs

        root = platformdirs.user_cache_dir("coincide")
    # Absolute, because the processes that share it have other working directories.
    top = Path(root).expanduser().absolute()
    try:
        _make(top)
        _check(top)
        folder = top
        for part in parts:
            folder = folder / part
            _make(folder)
    except OSError as error:
        raise MachineError(
            "COINCIDE_CACHE_DIR", f"{error.filename or top} cannot be made: {reason_of(error)}"
        ) from error
    return folder


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o755, parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # another process was quicker
    if is_shared():
        folder.chmod(0o777)


def _check(top: Path) -> None:
    if is_shared() or not hasattr(os, "getuid"):
        return
    top_stat = top.stat()
    meant = (
        f"set COINCIDE_CACHE_DIR to a folder of your own, or {SHARED}=1 if it is shared on purpose"
    )
    if top_stat.st_uid != os.getuid():
        raise MachineError(
            str(top),
            "belongs to another user, whose compiled code would be loaded from this cache; "
            + meant,
        )
    if top_stat.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        who = "its group" if not top_stat.st_mode & stat.S_IWOTH else "everybody"
        raise MachineError(
            str(top),
            f"may be written to by {who}, and compiled code is loaded from this cache; say "
            f"chmod go-w, if all in it is your own, {meant}",
        )


def allow_others(path: str | Path) -> None:
    """Let others read a file that was made for its maker's eyes only; in a shared cache also write to it."""
    os.chmod(path, 0o666 if is_shared() else 0o644)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the lock beside a path of the cache, against all processes and users that share it."""
    from filelock import FileLock

    with FileLock(f"{path}.lock", mode=0o666 if is_shared() else 0o644):
        yield
