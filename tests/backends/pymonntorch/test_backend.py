from __future__ import annotations

import resource
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from pymonntorch import Behavior, EventRecorder, Network, NeuronGroup, Recorder, SynapseGroup

from coincide.backends.pymonntorch import backend
from coincide.backends.pymonntorch.backend import PymoNNtorchBackend
from coincide.backends.reference import ReferenceBackend
from coincide.backends.watch import Watch
from coincide.core.errors import RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, StepInput, TimeSeriesInput, WhiteNoiseInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import PoissonSource, Population, SpikeTrains
from coincide.core.projections import Explicit, FixedInDegree, FixedProbability, Projection
from coincide.core.realize import realize
from coincide.core.receptors import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
)
from coincide.core.settings import Settings
from coincide.core.values import Array, Normal, Uniform

METHODS = ("euler", "exponential_euler", "rk4")
BACKEND = PymoNNtorchBackend()

LIF = NeuronModel(
    name="LIF",
    equations="""
        dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)
        I : pA (input)
        E_L : mV
        R : GOhm
        tau : ms
    """,
    threshold="v > -50*mV",
    reset="v = E_L",
    refractory="2 ms",
    parameters={"E_L": "-65 mV", "R": "0.08 GOhm", "tau": "20 ms"},
    initial={"v": "E_L"},
)


def everything() -> Experiment:
    """All receptor kinds, given and Poisson spikes with coincidences, delays, refractoriness, inputs."""
    receptors = {
        "current": ExponentialCurrent(tau="3 ms"),
        "alpha": AlphaCurrent(tau="2 ms"),
        "ampa": ExponentialConductance(tau="5 ms", reversal="0 mV"),
        "slow": AlphaConductance(tau="4 ms", reversal="0 mV"),
        "gaba": DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"),
        "nmda": NMDA(tau="60 ms"),
        "kick": Delta(),
    }
    some = FixedProbability(p=0.4)
    weights = {
        "current": "10 pA",
        "alpha": "10 pA",
        "ampa": "0.3 nS",
        "slow": "0.3 nS",
        "nmda": "0.2 nS",
        "kick": "0.5 mV",
    }
    return Experiment(
        name="everything",
        populations=[
            Population(
                name="cells",
                model=LIF,
                size=30,
                receptors=receptors,
                initial={"v": Uniform(low="-65 mV", high="-49 mV")},
            ),
            PoissonSource(name="poisson", size=20, rate="60 Hz"),
            # Three spikes of one cell in one step, spikes at 0 and at the end of the run.
            SpikeTrains(name="given", times=[[10, 10, 10, 20], [0, 55.5, 150], [30.04, 30.0]]),
        ],
        projections=[
            *(
                Projection(
                    source="poisson", target="cells", receptor=name, rule=some, weight=weight,
                    delay=Uniform(low="0.3 ms", high="4 ms") if name == "ampa" else "1.5 ms",
                )
                for name, weight in weights.items()
            ),
            Projection(
                source="given", target="cells", receptor="ampa", rule=some, weight="1 nS",
                delay="0.1 ms",
            ),
            Projection(
                source="cells", target="cells", receptor="gaba", rule=FixedInDegree(n=4),
                weight=Normal(mean="1 nS", std="0.1 nS"), delay=Uniform(low="0.1 ms", high="3 ms"),
            ),
        ],
        inputs=[
            ConstantInput(name="bias", population="cells", amplitude=Uniform(low="150 pA", high="250 pA")),
            StepInput(name="step", population="cells", amplitude="50 pA", start="20 ms", stop="70 ms"),
            WhiteNoiseInput(
                name="noise", population="cells", mean="0 pA", std="40 pA", interval="0.5 ms"
            ),
            TimeSeriesInput(
                name="series", population="cells", values=[0.0, 30.0, -20.0, 10.0], unit="pA",
                interval="25 ms", cells=[0, 1, 2, 5],
            ),
        ],
        records=[
            Record(population="cells", variables=["v", "g_ampa", "rise_gaba"]),
            Record(population="cells", variables=["current_current"], cells=[7, 3]),
        ],
        duration="150 ms",
    )  # fmt: skip


