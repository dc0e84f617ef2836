"""The command line's contract: what it prints, its exit status, its JSON, and what it says to bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.cli import main, spread_values
from coincide.core.experiment import Experiment


@pytest.fixture
def model(tmp_path: Path, own_cache: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(tiny_experiment().to_json())
    return path


def _compare(*arguments: object) -> int:
    return main(["compare", *(str(a) for a in arguments), "--no-report"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("compare m -b a b --mode raw", "compare m -b a -b b --mode raw"),
        ("compare -b a b m", "compare -b a -b b m"),
        ("compare m --mode raw aligned --dt 1", "compare m --mode raw --mode aligned --dt 1"),
        ("compare m -b a", "compare m -b a"),
        ("compare -b a --dt 0.1 m", "compare -b a --dt 0.1 m"),
        ("compare m --set x.y=1 z=2 --fresh", "compare m --set x.y=1 --set z=2 --fresh"),
        ("compare --fresh m -b a b", "compare --fresh m -b a -b b"),
        ("conventions -b a b", "conventions -b a -b b"),
        ("corrections -b brian2 neuron", "corrections -b brian2 -b neuron"),
        ("corrections -b neuron basal_ganglia", "corrections -b neuron basal_ganglia"),
        ("diff a b", "diff a b"),
        ("converge -b a b m --levels 6", "converge -b a -b b m --levels 6"),
        ("compare -b a b --dt 1 --fresh m", "compare -b a -b b --dt 1 --fresh m"),
        ("compare -b a b m --mode raw aligned", "compare -b a -b b m --mode raw --mode aligned"),
        ("compare -b a b --mode raw aligned m", "compare -b a -b b --mode raw --mode aligned m"),
    ],
)
def test_options_that_take_several_values(given: str, meant: str) -> None:
    assert spread_values(given.split()) == meant.split()


def test_json_has_what_the_contract_says(model: Path, capsys) -> None:
    assert _compare(model, "-b", "reference", "--mode", "lockstep", "aligned", "--json", "-") == 0
    data = json.loads(capsys.readouterr().out)
    head = {"name", "variant", "title", "hash", "seed", "dt_ms", "duration_ms"}
    assert set(data["experiment"]) == head
    for run in data["runs"]:
        assert {
            "id",
            "backend",
            "mode",
            "method",
            "status",
            "reason",
            "version",
            "spikes",
            "build_s",
            "run_s",
            "wall_s",
            "peak_mb",
            "cached",
        } <= set(run)
        assert run["spikes"] == {"cells": 4}
        assert run["wall_s"] > 0
        assert run["peak_mb"] > 1


def test_pairs_in_json(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out.json"
    assert _compare(model, "-b", "reference", "oracle", "--mode", "aligned", "--json", target) == 0
    (pair,) = json.loads(target.read_text())["pairs"]
    assert {"a", "b", "verdict", "traces", "spikes"} <= set(pair)
    assert {
        "population",
        "variable",
        "unit",
        "max_abs",
        "rms",
        "relative",
        "first_divergence",
    } <= set(pair["traces"][0])
    assert {
        "population",
        "n_a",
        "n_b",
        "matched",
        "missing",
        "extra",
        "max_shift_ms",
        "rms_shift_ms",
    } <= set(pair["spikes"][0])
    assert pair["traces"][0]["unit"] == "mV"


def test_exit_status_says_whether_it_is_within(model: Path) -> None:
    arguments = (model, "-b", "reference", "oracle", "--mode", "aligned")
    assert _compare(*arguments) == 0
    assert _compare(*arguments, "--expect", "round-off") == 1
    assert _compare(*arguments, "--expect", "close", "--tolerance", "5 ms") == 0


def test_json_of_a_run_shorter_than_a_bin_of_its_statistics(model: Path, capsys) -> None:
    assert _compare(model, "-b", "reference", "--duration", "1 ms", "--json", "-") == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["statistics"]["cells"]["rate_hz"] == 0.0


def test_nothing_compared_is_not_within(model: Path) -> None:
    assert _compare(model, "-b", "reference") == 0
    assert _compare(model, "-b", "reference", "--expect", "close") == 1


def test_nothing_that_could_run_is_a_failure(model: Path) -> None:
    arguments = (model, "-b", "brian2", "--mode", "raw", "--target", "nonsense")
    assert _compare(*arguments, "--no-reference") == 3


def test_a_sweep_takes_what_a_comparison_takes(own_cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "sweep.json"
    arguments = ("izhikevich_50", "--sweep", "-b", "reference", "--seed", "9", "--duration", "5 ms")
    assert _compare(*arguments, "--expect", "identical", "--json", target) == 1
    points = json.loads(target.read_text())
    assert len(points) > 3
    assert {p["experiment"]["seed"] for p in points} == {9}
    assert {p["experiment"]["duration_ms"] for p in points} == {5.0}


def test_exit_status_of_a_run_that_fails(model: Path) -> None:
    late = ("--duration", "1000 s", "--timeout", "0.2")
    assert _compare(model, "-b", "oracle", "--mode", "aligned", *late) == 3


def test_set_changes_the_experiment(model: Path, capsys) -> None:
    assert (
        main(["show", str(model), "--set", "cells.tau=10 ms", "cells.exc.tau=7 ms", "--json", "-"])
        == 0
    )
    shown = Experiment.from_json(capsys.readouterr().out)
    cells = shown.neurons("cells")
    assert str(cells.parameters["tau"]) == "10 ms"
    assert str(cells.receptors["exc"].tau) == "7 ms"  # type: ignore[union-attr]


def test_a_library_model_takes_its_options(capsys) -> None:
    assert main(["show", "cuba_4000", "--set", "size=500", "--json", "-"]) == 0
    shown = Experiment.from_json(capsys.readouterr().out)
    assert sum(p.size for p in shown.populations) == 500


def test_run_then_diff(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["run", str(model), "--out", str(out), "--duration", "20ms"]) == 0
    # A file of spikes says nothing of the traces that the folder has.
    assert main(["diff", str(out), str(out / "spikes.h5"), "--expect", "close"]) == 0


def test_list_and_show_and_schema(capsys) -> None:
    assert main(["list", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {"lif_10", "coba_4000"} <= {m["name"] for m in data["models"]}
    assert {"reference", "brian2", "neuron", "pymonntorch"} <= {b["name"] for b in data["backends"]}
    assert main(["show", "lif_10"]) == 0
    text = capsys.readouterr().out
    assert "dv/dt" in text
    assert "mV" in text
    assert main(["show", "lif_10", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Experiment"


def _broken(model: Path, change) -> Path:
    data = json.loads(model.read_text())
    change(data)
    path = model.with_name("broken.json")
    path.write_text(json.dumps(data))
    return path


BAD_ARGUMENTS = [
    (["compare", "lif_11"], "lif_10"),
    (["compare", "lif_10", "--variant", "as_writen"], "as_written"),
    (["compare", "lif_10", "-b", "brain2"], "brian2"),
    (["compare", "lif_10", "--mode", "lokstep"], "lockstep"),
    (["compare", "lif_10", "--method", "rk5"], "rk4"),
    (["compare", "lif_10", "-b", "brian2", "--mode", "raw", "--method", "rk5"], "--method"),
    (["explain", "lif_10", "-b", "brian2", "--method", "rk5"], "--method"),
    (["explain", "lif_10", "-b", "neuron", "--device", "cuda"], "--device: none of neuron"),
    (["converge", "lif_10", "-b", "reference", "--method", ""], "--method"),
    (["select", "lif_10", "-b", "reference", "--duration-of-interest", "1e300 s"], "steps"),
    (["converge", "lif_10", "-b", "reference", "--seeds", "99999999999"], "at most"),
    (["curve", "fsn", "-b", "reference", "--parameters", ""], "parameters"),
    (["bench", "--scaling", "--model", ""], "network"),
    (["bench", "--scaling", "--duration", "0 ms"], "has to be > 0"),
    (["faults", "--only", ","], "--only"),
    (["compare", "lif_10", "--duration", "5 mV"], "a time"),
    (["compare", "lif_10", "--duration", "-5 ms"], "> 0"),
    (["compare", "lif_10", "--dt", "0 ms"], "> 0"),
    (["compare", "lif_10", "--dt", "abc"], "quantity"),
    (["compare", "lif_10", "--seed", "x"], "it has to be a whole number"),
    (["compare", "lif_10", "--timeout", "0"], "it has to be 0.1 or more"),
    *(
        (["compare", "lif_10", "--timeout", given], "it has to be")
        for given in ("inf", "nan", "2e9")
    ),
    *((["fuzz", "--timeout", given], "it has to be") for given in ("inf", "nan", "-1")),
    *((["bench", "--scaling", "--budget", given], "--budget: ") for given in ("inf", "nan", "0")),
    (["compare", "lif_10", "--set", "cells.tau"], "path=value"),
    (["compare", "lif_10", "--set", "cells.tua=3 ms"], "cells.tau"),
    (["compare", "lif_10", "--set", "cells.tau=-3 ms"], "negative"),
    (["compare", "lif_10", "--set", "cells.size=0"], "it has to be > 0"),
    (["compare", "lif_10", "--expect", "perfect"], "round-off"),
    (["compare", "lif_10", "--tolerance", "1 mV"], "a time"),
    (["compare", "lif_10", "--timeout", "-1"], "timeout"),
    (["compare", "lif_10", "--sweep", "-b", "reference"], "sweep"),
    (["compare", "lif_10", "--tolerance=-1ms"], ">= 0"),
    (["compare", "lif_10", "-b", "neuron", "--device", "cuda"], "pymonntorch"),
    (["compare", "lif_10", "-b", "neuron", "--precision", "float32"], "pymonntorch"),
    (["compare", "izhikevich_50", "--sweep", "--seed", "x"], "seed"),
    (["compare", "izhikevich_50", "--sweep", "--variant", "as_intended"], "--variant"),
    (["compare", "izhikevich_50", "--sweep", "--set", "nothing=1"], "nothing"),
    (["compare", "nowhere/model.json"], "cannot be read"),
    (["compare"], "MODEL"),
    (["compair"], "compare"),
    (["run", "lif_10", "-b", "nothing"], "reference"),
    (["run", "lif_10", "--out", "/proc/nowhere/x"], "/proc"),
    (["diff", "a", "b"], "no such file"),
    (["show", "lif_1O"], "lif_10"),
    (["conformance", "brain2"], "brian2"),
    (["conformance", "reference", "-k", "xyz"], "drive"),
]


@pytest.mark.parametrize(("arguments", "word"), BAD_ARGUMENTS, ids=lambda a: " ".join(a)[:60])
def test_bad_arguments_give_one_message(
    arguments: list[str], word: str, capsys, tmp_path: Path, monkeypatch, own_cache: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert word in said.err
    assert "Traceback" not in said.err + said.out
    assert [p.name for p in tmp_path.iterdir() if p.name != "cache"] == []


BAD_JSON = [
    (lambda d: d.update(schema_version=9), "schema_version"),
    (lambda d: d.update(surprise=1), "surprise"),
    (lambda d: d.pop("duration"), "duration"),
    (lambda d: d["populations"][0].update(size=0), "cells.size"),
    (lambda d: d["populations"].append(d["populations"][0]), "twice"),
    (lambda d: d["populations"][0]["model"].update(threshold="u > 3"), "LIF.threshold"),
    (lambda d: d["populations"][0]["model"]["parameters"].pop("tau"), "cells.tau"),
    (lambda d: d["populations"][0]["model"]["parameters"].update(tau="-1 ms"), "LIF.tau"),
    (
        lambda d: d["populations"][0]["model"].update(equations="dv/dt = v.real/ms : mV"),
        "attribute",
    ),
    (lambda d: d["populations"][0]["model"].update(equations="dv/dt = open(v)/ms : mV"), "open"),
    (lambda d: d["projections"][0].update(delay="0.01 ms"), "cells_to_cells_exc.delay"),
    (lambda d: d["projections"][0].update(source="cell"), "cells"),
    (lambda d: d["inputs"][0].update(amplitude="nan pA"), "drive"),
    (lambda d: d["records"][0].update(variables=["V"]), "records.cells"),
]


@pytest.mark.parametrize(("change", "word"), BAD_JSON, ids=[w for _, w in BAD_JSON])
def test_bad_experiments_give_one_message(model: Path, change, word: str, capsys) -> None:
    assert _compare(_broken(model, change), "-b", "reference") == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.count("error:") == 1
    assert "Traceback" not in said


def test_help_as_a_process_is_plain() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coincide", "--help"], capture_output=True, text=True, check=True
    )
    assert "compare" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("said", [["a,b"], ["a", "--undo", "b"], ["a", "b"]])
def test_several_conventions_to_undo(said: list[str], model: Path, tmp_path: Path, capsys) -> None:
    """Names that no backend has are refused, so that both are seen to arrive."""
    out = tmp_path / "run"
    main(["run", str(model), "--mode", "raw", "--undo", *said, "--out", str(out), "--quiet"])
    assert json.loads((out / "run.json").read_text())["settings"]["undone"] == ["a", "b"]
