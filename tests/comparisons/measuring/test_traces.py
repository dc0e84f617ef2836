from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincide.comparisons.measuring.traces import REST, Sample, columns_of, compare_traces
from coincide.core.errors import InputError


def grid(duration: float, dt: float, start: int = 0) -> np.ndarray:
    return np.arange(start, round(duration / dt) + 1) * dt


def random_walk(rows: int, cells: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, cells)).cumsum(axis=0) - 65.0


def test_identical_recordings() -> None:
    t, v = grid(20, 0.1), random_walk(201, 3)
    d = compare_traces(t, v, t.copy(), v.copy())
    assert d.identical
    assert d.complete
    assert (d.max_abs, d.rms, d.relative, d.first_divergence) == (0.0, 0.0, 0.0, None)
    assert (d.grid, d.n_cells, d.n_compared, d.n_missing, d.n_extra) == ("same", 3, 201, 0, 0)


def test_columns_are_picked_by_blocks() -> None:
    rows = 200_000
    t, v = np.arange(rows) * 0.1, random_walk(rows, 8)
    picked = columns_of(v, np.array([6, 1]))
    assert picked.shape == (rows, 2)
    assert columns_of(v, np.arange(8)) is v
    tracemalloc.start()
    d = compare_traces(t, picked, t, columns_of(v, np.array([5, 1])))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert d.max_abs == np.abs(v[:, 6] - v[:, 5]).max()
    assert d.max_abs_at.cell == 0
    assert peak < 1.5 * v.nbytes


@pytest.mark.parametrize("cells", [1, 7, 3000])
def test_figures_equal_their_definitions_whatever_the_blocks(cells) -> None:
    rows = 900
    t, a = np.arange(rows) * 0.1, random_walk(rows, cells)
    b = a + np.random.default_rng(1).normal(size=a.shape) * np.linspace(0, 1e-6, rows)[:, None] ** 2
    d = compare_traces(t, a, t, b, keep_difference=True)
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    assert d.range == span
    assert d.max_abs == np.abs(b - a).max()
    assert d.rms == pytest.approx(np.sqrt(np.mean((b - a) ** 2)), rel=1e-12)
    assert d.relative == d.max_abs / max(span, REST * np.abs([a, b]).max())
    row, cell = np.unravel_index(np.abs(b - a).argmax(), a.shape)
    assert d.max_abs_at == Sample(t[row], cell)
    np.testing.assert_array_equal(d.difference, b - a)
    np.testing.assert_array_equal(d.times, t)


def test_first_divergence_is_the_earliest_time_then_the_lowest_cell() -> None:
    t, a = np.arange(10_000) * 0.1, random_walk(10_000, 50)
    b = a.copy()
    b[8000:, 3] += 1.0
    b[6000, 7] += 1e-3
    b[6000, 9] += 1.0
    b[100] += 1e-13
    d = compare_traces(t, a, t, b)
    assert d.first_divergence == Sample(t[6000], 7)
    assert d.threshold == pytest.approx(1e-9 * d.range)
    assert compare_traces(t, a, t, b, relative_threshold=2.0).first_divergence is None
    strict = compare_traces(t, a, t, b, relative_threshold=0.0)
    assert strict.first_divergence == Sample(t[100], 0)


def test_a_variable_at_rest_is_not_divided_by_its_rounding() -> None:
    t = grid(1, 0.1)
    rest = np.full((t.size, 2), -65.0)
    ulp = np.spacing(65.0)
    d = compare_traces(t, rest, t, rest + 4 * ulp)
    assert d.relative == pytest.approx(4 * ulp / (REST * 65.0), rel=1e-6)
    assert d.relative < 1e-9
    assert d.first_divergence is None
    # A difference of a thousandth of the range still counts in full.
    assert compare_traces(t, rest, t, rest + 1.0).relative == 1.0


def test_a_missing_tail_is_reported() -> None:
    t, v = grid(20, 0.1), random_walk(201, 2)
    d = compare_traces(t, v, t[:200], v[:200])
    assert (d.grid, d.n_compared, d.n_missing, d.n_extra) == ("common", 200, 1, 0)
    assert d.max_abs == 0.0
    assert not d.identical
    assert not d.complete
    other = compare_traces(t[:50], v[:50], t[1:], v[1:])
    assert (other.n_compared, other.n_missing, other.n_extra) == (49, 1, 151)


