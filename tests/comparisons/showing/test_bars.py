"""Progress bars, fed by real runs: what stands there when all is over."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.running.how import How, Listener
from coincide.comparisons.running.store import store_realization
from coincide.comparisons.showing.bars import Tally, counting, running
from coincide.core.settings import Settings

REFERENCE = ("reference", Settings(method="euler"))


def done(listener: Listener, seeds: tuple[int, ...], plan: bool = True, **options) -> None:
    """The runs of the tiny experiment with some seeds; every bar is one of the same name."""
    how = How(jobs=1, listener=listener, **options)
    jobs = []
    for seed in seeds:
        drawn, path = store_realization(tiny_experiment().with_(seed=seed))
        jobs.append(how.job(path, drawn, *REFERENCE))
    if plan:
        listener.plan([job.id for job in jobs], "measuring all of them")
    how.perform(jobs)


def shown(seeds: tuple[int, ...], **options) -> str:
    console = Console(file=io.StringIO(), width=120)
    with running(console, tiny_experiment()) as bars:
        done(bars, seeds, **options)
    return console.file.getvalue()


def test_a_run_alone_says_how_it_ended(own_cache: Path) -> None:
    first = shown((1,))
    assert f"dt {tiny_experiment().dt}, seed 1" in first
    assert first.split()[-1] == "ok"
    assert shown((1,)).rstrip().endswith("from the cache")
    assert shown((1,), fresh=True, timeout_s=0.01).split()[-1] == "timeout"


def test_runs_of_one_name_share_a_bar_which_grows_where_they_were_not_planned(
    own_cache: Path,
) -> None:
    shown((1,))
    for plan in (True, False):
        text = shown((1, 2, 3), plan=plan)
        assert text.count("reference-lockstep-euler") == 1
        assert "3/3 runs, " in text
        assert "from the cache" in text


def test_a_count_is_there_only_where_there_is_something_to_run(own_cache: Path) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with counting(console, "nothing"):
        pass
    assert console.file.getvalue() == ""
    with counting(console, "runs") as bar:
        done(bar, (1, 2))
    text = console.file.getvalue()
    assert "measuring all of them" in text
    assert "2/2" in text


def test_a_tally_says_what_it_is_about() -> None:
    console = Console(file=io.StringIO(), width=120)
    with Tally(console, "cases", 2, transient=False) as tally:
        tally.say("the second kind")
        tally.advance()
        tally.advance()
    assert "the second kind" in console.file.getvalue()
    assert "2/2" in console.file.getvalue()
