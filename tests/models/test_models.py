"""What the models do, run on the reference; rates from the runs and papers named beside them."""

from dataclasses import dataclass

import numpy as np
import pytest

from coincide.backends.reference import ReferenceBackend
from coincide.core.experiment import Experiment
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.library import MODELS, load_model, load_sweep


@dataclass
class Run:
    realization: Realization
    recording: Recording

    def rate(self, population: str, start: float = 0.0, stop: float = np.inf) -> float:
        """Spikes per second and cell with start < t <= stop [ms]."""
        stop = min(stop, self.recording.duration_ms)
        times = self.recording.spikes[population].times
        inside = np.count_nonzero((times > start) & (times <= stop))
        return inside / self.recording.sizes[population] / (stop - start) * 1e3


def run(experiment: Experiment, method: str | None = None) -> Run:
    realization = realize(experiment)
    return Run(realization, ReferenceBackend().run(realization, Settings(method=method)))


EVERY_VARIANT = [(name, variant) for name, entry in MODELS.items() for variant in entry.variants]


STIFF = {
    ("purkinje_khaliq2003", "wild_type"),
    ("purkinje_khaliq2003", "med"),
    ("cerebellar_circuit", "hh"),
    ("rallpack1", "default"),
    ("rallpack3", "default"),
}


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_every_variant_runs_with_every_method(name: str, variant: str, method: str) -> None:
    # check_recording refuses NaN, missing samples and ignored initial values.
    experiment = load_model(name, variant)
    if method != "exponential_euler" and (name, variant) in STIFF:
        # Sodium's rates and the coupling of compartments are above 1,000/ms.
        run(experiment.with_(duration="1 ms", dt="0.001 ms"), method)
    else:
        run(experiment.with_(duration="10 ms"), method)


# Rates [Hz] of a run with the default seed: a range of about ±40 % around what was measured, so that
# chaos and other seeds stay inside, while a wrong unit, sign or factor of two does not.
RATES = [
    ("lif_10", "as_intended", {}, 0.0, {"cells": (50, 90)}),
    ("lif_80", "default", {}, 0.0, {"exc": (30, 65), "inh": (30, 65)}),
    ("izhikevich_1000", "default", {}, 0.0, {"exc": (6, 11), "inh": (6, 12)}),
    ("cuba_4000", "default", {"size": 1000}, 200.0, {"exc": (3, 9), "inh": (3, 9)}),
    ("coba_4000", "default", {"size": 1000}, 200.0, {"exc": (9, 30), "inh": (9, 32)}),
]


@pytest.mark.parametrize(("name", "variant", "options", "start", "ranges"), RATES)
def test_rates(
    name: str,
    variant: str,
    options: dict[str, object],
    start: float,
    ranges: dict[str, tuple[float, float]],
) -> None:
    experiment = load_model(name, variant, **options)
    done = run(experiment.with_(duration=f"{min(experiment.duration_ms, 500)} ms"))
    for population, (low, high) in ranges.items():
        assert low < done.rate(population, start) < high, population


@pytest.mark.slow
@pytest.mark.parametrize(("name", "low", "high"), [("cuba_4000", 4, 8), ("coba_4000", 13, 26)])
def test_the_benchmarks_sustain_themselves_at_full_size(name: str, low: float, high: float) -> None:
    for seed in (1, 2, 3):
        done = run(load_model(name).with_(seed=seed))
        assert low < done.rate("exc", 800.0) < high
        assert low < done.rate("inh", 800.0) < high


