"""The implicit step of a tree against dense linear algebra, and its order."""

import numpy as np
import pytest

from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel
from coincide.core.discretisation import FixedSegments
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput
from coincide.core.morphology import Morphology, Section
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.core.units import Quantity
from coincide.models.library import load_model

LEAK = Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV")


def star(segments: int) -> CableCell:
    """Three branches that meet in a point without membrane, which couples all its arms."""
    um = lambda x: Quantity(x, "um")  # noqa: E731
    sections = [Section(name="trunk", length=um(100), diameter=um(3))]
    sections += [
        Section(name=name, parent="trunk", length=um(length), diameter=um(1.5))
        for name, length in (("left", 150), ("right", 80), ("third", 60))
    ]
    return CableCell(
        name="star",
        morphology=Morphology(sections=tuple(sections)),
        channels=(LEAK,),
        discretisation=FixedSegments(segments=segments),
        spike_threshold=None,
    )


@pytest.mark.parametrize("segments", [1, 2, 5])
def test_a_step_solves_the_linear_system(segments: int) -> None:
    cell = star(segments)
    lowered, dt, current = cell.lowered, 0.1, 20.0
    n = len(lowered.compartments)
    names = tuple(lowered.potential(k) for k in range(n))
    experiment = Experiment(
        name="step",
        populations=(Population(name="p", model=cell, size=1),),
        inputs=(
            ConstantInput(name="i", population="p", port="left(1)", amplitude=f"{current} pA"),
        ),
        records=(Record(population="p", variables=names),),
        duration="5 ms",
        dt=f"{dt} ms",
    )
    found = ReferenceBackend().run(realize(experiment), Settings(method="exponential_euler"))
    areas = np.array([c.area for c in lowered.compartments])
    capacitance, leak = 0.01 * areas, 1e-3 * areas  # pF, nS
    exchange = np.zeros((n, n))  # nS
    for c in lowered.cut.couplings:
        # Ra of 100 Ω cm is 1e-3 GΩ µm.
        for k, j in ((c.first, c.second), (c.second, c.first)):
            exchange[k, j] += c.shape / 1e-3
            exchange[k, k] -= c.shape / 1e-3
    jacobian = (exchange - np.diag(leak)) / capacitance[:, None]
    drive = np.zeros(n)
    drive[lowered.at("left(1)", "")] = current
    v = np.full(n, -65.0)
    for step in range(1, 51):
        rate = (exchange @ v - leak * (v + 65.0) + drive) / capacitance
        v = v + np.linalg.solve(np.eye(n) - dt * jacobian, dt * rate)
        got = [found.traces["p", name].values[step, 0] for name in names]
        assert got == pytest.approx(v, abs=1e-10)


def test_a_finely_cut_cable_is_followed_with_order_1_in_the_step() -> None:
    """Where compartments exchange 62 times a ms, a step of 0.05 ms that held neighbours was far off."""
    errors = []
    for dt in ("0.1 ms", "0.05 ms", "0.025 ms"):
        realization = realize(
            load_model("rallpack1", compartments=50).with_(dt=dt, duration="10 ms")
        )
        ours = ReferenceBackend().run(realization, Settings(method="exponential_euler"))
        exact = OracleBackend().run(realization, Settings(mode="aligned"))
        key = ("cell", "v_cable_49")
        errors.append(np.abs(ours.traces[key].values - exact.traces[key].values).max())
    ratios = np.array(errors[:-1]) / errors[1:]
    assert errors[0] < 0.2
    assert ratios == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("backend", ["brian2", "neuron", "pymonntorch"])
def test_every_backend_takes_the_same_step(backend: str) -> None:
    from coincide.backends.registry import is_installed, load_backend

    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    experiment = load_model("rallpack3", compartments=6).with_(duration="6 ms")
    realization = realize(experiment)
    settings = Settings(mode="lockstep")
    expected = ReferenceBackend().run(realization, settings)
    found = load_backend(backend).run(realization, settings)
    assert expected.spikes["cell"].times.size == 1
    assert found.spikes["cell"].times == pytest.approx(expected.spikes["cell"].times, abs=1e-9)
    for key, trace in expected.traces.items():
        scale = np.ptp(trace.values)
        assert np.abs(found.traces[key].values - trace.values).max() < 1e-12 * scale
