"""Currents, ions and pools against formulas written by hand."""

import ast
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.constants import R, physical_constants

from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inlining import inlined, inlined_rates
from coincide.core.inputs import ConstantInput
from coincide.core.kinetics import Gate
from coincide.core.morphology import Morphology, ball_and_stick, cylinder
from coincide.core.numpy_code import evaluate
from coincide.core.populations import Population
from coincide.core.program import METHODS, Method
from coincide.core.realization import RealizedPopulation
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.core.values import Array, Floats, Normal

FARADAY = physical_constants["Faraday constant"][0]
AREA = math.pi * 20.0**2  # µm² of a cylinder of 20 µm
LEAK = Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV")
CA = Ion(name="ca", valence=2, inside="1e-4 mM", outside="2 mM")


def experiment(
    *channels: Channel,
    ions: tuple[Ion, ...] = (),
    size: int = 1,
    variables: tuple[str, ...] = ("v",),
    duration: str = "1 ms",
    dt: str = "0.01 ms",
    morphology: Morphology | None = None,
    parameters: dict[str, object] | None = None,
    current: str | None = None,
    **cell: object,
) -> Experiment:
    model = CableCell(
        name="cell",
        morphology=morphology or cylinder("20 um", "20 um"),
        channels=channels,
        ions=ions,
        **cell,
    )  # type: ignore[arg-type]
    inputs = [ConstantInput(name="i", population="cells", amplitude=current)] if current else []  # type: ignore[arg-type]
    return Experiment(
        name="test",
        duration=duration,
        dt=dt,
        inputs=inputs,
        records=(Record(population="cells", variables=variables),),
        populations=(
            Population(name="cells", model=model, size=size, parameters=parameters or {}),
        ),
    )  # type: ignore[arg-type]


def start(*channels: Channel, **given: object) -> RealizedPopulation:
    return realize(experiment(*channels, **given)).populations["cells"]  # type: ignore[arg-type]


def value(cell: RealizedPopulation, name: str, **states: object) -> Floats:
    """What a sub-expression of a cell comes to."""
    tree = inlined(cell.cell, ast.Name(id=name))
    return np.asarray(evaluate(tree, {**cell.parameters, **cell.initial, **states}))


def slope(cell: RealizedPopulation, state: str, **states: object) -> Floats:
    """dx/dt of a state of a cell."""
    tree = inlined_rates(cell.cell)[state]
    return np.asarray(evaluate(tree, {**cell.parameters, **cell.initial, **states}))


V = np.array([-120.0, -65.0, -1e-3, 0.0, 1e-3, 40.0])


class TestOhmic:
    def test_a_density(self) -> None:
        # 3 mS/cm² are 0.03 nS/µm²; times mV that is pA/µm².
        made = Channel(
            name="na",
            ion="sodium",
            conductance="3e-3 S/cm**2",
            gates=(
                Gate(name="m", power=3, inf="0.5", tau="1*ms"),
                Gate(name="h", inf="0.1", tau="1*ms"),
            ),
        )
        cell = start(made, ions=(Ion(name="sodium", reversal="50 mV"),))
        found = value(cell, "I_na", v=V, m_na=0.3, h_na=0.7)
        assert found == pytest.approx(0.03 * 0.3**3 * 0.7 * (V - 50), rel=1e-14)

    def test_what_moves_the_membrane(self) -> None:
        # C dv/dt = I - area·Σ: 1 µF/cm² are 0.01 pF/µm².
        cell = start(LEAK, current="70 pA")
        assert cell.parameters["membrane_area"] == pytest.approx(AREA)
        assert slope(cell, "v", v=V) == pytest.approx((70 - AREA * 1e-3 * (V + 65)) / (0.01 * AREA))

    def test_a_point_channel_in_nanosiemens(self) -> None:
        point = Channel(
            name="syn",
            conductance="5 nS",
            reversal="0 mV",
            region="soma(0.5)",
            open="2*m",
            gates=(Gate(name="m", inf="0.5", tau="1*ms"),),
        )
        cell = start(LEAK, point)
        assert value(cell, "I_syn", v=V, m_syn=0.2) == pytest.approx(5 * 0.4 * V)
        expected = (-5 * 0.4 * V - AREA * 1e-3 * (V + 65)) / (0.01 * AREA)
        assert slope(cell, "v", v=V, m_syn=0.2) == pytest.approx(expected)

    def test_a_point_channel_is_in_one_compartment(self) -> None:
        point = Channel(name="syn", conductance="5 nS", reversal="0 mV", region="dend(0.9)")
        cell = start(
            LEAK,
            point,
            morphology=ball_and_stick("20 um", "300 um", "2 um"),
            discretisation={"kind": "fixed", "segments": 3},
            variables=("v_dend_2",),
        )
        names = {v.name for v in cell.cell.subexpressions}
        assert "I_syn_dend_2" in names
        assert not names & {"I_syn_dend_1", "I_syn_soma_0"}
        assert {f"I_leak_{s}_{k}" for s in ("soma", "dend") for k in range(3)} <= names

    def test_values_by_cell(self) -> None:
        made = Channel(
            name="k", conductance=Array([1e-3, 2e-3], "S/cm**2"), reversal=Array([-80, -90], "mV")
        )  # type: ignore[arg-type]
        assert value(start(made, size=2), "I_k", v=0.0) == pytest.approx([0.8, 1.8])


