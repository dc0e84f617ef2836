"""Perturbations and lesions: what they change, what they leave, and what they say no to."""

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.cable import CableCell
from coincide.core.channels import Channel
from coincide.core.discretisation import LengthConstant
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.morphology import ball_and_stick
from coincide.core.paths import paths, places, set_values
from coincide.core.perturbations import Lesion, Perturbation, apply, parse_perturbation
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.units import Quantity
from coincide.core.values import Array, Uniform
from coincide.models.purkinje_khaliq2003 import build

Plain = dict[str, Any]


@pytest.fixture
def healthy(described: Plain) -> Experiment:
    return Experiment.from_dict(described)


def value_at(experiment: Experiment, path: str) -> Any:
    return places(experiment)[path].value


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("inh.tau := 10 ms", "inh.tau", Quantity(10.0, "ms")),
        ("inh.tau *= 0.5", "inh.tau", Quantity(10.0, "ms")),
        # Without a unit: in that of the value which is there.
        ("inh.tau := 10", "inh.tau", Quantity(10.0, "ms")),
        ("inh.E_L += 5", "inh.E_L", Quantity(-60.0, "mV")),
        ("exc.R := 0.16", "exc.R", Quantity(0.16, "GOhm")),
        ("exc.initial.v += 1", "exc.initial.v", Uniform(low="-64 mV", high="-49 mV")),
        ("inh.tau × 0.1", "inh.tau", Quantity(2.0, "ms")),
        ("inh.E_L += 5 mV", "inh.E_L", Quantity(-60.0, "mV")),
        ("inh.E_L += 0.005 V", "inh.E_L", Quantity(-60.0, "mV")),
        ("inh.E_L -= 5 mV", "inh.E_L", Quantity(-70.0, "mV")),
        ("exc.R *= 2", "exc.R", Array([0.16] * 12, "GOhm")),
        ("exc.R += 20 MOhm", "exc.R", Array([0.1] * 12, "GOhm")),
        ("exc.initial.v += 1 mV", "exc.initial.v", Uniform(low="-64 mV", high="-49 mV")),
        ("exc.initial.v *= 0.5", "exc.initial.v", Uniform(low="-32.5 mV", high="-25 mV")),
        ("exc.ampa.tau *= 3", "exc.ampa.tau", Quantity(15.0, "ms")),
        ("exc.own.parameters.tau_x *= 2", "exc.own.parameters.tau_x", Quantity(14.0, "ms")),
        ("inh.model.refractory *= 2", "inh.model.refractory", "4 ms"),
        ("drive.rate *= 0.5", "drive.rate", Quantity(15.0, "Hz")),
        ("wave.profile *= 2", "wave.profile", (2.0, 0.0, 4.0)),
        ("series.values *= 2", "series.values", (2.0, 4.0, 6.0)),
        ("drive_to_exc_ampa.rule.p *= 0.5", "drive_to_exc_ampa.rule.p", 0.15),
        ("exc_to_exc_gaba.rule.n *= 0.5", "exc_to_exc_gaba.rule.n", 2),
        ("exc_to_inh_kick.weight *= 2", "exc_to_inh_kick.weight.median", Quantity(2.0, "mV")),
        ("exc_to_inh_kick.weight *= 0", "exc_to_inh_kick.weight", Quantity(0.0, "mV")),
        ("exc->inh.weight *= 2", "exc_to_inh_kick.weight.median", Quantity(2.0, "mV")),
        ("exc → inh.delay += 1 ms", "exc_to_inh_kick.delay", Quantity(1.5, "ms")),
        ("step.amplitude *= -1", "step.amplitude", Quantity(-50.0, "pA")),
        ("white.std := 0 pA", "white.std", Quantity(0.0, "pA")),
        ("inh.initial.v := E_L + 1*mV", "inh.initial.v", "E_L + 1*mV"),
        ("dt *= 0.5", "dt", Quantity(0.05, "ms")),
        # Half the way from the healthy value.
        ("inh.tau := 10 ms at 50%", "inh.tau", Quantity(15.0, "ms")),
        ("inh.E_L := -0.07 V at 50%", "inh.E_L", Quantity(-67.5, "mV")),
        ("exc.R := 0.16 GOhm at 50%", "exc.R", Array([0.12] * 12, "GOhm")),
        ("exc.initial.v := -50 mV at 50%", "exc.initial.v", Uniform(low="-57.5 mV", high="-50 mV")),
        ("wave.profile := [3, 2, 2] at 50%", "wave.profile", (2.0, 1.0, 2.0)),
        ("inh.tau *= 0.5 at 50%", "inh.tau", Quantity(15.0, "ms")),
        ("inh.E_L += 5 mV at 40%", "inh.E_L", Quantity(-63.0, "mV")),
        ("remove 40% exc at 50%", "exc.lost", 0.2),
        ("silence exc->inh at 25%", "exc_to_inh_kick.weight.median", Quantity(0.75, "mV")),
        ("silence sine at 50%", "sine.amplitude", Quantity(10.0, "pA")),
        ("silence sine at 50%", "sine.offset", Quantity(2.5, "pA")),
        ("silence series at 50%", "series.values", (0.5, 1.0, 1.5)),
        ("remove 40% of exc", "exc.lost", 0.4),
        ("remove 0.25 drive", "drive.lost", 0.25),
        ("silence ou", "ou.cells", ()),
    ],
)
def test_what_a_perturbation_does(healthy: Experiment, text: str, path: str, expected: Any) -> None:
    assert value_at(healthy, path) != expected
    after = apply(healthy, text)
    found = value_at(after, path)
    if isinstance(expected, float | tuple):
        assert found == pytest.approx(expected, rel=1e-12)
    else:
        assert found == expected
    assert Experiment.from_json(after.to_json()) == after
    assert after.hash != healthy.hash
    # One part of the description is another, all else is as it was.
    before, now = healthy.to_dict(), after.to_dict()
    different = [k for k in now if now[k] != before.get(k)]
    assert len(different) == 1
    if isinstance(now[different[0]], list):
        pairs = zip(before[different[0]], now[different[0]], strict=True)
        assert sum(a != b for a, b in pairs) == 1


