"""The oracle's implicit method: stiff cells, switches within the equations, cells with channels."""

import numpy as np
import pytest
from scipy.optimize import brentq

from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.oracle.cells import CellGroup
from coincide.backends.oracle.radau import RadauSolver
from coincide.backends.oracle.scalar import ScalarEquations
from coincide.backends.oracle.steps import Tolerance
from coincide.backends.oracle.tableau import TABLEAU, Piece, Tableau
from coincide.core.cell import Assignment
from coincide.core.errors import RunError
from coincide.core.experiment import Experiment, Record
from coincide.core.expressions import parse
from coincide.core.neurons import NeuronModel
from coincide.core.numpy_code import compile_expression
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.models.hh_squid import build as build_squid
from coincide.models.purkinje_khaliq2003 import build as build_purkinje


def alone(model, duration, *variables, dt="0.1 ms", size=1):
    records = [Record(population="p", variables=variables)] if variables else []
    return Experiment(
        name="test",
        populations=[Population(name="p", model=model, size=size)],
        duration=duration,
        dt=dt,
        records=records,
    )


def run(given, method="radau", **backend):
    return OracleBackend(**backend).run(realize(given), Settings("aligned", method=method))


def scalar(source, states, values, **parameters):
    """The functions of a cell with one statement a state, and their values at a state."""
    statements = [Assignment(f"rate_{n}_", parse(e)) for n, e in source.items()]
    equations = ScalarEquations(statements, states, (), tuple(parameters), (1e-12, 1e-12))
    cell = equations.of(parameters)
    return cell, cell.rates(values, (), cell.conditions(values, (), ()))


# -- the method -------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", [3, 5, 7])
def test_the_coefficients_have_order_2s_minus_1_and_no_more(stages):
    table = Tableau(stages)
    weights = table.a[-1]
    for k in range(1, 2 * stages):
        assert weights @ table.nodes ** (k - 1) == pytest.approx(1 / k, abs=1e-14)
    assert abs(weights @ table.nodes ** (2 * stages - 1) - 1 / (2 * stages)) > 1e-9
    np.testing.assert_allclose(table.a.sum(axis=1), table.nodes, atol=1e-14)


def test_one_step_is_that_of_the_pade_approximation():
    # On y' = λy a step is the (s-1, s) Padé approximation of exp, whose error at z = -1 is known:
    # s!(s-1)!/((2s-1)!(2s)!) = 1.1e-17, below round-off; at z = -8 it is 8^14 times that.
    cell, _ = scalar({"y": "-8*y"}, ("y",), [1.0])
    solver = RadauSolver(cell, lambda _: (), 1e-2, 1e-30, 1.0, "y")
    solver.restart(0.0, np.ones(1))
    piece = solver.step(0.0, np.ones(1), 1.0)
    assert piece.end == 1.0
    error = abs(piece.after[0] - np.exp(-8.0))
    assert 1e-7 < error < 1e-4
    fine = solver.exact(piece, 0.125)[0] - np.exp(-1.0)
    assert abs(fine) < 1e-14


def test_a_polynomial_stays_within_its_bounds_and_they_are_not_idle():
    rng = np.random.default_rng(2)
    for _ in range(50):
        piece = Piece(0.0, 1.0, np.zeros(1), rng.normal(size=(TABLEAU.stages, 1)), ())
        low, high = piece.bounds(0)
        values = piece.at(np.linspace(0, 1, 500))
        assert low <= values.min()
        assert values.max() <= high
        assert high - low < 4 * np.ptp(np.append(piece.stages[:, 0], 0.0))


def test_a_tighter_tolerance_gains_what_it_promises():
    model = NeuronModel(
        name="wave", equations="dv/dt = u/ms : 1\ndu/dt = -v/ms : 1", initial={"v": 1.0}
    )
    errors = []
    for relative in (1e-6, 1e-10):
        trace = run(alone(model, "50 ms", "v"), relative=relative).traces["p", "v"]
        errors.append(np.max(np.abs(trace.values[:, 0] - np.cos(trace.times))))
    # Samples lie within a step, where the polynomial is as good as the estimate.
    assert 1e-9 < errors[0] < 1e-4
    assert errors[1] < 1e-8
    assert errors[1] < 1e-2 * errors[0]