class TestGoldman:
    @staticmethod
    def channel(**given: object) -> Channel:
        return Channel(
            name="cap",
            ion="ca",
            permeability="5e-5 cm/s",
            gates=(Gate(name="m", inf="0.5", tau="1*ms"),),
            **given,
        )  # type: ignore[arg-type]

    @staticmethod
    def exact(v: Floats, inside: float, outside: float, z: int, kelvin: float) -> Floats:
        """P·z²·F²v/(RT)·(c_in - c_out·e^{-u})/(1 - e^{-u}) in pA/µm², in SI: P = 5e-7 m/s."""
        volt = v * 1e-3
        u = z * FARADAY * volt / (R * kelvin)
        per_square_metre = (
            5e-7
            * z**2
            * FARADAY**2
            * volt
            / (R * kelvin)
            * (inside - outside * np.exp(-u))
            / -np.expm1(-u)
        )
        return np.asarray(per_square_metre * 1e12 / 1e12)  # A/m² are pA/µm²

    @pytest.mark.parametrize("celsius", [6.3, 22.04, 37.0])
    @pytest.mark.parametrize("z", [1, 2, -1])
    def test_the_current(self, z: int, celsius: float) -> None:
        ion = Ion(name="ca", valence=z, inside="0.3 mM", outside="2 mM")
        cell = start(self.channel(), ions=(ion,), celsius=celsius)
        v = V[V != 0]
        exact = self.exact(v, 0.3, 2.0, z, 273.15 + celsius)
        assert value(cell, "I_cap", v=v, m_cap=0.4) == pytest.approx(0.4 * exact, rel=1e-11)

    def test_at_zero_it_is_diffusion_alone(self) -> None:
        # u → 0: P·z·F·(c_in - c_out); 5e-7 m/s · 96485 C/mol · 2 · mol/m³.
        cell = start(self.channel(), ions=(CA,))
        limit = 5e-7 * 2 * FARADAY * (1e-4 - 2)
        assert value(cell, "I_cap", v=0.0, m_cap=1.0) == pytest.approx(limit, rel=1e-13)

    @given(st.floats(1e-300, 1e-3))
    def test_it_is_continuous_around_zero(self, v: float) -> None:
        cell = self.cell()
        at = value(cell, "I_cap", v=0.0, m_cap=1.0)
        for sign in (-1, 1):
            near = value(cell, "I_cap", v=sign * v, m_cap=1.0)
            # dI/du = -P·z·F·(c_in + c_out)/2 at 0, and u = v/12 mV.
            assert abs(near - at) < abs(at) * (v / 12 + 1e-14)

    _cell: RealizedPopulation | None = None

    @classmethod
    def cell(cls) -> RealizedPopulation:
        cls._cell = cls._cell or start(cls.channel(), ions=(CA,))
        return cls._cell

    def test_no_current_at_nernsts_potential(self) -> None:
        cell = start(self.channel(), ions=(CA,), celsius=22.0)
        reversal = 1e3 * R * 295.15 / (2 * FARADAY) * math.log(2 / 1e-4)
        assert value(cell, "eca") == pytest.approx(reversal, rel=1e-12)
        inward = value(cell, "I_cap", v=0.0, m_cap=1.0)
        assert abs(value(cell, "I_cap", v=reversal, m_cap=1.0)) < 1e-12 * abs(inward)
        assert inward < 0 < value(cell, "I_cap", v=reversal + 1, m_cap=1.0)

    @pytest.mark.parametrize("v", [-2e3, 2e3])
    def test_it_is_finite_far_away(self, v: float) -> None:
        assert np.isfinite(value(start(self.channel(), ions=(CA,)), "I_cap", v=v, m_cap=1.0))

    def test_the_current_counts_as_held_in_exponential_euler(self) -> None:
        # v' = (1 - e^{-dt/τ})·(b/a) + v·e^{-dt/τ} with a from the leak alone, b from leak and GHK at t_n.
        made = experiment(
            LEAK, self.channel(), ions=(CA,), variables=("v", "m_cap"), dt="0.1 ms", duration="3 ms"
        )
        recording = ReferenceBackend().run(
            realize(made), Settings(mode="lockstep", method="exponential_euler")
        )
        v, m = (recording.traces["cells", n].values[:, 0] for n in ("v", "m_cap"))
        a = 1e-3 / 0.01
        current = m * self.exact(v, 1e-4, 2.0, 2, 273.15 + 6.3)
        b = (1e-3 * -65 - current) / 0.01
        decay = math.exp(-a * 0.1)
        assert np.ptp(v) > 1
        assert v[1:] == pytest.approx(v[:-1] * decay + b[:-1] / a * (1 - decay), rel=1e-12)


