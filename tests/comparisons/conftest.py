"""Every test of this folder has a cache of its own, so that none sees another's runs."""

from pathlib import Path

import pytest


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for this test and the processes that it starts."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(folder))
    return folder
