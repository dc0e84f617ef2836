"""A cable cell written out: names, axial currents, places, schemes of integration."""

import ast
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.cell import build_cell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.discretisation import FixedSegments, LengthConstant
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inlining import inlined, inlined_rates
from coincide.core.inputs import ConstantInput
from coincide.core.kinetics import Gate, Scheme
from coincide.core.morphology import Morphology, Section, cylinder
from coincide.core.numpy_code import evaluate
from coincide.core.populations import Population, SpikeTrains
from coincide.core.program import METHODS, Method, program_of
from coincide.core.projections import AllToAll, Projection
from coincide.core.realization import RealizedPopulation
from coincide.core.realize import realize
from coincide.core.receptors import Delta, ExponentialConductance
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.rallpack import build_active, build_passive, steady_state

LEAK = Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV")
GATED = Channel(
    name="na",
    ion="sodium",
    conductance="0.01 S/cm**2",
    gates=(
        Gate(
            name="m",
            power=3,
            alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms",
            beta="4/ms*exp(-(v + 65*mV)/(18*mV))",
        ),
        Gate(name="h", inf="1/(1 + exp((v + 60*mV)/(7*mV)))", tau="2*ms"),
    ),
)
CAP = Channel(
    name="cap",
    ion="ca",
    permeability="5e-5 cm/s",
    gates=(Gate(name="m", inf="1/(1 + exp(-(v + 19*mV)/(5.5*mV)))", tau="1*ms"),),
)
POOL = Pool(depth="0.1 um", tau="3 ms", floor="1e-4 mM")
CA = Ion(name="ca", valence=2, outside="2 mM", pool=POOL)
SODIUM = Ion(name="sodium", reversal="50 mV")
TREE = Morphology(
    sections=(
        Section(name="soma", length="20 um", diameter="20 um", label="soma"),
        Section(name="left", length="200 um", diameter="2 um", parent="soma", label="dend"),
        Section(name="right", length="100 um", diameter="1 um", parent="soma", label="dend"),
        Section(name="twig", length="50 um", diameter="0.5 um", parent="left", parent_x=0.6),
    )
)


def cable(
    *channels: Channel, n: int = 3, morphology: Morphology = TREE, **given: object
) -> CableCell:
    return CableCell(
        name="cell",
        morphology=morphology,
        channels=channels or (LEAK,),
        discretisation=FixedSegments(segments=n),
        **given,
    )  # type: ignore[arg-type]


def experiment(
    model: CableCell,
    *,
    variables: tuple[str, ...] = (),
    duration: str = "5 ms",
    dt: str = "0.01 ms",
    size: int = 1,
    **given: object,
) -> Experiment:
    names = variables or tuple(v.name for v in model.variables if v.kind == "state")
    return Experiment(
        name="test",
        duration=duration,
        dt=dt,
        records=(Record(population="cells", variables=names),),
        populations=(Population(name="cells", model=model, size=size), *given.pop("sources", ())),
        **given,
    )  # type: ignore[arg-type, misc]


def start(model: CableCell, **given: object) -> RealizedPopulation:
    return realize(experiment(model, **given)).populations["cells"]  # type: ignore[arg-type]


def run(given: Experiment, method: Method) -> Recording:
    return ReferenceBackend().run(realize(given), Settings(mode="lockstep", method=method))


def slopes(cell: RealizedPopulation, **states: object) -> dict[str, NDArray[np.float64]]:
    values = {**cell.parameters, **cell.initial, **states}
    return {n: np.asarray(evaluate(t, values)) for n, t in inlined_rates(cell.cell).items()}


