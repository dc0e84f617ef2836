"""``coincide compare MODEL --sweep``: a model's whole grid of experiments, run everywhere and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..models.library import MODELS, load_sweep
from .compare import VERDICTS, Comparison, compare
from .metrics import spike_statistics
from .terminal import STYLE, exit_status
from .words import SYMBOLS


@dataclass(frozen=True)
class Point:
    """One experiment of a sweep: its labels, its comparison, and what the cells did in it."""

    labels: dict[str, str]
    comparison: Comparison

    @property
    def statistics(self) -> dict[str, dict[str, float]]:
        """Rate [Hz], CV of intervals and synchrony of each population, in the first good run."""
        good = [run for run in self.comparison.runs if run.ok]
        if not good:
            return {}
        recording = good[-1].recording
        found = {}
        for name, spikes in recording.spikes.items():
            s = spike_statistics(
                spikes.times, spikes.cells, recording.sizes[name], start=0.0,
                stop=recording.duration_ms,
            )  # fmt: skip
            found[name] = {
                "rate_hz": s.rate.mean,
                "silent": s.rate.n_silent / recording.sizes[name],
                "cv": s.variation.mean,
                "synchrony": s.synchrony.chi,
            }
        return found


def run_sweep(
    model: str,
    backends: Iterable[str] | None,
    modes: Sequence[str],
    console: Console,
    *,
    out: Path | None,
    jobs: int | None,
    timeout_s: float,
    fresh: bool,
    json_file: str | None,
    draw: bool = True,
) -> int:
    """Run every experiment of a model's sweep on every backend, print a table, draw the figure.

    The exit status is the worst of the comparisons'.
    """
    experiments = load_sweep(model)
    points = []
    with Progress(
        TextColumn("  {task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    ) as progress:  # fmt: skip
        task = progress.add_task(f"{model}, sweep", total=len(experiments))
        for labels, experiment in experiments:
            progress.update(task, description=", ".join(labels.values()))
            comparison = compare(
                experiment, backends, modes, jobs=jobs, timeout_s=timeout_s, fresh=fresh
            )
            points.append(Point(labels, comparison))
            progress.advance(task)
    _print_table(console, points)
    if json_file is not None:
        from .cli import write_json_text

        write_json_text(json.dumps([_plain(p) for p in points], indent=2, default=float), json_file)
    if draw:
        page = write_sweep(points, model, out or Path("coincide-report") / f"{model}-sweep")
        console.print(f"figure: {page}")
    return max(exit_status(point.comparison, None) for point in points)


def _plain(point: Point) -> dict[str, Any]:
    return {
        "labels": point.labels,
        "statistics": point.statistics,
        **point.comparison.to_dict(),
    }


def _print_table(console: Console, points: Sequence[Point]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in points[0].labels:
        table.add_column(name)
    for name in ("population", "rate Hz", "silent", "CV", "synchrony", "verdict"):
        table.add_column(name, justify="left" if name in ("population", "verdict") else "right")
    for point in points:
        worst = point.comparison.worst
        verdict = f"[{STYLE[worst]}]{SYMBOLS[worst]} {worst}[/]" if worst else "–"
        for k, (population, s) in enumerate(point.statistics.items()):
            first = k == 0
            table.add_row(
                *(escape(v) if first else "" for v in point.labels.values()), escape(population),
                f"{s['rate_hz']:.1f}", f"{s['silent']:.0%}", f"{s['cv']:.2f}",
                f"{s['synchrony']:.2f}", verdict if first else "",
            )  # fmt: skip
    console.print(table)
    counts = {v: sum(p.comparison.worst == v for p in points) for v in VERDICTS}
    console.print(", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n))


def write_sweep(points: Sequence[Point], model: str, folder: Path) -> Path:
    """Draw the sweep as a grid of rasters and write it as PNG and SVG; returns the PNG."""
    figure = sweep_figure(points, model)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "sweep.svg")
    figure.savefig(folder / "sweep.png", dpi=150)
    return folder / "sweep.png"


def _axes_of(points: Sequence[Point]) -> tuple[list[str], list[str]]:
    """The labels that spread over the columns and those that name the rows.

    The label with most values spreads over the columns; as long as that leaves more than eight rows, so
    does the next one with few values, for a figure that is wider than high.
    """
    values = {n: len({p.labels[n] for p in points}) for n in points[0].labels}
    across = [max(values, key=lambda n: values[n])]
    down = [n for n in values if n not in across]
    while down and np.prod([values[n] for n in down]) > 8:
        moved = min(down, key=lambda n: values[n])
        across.append(moved)
        down.remove(moved)
    return across, down


_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def sweep_figure(points: Sequence[Point], model: str) -> Any:
    """A grid of rasters, one for each experiment, with rate, CV, synchrony and the verdict."""
    from matplotlib.figure import Figure

    across, down = _axes_of(points)
    columns = list(dict.fromkeys(tuple(p.labels[n] for n in across) for p in points))
    rows = list(dict.fromkeys(tuple(p.labels[n] for n in down) for p in points))
    figure = Figure(figsize=(2.3 * len(columns) + 1.4, 1.5 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True)
    for ax in axes.flat:
        ax.set_axis_off()
    for point in points:
        row = rows.index(tuple(point.labels[n] for n in down))
        ax = axes[row][columns.index(tuple(point.labels[n] for n in across))]
        ax.set_axis_on()
        _draw_point(ax, point)
    for ax, names in zip(axes[0], columns, strict=True):
        heading = "\n".join(f"{n}: {v}" for n, v in zip(across, names, strict=True))
        ax.annotate(
            heading, (0.5, 1.0), (0, 24), xycoords="axes fraction",
            textcoords="offset points", ha="center", fontsize=9, fontweight="bold",
        )  # fmt: skip
    for ax, names in zip(axes[:, 0], rows, strict=True):
        heading = "\n".join(f"{n}: {v}" for n, v in zip(down, names, strict=True))
        ax.set_ylabel(heading or "cell", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("time (ms)", fontsize=8)
    populations = list(dict.fromkeys(p for point in points for p in point.statistics))
    handles = [_marker(color, name) for color, name in zip(_COLORS, populations, strict=False)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(f"{model}: {MODELS[model].title}", fontsize=11)
    return figure


def _marker(color: str, name: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], marker="|", linestyle="none", color=color, label=name)


def _draw_point(ax: Any, point: Point) -> None:
    experiment = point.comparison.experiment
    good = [run for run in point.comparison.runs if run.ok]
    offset = 0
    parts = []
    if good:
        recording = good[-1].recording
        for color, (name, spikes) in zip(_COLORS, recording.spikes.items(), strict=False):
            ax.scatter(
                spikes.times, spikes.cells + offset, s=5, marker="|", linewidths=0.6, color=color,
                rasterized=len(spikes) > 5000,
            )  # fmt: skip
            offset += recording.sizes[name]
            statistics = point.statistics[name]
            parts.append(f"{statistics['rate_hz']:.0f}")
    ax.set_xlim(0, experiment.duration_ms)
    ax.set_ylim(-1, max(offset, 1))
    ax.set_yticks([])
    ax.tick_params(labelsize=7)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    chi = np.nanmax([s["synchrony"] for s in point.statistics.values()] or [np.nan])
    worst = point.comparison.worst
    words = f"{' / '.join(parts)} Hz, χ {chi:.2f}\n{SYMBOLS[worst] if worst else ''} {worst or 'no pair'}"
    ax.set_title(words, fontsize=7.5, loc="left", pad=2)
