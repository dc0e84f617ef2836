"""The oracle against closed forms: it judges the simulators, so nothing but mathematics judges it."""

import numpy as np
import pytest

from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import (
    ConstantInput,
    RampInput,
    SineInput,
    StepInput,
    TimeSeriesInput,
    UniformNoiseInput,
)
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, Explicit, OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import (
    AlphaCurrent,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
)
from coincide.core.settings import Settings

TAU, E_L, V_TH, R = 20.0, -65.0, -50.0, 0.08

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


def experiment(populations, duration="50 ms", dt="0.1 ms", record=("v",), **parts):
    return Experiment(
        name="test",
        populations=populations,
        duration=duration,
        dt=dt,
        records=[Record(population="p", variables=record)] if record else [],
        **parts,
    )


def run(given, method="auto", **backend):
    return OracleBackend(**backend).run(realize(given), Settings(mode="aligned", method=method))


def cells(size=1, model=LIF, **fields):
    return Population(name="p", model=model, size=size, **fields)


def trains(*times, name="s"):
    return SpikeTrains(name=name, times=times)


def onto(weight, delay, receptor="kick", source="s", name="", rule=None):
    return Projection(
        source=source,
        target="p",
        receptor=receptor,
        rule=rule or AllToAll(),
        weight=weight,
        delay=delay,
        name=name,
    )


BIAS = ConstantInput(name="bias", population="p", amplitude="300 pA")


# -- spikes of one cell -----------------------------------------------------------------------


@pytest.mark.parametrize("t_ref", [0.0, 2.0, 2.05])
@pytest.mark.parametrize(("method", "within"), [("dop853", 1e-9), ("lsoda", 1e-8), ("radau", 1e-9)])
def test_intervals_of_a_leaky_cell_are_those_of_the_closed_form(method, within, t_ref):
    given = experiment([cells(parameters={"t_ref": f"{t_ref} ms"})], "200 ms", inputs=[BIAS])
    times = run(given, method).spikes["p"].times
    drive = R * 300.0
    rise = TAU * np.log(drive / (drive - (V_TH - E_L)))
    expected = rise + np.arange(20) * (rise + t_ref)
    expected = expected[expected < 200.0]
    assert times.size == expected.size > 5
    np.testing.assert_allclose(times, expected, rtol=0, atol=within)
    # Measured with NEST's precise models: facts/conventions.md.
    assert times[0] == pytest.approx(19.616585, abs=1e-6)


def test_every_cell_has_its_own_refractory_time():
    given = experiment(
        [cells(2, parameters={"t_ref": {"values": [0.3, 5.123], "unit": "ms"}})],
        "100 ms",
        inputs=[BIAS],
    )
    spikes = run(given).spikes["p"]
    rise = TAU * np.log(24 / 9)
    for cell, t_ref in enumerate((0.3, 5.123)):
        assert np.diff(spikes.times[spikes.cells == cell])[0] == pytest.approx(
            rise + t_ref, abs=1e-9
        )


@pytest.mark.parametrize("threshold", ["v > -50*mV", "not (v <= -50*mV)"])
def test_an_asymptote_at_the_threshold_is_never_a_spike(threshold):
    model = LIF.model_copy(update={"threshold": threshold})
    at = ConstantInput(name="at", population="p", amplitude="187.5 pA")  # R*I is 15 mV
    quiet = run(experiment([cells(model=model)], "2000 ms", inputs=[at], record=None))
    assert len(quiet.spikes["p"]) == 0
    above = ConstantInput(name="at", population="p", amplitude="187.50001 pA")
    spiking = run(experiment([cells(model=model)], "2000 ms", inputs=[above], record=None))
    rise = TAU * np.log(15.0000008 / 0.0000008)
    # The rise ends at a slope of 4e-8 mV/ms, so 1e-13 mV of round-off are 3e-6 ms.
    assert spiking.spikes["p"].times[0] == pytest.approx(rise, abs=1e-4)


