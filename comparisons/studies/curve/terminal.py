"""What ``coincide curve`` shows."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .study import Curve
from .words import sentences


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