IZHIKEVICH = NeuronModel(
    name="Izhikevich",
    equations="""
        dv/dt = (0.04*(v/mV)**2 + 5*v/mV + 140 - u/mV + I/pA)*mV/ms : mV
        du/dt = a*(b*v - u) : mV
        I : pA (input)
        a : 1/ms
        b : 1
        d : mV
    """,
    threshold="v >= 30*mV",
    reset="v = -65*mV; u += d",
    parameters={"a": "0.02 1/ms", "b": 0.2, "d": Uniform(low="2 mV", high="8 mV")},
    initial={"v": "-65 mV", "u": "b*v"},
)


def izhikevich() -> Experiment:
    """A reset that adds to what is there, with a parameter per cell; no refractoriness."""
    return Experiment(
        name="izhikevich",
        populations=[
            Population(name="cells", model=IZHIKEVICH, size=12, receptors={"kick": Delta()})
        ],
        projections=[
            Projection(
                source="cells",
                target="cells",
                receptor="kick",
                rule=FixedInDegree(n=3),
                weight="2 mV",
                delay="1 ms",
            )
        ],
        inputs=[
            ConstantInput(
                name="drive", population="cells", amplitude=Uniform(low="5 pA", high="15 pA")
            )
        ],
        records=[Record(population="cells", variables=["v", "u"])],
        duration="200 ms",
        dt="0.1 ms",
    )


def oscillator() -> Experiment:
    """Spikes as upward crossings; a rate that is the bare name of a state that moves before it."""
    model = NeuronModel(
        name="Oscillator",
        equations="""
            dy/dt = z : 1/ms
            dx/dt = y : 1
            z = -omega**2*x : 1/ms**2
            omega : 1/ms
        """,
        threshold="x > 0.5",
        parameters={"omega": Uniform(low="0.3 1/ms", high="0.6 1/ms")},
        initial={"x": 1.0},
    )
    return Experiment(
        name="oscillator",
        populations=[Population(name="cells", model=model, size=5)],
        records=[Record(population="cells", variables=["x", "y"])],
        duration="80 ms",
    )


CASES = {"everything": everything, "izhikevich": izhikevich, "oscillator": oscillator}


