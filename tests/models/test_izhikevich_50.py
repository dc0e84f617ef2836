"""The three questions asked of the network, answered with confidence intervals."""

import numpy as np
import pytest

from coincide.backends.reference import ReferenceBackend
from coincide.core.experiment import Experiment
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.models.library import load_model, load_sweep

BIN_MS = 5.0
MANY = 10  # excitatory spikes in a bin that make it part of an event


def measured(experiment: Experiment, seed: int) -> tuple[float, ...]:
    """Rates [Hz], silent cells, number of events, and the share of excitatory spikes in them."""
    recording = ReferenceBackend().run(realize(experiment.with_(seed=seed)), Settings())
    rates, silent = [], []
    for population in ("exc", "inh"):
        spikes, size = recording.spikes[population], recording.sizes[population]
        rates.append(len(spikes) / size / recording.duration_ms * 1e3)
        silent.append(float(size - np.unique(spikes.cells).size))
    edges = np.arange(0.0, recording.duration_ms + BIN_MS / 2, BIN_MS)
    counts = np.histogram(recording.spikes["exc"].times, edges)[0]
    high = counts >= MANY
    events = float(np.count_nonzero(high[1:] & ~high[:-1]) + high[0])
    return (*rates, *silent, events, counts[high].sum() / max(counts.sum(), 1))


def over_seeds(experiment: Experiment, seeds: int) -> np.ndarray:
    """Shape (seeds, quantities)."""
    return np.array([measured(experiment, seed) for seed in range(1, seeds + 1)])


def test_dales_law_holds() -> None:
    for inhibition in (0.5, 4.0):
        experiment = load_model("izhikevich_50", inhibition=inhibition)
        edges = realize(experiment.with_(duration="1 ms")).edges
        assert {e.source for e in edges} == {"exc", "inh"}
        for e in edges:
            assert len(e) > 0
            assert np.all(np.asarray(e.weight) > 0) == (e.source == "exc")
            assert np.all(np.asarray(e.weight) < 0) == (e.source == "inh")


def test_the_network_is_sparse_and_without_self_connections() -> None:
    edges = realize(load_model("izhikevich_50").with_(duration="1 ms")).edges
    n = sum(len(e) for e in edges)
    # Of 50·49 pairs; five standard deviations.
    pairs = 50 * 49
    assert abs(n - 0.2 * pairs) < 5 * np.sqrt(pairs * 0.2 * 0.8)
    for e in edges:
        if e.source == e.target:
            assert not np.any(e.pre == e.post)


def test_a_sweep_keeps_wiring_and_noise() -> None:
    sweep = [realize(e.with_(duration="20 ms")) for _, e in load_sweep("izhikevich_50")]
    for other in sweep[1:]:
        for a, b in zip(sweep[0].edges, other.edges, strict=True):
            assert np.array_equal(a.pre, b.pre)
            assert np.array_equal(a.post, b.post)
        for group in ("exc", "inh"):
            (a,), (b,) = (r.populations[group].inputs for r in (sweep[0], other))
            assert np.array_equal(a.values, b.values)


def test_bursts_come_with_excitation() -> None:
    without = measured(load_model("izhikevich_50", excitation=0), 1)
    coupled = measured(load_model("izhikevich_50"), 1)
    assert without[4] == 0
    assert coupled[2] + coupled[3] <= 1  # silent cells, of 50
    assert coupled[4] >= 3
    assert 0.8 < without[0] < 1.6
    assert 4 < coupled[0] < 7


def test_uncoupled_cells_are_silent_by_chance() -> None:
    silent = over_seeds(load_model("izhikevich_50", excitation=0, inhibition=0), 2)[:, 2:4]
    assert np.all((silent[:, 0] >= 2) & (silent[:, 0] <= 18))
    assert np.all((silent[:, 1] >= 4) & (silent[:, 1] <= 10))


def test_the_mean_drive_alone_makes_no_cell_fire_steadily() -> None:
    # With I held, rest is where 0.04v² + (5 - b)v + 140 + I = 0 and loses its stability where
    # 0.08v + 5 = a: at I = 3.8 mV/ms for the excitatory, 3.9 for the inhibitory cells. The noise
    # has a mean of 2.5. The first 500 ms hold the spike that switching on at t = 0 gives.
    for mean, expected in ((2.5, 50), (4.5, 0)):
        data = load_model("izhikevich_50", excitation=0, inhibition=0).to_dict()
        for given in data["inputs"]:
            given.update(low=f"{mean} mV/ms", high=f"{mean} mV/ms")
        recording = ReferenceBackend().run(realize(Experiment.from_dict(data)), Settings())
        firing = [np.unique(s.cells[s.times > 500.0]).size for s in recording.spikes.values()]
        assert 50 - sum(firing) == expected


@pytest.mark.slow
def test_growing_inhibition_desynchronises() -> None:
    """Prints the table of the module's docstring."""
    rows = {}
    for excitation, inhibition in ((0, 0), (0.5, 1), (1, 0), (1, 1), (1, 2), (1, 4), (1.5, 1)):
        experiment = load_model("izhikevich_50", excitation=excitation, inhibition=inhibition)
        rows[excitation, inhibition] = over_seeds(experiment, 10)
    print("\nexcitation inhibition | exc. Hz, inh. Hz, silent exc., silent inh., events, share")
    for key, row in rows.items():
        error = 1.96 * row.std(axis=0, ddof=1) / np.sqrt(len(row))
        cells = (f"{m:.2f} ± {e:.2f}" for m, e in zip(row.mean(axis=0), error, strict=True))
        print(*key, "|", ", ".join(cells))
    # Paired over seeds, as wiring and noise are the same: four standard errors.
    less = rows[1, 4] - rows[1, 0]
    error = less.std(axis=0, ddof=1) / np.sqrt(len(less))
    events, share = less.mean(axis=0)[4:]
    assert events < -4 * error[4]
    assert share < -4 * error[5]
    assert -0.3 < less[:, 0].mean() / rows[1, 0][:, 0].mean() < -0.05
