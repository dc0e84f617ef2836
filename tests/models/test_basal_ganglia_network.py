"""The network of the basal ganglia: sizes, dopamine, drives, and the same on every backend."""

from functools import cache

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.perturbations import apply
from coincide.core.populations import PoissonSource
from coincide.core.projections import FixedInDegree, FixedProbability
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.core.units import Quantity
from coincide.models.basal_ganglia.network import betas, dopamine, read_network, sizes_of
from coincide.models.library import lesions_of, load_model

SETS = ("lindahl2016", "chakravarty2022")


def test_sizes_are_those_of_the_authors_rule() -> None:
    names = ("msn_d1", "msn_d2", "fsn", "stn", "gpe_ti", "gpe_tf", "gpe_ta", "snr")
    for size, cells in {
        80_000: (37971, 37971, 1599, 388, 889, 99, 329, 754),
        20_000: (9493, 9493, 400, 97, 222, 25, 82, 188),
        5_000: (2373, 2373, 100, 24, 56, 6, 21, 47),
    }.items():
        assert sizes_of("lindahl2016", size) == dict(zip(names, cells, strict=True))
    for size in (811, 6539, 12_345):
        assert sum(sizes_of("chakravarty2022", size).values()) == size
    assert sizes_of("chakravarty2022", 6539)["snr"] == 754


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "100 leaves no cell for gpe_ta; take 811 or more"),
        ({"alpha": 1.3}, "1.3 is not in [0, 1.2]"),
        ({"alpha": -0.1}, "-0.1 is not in [0, 1.2]"),
        ({"parameters": "lindahl2013"}, "did you mean 'lindahl2016'"),
        ({"parameters": "chakravarty2022", "state": "slow_wave"}, "activation"),
        ({"state": "sleep"}, "slow_wave"),
        ({"size": "many"}, "'many' is no number"),
    ],
)
def test_bad_options_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model("basal_ganglia", **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith("basal_ganglia.")


def test_a_depleted_network_has_no_alpha_of_its_own() -> None:
    with pytest.raises(InputError, match=r"0.4 with the variant depleted"):
        load_model("basal_ganglia", "depleted", alpha=0.4)


@pytest.mark.parametrize("parameters", [*SETS, "as_written"])
def test_every_number_has_a_source_and_every_receptor_a_pathway(parameters: str) -> None:
    data = read_network(parameters)
    parts = [*data["projections"], *data["inputs"]]
    assert all(part["provenance"] for part in parts)
    receptors = [r for own in data["receptors"].values() for r in own.values()]
    assert all(r["source"] for r in receptors)
    experiment = load_model("basal_ganglia", parameters=parameters, size=6539)
    reached = {(p.target, p.receptor) for p in experiment.projections}
    assert reached == {(t, r) for t, own in data["receptors"].items() for r in own}


def test_no_connection_takes_over_the_time_constant_of_another() -> None:
    experiment = load_model("basal_ganglia", size=1000)
    receptors = experiment.neurons("msn_d1").receptors
    taus = {name: str(getattr(receptor, "tau", "")) for name, receptor in receptors.items()}
    assert taus == {
        "ctx_ampa": "12 ms",
        "ctx_nmda": "160 ms",
        "fsn_gaba": "8 ms",
        "msn_gaba": "12 ms",
        "ta_gaba": "87 ms",
    }
    snr = experiment.neurons("snr").receptors
    assert str(getattr(snr["msn_gaba"], "reversal", "")) == "-80 mV"
    assert str(getattr(snr["gpe_gaba"], "reversal", "")) == "-72 mV"


def test_as_written_has_the_faults_of_the_seed() -> None:
    normal, depleted = (
        load_model("basal_ganglia", variant, parameters="as_written", size=80_000)
        for variant in ("normal", "depleted")
    )
    # All GABA of a population decays as that of the last connection in its file.
    assert str(getattr(normal.neurons("msn_d1").receptors["gaba"], "tau", "")) == "87 ms"
    assert str(getattr(normal.neurons("snr").receptors["gaba"], "reversal", "")) == "-72 mV"
    rules = {(p.source, p.target): p.rule for p in normal.projections}
    rule = rules["fsn", "msn_d1"]
    assert isinstance(rule, FixedProbability)
    # 16 inputs divided by the number of targets: fewer than one a cell.
    assert rule.p * 1599 == pytest.approx(0.67, abs=0.005)
    assert not any(p.plasticity for p in normal.projections)
    # Its normal is an alpha of 1: factors of 1 + 0.2 β, and the wrong sign where the STN is driven.
    weights = [_numbers(e)["ctx_stn_to_stn_ampa.weight"] for e in (normal, depleted)]
    assert weights == pytest.approx([0.275 * 1.09, 0.275 * 0.64])


def test_the_block_of_nmda_is_the_authors_curve() -> None:
    nmda = load_model("basal_ganglia", size=1000).neurons("msn_d1").receptors["ctx_nmda"]
    v = np.linspace(-90, 40, 27)
    ours = 1 / (1 + nmda.magnesium.internal / nmda.beta.internal * np.exp(-nmda.gamma.internal * v))  # type: ignore[union-attr]
    np.testing.assert_allclose(ours, 1 / (1 + np.exp((-20 - v) / 16)), rtol=1e-12)


def _numbers(experiment: Experiment) -> dict[str, float]:
    """Every number that dopamine can change, by its path."""
    found = {}
    for population in experiment.populations:
        if not isinstance(population, PoissonSource):
            values = {**population.model.parameters, **population.parameters}  # type: ignore[union-attr]
            for name, value in values.items():
                if isinstance(value, Quantity):
                    found[f"{population.name}.{name}"] = value.internal
    for projection in experiment.projections:
        weight = projection.weight
        low = weight if isinstance(weight, Quantity) else weight.low  # type: ignore[union-attr]
        found[f"{projection.name}.weight"] = low.internal
        if isinstance(projection.rule, FixedInDegree):
            found[f"{projection.name}.rule.n"] = projection.rule.n
    return found


@pytest.mark.parametrize("parameters", SETS)
@pytest.mark.parametrize(("alpha", "severity"), [(0.0, 1.0), (0.4, 0.5)])
def test_the_lesion_is_the_network_built_without_dopamine(
    parameters: str, alpha: float, severity: float
) -> None:
    options = {"parameters": parameters, "size": 6539}
    lesion = dopamine(parameters)
    if parameters == "lindahl2016":
        assert lesions_of("basal_ganglia") == {"dopamine_depletion": lesion}
    found = _numbers(apply(load_model("basal_ganglia", **options), lesion.at(severity)))
    expected = _numbers(load_model("basal_ganglia", alpha=alpha, **options))
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        assert found[path] == pytest.approx(value, rel=1e-12), path


def test_dopamine_scales_what_the_authors_scale() -> None:
    control, depleted = (
        _numbers(load_model("basal_ganglia", variant)) for variant in ("normal", "depleted")
    )
    changed = {path for path in control if control[path] != depleted[path]}
    assert changed == {path for path, _ in betas("lindahl2016")}
    # f = 2.5, 2 and 0.25: full over depleted weight as (1 - f)/(0.8 + 0.2 f) makes them.
    ratio = {path: depleted[path] / control[path] for path in changed}
    assert ratio["ctx_stn_to_stn_ctx_ampa.weight"] == pytest.approx(1 + 0.8 * 1.153846)
    assert ratio["msn_d1_to_snr_msn_gaba.weight"] == pytest.approx(1 - 0.8 * 0.56)
    assert ratio["gpe_ti.E_L"] == pytest.approx(1 + 0.8 * 0.181)
    assert (
        control["fsn_to_msn_d2_fsn_gaba.rule.n"],
        depleted["fsn_to_msn_d2_fsn_gaba.rule.n"],
    ) == (11, 19)
    assert depleted["msn_d1_to_msn_d1_msn_gaba.rule.n"] == 107


def test_drives_are_modulated_as_the_state_says() -> None:
    sleep = load_model("basal_ganglia", state="slow_wave", size=1000)
    stn = sleep.population("ctx_stn")
    assert isinstance(stn, PoissonSource)
    assert stn.interval is not None
    assert stn.interval.internal == pytest.approx(500.0)
    assert stn.profile == pytest.approx((0.94, 1.06))
    awake = load_model("basal_ganglia", size=1000, modulation="false").population("ctx_stn")
    assert isinstance(awake, PoissonSource)
    assert (awake.profile, awake.rate) == (None, Quantity(250.0, "Hz"))


def test_a_repeated_profile_goes_on() -> None:
    experiment = load_model("basal_ganglia", size=1000).with_(duration="400 ms")
    source = realize(experiment).sources["ctx_stn"]
    high = (source.times // 25) % 2 == 1
    # 7 cells, 200 ms each: 1.18 and 0.82 times 250 Hz, 350 spikes.
    assert high.sum() > 1.2 * (~high).sum()
    late = source.times > 200
    assert (high & late).sum() > 1.1 * (~high & late).sum()


@cache
def drawn() -> Realization:
    return realize(load_model("basal_ganglia", "depleted", size=1000).with_(duration="40 ms"))


@cache
def recorded(backend: str) -> Recording:
    return load_backend(backend).run(drawn(), Settings(mode="lockstep"))


_SLOW = (pytest.param(name, marks=pytest.mark.slow) for name in ("brian2", "neuron"))


@pytest.mark.parametrize("backend", ["pymonntorch", *_SLOW])
def test_lockstep_spikes_are_identical(backend: str) -> None:
    expected, found = recorded("reference").spikes, recorded(backend).spikes
    assert sum(map(len, expected.values())) > 40
    for name, spikes in expected.items():
        assert np.array_equal(found[name].cells, spikes.cells)
        np.testing.assert_allclose(found[name].times, spikes.times, rtol=0, atol=1e-9)
