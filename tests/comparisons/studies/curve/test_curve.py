import json
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.running.runs import run
from coincide.comparisons.studies.curve import curve
from coincide.comparisons.studies.curve.currents import at_currents, range_of
from coincide.comparisons.studies.curve.rates import block_of, next_currents, onset_of, steady_rates
from coincide.core.errors import InputError
from coincide.core.experiment import Record
from coincide.core.recording import Spikes
from coincide.core.settings import Settings
from coincide.models.library import load_model


def test_rates_are_of_the_intervals_at_the_end() -> None:
    trains = [
        np.arange(5.0, 1000.0, 20.0),  # 50 Hz
        np.array([10.0, 20.0, 30.0]),  # over before the window
        np.arange(5.0, 620.0, 10.0),  # stops within the window
        np.array([100.0, 700.0]),  # one interval, which ends in the window
        np.array([]),
    ]
    cells = np.concatenate([np.full(t.size, k) for k, t in enumerate(trains)])
    spikes = Spikes.sorted(np.concatenate(trains), cells)
    rates = steady_rates(spikes, 5, 500.0, 1000.0)
    np.testing.assert_allclose(rates, [50.0, 0.0, 0.0, 1000.0 / 600.0, 0.0])


def test_edges_and_bends_are_where_currents_are_added() -> None:
    currents = np.linspace(0.0, 8.0, 9)
    rates = np.array([0.0, 0.0, 5.0, 10.0, 15.0, 30.0, 45.0, 0.0, 0.0])
    onset, block = onset_of(currents, rates), block_of(currents, rates)
    assert (onset.silent, onset.firing) == (1.0, 2.0)
    assert (block.firing, block.silent) == (6.0, 7.0)
    added = next_currents(currents, [rates], finest=0.1, bend_hz=1.0)
    assert {1.25, 1.5, 1.75, 6.25, 6.5, 6.75, 3.5, 4.5} <= set(added)
    assert not any(0.0 < a < 1.0 or 7.0 < a < 8.0 for a in added)
    assert not next_currents(currents, [rates], finest=1.0, bend_hz=1e9).size
    assert onset_of(currents, 0 * rates) is None is block_of(currents, 0 * rates)


def lif_rates(currents: np.ndarray) -> np.ndarray:
    """1/(t_ref + τ ln((RI + E_L - v_reset)/(RI + E_L - v_t))) of msn_d1 of chakravarty2022, Hz."""
    tau, drive = 192.0 / 8.04, currents / 8.04  # v_reset is E_L
    distance = -45.0 + 87.2
    interval = np.full(currents.shape, np.inf)
    above = drive > distance
    interval[above] = 2.0 + tau * np.log(drive[above] / (drive[above] - distance))
    return 1000.0 / interval


@pytest.mark.timeout(200)
def test_the_curve_of_an_integrate_and_fire_cell_is_the_analytic_one(tmp_path: Path) -> None:
    experiment = load_model("msn_d1", "chakravarty2022")
    found = curve(experiment, ["neuron", "brian2"], duration_ms=600.0, last="600 pA")
    assert set(found.rates) == {"reference", "neuron", "brian2", "oracle"}
    assert not found.failed
    expected = lif_rates(found.currents)
    # Below 1000/300 ms there is no interval in the window.
    clear = (expected == 0) | (expected > 5)
    np.testing.assert_allclose(found.rates["oracle"][clear], expected[clear], rtol=1e-8)
    for name in ("reference", "neuron", "brian2"):
        # An interval is rounded up to a step of 0.1 ms: a relative error of at most dt·rate.
        assert np.abs(found.rates[name] - expected)[clear].max() <= (0.1e-3 * expected**2).max()
        onset = found.onset(name)
        assert onset.firing - onset.silent <= 600.0 / 512
        assert abs(onset.firing - 8.04 * 42.2) < 5.0
        assert found.block(name) is None
    # A process a round and simulator, whatever the number of currents.
    assert len(found.runs) == 3 * found.rounds + 1
    assert found.currents.size > 15
    folder = found.save(tmp_path / "curve").parent
    files = {"curve.csv", "curve.json", "curve.png", "curve.svg", "experiment.json", "index.html"}
    assert {p.name for p in folder.iterdir()} == {*files, "page.json"}
    written = json.loads((folder / "curve.json").read_text())
    assert written["rates_hz"]["oracle"] == found.rates["oracle"].tolist()


@pytest.mark.slow
def test_a_membrane_has_a_curve_that_ends_in_block() -> None:
    found = curve("hh_squid", ["reference"], last="6 nA", duration_ms=150.0, oracle=False)
    onset, block = found.onset("reference"), found.block("reference")
    # Repetitive firing begins near 6.3 µA/cm² (Rinzel & Miller 1980); 1 nA is 10 µA/cm².
    assert 0.5 < onset.firing < 0.9
    # It ends where v no longer passes the model's threshold of 10 mV.
    edges = at_currents(load_model("hh_squid"), [block.firing, block.silent], "nA")
    edges = edges.with_(records=(Record(population="axon", variables=("v",)),), duration="150 ms")
    v = run(edges, "reference", Settings(mode="aligned")).traces["axon", "v"]
    fires, is_blocked = v.values[v.times > 100].max(axis=0)
    assert fires > 10.0 > is_blocked > -50.0


def test_the_range_is_that_of_the_model_or_what_is_given() -> None:
    experiment = load_model("msn_d1")
    assert range_of(experiment, None, None) == (0.0, 600.0, "pA")
    assert range_of(experiment, "100 pA", "0.5 nA") == (0.1, 0.5, "nA")
    with pytest.raises(InputError, match="say how far"):
        range_of(load_model("purkinje_khaliq2003"), None, None)
    with pytest.raises(InputError, match="is not below"):
        range_of(experiment, "500 pA", "400 pA")
    with pytest.raises(InputError, match="a voltage"):
        range_of(experiment, None, "5 mV")
    with pytest.raises(InputError, match="a model with one population"):
        range_of(load_model("izhikevich_50"), None, None)
    one = at_currents(load_model("hh_squid"), [1.0, 2.0], "nA")
    assert one.populations[0].size == 2
    assert one.inputs[0].amplitude.values == (1.0, 2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lif_80"], "a model with one population"),
        (["msn_d1", "--parameters", "lindal"], "there is no parameter set 'lindal'"),
        (["msn_d1", "--mode", "exact"], "there is no mode 'exact'"),
        (["msn_d1", "--to", "300"], "--to"),
        (["msn_d1", "--measured", "0"], "is no part of a run"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", *arguments]) == 2
    assert message in capsys.readouterr().err