class TestNames:
    def test_one_compartment_has_plain_names(self) -> None:
        model = CableCell(
            name="cell",
            morphology=cylinder("20 um", "20 um"),
            channels=(LEAK, GATED, CAP),
            ions=(CA, SODIUM),
        )
        kinds = {v.name: v.kind for v in model.variables}
        assert {n for n, k in kinds.items() if k == "state"} == {
            "v",
            "m_na",
            "h_na",
            "m_cap",
            "cai",
        }
        assert {n for n, k in kinds.items() if k == "input"} == {"I"}
        parameters = {n for n, k in kinds.items() if k == "parameter"}
        assert parameters == {
            "membrane_area",
            "temperature",
            "capacitance",
            "spike_threshold",
            "conductance_leak",
            "reversal_leak",
            "conductance_na",
            "permeability_cap",
            "esodium",
            "cao",
            "depth_ca",
            "tau_ca",
            "rest_ca",
            "floor_ca",
        }
        assert model.lowered.point.threshold == "v > spike_threshold"

    def test_several_compartments_carry_theirs(self) -> None:
        model = cable(LEAK, GATED, ions=(SODIUM,), n=2)
        states = [v.name for v in model.variables if v.kind == "state"]
        places = [f"{s}_{k}" for s in ("soma", "left", "right", "twig") for k in (0, 1)]
        assert states == [f"{n}_{p}" for p in places for n in ("v", "m_na", "h_na")]
        assert model.lowered.point.threshold == "v_soma_1 > spike_threshold"

    def test_a_section_of_one_compartment_has_no_number(self) -> None:
        model = cable(LEAK, n=1)
        states = [v.name for v in model.variables if v.kind == "state"]
        assert states == ["v_soma", "v_left", "v_right", "v_twig"]

    def test_two_names_that_become_one_are_refused(self) -> None:
        # By the length constant a has three compartments, a_1 has one: v_a_1 twice.
        sections = (
            Section(name="a", length="600 um", diameter="2 um"),
            Section(name="a_1", length="1 um", diameter="9 um", parent="a"),
        )
        with pytest.raises(
            InputError, match="two things would be called 'v_a_1'; rename a section"
        ):
            CableCell(
                name="cell",
                morphology=Morphology(sections=sections),
                channels=(LEAK,),
                discretisation=LengthConstant(fraction=0.5),
            )

    def test_two_transitions_that_become_one_are_refused(self) -> None:
        rates = "(1/ms, 1/ms)"
        made = Channel(
            name="x",
            conductance="1 S/cm**2",
            reversal="0 mV",
            open="C",
            scheme=Scheme(
                transitions=(f"A_B <-> C {rates}", f"A <-> B_C {rates}", f"A <-> C {rates}")
            ),
        )
        with pytest.raises(InputError, match="two things would be called 'rate_A_B_C_x"):
            cable(made, n=1)