class TestNernst:
    @pytest.mark.parametrize(("z", "celsius"), [(1, 6.3), (2, 37.0), (-1, 20.0)])
    def test_the_potential(self, z: int, celsius: float) -> None:
        ion = Ion(name="x1", valence=z, inside="5 mM", outside="110 mM")
        made = Channel(name="c", ion="x1", conductance="1e-3 S/cm**2")
        cell = start(made, ions=(ion,), celsius=celsius)
        exact = 1e3 * R * (273.15 + celsius) / (z * FARADAY) * math.log(110 / 5)
        assert value(cell, "ex1") == pytest.approx(exact, rel=1e-12)
        assert value(cell, "I_c", v=V) == pytest.approx(0.01 * (V - exact), rel=1e-12)

    def test_a_value_goes_before_concentrations(self) -> None:
        ion = Ion(name="na", reversal="50 mV", inside="5 mM", outside="110 mM")
        cell = start(Channel(name="c", ion="na", conductance="1e-3 S/cm**2"), ions=(ion,))
        assert value(cell, "I_c", v=V) == pytest.approx(0.01 * (V - 50))

    def test_it_follows_a_pool(self) -> None:
        ion = Ion(
            name="ca",
            valence=2,
            outside="2 mM",
            pool=Pool(depth="0.1 um", tau="5 ms", floor="1e-4 mM"),
        )  # type: ignore[arg-type]
        cell = start(Channel(name="c", ion="ca", conductance="1e-3 S/cm**2"), ions=(ion,))
        inside = np.array([1e-4, 1e-2])
        exact = 1e3 * R * 279.45 / (2 * FARADAY) * np.log(2 / inside)
        assert value(cell, "eca", cai=inside) == pytest.approx(exact, rel=1e-12)

    def test_channels_can_use_it(self) -> None:
        made = Channel(
            name="c",
            conductance="1e-3 S/cm**2",
            reversal="0 mV",
            gates=(Gate(name="m", inf="1/(1 + cai/cao)", tau="eca/mV*ms*celsius"),),
        )
        cell = start(made, ions=(CA,), celsius=20.0)
        eca = 1e3 * R * 293.15 / (2 * FARADAY) * math.log(2e4)
        assert value(cell, "inf_m_c") == pytest.approx(1 / (1 + 1e-4 / 2), rel=1e-13)
        assert value(cell, "tau_m_c") == pytest.approx(20 * eca, rel=1e-12)


