"""Brian2 with cable cells of one compartment: a NeuronGroup of the lowered equations."""

from __future__ import annotations

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.errors import RunError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import StepInput
from coincide.core.kinetics import Gate
from coincide.core.morphology import cylinder
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, Projection
from coincide.core.realize import realize
from coincide.core.receptors import ExponentialConductance
from coincide.core.settings import Settings
from coincide.models.purkinje_khaliq2003 import build

pytest.importorskip("brian2")

BRIAN2 = load_backend("brian2")
REFERENCE = load_backend("reference")
ORACLE = load_backend("oracle")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    # Cold, so that short runs are NumPy's whatever this machine compiled before.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def purkinje(**changes):
    return realize(build("wild_type").with_(**changes))


def assert_coincide(recording, expected, relative=1e-9):
    """The same spikes, and traces within round-off of their range."""
    for name, spikes in expected.spikes.items():
        assert np.array_equal(recording.spikes[name].times, spikes.times)
        assert np.array_equal(recording.spikes[name].cells, spikes.cells)
    for key, trace in expected.traces.items():
        scale = np.ptp(trace.values) or 1.0
        assert np.max(np.abs(recording.traces[key].values - trace.values)) <= relative * scale


# The steps at which each scheme is stable: the fastest rate is 2,500/ms.
@pytest.mark.parametrize(
    ("method", "dt", "duration"),
    [
        ("exponential_euler", "0.01 ms", "10.5 ms"),
        ("rk4", "0.001 ms", "0.3 ms"),
        ("euler", "0.0005 ms", "0.15 ms"),
    ],
)
def test_lockstep_is_the_reference_to_round_off(method, dt, duration):
    realization = purkinje(dt=dt, duration=duration)
    expected = REFERENCE.run(realization, Settings(method=method))
    assert len(expected.spikes["purkinje"]) == (1 if duration == "10.5 ms" else 0)
    assert_coincide(BRIAN2.run(realization, Settings(method=method)), expected)


def test_aligned_exponential_euler_is_the_scheme_of_lockstep():
    # What is constant over a step for Brian2 is what lockstep holds, GHK current and pool, and a pool at
    # its floor, where the slope is 0, stays there: the same formula, rounded otherwise.
    realization = purkinje(duration="3 ms")
    recording = BRIAN2.run(realization, Settings(mode="aligned"))
    assert recording.provenance["method"] == "exponential_euler"
    assert_coincide(recording, REFERENCE.run(realization, Settings()))


def test_aligned_converges_to_the_oracle_with_order_1():
    expected = ORACLE.run(purkinje(duration="4 ms"), Settings(mode="aligned"))
    errors = []
    for dt, every in (("0.02 ms", 1), ("0.01 ms", 2)):
        recording = BRIAN2.run(purkinje(duration="4 ms", dt=dt), Settings(mode="aligned"))
        v = recording.traces["purkinje", "v"].values[::every]
        errors.append(np.max(np.abs(v - expected.traces["purkinje", "v"].values[::2])))
    # Order 1, and its next term at steps that are large beside the fastest time constant of 0.4 µs.
    assert 1.6 < errors[0] / errors[1] < 2.4


def test_raw_takes_exponential_euler_as_the_examples_do():
    recording = BRIAN2.run(purkinje(duration="10.5 ms"), Settings(mode="raw"))
    assert recording.provenance["method"] == "exponential_euler"
    aligned = REFERENCE.run(purkinje(duration="10.5 ms"), Settings())
    # Its own stamp: the start of the step.
    stamp = aligned.spikes["purkinje"].times - recording.spikes["purkinje"].times
    assert stamp == pytest.approx([0.01], abs=1e-9)


def test_a_method_that_is_not_stable_ends_in_a_failure():
    with pytest.raises(RunError, match=r"purkinje\.(v|cai) of cell 0 is (nan|-?inf) from"):
        BRIAN2.run(purkinje(duration="1 ms"), Settings(mode="raw", method="euler"))


LEAK = Channel(name="leak", conductance="0.3 mS/cm**2", reversal="-65 mV")
CA = Channel(
    name="cap",
    ion="ca",
    permeability="1e-4 cm/s",
    gates=(Gate(name="m", inf="1/(1 + exp(-(v + 25*mV)/(6*mV)))", tau="0.5*ms"),),
)


def pool_cell(rest, floor="1e-4 mM", permeability="0 cm/s"):
    fields = {name: getattr(CA, name) for name in Channel.model_fields}
    pool = Pool(depth="0.1 um", tau="5 ms", rest=rest, floor=floor)
    return CableCell(
        name="cell",
        morphology=cylinder("20 um", "20 um"),
        channels=(Channel(**{**fields, "permeability": permeability}), LEAK),
        ions=(Ion(name="ca", valence=2, outside="2 mM", pool=pool),),
        v_initial="-65 mV",
    )


@pytest.mark.parametrize("mode", ["raw", "aligned"])
def test_a_pool_at_its_floor_stays_there(mode):
    # Its rest is below its floor: Brian2's own step divides by a slope of 0.
    cell = pool_cell(rest="5e-5 mM")
    experiment = Experiment(
        name="floor",
        populations=(Population(name="cell", model=cell, size=2),),
        records=(Record(population="cell", variables=("cai", "v")),),
        duration="2 ms",
    )
    recording = BRIAN2.run(realize(experiment), Settings(mode=mode))
    assert np.all(recording.traces["cell", "cai"].values == 1e-4)


