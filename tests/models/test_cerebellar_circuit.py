"""The cerebellar circuit: rates, what lesions do, and that every backend runs the same."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from coincide.backends.reference import ReferenceBackend
from coincide.backends.registry import load_backend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.perturbations import Lesion, apply
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.library import lesions_of, load_model

SEEDS = (1, 2, 3)
HALF = 500.0
LESIONS: Mapping[str, Lesion] = lesions_of("cerebellar_circuit")
SLOW = pytest.mark.slow


def run(experiment: Experiment, seed: int) -> Recording:
    return ReferenceBackend().run(realize(experiment.with_(seed=seed)), Settings())


def rate(recording: Recording, population: str, start: float = 0.0, stop: float = np.inf) -> float:
    """Spikes per second and cell with start < t <= stop [ms]."""
    stop = min(stop, recording.duration_ms)
    times = recording.spikes[population].times
    inside = np.count_nonzero((times > start) & (times <= stop))
    return inside / recording.sizes[population] / (stop - start) * 1e3


def short_intervals(recording: Recording, population: str, below: float) -> float:
    """Intervals shorter than *below* [ms], per second and cell."""
    spikes = recording.spikes[population]
    order = np.lexsort((spikes.times, spikes.cells))
    times, cells = spikes.times[order], spikes.cells[order]
    short = (np.diff(times) < below) & (np.diff(cells) == 0)
    return float(short.sum()) / recording.sizes[population] / recording.duration_ms * 1e3


@pytest.fixture(scope="module")
def healthy() -> dict[int, Recording]:
    one_stride = load_model("cerebellar_circuit").with_(duration="1000 ms")
    return {seed: run(one_stride, seed) for seed in SEEDS}


@cache
def lesioned(lesion: str, seed: int) -> Recording:
    """Half a stride; what is drawn for it is the beginning of what is drawn for a whole one."""
    experiment = apply(load_model("cerebellar_circuit"), LESIONS[lesion])
    return run(experiment.with_(duration=f"{HALF} ms"), seed)


def effects(healthy: dict[int, Recording], lesion: str, population: str) -> np.ndarray:
    """Lesioned minus healthy rate [Hz] on the same draws, one a seed."""
    return np.array(
        [
            rate(lesioned(lesion, s), population) - rate(healthy[s], population, 0, HALF)
            for s in SEEDS
        ]
    )


# From a published model at rest in a slice to the same awake and stimulated: the model's docstring.
PUBLISHED = {
    "granule": (3.4, 21),
    "golgi": (11, 52),
    "stellate": (13, 71),
    "basket": (16, 77),
    "purkinje": (47, 140),
    "nuclei": (11, 57),
}


@pytest.mark.parametrize("population", PUBLISHED)
def test_rates_are_in_published_ranges(healthy: dict[int, Recording], population: str) -> None:
    low, high = PUBLISHED[population]
    for recording in healthy.values():
        assert low < rate(recording, population) < high


def test_the_signal_reaches_the_output(healthy: dict[int, Recording]) -> None:
    experiment = load_model("cerebellar_circuit")
    assert (experiment.signal, experiment.output) == ("mossy", "nuclei")
    for recording in healthy.values():
        # One stride: mossy fibres rise from 1 to 19 Hz at 500 ms.
        assert rate(recording, "nuclei", 350, 650) > 2 * rate(recording, "nuclei", 0, 150)
        assert rate(recording, "purkinje", 350, 650) > 1.1 * rate(recording, "purkinje", 850)


def test_climbing_fibres_make_complex_spikes(healthy: dict[int, Recording]) -> None:
    experiment = load_model("cerebellar_circuit")
    for seed, recording in healthy.items():
        source = realize(experiment.with_(seed=seed)).sources["climbing"]
        spikes = recording.spikes["purkinje"]
        bursts = []
        for time, cell in zip(source.steps * 0.1, source.cells, strict=True):
            if time < recording.duration_ms - 15:
                own = spikes.times[spikes.cells == cell]
                bursts.append(np.count_nonzero((own > time + 4) & (own < time + 14)))
        # Without a climbing fibre's spike 10 ms hold one spike at most.
        assert np.mean(np.array(bursts) >= 2) > 0.9


@pytest.mark.slow
def test_silencing_climbing_fibres_removes_complex_spikes(healthy: dict[int, Recording]) -> None:
    for seed, recording in healthy.items():
        assert short_intervals(recording, "purkinje", 5.0) > 0.3
        assert short_intervals(lesioned("climbing_silenced", seed), "purkinje", 5.0) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesion", "population", "sign"),
    [
        ("purkinje_loss", "nuclei", 1),
        ("parallel_fibre_weakening", "purkinje", -1),
        ("parallel_fibre_weakening", "nuclei", 1),
        ("interneurons_removed", "purkinje", 1),
        ("interneurons_removed", "nuclei", -1),
        ("golgi_removed", "granule", 1),
    ],
)
def test_a_lesion_acts_in_its_direction(
    healthy: dict[int, Recording], lesion: str, population: str, sign: int
) -> None:
    found = sign * effects(healthy, lesion, population)
    # On the same draws the effect is far from its spread over seeds: three standard deviations.
    assert found.min() > 0
    assert found.mean() > 3 * found.std(ddof=1) / np.sqrt(len(SEEDS))


@pytest.mark.slow
def test_more_loss_of_purkinje_cells_frees_the_nuclei_more() -> None:
    experiment = load_model("cerebellar_circuit").with_(duration=f"{HALF} ms")
    lesion = LESIONS["purkinje_loss"]
    rates = [rate(run(apply(experiment, lesion.at(s)), 1), "nuclei") for s in (0, 0.33, 0.66, 1)]
    assert np.all(np.diff(rates) > 0)


def test_a_lesion_leaves_wiring_and_input_as_they_were() -> None:
    experiment = load_model("cerebellar_circuit").with_(duration="20 ms")
    before = realize(experiment)
    after = realize(apply(experiment, LESIONS["parallel_fibre_weakening"]))
    for a, b in zip(before.edges, after.edges, strict=True):
        assert np.array_equal(a.pre, b.pre)
        assert np.array_equal(a.post, b.post)
    for name, source in before.sources.items():
        assert np.array_equal(source.steps, after.sources[name].steps)


def test_every_lesion_says_why_and_whose_number_it_is() -> None:
    for name, lesion in LESIONS.items():
        assert lesion.name == name
        assert lesion.title
        assert "chosen" in lesion.citation or "theirs" in lesion.citation


def test_point_neurons_have_no_sodium_channel_to_change() -> None:
    with pytest.raises(InputError, match=r"purkinje\.naRsg\.Oon := 2\.3 /ms: matches nothing"):
        apply(load_model("cerebellar_circuit"), LESIONS["nav16_null"])


def test_size_multiplies_the_cells_and_keeps_the_in_degrees() -> None:
    small, double = (
        realize(load_model("cerebellar_circuit", size=s).with_(duration="1 ms")) for s in (0.5, 2)
    )
    for a, b in zip(small.edges, double.edges, strict=True):
        assert len(b) == 4 * len(a)
        n_small = len(a) / small.experiment.population(a.target).size
        assert n_small == len(b) / double.experiment.population(b.target).size


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(InputError, match=r"4 golgi cells, but 5 are needed; give 0\.5 or more"):
        load_model("cerebellar_circuit", size=0.4)
    with pytest.raises(InputError, match=r"not in \(0, 10000\]"):
        load_model("cerebellar_circuit", size=-1)
    with pytest.raises(InputError, match="sizes it was written with"):
        load_model("cerebellar_circuit", "as_written", size=2)


class TestAsWritten:
    @pytest.mark.slow
    def test_rates_are_those_computed_independently(self) -> None:
        experiment = load_model("cerebellar_circuit", "as_written").with_(duration="1000 ms")
        found = {"granule": [], "purkinje": []}
        motor = []
        for seed in range(1, 21):
            recording = run(experiment, seed)
            for population, rates in found.items():
                rates.append(rate(recording, population))
            assert len(recording.spikes["motor"]) == 0
            v = recording.traces["motor", "v"].values
            assert v.max() <= 0.0
            motor.append(v.mean())
        # 20 seeds each: the difference of two means, within three standard errors.
        for population, mean, std in (("granule", 18.0, 2.9), ("purkinje", 20.6, 8.3)):
            error = std * np.sqrt(2 / 20)
            assert abs(np.mean(found[population]) - mean) < 3 * error, population
            # A standard deviation from 20 has a spread of 16 %.
            assert 0.5 < np.std(found[population], ddof=1) / std < 1.5
        # v falls by 0.5 for a spike of any of 5 cells and forgets it with 10 ms, of 1 s in all.
        expected = -0.005 * 5 * np.mean(found["purkinje"])
        assert np.mean(motor) == pytest.approx(expected, rel=0.03)
        assert np.mean(motor) == pytest.approx(-0.51, abs=3 * 0.025 * 8.3 * np.sqrt(2 / 20))


@pytest.mark.parametrize(
    ("backend", "variant"),
    [
        ("brian2", "as_written"),
        ("neuron", "as_written"),
        ("pymonntorch", "as_written"),
        ("brian2", "point"),
        ("pymonntorch", "point"),
        pytest.param("neuron", "point", marks=SLOW),
    ],
)
def test_lockstep_is_the_reference(backend: str, variant: str) -> None:
    experiment = load_model("cerebellar_circuit", variant).with_(duration="200 ms")
    realization = realize(experiment)
    expected = ReferenceBackend().run(realization, Settings())
    found = load_backend(backend).run(realization, Settings())
    for population, spikes in expected.spikes.items():
        assert len(spikes) > 0 or population == "motor"
        other = found.spikes[population]
        assert np.array_equal(spikes.times, other.times)
        assert np.array_equal(spikes.cells, other.cells)
    for key, trace in expected.traces.items():
        # Between spikes an error of rounding decays; 2,000 steps of it in numbers up to 100 mV.
        assert np.abs(trace.values - found.traces[key].values).max() < 1e-11


class TestPurkinjeCellsWithChannels:
    def test_conductances_are_scaled_to_the_capacitance(self) -> None:
        point, hh = (load_model("cerebellar_circuit", v) for v in ("point", "hh"))
        weights = {
            v.variant: {p.name: p.weight.internal for p in v.projections} for v in (point, hh)
        }
        # 1 µF/cm² on a cylinder of 20 µm by 20 µm are 12.566 pF; LIF cells have 620 pF.
        ratio = np.pi * 20**2 * 0.01 / 620
        for name, weight in weights["point"].items():
            factor = ratio if name.endswith("to_purkinje") else 1.0
            assert weights["hh"][name] == pytest.approx(factor * weight, rel=1e-4)

    @pytest.mark.slow
    @pytest.mark.timeout(1200)
    def test_without_nav16_they_are_slower_and_the_nuclei_faster(self) -> None:
        experiment = load_model("cerebellar_circuit", "hh", size=0.5).with_(duration="400 ms")
        lesioned = apply(experiment, LESIONS["nav16_null"])
        for seed in (1, 2):
            before, after = run(experiment, seed), run(lesioned, seed)
            assert 20 < rate(before, "purkinje", 100) < 100
            assert rate(after, "purkinje", 100) < rate(before, "purkinje", 100)
            assert rate(after, "nuclei", 100) > rate(before, "nuclei", 100)
