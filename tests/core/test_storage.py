"""Recordings on disk: SONATA that libsonata reads, every bit kept, nothing half-written."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.caveats import Caveat
from coincide.core.errors import InputError
from coincide.core.recording import Recording, Spikes, Trace
from coincide.core.storage import (
    RUN_FILE,
    SPIKES_FILE,
    atomic_folder,
    read_recording,
    read_report,
    read_run,
    read_spikes,
    write_json,
    write_recording,
)


def recording(
    times: Any = (0.3, 0.1, 0.1, 12.7), cells: Any = (2, 5, 1, 0), values: Any = None
) -> Recording:
    rng = np.random.default_rng(1)
    values = rng.normal(-60, 5, (101, 3)) if values is None else values
    return Recording(
        duration_ms=10.0,
        dt_ms=0.1,
        spikes={"exc": Spikes.sorted(times, cells), "inh": Spikes.sorted([], [])},
        traces={
            ("exc", "v"): Trace(values, np.array([4, 0, 2], dtype=np.int32), "mV", 0.0, 0.1),
            ("inh", "v"): Trace(values[:, :1] / 2, np.array([0], dtype=np.int32), "mV", 0.0, 0.1),
            ("exc", "g_ampa"): Trace(
                np.abs(values), np.array([0, 1, 2], dtype=np.int32), "nS", 0.0, 0.1
            ),
        },
        sizes={"exc": 6, "inh": 2},
        notes=("delays are rounded", "µ"),
        caveats=(Caveat("implausible", "exc.v of cell 2", "reaches 1e26 mV"),),
        build_s=0.25,
        run_s=1.5,
    )


def written(folder: Path, what: Recording | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    write_recording(what or recording(), folder, {"backend": "reference", "status": "ok"})
    return folder


def test_a_recording_survives_its_files_to_the_bit(tmp_path: Path) -> None:
    before = recording()
    after = read_recording(written(tmp_path, before))
    assert (after.duration_ms, after.dt_ms) == (10.0, 0.1)
    assert after.sizes == before.sizes
    assert after.notes == before.notes
    assert after.caveats == before.caveats
    assert (after.build_s, after.run_s) == (0.25, 1.5)
    assert after.provenance["backend"] == "reference"
    assert after.spikes.keys() == before.spikes.keys()
    for name, spikes in before.spikes.items():
        assert after.spikes[name].times.tobytes() == spikes.times.tobytes()
        assert after.spikes[name].cells.tolist() == spikes.cells.tolist()
    assert after.traces.keys() == before.traces.keys()
    for key, trace in before.traces.items():
        assert after.traces[key].values.tobytes() == trace.values.tobytes()
        assert after.traces[key].cells.tolist() == trace.cells.tolist()
        assert (after.traces[key].unit, after.traces[key].start_ms, after.traces[key].dt_ms) == (
            trace.unit,
            0.0,
            0.1,
        )
        assert np.array_equal(after.traces[key].times, trace.times)


def test_the_provenance_of_a_run_is_kept(tmp_path: Path) -> None:
    own = {"device": "cpu", "precision": "float32", "steps": np.int64(5), "target": None}
    after = read_recording(written(tmp_path / "a", replace(recording(), provenance=own)))
    assert read_run(tmp_path / "a")["provenance"] == {**own, "steps": 5}
    assert {key: after.provenance[key] for key in own} == own
    assert after.provenance["backend"] == "reference"
    # Written again, nothing is nested or lost.
    again = read_recording(written(tmp_path / "b", after))
    assert again.provenance == after.provenance
    assert read_run(tmp_path / "b") == read_run(tmp_path / "a")


def test_large_traces_stay_in_their_file(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(-60, 5, (20_001, 100))
    trace = Trace(values, np.arange(100, dtype=np.int32), "mV", 0.0, 0.1)
    before = recording()
    whole = replace(before, traces={("exc", "v"): trace}, sizes={**before.sizes, "exc": 100})
    tracemalloc.start()
    after = read_recording(written(tmp_path, whole))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 10
    read = after.traces["exc", "v"].values
    assert np.array_equal(read, values)
    assert not read.flags.writeable
    # Written over its own files, what was read stays as it was, and the files are whole.
    half = replace(after, traces={("exc", "v"): replace(trace, values=read * 0.5)})
    write_recording(after, tmp_path, {})
    write_recording(half, tmp_path, {})
    assert np.array_equal(read, values)
    assert np.array_equal(read_recording(tmp_path).traces["exc", "v"].values, values * 0.5)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("how", [{"chunks": True}, {"dtype": ">f8"}, {"userblock_size": 512}])
def test_a_large_report_of_another_kind_is_read(how: dict[str, Any], tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(-60, 5, (20_001, 100))
    block = how.pop("userblock_size", 0)
    with h5py.File(tmp_path / "v.h5", "w", userblock_size=block) as file:
        group = file.create_group("report/exc")
        group.create_dataset("data", data=values, **how).attrs["units"] = "mV"
        group["mapping/node_ids"] = np.arange(100, dtype=np.uint64)
        group["mapping/time"] = np.array([0.0, 2000.1, 0.1])
    assert np.array_equal(read_report(tmp_path / "v.h5")["exc"].values, values)


@pytest.mark.parametrize(
    ("unit", "factor", "kept"),
    [("V", 1e3, "mV"), (b"nA", 1e3, "pA"), ("mV", 1.0, "mV"), ("furlongs?", 1.0, "furlongs?")],
)
def test_a_report_is_read_in_internal_units(
    unit: str | bytes, factor: float, kept: str, tmp_path: Path
) -> None:
    before = recording().traces["exc", "v"].values
    with h5py.File(written(tmp_path) / "v.h5", "a") as file:
        file["report/exc/data"].attrs["units"] = unit
    trace = read_report(tmp_path / "v.h5")["exc"]
    assert trace.unit == kept
    assert np.array_equal(trace.values, before * factor)


numbers = st.floats(width=64, allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 2**31 - 1)), max_size=20),
    st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5),
)
def test_any_numbers_survive(
    tmp_path_factory: pytest.TempPathFactory,
    spikes: list[tuple[float, int]],
    samples: list[tuple[float, float, float]],
) -> None:
    before = recording(
        [t for t, _ in spikes], [c for _, c in spikes], np.array(samples, dtype=np.float64)
    )
    most = max((c for _, c in spikes), default=0) + 1
    before = replace(before, sizes={**before.sizes, "exc": max(6, most)})
    # Single precision holds less; its infinities are for SONATA's readers alone.
    with np.errstate(over="ignore"):
        after = read_recording(written(tmp_path_factory.mktemp("any"), before))
    assert after.traces["exc", "v"].values.tobytes() == before.traces["exc", "v"].values.tobytes()
    assert after.spikes["exc"].times.tobytes() == before.spikes["exc"].times.tobytes()
    assert after.spikes["exc"].cells.tolist() == before.spikes["exc"].cells.tolist()
    assert sorted(spikes) == list(
        zip(after.spikes["exc"].times.tolist(), after.spikes["exc"].cells.tolist(), strict=True)
    )


def test_libsonata_reads_the_spikes(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    reader = libsonata.SpikeReader(str(written(tmp_path) / SPIKES_FILE))
    assert sorted(reader.get_population_names()) == ["exc", "inh"]
    population = reader["exc"]
    assert population.sorting == "by_time"
    # The pairs come as (cell, time).
    assert population.get() == [(1, 0.1), (5, 0.1), (2, 0.3), (0, 12.7)]
    assert population.get(tstart=0.2, tstop=1.0) == [(2, 0.3)]
    assert reader["inh"].get() == []


def test_libsonata_reads_the_reports(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    before = recording()
    written(tmp_path, before)
    for variable, unit in (("v", "mV"), ("g_ampa", "nS")):
        report = libsonata.ElementReportReader(str(tmp_path / f"{variable}.h5"))
        population = report["exc"]
        assert population.data_units == unit
        assert population.time_units == "ms"
        start, stop, dt = population.times
        assert (start, dt) == (0.0, 0.1)
        # The interval is half-open: 101 samples from 0 to 10 ms end before 10.1 ms.
        assert stop == pytest.approx(10.1, abs=1e-12)
        assert population.sorted == (variable == "g_ampa")
        trace = before.traces["exc", variable]
        assert sorted(population.get_node_ids()) == sorted(trace.cells.tolist())
        frame = population.get()
        assert len(frame.times) == 101
        columns = [[int(node) for node, _ in frame.ids].index(c) for c in trace.cells.tolist()]
        assert np.array_equal(np.asarray(frame.data)[:, columns], trace.values.astype(np.float32))
        some = population.get(node_ids=[2], tstart=1.0, tstop=2.0)
        assert some.times[0] == pytest.approx(1.0)
        assert np.asarray(some.data).shape[1] == 1


def test_the_files_say_what_they_are(tmp_path: Path) -> None:
    written(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "g_ampa.h5",
        RUN_FILE,
        SPIKES_FILE,
        "v.h5",
    ]
    for name in ("spikes.h5", "v.h5"):
        with h5py.File(tmp_path / name) as file:
            assert file.attrs["magic"] == 0x0A7A
            assert file.attrs["version"].tolist() == [0, 1]
    with h5py.File(tmp_path / SPIKES_FILE) as file:
        assert (np.diff(file["spikes/exc/timestamps"][:]) >= 0).all()
        assert file["spikes/exc/timestamps"].attrs["units"] == "ms"
    run = read_run(tmp_path)
    assert run["variables"] == ["g_ampa", "v"]
    assert run["notes"] == ["delays are rounded", "µ"]


def test_a_variable_called_like_the_spikes_keeps_both(tmp_path: Path) -> None:
    trace = Trace(np.ones((3, 1)), np.zeros(1, dtype=np.int32), "1", 0.0, 0.1)
    before = Recording(
        0.2, 0.1, {"exc": Spikes.sorted([0.1], [0])}, {("exc", "spikes"): trace}, {"exc": 1}
    )
    after = read_recording(written(tmp_path, before))
    assert len(after.spikes["exc"]) == 1
    assert after.traces["exc", "spikes"].values.tolist() == [[1.0], [1.0], [1.0]]


def test_cells_of_sources_and_empty_recordings(tmp_path: Path) -> None:
    empty = Recording(1.0, 0.1, {}, {}, {})
    assert read_recording(written(tmp_path / "empty", empty)).spikes == {}
    no_cells = Trace(np.empty((3, 0)), np.empty(0, dtype=np.int32), "mV", 0.0, 0.1)
    trace = read_recording(
        written(tmp_path / "none", Recording(0.2, 0.1, {}, {("exc", "v"): no_cells}, {"exc": 1}))
    ).traces["exc", "v"]
    assert trace.values.shape == (3, 0)


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole")

    def broken(name: str, change: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in whole.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        change(folder)
        return folder

    def lengths(folder: Path) -> None:
        with h5py.File(folder / SPIKES_FILE, "a") as file:
            del file["spikes/exc/node_ids"]
            file["spikes/exc/node_ids"] = np.arange(2)

    def unit(folder: Path) -> None:
        with h5py.File(folder / SPIKES_FILE, "a") as file:
            file["spikes/exc/timestamps"].attrs["units"] = "s"

    def no_time(folder: Path) -> None:
        with h5py.File(folder / "v.h5", "a") as file:
            del file["report/exc/mapping/time"]

    def run_json(**more: object) -> Callable[[Path], None]:
        def change(folder: Path) -> None:
            run = json.loads((folder / RUN_FILE).read_text())
            (folder / RUN_FILE).write_text(json.dumps(run | more))

        return change

    def nested(folder: Path) -> None:
        text = (folder / RUN_FILE).read_text().rstrip()[:-1]
        (folder / RUN_FILE).write_text(f'{text}, "deep": {"[" * 3000}{"]" * 3000}}}')

    def soft(folder: Path) -> None:
        with h5py.File(folder / SPIKES_FILE, "a") as file:
            del file["spikes/exc/timestamps"]
            file["spikes/exc/timestamps"] = h5py.SoftLink("/spikes/exc/node_ids")

    def loop(folder: Path) -> None:
        with h5py.File(folder / SPIKES_FILE, "a") as file:
            file["spikes/again"] = h5py.SoftLink("/spikes")

    def external(folder: Path) -> None:
        with h5py.File(folder / "v.h5", "a") as file:
            del file["report/exc/data_float64"]
            file["report/exc/data_float64"] = h5py.ExternalLink("/etc/passwd", "/")

    def number(dataset: str, value: float) -> Callable[[Path], None]:
        def change(folder: Path) -> None:
            with h5py.File(folder / SPIKES_FILE, "a") as file:
                found = file[f"spikes/exc/{dataset}"][()].astype(float)
                del file[f"spikes/exc/{dataset}"]
                found[0] = value
                file[f"spikes/exc/{dataset}"] = found

        return change

    def links(folder: Path) -> None:
        (folder / "v.h5").unlink()
        (folder / "v.h5").symlink_to(folder / "v.h5")

    def lacking(folder: Path) -> None:
        run = json.loads((folder / RUN_FILE).read_text())
        del run["dt_ms"]
        (folder / RUN_FILE).write_text(json.dumps(run))

    cases = {
        "run": (lambda f: (f / RUN_FILE).unlink(), f"{RUN_FILE}: cannot be read"),
        "text": (
            lambda f: (f / RUN_FILE).write_text("{"),
            f"{RUN_FILE}, line 1, column 2: is no JSON",
        ),
        "list": (lambda f: (f / RUN_FILE).write_text("[]"), f"{RUN_FILE}: is no JSON object"),
        "dt": (lacking, "lacks 'dt_ms'"),
        "spikes": (lambda f: (f / SPIKES_FILE).unlink(), "there is no such file"),
        "short": (lambda f: (f / SPIKES_FILE).write_bytes(b"HDF"), "is no HDF5 file"),
        "lengths": (lengths, "times, but 2 cells"),
        "nested": (nested, "is nested too deeply"),
        "soft": (soft, "is a link to somewhere else, which is not followed"),
        "loop": (loop, "is a link to somewhere else, which is not followed"),
        "external": (external, "is a link to somewhere else, which is not followed"),
        "links": (links, "there is no such file"),
        "nan": (number("timestamps", np.nan), "has a time that is no finite number"),
        "half": (number("node_ids", 1.5), "1.5 is no number of a cell"),
        "below": (number("node_ids", -1), "-1.0 is no number of a cell"),
        "beyond": (number("node_ids", 2**32), "is no number of a cell"),
        "sizes": (run_json(sizes={"exc": 1}), "sizes.exc: 1, but there is a spike of cell"),
        "no size": (run_json(sizes={}), "sizes: lacks 'exc', of which there is a spike"),
        "negative": (run_json(sizes={"exc": -6}), "sizes.exc: "),
        "absolute": (run_json(variables=["/etc/passwd"]), "'/etc/passwd' is no name of a variable"),
        "up": (run_json(variables=["../v"]), "'../v' is no name of a variable"),
        "dots": (run_json(variables=[".."]), "is no name of a variable"),
        "unit": (unit, "spike times in 's'; 'ms' is needed"),
        "report": (lambda f: (f / "v.h5").unlink(), "there is no such file"),
        "time": (no_time, "lacks data, mapping/node_ids or mapping/time"),
    }
    for name, (change, words) in cases.items():
        folder = broken(name, change)
        with pytest.raises(InputError) as caught:
            read_recording(folder)
        assert str(folder) in str(caught.value)
        assert words in str(caught.value), name
    for reader in (read_spikes, read_report):
        with pytest.raises(InputError, match="absent"):
            reader(tmp_path / "absent.h5")


# --- all or nothing -----------------------------------------------------------------------------


def content(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


def fill(folder: Path, text: str, names: str = "") -> None:
    for name in (*names, RUN_FILE):
        (folder / name).write_text(text)


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "run"
    with atomic_folder(target) as folder:
        fill(folder, "1")
        assert not target.exists()
        assert folder.parent == target.parent  # the same disk, so that the move is one step
    assert content(target) == {RUN_FILE: "1"}
    assert target.stat().st_mode & 0o777 == 0o755
    assert [p.name for p in target.parent.iterdir()] == ["run"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    before: dict[str, str] = {}
    for k, names in enumerate(("ab", "b", "", "ac")):
        with atomic_folder(target) as folder:
            fill(folder, str(k), names)
            assert content(target) == before
        before = dict.fromkeys((*names, RUN_FILE), str(k))
        assert content(target) == before
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_error_leaves_what_was_there(error: type[BaseException], tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        with atomic_folder(target) as folder:
            fill(folder, "half", "a")
            raise error

    with pytest.raises(error):
        fail(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "run") as folder:
        fill(folder, "old")
    with pytest.raises(error):
        fail(tmp_path / "run")
    assert content(tmp_path / "run") == {RUN_FILE: "old"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_what_is_no_run_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("three years")
    for target, words in [
        (tmp_path / "thesis.tex", "is a file; a folder is needed"),
        (tmp_path, "has other files and no run.json; choose another folder"),
    ]:
        with pytest.raises(InputError, match=words), atomic_folder(target):
            pytest.fail("the block is not entered")
    assert (tmp_path / "thesis.tex").read_text() == "three years"


WRITE_MANY = """
import sys
from coincide.core.storage import atomic_folder
target, mark = sys.argv[1:]
for k in range(15):
    with atomic_folder(target) as folder:
        for name in (*"01234", "run.json"):
            (folder / name).write_text(f"{mark}{k}")
"""


def test_writers_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    writers = [subprocess.Popen([sys.executable, "-c", WRITE_MANY, str(target), m]) for m in "ab"]
    for writer in writers:
        assert writer.wait(60) == 0
    found = content(target)
    assert sorted(found) == ["0", "1", "2", "3", "4", RUN_FILE]
    assert len(set(found.values())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_json_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1, "b": np.float64(0.1)})
    assert json.loads(path.read_text()) == {"a": 1, "b": 0.1}
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1, "b": 0.1}
    assert os.listdir(tmp_path) == ["x.json"]