@pytest.mark.parametrize(("factor", "n_spikes"), [(1 - 1e-6, 1), (1 + 1e-6, 0)])
def test_a_peak_that_grazes_the_threshold_within_a_step_is_seen(factor, n_spikes):
    # Three equal filters in a row: v = s²/2·e^{-s} with s = t/τ, whose peak is 2·e^{-2} at s = 2.
    model = NeuronModel(
        name="bump",
        equations="""
        da/dt = -a/tau : 1
        db/dt = (a - b)/tau : 1
        dv/dt = (b - v)/tau : 1
        tau : ms
        top : 1
        """,
        threshold="v > top",
        reset="v = v - 10",
        parameters={"tau": "10 ms", "top": factor * 2 * np.exp(-2.0)},
        initial={"a": 1.0},
    )
    spikes = run(experiment([cells(model=model)], "100 ms")).spikes["p"]
    assert len(spikes) == n_spikes
    if n_spikes:
        # Near its top v is v_top·(1 - (s - 2)²/4).
        assert spikes.times[0] == pytest.approx(20.0 - 10.0 * np.sqrt(4e-6), abs=1e-4)


def test_a_threshold_of_two_conditions():
    model = NeuronModel(
        name="two",
        equations="dv/dt = 1/ms : 1\ndu/dt = -1/ms : 1",
        threshold="v > 3 and not u >= -5",
        reset="v = 0; u = 0",
    )
    times = run(experiment([cells(model=model)], "12 ms")).spikes["p"].times
    np.testing.assert_allclose(times, [5.0, 10.0], atol=1e-9)


SQUID = NeuronModel(
    name="squid",
    equations="""
    dv/dt = (g_Na*m**3*h*(E_Na - v) + g_K*n**4*(E_K - v) + g_L*(E_L - v) + I)/C : mV
    dm/dt = (a_m*(1 - m) - b_m*m)/ms : 1
    dh/dt = (a_h*(1 - h) - b_h*h)/ms : 1
    dn/dt = (a_n*(1 - n) - b_n*n)/ms : 1
    x = v/mV : 1
    a_m = 1/exprel(-(x + 40)/10) : 1
    b_m = 4*exp(-(x + 65)/18) : 1
    a_h = 0.07*exp(-(x + 65)/20) : 1
    b_h = 1/(1 + exp(-(x + 35)/10)) : 1
    a_n = 0.1/exprel(-(x + 55)/10) : 1
    b_n = 0.125*exp(-(x + 65)/80) : 1
    I : pA (input)
    C : pF
    g_Na : nS
    g_K : nS
    g_L : nS
    E_Na : mV
    E_K : mV
    E_L : mV
    """,
    threshold="v > 10*mV",
    parameters={
        "C": "100 pF",
        "g_Na": "12000 nS",
        "g_K": "3600 nS",
        "g_L": "30 nS",
        "E_Na": "50 mV",
        "E_K": "-77 mV",
        "E_L": "-54.3 mV",
    },
    initial={
        "v": "-65 mV",
        "m": "1/exprel(2.5)/(1/exprel(2.5) + 4)",
        "h": "0.07/(0.07 + 1/(1 + exp(3)))",
        "n": "0.1/exprel(1)/(0.1/exprel(1) + 0.125)",
    },
    source="Hodgkin & Huxley 1952, J. Physiol. 117:500",
)


@pytest.mark.parametrize("method", ["dop853", "lsoda", "radau"])
def test_a_squid_axon_spikes_when_it_was_measured_to(method):
    step = StepInput(name="step", population="p", amplitude="1 nA", start="10 ms")
    times = run(experiment([cells(model=SQUID)], "42 ms", inputs=[step]), method).spikes["p"].times
    # facts/purkinje.md: two independent computations, at rtol 1e-10.
    measured = [11.93373489, 26.85272802, 41.48853869]
    assert times.size == 3
    np.testing.assert_allclose(times, measured, rtol=0, atol=1e-6)


def test_a_cell_above_its_threshold_at_the_start_has_not_crossed_it():
    model = NeuronModel(
        name="down", equations="dv/dt = -v/(10*ms) : 1", threshold="v > 0.5", initial={"v": 1.0}
    )
    assert len(run(experiment([cells(model=model)])).spikes["p"]) == 0
    model = NeuronModel(
        name="wave",
        equations="dv/dt = y/ms : 1\ndy/dt = -v/ms : 1",
        threshold="v > 0.5",
        initial={"v": 1.0},
    )
    times = run(experiment([cells(model=model)])).spikes["p"].times
    expected = 2 * np.pi * np.arange(1, 9) - np.pi / 3
    np.testing.assert_allclose(times, expected, rtol=0, atol=1e-9)


