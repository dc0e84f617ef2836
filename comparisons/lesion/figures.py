"""Healthy and lesioned side by side: membrane potentials and spikes, one row a simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ...core.recording import Recording
from ..metrics.ordering import Floats
from ..report import style
from ..report.select import thin
from .arms import Arm
from .look import WIDTH_IN, arms_shown, empty, figure_of, looks, mode_of, row_label, styled
from .measures import Measure, populations_of
from .study import ArmRun, LesionStudy

_COLUMNS = 1500
_INTERVALS = 10
_LONGEST_MS = 500.0
_SHORTEST_MS = 50.0
_MOST_CELLS = 60
_MOST_MARKS = 3000
_LOST = "#e4e7eb"

Cells: TypeAlias = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class _Grid:
    """The runs of a figure: a row for each simulator, a column for each arm; None where none ended well."""

    figure: Figure
    axes: Sequence[Sequence[Axes]]
    rows: Sequence[Sequence[ArmRun | None]]
    simulators: tuple[str, ...]
    arms: Sequence[Arm]


def voltage_figure(
    study: LesionStudy,
    mode: str | None = None,
    severity: float | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """The potential of one cell in every arm, one row a simulator, at the end of the run.

    The cell is one that was recorded in every arm: of the output if there, else of the first population
    with a potential.
    """
    shown = _runs_shown(study, mode, severity, names)
    chosen = _cell_shown(study, [r for row in shown[2] for r in row if r is not None])
    if chosen is None:
        return empty("No membrane potential was recorded, so there is none to draw.")
    population, variable, cell = chosen
    with styled():
        grid = _grid(study, *shown, 1.15, sharey=True)
        span = _window(study, population, grid)
        colours = looks(grid.simulators)
        for axes, runs, name in zip(grid.axes, grid.rows, grid.simulators, strict=True):
            for ax, found in zip(axes, runs, strict=True):
                if found is None:
                    _not_there(ax, "no run")
                    continue
                trace = found.run.recording.traces.get((population, variable))
                column = None if trace is None else _column(found, population, trace.cells, cell)
                if trace is None or column is None:
                    _not_there(ax, "this cell is lost")
                    continue
                inside = (trace.times >= span[0]) & (trace.times <= span[1])
                x, y = thin(trace.times[inside], trace.values[inside, column], _COLUMNS)
                ax.plot(x, y, color=colours[name][0], linewidth=0.9)
                _rate(ax, study, found, population)
            axes[0].set_ylabel(style.with_unit(variable, "mV"))
            axes[0].yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 4, 5, 10]))
        grid.axes[0][0].set_xlim(*span)
        _headings(study, grid, f"membrane potential of {population}, cell {cell}", mode, 14.0)
    return grid.figure


def raster_figure(
    study: LesionStudy,
    mode: str | None = None,
    severity: float | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """The spikes of all populations in every arm, one row a simulator; lost cells are grey."""
    shown = _runs_shown(study, mode, severity, names)
    if not shown[0]:
        return empty("No run ended well, so there are no spikes to draw.")
    populations = populations_of(study.experiment)
    picked = {name: _picked(study.experiment.population(name).size) for name in populations}
    rows = sum(p.size for p in picked.values())
    with styled():
        height = min(max(0.45 + 0.02 * rows + 0.12 * len(populations), 0.7), 2.6)
        grid = _grid(study, *shown, height, sharey=True)
        colours = looks(grid.simulators)
        for axes, runs, name in zip(grid.axes, grid.rows, grid.simulators, strict=True):
            for ax, found in zip(axes, runs, strict=True):
                ax.tick_params(axis="y", length=0)
                if found is None:
                    _not_there(ax, "no run")
                    continue
                _draw_raster(ax, study, found, picked, colours[name][0])
            _label_rows(axes[0], picked)
        grid.axes[0][0].set_xlim(0.0, study.experiment.duration_ms)
        grid.axes[0][0].set_ylim(rows - 0.5, -0.5)
        left_out = sum(study.experiment.population(n).size for n in populations) - rows
        some = f", {rows} of {rows + left_out} cells" if left_out else ""
        _headings(study, grid, f"spikes{some}; the hatched time is not measured", mode)
    return grid.figure


def _runs_shown(
    study: LesionStudy, mode: str | None, severity: float | None, names: Sequence[str] | None
) -> tuple[tuple[str, ...], list[Arm], list[list[ArmRun | None]]]:
    mode = mode_of(study, mode)
    arms = arms_shown(study, severity, names)
    simulators = study.simulators(mode)
    seed = study.seeds[0]
    return simulators, arms, [[study.run(a, mode, s, seed) for a in arms] for s in simulators]


def _grid(
    study: LesionStudy,
    simulators: tuple[str, ...],
    arms: Sequence[Arm],
    rows: Sequence[Sequence[ArmRun | None]],
    height: float,
    *,
    sharey: bool,
) -> _Grid:
    figure = figure_of(max(WIDTH_IN, 2.5 * len(arms)), height * len(simulators) + 1.0)
    axes = figure.subplots(len(simulators), len(arms), squeeze=False, sharex=True, sharey=sharey)
    for name, row in zip(simulators, axes, strict=True):
        row_label(row[-1], name, looks(simulators)[name][0])
    return _Grid(figure, axes.tolist(), rows, simulators, arms)


def _headings(
    study: LesionStudy, grid: _Grid, what: str, mode: str | None, pad: float = 4.0
) -> None:
    for ax, arm in zip(grid.axes[0], grid.arms, strict=True):
        ax.set_title(shorten(arm.label, 44, placeholder="…"), pad=pad, loc="left")
    for ax in grid.axes[-1]:
        ax.set_xlabel("time (ms)")
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    e = study.experiment
    title = f"{e.name} {e.variant}, {mode_of(study, mode)}, seed {study.seeds[0]}: {what}"
    grid.figure.suptitle(title, fontsize=8.5, x=0.01, ha="left", color=style.MUTED)


def _not_there(ax: Axes, why: str) -> None:
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=style.MUTED)


def _rate(ax: Axes, study: LesionStudy, found: ArmRun, population: str) -> None:
    """The rate of the population, above the panel."""
    reading = study.readings[study.runs.index(found)].get(Measure(population, "rate"))
    if reading is None or math.isnan(reading.value):
        return
    ax.annotate(
        f"{reading.value:.3g} Hz", (1.0, 1.0), (0, 1), xycoords="axes fraction",
        textcoords="offset points", ha="right", va="bottom", color=style.MUTED, fontsize=7,
    )  # fmt: skip


def _original(found: ArmRun, population: str, cells: Cells) -> Cells:
    """Cells of a recording as numbered in the intact population."""
    kept = found.kept.get(population)
    return cells if kept is None else kept[cells]


def _column(found: ArmRun, population: str, cells: Cells, cell: int) -> int | None:
    at = np.flatnonzero(_original(found, population, cells) == cell)
    return int(at[0]) if at.size else None


def _cell_shown(study: LesionStudy, runs: Sequence[ArmRun]) -> tuple[str, str, int] | None:
    """Population, variable and cell of the potential to draw: the busiest cell that most arms have."""
    if not runs:
        return None
    keys = [
        key
        for key, trace in runs[0].run.recording.traces.items()
        if trace.unit == "mV" and key[1].split("_")[0] in ("v", "V", "vm", "Vm")
    ]
    if not keys:
        return None
    crossing = {n for n, cell in study.experiment.cells.items() if cell.on_crossing}
    population, variable = min(
        keys, key=lambda k: (k[0] != study.experiment.output, k[0] not in crossing)
    )
    first = runs[0].run.recording
    cells = _original(runs[0], population, first.traces[population, variable].cells)
    spikes = _original(runs[0], population, first.spikes[population].cells)

    def worth(cell: int) -> tuple[int, int]:
        there = 0
        for found in runs:
            trace = found.run.recording.traces.get((population, variable))
            there += trace is not None and _column(found, population, trace.cells, cell) is not None
        return there, int(np.count_nonzero(spikes == cell))

    return population, variable, int(max((int(c) for c in cells), key=worth))


def _window(study: LesionStudy, population: str, grid: _Grid) -> tuple[float, float]:
    """The end of the run, with about ten intervals of the fastest arm in it."""
    stop = study.experiment.duration_ms
    rates = [
        reading.value
        for found, readings in zip(study.runs, study.readings, strict=True)
        if found.arm in grid.arms and (reading := readings.get(Measure(population, "rate")))
    ]
    fastest = max((r for r in rates if not math.isnan(r)), default=0.0)
    wanted = _INTERVALS * 1e3 / fastest if fastest else _LONGEST_MS
    lasting = min(max(wanted, _SHORTEST_MS), _LONGEST_MS, stop)
    return stop - lasting, stop


def _picked(size: int) -> Cells:
    """The cells of a population that a raster shows: all, or 60 at even distances."""
    return np.unique(np.linspace(0, size - 1, min(size, _MOST_CELLS)).round().astype(np.int64))


def _draw_raster(
    ax: Axes, study: LesionStudy, found: ArmRun, picked: dict[str, Cells], colour: str
) -> None:
    offset = 0
    recording = found.run.recording
    rows_shown = sum(cells.size for cells in picked.values())
    figure_pt = 72 * ax.get_position().height * ax.get_figure(root=True).get_size_inches()[1]  # type: ignore[union-attr]
    size = min(max(0.8 * figure_pt / rows_shown, 1.8), 7.0)
    for name, cells in picked.items():
        if offset:
            ax.axhline(offset - 0.5, color=style.RULE, linewidth=0.6)
        x, rows = _marks(found, recording, name, cells)
        ax.plot(
            x, rows + offset, "|", color=colour, markersize=size, markeredgewidth=0.6,
            rasterized=x.size > _MOST_MARKS,
        )  # fmt: skip
        for row in np.flatnonzero(_lost(found, recording, name, cells)):
            ax.axhspan(offset + row - 0.5, offset + row + 0.5, color=_LOST, linewidth=0)
        offset += cells.size
    if study.start_ms > 0.0:
        ax.axvspan(0, study.start_ms, facecolor="none", edgecolor=_LOST, hatch="////", linewidth=0)


def _marks(found: ArmRun, recording: Recording, name: str, cells: Cells) -> tuple[Floats, Cells]:
    if name not in recording.spikes:
        return np.empty(0), np.empty(0, np.int64)
    spikes = recording.spikes[name]
    owner = _original(found, name, spikes.cells)
    row = np.minimum(np.searchsorted(cells, owner), cells.size - 1)
    shown = cells[row] == owner
    return spikes.times[shown], row[shown]


def _lost(found: ArmRun, recording: Recording, name: str, cells: Cells) -> NDArray[np.bool_]:
    if name not in recording.spikes:
        return np.ones(cells.size, dtype=bool)
    kept = found.kept.get(name)
    return np.zeros(cells.size, dtype=bool) if kept is None else ~np.isin(cells, kept)


def _label_rows(ax: Axes, picked: dict[str, Cells]) -> None:
    middles, edge = [], 0
    for cells in picked.values():
        middles.append(edge + (cells.size - 1) / 2)
        edge += cells.size
    ax.set_yticks(middles, list(picked))
