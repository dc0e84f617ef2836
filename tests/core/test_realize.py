"""Drawing: same seed same draws, every part from a stream of its own, what is rounded, what is refused."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest, norm, poisson

from coincide.core import inputs as core_inputs
from coincide.core.drawn import stream
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.units import DIMENSIONLESS, dimension_of_unit
from coincide.core.values import (
    Array,
    Distribution,
    Exponential,
    LogNormal,
    Normal,
    TruncatedNormal,
    Uniform,
    draw_value,
)

Plain = dict[str, Any]
RARE = 1e-6  # how often a right program fails a statistical bound here, over all seeds; seeds are fixed


def drawn(data: Plain) -> Realization:
    return realize(Experiment.from_dict(data))


def arrays(data: Plain) -> dict[str, np.ndarray]:
    """Everything drawn, by the name of the part it belongs to."""
    realization = drawn(data)
    found = {}
    for population in realization.populations.values():
        for kind, numbers in (("p", population.parameters), ("i", population.initial)):
            for name, value in numbers.items():
                found[f"{population.name}.{kind}.{name}"] = np.asarray(value)
        for held in population.inputs:
            for field in ("values", "frames", "columns", "gain"):
                found[f"input {held.input_name}.{field}"] = getattr(held, field)
    for source in realization.sources.values():
        for field in ("steps", "cells", "times"):
            found[f"{source.name}.{field}"] = getattr(source, field)
    for edges in realization.edges:
        for field in ("pre", "post", "weight", "delay_steps", "delay_ms"):
            found[f"{edges.name}.{field}"] = np.asarray(getattr(edges, field))
    return found


def same(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray], but: tuple[str, ...] = ()
) -> None:
    """Every array of *before* is in *after*, to the bit, except what begins with one of *but*."""
    compared = 0
    for name, value in before.items():
        if not name.startswith(but) or not but:
            assert np.array_equal(value, after[name]), name
            compared += 1
    assert compared > 20


def test_one_seed_draws_one_realization(described: Plain) -> None:
    first, second = drawn(described), drawn(copy.deepcopy(described))
    assert first.digest == second.digest
    same(arrays(described), arrays(described))


def test_the_digest_is_of_the_dynamics(described: Plain) -> None:
    digest = drawn(described).digest
    described.update(name="other", variant="b", title="Another title", source="Somebody 1999")
    described["populations"][1]["model"] = {**described["populations"][1]["model"], "source": "x"}
    assert drawn(described).digest == digest
    for change in (
        {"duration": "51 ms"},
        {"dt": "0.05 ms"},
        {"records": []},
        {"projections": described["projections"][1:]},
    ):
        assert drawn({**described, **change}).digest != digest
    for field, changed in [
        ("threshold", "v > -51*mV"),
        ("reset", "v = E_L + 1*mV"),
        ("refractory", "2.01 ms"),
    ]:
        other = copy.deepcopy(described)
        other["populations"][1]["model"][field] = changed
        assert drawn(other).digest != digest, field


def test_another_seed_draws_everything_anew(described: Plain) -> None:
    first, second = arrays(described), arrays({**described, "seed": 2})
    changed = {n for n in first if not np.array_equal(first[n], second[n])}
    assert {
        "exc.p.tau",
        "exc.i.v",
        "drive.times",
        "wave.times",
        "input white.values",
        "input uniform.values",
        "input ou.values",
        "drive_to_exc_ampa.pre",
        "exc_to_exc_gaba.pre",
        "exc_to_exc_gaba.weight",
        "exc_to_exc_gaba.delay_ms",
        "exc_to_inh_kick.post",
        "exc_to_inh_kick.weight",
        "inh_to_exc_slow.pre",
        "inh_to_exc_slow.weight",
    } <= changed
    # What is not random stays.
    assert {"exc.p.R", "given.times", "input step.values", "given_to_exc_alpha.weight"}.isdisjoint(
        changed
    )
    assert drawn(described).digest != drawn({**described, "seed": 2}).digest


def _add_population(data: Plain) -> None:
    more = {**copy.deepcopy(data["populations"][0]), "name": "more", "size": 50}
    more["parameters"].pop("R")
    data["populations"].insert(0, more)


def _add_source(data: Plain) -> None:
    data["populations"].insert(
        0, {"name": "noise", "kind": "poisson", "size": 40, "rate": "100 Hz"}
    )


def _add_projection(data: Plain) -> None:
    data["projections"].insert(
        0,
        {
            "source": "inh",
            "target": "inh",
            "receptor": "kick",
            "name": "more",
            "delay": "1 ms",
            "rule": {"rule": "fixed_probability", "p": 0.5},
            "weight": {"distribution": "normal", "mean": "1 mV", "std": "1 mV"},
        },
    )


def _add_input(data: Plain) -> None:
    data["inputs"].insert(0, {**data["inputs"][5], "name": "more"})


def _reorder(data: Plain) -> None:
    for part in ("populations", "projections", "inputs", "records"):
        data[part].reverse()


def _other_names_of_the_experiment(data: Plain) -> None:
    data.update(name="other", title="other", variant="other")


LOCAL: list[tuple[Callable[[Plain], None], tuple[str, ...]]] = [
    (_add_population, ()),
    (_add_source, ()),
    (_add_projection, ()),
    (_add_input, ()),
    (_reorder, ()),
    (_other_names_of_the_experiment, ()),
    (lambda d: d["projections"][1].update(weight="3 nS"), ("exc_to_exc_gaba.weight",)),
    (
        lambda d: d["projections"][1].update(
            weight={"distribution": "lognormal", "median": "1 nS", "sigma": 1.0}
        ),
        ("exc_to_exc_gaba.weight",),
    ),
    (lambda d: d["projections"][1].update(delay="1 ms"), ("exc_to_exc_gaba.delay",)),
    (lambda d: d["projections"][1]["rule"].update(n=4), ("exc_to_exc_gaba.",)),
    (lambda d: d["projections"][0]["rule"].update(p=0.9), ("drive_to_exc_ampa.",)),
    (lambda d: d["populations"][2].update(rate="300 Hz"), ("drive.",)),
    (lambda d: d["populations"][0]["parameters"].pop("tau"), ("exc.p.tau",)),
    (
        lambda d: d["populations"][0]["initial"].update(
            v={"distribution": "normal", "mean": "-60 mV", "std": "1 mV"}
        ),
        ("exc.i.v",),
    ),
    (lambda d: d["populations"][0]["receptors"].pop("nmda"), ("exc.p.", "exc.i.g_nmda")),
    (lambda d: d["inputs"].pop(5), ("input white",)),
    (lambda d: d["inputs"][5].update(std="50 pA"), ("input white",)),
    (lambda d: d.update(records=[]), ()),
    (lambda d: d["populations"][0].update(initial={}), ("exc.i.v",)),
]


@pytest.mark.parametrize(("change", "touched"), LOCAL)
def test_changing_one_part_leaves_the_draws_of_the_others(
    change: Callable[[Plain], None], touched: tuple[str, ...], described: Plain
) -> None:
    before = arrays(described)
    change(described)
    same(before, arrays(described), touched)


def test_another_size_touches_its_own_population_alone(described: Plain) -> None:
    before = arrays(described)
    described["populations"][1]["size"] = 9
    described["populations"][0]["parameters"].pop("R")
    after = arrays(described)
    same(before, after, ("inh", "exc_to_inh", "input ou", "exc.p.R"))


def test_another_dt_draws_the_same_but_the_steps(described: Plain) -> None:
    before, after = arrays(described), arrays({**described, "dt": "0.05 ms"})
    trains = ("drive.", "wave.", "given.")
    per_step = tuple(n for n in before if n.endswith(("steps", "frames")))
    same(before, after, per_step + trains + ("input ramp", "input sine"))
    for name in trains:
        # Within one step spikes are sorted by cell, so the order differs between steps of two lengths.
        first, second = (
            sorted(zip(a[f"{name}times"], a[f"{name}cells"], strict=True)) for a in (before, after)
        )
        assert first == second
    assert not np.array_equal(before["drive.steps"], after["drive.steps"])


@pytest.mark.parametrize("longer", ["50.1 ms", "123.4 ms", "250 ms"])
def test_a_longer_run_begins_as_the_shorter_one(longer: str, described: Plain) -> None:
    short, long = arrays(described), arrays({**described, "duration": longer})
    for name in ("drive", "wave", "given"):
        n = np.searchsorted(long[f"{name}.steps"], 500, side="right")
        for field in ("steps", "cells", "times"):
            assert np.array_equal(short[f"{name}.{field}"], long[f"{name}.{field}"][:n])
        assert short[f"{name}.times"].size > 0
    for name in ("white", "uniform", "ou", "step", "ramp", "sine", "series"):
        first, second = (
            a[f"input {name}.values"][a[f"input {name}.frames"]][:500] for a in (short, long)
        )
        assert np.array_equal(first, second)
    rest = (*tuple(n for n in short if n.startswith("input")), "drive", "wave")
    same({n: v for n, v in short.items() if n not in rest}, long, ("drive.", "wave.", "input"))


# --- distributions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "cdf"),
    [
        (Uniform(low="2", high="5"), lambda x: np.clip((x - 2) / 3, 0, 1)),
        (Normal(mean="2", std="3"), lambda x: norm.cdf(x, 2, 3)),
        (LogNormal(median="2", sigma=0.5), lambda x: norm.cdf(np.log(x / 2) / 0.5)),
        (Exponential(mean="4"), lambda x: 1 - np.exp(-x / 4)),
        (Exponential(mean="-4"), lambda x: np.exp(x / 4)),
        (
            TruncatedNormal(mean="1", std="2", low="0", high="2"),
            lambda x: (
                (norm.cdf(x, 1, 2) - norm.cdf(0, 1, 2)) / (norm.cdf(2, 1, 2) - norm.cdf(0, 1, 2))
            ),
        ),
        (TruncatedNormal(mean="0", std="1", low="8"), lambda x: 1 - norm.sf(x) / norm.sf(8)),
        (TruncatedNormal(mean="0", std="1", high="-8"), lambda x: norm.cdf(x) / norm.cdf(-8)),
        (TruncatedNormal(mean="3", std="1"), lambda x: norm.cdf(x, 3, 1)),
    ],
)
def test_distributions_are_what_they_say(value: Any, cdf: Callable[[Any], Any]) -> None:
    numbers = draw_value(value, stream(1, "distribution"), 20_000, DIMENSIONLESS, "x")
    p = kstest(numbers, cdf).pvalue
    # Two-sided: a p-value near 1 would be as strange as one near 0.
    assert RARE < p < 1 - RARE


def test_values_come_in_internal_units() -> None:
    rng = stream(1, "units")
    assert draw_value(Array([1, 2], "s"), rng, 2, dimension_of_unit("ms"), "x").tolist() == [
        1000.0,
        2000.0,
    ]
    low = draw_value(Uniform(low="1 nA", high="2 nA"), rng, 100, dimension_of_unit("pA"), "x")
    assert np.min(low) >= 1000.0
    assert np.max(low) < 2000.0


def test_a_distribution_says_how_to_draw() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?draw"):
        Distribution(distribution="none")  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Array([1, 2, 3], "ms"), "has 3 values, but 5 are needed"),
        (Array([1, 2, 3], "mV"), "has the dimension of a voltage"),
        (Uniform(low="2 ms", high="1 ms"), "low 2 ms is above high 1 ms"),
        (Normal(mean="2 ms", std="-1 ms"), "std -1 ms is negative"),
        (TruncatedNormal(mean="2 ms", std="0 ms"), "std 0 ms has to be > 0"),
        (
            TruncatedNormal(mean="2 ms", std="1 ms", low="3 ms", high="3 ms"),
            "low 3 ms is not below high 3 ms",
        ),
        (TruncatedNormal(mean="2 ms", std="1 ms", low="99 ms"), "no normal number falls between"),
        (LogNormal(median="1 ms", sigma=1e6), "is not finite"),
        (Array([1e308] * 5, "s"), "is not finite"),
    ],
)
def test_values_that_cannot_be_drawn(value: Any, words: str) -> None:
    with np.errstate(over="ignore"), pytest.raises(InputError, match=r"^exc\.tau") as caught:
        draw_value(value, stream(1, "x"), 5, dimension_of_unit("ms"), "exc.tau")
    assert words in str(caught.value)


# --- weights, delays, notes ------------------------------------------------------------------------


def test_weight_scales_divide(described: Plain) -> None:
    edges = {e.name: e for e in drawn(described).edges}
    for projection in described["projections"]:
        projection["weight_scale"] = "none"
    plain = {e.name: e for e in drawn(described).edges}
    for name, factor in [
        ("drive_to_exc_ampa", 1 / (0.3 * 10)),
        ("exc_to_exc_gaba", 1 / 3),
        ("inh_to_inh_kick", 1 / 8),
    ]:
        assert edges[name].weight == pytest.approx(
            np.asarray(plain[name].weight) * factor, rel=1e-15
        )
        assert np.array_equal(edges[name].pre, plain[name].pre)
    assert edges["exc_to_exc_expo"].weight == 5.0


def test_arrays_follow_the_list_of_pairs(described: Plain) -> None:
    # The list is 2 → 1, 0 → 5, 0 → 5 with the weights and delays 1, 2, 3.
    (edges,) = (e for e in drawn(described).edges if e.name == "given_to_exc_alpha")
    assert edges.pre.tolist() == [0, 0, 2]
    assert edges.post.tolist() == [5, 5, 1]
    assert np.asarray(edges.weight).tolist() == [2.0, 3.0, 1.0]
    assert np.asarray(edges.delay_steps).tolist() == [20, 30, 10]
    assert np.asarray(edges.delay_ms).tolist() == [2.0, 3.0, 1.0]
    assert edges.starts.tolist() == [0, 2, 2, 3]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 11), st.floats(-1e3, 1e3), st.integers(1, 90)),
        max_size=20,
    )
)
def test_every_pair_keeps_its_weight_and_delay(
    described: Plain, pairs: list[tuple[int, int, float, int]]
) -> None:
    description = copy.deepcopy(described)
    pre, post, weights, steps = zip(*pairs, strict=True) if pairs else ((), (), (), ())
    description["projections"][6].update(
        rule={"rule": "explicit", "pre": pre, "post": post},
        weight={"values": weights, "unit": "pA"},
        delay={"values": [0.1 * n for n in steps], "unit": "ms"},
    )
    (edges,) = (e for e in drawn(description).edges if e.name == "given_to_exc_alpha")
    columns = (edges.pre, edges.post, np.asarray(edges.weight), np.asarray(edges.delay_steps))
    found = list(zip(*(c.tolist() for c in columns), strict=True))
    assert sorted(found) == sorted(pairs)


def test_arrays_of_a_rule_follow_the_sorted_connections(described: Plain) -> None:
    numbers = [float(k) for k in range(56)]
    described["projections"][5].update(
        weight={"values": numbers, "unit": "mV"}, weight_scale="none"
    )
    (edges,) = (e for e in drawn(described).edges if e.name == "inh_to_inh_kick")
    assert np.asarray(edges.weight).tolist() == numbers


@pytest.mark.parametrize(
    ("delay", "steps"),
    [("0.15 ms", 2), ("0.1 ms", 1), ("0.05 ms", 1), ("0.24 ms", 2), ("100 us", 1)],
)
def test_delays_are_rounded_with_ties_up(delay: str, steps: int, described: Plain) -> None:
    described["projections"][0]["delay"] = delay
    realization = drawn(described)
    assert realization.edges[0].delay_steps == steps
    note = f"drive_to_exc_ampa: delay {float(delay.split()[0]):g} ms acts as {steps * 0.1:g} ms"
    assert (note in realization.notes) == (delay not in ("0.1 ms", "100 us"))


def test_rounding_is_noted_where_it_happens(described: Plain) -> None:
    assert set(drawn(described).notes) == {
        "exc_to_exc_gaba: delays are rounded to whole steps of 0.1 ms",
        "given: spike times are rounded to steps of 0.1 ms",
    }
    described["duration"] = "50.04 ms"
    described["populations"][0]["model"]["refractory"] = "2.06 ms"
    described["inputs"][4]["interval"] = "0.25 ms"
    described["inputs"][1].update(start="20.03 ms", stop="30.1 ms")
    described["inputs"][2].update(start="0 ms", stop="40.06 ms")
    described["inputs"][3].update(start="0.1 ms", stop="900.05 ms")
    notes = drawn(described).notes
    inputs = [n for n in notes if n.startswith(("step", "ramp", "sine"))]
    assert inputs == [
        "step: start 20.03 ms acts from 20 ms",
        "ramp: stop 40.06 ms acts from 40.1 ms",
    ]
    on = np.flatnonzero(course(drawn(described), "step")[:, 0])
    assert (on[0], on[-1] + 1) == (200, 301)
    # The ramp ends at that step, not between two.
    ramp = course(drawn(described), "ramp")[:, 0]
    assert ramp[401] == ramp[-1] != ramp[400]
    assert "duration 50.04 ms acts as 500 steps of 0.1 ms" in notes
    assert "exc: refractory 2.06 ms acts as 2.1 ms" in notes
    assert "series: its interval is no multiple of dt, so frames vary by a step" in notes
    assert drawn(described).populations["exc"].refractory_steps == 21
    assert drawn(described).n_steps == 500


@pytest.mark.parametrize(
    ("delay", "words"),
    [
        ("0.04 ms", "0.04 ms is less than one step of 0.1 ms; make the delay longer or dt smaller"),
        (
            {"distribution": "uniform", "low": "0.01 ms", "high": "0.02 ms"},
            "less than one step of 0.1 ms (",
        ),
        (
            {"distribution": "normal", "mean": "1 ms", "std": "5 ms"},
            "is less than one step of 0.1 ms (",
        ),
        ("1e300 ms", "more than 2147483646 steps of 0.1 ms"),
    ],
)
def test_a_delay_under_one_step_names_the_projection(
    delay: Any, words: str, described: Plain
) -> None:
    described["projections"][0]["delay"] = delay
    with pytest.raises(InputError) as caught:
        drawn(described)
    assert str(caught.value).startswith("drive_to_exc_ampa.delay: ")
    assert words in str(caught.value)


def test_refractoriness_can_be_a_parameter_of_each_cell(described: Plain) -> None:
    model = described["populations"][0]["model"]
    model["equations"] += "\nt_ref : ms"
    model["refractory"] = "t_ref"
    model["parameters"]["t_ref"] = "1 ms"
    described["populations"][0]["parameters"]["t_ref"] = {"values": [0, 1, 2] * 4, "unit": "ms"}
    described["populations"][1]["model"] = model
    populations = drawn(described).populations
    assert np.asarray(populations["exc"].refractory_steps).tolist() == [0, 10, 20] * 4
    assert populations["inh"].refractory_steps == 10


# --- initial values, parameters ----------------------------------------------------------------------


def test_initial_values_may_need_each_other(described: Plain) -> None:
    described["populations"][1]["initial"] = {"v": "2*E_L - 10*mV"}
    assert drawn(described).populations["inh"].initial["v"].tolist() == [-140.0] * 8
    described["populations"][0]["initial"] = {"v": "E_L + tau/ms*mV"}
    exc = drawn(described).populations["exc"]
    assert np.array_equal(exc.initial["v"], -65 + np.asarray(exc.parameters["tau"]))
    described["populations"][1]["initial"] = {"v": "2*v"}
    with pytest.raises(InputError, match=r"^inh\.initial: v need each other's values$"):
        drawn(described)


def test_an_initial_value_divided_by_zero_is_named(described: Plain) -> None:
    described["populations"][1]["initial"] = {"v": "E_L/(tau/ms - 20)"}
    with pytest.raises(InputError, match="division by zero"):
        drawn(described)


@pytest.mark.parametrize(
    "value",
    [
        {"distribution": "normal", "mean": "1 ms", "std": "20 ms"},
        {"distribution": "truncated_normal", "mean": "1 ms", "std": "20 ms", "high": "5 ms"},
        {"distribution": "exponential", "mean": "-1 ms"},
        {"distribution": "lognormal", "median": "-1 ms", "sigma": 1},
    ],
)
@pytest.mark.parametrize("where", ["exc.tau", "exc.tau_ampa"])
def test_a_time_constant_drawn_below_zero_is_refused(
    value: Plain, where: str, described: Plain
) -> None:
    exc = described["populations"][0]
    if where == "exc.tau":
        exc["parameters"]["tau"] = value
    else:
        exc["receptors"]["ampa"]["tau"] = value
    with pytest.raises(
        InputError, match=rf"^{where}: -.* ms is negative; a time constant has to be > 0$"
    ):
        drawn(described)


# --- inputs --------------------------------------------------------------------------------------


def course(realization: Realization, name: str) -> np.ndarray:
    """An input as every cell gets it, shape (n_steps, size)."""
    (held,) = (
        i for p in realization.populations.values() for i in p.inputs if i.input_name == name
    )
    return np.array([held.at(n) for n in range(realization.n_steps)])


def test_inputs_have_their_closed_forms(described: Plain) -> None:
    realization = drawn(described)
    t = np.arange(500) * 0.1
    closed = {
        "step": np.where(t >= 20 - 1e-9, 50.0, 0.0),
        "ramp": np.clip(t / 40, 0, 1) * 10,
        "sine": 5 + 20 * np.sin(2 * np.pi * 0.04 * t),
        "series": np.repeat([1.0, 2.0, 3.0], [100, 100, 300]),
    }
    for name, expected in closed.items():
        found = course(realization, name)
        assert found.shape == (500, 12)
        # One product and one sine of numbers up to 50: a few roundings.
        assert np.abs(found - expected[:, None]).max() < 50 * 16 * 2**-53, name
    assert (
        realization.populations["exc"].parameters["I_bias"].tolist() == [100, 0, 0, 100] + [0] * 8
    )  # type: ignore[union-attr]


def test_a_step_ends_and_reaches_chosen_cells(described: Plain) -> None:
    described["inputs"][1].update(
        stop="30 ms", cells=[2, 4], amplitude={"values": list(range(12)), "unit": "pA"}
    )
    found = course(drawn(described), "step")
    assert np.flatnonzero(found.any(axis=1)).tolist() == list(range(200, 300))
    assert np.flatnonzero(found.any(axis=0)).tolist() == [2, 4]
    assert found[250, [2, 4]].tolist() == [2.0, 4.0]


def test_noise_is_held_and_has_its_moments(described: Plain) -> None:
    described.update(duration="2000 ms")
    described["inputs"][5]["interval"] = "0.3 ms"
    realization = drawn(described)
    white, uniform, ou = (course(realization, n) for n in ("white", "uniform", "ou"))
    assert (white[0:3] == white[0]).all()
    assert (white[3] != white[2]).all()
    assert (uniform == uniform[:, :1]).all()
    assert len(np.unique(uniform)) == 2000
    assert kstest(uniform[::10, 0], "uniform").pvalue > RARE
    assert kstest(white[::3].ravel() / 5, "norm").pvalue > RARE
    # An Ornstein-Uhlenbeck process of std 20 around 200, with correlation exp(-lag/5 ms).
    x = (ou[::2] - 200) / 20
    independent = x[::500]  # 100 ms or 20 time constants apart
    assert (
        chi2.ppf(RARE, independent.size)
        < (independent**2).sum()
        < chi2.ppf(1 - RARE, independent.size)
    )
    kicks = (x[1:] - np.exp(-0.2 / 5) * x[:-1]) / np.sqrt(1 - np.exp(-0.4 / 5))
    assert kstest(kicks.ravel(), "norm").pvalue > RARE


def test_ornstein_uhlenbeck_noise_starts_from_its_stationary_distribution(described: Plain) -> None:
    # With a time constant of 10 s a start at the mean would stay there for the whole run.
    (ou,) = (i for i in described["inputs"] if i["name"] == "ou")
    ou.update(tau="10 s")
    starts = []
    for seed in range(60):
        described.update(seed=seed)
        starts += course(drawn(described), "ou")[0].tolist()
    x = (np.unique(starts) - 200) / 20
    assert x.size >= 60
    assert kstest(x, "norm").pvalue > RARE


def test_more_noise_than_any_memory_is_refused(described: Plain, monkeypatch: Any) -> None:
    # 500 numbers for each of 12 cells.
    monkeypatch.setattr(core_inputs, "_MAX_DRAWN", 12 * 500)
    drawn(described)
    monkeypatch.setattr(core_inputs, "_MAX_DRAWN", 12 * 500 - 1)
    with pytest.raises(InputError, match=r"^white: asks for more .*; use a longer interval$"):
        drawn(described)


def test_an_interval_of_one_step_keeps_every_sample(described: Plain) -> None:
    described["inputs"][4].update(values=list(range(500)), interval="100 us")
    assert course(drawn(described), "series")[:, 0].tolist() == list(range(500))


# --- sources ---------------------------------------------------------------------------------------


def test_poisson_trains_have_their_numbers_and_times(described: Plain) -> None:
    described.update(duration="4000 ms")
    described["populations"][2].update(size=200, rate="50 Hz")
    source = drawn(described).sources["drive"]
    counts = np.bincount(source.cells, minlength=200)
    # Counts of 4 s at 50 Hz: Poisson with mean 200.
    total = counts.sum()
    assert poisson.ppf(RARE, 200 * 200) <= total <= poisson.ppf(1 - RARE, 200 * 200)
    assert chi2.ppf(RARE, 200) < ((counts - 200.0) ** 2 / 200).sum() < chi2.ppf(1 - RARE, 200)
    assert kstest(source.times / 4000, "uniform").pvalue > RARE
    assert (np.diff(source.steps) >= 0).all()
    assert np.abs(source.steps * 0.1 - source.times).max() <= 0.05 * (1 + 1e-6)


def test_a_profile_shapes_the_rate(described: Plain) -> None:
    described.update(duration="60 ms")
    described["populations"][3].update(size=3, rate={"values": [1e4, 2e4, 3e4], "unit": "Hz"})
    source = drawn(described).sources["wave"]
    assert source.times.min() >= 5.0
    assert source.times.max() < 40.0
    for low, high, factor in [(5, 10, 1.0), (10, 20, 0.0), (20, 30, 2.0), (30, 40, 2.0)]:
        inside = (source.times >= low) & (source.times < high)
        counts = np.bincount(source.cells[inside], minlength=3)
        mean = factor * (high - low) * np.array([10.0, 20.0, 30.0])
        assert (poisson.ppf(RARE, mean) <= counts).all()
        assert (counts <= poisson.ppf(1 - RARE, mean)).all()


def test_a_fast_train_keeps_every_spike(described: Plain) -> None:
    described["populations"][2].update(size=1, rate="100 kHz")
    source = drawn(described).sources["drive"]
    # Ten spikes a step of 0.1 ms: 5000 in 50 ms.
    assert poisson.ppf(RARE, 5000) <= source.steps.size <= poisson.ppf(1 - RARE, 5000)
    assert np.bincount(source.steps).max() > 1


def test_given_spikes_are_rounded_sorted_and_cut(described: Plain) -> None:
    described["populations"][4]["times"] = [[30.0, 0.15, 50.0, 50.06, 1e300], [], [0.0, 30.0, 30.0]]
    source = drawn(described).sources["given"]
    assert source.steps.tolist() == [0, 2, 300, 300, 300, 500]
    assert source.cells.tolist() == [2, 0, 0, 2, 2, 0]


@pytest.mark.parametrize("rate", ["1e300 Hz", "1e12 Hz"])
def test_more_spikes_than_any_memory_are_refused(rate: str, described: Plain) -> None:
    described["populations"][2]["rate"] = rate
    with pytest.raises(InputError, match=r"^drive\.rate: asks for more than 1e\+09 spikes"):
        drawn(described)


def test_a_drawn_rate_below_zero_is_refused(described: Plain) -> None:
    described["populations"][2]["rate"] = {"distribution": "normal", "mean": "1 Hz", "std": "9 Hz"}
    with pytest.raises(InputError, match=r"^drive\.rate: a drawn rate is negative"):
        drawn(described)


# --- streams -------------------------------------------------------------------------------------


@given(st.integers(0, 2**70), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_streams_are_named(seed: int, name: list[str]) -> None:
    one, two = stream(seed, *name), stream(seed, *name)
    numbers = one.random(4)
    assert np.array_equal(numbers, two.random(4))
    assert not np.array_equal(numbers, stream(seed + 1, *name).random(4))
    assert not np.array_equal(numbers, stream(seed, *name, "x").random(4))


# --- saving --------------------------------------------------------------------------------------


def test_a_realization_survives_its_file(described: Plain, tmp_path: Any) -> None:
    realization = drawn(described)
    path = tmp_path / "deep" / "r.npz"
    realization.save(path)
    again = Realization.load(path)
    assert again.digest == realization.digest
    assert again.notes == realization.notes
    assert again.experiment == realization.experiment
    assert [e.name for e in again.edges] == [e.name for e in realization.edges]
    for name, population in realization.populations.items():
        other = again.populations[name]
        assert type(other.refractory_steps) is type(population.refractory_steps)
        assert {n: np.ndim(v) for n, v in other.parameters.items()} == {
            n: np.ndim(v) for n, v in population.parameters.items()
        }
        for a, b in zip(population.inputs, other.inputs, strict=True):
            assert a.variable == b.variable
            assert np.array_equal(a.at(7), b.at(7))
    assert [p.name for p in path.parent.iterdir()] == ["r.npz"]


def test_a_file_that_is_no_realization_is_named(described: Plain, tmp_path: Any) -> None:
    realization = drawn(described)
    path = tmp_path / "r.npz"
    realization.save(path)
    whole = path.read_bytes()
    (tmp_path / "short.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with np.load(path) as file:
        content = dict(file)
    content["edges/0/pre"] = content["edges/0/pre"][::-1]
    np.savez(tmp_path / "changed.npz", **content)
    del content["edges/0/pre"]
    np.savez(tmp_path / "lacking.npz", **content)
    for name in ("short", "empty", "text", "other", "changed", "lacking", "absent"):
        with pytest.raises(InputError) as caught:
            Realization.load(tmp_path / f"{name}.npz")
        assert str(caught.value).startswith(f"{tmp_path / name}.npz: ")


def test_what_fails_while_saving_leaves_nothing(
    described: Plain, tmp_path: Any, monkeypatch: Any
) -> None:
    realization = drawn(described)

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        realization.save(tmp_path / "r.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("start", "dt", "acts"),
    [
        ("9.09091 ms", "0.01 ms", 909),
        ("9.09091 ms", "0.1 ms", 91),
        ("5.05 ms", "0.1 ms", 51),  # ties up
        ("5.0499 ms", "0.1 ms", 50),
        ("0.3 ms", "0.1 ms", 3),
    ],
)
def test_an_input_starts_and_stops_at_the_nearest_step(
    described: Plain, start: str, dt: str, acts: int
) -> None:
    described["dt"] = dt
    described["inputs"][1].update(start=start)
    described["inputs"][1].pop("stop", None)
    on = np.flatnonzero(course(drawn(described), "step")[:, 0])
    assert on[0] == acts


def test_an_input_that_would_act_in_no_step_is_refused(described: Plain) -> None:
    described["inputs"][1].update(start="20.01 ms", stop="20.04 ms")
    with pytest.raises(InputError, match=r"step: from 20.01 ms to 20.04 ms is less than a step"):
        drawn(described)