def test_quadratic_cells_that_run_to_infinity():
    # dv/dt = v² + 1, v(0) = 0: v = tan t reaches v_p at atan(v_p), from -v_p on after twice that.
    model = NeuronModel(
        name="QIF", equations="dv/dt = (v**2 + 1)/ms : 1", threshold="v > 1e6", reset="v = -1e6"
    )
    times = run(experiment([cells(model=model)], "10 ms")).spikes["p"].times
    once = np.arctan(1e6)
    np.testing.assert_allclose(times, [once, 3 * once, 5 * once], rtol=0, atol=1e-9)


IZHIKEVICH = NeuronModel(
    name="RS",
    equations="""
    dv/dt = (0.04*v**2 + 5*v + 140 - u + I)/ms : 1
    du/dt = 0.02*(0.2*v - u)/ms : 1
    I : 1 (input)
    """,
    threshold="v >= 30",
    reset="v = -65; u += 8",
    initial={"v": -65.0, "u": -13.0},
)


def test_a_tighter_tolerance_does_not_move_the_spikes():
    drive = ConstantInput(name="drive", population="p", amplitude=10.0)
    given = experiment([cells(model=IZHIKEVICH)], "300 ms", inputs=[drive])
    loose, tight = (run(given, relative=r).spikes["p"].times for r in (1e-9, 1e-12))
    assert loose.size == tight.size > 4
    difference = np.max(np.abs(loose - tight))
    assert 0 < difference < 1e-6


# -- arrivals ---------------------------------------------------------------------------------


def psp(receptor, weight, closed_form, initial=E_L, within=1e-9):
    """A spike at 3.217 ms over 1.043 ms, on no grid: v - E_L against its closed form."""
    given = experiment(
        [cells(receptors={"r": receptor}, initial={"v": f"{initial} mV"}), trains([3.217])],
        projections=[onto(weight, "1.043 ms", "r")],
    )
    trace = run(given).traces[("p", "v")]
    since = trace.times - 4.26
    expected = np.where(since < 0, 0.0, closed_form(np.maximum(since, 0.0)))
    np.testing.assert_allclose(trace.values[:, 0] - E_L, expected, rtol=0, atol=within)
    assert np.max(np.abs(expected)) > 0.1


def test_a_kick_at_its_exact_time():
    psp(Delta(), "3 mV", lambda s: 3 * np.exp(-s / TAU))


def test_the_potential_after_an_exponential_current():
    scale = R * 100.0 * 5.0 / (TAU - 5.0)
    psp(
        ExponentialCurrent(tau="5 ms"),
        "100 pA",
        lambda s: scale * (np.exp(-s / TAU) - np.exp(-s / 5.0)),
    )


def test_the_potential_after_an_alpha_current():
    tau = 5.0
    k = 1 / tau - 1 / TAU
    # ∫ e^{-(s-x)/τ_m}·R·w·e·x/τ·e^{-x/τ} dx/τ_m
    scale = R * 100.0 * np.e / tau / TAU
    psp(
        AlphaCurrent(tau="5 ms"),
        "100 pA",
        lambda s: scale * np.exp(-s / TAU) * (1 / k**2 - np.exp(-k * s) * (s / k + 1 / k**2)),
    )


def test_conductances_decay_and_peak_as_described():
    # A jump of w that decays with τ; of peak w that rises and decays.
    given = experiment(
        [
            cells(
                receptors={
                    "e": ExponentialConductance(tau="5 ms", reversal="0 mV"),
                    "d": DoubleExponentialConductance(
                        tau_rise="1 ms", tau_decay="8 ms", reversal="-65 mV"
                    ),
                }
            ),
            trains([3.217]),
        ],
        record=("g_e", "decay_d", "rise_d"),
        projections=[onto("2 nS", "1.043 ms", "e"), onto("2 nS", "1.043 ms", "d")],
        dt="0.001 ms",
        duration="10 ms",
    )
    traces = run(given).traces
    trace = traces[("p", "g_e")]
    since = trace.times - 4.26
    here = np.where(since < -1e-9, 0.0, 2 * np.exp(-np.maximum(since, 0) / 5))
    np.testing.assert_allclose(trace.values[:, 0], here, rtol=0, atol=1e-10)
    double = traces[("p", "decay_d")].values[:, 0] - traces[("p", "rise_d")].values[:, 0]
    # Between the samples around a peak at which the slope is 0 nothing is higher by more than dt².
    assert double.max() == pytest.approx(2.0, abs=1e-6)
    peak = 8 / 7 * np.log(8.0)
    assert trace.times[np.argmax(double)] - 4.26 == pytest.approx(peak, abs=1e-3)


