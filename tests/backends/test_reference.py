"""The reference: the clock contract sentence by sentence, and the order of its three schemes."""

import numpy as np
import pytest

from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, SineInput, StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, Explicit, Projection
from coincide.core.realize import realize
from coincide.core.receptors import CustomReceptor, Delta, ExponentialCurrent
from coincide.core.settings import Settings
from coincide.core.values import Array

METHODS = ("euler", "exponential_euler", "rk4")

# v counts milliseconds; with dt = 0.25 ms every number below is exact in binary.
COUNTER = NeuronModel(
    name="counter",
    equations="dv/dt = speed/ms : 1 (unless refractory)\ndx/dt = 1/ms : 1\nspeed : 1\nt_ref : ms",
    threshold="v > 2",
    reset="v = 0",
    refractory="t_ref",
    parameters={"speed": 1.0, "t_ref": "0 ms"},
)
STILL = {"speed": 0.0}
CROSSING = NeuronModel(name="crossing", equations="dv/dt = 0/ms : 1", threshold="v > 2")


def cells(size=1, model=COUNTER, **fields):
    return Population(name="p", model=model, size=size, **fields)


def trains(*times, name="s"):
    return SpikeTrains(name=name, times=times)


def onto(weight, delay, receptor="kick", source="s", rule=None):
    return Projection(
        source=source,
        target="p",
        receptor=receptor,
        rule=rule or AllToAll(),
        weight=weight,
        delay=delay,
    )


def run(*populations, method="euler", duration="10 ms", dt="0.25 ms", record=("v",), **parts):
    given = Experiment(
        name="test",
        populations=populations,
        duration=duration,
        dt=dt,
        records=[Record(population="p", variables=record)] if record else [],
        **parts,
    )
    return ReferenceBackend().run(realize(given), Settings(method=method))


def times(recording, cell=0):
    spikes = recording.spikes["p"]
    return spikes.times[spikes.cells == cell].tolist()


def values(recording, variable="v", cell=0):
    return recording.traces[("p", variable)].values[:, cell]


KICKED = {"receptors": {"kick": Delta()}}


