"""Brian2: the contract in lockstep and aligned, its conventions in raw, its code and its errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.errors import RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import (
    ConstantInput,
    OrnsteinUhlenbeckInput,
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

pytest.importorskip("brian2")

BRIAN2 = load_backend("brian2")
REFERENCE = load_backend("reference")
ALL = tuple(c.name for c in BRIAN2.conventions)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    # Cold, so that short runs are NumPy's whatever this machine compiled before.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


# --- models -----------------------------------------------------------------------------------------

LIF = NeuronModel(
    name="LIF",
    equations="""
    dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)
    I : pA (input)
    E_L : mV
    R : GOhm
    tau : ms
    t_ref : ms
    """,
    threshold="v > -50*mV",
    reset="v = E_L",
    refractory="t_ref",
    parameters={"tau": "20 ms", "E_L": "-65 mV", "R": "0.08 GOhm", "t_ref": "2 ms"},
    initial={"v": "E_L"},
)
IZHIKEVICH = NeuronModel(
    name="Izhikevich",
    equations="""
    dv/dt = (0.04*v*v/mV + 5*v + 140*mV - u + I)/ms : mV
    du/dt = a*(b*v - u)/ms : mV
    I : mV (input)
    a : 1
    b : 1
    c : mV
    d : mV
    """,
    threshold="v >= 30*mV",
    reset="v = c\nu += d",
    parameters={"a": Uniform(low="0.02", high="0.1"), "b": "0.2", "c": "-65 mV", "d": "8 mV"},
    initial={"v": "-65 mV", "u": "b*v"},
)
FITZHUGH_NAGUMO = NeuronModel(
    name="FitzHughNagumo",
    equations="""
    dx/dt = (x - x**3/3 - y + I)/ms : 1
    dy/dt = (x + 0.7 - 0.8*y)/(12.5*ms) : 1
    I : 1 (input)
    """,
    threshold="x > 1",
    initial={"x": "-1"},
)
PASSIVE = NeuronModel(name="Passive", equations="dv/dt = -v/(10*ms) : mV", initial={"v": "1 mV"})

RECEPTORS = {
    "ampa": (ExponentialConductance(tau="5 ms", reversal="0 mV"), "2 nS"),
    "nmda": (NMDA(tau="100 ms", reversal="0 mV"), "1 nS"),
    "gaba": (
        DoubleExponentialConductance(tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"),
        "2 nS",
    ),
    "alpha": (AlphaConductance(tau="2 ms", reversal="-80 mV"), "1 nS"),
    "current": (ExponentialCurrent(tau="3 ms"), "30 pA"),
    "slow": (AlphaCurrent(tau="3 ms"), "20 pA"),
    "kick": (Delta(), "1 mV"),
    "own": (
        CustomReceptor(
            equations="ds/dt = -s/tau : 1\ntau : ms\nflow = s*most : pA\nmost : pA",
            on_pre="s += w*(1 - 0.005*v/mV); v += w*(E_L - v)*0.1",
            current="flow",
            parameters={"tau": "10 ms", "most": "50 pA"},
        ),
        "0.3",
    ),
}


def rich() -> Experiment:
    """Everything at once: all receptors, five kinds of cells, coincident given spikes, held inputs."""
    kicked = {"kick": Delta(), "current": ExponentialCurrent(tau="5 ms")}
    populations = (
        Population(
            name="lif",
            model=LIF,
            size=20,
            receptors={name: receptor for name, (receptor, _) in RECEPTORS.items()},
            parameters={"R": "0.1 GOhm", "t_ref": Uniform(low="0 ms", high="3 ms")},
            initial={"v": Uniform(low="-65 mV", high="-45 mV")},
        ),
        Population(name="izhikevich", model=IZHIKEVICH, size=10, receptors=kicked),
        Population(
            name="fhn",
            model=FITZHUGH_NAGUMO,
            size=4,
            receptors={"kick": Delta(target="x")},
            initial={"x": Uniform(low="-1", high="3")},
        ),
        Population(name="passive", model=PASSIVE, size=3, receptors={"kick": Delta()}),
        SpikeTrains(name="given", times=[[0, 0, 0.1, 5, 5, 5, 10.04], [0.05, 5, 7.16]]),
        PoissonSource(name="drive", size=10, rate="300 Hz"),
    )

    def connect(source, target, receptor, weight, delay, n=3):
        return Projection(
            name=f"{source}_{target}_{receptor}",
            source=source,
            target=target,
            receptor=receptor,
            rule=FixedInDegree(n=n),
            weight=weight,
            delay=delay,
        )

    projections = [
        Projection(
            name=f"drive_{receptor}",
            source="drive",
            target="lif",
            receptor=receptor,
            rule=FixedProbability(p=0.3),
            weight=weight,
            delay=Uniform(low="0.1 ms", high="2 ms"),
        )
        for receptor, (_, weight) in RECEPTORS.items()
    ]
    projections += [
        Projection(
            name=f"given_{receptor}",
            source="given",
            target="lif",
            receptor=receptor,
            rule=AllToAll(),
            weight=weight,
            delay="0.1 ms",
        )
        for receptor, (_, weight) in RECEPTORS.items()
    ]
    varied = Normal(mean="1 nS", std="0.1 nS")
    projections += [
        connect("lif", "lif", "gaba", varied, Uniform(low="1 ms", high="2 ms")),
        connect("lif", "lif", "kick", "1 mV", "0.15 ms"),
        connect("lif", "izhikevich", "kick", "2 mV", "1 ms"),
        connect("izhikevich", "izhikevich", "current", "2 mV", "1 ms"),
        connect("izhikevich", "passive", "kick", "2 mV", "1 ms"),
        connect("drive", "fhn", "kick", "0.3", "1 ms"),
        connect("fhn", "izhikevich", "current", "2 mV", "1 ms"),
    ]
    inputs = (
        ConstantInput(name="bias", population="lif", amplitude="100 pA"),
        StepInput(
            name="step",
            population="lif",
            amplitude=Uniform(low="50 pA", high="100 pA"),
            start="20 ms",
            stop="60 ms",
        ),
        WhiteNoiseInput(name="noise", population="lif", mean="0 pA", std="100 pA", interval="1 ms"),
        TimeSeriesInput(
            name="series", population="fhn", values=(0, 1, 0.5), unit="", interval="20 ms"
        ),
        SineInput(name="sine", population="fhn", amplitude="0.3", frequency="50 Hz"),
        ConstantInput(name="drive_iz", population="izhikevich", amplitude="6 mV"),
        OrnsteinUhlenbeckInput(
            name="ou",
            population="izhikevich",
            mean="3 mV",
            std="4 mV",
            tau="5 ms",
            interval="0.1 ms",
            cells=(1, 2, 3),
        ),
    )
    records = (
        Record(population="lif", variables=("v", "g_ampa", "g_nmda", "rise_gaba", "s_own")),
        Record(population="izhikevich", variables=("v", "u"), cells=(7, 1)),
        Record(population="fhn", variables=("x", "y")),
        Record(population="passive", variables=("v",)),
    )
    return Experiment(
        name="rich",
        populations=populations,
        projections=tuple(projections),
        inputs=inputs,
        records=records,
        duration="100 ms",
    )


@pytest.fixture(scope="module")
def everything():
    return realize(rich())


def assert_coincide(recording, expected, tolerance=1e-9):
    for name, spikes in expected.spikes.items():
        assert len(recording.spikes[name]) == len(spikes), name
        np.testing.assert_array_equal(recording.spikes[name].cells, spikes.cells)
        np.testing.assert_array_equal(recording.spikes[name].times, spikes.times)
    assert recording.traces.keys() == expected.traces.keys()
    for key, trace in expected.traces.items():
        found = recording.traces[key]
        np.testing.assert_array_equal(found.cells, trace.cells)
        assert found.unit == trace.unit
        span = np.ptp(trace.values)
        assert span > 0
        assert np.max(np.abs(found.values - trace.values)) <= tolerance * span, key


# --- the clock contract -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_lockstep_is_the_reference_to_round_off(everything, method):
    settings = Settings(mode="lockstep", method=method)
    expected = REFERENCE.run(everything, settings)
    assert len(expected.spikes["lif"]) > 200
    assert len(expected.spikes["izhikevich"]) > 30
    assert len(expected.spikes["fhn"]) > 10
    assert_coincide(BRIAN2.run(everything, settings), expected)


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_aligned_by_a_method_of_the_reference_is_the_reference(everything, method):
    expected = REFERENCE.run(everything, Settings(mode="lockstep", method=method))
    assert_coincide(BRIAN2.run(everything, Settings(mode="aligned", method=method)), expected)


def test_raw_with_every_convention_undone_is_aligned(everything):
    aligned = BRIAN2.run(everything, Settings(mode="aligned", method="euler"))
    undone = BRIAN2.run(everything, Settings(mode="raw", method="euler", undone=ALL))
    assert_coincide(undone, aligned, tolerance=0)


def test_coba_like_populations_of_one_kind_run_as_one_group():
    from coincide.backends.brian2.blocks import blocks_of

    sizes = {"exc": 40, "inh": 10}
    receptors = {"exc": Delta(), "inh": ExponentialCurrent(tau="4 ms")}
    experiment = Experiment(
        name="two",
        populations=tuple(
            Population(
                name=name,
                model=LIF,
                size=size,
                receptors=receptors,
                parameters={"t_ref": "1 ms" if name == "inh" else "2 ms"},
                initial={"v": Uniform(low="-65 mV", high="-40 mV")},
            )
            for name, size in sizes.items()
        ),
        projections=tuple(
            Projection(
                source=source,
                target=target,
                receptor=source,
                rule=FixedProbability(p=0.2),
                weight="2 mV" if source == "exc" else "-100 pA",
                delay="1 ms",
            )
            for source in sizes
            for target in sizes
        ),
        records=(
            Record(population="inh", variables=("v", "current_inh"), cells=(3, 1)),
            Record(population="exc", variables=("v",), cells=(1, 39)),
        ),
        duration="60 ms",
    )
    realization = realize(experiment)
    assert [b.size for b in blocks_of(realization)] == [50]
    expected = REFERENCE.run(realization, Settings())
    assert len(expected.spikes["inh"]) > 5
    assert_coincide(BRIAN2.run(realization, Settings()), expected)


def test_names_that_mean_something_to_brian2():
    model = NeuronModel(
        name="Names",
        equations="""
        dx_post/dt = (e - x_post + rate_pre + inf*sin(count/(3*ms)))/spikes : 1
        dcount/dt = 1 : ms
        rate_pre = clip(x_post, 0, e/2) + int(x_post > 0.5)*0.1 + where : 1
        e : 1
        inf : 1
        where : 1
        spikes : ms
        """,
        threshold="x_post > 0.9 and not count < 1*ms",
        reset="x_post = 0; count = 0*ms",
        parameters={"e": "1", "inf": "0.1", "where": "0.01", "spikes": "2 ms"},
    )
    experiment = Experiment(
        name="names",
        populations=(Population(name="second", model=model, size=2),),
        records=(Record(population="second", variables=("x_post", "count")),),
        duration="20 ms",
    )
    realization = realize(experiment)
    for mode in ("lockstep", "aligned"):
        settings = Settings(mode=mode, method="rk4")
        expected = REFERENCE.run(realization, settings)
        assert len(expected.spikes["second"]) > 2
        assert_coincide(BRIAN2.run(realization, settings), expected)


def test_lockstep_divides_by_zero_as_numpy_does():
    model = NeuronModel(
        name="Rates",
        equations="""
        dx/dt = (y - x)/ms : 1
        y = (1 if x <= 0 else (1 - exp(-x))/x) : 1
        """,
    )
    experiment = Experiment(
        name="zero",
        populations=(Population(name="cells", model=model, size=3),),
        records=(Record(population="cells", variables=("x",)),),
        duration="2 ms",
    )
    realization = realize(experiment)
    assert_coincide(BRIAN2.run(realization, Settings()), REFERENCE.run(realization, Settings()))


# --- raw: Brian2's own ways, against closed forms ---------------------------------------------------

FIRST = 20.0 * np.log(24.0 / 9.0)  # ms: tau·ln(RI/(RI - 15 mV)) for RI = 24 mV, 19.61658506


def one_cell(t_ref="2 ms", current="300 pA", duration="70 ms", trains=(), **projection):
    projections, sources = [], []
    if trains:
        sources = [SpikeTrains(name="given", times=trains)]
        projections = [Projection(source="given", target="cell", rule=AllToAll(), **projection)]
    experiment = Experiment(
        name="one",
        populations=(
            Population(
                name="cell",
                model=LIF,
                size=1,
                parameters={"t_ref": t_ref},
                receptors={"current": ExponentialCurrent(tau="5 ms"), "kick": Delta()},
            ),
            *sources,
        ),
        projections=tuple(projections),
        inputs=(ConstantInput(name="bias", population="cell", amplitude=current),),
        records=(Record(population="cell", variables=("v",)),),
        duration=duration,
    )
    return realize(experiment)


def run(realization, *undone, method=None, mode="raw"):
    chosen = undone if mode == "raw" else None
    return BRIAN2.run(realization, Settings(mode=mode, method=method, undone=chosen))


def times_of(recording):
    return recording.spikes["cell"].times


def test_a_spike_is_stamped_with_the_start_of_its_step():
    steps = np.ceil(FIRST / 0.1)
    assert times_of(run(one_cell()))[0] == pytest.approx((steps - 1) * 0.1, abs=1e-9)
    assert times_of(run(one_cell(), "spike_stamp"))[0] == pytest.approx(steps * 0.1, abs=1e-9)


@pytest.mark.parametrize(
    ("t_ref", "undone", "interval"),
    [
        # The contract's interval is ceil(19.6166/0.1) = 197 steps and the refractory ones.
        ("2 ms", (), 21.6),
        ("2 ms", ("refractory_count",), 21.7),
        ("0 ms", (), 19.7),
        ("0 ms", ("refractory_count",), 19.7),
        ("0.1 ms", (), 19.7),
        ("0.1 ms", ("refractory_count",), 19.8),
        ("2.05 ms", (), 21.6),
        ("2.05 ms", ("refractory_rounding",), 21.7),
        ("2.05 ms", ("refractory_count",), 21.7),
        ("2.05 ms", ("refractory_count", "refractory_rounding"), 21.8),
        ("2 ms", ("initial_instant",), 21.6),
        ("2 ms", ("refractory_arrivals",), 21.6),
        ("2 ms", ALL, 21.7),
    ],
)
def test_refractoriness(t_ref, undone, interval):
    times = times_of(run(one_cell(t_ref), *undone))
    assert len(times) == 3
    np.testing.assert_allclose(np.diff(times), interval, atol=1e-9)


def test_raw_integrates_a_linear_equation_exactly():
    recording = run(one_cell())
    assert "cell: integrated by Brian2's 'exact'" in recording.notes
    v = recording.traces["cell", "v"].values[:, 0]
    # v(t) = E_L + RI·(1 - exp(-t/tau)) to round-off, up to the spike
    t = np.arange(190) * 0.1
    np.testing.assert_allclose(v[:190], -65 + 24 * (1 - np.exp(-t / 20)), atol=1e-11)


def test_raw_takes_euler_where_the_equations_are_not_linear():
    experiment = Experiment(
        name="iz", populations=(Population(name="cell", model=IZHIKEVICH, size=1),), duration="5 ms"
    )
    notes = run(realize(experiment)).notes
    assert "cell: integrated by Brian2's 'euler'" in notes
    aligned = run(realize(experiment), mode="aligned").notes
    assert "cell: integrated by 'guarded_rk4', in Brian2's own code" in aligned


def test_samples_begin_each_step_and_miss_the_end():
    raw, undone = run(one_cell()), run(one_cell(), "recording_phase")
    assert raw.traces["cell", "v"].values.shape == (700, 1)
    assert undone.traces["cell", "v"].values.shape == (701, 1)
    np.testing.assert_array_equal(
        raw.traces["cell", "v"].values, undone.traces["cell", "v"].values[:700]
    )
    v = raw.traces["cell", "v"].values[:, 0]
    assert v[196] == pytest.approx(-65 + 24 * (1 - np.exp(-19.6 / 20)), abs=1e-11)
    assert v[197] == -65


@pytest.mark.parametrize(("undone", "first"), [((), 11.2), (("source_delivery",), 11.1)])
@pytest.mark.parametrize("more", [(), ("initial_instant",), ("delivery_order",)])
def test_given_spikes_come_one_step_late(undone, first, more):
    realization = one_cell(
        current="0 pA", trains=[[10]], receptor="current", weight="100 pA", delay="1 ms"
    )
    recording = run(realization, *undone, *more)
    v = recording.traces["cell", "v"].values[:, 0]
    # An arrival changes the current; the potential follows one step later.
    assert np.flatnonzero(v != -65)[0] == round(first / 0.1)


@pytest.mark.parametrize(
    ("time", "undone", "first"),
    [(10.0, (), 11.2), (10.04, (), 11.2), (10.07, (), 11.2), (10.07, ("source_rounding",), 11.3)],
)
def test_given_spikes_are_put_in_the_step_before(time, undone, first):
    realization = one_cell(
        current="0 pA", trains=[[time]], receptor="current", weight="100 pA", delay="1 ms"
    )
    v = run(realization, *undone).traces["cell", "v"].values[:, 0]
    assert np.flatnonzero(v != -65)[0] == round(first / 0.1)


@pytest.mark.parametrize(
    ("delay", "raw", "contract"),
    [(1.04, 10, 10), (1.05, 11, 11), (1.06, 11, 11), (0.25, 3, 3), (0.15, 1, 2)],
)
@pytest.mark.parametrize("more", [(), ("delivery_order",)])
def test_delays_are_rounded(delay, raw, contract, more):
    realization = one_cell(
        current="0 pA", trains=[[10]], receptor="kick", weight="1 mV", delay=f"{delay} ms"
    )
    for undone, steps in (((), raw), (("delay_rounding",), contract)):
        v = run(realization, *undone, *more).traces["cell", "v"].values[:, 0]
        # A kick is seen at the sample after it, and given spikes are one step late.
        assert np.flatnonzero(v != -65)[0] == 100 + steps + 1


def test_a_delay_between_cells_is_as_it_says():
    experiment = Experiment(
        name="pair",
        populations=(
            Population(name="cell", model=LIF, size=1),
            Population(name="target", model=LIF, size=1, receptors={"kick": Delta()}),
        ),
        projections=(
            Projection(
                source="cell",
                target="target",
                receptor="kick",
                rule=AllToAll(),
                weight="1 mV",
                delay="3 ms",
            ),
        ),
        inputs=(ConstantInput(name="bias", population="cell", amplitude="300 pA"),),
        records=(Record(population="target", variables=("v",)),),
        duration="30 ms",
    )
    realization = realize(experiment)
    for undone in [(), *((name,) for name in ALL), ALL]:
        v = run(realization, *undone).traces["target", "v"].values[:, 0]
        assert np.flatnonzero(v != -65)[0] == 197 + 30, undone


@pytest.mark.parametrize(
    ("undone", "gate"), [((), 1 - 0.7**2), (("arrival_sum",), 0.6), (ALL, 0.6)]
)
def test_arrivals_at_one_instant_act_one_after_the_other(undone, gate):
    cell = NeuronModel(name="Gate", equations="ds/dt = -s/(5*ms) : 1")
    receptor = CustomReceptor(equations="", on_pre="s += w*(1 - s)")
    experiment = Experiment(
        name="gate",
        populations=(
            Population(name="cell", model=cell, size=1, receptors={"gate": receptor}),
            SpikeTrains(name="given", times=[[1], [1]]),
        ),
        projections=(
            Projection(
                source="given",
                target="cell",
                receptor="gate",
                rule=AllToAll(),
                weight="0.3",
                delay="1 ms",
            ),
        ),
        records=(Record(population="cell", variables=("s",)),),
        duration="3 ms",
    )
    s = run(realize(experiment), *undone).traces["cell", "s"].values[:, 0]
    # Given spikes are one step late in raw.
    assert s[20 if undone == ALL else 21] == pytest.approx(gate, abs=1e-12)


def test_arrivals_with_a_spike_are_wiped_by_the_reset():
    # Step 197 spikes; a kick arrives at the same instant.
    realization = one_cell(
        "0 ms", trains=[[18.6]], receptor="kick", weight="-5 mV", delay="1 ms", duration="25 ms"
    )
    quiet = one_cell("0 ms", duration="25 ms")
    assert times_of(run(quiet)) == pytest.approx([19.6])
    assert times_of(run(realization)) == pytest.approx([19.6])
    # Arriving first, the inhibitory kick keeps the cell from spiking.
    assert len(times_of(run(realization, "delivery_order"))) == 0


@pytest.mark.parametrize(("undone", "kicked"), [((), False), (("refractory_arrivals",), True)])
def test_arrivals_at_the_end_of_refractoriness(undone, kicked):
    # The spike of contract step 197 is held for 19 steps in raw: until 216.
    def trace(steps, *more):
        realization = one_cell(
            trains=[[steps * 0.1 - 1.1]], receptor="kick", weight="1 mV", delay="1 ms"
        )
        return run(realization, *undone, *more).traces["cell", "v"].values[:, 0]

    # With refractory_count undone until 217.
    for more, end in ((), 216), (("refractory_count",), 217):
        quiet = run(one_cell(), *undone, *more).traces["cell", "v"].values[:, 0]
        for steps, expected in ((end - 1, False), (end, kicked), (end + 1, True)):
            assert (trace(steps, *more)[steps] != quiet[steps]) == expected, (more, steps)


def test_the_initial_values_are_not_tested():
    experiment = Experiment(
        name="above",
        populations=(Population(name="cell", model=LIF, size=2, initial={"v": "-40 mV"}),),
        duration="1 ms",
    )
    realization = realize(experiment)
    assert times_of(run(realization, "spike_stamp")) == pytest.approx([0.1, 0.1])
    assert times_of(run(realization, "spike_stamp", "initial_instant")) == pytest.approx([0, 0])
    assert times_of(run(realization)) == pytest.approx([0, 0])


def test_turning_the_schedule_changes_nothing_else():
    realization = one_cell(
        trains=[[3, 10, 21]], receptor="current", weight="100 pA", delay="1.2 ms"
    )
    raw, turned = run(realization), run(realization, "initial_instant")
    np.testing.assert_array_equal(times_of(raw), times_of(turned))
    np.testing.assert_array_equal(raw.traces["cell", "v"].values, turned.traces["cell", "v"].values)


def test_runge_kutta_sees_a_step_inside_its_stages():
    model = NeuronModel(
        name="Integral", equations="dx/dt = I/ms : 1\nI : 1 (input)", initial={"x": "0"}
    )
    experiment = Experiment(
        name="step",
        populations=(Population(name="cell", model=model, size=1),),
        inputs=(StepInput(name="step", population="cell", amplitude="1", start="0.5 ms"),),
        records=(Record(population="cell", variables=("x",)),),
        duration="1 ms",
    )
    realization = realize(experiment)
    raw = run(realization, method="rk4").traces["cell", "x"].values[:, 0]
    held = run(realization, "input_hold", method="rk4").traces["cell", "x"].values[:, 0]
    # The last stage of the step that ends at 0.5 ms has weight 1/6.
    assert raw[5] == pytest.approx(0.1 / 6, abs=1e-12)
    np.testing.assert_allclose(held, np.maximum(np.arange(10) - 5, 0) * 0.1, atol=1e-12)


def test_aligned_linear_cells_are_exact():
    realization = one_cell(
        current="0 pA", trains=[[1]], receptor="current", weight="200 pA", delay="1 ms"
    )
    recording = run(realization, mode="aligned")
    assert "cell: integrated by Brian2's 'exact'" in recording.notes
    trace = recording.traces["cell", "v"]
    t = np.maximum(trace.times - 2.0, 0)
    # dv/dt = (R·I - v)/tau with I = w·exp(-t/tau_s): R·w·tau_s/(tau - tau_s)·(e^{-t/tau} - e^{-t/tau_s})
    psp = 0.08 * 200 * 5 / (20 - 5) * (np.exp(-t / 20) - np.exp(-t / 5))
    np.testing.assert_allclose(trace.values[:, 0], -65 + psp, atol=1e-11)


def test_equal_time_constants_divide_by_zero_in_raw_only():
    experiment = Experiment(
        name="equal",
        populations=(
            Population(
                name="cell", model=LIF, size=1, receptors={"x": ExponentialCurrent(tau="20 ms")}
            ),
        ),
        records=(Record(population="cell", variables=("v",)),),
        duration="2 ms",
    )
    realization = realize(experiment)
    with pytest.raises(RunError, match=r"cell\.v of cell 0 is nan"):
        run(realization)
    notes = run(realization, mode="aligned").notes
    assert any(
        "'guarded_rk4', in Brian2's own code ('exact' was passed over" in note for note in notes
    )


# --- code generation, refusals, the process ---------------------------------------------------------


def test_a_method_that_does_not_take_the_equations_is_refused():
    experiment = Experiment(
        name="fhn",
        populations=(Population(name="cell", model=FITZHUGH_NAGUMO, size=1),),
        duration="1 ms",
    )
    for method in ("exact", "exponential_euler"):
        with pytest.raises(UnsupportedError, match=f"'{method}' does not take .* of cell"):
            run(realize(experiment), method=method)


def test_unknown_conventions_and_targets_are_refused():
    realization = one_cell(duration="1 ms")
    with pytest.raises(UnsupportedError, match="no convention 'spike_stmp' to undo"):
        run(realization, "spike_stmp")
    with pytest.raises(UnsupportedError, match="no target 'fortran'"):
        BRIAN2.run(realization, Settings(target="fortran"))


def test_without_a_compiler_cython_is_refused(monkeypatch):
    from coincide.backends.brian2 import target

    monkeypatch.setattr(target.shutil, "which", lambda name: None)
    realization = one_cell(duration="1 ms")
    with pytest.raises(UnsupportedError, match="there is no C\\+\\+ compiler"):
        BRIAN2.run(realization, Settings(target="cython"))
    assert "Brian2 generated numpy code" in BRIAN2.run(realization, Settings()).notes


def test_the_target_follows_from_the_cost(everything):
    from coincide.backends.brian2 import backend
    from coincide.backends.brian2.target import choose_target, mark_compiled

    prepared = backend._prepare(everything, Settings())
    assert prepared.target == "numpy"

    def choose(n_steps):
        return choose_target(
            prepared.blocks, prepared.codes, len(prepared.links), n_steps, prepared.key
        )

    assert choose(100_000_000) == "cython"
    mark_compiled(prepared.key)
    assert choose(10_000) == "cython"
    assert choose(100) == "numpy"


def test_brian2_is_left_as_it_was():
    import brian2

    before = brian2.prefs.codegen.target, float(brian2.defaultclock.dt)
    recording = run(one_cell(duration="1 ms"), mode="lockstep")
    assert recording.build_s > 0
    assert recording.run_s > 0
    assert (brian2.prefs.codegen.target, float(brian2.defaultclock.dt)) == before


def test_progress_is_reported():
    seen: list[float] = []
    BRIAN2.run(one_cell(duration="500 ms"), Settings(), seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert seen == sorted(seen)


@pytest.mark.parametrize(("argument", "expected"), [("run", "False"), ("compare", "True")])
def test_only_a_run_process_leaves_matplotlib_out(argument, expected):
    program = f"""
