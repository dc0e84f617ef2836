"""The squid axon: the formulas of 1952, its spike times, and the same on every backend."""

import ast

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.errors import InputError
from coincide.core.inlining import inlined, inlined_rates
from coincide.core.numpy_code import evaluate
from coincide.core.program import METHODS, Method
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.library import load_model

# Upward crossings of 10 mV, from an adaptive solver at a tolerance of 1e-10 and from another program.
CROSSINGS = (11.93373489, 26.85272802, 41.48853869)


def run(
    backend: str, method: Method, dt: str, duration: str, variant: str = "default"
) -> Recording:
    made = load_model("hh_squid", variant).with_(dt=dt, duration=duration)
    return load_backend(backend).run(realize(made), Settings(mode="lockstep", method=method))


def crossings(recording: Recording, level: float = 10.0) -> np.ndarray:
    """Times at which v rises above a level, linear between samples."""
    v = recording.traces["axon", "v"].values[:, 0]
    k = np.flatnonzero((v[:-1] <= level) & (v[1:] > level))
    return np.asarray((k + (level - v[k]) / (v[k + 1] - v[k])) * recording.dt_ms)


V = np.array([-100.0, -65.0, -55.0, -40.0, 0.0, 60.0])


class TestFormulas:
    """Hodgkin & Huxley 1952, with v as today and rates of 6.3 °C."""

    def test_rates(self) -> None:
        cell = realize(load_model("hh_squid")).populations["axon"]

        def value(name: str) -> np.ndarray:
            tree = inlined(cell.cell, ast.Name(id=name))
            return np.asarray(evaluate(tree, {**cell.parameters, **cell.initial, "v": V}))

        with np.errstate(invalid="ignore"):
            alpha_m = np.where(V == -40, 1.0, 0.1 * (V + 40) / (1 - np.exp(-(V + 40) / 10)))
            alpha_n = np.where(V == -55, 0.1, 0.01 * (V + 55) / (1 - np.exp(-(V + 55) / 10)))
        assert value("alpha_m_sodium") == pytest.approx(alpha_m, rel=1e-12)
        assert value("beta_m_sodium") == pytest.approx(4 * np.exp(-(V + 65) / 18), rel=1e-12)
        assert value("alpha_h_sodium") == pytest.approx(0.07 * np.exp(-(V + 65) / 20), rel=1e-12)
        assert value("beta_h_sodium") == pytest.approx(1 / (1 + np.exp(-(V + 35) / 10)), rel=1e-12)
        assert value("alpha_n_potassium") == pytest.approx(alpha_n, rel=1e-12)
        assert value("beta_n_potassium") == pytest.approx(0.125 * np.exp(-(V + 65) / 80), rel=1e-12)

    def test_the_membrane(self) -> None:
        # 1e-4 cm²: C 100 pF, gNa 12000, gK 3600, gL 30 nS.
        cell = realize(load_model("hh_squid")).populations["axon"]
        m, h, n = 0.3, 0.4, 0.5
        states = {"v": V, "m_sodium": m, "h_sodium": h, "n_potassium": n, "I_current": 1000.0}
        found = evaluate(inlined_rates(cell.cell)["v"], {**cell.parameters, **states})
        current = 12000 * m**3 * h * (V - 50) + 3600 * n**4 * (V + 77) + 30 * (V + 54.3)
        # The length is given to 7 digits, so that the area is 1e-4 cm² to as many.
        assert found == pytest.approx((1000 - current) / 100, rel=1e-5)

    def test_it_starts_with_gates_at_their_steady_state(self) -> None:
        start = realize(load_model("hh_squid")).populations["axon"].initial
        found = [start[n][0] for n in ("v", "m_sodium", "h_sodium", "n_potassium")]
        assert found == pytest.approx([-65, 0.0529324853, 0.5961207535, 0.3176769141], abs=1e-9)


class TestSpikes:
    def test_they_come_when_they_should(self) -> None:
        found = crossings(run("reference", "rk4", "0.005 ms", "43 ms"))
        # Linear between samples: the third is the least steep, (dt²/8)·v''/v' is about 1e-5 ms.
        assert found == pytest.approx(CROSSINGS, abs=1e-4)

    def test_the_error_of_exponential_euler_halves_with_the_step(self) -> None:
        late = [
            crossings(run("reference", "exponential_euler", dt, "13 ms"))[0] - CROSSINGS[0]
            for dt in ("0.02 ms", "0.01 ms", "0.005 ms")
        ]
        assert np.divide(late[:-1], late[1:]) == pytest.approx([2, 2], abs=0.2)

    def test_seven_in_a_hundred_milliseconds(self) -> None:
        assert len(run("reference", "rk4", "0.01 ms", "100 ms").spikes["axon"].times) == 7

    def test_no_spike_without_current(self) -> None:
        made = load_model("hh_squid").with_(duration="20 ms", dt="0.02 ms", inputs=())
        backend = load_backend("reference")
        found = backend.run(realize(made), Settings(mode="lockstep", method="rk4"))
        assert len(found.spikes["axon"].times) == 0
        assert np.ptp(found.traces["axon", "v"].values) < 0.1


@pytest.mark.parametrize("backend", ["brian2", "neuron", "pymonntorch"])
@pytest.mark.parametrize("method", METHODS)
def test_lockstep_is_the_reference_to_round_off(backend: str, method: Method) -> None:
    one = run("reference", method, "0.02 ms", "30 ms")
    two = run(backend, method, "0.02 ms", "30 ms")
    assert len(one.spikes["axon"].times) == 2
    assert np.array_equal(one.spikes["axon"].times, two.spikes["axon"].times)
    for key, trace in one.traces.items():
        other = two.traces[key].values
        assert trace.values.shape == other.shape
        # Rounding of 1e-16 grows by the spikes' slopes: measured 1e-11 mV and below.
        scale = 100.0 if key[1] == "v" else 1.0
        assert np.abs(trace.values - other).max() < 1e-11 * scale, key


def test_the_variant_with_neurons_own_mechanism_is_the_same_model_elsewhere() -> None:
    one = run("reference", "exponential_euler", "0.02 ms", "15 ms")
    two = run("reference", "exponential_euler", "0.02 ms", "15 ms", "built_in")
    assert np.array_equal(one.traces["axon", "v"].values, two.traces["axon", "v"].values)


def test_variants_that_are_not_there() -> None:
    with pytest.raises(InputError, match="built_in"):
        load_model("hh_squid", "builtin")
