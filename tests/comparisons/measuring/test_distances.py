from __future__ import annotations

import sys

import numpy as np
import pytest

from coincide.comparisons.measuring.distances import (
    isi_distance,
    spike_distance,
    van_rossum_distance,
    victor_purpura_distance,
)
from coincide.core.errors import CoincideError, InputError

pytest.importorskip("elephant", reason="the spike train distances need elephant")
pytest.importorskip("pyspike", reason="the spike train distances need pyspike")


@pytest.mark.parametrize("late", [50.0, 100_000.0])
@pytest.mark.parametrize("shift", [0.0, 1.0, 15.0, 19.0, 21.0, 40.0])
def test_one_spike_shifted(shift, late) -> None:
    spikes = ([late], [0], [late + shift], [0])
    # 1/(10 ms): a shift of more than 20 ms is dearer than deleting and adding.
    assert victor_purpura_distance(*spikes, cost=0.1).mean == pytest.approx(
        min(0.1 * shift, 2.0), abs=1e-9
    )
    assert van_rossum_distance(*spikes, tau=10.0).mean == pytest.approx(
        np.sqrt(1.0 - np.exp(-shift / 10.0)), abs=1e-7
    )


def test_one_spike_too_many() -> None:
    spikes = ([10.0], [0], [], [])
    assert victor_purpura_distance(*spikes, cost=0.1).mean == 1.0
    assert van_rossum_distance(*spikes, tau=10.0).mean == pytest.approx(np.sqrt(0.5))


def test_van_rossum_equals_its_integral() -> None:
    rng = np.random.default_rng(0)
    a, b, tau = rng.uniform(0, 100, 12), rng.uniform(0, 100, 9), 7.0
    t = np.arange(0, 300, 1e-3) + 5e-4

    def filtered(train: np.ndarray) -> np.ndarray:
        return sum(np.where(t >= s, np.exp(-np.maximum(t - s, 0) / tau), 0.0) for s in train)

    integral = np.sqrt(np.sum((filtered(a) - filtered(b)) ** 2) * 1e-3 / tau)
    found = van_rossum_distance(a, [0] * 12, b, [0] * 9, tau=tau).mean
    # The grid of 1 µs misplaces each of the 21 edges by at most half of it.
    assert found == pytest.approx(integral, rel=1e-3)


def test_an_isi_distance_with_a_silent_cell_by_hand() -> None:
    # Intervals of a: 20 up to 50 ms, then 50 to the edge; of the silent train: 100.
    found = isi_distance([10.0, 30.0, 50.0], [4] * 3, [], [], start=0.0, stop=100.0)
    assert found.mean == pytest.approx((0.8 * 50 + 0.5 * 50) / 100)
    assert found.cells.tolist() == [4]


def test_regular_trains_with_a_common_shift() -> None:
    period, shift, n = 20.0, 3.0, 2000
    a = period * (np.arange(n) + 0.5)
    spikes = (a, np.zeros(n, int), a + shift, np.zeros(n, int))
    edges = {"start": 0.0, "stop": period * n}
    # In the bulk the SPIKE distance is shift/period and the ISI distance 0; the two ends, one
    # interval in a thousand, are each between 0 and 1.
    assert spike_distance(*spikes, **edges).mean == pytest.approx(shift / period, abs=1e-3)
    assert 0.0 <= isi_distance(*spikes, **edges).mean < 1e-3


def test_cells_are_measured_each_and_averaged() -> None:
    times_b, cells_b = [30.0, 13.0, 30.0], [9, 2, 2]
    times_a, cells_a = [30.0, 10.0, 5.0], [2, 2, 7]
    vp = victor_purpura_distance(times_a, cells_a, times_b, cells_b, cost=0.1)
    assert vp.cells.tolist() == [2, 7, 9]
    assert vp.n_cells == 3
    np.testing.assert_allclose(vp.per_cell, [0.3, 1.0, 1.0], atol=1e-9)
    assert vp.mean == pytest.approx(2.3 / 3)
    fewer = victor_purpura_distance(times_a, cells_a, times_b, cells_b, cost=0.1, most_cells=2)
    assert (fewer.cells.tolist(), fewer.n_cells) == ([2, 7], 3)
    for function in (isi_distance, spike_distance):
        both = function(times_a, cells_a, times_b, cells_b, start=0.0, stop=50.0)
        one = function([10.0, 30.0], [0, 0], [13.0, 30.0], [0, 0], start=0.0, stop=50.0)
        assert both.per_cell[0] == one.mean > 0.0


def test_identical_trains_have_no_distance() -> None:
    rng = np.random.default_rng(0)
    t, c = rng.uniform(0, 1e5, 300), rng.integers(0, 5, 300)
    for found in (
        victor_purpura_distance(t, c, t, c, cost=0.5),
        van_rossum_distance(t, c, t, c, tau=10.0),
        isi_distance(t, c, t, c, start=0.0, stop=1e5),
        spike_distance(t, c, t, c, start=0.0, stop=1e5),
    ):
        # A square root of the rounding of some hundred spikes.
        np.testing.assert_allclose(found.per_cell, 0.0, atol=1e-6)


def test_without_any_spike_there_is_no_mean() -> None:
    found = victor_purpura_distance([], [], [], [], cost=1.0)
    assert np.isnan(found.mean)
    assert (found.n_cells, found.per_cell.size) == (0, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: victor_purpura_distance([], [], [], [], cost=-1.0), "cost"),
        (lambda: van_rossum_distance([], [], [], [], tau=0.0), "tau"),
        (lambda: isi_distance([5.0], [0], [11.0], [0], start=0.0, stop=10.0), "times_b: spikes"),
        (lambda: spike_distance([], [], [], [], start=1.0, stop=1.0), "start"),
        (lambda: van_rossum_distance([np.nan], [0], [], [], tau=1.0), "times_a"),
        (lambda: victor_purpura_distance([], [], [], [], cost=1.0, most_cells=0), "most_cells"),
    ],
)
def test_bad_input_is_named(call, words) -> None:
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("elephant", lambda: victor_purpura_distance([], [], [], [], cost=1.0)),
        ("elephant", lambda: van_rossum_distance([], [], [], [], tau=1.0)),
        ("pyspike", lambda: isi_distance([], [], [], [], start=0.0, stop=1.0)),
    ],
)
def test_a_missing_library_is_named_with_the_install_line(library, call, monkeypatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(CoincideError, match=rf"needs {library}.*coincide\[analysis\]"):
        call()
