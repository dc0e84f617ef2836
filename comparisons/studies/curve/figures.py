"""The figure of a curve: rates above, what they differ by below, onset and block marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measuring.wording import titled
from ...showing import style
from ...showing.charts import WIDTH_IN, figure_of, headline, looks_of, message, styled
from .study import Curve
from .words import between


def curve_figure(curve: Curve) -> Figure:
    """The f-I curves of all simulators over the yardstick's, and their differences to it."""
    if not curve.rates:
        return message("No simulator has a curve.")
    truth = curve.yardstick
    others = [name for name in curve.simulators if name != truth]
    with styled():
        figure = figure_of(WIDTH_IN, 5.0 if others else 3.6)
        grid = figure.subplots(
            2 if others else 1,
            1,
            sharex=True,
            squeeze=False,
            height_ratios=(3, 1.3) if others else (1,),
        )
        top: Axes = grid[0, 0]
        top.plot(
            curve.currents,
            curve.rates[truth],
            color=style.HALO,
            linewidth=5,
            alpha=0.6,
            solid_capstyle="round",
            label=truth,
            zorder=1,
        )
        look = looks_of(others)
        for name in others:
            how: dict[str, Any] = {
                "color": look[name].colour,
                "marker": look[name].marker,
                "markerfacecolor": "none",
                "markersize": 4.5,
                "linewidth": 0.8,
                "markeredgewidth": 0.9,
            }
            top.plot(curve.currents, curve.rates[name], label=name, zorder=2, **how)
            both = (curve.rates[name] > 0) & (curve.rates[truth] > 0)
            difference = np.where(both, curve.rates[name] - curve.rates[truth], np.nan)
            grid[1, 0].plot(curve.currents, difference, **how)
        top.set_ylabel("rate (Hz)")
        top.set_ylim(bottom=0)
        _mark(top, curve)
        top.legend(loc="best")
        if others:
            grid[1, 0].axhline(0, color=style.HALO, linewidth=3, alpha=0.6, zorder=0)
            grid[1, 0].set_ylabel(f"rate − {truth}'s (Hz)")
        grid[-1, 0].set_xlabel(f"current ({curve.unit})")
        grid[-1, 0].set_xlim(curve.currents[0], curve.currents[-1])
        e = curve.experiment
        headline(
            figure,
            f"{titled(e)}: rate of the intervals that end between {curve.start_ms:g} and "
            f"{e.duration_ms:g} ms; {curve.mode}, dt {e.dt}",
        )
    return figure


def _mark(ax: Axes, curve: Curve) -> None:
    """The yardstick's onset and block as lines with words."""
    for name, edge, side in (
        ("onset", curve.onset(curve.yardstick), "left"),
        ("block", curve.block(curve.yardstick), "right"),
    ):
        if edge is None or edge.silent is None:
            continue
        at = 0.5 * (edge.silent + edge.firing)
        ax.axvline(at, color=style.MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        # Into the silent side, where no curve is; onto the other where that has no room.
        span = curve.currents[-1] - curve.currents[0]
        room = at - curve.currents[0] if name == "onset" else curve.currents[-1] - at
        inside = room > 0.3 * span
        align = ("right" if side == "left" else "left") if inside else side
        ax.annotate(
            f"{name} {between(edge, curve.unit)}",
            (at, 0.97),
            (4 if align == "left" else -4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=align,
            va="top",
            color=style.MUTED,
            fontsize=7.5,
        )
