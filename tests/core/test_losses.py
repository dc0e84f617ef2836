"""Lost cells: what was drawn for the others is what was drawn without the loss."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.populations import SpikeTrains, n_lost
from coincide.core.realization import Edges, Realization, renumbered
from coincide.core.realize import realize

Plain = dict[str, Any]
PARTS = st.floats(0, 0.999)


def with_loss(described: Plain, **lost: float) -> Experiment:
    populations = [{**p, "lost": lost.get(p["name"], 0.0)} for p in described["populations"]]
    return Experiment.from_dict({**described, "populations": populations})


def numbers(realization: Realization, name: str) -> np.ndarray:
    """The numbers in the intact population of the cells that are there."""
    part = {**realization.populations, **realization.sources}[name]
    return np.arange(part.size) if part.kept is None else part.kept


def of_each(edges: Edges, realization: Realization) -> list[tuple[float, ...]]:
    """(pre, post, weight, delay) of every connection, in numbers of the intact populations."""
    columns = np.broadcast_arrays(
        numbers(realization, edges.source)[edges.pre],
        numbers(realization, edges.target)[edges.post],
        edges.weight,
        edges.delay_steps,
        edges.delay_ms,
    )
    return list(zip(*(c.tolist() for c in columns), strict=True))


@given(
    exc=PARTS,
    inh=PARTS,
    drive=PARTS,
    wave=PARTS,
    given_=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 5),
)
def test_what_is_drawn_for_the_others_is_as_without_the_loss(
    described: Plain, exc: float, inh: float, drive: float, wave: float, given_: float, seed: int
) -> None:
    described["seed"] = seed
    intact = realize(Experiment.from_dict(described))
    lost = {"exc": exc, "inh": inh, "drive": drive, "wave": wave, "given": given_}
    found = realize(with_loss(described, **lost))
    for name, population in found.populations.items():
        before, kept = intact.populations[name], numbers(found, name)
        assert (
            population.size == kept.size == before.size - n_lost(found.experiment.population(name))
        )
        for key in ("parameters", "initial"):
            for variable, value in getattr(before, key).items():
                after = getattr(population, key)[variable]
                expected = value[kept] if np.ndim(value) else value
                assert np.array_equal(after, expected), variable
        for a, b in zip(population.inputs, before.inputs, strict=True):
            assert a.gain.shape == a.columns.shape == (kept.size,)
            for step in (0, 7, intact.n_steps - 1):
                assert np.array_equal(a.at(step), b.at(step)[kept])
    for name, source in found.sources.items():
        before_, kept = intact.sources[name], numbers(found, name)
        there = np.isin(before_.cells, kept)
        assert np.array_equal(kept[source.cells], before_.cells[there])
        assert np.array_equal(source.steps, before_.steps[there])
        assert np.array_equal(source.times, before_.times[there])
    for a, b in zip(found.edges, intact.edges, strict=True):
        pre, post = (set(numbers(found, n).tolist()) for n in (a.source, a.target))
        kept_ones = [e for e in of_each(b, intact) if e[0] in pre and e[1] in post]
        assert of_each(a, found) == kept_ones
        assert a.source_size == len(pre)
        assert a.starts[-1] == len(a)
        assert np.array_equal(np.lexsort((a.post, a.pre)), np.arange(len(a)))


@given(few=PARTS, many=PARTS)
def test_more_lost_cells_contain_the_fewer(described: Plain, few: float, many: float) -> None:
    few, many = sorted((few, many))
    kept = [set(numbers(realize(with_loss(described, exc=x)), "exc").tolist()) for x in (few, many)]
    assert kept[1] <= kept[0]
    # Rounded to the nearest, ties up, and never the last one.
    assert len(kept[1]) == max(1, 12 - int(np.floor(many * 12 + 0.5)))


def test_which_cells_are_lost_is_drawn_for_every_seed_and_population(described: Plain) -> None:
    lost: dict[int, int] = {}
    for seed in range(40):
        found = realize(with_loss(described | {"seed": seed}, exc=0.5))
        for cell in numbers(found, "exc"):
            lost[int(cell)] = lost.get(int(cell), 0) + 1
    # 40 draws of 6 cells among 12: 20 ± 4 times standard deviations of sqrt(40/4) for each of 12 cells.
    assert set(lost) == set(range(12))
    assert all(20 - 13 < n < 20 + 13 for n in lost.values())


def test_records_hold_the_cells_that_are_left_and_notes_say_so(described: Plain) -> None:
    found = realize(with_loss(described, exc=0.5, inh=0.25))
    kept = numbers(found, "exc")
    recorded = {(name, variable): cells for name, variable, cells in found.recorded()}
    there = [c for c in (0, 1) if c in kept]
    assert kept[recorded.get(("exc", "v"), np.empty(0, int))].tolist() == there
    assert recorded["inh", "v"].tolist() == list(range(6))
    assert "exc: 6 of 12 cells are lost" in found.notes
    assert "inh: 2 of 8 cells are lost" in found.notes


def test_a_record_of_lost_cells_only_is_left_out_with_a_note(described: Plain) -> None:
    lost = sorted(
        set(range(12)) - set(numbers(realize(with_loss(described, exc=0.5)), "exc").tolist())
    )
    described["records"][0]["cells"] = lost[:2]
    found = realize(with_loss(described, exc=0.5))
    assert [name for name, _, _ in found.recorded()] == ["inh"]
    assert "exc: no cell to record is there" in found.notes


def test_no_loss_is_no_change(described: Plain) -> None:
    intact = realize(Experiment.from_dict(described))
    assert realize(with_loss(described)).digest == intact.digest
    assert with_loss(described).hash == intact.experiment.hash
    assert intact.populations["exc"].kept is None
    assert realize(with_loss(described, exc=0.2)).digest != intact.digest


def test_a_realization_with_lost_cells_is_read_back(described: Plain, tmp_path: Any) -> None:
    found = realize(with_loss(described, exc=0.5, given=0.4, drive=0.3))
    found.save(tmp_path / "lost.npz")
    read = Realization.load(tmp_path / "lost.npz")
    assert read.digest == found.digest
    assert {n: p.size for n, p in read.populations.items()} == {"exc": 6, "inh": 8}
    assert {n: s.size for n, s in read.sources.items()} == {"drive": 7, "wave": 3, "given": 2}
    assert [e.source_size for e in read.edges] == [e.source_size for e in found.edges]
    assert np.array_equal(numbers(read, "exc"), numbers(found, "exc"))
    assert [c.tolist() for *_, c in read.recorded()] == [c.tolist() for *_, c in found.recorded()]


@pytest.mark.parametrize("lost", [-0.1, 1.0, 1.5, float("nan"), "half"])
def test_the_part_that_is_lost_is_in_range(described: Plain, lost: Any) -> None:
    with pytest.raises(InputError, match=r"exc\.lost|exc.*lost"):
        with_loss(described, exc=lost)


def test_one_train_is_always_left() -> None:
    assert n_lost(SpikeTrains(name="s", times=[[1.0]], lost=0.9)) == 0
    assert n_lost(SpikeTrains(name="s", times=[[1.0]] * 5, lost=0.3)) == 2


def test_renumbering() -> None:
    kept = np.array([1, 4, 5], dtype=np.int32)
    assert renumbered(np.array([5, 0, 1, 9, 4]), kept).tolist() == [2, -1, 0, -1, 1]