# -- single numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "exp(v)",
        "exprel(v)",
        "log(v)",
        "sqrt(v)",
        "1/v",
        "v**0.5",
        "v**2",
        "abs(v)",
        "sign(v)",
        "floor(v)",
        "ceil(v)",
        "clip(v, -2, 3)",
        "minimum(v, 1)",
        "maximum(v, 1)",
        "expm1(v)",
        "log1p(v)",
        "tanh(v)",
        "(v if v > 1 else -v)",
        "int(v > 1 and not v > 3)",
        "1/exp(v)",
    ],
)
@pytest.mark.parametrize("v", [-1000.0, -2.5, -1.0, 0.0, 0.5, 1.0, 2.5, 1000.0])
def test_single_numbers_are_what_numpy_gives(source, v):
    with np.errstate(all="ignore"):
        expected = compile_expression(parse(source))({"v": np.array([v])})
    _, found = scalar({"v": source}, ("v",), [v])
    np.testing.assert_allclose(found[0], np.ravel(expected)[0], rtol=1e-15)


def group(given, method="radau"):
    realization = realize(given)
    name = next(iter(realization.populations))
    found = CellGroup(realization, realization.populations[name], Tolerance(1e-10, 1e-13))
    found.prepare(method)
    return found, np.array([v[0] for v in realization.populations[name].initial.values()])


@pytest.mark.parametrize("v", [-75.0, -47.0, -30.5, -5.0, 25.0])
def test_the_jacobian_of_a_purkinje_cell_is_that_of_differences(v):
    cells, state = group(build_purkinje("wild_type"))
    cell = cells.of(0)
    assert cell.entries is not None
    state[0], state[-1] = v, 3e-4
    inputs = cells.inputs(0, 0.0)
    modes = cell.conditions(state.tolist(), inputs, ())
    found = cell.jacobian(state, inputs, modes)
    # Most of the 22·22 entries are 0 and never computed.
    assert cell.rows.size < 150
    for k in range(state.size):
        h = 1e-6 * max(abs(state[k]), 1e-3)
        up, down = state.copy(), state.copy()
        up[k] += h
        down[k] -= h
        rise = np.subtract(
            cell.rates(up.tolist(), inputs, modes), cell.rates(down.tolist(), inputs, modes)
        )
        np.testing.assert_allclose(found[:, k], rise / (2 * h), rtol=1e-5, atol=1e-4)
    assert np.max(np.abs(found)) > 100


def test_many_states_are_solved_for_as_few_are():
    # 50 filters in a row: more states than are solved for by a dense inverse. x_n = s^n/n!·e^{-s}.
    lines = ["dx0/dt = -x0/ms : 1"]
    lines += [f"dx{k}/dt = (x{k - 1} - x{k})/ms : 1" for k in range(1, 50)]
    model = NeuronModel(name="row", equations="\n".join(lines), initial={"x0": 1.0})
    trace = run(alone(model, "20 ms", "x12", "x49")).traces["p", "x12"]
    expected = np.exp(-trace.times) * trace.times**12 / 479001600.0
    np.testing.assert_allclose(trace.values[:, 0], expected, rtol=0, atol=1e-10)


# -- switches ---------------------------------------------------------------------------------


def test_a_jump_of_the_right_hand_side_is_stepped_to():
    model = NeuronModel(
        name="kink",
        equations="""
        dv/dt = 1/ms : 1
        dx/dt = rate : 1
        rate = (2/ms if v > 3.3 and not v > 7.7 else 0.5/ms) : Hz
        """,
    )
    recording = run(alone(model, "10 ms", "x"))
    trace = recording.traces["p", "x"]
    t = trace.times
    expected = 0.5 * t + 1.5 * (np.clip(t, 3.3, 7.7) - 3.3)
    np.testing.assert_allclose(trace.values[:, 0], expected, rtol=0, atol=1e-13)
    # A step control that meets the jumps unawares halves its way there: 60 steps each.
    assert recording.provenance["steps"] < 30


FLOOR = NeuronModel(
    name="pool",
    equations="""
    ds/dt = omega*u : 1
    du/dt = -omega*s : 1
    rate = inflow*s - (c - rest)/tau : Hz
    free = int(c > least or rate > 0/ms) : 1
    dc/dt = free*rate : 1
    omega : Hz
    tau : ms
    inflow : Hz
    rest : 1
    least : 1
    """,
    parameters={"omega": "0.5 /ms", "tau": "1.5 ms", "inflow": "2 /ms", "rest": 0.0, "least": 0.4},
    initial={"u": 1.0, "c": 0.4},
)


