"""Driving models by gait: what is driven, what stays, and what the reference makes of it."""

import numpy as np
import pandas
import pytest

from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.inputs import (
    ConstantInput,
    RampInput,
    StepInput,
    UniformNoiseInput,
    WhiteNoiseInput,
)
from coincide.core.neurons import NeuronModel
from coincide.core.populations import PoissonSource, Population, SpikeTrains
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.core.values import Array, Uniform
from coincide.data.gait.drive import drive_by_gait, gait_drive
from coincide.data.gait.generate import make_gait
from coincide.data.gait.recording import GaitRecording
from coincide.models.library import load_model

LEAKY = NeuronModel(
    name="leaky",
    equations="dv/dt = (I - v)/tau : mV\nI : mV (input)\ntau : ms",
    threshold="v > 10*mV",
    reset="v = 0*mV",
    parameters={"tau": "10 ms"},
)
# The steps of `tiny` in the middle of each of its 30 frames, far from the edges.
MIDDLES = ((np.arange(30) + 0.5) * 1000 / 30 / 0.5).astype(int)
CLOSED = NeuronModel(name="closed", equations="dv/dt = -v/(10*ms) : mV")


@pytest.fixture(scope="module")
def recording() -> GaitRecording:
    return GaitRecording("made.csv", make_gait(True, 1, 10.0), 30.0)


def tiny(*inputs, sources=(), model=LEAKY, duration="1000 ms", dt="0.5 ms") -> Experiment:
    cells = Population(name="cells", model=model, size=3)
    return Experiment(
        name="tiny", populations=(cells, *sources), inputs=inputs, duration=duration, dt=dt
    )


def given_to(experiment: Experiment, population: str = "cells") -> np.ndarray:
    """What all inputs of a population add up to, shape (steps, cells)."""
    realized: Realization = realize(experiment)
    part = realized.populations[population]
    total = np.zeros((experiment.n_steps, part.size))
    for held in part.inputs:
        total += held.values[held.frames][:, held.columns] * held.gain
    for i in experiment.inputs:
        if isinstance(i, ConstantInput):
            total += part.parameters[f"I_{i.name}"]
    return total


def spikes(experiment: Experiment, population: str) -> np.ndarray:
    recorded = ReferenceBackend().run(realize(experiment), Settings())
    return recorded.spikes[population].times


def test_a_source_follows_and_keeps_its_rate(recording: GaitRecording) -> None:
    model = load_model("lif_80").with_(duration="10 s")
    driven = drive_by_gait(model, recording, "LeftStrideSpeed", "input_exc")
    before = next(p for p in model.populations if p.name == "input_exc")
    after = next(p for p in driven.populations if p.name == "input_exc")
    assert isinstance(before, PoissonSource)
    assert isinstance(after, PoissonSource)
    assert after.rate == before.rate
    x = recording.frame["LeftStrideSpeed"].to_numpy()
    expected = (x - x.min()) / (x - x.min()).mean()
    np.testing.assert_allclose(after.profile, expected, rtol=1e-12)
    source = realize(driven).sources["input_exc"]
    counts = np.histogram(source.times, np.arange(301) * 1000 / 30)[0]
    mean = before.rate.internal * before.size * 1000 / 30
    assert abs(counts.sum() - 300 * mean) < 4 * np.sqrt(300 * mean)
    busy = expected * mean > 5
    chi2 = (((counts - expected * mean) ** 2) / (expected * mean + 1e-300))[busy].sum()
    n = busy.sum()
    # Chi-square of n frames has the mean n and the variance 2n.
    assert abs(chi2 - n) < 5 * np.sqrt(2 * n)
    assert (((counts - mean) ** 2) / mean).sum() > 300 + 50 * np.sqrt(600)


def test_what_is_not_driven_keeps_its_draws(recording: GaitRecording) -> None:
    model = load_model("lif_80")
    before = realize(model)
    after = realize(drive_by_gait(model, recording, into="input_exc"))
    for name in ("exc", "inh"):
        assert np.array_equal(
            before.populations[name].initial["v"], after.populations[name].initial["v"]
        )
    assert np.array_equal(before.sources["input_inh"].times, after.sources["input_inh"].times)
    assert not np.array_equal(before.sources["input_exc"].times, after.sources["input_exc"].times)
    for a, b in zip(before.edges, after.edges, strict=True):
        assert np.array_equal(a.pre, b.pre)