# -- the contract, DESIGN §4 ------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_1_inputs_are_evaluated_at_the_begin_of_a_step_and_held_over_it(method):
    model = NeuronModel(name="integrator", equations="dv/dt = I/ms : 1\nI : 1 (input)")
    # From 1.1 to 2.1, to the nearest step (sentence 8) from 1 to 2: held over the steps from
    # t_n = 1, 1.25, 1.5 and 1.75.
    step = StepInput(name="i", population="p", amplitude=1.0, start="1.1 ms", stop="2.1 ms")
    v = values(run(cells(model=model), method=method, inputs=[step]))
    expected = np.clip(np.arange(41) * 0.25 - 1.0, 0.0, 1.0)
    # rk4 adds sixths: 0.25 to the last bit or two.
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-15)
    sine = SineInput(name="i", population="p", amplitude=1.0, frequency="100 Hz")
    v = values(run(cells(model=model), method=method, inputs=[sine]))
    t = np.arange(40) * 0.25
    np.testing.assert_allclose(np.diff(v), 0.25 * np.sin(2 * np.pi * t / 10), rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_2_only_what_is_unless_refractory_stays_while_refractory(method):
    recording = run(
        cells(parameters={"t_ref": "1 ms"}), method=method, duration="5 ms", record=("v", "x")
    )
    v, x = values(recording), values(recording, "x")
    np.testing.assert_allclose(x, np.arange(21) * 0.25, rtol=0, atol=1e-14)
    assert times(recording) == [2.25]
    # 2.25 is over the threshold of 2, strictly; then 4 steps of rest.
    assert v[9:14].tolist() == [0.0] * 5
    np.testing.assert_allclose(v[14:], np.arange(1, 8) * 0.25, rtol=0, atol=1e-14)


def test_3_arrivals_at_one_instant_add_before_the_threshold_is_tested():
    # 3 from train 0 and -1.5 from train 1 by another delay: 1.5 in all is under the threshold.
    recording = run(
        cells(parameters=STILL, **KICKED),
        trains([1.0], [1.5]),
        projections=[
            onto(
                {"values": [3.0, -1.5]},
                {"values": [1.5, 1.0], "unit": "ms"},
                rule=Explicit(pre=[0, 1], post=[0, 0]),
            )
        ],
    )
    assert times(recording) == []
    v = values(recording)
    assert v[9] == 0.0
    assert v[10] == 1.5


def test_3_all_arrivals_see_the_state_before_any_of_them():
    # Each adds (1 - x) times its weight; one after the other they would give 0.75.
    model = NeuronModel(name="gate", equations="dg/dt = 0/ms : 1")
    saturating = CustomReceptor(equations="", on_pre="g += (1 - g)*w")
    recording = run(
        cells(model=model, receptors={"r": saturating}),
        trains([1.0], [1.0]),
        projections=[onto(0.5, "1 ms", "r")],
        record=("g",),
    )
    assert values(recording, "g")[8] == 1.0


@pytest.mark.parametrize(
    ("second", "expected"),
    [(0.75, [1.0]), (1.25, [1.0]), (1.5, [1.0]), (1.75, [1.0, 2.0]), (2.0, [1.0, 2.25])],
)
def test_3_arrivals_are_lost_while_refractory_but_not_at_the_instant_it_ends(second, expected):
    # A kick at 1 makes it spike; refractory up to 2. The second kick acts 0.25 ms after `second`.
    recording = run(
        cells(parameters={**STILL, "t_ref": "1 ms"}, **KICKED),
        trains([0.75, second]),
        projections=[onto(3.0, "0.25 ms")],
    )
    assert times(recording) == expected
    assert np.all(values(recording) == 0.0)  # a lost kick leaves nothing behind


def test_3_a_receptor_takes_arrivals_while_its_cell_is_refractory():
    model = COUNTER.model_copy(update={"equations": COUNTER.equations + "\nI : 1 (input)"})
    recording = run(
        cells(
            model=model,
            parameters={**STILL, "t_ref": "5 ms"},
            receptors={"kick": Delta(), "syn": ExponentialCurrent(tau="1 ms")},
        ),
        trains([0.75], [1.75]),
        projections=[
            onto(3.0, "0.25 ms", rule=Explicit(pre=[0], post=[0])),
            onto(1.0, "0.25 ms", "syn", rule=Explicit(pre=[1], post=[0])),
        ],
        record=("current_syn",),
    )
    current = values(recording, "current_syn")
    assert current[7] == 0.0
    assert current[8] == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_4_a_spike_is_stamped_with_the_end_of_its_step_strictly_as_written(method):
    # v = 2 at t = 2 is not v > 2; v = 2.25 at 2.25 is. Every spike begins a new count.
    assert times(run(cells(), method=method)) == [2.25, 4.5, 6.75, 9.0]
    at_least = COUNTER.model_copy(update={"threshold": "v >= 2"})
    assert times(run(cells(model=at_least), method=method)) == [2.0, 4.0, 6.0, 8.0, 10.0]


def test_4_an_arrival_over_threshold_makes_a_spike_at_once():
    recording = run(
        cells(parameters=STILL, **KICKED), trains([1.0]), projections=[onto(2.5, "0.75 ms")]
    )
    assert times(recording) == [1.75]
    assert np.all(values(recording) == 0.0)  # the sample is taken after the reset


def test_4_without_a_reset_a_spike_is_where_the_condition_becomes_true():
    # Kicks lift v over 2 at 1 ms and 6 ms; in between -5 takes it down at 3 ms.
    recording = run(
        cells(model=CROSSING, receptors={"kick": Delta()}),
        trains([0.75, 5.75], [2.75]),
        projections=[onto(Array([5.0, -5.0]), "0.25 ms", rule=Explicit(pre=[0, 1], post=[0, 0]))],
    )
    # 2 ms above are one spike, not eight.
    assert times(recording) == [1.0, 6.0]


def test_4_what_is_above_threshold_at_the_start_has_not_crossed_it():
    recording = run(
        cells(model=CROSSING, initial={"v": 3.0}, receptors={"kick": Delta()}),
        trains([0.0, 4.0]),
        projections=[onto({"values": [-2.0]}, "1 ms")],
    )
    assert times(recording) == []
    recording = run(
        cells(model=CROSSING, initial={"v": 1.0}, receptors={"kick": Delta()}),
        trains([0.0, 4.0]),
        projections=[onto({"values": [2.0]}, "1 ms")],
    )
    assert times(recording) == [1.0]


@pytest.mark.parametrize(
    ("t_ref", "steps"),
    [("0.25 ms", 1), ("1 ms", 4), ("1.12 ms", 4), ("1.125 ms", 5), ("1.13 ms", 5)],
)
def test_5_refractoriness_holds_for_exactly_the_rounded_number_of_steps(t_ref, steps):
    # 9 steps of counting to 2.25, then `steps` steps of rest.
    found = np.array(times(run(cells(parameters={"t_ref": t_ref}))))
    expected = 2.25 + np.arange(10) * (9 + steps) * 0.25
    assert found.tolist() == expected[expected <= 10].tolist()


def test_5_resets_run_in_order_and_only_where_it_spiked():
    model = COUNTER.model_copy(update={"reset": "v = v - 2; x = v"})
    recording = run(
        cells(2, model=model, initial={"v": {"values": [0.0, -1.0]}}), record=("v", "x")
    )
    assert times(recording)[0] == 2.25
    assert times(recording, 1)[0] == 3.25
    # The second assignment sees the first.
    assert values(recording, "x")[9] == 0.25
    assert values(recording, "x", 1)[9] == 2.25


@pytest.mark.parametrize(("delay", "steps"), [("0.25 ms", 1), ("1 ms", 4), ("10 ms", 40)])
def test_6_a_spike_arrives_after_its_delay(delay, steps):
    # Cell 0 spikes at 2.25 and kicks cell 1, which does nothing else.
    recording = run(
        cells(2, parameters={"speed": {"values": [1.0, 0.0]}, "t_ref": "50 ms"}, **KICKED),
        projections=[onto(3.0, delay, source="p", rule=Explicit(pre=[0], post=[1]))],
        duration="15 ms",
    )
    assert times(recording) == [2.25]
    assert times(recording, 1) == [2.25 + 0.25 * steps]


def test_6_given_spikes_are_spikes_stamped_so_however_many_in_a_step():
    recording = run(
        cells(parameters=STILL, **KICKED), trains([1.0, 1.0, 1.0]), projections=[onto(0.5, "1 ms")]
    )
    v = values(recording)
    assert v[7] == 0.0
    assert v[8] == 1.5


@pytest.mark.parametrize("method", METHODS)
def test_7_samples_are_the_state_after_everything_one_more_than_steps(method):
    recording = run(cells(initial={"v": 0.5}), method=method)
    v, trace = values(recording), recording.traces[("p", "v")]
    assert v.size == 41
    assert trace.times[0] == 0.0
    assert trace.times[-1] == 10.0
    assert v[0] == 0.5
    assert v[6] == 2.0
    assert v[7] == 0.0  # 2.25 is never seen: the reset comes first


def test_7_at_the_start_the_threshold_acts_on_the_initial_values_and_nothing_moves():
    recording = run(
        cells(initial={"v": 3.0}, parameters={"t_ref": "1 ms"}), trains([0.0]), duration="5 ms"
    )
    assert times(recording) == [0.0, 3.25]
    # Reset at t_0, refractory for 4 steps from there.
    assert values(recording)[:6].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.25]