class TestPlaces:
    @pytest.mark.parametrize(
        ("place", "name"),
        [
            ("left(0)", "left_0"),
            ("left(0.24)", "left_0"),
            ("left(0.26)", "left_1"),
            ("left(0.5)", "left_2"),
            ("left(0.99)", "left_3"),
            ("left(1)", "left_3"),
            ("soma(0.5)", "soma_2"),
            ("twig(1)", "twig_3"),
        ],
    )
    def test_the_compartment_of_a_place(self, place: str, name: str) -> None:
        lowered = cable(n=4).lowered
        assert lowered.compartments[lowered.at(place, "here")].name == name

    def test_the_middle_of_a_compartment_is_its_own_place(self) -> None:
        lowered = cable(n=7).lowered
        for k, c in enumerate(lowered.compartments):
            assert lowered.at(f"{c.section}({c.x!r})", "here") == k

    def test_inputs_records_and_thresholds_at_a_place(self) -> None:
        model = cable(n=3, spike_at="right(1)")
        made = Experiment(
            name="test",
            duration="1 ms",
            populations=(Population(name="cells", model=model, size=1),),
            inputs=(
                ConstantInput(name="i", population="cells", amplitude="9 pA", port="twig(0.9)"),
            ),
            records=(Record(population="cells", variables=("v",), at="left(0.5)"),),
        )  # type: ignore[arg-type]
        cell = realize(made).populations["cells"]
        moved = {n for n, s in slopes(cell).items() if abs(s) > 1e-9}
        assert moved == {"v_twig_2"}  # all others rest at the leak's reversal
        assert cell.cell.threshold is not None
        assert "v_right_2" in ast.unparse(cell.cell.threshold)
        assert ("cells", "v_left_1") in run(made, "euler").traces

    @pytest.mark.parametrize("port", ["left(0.5)", "I_left_1"])
    def test_a_receptor_sees_the_voltage_at_its_place(self, port: str) -> None:
        receptor = ExponentialConductance(tau="5 ms", reversal="0 mV", port=port)  # type: ignore[arg-type]
        model = cable(n=3)
        cell = build_cell(
            Population(name="cells", model=model, size=1, receptors={"ampa": receptor})
        )
        rates = inlined_rates(cell)
        for name in ("v_left_1", "v_soma_1"):
            used = {n.id for n in ast.walk(rates[name]) if isinstance(n, ast.Name)}
            assert ("g_ampa" in used) == (name == "v_left_1")
        values = {v.name: 0.0 for v in cell.states} | {"g_ampa": 3.0, "v_left_1": -40.0}
        current = next(
            v.name
            for v in cell.subexpressions
            if v.name.startswith("I_syn") or v.name.endswith("_ampa")
        )
        found = evaluate(
            inlined(cell, ast.Name(id=current)), {**values, "E_ampa": 0.0, "reversal_ampa": 0.0}
        )
        assert float(np.asarray(found)) == pytest.approx(3.0 * 40.0)

    @pytest.mark.parametrize("port", [None, "twig(0.5)"])
    def test_a_delta_receptor_kicks_the_voltage_at_its_place(self, port: str | None) -> None:
        model = cable(n=1)
        made = Experiment(
            name="test",
            duration="1 ms",
            dt="0.1 ms",
            populations=(
                Population(name="cells", model=model, size=1, receptors={"kick": Delta(port=port)}),
                SpikeTrains(name="given", times=((0.2,),)),
            ),
            projections=(
                Projection(
                    source="given",
                    target="cells",
                    receptor="kick",
                    weight="3 mV",
                    delay="0.1 ms",
                    rule=AllToAll(),
                ),
            ),
            records=(Record(population="cells", variables=("v_soma", "v_twig")),),
        )  # type: ignore[arg-type]
        traces = run(made, "euler").traces
        kicked = "v_soma" if port is None else "v_twig"
        for name in ("v_soma", "v_twig"):
            jump = traces["cells", name].values[3, 0] - traces["cells", name].values[2, 0]
            assert jump == pytest.approx(3.0 if name == kicked else 0.0, abs=1e-12)


class TestAxialCurrents:
    def test_they_are_those_of_the_cut(self) -> None:
        model = cable(n=3, axial_resistivity="150 ohm*cm")
        cell, pieces = start(model), model.lowered.cut
        n = len(pieces.compartments)
        v = np.random.default_rng(0).uniform(-80, 20, n)
        names = [model.lowered.potential(k) for k in range(n)]
        found = slopes(cell, **dict(zip(names, v, strict=True)))
        axial = np.zeros(n)
        for c in pieces.couplings:
            flow = c.shape / 1.5e-3 * (v[c.second] - v[c.first])
            axial[c.first] += flow
            axial[c.second] -= flow
        for k, name in enumerate(names):
            area = pieces.compartments[k].area
            expected = (axial[k] - area * 1e-3 * (v[k] + 65)) / (0.01 * area)
            assert found[name] == pytest.approx(expected, rel=1e-12, abs=1e-9)

    def test_charge_is_conserved_between_compartments(self) -> None:
        model = cable(Channel(name="none", conductance="0 S/cm**2", reversal="0 mV"), n=4)
        cell = start(model)
        rng = np.random.default_rng(1)
        names = [model.lowered.potential(k) for k in range(len(model.lowered.compartments))]
        found = slopes(cell, **{n: rng.uniform(-80, 20) for n in names})
        charge = [
            float(found[n]) * c.area for n, c in zip(names, model.lowered.compartments, strict=True)
        ]
        assert abs(sum(charge)) < 1e-12 * max(map(abs, charge))

    def test_a_passive_cable_settles_at_its_closed_form(self) -> None:
        # Steady state from the lowered equations themselves: dv/dt is linear in v, so J·v = -b.
        errors = []
        for n in (8, 16, 32):
            made = build_passive("default", compartments=n)
            cell = realize(made).populations["cell"]
            names = [v.name for v in cell.cell.states]
            grid = np.vstack([np.zeros(n), np.eye(n)])
            at = slopes(cell, **dict(zip(names, grid.T, strict=True)))
            b = np.array([at[name][0] for name in names])
            jacobian = np.array([at[name][1:] - at[name][0] for name in names])
            v = np.linalg.solve(jacobian, -b) + 65
            exact = steady_state((np.arange(n) + 0.5) / n)
            errors.append(np.abs(v - exact).max())
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        assert orders == pytest.approx([2, 2], abs=0.1)


