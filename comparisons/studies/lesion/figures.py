"""Healthy and lesioned side by side: membrane potentials and spikes, one row a simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ....core.experiment import Experiment
from ....core.expressions import names as names_in
from ....core.recording import Recording
from ...measuring.ordering import Floats
from ...measuring.readings import Measure
from ...measuring.readouts import populations_of
from ...measuring.wording import titled
from ...showing import style
from ...showing.charts import WIDTH_IN, figure_of, headline, looks_of, message, row_label, styled
from ...showing.layout import fitted
from ...showing.shown import thin
from .arms import Arm
from .look import arms_shown, mode_of
from .study import ArmRun, LesionStudy

_COLUMNS = 1500
_INTERVALS = 10
_LONGEST_MS = 500.0
_SHORTEST_MS = 50.0
_MOST_CELLS = 40
_MOST_MARKS = 3000
_LOST = style.LOST
_ARM_IN = 2.5
# Heights in a raster: of a cell, and the least of a population, which has to hold its name.
_CELL_IN, _NAME_IN = 0.035, 0.16

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

    The cell is one that was recorded in every arm: of cells with action potentials whose membrane a lesion
    changes, else of the output, else of the first population with a potential. Of several potentials it is
    the one in which spikes are tested.
    """
    shown = _runs_shown(study, mode, severity, names)
    chosen = _cell_shown(study, [r for row in shown[2] for r in row if r is not None])
    if chosen is None:
        return message("No membrane potential was recorded, so there is none to draw.")
    population, variable, cell = chosen
    with styled():
        grid = _grid(study, *shown, 1.15, sharey=True)
        span = _window(study, population, grid)
        look = looks_of(grid.simulators)
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
                ax.plot(x, y, color=look[name].colour, linewidth=0.9)
                _rate(ax, study, found, population)
            axes[0].set_ylabel(fitted(style.with_unit(variable, "mV"), 72 * 1.1, 8.0))
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
    """The spikes of all populations in every arm, one row a simulator; lost cells are grey.

    Of a population of more than 40 cells, 40 at even distances are drawn.
    """
    shown = _runs_shown(study, mode, severity, names)
    if not shown[0]:
        return message("No run ended well, so there are no spikes to draw.")
    populations = populations_of(study.experiment)
    bands = _bands(study.experiment, populations, len(shown[0]))
    with styled():
        height = max(bands[-1].bottom, 0.7)
        grid = _grid(study, *shown, height, sharey=True)
        look = looks_of(grid.simulators)
        for axes, runs, name in zip(grid.axes, grid.rows, grid.simulators, strict=True):
            for ax, found in zip(axes, runs, strict=True):
                ax.tick_params(axis="y", length=0)
                if found is None:
                    _not_there(ax, "no run")
                    continue
                _draw_raster(ax, study, found, bands, height / bands[-1].bottom, look[name].colour)
            _label_rows(axes[0], bands)
        grid.axes[0][0].set_xlim(0.0, study.experiment.duration_ms)
        grid.axes[0][0].set_ylim(bands[-1].bottom, 0.0)
        said = ["spikes"]
        if any(band.cells.size < band.size for band in bands):
            said.append(f"at most {_MOST_CELLS} cells of a population, at even distances")
        if any(found is not None and found.kept for row in grid.rows for found in row):
            said.append("grey rows: lost cells")
        if study.start_ms > 0.0:
            said.append("the hatched time is not measured")
        _headings(study, grid, "; ".join(said), mode)
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
    figure = figure_of(max(WIDTH_IN, _ARM_IN * len(arms)), height * len(simulators) + 1.0)
    axes = figure.subplots(len(simulators), len(arms), squeeze=False, sharex=True, sharey=sharey)
    for name, row in zip(simulators, axes, strict=True):
        row_label(row[-1], name, looks_of(simulators)[name].colour)
    return _Grid(figure, axes.tolist(), rows, simulators, arms)


def _headings(
    study: LesionStudy, grid: _Grid, what: str, mode: str | None, pad: float = 4.0
) -> None:
    # What the labels of the rows and the space between panels leave of a column.
    room = 72 * (grid.figure.get_size_inches()[0] - 1.1) / len(grid.arms) - 10
    for ax, arm in zip(grid.axes[0], grid.arms, strict=True):
        ax.set_title(fitted(arm.label, room, 8.5, "bold", lines=3), pad=pad, loc="left")
    for ax in grid.axes[-1]:
        ax.set_xlabel("time (ms)")
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    e = study.experiment
    headline(grid.figure, f"{titled(e)}, {mode_of(study, mode)}, seed {study.seeds[0]}: {what}")


