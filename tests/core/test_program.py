"""Programs: every scheme against closed forms, at its order, and what they are made of."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.cell import Cell, build_cell
from coincide.core.errors import InputError
from coincide.core.expressions import names, number, text
from coincide.core.inlining import inlined_rates
from coincide.core.neurons import NeuronModel
from coincide.core.numpy_code import compile_statements, evaluate_constants
from coincide.core.populations import Population
from coincide.core.program import METHODS, SCHEMES, Scheme, program_of
from coincide.core.receptors import NMDA, DoubleExponentialConductance
from coincide.models.library import load_model

Run = Callable[..., dict[str, Any]]


def cell_of(equations: str, receptors: Any = None, **more: Any) -> Cell:
    parameters = {
        "tau": "10 ms",
        "E": "-60 mV",
        "k": "0.05 1/ms",
        "c": "0.3 mV/ms",
        "g": "0 1/ms",
        "tau_m": "5 ms",
    }
    used = {n: v for n, v in parameters.items() if f"\n{n} :" in equations}
    model = NeuronModel(name="M", equations=equations, parameters=used, **more)
    return build_cell(Population(name="exc", model=model, size=1, receptors=receptors or {}))


LINEAR = cell_of("dv/dt = (E - v)/tau : mV\nE : mV\ntau : ms")
LOGISTIC = cell_of("dx/dt = k*x*(1 - x) : 1\nk : 1/ms")
CUBIC = cell_of("dx/dt = rate : 1\nrate = -y*x/ms : 1/ms\ny = x**2 : 1")
# An oscillator: no variable's equation is linear in itself, so every scheme shows its own order.
OSCILLATOR = cell_of("dx/dt = k*y : 1\ndy/dt = -k*x : 1\nk : 1/ms")
GATE = cell_of("du/dt = -u/tau : 1\ndn/dt = (1 - n)*u/tau_m - n/tau_m : 1\ntau : ms\ntau_m : ms")
T = 8.0
ORDERS = {"euler": 1, "exponential_euler": 1, "rk4": 4}


def logistic(t: Any) -> Any:
    return 1 / (1 + 9 * np.exp(-0.05 * t))


CLOSED_FORMS = {
    "linear": (LINEAR, {"v": -50.0}, -60 + 10 * np.exp(-T / 10)),
    "logistic": (LOGISTIC, {"x": 0.1}, logistic(T)),
    "cubic": (CUBIC, {"x": 0.2}, 0.2 / np.sqrt(1 + 2 * 0.04 * T)),
    "oscillator": (OSCILLATOR, {"x": 1.0, "y": 0.5}, np.cos(0.05 * T) + 0.5 * np.sin(0.05 * T)),
}
# Exponential Euler has no error for a linear equation: the next test.
CASES = [(c, m) for c in CLOSED_FORMS for m in METHODS if (c, m) != ("linear", "exponential_euler")]


@pytest.mark.parametrize(("case", "method"), CASES)
def test_every_scheme_has_its_order(case: str, method: str, run_program: Run) -> None:
    cell, start, exact = CLOSED_FORMS[case]
    variable = next(iter(start))
    steps = np.array([16, 32, 64, 128])
    errors = [abs(run_program(cell, method, T / n, n, start)[variable][-1] - exact) for n in steps]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    # The next term of the error is smaller by dt·rate ≤ 0.13 at the coarsest step, less at the others.
    assert slope == pytest.approx(ORDERS[method], abs=0.12)


@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0, 10.0, 100.0])
def test_exponential_euler_is_exact_for_a_linear_equation(dt: float, run_program: Run) -> None:
    n = 20
    found = run_program(LINEAR, "exponential_euler", dt, n, {"v": -50.0})["v"]
    exact = -60 + 10 * np.exp(-dt * np.arange(n + 1) / 10)
    # n steps, each with a few roundings of numbers up to 60: 20·4·60·2⁻⁵³.
    assert np.abs(found - exact).max() < 20 * 4 * 60 * 2**-53
    coarse = run_program(LINEAR, "euler", dt, n, {"v": -50.0})["v"]
    assert np.abs(coarse - exact).max() > 1e-5


def test_exponential_euler_does_not_divide_by_a_vanishing_rate(run_program: Run) -> None:
    cell = cell_of("dv/dt = c - g*v : mV\nc : mV/ms\ng : 1/ms")
    found = run_program(cell, "exponential_euler", 0.1, 100, {"v": 1.0})["v"]
    assert found == pytest.approx(1 + 0.3 * 0.1 * np.arange(101), rel=1e-13)
    tiny = run_program(cell, "exponential_euler", 0.1, 100, {"v": 1.0}, g=1e-12)["v"]
    assert tiny == pytest.approx(found, rel=1e-10)


def test_exponential_euler_is_of_order_one_when_a_coefficient_moves(run_program: Run) -> None:
    start = {"u": 1.0, "n": 0.2}
    fine = run_program(GATE, "rk4", T / 4096, 4096, start)["n"][-1]
    steps = np.array([64, 128, 256])
    errors = [
        abs(run_program(GATE, "exponential_euler", T / n, n, start)["n"][-1] - fine) for n in steps
    ]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)
    u = run_program(GATE, "exponential_euler", T / 16, 16, start)["u"][-1]
    assert u == pytest.approx(np.exp(-T / 10), rel=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_a_variable_stays_while_refractory_and_others_move(method: str, run_program: Run) -> None:
    cell = cell_of(
        "dv/dt = (E - v)/tau : mV (unless refractory)\ndu/dt = -u/tau : 1\nE : mV\ntau : ms",
        threshold="v > 0*mV",
        reset="v = E",
        refractory="2 ms",
    )
    held = run_program(cell, method, 0.1, 50, {"v": -50.0, "u": 1.0}, not_refractory=False)
    free = run_program(cell, method, 0.1, 50, {"v": -50.0, "u": 1.0})
    assert (held["v"] == -50.0).all()
    assert (np.diff(free["v"]) < 0).all()
    assert np.array_equal(held["u"], free["u"])
    assert (np.diff(held["u"]) < 0).all()


def test_inputs_are_held_over_the_step(run_program: Run) -> None:
    cell = cell_of("dv/dt = (E - v)/tau + J : mV\nJ : mV/ms (input)\nE : mV\ntau : ms")
    assert cell.inputs == ()  # without an input the port is 0
    found = run_program(cell, "rk4", 0.5, 40, {"v": -60.0})["v"]
    assert found == pytest.approx(np.full(41, -60.0), abs=1e-12)


# --- what a program is made of --------------------------------------------------------------------

CONDUCTANCES = cell_of(
    "dv/dt = (E - v)/tau + I*GOhm/tau/10 : mV (unless refractory)\nI : pA (input)\n"
    "dh/dt = (h_inf - h)/(tau*2) : 1\nh_inf = 1/(1 + exp((v - E)/(5*mV))) : 1\nE : mV\ntau : ms",
    receptors={
        "nmda": NMDA(tau="100 ms"),
        "gaba": DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"),
    },
    threshold="v > E + 15*mV and h < h_inf + 2",
    reset="v = E - 2*mV; h += 0.1*h_inf",
    refractory="tau",
)


def _parts(tree: ast.expr) -> Iterator[ast.expr]:
    yield tree
    match tree:
        case ast.Call(args=arguments):
            for argument in arguments:
                yield from _parts(argument)
        case _:
            for child in ast.iter_child_nodes(tree):
                if isinstance(child, ast.expr):
                    yield from _parts(child)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_constant_is_computed_once(method: Any) -> None:
    program = program_of(CONDUCTANCES, method)
    known = {v.name for v in CONDUCTANCES.parameters} | {"dt"}
    for constant in program.constants:
        assert names(constant.expression) <= known
        known.add(constant.target)
    assert len({c.target for c in program.constants}) == len(program.constants)
    # The norm of the double exponential is a formula of the time constants alone.
    assert all(isinstance(i.coefficient, ast.Name) for i in program.increments["gaba"])
    step = [a.expression for a in program.update] + [a.expression for a in program.reset]
    step += [i.coefficient for r in program.increments.values() for i in r]
    assert program.threshold is not None
    for tree in [*step, program.threshold]:
        for part in _parts(tree):
            if isinstance(part, ast.BinOp | ast.Call):
                assert not names(part) <= known, f"{text(part)} is computed in every step"


@pytest.mark.parametrize("method", METHODS)
def test_a_step_needs_only_what_is_there(method: Any) -> None:
    program = program_of(CONDUCTANCES, method)
    states = {v.name for v in CONDUCTANCES.states}
    known = states | {v.name for v in (*CONDUCTANCES.parameters, *CONDUCTANCES.inputs)}
    known |= {c.target for c in program.constants} | {"dt", "not_refractory"}
    after = set(known)
    for statement in program.update:
        assert names(statement.expression) <= known
        known.add(statement.target)
    assert {a.target for a in program.update} == states | set(program.temporaries)
    # After the update the temporaries are those of t_n: nothing that follows may use them.
    for increments in program.increments.values():
        for increment in increments:
            assert names(increment.coefficient) <= after
            assert increment.target in states
    assert program.threshold is not None
    assert names(program.threshold) <= after
    for assignment in program.reset:
        assert names(assignment.expression) <= after
    temporaries = {n for n in program.temporaries if n.endswith("_")}
    assert temporaries.isdisjoint(v.name for v in CONDUCTANCES.variables)


def test_what_nothing_depends_on_is_left_out() -> None:
    cell = cell_of("dv/dt = (E - v)/tau : mV\nunused = exp(v/mV) : 1\nE : mV\ntau : ms")
    for method in METHODS:
        assert not any("unused" in a.target for a in program_of(cell, method).update)


PROGRAMS = {method: program_of(CONDUCTANCES, method) for method in METHODS}


@given(
    st.floats(-80, -40),
    st.floats(0, 1),
    st.floats(0, 5),
    st.floats(0.5, 50),
    st.booleans(),
    st.sampled_from(METHODS),
)
def test_hoisting_changes_no_number(
    v: float, h: float, g: float, tau: float, free: bool, method: Any
) -> None:
    """One euler step against the rates written out: constants, sub-expressions, refractoriness."""
    parameters = {p.name: CONDUCTANCES.values[p.name].internal for p in CONDUCTANCES.parameters}
    parameters["tau"] = tau
    dt = 0.1
    start = {"v": v, "h": h, "g_nmda": g, "rise_gaba": g / 2, "decay_gaba": g}
    program = PROGRAMS[method]
    namespace: dict[str, Any] = {
        **parameters,
        **evaluate_constants(program.constants, parameters, dt),
        **{n: np.array([x]) for n, x in start.items()},
        "dt": dt,
        "not_refractory": np.array([free]),
    }
    compile_statements(program.update, list(start))(namespace)
    moved = {n: (namespace[n].item() - start[n]) / dt for n in start}
    i_nmda = g / (1 + 1 / 3.57 * np.exp(-0.062 * v)) * (0 - v)
    i_gaba = (g - g / 2) * (-80 - v)
    rates = {
        "v": ((-60 - v) / tau + (i_nmda + i_gaba) / tau / 10) * free,
        "h": (1 / (1 + np.exp((v + 60) / 5)) - h) / (tau * 2),
        "g_nmda": -g / 100,
        "rise_gaba": -g / 2 / 1,
        "decay_gaba": -g / 8,
    }
    for name, rate in rates.items():
        # Euler's rate to round-off; the other schemes' mean rate over a step of dt·λ < 1.5 in sign at least.
        if method == "euler":
            assert moved[name] == pytest.approx(rate, rel=1e-9, abs=1e-9)
        elif abs(rate) > 1e-9:
            assert moved[name] / rate > 0
    assert (moved["v"] == 0) == (not free or rates["v"] == 0 or abs(rates["v"]) < 1e-12)


def test_increments_and_resets_see_the_state_when_they_act() -> None:
    cell = cell_of(
        "dv/dt = -v/ms : 1\ntwice = 2*v : 1\nfour = 2*twice : 1\ndu/dt = 0/ms : 1",
        threshold="four > 4",
        reset="v = 0.5*twice - four; u += twice",
    )
    program = program_of(cell, "euler")
    assert program.threshold is not None
    assert text(program.threshold) == "2 * (2 * v) > 4"
    assert [str(a) for a in program.reset] == ["v = 0.5 * (2 * v) - 2 * (2 * v)", "u = u + 2 * v"]
    assert text(inlined_rates(cell)["v"]) == "-v / 1.0"


def test_constants_that_cannot_be_computed_are_named() -> None:
    cell = cell_of("dv/dt = (E - v)/(tau - tau_m) : mV\nE : mV\ntau : ms\ntau_m : ms")
    program = program_of(cell, "euler")
    with pytest.raises(InputError) as caught:
        evaluate_constants(
            program.constants + _reciprocal(), {"tau": 5.0, "tau_m": 5.0, "E": 0.0}, 0.1
        )
    assert "1.0 / (tau - tau_m)" in str(caught.value)
    assert "tau = 5, tau_m = 5" in str(caught.value)


def _reciprocal() -> Any:
    from coincide.core.cell import Assignment
    from coincide.core.expressions import parse

    return (Assignment("c9_", parse("1.0/(tau - tau_m)")),)


def test_an_unknown_scheme_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'euler'\?"):
        program_of(LINEAR, "eulr")  # type: ignore[arg-type]


def test_numbers_in_constants_keep_their_sign() -> None:
    assert text(number(-2.5)) == "-2.5"


def test_no_stage_of_rk4_is_called_as_the_slope_of_another_state(
    run_program: Callable[..., Any],
) -> None:
    """k1_v at stage 1, and the k1 of v_1, were one name."""
    model = NeuronModel(
        name="M",
        equations="dv_1/dt = 1/ms : 1\ndk1_v/dt = -k1_v/ms : 1\nz = k1_v : 1\ndy/dt = z/ms : 1",
    )
    cell = build_cell(Population(name="p", model=model, size=1))
    course = run_program(cell, "rk4", 0.01, 100, {"v_1": 0.0, "k1_v": 1.0, "y": 0.0})
    assert course["y"][-1] == pytest.approx(1 - np.exp(-1), abs=1e-9)
    targets = [a.target for a in program_of(cell, "rk4").update]
    assert len(targets) == len(set(targets))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_step_reads_no_temporary_before_it_is_made(scheme: Scheme) -> None:
    experiment = load_model("lif_10")
    cell = experiment.cells["cells"]
    program = program_of(cell, scheme)
    known = {a.target for a in program.constants}
    for statement in program.update:
        read = {name for name in names(statement.expression) if name.endswith("_")}
        assert read <= known, statement.target
        known.add(statement.target)
