"""Effects as a forest plot, and read-outs over the severity of a lesion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import shorten

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..report import style
from .effects import Effect
from .look import WIDTH_IN, empty, figure_of, legend, looks, mode_of, styled
from .measures import Measure
from .study import LesionStudy
from .tables import unchanged
from .words import below, short

_ROW_IN = 0.36
_BAND = "#dfe3e8"
_WIDE = 2.0
_LINEAR = 0.1
_ACROSS = 3
_INTERVAL = "interval"


def effects_figure(
    study: LesionStudy,
    mode: str | None = None,
    severity: float | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """The relative effect on every read-out: one row each, a marker a simulator, with 95 % intervals.

    The grey band is the simulators' disagreement, over the healthy value too. One panel a lesion.
    """
    mode = mode_of(study, mode)
    lesions = study.lesions if names is None else tuple(names)
    effects = {name: study.at(mode, name, severity) for name in lesions}
    simulators = study.simulators(mode)
    if not simulators or not any(effects.values()):
        return empty("No run ended well, so there is no effect to draw.")
    n = len(study.measures)
    with styled():
        figure = figure_of(WIDTH_IN, (_ROW_IN * n + 0.75) * len(lesions) + 0.6)
        axes = figure.subplots(len(lesions), 1, squeeze=False, sharex=True)[:, 0].tolist()
        wide = _draw_all(axes, effects, simulators)
        several = ", lines: 95 % interval over seeds" if len(study.seeds) > 1 else ""
        axes[-1].set_xlabel(
            f"effect over the healthy value (%){several}"
            + ("\nlinear within ±10 %, logarithmic beyond" if wide else "")
        )
        e = study.experiment
        figure.suptitle(
            f"{e.name} {e.variant}, {mode}: effects; grey band: disagreement of the simulators",
            fontsize=8.5, x=0.01, ha="left", color=style.MUTED,
        )  # fmt: skip
        legend(figure, simulators)
    return figure


def _draw_all(
    axes: Sequence[Axes], effects: dict[str, tuple[Effect, ...]], simulators: Sequence[str]
) -> bool:
    """Draw every panel; returns whether the axis is logarithmic beyond 10 %."""
    largest = 0.0
    for ax, (name, found) in zip(axes, effects.items(), strict=True):
        ax.axvline(0.0, color=style.MUTED, linewidth=0.8)
        for row, e in enumerate(found):
            largest = max(largest, _draw_effect(ax, row, e, simulators))
        severity = found[0].severity if found else 1.0
        at = f" at {severity:g}" if severity < 1.0 else ""
        ax.set_title(shorten(name, 70, placeholder="…") + at, loc="left")
        ax.set_yticks(range(len(found)), [e.measure.label for e in found])
        ax.set_ylim(len(found) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        for row in range(1, len(found)):
            ax.axhline(row - 0.5, color=_BAND, linewidth=0.6)
    wide = largest > 100 * _WIDE
    for ax in axes:
        if wide:
            ax.set_xscale("symlog", linthresh=100 * _LINEAR)
            ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}".replace("-", "−"))
        limit = max((2.5 if wide else 1.3) * largest, 0.1)
        ax.set_xlim(-limit, limit)
        for line in ax.get_lines():
            if line.get_gid() == _INTERVAL:
                _arrows(ax, line, limit)
    return wide


def _arrows(ax: Axes, line: Line2D, limit: float) -> None:
    """Arrows at the edge for an interval that goes on beyond it."""
    (low, high), y = np.asarray(line.get_xdata(), dtype=float), line.get_ydata()[0]  # type: ignore[index]
    for beyond, at, marker in ((low < -limit, -limit, "<"), (high > limit, limit, ">")):
        if beyond:
            ax.plot(at, y, marker, color=line.get_color(), markersize=4, clip_on=False, mew=0)


def _draw_effect(ax: Axes, row: int, e: Effect, simulators: Sequence[str]) -> float:
    """One row: band, markers, intervals, verdict; returns the largest percentage drawn."""
    verdict = short(e)
    if e.verdict not in ("undefined", "none", "alone"):
        times = "simulators agree" if e.agree else f"{below(e.ratio)}×"
        verdict += f", {times}"
    ax.annotate(
        verdict, (1.0, row), (6, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", va="center", fontsize=7.5, color=style.INK,
    )  # fmt: skip
    told = [s for s in e.simulators if not math.isnan(s.relative)]
    if not told:
        why = "not defined" if e.verdict == "undefined" else "the healthy value is 0"
        ax.annotate(
            why, (0.5, row), (6, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", color=style.MUTED, fontsize=7,
        )  # fmt: skip
        return 0.0
    largest = 0.0
    if not math.isnan(e.disagreement):
        band = 100 * e.disagreement / abs(e.healthy)
        ax.barh(row, 2 * band, left=-band, height=0.94, color=_BAND, linewidth=0, zorder=0)
        largest = band
    step = 0.72 / max(len(simulators), 1)
    for s in told:
        place = simulators.index(s.simulator) - (len(simulators) - 1) / 2
        colour, marker = looks(simulators)[s.simulator]
        y, scale = row + place * step, 100 / abs(s.healthy)
        if s.has_interval:
            ax.plot(
                [scale * s.low, scale * s.high], [y, y], color=colour, linewidth=1.2,
                solid_capstyle="butt", gid=_INTERVAL,
            )  # fmt: skip
        ax.plot(
            scale * s.effect, y, marker, color=colour, markersize=4.6, markeredgecolor="white",
            markeredgewidth=0.4,
        )  # fmt: skip
        largest = max(largest, abs(scale * s.effect))
    return largest


def dose_figure(study: LesionStudy, mode: str | None = None, name: str | None = None) -> Figure:
    """The read-outs that change over the severity of a lesion, the first by default; one line a simulator.

    Bars are the 95 % interval of the change against the healthy value, with the same seeds.
    """
    mode = mode_of(study, mode)
    name = study.lesions[0] if name is None else name
    table = study.dose_response
    table = table[(table["mode"] == mode) & (table["arm"] == name)]
    simulators = study.simulators(mode)
    still = unchanged(study, mode, name)
    measures = [
        m for m in study.measures
        if m not in still and np.isfinite(_of(table, m)["response"].to_numpy(dtype=float)).any()
    ]  # fmt: skip
    if not measures:
        return empty("No read-out changes, so there is no response to draw.")
    across = min(_ACROSS, len(measures))
    down = math.ceil(len(measures) / across)
    with styled():
        figure = figure_of(max(WIDTH_IN * across / _ACROSS, 4.6), 1.75 * down + 0.9)
        axes = figure.subplots(down, across, squeeze=False)
        for k, ax in enumerate(axes.flat):
            if k >= len(measures):
                ax.set_axis_off()
                continue
            _draw_doses(ax, _of(table, measures[k]), simulators)
            ax.set_title(measures[k].label, loc="left")
            ax.set_ylabel(measures[k].unit or "1")
            if k + across >= len(measures):
                ax.set_xlabel("severity of the lesion")
        bars = "; bars: 95 % interval of the change" if len(study.seeds) > 1 else ""
        figure.suptitle(
            f"{study.experiment.name} {study.experiment.variant}, {mode}: {name}{bars}",
            fontsize=8.5, x=0.01, ha="left", color=style.MUTED,
        )  # fmt: skip
        legend(figure, simulators)
    return figure


def _of(table: pandas.DataFrame, m: Measure) -> pandas.DataFrame:
    """The rows of one read-out."""
    return table[(table["population"] == m.population) & (table["quantity"] == m.quantity)]


def _draw_doses(ax: Axes, table: pandas.DataFrame, simulators: Sequence[str]) -> None:
    shift = 0.02
    for name, own in table.groupby("simulator", sort=False):
        place = simulators.index(name) - (len(simulators) - 1) / 2
        colour, marker = looks(simulators)[name]
        # Beside each other, so that simulators that agree can all be seen.
        x = own["severity"].to_numpy(dtype=float) + shift * place
        y, low, high = (own[c].to_numpy(dtype=float) for c in ("response", "low", "high"))
        ax.plot(x, y, color=colour, linewidth=1.0, marker=marker, markersize=4.2,
                markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
        ax.vlines(x, low, high, color=colour, linewidth=1.2)
    doses = sorted(set(table["severity"]))
    if len(doses) <= 6:
        ax.set_xticks(doses, [f"{dose:g}" for dose in doses])
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    # By the responses: an interval of few seeds is cut at the frame rather than flattening them.
    values = table["response"].to_numpy(dtype=float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = max(0.6 * (high - low), 0.1 * max(abs(low), abs(high)), 1e-12)
    ax.set_ylim(low - room, high + room)
