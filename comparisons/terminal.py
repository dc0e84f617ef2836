"""What the command line shows: progress bars, tables, verdicts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
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
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from ..core.caveats import Caveat
from ..core.experiment import Experiment
from ..core.printable import printable
from .compare import Comparison
from .pairs import Pair, Verdict
from .runs import Run, read_progress
from .words import SYMBOLS, caveat_sentences, mode_sentences, modes_of

__all__ = [
    "Console",
    "exit_status",
    "one_bar",
    "print_comparison",
    "print_pair",
    "print_run",
    "running",
]

STYLE: Mapping[str, str] = {
    "identical": "green", "round-off": "green", "close": "yellow", "undecided": "magenta",
    "different": "red",
    "ok": "green", "failed": "red", "timeout": "red", "unsupported": "yellow",
}  # fmt: skip


class Console(RichConsole):
    """A terminal on which a text does nothing but stand: its control characters are written out."""

    @override
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is shown."""
        for segment in super().render(renderable, options):
            safe = segment.text if segment.control else printable(segment.text)
            yield segment if safe == segment.text else Segment(safe, segment.style)


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
            self._tasks[run.id], completed=1.0 if run.ok else None,
            state=f"[{STYLE[run.status]}]{word}",
        )  # fmt: skip

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
        TextColumn("  {task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(),
        TimeLeft(), TextColumn("{task.fields[state]}"), console=console,
    )  # fmt: skip


@contextmanager
def one_bar(console: Console, name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar for one run; yields the callback to feed it."""
    with _bars(console) as progress:
        task = progress.add_task(name, total=1.0, state="")
        yield lambda fraction: progress.update(task, completed=fraction)


def print_comparison(console: Console, result: Comparison) -> None:
    """The runs, the verdict of every pair, and the whole in one sentence."""
    console.print(_runs_table(result.runs))
    versions = dict.fromkeys(run.version for run in result.runs if run.version)
    console.print(escape(", ".join(versions)), style="dim", highlight=False)
    if result.pairs:
        console.print(_pairs_table(result.pairs, result.caveats))
    for note in result.notes:
        console.print(f"  note: {escape(note)}", style="dim")
    for line in conclusions(result):
        console.print(line)


def conclusions(result: Comparison) -> list[str]:
    """What became of every mode, in sentences: do the simulators coincide?"""
    lines = []
    for mode in modes_of(result):
        worst = result.verdict_in(mode)
        mark = f"[{STYLE[worst]}]{SYMBOLS[worst]}[/]" if worst else "–"
        words = " ".join(mode_sentences(result, mode))
        # A word only where the sentences say something else: they tell what the runs that were seen did.
        word = ", undecided" if worst == "undecided" else ""
        lines.append(f"{mark} [bold]{mode}{word}[/bold]: {escape(words)}")
    return lines


def _runs_table(runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("spikes", "build s", "run s", "wall s", "peak MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        word = "cached" if run.cached else run.status
        status = f"[{STYLE[run.status]}]{SYMBOLS[run.status]} {word}[/]"
        numbers = [
            f"{sum(run.spikes.values()):,}", f"{run.build_s:.2f}", f"{run.run_s:.2f}",
            f"{run.wall_s:.2f}", f"{run.peak_mb:.0f}",
        ]  # fmt: skip
        table.add_row(escape(run.id), status, *(numbers if run.ok else [""] * 5))
    return table


def _pairs_table(pairs: Sequence[Pair], told: Container[Caveat] = ()) -> Table:
    """A row a pair; the caveats *told* stand elsewhere."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    # Names of files are long: they are folded, so that the verdict always has its place.
    for name in ("a", "b"):
        table.add_column(name, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("", overflow="fold")
    for pair in pairs:
        verdict = f"[{STYLE[pair.verdict]}]{SYMBOLS[pair.verdict]} {pair.verdict}[/]"
        table.add_row(escape(pair.a), escape(pair.b), verdict, escape(pair.words_beside(told)))
    return table


def print_pair(console: Console, pair: Pair) -> None:
    """One pair with every population and variable."""
    console.print(_pairs_table([pair]))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in (
        "population",
        "spikes a",
        "spikes b",
        "matched",
        "missing",
        "extra",
        "max shift",
        "rms",
        "others",
    ):
        table.add_column(name, justify="right" if name != "population" else "left")
    for row in pair.spikes:
        table.add_row(
            escape(row.population), *(f"{n:,}" for n in (row.n_a, row.n_b, row.matched)),
            f"{row.missing:,}", f"{row.extra:,}",
            *("–" if t is None else f"{t:.4g} ms"
              for t in (row.max_shift_ms, row.rms_shift_ms, row.farthest_ms)),
        )  # fmt: skip
    if pair.spikes:
        console.print(table)
    for trace in pair.traces:
        if not trace.n_compared:  # the verdict above says that it was not
            continue
        first = trace.first_divergence
        where = f", first at {first['t_ms']:g} ms in cell {first['cell']}" if first else ""
        samples = "sample" if trace.n_missing == 1 else "samples"
        missing = f", {trace.n_missing:,} {samples} missing" if trace.n_missing else ""
        console.print(
            f"  {escape(trace.population)}.{escape(trace.variable)}: largest difference "
            f"{trace.max_abs:.3g} {trace.unit} ({trace.relative:.2g} of the range), "
            f"rms {trace.rms:.3g} {trace.unit}{where}{missing}"
        )


def print_run(
    console: Console, data: Mapping[str, Any], out: Path, caveats: Iterable[Caveat] = ()
) -> None:
    """How one run ended, what of it cannot be trusted, and where its recording is."""
    status = data["status"]
    console.print(
        f"[{STYLE[status]}]{SYMBOLS[status]} {status}[/] {escape(data.get('version', ''))}"
    )
    if status != "ok":
        console.print(escape(data["reason"]))
        return
    for population, n in data["spikes"].items():
        console.print(f"  {escape(population)}: {n:,} spikes")
    for line in caveat_sentences(caveats):
        console.print(f"[{STYLE['undecided']}]{SYMBOLS['undecided']}[/] {escape(line)}")
    for note in data.get("notes", ()):
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)
    console.print(f"recording: {escape(str(out))}")


def exit_status(
    result: Comparison, expected: Verdict | None, asked: Sequence[str] | None = None
) -> int:
    """3 if a run failed or a backend *asked* for ran nothing, 1 if it is worse than expected, else 0."""
    if any(run.status in ("failed", "timeout") for run in result.runs):
        return 3
    able = {run.backend for run in result.runs if run.ok}
    if not able or not able.issuperset(asked or ()):
        return 3
    if expected is None:
        return 0
    return 0 if result.within(expected) else 1