@pytest.mark.slow
def test_the_network_fires_with_the_gait(recording: GaitRecording) -> None:
    model = load_model("lif_80")
    driven = drive_by_gait(model, recording, "LeftStrideSpeed", "input_exc, input_inh")
    profile = np.asarray(driven.populations[2].profile)[:30]
    edges = np.arange(31) * 1000 / 30

    def likeness(experiment: Experiment) -> float:
        counts = np.histogram(spikes(experiment, "exc"), edges)[0]
        return float(np.corrcoef(counts, profile)[0, 1])

    # The correlation of 30 frames that have nothing to do with each other has an SD of 0.18.
    assert likeness(driven) > 0.9
    assert abs(likeness(model)) < 0.7


def test_an_input_that_differs_from_cell_to_cell_stays(recording: GaitRecording) -> None:
    model = load_model("lif_10")
    drive = gait_drive(model, recording, "RightStrideSpeed")
    added = drive.experiment.inputs[1]
    assert (added.name, added.kind, added.unit) == ("drive_gait", "time_series", "mV")
    before, after = given_to(model), given_to(drive.experiment)
    x = recording.frame["RightStrideSpeed"].to_numpy()
    x = x - x.min()
    # 200 ms are six frames, 333 or 334 steps each.
    frames = np.floor(np.arange(2000) * 0.1 / (1000 / 30) + 1e-9).astype(int)
    share = x[frames] / x[:6].mean()
    np.testing.assert_allclose(
        after - before, 19.75 * (share - 1)[:, None] * np.ones(10), atol=1e-9
    )
    assert "stays, as it differs from cell to cell" in drive.notes[0]
    assert not np.array_equal(spikes(model, "cells"), spikes(drive.experiment, "cells"))


def test_a_constant_becomes_a_time_course_of_the_same_mean(recording: GaitRecording) -> None:
    model = load_model("lif_10", "as_written").with_(duration="2 s")
    assert spikes(model, "cells").size == 0
    driven = drive_by_gait(model, recording)
    (only,) = driven.inputs
    assert (only.name, only.kind) == ("drive", "time_series")
    # 2 s are 60 frames; each is 333 or 334 steps of 0.1 ms, half a step off at most.
    assert given_to(driven).mean() == pytest.approx(15.0, rel=1e-3)
    # The constant never reaches the threshold; what varies around it does.
    assert spikes(driven, "cells").size > 0


@pytest.mark.parametrize(
    ("given", "mean"),
    [
        (ConstantInput(name="i", population="cells", amplitude="3 mV"), 3.0),
        (StepInput(name="i", population="cells", amplitude="4 mV"), 4.0),
        (RampInput(name="i", population="cells", initial="0 mV", final="4 mV", stop="1 s"), 2.0),
        (
            UniformNoiseInput(
                name="i", population="cells", low="1 mV", high="3 mV", interval="1 ms"
            ),
            2.0,
        ),
    ],
    ids=lambda v: getattr(v, "kind", ""),
)
def test_every_kind_keeps_its_mean(recording: GaitRecording, given, mean: float) -> None:
    driven = drive_by_gait(tiny(given), recording, "StepLength")
    # 3,000 uniform numbers of SD 0.58 mV; frames are off by half a step in 67.
    assert given_to(driven).mean() == pytest.approx(mean, rel=0.03)
    x = recording.normalised("StepLength")[:30]
    assert np.corrcoef(driven.inputs[0].values[:30], x)[0, 1] == pytest.approx(1.0, abs=1e-12)


def test_a_step_keeps_its_mean_while_it_acts_and_cells_stay_chosen(
    recording: GaitRecording,
) -> None:
    model = tiny(ConstantInput(name="i", population="cells", amplitude="3 mV", cells=(1,)))
    total = given_to(drive_by_gait(model, recording))
    assert total[:, 1].mean() == pytest.approx(3.0, rel=1e-2)
    assert not total[:, [0, 2]].any()


def test_arrays_and_distributions(recording: GaitRecording) -> None:
    for amplitude, mean in (
        (Array([1.0, 2.0, 6.0], "mV"), 3.0),
        (Uniform(low="2 mV", high="4 mV"), 3.0),
    ):
        model = tiny(ConstantInput(name="i", population="cells", amplitude=amplitude))
        driven = drive_by_gait(model, recording)
        assert driven.inputs[0] == model.inputs[0]
        change = given_to(driven) - given_to(model)
        # The same for all cells, of mean 0, as large as the mean amplitude makes it.
        x = recording.normalised("LeftStrideSpeed")[:30]
        expected = mean * (x / x.mean() - 1)
        np.testing.assert_allclose(change[MIDDLES], expected[:, None] * np.ones(3), atol=1e-9)


