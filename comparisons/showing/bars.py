"""Progress bars: listeners of runs, and the same look for whatever else is counted while one waits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ...core.experiment import Experiment
from ..running.how import Listener
from ..running.runs import Job, Run, read_progress
from .terminal import STYLE

_CACHED = "from the cache"


class TimeLeft(ProgressColumn):
    """How long it will still take at the pace so far; nothing once it is over or before there is a pace."""

    def render(self, task: Task) -> Text:
        """The time left of a task."""
        left = task.time_remaining
        if task.finished or left is None:
            return Text("")
        minutes, seconds = divmod(int(left), 60)
        return Text(f"{minutes}:{seconds:02d} left", style="progress.remaining")


class RunBars(Listener):
    """One bar a name over all the runs that have it, fed by the files to which the runs write.

    A bar grows when there are more runs than were planned: a study may find out as it goes.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._total: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._states: dict[str, Counter[str]] = {}
        self._done: dict[str, float] = {}
        self._running: dict[int, Job] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def plan(self, run_ids: Sequence[str], words: str = "") -> None:
        """Add bars, or make them longer."""
        for name, n in Counter(run_ids).items():
            self._total[name] += n
            if name not in self._tasks:
                self._states[name], self._done[name] = Counter(), 0.0
                self._tasks[name] = self._progress.add_task(name, total=n, state="")

    def start(self, place: int, job: Job) -> None:
        """A run has been asked for."""
        self._asked[job.id] += 1
        if self._asked[job.id] > self._total[job.id]:
            self.plan([job.id])
        self._running[place] = job

    def end(self, place: int, run: Run) -> None:
        """A run has ended."""
        job = self._running.pop(place)
        self._states[run.id][_CACHED if run.cached else run.status] += 1
        # Alone in its bar, a run that does not end well leaves it where it came to.
        alone = self._total[run.id] == 1 and not run.ok
        self._done[run.id] += read_progress(job.progress_file) if alone else 1.0

    def close(self) -> None:
        """Stop watching the files and show how it ended."""
        self._stop.set()
        self._thread.join()
        self._show()

    def _poll(self) -> None:
        while not self._stop.wait(0.1):
            self._show()

    def _show(self) -> None:
        fractions = dict.fromkeys(self._tasks, 0.0)
        for job in tuple(self._running.values()):
            fractions[job.id] += read_progress(job.progress_file)
        for name, task in tuple(self._tasks.items()):
            state = self._state(name, fractions[name])
            done, total = self._done[name] + fractions[name], self._total[name]
            self._progress.update(task, completed=done, total=total, state=state)

    def _state(self, name: str, fraction: float) -> str:
        """What is said of the runs of one bar."""
        states = dict(self._states[name])
        if self._total[name] > 1:
            others = [f"{n} {word}" for word, n in states.items() if word != "ok"]
            return ", ".join([f"{sum(states.values())}/{self._total[name]} runs", *others])
        for word in states:
            return f"[{STYLE['ok' if word == _CACHED else word]}]{word}[/]"
        if not self._asked[name]:
            return ""
        return "running" if fraction else "starting"


class CountBar(Listener):
    """One bar of all runs together, which is there from the first run on: there may be nothing to run."""

    def __init__(self, progress: Progress, words: str) -> None:
        self._progress = progress
        self._task = progress.add_task(words, total=0, state="")
        self._asked = self._total = 0

    def plan(self, run_ids: Sequence[str], words: str = "") -> None:
        """More runs, which the bar is about from now on if they have a name."""
        self._grow(self._total + len(run_ids))
        if words:
            self._progress.update(self._task, description=words)

    def start(self, place: int, job: Job) -> None:
        """A run has been asked for."""
        self._asked += 1
        self._grow(max(self._asked, self._total))

    def end(self, place: int, run: Run) -> None:
        """A run has ended."""
        self._progress.update(self._task, advance=1, state=run.id)

    def _grow(self, total: int) -> None:
        self._progress.start()
        self._total = total
        self._progress.update(self._task, total=total)


class Tally:
    """One bar of a known number of things that are no runs; gone when it is over."""

    def __init__(self, console: Console, words: str, total: int, transient: bool = True) -> None:
        self.console = console
        self._progress = _count(console, transient)
        self._task = self._progress.add_task(words, total=total, state="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, words: str) -> None:
        """What the bar is about from now on."""
        self._progress.update(self._task, description=words)

    def advance(self) -> None:
        """One more is done."""
        self._progress.advance(self._task)


def heading(experiment: Experiment, seeds: str = "seed") -> str:
    """What is run, in one line with markup; *seeds* is what its seed is to a study."""
    size = sum(p.size for p in experiment.populations if p.kind == "neurons")
    return (
        f"[bold]{escape(experiment.name)}[/bold]{' ' * bool(experiment.variant)}"
        f"{escape(experiment.variant)}  {size:,} {'cell' if size == 1 else 'cells'}, "
        f"{experiment.duration}, dt {experiment.dt}, {seeds} {experiment.seed}"
    )


@contextmanager
def running(console: Console, experiment: Experiment, seeds: str = "seed") -> Iterator[RunBars]:
    """The heading of an experiment, and progress bars for its runs."""
    console.print(heading(experiment, seeds))
    with _bars(console) as progress:
        bars = RunBars(progress)
        try:
            yield bars
        finally:
            bars.close()


@contextmanager
def counting(console: Console, words: str) -> Iterator[CountBar]:
    """A bar of the runs that are done among those asked for so far, gone when they are over."""
    progress = _count(console, transient=True)
    bar = CountBar(progress, words)
    try:
        yield bar
    finally:
        if progress.live.is_started:  # else there was nothing to run, and nothing is to be seen
            progress.stop()


@contextmanager
def one_bar(console: Console, name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar for one run; yields the callback to feed it."""
    with _bars(console) as progress:
        task = progress.add_task(name, total=1.0, state="")
        yield lambda fraction: progress.update(task, completed=fraction)


_WIDTH = 24


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=_WIDTH),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("{task.fields[state]}"),
        console=console,
    )


def _count(console: Console, transient: bool) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=_WIDTH),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("{task.fields[state]}"),
        console=console,
        transient=transient,
    )
