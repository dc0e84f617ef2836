"""The steady state of Markov schemes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.errors import InputError
from coincide.core.markov import steady_state

RATE = st.floats(1e-6, 1e6)


@given(RATE, RATE)
def test_two_states(there: float, back: float) -> None:
    found = steady_state("CO", {("C", "O"): there, ("O", "C"): back}, 1, "here")
    assert found["O"][0] == pytest.approx(there / (there + back), rel=1e-14)
    assert found["C"][0] == pytest.approx(back / (there + back), rel=1e-14)


@given(*[RATE] * 6)
def test_a_cycle_of_three_states(
    a: float, b: float, c: float, d: float, e: float, f: float
) -> None:
    # The sums over the spanning trees that lead into each state (Hill 1966, J. Theor. Biol. 10:442).
    rates = {
        ("A", "B"): a,
        ("B", "A"): b,
        ("B", "C"): c,
        ("C", "B"): d,
        ("C", "A"): e,
        ("A", "C"): f,
    }
    trees = {"A": b * e + b * d + c * e, "B": a * e + a * d + f * d, "C": f * b + f * c + a * c}
    total = sum(trees.values())
    found = steady_state("ABC", rates, 1, "here")
    for state, tree in trees.items():
        assert found[state][0] == pytest.approx(tree / total, rel=1e-13)


@given(st.lists(RATE, min_size=8, max_size=8))
def test_a_chain_keeps_detailed_balance(rates: list[float]) -> None:
    states = "ABCDE"
    links = {}
    for k, (there, back) in enumerate(zip(rates[::2], rates[1::2], strict=True)):
        links[states[k], states[k + 1]] = there
        links[states[k + 1], states[k]] = back
    found = steady_state(states, links, 1, "here")
    for (a, b), rate in links.items():
        # Relative, of occupancies down to 1e-48: nothing is subtracted on the way.
        assert found[a][0] * rate == pytest.approx(found[b][0] * links[b, a], rel=1e-12)


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_any_scheme_is_in_balance(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    states = [f"S{k}" for k in range(n)]
    rates = {
        (a, b): 10 ** rng.uniform(-6, 6, 3)
        for a in states
        for b in states
        if a != b and (rng.random() < 0.5 or states.index(b) == (states.index(a) + 1) % n)
    }
    found = steady_state(states, rates, 3, "here")
    p = np.array([found[s] for s in states])
    assert np.abs(p.sum(axis=0) - 1).max() < 1e-14
    assert (p >= 0).all()
    for s in states:
        into = sum((found[a] * r for (a, b), r in rates.items() if b == s), np.zeros(3))
        out = sum((found[a] * r for (a, b), r in rates.items() if a == s), np.zeros(3))
        assert into == pytest.approx(out, rel=1e-12)


def test_every_cell_has_its_own() -> None:
    there = np.array([1.0, 3.0, 0.0])
    found = steady_state("CO", {("C", "O"): there, ("O", "C"): 1.0}, 3, "here")
    assert found["O"] == pytest.approx([0.5, 0.75, 0.0])


def test_states_that_are_left_for_good_are_empty() -> None:
    rates = {("A", "B"): 1.0, ("B", "C"): 2.0, ("C", "B"): 3.0}
    found = steady_state("ABC", rates, 1, "here")
    assert [found[s][0] for s in "ABC"] == pytest.approx([0.0, 0.6, 0.4])
    assert steady_state("CO", {("C", "O"): 2.0}, 1, "here")["O"][0] == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_two_ways_to_end_have_no_single_steady_state(seed: int) -> None:
    # As numbers the equations may look solvable: rounding hides that their determinant is 0.
    a, b, c, d, e, f = np.random.default_rng(seed).uniform(0.1, 9, 6)
    rates = {
        ("T", "A"): a,
        ("T", "C"): b,
        ("A", "B"): c,
        ("B", "A"): d,
        ("C", "D"): e,
        ("D", "C"): f,
    }
    with pytest.raises(InputError, match=r"here\.initial: .* no single steady state"):
        steady_state("TABCD", rates, 1, "here")


def test_one_cell_without_a_steady_state_is_enough() -> None:
    rates = {("C", "O"): np.array([1.0, 0.0]), ("O", "C"): np.array([1.0, 0.0])}
    with pytest.raises(InputError, match="no single steady state"):
        steady_state("CO", rates, 2, "here")


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf, np.array([1.0, -1e-300])])
def test_rates_that_are_none(rate: object) -> None:
    with pytest.raises(InputError, match=r"here\.initial: the rate of C -> O is "):
        steady_state("CO", {("C", "O"): rate, ("O", "C"): 1.0}, 2, "here")


def test_sixty_states() -> None:
    states = [f"S{k}" for k in range(60)]
    rates = {}
    for k in range(59):
        rates[states[k], states[k + 1]] = 2.0
        rates[states[k + 1], states[k]] = 1.0
    found = steady_state(states, rates, 50, "here")
    expected = 2.0 ** np.arange(60) / (2.0**60 - 1)
    for state, occupancy in zip(states, expected, strict=True):
        assert found[state] == pytest.approx(np.full(50, occupancy), rel=1e-12)