class TestPool:
    def ion(self, **given: object) -> Ion:
        shell = {"depth": "0.2 um", "tau": "10 ms", **given}
        return Ion(name="ca", valence=2, reversal="100 mV", pool=Pool(**shell))  # type: ignore[arg-type]

    def test_a_known_current_raises_it(self) -> None:
        # An inward density J for a time T adds J·T/(zF·depth): 1e-3 S/cm² · -100 mV = -1 pA/µm² = -1 A/m².
        made = Channel(name="c", ion="ca", conductance="1e-3 S/cm**2")
        cell = start(made, ions=(self.ion(tau="1e12 ms"),))
        per_ms = 1.0 / (2 * FARADAY * 0.2e-6) * 1e-3
        assert slope(cell, "cai", v=0.0) == pytest.approx(per_ms, rel=1e-9)
        assert slope(cell, "cai", v=200.0) == pytest.approx(-per_ms, rel=1e-9)
        assert slope(cell, "cai", v=100.0) == pytest.approx(0, abs=1e-12)

    def test_a_point_channel_fills_the_shell_of_its_compartment(self) -> None:
        made = Channel(name="c", ion="ca", conductance="2 nS", region="soma(0.5)")
        cell = start(made, ions=(self.ion(tau="1e12 ms"),))
        density = 2 * 100 / AREA  # pA/µm² = A/m²
        expected = density / (2 * FARADAY * 0.2e-6) * 1e-3
        assert slope(cell, "cai", v=0.0) == pytest.approx(expected, rel=1e-9)

    def test_currents_of_an_ion_add_and_others_do_not(self) -> None:
        one = Channel(name="a", ion="ca", conductance="1e-3 S/cm**2")
        two = Channel(name="b", ion="ca", conductance="3e-3 S/cm**2")
        other = Channel(name="k", conductance="7e-3 S/cm**2", reversal="0 mV")
        single = slope(start(one, ions=(self.ion(),)), "cai", v=0.0)
        both = slope(start(one, two, other, ions=(self.ion(),)), "cai", v=0.0)
        assert both == pytest.approx(4 * single, rel=1e-12)

    def test_it_decays_to_rest(self) -> None:
        cell = start(LEAK, ions=(self.ion(rest="5e-5 mM", initial="1e-3 mM"),))
        assert cell.initial["cai"] == pytest.approx(1e-3)
        assert slope(cell, "cai", cai=2e-3) == pytest.approx(-(2e-3 - 5e-5) / 10, rel=1e-12)

    @pytest.mark.parametrize("method", METHODS)
    def test_its_course_without_current(self, method: Method) -> None:
        made = experiment(
            LEAK,
            ions=(self.ion(rest="1e-4 mM", initial="1e-3 mM"),),
            variables=("cai",),
            duration="20 ms",
        )
        found = ReferenceBackend().run(realize(made), Settings(mode="lockstep", method=method))
        exact = 1e-4 + 9e-4 * np.exp(-np.arange(2001) * 0.01 / 10)
        # Euler's error is dt/(2τ)·t/τ of what decays.
        tolerance = 1e-3 if method == "euler" else 1e-12
        assert found.traces["cells", "cai"].values[:, 0] == pytest.approx(exact, rel=tolerance)

    @pytest.mark.parametrize("method", METHODS)
    def test_it_does_not_sink_below_its_floor(self, method: Method) -> None:
        outward = Channel(name="c", ion="ca", conductance="1e-4 S/cm**2")
        made = experiment(
            outward,
            ions=(self.ion(floor="1e-4 mM", initial="1e-3 mM"),),
            variables=("cai",),
            duration="20 ms",
            v_initial="200 mV",
            spike_threshold=None,
        )
        found = ReferenceBackend().run(realize(made), Settings(mode="lockstep", method=method))
        course = found.traces["cells", "cai"].values[:, 0]
        step = -np.diff(course).min()  # the last step may go beyond, by less than itself
        assert course.min() > 1e-4 - step
        assert course[-1] == pytest.approx(course.min())

    def test_at_its_floor_it_rises_again(self) -> None:
        made = Channel(name="c", ion="ca", conductance="1e-3 S/cm**2")
        cell = start(made, ions=(self.ion(floor="1e-4 mM"),))
        assert cell.initial["cai"] == pytest.approx(1e-4)
        assert slope(cell, "cai", v=0.0) > 0
        assert slope(cell, "cai", v=100.0) == 0  # no current: decay would take it below
        assert slope(cell, "cai", v=100.0, cai=2e-4) < 0

    @pytest.mark.parametrize(
        ("given", "where", "words"),
        [
            ({"depth": "0 um"}, "Pool.depth", "0 um has to be > 0"),
            ({"depth": "1 mV"}, "Pool.depth", "a length [um] is needed"),
            ({"tau": "-1 ms"}, "Pool.tau", "-1 ms has to be > 0"),
            ({"rest": "-1 mM"}, "Pool.rest", "has to be >= 0"),
            ({"floor": "-1 mM"}, "Pool.floor", "has to be >= 0"),
            ({"initial": "-1 mM"}, "Pool.initial", "has to be >= 0"),
            ({"initial": "1 mM", "floor": "2 mM"}, "Pool.initial", "is below the floor of 2 mM"),
            ({"initial": "1 mV"}, "Pool.initial", "a concentration [mM] is needed"),
        ],
    )
    def test_pools_that_are_none(self, given: dict[str, str], where: str, words: str) -> None:
        with pytest.raises(InputError) as caught:
            Pool(**{"depth": "1 um", "tau": "1 ms", **given})  # type: ignore[arg-type]
        assert str(caught.value).startswith(f"{where}: ")
        assert words in str(caught.value)
        with pytest.raises(InputError) as caught:
            Ion(name="ca", pool={"depth": "1 um", "tau": "1 ms", **given})  # type: ignore[arg-type]
        assert str(caught.value).startswith(f"ca.{where.lower()}: ")


