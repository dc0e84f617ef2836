"""Recordings from elsewhere: SONATA, CSV, Neo, and what is wrong with them."""

import pickle
from pathlib import Path

import h5py
import neo
import numpy as np
import pytest
import quantities as pq

import coincide as co
from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.cli import main
from coincide.comparisons.running.child import run_to_folder
from coincide.comparisons.running.foreign import from_neo, read_foreign, to_neo
from coincide.comparisons.running.runs import run
from coincide.core.errors import InputError
from coincide.core.realize import realize
from coincide.core.settings import Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "reference"
    run_to_folder(realize(tiny_experiment()), "reference", Settings(), out, lambda fraction: None)
    return out


def test_a_run_equals_its_own_sonata_files(folder: Path) -> None:
    ours, sonata = read_foreign(folder), read_foreign(folder / "spikes.h5")
    np.testing.assert_array_equal(ours.spikes["cells"].times, sonata.spikes["cells"].times)
    trace = read_foreign(folder / "v.h5").traces["cells", "v"]
    np.testing.assert_array_equal(trace.values, ours.traces["cells", "v"].values)


def test_a_sonata_file_made_by_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.h5", "w") as file:
        group = file.create_group("spikes/exc")
        group["timestamps"] = [3.0, 1.0]
        group["node_ids"] = np.array([1, 0], dtype=np.uint64)
    spikes = read_foreign(tmp_path / "s.h5").spikes["exc"]
    assert spikes.times.tolist() == [1.0, 3.0]
    assert spikes.cells.tolist() == [0, 1]


@pytest.mark.parametrize(
    "text",
    ["time,cell\n1.5,0\n2.5,3\n", "t;id\n1.5;0\n2.5;3\n", "time_s,neuron\n0.0015,0\n0.0025,3\n"],
)
def test_csv_of_spikes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spikes.csv"
    path.write_text(text)
    spikes = read_foreign(path).spikes["spikes"]
    assert spikes.times.tolist() == pytest.approx([1.5, 2.5], abs=1e-12)
    assert spikes.cells.tolist() == [0, 3]


def test_csv_with_populations(tmp_path: Path) -> None:
    path = tmp_path / "spikes.csv"
    path.write_text("time,cell,population\n1,0,exc\n2,0,inh\n3,1,exc\n")
    spikes = read_foreign(path).spikes
    assert {name: len(s) for name, s in spikes.items()} == {"exc": 2, "inh": 1}


def test_neo_there_and_back() -> None:
    recording = run(tiny_experiment(), "reference")
    block = to_neo(recording)
    again = from_neo(block.segments[0])
    np.testing.assert_allclose(
        again.spikes["cells"].times, recording.spikes["cells"].times, rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(
        again.traces["cells", "v"].values, recording.traces["cells", "v"].values
    )


def test_neo_units_are_converted() -> None:
    segment = neo.Segment()
    segment.spiketrains.append(neo.SpikeTrain([0.002] * pq.s, t_stop=1 * pq.s))
    signal = neo.AnalogSignal([[-0.065], [-0.06]], units="V", sampling_period=0.1 * pq.ms, name="v")
    segment.analogsignals.append(signal)
    recording = from_neo(segment, "cells")
    assert recording.spikes["cells"].times.tolist() == pytest.approx([2.0])
    assert recording.traces["cells", "v"].values[0, 0] == pytest.approx(-65.0)


def test_a_neo_file(tmp_path: Path) -> None:
    path = tmp_path / "recording.mat"
    neo.io.NeoMatlabIO(str(path)).write_block(to_neo(run(tiny_experiment(), "reference")))
    spikes = read_foreign(path).spikes
    assert [len(s) for s in spikes.values()] == [4]


@pytest.mark.parametrize(
    "name", ["a.pkl", "a.pickle", "a.PKL", "a.joblib", "a.csv", "a.xyz", "a.npy"]
)
def test_a_pickle_is_refused_unread(tmp_path: Path, name: str, capsys) -> None:
    class Trap:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (tmp_path / "executed",))

    path = tmp_path / name
    path.write_bytes(pickle.dumps(Trap()))
    if name == "a.npy":
        with path.open("wb") as file:
            np.save(file, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="pickle"):
        read_foreign(path)
    assert main(["diff", str(path), str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("a.csv", "time,number\n1,2\n", "no column of cells"),
        ("a.csv", "when,cell\n1,2\n", "no column of times"),
        ("a.csv", "time,cell\nx,1\n", "row 2"),
        ("a.csv", "time,cell\n1,1\n2,?\n", "row 3"),
        ("a.csv", "time,cell\nnan,1\n", "finite"),
        ("a.csv", "time,cell\n1,-1\n", "whole number"),
        ("a.csv", "time,cell\n1,0.5\n", "whole number"),
        ("a.csv", "", "no table"),
        ("a.h5", "text", "no HDF5"),
        ("a.xyz", "text", "Neo"),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, name: str, text: str, word: str, capsys
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=word) as error:
        read_foreign(path)
    assert str(path) in str(error.value)
    assert main(["diff", str(path), str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_diff_of_two_runs(folder: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "other"
    run_to_folder(
        realize(tiny_experiment()), "reference", Settings(method="euler"), other, lambda f: None
    )
    assert main(["diff", str(folder), str(folder), "--expect", "identical"]) == 0
    assert main(["diff", str(folder), str(other), "--expect", "round-off"]) == 1
    assert "cells.v" in capsys.readouterr().out


def test_rates_of_a_table_are_those_of_the_run_that_it_came_from(
    folder: Path, tmp_path: Path
) -> None:
    spikes = read_foreign(folder).spikes["cells"]
    rows = zip(spikes.times.tolist(), spikes.cells.tolist(), strict=True)
    path = tmp_path / "spikes.csv"
    path.write_text("time (ms),cell\n" + "".join(f"{t!r},{c}\n" for t, c in rows))
    found = co.diff(path, folder)
    ours, theirs = (rows[0] for rows in found.statistics)
    assert ours == theirs
    assert ours.rate_hz == pytest.approx(
        1000 * ours.spikes / ours.cells / read_foreign(folder).duration_ms
    )
    assert found.versions[1].startswith("NumPy")
