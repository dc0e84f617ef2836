"""Damaged and hostile inputs of every kind for the real commands: a sentence, a status, no hang."""

import json
from pathlib import Path

import pytest

from coincide.comparisons.checks.fuzz.draw import Draw
from coincide.comparisons.checks.fuzz.inputs import (
    KINDS,
    RAW,
    Attack,
    Verdict,
    attacks,
    judge,
    kind_of,
)
from coincide.comparisons.checks.fuzz.mutate import mutated_bytes, mutated_json, mutated_text
from coincide.comparisons.checks.fuzz.originals import Originals
from coincide.comparisons.cli import main
from coincide.core.experiment import Experiment


def said(verdicts: list[Verdict]) -> str:
    return "\n".join(
        f"{v.number} {v.attack.kind}: {v.problem}\n  {v.attack.given}\n  {' '.join(v.attack.argv)}"
        for v in verdicts
        if v.problem
    )


def test_a_sample_of_every_kind_is_answered_in_sentences() -> None:
    numbers = range(56)
    assert {kind_of(n) for n in numbers} == set(KINDS)
    verdicts = attacks(3, numbers)
    assert len(verdicts) == 56
    assert not said(verdicts), said(verdicts)
    # Most are refused, some are harmless: neither side of the command is left untried.
    statuses = [v.status for v in verdicts]
    assert statuses.count(2) >= 20
    assert statuses.count(0) >= 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_500_of_every_kind_are_answered_in_sentences() -> None:
    verdicts = attacks(2, range(510))
    assert not said(verdicts), said(verdicts)


def test_what_is_mutated_is_valid_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    originals = Originals(tmp_path)
    series, cell, walk = tmp_path / "s.csv", tmp_path / "c.swc", tmp_path / "w.csv"
    series.write_text(originals.series())
    walk.write_text(originals.gait())
    Experiment.from_dict(originals.driven())
    Experiment.from_dict(originals.with_series(series, "current"))
    for seed in range(4):
        cell.write_text(originals.swc(Draw(seed, 0)))
        Experiment.from_dict(originals.with_swc(cell))
    assert main(["gait", "check", str(walk)]) in (0, 1)
    originals.recording(tmp_path / "a")
    assert main(["diff", str(tmp_path / "a"), str(tmp_path / "a")]) == 0
    assert "identical" in capsys.readouterr().out


def test_mutations_repeat_and_change_something() -> None:
    data = {"a": [1, 2.5], "b": {"c": "10 ms"}, "d": "x"}
    text = json.dumps(data, indent=1)
    for mutate, given in (
        (mutated_json, data),
        (mutated_text, text),
        (mutated_bytes, text.encode()),
    ):
        made = [mutate(Draw(9, k), given) for k in range(60)]  # type: ignore[operator]
        assert made == [mutate(Draw(9, k), given) for k in range(60)]  # type: ignore[operator]
        assert len(set(made)) > 30
    assert data == {"a": [1, 2.5], "b": {"c": "10 ms"}, "d": "x"}


@pytest.mark.parametrize(
    ("status", "printed", "problem"),
    [
        (2, "error: model.json: has no field 'sise'", ""),
        (2, "Traceback (most recent call last):\n  File", "says 'Traceback'"),
        (2, "error: could not convert string to float: 'x'", "says 'could not convert'"),
        (2, "error: b.mat: damaged (KeyError)", "says 'KeyError'"),
        (2, "", "without a word"),
        (7, "error: this", "no table of statuses"),
        (2, "error: \x1b]0;owned\x07", "control character"),
        ("timeout", "it computes for too long", "does not end"),
        ("crashed", "the process died of SIGSEGV", "crashed"),
        (0, "fine", "nonsense"),
    ],
)
def test_each_failing_can_be_seen(
    status: int | str, printed: str, problem: str, tmp_path: Path
) -> None:
    attack = Attack("--set", ("show",), "x", lambda folder, words: "nonsense")
    verdict = judge(attack, 0, {"status": status, "reason": printed}, tmp_path)
    assert problem in verdict.problem
    assert bool(verdict.problem) == bool(problem)
    assert RAW.search("Errno 2")