def test_arrivals_at_one_instant_add_although_their_sums_differ_by_round_off():
    early, late = 0.1 + 0.7, 0.3 + 0.5
    assert early != late
    assert early == pytest.approx(late)
    population = cells(receptors={"kick": Delta()})
    both = experiment(
        [population, trains([0.1], name="a"), trains([0.3], name="b")],
        projections=[onto("20 mV", "0.7 ms", source="a"), onto("-12 mV", "0.5 ms", source="b")],
    )
    assert len(run(both).spikes["p"]) == 0
    alone = both.with_(projections=[both.to_dict()["projections"][0]])
    assert run(alone).spikes["p"].times == pytest.approx([0.8], abs=1e-12)


def test_arrivals_while_refractory_are_lost_up_to_its_very_end():
    # A spike at 1 by a kick; refractory until 3. A kick at 2.9999 is lost, one at 3 acts.
    for second, n_spikes in ((2.4999, 1), (2.5, 2), (2.5001, 2)):
        given = experiment(
            [cells(receptors={"kick": Delta()}), trains([0.5, second])],
            projections=[onto("20 mV", "0.5 ms")],
            duration="10 ms",
        )
        times = run(given).spikes["p"].times
        assert times == pytest.approx([1.0, second + 0.5][:n_spikes], abs=1e-12)


def test_a_conductance_takes_arrivals_while_its_cell_is_refractory():
    given = experiment(
        [
            cells(receptors={"kick": Delta(), "g": ExponentialCurrent(tau="5 ms")}),
            trains([0.5]),
            trains([1.25], name="late"),
        ],
        projections=[onto("20 mV", "0.5 ms"), onto("100 pA", "0.5 ms", "g", source="late")],
        record=("v", "current_g"),
        duration="5 ms",
    )
    traces = run(given).traces
    assert traces[("p", "current_g")].values[20, 0] == pytest.approx(
        100 * np.exp(-0.25 / 5), abs=1e-9
    )
    v = traces[("p", "v")].values[:, 0]
    assert np.all(v[10:31] == E_L)  # the spike at 1 resets, v stays until 3
    assert v[31] > E_L


def test_two_cells_that_reach_each_other_over_exact_delays():
    # Cell 0 is driven; each kick over threshold is a spike at once, so spikes come in exact pairs.
    first = TAU * np.log(24 / 9)
    given = experiment(
        [cells(2, receptors={"kick": Delta()}, parameters={"t_ref": "3 ms"})],
        inputs=[ConstantInput(name="bias", population="p", amplitude="300 pA", cells=[0])],
        projections=[
            onto(
                {"values": [16.0, 16.0], "unit": "mV"},
                {"values": [1.2345, 4.3456], "unit": "ms"},
                source="p",
                rule=Explicit(pre=[0, 1], post=[1, 0]),
            )
        ],
        duration="40 ms",
    )
    spikes = run(given).spikes["p"]
    there, back = 1.2345, 4.3456
    expected = first + (there + back) * np.arange(4)
    np.testing.assert_allclose(spikes.times[spikes.cells == 0], expected[expected < 40], atol=1e-9)
    echoes = expected + there
    np.testing.assert_allclose(spikes.times[spikes.cells == 1], echoes[echoes < 40], atol=1e-9)


def test_many_windows_of_a_short_delay_change_nothing():
    # A projection of weight 0 makes the windows 0.1 ms short; the spikes stay where they are.
    plain = experiment([cells(3, receptors={"kick": Delta()})], "100 ms", inputs=[BIAS])
    idle = plain.with_(
        projections=[onto("0 mV", "0.1 ms", source="p", rule=OneToOne()).model_dump(mode="json")]
    )
    a, b = run(plain), run(idle)
    np.testing.assert_allclose(b.spikes["p"].times, a.spikes["p"].times, rtol=0, atol=1e-9)
    trace = ("p", "v")
    np.testing.assert_allclose(b.traces[trace].values, a.traces[trace].values, rtol=0, atol=1e-9)


