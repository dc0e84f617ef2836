"""Blame is of the contract: which side is named, and for what, whichever of the two comes first."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import coincide as co
from coincide.backends.registry import entries, is_installed, load_backend
from coincide.comparisons.cli import main
from coincide.comparisons.studies.explain.engine import explain_sides
from coincide.comparisons.studies.explain.evidence import Evidence
from coincide.comparisons.studies.explain.explaining import sides_of
from coincide.comparisons.studies.explain.explanation import Explanation
from coincide.comparisons.studies.explain.hypothesis import Side
from coincide.comparisons.studies.explain.page import section, statements
from coincide.comparisons.studies.explain.recorded import explain_recordings, from_recordings
from coincide.comparisons.studies.explain.sizes import sizes
from coincide.comparisons.studies.explain.trials import Trials
from coincide.core.caveats import Caveat
from coincide.core.recording import Recording, Spikes
from coincide.core.settings import Settings

DURATION = "60 ms"
PAIRS = (
    # What is wrong with which side, in which mode; "" is a side without fault.
    ("lockstep", {"stamps_late": "reference", "": "brian2"}, {"stamps_late": "spike_stamp"}),
    ("lockstep", {"stamps_early": "brian2", "": "neuron"}, {"stamps_early": "spike_stamp"}),
    ("lockstep", {"weights_half": "brian2", "": "reference"}, {"weights_half": "parameter"}),
    ("lockstep", {"weights_half": "reference", "": "brian2"}, {"weights_half": "parameter"}),
    ("lockstep", {"threshold_higher": "reference", "": "brian2"}, {"threshold_higher": "parameter"}),
    ("lockstep", {"delay_plus_one": "brian2", "": "neuron"}, {"delay_plus_one": "delivery_order"}),
    ("lockstep", {"refractory_minus_one": "reference", "": "pymonntorch"},
     {"refractory_minus_one": "refractory_count"}),
    ("lockstep", {"projection_lost": "pymonntorch", "": "brian2"}, {"projection_lost": "lost_spikes"}),
    ("lockstep", {"cell_lost": "brian2", "": "neuron"}, {"cell_lost": "lost_spikes"}),
    ("aligned", {"weights_half": "brian2", "": "neuron"}, {"weights_half": "parameter"}),
    ("aligned", {"refractory_plus_one": "neuron", "": "brian2"},
     {"refractory_plus_one": "refractory_count"}),
    # Both wrong, each in its own way.
    ("lockstep", {"stamps_late": "reference", "weights_half": "brian2"},
     {"stamps_late": "spike_stamp", "weights_half": "parameter"}),
    ("aligned", {"delay_plus_one": "brian2", "refractory_lost": "reference"},
     {"delay_plus_one": "delivery_order", "refractory_lost": "refractory_count"}),
)  # fmt: skip
_runs: dict[tuple[str, str, str], Recording] = {}


def here(side: Side) -> Recording:
    """A run in this process, done once."""
    assert side.realization is not None
    key = side.backend, side.settings.key, side.realization.digest
    if key not in _runs:
        _runs[key] = load_backend(side.backend).run(side.realization, side.settings)
    return _runs[key]


@pytest.fixture(scope="module")
def model():
    return co.realize(co.load_model("lif_10").with_(duration=DURATION))


def side_of(fault: str, backend: str, mode: str, model) -> Side:
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    name = f"fault:{fault}:{backend}" if fault else backend
    target = "numpy" if backend == "brian2" else None
    return Side(fault or backend, name, Settings(mode, target=target), model)


def explained(*sides: Side, budget: int = 15) -> Explanation:
    trials = Trials(budget, perform=here)
    return explain_sides(*sides, trials, (from_recordings, sizes, Evidence()), "lif_10")


def told(found: Explanation) -> tuple:
    """What must not depend on the order of the two."""
    return (
        found.verdict,
        {(f.side, f.cause, f.hypothesis.words, round(f.share, 9)) for f in found.causes},
        {(j.label, j.found, j.words) for j in found.judged},
        round(found.unexplained, 9),
        {(c.name, c.side) for c in found.cleared},
    )


@pytest.mark.parametrize(("mode", "sides", "causes"), PAIRS)
def test_either_order_names_the_same_side_cause_and_share(mode, sides, causes, model):
    pair = [side_of(fault, backend, mode, model) for fault, backend in sides.items()]
    found = explained(*pair)
    assert told(found) == told(explained(*pair[::-1]))
    assert {f.side: f.cause for f in found.causes if f.side != "both"} == causes
    assert found.verdict == "explained"
    assert sum(f.share for f in found.causes) == pytest.approx(1.0)
    # What is found about each by itself.
    by_side = {j.label: j.found for j in found.judged}
    for fault, backend in sides.items():
        fine = "judge" if (backend, mode) == ("reference", "lockstep") else "obeys"
        assert by_side[fault or backend] == ("off" if fault else fine)


def test_two_that_are_wrong_alike_agree_and_are_both_off(model):
    pair = [side_of("weights_half", b, "lockstep", model) for b in ("brian2", "reference")]
    pair = [replace(s, label=s.backend) for s in pair]
    found = explained(*pair)
    assert found.before.verdict == "identical"
    assert {j.found for j in found.judged} == {"off"}
    assert {(f.side, f.cause) for f in found.causes} == {(s.label, "parameter") for s in pair}
    assert found.verdict == "explained"
    assert "agree and are both off the contract" in found.in_words
    assert told(found) == told(explained(*pair[::-1]))
    assert statements(found)[0].tone != ""


@pytest.mark.slow
def test_what_both_do_wrong_alike_does_not_part_them(model):
    """Raw against raw, both with half the weights: their conventions part them, and the weights do not."""
    pair = [side_of("weights_half", b, "raw", model) for b in ("brian2", "reference")]
    pair = [replace(s, label=s.backend) for s in pair]
    found = explained(*pair, budget=30)
    assert told(found) == told(explained(*pair[::-1], budget=30))
    shares = {(f.side, f.cause): f.share for f in found.causes}
    assert [shares[s.label, "parameter"] for s in pair] == [0, 0]
    assert found.verdict == "explained"
    assert sum(shares.values()) == pytest.approx(1.0)
    assert "Both do the same wrong" in found.in_words


def test_two_that_are_right_are_said_to_be(model):
    found = explained(*(side_of("", b, "lockstep", model) for b in ("brian2", "reference")))
    assert [j.found for j in found.judged] == ["obeys", "judge"]
    assert found.verdict == "identical"
    assert "brian2 obeys it in all 600 steps, to the bit" in found.in_words
    assert "the reference in lockstep, exponential_euler" in found.judge


def test_the_oracle_is_no_side_that_the_contract_judges(model):
    """A step against continuous time: nothing can be run without it, so it is explained in part."""
    pair = [
        side_of("refractory_plus_one", "brian2", "aligned", model),
        side_of("", "oracle", "aligned", model),
    ]
    found = explained(*pair)
    assert told(found) == told(explained(*pair[::-1]))
    assert {j.label: j.found for j in found.judged} == {
        "refractory_plus_one": "off",
        "oracle": "not judged",
    }
    assert {(f.side, f.cause) for f in found.causes} == {
        ("refractory_plus_one", "refractory_count"),
        ("both", "integrator"),
    }
    assert found.verdict == "partly explained"
    assert found.unexplained == 0


def test_between_two_recordings_nobody_judges(model):
    healthy = here(side_of("", "reference", "lockstep", model))
    stamps = {n: Spikes(s.times + 0.1, s.cells) for n, s in healthy.spikes.items()}
    found = explain_recordings(replace(healthy, spikes=stamps), healthy, ("one", "other"))
    assert {j.found for j in found.judged} == {"not judged"}
    assert "Nobody says which of them is right" in found.in_words
    same = explain_recordings(healthy, healthy, ("here", "there"))
    assert "Nobody says" not in same.in_words
    assert "Whether they are right is another question" in same.in_words
    assert found.judge == ""


def test_from_a_run_that_cannot_be_trusted_no_cause_is_named(model):
    """A run that says of itself that its values are those of no cell: that is said, and nothing else."""

    def spoiled(side: Side) -> Recording:
        recording = here(side)
        caveat = Caveat("implausible", "cells.v of cell 3", "reaches 1e+06 mV")
        return replace(recording, caveats=(caveat,)) if "fault" in side.backend else recording

    pair = [side_of(f, "reference", "lockstep", model) for f in ("weights_half", "")]
    trials = Trials(perform=spoiled)
    found = explain_sides(*pair, trials, (from_recordings, sizes, Evidence()))
    assert found.verdict == "undecided"
    assert found.causes == ()
    assert "weights_half, cells.v of cell 3: reaches 1e+06 mV" in found.in_words
    assert "UNEXPLAINED" not in found.in_words


def test_short_of_runs_nobody_is_blamed(model):
    pair = [
        side_of("weights_half", "brian2", "lockstep", model),
        side_of("", "neuron", "lockstep", model),
    ]
    found = explained(*pair, budget=2)
    assert found.causes == ()
    assert "want of runs" in found.in_words
    assert found.verdict == "unexplained"


@pytest.fixture(scope="module")
def raw(model):
    """Two simulators as their users would type the model in, without a fault."""
    pair = [side_of("", b, "raw", model) for b in ("brian2", "neuron")]
    return explained(*pair, budget=40), explained(*pair[::-1], budget=40)


def test_conventions_too_are_the_same_in_either_order(raw):
    found, turned = raw
    assert told(found) == told(turned)
    assert found.verdict == "explained"
    assert {j.found for j in found.judged} == {"obeys"}


def test_nothing_is_a_cause_and_none(raw):
    found, _ = raw
    causes = {(f.side, f.name) for f in found.causes}
    assert len(causes) > 3
    assert not causes & {(c.side, c.name) for c in found.cleared}


def test_one_count_of_spikes_everywhere(raw, model, tmp_path):
    """The count of the pair's verdict, of one total, in sentence, ladder, page and JSON."""
    found, _ = raw
    said = re.findall(r"(\d+) of (\d+) spikes", found.in_words)
    as_they_are = (str(found.before.matched_spikes), str(found.before.n_spikes))
    assert said[0] == as_they_are
    data = json.loads(found.to_json())
    assert data["before"]["matched_spikes"] == found.before.matched_spikes
    assert data["ladder"][0]["disagreement"]["matched_spikes"] == found.before.matched_spikes
    rows = section(found, "").tables["ladder"].rows
    assert (str(rows[0]["matched_spikes"]), str(rows[0]["of"])) == as_they_are
    assert {r["of"] for r in rows} == {found.before.n_spikes}
    assert "spikes identical" not in found.save(tmp_path / "why").read_text(encoding="utf-8")


