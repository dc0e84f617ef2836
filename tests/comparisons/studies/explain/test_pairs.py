"""Real simulators explained: Brian2, NEURON and PymoNNtorch, raw, down to the last spike."""

from __future__ import annotations

import json

import pytest

import coincide as co
from coincide.backends.registry import is_installed, load_backend
from coincide.comparisons.cli import main
from coincide.comparisons.studies.explain.engine import explain_sides
from coincide.comparisons.studies.explain.explaining import sides_of
from coincide.comparisons.studies.explain.figures import divergence_figure, explanation_figure
from coincide.comparisons.studies.explain.trials import BUDGET, Trials

brian2 = pytest.mark.skipif(not is_installed("brian2"), reason="Brian2 is not installed")
neuron = pytest.mark.skipif(not is_installed("neuron"), reason="NEURON is not installed")
pymonntorch = pytest.mark.skipif(
    not is_installed("pymonntorch"), reason="PymoNNtorch is not installed"
)


def check(found: co.Explanation, backend: str) -> None:
    """What holds for every explanation of a backend that the contract is the truth for."""
    assert found.after.settled, found.in_words
    assert found.after.matched_spikes == found.after.n_spikes
    assert found.unexplained == 0
    assert found.untested == ()
    assert len(found.runs) <= BUDGET
    assert sum(f.share for f in found.causes) == pytest.approx(1.0)
    declared = {c.name for c in load_backend(backend).conventions}
    for f in found.causes:
        assert f.effect.total > 0
        assert f.cause != "unexplained"
        assert f.name in declared | {"the integrators"}
    ids = {trial.id for trial in found.runs}
    for f in found.causes:
        assert set(f.run.split(" and ")) | set(f.left_in.split(" and ")) <= ids


@pytest.fixture(scope="module")
def lif_10():
    """Ten cells by Brian2 in raw mode against the contract, in this process; NumPy spares the compiler."""
    realization = co.realize(co.load_model("lif_10").with_(duration="40 ms"))
    a, b = sides_of(realization, ["brian2", "reference"], "raw", {"target": "numpy"})
    here = Trials(perform=lambda s: load_backend(s.backend).run(s.realization, s.settings))
    return explain_sides(a, b, here, model="lif_10")


@brian2
def test_brian2_is_explained_to_the_last_spike(lif_10):
    check(lif_10, "brian2")
    assert 0 < lif_10.before.matched_spikes < 0.7 * lif_10.before.n_spikes
    # Ten cells that kick each other and are refractory: what Brian2's conventions are about.
    names = {f.name for f in lif_10.causes}
    assert names == {
        "spike_stamp",
        "delivery_order",
        "refractory_count",
        "refractory_arrivals",
        "recording_phase",
    }
    cleared = {c.name: c for c in lif_10.cleared}
    assert cleared["source_delivery"].why == "there are no given spikes"


@brian2
def test_the_ladder_goes_from_the_pair_to_nothing(lif_10):
    rungs = lif_10.ladder
    assert rungs[0].disagreement == lif_10.before
    assert rungs[-1].disagreement == lif_10.after
    assert [len(r.removed) for r in rungs] == sorted(len(r.removed) for r in rungs)
    assert len(rungs[-1].removed) == len(lif_10.causes)


@brian2
def test_json_says_cause_share_and_run(lif_10):
    data = json.loads(lif_10.to_json())
    assert sum(data["shares"].values()) == pytest.approx(1.0)
    runs = {run["id"]: run for run in data["runs"]}
    for cause in data["causes"]:
        assert cause["cause"] in data["shares"]
        for one in cause["confirmed_by"].split(" and "):
            assert runs[one]["status"] == "ok"
    assert data["divergence"]["population"] == "cells"
    assert len(runs) <= data["budget"] == BUDGET


