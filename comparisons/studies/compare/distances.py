"""Spike train distances of every pair of a comparison, through elephant and pyspike."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...measuring import isi_distance, spike_distance, van_rossum_distance, victor_purpura_distance
from .study import Comparison

COST_PER_MS = 0.1
"""Victor-Purpura: a shift of 20 ms costs as much as deleting and inserting a spike."""
TAU_MS = 10.0
"""van Rossum: the time constant of the kernel."""


def distances(result: Comparison) -> list[dict[str, Any]]:
    """Mean distance over cells of each population of each pair; InputError if a library is missing."""
    rows: list[dict[str, Any]] = []
    for pair in result.pairs:
        a, b = result.run(pair.a).recording, result.run(pair.b).recording
        for row in pair.spikes:
            name = row.population
            trains = (
                a.spikes[name].times,
                a.spikes[name].cells,
                b.spikes[name].times,
                b.spikes[name].cells,
            )
            stop = max(a.duration_ms, b.duration_ms, *(t.max(initial=0.0) for t in trains[::2]))
            stop = float(stop)
            rows.append(
                {
                    "a": pair.a,
                    "b": pair.b,
                    "population": name,
                    "victor_purpura": victor_purpura_distance(*trains, cost=COST_PER_MS).mean,
                    "van_rossum": van_rossum_distance(*trains, tau=TAU_MS).mean,
                    "spike": spike_distance(*trains, start=0.0, stop=stop).mean,
                    "isi": isi_distance(*trains, start=0.0, stop=stop).mean,
                }
            )
    return rows


def print_distances(console: Console, result: Comparison) -> list[dict[str, Any]]:
    """The distances as a table; returns them as plain data."""
    rows = distances(result)
    table = Table(
        title=f"\ndistances, mean over cells (Victor-Purpura {COST_PER_MS}/ms, van Rossum {TAU_MS:g} ms)",
        title_justify="left",
        box=None,
        header_style="dim",
    )
    for name in ("a", "b", "population"):
        table.add_column(name, overflow="fold")
    for name in ("Victor-Purpura", "van Rossum", "SPIKE", "ISI"):
        table.add_column(name, justify="right")
    for row in rows:
        numbers = (f"{row[k]:.4g}" for k in ("victor_purpura", "van_rossum", "spike", "isi"))
        table.add_row(escape(row["a"]), escape(row["b"]), escape(row["population"]), *numbers)
    console.print(table)
    return rows
