"""Orders and limits of sequences with known ones; then of simulators, against textbooks and the oracle."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.studies.converge import converge
from coincide.comparisons.studies.converge.horizon import growth, perturbed
from coincide.comparisons.studies.converge.order import order_of
from coincide.comparisons.studies.converge.quantities import CROSSINGS, STAMPS, agree_until
from coincide.comparisons.studies.converge.reduced import Reduced, Train
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, SineInput, StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.recording import Recording, Spikes
from coincide.models.library import load_model

DTS = tuple(0.1 / 2**k for k in range(6))
TRUTH = np.array([10.0, 20.0, 35.0])
SLOPES = np.array([1.0, -2.0, 0.5])


def _levels(order: float, limit: np.ndarray) -> list[np.ndarray]:
    return [limit + SLOPES * dt**order * (1 + dt) for dt in DTS]


@pytest.mark.parametrize("order", [1.0, 2.0, 4.0])
def test_the_order_of_a_sequence(order: float) -> None:
    found = order_of("q", "ms", DTS, _levels(order, TRUTH), TRUTH, floor=1e-12)
    assert found.verdict == "converges"
    assert found.order == pytest.approx(order, abs=0.1)
    assert found.low <= found.order <= found.high


def test_another_limit_is_flagged_and_measured() -> None:
    shift = np.array([-0.01, -0.02, -0.031])
    found = order_of(
        "q", "ms", DTS, _levels(2.0, TRUTH + shift), TRUTH, floor=1e-12, places=("a", "b", "c")
    )
    assert found.verdict == "elsewhere"
    assert found.order == pytest.approx(2.0, abs=0.1)
    assert found.worst is not None
    assert (found.worst.place, found.worst.value) == ("c", pytest.approx(-0.031, abs=1e-5))
    assert abs(found.worst.value + 0.031) <= found.worst.uncertainty


def test_an_error_that_stays_stalls() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(50.0)
    noisy = [truth + 1e-3 * rng.standard_normal(50) for _ in DTS]
    assert order_of("q", "ms", DTS, noisy, truth, floor=1e-12).verdict == "stalls"


def test_stamps_on_a_grid_are_of_order_one_and_not_elsewhere() -> None:
    rng = np.random.default_rng(3)
    truth = np.sort(rng.uniform(0.0, 100.0, 50))
    stamped = [np.ceil(truth / dt) * dt for dt in DTS]
    found = order_of("q", "ms", DTS, stamped, truth, floor=1e-8, stamped=True)
    assert found.verdict == "converges"
    assert found.low < 1.0 < found.high
    # A shift of ten of the finest steps is told from the grid.
    moved = [np.ceil((truth + 0.031) / dt) * dt for dt in DTS]
    assert order_of("q", "ms", DTS, moved, truth, floor=1e-8, stamped=True).verdict == "elsewhere"


def test_round_off_ends_the_fit() -> None:
    values = [TRUTH + SLOPES * max(dt**4, 1e-7) for dt in DTS]
    found = order_of("q", "ms", DTS, values, TRUTH, floor=1e-6)
    assert found.verdict == "converges"
    assert found.order == pytest.approx(4.0, abs=0.01)
    assert order_of("q", "ms", DTS, [TRUTH] * 6, TRUTH, floor=1e-6).verdict == "exact"


def test_within_what_the_truth_is_known_to_nothing_is_told() -> None:
    values = [TRUTH + 1e-3 * SLOPES for _ in DTS]
    found = order_of("q", "ms", DTS, values, TRUTH, floor=1e-9, truth_uncertainty=1e-2)
    assert found.verdict == "undecided"


def test_two_levels_tell_no_verdict() -> None:
    found = order_of("q", "ms", DTS[:2], _levels(1.0, TRUTH)[:2], TRUTH, floor=1e-12)
    assert found.verdict == "undecided"
    assert math.isnan(found.half_width)


def _reduced(times: list[float], cells: list[int], dt: float = 0.1) -> Reduced:
    order = np.lexsort((times, cells))
    t = np.array(times, dtype=float)[order]
    c = np.array(cells, dtype=np.int64)[order]
    return Reduced(dt, 100.0, {"p": Train(c, t, np.full(t.size, np.nan))}, {}, {})


def test_runs_part_at_the_first_spike_that_is_moved_or_lost() -> None:
    a = _reduced([10.0, 30.0, 50.0, 20.0], [0, 0, 0, 1])
    assert agree_until(a, _reduced([10.5, 30.5, 50.5, 20.0], [0, 0, 0, 1])) == math.inf
    assert agree_until(a, _reduced([10.5, 31.5, 50.5, 20.0], [0, 0, 0, 1])) == 30.0
    assert agree_until(a, _reduced([10.0, 30.0, 50.0], [0, 0, 0])) == 20.0
    # Whether a last spike is within the run is a matter of its shift.
    late = _reduced([10.0, 30.0, 50.0, 99.9, 20.0], [0, 0, 0, 0, 1])
    assert agree_until(a, late) == math.inf


@pytest.mark.parametrize("rate", [0.05, -0.05])
def test_the_exponent_of_a_known_growth(rate: float) -> None:
    t = np.arange(5.0, 200.0, 5.0)
    cells = np.zeros(t.size, dtype=np.int32)

    def recording(times: np.ndarray) -> Recording:
        return Recording(200.0, 0.1, {"p": Spikes.sorted(times, cells)}, {}, {"p": 1})

    found = growth(recording(t), recording(t + 1e-7 * np.exp(rate * t)), "x", "v of p 0", 1e-9)
    assert found.exponent == pytest.approx(rate, rel=0.02)
    assert ("not chaotic" in found.in_words) == (rate < 0)


def test_one_initial_value_is_perturbed() -> None:
    before = realize(load_model("lif_10"))
    found = perturbed(before)
    assert found is not None
    after, what, step = found
    change = after.populations["cells"].initial["v"] - before.populations["cells"].initial["v"]
    assert what == "v of cells 0"
    assert change[0] == pytest.approx(step, rel=1e-4)
    assert not change[1:].any()
    assert after.digest != before.digest


def _oscillator(driven: bool = False) -> Experiment:
    """FitzHugh and Nagumo's cell, which does not spike; with a sine current if driven."""
    model = NeuronModel(
        name="FitzHughNagumo",
        equations="""
            dv/dt = (v - v**3/3 - r + I)/tau : 1
            dr/dt = 0.08*(v + 0.7 - 0.8*r)/tau : 1
            I : 1 (input)
            tau : ms
        """,
        parameters={"tau": "1 ms"},
        initial={"v": "-1.8", "r": "-0.4"},
    )
    current = (
        SineInput(name="drive", population="cells", amplitude="0.4", frequency="100 Hz")
        if driven
        else ConstantInput(name="drive", population="cells", amplitude="0.2")
    )
    return Experiment(
        name="oscillator",
        populations=(Population(name="cells", model=model, size=1),),
        inputs=(current,),
        records=(Record(population="cells", variables=("v", "r")),),
        duration="12.8 ms",
        dt="0.2 ms",
    )


