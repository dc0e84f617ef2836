from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from coincide.comparisons.measuring import spikes
from coincide.comparisons.measuring.benchmark import benchmark_matching
from coincide.comparisons.measuring.spikes import SLACK, SpikeMatch, match_spikes
from coincide.core.errors import InputError


def brute_force(ta, ca, tb, cb, tolerance) -> tuple[int, float]:
    """Pairs and sum of squared shifts of the optimum, by the Hungarian algorithm per cell."""
    matched, squares = 0, 0.0
    longest = tolerance * (1 + SLACK)
    for cell in set(ca) & set(cb):
        a, b = ta[ca == cell], tb[cb == cell]
        shift = b[None, :] - a[:, None]
        near = np.abs(shift) <= longest
        # A pair that is not allowed costs more than all allowed ones together.
        big = (min(a.size, b.size) + 1) * (longest**2 + 1.0)
        rows, columns = linear_sum_assignment(np.where(near, shift**2, big))
        chosen = near[rows, columns]
        matched += int(chosen.sum())
        squares += float((shift[rows, columns][chosen] ** 2).sum())
    return matched, squares


def check(ta, ca, tb, cb, tolerance) -> SpikeMatch:
    ta, tb = np.asarray(ta, dtype=float), np.asarray(tb, dtype=float)
    ca, cb = np.asarray(ca, dtype=int), np.asarray(cb, dtype=int)
    match = match_spikes(ta, ca, tb, cb, tolerance, indices=True)
    matched, squares = brute_force(ta, ca, tb, cb, tolerance)
    assert match.matched == matched
    assert match.missing == ta.size - matched
    assert match.extra == tb.size - matched
    if matched:
        # Squares are summed in another order: relative rounding of some 1e-16 per spike.
        assert match.rms_shift**2 * matched == pytest.approx(squares, rel=1e-9, abs=1e-18)
    i, j = match.pairs.T
    moved = np.abs(tb[j] - ta[i]) > 0.05
    lonely = [*ta[match.missing_spikes], *tb[match.extra_spikes]]
    lonely += [*np.minimum(ta[i], tb[j])[moved]]
    found = match_spikes(ta, ca, tb, cb, tolerance, apart=0.05).first_mismatch
    assert found == (min(lonely) if lonely else None)
    assert (ca[i] == cb[j]).all()
    assert (np.abs(tb[j] - ta[i]) <= tolerance * (1 + SLACK)).all()
    assert np.unique(i).size == np.unique(j).size == matched
    assert sorted([*i, *match.missing_spikes]) == list(range(ta.size))
    assert sorted([*j, *match.extra_spikes]) == list(range(tb.size))
    if matched:
        shift = tb[j] - ta[i]
        assert match.max_shift == np.abs(shift).max()
        assert match.mean_shift == pytest.approx(shift.mean(), abs=1e-12)
    return match


grid_times = st.integers(0, 25).map(lambda k: k * 0.1)
free_times = st.floats(0, 8, allow_nan=False)


def recordings(times):
    one = st.lists(st.tuples(times, st.integers(-1, 2)), max_size=25)
    return st.tuples(one, one)


@settings(max_examples=400, deadline=None)
@given(recordings(grid_times), st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 5.0]))
def test_optimal_on_a_grid(recorded, tolerance) -> None:
    a, b = (np.array(s, dtype=float).reshape(-1, 2) for s in recorded)
    check(a[:, 0], a[:, 1], b[:, 0], b[:, 1], tolerance)


@settings(max_examples=400, deadline=None)
@given(recordings(free_times), st.floats(0, 3))
def test_optimal_for_any_times(recorded, tolerance) -> None:
    a, b = (np.array(s, dtype=float).reshape(-1, 2) for s in recorded)
    check(a[:, 0], a[:, 1], b[:, 0], b[:, 1], tolerance)


