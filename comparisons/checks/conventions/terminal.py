"""A sheet on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .sheet import MARKS, MEANING, Cell, Sheet

_STYLES = {
    "same": "dim",
    "other": "bold red",
    "continuous": "yellow",
    "open": "none",
    "none": "yellow",
}


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