class TestHeld:
    """What counts as a constant in exponential Euler, and in nothing else."""

    MODEL = CableCell(
        name="cell",
        morphology=cylinder("20 um", "20 um"),
        channels=(LEAK, GATED, CAP),
        ions=(CA, SODIUM),
        v_initial="-55 mV",
    )  # type: ignore[arg-type]

    def test_rk4_is_of_order_four(self) -> None:
        ends = []
        for dt in (0.04, 0.02, 0.01, 0.005):
            made = experiment(self.MODEL, duration="4 ms", dt=f"{dt} ms")
            traces = run(made, "rk4").traces
            ends.append(np.array([t.values[-1, 0] for t in traces.values()]))
        steps = [np.abs(a - b).max() for a, b in pairwise(ends)]
        orders = np.log2(np.array(steps[:-1]) / steps[1:])
        assert orders[-1] == pytest.approx(4, abs=0.4), (orders, steps)

    @pytest.mark.parametrize("method", ["euler", "exponential_euler"])
    def test_the_others_are_of_order_one(self, method: Method) -> None:
        ends = []
        for dt in (0.02, 0.01, 0.005, 0.0025):
            made = experiment(self.MODEL, duration="4 ms", dt=f"{dt} ms")
            ends.append(run(made, method).traces["cells", "v"].values[-1, 0])
        steps = np.abs(np.diff(ends))
        assert np.log2(steps[1:-1] / steps[2:]) == pytest.approx([1], abs=0.25)

    def test_exponential_euler_knows_the_slope_of_what_is_not_held(self) -> None:
        cell = start(self.MODEL).cell
        program = program_of(cell, "exponential_euler")
        step = next(a for a in program.update if a.target == "step_v_")
        used = {n.id for n in ast.walk(step.expression) if isinstance(n, ast.Name)}
        constants = {a.target: a.expression for a in program.constants}
        while extra := {n for n in used if n in constants}:
            used -= extra
            for name in extra:
                used |= {n.id for n in ast.walk(constants[name]) if isinstance(n, ast.Name)}
        assert {"m_na", "h_na", "conductance_na", "conductance_leak"} <= used
        assert not used & {"I_cap", "m_cap", "permeability_cap", "cai"}
        # The concentration decays with its own constant; the influx is held.
        assert not any(a.target == "step_m_leak_" for a in program.update)
        assert any(a.target == "step_cai_" for a in program.update)

    @pytest.mark.parametrize("method", METHODS)
    def test_every_scheme_comes_to_one_answer(self, method: Method) -> None:
        made = experiment(self.MODEL, duration="3 ms", dt="0.0025 ms")
        fine = run(experiment(self.MODEL, duration="3 ms", dt="0.005 ms"), "rk4")
        found = run(made, method)
        for key, trace in found.traces.items():
            exact = fine.traces[key].values[:, 0]
            error = np.abs(trace.values[::2, 0] - exact).max()
            assert error < 2e-2 * np.ptp(exact), key


class TestSize:
    def test_hundreds_of_compartments_are_written_out_in_seconds(self) -> None:
        made = build_active("default", compartments=150)
        cell = realize(made).populations["cell"]
        assert len(cell.cell.states) == 600

    def test_names_of_concentrations_that_do_not_change(self) -> None:
        ion = Ion(name="k", inside="140 mM", outside="3 mM")
        made = Channel(name="kv", ion="k", conductance="1e-3 S/cm**2")
        model = cable(made, n=2, ions=(ion,))
        names = {v.name for v in model.variables}
        places = [c.name for c in model.lowered.compartments]
        assert {f"{n}_{p}" for n in ("ki", "ek") for p in places} <= names