def test_rk4_is_of_order_four_and_of_order_one_where_an_input_is_held(own_cache: Path) -> None:
    study = converge(_oscillator(), "reference", method="rk4", levels=4)
    (order,) = study.series[0].orders
    assert study.truth_is_oracle
    assert order.verdict == "converges"
    assert order.order == pytest.approx(4.0, abs=0.3)
    held = converge(_oscillator(driven=True), "reference", method="rk4", levels=4)
    (order,) = held.series[0].orders
    assert order.order == pytest.approx(1.0, abs=0.15)
    assert "held over each step" in " ".join(held.series[0].reasons[order.name])


def test_without_an_oracle_the_best_series_is_the_truth(own_cache: Path) -> None:
    study = converge(_oscillator(), ["reference"], levels=5, method="euler", oracle=False)
    assert not study.truth_is_oracle
    assert "extrapolated" in study.truth
    (order,) = study.series[0].orders
    assert order.order == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
def test_neuron_with_its_own_hh_converges_to_something_else(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("neuron")
    out, told = tmp_path / "page", tmp_path / "study.json"
    code = main(
        [
            "converge", "hh_squid", "--variant", "built_in", "-b", "neuron", "--mode", "raw",
            "--levels", "3", "--duration", "50 ms", "--dt", "0.005 ms", "--out", str(out),
            "--json", str(told),
        ]
    )  # fmt: skip
    assert code == 1
    data = json.loads(told.read_text())
    (raw,) = data["series"]
    assert data["flagged"] == ["neuron, raw, implicit Euler"]
    crossings = next(o for o in raw["orders"] if o["name"] == CROSSINGS)
    assert crossings["verdict"] == "elsewhere"
    # Its spikes come early, the later the more; the second by 0.02 ms.
    offsets = [o["value"] for o in crossings["offsets"]]
    assert 0 > offsets[0] > offsets[1] > offsets[2] > -0.05
    assert "built_in" in " ".join(crossings["reasons"])
    stamps = next(o for o in raw["orders"] if o["name"] == STAMPS)
    assert "limits the order" in " ".join(stamps["reasons"])
    assert {"index.html", "convergence.png", "convergence.svg", "orders.csv", "levels.csv"} <= {
        path.name for path in out.iterdir()
    }
    assert "CONVERGES TO SOMETHING ELSE" in capsys.readouterr().out


@pytest.mark.slow
def test_a_network_has_a_horizon(own_cache: Path) -> None:
    experiment = load_model("lif_80").with_(duration="120 ms", dt="0.2 ms")
    study = converge(experiment, ["reference", "neuron"], levels=3, seeds=3)
    horizon = study.horizon
    assert horizon is not None
    assert horizon.lyapunov is not None
    assert 0 < horizon.latest_ms < 120
    assert {t.quantity for t in horizon.tests} >= {"rate of exc", "CV of exc"}
    assert all(t.n == 3 and 0 <= t.power <= 1 for t in horizon.tests)
    assert json.loads(study.to_json())["horizon"]["tests"]
    assert "horizon:" in str(study)
    assert "<img" in study._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--budget", "0"], "--budget"),
        (["--budget", "nan"], "--budget"),
        (["--levels", "2"], "an order needs 3"),
        (["--seeds", "1"], "--seeds"),
        (["-b", "brain"], "there is no backend 'brain'"),
        (["-b", "oracle"], "only the oracle"),
        (["--mode", "rough"], "there is no mode"),
    ],
)
def test_bad_input(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["converge", "lif_10", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_model_without_spikes_and_records() -> None:
    silent = _oscillator().with_(records=())
    with pytest.raises(InputError, match="nothing can converge"):
        converge(silent, "reference")


@pytest.mark.slow
def test_a_jump_inside_the_stages_of_a_method_is_named(own_cache: Path) -> None:
    pytest.importorskip("brian2")
    jump = StepInput(name="jump", population="cells", amplitude="0.4", start="4 ms", stop="9.6 ms")
    experiment = _oscillator().with_(inputs=(jump,))
    study = converge(experiment, "brian2", "raw", method="rk4", levels=3, target="numpy")
    (order,) = study.series[0].orders
    assert order.order == pytest.approx(1.0, abs=0.2)
    assert "jump jumps at 4 ms inside the stages" in " ".join(study.series[0].reasons[order.name])
