"""``coincide sensitivity``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from .asking import GAIT, HOW, MODEL, OUTPUT, Asked, asking

if TYPE_CHECKING:
    from rich.table import Table

    from ..studies.sensitivity import Sensitivity


@asking(MODEL, GAIT, HOW, OUTPUT, without=("modes",))
def sensitivity(
    asked: Asked,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", help="Paths or patterns, such as 'exc.*' (default: all)."),
    ] = None,
    percent: Annotated[float, typer.Option(help="By how much each parameter is changed.")] = 10.0,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "raw",
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Seeds of which the mean is taken (default: 5, or 1 if nothing is random)."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Where measuring starts (default: a fifth).")
    ] = None,
) -> int:
    """Change every parameter on every simulator: which matter more than the choice of simulator?"""
    from ...core.exit_status import ExitStatus
    from ...core.units import milliseconds
    from ..showing.bars import running
    from ..studies.sensitivity import sensitivity as study_of

    asked.check()
    start_ms = None if start is None else milliseconds(start, "--from")
    console = asked.console()
    experiment = asked.experiment(console)
    with running(console, experiment) as bars:
        study = study_of(
            experiment,
            asked.backends,
            mode,
            parameters=parameters or (),
            percent=percent,
            seeds=seeds,
            start_ms=start_ms,
            **asked.how(bars),
        )
    if study.influences:
        console.print(_table(study))
    for line in study.sentences():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    asked.write(console, study)
    return ExitStatus.DONE if all(run.ok for run in study.runs) else ExitStatus.FAILED


def _table(study: Sensitivity) -> Table:
    """The change of every read-out by every parameter on every simulator."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("read-out", "parameter", "simulator"):
        table.add_column(name, overflow="fold")
    for name in (f"−{study.percent:g} %", f"+{study.percent:g} %", "elasticity"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for cells in _cells(study):
        table.add_row(*cells)
    return table


def _cells(study: Sensitivity) -> Iterator[tuple[str, ...]]:
    from rich.markup import escape

    for row in study.rows():
        names = (escape(row[key]) for key in ("read-out", "parameter", "simulator"))
        changes = (_number(100 * row[side], " %") for side in ("smaller", "larger"))
        yield (*names, *changes, _number(row["elasticity"]), row["verdict"])


def _number(value: float, unit: str = "") -> str:
    """A signed number of a table; a dash where there is none."""
    return f"{value:+.2f}{unit}" if math.isfinite(value) else "–"