def test_a_pattern_changes_everything_that_it_matches(healthy: Experiment) -> None:
    after = apply(healthy, "*_to_exc_*.weight *= 0.5")
    weights = {
        p.name: (p.weight, q.weight)
        for p, q in zip(healthy.projections, after.projections, strict=True)
    }
    assert weights["drive_to_exc_ampa"][1] == Quantity(0.5, "nS")
    # Whole values, not their fields once more.
    assert weights["exc_to_exc_gaba"][1].mean == Quantity(0.5, "nS")
    assert weights["exc_to_exc_gaba"][1].std == Quantity(0.05, "nS")
    same = [name for name, (a, b) in weights.items() if a == b]
    assert same == ["exc_to_inh_kick", "inh_to_inh_kick"]


def test_removing_all_takes_what_belongs_to_it(healthy: Experiment) -> None:
    after = apply(healthy, "remove inh")
    assert [p.name for p in after.populations] == ["exc", "drive", "wave", "given"]
    assert all("inh" not in (p.source, p.target) for p in after.projections)
    assert "ou" not in [i.name for i in after.inputs]
    assert [r.population for r in after.records] == ["exc"]
    in_parts = apply(healthy, ["remove 30% inh", "remove 60% inh", "remove 10% inh"])
    assert in_parts == after
    assert Experiment.from_json(after.to_json()) == after


def test_silencing_leaves_the_part_that_is_silenced(healthy: Experiment) -> None:
    after = apply(healthy, "silence exc")
    assert after.populations == healthy.populations
    assert [p.name for p in healthy.projections if p not in after.projections] == [
        "exc_to_exc_gaba",
        "exc_to_inh_kick",
        "exc_to_exc_expo",
    ]
    assert apply(healthy, "silence drive") == apply(healthy, "silence drive_to_exc_ampa")


