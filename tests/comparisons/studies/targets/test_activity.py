"""Activity of groups against what is known of trains made by hand."""

import csv
import json
import math
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.studies.targets.activity import (
    activity,
    band_power,
    phase,
    signal,
    spectrum,
)
from coincide.comparisons.studies.targets.beside import Value, beside, judge
from coincide.comparisons.studies.targets.figures import beside_figure, claims_figure
from coincide.comparisons.studies.targets.intervals import POSSIBLE, circular_interval, interval_of
from coincide.comparisons.studies.targets.settled import drift, halves, other_window
from coincide.core.caveats import Caveat
from coincide.core.errors import InputError
from coincide.core.recording import Recording, Spikes
from coincide.models.library import load_model, targets_of
from coincide.models.targets import Claim

STOP = 20_000.0


def recording(**trains: list[np.ndarray]) -> Recording:
    return Recording(
        STOP,
        0.1,
        {
            name: Spikes.sorted(
                np.concatenate(own), np.repeat(np.arange(len(own)), [len(t) for t in own])
            )
            for name, own in trains.items()
        },
        {},
        {name: len(own) for name, own in trains.items()},
    )


def poisson(n: int, rate_hz: float, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate_hz * STOP / 1e3, n)
    return [np.sort(rng.uniform(0.0, STOP, k)) for k in counts]


def test_poisson_trains_have_the_statistics_of_poisson_trains() -> None:
    n, rate = 60, 20.0
    found = activity(
        recording(a=poisson(40, rate, 1), b=poisson(20, rate, 2)), ("a", "b"), 0.0, STOP
    )
    assert found.n_cells == n
    # Four standard errors of each: √(λ/(n·T)), about 1/√(n·λ·T), √(2/(bins − 1))/√n.
    assert found.rate == pytest.approx(rate, abs=4 * math.sqrt(rate / (n * 20)))
    assert found.cv == pytest.approx(1.0, abs=0.03)
    assert found.fano == pytest.approx(1.0, abs=4 * math.sqrt(2 / 199 / n))
    # The spectrum of the mean rate of n Poisson trains is flat at 2·λ/n (one-sided): 18 Hz of it.
    assert found.beta_power == pytest.approx(18 * 2 * rate / n, rel=0.25)
    assert found.beta_share == pytest.approx(18 / 98, rel=0.25)


def test_a_clock_neither_varies_nor_has_a_rhythm_in_the_beta_band() -> None:
    train = np.arange(5.0, STOP, 10.0)
    found = activity(recording(a=[train, train + 3.0]), ("a",), 0.0, STOP)
    assert found.rate == pytest.approx(100.0)
    assert found.cv == pytest.approx(0.0, abs=1e-9)
    assert found.fano == pytest.approx(0.0, abs=1e-9)
    assert found.beta_share < 1e-6


def test_the_power_of_a_sine_is_half_its_amplitude_squared() -> None:
    t = np.arange(10_000) / 1e3
    frequencies, power = spectrum(50 + 8 * np.sin(2 * np.pi * 20 * t))
    assert band_power(frequencies, power, (12, 30)) == pytest.approx(8**2 / 2, rel=0.01)
    assert band_power(frequencies, power, (35, 100)) == pytest.approx(0, abs=0.01)
    assert frequencies[np.argmax(power)] == pytest.approx(20)


@pytest.mark.parametrize("degrees", [-120.0, 0.0, 45.0, 90.0])
def test_a_phase_is_that_by_which_the_first_leads(degrees: float) -> None:
    t = np.arange(10_000) / 1e3
    a, b = (10 + np.sin(2 * np.pi * 20 * t + shift) for shift in (math.radians(degrees), 0.0))
    found = phase(a, b, (12, 30))
    assert found.degrees == pytest.approx(degrees, abs=0.5)
    assert found.locking == pytest.approx(1.0, abs=1e-3)
    noise = np.random.default_rng(4).normal(size=(2, 40_000))
    assert phase(*noise, (12, 30)).locking < 0.2
    assert math.isnan(phase(a, np.ones(10_000), (12, 30)).degrees)


def test_a_silent_group_has_a_rate_of_zero_and_no_more() -> None:
    found = activity(recording(a=[np.empty(0), np.empty(0)]), ("a",), 0.0, STOP)
    assert found.rate == 0
    assert all(map(math.isnan, (found.cv, found.fano, found.beta_share, found.beta_peak)))


def test_what_is_not_there_is_told() -> None:
    silent = recording(a=[np.empty(0)])
    with pytest.raises(InputError, match="no population 'b' was recorded; known: a"):
        activity(silent, ("b",), 0.0, STOP)
    with pytest.raises(InputError, match="fewer than two bins"):
        signal(silent, ("a",), 5.0, 6.0)


