"""Changing one value by its path."""

from typing import Any

import pytest

from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.paths import paths, set_values
from coincide.core.units import Quantity
from coincide.core.values import Array, Uniform

Plain = dict[str, Any]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("dt=0.05 ms", lambda e: e.dt == Quantity(0.05, "ms")),
        ("duration = 1 s", lambda e: e.duration_ms == 1000.0),
        ("seed=7", lambda e: e.seed == 7),
        # What is in one place only needs no name before it.
        ("ampa.tau=3 ms", lambda e: e.neurons("exc").receptors["ampa"].tau == Quantity(3.0, "ms")),
        ("inh.size=5", lambda e: e.population("inh").size == 5),
        ("exc.tau=10 ms", lambda e: e.neurons("exc").parameters.get("tau") == Quantity(10.0, "ms")),
        ("inh.tau=10 ms", lambda e: e.neurons("inh").parameters.get("tau") == Quantity(10.0, "ms")),
        (
            "exc.tau.low=7 ms",
            lambda e: e.neurons("exc").parameters["tau"].low == Quantity(7.0, "ms"),
        ),
        (
            'inh.tau={"distribution": "uniform", "low": "1 ms", "high": "2 ms"}',
            lambda e: e.neurons("inh").parameters.get("tau") == Uniform(low="1 ms", high="2 ms"),
        ),
        (
            'inh.tau={"values": [1, 2, 3, 4, 5, 6, 7, 8], "unit": "ms"}',
            lambda e: e.neurons("inh").parameters.get("tau") == Array(range(1, 9), "ms"),
        ),
        (
            "exc.initial.v=-60 mV",
            lambda e: e.neurons("exc").initial.get("v") == Quantity(-60.0, "mV"),
        ),
        ("inh.initial.v=E_L + 1*mV", lambda e: e.neurons("inh").initial.get("v") == "E_L + 1*mV"),
        (
            "exc.ampa.tau=3 ms",
            lambda e: e.neurons("exc").receptors["ampa"].tau == Quantity(3.0, "ms"),
        ),
        (
            "exc.own.on_pre=x += 3*w",
            lambda e: e.neurons("exc").receptors["own"].on_pre == "x += 3*w",
        ),
        ("exc.model.refractory=1 ms", lambda e: e.neurons("exc").model.refractory == "1 ms"),
        ("drive.rate=99 Hz", lambda e: e.population("drive").rate == Quantity(99.0, "Hz")),
        ("drive_to_exc_ampa.weight=2 nS", lambda e: e.projections[0].weight == Quantity(2.0, "nS")),
        ("drive_to_exc_ampa.rule.p=0.5", lambda e: e.projections[0].rule.p == 0.5),
        ("exc_to_exc_gaba.delay=3 ms", lambda e: e.projections[1].delay == Quantity(3.0, "ms")),
        ("step.amplitude=-5 pA", lambda e: e.inputs[1].amplitude == Quantity(-5.0, "pA")),
        ("white.shared=true", lambda e: e.inputs[5].shared is True),
        ("wave.profile=[1, 2]", lambda e: e.population("wave").profile == (1.0, 2.0)),
    ],
)
def test_one_value_is_changed_and_nothing_else(
    assignment: str, expected: Any, described: Plain
) -> None:
    before = Experiment.from_dict(described)
    assert not expected(before)
    after = set_values(before, [assignment])
    assert expected(after)
    assert after.hash != before.hash
    assert Experiment.from_dict(described) == before
    # Undone by writing the old value back wherever the old one was written out.
    different = [k for k, v in after.to_dict().items() if before.to_dict().get(k) != v]
    assert len(different) == 1