def floored(times, w=0.5, tau=1.5, inflow=2.0, floor=0.4):
    """c in closed form from event to event: released where inflow·s = floor/τ, caught at the floor."""
    size, lag = inflow * tau / np.hypot(1, w * tau), np.arctan(w * tau)

    def free(t, start):
        steady = size * np.sin(w * start - lag)
        return size * np.sin(w * t - lag) + (floor - steady) * np.exp(-(t - start) / tau)

    found = np.full(times.shape, floor)
    angle, caught = np.arcsin(floor / tau / inflow) / w, 0.0
    while True:
        turns = np.ceil((caught - angle) * w / (2 * np.pi))
        release = angle + 2 * np.pi / w * turns
        if release > times[-1]:
            return found
        caught = brentq(
            lambda t, r=release: free(t, r) - floor, release + 1, release + 10, xtol=1e-13
        )
        inside = (times > release) & (times < caught)
        found[inside] = free(times[inside], release)


def test_a_pool_stays_at_its_floor_until_it_is_released():
    recording = run(alone(FLOOR, "60 ms", "c", dt="0.01 ms"))
    trace = recording.traces["p", "c"]
    expected = floored(trace.times)
    assert np.mean(expected == 0.4) > 0.2
    assert expected.max() > 1.5
    np.testing.assert_allclose(trace.values[:, 0], expected, rtol=0, atol=1e-9)
    # Not once below the floor by more than the slack of a switch.
    assert trace.values.min() > 0.4 - 1e-9
    assert recording.provenance["steps"] < 400


def test_equations_that_lead_to_a_condition_from_both_sides_are_an_error():
    model = NeuronModel(
        name="slide", equations="dv/dt = (-1/ms if v > 0 else 1/ms) : 1", initial={"v": 1.0}
    )
    with pytest.raises(RunError, match="turns to and fro at 1 ms"):
        run(alone(model, "3 ms"))


def test_a_search_left_out_changes_no_spike():
    # With 'and' the threshold is no linear function, so that every piece is searched.
    def spikes(threshold):
        model = NeuronModel(
            name="wave",
            equations="dv/dt = u/ms : 1\ndu/dt = -v/ms : 1",
            threshold=threshold,
            initial={"v": 1.0},
        )
        return run(alone(model, "100 ms")).spikes["p"].times

    for top in (0.2, 0.999999, 1.000001):
        left_out, searched = (spikes(f"v > {top}{also}") for also in ("", " and v > -5"))
        first = 2 * np.pi - np.arccos(top) if top < 1 else np.inf
        assert left_out.size == max(0, np.ceil((100 - first) / (2 * np.pi)))
        np.testing.assert_allclose(left_out, searched, rtol=0, atol=1e-12)


# -- cells with channels ----------------------------------------------------------------------

SQUID = [11.93373488, 26.85272778, 41.48853838]
"""By DOP853 at 1e-13 and by Radau IIA at 1e-12, which agree within 1e-11 ms (the next test)."""


def test_two_methods_agree_where_a_squid_axon_spikes():
    given = build_squid("default").with_(duration="42 ms")
    radau, explicit = (
        run(given, method, relative=relative, absolute=1e-15).spikes["axon"].times
        for method, relative in (("radau", 1e-12), ("dop853", 1e-13))
    )
    np.testing.assert_allclose(radau, explicit, rtol=0, atol=1e-10)
    np.testing.assert_allclose(radau, SQUID, rtol=0, atol=0.5e-8)
    found = run(given, "auto").spikes["axon"].times
    np.testing.assert_allclose(found, radau, rtol=0, atol=1e-9)


def test_a_purkinje_cell_in_few_steps_as_tighter_and_other_methods_have_it():
    given = build_purkinje("wild_type").with_(duration="60 ms")
    recording = run(given, "auto")
    times = recording.spikes["purkinje"].times
    assert any("Radau" in note for note in recording.notes)
    # 21,700 steps of LSODA in 200 ms.
    assert recording.provenance["steps"] < 400
    tight = run(given, "radau", relative=1e-12, absolute=1e-15)
    assert times.size == 2
    difference = np.max(np.abs(times - tight.spikes["purkinje"].times))
    assert 0 < difference < 1e-9
    for name, within in (("v", 1e-7), ("cai", 1e-11)):
        a, b = (r.traces["purkinje", name].values for r in (recording, tight))
        np.testing.assert_allclose(a, b, rtol=0, atol=within)
    # LSODA meets the switches unawares, so that it is the less accurate one.
    other = run(given, "lsoda").spikes["purkinje"].times
    np.testing.assert_allclose(times, other, rtol=0, atol=1e-7)