def test_intervals_are_students() -> None:
    mean, low, high = interval_of([1.0, 2.0, 3.0, math.nan])
    half = 4.302652729911275 / math.sqrt(3)  # t of 2 degrees of freedom at 97.5 %
    assert (mean, low, high) == pytest.approx((2.0, 2 - half, 2 + half))
    centre, low, high = circular_interval([179.0, -179.0, 180.0, -180.0])
    assert abs(centre) == pytest.approx(180.0)
    assert high - low == pytest.approx(2 * 3.182446305284263 * math.sqrt(2 / 3) / 2)
    value = Value("s", "v", "g", "rate", "x", 2.0, 1.0, 3.0, (1.0, 3.0))
    assert [value.standing(t) for t in (0.5, 2.5, 3.5)] == ["above", "undecided", "below"]
    # Within a quarter of a published 20 Hz there is room for ± 1 Hz.
    near = replace(value, mean=20.5, low=19.5, high=21.5)
    assert [near.standing(t) for t in (19.0, 20.0, 22.0)] == ["above", "inside", "below"]
    lost = replace(near, caveats=(Caveat("not finished", "x", "was stopped"),))
    assert {lost.standing(t) for t in (19.0, 20.0, 22.0)} == {"undecided"}


@pytest.mark.parametrize("quantity", POSSIBLE)
def test_no_interval_lies_outside_what_is_possible(quantity: str) -> None:
    low, high = POSSIBLE[quantity]
    top = min(high, 40.0)
    given = [low + 0.02 * (top - low), low + 0.7 * (top - low)]
    assert interval_of(given)[1] < low  # two seeds: Student's t has 12.7 of their deviation
    assert interval_of(given, (low, high))[1] == low
    assert interval_of(given, (low, high))[2] <= high


def _spiking_at(rates: list[float], cells: int = 100, step_ms: float = 500.0) -> Recording:
    """A population with so many Hz in steps of half a second."""
    rng = np.random.default_rng(1)
    times = [
        rng.uniform(k * step_ms, (k + 1) * step_ms, round(rate * cells * step_ms / 1e3))
        for k, rate in enumerate(rates)
    ]
    owners = [rng.integers(0, cells, t.size) for t in times]
    spikes = Spikes.sorted(np.concatenate(times), np.concatenate(owners))
    return Recording(len(rates) * step_ms, 0.1, {"a": spikes}, {}, {"a": cells})


def test_a_rate_that_drifts_within_the_window_is_said() -> None:
    parts = [halves(_spiking_at([r, 16.5]), ("a",), 0.0, 1000.0) for r in (23.8, 24.0)]
    (caveat,) = drift(parts, "TI, depleted")
    assert caveat.kind == "not settled"
    assert str(caveat) == "TI, depleted: its rate goes from 23.9 to 16.5 Hz within the window"
    steady = [halves(_spiking_at([r, 20.0]), ("a",), 0.0, 1000.0) for r in (19.6, 20.4)]
    assert not drift(steady, "TI")
    # Once up and once down is no drift, nor are 3 spikes that become 1.
    mixed = [halves(_spiking_at(r), ("a",), 0.0, 1000.0) for r in ([20.0, 30.0], [30.0, 20.0])]
    assert not drift(mixed, "TI")
    assert not drift([halves(_spiking_at([0.06, 0.02]), ("a",), 0.0, 1000.0)] * 2, "TI")


def test_a_claim_is_judged_in_the_source_s_window_and_with_all_its_runs() -> None:
    assert other_window((1000.0, 10_000.0), 1000.0, 2000.0) == []
    (caveat,) = other_window((1000.0, 10_000.0), 200.0, 1000.0)
    assert "from 200 to 1000 ms, the source's from 1000 to 10000 ms" in str(caveat)
    claim = Claim("a above b", "s", ("v", "A", "rate"), ("v", "B", "rate"), 1.0, "")
    a, b = (
        Value("s", "v", g, "rate", "x", m, m - 0.1, m + 0.1, (m - 0.01, m + 0.01))
        for g, m in (("A", 2.0), ("B", 1.0))
    )
    assert judge(claim, "x", [a, b], []).holds == "holds"
    assert judge(claim, "x", [replace(a, group="B"), replace(b, group="A")], []).holds == "fails"
    # What was found within a transient is no finding, nor is what is found without a run.
    for values in ([a, b], [replace(a, group="B"), replace(b, group="A")]):
        assert judge(claim, "x", values, [caveat]).holds == "undecided"
    nothing = judge(claim, "x", [a], [caveat])
    assert (nothing.holds, nothing.caveats) == ("undecided", (caveat,))
    silent = replace(b, by_seed=(0.0, 1.0))
    (why,) = judge(claim, "x", [a, silent], []).caveats
    assert "1 of 2 seeds have no ratio" in str(why)


def test_a_simulator_that_failed_leaves_every_claim_undecided(
    own_cache: Path, monkeypatch, tmp_path: Path, capsys
) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_BRIAN2", "/bin/false")
    arguments = ["targets", "basal_ganglia", "-b", "brian2", "reference", "--set", "size=1000"]
    arguments += ["--duration", "10 ms", "--seeds", "2", "--mode", "lockstep"]
    assert main([*arguments, "--json", str(tmp_path / "s.json"), "--out", str(tmp_path / "p")]) == 3
    told = json.loads((tmp_path / "s.json").read_text())
    assert {c["simulator"] for c in told["claims"]} == {"brian2", "reference"}
    assert {c["holds"] for c in told["claims"]} == {"undecided"}
    page = (tmp_path / "p" / "index.html").read_text()
    for text in (" ".join(capsys.readouterr().out.split()), page, json.dumps(told)):
        assert "brian2-lockstep, activation, normal" in text
        assert "one simulator tells nothing of another" in text


