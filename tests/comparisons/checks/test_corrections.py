import json
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.checks.corrections import DEFAULT_BACKENDS, corrections, depth
from coincide.comparisons.cli import main
from coincide.models.basal_ganglia.corrections import (
    DURATION_MS,
    SIDES,
    START_MS,
    experiments,
    faults,
)


def test_every_fault_has_arms_that_differ() -> None:
    found = faults()
    assert len(found) == len({fault.name for fault in found}) == 12
    for fault in found:
        written, corrected = fault.arms
        assert written != corrected
        assert written.cells.size == corrected.cells.size
        assert written.current == corrected.current
    # dt is itself one of the faults; everything else runs at 0.1 ms.
    assert [e.dt_ms for e in experiments(found)] == [0.1, 1.0]


def test_dropped_spikes_are_those_of_a_dead_time() -> None:
    (fault,) = (f for f in faults() if f.name == "dt_of_depletion")
    written, corrected = ([len(t) for t in arm.sources[0].times] for arm in fault.arms)
    seconds = DURATION_MS / 1000.0
    # A dead time of 1 ms leaves r/(1 + r·1 ms); four standard errors of the mean of 20 trains.
    for counts, rate in ((corrected, 646.0), (written, 646.0 / 1.646)):
        assert abs(np.mean(counts) / seconds - rate) < 4 * np.sqrt(rate / seconds / len(counts))


def test_a_slip_of_a_unit_and_a_wrong_branch_by_two_simulators(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    only = ["--only", "time_constant", "--only", "fsn_recovery"]
    assert main(["corrections", "basal_ganglia", *only, "--json", str(file)]) == 0
    assert "\n  as written: u grows below v_b, and with 200 ms" in capsys.readouterr().out
    data = json.loads(file.read_text())
    # Continuous time: 423 → 24.5 Hz and 92 → 35.4 Hz. A step of 0.1 ms is 4 % of the interval at 423 Hz,
    # in v and, by the time above the peak, in u: measured 6 % (NEURON) and 10 % (RK4).
    expected = {"time_constant": (423.0, 24.5), "fsn_recovery": (92.0, 35.4)}
    assert [row["fault"] for row in data["faults"]] == list(expected)
    for row in data["faults"]:
        assert set(row["rates"]) == set(DEFAULT_BACKENDS)
        for rates in row["rates"].values():
            for side, rate in zip(("as_written", "corrected"), expected[row["fault"]], strict=True):
                # A count over 1 s is off by up to one.
                assert abs(rates[side]["mean_hz"] - rate) <= 1.0 + 0.12 * rate * rate / 423.0


def test_a_depth_is_that_of_the_rate() -> None:
    rng = np.random.default_rng(2)
    times = rng.uniform(0.0, 10_000.0, 40_000)
    kept = times[rng.uniform(size=times.size) < 0.5 * (1 + 0.3 * np.sin(2 * np.pi * times / 50.0))]
    # The mean unit vector of n spikes is known to 1/√n: five of these, doubled.
    assert depth(kept, 20.0) == pytest.approx(0.3, abs=10 / np.sqrt(kept.size))
    assert depth(kept, 33.0) < 10 / np.sqrt(kept.size)
    assert np.isnan(depth(np.empty(0), 20.0))


def test_a_switch_without_modulation_leaves_the_rate_and_takes_the_rhythm() -> None:
    found = corrections(["neuron"], only=["no_modulation"])
    written, corrected = (found.depths["neuron", "no_modulation", side] for side in SIDES)
    rates = [found.rates["neuron", "no_modulation", side][0] for side in SIDES]
    n = rates[0] * found.faults[0].arms[0].cells.size * (DURATION_MS - START_MS) / 1e3
    assert written < 10 / np.sqrt(n)
    assert corrected > 0.18  # that of the drive
    assert rates[1] == pytest.approx(rates[0], rel=0.1)


def test_a_reset_above_threshold_makes_rebounds_into_bursts() -> None:
    found = corrections(["neuron"], only=["stn_reset"])
    written, corrected = (found.rates["neuron", "stn_reset", side][0] for side in SIDES)
    # Measured by RK4: 28 → 7 Hz. From -50 mV, above v_t, a cell spikes again until b has made u positive.
    assert 20 < written < 40
    assert 4 < corrected < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cerebellum"], "there is no repository 'cerebellum'"),
        (["--only", "time_constants"], "did you mean 'time_constant'"),
        (["-b", "neurn"], "there is no backend 'neurn'"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corrections", *arguments]) == 2
    assert message in capsys.readouterr().err
