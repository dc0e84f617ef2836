"""Where coincide keeps what it can make again: the user's cache directory."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError


def cache_dir(*parts: str) -> Path:
    """A folder of the cache, made if absent; ``COINCIDE_CACHE_DIR`` moves the whole cache.

    InputError if the folder cannot be made.
    """
    root = os.environ.get("COINCIDE_CACHE_DIR")
    if not root:
        import platformdirs

        root = platformdirs.user_cache_dir("coincide")
    # Absolute, because the processes that share it have other working directories.
    folder = Path(root).expanduser().absolute().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("COINCIDE_CACHE_DIR", f"{folder} cannot be made: {error}") from error
    return folder