@brian2
def test_files_figures_and_the_notebook(lif_10, tmp_path):
    page = lif_10.save(tmp_path / "why")
    folder = page.parent
    assert {p.name for p in folder.iterdir()} == {
        "explanation.txt",
        "explanation.json",
        "causes.csv",
        "ladder.csv",
        "explanation.png",
        "explanation.svg",
        "divergence.png",
        "divergence.svg",
        "experiment.json",
        "index.html",
        "page.json",
    }
    html = page.read_text(encoding="utf-8")
    asked = "-b brian2 reference --mode raw --budget 15 --target numpy"
    assert f"coincide explain experiment.json {asked}" in html
    for cause in lif_10.causes:
        assert cause.run.split(" and ")[0] in html
    assert len((folder / "causes.csv").read_text().splitlines()) == 1 + len(lif_10.causes)
    top, bottom = explanation_figure(lif_10).axes
    assert len(top.patches) == len(lif_10.causes)
    assert [t.get_text() for t in bottom.get_yticklabels()] == [r.words for r in lif_10.ladder]
    traces, difference, _ = divergence_figure(lif_10).axes
    assert traces.get_ylabel() == "v (mV)"
    assert difference.get_ylabel().startswith("reference\n− brian2 (")
    html = lif_10._repr_html_()
    assert "spike_stamp" in html
    assert html.count("<img") == 2
    assert "spike_stamp" in repr(lif_10)


def test_the_command_says_the_same_as_the_function(own_cache, tmp_path, capsys):
    out = tmp_path / "found.json"
    asked = ["explain", "lif_10", "-b", "oracle", "reference", "--mode", "aligned"]
    code = main([*asked, "--duration", "40 ms", "--json", str(out), "--out", str(tmp_path / "why")])
    assert code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the oracle" not in said
    data = json.loads(out.read_text())
    # Steps of 0.1 ms against continuous time: an error that half the step makes smaller.
    assert data["shares"] == {"integrator": pytest.approx(1.0)}
    (cause,) = data["causes"]
    assert cause["convergence"]["at_half"] < 0.8 * cause["convergence"]["at_dt"]
    assert "it shrinks with dt" in said
    assert (tmp_path / "why" / "divergence.png").exists()
    found = co.explain(
        co.load_model("lif_10").with_(duration="40 ms"), ["oracle", "reference"], "aligned"
    )
    assert found.to_dict()["causes"] == data["causes"]
    assert all(trial.cached for trial in found.runs)


