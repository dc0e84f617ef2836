"""``coincide compare MODEL --sweep``: a model's whole grid of experiments, run everywhere and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...models.library import MODELS, load_sweep
from ..measuring.pairs import VERDICTS
from ..measuring.wording import SYMBOLS, caveat_sentences
from ..running.runs import Run
from ..showing import style
from ..showing.bars import Tally
from ..showing.charts import chart, styled
from ..showing.terminal import STYLE
from ..studies.compare.study import Comparison, compare, statistics_of
from .asking import Asked


@dataclass(frozen=True)
class Point:
    """One experiment of a sweep: its labels, its comparison, and what the cells did in it."""

    labels: dict[str, str]
    comparison: Comparison

    @cached_property
    def shown(self) -> Run | None:
        """The run that the figure and the table show: the last that ended well."""
        return next((run for run in reversed(self.comparison.runs) if run.ok), None)

    @cached_property
    def statistics(self) -> dict[str, dict[str, float | None]]:
        """What the cells of each population did in the run shown."""
        return {} if self.shown is None else statistics_of(self.shown)


def run_sweep(asked: Asked, console: Console, draw: bool) -> list[Point]:
    """Run every experiment of a model's sweep as it is asked for, print a table, draw the figure."""
    model = asked.model
    experiments = [(labels, asked.changed(experiment)) for labels, experiment in load_sweep(model)]
    points = []
    with Tally(console, f"{model}, sweep", len(experiments), transient=False) as tally:
        for labels, experiment in experiments:
            tally.say(", ".join(labels.values()))
            comparison = compare(
                experiment,
                asked.backends,
                asked.modes or ["lockstep"],
                tolerance_ms=asked.tolerance_ms(),
                reference=asked.reference,
                **asked.how(),
            )
            points.append(Point(labels, comparison))
            tally.advance()
    _print_table(console, points)
    asked.write_json([plain(point) for point in points])
    if draw and any(point.statistics for point in points):
        page = write_sweep(points, model, asked.out or Path("coincide-report") / f"{model}-sweep")
        console.print(f"figure: {escape(str(page))}")
    return points


def plain(point: Point) -> dict[str, Any]:
    """A point as the plain data that ``--json`` writes."""
    return {"labels": point.labels, **point.comparison.to_dict()}


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
                *(escape(v) if first else "" for v in point.labels.values()),
                escape(population),
                _number(s["rate_hz"], ".1f"),
                _number(s["silent"], ".0%"),
                _number(s["cv"], ".2f"),
                _number(s["synchrony"], ".2f"),
                verdict if first else "",
            )
    console.print(table)
    counts: dict[str, int] = {v: sum(p.comparison.worst == v for p in points) for v in VERDICTS}
    counts["without a pair"] = sum(p.comparison.worst is None for p in points)
    console.print(", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n))
    for line in not_seen(points):
        console.print(escape(line), highlight=False)


def not_seen(points: Sequence[Point]) -> list[str]:
    """What was not seen in any experiment of a sweep, a sentence each, with the experiments it is about."""
    where: dict[str, list[str]] = {}
    for point in points:
        for line in caveat_sentences(point.comparison.caveats):
            where.setdefault(line, []).append(", ".join(point.labels.values()))
    return [
        f"{line} (everywhere)" if len(labels) == len(points) else f"{line} ({'; '.join(labels)})"
        for line, labels in where.items()
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def write_sweep(points: Sequence[Point], model: str, folder: Path) -> Path:
    """Draw the sweep as a grid of rasters and write it as PNG and SVG; returns the PNG."""
    figure = sweep_figure(points, model)
    folder.mkdir(parents=True, exist_ok=True)
    with styled():  # for what is only made when it is written
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


_COLORS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE)


def sweep_figure(points: Sequence[Point], model: str) -> Figure:
    """A grid of rasters, one for each experiment, with rate, CV, synchrony and the verdict."""
    across, down = _axes_of(points)
    columns = list(dict.fromkeys(tuple(p.labels[n] for n in across) for p in points))
    rows = list(dict.fromkeys(tuple(p.labels[n] for n in down) for p in points))
    with chart(2.3 * len(columns) + 1.4, 1.5 * len(rows) + 1.5) as figure:
        axes = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True)
        for ax in axes.flat:
            ax.set_axis_off()
        for point in points:
            row = rows.index(tuple(point.labels[n] for n in down))
            ax = axes[row][columns.index(tuple(point.labels[n] for n in across))]
            ax.set_axis_on()
            _draw_point(ax, point)
        for ax, names in zip(axes[0], columns, strict=True):
            ax.annotate(
                _heading(across, names),
                (0.5, 1.0),
                (0, 24),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                fontsize=9,
                fontweight="bold",
            )
        for ax, names in zip(axes[:, 0], rows, strict=True):
            ax.set_ylabel(_heading(down, names) or "cell")
        for ax in axes[-1]:
            ax.set_xlabel("time (ms)")
        populations = list(dict.fromkeys(p for point in points for p in point.statistics))
        handles = [_marker(color, name) for color, name in zip(_COLORS, populations, strict=False)]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
        figure.suptitle(f"{model}: {MODELS[model].title}", fontsize=11)
    return figure


def _heading(names: Sequence[str], values: Sequence[str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))


def _marker(color: str, name: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], marker="|", linestyle="none", color=color, label=name)


def _draw_point(ax: Any, point: Point) -> None:
    experiment = point.comparison.experiment
    offset = 0
    parts = []
    if point.shown is not None:
        recording = point.shown.recording
        for color, (name, spikes) in zip(_COLORS, recording.spikes.items(), strict=False):
            ax.scatter(
                spikes.times,
                spikes.cells + offset,
                s=5,
                marker="|",
                linewidths=0.6,
                color=color,
                rasterized=len(spikes) > 5000,
            )
            offset += recording.sizes[name]
            statistics = point.statistics[name]
            parts.append(_number(statistics["rate_hz"], ".0f"))
    ax.set_xlim(0, experiment.duration_ms)
    ax.set_ylim(-1, max(offset, 1))
    ax.set_yticks([])
    ax.tick_params(labelsize=7)
    chi = max((s["synchrony"] or 0.0 for s in point.statistics.values()), default=0.0)
    worst = point.comparison.worst
    words = f"{' / '.join(parts)} Hz, χ {chi:.2f}\n{SYMBOLS[worst] if worst else ''} {worst or 'no pair'}"
    ax.set_title(words, fontsize=7.5, fontweight="normal", loc="left", pad=2)