def test_lost_samples_inside_are_reported() -> None:
    t, v = grid(20, 0.1), random_walk(201, 2)
    kept = np.delete(np.arange(201), [50, 51, 120])
    d = compare_traces(t, v, t[kept], v[kept])
    assert (d.grid, d.n_compared, d.n_missing, d.max_abs) == ("common", 198, 3, 0.0)


def test_recordings_that_share_no_time() -> None:
    t, v = grid(10, 0.1), random_walk(101, 1)
    d = compare_traces(t, v, t + 50.0, v, keep_difference=True)
    assert (d.grid, d.n_compared, d.n_missing, d.n_extra) == ("none", 0, 101, 101)
    assert np.isnan([d.max_abs, d.rms, d.relative]).all()
    assert d.difference.shape == (0, 1)
    empty = compare_traces(t, v, [], np.empty((0, 1)))
    assert (empty.grid, empty.n_missing, empty.n_b) == ("none", 101, 0)


@pytest.mark.parametrize("swap", [False, True])
def test_a_coarse_grid_inside_a_fine_one_is_not_interpolated(swap) -> None:
    fine, v = grid(20, 0.025), random_walk(801, 4)
    # k·0.1 and 4k·0.025 differ by rounding.
    pair = [(fine, v), (grid(20, 0.1), v[::4] + 1e-3)]
    (ta, va), (tb, vb) = pair[::-1] if swap else pair
    d = compare_traces(ta, va, tb, vb)
    assert (d.grid, d.n_compared, d.n_missing, d.n_extra) == ("common", 201, 0, 0)
    assert d.max_abs == pytest.approx(1e-3, rel=1e-9)
    assert d.interpolation_bound == 0.0


def test_grids_that_meet_now_and_then_are_compared_there() -> None:
    d = compare_traces(
        grid(60, 0.2), random_walk(301, 1)[:301], grid(60, 0.3), random_walk(301, 1)[:201]
    )
    assert (d.grid, d.n_compared) == ("common", 101)


def test_a_phase_shift_of_half_a_step_is_interpolated() -> None:
    t = grid(100, 0.1)
    d = compare_traces(t, np.sin(t)[:, None], t + 0.05, np.sin(t + 0.05)[:, None])
    assert (d.grid, d.max_abs, d.n_missing, d.n_extra) == ("interpolated", 0.0, 0, 0)
    # The bound is twice |f''| h²/8 (a curve's own curvature).
    assert 0.9 * 0.1**2 / 4 < d.interpolation_bound < 1.1 * 0.1**2 / 4


@pytest.mark.parametrize("fine_is_a", [True, False])
def test_a_true_difference_is_found_through_interpolation(fine_is_a) -> None:
    fine, coarse = grid(100, 0.05), grid(100, 0.07)
    offset = 1e-2
    x, y = (fine, np.sin(fine)), (coarse, np.sin(coarse) + offset)
    d = compare_traces(*x, *y) if fine_is_a else compare_traces(*y, *x)
    bound = 0.05**2 / 4
    assert d.grid == "interpolated"
    # Where a coarse sample falls on a fine one the bound vanishes and the offset counts in full.
    assert offset - 0.2 * bound < d.max_abs <= offset + 1e-12
    assert d.rms > offset - bound
    assert d.first_divergence.time <= 0.07


def lif(t: np.ndarray, drive: float = 20.0, tau: float = 20.0) -> np.ndarray:
    """Membrane potential of a LIF neuron from rest at −65 mV, reset there from −50 mV."""
    period = tau * np.log(drive / (drive - 15.0))
    return -65.0 + drive * (1.0 - np.exp(-np.mod(t, period) / tau))


