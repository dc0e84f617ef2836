"""Connection rules: numbers, order, uniformity."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from coincide.core.drawn import stream
from coincide.core.errors import InputError
from coincide.core.projections import (
    AllToAll,
    Explicit,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotalNumber,
    OneToOne,
)
from coincide.core.wiring import draw_pairs

# Every bound below is crossed by a right program once in a million seeds; the seeds are fixed.
RARE = 1e-6
both = pytest.mark.parametrize("self_connections", [True, False])
twice = pytest.mark.parametrize("multapses", [True, False])
sizes = pytest.mark.parametrize(
    ("n_pre", "n_post", "same"), [(7, 11, False), (9, 9, True), (9, 9, False)]
)


def draw(rule: Any, n_pre: int, n_post: int, same: bool, seed: int = 1) -> tuple[Any, Any]:
    pre, post = draw_pairs(rule, n_pre, n_post, same, stream(seed, "test"), "a_to_b")
    assert pre.dtype == post.dtype == np.int32
    assert pre.shape == post.shape
    assert ((pre >= 0) & (pre < n_pre)).all()
    assert ((post >= 0) & (post < n_post)).all()
    order = np.lexsort((post, pre))
    assert np.array_equal(order, np.arange(pre.size)), "sorted by pre, then post"
    excluded = same and not getattr(rule, "self_connections", True)
    assert not (excluded and (pre == post).any())
    if not getattr(rule, "multapses", isinstance(rule, Explicit)):
        assert np.unique(pre.astype(np.int64) * n_post + post).size == pre.size
    return pre, post


@both
@sizes
def test_all_to_all(n_pre: int, n_post: int, same: bool, self_connections: bool) -> None:
    pre, post = draw(AllToAll(self_connections=self_connections), n_pre, n_post, same)
    pairs = {
        (i, j)
        for i in range(n_pre)
        for j in range(n_post)
        if not (same and not self_connections and i == j)
    }
    assert set(zip(pre.tolist(), post.tolist(), strict=True)) == pairs


def test_one_to_one() -> None:
    pre, post = draw(OneToOne(), 5, 5, True)
    assert pre.tolist() == post.tolist() == [0, 1, 2, 3, 4]


@both
@twice
@sizes
@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_every_target_has_its_in_degree(
    n: int, n_pre: int, n_post: int, same: bool, multapses: bool, self_connections: bool
) -> None:
    rule = FixedInDegree(n=n, self_connections=self_connections, multapses=multapses)
    _, post = draw(rule, n_pre, n_post, same)
    assert np.bincount(post, minlength=n_post).tolist() == [n] * n_post


@both
@twice
@sizes
@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_every_source_has_its_out_degree(
    n: int, n_pre: int, n_post: int, same: bool, multapses: bool, self_connections: bool
) -> None:
    rule = FixedOutDegree(n=n, self_connections=self_connections, multapses=multapses)
    pre, _ = draw(rule, n_pre, n_post, same)
    assert np.bincount(pre, minlength=n_pre).tolist() == [n] * n_pre


@both
@twice
@sizes
@pytest.mark.parametrize("n", [0, 1, 40, 72])
def test_the_total_number_is_kept(
    n: int, n_pre: int, n_post: int, same: bool, multapses: bool, self_connections: bool
) -> None:
    rule = FixedTotalNumber(n=n, self_connections=self_connections, multapses=multapses)
    pre, _ = draw(rule, n_pre, n_post, same)
    assert pre.size == n


def test_the_whole_is_reached_without_multapses() -> None:
    for rule in (
        FixedInDegree(n=8, self_connections=False),
        FixedOutDegree(n=8, self_connections=False),
        FixedTotalNumber(n=72, self_connections=False, multapses=False),
        FixedProbability(p=1.0, self_connections=False),
        AllToAll(self_connections=False),
    ):
        pre, post = draw(rule, 9, 9, True)
        assert np.array_equal(pre * 9 + post, np.flatnonzero(~np.eye(9, dtype=bool).ravel()))


@both
@pytest.mark.parametrize("p", [0.0, 1e-300, 1e-9, 0.001, 0.1, 0.5, 0.97, 1.0])
def test_a_probability_gives_a_binomial_number(p: float, self_connections: bool) -> None:
    n = 300
    trials = n * n if self_connections else n * (n - 1)
    numbers = [
        draw(FixedProbability(p=p, self_connections=self_connections), n, n, True, seed)[0].size
        for seed in range(4)
    ]
    low, high = binom.ppf([RARE / 8, 1 - RARE / 8], trials, p)
    assert all(low <= number <= high for number in numbers)
    assert p in (0.0, 1.0, 1e-300, 1e-9) or len(set(numbers)) > 1


def test_every_pair_has_the_same_probability() -> None:
    counts = np.zeros((6, 5))
    runs = 3000
    for seed in range(runs):
        pre, post = draw_pairs(FixedProbability(p=0.3), 6, 5, False, stream(seed, "p"), "a_to_b")
        counts[pre, post] += 1
    statistic = ((counts - 0.3 * runs) ** 2 / (runs * 0.3 * 0.7)).sum()
    assert chi2.ppf(RARE, 30) < statistic < chi2.ppf(1 - RARE, 30)


# n of available: the first draws again what was drawn twice, the second sorts random keys.
@pytest.mark.parametrize(("n", "n_pre"), [(3, 9), (3, 5)])
def test_every_set_of_partners_is_equally_likely(n: int, n_pre: int) -> None:
    rows = 40_000
    pre, post = draw(FixedInDegree(n=n), n_pre, rows, False)
    partners = pre[np.lexsort((pre, post))].reshape(rows, n)
    keys = partners @ np.array([81, 9, 1])
    _, counts = np.unique(keys, return_counts=True)
    n_sets = {9: 84, 5: 10}[n_pre]
    assert counts.size == n_sets
    statistic = ((counts - rows / n_sets) ** 2 / (rows / n_sets)).sum()
    # Two-sided: draws that are too even are no random draws either.
    assert chi2.ppf(RARE, n_sets - 1) < statistic < chi2.ppf(1 - RARE, n_sets - 1)


def test_without_self_connections_the_others_are_equally_likely() -> None:
    counts = np.zeros((7, 7))
    runs = 3000
    for seed in range(runs):
        rule = FixedInDegree(n=2, self_connections=False)
        pre, post = draw_pairs(rule, 7, 7, True, stream(seed, "self"), "a_to_a")
        counts[pre, post] += 1
    others = counts[~np.eye(7, dtype=bool)]
    assert counts.trace() == 0
    # Two of six others each: a cell of a column has variance runs·p(1-p), and the six sum to a constant,
    # so that (5/6)·Σ(n - mean)²/variance has 5 degrees of freedom a column.
    statistic = 5 / 6 * ((others - runs / 3) ** 2 / (runs / 3 * 2 / 3)).sum()
    assert chi2.ppf(RARE, 35) < statistic < chi2.ppf(1 - RARE, 35)


def test_with_multapses_every_draw_is_independent() -> None:
    pre, _ = draw(FixedInDegree(n=4, multapses=True), 10, 10_000, False)
    counts = np.bincount(pre, minlength=10)
    statistic = ((counts - 4000) ** 2 / 4000).sum()
    assert chi2.ppf(RARE, 9) < statistic < chi2.ppf(1 - RARE, 9)
    total, _ = draw(FixedTotalNumber(n=40_000), 10, 10, False)
    counts = np.bincount(total, minlength=10)
    statistic = ((counts - 4000) ** 2 / 4000).sum()
    assert chi2.ppf(RARE, 9) < statistic < chi2.ppf(1 - RARE, 9)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=30))
def test_an_explicit_list_is_kept_and_sorted(pairs: list[tuple[int, int]]) -> None:
    rule = Explicit(pre=[i for i, _ in pairs], post=[j for _, j in pairs])
    pre, post = draw(rule, 5, 7, False)
    assert list(zip(pre.tolist(), post.tolist(), strict=True)) == sorted(pairs)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (FixedInDegree(n=6), "source cells: 6 asked for, but only 5 to choose from"),
        (
            FixedInDegree(n=5, self_connections=False),
            "source cells: 5 asked for, but only 4 to choose from",
        ),
        (FixedOutDegree(n=6), "target cells: 6 asked for, but only 5 to choose from"),
        (FixedTotalNumber(n=26, multapses=False), "26 connections, but only 25 distinct pairs"),
        (FixedTotalNumber(n=21, multapses=False, self_connections=False), "only 20 distinct pairs"),
        (FixedInDegree(n=10**12, multapses=True), "5e+12 connections; 2e+09 at most"),
        (FixedOutDegree(n=10**30, multapses=True), "connections; 2e+09 at most"),
        (FixedTotalNumber(n=10**12), "1e+12 connections; 2e+09 at most"),
    ],
)
def test_more_partners_than_there_are(rule: Any, words: str) -> None:
    with pytest.raises(InputError, match=r"^a_to_a: ") as caught:
        draw_pairs(rule, 5, 5, True, stream(1), "a_to_a")
    assert words in str(caught.value)


def test_one_cell_cannot_be_connected_to_others() -> None:
    for rule in (
        FixedInDegree(n=1, self_connections=False, multapses=True),
        FixedTotalNumber(n=1, self_connections=False),
    ):
        with pytest.raises(InputError, match=r"^a_to_a: "):
            draw_pairs(rule, 1, 1, True, stream(1), "a_to_a")
    assert draw(FixedTotalNumber(n=0, self_connections=False), 1, 1, True)[0].size == 0
    assert draw(AllToAll(self_connections=False), 1, 1, True)[0].size == 0


def test_numbers_that_no_memory_holds_are_refused_at_once() -> None:
    large = 2**31 - 1
    for rule in (
        AllToAll(),
        FixedProbability(p=0.5),
        FixedProbability(p=1e-300),
        FixedInDegree(n=2),
    ):
        with pytest.raises(InputError, match=r"^a_to_b: .* at most$"):
            draw_pairs(rule, large, large, False, stream(1), "a_to_b")


def test_sparse_draws_of_large_populations_are_quick() -> None:
    # 10¹⁰ pairs of which some hundred are drawn: nothing of the size of the pairs is made.
    pre, post = draw(FixedProbability(p=1e-8), 100_000, 100_000, False)
    assert binom.ppf(RARE, 10**10, 1e-8) <= pre.size <= binom.ppf(1 - RARE, 10**10, 1e-8)
    assert post.size == pre.size
