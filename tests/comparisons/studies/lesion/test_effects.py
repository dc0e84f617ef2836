"""Effects of known size, disagreements of known size, and the verdict of each kind in words."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from coincide.comparisons.measuring.readings import Measure
from coincide.comparisons.measuring.readouts import Probe, measure
from coincide.comparisons.measuring.signal import Signal, transmission
from coincide.comparisons.studies.lesion.arms import Arm, arms_of, check_severities, read_lesion
from coincide.comparisons.studies.lesion.certainty import all_together, holm, of_one_draw, p_value
from coincide.comparisons.studies.lesion.effects import disagreement_of, effect_of, t_interval
from coincide.comparisons.studies.lesion.tables import possible_edge
from coincide.comparisons.studies.lesion.words import (
    below,
    in_words,
    legend,
    overall,
    percent,
    short,
)
from coincide.core.errors import InputError
from coincide.core.perturbations import Lesion, parse_perturbation
from coincide.core.recording import Recording, Spikes

RATE = Measure("cells", "rate")
WHERE = ("aligned", "block", 1.0)
NAMES = ("brian2", "neuron", "reference")
HEALTHY = np.array([[20.0, 21.0, 22.0], [20.0, 21.0, 22.0], [20.0, 21.0, 22.0]])


def _effect(healthy, lesioned, names=NAMES, why=""):
    return effect_of(
        RATE, WHERE, names[: len(healthy)], np.asarray(healthy), np.asarray(lesioned), why
    )


def test_interval_is_that_of_scipy() -> None:
    differences = np.array([1.3, -0.2, 2.5, 0.9, 1.1])
    expected = stats.t.interval(0.95, 4, differences.mean(), stats.sem(differences))
    assert t_interval(differences) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("differences", [[], [3.0]])
def test_no_interval_of_fewer_than_two(differences) -> None:
    assert all(math.isnan(edge) for edge in t_interval(np.array(differences)))


def test_disagreement_is_the_largest_of_any_pair_in_either_arm() -> None:
    healthy = np.array([[1.0, 2.0], [1.5, 2.0], [1.0, 3.0]])  # pairs: 0.25, 0.5, 0.75
    lesioned = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 0.0]])  # 0, 1.5, 1.5
    assert disagreement_of(healthy, healthy) == pytest.approx(0.75, rel=1e-12)
    assert disagreement_of(healthy, lesioned) == pytest.approx(1.5, rel=1e-12)
    assert disagreement_of(lesioned, healthy) == pytest.approx(1.5, rel=1e-12)
    assert math.isnan(disagreement_of(healthy[:1], lesioned[:1]))


def test_seeds_are_paired() -> None:
    # Rates vary by 10 Hz from seed to seed; the change is -2 ± 0.1 with every seed.
    healthy = np.array([[10.0, 20.0, 30.0]] * 2)
    lesioned = healthy + np.array([-2.1, -2.0, -1.9])
    told = _effect(healthy, lesioned).simulators[0]
    assert told.effect == pytest.approx(-2.0, rel=1e-12)
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3)
    assert (told.low, told.high) == pytest.approx((-2.0 - half, -2.0 + half), rel=1e-9)
    assert told.relative == pytest.approx(-0.1, rel=1e-12)


def test_the_smallest_effect_counts() -> None:
    off = np.array([[0.0], [0.25], [0.0]])
    effect = _effect(HEALTHY, HEALTHY - 7.75 - off)
    assert effect.effect == pytest.approx(-7.75, rel=1e-12)
    assert effect.disagreement == pytest.approx(0.25, rel=1e-12)
    assert effect.ratio == pytest.approx(31.0, rel=1e-12)
    assert effect.verdict == "independent"
    assert in_words(effect) == (
        "the effect is 31 times the simulators' disagreement: it does not depend on the simulator"
    )


NOISE = np.array([-1.0, 0.0, 1.0])
VERDICTS = [
    # what is added to the healthy values of brian2 and neuron, the verdict, words of it
    ([-5.0, -5.0], "independent", "agree exactly: the effect does not depend on the simulator"),
    ([-5.0, -5.0 + 1e-12], "independent", "agree to round-off: the effect does not depend"),
    ([-5.0, -6.0], "independent", "5 times the simulators' disagreement: it does not depend"),
    ([-5.0, -7.0], "unclear", "2.5 times the simulators' disagreement: it is unclear"),
    (
        [-1.0, -3.0],
        "indistinguishable",
        "0.5 times the simulators' disagreement: it cannot be told",
    ),
    ([-1.0, 1.0], "indistinguishable", "another sign on another simulator"),
    ([0.0, 1.0], "indistinguishable", "no effect on brian2: it cannot be told"),
    ([0.0, 0.0], "none", "the same in both arms on every simulator"),
    ([1e-13, 0.0], "none", "to round-off"),
]


@pytest.mark.parametrize(("added", "verdict", "words"), VERDICTS, ids=[v[2][:30] for v in VERDICTS])
def test_verdicts_of_one_seed(added, verdict: str, words: str) -> None:
    healthy = np.full((2, 1), 20.0)
    effect = _effect(healthy, healthy + np.array(added)[:, None])
    assert effect.verdict == verdict
    assert words in in_words(effect)
    assert "interval" not in in_words(effect)


@pytest.mark.parametrize(
    ("added", "verdict", "words"),
    [
        (
            [0.1 + NOISE, 0.1 + NOISE],
            "none",
            "3 seeds show, for its 95 % interval contains 0 on every",
        ),
        ([4.0 + NOISE, 4.0 + NOISE], "independent", "agree exactly"),
        (
            [2.4 + NOISE, 2.8 + NOISE],
            "unclear",
            "6 times the simulators' disagreement: it is unclear, "
            "for its 95 % interval contains 0 on brian2",
        ),
    ],
)
def test_verdicts_with_intervals(added, verdict: str, words: str) -> None:
    # s = 1, n = 3: the interval is ± 4.303/√3 = 2.484.
    healthy = np.array([[20.0, 25.0, 30.0]] * 2)
    effect = _effect(healthy, healthy + np.array(added))
    assert effect.verdict == verdict
    assert words in in_words(effect)


def test_one_simulator_says_nothing_of_a_change_of_simulator() -> None:
    gone = _effect(HEALTHY[:1], np.full((1, 3), math.nan))
    assert in_words(gone) == "defined in the healthy arm only"
    assert [percent(x) for x in (0.0, -0.5, math.nan)] == ["0 %", "−50 %", "–"]
    effect = _effect(HEALTHY[:1], HEALTHY[:1] - 5)
    assert effect.verdict == "alone"
    assert math.isnan(effect.disagreement)
    assert "one simulator only" in in_words(effect)
    assert "one simulator only" in overall("block", [effect])


NAN = math.nan


@pytest.mark.parametrize(
    ("healthy", "lesioned", "words"),
    [
        ([[1.0], [1.0]], [[NAN], [NAN]], "healthy arm only, on every simulator (no spike)"),
        ([[NAN], [NAN]], [[1.0], [1.0]], "lesioned arm only, on every simulator (no spike)"),
        ([[NAN], [NAN]], [[NAN], [NAN]], "defined in neither arm (no spike)"),
        ([[1.0], [1.0]], [[NAN], [1.0]], "defined on neuron but not on brian2 in the lesioned arm"),
    ],
)
def test_what_is_not_defined_is_words(healthy, lesioned, words: str) -> None:
    effect = _effect(healthy, lesioned, why="no spike")
    assert effect.verdict == "undefined"
    assert math.isnan(effect.effect)
    assert words in in_words(effect)
    assert "is not defined" in overall("block", [effect])


def test_seeds_without_a_value_are_left_out_and_told() -> None:
    lesioned = HEALTHY - 5.0
    lesioned[:, 1] = NAN
    effect = _effect(HEALTHY, lesioned)
    assert (effect.n_seeds, effect.verdict) == (2, "independent")
    assert "defined in 2 of 3 seeds" in in_words(effect)
    lesioned[0, 1] = 16.0
    split = _effect(HEALTHY, lesioned)
    assert split.verdict == "unclear"
    assert "defined on brian2 but not on neuron, reference" in in_words(split)


def test_nothing_is_said_of_runs_that_failed() -> None:
    effect = effect_of(RATE, WHERE, (), np.empty((0, 0)), np.empty((0, 0)), "no cell has 4 spikes")
    assert in_words(effect) == "no simulator ran both arms to their end"
    assert overall("block", [effect]) == (
        "block: nothing can be said, for no simulator ran both arms to their end."
    )


def test_an_effect_that_few_seeds_hide_is_not_called_none() -> None:
    hidden = _effect(HEALTHY[:, :2], HEALTHY[:, :2] + [[1.0, 9.0]])
    same = _effect(HEALTHY, HEALTHY)
    assert (hidden.verdict, hidden.hidden, same.verdict, same.hidden) == (
        "none",
        True,
        "none",
        False,
    )
    assert [short(hidden), short(same)] == ["∅ not shown", "∅ no effect"]
    assert "more seeds may show one" in in_words(hidden)
    assert overall("block", [hidden, same]) == (
        "block: no read-out changes by more than it varies from seed to seed; "
        "cells rate differs, but 2 seeds do not show an effect."
    )
    assert overall("block", [same]) == "block: no read-out changes."


def test_the_legend_has_what_occurs() -> None:
    holds = _effect(HEALTHY, HEALTHY - np.array([[5.0], [5.125], [5.0]]))
    words = dict(legend([holds]))
    assert [*words] == ["effect", "disagree", "ratio", "✓ holds"]
    assert "one spike (a rate)" in words["ratio"]
    assert "ratio 3 or more" in words["✓ holds"]
    alone = legend([_effect(HEALTHY[:1], HEALTHY[:1] - 5)])
    assert [word for word, _ in alone] == ["effect", "· one only"]


def test_overall_says_what_holds_and_what_does_not() -> None:
    holds = _effect(HEALTHY, HEALTHY - np.array([[5.0], [5.125], [5.0]]))
    lost = _effect(HEALTHY, HEALTHY - np.array([[0.1], [1.0], [0.1]]))
    said = overall("block", [holds, lost])
    assert "1 of 2 read-outs changes by an effect that does not depend on the simulator" in said
    assert "cannot be told from a change of simulator" in said
    assert "21 to 15.96 Hz, −24 %, 40 times the disagreement" in said


def test_a_ratio_is_cut_off_not_rounded() -> None:
    assert [below(x) for x in (2.999, 3.0, 0.999, 31.9, 0.0)] == ["2.9", "3", "0.99", "31", "0"]


def _recording(trains: dict[str, list[list[float]]], duration: float = 1000.0) -> Recording:
    spikes = {
        name: Spikes.sorted(
            np.concatenate([np.asarray(t, float) for t in cells]),
            np.repeat(np.arange(len(cells)), [len(t) for t in cells]),
        )
        for name, cells in trains.items()
    }
    sizes = {name: len(cells) for name, cells in trains.items()}
    return Recording(duration, 0.1, spikes, {}, sizes)


def test_rate_is_of_surviving_cells_after_the_start() -> None:
    probe = Probe(("cells",), 200.0, output="cells")
    recording = _recording({"cells": [[100.0, 200.0, 300.0, 400.0], [250.0], []]})
    found = measure(probe, recording, 1)
    # Three spikes of three cells in 0.8 s; the spikes at 100 and 200 ms are before the window.
    assert found[RATE].value == pytest.approx(3 / 3 / 0.8, rel=1e-12)
    assert found[Measure("cells", "output")].value == pytest.approx(3 / 0.8, rel=1e-12)
    assert math.isnan(found[Measure("cells", "CV")].value)
    assert "4 spikes" in found[Measure("cells", "CV")].why


def test_cv_is_the_mean_over_cells_with_three_intervals() -> None:
    intervals = np.array([10.0, 20.0, 30.0])
    irregular = np.cumsum([100.0, *intervals]).tolist()
    regular = [100.0, 150.0, 200.0, 250.0, 300.0]
    few = [1.0, 2.0, 900.0]
    found = measure(Probe(("cells",), 0.0), _recording({"cells": [irregular, regular, few]}), 1)
    assert found[Measure("cells", "CV")].value == pytest.approx((10.0 / 20.0 + 0.0) / 2, rel=1e-12)


def test_the_interval_is_the_mean_over_cells_with_two_spikes() -> None:
    probe = Probe(("cells",), 0.0, paced=("cells",))
    found = measure(probe, _recording({"cells": [[10.0, 30.0, 40.0], [100.0, 150.0], [7.0]]}), 1)
    assert found[Measure("cells", "interval")].value == pytest.approx((15.0 + 50.0) / 2, rel=1e-12)
    none = measure(probe, _recording({"cells": [[10.0], []]}), 1)[Measure("cells", "interval")]
    assert (math.isnan(none.value), none.why) == (True, "no cell has 2 spikes")


def test_a_population_that_is_gone_has_reasons_instead_of_numbers() -> None:
    found = measure(Probe(("cells", "others"), 0.0), _recording({"others": [[1.0]]}), 1)
    assert math.isnan(found[RATE].value)
    assert "no cell of cells is left" in found[RATE].why
    assert found[Measure("others", "rate")].value == pytest.approx(1.0)


def _sine(bins: int = 4000, period: float = 500.0):
    return np.sin(2 * np.pi * np.arange(bins) / period)


def test_a_rate_that_follows_the_signal_transmits_all_of_it() -> None:
    signal = Signal("gait", 1.0 + _sine())
    counts = np.round(50 * (1.0 + np.roll(_sine(), 40))).astype(int)
    times = np.repeat(np.arange(4000) + 0.5, counts)
    value, why = transmission(signal, times, 500.0)
    assert (round(value, 3), why) == (1.0, "")
    inverted = np.repeat(np.arange(4000) + 0.5, np.round(50 * (1.0 - _sine())).astype(int))
    assert transmission(signal, inverted, 500.0)[0] == pytest.approx(1.0, abs=1e-3)


def test_a_rate_without_the_signal_transmits_little_of_it() -> None:
    times = np.random.default_rng(0).uniform(0, 40_000, 20_000)
    value, _ = transmission(Signal("gait", 1.0 + _sine(40_000)), times, 0.0)
    # 1/√(40 s / 70 ms) = 0.04; the largest over 201 lags is a few times that at most.
    assert 0.0 < value < 0.16


def test_a_silent_population_transmits_nothing() -> None:
    assert transmission(Signal("gait", _sine(1000)), np.empty(0), 0.0) == (0.0, "")


@pytest.mark.parametrize(
    ("values", "times", "start", "words"),
    [
        (np.ones(1000), [10.0, 500.0], 0.0, "gait is constant"),
        (_sine(1000), [990.0], 990.0, "shorter than"),
    ],
)
def test_transmission_that_has_no_meaning_is_words(values, times, start, words: str) -> None:
    value, why = transmission(Signal("gait", values), np.array(times), start)
    assert math.isnan(value)
    assert words in why


KNOWN = {
    "block": Lesion("block", "a block", ["cells.g *= 0"], "a, 1999"),
    "loss": Lesion("loss", "", ["remove 40% cells"], "b, 2000"),
}


def test_lesions_are_named_written_or_joined() -> None:
    assert read_lesion("block", KNOWN) == ("block", KNOWN["block"])
    name, made = read_lesion("cells.E_L += 5 mV", KNOWN)
    assert name == "cells.E_L += 5 mV"
    assert made.perturbations == (parse_perturbation("cells.E_L += 5 mV"),)
    name, made = read_lesion("block+cells.E_L += 1e+1 mV + loss", KNOWN)
    assert name == "block + cells.E_L += 1e+1 mV + loss"
    assert [p.operation for p in made.perturbations] == ["scale", "add", "remove"]
    assert made.citation == "a, 1999; b, 2000"


def test_a_lesion_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(KNOWN["block"].to_json())
    assert read_lesion(str(path), {}) == ("block", KNOWN["block"])
    path.write_text("\ufeff" + KNOWN["block"].to_json(), encoding="utf-8")
    name, joined = read_lesion(f"loss + {path}", KNOWN)
    assert name == "loss + block"
    assert [p.operation for p in joined.perturbations] == ["remove", "scale"]
    for text, words in (
        ("{", "is no JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("{}", "has no 'name'"),
        ('{"name": "x"}', "has no 'perturbations'"),
        ('{"name": "x", "perturbations": ["cells.g"]}', "mine.json: cells.g: is no perturbation"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_lesion(str(path), {})
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no text in UTF-8"):
        read_lesion(str(path), {})


def test_a_model_without_lesions_says_what_to_write() -> None:
    with pytest.raises(InputError, match="no lesions of its own; write one, such as"):
        read_lesion("block", {})


def test_an_arm_whose_value_is_an_object_can_be_looked_up() -> None:
    text = 'cells.tau := {"distribution": "uniform", "low": "5 ms", "high": "9 ms"}'
    arms = arms_of([read_lesion(text, {})])
    assert {arm: k for k, arm in enumerate(arms)}[arms[1]] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("blok", "did you mean 'block'"),
        ("block+", "nothing on one side"),
        ("nowhere.json", "there is no such file"),
        ("block+nowhere.json", "nowhere.json: there is no such file"),
        ("cells.g ** 2", "is no perturbation"),
    ],
)
def test_lesions_that_are_none(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_lesion(text, KNOWN)


def test_arms_are_healthy_and_every_lesion_at_every_severity() -> None:
    arms = arms_of(KNOWN.items(), check_severities([1.0, 0.0, 0.5]))
    assert [(a.name, a.severity) for a in arms] == [
        ("healthy", 0.0),
        ("block", 0.5),
        ("block", 1.0),
        ("loss", 0.5),
        ("loss", 1.0),
    ]
    assert arms[0] == Arm("healthy", 0.0)
    with pytest.raises(InputError, match="given twice"):
        arms_of([("block", KNOWN["block"])] * 2)


@pytest.mark.parametrize(
    ("effect", "verdict"),
    [(-2.5 * (1 + 1e-14), "indistinguishable"), (-5.0, "unclear"), (-7.5, "independent")],
)
def test_one_spike_is_the_least_that_a_count_tells(effect: float, verdict: str) -> None:
    healthy = np.full((3, 1), 27.5)
    found = effect_of(RATE, WHERE, NAMES, healthy, healthy + effect, grain=2.5)
    assert found.disagreement == 0.0
    assert found.ratio == pytest.approx(abs(effect) / 2.5)
    assert found.verdict == verdict
    assert "one spike more or less (2.5 Hz)" in in_words(found)


def test_p_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    healthy = rng.normal(20.0, 1.0, (1, 6))
    lesioned = healthy + rng.normal(0.7, 1.0, (1, 6))
    found = effect_of(RATE, WHERE, ["neuron"], healthy, lesioned)
    expected = stats.ttest_rel(lesioned[0], healthy[0]).pvalue
    assert p_value(found.simulators[0], 6) == pytest.approx(expected, rel=1e-9)


def test_holm_by_hand() -> None:
    # 3·0.01, then max(0.03, 2·0.02), then max(0.04, 1·0.03).
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_of_twenty_read_outs_without_an_effect_few_hold() -> None:
    """Alone 5 % of read-outs without an effect would hold; together 5 % of lesions have any that does."""
    rng = np.random.default_rng(5)
    alone = any_together = 0
    for _ in range(200):
        effects = []
        for _ in range(20):
            healthy, lesioned = rng.normal(20.0, 1.0, (2, 1, 5))
            both = np.repeat(healthy, 2, axis=0), np.repeat(lesioned, 2, axis=0)
            effects.append(effect_of(RATE, WHERE, NAMES[:2], *both))
        alone += sum(e.verdict == "independent" for e in effects)
        any_together += any(e.verdict == "independent" for e in all_together(effects))
    # Binomial, four standard deviations about 5 % of 4,000 and of 200.
    assert abs(alone - 200) < 4 * math.sqrt(4000 * 0.05 * 0.95)
    assert any_together <= 10 + 4 * math.sqrt(200 * 0.05 * 0.95)


def test_the_same_shift_in_both_arms_is_one_of_level() -> None:
    healthy = np.array([[20.0], [23.0]])
    found = effect_of(RATE, WHERE, NAMES[:2], healthy, healthy + 2.0)
    assert found.apart == 0.0
    assert found.verdict == "indistinguishable"
    assert "they differ in level" in in_words(found)


def test_one_draw_cannot_hold() -> None:
    healthy = np.array([[20.0], [20.1]])
    found = effect_of(RATE, WHERE, NAMES[:2], healthy, healthy + 9.0)
    assert found.verdict == "independent"
    (told,) = of_one_draw([found])
    assert told.verdict == "unclear"
    assert "is unclear, for one seed is too few (one draw only; " in in_words(told)


def test_what_too_few_seeds_show_is_said_to_be_that() -> None:
    # Defined in every seed, and clear by itself; among ten read-outs it is not.
    lesioned = HEALTHY[:2] + np.array([4.0, 5.0, 6.0])
    clear = _effect(HEALTHY[:2], lesioned)
    assert clear.verdict == "independent"
    nothing = [_effect(HEALTHY[:2], HEALTHY[:2] + np.array([0.1, -0.1, 0.05])) for _ in range(9)]
    told = all_together([clear, *nothing])[0]
    assert told.verdict == "unclear"
    assert "is unclear, for 3 seeds are too few (p = 0.13 among 10 read-outs; " in in_words(told)


@pytest.mark.parametrize(
    ("quantity", "edge", "possible"),
    [("rate", -3.0, 0.0), ("rate", 3.0, 3.0), ("transmission", 1.2, 1.0), ("CV", -0.1, 0.0)],
)
def test_no_dose_has_an_interval_outside_what_is_possible(
    quantity: str, edge: float, possible: float
) -> None:
    effect = effect_of(Measure("cells", quantity), WHERE, NAMES, HEALTHY, HEALTHY - 1.0)
    assert possible_edge(effect, edge) == possible
    assert math.isnan(possible_edge(effect, math.nan))
