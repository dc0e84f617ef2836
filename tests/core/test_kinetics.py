"""Gates and Markov schemes as descriptions, and what they do in a cell."""

import ast
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inlining import inlined
from coincide.core.kinetics import Gate, Scheme
from coincide.core.morphology import cylinder
from coincide.core.numpy_code import evaluate
from coincide.core.populations import Population
from coincide.core.program import METHODS, Method
from coincide.core.realization import RealizedPopulation
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.core.values import Array, Floats

LEAK = Channel(name="leak", conductance="3e-4 S/cm**2", reversal="-54 mV")
ALPHA, BETA = "0.5/ms*exp((v + 60*mV)/(20*mV))", "0.2/ms*exp(-(v + 60*mV)/(30*mV))"


def channel(**given: object) -> Channel:
    return Channel(name="x", conductance="1e-3 S/cm**2", reversal="40 mV", **given)  # type: ignore[arg-type]


def experiment(
    *channels: Channel,
    variables: tuple[str, ...] = ("v",),
    duration: str = "20 ms",
    dt: str = "0.01 ms",
    size: int = 1,
    initial: dict[str, object] | None = None,
    **cell: object,
) -> Experiment:
    model = CableCell(
        name="cell", morphology=cylinder("20 um", "20 um"), channels=(LEAK, *channels), **cell
    )  # type: ignore[arg-type]
    return Experiment(
        name="test",
        duration=duration,
        dt=dt,
        records=(Record(population="cells", variables=variables),),
        populations=(Population(name="cells", model=model, size=size, initial=initial or {}),),
    )  # type: ignore[arg-type]


def run(given: Experiment, method: Method = "exponential_euler") -> Recording:
    return ReferenceBackend().run(realize(given), Settings(mode="lockstep", method=method))


def start(given: Experiment) -> RealizedPopulation:
    return realize(given).populations["cells"]


def value(population: RealizedPopulation, name: str, **states: object) -> Floats:
    """What a sub-expression of a cell comes to."""
    tree = inlined(population.cell, ast.Name(id=name))
    return np.asarray(evaluate(tree, {**population.parameters, **population.initial, **states}))