def test_7_the_last_step_spikes_and_its_arrivals_act():
    recording = run(
        cells(parameters=STILL, **KICKED),
        trains([4.0]),
        projections=[onto(3.0, "1 ms")],
        duration="5 ms",
    )
    assert times(recording) == [5.0]


@pytest.mark.parametrize(
    ("delay", "steps"),
    [
        ("0.1 ms", 1),
        ("0.14 ms", 1),
        ("0.15 ms", 2),
        ("0.25 ms", 3),
        ("0.3 ms", 3),
        ("1.04 ms", 10),
        ("1.05 ms", 11),
        ("1.15 ms", 12),
    ],
)
def test_8_delays_are_rounded_to_steps_ties_up_although_they_are_not_exact_in_binary(delay, steps):
    recording = run(
        cells(parameters=STILL, **KICKED),
        trains([1.0]),
        projections=[onto(1.0, delay)],
        dt="0.1 ms",
        duration="5 ms",
    )
    assert np.flatnonzero(values(recording))[0] == 10 + steps
    rounded = any("delay" in note for note in recording.notes)
    assert rounded == (delay not in {"0.1 ms", "0.3 ms"})


def test_8_durations_and_refractory_times_are_rounded_and_said_to_be():
    # At a speed of 1.01 the 20th step is over the threshold of 2.
    recording = run(
        cells(parameters={"t_ref": "0.35 ms", "speed": 1.01}), dt="0.1 ms", duration="5.05 ms"
    )
    assert values(recording).size == 52
    assert any("5.05" in note for note in recording.notes)
    assert any("0.35" in note and "0.4" in note for note in recording.notes)
    np.testing.assert_allclose(times(recording), [2.0, 4.4], rtol=0, atol=1e-9)