@brian2
def test_compare_says_how_to_ask_why(capsys):
    code = main(
        [
            "compare",
            "lif_10",
            "-b",
            "brian2",
            "--mode",
            "raw",
            "lockstep",
            "--duration",
            "40 ms",
            "--target",
            "numpy",
            "--no-report",
        ]
    )
    assert code == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("why: ")]
    # One for raw, none for lockstep, in which they coincide.
    assert said == [
        "why: coincide explain lif_10 --duration '40 ms' --target numpy -b brian2 reference --mode raw"
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["lif_10"], "-b"),
        (["lif_10", "-b", "brain2"], "brian2"),
        (["lif_10", "-b", "reference"], "contract"),
        (["lif_10", "-b", "reference", "--mode", "raw", "aligned"], "one mode"),
        (["lif_10", "-b", "reference", "oracle", "brian2"], "one backend or two"),
        (["lif_10", "-b", "oracle", "reference", "--budget", "1"], "--budget"),
    ],
)
def test_bad_input_is_one_message_and_status_2(arguments, problem, capsys):
    assert main(["explain", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_what_cannot_be_run_is_status_3(capsys):
    # More cells than the oracle integrates in continuous time.
    code = main(
        [
            "explain",
            "izhikevich_1000",
            "-b",
            "oracle",
            "reference",
            "--mode",
            "aligned",
            "--duration",
            "5 ms",
        ]
    )
    assert code == 3
    assert "1000 cells" in capsys.readouterr().err


@pytest.mark.slow
@brian2
@pytest.mark.parametrize("against", [["brian2", "reference"], ["brian2"]])
def test_the_flagship(against):
    """1 s of 80 cells: a few per cent of spikes in common, then every one."""
    found = co.explain("lif_80", against, "raw")
    check(found, "brian2")
    assert found.before.matched_spikes < 0.1 * found.before.n_spikes
    conventions = {f.name for f in found.causes if f.side == "brian2"}
    assert conventions == {
        "spike_stamp",
        "source_delivery",
        "source_rounding",
        "refractory_count",
        "recording_phase",
    }
    # Without the conventions alone, before any integrator is exchanged, every spike is the same.
    rung = next(r for r in reversed(found.ladder) if "the integrators" not in r.removed)
    assert rung.disagreement.matched_spikes == rung.disagreement.n_spikes > 3000


@pytest.mark.slow
@neuron
def test_neuron_is_explained_to_the_last_spike():
    found = co.explain(co.load_model("lif_80").with_(duration="200 ms"), "neuron", "raw")
    check(found, "neuron")
    found = co.explain("lif_10", ["neuron", "reference"], "raw")
    check(found, "neuron")


@pytest.mark.slow
@pymonntorch
def test_pymonntorch_is_explained_to_the_last_spike():
    experiment = co.load_model("lif_80").with_(duration="200 ms")
    found = co.explain(experiment, ["pymonntorch", "reference"], "raw")
    check(found, "pymonntorch")
    assert found.of_cause("delivery_order") > 0
    assert found.of_cause("precision") > 0


@pytest.mark.slow
@brian2
@neuron
def test_what_two_simulators_do_alike_is_no_cause():
    """Both record before what happens at the end of the run, so neither is to blame for that."""
    experiment = co.load_model("lif_80").with_(duration="200 ms")
    found = co.explain(experiment, ["brian2", "neuron"], "raw")
    assert found.after.settled
    assert len(found.runs) <= BUDGET
    assert any(c.side == "both" for c in found.cleared)
    assert "recording_phase" not in {f.name for f in found.causes}


@pytest.mark.slow
@neuron
def test_the_table_of_neurons_hh_does_not_converge():
    """Rates from a table of 1 mV: that difference stays at half the step, implicit Euler's shrinks."""
    found = co.explain(
        co.load_model("hh_squid", "built_in"), ["neuron", "reference"], "raw", budget=BUDGET
    )
    check(found, "neuron")
    by_name = {f.name: f for f in found.causes}
    assert by_name["built_in"].cause == "non_convergent"
    convergence = by_name["built_in"].convergence
    assert convergence.at_half == pytest.approx(convergence.at_dt, rel=0.05)
    assert by_name["integrator"].cause == "integrator"
    # Implicit Euler is of order 1: half the step, half the error, but for the grid of the stamps.
    ratio = by_name["integrator"].convergence.at_half / by_name["integrator"].convergence.at_dt
    assert 0.4 < ratio < 0.65


@pytest.mark.slow
@neuron
def test_an_integrator_of_the_contract_alone_is_no_fault_of_another_convention():
    """Any convention left in brings NEURON's own euler along, which is 'integrator' and nothing else."""
    cells = co.Population(
        name="cells",
        size=2,
        parameters={"I0": co.Array([5.0, 9.0], "1")},
        model=co.NeuronModel(
            name="QIF",
            equations="dx/dt = (x**2 + I0)/(10*ms) : 1\nI0 : 1",
            threshold="x > 100",
            reset="x = -20",
        ),
    )
    experiment = co.Experiment(name="qif", populations=[cells], duration="40 ms", dt="0.1 ms")
    found = co.explain(experiment, "neuron", "raw")
    assert found.after.settled
    assert {cause.name for cause in found.causes} == {"integrator"}


@pytest.mark.slow
@neuron
def test_a_purkinje_cell_differs_by_its_integrators_alone():
    experiment = co.load_model("purkinje_khaliq2003").with_(duration="60 ms")
    found = co.explain(experiment, ["neuron", "reference"], "raw")
    check(found, "neuron")
    assert set(found.shares()) == {"integrator"}