class TestGates:
    @pytest.mark.parametrize("v", [-90.0, -65.0, -20.0, 30.0])
    def test_rates_and_limits_say_the_same(self, v: float) -> None:
        one = channel(gates=(Gate(name="m", alpha=ALPHA, beta=BETA),))
        two = channel(
            equations=f"a = {ALPHA} : 1/ms\nb = {BETA} : 1/ms",
            gates=(Gate(name="m", inf="a/(a + b)", tau="1/(a + b)"),),
        )
        cells = [start(experiment(c, v_initial=f"{v} mV")) for c in (one, two)]
        a, b = 0.5 * math.exp((v + 60) / 20), 0.2 * math.exp(-(v + 60) / 30)
        for cell in cells:
            assert cell.initial["m_x"] == pytest.approx(a / (a + b), rel=1e-14)
            right = next(s.right for s in cell.cell.states if s.name == "m_x")
            assert right is not None
            slope = evaluate(inlined(cell.cell, right), {**cell.parameters, "v": v, "m_x": 0.3})
            assert slope == pytest.approx(a * 0.7 - b * 0.3, rel=1e-13)

    def test_both_forms_run_alike(self) -> None:
        courses = []
        for gate in (
            Gate(name="m", alpha=ALPHA, beta=BETA),
            Gate(name="m", inf=f"{ALPHA}/({ALPHA} + {BETA})", tau=f"1/({ALPHA} + {BETA})"),
        ):
            made = experiment(channel(gates=(gate,)), v_initial="-80 mV", duration="5 ms")
            courses.append(run(made).traces["cells", "v"].values)
        assert courses[0] == pytest.approx(courses[1], rel=1e-11)
        assert np.ptp(courses[0]) > 5

    @pytest.mark.parametrize(
        ("v", "limit"), [(-40.0, 1.0), (-40.0 + 1e-9, 1.0), (-40.0 - 1e-9, 1.0)]
    )
    def test_exprel_has_a_value_where_the_fraction_has_none(self, v: float, limit: float) -> None:
        # 0.1(v + 40)/(1 - e^{-(v+40)/10}) → 1 at v = -40.
        gate = Gate(name="m", alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms", beta="1/ms")
        cell = start(experiment(channel(gates=(gate,)), v_initial=f"{v!r} mV"))
        assert value(cell, "alpha_m_x") == pytest.approx(limit, rel=1e-9)

    @given(st.floats(-200, 200))
    def test_exprel_is_the_fraction_elsewhere(self, v: float) -> None:
        gate = Gate(name="m", alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms", beta="1/ms")
        cell = start(experiment(channel(gates=(gate,))))
        x = (v + 40) / 10
        exact = 1.0 if x == 0 else x / -math.expm1(-x)
        assert value(cell, "alpha_m_x", v=v) == pytest.approx(exact, rel=1e-14)

    def test_powers(self) -> None:
        gates = (
            Gate(name="m", power=3, inf="0.5", tau="1*ms"),
            Gate(name="h", inf="0.25", tau="1*ms"),
        )
        assert channel(gates=gates).opening == "m**3*h"
        assert channel().opening == "1"

    @pytest.mark.parametrize(
        "equations",
        [
            "alpha_m = 1/ms : 1/ms\nbeta_m = 3/ms : 1/ms",
            "alpha_m : 1/ms\nbeta_m = 3*alpha_m : 1/ms",
        ],
    )
    def test_rates_can_have_their_natural_names(self, equations: str) -> None:
        given = channel(
            equations=equations,
            parameters={"alpha_m": "1 /ms"} if "alpha_m :" in equations else {},
            gates=(Gate(name="m", alpha="alpha_m", beta="beta_m"),),
        )
        assert start(experiment(given)).initial["m_x"] == pytest.approx(0.25)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "is given by nothing"),
            ({"alpha": "1/ms"}, "is given by alpha;"),
            ({"alpha": "1/ms", "tau": "1*ms"}, "is given by alpha, tau;"),
            ({"alpha": "1/ms", "beta": "1/ms", "inf": "1"}, "is given by alpha, beta, inf;"),
            (
                {"alpha": "1/ms", "beta": "1/ms", "inf": "1", "tau": "1*ms"},
                "is given by alpha, beta, inf, tau;",
            ),
        ],
    )
    def test_forms_that_are_none(self, given: dict[str, str], words: str) -> None:
        with pytest.raises(InputError) as caught:
            channel(gates=({"name": "m", **given},))
        assert str(caught.value).startswith(f"x.gates.0.m: {words}")
        assert str(caught.value).endswith("a gate needs alpha and beta, or inf and tau")