def test_assignments_are_applied_together(described: Plain) -> None:
    before = Experiment.from_dict(described)
    # Either alone would be an error: 12 values for 12 cells.
    after = set_values(before, ["exc.size=11", "exc.R=80 MOhm", "inh.size=11", "seed=3"])
    assert after.population("exc").size == 11
    assert after.seed == 3
    assert set_values(before, []) == before


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("exc.tua=1 ms", "matches nothing; did you mean 'exc.tau'"),
        ("ecx.tau=1 ms", "matches nothing; did you mean 'exc.tau'"),
        ("durration=1 ms", "matches nothing; did you mean 'duration'"),
        ("exc.ampa.taw=1 ms", "matches nothing; did you mean 'exc.ampa.tau'"),
        ("exc.amap.tau=1 ms", "matches nothing; did you mean 'exc.ampa.tau'"),
        ("drive_to_exc_ampa.rule.q=1", "there is no field 'q'"),
        ("drive_to_exc_ampa.weight.mean=1 nS", "matches nothing"),
        ("exc.size.x=1", "matches nothing"),
        ("exc=1", "'exc' is no single value; name one of its parts: exc.size"),
        ("exc.=1", "matches nothing"),
        ("E_L=-60 mV", "is in 2 places; name one, or '*.E_L' for all: exc.E_L, inh.E_L"),
        (".tau=1", "matches nothing"),
        ("exc.kind=poisson", "matches nothing"),
        ("exc.name=other", "matches nothing"),
        ("populations=[]", "matches nothing"),
        ("schema_version=2", "matches nothing"),
        ("dt", "write path=value"),
        ("=1 ms", "write path=value"),
        ("dt=", "write path=value"),
        ("dt=1 mV", "all.dt: 1 mV has the dimension of a voltage [mV]"),
        ("dt=NaN", "all.dt"),
        ("dt=null", "all.dt"),
        ("exc.tau=-1 ms", "exc.tau: -1 ms is negative"),
        ("exc.size=0", "exc.size: 0: it has to be > 0"),
        ("exc.size=[", "exc.size: '['"),
        ("exc.__class__=1", "matches nothing"),
        ("exc.initial.u=1", "matches nothing; did you mean 'exc.initial.v'"),
        ("drive.rat=1 Hz", "matches nothing; did you mean 'drive.rate'"),
        ("given.size=3", "matches nothing"),
        ("drive.rate=1 ms", "drive.rate: 1 ms has the dimension of a time"),
    ],
)
def test_what_matches_nothing_is_answered_with_the_nearest(
    assignment: str, words: str, described: Plain
) -> None:
    with pytest.raises(InputError) as caught:
        set_values(Experiment.from_dict(described), [assignment])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("nowhere.weight", "drive_to_exc_ampa.weight"),
        ("exc_to_nowhere.delay", "drive_to_exc_ampa.delay"),
        ("nowhere.tau", "exc.alpha.tau"),
    ],
)
def test_paths_with_the_same_last_part_are_listed_first(
    path: str, first: str, described: Plain
) -> None:
    experiment = Experiment.from_dict(described)
    with pytest.raises(InputError) as caught:
        set_values(experiment, [f"{path}=1"])
    listed, _, more = str(caught.value).partition("known: ")[2].partition(" and ")
    names = listed.split(", ")
    assert names[0] == first
    last = path.split(".")[-1]
    alike = [n for n in paths(experiment) if n.split(".")[-1] == last]
    assert all(n.split(".")[-1] == last for n in names[: min(len(alike), 12)])
    assert more == f"{len(paths(experiment)) - 12} more"


def test_every_path_offered_is_taken(described: Plain) -> None:
    experiment = Experiment.from_dict(described)
    offered = paths(experiment)
    assert len(set(offered)) == len(offered)
    assert {
        "dt",
        "exc.tau",
        "exc.initial.v",
        "exc.ampa.tau",
        "drive_to_exc_ampa.rule",
        "step.amplitude",
    } <= set(offered)
    for path in offered[::3]:
        try:
            set_values(experiment, [f"{path}=nothing that fits"])
        except InputError as error:
            assert "matches nothing" not in str(error), path  # noqa: PT017
