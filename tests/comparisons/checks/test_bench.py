"""What `coincide bench` measures with: no test here asserts a time, only what is counted and compared."""

import csv
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from coincide.backends.registry import is_installed, load_backend
from coincide.comparisons.checks.bench import Options, parse_sizes, run_bench
from coincide.comparisons.checks.bench.agreement import SpikeList, agreement
from coincide.comparisons.checks.bench.by_hand import METHODS, SIMULATORS, script_command
from coincide.comparisons.checks.bench.networks import (
    NATIVE,
    REALIZATION,
    array_bytes,
    experiment_of,
    first_cells,
    native_arrays,
    out_degrees,
    write,
)
from coincide.comparisons.checks.bench.options import installed
from coincide.comparisons.checks.bench.overhead import run_ours
from coincide.comparisons.checks.bench.plot import draw_scaling
from coincide.comparisons.checks.bench.processes import Measured, in_turn, measure, median_ratio
from coincide.comparisons.checks.bench.pynn import VARIABLE, measure_pynn
from coincide.comparisons.checks.bench.recordings import _checked, _same, measure_recordings
from coincide.comparisons.checks.bench.scaling import COLUMNS, exponent, fit_row, measure_scaling
from coincide.comparisons.checks.bench.tables import Column, Table, print_table, write_tables
from coincide.comparisons.cli import main, spread_values
from coincide.core.errors import InputError
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.core.storage import read_recording
from coincide.models.library import load_model

DT = 0.1


@pytest.fixture(scope="module", params=["coba", "cuba"])
def network(request):
    return realize(experiment_of(request.param, 200, 10.0))


def test_native_wiring_is_the_realization(network) -> None:
    arrays = native_arrays(network)
    first = first_cells(network)
    assert first == {"exc": 0, "inh": 160}
    for name in ("exc", "inh"):
        given = {
            (int(i) + first[e.source], int(j) + first[e.target])
            for e in network.edges
            if e.receptor == name
            for i, j in zip(e.pre, e.post, strict=True)
        }
        pre, post = arrays[f"{name}_pre"], arrays[f"{name}_post"]
        assert len(pre) == len(given)
        assert set(zip(pre.tolist(), post.tolist(), strict=True)) == given
        assert np.all(np.diff(pre) >= 0)
        assert np.all((pre < 160) == (name == "exc"))
        assert np.all(arrays[f"{name}_delay"] == 1)
    v0 = np.concatenate([p.initial["v"] for p in network.populations.values()])
    np.testing.assert_array_equal(arrays["v0"], v0)


@pytest.mark.parametrize(
    ("name", "exc", "inh"), [("coba", 6.0 / 10, 67.0 / 10), ("cuba", 16.2 / 10, -90.0 / 10)]
)
def test_native_weights_are_divided_by_the_leak(name: str, exc: float, inh: float) -> None:
    arrays = native_arrays(realize(experiment_of(name, 200, 10.0)))
    np.testing.assert_allclose(arrays["exc_weight"], exc, rtol=1e-12)
    np.testing.assert_allclose(arrays["inh_weight"], inh, rtol=1e-12)
    # COBA is started by conductances of 0 to 40 nS over 10 nS; CUBA starts by itself.
    assert arrays["ge0"].shape == (200,)
    assert (0 < arrays["ge0"].max() <= 4.0) == (name == "coba")
    assert bool(arrays["gi0"].any()) == (name == "coba")


def test_out_degrees_count_every_connection(network) -> None:
    degrees = out_degrees(network)
    assert {k: len(v) for k, v in degrees.items()} == {"exc": 160, "inh": 40}
    synapses = sum(len(e) for e in network.edges)
    assert sum(int(v.sum()) for v in degrees.values()) == synapses
    cell = 7
    assert degrees["exc"][cell] == sum(
        int((e.pre == cell).sum()) for e in network.edges if e.source == "exc"
    )
    # Two int32 a connection, and at most three more numbers of 8 bytes.
    assert 8 * synapses <= array_bytes(network) <= 32 * synapses


def _spikes(times, cells) -> SpikeList:
    return SpikeList.of(np.asarray(times, float), np.asarray(cells))