class TestSchemes:
    def test_transitions_are_read(self) -> None:
        scheme = Scheme(
            transitions=("C1 <-> C2 (f(1, 2)*a, b)", " C2->O(g) ", "O -> C1 (a*(b + c))")
        )
        assert [(t.source, t.target, t.rate) for t in scheme.arrows] == [
            ("C1", "C2", "f(1, 2)*a"),
            ("C2", "C1", "b"),
            ("C2", "O", "g"),
            ("O", "C1", "a*(b + c)"),
        ]
        assert scheme.states == ("C1", "C2", "O")
        assert scheme.rest == "O"

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"transitions": ()}, "transitions: is empty"),
            ({"transitions": ("C <-> O",)}, "is no transition"),
            ({"transitions": ("C <- O (a)",)}, "is no transition"),
            ({"transitions": ("C <=> O (a, b)",)}, "is no transition"),
            ({"transitions": ("C + D <-> O (a, b)",)}, "is no transition"),
            ({"transitions": ("-> O (a)",)}, "is no transition"),
            ({"transitions": ("C -> (a)",)}, "has no state on the right: it does not conserve"),
            (
                {"transitions": ("2 C <-> O (a, b)",)},
                "does not conserve: one channel is in 'C' once",
            ),
            (
                {"transitions": ("C <-> O O (a, b)",)},
                "does not conserve: one channel is in 'O' once",
            ),
            ({"transitions": ("C <-> C (a, b)",)}, "goes nowhere"),
            ({"transitions": ("C <-> O (a)",)}, "needs two rates, there and back"),
            ({"transitions": ("C <-> O (a, b, c)",)}, "needs two rates"),
            ({"transitions": ("C <-> O (a,)",)}, "needs two rates"),
            ({"transitions": ("C -> O ()",)}, "needs one rate"),
            ({"transitions": ("C -> O (a, b)",)}, "needs one rate"),
            (
                {"transitions": ("C <-> O (a, b)", "C -> O (c)")},
                "C -> O is given twice; write the sum",
            ),
            ({"transitions": ("C <-> O (a, b)", "O <-> C (a, b)")}, "is given twice"),
            (
                {"transitions": ("C <-> O (a, b)", "A <-> B (a, b)")},
                "A, B cannot be reached from C",
            ),
            (
                {"transitions": ("C <-> double (a, b)",)},
                "Scheme.double: 'double' is a reserved word",
            ),
            ({"transitions": ("C <-> exp (a, b)",)}, "'exp' is the name of a function"),
            ({"transitions": ("C <-> 2b (a, b)",)}, "is not a name"),
            ({"remainder": "c"}, "remainder: there is no state 'c'; known: C, O"),
            ({"initial": {"C": 0.5}}, "initial: adds to 0.5, not to 1"),
            ({"initial": {"C": 0.5, "O": 0.6}}, "initial: adds to 1.1"),
            ({"initial": {"C": 0.5, "O": 0.5001}}, "initial: adds to 1.0001"),
            ({"initial": {"C": 0.5, "O": 0.4999}}, "initial: adds to 0.9999"),
            ({"initial": {"C": -0.5, "O": 1.5}}, "initial.C: -0.5 is no occupancy"),
            ({"initial": {"C": 0.5, "B": 0.5}}, "initial: there is no state 'B'; known: C, O"),
            ({"initial": {"C": math.nan}}, "finite"),
        ],
    )
    def test_schemes_that_are_none(self, given: dict[str, object], words: str) -> None:
        with pytest.raises(InputError) as caught:
            Scheme(**{"transitions": ("C <-> O (a, b)",), **given})  # type: ignore[arg-type]
        assert str(caught.value).startswith("Scheme.")
        assert words in str(caught.value)
        with pytest.raises(InputError) as caught:
            channel(open="O", scheme={"transitions": ("C <-> O (a, b)",), **given})
        assert str(caught.value).startswith("x.scheme.")

    @pytest.mark.parametrize("method", METHODS)
    def test_two_states_are_a_gate(self, method: Method) -> None:
        gate = channel(gates=(Gate(name="O", alpha=ALPHA, beta=BETA),))
        scheme = channel(open="O", scheme=Scheme(transitions=(f"O <-> C ({BETA}, {ALPHA})",)))
        courses = [
            run(experiment(c, variables=("v", "O_x"), v_initial="-75 mV", duration="5 ms"), method)
            for c in (gate, scheme)
        ]
        for name in ("v", "O_x"):
            one, two = (c.traces["cells", name].values for c in courses)
            assert np.ptp(one) > 0.05
            assert np.abs(one - two).max() < 1e-11 * np.abs(one).max()


CYCLE = ("A <-> B (2/ms*exp(v/(50*mV)), 1/ms)", "B <-> O (0.5/ms, 3/ms*exp(-v/(40*mV)))", "O <-> A (0.1/ms, 0.2/ms)")  # fmt: skip # noqa: E501