# -- inputs -----------------------------------------------------------------------------------


def held(since, amplitude):
    return R * amplitude * (1 - np.exp(-np.maximum(since, 0.0) / TAU))


def potential(*inputs, duration="50 ms", method="auto"):
    trace = run(experiment([cells()], duration, inputs=inputs), method).traces[("p", "v")]
    return trace.times, trace.values[:, 0] - E_L


def test_a_step_begins_and_ends_between_the_samples():
    step = StepInput(
        name="i", population="p", amplitude="100 pA", start="5.037 ms", stop="17.761 ms"
    )
    times, v = potential(step)
    expected = held(times - 5.037, 100.0) - held(times - 17.761, 100.0)
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-9)


def test_a_ramp_is_followed_not_held():
    ramp = RampInput(
        name="i", population="p", initial="0 pA", final="100 pA", start="5.037 ms", stop="25.037 ms"
    )
    times, v = potential(ramp)

    def slope(since):
        s = np.maximum(since, 0.0)
        return R * 5.0 * (s - TAU * (1 - np.exp(-s / TAU)))

    np.testing.assert_allclose(v, slope(times - 5.037) - slope(times - 25.037), rtol=0, atol=1e-9)


@pytest.mark.parametrize("offset", [None, "30 pA"])
def test_a_sine_is_followed_not_held(offset):
    sine = SineInput(
        name="i",
        population="p",
        amplitude="100 pA",
        frequency="40 Hz",
        phase=0.3,
        start="5.037 ms",
        offset=offset,
    )
    times, v = potential(sine)
    s = np.maximum(times - 5.037, 0.0)
    w = 2 * np.pi * 0.04
    # τ·v' = -v + R·A·sin(w·s + φ): the steady part less its own start, decaying.
    lag = np.arctan(w * TAU)
    size = R * 100 / np.hypot(1, w * TAU)
    expected = size * (np.sin(w * s + 0.3 - lag) - np.sin(0.3 - lag) * np.exp(-s / TAU))
    if offset is not None:
        expected = expected + held(times - 5.037, 30.0)
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-9)


def test_frames_change_at_their_own_times():
    values = (100.0, -50.0, 80.0)
    series = TimeSeriesInput(name="i", population="p", values=values, unit="pA", interval="7.35 ms")
    times, v = potential(series)
    jumps = np.diff([0.0, *values])
    expected = sum(held(times - 7.35 * k, jump) for k, jump in enumerate(jumps))
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-9)


def test_frozen_noise_is_the_noise_that_was_drawn():
    noise = UniformNoiseInput(name="i", population="p", low="0 pA", high="100 pA", interval="1 ms")
    given = experiment([cells(3)], "20 ms", inputs=[noise])
    realization = realize(given)
    drawn = realization.populations["p"].inputs[0]
    v = OracleBackend().run(realization, Settings()).traces[("p", "v")].values - E_L
    decay = np.exp(-1 / TAU)
    expected = np.zeros(3)
    for frame in range(20):
        expected = expected * decay + R * drawn.values[frame, drawn.columns] * (1 - decay)
        np.testing.assert_allclose(v[10 * (frame + 1)], expected, rtol=0, atol=1e-9)


# -- a network --------------------------------------------------------------------------------


def test_the_reference_converges_to_it_in_a_network():
    rng = np.random.default_rng(5)
    given = experiment(
        [
            cells(
                20,
                initial={"v": {"distribution": "uniform", "low": "-65 mV", "high": "-50 mV"}},
                receptors={
                    "e": ExponentialConductance(tau="5 ms", reversal="0 mV"),
                    "i": DoubleExponentialConductance(
                        tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"
                    ),
                },
            ),
            trains(*(np.round(np.sort(rng.uniform(0, 50, 3)), 1) for _ in range(5))),
        ],
        inputs=[ConstantInput(name="bias", population="p", amplitude="280 pA")],
        projections=[onto("0.3 nS", "1 ms", "e"), onto("0.2 nS", "1.7 ms", "i", source="p")],
    )
    exact = run(given).spikes["p"]
    assert len(exact) > 30
    largest = []
    for dt in (0.05, 0.0125):
        found = ReferenceBackend().run(realize(given.with_(dt=f"{dt} ms")), Settings())
        spikes = found.spikes["p"]
        shifts = []
        for cell in range(20):
            a, b = exact.times[exact.cells == cell], spikes.times[spikes.cells == cell]
            assert a.size == b.size
            shifts += (b - a).tolist()
        largest.append(np.max(np.abs(shifts)))
    # Spikes are rounded up to the grid, so nothing converges faster than dt: a quarter, give or take.
    assert largest[0] < 4 * 0.05
    assert 2 < largest[0] / largest[1] < 8