def test_a_population_gets_an_input(recording: GaitRecording) -> None:
    drive = gait_drive(tiny(), recording, "ThetaLeftKnee", amplitude="20 mV")
    total = given_to(drive.experiment)[:, 0]
    x = recording.normalised("ThetaLeftKnee")
    np.testing.assert_allclose(total[MIDDLES], 20.0 * x[:30], rtol=1e-12)
    assert drive.notes == ("cells: gait brings ThetaLeftKnee, from 0 to 20 mV, into I",)
    again = gait_drive(drive.experiment, recording, into="cells", amplitude="1 mV")
    assert [i.name for i in again.experiment.inputs] == ["gait", "gait_2"]


def test_a_long_run_begins_the_recording_again(recording: GaitRecording) -> None:
    model = tiny(duration="25 s")
    drive = gait_drive(model, recording, amplitude="1 mV")
    assert "begun again 2 times" in drive.notes[0]
    values = np.asarray(drive.experiment.inputs[0].values)
    assert values.size == 750
    assert np.array_equal(values[:300], values[300:600])
    assert np.array_equal(values[:150], values[600:])
    assert len(gait_drive(tiny(duration="10 s"), recording, amplitude="1 mV").notes) == 1


def test_a_run_within_one_row_is_told(recording: GaitRecording) -> None:
    drive = gait_drive(tiny(duration="33 ms"), recording, amplitude="1 mV")
    assert "lies within one row of 33.33 ms" in drive.notes[0]
    assert "one row" not in gait_drive(tiny(duration="34 ms"), recording, amplitude="1 mV").notes[0]


def test_a_source_that_acts_for_a_while_keeps_its_rate_therein(recording: GaitRecording) -> None:
    source = PoissonSource(
        name="s",
        size=2000,
        rate="50 Hz",
        start="100 ms",
        stop="350 ms",
        profile=(1.0, 0.0),
        interval="200 ms",
    )
    drive = gait_drive(tiny(sources=(source,)), recording)
    assert "the profile it had is replaced" in drive.notes[0]
    times = realize(drive.experiment).sources["s"].times
    assert times.min() >= 100
    assert times.max() < 350
    expected = 2000 * 50 * 0.25
    assert abs(times.size - expected) < 4 * np.sqrt(expected)


def test_the_signal_of_an_experiment_is_the_default(recording: GaitRecording) -> None:
    two = [PoissonSource(name=name, size=2, rate="50 Hz") for name in ("a", "b")]
    model = tiny(sources=two)
    with pytest.raises(InputError, match="into which part"):
        gait_drive(model, recording)
    assert "b: the rate follows" in gait_drive(model.with_(signal="b"), recording).notes[0]


def test_the_description_is_complete(recording: GaitRecording) -> None:
    driven = drive_by_gait(load_model("lif_80"), recording, into="input_exc")
    assert Experiment.from_json(driven.to_json()) == driven
    assert driven.title.endswith("; input_exc driven by LeftStrideSpeed of made.csv")


def one(**fields) -> ConstantInput:
    return ConstantInput(name="i", population="cells", amplitude="1 mV", **fields)


SPIKES = SpikeTrains(name="given", times=((1.0,),))
NOISE = WhiteNoiseInput(name="n", population="cells", mean="0 mV", std="1 mV", interval="1 ms")
SINGLE = StepInput(name="i", population="cells", amplitude="0 mV")


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (tiny(one()), {"into": "j"}, "no source, input or population 'j'"),
        (tiny(one()), {"into": "i,cels"}, "did you mean 'cells'"),
        (tiny(one()), {"column": "StepLenght"}, "did you mean 'StepLength'"),
        (tiny(one()), {"amplitude": "1 mV"}, "keeps the mean it has"),
        (tiny(one(), NOISE), {}, "into which part.*one of i, n"),
        (tiny(model=CLOSED), {}, "there is no source, input or"),
        (tiny(model=CLOSED), {"into": "cells"}, r"the model closed has no \(input\)"),
        (tiny(sources=(SPIKES,)), {"into": "given"}, "its spike trains are given"),
        (tiny(), {}, "give the amplitude .* mV"),
        (tiny(), {"amplitude": "1 pA"}, "gait amplitude: 1 pA has the dimension of a current"),
        (tiny(SINGLE), {}, "its mean is 0.*name its population"),
    ],
)
def test_errors(recording: GaitRecording, model, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gait_drive(model, recording, **options)


def test_a_signal_that_is_zero_while_the_part_acts() -> None:
    frame = make_gait(duration_s=2.0)
    frame["StepWidth"] = np.where(np.arange(60) < 40, 0.1, 0.2)
    recording = GaitRecording("made.csv", pandas.DataFrame(frame), 30.0)
    with pytest.raises(InputError, match="at its lowest throughout the 1000 ms"):
        gait_drive(tiny(one()), recording, "StepWidth")