class TestTemperature:
    @pytest.mark.parametrize("celsius", [6.3, 16.3, 26.3, -3.7])
    def test_q10(self, celsius: float) -> None:
        made = Channel(
            name="c",
            conductance="1e-3 S/cm**2",
            reversal="0 mV",
            q10=3,
            q10_celsius=6.3,
            gates=(
                Gate(name="m", alpha="2/ms", beta="3/ms"),
                Gate(name="h", inf="0.5", tau="4*ms"),
            ),
        )
        cell = start(made, celsius=celsius)
        factor = 3 ** ((celsius - 6.3) / 10)
        assert slope(cell, "m_c", m_c=0.1) == pytest.approx(factor * (2 * 0.9 - 3 * 0.1), rel=1e-13)
        assert slope(cell, "h_c", h_c=0.1) == pytest.approx(factor * 0.4 / 4, rel=1e-13)

    def test_celsius_is_a_number_in_equations(self) -> None:
        made = Channel(name="c", conductance="1 S/cm**2", reversal="0 mV", open="celsius/100")
        assert value(start(made, celsius=37.0), "I_c", v=1.0) == pytest.approx(10 * 0.37)


TREE = {
    "morphology": ball_and_stick("20 um", "300 um", "2 um"),
    "discretisation": {"kind": "fixed", "segments": 2},
}


