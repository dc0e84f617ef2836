"""Progress bars of runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

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
from ..running.runs import Job, Run, read_progress
from .terminal import STYLE, Console


class TimeLeft(ProgressColumn):
    """How long it will still take at the pace so far; nothing once it is over or before there is a pace."""

    def render(self, task: Task) -> Text:
        """The time left of a task."""
        left = task.time_remaining
        if task.finished or left is None:
            return Text("")
        minutes, seconds = divmod(int(left), 60)
        return Text(f"{minutes}:{seconds:02d} left", style="progress.remaining")


class RunBars:
    """One progress bar a run, fed by the files to which the runs write their progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._files: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def start(self, run_id: str, progress_file: str) -> None:
        """A run has been asked for."""
        self._tasks[run_id] = self._progress.add_task(run_id, total=1.0, state="")
        self._files[run_id] = progress_file  # last: from now on the thread looks for its task

    def end(self, run: Run) -> None:
        """A run has ended."""
        self._files.pop(run.id, None)
        word = "from the cache" if run.cached else run.status
        self._progress.update(
            self._tasks[run.id],
            completed=1.0 if run.ok else None,
            state=f"[{STYLE[run.status]}]{word}",
        )

    def close(self) -> None:
        """Stop watching the files."""
        self._stop.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stop.wait(0.1):
            for run_id, file in tuple(self._files.items()):
                fraction = read_progress(file)
                state = "running" if fraction else "starting"
                self._progress.update(self._tasks[run_id], completed=fraction, state=state)


@contextmanager
def running(console: Console, experiment: Experiment) -> Iterator[RunBars]:
    """Progress bars for the runs of an experiment."""
    size = sum(p.size for p in experiment.populations if p.kind == "neurons")
    console.print(
        f"[bold]{escape(experiment.name)}[/bold]{' ' * bool(experiment.variant)}"
        f"{escape(experiment.variant)}  {size:,} {'cell' if size == 1 else 'cells'}, "
        f"{experiment.duration}, dt {experiment.dt}, seed {experiment.seed}"
    )
    with _bars(console) as progress:
        bars = RunBars(progress)
        try:
            yield bars
        finally:
            bars.close()


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("{task.fields[state]}"),
        console=console,
    )


@contextmanager
def one_bar(console: Console, name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar for one run; yields the callback to feed it."""
    with _bars(console) as progress:
        task = progress.add_task(name, total=1.0, state="")
        yield lambda fraction: progress.update(task, completed=fraction)


class StudyBars:
    """One progress bar a simulator over all its runs, fed by the files to which the runs write."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._total: dict[str, int] = {}
        self._states: dict[str, dict[str, int]] = {}
        self._running: dict[int, tuple[str, str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def plan(self, run_ids: Sequence[str]) -> None:
        """The runs that there will be."""
        for name in dict.fromkeys(run_ids):
            self._total[name] = run_ids.count(name)
            self._states[name] = {}
            self._tasks[name] = self._progress.add_task(name, total=self._total[name], state="")

    def start(self, place: int, job: Job) -> None:
        """A run has been asked for."""
        self._running[place] = (job.id, job.progress_file)

    def end(self, place: int, run: Run) -> None:
        """A run has ended."""
        self._running.pop(place, None)
        word = "from the cache" if run.cached else run.status
        states = self._states[run.id]
        states[word] = states.get(word, 0) + 1

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
        for name, file in tuple(self._running.values()):
            fractions[name] += read_progress(file)
        for name, task in tuple(self._tasks.items()):
            states = dict(self._states[name])
            done = sum(states.values())
            told = ", ".join(f"{n} {word}" for word, n in states.items() if word != "ok")
            state = f"{done}/{self._total[name]} runs{', ' if told else ''}{told}"
            self._progress.update(task, completed=done + fractions[name], state=state)
