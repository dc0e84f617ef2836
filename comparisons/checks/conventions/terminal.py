"""A sheet on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...running.runs import Run
from .measure import OnRun
from .sheet import MARKS, MEANING, Cell, Sheet

_STYLES = {
    "same": "dim",
    "other": "bold red",
    "continuous": "yellow",
    "open": "none",
    "none": "yellow",
}


@contextmanager
def counting(console: Console) -> Iterator[OnRun]:
    """A bar of the runs that are done, among those asked for so far; yields the callback to feed it."""
    columns = (TextColumn("  measuring"), BarColumn(bar_width=24), TimeElapsedColumn())
    shown = TextColumn("{task.completed:.0f} of {task.total:.0f} runs {task.fields[last]}")
    progress = Progress(*columns, shown, console=console, transient=True)
    task = progress.add_task("", total=0, last="")
    total = 0

    def on_run(run: Run | None) -> None:
        nonlocal total
        if run is None:
            if not total:
                progress.start()  # not before, because nothing may have to be run
            total += 1
            progress.update(task, total=total)
        else:
            progress.update(task, advance=1, last=run.id)

    try:
        yield on_run
    finally:
        if total:
            progress.stop()


def print_sheet(console: Console, sheet: Sheet) -> None:
    """The rows with the contract first, then what was declared and not found, and what has changed.

    Of many columns those without anything to see are named in one line.
    """
    columns, folded = sheet.folded
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("", min_width=24)
    table.add_column("contract")
    for column in columns:
        heading = f"{column.backend}\n{column.mode}"
        table.add_column(heading)
    section = ""
    for probe in sheet.probes:
        if probe.section != section:
            section = probe.section
            table.add_row(f"[bold]{section}[/]")
        cells = [column.cell(probe.name) for column in columns]
        table.add_row(
            escape(probe.label), escape(probe.expected), *(_shown(cell) for cell in cells)
        )
    console.print(table)
    for line in folded:
        console.print(escape(line), highlight=False)
    versions = dict.fromkeys(c.version for c in sheet.columns if c.version)
    console.print(escape(", ".join(versions)), style="dim", highlight=False)
    legend = "; ".join(f"{mark} {MEANING[agreement]}" for agreement, mark in MARKS.items())
    console.print(f"every cell measured: {legend}", style="dim", highlight=False)
    for reason, about in sheet.reasons.items():
        line = f"  {', '.join(about)}: {reason}"
        console.print(escape(line), style="dim", highlight=False)
    for declaration in sheet.declarations:
        if declaration.standing in ("shown", "not probed"):
            continue
        style = "dim" if declaration.standing == "hidden" else "yellow"
        console.print(escape(declaration.text), style=style, highlight=False)
    unprobed = [
        f"{d.backend} {d.convention}" for d in sheet.declarations if d.standing == "not probed"
    ]
    if unprobed:
        console.print(f"no probe for: {escape(', '.join(unprobed))}", style="dim", highlight=False)
    for note in sheet.notes:
        console.print(escape(note), style="yellow", highlight=False)
    for change in sheet.changes:
        console.print(f"[bold]![/] {escape(change.text)}", highlight=False)


def _shown(cell: Cell) -> str:
    style = _STYLES[cell.agreement]
    text = f"{MARKS[cell.agreement]} {escape(cell.text)}"
    return text if style == "none" else f"[{style}]{text}[/]"