class TestRegions:
    @staticmethod
    def amounts(cell: RealizedPopulation, name: str) -> dict[str, float]:
        """The current at 1 mV by compartment."""
        found = {}
        for v in cell.cell.subexpressions:
            if v.name.startswith(f"I_{name}_"):
                place = v.name.removeprefix(f"I_{name}_")
                found[place] = float(value(cell, v.name, **{f"v_{place}": 1.0}))
        return found

    def cell(self, **given: object) -> dict[str, float]:
        made = Channel(name="k", reversal="0 mV", **given)  # type: ignore[arg-type]
        return self.amounts(start(LEAK, made, variables=("v_soma_0",), **TREE), "k")

    def test_everywhere(self) -> None:
        found = self.cell(conductance="0.1 S/cm**2")
        assert found == pytest.approx(dict.fromkeys(["soma_0", "soma_1", "dend_0", "dend_1"], 1.0))

    def test_in_one_region(self) -> None:
        found = self.cell(conductance="0.1 S/cm**2", region="dend")
        assert found == pytest.approx({"dend_0": 1.0, "dend_1": 1.0})

    def test_elsewhere_at_another_density(self) -> None:
        found = self.cell(
            conductance="0.1 S/cm**2", region="soma", elsewhere={"dend": "0.2 S/cm**2"}
        )
        assert found == pytest.approx({"soma_0": 1.0, "soma_1": 1.0, "dend_0": 2.0, "dend_1": 2.0})

    def test_elsewhere_goes_before_all(self) -> None:
        found = self.cell(conductance="0.1 S/cm**2", elsewhere={"dend": "0.2 S/cm**2"})
        assert found == pytest.approx({"soma_0": 1.0, "soma_1": 1.0, "dend_0": 2.0, "dend_1": 2.0})

    def test_regions_joined_by_commas(self) -> None:
        found = self.cell(conductance="0.1 S/cm**2", region="dend , soma")
        assert found == pytest.approx(dict.fromkeys(["soma_0", "soma_1", "dend_0", "dend_1"], 1.0))

    def test_parameters_are_one_for_all_compartments(self) -> None:
        made = Channel(
            name="k",
            reversal="0 mV",
            conductance="1 S/cm**2",
            equations="x : 1\ny = 2*x : 1",
            open="y",
            parameters={"x": "0.25"},
            region="soma",
            elsewhere={"dend": "2 S/cm**2"},
        )
        cell = start(LEAK, made, variables=("v_soma_0",), **TREE)
        assert {n for n in cell.parameters if n.endswith("_k") or "_k_" in n} == {
            "x_k",
            "conductance_k",
            "conductance_k_in_dend",
            "reversal_k",
        }
        assert self.amounts(cell, "k") == pytest.approx(
            {"soma_0": 5.0, "soma_1": 5.0, "dend_0": 10.0, "dend_1": 10.0}
        )


