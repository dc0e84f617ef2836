"""Effects as a forest plot, and read-outs over the severity of a lesion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ...measuring.readings import Measure
from ...measuring.wording import titled
from ...showing import style
from ...showing.charts import WIDTH_IN, figure_of, headline, legend, looks_of, message, styled
from ...showing.layout import fitted
from .effects import Effect
from .look import mode_of
from .study import LesionStudy
from .tables import unchanged
from .words import below, short

_ROW_IN = 0.36
_BAND = "#dfe3e8"
_WIDE = 2.0
_LINEAR = 0.1
_ACROSS = 3
_MOST_WITHOUT = 6
_LINE = 0.5
_TEXT_PT = 7.5
_INTERVAL = "interval"
_CUT = "cut"


def effects_figure(
    study: LesionStudy,
    mode: str | None = None,
    severity: float | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """The relative effect on every read-out: one row each, a marker a simulator, with 95 % intervals.

    The grey band is what the ratio is held against, the simulators' disagreement or the grain where that
    is more, over the healthy value too. One panel a lesion; rows without an effect come last, many of them
    as a line of text.
    """
    mode = mode_of(study, mode)
    lesions = study.lesions if names is None else tuple(names)
    effects = {name: study.at(mode, name, severity) for name in lesions}
    simulators = study.simulators(mode)
    if not simulators or not any(effects.values()):
        return message("No run ended well, so there is no effect to draw.")
    rows = {name: _ordered(found) for name, found in effects.items()}
    heights = [len(r) + _LINE * len(_folded(effects[n], r)) for n, r in rows.items()]
    with styled():
        figure = figure_of(WIDTH_IN, _ROW_IN * sum(heights) + 0.75 * len(lesions) + 0.6)
        axes = figure.subplots(len(lesions), 1, squeeze=False, sharex=True, height_ratios=heights)[
            :, 0
        ].tolist()
        wide = _draw_all(axes, rows, simulators)
        for ax, (name, shown) in zip(axes, rows.items(), strict=True):
            _fold(ax, len(shown), _folded(effects[name], shown))
        several = ", lines: 95 % interval over seeds" if len(study.seeds) > 1 else ""
        axes[-1].set_xlabel(
            f"effect over the healthy value (%){several}"
            + ("\nlinear within ±10 %, logarithmic beyond" if wide else "")
        )
        e = study.experiment
        drawn = [e for shown in rows.values() for e in shown if not math.isnan(e.disagreement)]
        band = "; grey band: disagreement of the simulators" if drawn else ""
        if any(e.grain > e.disagreement for e in drawn):
            band += ", at least one spike or step of time"
        headline(figure, f"{titled(e)}, {mode}: effects{band}")
        legend(figure, simulators)
    return figure


def _is_none(e: Effect) -> bool:
    return e.verdict == "none" and not e.hidden


def _ordered(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects that get a row: those without a value after the others, then those that are none if few."""
    there = sorted((e for e in effects if not _is_none(e)), key=lambda e: e.verdict == "undefined")
    without = [e for e in effects if _is_none(e)]
    return (*there, *without) if len(without) <= _MOST_WITHOUT else tuple(there)


def _folded(effects: Sequence[Effect], shown: Sequence[Effect]) -> list[str]:
    """The lines of text that name the effects without a row: no effect: granule rate, CV; …"""
    left = [e.measure for e in effects if e not in shown]
    if not left:
        return []
    names = [
        f"{name} {', '.join(m.quantity for m in own)}"
        for name, own in groupby(left, key=attrgetter("population"))
    ]
    text = f"no effect: {'; '.join(names)}"
    return fitted(text, 72 * WIDTH_IN - 160, _TEXT_PT, lines=10).split("\n")


