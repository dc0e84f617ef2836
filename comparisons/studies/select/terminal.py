"""What ``coincide select`` shows: the points measured, the front, the recommendation."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ....core.exit_status import ExitStatus
from ...measuring.wording import caveat_sentences
from .cost import seconds
from .points import Ability
from .study import Selection
from .words import details, error_text, recommendation


def print_selection(console: Console, study: Selection) -> None:
    """The recommendation, then what it rests on."""
    style = {"found": "green", "not reached": "red", "undecided": "magenta"}[study.verdict]
    console.print(f"[bold {style}]{escape(recommendation(study))}[/]", highlight=False)
    for line in caveat_sentences(study.caveats):
        console.print(escape(line), highlight=False)
    if any(p.run.ok for p in study.points):
        console.print(_points(study))
    for ability in _not_able(study):
        named = ", ".join(part for part in (ability.backend, ability.mode, ability.method) if part)
        console.print(f"[yellow]∅[/] {escape(named)}: {escape(ability.reason)}", highlight=False)
    for p in study.points:
        if not p.run.ok:
            console.print(
                f"[red]✕[/] {escape(p.label)}, dt {p.dt_ms:g} ms: {p.run.status}, "
                f"{escape(p.run.reason)}",
                highlight=False,
            )
    for line in details(study):
        console.print(f"  {escape(line)}", style="dim", highlight=False)
    for forecast in study.forecasts:
        console.print(escape(forecast.in_words), highlight=False)
    for note in study.notes:
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)


def _not_able(study: Selection) -> list[Ability]:
    """What backends cannot do, but for methods of a backend that others of its own stand for."""
    able = {(a.backend, a.mode) for a in study.abilities if a.able}
    found = [a for a in study.abilities if not a.able]
    return [a for a in found if not a.method or (a.backend, a.mode) not in able]


def _points(study: Selection) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate")
    for name in ("dt ms", "error", "build", "run", "MB"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    best = study.front
    shown = ""
    for p in sorted(study.points, key=lambda p: (p.label, -p.dt_ms)):
        if not p.run.ok:
            continue
        mark = ["✓"] * p.meets(study.bound) + ["front"] * (p in best)
        value = p.value(study.bound.kind)
        error = error_text(value, study.bound.kind)
        if p.error is not None and error == "–" and not p.error.counts_agree:
            error = "count differs"
        table.add_row(
            escape(p.label) if p.label != shown else "",
            f"{p.dt_ms:g}",
            error,
            seconds(p.build_s),
            seconds(p.run_s),
            f"{p.run.peak_mb:.0f}",
            f"[bold]{' '.join(mark)} ← take[/]" if p is study.recommended else " ".join(mark),
        )
        shown = p.label
    return table


def exit_status(study: Selection, asked: Sequence[str] | None = None) -> int:
    """3 if no run ended well, or none of a backend *asked* for; 1 if none is within the error, else 0."""
    good = {p.backend for p in study.points if p.run.ok}
    # What the budget kept from a backend that could is no failure.
    waiting = {a.backend for a in study.abilities if a.able} - {p.backend for p in study.points}
    if not good or not (good | waiting | {"oracle"}).issuperset(asked or ()):
        return ExitStatus.FAILED
    return ExitStatus.DONE if study.recommended is not None else ExitStatus.FOUND
