"""What every recording is checked for: whole, finite, on its grid, begun at the initial values."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from coincide.backends.base import Watch, check_recording
from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Recording, Spikes, Trace
from coincide.core.settings import Settings
from coincide.core.values import Array

KEY = ("p", "v")
RAW, ALIGNED = Settings(mode="raw"), Settings(mode="aligned")
MODEL = NeuronModel(
    name="counter", equations="dv/dt = 1/ms : 1\ndu/dt = 0/ms : 1", threshold="v > 2", reset="v = 0"
)


@pytest.fixture(scope="module")
def realization() -> Realization:
    """Four cells that count; cell 2 is over the threshold at the beginning."""
    cells = Population(
        name="p", model=MODEL, size=4, initial={"v": Array([1.0, 0.5, 9.0, -3.0]), "u": 7.0}
    )
    record = Record(population="p", variables=("v", "u"), cells=(3, 0, 2))
    return realize(
        Experiment(
            name="test", populations=[cells], records=[record], duration="5 ms", dt="0.25 ms"
        )
    )


@pytest.fixture(scope="module")
def recording(realization: Realization) -> Recording:
    return ReferenceBackend().run(realization, Settings(mode="lockstep", method="euler"))


def changed(recording: Recording, change: Callable[[Trace], Trace], key: tuple[str, str] = KEY):
    return replace(recording, traces={**recording.traces, key: change(recording.traces[key])})


def starting(value: float, column: int) -> Callable[[Trace], Trace]:
    def change(trace: Trace) -> Trace:
        values = trace.values.copy()
        values[0, column] = value
        return replace(trace, values=values)

    return change


def check(recording: Recording, realization: Realization, settings: Settings) -> None:
    check_recording("x", recording, realization, settings, True)


@pytest.mark.parametrize("settings", [RAW, ALIGNED])
def test_a_cell_that_spikes_at_the_beginning_may_be_reset(
    recording: Recording, realization: Realization, settings: Settings
) -> None:
    assert recording.spikes["p"].cells[recording.spikes["p"].times == 0].tolist() == [2]
    assert recording.traces[KEY].values[0].tolist() == [-3.0, 1.0, 0.0]
    check(recording, realization, settings)
    # Raw may take its first sample before the reset.
    check(changed(recording, starting(9.0, 2)), realization, RAW)


def test_a_stamp_one_step_late_is_raw_alone(recording: Recording, realization: Realization) -> None:
    times = np.maximum(recording.spikes["p"].times, 0.25)
    late = replace(recording, spikes={"p": Spikes.sorted(times, recording.spikes["p"].cells)})
    check(late, realization, RAW)
    with pytest.raises(RunError, match=r"^x: p\.v of cell 2 does not begin at its initial value"):
        check(late, realization, ALIGNED)


@pytest.mark.parametrize("settings", [RAW, ALIGNED])
@pytest.mark.parametrize(("column", "cell"), [(0, 3), (1, 0)])
def test_an_ignored_initial_value_of_a_reset_variable_is_found(
    recording: Recording, realization: Realization, settings: Settings, column: int, cell: int
) -> None:
    wrong = changed(recording, starting(0.0, column))
    with pytest.raises(RunError, match=rf"^x: p\.v of cell {cell} does not begin at its initial"):
        check(wrong, realization, settings)


def test_a_spike_excuses_no_variable_that_it_does_not_reset(
    recording: Recording, realization: Realization
) -> None:
    wrong = changed(recording, starting(0.0, 2), ("p", "u"))
    with pytest.raises(RunError, match=r"^x: p\.u of cell 2 does not begin at its initial value"):
        check(wrong, realization, ALIGNED)


CONTRACT = {
    "cells": (lambda t: replace(t, cells=np.sort(t.cells)), "is of other cells than asked for"),
    "start": (lambda t: replace(t, start_ms=0.25), "sampled from 0.25 ms every 0.25 ms instead of"),
    "dt": (lambda t: replace(t, dt_ms=0.5), "sampled from 0 ms every 0.5 ms instead of"),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_under_the_contract_samples_are_of_the_cells_and_times_asked_for(
    recording: Recording, realization: Realization, name: str
) -> None:
    change, words = CONTRACT[name]
    with pytest.raises(RunError, match=words):
        check(changed(recording, change), realization, ALIGNED)


def test_raw_begins_when_it_likes(recording: Recording, realization: Realization) -> None:
    later = changed(recording, lambda t: replace(t, start_ms=0.25, values=t.values[1:]))
    check(later, realization, RAW)


@pytest.mark.parametrize(("time", "raw"), [(5.0, True), (5.25, True), (5.5, False)])
def test_no_spike_comes_after_the_end(
    recording: Recording, realization: Realization, time: float, raw: bool
) -> None:
    before = recording.spikes["p"]
    late = Spikes.sorted([*before.times, time], [*before.cells, 1])
    with_late = replace(recording, spikes={"p": late})
    for settings, allowed in ((RAW, raw), (ALIGNED, time <= 5.0)):
        if allowed:
            check(with_late, realization, settings)
        else:
            with pytest.raises(RunError, match=r"^x: a spike of p lies outside the run"):
                check(with_late, realization, settings)


class Broken(ReferenceBackend):
    """The reference with something wrong in what it hands over."""

    def __init__(self, change: Callable[[Recording], Recording]) -> None:
        self._change = change

    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        settings = replace(settings, mode="lockstep", method="euler")
        return self._change(super()._simulate(realization, settings, progress))


def spiking(times: list[float], cells: list[int]) -> Callable[[Recording], Recording]:
    """Two spikes more, or others, in the place of those recorded."""
    made = Spikes(np.array(times), np.array(cells, dtype=np.int32))
    return lambda r: replace(r, spikes={"p": made})


def tracing(change: Callable[[Trace], Trace]) -> Callable[[Recording], Recording]:
    return lambda r: changed(r, change)


def with_value(value: float) -> Callable[[Trace], Trace]:
    def change(trace: Trace) -> Trace:
        values = trace.values.copy()
        values[8:, 1] = value
        return replace(trace, values=values)

    return change


BOTH, STRICT = (RAW, ALIGNED), (ALIGNED,)
WRONG = {
    "no spikes": (lambda r: replace(r, spikes={}), BOTH, "no spikes of p were recorded"),
    "no number": (spiking([0.0, np.nan], [2, 2]), BOTH, "a spike time of p is not finite"),
    "no cell below": (spiking([0.0, 1.0], [2, -1]), BOTH, "from a cell that does not exist"),
    "no cell above": (spiking([0.0, 1.0], [2, 4]), BOTH, "from a cell that does not exist"),
    "too early": (spiking([-0.25, 0.0], [1, 2]), BOTH, "a spike of p lies outside the run"),
    "too late": (spiking([0.0, 5.5], [2, 1]), BOTH, "a spike of p lies outside the run"),
    "off the grid": (spiking([0.0, 0.3], [2, 1]), STRICT, "is stamped off the grid of 0.25 ms"),
    "no trace": (
        lambda r: replace(r, traces={("p", "u"): r.traces["p", "u"]}), BOTH, r"p\.v was not recorded",
    ),
    "too few cells": (
        tracing(lambda t: replace(t, values=t.values[:, :2])), BOTH, r"p\.v has 2 cells instead of 3",
    ),
    "other cells": (
        tracing(lambda t: replace(t, cells=np.array([0, 2, 3], dtype=np.int32))), STRICT,
        r"p\.v is of other cells than asked for",
    ),
    "other start": (
        tracing(lambda t: replace(t, start_ms=0.25)), STRICT, r"p\.v is sampled from 0\.25 ms every",
    ),
    "other step": (
        tracing(lambda t: replace(t, dt_ms=0.5)), STRICT, r"p\.v is sampled from 0 ms every 0\.5 ms",
    ),
    "nan": (tracing(with_value(np.nan)), BOTH, r"p\.v of cell 0 is nan from 2 ms on"),
    "inf": (tracing(with_value(-np.inf)), BOTH, r"p\.v of cell 0 is -inf from 2 ms on"),
    "no end": (
        tracing(lambda t: replace(t, values=t.values[:-1])), STRICT, r"p\.v has 20 samples instead of 21",
    ),
    "no tail": (
        tracing(lambda t: replace(t, values=t.values[:-2])), BOTH,
        r"p\.v has 19 samples(, fewer than the 20 steps| instead of 21)",
    ),
    "one too many": (
        tracing(lambda t: replace(t, values=np.concatenate([t.values, t.values[-1:]]))), STRICT,
        r"p\.v has 22 samples instead of 21",
    ),
    "other beginning": (
        tracing(starting(0.6, 1)), BOTH, r"p\.v of cell 0 does not begin at its initial value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings", BOTH, ids=lambda s: s.mode)
@pytest.mark.parametrize("name", WRONG)
def test_what_a_backend_hands_over_is_checked(
    realization: Realization, name: str, settings: Settings
) -> None:
    change, modes, words = WRONG[name]
    if settings not in modes:
        Broken(change).run(realization, settings)
        return
    with pytest.raises(RunError, match=f"^reference: .*{words}"):
        Broken(change).run(realization, settings)


def test_what_is_right_passes_all_checks(realization: Realization) -> None:
    for settings in BOTH:
        found = Broken(lambda recording: recording).run(realization, settings)
        assert found.caveats == ()


def test_what_it_cannot_do_is_refused_before_it_simulates(realization: Realization) -> None:
    class Limited(Broken):
        modes = ("aligned",)
        features = frozenset()
        methods: ClassVar[dict[str, tuple[str, ...]]] = {"aligned": ("default",)}

    def never(recording: Recording) -> Recording:
        raise AssertionError("it was simulated")

    for settings, words in (
        (RAW, "it has no raw mode"),
        (replace(ALIGNED, method="rk4"), "it has no method 'rk4' in aligned mode"),
        (replace(ALIGNED, undone=("stamp",)), "it has no convention 'stamp' to undo"),
        (replace(ALIGNED, device="cuda:1"), "it does not run on 'cuda:1'"),
        (replace(ALIGNED, precision="float32"), "it does not compute in float32"),
        (replace(ALIGNED, target="cython"), "it has no target 'cython'"),
        (ALIGNED, "p needs "),
    ):
        with pytest.raises(UnsupportedError, match=f"^reference: unsupported, because .*{words}"):
            Limited(never).run(realization, settings)
