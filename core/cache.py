"""Where coincide keeps what it can make again: the user's cache directory."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir(*parts: str) -> Path:
    """A folder of the cache, made if absent; ``COINCIDE_CACHE_DIR`` moves the whole cache."""
    root = os.environ.get("COINCIDE_CACHE_DIR")
    if root is None:
        import platformdirs

        root = platformdirs.user_cache_dir("coincide")
    folder = Path(root).expanduser().joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
