"""What ``coincide diff`` shows: the verdict, statistics of both sides, what was assumed, why they differ."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from ...showing.terminal import Console, print_pair
from .study import Diff, Statistics

_MOST = 12
"""Lines of assumptions that are shown; ``--json`` has all."""


def print_diff(console: Console, found: Diff) -> None:
    """The pair, rates and correlations, what was assumed, the programs that wrote them, the explanation."""
    print_pair(console, found.pair)
    if any(rows for rows in found.statistics):
        console.print(_statistics(found.statistics))
    for caveat in found.assumed[:_MOST]:
        console.print(f"  assumed: {escape(str(caveat))}", style="yellow", highlight=False)
    if len(found.assumed) > _MOST:
        console.print(f"  … and {len(found.assumed) - _MOST} more assumptions: --json has them")
    if any(found.versions):
        said = ", ".join(
            f"{side}: {version or 'not said'}"
            for side, version in zip("ab", found.versions, strict=True)
        )
        console.print(f"written by {escape(said)}", style="dim", highlight=False)
    if found.explanation is not None:
        from ..explain.terminal import print_explanation

        print_explanation(console, found.explanation)
    elif found.verdict == "different" or found.pair.agree_until_ms is not None:
        console.print("why they differ, as far as the two alone tell: --explain", style="dim")


def _statistics(sides: tuple[Sequence[Statistics], Sequence[Statistics]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("population")
    for name in ("", "cells", "rate", "CV", "correlation"):
        table.add_column(name, justify="right" if name else "left")
    by_name = [{row.population: row for row in rows} for rows in sides]
    for population in dict.fromkeys([*by_name[0], *by_name[1]]):
        for side, rows in zip("ab", by_name, strict=True):
            row = rows.get(population)
            if row is not None:
                table.add_row(
                    escape(population),
                    side,
                    f"{row.cells:,}",
                    "–" if row.rate_hz is None else f"{row.rate_hz:.3g} Hz",
                    *("–" if n is None else f"{n:.3g}" for n in (row.cv, row.correlation)),
                )
    return table