@pytest.mark.parametrize(
    "text",
    ["remove inh", "silence exc", "silence white", "silence inh_to_exc_slow", "remove 50% drive"],
)
def test_what_is_not_touched_is_drawn_as_before(healthy: Experiment, text: str) -> None:
    before, after = realize(healthy), realize(apply(healthy, text))
    for name, population in after.populations.items():
        for variable, value in population.parameters.items():
            assert np.array_equal(value, before.populations[name].parameters[variable])
        for variable, value in population.initial.items():
            assert np.array_equal(value, before.populations[name].initial[variable])
        old = {i.input_name: i for i in before.populations[name].inputs}
        for given_ in population.inputs:
            assert np.array_equal(given_.values, old[given_.input_name].values)
    edges = {e.name: e for e in before.edges}
    assert after.edges
    for e in after.edges:
        if e.source != "drive":
            assert np.array_equal(e.pre, edges[e.name].pre)
            assert np.array_equal(e.weight, edges[e.name].weight)
            assert np.array_equal(e.delay_ms, edges[e.name].delay_ms)
    for name, source in after.sources.items():
        if name != "drive":
            assert np.array_equal(source.times, before.sources[name].times)


@given(
    factor=st.floats(1e-3, 1e3),
    name=st.sampled_from(["exc_to_exc_gaba", "exc_to_inh_kick", "inh_to_exc_slow"]),
)
def test_random_numbers_are_scaled_number_for_number(
    described: Plain, factor: float, name: str
) -> None:
    healthy = Experiment.from_dict(described)
    weight = {e.name: e.weight for e in realize(healthy).edges}
    scaled = {
        e.name: e.weight for e in realize(apply(healthy, f"{name}.weight *= {factor!r}")).edges
    }
    np.testing.assert_allclose(scaled[name], weight[name] * factor, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exc.tua *= 2", "exc.tua *= 2: matches nothing; did you mean 'exc.tau'"),
        ("tau_m *= 2", "tau_m *= 2: matches nothing"),
        (
            "E_L += 5 mV",
            "E_L += 5 mV: is in 2 places; name one, or '*.E_L' for all: exc.E_L, inh.E_L",
        ),
        ("*.waight *= 2", "matches nothing"),
        ("exc->drive.weight *= 2", "matches nothing; did you mean 'exc->inh'? known: drive->exc"),
        (
            "exc->exc.weight *= 2",
            "2 projections exc->exc; name one: exc_to_exc_gaba, exc_to_exc_expo",
        ),
        ("remove 40% excc", "matches nothing; did you mean 'exc'"),
        ("silence climbing", "matches nothing; known: bias, drive, drive_to_exc_ampa, exc"),
        ("silence inh_to_exc", "did you mean 'inh_to_exc_slow'"),
        (
            "inh.tau := 5 mV",
            "inh.tau := 5 mV: 5 mV has the dimension of a voltage [mV], but a time [ms]",
        ),
        ("inh.tau += 5 mV", "5 mV has the dimension of a voltage [mV], but a time [ms] is needed"),
        ("inh.tau := banana", "banana"),
        ("inh.tau *= 2 ms", "'2 ms' is no number; a factor is a number such as 0.5"),
        ("inh.tau *= NaN", "nan is not finite"),
        ("inh.tau *= true", "True is no number"),
        (
            "inh.tau *= -1",
            "inh.tau *= -1: inh.tau: -20 ms is negative; a time constant has to be > 0",
        ),
        ("drive_to_exc_ampa.weight *= -1", "-1 nS would be negative; a conductance has to be >= 0"),
        (
            "inh_to_exc_slow.weight := -1 nS",
            "-1 nS would be negative; a conductance has to be >= 0",
        ),
        ("exc_to_exc_gaba.weight *= -1", "would be mirrored"),
        ("exc_to_inh_kick.weight += 1 mV", "a lognormal distribution cannot be shifted"),
        ("remove 140% exc", "140% is more than there is"),
        ("remove 0% exc", "0% is nothing to remove"),
        ("remove -5% exc", "-5% is nothing to remove"),
        ("remove exc_to_exc_gaba", "matches nothing; known: drive, exc, given, inh, wave"),
        ("silence given at 120%", "severity"),
        ("seed *= 2", "is the seed"),
        ("seed := 2 at 50%", "is the seed"),
        ("title *= 2", "'' is a text, which has no size"),
        ("inh.initial.v *= 2", "'E_L' is a text, which has no size; set it"),
        ("remove 40%", "remove 40%: of which population?"),
        ("exc.tau *= 2 at 150%", "exc.tau *= 2 at 150%: the severity 150% is above 100%"),
        ("remove *", "leaves no neurons at all"),
        ("exc.own.on_pre *= 2", "is a text, which has no size"),
        ("step.stop *= 2", "has no value to change"),
        ("white.shared *= 2", "is no number"),
        ("bias.cells *= 2", "is no number"),
        ("drive_to_exc_ampa.rule *= 2", "is no number; name one of its parts"),
        ("white.shared := true at 50%", "is no number"),
        ('exc.R := {"values": [1, 2], "unit": "GOhm"} at 50%', "has 12 values, not 2"),
        ("inh.tau ^= 2", "is no perturbation; write"),
        ("", "is no perturbation"),
        ("exc.tau", "is no perturbation"),
        ("remove", "is no perturbation"),
        ("drive.size *= 0", "size"),
    ],
)
def test_bad_perturbations_have_one_clear_message(
    healthy: Experiment, text: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        apply(healthy, text)
    assert words in str(caught.value)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


def test_more_is_not_removed_than_is_left(healthy: Experiment) -> None:
    with pytest.raises(
        InputError, match=r"remove 70% exc: is more than there is; 60% of exc are left"
    ):
        apply(healthy, ["remove 40% exc", "remove 70% exc"])
    with pytest.raises(InputError, match="matches nothing"):
        apply(healthy, ["remove inh", "remove 10% inh"])


@pytest.mark.parametrize(
    ("roles", "text", "words"),
    [
        ({"output": "inh"}, "remove inh", "'inh' is the output of the experiment"),
        ({"signal": "drive"}, "remove drive", "'drive' is the signal of the experiment"),
        ({"signal": "ou"}, "remove inh", "its input 'ou' is the signal of the experiment"),
    ],
)
def test_what_reads_out_is_not_removed(
    described: Plain, roles: Plain, text: str, words: str
) -> None:
    experiment = Experiment.from_dict(described | roles)
    with pytest.raises(InputError) as caught:
        apply(experiment, text)
    assert str(caught.value).startswith("remove 100% ")
    assert words in str(caught.value)
    # What is silenced stays, and so does what it is for.
    for name in roles.values():
        if name != "inh" or roles.get("signal"):
            assert apply(experiment, f"silence {name}").signal == roles["signal"]


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"signal": "exc"}, "all.signal: there is no input or source 'exc'"),
        ({"signal": "dirve"}, "did you mean 'drive'"),
        ({"output": "drive"}, "all.output: there is no population of neurons 'drive'"),
    ],
)
def test_signal_and_output_name_what_is_there(described: Plain, roles: Plain, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Experiment.from_dict(described | roles)
    assert words in str(caught.value)


def test_signal_and_output_are_no_part_of_what_runs(described: Plain) -> None:
    plain = Experiment.from_dict(described)
    named = Experiment.from_dict(described | {"signal": "drive", "output": "inh"})
    assert realize(named).digest == realize(plain).digest
    assert named.hash != plain.hash
    assert set_values(plain, ["signal=drive", "output=inh"]) == named


LESION = Lesion(
    "ataxia",
    "Several things at once",
    (
        "inh.tau := 10 ms",
        "exc_to_inh_kick.weight *= 0.5",
        "inh.E_L += 5 mV",
        "remove 40% exc",
        "silence drive",
    ),
    "nobody 2000",
)


def test_severity_zero_is_healthy_and_one_the_lesion(healthy: Experiment) -> None:
    assert apply(healthy, LESION.at(0)) == healthy
    assert realize(apply(healthy, LESION.at(0))).digest == realize(healthy).digest
    assert LESION.at(1) == LESION
    assert apply(healthy, LESION.at(1)) == apply(healthy, LESION)
    assert apply(healthy, LESION) == apply(healthy, list(LESION.perturbations))
    assert apply(healthy, LESION) == apply(healthy, [str(p) for p in LESION.perturbations])
    # Even at severity 0, what matches nothing is an error.
    with pytest.raises(InputError, match="matches nothing"):
        apply(healthy, Lesion("x", "", "exc.tua *= 2").at(0))


@given(severity=st.floats(0, 1))
def test_between_healthy_and_lesioned(described: Plain, severity: float) -> None:
    healthy = Experiment.from_dict(described)
    after = apply(healthy, LESION.at(severity))
    assert value_at(after, "inh.tau").internal == pytest.approx(20 - 10 * severity, abs=1e-12)
    assert value_at(after, "inh.E_L").internal == pytest.approx(-65 + 5 * severity, abs=1e-12)
    assert value_at(after, "exc.lost") == pytest.approx(0.4 * severity, abs=1e-12)
    median = value_at(after, "exc_to_inh_kick.weight.median").internal
    assert median == pytest.approx(1 - 0.5 * severity, abs=1e-12)
    left = [p.weight.internal for p in after.projections if p.name == "drive_to_exc_ampa"]
    assert left == (pytest.approx([1 - severity], abs=1e-12) if severity < 1 else [])


@pytest.mark.parametrize("severity", [-0.01, 1.01, math.nan, math.inf])
def test_a_severity_out_of_range_is_refused(severity: float) -> None:
    with pytest.raises(InputError, match=r"severity .* is not in \[0, 1\]"):
        LESION.at(severity)


FACTORS = st.floats(0.1, 10)
INDEPENDENT = st.permutations(
    [
        "inh.tau *= {}",
        "exc_to_inh_kick.weight *= {}",
        "drive.rate *= {}",
        "remove 30% inh",
        "silence white",
        "inh.E_L += {} mV",
        "silence exc_to_exc_expo",
        "*.ampa.tau *= {}",
    ]
)


@given(order=INDEPENDENT, factor=FACTORS)
def test_changes_of_different_things_commute(
    described: Plain, order: list[str], factor: float
) -> None:
    healthy = Experiment.from_dict(described)
    texts = [text.format(factor) for text in order]
    assert apply(healthy, texts) == apply(healthy, sorted(texts))


def test_changes_of_one_thing_are_applied_in_order(healthy: Experiment) -> None:
    first = apply(healthy, ["inh.E_L *= 2", "inh.E_L += 5 mV"])
    other = apply(healthy, ["inh.E_L += 5 mV", "inh.E_L *= 2"])
    assert value_at(first, "inh.E_L") == Quantity(-125.0, "mV")
    assert value_at(other, "inh.E_L") == Quantity(-120.0, "mV")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(
    st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20
)
PLAIN = st.recursive(
    NUMBERS | st.integers() | st.booleans() | TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
PATHS = st.sampled_from(
    ["dt", "exc.tau", "purkinje.naRsg.epsilon", "*_to_exc.weight", "a->b.weight", "x?.y"]
)
PERTURBATIONS = st.one_of(
    st.tuples(PATHS, st.just("set"), PLAIN),
    st.tuples(PATHS, st.just("scale"), NUMBERS),
    st.tuples(PATHS, st.just("add"), st.sampled_from(["5 mV", "-1e-3 1/ms", "0.5"]) | NUMBERS),
    st.tuples(PATHS, st.just("remove"), st.floats(0, 1, exclude_min=True)),
    st.tuples(PATHS, st.just("silence"), st.none()),
)


@given(fields=PERTURBATIONS, severity=st.floats(0, 1), citation=TEXTS)
def test_text_and_json_read_back_as_the_same(fields: Any, severity: float, citation: str) -> None:
    perturbation = Perturbation(*fields, citation, severity=severity)
    assert parse_perturbation(str(perturbation), citation) == perturbation
    data = json.loads(perturbation.model_dump_json())
    assert Perturbation(**data) == perturbation
    lesion = Lesion("x", "y", [perturbation], citation)
    assert Lesion.from_json(lesion.to_json()) == lesion
    assert Lesion.model_validate_json(lesion.model_dump_json()) == lesion


@pytest.mark.parametrize("text", ["inh.E_L += -5", "inh.E_L += 0.5 V", "inh.tau := 10"])
def test_a_text_is_written_as_it_was(text: str) -> None:
    assert str(parse_perturbation(text)) == text


@given(part=st.integers(1, 10_000))
def test_parts_in_per_cent_are_what_they_say(part: int) -> None:
    assert str(parse_perturbation(f"remove {part / 100:g}% exc")) == f"remove {part / 100:g}% exc"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Perturbation("exc.tau", "multiply", 2),
            "there is no 'multiply'; known: add, remove",
        ),
        (lambda: Perturbation("exc.tau", "scael", 2), "did you mean 'scale'"),
        (lambda: Perturbation("", "scale", 2), "is no path"),
        (lambda: Perturbation("exc tau", "scale", 2), "is no path"),
        (lambda: Perturbation("exc", "silence", 2), "takes no value"),
        (lambda: Perturbation("exc", "remove", "some"), "'some' is no number"),
        (
            lambda: Perturbation("exc", "add", Uniform(low=0, high=1)),
            "a distribution cannot be added",
        ),
        (lambda: Perturbation("exc", "set", math.nan), "cannot be set"),
        (lambda: Perturbation("exc", "set", object()), "cannot be set"),
        (lambda: Perturbation("exc", "set", 1, strength=2), "there is no field 'strength'"),
        (lambda: Lesion("x", "", ()), "is empty"),
        (lambda: Lesion("", "", "exc.tau *= 2"), "is no name"),
        (lambda: Lesion("x", "", "exc.tau"), "is no perturbation"),
        (lambda: Lesion("x", "", 3), "perturbations"),
        (lambda: Lesion.from_json("[]"), "is no JSON object"),
        (lambda: Lesion.from_json("{"), "is no JSON"),
    ],
)
def test_bad_descriptions_are_refused(make: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert words in str(caught.value)


def test_quantities_and_values_are_taken_as_they_are(healthy: Experiment) -> None:
    given_ = Perturbation("inh.tau", "set", Uniform(low="5 ms", high="6 ms"), "nobody 2000")
    assert value_at(apply(healthy, given_), "inh.tau") == Uniform(low="5 ms", high="6 ms")
    assert apply(healthy, Perturbation("inh.E_L", "add", Quantity(5.0, "mV"))) == apply(
        healthy, "inh.E_L += 5 mV"
    )


def test_a_description_is_not_changed_by_what_is_applied(described: Plain) -> None:
    before = copy.deepcopy(described)
    apply(Experiment.from_dict(described), LESION)
    assert described == before


# Cells with a membrane


@pytest.fixture(scope="module")
def purkinje() -> Experiment:
    return build("wild_type", cells=5)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("purkinje.naRsg.epsilon := 1e-12 /ms", "purkinje.naRsg.epsilon", Quantity(1e-12, "1/ms")),
        ("purkinje.naRsg.epsilon := 1e-12", "purkinje.naRsg.epsilon", Quantity(1e-12, "1/ms")),
        ("naRsg.epsilon := 1e-12", "purkinje.naRsg.epsilon", Quantity(1e-12, "1/ms")),
        ("capacitance × 1.2", "purkinje.capacitance", Quantity(1.2, "uF/cm**2")),
        (
            "purkinje.naRsg.conductance *= 0.5",
            "purkinje.naRsg.conductance",
            Quantity(0.0075, "S/cm**2"),
        ),
        ("purkinje.cap.permeability *= 0", "purkinje.cap.permeability", Quantity(0.0, "cm/s")),
        ("purkinje.ca.outside *= 0.5", "purkinje.ca.outside", Quantity(1.0, "mM")),
        ("purkinje.ca.pool.tau *= 2", "purkinje.ca.pool.tau", Quantity(2.0, "ms")),
        ("purkinje.capacitance *= 1.2", "purkinje.capacitance", Quantity(1.2, "uF/cm**2")),
        ("purkinje.celsius += 1", "purkinje.celsius", 23.04),
        ("purkinje.initial.v += 1 mV", "purkinje.initial.v", None),
        ("remove 40% purkinje", "purkinje.lost", 0.4),
    ],
)
def test_inside_of_a_membrane(purkinje: Experiment, text: str, path: str, expected: Any) -> None:
    before, after = value_at(purkinje, path), value_at(apply(purkinje, text), path)
    assert after != before
    if expected is None:
        expected = Quantity(before.magnitude + 1, before.unit)
    assert after == expected
    assert Experiment.from_json(apply(purkinje, text).to_json()) == apply(purkinje, text)


