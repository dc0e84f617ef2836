"""Random valid experiments: drawn the same again, run to round-off everywhere, made small where they fail."""

import json
from pathlib import Path

import pytest

from coincide.backends.registry import is_installed
from coincide.comparisons.checks.fuzz.experiments import draw_case
from coincide.comparisons.checks.fuzz.judging import Judged, essence
from coincide.comparisons.checks.fuzz.report import command_of, write_report
from coincide.comparisons.checks.fuzz.shrinking import smaller
from coincide.comparisons.checks.fuzz.study import Fuzz, fuzz
from coincide.comparisons.cli import main
from coincide.core.experiment import Experiment
from coincide.core.realize import realize

SIMULATORS = [name for name in ("brian2", "neuron", "pymonntorch") if is_installed(name)]


def said(found: Fuzz) -> str:
    return "\n".join(f"{f.cases} {f.judged} {json.dumps(f.experiment)}" for f in found.findings)


def test_a_case_is_the_same_whenever_it_is_drawn() -> None:
    cases = [draw_case(3, k) for k in range(20)]
    assert cases == [draw_case(3, k) for k in range(20)]
    assert len({json.dumps(c.experiment) for c in cases}) == 20
    assert draw_case(4, 0) != draw_case(3, 0)


def test_drawn_experiments_are_valid_and_read_back_as_the_same() -> None:
    kinds = set()
    for number in range(40):
        experiment = Experiment.from_dict(draw_case(5, number).experiment)
        realize(experiment)
        assert Experiment.from_json(experiment.to_json()) == experiment
        for population in experiment.populations:
            kinds |= {r.kind for r in getattr(population, "receptors", {}).values()}
        kinds |= {p.rule.rule for p in experiment.projections} | {i.kind for i in experiment.inputs}
    # A generator that leaves kinds out would find nothing in them.
    assert len(kinds) >= 18, kinds


def test_every_backend_runs_random_experiments_to_round_off() -> None:
    found = fuzz(seed=1, cases=6, first=200, backends=SIMULATORS, shrink=False)
    assert len(found.results) == 6
    assert not found.findings, said(found)
    for backend in SIMULATORS:
        kinds = [j.kind for j in found.judged if j.backend == backend]
        assert kinds.count("agrees") >= 3, kinds


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_300_random_experiments_on_every_backend() -> None:
    found = fuzz(seed=11, cases=300, backends=SIMULATORS)
    assert len(found.results) == 300
    assert not found.findings, said(found)


@pytest.mark.slow
def test_a_planted_fault_is_found_and_made_small(tmp_path: Path) -> None:
    fault = "fault:weights_half:reference"
    found = fuzz(seed=1, cases=5, backends=[fault], shrink_s=8)
    differs = [f for f in found.findings if f.judged.kind == "differs"]
    assert len(differs) == 1, said(found)
    small = differs[0].experiment
    assert len(small["projections"]) == 1
    assert len(json.dumps(small)) < len(json.dumps(draw_case(1, differs[0].cases[0]).experiment))
    page = write_report(found, tmp_path / "report").read_text()
    assert command_of(differs[0]) in page
    file = next(page_ for page_ in (tmp_path / "report").glob("differs*.json"))
    assert Experiment.load(file).name == small["name"]
    # The command in the report repeats it.
    assert (
        main(
            [
                "compare",
                str(file),
                "-b",
                fault,
                "--no-report",
                "--method",
                differs[0].method,
                "--expect",
                "round-off",
            ]
        )
        == 1
    )


def test_what_is_smaller_is_another_and_no_larger() -> None:
    for number in range(8):
        data = draw_case(2, number).experiment
        made = list(smaller(data))
        assert len(made) > 10
        assert all(candidate != data for candidate in made)


def test_reasons_of_one_kind_are_one() -> None:
    a = "pop.ampa: the name 'g_ampa' is used twice; rename one of them"
    b = "E.gaba: the name 'tau_gaba' is used twice; rename one of them"
    assert essence(a) == essence(b)
    assert (
        Judged("neuron", "raw", "failed", a).signature
        != Judged("brian2", "raw", "failed", a).signature
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-b", "neurn"], "did you mean 'neuron'"),
        (["--mode", "alligned"], "did you mean 'aligned'"),
        (["-b", "reference"], "the reference is the judge"),
        (["--time", "0"], "give seconds > 0"),
    ],
)
def test_wrong_options_are_refused(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuzz", *options]) == 2
    assert words in capsys.readouterr().err