def test_what_is_held_is_so_for_exponential_euler_only():
    # A Runge-Kutta step with the calcium current held would be of order 1.
    cell = pool_cell(rest="2e-4 mM", permeability="1e-3 cm/s")
    experiment = Experiment(
        name="held",
        populations=(Population(name="cell", model=cell, size=1),),
        inputs=(StepInput(name="step", population="cell", amplitude="300 pA"),),
        records=(Record(population="cell", variables=("v", "cai")),),
        duration="5 ms",
        dt="0.02 ms",
    )
    realization = realize(experiment)
    expected = REFERENCE.run(realization, Settings(method="rk4"))
    held = REFERENCE.run(realization, Settings())
    apart = np.max(np.abs(held.traces["cell", "v"].values - expected.traces["cell", "v"].values))
    assert apart > 1e-3
    recording = BRIAN2.run(realization, Settings(mode="aligned", method="rk4"))
    assert_coincide(recording, expected)


def test_a_channel_that_is_blocked_altogether_divides_nothing_by_zero():
    experiment = Experiment(
        name="blocked",
        populations=(
            Population(
                name="cell",
                model=pool_cell(rest="2e-4 mM"),
                size=1,
                parameters={"conductance_leak": "0 S/cm**2"},
            ),
        ),
        inputs=(StepInput(name="step", population="cell", amplitude="10 pA"),),
        records=(Record(population="cell", variables=("v",)),),
        duration="2 ms",
    )
    recording = BRIAN2.run(realize(experiment), Settings(mode="aligned"))
    # A capacitor of 4π pF: dv/dt = 10 pA/12.566 pF.
    v = recording.traces["cell", "v"].values[:, 0]
    assert v[-1] == pytest.approx(-65 + 20 / (4 * np.pi), abs=1e-9)


POINT = NeuronModel(
    name="LIF",
    equations="dv/dt = (-65*mV - v + R*I)/(10*ms) : mV\nI : pA (input)\nR : GOhm",
    threshold="v > -60*mV",
    reset="v = -65*mV",
    parameters={"R": "0.1 GOhm"},
    initial={"v": "-65 mV"},
)


def mixed():
    """Point neurons and one-compartment cable cells in a circle, with given spikes at both."""
    excite = ExponentialConductance(tau="3 ms", reversal="0 mV")
    inhibit = ExponentialConductance(tau="5 ms", reversal="-85 mV", port="I")
    return realize(
        Experiment(
            name="mixed",
            populations=(
                Population(
                    name="cable",
                    model=build("wild_type").populations[0].model,
                    size=2,
                    receptors={
                        "exc": ExponentialConductance(tau="3 ms", reversal="0 mV", port="I"),
                        "inh": inhibit,
                    },
                ),
                Population(name="point", model=POINT, size=3, receptors={"exc": excite}),
                SpikeTrains(name="given", times=[[1, 1, 2], [3, 3.5]]),
            ),
            projections=tuple(
                Projection(
                    name=f"{source}_{target}",
                    source=source,
                    target=target,
                    receptor=receptor,
                    rule=AllToAll(),
                    weight=weight,
                    delay="0.5 ms",
                )
                for source, target, receptor, weight in (
                    ("given", "cable", "exc", "8 nS"),
                    ("given", "point", "exc", "3 nS"),
                    ("cable", "point", "exc", "5 nS"),
                    ("point", "cable", "inh", "2 nS"),
                )
            ),
            records=(
                Record(population="cable", variables=("v", "g_inh", "cai")),
                Record(population="point", variables=("v",)),
            ),
            duration="8 ms",
            dt="0.01 ms",
        )
    )


def test_cable_cells_and_point_neurons_in_one_network():
    realization = mixed()
    expected = REFERENCE.run(realization, Settings())
    assert len(expected.spikes["cable"]) >= 2
    assert len(expected.spikes["point"]) >= 3
    assert_coincide(BRIAN2.run(realization, Settings()), expected)
    aligned = BRIAN2.run(realization, Settings(mode="aligned", method="exponential_euler"))
    assert_coincide(aligned, expected)


def test_cython_is_taken_when_it_pays():
    from coincide.backends.brian2 import backend

    if backend.compiler_missing():
        pytest.skip("there is no compiler")
    for mode in ("raw", "aligned", "lockstep"):
        # 100,000 steps take a minute with NumPy, and compiling some 20 s.
        prepared = backend._prepare(purkinje(duration="1000 ms"), Settings(mode=mode))
        assert prepared.target == "cython"
        prepared = backend._prepare(purkinje(duration="20 ms"), Settings(mode=mode))
        assert prepared.target == "numpy"


@pytest.mark.slow
def test_cython_is_the_reference_to_round_off():
    realization = purkinje(duration="60 ms")
    recording = BRIAN2.run(realization, Settings(target="cython"))
    assert_coincide(recording, REFERENCE.run(realization, Settings()))