def _not_there(ax: Axes, why: str) -> None:
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=style.MUTED)


def _rate(ax: Axes, study: LesionStudy, found: ArmRun, population: str) -> None:
    """The rate of the population, above the panel."""
    reading = study.readings[study.runs.index(found)].get(Measure(population, "rate"))
    if reading is None or math.isnan(reading.value):
        return
    ax.annotate(
        f"{population} {reading.value:.3g} Hz",
        (1.0, 1.0),
        (0, 1),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=style.MUTED,
        fontsize=7,
    )


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
    models = study.experiment.cells
    tested = {
        (name, variable)
        for name, cell in models.items()
        for variable in (names_in(cell.threshold) if cell.threshold is not None else ())
    }
    in_mv = [key for key, trace in runs[0].run.recording.traces.items() if trace.unit == "mV"]
    potentials = {
        (name, v.name)
        for name, cell in models.items()
        for v in cell.states
        if v.owner.own in ("v", "V", "vm", "Vm")
    }
    keys = [key for key in in_mv if key in tested | potentials] or in_mv
    if not keys:
        return None
    crossing = {n for n, cell in models.items() if cell.on_crossing}
    changed = crossing & {
        perturbation.path.split(".")[0]
        for arm in study.arms
        if arm.lesion is not None
        for perturbation in arm.lesion.perturbations
        if perturbation.operation not in ("remove", "silence")
    }
    population, variable = min(
        keys,
        key=lambda k: (
            k[0] not in changed,
            k[0] != study.experiment.output,
            k[0] not in crossing,
            k not in tested,
        ),
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


@dataclass(frozen=True, eq=False)
class _Band:
    """A population in a raster: its size, the cells shown, the top and the height of a cell [in]."""

    name: str
    size: int
    cells: Cells
    top: float
    step: float

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.cells.size * self.step

    def middle(self, rows: Cells) -> NDArray[np.floating[Any]]:
        """The middles of rows."""
        return self.top + (rows + 0.5) * self.step


def _bands(experiment: Experiment, populations: Sequence[str], n_rows: int) -> list[_Band]:
    """The populations one below the other, lower where several simulators share a page."""
    sizes = {name: experiment.population(name).size for name in populations}
    picked = {name: _picked(size) for name, size in sizes.items()}
    wanted = _CELL_IN * sum(cells.size for cells in picked.values())
    cell = _CELL_IN * min(1.0, max(2.6, 8.0 / n_rows) / wanted)
    found: list[_Band] = []
    for name, cells in picked.items():
        top = found[-1].bottom if found else 0.0
        found.append(_Band(name, sizes[name], cells, top, max(cell, _NAME_IN / cells.size)))
    return found


def _picked(size: int) -> Cells:
    """The cells of a population that a raster shows: all, or 40 at even distances."""
    return np.unique(np.linspace(0, size - 1, min(size, _MOST_CELLS)).round().astype(np.int64))


def _draw_raster(
    ax: Axes, study: LesionStudy, found: ArmRun, bands: Sequence[_Band], scale: float, colour: str
) -> None:
    recording = found.run.recording
    for band in bands:
        if band.top:
            ax.axhline(band.top, color=style.RULE, linewidth=0.6)
        x, rows = _marks(found, recording, band.name, band.cells)
        ax.plot(
            x,
            band.middle(rows),
            "|",
            color=colour,
            markeredgewidth=0.9,
            markersize=min(max(72 * scale * band.step, 3.0), 9.0),
            rasterized=x.size > _MOST_MARKS,
        )
        for middle in band.middle(np.flatnonzero(_lost(found, recording, band.name, band.cells))):
            edges = middle - band.step / 2, middle + band.step / 2
            ax.axhspan(*edges, color=_LOST, linewidth=0, zorder=0)
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


def _label_rows(ax: Axes, bands: Sequence[_Band]) -> None:
    """The names of the populations with their sizes, and how many cells are shown where not all are."""
    said = [
        f"{b.name} ({b.size})"
        if b.cells.size == b.size
        else f"{b.name}\n{b.cells.size} of {b.size:,}"
        for b in bands
    ]
    ax.set_yticks([(b.top + b.bottom) / 2 for b in bands], said)
