"""A tornado of parameters: a bar for every simulator, the simulators' disagreement behind them in grey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ...measuring.readings import Measure
from ...showing import style
from ...showing.charts import WIDTH_IN, Look, chart, looks, message
from ...showing.layout import fitted
from .study import Influence, Sensitivity

MOST = 20
"""Parameters of a figure; the table has all."""
_LABEL = 0.27
"""The part of the width that the name of a parameter may take."""
_BAR_IN, _GAP_IN = 0.085, 0.09


def tornado(study: Sensitivity, measure: Measure, width: float = WIDTH_IN) -> Figure:
    """The relative change of a read-out by the parameters that change it most, the largest on top.

    *width* is that of a desk or of a phone, in inches.
    """
    shown = [i for i in study.of(measure) if i.size > 0][:MOST]
    if not shown:
        return message(f"{measure.label}: no parameter changes it, or it has no value.")
    simulators = study.simulators
    look = looks((name, name) for name in simulators)
    handles = _handles(study, look, math.isfinite(shown[0].disagreement))
    columns = 4 if width == WIDTH_IN else 1
    room = 0.6 + 0.17 * -(-len(handles) // columns)
    height = room + len(shown) * (len(simulators) * _BAR_IN + _GAP_IN)
    with chart(width, height) as figure:
        ax = figure.subplots()
        apart = shown[0].disagreement
        if math.isfinite(apart):
            ax.axvspan(-100 * apart, 100 * apart, color=style.RULE, alpha=0.7, zorder=0)
        ax.axvline(0, color=style.MUTED, linewidth=0.8, zorder=1)
        step = 1.0 / (len(simulators) + 1)
        for row, influence in enumerate(shown):
            for k, name in enumerate(simulators):
                y = row + (k - (len(simulators) - 1) / 2) * step
                _bar(ax, y, influence, name, look[name].colour, step)
        ax.set_yticks(
            range(len(shown)), [fitted(i.parameter, _LABEL * 72 * width, 7.5) for i in shown]
        )
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(9 if columns > 1 else 5))
        ax.xaxis.set_major_formatter(FuncFormatter(_signed))
        ax.use_sticky_edges = False
        ax.margins(x=0.04)
        ax.set_xlabel(f"change of {measure.label} (%)")
        ax.grid(True, axis="x", color=style.RULE, linewidth=0.5)
        ax.set_axisbelow(True)
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=columns,
            columnspacing=1.4,
            handlelength=1.6,
        )
    return figure


def _signed(value: float, _: object) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _bar(ax: Axes, y: float, influence: Influence, name: str, colour: str, step: float) -> None:
    """From the change by a smaller parameter (open end) to that by a larger one (filled end)."""
    ends = [100 * side[name] for side in (influence.smaller, influence.larger)]
    if not all(map(math.isfinite, ends)):
        return
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    ax.barh(y, high - low, 0.5 * step, low, color=colour, alpha=0.45, zorder=2, linewidth=0)
    how: dict[str, Any] = {"color": colour, "markeredgewidth": 0.9, "markersize": 4.2, "zorder": 3}
    ax.plot(ends[:1], [y], "o", markerfacecolor=style.PAPER, **how)
    ax.plot(ends[1:], [y], "o", **how)


def _handles(study: Sensitivity, look: Mapping[str, Look], band: bool) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(facecolor=look[name].colour, alpha=0.7, label=name) for name in study.simulators
    ]
    percent = f"{study.percent:g} %"
    for fill, word in ((style.PAPER, "smaller"), (style.INK, "larger")):
        handles.append(
            Line2D(
                [],
                [],
                color=style.INK,
                marker="o",
                linestyle="",
                markersize=4.2,
                markerfacecolor=fill,
                label=f"parameter {percent} {word}",
            )
        )
    if band:
        handles.append(Patch(facecolor=style.RULE, label="simulators apart on the model as it is"))
    return handles
