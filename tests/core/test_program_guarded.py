"""guarded_rk4: rk4 where that is safe; nothing beyond a threshold, an exponential rule at fast rates."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from coincide.core.cell import Cell, build_cell
from coincide.core.guarded_rk4 import runs_away
from coincide.core.neurons import NeuronModel
from coincide.core.numpy_code import compile_statements, evaluate_constants
from coincide.core.populations import Population
from coincide.core.program import Scheme, program_of


def cell_of(equations: str, **more: Any) -> Cell:
    return build_cell(
        Population(name="p", size=1, model=NeuronModel(name="M", equations=equations, **more))
    )


def step(
    cell: Cell, method: Scheme, dt: float, active: bool = True, **state: float
) -> dict[str, float]:
    """The states after one step from a state."""
    program = program_of(cell, method)
    ns: dict[str, Any] = {name: np.array([value]) for name, value in state.items()}
    ns |= {"dt": dt, "not_refractory": np.array([active])}
    ns |= evaluate_constants(program.constants, {}, dt)
    with np.errstate(all="ignore"):
        compile_statements(program.update, list(state))(ns)
    return {name: float(ns[name][0]) for name in state}


EXPONENTIAL = cell_of(
    "dv/dt = (exp(v) - q)/ms : 1\ndq/dt = (v - q)/(10*ms) : 1", threshold="v > 30", reset="v = 0"
)
GATE = cell_of(
    "dv/dt = (m - v**3)/ms : 1\ndm/dt = (v - m)/(0.05*ms) : 1", threshold="v > 9", reset="v = 0"
)


def test_it_is_rk4_to_the_bit_where_no_stage_is_beyond_and_no_rate_is_fast() -> None:
    state = {"v": -0.3, "q": 0.2}
    assert step(EXPONENTIAL, "guarded_rk4", 0.1, **state) == step(EXPONENTIAL, "rk4", 0.1, **state)


def test_what_lies_beyond_a_threshold_enters_no_variable() -> None:
    # From v = 4 it takes e^{-4} = 0.018 ms to infinity; in 0.1 ms rk4's stages are far behind that.
    state = {"v": 4.0, "q": 1.0}
    assert not abs(step(EXPONENTIAL, "rk4", 0.1, **state)["q"]) < 1e9
    found = step(EXPONENTIAL, "guarded_rk4", 0.1, **state)
    assert found["v"] > 30
    # The slope of q lies between those of v = 4 and of the threshold.
    assert 0.1 * 3 / 10 <= found["q"] - 1.0 <= 0.1 * 30 / 10


def test_a_refractory_cell_may_be_beyond_its_threshold() -> None:
    free = cell_of(
        "dv/dt = -v/(5*ms) : 1\ndx/dt = v*x/ms : 1",
        threshold="v > 1",
        reset="x = 0",
        refractory="5 ms",
    )
    state = {"v": 2.0, "x": 1.0}
    assert step(free, "guarded_rk4", 0.1, False, **state) == step(free, "rk4", 0.1, False, **state)


def test_a_rate_that_rk4_is_too_slow_for_is_given_to_an_exponential_midpoint_rule() -> None:
    v, m = 0.5, 0.9
    fast = step(GATE, "guarded_rk4", 0.1, v=v, m=m)

    def along(x: float, rate: float, slope: float, dt: float) -> float:
        return x + rate * math.expm1(slope * dt) / slope

    # v is not linear in itself: it moves along the line through its rate there, of slope -3v².
    half_v = along(v, m - v**3, -3 * v**2, 0.05)
    half_m = along(m, (v - m) / 0.05, -20.0, 0.05)
    np.testing.assert_allclose(fast["m"], along(m, (half_v - m) / 0.05, -20.0, 0.1), rtol=1e-13)
    np.testing.assert_allclose(fast["v"], along(v, half_m - v**3, -3 * v**2, 0.1), rtol=1e-13)
    assert step(GATE, "guarded_rk4", 0.01, v=v, m=m) == step(GATE, "rk4", 0.01, v=v, m=m)


def test_the_exponential_rule_is_of_order_two_where_states_multiply_each_other() -> None:
    # As a gate of sodium and v do; q makes every step one of that rule.
    cell = cell_of(
        "dv/dt = -4*m*(v - 50)/ms : 1\ndm/dt = ((30 - v)*(1 - m) - 20*m)/ms : 1\n"
        "dq/dt = -1e6*q/ms : 1"
    )

    def rates(_: float, y: np.ndarray) -> list[float]:
        v, m = y
        return [-4 * m * (v - 50), (30 - v) * (1 - m) - 20 * m]

    exact = solve_ivp(rates, (0, 0.02), [-20.0, 0.1], rtol=1e-11, atol=1e-12).y[0, -1]
    errors = []
    for n in (10, 20, 40):
        state = {"v": -20.0, "m": 0.1, "q": 1.0}
        for _ in range(n):
            state = step(cell, "guarded_rk4", 0.02 / n, **state)
        errors.append(abs(state["v"] - exact))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all(np.abs(orders - 2) < 0.1), orders


def test_a_square_far_down_is_stiff_though_not_linear_in_itself() -> None:
    # rk4 would throw x over its threshold: a·dt = 2x·dt/(10 ms) = -20.
    square = cell_of("dx/dt = (x**2 + 4)/(10*ms) : 1", threshold="x > 1000", reset="x = -1000")
    assert step(square, "rk4", 0.1, x=-1000.0)["x"] > 1000
    found = step(square, "guarded_rk4", 0.1, x=-1000.0)["x"]
    np.testing.assert_allclose(found, -1000 + (1e6 + 4) / 2000 * -math.expm1(-20), rtol=1e-14)
    # Up the other side the slope is as large, but nothing decays: rk4's stages up to the threshold.
    assert step(square, "guarded_rk4", 0.1, x=300.0)["x"] > 1000


def test_a_reset_that_reads_an_upstroke_finds_it_at_the_threshold() -> None:
    state = {"v": 4.0, "q": 1.0}
    for threshold in ("v > 30", "v >= 30", "30 < v"):
        cell = cell_of(
            "dv/dt = (exp(v) - q)/ms : 1\ndq/dt = (v - q)/(10*ms) : 1",
            threshold=threshold,
            reset="v = v - 20",
        )
        found = step(cell, "guarded_rk4", 0.1, **state)["v"]
        assert 0 < found - 30 < 1e-6
        # Nothing else is held: where refractoriness keeps it beyond, nor where it does not arrive there.
        for active, begun in ((False, 4.0), (True, 1.0)):
            moved = step(cell, "guarded_rk4", 0.01, active, v=begun, q=1.0)
            assert moved == step(EXPONENTIAL, "guarded_rk4", 0.01, active, v=begun, q=1.0)
    falling = cell_of("dv/dt = -(v**2)/ms : 1", threshold="v < -30", reset="v = v + 40")
    assert 0 < -30 - step(falling, "guarded_rk4", 0.1, v=-15.0)["v"] < 1e-6


def test_an_upstroke_beside_a_fast_gate_moves_along_its_line_at_most_to_a_slope_of_one_step() -> (
    None
):
    both = cell_of(
        "dv/dt = exp(v)/ms : 1\ndm/dt = (v - m)/(0.01*ms) : 1", threshold="v > 30", reset="v = 0"
    )
    for v, slope in ((-1.0, math.exp(-1.0)), (6.0, 1 / 0.1)):
        found = step(both, "guarded_rk4", 0.1, v=v, m=v)["v"]
        expected = v + math.exp(v) * math.expm1(slope * 0.1) / slope
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_what_lies_beyond_a_threshold_enters_nothing_beside_a_fast_gate_either() -> None:
    both = cell_of(
        "dv/dt = exp(v)/ms : 1\ndm/dt = (v - m)/(0.01*ms) : 1\ndq/dt = v/ms : 1",
        threshold="v > 30",
        reset="v = 0",
    )
    found = step(both, "guarded_rk4", 0.1, v=9.0, m=9.0, q=0.0)
    assert found["v"] > 30
    np.testing.assert_allclose(found["q"], 0.1 * 9.0, rtol=1e-13)


@pytest.mark.parametrize(
    "threshold",
    [
        "v > 30 and q < 100",
        "q < 100 and 30 < v",
        "not (v <= 30)",
        "not (v <= 30 or q > 100)",
        "2*v > 60",
        "v - 10 > 20",
        "60 - 2*v < 0",
        "v > 30 or q > 100",
        "v > 30 and v < 1e300",
        "v + q > 30 + q",
        "w_v > 30",
    ],
)
def test_a_condition_that_can_be_solved_for_the_upstroke_holds_it_too(threshold: str) -> None:
    cell = cell_of(
        "dv/dt = (exp(v) - q)/ms : 1\ndq/dt = (v - q)/(10*ms) : 1\nw_v = 1*v : 1",
        threshold=threshold,
        reset="v = v - 20",
    )
    assert 0 < step(cell, "guarded_rk4", 0.1, v=4.0, q=1.0)["v"] - 30 < 1e-6


def test_an_upstroke_is_not_held_while_the_rest_of_the_condition_is_false() -> None:
    cell = cell_of(
        "dv/dt = v**2/ms : 1\ndq/dt = 0/ms : 1", threshold="v > 3 and q > 1", reset="v = v - 20"
    )
    for q, held in ((0.5, False), (2.0, True)):
        found = step(cell, "guarded_rk4", 0.1, v=2.9, q=q)["v"]
        assert (found - 3 < 1e-6) == held
        # 1/v falls by 1 a ms.
        assert held or abs(found - 1 / (1 / 2.9 - 0.1)) < 1e-2


def test_a_slope_that_algebra_does_not_give_leaves_rk4() -> None:
    state = {"v": 0.3}
    odd = cell_of("dv/dt = (floor(v) - sign(v))*v/ms : 1", threshold="v > 1", reset="v = 0")
    assert step(odd, "guarded_rk4", 0.1, **state) == step(odd, "rk4", 0.1, **state)


def test_only_a_reset_ends_what_drives_itself_faster_than_linearly() -> None:
    def reset(equations: str) -> bool:
        return runs_away(cell_of(equations, threshold="v > 1", reset="v = 0"))

    assert runs_away(EXPONENTIAL)
    assert not runs_away(cell_of("dv/dt = exp(v)/ms : 1", threshold="v > 1"))
    assert not reset("dv/dt = (g*(1 - v) - v)/ms : 1\ndg/dt = -g/ms : 1")
    assert not reset("dv/dt = (u - v)/ms : 1\ndu/dt = (v - u)/(9*ms) : 1")
    # Each is linear in itself; together v = u = 1/(1 - t/ms).
    assert reset("dv/dt = v*u/ms : 1\ndu/dt = v*u/ms : 1")


def test_a_linear_cell_moves_by_rk4_to_the_bit_wherever_its_stages_lie() -> None:
    linear = cell_of(
        "dv/dt = (9*g - v)/ms : 1\ndg/dt = -g/(5*ms) : 1", threshold="v > 1", reset="v = 0"
    )
    state = {"v": 0.8, "g": 1.0}
    assert step(linear, "rk4", 0.1, **state)["v"] > 1
    assert step(linear, "guarded_rk4", 0.1, **state) == step(linear, "rk4", 0.1, **state)


def test_two_upstrokes_that_share_a_level_are_left_alone() -> None:
    equations = "dv/dt = exp(v)/ms : 1\ndu/dt = exp(u)/ms : 1"
    both = cell_of(equations, threshold="v + u > 9", reset="v = v - 20; u = u - 20")
    kept = cell_of(equations, threshold="v + u > 9", reset="v = 0; u = 0")
    state = {"v": 4.0, "u": 3.0}
    assert step(both, "guarded_rk4", 0.1, **state) == step(kept, "guarded_rk4", 0.1, **state)