def _fold(ax: Axes, row: int, lines: Sequence[str]) -> None:
    """The lines of text below the rows of a panel."""
    ax.set_ylim(row + _LINE * len(lines) - 0.5, -0.5)
    ax.annotate(
        "\n".join(lines),
        (0.0, row - 0.5),
        (0, -4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        color=style.MUTED,
        fontsize=_TEXT_PT,
        annotation_clip=False,
    )


def _draw_all(
    axes: Sequence[Axes], effects: dict[str, tuple[Effect, ...]], simulators: Sequence[str]
) -> bool:
    """Draw every panel; returns whether the axis is logarithmic beyond 10 %."""
    largest = 0.0
    for ax, (name, found) in zip(axes, effects.items(), strict=True):
        ax.plot([0.0, 0.0], [-0.5, len(found) - 0.5], color=style.MUTED, linewidth=0.8)
        for row, e in enumerate(found):
            largest = max(largest, _draw_effect(ax, row, e, simulators))
        severity = found[0].severity if found else 1.0
        at = f" at {severity:g}" if severity < 1.0 else ""
        ax.set_title(fitted(name + at, 72 * WIDTH_IN - 140, 8.5, "bold"), loc="left")
        ax.set_yticks(range(len(found)), [e.measure.label for e in found])
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
    if e.verdict not in ("undefined", "none", "alone") and not math.isnan(e.ratio):
        times = "simulators agree" if e.agree else f"{below(e.ratio)}×"
        verdict += f", {times}"
    ax.annotate(
        verdict,
        (1.0, row),
        (6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
        color=style.INK,
    )
    told = [s for s in e.simulators if not math.isnan(s.relative)]
    if not told:
        why = "not defined" if e.verdict == "undefined" else "the healthy value is 0"
        ax.annotate(
            why,
            (0.5, row),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=style.MUTED,
            fontsize=7,
        )
        return 0.0
    largest = 0.0
    if not math.isnan(e.disagreement):
        band = 100 * max(e.disagreement, e.grain) / abs(e.healthy)
        ax.barh(row, 2 * band, left=-band, height=0.94, color=_BAND, linewidth=0, zorder=0)
        largest = band
    step = 0.72 / max(len(simulators), 1)
    for s in told:
        place = simulators.index(s.simulator) - (len(simulators) - 1) / 2
        look = looks_of(simulators)[s.simulator]
        y, scale = row + place * step, 100 / abs(s.healthy)
        if s.has_interval:
            ax.plot(
                [scale * s.low, scale * s.high],
                [y, y],
                color=look.colour,
                linewidth=1.2,
                solid_capstyle="butt",
                gid=_INTERVAL,
            )
        ax.plot(
            scale * s.effect,
            y,
            look.marker,
            color=look.colour,
            markersize=4.6,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
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
        m
        for m in study.measures
        if m not in still and np.isfinite(_of(table, m)["response"].to_numpy(dtype=float)).any()
    ]
    if not measures:
        return message("No read-out changes, so there is no response to draw.")
    across = 2 if len(measures) == 4 else min(_ACROSS, len(measures))
    down = math.ceil(len(measures) / across)
    with styled():
        figure = figure_of(max(WIDTH_IN * across / _ACROSS, 4.6), 1.9 * down + 0.75)
        axes = figure.subplots(down, across, squeeze=False)
        cut = False
        for ax, m in zip(axes.flat, measures, strict=False):
            cut |= _draw_doses(ax, _of(table, m), simulators)
            ax.set_title(m.label, loc="left")
            ax.set_ylabel(style.with_unit(m.quantity, m.unit))
            ax.set_xlabel("severity of the lesion")
        free = axes.flat[len(measures) :]
        for ax in free:
            ax.set_axis_off()
        bars = "; bars: 95 % interval of the change" if len(study.seeds) > 1 else ""
        if cut:
            bars += ", with an arrow where it goes on"
        e = study.experiment
        headline(figure, f"{titled(e)}, {mode}: {name}{bars}")
        legend(figure, simulators, free[0] if len(free) else None)
    return figure


def _of(table: pandas.DataFrame, m: Measure) -> pandas.DataFrame:
    """The rows of one read-out."""
    return table[(table["population"] == m.population) & (table["quantity"] == m.quantity)]


def _draw_doses(ax: Axes, table: pandas.DataFrame, simulators: Sequence[str]) -> bool:
    """One read-out over the severity; returns whether an interval is cut at the frame."""
    shift = 0.02
    bars: list[tuple[Any, str]] = []
    for name, own in table.groupby("simulator", sort=False):
        place = simulators.index(name) - (len(simulators) - 1) / 2
        look = looks_of(simulators)[name]
        # Beside each other, so that simulators that agree can all be seen.
        x = own["severity"].to_numpy(dtype=float) + shift * place
        y, low, high = (own[c].to_numpy(dtype=float) for c in ("response", "low", "high"))
        ax.plot(
            x,
            y,
            color=look.colour,
            linewidth=1.0,
            marker=look.marker,
            markersize=4.2,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
        ax.vlines(x, low, high, color=look.colour, linewidth=1.2)
        bars.append((np.column_stack([x, low, high]), look.colour))
    doses = sorted(set(table["severity"]))
    if len(doses) <= 6:
        ax.set_xticks(doses, [f"{dose:g}" for dose in doses])
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    # By the responses: an interval of few seeds is cut at the frame rather than flattening them.
    values = table["response"].to_numpy(dtype=float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = max(0.6 * (high - low), 0.1 * max(abs(low), abs(high)), 1e-12)
    bottom, top = low - room, high + room
    ax.set_ylim(bottom, top)
    cut = False
    for of_one, colour in bars:
        x, low, high = of_one.T
        for beyond, edge, marker in ((low < bottom, bottom, "v"), (high > top, top, "^")):
            if not beyond.any():
                continue
            cut = True
            ax.plot(
                x[beyond],
                np.full(int(beyond.sum()), edge),
                marker,
                color=colour,
                markersize=4.5,
                clip_on=False,
                mew=0,
                gid=_CUT,
                zorder=3,
            )
    return cut