@pytest.mark.parametrize("shift", [0, 1, -2])
def test_equal_spikes_agree_to_the_end(shift: int) -> None:
    times, cells = np.array([1.0, 1.0, 2.5, 4.0]), np.array([3, 1, 2, 1])
    found = agreement(_spikes(times - shift * DT, cells), _spikes(times, cells), DT)
    assert (found.until_ms, found.share, found.matched) == (None, 1.0, 1.0)
    assert found.shift_steps == shift


def test_agreement_ends_at_the_first_spike_of_only_one() -> None:
    times, cells = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1, 2, 3])
    lost = agreement(_spikes(times[[0, 1, 3]], cells[[0, 1, 3]]), _spikes(times, cells), DT)
    assert lost.until_ms == pytest.approx(3.0)
    assert lost.share == 0.5
    assert lost.matched == 0.75
    other = agreement(_spikes(times, [0, 1, 2, 9]), _spikes(times, cells), DT)
    assert other.until_ms == pytest.approx(4.0)
    # A spike one step late is not the same, but matched.
    late = agreement(_spikes([1.0, 2.0, 3.0 + DT, 4.0], cells), _spikes(times, cells), DT)
    assert (late.until_ms, late.share, late.matched) == (pytest.approx(3.0), 0.5, 1.0)


def test_silence_agrees_with_silence_only() -> None:
    assert agreement(_spikes([], []), _spikes([], []), DT).until_ms is None
    found = agreement(_spikes([], []), _spikes([2.0], [0]), DT)
    assert (found.until_ms, found.share) == (2.0, 0.0)


def test_measure_sees_output_memory_and_status() -> None:
    code = "import json; x = bytearray(200 * 2**20); print('a line'); print(json.dumps({'n': 3}))"
    done = measure([sys.executable, "-c", code], 60)
    assert (done.problem, done.timed_out) == ("", False)
    assert done.line == {"n": 3}
    assert 200 < done.peak_mb < 1000
    assert done.cpu_s > 0
    failed = measure([sys.executable, "-c", "import sys; sys.exit('no such thing')"], 60)
    assert failed.problem == "ended with status 1: no such thing"
    assert failed.line == {}


def test_measure_stops_a_process_and_its_children(tmp_path: Path) -> None:
    child = f"import os,time; open({str(tmp_path / 'pid')!r},'w').write(str(os.getpid())); time.sleep(60)"
    code = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {child!r}])"
    done = measure([sys.executable, "-c", code], 3)
    assert done.timed_out
    assert done.problem == "did not finish within 3 s"
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        # Killed, but perhaps not yet reaped by init.
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the child goes on")


def test_in_turn_alternates_and_drops_what_fails() -> None:
    calls: list[str] = []

    def make(name: str, problem: str = ""):
        def run() -> Measured:
            calls.append(name)
            return Measured(1.0, 1.0, 1.0, "", problem)

        return run

    found = in_turn({"a": make("a"), "b": make("b", "broken"), "c": make("c")}, 3)
    assert calls == ["a", "b", "c", "a", "c", "a", "c"]
    assert {name: len(runs) for name, runs in found.items()} == {"a": 3, "b": 1, "c": 3}


def test_median_ratio_is_of_pairs() -> None:
    # Pair by pair 2, 2, 1: the medians themselves would give 2.5/1.5.
    assert median_ratio([2.0, 6.0, 2.5], [1.0, 3.0, 2.5]) == 2.0
    assert median_ratio([1.0], [0.0]) is None
    assert median_ratio([], []) is None


@pytest.mark.parametrize("k", [0.5, 1.0, 1.3])
def test_exponent_of_a_power_law(k: float) -> None:
    x = np.array([1e3, 5e3, 2e4])
    assert exponent(x, 7 * x**k) == pytest.approx(k, abs=1e-12)
    assert exponent([2.0], [3.0]) is None


def test_fit_of_a_fixed_cost_and_a_linear_one() -> None:
    sizes = [1e4, 2e4, 1e6, 2e6]
    rows = [
        {"backend": "x", "synapses": n, "run_s": 1e-6 * n, "build_s": 3.0, "peak_mb": 50 + n * 1e-4}
        for n in sizes
    ]
    fit = fit_row("x", rows)
    assert fit["run_exponent"] == pytest.approx(1.0)
    assert fit["build_exponent"] == pytest.approx(0.0, abs=1e-12)
    assert 0 < fit["memory_exponent"] < fit["memory_exponent_upper"] < 1
    assert fit["bytes_per_synapse"] == pytest.approx(1e-4 * 2**20)


