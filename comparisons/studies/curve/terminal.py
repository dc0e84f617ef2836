"""What ``coincide curve`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ....core.experiment import Experiment
from ...running.runs import Run
from .study import Curve
from .words import sentences


class Rounds:
    """A progress bar a round of runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1)

    def begin(self, k: int, currents: int, runs: int) -> None:
        """A round begins."""
        words = f"round {k}: {currents} currents on {runs} simulator{'s' * (runs > 1)}"
        self._progress.reset(self._task, total=runs, description=words)

    def end(self, run: Run) -> None:
        """A run has ended."""
        self._progress.advance(self._task)


@contextmanager
def rounds(console: Console, experiment: Experiment) -> Iterator[Rounds]:
    """Progress over the rounds of a curve."""
    console.print(f"[bold]{escape(experiment.name)}[/bold] {escape(experiment.variant)}")
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield Rounds(progress)


def print_curve(console: Console, curve: Curve) -> None:
    """The rates at every current, and what they say."""
    if curve.rates:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column(curve.unit, justify="right")
        for name in curve.simulators:
            table.add_column(f"{name} Hz", justify="right")
        for k, current in enumerate(curve.currents):
            values = [curve.rates[name][k] for name in curve.simulators]
            table.add_row(f"{current:.5g}", *(f"{v:.2f}" if v else "–" for v in values))
        console.print(table)
    for line in sentences(curve):
        console.print(escape(line), highlight=False)
