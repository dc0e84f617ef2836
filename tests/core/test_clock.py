"""The grid: nearest step, ties up."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from coincide.core.clock import MAX_STEPS, on_grid, step_times, to_steps
from coincide.core.errors import InputError

DTS = st.sampled_from(["0.1", "0.05", "0.025", "0.01", "0.3", "0.7", "1", "0.125", "0.001"])


@pytest.mark.parametrize(
    ("time", "dt", "steps"),
    [
        (0.15, 0.1, 2),
        (0.25, 0.1, 3),
        (0.35, 0.1, 4),
        (0.05, 0.1, 1),
        (0.049, 0.1, 0),
        (0.1499, 0.1, 1),
        (0.0, 0.1, 0),
        (1.0, 0.3, 3),
        (0.45, 0.3, 2),
        (1e6 + 0.05, 0.1, 10_000_001),
        (2.5, 1.0, 3),
    ],
)
def test_ties_go_up(time: float, dt: float, steps: int) -> None:
    assert to_steps(time, dt) == steps
    assert int(to_steps(np.array([time, time]), dt)[1]) == steps


@given(st.integers(0, 10**7), DTS)
def test_a_multiple_of_the_step_is_that_many_steps(n: int, dt: str) -> None:
    # The time as a user would write it, in decimal.
    time = float(n * Fraction(dt))
    assert to_steps(time, float(dt)) == n
    assert on_grid(time, float(dt))
    assert to_steps(step_times(np.array([n]), float(dt)), float(dt))[0] == n


@given(st.integers(0, 10**6), DTS, st.integers(1, 999))
def test_the_nearest_step_is_taken(n: int, dt: str, thousandths: int) -> None:
    part = Fraction(thousandths, 1000)
    time = float((n + part) * Fraction(dt))
    assert to_steps(time, float(dt)) == (n + 1 if part >= Fraction(1, 2) else n)
    assert not on_grid(time, float(dt))


@given(st.lists(st.integers(0, 10**6), min_size=1), DTS, st.integers(1, 9))
def test_one_time_off_the_grid_is_noticed(steps: list[int], dt: str, tenths: int) -> None:
    times = step_times(np.array(steps), float(dt))
    assert on_grid(times, float(dt))
    assert not on_grid(np.append(times, times[0] + tenths / 10 * float(dt)), float(dt))


@pytest.mark.parametrize("time", [1e300, float("inf"), float("nan"), -1e300, 3e9])
def test_what_no_run_could_reach_is_refused(time: float) -> None:
    with pytest.raises(InputError, match=rf"^exc\.delay: .* more than {MAX_STEPS} steps of 0.1 ms"):
        to_steps(time, 0.1, "exc.delay")
    with pytest.raises(InputError):
        to_steps(1.0, 5e-324)


@given(st.floats(0, 1e5), st.floats(0.001, 10))
def test_rounding_is_by_less_than_half_a_step(time: float, dt: float) -> None:
    assume(time / dt < 1e9)
    step = int(to_steps(time, dt))
    assert abs(step * dt - time) <= dt * (0.5 + 2e-9) + 1e-12 * time