class TestLif10:
    @pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
    @pytest.mark.parametrize("dt", ["1 ms", "0.5 ms", "0.3 ms", "0.1 ms", "0.05 ms", "0.025 ms"])
    def test_as_written_never_spikes(self, method: str, dt: str) -> None:
        # 500 ms are 50 time constants: v has then come as close to threshold as its digits allow.
        done = run(load_model("lif_10", "as_written").with_(dt=dt, duration="500 ms"), method)
        assert len(done.recording.spikes["cells"]) == 0
        v = done.recording.traces["cells", "v"].values
        assert -1e-10 < v.max() + 50.0 <= 0.0

    def test_as_written_ends_where_the_formula_says(self) -> None:
        done = run(load_model("lif_10", "as_written"))
        v = done.recording.traces["cells", "v"].values[-1]
        # Exponential Euler is exact here: v = -50 - 15 e^(-t/τ); 1,000 steps of rounding in 50.
        assert np.abs(v - (-50.0 - 15.0 * np.exp(-10.0))).max() < 1e-11

    @pytest.mark.parametrize(("drive", "spikes"), [("15.001 mV", 1), ("16 mV", 3), ("30 mV", 14)])
    def test_a_little_more_drive_makes_it_spike(self, drive: str, spikes: int) -> None:
        # floor(100 ms / (τ ln(I/(I - 15 mV)))): 96.2, 27.7 and 6.9 ms.
        data = load_model("lif_10", "as_written").to_dict()
        data["inputs"][0]["amplitude"] = drive
        done = run(Experiment.from_dict(data))
        assert np.all(np.bincount(done.recording.spikes["cells"].cells) == spikes)

    def test_the_coupling_is_seen(self) -> None:
        experiment = load_model("lif_10")
        alone = run(experiment.with_(projections=()))
        coupled = run(experiment)
        assert coupled.rate("cells") > 1.1 * alone.rate("cells")
        # Without coupling every cell keeps its analytic interval, to one step of rounding up.
        spikes = alone.recording.spikes["cells"]
        drives = np.linspace(15.5, 24.0, 10)
        for cell, drive in enumerate(drives):
            intervals = np.diff(spikes.times[spikes.cells == cell])
            exact = 2.0 + 10.0 * np.log(drive / (drive - 15.0))
            assert np.all((intervals > exact - 1e-9) & (intervals < exact + 0.1 + 1e-9))


class TestIzhikevich1000:
    def test_one_number_spreads_all_parameters_of_a_cell(self) -> None:
        cells = realize(load_model("izhikevich_1000").with_(duration="1 ms")).populations
        r = cells["inh"].parameters["r"]
        assert np.ndim(r) == 1
        assert 0 <= np.min(r) < 0.1 < 0.9 < np.max(r) < 1
        # u(0) = b v(0) holds the inhibitory b = 0.25 - 0.05 r.
        u = cells["inh"].initial["u"]
        assert np.allclose(u, (0.25 - 0.05 * np.asarray(r)) * -65.0, rtol=1e-12)
        assert np.allclose(cells["exc"].initial["u"], 0.2 * -65.0, rtol=1e-12)

    def test_weights_are_uniform_and_of_one_sign(self) -> None:
        for edges in realize(load_model("izhikevich_1000").with_(duration="1 ms")).edges:
            n = {"exc": 800, "inh": 200}
            weight = np.asarray(edges.weight)
            assert weight.shape == (n[edges.source] * n[edges.target],)
            low, high = (0.0, 0.5) if edges.source == "exc" else (-1.0, 0.0)
            assert low <= weight.min() < weight.max() <= high
            # The mean of n uniform numbers is normal: five standard errors.
            error = (high - low) / np.sqrt(12 * weight.size)
            assert abs(weight.mean() - (low + high) / 2) < 5 * error


