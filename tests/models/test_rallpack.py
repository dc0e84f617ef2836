"""Rallpacks 1 and 3: a passive and an active cable."""

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.cable import CableCell
from coincide.core.errors import InputError, RunError
from coincide.core.experiment import Experiment
from coincide.core.program import METHODS, Method
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.library import load_model
from coincide.models.rallpack import build_active, build_passive, steady_state


def run(experiment: Experiment, method: Method = "rk4", backend: str = "reference") -> Recording:
    return load_backend(backend).run(realize(experiment), Settings(mode="lockstep", method=method))


def ends(recording: Recording, n: int) -> np.ndarray:
    names = [f"v_cable_{k}" for k in (0, n - 1)]
    return np.array([recording.traces["cell", name].values[:, 0] for name in names])


class TestPassive:
    def test_the_published_numbers(self) -> None:
        # mV above rest at the two ends, in steady state at 0.1 nA.
        assert steady_state([0, 1]) == pytest.approx([167.18084, 108.34226], abs=5e-6)

    def test_the_cable_is_one_length_constant_long(self) -> None:
        # λ = √(d·Rm/(4·Ra)) = √(1e-6 · 4/(4 · 1)) m = 1 mm, so that v(L)/v(0) = 1/cosh 1.
        first, last = steady_state([0, 1])
        assert last / first == pytest.approx(1 / np.cosh(1), rel=1e-12)

    def test_it_comes_to_the_closed_form_with_order_two(self) -> None:
        # After 250 ms, 6 τ, e^{-6.25} of 0.2 % is still missing at the far end: both n miss the same.
        errors = []
        for n in (4, 8):
            made = build_passive("default", compartments=n).with_(duration="600 ms", dt="0.1 ms")
            found = ends(run(made), n)[:, -1] + 65
            errors.append(np.abs(found - steady_state([0.5 / n, 1 - 0.5 / n])).max())
        assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
        assert errors[1] < 0.5

    def test_its_course_is_that_of_two_modes(self) -> None:
        # After the first millisecond: e^{-t/τ}, τ = 40 ms, and e^{-t/τ_1} with τ/τ_1 = 1 + (π λ/L)².
        n = 8
        made = build_passive("default", compartments=n).with_(duration="200 ms", dt="0.1 ms")
        v = ends(run(made), n) + 65
        late = v[:, 1200:1600] - v[:, 800:1200]  # 40 ms apart: the steady state is gone
        t = np.arange(late.shape[1]) * 0.1
        slopes = [np.polyfit(t, np.log(row), 1)[0] for row in late]
        assert slopes == pytest.approx([-1 / 40] * 2, rel=1e-3)

    def test_it_starts_at_rest_and_rises(self) -> None:
        found = ends(run(build_passive("default", compartments=4).with_(duration="50 ms")), 4)
        assert (found[:, 0] == -65).all()
        assert (np.diff(found, axis=1) >= 0).all()
        assert (found[0, 1:] > found[1, 1:]).all()

    def test_a_step_too_long_for_the_scheme_is_no_result(self) -> None:
        # 50 compartments of 20 µm exchange at 125/ms: rk4 is stable up to 2.8/250 ms.
        with pytest.raises(RunError, match="try a smaller dt"):
            run(build_passive("default").with_(duration="50 ms"))


class TestActive:
    def test_the_spike_travels(self) -> None:
        n = 10
        made = build_active("default", compartments=n).with_(duration="12 ms", dt="0.01 ms")
        v = ends(run(made), n)
        times = [np.flatnonzero(row > 0)[0] * 0.01 for row in v]
        assert 0.3 < times[0] < times[1] < 8
        assert v.max() > 20

    def test_more_compartments_come_to_one_answer(self) -> None:
        times = []
        for n in (5, 10, 20):
            made = build_active("default", compartments=n).with_(duration="10 ms", dt="0.005 ms")
            row = ends(run(made), n)[1]
            k = int(np.flatnonzero(row > 0)[0])
            times.append((k - 1 + row[k - 1] / (row[k - 1] - row[k])) * 0.005)
        # The last node moves to the end as 1/(2n): of order one, its place counts with it.
        assert abs(times[2] - times[1]) < 0.7 * abs(times[1] - times[0])

    @pytest.mark.parametrize("backend", ["brian2", "neuron", "pymonntorch"])
    @pytest.mark.parametrize("method", METHODS)
    def test_lockstep_is_the_reference_to_round_off(self, backend: str, method: Method) -> None:
        made = build_active("default", compartments=3).with_(duration="6 ms", dt="0.01 ms")
        one, two = run(made, method), run(made, method, backend)
        assert np.array_equal(one.spikes["cell"].times, two.spikes["cell"].times)
        assert len(one.spikes["cell"].times) >= 1
        assert np.abs(ends(one, 3) - ends(two, 3)).max() < 1e-9


def test_the_library_has_both() -> None:
    for name, states in (("rallpack1", 50), ("rallpack3", 200)):
        model = load_model(name).neurons("cell").model
        assert isinstance(model, CableCell)
        assert len([v for v in model.variables if v.kind == "state"]) == states


@pytest.mark.parametrize("build", [build_passive, build_active])
@pytest.mark.parametrize("compartments", [1, 0, -3])
def test_a_cable_of_one_compartment_is_none(build, compartments: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="is no cable; it needs 2 or more"):
        build("default", compartments=compartments)