class TestOccupancies:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("remainder", ["A", "B", "O"])
    def test_they_add_to_one_and_end_in_the_steady_state(
        self, method: Method, remainder: str
    ) -> None:
        made = channel(
            open="O", scheme=Scheme(transitions=CYCLE, remainder=remainder, initial={"B": 1.0})
        )
        kept = tuple(f"{s}_x" for s in "ABO" if s != remainder)
        recording = run(
            experiment(made, variables=("v", *kept), v_initial="-70 mV", duration="60 ms"), method
        )
        p = np.array([recording.traces["cells", name].values[:, 0] for name in kept])
        total = p.sum(axis=0)
        rest = 1 - total
        assert p.min() > -1e-12
        assert rest.min() > -1e-12
        # From all in B to the steady state of the last v, which by then has come to rest.
        v = float(recording.traces["cells", "v"].values[-1, 0])
        settled = start(
            experiment(
                made.model_copy(update={"scheme": Scheme(transitions=CYCLE, remainder=remainder)}),
                v_initial=f"{v!r} mV",
            )
        )
        assert p[:, 0].sum() + (remainder == "B") == pytest.approx(1)
        for name, course in zip(kept, p, strict=True):
            assert course[-1] == pytest.approx(settled.initial[name][0], abs=1e-6)

    def test_the_choice_of_the_remainder_changes_nothing(self) -> None:
        courses = [
            run(
                experiment(
                    channel(open="O", scheme=Scheme(transitions=CYCLE, remainder=r)),
                    duration="5 ms",
                ),
                "rk4",
            )
            .traces["cells", "v"]
            .values
            for r in "ABO"
        ]
        assert courses[0] == pytest.approx(courses[1], rel=1e-12)
        assert courses[0] == pytest.approx(courses[2], rel=1e-12)

    def test_every_cell_starts_at_its_own_steady_state(self) -> None:
        made = channel(open="O", scheme=Scheme(transitions=(f"C <-> O ({ALPHA}, {BETA})",)))
        v = np.array([-90.0, -60.0, 10.0])
        cells = start(experiment(made, size=3, initial={"v": Array(v, "mV")}))
        a, b = 0.5 * np.exp((v + 60) / 20), 0.2 * np.exp(-(v + 60) / 30)
        assert cells.initial["C_x"] == pytest.approx(b / (a + b), rel=1e-13)

    def test_every_cell_has_its_own_parameters(self) -> None:
        made = channel(
            open="O",
            scheme=Scheme(transitions=("C <-> O (k, 1/ms)",)),
            equations="k : 1/ms",
            parameters={"k": Array([1.0, 3.0], "1/ms")},
        )
        assert start(experiment(made, size=2)).initial["C_x"] == pytest.approx([0.5, 0.25])

    def test_occupancies_given_by_the_scheme(self) -> None:
        scheme = Scheme(transitions=CYCLE, initial={"A": 0.25, "O": 0.75})
        cells = start(experiment(channel(open="O", scheme=scheme)))
        assert (cells.initial["A_x"][0], cells.initial["B_x"][0]) == (0.25, 0.0)
        assert value(cells, "O_x")[0] == 0.75

    def test_occupancies_given_by_the_population(self) -> None:
        made = channel(open="O", scheme=Scheme(transitions=CYCLE))
        cells = start(experiment(made, size=2, initial={"A_x": Array([0.5, 0.0])}))
        # What is given holds; what is not is empty, and the remainder has the rest.
        assert cells.initial["A_x"].tolist() == [0.5, 0.0]
        assert cells.initial["B_x"].tolist() == [0.0, 0.0]
        assert value(cells, "O_x").tolist() == [0.5, 1.0]

    @pytest.mark.parametrize(
        ("initial", "where", "words"),
        [
            ({"A_x": "1.5"}, "cells.initial.A_x", "1.5 is no occupancy"),
            ({"A_x": "-0.1"}, "cells.initial.A_x", "-0.1 is no occupancy"),
            ({"A_x": "0.6", "B_x": "0.6"}, "cells.initial.O_x", "the other states add to 1.2"),
            (
                {"A_x": "0.6", "B_x": "0.4001"},
                "cells.initial.O_x",
                "the other states add to 1.0001",
            ),
            ({"A_x": "1.0001"}, "cells.initial.A_x", "1.0001 is no occupancy"),
            ({"A_x": "-0.0001"}, "cells.initial.A_x", "-0.0001 is no occupancy"),
            ({"A_x": "log(0.0*v/mV)"}, "cells.initial.A_x", "comes to -inf at t = 0"),
            ({"A_x": Array([0.5, 2.0])}, "cells.initial.A_x", "2 is no occupancy"),
        ],
    )
    def test_occupancies_that_are_none(
        self, initial: dict[str, object], where: str, words: str
    ) -> None:
        made = channel(open="O", scheme=Scheme(transitions=CYCLE))
        with pytest.raises(InputError) as caught:
            start(experiment(made, size=2, initial=initial))
        assert str(caught.value).startswith(f"{where}: ")
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ("made", "where", "words"),
        [
            ({"scheme": ("C <-> O (-2/ms, 1/ms)",)}, "cells.x.C->O", "comes to -2/ms at t = 0"),
            (
                {"scheme": ("C <-> O (sqrt(v/mV)/ms, 1/ms)",)},
                "cells.x.C->O",
                "comes to nan at t = 0",
            ),
            ({"scheme": ("C <-> O (1/ms, exp(-100*v/mV)/ms)",)}, "cells.x.O->C", "comes to inf"),
            (
                {"scheme": ("C -> O (1/ms)", "C -> D (1/ms)")},
                "cells.initial",
                "no single steady state",
            ),
            (
                {"alpha": "-3/ms", "beta": "1/ms"},
                "cells.x.m.alpha",
                "comes to -3/ms at t = 0; a rate",
            ),
            (
                {"alpha": "4/ms", "beta": "-1/ms"},
                "cells.x.m.beta",
                "comes to -1/ms at t = 0; a rate",
            ),
            ({"inf": "sqrt(v/mV)", "tau": "1*ms"}, "cells.initial.m_x", "comes to nan at t = 0"),
            ({"inf": "0.5", "tau": "v/mV*ms"}, "cells.x.m.tau", "a time constant has to be > 0"),
            ({"inf": "0.5", "tau": "0*ms"}, "cell.x.m.tau", "division by zero"),
            ({"inf": "0.5", "tau": "sqrt(v/mV)*ms"}, "cells.x.m.tau", "comes to nan at t = 0"),
        ],
    )
    def test_rates_that_are_none_at_the_start(
        self, made: dict[str, object], where: str, words: str
    ) -> None:
        if "scheme" in made:
            given = channel(open="O", scheme={"transitions": made["scheme"]})
        else:
            given = channel(gates=({"name": "m", **made},))
        with pytest.raises(InputError) as caught:
            start(experiment(given, size=2))
        assert str(caught.value).startswith(f"{where}: ")
        assert words in str(caught.value)

    def test_a_state_that_nothing_enters_empties(self) -> None:
        made = channel(
            open="O", scheme=Scheme(transitions=("D -> C (1/ms)", "C <-> O (1/ms, 1/ms)"))
        )
        assert start(experiment(made)).initial["D_x"][0] == 0.0

    @pytest.mark.parametrize("method", METHODS)
    def test_sixty_states_build_and_run(self, method: Method) -> None:
        transitions = tuple(f"S{k} <-> S{k + 1} ({60 - k}*a, {k + 1}*b)" for k in range(59))
        made = channel(
            open="S59",
            equations="a = 0.1/ms*exp(v/(50*mV)) : 1/ms\nb = 0.2/ms : 1/ms",
            scheme=Scheme(transitions=transitions, remainder="S0"),
        )
        names = tuple(f"S{k}_x" for k in range(1, 60))
        recording = run(experiment(made, variables=names, duration="1 ms"), method)
        p = np.array([recording.traces["cells", n].values[:, 0] for n in names])
        assert p.min() > -1e-12
        assert p.sum(axis=0).max() < 1 + 1e-12

    def test_a_temperature_factor_speeds_every_rate(self) -> None:
        made = channel(open="O", scheme=Scheme(transitions=CYCLE), q10=3, q10_celsius=6.3)
        cold, warm = (start(experiment(made, celsius=c)) for c in (6.3, 16.3))
        for rate in ("rate_A_B_x", "rate_O_B_x", "rate_A_O_x"):
            assert value(warm, rate) == pytest.approx(3 * value(cold, rate), rel=1e-13)
        assert warm.initial["A_x"] == pytest.approx(cold.initial["A_x"], rel=1e-12)
