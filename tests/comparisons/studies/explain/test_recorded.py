"""What two recordings alone can tell about why they differ, with `diff --explain`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.comparisons.checks.faults.catalogue import FAULTS
from coincide.comparisons.cli import main
from coincide.comparisons.running.child import run_to_folder
from coincide.comparisons.studies.explain.recorded import explain_recordings
from coincide.core.realize import realize
from coincide.core.recording import Recording, Spikes
from coincide.core.settings import Settings
from coincide.models.library import load_model

RECORDED = [name for name, fault in FAULTS.items() if fault.recording is not None]
LABELS = ("theirs", "ours")


@pytest.fixture(scope="module")
def healthy() -> Recording:
    model = realize(load_model("lif_80").with_(duration="200 ms"))
    return load_backend("reference").run(model, Settings())


def planted(name: str, recording: Recording) -> Recording:
    change = FAULTS[name].recording
    assert change is not None
    changed = change(recording)
    assert changed is not None
    return changed


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorders_mistake_is_named_without_running(name: str, healthy: Recording) -> None:
    found = explain_recordings(planted(name, healthy), healthy, LABELS)
    assert found.causes[0].cause == FAULTS[name].cause
    assert found.after.settled
    assert not found.runs


@pytest.mark.parametrize("name", ["cell_lost", "tail_lost", "nan_late", "samples_single"])
def test_the_second_recording_may_be_the_wrong_one(name: str, healthy: Recording) -> None:
    found = explain_recordings(healthy, planted(name, healthy), LABELS)
    assert found.causes[0].cause == FAULTS[name].cause
    assert found.after.settled


def test_lag_factor_and_lost_cell_are_given_in_numbers(healthy: Recording) -> None:
    late = explain_recordings(planted("stamps_late", healthy), healthy, LABELS)
    assert "2 steps (0.2 ms) late" in late.causes[0].hypothesis.words
    scaled = explain_recordings(planted("trace_unit", healthy), healthy, LABELS)
    assert scaled.causes[0].hypothesis.factor == pytest.approx(1e-3)
    lost = explain_recordings(planted("cell_lost", healthy), healthy, LABELS)
    gone = np.bincount(healthy.spikes["exc"].cells).argmax()
    assert f"1 cell (exc {gone})" in lost.causes[0].hypothesis.words


def test_two_mistakes_at_once_are_both_named(healthy: Recording) -> None:
    both = planted("samples_single", planted("stamps_late", healthy))
    causes = [f.cause for f in explain_recordings(both, healthy, LABELS).causes]
    assert {"spike_stamp", "precision"} <= set(causes)


def test_nothing_is_named_where_recordings_are_equal_or_unrelated(healthy: Recording) -> None:
    same = explain_recordings(healthy, replace(healthy, provenance={}), LABELS)
    assert not same.causes
    rng = np.random.default_rng(5)
    spikes = {
        name: Spikes.from_steps(rng.integers(0, 2000, len(s)), rng.permutation(s.cells), 0.1)
        for name, s in healthy.spikes.items()
    }
    other = explain_recordings(replace(healthy, spikes=spikes, traces={}), healthy, LABELS)
    assert not other.causes
    assert other.unexplained == 1.0


def test_stamps_of_one_population_are_not_blamed_for_what_all_do(healthy: Recording) -> None:
    late = planted("stamps_late", healthy).spikes["inh"]
    kept = healthy.spikes["exc"].cells % 2 == 0
    exc = Spikes(healthy.spikes["exc"].times[kept] + 0.3, healthy.spikes["exc"].cells[kept])
    found = explain_recordings(
        replace(healthy, spikes={"exc": exc, "inh": late}, traces={}), healthy, LABELS
    )
    assert "spike_stamp" not in [f.cause for f in found.causes]


def test_the_command_explains_foreign_files(
    tmp_path: Path, healthy: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(name: str, recording: Recording) -> str:
        rows = ["time,cell,population"] + [
            f"{time!r},{cell},{population}"
            for population, s in recording.spikes.items()
            for time, cell in zip(s.times.tolist(), s.cells.tolist(), strict=True)
        ]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
        return str(tmp_path / name)

    ours = write("ours.csv", healthy)
    theirs = write("theirs.csv", planted("busy_steps", healthy))
    out = str(tmp_path / "diff.json")
    assert main(["diff", theirs, ours, "--explain", "--json", out]) == 0
    said = capsys.readouterr().out
    assert "lost_spikes" in said
    assert "Nothing was run" in said
    data = json.loads(Path(out).read_text())
    assert data["explanation"]["causes"][0]["cause"] == "lost_spikes"
    assert "in steps with more than 1" in data["explanation"]["causes"][0]["words"]
    assert main(["diff", theirs, str(tmp_path / "nothing.csv"), "--explain"]) == 2


def test_the_command_explains_stored_runs(tmp_path: Path) -> None:
    model = realize(load_model("lif_10"))
    for backend in ("reference", "fault:stamps_early:reference"):
        folder = tmp_path / backend.partition(":")[0]
        run_to_folder(model, backend, Settings(), folder, lambda fraction: None)
    out = str(tmp_path / "diff.json")
    assert (
        main(["diff", f"{tmp_path}/fault", f"{tmp_path}/reference", "--explain", "--json", out])
        == 0
    )
    assert json.loads(Path(out).read_text())["explanation"]["causes"][0]["cause"] == "spike_stamp"
