"""Selecting: the front and cost models of known answers; then real runs of small models."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.measuring.accuracy import Accuracy, ErrorBound
from coincide.comparisons.running.how import How, Listener
from coincide.comparisons.running.runs import Run
from coincide.comparisons.studies.select import select
from coincide.comparisons.studies.select.cost import Load, fit, foreseen, scaled
from coincide.comparisons.studies.select.figures import precision_figure
from coincide.comparisons.studies.select.forecast import _Measured
from coincide.comparisons.studies.select.points import (
    Ability,
    Need,
    Point,
    cheapest,
    foretell,
    front,
)
from coincide.comparisons.studies.select.search import Candidate, Search
from coincide.comparisons.studies.select.study import Selection
from coincide.comparisons.studies.select.terminal import exit_status
from coincide.comparisons.studies.select.words import recommendation
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.models.library import load_model


def _point(seconds: float, error: float | None, dt: float = 0.1) -> Point:
    run = Run("x", "x", "aligned", "euler", "ok", run_s=seconds)
    found = Accuracy(3, 3, 0, 0, error, error, error, (), ())
    return Point("x", "aligned", "euler", Settings("aligned"), dt, run, found, 0.0, 0.0)


def test_the_front_is_what_nothing_beats_in_both() -> None:
    a, b, c = _point(1.0, 0.5), _point(2.0, 0.1), _point(4.0, 0.01)
    beaten, equal, lost = _point(3.0, 0.2), _point(2.5, 0.1), _point(0.1, None)
    assert front([c, beaten, a, lost, equal, b], "spikes") == (a, b, c)


def test_hollow_marks_of_the_figure_are_named_where_there_are_some() -> None:
    def named(*points: Point) -> list[str]:
        study = Selection(
            load_model("lif_10"),
            ErrorBound("spikes", 0.2),
            True,
            "oracle",
            True,
            None,
            (),
            points,
            None,
            (),
            (),
            1.0,
        )
        return [text.get_text() for text in precision_figure(study).legends[0].get_texts()]

    hollow = "hollow, at the top: the count of spikes differs"
    assert hollow in named(_point(1.0, 0.5), _point(0.1, None))
    assert hollow not in named(_point(1.0, 0.5), _point(2.0, 0.1))


def test_the_cheapest_within_a_bound() -> None:
    points = [_point(1.0, 0.5), _point(2.0, 0.1), _point(4.0, 0.01), _point(0.1, None)]
    assert cheapest(points, ErrorBound("spikes", 0.2)) is points[1]
    assert cheapest(points, ErrorBound("spikes", 0.001)) is None


@pytest.mark.parametrize("order", [1.0, 2.0])
def test_what_is_foretold_of_a_known_order(order: float) -> None:
    dts = (0.4, 0.2, 0.1)
    points = [_point(1.0 / dt, dt**order, dt) for dt in dts]
    told = foretell(points, ErrorBound("spikes", 0.025**order))
    assert told == pytest.approx((0.025, 40.0, order))
    assert foretell([_point(1.0, 0.3, dt) for dt in dts], ErrorBound("spikes", 0.1)) is None


def test_a_cost_model_finds_the_costs_that_made_its_runs() -> None:
    cost = np.array([0.05, 2e-6, 3e-8, 5e-7])
    loads = [
        Load(steps, cells, 10 * cells, spikes * cells)
        for steps in (1e3, 1e4, 1e5)
        for cells in (10.0, 100.0)
        for spikes in (0.0, 200.0)
    ]
    times = [float(cost @ load.running) for load in loads]
    model = fit("x", loads, times, [0.1 + 1e-3 * load.cells for load in loads])
    assert model.running == pytest.approx(tuple(cost), rel=1e-6)
    assert model.rms < 1e-9
    large = Load(1e6, 1e4, 1e5, 1e9)
    assert model.time_s(large) == pytest.approx(float(cost @ large.running) + 10.1)


def test_no_coefficient_of_a_cost_model_is_negative() -> None:
    loads = [Load(steps, 10.0, 0.0, 0.0) for steps in (1e3, 1e4, 1e5)]
    # Falling times would need a negative cost of a step.
    model = fit("x", loads, [3.0, 2.0, 1.0], [1.0, 1.0, 1.0])
    assert min(model.running) >= 0.0


def test_a_network_twice_as_large_keeps_its_in_degrees() -> None:
    experiment = load_model("lif_80").with_(duration="10 ms")
    small, large = realize(experiment), realize(scaled(experiment, 2.0))
    assert sum(p.size for p in large.populations.values()) == 160
    assert sum(len(e) for e in large.edges) == 2 * sum(len(e) for e in small.edges)
    base = Load(100.0, 80.0, sum(len(e) for e in small.edges), 500.0)
    load = foreseen(base, 10.0, scaled(experiment, 2.0).with_(duration="30 ms"))
    assert load.deliveries == pytest.approx(3000.0)
    assert (load.steps, load.cells) == (300.0, 160.0)


def test_values_cell_by_cell_cannot_be_scaled() -> None:
    with pytest.raises(InputError, match="--size: lif_10 cannot be 3 times as large"):
        scaled(load_model("lif_10"), 3.0)


def _cells(threshold: bool = True) -> Experiment:
    model = NeuronModel(
        name="QIF",
        equations="dv/dt = (v**2 + I)/tau : 1\nI : 1 (input)\ntau : ms",
        threshold="v > 10" if threshold else None,
        reset="v = -10" if threshold else "",
        parameters={"tau": "10 ms"},
        initial={"v": "-2"},
    )
    current = "0.5" if threshold else "-5"
    return Experiment(
        name="quadratic",
        populations=(Population(name="cells", model=model, size=2),),
        inputs=(ConstantInput(name="drive", population="cells", amplitude=current),),
        records=(Record(population="cells", variables=("v",)),),
        duration="100 ms",
        dt="0.2 ms",
    )


@pytest.mark.slow
def test_the_cheapest_within_the_error_is_recommended(own_cache: Path, tmp_path: Path) -> None:
    study = select(_cells(), "reference", "aligned", error="1ms", budget_s=100, duration_ms=300.0)
    best = study.recommended
    assert best is not None
    assert study.truth_is_oracle
    assert {p.method for p in study.points} == {"euler", "exponential_euler", "rk4"}
    assert best.value("spikes") <= 1.0
    within = [p for p in study.points if p.meets(study.bound)]
    assert best.time_s == min(p.time_s for p in within)
    assert best in study.front
    # A coarser step than the one taken was tried or is the coarsest there is; finer ones of euler too.
    assert len({p.dt_ms for p in study.points}) > 1
    errors = [p.value("spikes") for p in study.front]
    assert errors == sorted(errors, reverse=True)
    (forecast,) = study.forecasts
    assert forecast.check is not None
    assert math.isfinite(forecast.error)
    assert "checked by 2 cells for 300 ms" in forecast.in_words
    page = study.save(tmp_path / "page")
    assert {"precision.png", "precision.svg", "points.csv", "selection.json"} <= {
        path.name for path in page.parent.iterdir()
    }
    data = json.loads((page.parent / "selection.json").read_text())
    assert data["recommended"]["within"] is True
    assert "<img" in study._repr_html_()


def test_traces_are_the_measure_where_nothing_spikes(own_cache: Path) -> None:
    study = select(
        _cells(threshold=False), "reference", "aligned", method="rk4", budget_s=60, oracle=False
    )
    assert (study.bound.kind, study.bound_given) == ("traces", False)
    assert not study.truth_is_oracle
    assert "the run of reference, aligned, rk4 with dt" in study.truth
    assert study.recommended is not None
    assert study.recommended in study.front
    assert "<img" in study._repr_html_()


def test_what_a_backend_cannot_do_has_its_reason(own_cache: Path) -> None:
    study = select(_cells(), ["reference"], "aligned", method="cvode", budget_s=5)
    assert [a.able for a in study.abilities] == [False]
    assert "it has no method 'cvode'" in study.abilities[0].reason
    assert study.recommended is None
    assert "nothing that was measured" in str(study)


def test_a_backend_asked_for_that_cannot_is_a_status_and_one_that_waits_is_none() -> None:
    able = [Ability(name, "aligned", "", "") for name in ("x", "y")]
    cannot = Ability("z", "aligned", "", "has no such integrator")
    good = _point(1.0, 0.1)
    study = Selection(
        load_model("lif_10"),
        ErrorBound("spikes", 0.2),
        True,
        "oracle",
        True,
        None,
        (*able, cannot),
        (good,),
        good,
        (),
        (),
        1.0,
    )
    assert exit_status(study) == exit_status(study, ["x", "y", "oracle"]) == 0
    assert exit_status(study, ["x", "z"]) == 3


def test_of_a_backend_whose_runs_all_failed_nothing_is_said() -> None:
    good = _point(1.0, 0.5)
    stopped = replace(good, backend="y", run=replace(good.run, status="timeout"), error=None)
    needs = tuple(Need(name, name, 0.1, math.inf, math.inf, False) for name in ("x", "y"))
    study = Selection(
        load_model("lif_10"),
        ErrorBound("spikes", 0.2),
        True,
        "oracle",
        True,
        None,
        (),
        (good, stopped),
        None,
        needs,
        (),
        1.0,
    )
    said = recommendation(study)
    assert "of y no run ended well, so that nothing is known of it" in said
    assert "x did not get there" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--error", "3mV"], "is a voltage"),
        (["--error", "0ms"], "is not above 0"),
        (["--error", "-1%"], "is not above 0"),
        (["--budget", "0"], "--budget"),
        (["--budget", "-3"], "--budget"),
        (["--size", "0"], "--size"),
        (["--size", "40"], "cannot be 4 times as large"),
        (["--duration-of-interest", "5 mV"], "--duration-of-interest"),
        (["-b", "brain"], "there is no backend 'brain'"),
        (["-b", "oracle"], "only the oracle"),
        (["-b", "reference", "--device", "cuda"], "--device"),
    ],
)
def test_bad_input(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", "lif_10", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_model_without_spikes_or_records() -> None:
    quiet = _cells(threshold=False)
    with pytest.raises(InputError, match="no error is defined"):
        select(quiet.with_(records=()), "reference")
    with pytest.raises(InputError, match="ask for traces"):
        select(quiet, "reference", error="0.1ms")
    with pytest.raises(InputError, match="records no trace"):
        select(_cells().with_(records=()), "reference", error="1%")


def test_a_point_without_a_run_is_no_answer() -> None:
    lost = replace(_point(1.0, 0.1), error=None)
    assert lost.value("spikes") == math.inf
    assert not lost.meets(ErrorBound("spikes", 1.0))


@pytest.mark.slow
def test_compiling_is_told_from_building_though_the_budget_is_spent(own_cache: Path) -> None:
    class Spend(Listener):
        def end(self, place, run) -> None:
            search.budget_s = 0.0

    how = How(jobs=1, timeout_s=600.0, fresh=True, listener=Spend())
    search = Search(_cells(), 600.0, how)
    candidate = Candidate("neuron", Settings("aligned"))
    assert search.run(candidate, 0.2)
    (point,) = candidate.points({})
    # Its mechanism was compiled in the first run, and is there in the second.
    assert not point.compiling
    assert point.compile_s > point.build_s
    # Where that cannot be told, building is not counted and no candidate loses by it.
    unknown = replace(point, compiling=True)
    assert unknown.time_s == unknown.run_s < point.time_s


def test_a_backend_that_failed_leaves_the_choice_undecided(own_cache: Path, monkeypatch) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_NEURON", "/bin/false")
    quiet = _cells(threshold=False)
    study = select(
        quiet, ["reference", "neuron"], "aligned", method="rk4", budget_s=30, oracle=False
    )
    assert study.recommended is not None
    assert study.verdict == "undecided"
    assert "neuron-aligned" in study.caveats[0].where
    for said in (str(study), study.to_json(), study._repr_html_()):
        assert "undecided, for not all was measured; of what was: reference" in said
        assert "neuron-aligned" in said
    assert "the reference judges, and is no simulator" in str(study)


def test_a_larger_run_is_never_foretold_quicker_than_a_smaller_took() -> None:
    ran = _Measured(_point(1.0, 0.1), How())
    ran.loads = [Load(100.0, 80.0, 500.0, 10.0), Load(100.0, 160.0, 1000.0, 20.0)]
    ran.run_s, ran.build_s = [2.0, 0.5], [0.3, 0.1]  # another's work slowed the smaller
    model = ran.model()
    for cells in (200.0, 4000.0, 10_000.0):
        seconds = ran.at_least(model, Load(100.0, cells, 6 * cells, cells))
        assert seconds[1] >= 2.0
        assert seconds[2] >= 0.3
        assert seconds[0] == pytest.approx(seconds[1] + seconds[2])
    # What is larger than the target says nothing of it.
    assert ran.at_least(model, Load(100.0, 60.0, 400.0, 5.0))[1] == model.run_s(
        Load(100.0, 60.0, 400.0, 5.0)
    )
