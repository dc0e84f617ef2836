"""SONATA files of other programs: layouts, units, elements, and what is not followed or rounded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import coincide as co
from coincide.comparisons.cli import main
from coincide.core.errors import InputError
from coincide.core.recording import Recording


def spikes_file(
    path: Path, times: Any = (3.0, 1.0), ids: Any = (1, 0), units: str | None = "ms"
) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/exc")
        group.attrs["sorting"] = "by_time"
        group["timestamps"] = np.asarray(times)
        if units is not None:
            group["timestamps"].attrs["units"] = units
        group["node_ids"] = np.asarray(ids)
    return path


def report_file(
    path: Path,
    units: str | None = "mV",
    variable: str | None = None,
    shift: float = 0.0,
    **parts: Any,
) -> Path:
    n = 4 if "element_ids" in parts else 2
    with h5py.File(path, "w") as file:
        group = file.create_group("report/exc")
        group["data"] = np.arange(5.0 * n).reshape(5, n) - 65 + shift
        if units is not None:
            group["data"].attrs["units"] = units
        if variable is not None:
            group["data"].attrs["variable"] = variable
        group["mapping/node_ids"] = np.array([0, 2], dtype=np.uint64)
        group["mapping/index_pointers"] = parts.get("index_pointers", [0, 1, 2])
        group["mapping/element_ids"] = parts.get("element_ids", [0, 0])
        group["mapping/time"] = parts.get("time", [0.0, 0.5, 0.1])
    return path


def said(recording: Recording, kind: str = "assumed") -> str:
    return "; ".join(str(c) for c in recording.caveats if c.kind == kind)


@pytest.mark.parametrize(
    ("units", "factor"),
    [("ms", 1.0), ("milliseconds", 1.0), ("s", 1e-3), ("seconds", 1e-3), ("us", 1e3), (None, 1.0)],
)
def test_units_of_spikes(tmp_path: Path, units: str | None, factor: float) -> None:
    path = spikes_file(tmp_path / "s.h5", [3.0 * factor, 1.0 * factor], units=units)
    recording = co.read_foreign(path)
    assert recording.spikes["exc"].times.tolist() == pytest.approx([1.0, 3.0], rel=1e-15)
    assert recording.spikes["exc"].cells.tolist() == [0, 1]
    assert ("no unit" in said(recording)) == (units is None)


def test_the_older_layout(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["spikes/gids"] = [1, 0]
        file["spikes/timestamps"] = [3.0, 1.0]
    recording = co.read_foreign(tmp_path / "old.h5")
    assert recording.spikes["old"].times.tolist() == [1.0, 3.0]
    new = spikes_file(tmp_path / "new.h5")
    assert co.diff(tmp_path / "old.h5", new).verdict == "identical"


def test_several_populations(tmp_path: Path) -> None:
    path = spikes_file(tmp_path / "s.h5")
    with h5py.File(path, "a") as file:
        file["spikes/inh/timestamps"] = [2.0]
        file["spikes/inh/node_ids"] = [7]
        file["spikes/inh/weights"] = [1.0]
    recording = co.read_foreign(path)
    assert {name: len(s) for name, s in recording.spikes.items()} == {"exc": 2, "inh": 1}
    assert "weights" in said(recording, "not read")


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (np.array([2**32, 0], dtype=np.uint64), "4294967296 is too large"),
        (np.array([2**64 - 1, 0], dtype=np.uint64), "too large"),
        (np.array([-1, 0]), "-1 is no whole number"),
        (np.array([1.5, 0.0]), "1.5 is no whole number"),
        (np.array([np.nan, 0.0]), "nan is no whole number"),
        (np.array([0]), "2 timestamps and 1 node_ids"),
        (np.array([[1, 0]]), "shape"),
        (np.array([b"a", b"b"]), "numbers are needed"),
    ],
)
def test_ids_are_exact_or_refused(tmp_path: Path, ids: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        co.read_foreign(spikes_file(tmp_path / "s.h5", ids=ids))


@pytest.mark.parametrize(
    ("times", "units", "words"),
    [
        ([[1.0], [2.0]], "ms", "shape"),
        (1.0, "ms", "shape"),
        ([np.nan, 1.0], "ms", "no finite number"),
        ([1e300, 1.0], "ms", "no time of a recording"),
        ([1.0, 2.0], "mV", "times are read in"),
    ],
)
def test_times_that_are_none(tmp_path: Path, times: Any, units: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        co.read_foreign(spikes_file(tmp_path / "s.h5", times, units=units))


def test_ids_beyond_what_others_count_up_to_cost_no_memory(tmp_path: Path) -> None:
    path = spikes_file(tmp_path / "s.h5", ids=[2**31 - 1, 0])
    found = co.diff(path, path)
    assert found.verdict == "identical"
    assert found.statistics[0][0].cells == 2


# --- reports ------------------------------------------------------------------------------------


def test_two_variables_in_files_of_one_name_are_not_compared(tmp_path: Path) -> None:
    for folder, units in (("a", "mV"), ("b", "mM"), ("c", "mV"), ("d", None)):
        (tmp_path / folder).mkdir()
        report_file(tmp_path / folder / "report.h5", units)
    with pytest.raises(InputError, match="in common"):
        co.diff(tmp_path / "a" / "report.h5", tmp_path / "b" / "report.h5")
    assert main(["diff", f"{tmp_path}/a/report.h5", f"{tmp_path}/b/report.h5"]) == 2
    same = co.diff(tmp_path / "a" / "report.h5", tmp_path / "c" / "report.h5")
    assert same.verdict == "identical"
    assert "does not name its variable" in "; ".join(map(str, same.assumed))
    with pytest.raises(InputError, match="--variable"):
        co.read_foreign(tmp_path / "d" / "report.h5")
    named = co.read_foreign(tmp_path / "d" / "report.h5", variable="cai")
    assert list(named.traces) == [("exc", "cai")]


def test_a_variable_is_called_as_the_file_says(tmp_path: Path) -> None:
    one = report_file(tmp_path / "one.h5", variable="v")
    other = report_file(tmp_path / "other.h5", "V", variable="v", shift=-0.0)
    assert list(co.read_foreign(one).traces) == [("exc", "v")]
    assert co.read_foreign(other).traces["exc", "v"].values[0, 0] == -65_000
    with pytest.raises(InputError, match="contradicts"):
        co.read_foreign(one, variable="cai")


def test_elements_of_a_cell_are_traces_of_their_own(tmp_path: Path) -> None:
    path = report_file(tmp_path / "v.h5", index_pointers=[0, 3, 4], element_ids=[0, 5, 9, 0])
    traces = co.read_foreign(path).traces
    assert {v: t.cells.tolist() for (_, v), t in traces.items()} == {
        "v[0]": [0, 2],
        "v[5]": [0],
        "v[9]": [0],
    }
    assert traces["exc", "v[9]"].values[:, 0].tolist() == [-63.0, -59.0, -55.0, -51.0, -47.0]
    other = report_file(
        tmp_path / "w.h5", index_pointers=[0, 3, 4], element_ids=[0, 5, 5, 0], variable="v"
    )
    assert sorted(v for _, v in co.read_foreign(other).traces) == ["v[0]", "v[1]", "v[2]"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"time": 0.1}, "shape"),
        ({"time": [0.0, 0.5]}, "start, stop, dt"),
        ({"time": [np.nan, 0.5, 0.1]}, "no finite number"),
        ({"time": [1e300, 0.5, 0.1]}, "no time of a recording"),
        ({"time": [0.0, 0.5, 0.0]}, "has to be > 0"),
        ({"time": [0.0, 0.5, -0.1]}, "has to be > 0"),
        ({"index_pointers": [0, 2, 1]}, "do not fit"),
        ({"index_pointers": [0, 1, 3]}, "do not fit"),
        ({"index_pointers": [0, 10**9, 2 * 10**9]}, "beyond its elements"),
    ],
)
def test_a_report_that_contradicts_itself(tmp_path: Path, parts: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        co.read_foreign(report_file(tmp_path / "v.h5", **parts))


def test_a_report_cut_short_is_not_called_whole(tmp_path: Path) -> None:
    path = report_file(tmp_path / "v.h5", time=[0.0, 100.0, 0.1])
    assert "says that it ends at 100 ms" in said(co.read_foreign(path), "not read")
    assert co.diff(path, path).verdict == "undecided"


# --- folders, links, damage ---------------------------------------------------------------------


def test_an_unrelated_file_in_the_folder_is_named_and_not_in_the_way(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        spikes_file(tmp_path / folder / "spikes.h5")
        report_file(tmp_path / folder / "v.h5")
        (tmp_path / folder / "config.json").write_text("{}")
    assert co.diff(tmp_path / "a", tmp_path / "b").verdict == "identical"
    with h5py.File(tmp_path / "a" / "notes.h5", "w") as file:
        file["something"] = 1
    (tmp_path / "a" / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    found = co.diff(tmp_path / "a", tmp_path / "b")
    assert found.verdict == "undecided"
    assert "notes.h5" in found.in_words
    assert "damaged.h5" in found.in_words
    with h5py.File(tmp_path / "b" / "nodes.h5", "w") as file:
        file.create_group("nodes")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither"):
        co.read_foreign(tmp_path / "empty")


def test_nests_files_of_several_threads_are_one_population(tmp_path: Path) -> None:
    (tmp_path / "spikes-12-0.gdf").write_text("3\t1.5\t\n")
    (tmp_path / "spikes-12-1.gdf").write_text("4\t0.5\t\n5\t2.5\t\n")
    spikes = co.read_foreign(tmp_path).spikes
    assert list(spikes) == ["spikes"]
    assert spikes["spikes"].cells.tolist() == [4, 3, 5]


def _soft(file: h5py.File) -> None:
    file["spikes"] = h5py.SoftLink("/spikes")


def _external(file: h5py.File) -> None:
    file["spikes"] = h5py.ExternalLink("secret.h5", "/spikes")


def _external_inside(file: h5py.File) -> None:
    file["spikes/exc/node_ids"] = [0, 1]
    file["spikes/exc/timestamps"] = h5py.ExternalLink("secret.h5", "/spikes/exc/timestamps")


def _dataset(file: h5py.File) -> None:
    file["spikes"] = 1.0


def _empty(file: h5py.File) -> None:
    file["spikes/exc/timestamps"] = h5py.Empty("f8")
    file["spikes/exc/node_ids"] = h5py.Empty("i8")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_soft, "link"),
        (_external, "link"),
        (_external_inside, "link"),
        (_dataset, "is a data set"),
        (_empty, "numbers are needed"),
    ],
)
def test_nothing_outside_the_file_is_followed(
    tmp_path: Path, make: Callable[[h5py.File], None], words: str
) -> None:
    spikes_file(tmp_path / "secret.h5")
    with h5py.File(tmp_path / "s.h5", "w") as file:
        make(file)
    with pytest.raises(InputError, match=words) as error:
        co.read_foreign(tmp_path / "s.h5")
    assert str(tmp_path / "s.h5") in str(error.value)


@pytest.mark.parametrize("make", [spikes_file, report_file])
def test_damaged_files_are_sentences(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    data = make(tmp_path / "whole.h5").read_bytes()
    rng = np.random.default_rng(11)
    for k in range(80):
        broken = bytearray(data[: int(rng.integers(len(data)))] if k % 3 == 0 else data)
        if k % 3:
            for at in rng.integers(0, len(broken), 1 + k % 7):
                broken[at] ^= 1 << int(rng.integers(8))
        path = tmp_path / f"{k}.h5"
        path.write_bytes(broken)
        with suppress(InputError):
            co.read_foreign(path)


def test_libsonata_reads_what_we_read(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    path = spikes_file(tmp_path / "s.h5", ids=np.array([1, 0], dtype=np.uint64))
    with h5py.File(path, "a") as file:
        enum = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype=np.uint8)
        del file["spikes/exc"].attrs["sorting"]
        file["spikes/exc"].attrs.create("sorting", 0, dtype=enum)
    theirs = libsonata.SpikeReader(str(path))["exc"].get_dict()
    ours = co.read_foreign(path).spikes["exc"]
    order = np.argsort(theirs["timestamps"])
    assert ours.times.tolist() == np.asarray(theirs["timestamps"])[order].tolist()
    assert ours.cells.tolist() == np.asarray(theirs["node_ids"])[order].tolist()
