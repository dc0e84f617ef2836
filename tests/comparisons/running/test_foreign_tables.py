"""Tables of spikes and traces as people and programs write them: units, ids, headers, encodings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coincide as co
from coincide.comparisons.running.foreign.headers import meaning
from coincide.comparisons.running.foreign.text import table_of_text
from coincide.core.caveats import Caveat
from coincide.core.errors import InputError
from coincide.core.recording import Recording

TIMES, CELLS = [0.596, 12.138, 34.26], [4, 1, 0]


def read(tmp_path: Path, text: str | bytes, name: str = "a.csv", **options) -> Recording:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return co.read_foreign(path, **options)


def said(recording: Recording, kind: str = "assumed") -> str:
    return "; ".join(str(c) for c in recording.caveats if c.kind == kind)


MS = "0.596,4\n12.138,1\n34.26,0\n"
S = "0.000596,4\n0.012138,1\n0.03426,0\n"
US = "596,4\n12138,1\n34260,0\n"


@pytest.mark.parametrize(
    "text",
    [
        f"time,cell\n{MS}",
        f"Time (ms),Neuron ID\n{MS}",
        f"time[s],id\n{S}",
        f"Time (s),Neuron ID\n{S}",
        f"time in s,gid\n{S}",
        f"t / ms,i\n{MS}",
        f"time_us,cell\n{US}",
        f"spike_time,cell\n{MS}",
        f"spike_time_us,cell\n{US}",
        f"timestamps (milliseconds),node_ids\n{MS}",
        f"spkt,spkid\n{MS}",
        f"\ufefftime,cell\n{MS}",
        f"\ufefftime,cell\n{MS}".encode("utf-16"),
        f"time,cell\n{MS}".encode("utf-16-le"),
        f"time,cell\r\n{MS}".replace("\n", "\r\n"),
        f"# by somebody\n% in 2020\n// for us\ntime,cell\n{MS}\n# end\n",
        "time;cell\n0,596;4\n12,138;1\n34,26;0\n",
        "time\tcell\n0,596\t4\n12,138\t1\n34,26\t0\n",
        "time   cell\n 0.596   4\n12.138   1\n34.26    0\n",
        "time|cell\n0.596|4\n12.138|1\n34.26|0\n",
        '"time","cell"\n"0.596","4"\n"12.138","1"\n"34.26","0"\n',
        ",time,cell\n0,0.596,4\n1,12.138,1\n2,34.26,0\n",
        "gid,spike_times\n4,0.596\n1,12.138\n0,34.26\n",
        "senders,times\n4,0.596\n1,12.138\n0,34.26\n",
        "sender\ttime_ms\n4\t0.596\n1\t12.138\n0\t34.26\n",
        "# NEST version: 3.6\n# RecordingBackendASCII version: 2\n# sender\ttime_ms\n"
        "4\t0.596\n1\t12.138\n0\t34.26\n",
        "time,cell\n5.96e-1,4\n1.2138E1,1\n3426d-2,0\n",
        "time,cell\n0.596,n4\n12.138,n1\n34.26,n0\n",
        "time,cell\n0.596,cell_4\n12.138,cell_1\n34.26,cell_0\n",
    ],
)
def test_forms_of_one_table_are_one_recording(tmp_path: Path, text: str | bytes) -> None:
    (spikes,) = read(tmp_path, text).spikes.values()
    # To the bit: units are converted before numbers are rounded.
    assert spikes.times.tolist() == TIMES
    assert spikes.cells.tolist() == CELLS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.gdf", "4\t0.596\t\n1\t12.138\t\n0\t34.26\t\n"),
        ("a.dat", "4 0.596\n1 12.138\n0 34.26\n"),
        ("a.dat", "0.596 4\n12.138 1\n34.26 0\n"),
        ("a.txt", "0.596,4\n12.138,1\n34.26,0\n"),
    ],
)
def test_without_a_header_the_cells_are_the_whole_numbers(
    tmp_path: Path, name: str, text: str
) -> None:
    recording = read(tmp_path, text, name)
    (spikes,) = recording.spikes.values()
    assert (spikes.times.tolist(), spikes.cells.tolist()) == (TIMES, CELLS)
    assert "no header" in said(recording)
    assert "read as ms" in said(recording)


def test_a_gdf_of_whole_milliseconds_has_its_cells_first(tmp_path: Path) -> None:
    (spikes,) = read(tmp_path, "4\t12\n1\t30\n", "a.gdf").spikes.values()
    assert spikes.times.tolist() == [12.0, 30.0]
    with pytest.raises(InputError, match="either can be the cell"):
        read(tmp_path, "4\t12\n1\t30\n", "a.dat")


def test_nests_steps_ask_for_the_step(tmp_path: Path) -> None:
    text = "sender\ttime_step\ttime_offset\n4\t6\t0.004\n1\t122\t0.062\n"
    with pytest.raises(InputError, match="--dt"):
        read(tmp_path, text, "a.dat")
    (spikes,) = read(tmp_path, text, "a.dat", dt="0.1 ms").spikes.values()
    assert spikes.times.tolist() == pytest.approx([0.596, 12.138])


# --- units are read or asked for ----------------------------------------------------------------

FAST = "".join(f"{k * 0.02},{k % 2}\n" for k in range(20))


def test_brians_seconds_are_seconds_where_milliseconds_are_impossible(tmp_path: Path) -> None:
    recording = read(tmp_path, "t,i\n" + FAST)
    assert recording.spikes["a"].times[-1] == pytest.approx(380.0)
    assert "read as s" in said(recording)


def test_brians_names_with_both_units_possible_are_asked_for(tmp_path: Path) -> None:
    slow = "".join(f"{k * 20.0},{k % 2}\n" for k in range(20))
    with pytest.raises(InputError, match="--unit s or --unit ms"):
        read(tmp_path, "t,i\n" + slow)
    assert read(tmp_path, "t,i\n" + slow, unit="ms").spikes["a"].times[-1] == 380.0
    assert read(tmp_path, "t,i\n" + slow, unit="s").spikes["a"].times[-1] == 380_000.0


@pytest.mark.parametrize("header", ["time,cell\n", "spike_time,id\n", "spkt,spkid\n", ""])
def test_impossible_milliseconds_are_asked_for(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match="--unit s"):
        read(tmp_path, header + FAST)
    (spikes,) = read(tmp_path, header + FAST, unit="s").spikes.values()
    assert spikes.times[-1] == pytest.approx(380.0)


def test_an_option_does_not_overrule_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contradicts"):
        read(tmp_path, f"time (ms),cell\n{MS}", unit="s")
    with pytest.raises(InputError, match="no unit of time"):
        read(tmp_path, f"time (mV),cell\n{MS}")
    for unit in ("flurbs", "s ms", "hour"):
        with pytest.raises(InputError, match="--unit"):
            read(tmp_path, f"time,cell\n{MS}", unit=unit)


# --- what is in a file is read or named ---------------------------------------------------------


def test_a_column_that_is_not_read_keeps_the_verdict_undecided(tmp_path: Path) -> None:
    text = "time (ms),cell,weight\n0.5,0,7\n1.5,3,1\n2.5,1,2\n"
    recording = read(tmp_path, text)
    assert [c.where for c in recording.caveats if c.limits] == ["column 'weight'"]
    assert co.diff(recording, recording).verdict == "undecided"
    other = read(tmp_path, text.replace("0.5", "0.9"), "b.csv")
    assert co.diff(recording, other).verdict == "different"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,cell\n0.5,0,7\n1.5,3,1\n", "names 2 columns"),
        ("time,cell\n0.5,0\n1.5,3,1\n", "row 3.*3 fields"),
        ("time,cell\nnan,0\n", "row 2.*finite"),
        ("time,cell\n,0\n", "row 2.*finite"),
        ("time,cell\n1_0,0\n", "row 2.*finite"),
        ("time,cell\n1e300,0\n", "no time of a recording"),
        ("time,cell\n0.5,4294967296\n", "too large"),
        ("time,cell\n0.5,-1\n", "whole number"),
        ("time,cell\n0.5,1.5\n", "whole number"),
        ("", "empty"),
        ("\n\n", "empty"),
        ("0.5,1,2\n0.6,1,2\n", "no header"),
        ("time,weight\n1,2\n", "no column of cells"),
        (b"\x00\x01\x02\x03\xff" * 50, "no text"),
        ("time,time2,cell\n1,2", "2 fields"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_a_header_alone_is_a_recording_without_spikes(tmp_path: Path) -> None:
    silent = read(tmp_path, "t,i\n")
    assert len(silent.spikes["a"]) == 0
    busy = read(tmp_path, f"time (ms),cell\n{MS}", "b.csv")
    assert co.diff(silent, busy).verdict == "different"
    assert len(read(tmp_path, "# sender\ttime_ms\n", "c.dat").spikes["c"]) == 0


def test_one_column_is_one_cell(tmp_path: Path) -> None:
    recording = read(tmp_path, "time (ms)\n1.5\n2.5\n")
    assert recording.spikes["a"].cells.tolist() == [0, 0]
    assert "cell 0" in said(recording)
    assert read(tmp_path, "1.5\n2.5\n").spikes["a"].times.tolist() == [1.5, 2.5]


def test_names_of_cells_are_matched_by_name_whatever_else_a_file_holds(tmp_path: Path) -> None:
    one = tmp_path / "a.csv"
    one.write_text("time (ms),cell\n1,left\n2,right\n3,middle\n")
    other = tmp_path / "b.csv"
    other.write_text("time (ms),cell\n1,left\n2,right\n")
    found = co.diff(one, other)
    assert (found.pair.spikes[0].matched, found.pair.spikes[0].missing) == (2, 1)


def test_prefixes_of_cells_are_populations(tmp_path: Path) -> None:
    spikes = read(tmp_path, "time (ms),cell\n1,exc_3\n2,inh_0\n3,exc_1\n").spikes
    assert {name: s.cells.tolist() for name, s in spikes.items()} == {"exc": [3, 1], "inh": [0]}


def test_trials_are_told_apart(tmp_path: Path) -> None:
    spikes = read(tmp_path, "time (ms),cell,trial\n1,0,1\n1,0,2\n2,0,2\n").spikes
    assert [len(s) for s in spikes.values()] == [1, 2]


# --- traces -------------------------------------------------------------------------------------


def test_a_trace_as_csv(tmp_path: Path) -> None:
    recording = read(tmp_path, "t (ms),v (mV)\n0,-65\n0.1,-64\n0.2,-63\n")
    trace = recording.traces["a", "v"]
    assert (trace.unit, trace.start_ms, trace.dt_ms, trace.at_ms) == ("mV", 0.0, 0.1, None)
    assert trace.values[:, 0].tolist() == [-65.0, -64.0, -63.0]
    assert not recording.caveats
    volts = read(tmp_path, "t (s),v (V)\n0,-0.065\n0.0001,-0.064\n0.0002,-0.063\n", "b.csv")
    assert co.diff(recording, volts).verdict in ("identical", "round-off")


def test_a_column_a_cell_equals_the_long_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    v = rng.normal(-65, 3, (20, 3))
    t = np.arange(20) * 0.5
    wide = pandas.DataFrame({"time (ms)": t} | {f"v_{k} (mV)": v[:, k] for k in range(3)})
    long = wide.melt("time (ms)", var_name="cell", value_name="v (mV)")
    long["cell"] = long["cell"].str.extract(r"(\d)").astype(int)
    wide.to_csv(tmp_path / "wide.csv")
    long.sample(frac=1.0, random_state=1).to_csv(tmp_path / "long.csv", index=False)
    found = co.diff(tmp_path / "wide.csv", tmp_path / "long.csv")
    assert found.verdict == "identical"
    assert found.pair.traces[0].n_compared == 20
    np.testing.assert_array_equal(found.a.traces["wide", "v"].values, v)


def test_irregular_samples_are_compared_where_they_are(tmp_path: Path) -> None:
    text = "t (ms),v (mV)\n0,-65\n0.1,-64\n0.25,-60\n0.9,-63\n"
    one = read(tmp_path, text)
    assert one.traces["a", "v"].at_ms is not None
    assert co.diff(one, read(tmp_path, text)).verdict == "identical"
    assert co.diff(one, read(tmp_path, text.replace("-60", "-50"))).verdict != "identical"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t (ms),v\n0,-0.065\n0.1,-0.064\n", "--unit V or --unit mV"),
        ("t,v (mV)\n0,-65\n0.0001,-64\n0.0002,-64\n", "--unit s"),
        ("t (ms),v (mV)\n0,-65\n0,-64\n0.1,-64\n", "do not increase"),
        ("t (ms),v,w\n0,-65,1\n0.1,-64,1\n", None),
        ("t (ms),v_1,v[1]\n0,-65,1\n0.1,-64,1\n", "one cell"),
    ],
)
def test_traces_are_asked_for_what_they_do_not_say(
    tmp_path: Path, text: str, words: str | None
) -> None:
    if words is None:
        assert len(read(tmp_path, text).traces) == 2
        return
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_traces_in_different_units_are_not_one_variable(tmp_path: Path) -> None:
    one = read(tmp_path, "t (ms),x (mV)\n0,-65\n0.1,-64\n")
    other = read(tmp_path, "t (ms),x (nA)\n0,-65\n0.1,-64\n")
    with pytest.raises(InputError, match="in common"):
        co.diff(one, other)


# --- arrays -------------------------------------------------------------------------------------


def test_arrays_in_memory_and_in_files(tmp_path: Path) -> None:
    arrays = {"time (ms)": np.array(TIMES), "cell": np.array(CELLS)}
    np.savez(tmp_path / "a.npz", **arrays)
    np.save(tmp_path / "a.npy", np.column_stack([TIMES, CELLS]))
    frame = pandas.DataFrame(arrays)
    for source in (
        arrays,
        frame,
        frame.set_index("time (ms)"),
        tmp_path / "a.npz",
        tmp_path / "a.npy",
    ):
        (spikes,) = co.read_foreign(source).spikes.values()
        assert (spikes.times.tolist(), spikes.cells.tolist()) == (TIMES, CELLS)


def test_samples_of_several_cells_in_one_array() -> None:
    t, v = np.arange(5) * 0.1, np.arange(10.0).reshape(2, 5) - 65
    trace = co.read_foreign({"time (ms)": t, "v (mV)": v}).traces["cells", "v"]
    np.testing.assert_array_equal(trace.values, v.T)
    with pytest.raises(InputError, match="which axis is time"):
        co.read_foreign({"time (ms)": t, "v (mV)": np.ones((5, 5))})


def test_objects_in_an_npz_are_left_out_unread(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", t=np.array(TIMES), i=np.array(CELLS), note=np.array([{}]))
    recording = co.read_foreign(tmp_path / "a.npz", unit="ms")
    assert "pickled" in said(recording, "not read")


def test_a_scipy_file_of_matlab(tmp_path: Path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"spike_times": np.array(TIMES), "cell": np.array(CELLS)})
    (spikes,) = co.read_foreign(tmp_path / "a.mat").spikes.values()
    assert spikes.times.tolist() == TIMES


def test_ids_from_one(tmp_path: Path) -> None:
    ours = {"time (ms)": TIMES, "cell": CELLS}
    theirs = {"time (ms)": TIMES, "cell": [c + 1 for c in CELLS]}
    assert co.diff(ours, theirs).verdict == "different"
    assert co.diff(ours, theirs, ids_from=(0, 1)).verdict == "identical"
    with pytest.raises(InputError, match="--ids-from"):
        co.diff(ours, theirs, ids_from=1)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_table_or_a_sentence(text: str) -> None:
    try:
        table = table_of_text(text, "a.csv")
    except InputError:
        return
    assert all(column.size == table.n_rows for column in table.columns)


@given(st.text(max_size=40))
def test_any_name_has_a_meaning(name: str) -> None:
    assert meaning(name).name == name


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 2**31 - 1)), min_size=2, max_size=30),
    st.sampled_from([",", ";", "\t", "|", " "]),
)
@settings(deadline=None)
def test_numbers_come_back_to_the_bit(rows: list[tuple[float, int]], delimiter: str) -> None:
    from coincide.comparisons.running.foreign.columns import read_table
    from coincide.comparisons.running.foreign.found import Found
    from coincide.comparisons.running.foreign.reading import Reading

    text = f"spike_time{delimiter}cell\n"
    text += "".join(f"{time!r}{delimiter}{cell}\n" for time, cell in rows)
    found = Found("a", Reading(time_unit="ms"))
    read_table(table_of_text(text, "a"), "a", found)
    spikes = found.spikes["a"]
    assert sorted(zip(spikes.times.tolist(), spikes.cells.tolist(), strict=True)) == sorted(rows)


def test_a_recording_prints_in_a_few_lines(tmp_path: Path) -> None:
    recording = read(tmp_path, "time,cell\n" + "".join(f"{k * 50}.5,1\n" for k in range(500)))
    text = repr(recording)
    assert len(text.splitlines()) <= 6
    assert "500 spikes" in text
    assert Caveat("assumed", "column 'time'", "has no unit; read as ms") in recording.caveats


def test_the_program_that_wrote_a_file_is_said(tmp_path: Path, capsys) -> None:
    from coincide.comparisons.cli import main

    path = tmp_path / "a.dat"
    path.write_text(
        "# NEST version: 3.6\n# RecordingBackendASCII version: 2\nsender\ttime_ms\n1\t2\n"
    )
    assert main(["diff", str(path), str(path), "--json", str(tmp_path / "d.json")]) == 0
    assert "NEST 3.6" in capsys.readouterr().out
    assert json.loads((tmp_path / "d.json").read_text())["versions"] == {
        "a": "NEST 3.6",
        "b": "NEST 3.6",
    }


def test_monitors_of_brian2(tmp_path: Path) -> None:
    brian2 = pytest.importorskip("brian2")
    ms, mV = brian2.ms, brian2.mV
    group = brian2.NeuronGroup(
        3,
        "dv/dt = (x - v) / (10*ms) : volt\nx : volt",
        threshold="v > 1*mV",
        reset="v = 0*mV",
        method="exact",
    )
    group.x = np.array([1.2, 1.5, 2.0]) * mV
    spikes, states = brian2.SpikeMonitor(group), brian2.StateMonitor(group, "v", record=True)
    network = brian2.Network(group, spikes, states)
    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"  # nothing to compile
    try:
        network.run(50 * ms)
    finally:
        brian2.prefs.codegen.target = target
    recording = co.read_foreign(spikes)
    assert not recording.caveats  # their units come along
    np.testing.assert_allclose(recording.spikes["cells"].times, np.array(spikes.t / ms), rtol=1e-14)
    trace = co.read_foreign({"t": states.t, "v": states.v}).traces["cells", "v"]
    assert (trace.unit, trace.dt_ms) == ("mV", 0.1)
    np.testing.assert_allclose(trace.values, np.array(states.v / mV).T, rtol=1e-12, atol=1e-15)
    pandas.DataFrame({"t": np.array(spikes.t), "i": np.array(spikes.i)}).to_csv(tmp_path / "a.csv")
    assert co.diff(tmp_path / "a.csv", spikes).verdict in ("identical", "round-off")
    pandas.DataFrame({"t": states.t / brian2.second, "v": states.v[0] / brian2.volt}).to_csv(
        tmp_path / "v.csv"
    )
    for unit in ("", "s"):
        with pytest.raises(InputError, match="--unit"):
            co.read_foreign(tmp_path / "v.csv", unit=unit)
    assert co.read_foreign(tmp_path / "v.csv", unit="s V").traces["v", "v"].dt_ms == 0.1
