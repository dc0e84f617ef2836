"""NWB files: units by their ids, series in volts with conversion, and what is left out."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import coincide as co
from coincide.core.errors import InputError

TRAINS = {3: [0.001, 0.005], 7: [0.002], 5: [0.003, 0.004]}


def nwb(path: Path, order: tuple[int, ...] = (3, 7, 5), **more: Any) -> Path:
    """The layout that pynwb writes (see the last test)."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        file["units/id"] = np.array(order)
        file["units/spike_times"] = np.concatenate([TRAINS[k] for k in order])
        file["units/spike_times_index"] = np.cumsum([len(TRAINS[k]) for k in order]).astype(
            np.uint8
        )
        series = file.create_group("acquisition/v")
        series["data"] = more.get("data", np.array([-65, -64, -63], dtype=np.int16))
        series["data"].attrs.update({"unit": "volts", "conversion": 1e-3, "offset": 0.0})
        series["starting_time"] = 0.0
        series["starting_time"].attrs.update({"rate": 10_000.0, "unit": "seconds"})
        for name, value in more.items():
            if "/" in name:
                file[name] = value
    return path


def test_units_are_told_by_their_ids_and_series_are_in_internal_units(tmp_path: Path) -> None:
    recording = co.read_foreign(nwb(tmp_path / "a.nwb"))
    spikes, trace = recording.spikes["a"], recording.traces["a", "v"]
    assert spikes.times.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert spikes.cells.tolist() == [3, 7, 5, 5, 3]
    assert (trace.unit, trace.dt_ms) == ("mV", 0.1)
    np.testing.assert_allclose(trace.values[:, 0], [-65, -64, -63], rtol=1e-12)
    assert not recording.caveats
    found = co.diff(tmp_path / "a.nwb", nwb(tmp_path / "b.nwb", (5, 3, 7)))
    assert found.verdict == "identical"


def test_what_is_in_the_file_besides_is_named(tmp_path: Path) -> None:
    path = nwb(tmp_path / "a.nwb", **{"units/quality": [1, 2, 3], "processing/x/y": [1.0]})
    found = co.diff(path, path)
    assert found.verdict == "undecided"
    assert "quality" in found.in_words
    assert "processing/x/y" in found.in_words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("units/id", np.array([3]), "does not fit"),
        ("units/spike_times_index", np.array([2, 3, 9]), "does not divide"),
        ("units/spike_times", np.array([1e300] * 5), "no time of a recording"),
        ("acquisition/v/starting_time", np.array([0.0]), "shape"),
        ("acquisition/v/timestamps", np.array([0.0]), "1 timestamps for 3 samples"),
        ("acquisition/v/data", h5py.SoftLink("/units/id"), "link"),
    ],
)
def test_files_that_contradict_themselves(
    tmp_path: Path, name: str, value: Any, words: str
) -> None:
    path = nwb(tmp_path / "a.nwb")
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        file[name] = value
    with pytest.raises(InputError, match=words):
        co.read_foreign(path)


def test_a_file_that_is_no_nwb(tmp_path: Path) -> None:
    (tmp_path / "a.nwb").write_bytes(b"text")
    with pytest.raises(InputError, match="no HDF5"):
        co.read_foreign(tmp_path / "a.nwb")
    with h5py.File(tmp_path / "b.nwb", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="no NWB 2"):
        co.read_foreign(tmp_path / "b.nwb")


def test_what_pynwb_writes(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")
    made = pynwb.NWBFile("d", "id", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    for cell, times in TRAINS.items():
        made.add_unit(spike_times=times, id=cell)
    data = np.array([-65, -64, -63], dtype=np.int16)
    made.add_acquisition(
        pynwb.TimeSeries(name="v", data=data, unit="volts", rate=10_000.0, conversion=1e-3)
    )
    with pynwb.NWBHDF5IO(str(tmp_path / "theirs.nwb"), "w") as file:
        file.write(made)
    assert co.diff(tmp_path / "theirs.nwb", nwb(tmp_path / "ours.nwb")).verdict == "identical"