def test_a_model_without_targets_and_a_state_without_are_told() -> None:
    with pytest.raises(InputError, match="models with: basal_ganglia"):
        targets_of("lif_10")
    published = targets_of("basal_ganglia")
    assert published.states == ("activation", "slow_wave")

    def make(state: str, variant: str):
        return load_model("basal_ganglia", variant, state=state, size=1000)

    with pytest.raises(InputError, match="'sleep' has no targets; known: activation, slow_wave"):
        beside(make, published, ["reference"], states=["sleep"])
    with pytest.raises(InputError, match="two at least"):
        beside(make, published, ["reference"], seeds=1)
    with pytest.raises(InputError, match="leaves nothing of 1 s"):
        beside(make, published, ["reference"], start_ms=2000.0)


@pytest.mark.slow
def test_a_study_puts_every_simulator_beside_the_targets() -> None:
    published = targets_of("basal_ganglia")

    def make(state: str, variant: str):
        made = load_model("basal_ganglia", variant, state=state, size=1000)
        return made.with_(duration="250 ms")

    study = beside(make, published, ["reference", "pymonntorch"], "lockstep", seeds=2)
    assert len(study.simulators) == 2
    for v in study.values:
        other = study.value(v.state, v.variant, v.group, v.quantity, study.simulators[1])
        assert other is not None
        # The same spikes, so the same of everything.
        np.testing.assert_allclose(other.by_seed, v.by_seed)
    rates = {
        v.group: v.mean for v in study.values if v.quantity == "rate" and v.variant == "normal"
    }
    members = np.array([rates["TI"], rates["TA"]])
    assert members.min() <= rates["GPe"] <= members.max()
    assert study.agreement.startswith("all")
    assert "one tells nothing of another" in study.agreement  # the reference is no simulator
    assert {c.simulator for c in study.claims} == set(study.simulators)


@pytest.mark.slow
def test_a_page_shows_every_interval_beside_the_numbers_and_its_command_repeats_it(
    tmp_path: Path,
) -> None:
    arguments = ["targets", "basal_ganglia", "-b", "reference", "--set", "size=1000"]
    arguments += ["--duration", "60 ms", "--seeds", "2", "--seed", "3"]
    page = tmp_path / "page"
    # Nothing of it can hold in 60 ms: not within, and yet all is written.
    assert main([*arguments, "--out", str(page), "--json", str(tmp_path / "study.json")]) == 1
    html = (page / "index.html").read_text()
    published = targets_of("basal_ganglia")
    for claim in published.claims:
        assert claim.name in html
    text = (tmp_path / "study.json").read_text()
    assert "NaN" not in text
    told = json.loads(text)
    assert (told["mode"], told["seeds"]) == ("aligned", [3, 4])
    rows = list(csv.DictReader((page / "targets.csv").open()))
    assert len(rows) == sum(t.state == "activation" for t in published.targets)
    wanted = {(v["variant"], v["group"], v["quantity"]): v["mean"] for v in told["values"]}
    for row in rows:
        mean = wanted[row["variant"], row["group"], row["quantity"]]
        expected = math.nan if mean is None else mean
        assert float(row["reference"]) == pytest.approx(expected, nan_ok=True)
    for name in ("beside-activation", "claims"):
        assert (page / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    command = shlex.split(json.loads((page / "page.json").read_text())["provenance"]["command"])
    assert command[0] == "coincide"
    again = tmp_path / "again.json"
    # All from the cache: the same digests, so the same experiments.
    assert main([*command[1:], "--json", str(again)]) == 1
    assert json.loads(again.read_text())["values"] == told["values"]


def test_figures_show_what_there_is_and_say_where_there_is_nothing(tmp_path: Path) -> None:
    published = targets_of("basal_ganglia")

    def make(state: str, variant: str):
        return load_model("basal_ganglia", variant, state=state, size=1000).with_(
            duration="60 ms", seed=3
        )

    study = beside(make, published, ["reference"], seeds=2)
    left, right = beside_figure(study, "activation").axes
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[:2] == ["D1  normal", "D1  depleted"]
    wanted = {t.value for t in published.targets if (t.state, t.quantity) == ("activation", "rate")}
    drawn = {float(line.get_xdata()[0]) for line in left.lines if line.get_marker() in ("|", "*")}
    assert drawn == wanted
    means = {v.mean for v in study.values if v.quantity == "rate"}
    assert {float(m.get_xdata()[0]) for m in left.lines if m.get_marker() == "o"} <= means
    assert right.get_xlabel() == "CV of intervals"
    nothing = replace(study, simulators=(), values=(), claims=(), runs=())
    for figure in (beside_figure(nothing, "activation"), claims_figure(nothing)):
        assert not figure.axes
        assert figure.texts
    page = nothing.save(tmp_path / "none")
    assert "No claim could be judged." in page.read_text()