def assert_round_off(expected, found, tolerance=1e-9) -> None:
    for name, spikes in expected.spikes.items():
        assert len(spikes) > 20, "a comparison without spikes shows nothing"
        assert len(found.spikes[name]) == len(spikes)
        np.testing.assert_array_equal(found.spikes[name].times, spikes.times)
        np.testing.assert_array_equal(found.spikes[name].cells, spikes.cells)
    assert found.traces.keys() == expected.traces.keys()
    for key, trace in expected.traces.items():
        extent = np.ptp(trace.values)
        assert extent > 0
        assert np.abs(found.traces[key].values - trace.values).max() <= tolerance * extent, key
        assert found.traces[key].unit == trace.unit
        np.testing.assert_array_equal(found.traces[key].times, trace.times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_lockstep_is_the_reference_to_round_off(case, method):
    realization = realize(CASES[case]())
    settings = Settings(method=method)
    assert_round_off(
        ReferenceBackend().run(realization, settings), BACKEND.run(realization, settings)
    )


@pytest.mark.parametrize("case", CASES)
def test_the_path_of_other_devices_gives_the_same(case):
    """What CUDA runs, on the CPU: tensors only, no view of NumPy into them."""
    realization = realize(CASES[case]())
    with torch.inference_mode():
        model = backend._Model(realization, Settings(), host=False)
        model.run(Watch("pymonntorch", realization, lambda fraction: None))
        found = backend.Recording(**model.recording())
    assert_round_off(BACKEND.run(realization, Settings()), found)


def test_many_spikes_at_once_take_another_path_than_few():
    """More cells fire in one step than are sent one by one."""
    experiment = Experiment(
        name="volley",
        populations=[
            Population(
                name="cells", model=LIF, size=40, receptors={"exc": ExponentialCurrent(tau="3 ms")}
            ),
            SpikeTrains(name="given", times=[[1.0, 1.0, 7.0]] * 30),
        ],
        projections=[
            Projection(
                name=name,
                source="given",
                target="cells",
                receptor="exc",
                rule=FixedProbability(p=0.5),
                weight=weight,
                delay=delay,
            )
            for name, weight, delay in (
                ("equal", "30 pA", "2 ms"),
                ("drawn", Normal(mean="30 pA", std="5 pA"), Uniform(low="1 ms", high="3 ms")),
            )
        ],
        records=[Record(population="cells", variables=["v"])],
        duration="30 ms",
    )
    realization = realize(experiment)
    expected = ReferenceBackend().run(realization, Settings())
    assert_round_off(expected, BACKEND.run(realization, Settings()))
    with torch.inference_mode():
        model = backend._Model(realization, Settings(), host=False)
        model.run(Watch("pymonntorch", realization, lambda fraction: None))
        assert_round_off(expected, backend.Recording(**model.recording()))


def test_the_keys_of_the_behaviours_are_the_clock_contract():
    realization = realize(everything())
    with torch.inference_mode():
        aligned = backend._Model(realization, Settings(mode="aligned")).network
        raw = backend._Model(realization, Settings(mode="raw")).network

    def order(network):
        names = [type(b).__name__ for _, _, b in network.sorted_behavior_execution_list]
        return list(dict.fromkeys(names))

    begin = ["KeepTime", "HoldInputs", "SendSpikes", "Receive", "Fire", "GiveSpikes"]
    assert order(aligned) == [*begin, "Sample", "Integrate"]
    assert order(raw) == [*begin, "Integrate", "Sample"]
    assert type(aligned).__module__ == "pymonntorch.NetworkCore.Network"


# What raw is: the model as a user of PymoNNtorch types it in.

DT, DELAY, T_REF, ONSET = 0.1, 12, 20, 5.0
PRE, POST = (0, 0, 1, 3, 4), (1, 2, 3, 0, 2)


class Drive(Behavior):
    def initialize(self, n):
        n.drive = n.vector()

    def forward(self, n):
        n.drive.fill_(400.0 if n.iteration * DT >= ONSET - 1e-9 else 0.0)


class Cell(Behavior):
    """Threshold, reset, forward Euler: the order of the examples in PymoNNtorch's manual."""

    def initialize(self, n):
        n.v = torch.tensor([-65.0, -60.0, -58.0, -55.0, -49.0], dtype=n.def_dtype)
        n.current = n.vector()
        n.spikes = n.vector(dtype=torch.bool)
        n.count = n.vector(dtype=torch.int32)

    def forward(self, n):
        n.spikes = (n.v > -50.0) & (n.count == 0)
        n.v[n.spikes] = -65.0
        n.count[n.spikes] = T_REF
        dv = (-65.0 - n.v + 0.08 * (n.drive + n.current)) / 20.0 * (n.count == 0)
        dcurrent = -n.current / 5.0
        n.v += dv * DT
        n.current += dcurrent * DT
        n.count = torch.clamp(n.count - 1, min=0)


class Synapse(Behavior):
    def initialize(self, s):
        s.W = s.matrix("zeros")
        s.W[PRE, POST] = 60.0
        s.buffer = s.src.vector_buffer(DELAY, dtype=torch.bool)

    def forward(self, s):
        s.buffer = s.buffer_roll(s.buffer, s.src.spikes)
        s.dst.current += torch.sum(s.W[s.buffer[-1]], dim=0)


def by_hand(n_steps):
    net = Network()
    cells = NeuronGroup(
        net=net,
        size=5,
        tag="cells",
        behavior={
            1: Drive(),
            4: Cell(),
            9: Recorder(["v", "current"]),
            10: EventRecorder(["spikes"]),
        },
    )
    SynapseGroup(net=net, src=cells, dst=cells, tag="GLU", behavior={2: Synapse()})
    net.initialize(info=False)
    net.simulate_iterations(n_steps, measure_block_time=False)
    return (
        net["spikes.t", 0].numpy() * DT,
        net["spikes.i", 0].numpy(),
        net["v", 0].numpy(),
        net["current", 0].numpy(),
    )


def same_model() -> Experiment:
    return Experiment(
        name="by_hand",
        populations=[
            Population(
                name="cells",
                model=LIF,
                size=5,
                receptors={"exc": ExponentialCurrent(tau="5 ms")},
                initial={"v": Array([-65.0, -60.0, -58.0, -55.0, -49.0], unit="mV")},
            )
        ],
        projections=[
            Projection(
                source="cells",
                target="cells",
                receptor="exc",
                rule=Explicit(pre=PRE, post=POST),
                weight="60 pA",
                delay=f"{DELAY * DT} ms",
            )
        ],
        inputs=[
            StepInput(name="step", population="cells", amplitude="400 pA", start=f"{ONSET} ms")
        ],
        records=[Record(population="cells", variables=["v", "current_exc"])],
        duration="100 ms",
    )


def test_raw_is_the_model_typed_in_by_hand():
    times, cells, v, current = by_hand(1000)
    found = BACKEND.run(realize(same_model()), Settings(mode="raw"))
    order = np.lexsort((cells, times))
    assert times.size > 15
    np.testing.assert_allclose(found.spikes["cells"].times, times[order], atol=1e-9)
    np.testing.assert_array_equal(found.spikes["cells"].cells, cells[order])
    for name, values in (("v", v), ("current_exc", current)):
        trace = found.traces["cells", name]
        assert trace.start_ms == DT
        assert trace.values.shape == values.shape
        # float32 on both sides, whose last digit is 4e-6 at 65 mV and 6e-6 at 100 pA.
        np.testing.assert_allclose(trace.values, values, atol=1e-4)
        assert np.ptp(values) > 10.0


def test_raw_with_everything_undone_is_the_contract():
    realization = realize(everything())
    undone = tuple(c.name for c in BACKEND.conventions)
    found = BACKEND.run(realization, Settings(mode="raw", undone=undone))
    expected = ReferenceBackend().run(realization, Settings(method="euler"))
    assert_round_off(expected, found)


@pytest.mark.parametrize("name", [c.name for c in BACKEND.conventions])
def test_each_convention_can_be_undone_alone_and_matters(name):
    realization = realize(conventional())
    raw = BACKEND.run(realization, Settings(mode="raw"))
    one = BACKEND.run(realization, Settings(mode="raw", undone=(name,)))
    same = all(
        a.times.size == b.times.size and np.array_equal(a.times, b.times)
        for a, b in zip(raw.spikes.values(), one.spikes.values(), strict=True)
    ) and all(np.array_equal(a.values, one.traces[key].values) for key, a in raw.traces.items())
    assert not same


def conventional() -> Experiment:
    """Two cells in which every convention shows: ties in times, a given spike, a step of input."""
    return Experiment(
        name="conventional",
        populations=[
            Population(
                name="cells",
                model=LIF.model_copy(update={"refractory": "2.25 ms"}),
                size=2,
                receptors={"exc": ExponentialCurrent(tau="5 ms")},
                initial={"v": "-49.5 mV"},
            ),
            SpikeTrains(name="given", times=[[0.0, 10.0]]),
        ],
        projections=[
            Projection(
                source="given",
                target="cells",
                receptor="exc",
                rule=Explicit(pre=[0], post=[1]),
                weight="600 pA",
                delay="1.25 ms",
            )
        ],
        inputs=[StepInput(name="step", population="cells", amplitude="300 pA", start="20 ms")],
        records=[Record(population="cells", variables=["v", "current_exc"])],
        duration="40 ms",
        dt="0.5 ms",
    )


def first_change(trace, cell=1):
    values = trace.values[:, cell]
    return trace.times[np.flatnonzero(values != values[0])[0]]


def given_spike() -> Experiment:
    """A given spike at 10 ms over 2 ms to cells at rest, and a step of input at 30 ms to cell 0."""
    return Experiment(
        name="given_spike",
        populations=[
            Population(
                name="cells", model=LIF, size=2, receptors={"exc": ExponentialCurrent(tau="5 ms")}
            ),
            SpikeTrains(name="given", times=[[0.0, 10.0]]),
        ],
        projections=[
            Projection(
                source="given",
                target="cells",
                receptor="exc",
                rule=Explicit(pre=[0], post=[1]),
                weight="10 pA",
                delay="2 ms",
            )
        ],
        inputs=[
            StepInput(name="step", population="cells", amplitude="100 pA", start="30 ms", cells=[0])
        ],
        records=[Record(population="cells", variables=["v", "current_exc"])],
        duration="50 ms",
    )


def test_time_is_iteration_times_dt_for_inputs_and_sources():
    experiment = given_spike()
    experiment = Experiment.from_dict(
        {
            **experiment.to_dict(),
            "populations": [
                experiment.to_dict()["populations"][0],
                SpikeTrains(name="given", times=[[10.0]]).model_dump(mode="json"),
            ],
        }
    )
    realization = realize(experiment)
    expected = {"raw": (12.0, 30.0), "aligned": (12.1, 30.1)}
    for mode, (spike, step) in expected.items():
        v = BACKEND.run(realization, Settings(mode=mode)).traces["cells", "v"]
        assert first_change(v, cell=1) == pytest.approx(spike)
        assert first_change(v, cell=0) == pytest.approx(step)
    undone = Settings(mode="raw", undone=("source_delivery",))
    v = BACKEND.run(realization, undone).traces["cells", "v"]
    assert first_change(v, cell=1) == pytest.approx(12.1)
    assert first_change(v, cell=0) == pytest.approx(30.0)


def test_given_spikes_at_zero_are_lost_in_raw_and_the_recording_says_so():
    realization = realize(given_spike())
    raw = BACKEND.run(realization, Settings(mode="raw"))
    assert first_change(raw.traces["cells", "current_exc"]) == pytest.approx(12.0)
    assert [n for n in raw.notes if n.startswith("given: 1 given spikes at t = 0 are lost")]
    undone = BACKEND.run(realization, Settings(mode="raw", undone=("source_delivery",)))
    assert first_change(undone.traces["cells", "current_exc"]) == pytest.approx(2.1)
    assert not undone.notes


def test_a_spike_is_stamped_one_step_late_in_raw():
    """Forward Euler of 300 pA from the start: v_n = -65 + 24·(1 - 0.995ⁿ) mV."""
    model = NeuronModel(
        name="LIF",
        equations="""
            dv/dt = (E_L - v)/tau + I/C : mV
            I : pA (input)
            E_L : mV
            tau : ms
            C : pF
        """,
        threshold="v > -50*mV",
        reset="v = E_L",
        parameters={"E_L": "-65 mV", "tau": "20 ms", "C": "250 pF"},
        initial={"v": "E_L"},
    )
    euler = -65.0 + 24.0 * (1.0 - 0.995 ** np.arange(250))
    crossing = int(np.flatnonzero(euler > -50.0)[0])

    def run(steps, **settings):
        experiment = Experiment(
            name="stamp",
            populations=[Population(name="cell", model=model, size=1)],
            inputs=[ConstantInput(name="i", population="cell", amplitude="300 pA")],
            records=[Record(population="cell", variables=["v"])],
            duration=f"{steps * 0.1} ms",
        )
        return BACKEND.run(realize(experiment), Settings(**settings))

    aligned = run(crossing, mode="aligned", method="euler")
    np.testing.assert_allclose(aligned.spikes["cell"].times, [0.1 * crossing])
    assert aligned.traces["cell", "v"].values[-1, 0] == -65.0
    # Raw tests the threshold at the beginning of an iteration, so it needs one more to find it.
    assert not len(run(crossing, mode="raw").spikes["cell"])
    later = run(crossing + 1, mode="raw")
    np.testing.assert_allclose(later.spikes["cell"].times, [0.1 * (crossing + 1)])
    undone = run(crossing, mode="raw", undone=("spike_stamp",))
    np.testing.assert_allclose(undone.spikes["cell"].times, [0.1 * crossing])
    # The sample of that instant is taken before the reset: the overshoot is seen.
    trace = later.traces["cell", "v"]
    assert trace.start_ms == 0.1
    assert trace.values.shape == (crossing + 1, 1)
    np.testing.assert_allclose(trace.values[:crossing, 0], euler[1 : crossing + 1], atol=1e-4)
    assert trace.values[crossing, 0] < -64.0
    phase = run(crossing + 1, mode="raw", undone=("recording_phase",)).traces["cell", "v"]
    assert phase.start_ms == 0.0
    assert phase.values.shape == (crossing + 2, 1)
    assert phase.values[crossing, 0] == -65.0


def test_precision_is_that_of_the_mode_unless_asked_for():
    realization = realize(izhikevich())

    def precision(**settings):
        recording = BACKEND.run(realization, Settings(**settings))
        values = recording.traces["cells", "u"].values
        single = np.array_equal(values, values.astype(np.float32))
        assert recording.provenance["precision"] == ("float32" if single else "float64")
        return recording.provenance["precision"]

    assert precision(mode="raw") == "float32"
    assert precision(mode="raw", undone=("precision",)) == "float64"
    assert precision(mode="aligned") == "float64"
    assert precision(mode="lockstep") == "float64"
    assert precision(mode="lockstep", precision="float32") == "float32"
    assert precision(mode="raw", precision="float64") == "float64"


def test_numbers_that_no_float32_holds_stay_float64_in_conditions():
    """A choice of two literals, which torch would make float32; NaN and powers like NumPy's."""
    model = NeuronModel(
        name="Odd",
        equations="""
            dx/dt = (0.1 if x > 0.3 else 0.7)/tau - int(x > 0.2)*x/tau : 1
            dy/dt = (sign(x - 0.5) + clip(x, 0.1, 0.4) + (x + 1)**3 + (x + 1)**0.5 + (x + 1)**(-2)
                     + exprel(x - x))/tau : 1
            dz/dt = (maximum(x, 0.3) - minimum(y, 0.3) + floor(y) - ceil(y) + abs(x - y)
                     + (1.0 if (not x > 0.1) or (y > 0.1 and y < 0.9) else 0.3))/tau : 1
            tau : ms
        """.replace("\n                     +", " +"),
        parameters={"tau": Uniform(low="5 ms", high="20 ms")},
    )
    experiment = Experiment(
        name="odd",
        populations=[Population(name="cells", model=model, size=6)],
        records=[Record(population="cells", variables=["x", "y", "z"])],
        duration="20 ms",
    )
    realization = realize(experiment)
    for method in METHODS:
        settings = Settings(method=method)
        expected = ReferenceBackend().run(realization, settings)
        found = BACKEND.run(realization, settings)
        for key, trace in expected.traces.items():
            np.testing.assert_allclose(
                found.traces[key].values, trace.values, rtol=1e-12, atol=1e-13
            )


def test_a_network_of_20000_cells_takes_no_matrix():
    experiment = Experiment(
        name="sparse",
        populations=[
            Population(
                name="cells",
                model=LIF,
                size=20_000,
                receptors={"exc": ExponentialCurrent(tau="5 ms")},
                initial={"v": Uniform(low="-65 mV", high="-49 mV")},
            )
        ],
        projections=[
            Projection(
                source="cells",
                target="cells",
                receptor="exc",
                rule=FixedInDegree(n=100),
                weight="1 pA",
                delay=Uniform(low="1 ms", high="2 ms"),
            )
        ],
        duration="2 ms",
    )
    realization = realize(experiment)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recording = BACKEND.run(realization, Settings())
    with torch.inference_mode():
        model = backend._Model(realization, Settings())
        tensors = [
            value
            for _, _, behavior in model.network.sorted_behavior_execution_list
            for holder in (behavior, *vars(behavior).values())
            for value in getattr(holder, "__dict__", {}).values()
            if isinstance(value, torch.Tensor)
        ]
    assert max(t.numel() for t in tensors) == 20_000 * 100  # the connections
    del model
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(recording.spikes["cells"]) > 1000
    # One bit-sized matrix would take 50 MB, one of bytes 400 MB; 2,000,000 connections take 8 bytes each.
    scale = 1024 if sys.platform == "darwin" else 1
    assert grown / scale < 200 * 1024


def test_a_run_leaves_torch_as_it_was():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    state = (torch.get_num_threads(), torch.get_default_dtype(), torch.is_inference_mode_enabled())
    BACKEND.run(realize(izhikevich()), Settings(mode="raw"))
    assert state == (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_inference_mode_enabled(),
    )
    assert torch.equal(torch.rand(3), expected)


def test_what_was_realized_is_not_written_to():
    realization = realize(everything())
    before = realization.populations["cells"].initial["v"].copy()
    BACKEND.run(realization, Settings())
    np.testing.assert_array_equal(realization.populations["cells"].initial["v"], before)


def test_progress_goes_up_to_one_in_small_steps():
    seen: list[float] = []
    BACKEND.run(realize(izhikevich()), Settings(), seen.append)
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_state_that_is_not_recorded_does_not_hide_nan():
    model = NeuronModel(
        name="Grows",
        equations="dx/dt = x*x/tau : 1\ndy/dt = -y/tau : 1\ntau : ms",
        parameters={"tau": "0.1 ms"},
        initial={"x": 1.0, "y": 1.0},
    )
    experiment = Experiment(
        name="grows",
        populations=[Population(name="cells", model=model, size=2)],
        records=[Record(population="cells", variables=["y"])],
        duration="5 ms",
    )
    with pytest.raises(RunError, match=r"cells\.x of cell 0 is (nan|inf) from"):
        BACKEND.run(realize(experiment), Settings(method="euler"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"target": "cuda_graph"}, "which cells fired"),
        ({"target": "cython"}, "no target 'cython' .it has eager, compile"),
        ({"device": "tpu"}, "does not run on 'tpu'"),
        ({"device": "cpu:x"}, "has no 'cpu:x' here"),
        ({"mode": "raw", "method": "rk4"}, "no method 'rk4' in raw mode"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_reason(settings, reason):
    with pytest.raises(UnsupportedError, match=reason):
        BACKEND.run(realize(izhikevich()), Settings(**settings))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused_before_anything_runs():
    with pytest.raises(UnsupportedError, match="has no 'cuda:1' here"):
        BACKEND.run(realize(izhikevich()), Settings(device="cuda:1"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("case", CASES)
def test_cuda_gives_the_same(case):
    realization = realize(CASES[case]())
    expected = ReferenceBackend().run(realization, Settings())
    assert_round_off(expected, BACKEND.run(realization, Settings(device="cuda")))


@pytest.mark.slow
def test_compiled_updates_give_the_same():
    realization = realize(izhikevich())
    expected = ReferenceBackend().run(realization, Settings())
    assert_round_off(expected, BACKEND.run(realization, Settings(target="compile")))


def test_importing_the_backend_leaves_the_whole_package_importable():
    script = textwrap.dedent("""
        import sys
        import coincide.backends.pymonntorch.backend
        assert "sympy.physics.units" not in sys.modules
        assert not [name for name in sys.modules if name.split(".")[0] == "pymonntorch"]
        import pymonntorch
        assert pymonntorch.Equation and pymonntorch.NetworkCore.Network.Network
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
