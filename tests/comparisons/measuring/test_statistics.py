from __future__ import annotations

import math

import numpy as np
import pytest

from coincide.comparisons.measuring.statistics import spike_statistics, trace_synchrony
from coincide.core.errors import InputError


def poisson(n_cells: int, rate_hz: float, stop: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate_hz * stop * 1e-3, n_cells)
    return rng.uniform(0, stop, counts.sum()), np.repeat(np.arange(n_cells), counts)


def test_a_regular_train() -> None:
    # 3 cells of 10 with a spike every 20 ms, up to and with the end of the window.
    t = np.tile(np.arange(1, 51) * 20.0, 3)
    found = spike_statistics(t, np.repeat([1, 4, 6], 50), 10, start=0.0, stop=1000.0)
    assert found.n_spikes == 150
    assert found.rate.mean == pytest.approx(15.0)
    assert found.rate.per_cell.tolist() == [0, 50, 0, 0, 50, 0, 50, 0, 0, 0]
    assert found.rate.sd == pytest.approx(50 * math.sqrt(0.3 * 0.7))
    assert found.rate.n_silent == 7
    assert found.variation.mean == pytest.approx(0.0, abs=1e-12)
    assert found.variation.n_cells == 3


def test_two_alternating_intervals() -> None:
    # Sample standard deviation of (10, 30, 10, 30): 20/√3; mean 20.
    found = spike_statistics([5, 15, 45, 55, 85], [0] * 5, 1, start=0.0, stop=100.0)
    assert found.variation.mean == pytest.approx(1 / math.sqrt(3))


def test_cells_with_fewer_than_three_spikes_have_no_variation() -> None:
    found = spike_statistics([1.0, 2.0, 3.0, 5.0, 5.0], [0, 0, 1, 2, 2], 3, start=0.0, stop=10.0)
    assert found.variation.n_cells == 0
    assert np.isnan(found.variation.mean)
    assert np.isnan(found.variation.per_cell).all()


def test_poisson_trains() -> None:
    n, rate, stop = 400, 40.0, 10_000.0
    found = spike_statistics(*poisson(n, rate, stop, 1), n, start=0.0, stop=stop)
    # Five standard errors: of N·rate·T counts, and of a CV over k = 400 intervals, about 1/√k
    # per cell, with a bias of order 1/k.
    k = rate * stop * 1e-3
    assert found.rate.mean == pytest.approx(rate, abs=5 * rate / math.sqrt(n * k))
    assert found.variation.mean == pytest.approx(1.0, abs=5 / math.sqrt(n * k) + 2 / k)
    assert found.rate.sd == pytest.approx(math.sqrt(k) / stop * 1e3, rel=5 / math.sqrt(2 * n))
    # 100 cells, 2000 bins: the correlation of a pair scatters by 1/√2000.
    assert found.correlation.n_pairs == 4950
    assert found.correlation.sd == pytest.approx(1 / math.sqrt(2000), rel=0.1)
    assert abs(found.correlation.mean) < 5 / math.sqrt(2000 * 4950)
    # chi² of independent cells is 1/N.
    assert found.synchrony.chi**2 * n == pytest.approx(1.0, abs=5 * math.sqrt(2 / 2000))


def test_identical_trains() -> None:
    t, _ = poisson(1, 40.0, 2000.0, 2)
    n = 20
    spikes = np.tile(t, n), np.repeat(np.arange(n), t.size)
    found = spike_statistics(*spikes, n, start=0.0, stop=2000.0)
    assert found.correlation.mean == pytest.approx(1.0)
    assert found.correlation.sd == pytest.approx(0.0, abs=1e-12)
    assert found.synchrony.chi == pytest.approx(1.0)


def test_trains_with_a_common_part_have_its_share_as_correlation() -> None:
    n, stop = 60, 20_000.0
    own_t, own_c = poisson(n, 30.0, stop, 3)
    common, _ = poisson(1, 10.0, stop, 4)
    t = np.concatenate([own_t, np.tile(common, n)])
    c = np.concatenate([own_c, np.repeat(np.arange(n), common.size)])
    found = spike_statistics(t, c, n, start=0.0, stop=stop)
    # 10 of 40 Hz are shared; the scatter is that of the shared part's variance over 4000 bins.
    assert found.correlation.mean == pytest.approx(0.25, abs=0.03)
    chi2 = 0.25 + 0.75 / n
    assert found.synchrony.chi**2 == pytest.approx(chi2, abs=0.03)


