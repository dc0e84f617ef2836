"""Receptors: every kind against its closed form, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from coincide.core.cell import Cell, build_cell
from coincide.core.errors import InputError
from coincide.core.inlining import inlined
from coincide.core.neurons import NeuronModel
from coincide.core.numpy_code import compile_expression
from coincide.core.populations import Population
from coincide.core.receptors import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
    _Receptor,
)
from coincide.core.units import dimension_of_unit
from coincide.core.values import Array

# A cell that does not move, so that the receptor alone is seen.
STILL = NeuronModel(
    name="still",
    equations="dv/dt = 0*mV/ms + 0*I*GOhm/ms : mV\nI : pA (input)\nE : mV",
    parameters={"E": "0 mV"},
    initial={"v": "-60 mV"},
)
DT, STEPS, V0 = 0.01, 4000, -60.0
TIMES = DT * np.arange(STEPS + 1)


def cell_with(**receptors: Any) -> Cell:
    return build_cell(Population(name="exc", model=STILL, size=1, receptors=receptors))


def answer(cell: Cell, run_program: Callable[..., Any], wanted: str, weight: float = 2.0) -> Any:
    """The course of a variable after one arrival at t = 0."""
    values = {p.name: cell.values[p.name].internal for p in cell.parameters}
    start = {"v": V0}
    for increment in cell.port("r").increments:
        coefficient = compile_expression(inlined(cell, increment.coefficient))({**values, **start})
        start[increment.target] = start.get(increment.target, 0.0) + coefficient * weight
    course = run_program(cell, "rk4", DT, STEPS, start)
    right = cell.variable(wanted).right
    if cell.variable(wanted).kind == "state" or right is None:
        return course[wanted]
    return compile_expression(inlined(cell, right))({**values, **course})


def alpha(tau: float) -> Any:
    return TIMES / tau * np.exp(1 - TIMES / tau)


RISE, DECAY = 1.0, 8.0
PEAK = RISE * DECAY / (DECAY - RISE) * np.log(DECAY / RISE)
DOUBLE = (np.exp(-TIMES / DECAY) - np.exp(-TIMES / RISE)) / (
    np.exp(-PEAK / DECAY) - np.exp(-PEAK / RISE)
)
BLOCK = 1 / (1 + 1.0 / 3.57 * np.exp(0.062 * 60))


@pytest.mark.parametrize(
    ("receptor", "wanted", "expected"),
    [
        (ExponentialCurrent(tau="5 ms"), "current_r", np.exp(-TIMES / 5)),
        (AlphaCurrent(tau="5 ms"), "current_r", alpha(5)),
        (ExponentialConductance(tau="5 ms", reversal="0 mV"), "g_r", np.exp(-TIMES / 5)),
        (ExponentialConductance(tau="5 ms", reversal="0 mV"), "current_r", 60 * np.exp(-TIMES / 5)),
        (AlphaConductance(tau="5 ms", reversal="-80 mV"), "g_r", alpha(5)),
        (AlphaConductance(tau="5 ms", reversal="-80 mV"), "current_r", -20 * alpha(5)),
        (
            DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="0 mV"),
            "g_r",
            DOUBLE,
        ),
        (NMDA(tau="100 ms"), "current_r", 60 * BLOCK * np.exp(-TIMES / 100)),
        (
            CustomReceptor(
                equations="dx/dt = -x/tau : 1\ncur = s*x*(E - v)*w_0 : pA\ntau : ms\ns : 1\nw_0 : nS",
                on_pre="x += 3*w - w; x -= w*s",
                current="cur",
                parameters={"tau": "4 ms", "s": "0.5", "w_0": "1 nS"},
            ),
            "cur_r",
            0.5 * 60 * 1.5 * np.exp(-TIMES / 4),
        ),
    ],
    ids=lambda r: getattr(r, "kind", ""),
)
def test_one_arrival_gives_the_closed_form(
    receptor: Any, wanted: str, expected: Any, run_program: Callable[..., Any]
) -> None:
    found = answer(cell_with(r=receptor), run_program, wanted)
    scale = np.abs(2 * expected).max()
    # rk4 at dt/τ ≤ 0.01 is wrong by (dt/τ)⁴/120 a time constant, 1e-10; a wrong norm by 1e-2 and more.
    assert np.abs(found - 2 * expected).max() < 1e-9 * scale


def test_the_peak_of_a_weight_is_the_weight(run_program: Callable[..., Any]) -> None:
    for receptor in (
        AlphaConductance(tau="5 ms", reversal="0 mV"),
        DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="0 mV"),
    ):
        peak = answer(cell_with(r=receptor), run_program, "g_r").max()
        # Sampled every 0.01 ms, a peak of curvature 1/ms² is missed by less than 1e-4.
        assert 2.0 * (1 - 1e-4) < peak <= 2.0 * (1 + 1e-9)


def test_a_kick_adds_the_weight_itself() -> None:
    cell = cell_with(r=Delta())
    (increment,) = cell.port("r").increments
    assert increment.target == "v"
    assert compile_expression(increment.coefficient)({}) == 1.0
    assert cell.port("r").weight_dimension == dimension_of_unit("mV")


@pytest.mark.parametrize(
    ("receptor", "unit"),
    [
        (ExponentialCurrent(tau="5 ms"), "pA"),
        (AlphaCurrent(tau="5 ms"), "pA"),
        (NMDA(tau="5 ms"), "nS"),
        (ExponentialConductance(tau="5 ms", reversal="0 mV"), "nS"),
        (Delta(), "mV"),
        (CustomReceptor(equations="dx/dt = -x/ms : pA", on_pre="x += 2*mV*w"), "nS"),
    ],
    ids=lambda r: getattr(r, "kind", ""),
)
def test_a_weight_has_the_dimension_of_what_it_adds_to(receptor: Any, unit: str) -> None:
    assert cell_with(r=receptor).port("r").weight_dimension == dimension_of_unit(unit)


def test_a_receptor_takes_the_dimension_of_its_port() -> None:
    model = NeuronModel(
        name="M",
        equations="dv/dt = (J - v)/tau : mV\nJ : mV (input)\ntau : ms",
        parameters={"tau": "20 ms"},
    )
    receptors = {"a": ExponentialCurrent(tau="5 ms"), "b": NMDA(tau="5 ms")}
    cell = build_cell(Population(name="exc", model=model, size=1, receptors=receptors))
    assert cell.port("a").weight_dimension == dimension_of_unit("mV")
    assert cell.port("b").weight_dimension == dimension_of_unit("1")


def test_two_receptors_of_one_kind_stay_apart() -> None:
    cell = cell_with(a=ExponentialCurrent(tau="5 ms"), b=ExponentialCurrent(tau="7 ms"))
    assert cell.values["tau_a"].internal == 5.0  # type: ignore[union-attr]
    assert cell.values["tau_b"].internal == 7.0  # type: ignore[union-attr]
    assert [s.name for s in cell.states] == ["v", "current_a", "current_b"]
    assert [i.target for i in cell.port("b").increments] == ["current_b"]


def own(equations: str = "dx/dt = -x/ms : pA", on_pre: str = "x += w", **more: Any) -> Any:
    return CustomReceptor(equations=equations, on_pre=on_pre, **more)


@pytest.mark.parametrize(
    ("receptor", "where", "words"),
    [
        (
            ExponentialCurrent(tau="-5 ms"),
            "exc.r.tau",
            "-5 ms is negative; a time constant has to be > 0",
        ),
        (
            ExponentialCurrent(tau="0 ms"),
            "exc.r.tau",
            "0 ms is zero; a time constant has to be > 0",
        ),
        (AlphaCurrent(tau=Array([5, -5], "ms")), "exc.r.tau", "-5 ms is negative"),
        (ExponentialCurrent(tau="5 mV"), "exc.r.tau", "but a time [ms] is needed"),
        (
            ExponentialCurrent(tau="5 ms", port="J"),
            "exc.r",
            "there is no (input) of still 'J'; known: I",
        ),
        (NMDA(tau="5 ms", beta="1 mV"), "exc.r.beta", "but a concentration [mM] is needed"),
        (NMDA(tau="5 ms", voltage="u"), "exc.r.block", "there is no variable 'u'"),
        (
            DoubleExponentialConductance(tau_rise="8 ms", tau_decay="8 ms", reversal="0 mV"),
            "exc.r",
            "tau_rise 8 ms is not below tau_decay 8 ms; use alpha_conductance",
        ),
        (
            DoubleExponentialConductance(tau_rise="9 ms", tau_decay="-8 ms", reversal="0 mV"),
            "exc.r.tau_decay",
            "-8 ms is negative",
        ),
        (Delta(target="u"), "exc.r.on_pre", "there is no state variable 'u'"),
        (Delta(target="E"), "exc.r.on_pre", "there is no state variable 'E'"),
        (own(on_pre=""), "exc.r.on_pre", "does nothing; write for instance 'g += w'"),
        (own(on_pre="x = w"), "exc.r.on_pre", "arrivals add"),
        (own(on_pre="x *= w"), "exc.r.on_pre", "arrivals add"),
        (own(on_pre="x += w*w/pA"), "exc.r.on_pre", "is not proportional to w"),
        (own(on_pre="x += w + 1*pA"), "exc.r.on_pre", "is not proportional to w"),
        (own(on_pre="x += 1*pA"), "exc.r.on_pre", "is not proportional to w"),
        (own(on_pre="x += exp(w)*pA"), "exc.r.on_pre", "is not proportional to w"),
        (
            own(on_pre="x += w; v += w"),
            "exc.r.on_pre",
            "w would be in pA for one statement, mV for another",
        ),
        (own(on_pre="y += w"), "exc.r.on_pre", "there is no state variable 'y'"),
        (own(on_pre="x += z*w"), "exc.r.on_pre", "unknown variable 'z'"),
        (own(on_pre="x.y += w"), "exc.r.on_pre", "is no statement"),
        (own(current="y"), "exc.r.current", "there is no variable 'y'; known: x"),
        (
            own(equations="dx/dt = -x/ms : nS", current="x"),
            "exc.r",
            "its current is in nS, but the port 'I' in pA",
        ),
        (own(equations="dx/dt = -x/tau : pA\ntau : ms"), "exc.r.tau", "the parameter has no value"),
        (own(parameters={"tau": "5 ms"}), "exc.r", "there is no parameter 'tau'"),
        (
            own(equations="dx/dt = -x/tau : pA\ntau : ms", parameters={"tau": "-1 ms"}),
            "exc.r.tau",
            "-1 ms is negative",
        ),
        (own(equations="dx/dt = -y/ms : pA"), "exc.r.x", "there is no variable 'y'"),
        (own(equations="dx/dt = -x : pA"), "exc.r.dx/dt", "is needed"),
        (own(equations="dx/dt = -x/ms : pA\nJ : pA (input)"), "exc.r.J", "no (input) of its own"),
        (own(equations="dx/dt = a*pA/ms : pA\na = b : 1\nb = a : 1"), "exc.r", "need each other"),
    ],
)
def test_what_is_wrong_is_named(receptor: Any, where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        cell_with(r=receptor)
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)


def test_a_current_needs_a_port_and_a_kick_does_not() -> None:
    closed = NeuronModel(name="M", equations="dv/dt = -v/ms : mV")

    def build(receptor: Any, model: NeuronModel = closed) -> Cell:
        return build_cell(Population(name="exc", model=model, size=1, receptors={"r": receptor}))

    for receptor in (ExponentialCurrent(tau="5 ms"), NMDA(tau="5 ms"), own(current="x")):
        with pytest.raises(
            InputError, match=r"^exc\.r: .*has no \(input\) that .*current could add to$"
        ):
            build(receptor)
    two = NeuronModel(name="M", equations="dv/dt = (I + J)/pF : mV\nI : pA (input)\nJ : pA (input)")
    with pytest.raises(InputError, match=r"^exc\.r: M has the inputs I, J; say port=$"):
        build(ExponentialCurrent(tau="5 ms"), two)
    assert build(ExponentialCurrent(tau="5 ms", port="J"), two).variable("I").right is not None
    for kick in (Delta(), own(equations="", on_pre="v += w")):
        assert [i.target for i in build(kick).port("r").increments] == ["v"]
        assert [i.target for i in build(kick, two).port("r").increments] == ["v"]


def test_a_receptor_is_looked_up_with_the_nearest_name() -> None:
    cell = cell_with(ampa=Delta())
    with pytest.raises(InputError, match=r"^exc: there is no receptor 'amp'; did you mean 'ampa'"):
        cell.port("amp")


def test_a_kind_of_receptor_has_to_be_written_out() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?write_out"):
        _Receptor()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("equations", "on_pre", "where"),
    [
        ("dx/dt = -x/(0*ms) : pA", "x += w", "exc.r.dx/dt"),
        ("dx/dt = -x/ms*sqrt(-1) : pA", "x += w", "exc.r.x"),
        ("dx/dt = -x/ms : pA", "x += w*log(0)", "exc.r.on_pre"),
        ("dx/dt = -x/ms : pA", "x += w/(0*mV)*mV", "exc.r.on_pre"),
    ],
)
def test_a_number_that_is_none_is_refused_in_a_receptor(
    equations: str, on_pre: str, where: str
) -> None:
    with pytest.raises(InputError, match=r"division by zero|no finite real number") as caught:
        cell_with(r=own(equations, on_pre))
    assert caught.value.where == where