def test_8_a_delay_below_one_step_is_an_error_that_names_the_projection():
    with pytest.raises(InputError, match=r"s_to_p_kick\.delay.*0\.04 ms is less than one step"):
        run(cells(**KICKED), trains([1.0]), projections=[onto(1.0, "0.04 ms")], dt="0.1 ms")


# -- the order of the schemes -----------------------------------------------------------------

# A pendulum with friction: nonlinear, smooth, every variable in every equation's neighbourhood.
PENDULUM = NeuronModel(
    name="pendulum",
    equations="dv/dt = y/ms : 1\ndy/dt = (-sin(v) - 0.2*y*(1 + v**2))/ms : 1",
    initial={"v": 1.0, "y": 0.5},
)


def end_states(method, dt):
    recording = run(
        cells(model=PENDULUM), method=method, dt=f"{dt} ms", duration="4 ms", record=("v", "y")
    )
    return np.array([values(recording, name)[-1] for name in ("v", "y")])


@pytest.fixture(scope="module")
def truth():
    given = Experiment(
        name="truth",
        populations=[cells(model=PENDULUM)],
        duration="4 ms",
        dt="1 ms",
        records=[Record(population="p", variables=["v", "y"])],
    )
    recording = OracleBackend().run(realize(given), Settings())
    return np.array([values(recording, name)[-1] for name in ("v", "y")])


@pytest.mark.parametrize(
    ("method", "order", "steps"),
    [
        ("euler", 1, (0.02, 0.01, 0.005)),
        ("exponential_euler", 1, (0.02, 0.01, 0.005)),
        ("rk4", 4, (0.2, 0.1, 0.05)),
    ],
)
def test_order_of_convergence(method, order, steps, truth):
    errors = [np.linalg.norm(end_states(method, dt) - truth) for dt in steps]
    measured = np.log2(np.array(errors[:-1]) / errors[1:])
    # The next term of the error is smaller by a factor of dt; 15 % covers it on both sides.
    assert np.all(np.abs(measured - order) < 0.15 * order), (errors, measured)


LEAKY = NeuronModel(
    name="leaky",
    equations="dv/dt = (I - v)/tau : 1 (unless refractory)\nI : 1 (input)\ntau : ms",
    threshold="v > 1.5",
    reset="v = 0",
    refractory="2 ms",
    parameters={"tau": "10 ms"},
)


def test_exponential_euler_is_exact_where_an_equation_is_linear():
    bias = ConstantInput(name="bias", population="p", amplitude=2.0)
    recording = run(
        cells(model=LEAKY),
        method="exponential_euler",
        dt="0.1 ms",
        duration="13.8 ms",
        inputs=[bias],
    )
    v = values(recording)
    expected = 2 * (1 - np.exp(-np.arange(139) * 0.1 / 10))
    # 139 steps, each wrong by a few units in the last place of 1.
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-13)
    euler = values(
        run(cells(model=LEAKY), dt="0.1 ms", duration="13.8 ms", inputs=[bias], method="euler")
    )
    assert np.max(np.abs(euler - expected)) > 1e-3


def test_spikes_are_those_of_continuous_time_rounded_up_to_the_grid():
    # Exact integration under the contract: crossing at 10·ln 4 after a reset on the grid.
    bias = ConstantInput(name="bias", population="p", amplitude=2.0)
    recording = run(
        cells(model=LEAKY),
        method="exponential_euler",
        dt="0.1 ms",
        duration="100 ms",
        inputs=[bias],
    )
    rise = np.ceil(10 * np.log(4) / 0.1)
    expected = (rise + (rise + 20) * np.arange(7)) * 0.1
    np.testing.assert_allclose(times(recording), expected[expected <= 100], rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_spike_times_converge_to_the_oracle_with_the_step(method):
    def spikes(backend, dt, **settings):
        given = Experiment(
            name="test",
            populations=[cells(model=LEAKY)],
            duration="60 ms",
            dt=f"{dt} ms",
            inputs=[ConstantInput(name="bias", population="p", amplitude=2.0)],
        )
        return np.array(times(backend.run(realize(given), Settings(**settings))))

    exact = spikes(OracleBackend(), 0.1)
    for dt in (0.1, 0.025):
        late = spikes(ReferenceBackend(), dt, method=method) - exact
        # Each interval is rounded up to the grid: spike k is up to k + 1 steps late. Euler rises
        # too fast, by dt/(2τ) of the 13.9 ms, 0.7 steps an interval.
        upper = (1 + np.arange(late.size)) * dt
        assert np.all(late < upper + 1e-9)
        assert np.all(late > (-0.8 * upper if method == "euler" else -1e-9))
