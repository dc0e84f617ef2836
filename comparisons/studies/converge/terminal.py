"""What ``coincide converge`` shows: the orders, the sentences."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ....core.exit_status import ExitStatus
from .horizon import Horizon
from .order import Verdict
from .study import ConvergenceStudy
from .words import (
    MARKS,
    MEANING,
    agreement_lines,
    amount,
    beside,
    brief,
    distribution_lines,
    grouped_reasons,
    stops,
    symbol,
)

STYLE: dict[Verdict, str] = {
    "exact": "green",
    "converges": "green",
    "undecided": "dim",
    "stalls": "red",
    "elsewhere": "red",
}


def print_study(console: Console, study: ConvergenceStudy) -> None:
    """The orders as a table, then a sentence for every series."""
    versions = dict.fromkeys(s.version for s in study.series if s.version)
    console.print(escape(", ".join(versions)), style="dim", highlight=False)
    if study.truth:
        console.print(f"held against {escape(study.truth)}", highlight=False)
    if any(s.orders for s in study.series):
        console.print(_orders(study))
    for s in study.series:
        colour = STYLE[s.verdict] if s.ok else "red"
        console.print(f"[{colour}]{symbol(s)}[/] {escape(brief(s))}", highlight=False)
        for line in beside(s):
            console.print(f"  {escape(line)}", highlight=False)
    for line in (*grouped_reasons(study.series), *stops(study.series)):
        console.print(f"  {escape(line)}", style="dim", highlight=False)
    if study.horizon is not None:
        for line in agreement_lines(study.horizon):
            console.print(escape(line), highlight=False)
        if study.horizon.tests:
            console.print(_tests(study.horizon))
        for line in distribution_lines(study.horizon):
            console.print(f"  {escape(line)}", style="dim", highlight=False)
    met = {o.verdict for s in study.series for o in s.orders} - {"converges"}
    for verdict, meaning in MEANING.items():
        if verdict in met:
            console.print(f"  {verdict}: {meaning}", style="dim", highlight=False)
    for note in study.notes:
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)


def _orders(study: ConvergenceStudy) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("series and quantity")
    for name in ("error", "order"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for s in study.series:
        if s.orders:
            table.add_row(f"[bold]{escape(s.label)}[/]", f"dt {s.orders[0].dts[-1]:g} ms")
        for o in s.orders:
            table.add_row(
                f"  {o.name}",
                amount(o.errors[-1], o.unit) if o.errors else "–",
                o.order_in_words,
                f"[{STYLE[o.verdict]}]{o.verdict}[/]",
            )
    return table


def _tests(horizon: Horizon) -> Table:
    """Equivalence tests, a row each; what is the same in every seed has no interval."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("statistic")
    for name in ("difference", "90 % interval", "± margin", "power"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    shown = ""
    for t in horizon.tests:
        if t.b != shown:
            table.add_row(f"[bold]{escape(t.b)}[/]")
            shown = t.b
        interval = f"{t.low:.2g} to {t.high:.2g}" if t.sd else "same in all seeds"
        table.add_row(
            f"  {escape(t.quantity)}",
            amount(t.difference, t.unit),
            interval,
            f"{t.margin:.2g}",
            f"{t.power:.2f}",
            f"{MARKS[t.verdict]} {t.verdict}",
        )
    return table


def exit_status(study: ConvergenceStudy) -> int:
    """3 if a run failed or none could be run, 1 if a series goes to another limit or to none, else 0."""
    runs = [level.run for s in study.series for level in s.levels]
    if any(run.status in ("failed", "timeout") for run in runs) or not any(r.ok for r in runs):
        return ExitStatus.FAILED
    return ExitStatus.FOUND if study.flagged else ExitStatus.DONE