@pytest.mark.parametrize(("dt_a", "dt_b"), [(0.1, 0.037), (0.1, 0.13), (0.1, 0.1), (0.025, 0.31)])
def test_interpolation_is_not_blamed_at_resets(dt_a, dt_b) -> None:
    ta, tb = grid(500, dt_a), grid(500, dt_b) + 0.01234
    d = compare_traces(ta, lif(ta), tb, lif(tb))
    assert d.grid == "interpolated"
    assert d.max_abs < 1e-12
    # … and a neuron with one thousandth more drive is told apart.
    other = compare_traces(ta, lif(ta), tb, lif(tb, drive=20.02))
    assert other.max_abs > 1e-2


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(0.02, 0.3), st.floats(0.02, 0.3), st.floats(1e-3, 0.019)
)
def test_interpolation_is_not_blamed_at_any_jump_or_kink(seed, dt_a, dt_b, phase) -> None:
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.uniform(3.0, 6.0, 12))
    jumps, kinks = rng.normal(size=(2, 12)) * rng.integers(0, 2, (2, 12))

    def curve(t: np.ndarray) -> np.ndarray:
        since = np.maximum(t[:, None] - at, 0.0)
        return np.sin(0.3 * t) + (since > 0) @ jumps + since @ kinks

    ta, tb = np.arange(0, 60, dt_a), np.arange(phase, 60, dt_b)
    d = compare_traces(ta, curve(ta), tb, curve(tb))
    assert d.max_abs < 1e-11


def test_what_is_not_finite_is_reported_with_its_first_place() -> None:
    t, a = np.arange(5000) * 0.1, random_walk(5000, 100)
    b = a + 1e-3
    b[4000:, 5] = np.nan
    b[4100, 2] = np.inf
    a = a.copy()
    a[4999, 0] = -np.inf
    d = compare_traces(t, a, t, b)
    assert d.not_finite_b == Sample(t[4000], 5)
    assert d.n_not_finite_b == 1001
    assert d.not_finite_a == Sample(t[4999], 0)
    assert d.n_not_finite_a == 1
    assert d.max_abs == pytest.approx(1e-3, rel=1e-9)
    assert d.rms == pytest.approx(1e-3, rel=1e-9)
    assert np.isfinite(d.range)
    assert not d.complete


def test_nan_in_both_is_not_agreement() -> None:
    t = grid(1, 0.1)
    v = np.full((t.size, 1), np.nan)
    d = compare_traces(t, v, t, v)
    assert np.isnan(d.max_abs)
    assert np.isnan(d.relative)
    assert d.not_finite_a == d.not_finite_b == Sample(0.0, 0)
    assert not d.identical


def test_nan_between_the_compared_samples_is_reported() -> None:
    fine, v = grid(20, 0.05), random_walk(401, 1)
    v[101] = np.nan
    d = compare_traces(fine, v, grid(20, 0.1), v[::2])
    assert (d.max_abs, d.not_finite_a) == (0.0, Sample(fine[101], 0))
    shifted = compare_traces(fine, v, grid(20, 0.1)[:-1] + 0.03, v[:-1:2])
    assert shifted.not_finite_a == Sample(fine[101], 0)
    assert np.isfinite(shifted.max_abs)


def test_hdf5_and_single_precision(tmp_path) -> None:
    t, v = np.arange(3000) * 0.1, random_walk(3000, 200)
    with h5py.File(tmp_path / "r.h5", "w") as f:
        stored = f.create_dataset("v", data=v.astype(np.float32), chunks=(100, 200))
        d = compare_traces(t, v, t, stored)
    assert d.max_abs == np.abs(v.astype(np.float32).astype(float) - v).max()


def test_memory_does_not_grow_with_the_recording(tmp_path) -> None:
    rows, cells = 40_000, 200  # 64 MB each
    a = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float64, (rows, cells))
    a[:] = random_walk(rows, cells)
    t = np.arange(rows) * 0.1
    for tb, b in ((t, a), (t[:-1:3] + 0.03, a[:-1:3])):
        tracemalloc.start()
        d = compare_traces(t, a, tb, b)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert d.n_compared == tb.size
        assert peak < 32e6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.0, 1.0], np.zeros((3, 1)), [0.0], np.zeros((1, 1))), "values_a: shape"),
        (([0.0, 0.0], np.zeros((2, 1)), [0.0], np.zeros((1, 1))), "times_a: sample 1"),
        (([0.0], np.zeros((1, 1)), [np.nan], np.zeros((1, 1))), "times_b: sample 0 is at nan"),
        (([0.0], np.zeros((1, 1)), [0.0], np.zeros((1, 2))), "1 cells and b has 2"),
    ],
)
def test_bad_input_is_named(arguments, words) -> None:
    with pytest.raises(InputError, match=words):
        compare_traces(*arguments)
