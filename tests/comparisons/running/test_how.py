"""How runs are done: one object from the keywords of a study to its processes."""

from __future__ import annotations

from pathlib import Path

import pytest

import coincide as co
from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.running.how import How, HowKeywords, Listener, OneByOne
from coincide.comparisons.running.store import store_realization
from coincide.core.errors import InputError
from coincide.core.settings import Settings


class Heard(Listener):
    """Everything that a listener is told, by name."""

    def __init__(self) -> None:
        self.planned: list[str] = []
        self.events: list[tuple[str, int, str]] = []

    def plan(self, run_ids, words="") -> None:
        self.planned += run_ids

    def start(self, place, job) -> None:
        self.events.append(("start", place, job.id))

    def end(self, place, run) -> None:
        self.events.append(("end", place, run.id))


def test_a_study_takes_the_keywords_that_there_are_and_no_other() -> None:
    how = How.of("brian2", ["raw", "aligned"], {"jobs": 2, "method": "rk4"}, reference=False)
    assert (how.backends, how.modes) == (("brian2",), ("raw", "aligned"))
    assert (how.jobs, how.method, how.reference) == (2, "rk4", False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'metod'"):
        co.compare(tiny_experiment(), "reference", metod="rk4")
    # A study that times its runs does them one at a time and afresh.
    with pytest.raises(TypeError, match="unexpected keyword argument 'jobs'"):
        co.select(tiny_experiment(), "reference", jobs=2)
    assert HowKeywords.__optional_keys__ - OneByOne.__optional_keys__ == {"jobs", "fresh"}


def test_a_number_of_runs_or_a_time_that_makes_no_sense_is_refused_before_anything_is_run() -> None:
    with pytest.raises(InputError, match=r"--jobs: 0 is given"):
        co.compare(tiny_experiment(), "reference", jobs=0)
    with pytest.raises(InputError, match=r"--timeout: -1 s is given"):
        co.lesion(tiny_experiment(), "silence a", "reference", timeout_s=-1.0)


def test_requests_are_every_backend_in_every_mode_each_with_the_options_that_it_has() -> None:
    how = How(("reference", "brian2"), ("raw", "lockstep"), target="numpy", reference=False)
    told = {(name, settings.mode): settings.target for name, settings in how.requests()}
    assert told == {
        ("reference", "raw"): None,
        ("reference", "lockstep"): None,
        ("brian2", "raw"): "numpy",
        ("brian2", "lockstep"): "numpy",
    }


def test_a_listener_is_told_of_every_run(own_cache: Path) -> None:
    heard = Heard()
    realization, path = store_realization(tiny_experiment())
    requests = [("reference", Settings(method=m)) for m in ("euler", "rk4")]
    runs = How(jobs=1, listener=heard).run(path, realization, requests)
    ids = [run.id for run in runs]
    assert ids == ["reference-lockstep-euler", "reference-lockstep-rk4"]
    assert sorted(heard.events) == sorted(
        (word, place, name) for word in ("start", "end") for place, name in enumerate(ids)
    )


def test_functions_in_place_of_a_listener_get_what_they_always_got(own_cache: Path) -> None:
    told: list[tuple[object, ...]] = []
    co.compare(
        tiny_experiment(),
        "reference",
        on_start=lambda run_id, progress_file: told.append(("start", run_id)),
        on_end=lambda run: told.append(("end", run.id)),
    )
    assert told == [("start", "reference-lockstep"), ("end", "reference-lockstep")]
    places: list[tuple[int, str]] = []
    co.converge(
        tiny_experiment(),
        "reference",
        levels=3,
        seeds=0,
        oracle=False,
        on_end=lambda place, run: places.append((place, run.id)),
    )
    assert places == [(0, "reference-aligned")] * len(places) != []
    with pytest.raises(TypeError, match="not both"):
        co.compare(tiny_experiment(), "reference", listener=Heard(), on_end=lambda run: None)