BAD = [
    ({"conductance": None}, "x", "needs a conductance or a permeability"),
    ({"permeability": "1 cm/s"}, "x", "needs a conductance or a permeability, one of the two"),
    ({"conductance": None, "permeability": "1 cm/s"}, "x.ion", "a permeability needs an ion"),
    ({"reversal": None}, "x.reversal", "is missing, and so is an ion"),
    ({"ion": "na"}, "x.reversal", "is the ion's"),
    ({"reversal": "1 pA"}, "x.reversal", "a voltage [mV] is needed"),
    ({"conductance": "-1 S/cm**2"}, "x.conductance", "-1 S/cm**2 is negative"),
    ({"conductance": Array([1, -1], "S/cm**2")}, "x.conductance", "-1 S/cm**2 is negative"),
    (
        {"conductance": {"distribution": "uniform", "low": "-1 S/cm**2", "high": "1 S/cm**2"}},
        "x.conductance",
        "-1 S/cm**2 is negative",
    ),
    ({"elsewhere": {"dend": "-1 S/cm**2"}}, "x.conductance in dend", "is negative"),
    ({"elsewhere": {"dend": "1 nS"}}, "x.conductance in dend", "nS/um**2] is needed"),
    ({"elsewhere": {"all": "1 S/cm**2"}}, "x.elsewhere", "gives 'all' again"),
    (
        {"conductance": "1 nS", "region": "soma(0.5)", "elsewhere": {"dend": "1 S/cm**2"}},
        "x.elsewhere",
        "is for densities",
    ),
    ({"conductance": "1 nS"}, "x.region", "'all' is no place: a conductance in nS is at one"),
    ({"conductance": "1 mV"}, "x.conductance", "nS/um**2] is needed"),
    ({"conductance": Array([1], "flurb")}, "x.conductance", "'flurb' is not a unit"),
    ({"region": " "}, "x.region", "is empty"),
    ({"q10": 3}, "x.q10", "needs q10_celsius"),
    ({"q10": 0, "q10_celsius": 20}, "x.q10", "> 0"),
    ({"open": "O", "scheme": None, "gates": [{"name": "m"}]}, "x.gates.0.m", "is given by nothing"),
    ({"scheme": {"transitions": ["C <-> O (1/ms, 1/ms)"]}}, "x.open", "say which state lets"),
    ({"gates": [{"name": "m", "inf": "1", "tau": "1*ms"}] * 2}, "x.m", "is the name of two things"),
    (
        {"gates": [{"name": "m", "inf": "1", "tau": "1*ms"}], "equations": "m = 1 : 1"},
        "x.m",
        "is the name of two things",
    ),
    ({"gates": [{"name": "I", "inf": "1", "tau": "1*ms"}]}, "x.I", "the channel's own I"),
    ({"equations": "reversal : mV", "parameters": {"reversal": "1 mV"}}, "x.reversal", "rename it"),
    ({"equations": "conductance = 1 : 1"}, "x.conductance", "rename it"),
    ({"equations": "dy/dt = 1/ms : 1"}, "x.y", "states are gates or a scheme"),
    ({"equations": "J : pA (input)"}, "x.J", "states are gates or a scheme"),
    ({"equations": "y : 1"}, "x.y", "the parameter has no value"),
    ({"parameters": {"y": "1"}}, "x", "there is no parameter 'y'"),
    ({"equations": "y = 1"}, "x", "is no equation"),
    (
        {"equations": "celsius : 1", "parameters": {"celsius": "1"}},
        "x.celsius",
        "reserved word of NMODL",
    ),
    ({"name": "class"}, "channel", "'class' is a reserved word of Python"),
    ({"name": "a-b"}, "channel", "is not a name"),
    ({"conductanse": "1 S/cm**2"}, "x", "did you mean 'conductance'?"),
]


@pytest.mark.parametrize(("change", "where", "words"), BAD)
def test_channels_that_are_none(change: dict[str, object], where: str, words: str) -> None:
    given = {"name": "x", "conductance": "1 S/cm**2", "reversal": "0 mV", **change}
    with pytest.raises(InputError) as caught:
        Channel(**given)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "where", "words"),
    [
        ({"valence": 0}, "ca.valence", "is 0"),
        ({"reversal": "1 mM"}, "ca.reversal", "a voltage [mV] is needed"),
        ({"inside": "0 mM"}, "ca.inside", "has to be > 0"),
        ({"outside": Array([1, -1], "mM")}, "ca.outside", "-1 mM has to be > 0"),
        (
            {"inside": "1 mM", "pool": Pool(depth="1 um", tau="1 ms")},
            "ca.inside",
            "and so is a pool",
        ),  # type: ignore[arg-type]
        ({"name": "c a"}, "ion", "is not a name"),
    ],
)
def test_ions_that_are_none(given: dict[str, object], where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Ion(**{"name": "ca", **given})  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)


def test_a_conductance_that_is_drawn_negative() -> None:
    made = Channel(name="x", reversal="0 mV", conductance=Normal(mean="1 S/cm**2", std="5 S/cm**2"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"cells\.conductance_x: -.* it has to be >= 0"):
        start(made, size=50)


def test_a_number_that_is_none_is_refused_in_a_gate() -> None:
    for inf, words in (("sqrt(-1)", "no finite"), ("1/(1 + exp(v/(0*mV)))", "division by zero")):
        gate = Gate(name="m", inf=inf, tau="1*ms")
        with pytest.raises(InputError, match=words) as caught:
            start(Channel(name="x", reversal="0 mV", conductance="1 S/cm**2", gates=(gate,)))
        assert "m.inf" in caught.value.where