class TestSynapseLab:
    def test_a_cell_gets_the_same_total_weight_by_every_rule(self) -> None:
        for synapse in ("delta", "current", "conductance"):
            totals = {}
            for rule in ("full", "probability", "in_degree"):
                experiment = load_model("synapse_lab", f"{synapse}_{rule}")
                edges = realize(experiment.with_(duration="1 ms")).edges[0]
                assert edges.source == edges.target == "exc"
                # Per cell that the rule counts as a source: N, p N or C of them make J0.
                totals[rule] = edges.weight * len(edges) / 80
            # Exact but for the left-out self-connections: 79 of 80, and 79 of 80 on average.
            assert totals["full"] == pytest.approx(totals["in_degree"] * 79 / 80, rel=1e-12)
            # len ~ Binomial(80·79, 0.1): five standard deviations are 19 %.
            assert totals["probability"] == pytest.approx(totals["full"], rel=0.19)

    @pytest.mark.parametrize("synapse", ["delta", "current", "conductance"])
    def test_a_spike_moves_v_by_the_same_area(self, synapse: str) -> None:
        # Area of the answer of a passive cell at v_match = -60 mV to weight J: J τ. A conductance
        # also acts on itself: its area is that much smaller as it lets v come nearer to E.
        experiment = load_model("synapse_lab", f"{synapse}_full", noise=False)
        data = experiment.to_dict()
        population = data["populations"][0] | {"size": 1, "initial": {"v": "-60 mV"}}
        population["model"]["threshold"] = "v > 0*mV"
        population["model"]["initial"] = {}
        projection = data["projections"][0] | {
            "source": "one",
            "target": "exc",
            "rule": {"rule": "all_to_all"},
        }
        projection["weight_scale"] = "none"
        # 10 mV would be far from passive; a hundredth is near it.
        magnitude, unit = projection["weight"].split()
        projection["weight"] = f"{float(magnitude) / 100} {unit}"
        drive = dict(data["inputs"][0], amplitude=f"{5 / 0.17} pA")
        data |= {
            "populations": [population, {"kind": "spike_trains", "name": "one", "times": [[10.0]]}],
            "projections": [projection],
            "inputs": [drive],
            "records": [{"population": "exc", "variables": ["v"], "cells": [0]}],
            "duration": "200 ms",
            "dt": "0.01 ms",
        }
        v = run(Experiment.from_dict(data)).recording.traces["exc", "v"].values[:, 0]
        area = (v + 60.0).sum() * 0.01
        assert area == pytest.approx(0.1 * 10.0, rel=0.01)

    def test_the_whole_grid_is_active_and_not_saturated(self) -> None:
        sweep = load_sweep("synapse_lab")
        assert len(sweep) == 36
        for labels, experiment in sweep[::5]:  # 5 and the factors 3, 3, 2, 2 meet every level
            done = run(experiment)
            for population in done.recording.spikes:
                assert 8 < done.rate(population, 100.0) < 80, labels

    def test_without_noise_nothing_changes_with_time(self) -> None:
        with_noise, without = (
            load_model("synapse_lab", noise=noise).with_(duration="5 ms") for noise in (True, False)
        )
        assert {i.kind for i in without.inputs} == {"constant"}
        assert {i.kind for i in with_noise.inputs} == {"constant", "white_noise"}

    def test_the_stronger_population_wins(self) -> None:
        for seed in (1, 2):
            done = run(load_model("synapse_lab", "decision").with_(seed=seed))
            before = [done.rate(name, 0.0, 100.0) for name in ("first", "second")]
            after = [done.rate(name, 200.0) for name in ("first", "second")]
            assert after[0] > 1.5 * before[0]
            assert after[1] < 0.6 * before[1]
            assert after[0] > 5 * after[1]


class TestBenchmarks:
    @pytest.mark.parametrize("name", ["cuba_4000", "coba_4000"])
    @pytest.mark.parametrize("size", [1000, 4000, 10000])
    def test_every_cell_keeps_80_inputs(self, name: str, size: int) -> None:
        edges = realize(load_model(name, size=size).with_(duration="1 ms")).edges
        assert sum(p.source_size for p in edges) == 2 * size
        synapses = sum(len(e) for e in edges)
        # Binomial(size², 80/size): five standard deviations.
        assert abs(synapses - 80 * size) < 5 * np.sqrt(80 * size)

    def test_the_published_size_has_the_published_probability(self) -> None:
        rule = load_model("cuba_4000").projections[0].rule
        assert rule.rule == "fixed_probability"
        assert rule.p == pytest.approx(0.02, rel=1e-15)
