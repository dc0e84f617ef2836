"""What was not seen caps every verdict, and is named beside it: terminal, page, notebook, JSON, print."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.commands.sweep import Point, not_seen, plain
from coincide.comparisons.showing.notebook import recording_html, run_html
from coincide.comparisons.studies.compare.study import Comparison, compare
from coincide.comparisons.studies.compare.terminal import Console, print_comparison
from coincide.comparisons.studies.converge import converge
from coincide.comparisons.studies.converge.words import beside, brief
from coincide.comparisons.studies.curve import curve
from coincide.core.caveats import Caveat
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.models.library import load_model

LIF = ["lif_10", "--duration", "50 ms"]
SHORT = load_model("lif_10").with_(duration="50 ms")


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two simulators were asked for, and one of them is not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COINCIDE_PYTHON_NEURON", "/bin/false")
        return compare(SHORT, ["brian2", "neuron"])


def test_a_failed_run_caps_the_whole_while_the_pairs_that_ran_keep_theirs(lost: Comparison) -> None:
    (pair,) = lost.pairs
    assert pair.verdict in ("identical", "round-off")
    assert lost.worst == lost.verdict_in("lockstep") == "undecided"
    assert not lost.within("close")
    (caveat,) = lost.caveats
    assert (caveat.kind, caveat.where) == ("not finished", "neuron-lockstep")
    assert caveat.why.startswith("failed: ")


def test_a_failed_run_stands_on_the_page_in_a_notebook_in_json_and_in_print(
    lost: Comparison, tmp_path: Path
) -> None:
    data = json.loads(lost.to_json())
    assert (data["verdict"], data["verdicts"]) == ("undecided", {"lockstep": "undecided"})
    assert data["caveats"][0]["where"] == "neuron-lockstep"
    page = lost.save(tmp_path / "page").read_text()
    title = page.partition("<title>")[2].partition("</title>")[0]
    assert "undecided" in title
    assert "round-off" not in title
    for text in (page, lost._repr_html_(), repr(lost)):
        assert "undecided" in text
        assert "neuron" in text
        assert "failed" in text
    assert repr(lost).splitlines()[0].endswith(": undecided")


def test_the_terminal_says_undecided_and_why(own_cache: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_NEURON", "/bin/false")
    asked = ["compare", *LIF, "-b", "neuron", "--no-report"]
    assert main([*asked, "--expect", "close"]) == 3
    (line,) = [s for s in capsys.readouterr().out.splitlines() if s.startswith("?")]
    assert line.startswith("? lockstep, undecided:")


def test_what_a_backend_does_not_support_caps_the_verdict(own_cache: Path) -> None:
    found = compare(SHORT, ["brian2", "oracle"], ["aligned"], method="rk2", reference=False)
    assert {run.backend: run.status for run in found.runs} == {
        "brian2": "ok",
        "oracle": "unsupported",
    }
    assert found.worst == "undecided"
    assert [caveat.kind for caveat in found.caveats] == ["not run"]


@pytest.mark.parametrize(
    "command",
    [
        ["compare", "lif_10", "--no-report"],
        ["lesion", "lif_10", "remove 40% cells", "--seeds", "1"],
    ],
    ids=lambda command: command[0],
)
def test_a_backend_asked_for_that_could_not_run_is_a_status(command, own_cache: Path) -> None:
    short = [*command, "--duration", "50 ms", "--mode", "aligned", "--method", "rk2", "-b"]
    # The reference, which has no such method, runs beside them only where it can.
    assert main([*short, "brian2"]) == 0
    assert main([*short, "brian2", "pymonntorch"]) == 3


def test_a_series_of_which_a_level_was_not_seen_does_not_converge(
    own_cache: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_NEURON", "/bin/false")
    study = converge(SHORT, ["reference", "neuron"], levels=3, oracle=False, seeds=0)
    mine, lost = study.series
    if mine.backend == "neuron":
        mine, lost = lost, mine
    assert (mine.caveats, lost.verdict, study.verdict) == ((), "undecided", "undecided")
    for text in (repr(study), study._repr_html_(), study.to_json()):
        assert "neuron, aligned: failed" in text
    good = replace(mine, orders=tuple(replace(o, verdict="converges") for o in mine.orders))
    assert good.verdict == "converges"
    for kind in ("not finished", "implausible"):
        odd = replace(good, caveats=(Caveat(kind, "reference-aligned, dt 0.1 ms", "was odd"),))
        assert odd.verdict == "undecided"
        assert "undecided" in brief(odd)
        assert "was odd" in beside(odd)[0]


def test_a_curve_says_what_has_none_and_that_one_simulator_tells_nothing(
    own_cache: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_NEURON", "/bin/false")
    found = curve(
        load_model("msn_d1"), ["brian2", "neuron"], duration_ms=100.0, last="600 pA", oracle=False
    )
    said = repr(found).splitlines()
    assert said[1] == "Undecided, for not all was seen:"
    assert said[2].startswith("Not finished: neuron-aligned")
    assert said[-1] == "One simulator tells nothing of another."
    assert found.to_dict()["caveats"][0]["kind"] == "not finished"
    # A current at which one alone fires is no agreement where both fire.
    first = found.onset("brian2")
    assert first is not None
    rates = dict(found.rates)
    rates["brian2"] = np.where(found.currents == first.firing, 0.0, rates["brian2"])
    late = replace(found, rates=rates)
    assert f"only one of the two fires at 1 current, {first.firing:.4g} pA" in repr(late)


def test_a_sweep_says_what_was_not_seen_and_where(lost: Comparison) -> None:
    whole = replace(lost, runs=tuple(run for run in lost.runs if run.ok))
    points = [Point({"input": "weak"}, lost), Point({"input": "strong"}, whole)]
    (told,) = not_seen(points)
    assert told.startswith("Not finished: neuron-lockstep")
    assert told.endswith("(weak)")
    assert [plain(p)["verdict"] == "undecided" for p in points] == [True, False]


def test_rounding_is_said_of_the_runs_that_are_on_a_grid(own_cache: Path) -> None:
    kick = StepInput(name="kick", population="cells", amplitude="1 mV", start="9.09091 ms")
    experiment = SHORT.with_(inputs=(*SHORT.inputs, kick))
    note = "kick: start 9.09091 ms acts from 9.1 ms"
    both = compare(experiment, ["oracle"], ["aligned"])
    assert f"{note} (not of oracle-aligned)" in both.notes
    assert note not in both.run("oracle-aligned").recording.notes
    alone = compare(experiment, ["oracle"], ["aligned"], reference=False)
    assert not any("acts from" in said for said in alone.notes)


def test_one_run_says_what_of_it_cannot_be_trusted(own_cache: Path, tmp_path: Path, capsys) -> None:
    odd = SHORT.with_(name="odd").to_dict()
    odd["populations"][0]["model"]["initial"]["v"] = "-2000 mV"
    path = tmp_path / "odd.json"
    path.write_text(Experiment.from_dict(odd).to_json())
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "? Implausible: reference, cells.v of cell" in said
    assert "2e+03 mV" in said
    both = compare(Experiment.from_dict(odd), ["brian2"])
    assert both.pairs[0].verdict == both.worst == "undecided"  # they agree, on what cannot be
    for text in (run_html(both.runs[0]), recording_html(both.runs[0].recording)):
        assert "Implausible" in text


def test_what_is_implausible_of_a_run_is_said_once_and_what_to_do(own_cache: Path, capsys) -> None:
    """An exponential cell by rk4, which evaluates its upstroke beyond the threshold."""
    cell = NeuronModel(
        name="adex",
        equations="""
            dv/dt = (10*nS*(-70*mV - v) + 20*nS*mV*exp((v + 50*mV)/(2*mV)) - w_ad + 500*pA)/(200*pF) : mV
            dw_ad/dt = (2*nS*(v + 70*mV) - w_ad)/(30*ms) : pA
        """,
        threshold="v > 0*mV",
        reset="v = -58*mV",
        initial={"v": "-70 mV"},
    )
    experiment = Experiment(
        name="adex_tonic",
        populations=(Population(name="cells", model=cell, size=1),),
        records=(Record(population="cells", variables=("v",)),),
        duration="20 ms",
        dt="0.02 ms",
    )
    found = compare(experiment, ["brian2", "reference"], ["raw"], method="rk4", target="numpy")
    assert [c.kind for c in found.caveats] == ["implausible", "implausible"]
    print_comparison(Console(width=400), found)
    for text in (" ".join(capsys.readouterr().out.split()), repr(found)):
        assert text.count("which no cell does; rk4 goes on beyond the threshold") == 2
        assert text.count("take --mode aligned without --method") == 2
    # The advice is true.
    assert compare(experiment, ["reference"], ["aligned"]).caveats == ()