def test_every_channel_of_a_cell_at_once(purkinje: Experiment) -> None:
    after = apply(purkinje, "purkinje.k*.conductance *= 0.5").neurons("purkinje").model
    for old, new in zip(purkinje.neurons("purkinje").model.channels, after.channels, strict=True):
        if old.name.startswith("k"):
            assert new.conductance == Quantity(old.conductance.magnitude / 2, old.conductance.unit)
        else:
            assert new == old
    # The conductance of a channel that has a permeability is not given, and is left alone.
    assert apply(purkinje, "purkinje.*.conductance *= 0.5") != purkinje


def test_what_the_population_gives_is_what_is_perturbed(purkinje: Experiment) -> None:
    data = purkinje.to_dict()
    data["populations"][0]["parameters"] = {
        "conductance_naRsg": {"values": [0.01, 0.02, 0.03, 0.04, 0.05], "unit": "S/cm**2"}
    }
    given_ = realize(apply(Experiment.from_dict(data), "purkinje.naRsg.conductance *= 0.5"))
    found = given_.populations["purkinje"].parameters["conductance_naRsg"]
    np.testing.assert_allclose(found, np.array([5, 10, 15, 20, 25]) * 0.01, rtol=1e-12)


def test_the_wild_type_becomes_the_mutant() -> None:
    lesion = Lesion(
        "nav16_null", "", ("purkinje.naRsg.epsilon := 1e-12 /ms", "purkinje.naRsg.Oon := 2.3 /ms")
    )
    mutant = build("med").neurons("purkinje").model.channels[0].parameters
    made = apply(build("wild_type"), lesion).neurons("purkinje").model.channels[0].parameters
    assert made["Oon"].internal == mutant["Oon"].internal
    assert made["epsilon"].internal == mutant["epsilon"].internal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "purkinje.naRsg.epsilom *= 2",
            "'purkinje.naRsg.epsilon'? known: purkinje.naRsg.epsilon, ",
        ),
        ("purkinje.naRgs.epsilon *= 2", "did you mean 'purkinje.naRsg.epsilon'"),
        ("purkinje.naRsg.epsilon := 1 mV", "but a rate [1/ms] is needed"),
        ("purkinje.bkpkj.conductance *= -1", "-0.007 S/cm**2 would be negative; a conductance"),
        ("purkinje.cap.permeability *= -1", "would be negative; a permeability has to be >= 0"),
        ("purkinje.ca.outside := 0 mM", "ca.outside: 0 mM has to be > 0"),
        ("purkinje.ca.pool.tau *= -1", "has to be > 0"),
        ("purkinje.naRsg.gates *= 2", "is no number"),
        ("purkinje.cap.conductance *= 2", "has no value to change"),
    ],
)
def test_bad_perturbations_of_a_membrane(purkinje: Experiment, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        apply(purkinje, text)
    assert words in str(caught.value)


def test_a_perturbation_of_every_path_that_has_a_number(described: Plain) -> None:
    healthy = Experiment.from_dict(described)
    scaled = 0
    for path in paths(healthy):
        value = value_at(healthy, path)
        if path == "seed" or not isinstance(value, Quantity | float) or value == type(value)(0.0):
            continue
        after = value_at(apply(healthy, f"{path} *= 1.01"), path)
        number = value if isinstance(value, float) else value.magnitude
        found = after if isinstance(after, float) else after.magnitude
        assert found == pytest.approx(1.01 * number, rel=1e-12), path
        scaled += 1
    assert scaled > 40


@pytest.mark.parametrize(
    "change", ["cell.capacitance *= 4", "cell.axial_resistivity := 400 ohm*cm"]
)
def test_a_lesion_leaves_the_compartments_as_they_are(change: str) -> None:
    model = CableCell(
        name="tree",
        morphology=ball_and_stick("20 um", "800 um", "1 um"),
        discretisation=LengthConstant(),
        channels=(Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV"),),
    )
    healthy = Experiment(
        name="tree", populations=(Population(name="cell", model=model, size=1),), duration="1 ms"
    )
    lesioned = apply(healthy, change)
    cells = [realize(e).populations["cell"].cell.lowered for e in (healthy, lesioned)]
    assert cells[0] is not None
    assert cells[1] is not None
    assert len(cells[1].compartments) == len(cells[0].compartments) > 10
    # Without what the lesion keeps, the rule would cut twice as finely.
    assert LengthConstant().count(model.morphology.sections[1], 4e-3, 0.01) > 1.5 * (
        len(cells[0].compartments) - 1
    )