def test_tables_are_written_read_and_replaced(tmp_path: Path) -> None:
    columns = (Column("what", "what"), Column("ratio", "ratio", "{:.2f}", 1.5))
    first = Table("one", "first", columns, ({"what": "a, b", "ratio": 1.25},))
    write_tables([first], tmp_path)
    write_tables([Table("two", "second", columns, ({"what": "c", "ratio": None},))], tmp_path)
    with (tmp_path / "one.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"what": "a, b", "ratio": "1.25"}]
    data = json.loads((tmp_path / "bench.json").read_text())
    assert list(data) == ["one", "two"]
    assert data["one"]["rows"][0]["ratio"] == 1.25
    assert not list(tmp_path.glob(".*"))


def test_a_target_missed_is_marked_and_a_bound_is_no_answer() -> None:
    columns = (
        Column("what", "what"),
        Column("ratio", "ratio", "{:.2f}", 1.5),
        Column("speed", "speed", "{:.0f}", 4, at_least=True),
    )
    rows = (
        {"what": "good", "ratio": 1.5, "speed": 4},
        {"what": "bad", "ratio": 1.51, "speed": 3},
        {"what": "open", "ratio": None, "speed": 3, "speed_is_bound": True, "problem": "stopped"},
    )
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    print_table(console, Table("t", "title", columns, rows, ("a note",), "a machine"))
    lines = console.export_text().splitlines()
    words = {line.split()[0]: line for line in lines if line.strip()}
    assert words["good"].count("✓") == 2
    assert words["bad"].count("✗") == 2
    assert "> 3 ?" in words["open"]
    assert "stopped" in words["open:"]
    assert any("a machine" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "overheat"], "did you mean 'overhead'"),
        (["--network", "cobra"], "did you mean 'coba'"),
        (["--size", "100"], "80 inputs need 160 cells"),
        (["--pairs", "0"], "one is the least"),
        (["--scaling", "--sizes", "1000,many"], "no list of whole numbers"),
        (["--scaling", "--model", "lif_10"], "--network: there is no network 'lif_10'"),
        (["--model", "basal_ganglia"], "--model: is for --scaling"),
        (["--network", "basal_ganglia"], "there is no network 'basal_ganglia'"),
        (["-b", "neurom"], "did you mean 'neuron'"),
        (["-b", "oracle"], "known: brian2, neuron, pymonntorch"),
    ],
)
def test_bad_options_end_with_status_2(arguments, words, capsys) -> None:
    assert main(["bench", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_backends_of_bench_are_no_model() -> None:
    assert spread_values(["bench", "-b", "brian2", "neuron"]) == [
        "bench",
        "-b",
        "brian2",
        "-b",
        "neuron",
    ]
    assert parse_sizes("5000,1000,1_000") == (1000, 5000)
    assert installed(None, ("reference",)) == ("reference",)
    with pytest.raises(InputError, match="--budget"):
        Options(budget_s=0)


def test_without_pynn_its_table_says_how_to_have_it(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    table = measure_pynn(Options(), ["neuron"], tmp_path)
    assert table.rows == ()
    assert not table.failed
    assert any("pip install PyNN==0.13" in note for note in table.notes)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the runs of this file, so that each thing is compiled once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", ["coba", "cuba"])
@pytest.mark.parametrize(
    "backend",
    # An empty cache makes the script compile Brian2's Cython modules, about a minute.
    [pytest.param(b, marks=pytest.mark.slow if b == "brian2" else ()) for b in SIMULATORS],
)
def test_raw_and_the_native_script_spike_alike(
    backend: str, name: str, tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(compiled))
    size, duration = 400, 50.0
    write(name, size, duration, tmp_path)
    out, native = tmp_path / "ours", tmp_path / "native.npz"
    method = METHODS.get((backend, name))
    ours = run_ours(backend, "raw", tmp_path / REALIZATION, out, 200, method)
    words = ["--network", name, "--edges", tmp_path / NATIVE]
    by_hand = measure(script_command(backend, f"{backend}_.py", words, native, DT, duration), 200)
    assert (ours.problem, by_hand.problem) == ("", "")
    found = agreement(SpikeList.from_recording(read_recording(out)), SpikeList.load(native), DT)
    assert found.n_b == by_hand.line["spikes"] > 20
    # PymoNNtorch computes in float32, in which a sum's order moves a crossing by a step.
    least = 0.9 if backend == "pymonntorch" else 1.0
    assert found.matched >= least
    assert backend == "pymonntorch" or found.until_ms is None


@pytest.mark.parametrize(
    "backend",
    [pytest.param(b, marks=pytest.mark.slow if b != "pymonntorch" else ()) for b in SIMULATORS],
)
def test_the_purkinje_cell_written_by_hand_is_the_library_s(
    backend: str, tmp_path: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(compiled))
    duration, dt, native = 12.0, 0.01, tmp_path / "native.npz"
    script = script_command(backend, f"purkinje_{backend}.py", [], native, dt, duration)
    by_hand = measure(script, 300)
    assert by_hand.problem == ""
    found = np.load(native)["times"]
    # Two computations of the first spike: 9.4771 ms in continuous time, and of order 1 in dt here.
    assert found == pytest.approx([9.48], abs=0.6)
    realization = realize(
        load_model("purkinje_khaliq2003").with_(duration=f"{duration} ms", records=[])
    )
    scheme = "raw" if backend == "neuron" else "lockstep"
    recording = load_backend(backend).run(realization, Settings(mode=scheme))
    assert recording.spikes["purkinje"].times == pytest.approx(found, abs=2.5 * dt)


def test_scaling_counts_events_and_draws(tmp_path: Path, compiled: Path, monkeypatch) -> None:
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(compiled))
    options = Options(network="cuba", sizes=(160, 320), scaling_ms=5.0)
    table, fits = measure_scaling(options, ["reference"], tmp_path / "work")
    assert not table.failed
    assert [(r["backend"], r["cells"]) for r in table.rows] == [
        ("realize", 160),
        ("realize", 320),
        ("reference", 160),
        ("reference", 320),
    ]
    for row in table.rows:
        # Every pair with probability 80/size, but for a cell and itself.
        assert row["synapses"] == pytest.approx(80 * row["cells"], rel=0.05)
    for row in table.rows[2:]:
        assert row["spikes"] > 0
        assert row["events"] / row["spikes"] == pytest.approx(80, rel=0.25)
    assert [row["backend"] for row in fits.rows] == ["realize", "reference"]
    written = draw_scaling(table, tmp_path / "out")
    assert [path.name for path in written] == ["scaling.png", "scaling.svg"]
    assert all(path.stat().st_size > 5000 for path in written)


def test_scaling_takes_a_library_model_with_sources(tmp_path: Path) -> None:
    options = Options(network="basal_ganglia", sizes=(850,), scaling_ms=2.0)
    table, fits = measure_scaling(options, ["pymonntorch"], tmp_path)
    assert not table.failed, table.rows
    realized = realize(load_model("basal_ganglia", size=850).with_(duration="2 ms"))
    assert table.rows[1]["synapses"] == sum(map(len, realized.edges))
    # Every given spike arrives over AMPA, and over NMDA in striatum and STN.
    twice = ("ctx_d1", "ctx_stn", "ctx_d2")
    given = sum(s.steps.size * (2 if n in twice else 1) for n, s in realized.sources.items())
    # A striatal cell, which has most, reaches some 950 others.
    assert 0 <= table.rows[1]["events"] - given <= 1000 * table.rows[1]["spikes"]
    assert fits.rows[1]["event_ratio"] is None


def test_scaling_leaves_out_what_exceeds_its_budget(tmp_path: Path) -> None:
    options = Options(sizes=(160, 10_000_000), scaling_ms=1.0, budget_s=100)
    table, _ = measure_scaling(options, [], tmp_path)
    assert [row["cells"] for row in table.rows] == [160]
    assert "realize with 10,000,000" in table.notes[0]


def test_what_was_put_into_two_recordings_is_found(tmp_path: Path) -> None:
    options = Options(n_compared=20_000, n_traces=30, n_samples=2000, pairs=1)
    table = measure_recordings(options, tmp_path)
    assert not table.failed, table.rows
    assert [row["n_spikes"] for row in table.rows] == [20_000] * 2
    # One that finds nothing of it does not count.
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"verdict": "different"}))
    good = Measured(1.0, 1.0, 1.0, "")
    assert _checked(good, answer, _same).problem


def test_bench_writes_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    console = Console(file=(tmp_path / "text").open("w"))
    assert run_bench(console, only="pynn", out=tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "bench.json").read_text())["pynn"]["rows"] == []
    assert COLUMNS[0].key == "backend"
