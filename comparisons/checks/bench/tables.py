"""Tables of results: printed, and written as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Column:
    """One column: its name as a key, its head as printed, how a number is printed, and its target.

    ``target`` is the largest (``most``) or, with ``at_least``, the smallest value that was aimed at.
    """

    key: str
    head: str
    form: str = "{:.3g}"
    target: float | None = None
    at_least: bool = False
    wraps: bool = False

    def reached(self, value: float) -> bool:
        """Whether a value keeps the target."""
        assert self.target is not None
        return value >= self.target if self.at_least else value <= self.target


@dataclass(frozen=True)
class Table:
    """Results of one kind, with what each number is in ``notes``; ``failed`` if a process failed."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    notes: tuple[str, ...] = ()
    machine: str = ""
    failed: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def print_table(console: Console, table: Table) -> None:
    """A table as text; ✓ and ✗ say whether a target was kept, in this run, on this machine."""
    console.print(f"\n[bold]{escape(table.name)}[/bold]  {escape(table.title)}")
    shown = RichTable(box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        head = column.head
        if column.target is not None:
            head += f"\n{'≥' if column.at_least else '≤'} {column.target:g}"
        numeric = any(_is_number(row.get(column.key)) for row in table.rows)
        shown.add_column(head, justify="right" if numeric else "left", no_wrap=not column.wraps)
    for row in table.rows:
        shown.add_row(*(_text(column, row) for column in table.columns))
    console.print(shown)
    for row in table.rows:
        if row.get("problem"):
            first = row.get(table.columns[0].key) or table.name
            console.print(f"  [red]{escape(str(first))}[/]: {escape(str(row['problem']))}")
    for note in table.notes:
        console.print(f"  {escape(note)}", style="dim")
    console.print(f"  measured on {escape(table.machine)}", style="dim")


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(column: Column, row: Mapping[str, Cell]) -> str:
    value = row.get(column.key)
    if value is None:
        return ""
    if isinstance(value, str | bool):
        return escape(str(value))
    # A process that was stopped took longer: what is known is a bound.
    bound = "> " if row.get(f"{column.key}_is_bound") else ""
    text = bound + column.form.format(value)
    if column.target is None:
        return text
    if column.reached(value):
        return f"[green]{text} ✓[/]"
    return f"{text} ?" if bound else f"[yellow]{text} ✗[/]"


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """One CSV a table and one ``bench.json`` with all; a table measured before is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        keys = list(dict.fromkeys(key for row in table.rows for key in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, keys)
        writer.writeheader()
        writer.writerows(table.rows)
        written.append(_replace(folder / f"{table.name}.csv", text.getvalue()))
    path = folder / "bench.json"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    data = {**(before if isinstance(before, dict) else {}), **{t.name: asdict(t) for t in tables}}
    text_json = json.dumps(data, indent=2, ensure_ascii=False, default=float) + "\n"
    return [*written, _replace(path, text_json)]


def _replace(path: Path, text: str) -> Path:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path