def test_the_order_of_b_is_no_part_of_the_question(model):
    options = {"method": None, "device": "cpu", "precision": None, "target": None}
    for names in (["fault:stamps_late:reference", "brian2"], ["neuron", "brian2"]):
        one, other = (sides_of(model, n, "lockstep", options) for n in (names, names[::-1]))
        assert [s.label for s in one] == [s.label for s in other]


def test_the_command_blames_the_one_that_is_wrong(own_cache, tmp_path, capsys):
    bad = "fault:stamps_late:reference"
    assert bad in entries()
    said = []
    for names in (["brian2", bad], [bad, "brian2"]):
        out = str(tmp_path / "found.json")
        asked = ["explain", "lif_10", "--duration", DURATION, "--target", "numpy", "-b", *names]
        assert main([*asked, "--mode", "lockstep", "--json", out]) == 0
        data = json.loads(Path(out).read_text(encoding="utf-8"))
        (cause,) = data["causes"]
        assert (cause["side"], cause["cause"]) == (bad, "spike_stamp")
        assert {j["side"]: j["found"] for j in data["judged"]} == {"brian2": "obeys", bad: "off"}
        assert "reference in lockstep" in data["judge"]
        said.append(" ".join(capsys.readouterr().out.split()).partition("✓ explained")[2])
    assert f"stamps of {bad} (100 %)" in said[0]
    assert said[0] == said[1]
