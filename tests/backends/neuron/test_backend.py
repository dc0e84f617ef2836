"""NEURON: lockstep against the reference, its own conventions as measured, and how its code is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coincide.backends.neuron import network as network_module
from coincide.backends.neuron.backend import NeuronBackend
from coincide.backends.neuron.compile import library_of, load_mechanisms, load_neuron
from coincide.backends.neuron.conventions import CONVENTIONS
from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import (
    ConstantInput,
    OrnsteinUhlenbeckInput,
    RampInput,
    SineInput,
    StepInput,
    TimeSeriesInput,
    WhiteNoiseInput,
)
from coincide.core.neurons import NeuronModel
from coincide.core.populations import PoissonSource, Population, SpikeTrains
from coincide.core.projections import AllToAll, FixedInDegree, FixedProbability, Projection
from coincide.core.realize import realize
from coincide.core.receptors import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
)
from coincide.core.settings import Settings
from coincide.core.values import Normal, Uniform

pytest.importorskip("neuron", reason="NEURON is not installed: pip install 'coincide[neuron]'")
NEURON, REFERENCE = NeuronBackend(), ReferenceBackend()
ALL = tuple(c.name for c in CONVENTIONS)

LIF = NeuronModel(
    name="LIF",
    equations="""
    dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)
    I : pA (input)
    E_L : mV
    R : GOhm
    tau : ms
    t_ref : ms""",
    threshold="v > -50*mV",
    reset="v = E_L",
    refractory="t_ref",
    parameters={"tau": "20 ms", "E_L": "-65 mV", "R": "0.08 GOhm", "t_ref": "2 ms"},
    initial={"v": "E_L"},
)
ADAPTIVE = NeuronModel(
    name="adaptive",
    equations="""
    dv/dt = (E_L - v + R*I - w_a)/tau : mV (unless refractory)
    dw_a/dt = (c_a*(v - E_L) - w_a)/tau_w : mV
    I : pA (input)
    E_L : mV
    R : GOhm
    c_a : 1
    tau : ms
    tau_w : ms
    t_ref : ms""",
    threshold="v > -50*mV",
    reset="v = E_L; w_a += 1*mV",
    refractory="t_ref",
    parameters={
        "tau": "20 ms",
        "E_L": "-65 mV",
        "R": "0.08 GOhm",
        "c_a": "0.1",
        "tau_w": "50 ms",
        "t_ref": "2 ms",
    },
    initial={"v": "E_L"},
)
IZHIKEVICH = NeuronModel(
    name="Izhikevich",
    equations="""
    dv/dt = (0.04*v**2/mV + 5*v + 140*mV - u + I)/ms : mV
    du/dt = a*(b*v - u) : mV
    I : mV (input)
    a : 1/ms
    b : 1""",
    threshold="v >= 30*mV",
    reset="v = (-65*mV if u < 100*mV and not u < -100*mV else -60*mV); u += 8*mV",
    parameters={"a": "0.02 1/ms", "b": "0.2"},
    initial={"v": "-65 mV", "u": "b*v"},
)
# Names that NEURON makes itself (Dx for a state x, x0), conditionals, every function, no reset.
ODD = NeuronModel(
    name="odd",
    equations="""
    dD_v/dt = omega*v0 : 1
    dv0/dt = -omega*D_v*(1 if D_v < 3 and not v0 > 9 else 0.5) + odd*omega + I : 1
    odd = 1e-3*clip(sign(D_v)*exprel(-abs(v0)), -1, 1)*log1p(expm1(1)) + part : 1
    part = 1e-3*maximum(floor(D_v), minimum(ceil(v0), int(D_v > v0)))*cosh(v0/9)**1.5 : 1
    I : 1/ms (input)
    omega : 1/ms""",
    threshold="D_v > 0.5 and v0 > clip(D_v, -1, 0)",
    parameters={"omega": "0.5 1/ms"},
    initial={"D_v": "1"},
)
PASSIVE = NeuronModel(
    name="passive",
    equations="dv/dt = (E_L - v)/tau + I/C : mV\nI : pA (input)\nE_L : mV\ntau : ms\nC : pF",
    parameters={"tau": "10 ms", "E_L": "-70 mV", "C": "200 pF"},
    initial={"v": "-70 mV"},
)
RECEPTORS = {
    "ampa": ExponentialConductance(tau="5 ms", reversal="0 mV"),
    "nmda": NMDA(tau="100 ms"),
    "gaba": DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"),
    "kick": Delta(),
    "alpha_g": AlphaConductance(tau="3 ms", reversal="0 mV"),
    "alpha_i": AlphaCurrent(tau="3 ms"),
    "exp_i": ExponentialCurrent(tau="4 ms"),
    # What an arrival does depends on the state.
    "own": CustomReceptor(
        equations="dx/dt = -x/tau : 1\ntau : ms\ncurrent = 10*pA*x : pA",
        on_pre="x += (1 - 0.005*v/mV)*w",
        current="current",
        parameters={"tau": "7 ms"},
    ),
}
WEIGHTS = {"kick": "0.5 mV", "alpha_i": "20 pA", "exp_i": "20 pA", "own": "0.5"}
SPREAD = {"v": Uniform(low="-65 mV", high="-45 mV")}  # some are above threshold at t = 0


def everything(duration: str = "150 ms") -> Experiment:
    """A network with every feature that there is."""
    rng = np.random.default_rng(1)
    trains = [sorted([5.0, 5.0, 5.02, *rng.uniform(0, 150, 15).tolist()]) for _ in range(4)]
    ampa = {"ampa": RECEPTORS["ampa"]}
    populations = [
        Population(
            name="exc",
            model=ADAPTIVE,
            size=30,
            receptors=RECEPTORS,
            initial=SPREAD,
            parameters={
                "tau": Uniform(low="15 ms", high="25 ms"),
                "t_ref": Uniform(low="0 ms", high="3 ms"),
            },
        ),
        # The same equations twice with different numbers: NEURON's GLOBALs must not be shared.
        Population(name="one", model=ADAPTIVE, size=10, receptors=ampa, initial=SPREAD),
        Population(
            name="two",
            model=ADAPTIVE,
            size=10,
            receptors=ampa,
            initial=SPREAD,
            parameters={"tau": "10 ms"},
        ),
        Population(name="izh", model=IZHIKEVICH, size=20, receptors={"k": Delta()}),
        Population(name="odd", model=ODD, size=3, initial={"D_v": Uniform(low="-1", high="1")}),
        Population(
            name="pas", model=PASSIVE, size=2, receptors={"i": ExponentialCurrent(tau="5 ms")}
        ),
        PoissonSource(name="drive", size=20, rate="40 Hz"),
        SpikeTrains(name="given", times=trains),
    ]
    few = FixedProbability(p=0.2)
    projections = [
        Projection(
            name=f"{source}_{k}",
            source=source,
            target="exc",
            receptor=k,
            rule=few,
            weight=WEIGHTS.get(k, "0.4 nS"),
            delay=Uniform(low="0.1 ms", high="2 ms"),
        )
        for k in RECEPTORS
        for source in ("drive", "given", "exc")
    ]

    def connect(source: str, target: str, receptor: str, weight: object, delay: str, rule: object):
        projections.append(
            Projection(
                source=source,
                target=target,
                receptor=receptor,
                rule=rule,
                weight=weight,
                delay=delay,
            )
        )

    connect("exc", "one", "ampa", Normal(mean="2 nS", std="0.2 nS"), "1.5 ms", few)
    connect("one", "two", "ampa", "2 nS", "0.1 ms", few)
    connect("given", "izh", "k", "3 mV", "1 ms", FixedProbability(p=0.5))
    connect("izh", "izh", "k", "2 mV", "2 ms", FixedInDegree(n=5))
    connect("odd", "pas", "i", "5 pA", "1 ms", AllToAll())
    connect("pas", "two", "ampa", "1 nS", "1 ms", AllToAll())  # from cells that never spike
    connect("exc", "izh", "k", "3 mV", "1 ms", FixedProbability(p=0))  # no connection
    inputs = [
        ConstantInput(name="bias", population="exc", amplitude=Normal(mean="150 pA", std="30 pA")),
        StepInput(
            name="step",
            population="exc",
            amplitude=Uniform(low="0 pA", high="50 pA"),
            start="20 ms",
            stop="100.05 ms",
        ),
        WhiteNoiseInput(
            name="noise", population="exc", mean="10 pA", std="50 pA", interval="0.3 ms"
        ),
        OrnsteinUhlenbeckInput(
            name="ou",
            population="exc",
            mean="10 pA",
            std="50 pA",
            tau="5 ms",
            interval="0.1 ms",
            shared=True,
        ),
        TimeSeriesInput(
            name="series", population="one", values=(0.0, 300.0, 150.0), unit="pA", interval="50 ms"
        ),
        ConstantInput(name="some", population="two", amplitude="250 pA", cells=(0, 1, 2)),
        SineInput(name="sine", population="two", amplitude="50 pA", frequency="20 Hz"),
        ConstantInput(name="b", population="izh", amplitude=Uniform(low="5 mV", high="12 mV")),
        RampInput(
            name="ramp",
            population="izh",
            initial="0 mV",
            final="5 mV",
            start="50 ms",
            stop="100 ms",
        ),
    ]
    records = [
        Record(population="exc", variables=["v", "w_a", "g_nmda", "x_own"]),
        Record(population="izh", variables=["v", "u"], cells=[0, 3]),
        Record(population="odd", variables=["D_v"]),
        Record(population="pas", variables=["v"]),
        Record(population="two", variables=["v"], cells=[1]),
    ]
    return Experiment(
        name="everything",
        populations=populations,
        projections=projections,
        inputs=inputs,
        records=records,
        duration=duration,
        dt="0.1 ms",
    )


@pytest.fixture(scope="module")
def network():
    return realize(everything())


def one_cell(
    model=LIF,
    current: str = "300 pA",
    duration: str = "60 ms",
    train=None,
    delay: str = "1 ms",
    weight: str = "1 mV",
    receptor=None,
    inputs=(),
    variables=("v",),
    dt: str = "0.1 ms",
    **cell,
):
    """One cell with a constant current, and a source of spikes if there is a train."""
    populations = [
        Population(name="cell", model=model, size=1, receptors={"k": receptor or Delta()}, **cell)
    ]
    projections = []
    if train is not None:
        populations.append(SpikeTrains(name="source", times=[train]))
        projections.append(
            Projection(
                source="source",
                target="cell",
                receptor="k",
                rule=AllToAll(),
                weight=weight,
                delay=delay,
            )
        )
    bias = ConstantInput(name="bias", population="cell", amplitude=current)
    return realize(
        Experiment(
            name="one",
            populations=populations,
            projections=projections,
            inputs=[bias, *inputs],
            records=[Record(population="cell", variables=list(variables))],
            duration=duration,
            dt=dt,
        )
    )


def spikes_of(recording) -> np.ndarray:
    return recording.spikes["cell"].times


def v_of(recording) -> np.ndarray:
    return recording.traces["cell", "v"].values[:, 0]


def first_change(values: np.ndarray) -> int:
    return int(np.flatnonzero(values != values[0])[0])


def raw(realization, *undone: str):
    return NEURON.run(realization, Settings("raw", undone=undone or None))


def contract(realization):
    return REFERENCE.run(realization, Settings("lockstep"))


# Lockstep: translation only, so round-off


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_lockstep_is_the_reference(network, method: str) -> None:
    settings = Settings("lockstep", method)
    expected, found = REFERENCE.run(network, settings), NEURON.run(network, settings)
    assert sum(map(len, expected.spikes.values())) > 1000
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name].times, spikes.times)
        np.testing.assert_array_equal(found.spikes[name].cells, spikes.cells)
    for key, trace in expected.traces.items():
        difference = np.abs(found.traces[key].values - trace.values).max()
        assert difference <= 1e-12 * np.ptp(trace.values), key


def test_neurons_own_euler_is_the_reference(network) -> None:
    # All of it in NMODL: arrivals, threshold, reset, refractoriness, inputs, equations.
    expected = REFERENCE.run(network, Settings("lockstep", "euler"))
    found = NEURON.run(network, Settings("aligned", "euler"))
    for name, spikes in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name].times, spikes.times)
        np.testing.assert_array_equal(found.spikes[name].cells, spikes.cells)
    for key, trace in expected.traces.items():
        difference = np.abs(found.traces[key].values - trace.values).max()
        assert difference <= 1e-12 * np.ptp(trace.values), key


def test_lockstep_exp_is_not_stopped_at_700() -> None:
    # NEURON's own exp answers exp(700) there, 1e304; the C library's 4e307 is what NumPy says.
    model = NeuronModel(
        name="steep", equations="dx/dt = exp(708*(1 + 0*x))/ms/1e304 : 1\nI : 1 (input)"
    )
    realization = one_cell(model, "0", "1 ms", receptor=Delta(target="x"), variables=("x",))
    settings = Settings("lockstep", "euler")
    expected = REFERENCE.run(realization, settings).traces["cell", "x"].values
    found = NEURON.run(realization, settings).traces["cell", "x"].values
    assert expected[-1] > 1000
    np.testing.assert_allclose(found, expected, rtol=1e-14)


# The ladder: conventions


def test_all_conventions_undone_in_raw_is_aligned(network) -> None:
    aligned = NEURON.run(network, Settings("aligned"))
    found = raw(network, *ALL)
    for name, spikes in aligned.spikes.items():
        np.testing.assert_array_equal(found.spikes[name].times, spikes.times)
        np.testing.assert_array_equal(found.spikes[name].cells, spikes.cells)
    for key, trace in aligned.traces.items():
        np.testing.assert_array_equal(found.traces[key].values, trace.values)
    # By cnexp, as is linear in all states together, only what takes currents.
    assert [n for n in aligned.notes if n.startswith("NEURON integrates")] == [
        f"NEURON integrates {name} by guarded_rk4: d{v}/dt of {name} {why}"
        for name, v, why in (
            ("exc", "v", "is not linear in v"),
            ("one", "v", "multiplies g_ampa by v"),
            ("two", "v", "multiplies g_ampa by v"),
            ("izh", "v", "is not linear in v"),
            ("odd", "v0", "is not linear in v0"),
        )
    ]
    assert not any(n.startswith("NEURON integrates one") for n in raw(network).notes)


def test_lif_by_cnexp_is_exact_and_stamped_at_the_end_of_the_step() -> None:
    recording = raw(one_cell())
    first = 20 * np.log(24 / 9)  # 19.6166 ms: V(t) = -65 + 24(1 - exp(-t/20)) reaches -50
    grid = np.ceil(first / 0.1) * 0.1
    np.testing.assert_allclose(spikes_of(recording), [grid, 2 * grid + 2], atol=1e-9)
    steps = np.arange(1, 197)
    exact = -65 + 24 * -np.expm1(-steps * 0.1 / 20)
    np.testing.assert_allclose(v_of(recording)[1:197], exact, atol=1e-11)
    assert v_of(recording).size == 601  # 0.0 … 60.0


def test_recording_phase() -> None:
    realization = one_cell()
    assert v_of(raw(realization))[197] > -50  # the overshoot at 19.7 ms
    assert v_of(raw(realization, "recording_phase"))[197] == -65
    kicked = one_cell(current="0 pA", train=[10.0], duration="20 ms")
    assert first_change(v_of(raw(kicked))) == 111
    assert first_change(v_of(raw(kicked, "recording_phase"))) == 110


@pytest.mark.parametrize(
    ("delay", "acts_after", "contract_after"),
    [("1.04 ms", 10, 10), ("1.05 ms", 10, 11), ("1.06 ms", 11, 11), ("0.25 ms", 2, 3)],
)
def test_delay_rounding(delay: str, acts_after: int, contract_after: int) -> None:
    realization = one_cell(current="0 pA", train=[10.0], delay=delay, duration="20 ms")
    seen = ("recording_phase",)
    assert first_change(v_of(raw(realization, *seen))) == 100 + acts_after
    undone = raw(realization, "delay_rounding", *seen)
    assert first_change(v_of(undone)) == 100 + contract_after
    assert first_change(v_of(contract(realization))) == 100 + contract_after


def test_source_delivery() -> None:
    # 10.04 + 1.04 = 11.08 is nearest to 11.1; by the contract both are rounded, to 10.0 and 1.0.
    realization = one_cell(current="0 pA", train=[10.04], delay="1.04 ms", duration="20 ms")
    seen = ("recording_phase",)
    assert first_change(v_of(raw(realization, *seen))) == 111
    assert first_change(v_of(raw(realization, "source_delivery", *seen))) == 110
    assert first_change(v_of(contract(realization))) == 110


def test_delivery_order_makes_a_kick_act_after_the_threshold_test() -> None:
    times = np.round(np.arange(5, 18, 1.3), 1)
    late = {True: 0, False: 0}
    for start in times.tolist():
        realization = one_cell(train=[start], weight="20 mV", duration="20 ms")
        expected = spikes_of(contract(realization))[0]
        late[False] += round(10 * (spikes_of(raw(realization))[0] - expected))
        late[True] += round(10 * (spikes_of(raw(realization, "delivery_order"))[0] - expected))
    assert late[False] > 0  # which of them is a matter of round-off
    assert late[True] == 0


def test_threshold_test_notices_only_what_becomes_true() -> None:
    realization = one_cell(initial={"v": "-49 mV"})
    assert spikes_of(contract(realization))[0] == 0.0
    assert spikes_of(raw(realization)).size == 0  # 300 pA keep it above for ever
    undone = raw(realization, "threshold_test")
    np.testing.assert_allclose(spikes_of(undone), spikes_of(contract(realization)), atol=1e-9)


def test_refractory_rounding() -> None:
    realization = one_cell(parameters={"t_ref": "2.05 ms"}, duration="200 ms")
    assert np.rint(np.diff(spikes_of(contract(realization))) * 10).tolist() == [218] * 8
    intervals = np.rint(np.diff(spikes_of(raw(realization))) * 10)
    assert set(intervals.tolist()) <= {217, 218}
    assert 217 in intervals
    undone = raw(realization, "refractory_rounding")
    assert np.rint(np.diff(spikes_of(undone)) * 10).tolist() == [218] * 8


def test_refractory_count_accepts_an_arrival_at_the_end() -> None:
    # The spike of 19.7 ms: refractoriness ends at 21.7 ms, when this one arrives.
    realization = one_cell(train=[20.7], duration="25 ms")
    assert v_of(contract(realization))[217] == -64
    assert v_of(raw(realization, "recording_phase"))[217] == -65
    assert v_of(raw(realization, "recording_phase", "refractory_count"))[217] == -64


def test_inputs_are_played_on_the_grid_after_long_runs() -> None:
    # Time in NEURON is a sum of dt: after 20,000 steps it is off, and an input must not slip for that.
    noise = WhiteNoiseInput(
        name="n", population="cell", mean="0 pA", std="100 pA", interval="0.1 ms"
    )
    realization = one_cell(PASSIVE, "0 pA", "2000 ms", inputs=[noise])
    exact = contract(realization)  # exponential Euler is exact here, as cnexp is
    np.testing.assert_allclose(v_of(raw(realization)), v_of(exact), atol=1e-9)


# NEURON's integrators


def nonlinear(method: str, dt: str):
    model = NeuronModel(
        name="cubic",
        equations="""
        dx/dt = rate + I : 1
        rate = (x - x**3/3 - y)/ms : 1/ms
        dy/dt = (x + 0.7 - 0.8*y)/(12*ms) : 1
        I : 1/ms (input)""",
        initial={"x": "-1", "y": "0"},
    )
    realization = one_cell(
        model, "0.5 1/ms", "20 ms", receptor=Delta(target="x"), variables=("x",), dt=dt
    )
    recording = NEURON.run(realization, Settings("aligned", method))
    return recording.traces["cell", "x"].values[-1, 0]


@pytest.mark.parametrize("method", ["derivimplicit", "euler"])
def test_own_integrators_are_of_order_one(method: str) -> None:
    from scipy.integrate import solve_ivp

    def rates(_, z):
        x, y = z
        return [x - x**3 / 3 - y + 0.5, (x + 0.7 - 0.8 * y) / 12]

    exact = solve_ivp(rates, (0, 20), [-1, 0], rtol=1e-11, atol=1e-12).y[0, -1]
    errors = [abs(nonlinear(method, dt) - exact) for dt in ("0.1 ms", "0.05 ms", "0.025 ms")]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 0.85) & (orders < 1.15)), orders


def test_cnexp_of_a_hidden_linear_equation_is_exact() -> None:
    # Linear only when multiplied out, which NMODL's translator does not do.
    model = NeuronModel(
        name="hidden",
        equations="dx/dt = ((1 + x)*(3 - x) + x*x - both)/(10*ms) + I : 1\nboth = 4*x + y : 1\n"
        "dy/dt = -y/(5*ms) : 1\nI : 1/ms (input)",
        initial={"x": "2"},
    )
    realization = one_cell(model, "0 1/ms", "5 ms", receptor=Delta(target="y"), variables=("x",))
    found = NEURON.run(realization, Settings("aligned", "cnexp")).traces["cell", "x"].values[:, 0]
    times = np.arange(51) * 0.1
    np.testing.assert_allclose(found, 1.5 + 0.5 * np.exp(-times / 5), atol=1e-13)


def test_cnexp_is_refused_for_what_is_not_linear() -> None:
    realization = one_cell(IZHIKEVICH, "10 mV")
    with pytest.raises(UnsupportedError, match="dv/dt of cell is not linear in v; use"):
        NEURON.run(realization, Settings("raw", "cnexp"))
    integrator = NeuronModel(
        name="integrator",
        equations="dx/dt = a*x + I : 1\na : 1/ms\nI : 1/ms (input)",
        parameters={"a": "0 1/ms"},
    )
    realization = one_cell(
        integrator, "2 1/ms", "5 ms", receptor=Delta(target="x"), variables=("x",)
    )
    with pytest.raises(UnsupportedError, match="slope of dx/dt of cell is 0"):
        NEURON.run(realization, Settings("raw", "cnexp"))
    found = NEURON.run(realization, Settings("raw")).traces["cell", "x"].values
    np.testing.assert_allclose(found[-1], 10, rtol=1e-12)


def test_derivimplicit_without_a_solution_is_a_failure_with_advice() -> None:
    realization = one_cell(IZHIKEVICH, "10 mV")
    with pytest.raises(RunError, match=r"NEURON stopped .* at 2\.4 ms, where cell\.v .*-b oracle"):
        NEURON.run(realization, Settings("raw", "derivimplicit"))


# The process


def test_runs_leave_nothing_behind_in_neuron(network) -> None:
    settings = Settings("lockstep", "euler")
    first = NEURON.run(network, settings)
    raw(one_cell())
    h = load_neuron()
    assert sum(1 for _ in h.allsec()) == 0
    assert int(h.List("NetCon").count()) == 0
    again = NEURON.run(network, settings)
    for name, spikes in first.spikes.items():
        np.testing.assert_array_equal(again.spikes[name].times, spikes.times)
    for key, trace in first.traces.items():
        np.testing.assert_array_equal(again.traces[key].values, trace.values)


def test_netcons_one_by_one_are_the_same(network, monkeypatch) -> None:
    settings = Settings("lockstep", "euler")
    expected = NEURON.run(network, settings)
    monkeypatch.setattr(network_module, "CONNECT", "no_such_function")
    found = NEURON.run(network, settings)
    np.testing.assert_array_equal(found.spikes["exc"].times, expected.spikes["exc"].times)
    np.testing.assert_array_equal(found.spikes["exc"].cells, expected.spikes["exc"].cells)


RUN = """
import sys
from coincide.backends.neuron.backend import NeuronBackend
from coincide.core.realization import Realization
from coincide.core.settings import Settings
recording = NeuronBackend().run(Realization.load(sys.argv[1]), Settings("lockstep"))
print(len(recording.spikes["cell"]), recording.build_s > recording.run_s)
"""


def start(folder: Path, realization: Path, **environment: str) -> subprocess.Popen[str]:
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(realization)],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def test_two_processes_compile_at_once_and_leave_no_files(tmp_path: Path) -> None:
    file = tmp_path / "realization.npz"
    one_cell().save(file)
    cache = tmp_path / "a cache"  # make cannot handle a blank
    folders = [tmp_path / "one", tmp_path / "two"]
    started = [start(folder, file, COINCIDE_CACHE_DIR=str(cache)) for folder in folders]
    for process in started:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert output.split() == ["2", "True"]
        assert errors == ""
    assert [list(folder.iterdir()) for folder in folders] == [[], []]
    assert len(list((cache / "neuron").iterdir())) == 2  # helpers and cell, each once
    # A library of somebody else's in the current folder is not loaded.
    strange = tmp_path / "three" / "x86_64"
    third = start(tmp_path / "three", file, COINCIDE_CACHE_DIR=str(cache))
    strange.mkdir()
    (strange / "libnrnmech.so").write_bytes(b"not a library")
    output, errors = third.communicate(timeout=60)
    assert (output.split()[0], errors) == ("2", "")


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(RunError, match=r"needs g\+\+ and make, not found; install .*apt install"):
        library_of({"Some": "NEURON { SUFFIX nothing }\n"})


def test_a_failing_compiler_shows_what_it_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(tmp_path))
    with pytest.raises(RunError, match=r"yntax error.*are in .*\.log"):
        library_of({"Bad": "NEURON { nonsense"})
    (log,) = (tmp_path / "neuron").iterdir()
    assert "NEURON { nonsense" in log.read_text(encoding="utf-8")


def test_two_groups_of_mechanisms_may_share_one(tmp_path: Path, monkeypatch) -> None:
    """NEURON takes a name once a process: two populations of like cells could not be loaded."""
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(tmp_path))
    text = "NEURON {{ POINT_PROCESS {0} RANGE a }}\nASSIGNED {{ a }}\n"
    both, one = "CoincideInBoth", "CoincideInOne"
    load_mechanisms({both: text.format(both)}, {both: text.format(both), one: text.format(one)})
    assert hasattr(load_neuron(), both)
    assert hasattr(load_neuron(), one)