def test_the_draw_of_cells_is_repeatable_and_leaves_out_constant_cells() -> None:
    t, c = poisson(300, 20.0, 2000.0, 5)
    one = spike_statistics(t, 2 * c, 600, start=0.0, stop=2000.0, most_cells=30, seed=7)
    two = spike_statistics(t[::-1], 2 * c[::-1], 600, start=0.0, stop=2000.0, most_cells=30, seed=7)
    other = spike_statistics(t, 2 * c, 600, start=0.0, stop=2000.0, most_cells=30, seed=8)
    assert one.correlation.cells.tolist() == two.correlation.cells.tolist()
    assert one.correlation.mean == two.correlation.mean
    assert one.correlation.cells.tolist() != other.correlation.cells.tolist()
    assert (one.correlation.cells % 2 == 0).all()
    assert one.correlation.n_pairs == 30 * 29 // 2


def test_correlation_and_synchrony_equal_those_of_a_dense_table() -> None:
    n, stop, width = 15, 503.0, 5.0
    t, c = poisson(n, 60.0, stop, 6)
    found = spike_statistics(t, c, n, start=0.0, stop=stop, bin=width)
    assert found.correlation.n_bins == 100
    table = np.array([np.histogram(t[c == k], 100, (0, 500))[0] for k in range(n)])
    pairs = np.corrcoef(table)[np.triu_indices(n, 1)]
    assert found.correlation.mean == pytest.approx(pairs.mean(), abs=1e-12)
    assert found.correlation.sd == pytest.approx(pairs.std(), abs=1e-12)
    chi = math.sqrt(table.mean(axis=0).var() / table.var(axis=1).mean())
    assert found.synchrony.chi == pytest.approx(chi, abs=1e-12)
    assert chi == pytest.approx(trace_synchrony(table.T).chi, abs=1e-12)


def test_spikes_on_the_edges_of_bins_belong_to_the_left_one() -> None:
    # 3·0.1 is above 0.3 in floating point; with bins of 0.3 ms both cells are alike.
    steps = np.array([3, 6, 30, 33])
    t = np.concatenate([steps * 0.1, steps * 0.1 - 0.2])
    found = spike_statistics(t, np.repeat([0, 1], 4), 2, start=0.0, stop=6.0, bin=0.3)
    assert found.correlation.mean == pytest.approx(1.0)
    assert spike_statistics([0.0], [0], 1, start=0.0, stop=1.0, bin=0.5).n_spikes == 1
    assert spike_statistics([1.0, 1.1], [0, 0], 1, start=0.0, stop=1.0, bin=0.5).n_spikes == 1


def test_a_silent_population() -> None:
    found = spike_statistics([], [], 5, start=0.0, stop=100.0)
    assert (found.n_spikes, found.rate.mean, found.rate.n_silent) == (0, 0.0, 5)
    assert np.isnan([found.variation.mean, found.correlation.mean, found.synchrony.chi]).all()


def test_chi_of_traces() -> None:
    t = np.arange(2000)
    common = np.sin(2 * np.pi * t / 100)[:, None] + np.zeros(30)
    assert trace_synchrony(common - 65.0).chi == pytest.approx(1.0)
    # Phases spread evenly over the circle cancel.
    phases = 2 * np.pi * np.arange(30) / 30
    assert trace_synchrony(np.sin(2 * np.pi * t[:, None] / 100 + phases)).chi < 1e-7
    # Half of the variance in common: chi² = 1/2 + 1/(2N).
    rng = np.random.default_rng(0)
    v = rng.normal(size=(20_000, 1)) + rng.normal(size=(20_000, 100))
    chi2 = trace_synchrony(v - 65.0).chi ** 2
    assert chi2 == pytest.approx(0.5 + 0.5 / 100, abs=5 * math.sqrt(2 / 20_000))
    assert np.isnan(trace_synchrony(np.full((10, 3), -65.0)).chi)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([1.0], [5], 5), {}, "no cell 5; there are 0 to 4"),
        (([1.0], [-1], 5), {}, "no cell -1"),
        (([np.nan], [0], 5), {}, "spike 0"),
        (([1.0], [0], 0), {}, "n_cells"),
        (([1.0], [0], 1), {"stop": 0.0}, "start"),
        (([1.0], [0], 1), {"bin": 0.0}, "bin"),
        (([1.0], [0], 1), {"bin": 11.0}, "bin"),
        (([1.0], [0], 1), {"most_cells": 1}, "most_cells"),
    ],
)
def test_bad_input_is_named(arguments, options, words) -> None:
    with pytest.raises(InputError, match=words):
        spike_statistics(*arguments, **({"start": 0.0, "stop": 10.0} | options))


def test_bad_traces_are_named() -> None:
    with pytest.raises(InputError, match="cell 1 has values that are not finite"):
        trace_synchrony([[0.0, np.nan], [1.0, 2.0]])
    with pytest.raises(InputError, match="shape"):
        trace_synchrony(np.zeros(3))
