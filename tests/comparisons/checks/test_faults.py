"""Planted faults: the first cause that is named is the one planted, and none is named without a fault."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coincide.backends.registry import entries, load_backend
from coincide.comparisons.checks.faults.catalogue import CONTROLS, FAULTS
from coincide.comparisons.checks.faults.models import MODELS
from coincide.comparisons.checks.faults.suite import Case, acts, cases, controls, judge
from coincide.comparisons.cli import main
from coincide.comparisons.studies.explain.causes import CAUSES
from coincide.core.errors import InputError
from coincide.core.realize import realize
from coincide.core.settings import Settings

QUICK = (
    "weights_sign",
    "synapse_lost",
    "delay_plus_one",
    "refractory_minus_one",
    "tau_membrane",
    "threshold_higher",
    "euler",
    "single_parameters",
    "stamps_early",
    "busy_steps",
    "tail_lost",
    "nan_late",
)


def test_at_least_forty_faults_over_five_models() -> None:
    assert len(FAULTS) >= 40
    assert len(MODELS) >= 5
    assert sum(m.held_out for m in MODELS.values()) >= 3
    assert {f.cause for f in FAULTS.values()} <= set(CAUSES)


def test_wrapped_backends_are_found_but_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    name = "fault:weights_half:brian2"
    assert name in entries()
    assert entries()[name].needs == entries()["brian2"].needs
    assert not any("fault" in listed for listed in entries())
    assert main(["list"]) == 0
    assert "fault:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["fault", "fault:", "fault:weights_half", "fault:weights_half:nest"]
)
def test_a_name_that_wraps_nothing_is_unknown(name: str) -> None:
    assert name not in entries()


def test_an_unknown_fault_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'weights_half'"):
        load_backend("fault:weights_hal:reference")


def test_a_fault_that_cannot_be_planted_says_so() -> None:
    backend = load_backend("fault:source_late:reference")
    with pytest.raises(InputError, match="cannot be planted"):
        backend.run(realize(MODELS["lif_10"].build()), Settings())


def test_a_wrapped_backend_computes_as_the_backend_with_the_change() -> None:
    model = realize(MODELS["lif_10"].build())
    faulty = load_backend("fault:projection_lost:reference").run(model, Settings())
    healthy = load_backend("reference").run(model, Settings())
    v, w = (r.traces["cells", "v"].values for r in (faulty, healthy))
    # Without coupling every cell rises to its own drive; no kick of another cell is seen.
    assert len(faulty.spikes["cells"]) < len(healthy.spikes["cells"])
    assert np.array_equal(v[:50], w[:50])


@pytest.mark.parametrize("name", QUICK)
def test_the_first_cause_is_the_one_planted(name: str) -> None:
    (case,) = cases([name], ["lif_10"])
    outcome = judge(case, processes=False)
    assert outcome.right, outcome
    assert outcome.share > 0.99
    assert outcome.runs + outcome.replayed <= 15


def test_a_faulty_simulator_in_its_own_process_is_found_out() -> None:
    outcome = judge(Case("weights_half", "", "parameter", "lif_10", False, "brian2"), jobs=2)
    assert outcome.right, outcome
    assert "times 0.5" in outcome.found


@pytest.mark.parametrize("name", CONTROLS)
def test_no_alarm_where_nothing_is_wrong(name: str) -> None:
    model = "varied" if acts_at_all(name, "varied") else "conductance"
    assert judge(Case(name, "", "", model, False), processes=False).right


def acts_at_all(name: str, model: str) -> bool:
    change = CONTROLS[name].model
    assert change is not None
    return change(realize(MODELS[model].build())) is not None


def test_cases_only_hold_faults_that_make_a_difference() -> None:
    model = realize(MODELS["lif_10"].build())
    for case in cases(["weights_sign", "source_late"], ["lif_10"]):
        assert case.fault == "weights_sign"
        assert acts(FAULTS[case.fault], model, load_backend("reference").run(model, Settings()))


def test_there_are_at_least_twenty_controls() -> None:
    assert len(list(controls())) >= 20


@pytest.mark.parametrize(
    "arguments", [["--only", "weights_hal"], ["--models", "lif_1"], ["--per-fault", "0"]]
)
def test_bad_input_is_refused(arguments: list[str]) -> None:
    assert main(["faults", *arguments]) == 2


def test_the_command_prints_a_table_and_writes_json(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"{tmp_path}/faults.json"
    arguments = ["--only", "weights_sign", "--models", "lif_10", "--no-controls", "--no-processes"]
    assert main(["faults", *arguments, "--json", file]) == 0
    assert "1 of 1" in capsys.readouterr().out
    with open(file, encoding="utf-8") as written:
        data = json.load(written)
    assert data["scores"]["tuned"] == {"right": 1, "of": 1, "share": 1.0}
    assert data["outcomes"][0]["named"] == "parameter"


@pytest.mark.slow
def test_the_whole_suite() -> None:
    from coincide.comparisons.checks.faults.suite import run_suite

    results = run_suite([*cases(), *controls()])
    assert results.score().share >= 0.95
    assert results.score(controls=True).share == 1.0
    assert results.score(controls=True).of >= 20