@pytest.mark.parametrize("seed", range(8))
def test_optimal_for_long_clusters_of_many_shapes(seed) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    ta = rng.uniform(0, [20, 50, 100, 400][seed % 4], n)
    tb = np.concatenate([rng.permutation(ta)[: n - 30] + rng.normal(0, 0.1, n - 30), ta[:20] / 2])
    ca, cb = rng.integers(0, 3, ta.size), rng.integers(0, 3, tb.size)
    check(ta, ca, tb, cb, [0.05, 0.3, 1.0, 4.0][seed // 2])


def test_work_in_portions_changes_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    n = 3000
    ta, tb = rng.uniform(0, 300, n), rng.uniform(0, 300, n - 100)
    ca, cb = rng.integers(0, 20, n), rng.integers(0, 20, n - 100)
    whole = match_spikes(ta, ca, tb, cb, 1.0)
    monkeypatch.setattr(spikes, "_CHUNK", 500)
    monkeypatch.setattr(spikes, "_BATCH", 30)
    portions = check(ta, ca, tb, cb, 1.0)
    assert 0 < portions.matched == whole.matched
    assert portions.rms_shift == pytest.approx(whole.rms_shift, rel=1e-12)


def test_count_comes_before_closeness() -> None:
    match = check([0.0, 1.0], [0, 0], [1.0, 2.0], [0, 0], 1.0)
    assert (match.matched, match.rms_shift, match.mean_shift) == (2, 1.0, 1.0)
    match = check([0.0, 1.0, 2.0], [0, 0, 0], [1.0, 2.0], [0, 0], 1.0)
    assert (match.matched, match.rms_shift) == (2, 0.0)
    assert match.missing_spikes.tolist() == [0]


def test_one_step_apart_is_within_one_step_at_any_time() -> None:
    dt = 0.1
    for start in (0, 10_000, 100_000_000):
        k = start + np.arange(0, 3000, 30)
        late = match_spikes(k * dt, k * 0, (k + 1) * dt, k * 0, dt)
        assert late.matched == k.size
        assert late.mean_shift == pytest.approx(dt, rel=SLACK)
        assert match_spikes(k * dt, k * 0, (k + 2) * dt, k * 0, dt).matched == 0
        assert match_spikes(k * dt, k * 0, (k + 1.01) * dt, k * 0, dt).matched == 0


def test_several_spikes_of_a_cell_at_one_time_are_kept() -> None:
    match = check([5.0, 5.0, 5.0], [1, 1, 1], [5.0, 5.0], [1, 1], 0.1)
    assert (match.matched, match.missing, match.extra) == (2, 1, 0)


def test_other_cells_never_match() -> None:
    match = check([1.0, 2.0], [0, 1], [1.0, 2.0], [1, 0], 0.5)
    assert (match.matched, match.missing, match.extra) == (0, 2, 2)
    assert (match.max_shift, match.rms_shift, match.mean_shift) == (0.0, 0.0, 0.0)
    assert match.share == 0.0


def test_empty_recordings() -> None:
    none = match_spikes([], [], [], [], 0.1, indices=True)
    assert (none.n_a, none.n_b, none.matched, none.share) == (0, 0, 0, 1.0)
    assert none.pairs.shape == (0, 2)
    one = match_spikes([1.0], [3], [], [], 0.1, indices=True)
    assert (one.matched, one.missing, one.extra) == (0, 1, 0)
    assert one.missing_spikes.tolist() == [0]


@pytest.mark.parametrize("cells", [1, 100, 70_000, 2**33])
def test_any_order_of_the_spikes(cells) -> None:
    rng = np.random.default_rng(cells)
    n = 5000
    ta, ca = rng.permutation(n) * 0.02, rng.integers(0, cells, n)
    kept = rng.permutation(n)[: n - 7]
    tb, cb = ta[kept] + 1e-3, ca[kept]
    match = match_spikes(ta, ca, tb, cb, 2e-3, indices=True)
    assert match.matched == n - 7
    assert match.mean_shift == pytest.approx(1e-3)
    assert sorted(match.missing_spikes) == sorted(set(range(n)) - set(kept))
    for order in (np.argsort(ta), np.lexsort((ta, ca))):
        again = match_spikes(ta[order], ca[order], tb, cb, 2e-3)
        assert (again.matched, again.rms_shift) == (n - 7, pytest.approx(match.rms_shift))


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint64"])
def test_any_type_of_cells(kind) -> None:
    limits = np.iinfo(kind)
    cells = np.array([limits.max, limits.min, 7], dtype=kind)
    if kind == "uint64":
        cells = np.array([2**40, 0, 7], dtype=kind)
    match = match_spikes([3.0, 2.0, 1.0], cells, [3.0, 1.0], cells[::2], 0.1, indices=True)
    assert match.matched == 2
    assert match.missing_spikes.tolist() == [1]


def test_a_shift_of_a_whole_recording_is_seen() -> None:
    rng = np.random.default_rng(1)
    k, cells = rng.integers(1, 10_000, 20_000), rng.integers(0, 4000, 20_000)
    match = match_spikes(k * 0.1, cells, (k - 1) * 0.1, cells, 0.1)
    assert match.share == 1.0
    assert match.mean_shift == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, np.nan], [0, 7], [], [], 0.1), "spike 1 .cell 7. is at nan"),
        (([], [], [np.inf], [0], 0.1), "times_b"),
        (([1.0, 2.0], [0], [], [], 0.1), "one cell per spike"),
        (([1.0], [0.0], [], [], 0.1), "integers"),
        (([1.0], [0], [], [], -0.1), "tolerance"),
        (([1.0], [0], [], [], np.nan), "tolerance"),
    ],
)
def test_bad_input_is_named(arguments, words) -> None:
    with pytest.raises(InputError, match=words):
        match_spikes(*arguments)


def test_a_tolerance_that_makes_everything_compete_is_refused() -> None:
    n = 30_000
    with pytest.raises(InputError, match="tolerance below the typical interval"):
        match_spikes(np.arange(n), np.zeros(n, int), np.arange(n - 1), np.zeros(n - 1, int), n)


def test_the_benchmark_compares_equal_numbers() -> None:
    pytest.importorskip("elephant", reason="the benchmark's peers are elephant and pyspike")
    pytest.importorskip("pyspike", reason="the benchmark's peers are elephant and pyspike")
    found = benchmark_matching(20_000)
    assert found.n_spikes == pytest.approx(20_000, rel=0.02)
    assert [(peer.name, peer.same) for peer in found.peers] == [
        ("pyspike.spike_sync", True),
        ("elephant.victor_purpura_distance", True),
    ]