# -- what it refuses, and how it chooses ------------------------------------------------------


@pytest.mark.parametrize("threshold", ["v == 1", "floor(v) > 0", "v != 1 or v > 3"])
def test_thresholds_without_a_distance_are_refused(threshold):
    model = NeuronModel(
        name="odd", equations="dv/dt = 1/ms : 1", threshold=threshold, reset="v = 0"
    )
    with pytest.raises(UnsupportedError, match="crossing cannot be located"):
        run(experiment([cells(model=model)]))


def test_large_networks_are_refused():
    with pytest.raises(UnsupportedError, match="501 cells"):
        run(experiment([cells(501)]))


def test_a_reset_above_threshold_is_an_error_not_a_hang():
    model = NeuronModel(
        name="stuck", equations="dv/dt = 1/ms : 1", threshold="v > 1", reset="v = v + 1"
    )
    with pytest.raises(RunError, match="spike without end"):
        run(experiment([cells(model=model)]))


@pytest.mark.parametrize("method", ["auto", "lsoda"])
def test_stiff_equations_are_given_to_an_implicit_method(method):
    model = NeuronModel(
        name="stiff",
        equations="dv/dt = (x - v)/fast : 1\ndx/dt = -x/slow : 1\nfast : ms\nslow : ms",
        parameters={"fast": "0.0001 ms", "slow": "10 ms"},
        initial={"v": 1.0, "x": 1.0},
    )
    given = experiment([cells(model=model)], "100 ms")
    recording = run(given, method)
    assert any("Radau" in note for note in recording.notes) is (method == "auto")
    # DOP853 would be held to a step of 0.0006 ms.
    assert recording.provenance["steps"] < 10_000
    trace = recording.traces[("p", "v")]
    # After the fast transient v = x/(1 - fast/slow).
    expected = np.exp(-trace.times / 10) / (1 - 1e-5)
    np.testing.assert_allclose(trace.values[1:, 0], expected[1:], rtol=0, atol=1e-9)


def test_the_three_modes_are_the_same():
    realization = realize(experiment([cells()], inputs=[BIAS]))
    runs = [
        OracleBackend().run(realization, Settings(mode=mode))
        for mode in ("raw", "aligned", "lockstep")
    ]
    for other in runs[1:]:
        assert np.array_equal(other.spikes["p"].times, runs[0].spikes["p"].times)
        assert np.array_equal(other.traces[("p", "v")].values, runs[0].traces[("p", "v")].values)


def test_inputs_that_jump_where_a_fiftieth_of_the_run_ends_are_followed() -> None:
    """A window ends after a fiftieth of the run or where an input jumps; by round-off the two differ."""
    tau, interval, n = 3.0, 0.2, 25
    values = np.sin(np.arange(n)) * 10.0
    model = NeuronModel(
        name="passive",
        equations="dv/dt = (I - v)/tau : mV\nI : mV (input)\ntau : ms",
        parameters={"tau": f"{tau} ms"},
    )
    experiment = Experiment(
        name="jumps",
        populations=(Population(name="cells", model=model, size=1),),
        inputs=(
            TimeSeriesInput(
                name="drive",
                population="cells",
                values=tuple(values),
                unit="mV",
                interval=f"{interval} ms",
            ),
        ),
        records=(Record(population="cells", variables=("v",)),),
        duration="5 ms",
        dt="0.01 ms",
    )
    found = OracleBackend().run(realize(experiment), Settings(mode="aligned"))
    per = round(interval / 0.01)
    expected = [0.0]
    for k in range(n):
        times = np.arange(1, per + 1) * 0.01
        expected += list(values[k] + (expected[-1] - values[k]) * np.exp(-times / tau))
    assert found.traces["cells", "v"].values[:, 0] == pytest.approx(np.array(expected), abs=1e-10)