import sys
from coincide.comparisons.cli import main
sys.argv = ["coincide", "{argument}", "--help"]
main()
from coincide.backends.brian2.library import import_brian2
import_brian2()
print("matplotlib.pyplot" in sys.modules, sys.modules.get("pylab", "absent") is None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == [expected, "False"]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp_standalone"])
def test_compiled_targets_coincide_too(target):
    model = NeuronModel(
        name="Every",
        equations="""
        dv/dt = (exprel(-abs(v)/mV)*mV - v + clip(I, 0*mV, 9*mV) + slope)/tau : mV (unless refractory)
        slope = (floor(v/mV) - ceil(v/mV) + sign(v)*maximum(0.5, minimum(v/mV, 1)) + ratio)*mV : mV
        ratio = (0 if v <= 0*mV else mV/v*expm1(-v/mV)) : 1
        I : mV (input)
        tau : ms
        """,
        threshold="v > 5*mV",
        reset="v = -1*mV",
        refractory="1 ms",
        parameters={"tau": Uniform(low="4 ms", high="6 ms")},
        initial={"v": "0 mV"},
    )
    experiment = Experiment(
        name="every",
        populations=(
            Population(name="cell", model=model, size=5, receptors={"kick": Delta()}),
            SpikeTrains(name="given", times=[[1, 1, 2], [3, 7]]),
        ),
        projections=(
            Projection(
                source="given",
                target="cell",
                receptor="kick",
                rule=AllToAll(),
                weight="1 mV",
                delay="1 ms",
            ),
        ),
        inputs=(
            WhiteNoiseInput(
                name="noise", population="cell", mean="7 mV", std="1 mV", interval="1 ms"
            ),
            StepInput(name="step", population="cell", amplitude="1 mV", start="5 ms", cells=(1, 3)),
        ),
        records=(Record(population="cell", variables=("v",)),),
        duration="30 ms",
    )
    realization = realize(experiment)
    expected = REFERENCE.run(realization, Settings())
    assert len(expected.spikes["cell"]) > 10
    recording = BRIAN2.run(realization, Settings(target=target))
    assert f"Brian2 generated {target} code" in recording.notes
    assert_coincide(recording, expected)
