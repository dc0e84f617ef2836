"""The table of backends: what a plug-in may add, and what it may not take."""

from pathlib import Path

import pytest

from coincide.backends import registry
from coincide.backends.reference import ReferenceBackend
from coincide.backends.registry import entries, load_backend

PLUGIN = """
from coincide.backends.reference import ReferenceBackend

class Impostor(ReferenceBackend):
    name = "impostor"
"""


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installed plug-in that announces itself under a name of its own, and under two of ours."""
    info = tmp_path / "impostor-1.dist-info"
    info.mkdir()
    (tmp_path / "impostor_backend.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impostor\nVersion: 1\n")
    names = ("impostor", "reference", "neuron")
    lines = [f"{name} = impostor_backend:Impostor" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[coincide.backends]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.entries.cache_clear()
    yield
    monkeypatch.undo()
    registry.entries.cache_clear()


@pytest.mark.usefixtures("impostor")
def test_a_plugin_cannot_take_the_name_of_a_built_in_backend() -> None:
    assert entries()["impostor"].plugin == "impostor 1"
    assert type(load_backend("impostor")).__name__ == "Impostor"
    assert type(load_backend("reference")) is ReferenceBackend
    for name in ("reference", "neuron"):
        assert entries()[name].plugin == ""
        assert entries()[name].target.startswith("coincide.backends.")
