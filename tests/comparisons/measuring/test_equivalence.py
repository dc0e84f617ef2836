"""Equivalence tests against closed forms and against drawn samples."""

import numpy as np
import pytest
from scipy.stats import t as student

from coincide.comparisons.measuring.equivalence import (
    all_equivalent,
    equivalence,
    power_of,
    seed_margin,
    seeds_needed,
)
from coincide.core.errors import InputError

_A = np.array([10.0, 11.0, 9.0, 10.5, 9.5])


def test_the_verdict_is_where_the_interval_lies() -> None:
    d = np.array([0.1, -0.1, 0.2, -0.2, 0.05])
    half = student.ppf(0.95, 4) * d.std(ddof=1) / np.sqrt(5)
    edge = abs(d.mean()) + half

    def verdict(shift: float, margin: float) -> str:
        return equivalence(_A, _A + d + shift, margin, quantity="rate").verdict

    assert verdict(0.0, edge * 1.001) == "equivalent"
    assert verdict(0.0, edge * 0.999) == "undecided"
    assert verdict(5.0, edge) == "different"
    assert verdict(-5.0, edge) == "different"


def test_p_is_alpha_where_the_interval_touches_the_margin() -> None:
    d = np.array([0.1, -0.1, 0.2, -0.2, 0.05])
    found = equivalence(_A, _A + d, 1.0, quantity="rate")
    touching = equivalence(_A, _A + d, found.high, quantity="rate")
    assert found.high > -found.low
    assert touching.p == pytest.approx(0.05, abs=1e-9)


def test_the_same_difference_in_every_seed() -> None:
    assert equivalence(_A, _A, 0.1, quantity="rate").verdict == "equivalent"
    assert equivalence(_A, _A + 0.2, 0.1, quantity="rate").verdict == "different"


@pytest.mark.parametrize(("truth", "n"), [(0.0, 6), (0.3, 12), (1.0, 12)])
def test_power_against_drawn_samples(truth: float, n: int) -> None:
    rng = np.random.default_rng(1)
    draws = 40_000
    d = truth + rng.standard_normal((draws, n))
    half = student.ppf(0.95, n - 1) * d.std(axis=1, ddof=1) / np.sqrt(n)
    shown = np.mean(np.abs(d.mean(axis=1)) + half < 1.0)
    power = power_of(1.0, 1.0, n, truth=truth)
    # Four standard errors of the share drawn.
    assert abs(power - shown) < 4 * np.sqrt(0.25 / draws)


def test_at_the_margin_the_power_is_alpha() -> None:
    assert power_of(1.0, 0.2, 40, truth=1.0) == pytest.approx(0.05, abs=1e-6)


def test_seeds_needed_are_the_least() -> None:
    n = seeds_needed(1.0, 1.0)
    assert n is not None
    assert power_of(1.0, 1.0, n) >= 0.8 > power_of(1.0, 1.0, n - 1)
    assert seeds_needed(1e-4, 1.0) is None


def test_the_margin_is_the_spread_of_the_yardstick() -> None:
    assert seed_margin(_A) == pytest.approx(_A.std(ddof=1))
    assert seed_margin([1.0, 1.0], floor=0.25) == 0.25
    for values in ([1.0], [np.nan, 1.0], [2.0, 2.0]):
        with pytest.raises(InputError, match="margin"):
            seed_margin(values)


def test_seeds_without_a_value_are_left_out_and_counted() -> None:
    b = _A + np.array([0.0, np.nan, 0.01, -0.01, 0.0])
    found = equivalence(_A, b, 1.0, quantity="CV")
    assert (found.n, found.n_left_out) == (4, 1)


@pytest.mark.parametrize(
    ("a", "b", "margin", "alpha"),
    [
        ([1.0, 2.0], [1.0], 1.0, 0.05),
        ([1.0], [1.0], 1.0, 0.05),
        ([1.0, np.nan], [1.0, 2.0], 1.0, 0.05),
        ([1.0, 2.0], [1.0, 2.0], 0.0, 0.05),
        ([1.0, 2.0], [1.0, 2.0], np.nan, 0.05),
        ([1.0, 2.0], [1.0, 2.0], 1.0, 0.5),
    ],
)
def test_what_cannot_be_tested(a: list[float], b: list[float], margin: float, alpha: float) -> None:
    with pytest.raises(InputError, match="equivalence of rate"):
        equivalence(a, b, margin, quantity="rate", alpha=alpha)


def test_several_together_in_words() -> None:
    d = np.array([0.1, -0.1, 0.2, -0.2, 0.05])
    good = equivalence(_A, _A + d, 1.0, quantity="rate", names=("oracle", "brian2"))
    bad = equivalence(_A, _A + 5 + d, 1.0, quantity="CV", names=("oracle", "brian2"))
    assert all_equivalent([good, good]) == "all 2 statistics are equivalent at α = 0.05"
    assert all_equivalent([good, bad]) == "CV (brian2) differ by more than the margin"
    assert all_equivalent([]) == "nothing was tested"
