"""Pictures of convergence: errors over dt with slopes, and the horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from ....core.errors import unknown
from ...showing import style
from ...showing.charts import DASHES, WIDTH_IN, Look, chart, log_axes, looks, message
from ...showing.layout import fitted
from .horizon import Horizon
from .order import Order
from .study import ConvergenceStudy, Series

_SLOPES = (1, 2, 4)
_PANEL_IN = 3.0


def convergence_figure(study: ConvergenceStudy, quantity: str | None = None) -> Figure:
    """Error over dt on logarithmic axes, a panel for each quantity, with its order beside each line.

    Grey lines have the slopes 1, 2 and 4. A flat dotted line is where a series that converges to something
    else ends. Raises InputError for a quantity that was not followed.
    """
    names = list(dict.fromkeys(o.name for s in study.series for o in s.orders))
    if quantity is not None:
        if quantity not in names:
            raise unknown("quantity", "quantity of this study", quantity, names)
        names = [quantity]
    names = [n for n in names if _drawable(study.series, n)]
    if not names:
        return message("No error could be told at any step, so there is nothing to draw.")
    shown = [s for s in study.series if s.orders]
    look = looks([(s.label, s.backend) for s in shown])
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    legend_in = 0.24 * -(-len(shown) // 2)
    with chart(WIDTH_IN, _PANEL_IN * rows + legend_in) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, name in zip(axes, names, strict=False):
            _panel(ax, shown, name, look)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        handles = [
            Line2D([], [], label=s.label + ("  ≠" if s.flagged else ""), **look[s.label].line)
            for s in shown
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _drawable(series: Sequence[Series], name: str) -> bool:
    return any(o.name == name and any(e > 0 for e in o.errors) for s in series for o in s.orders)


def _panel(ax: Axes, series: Sequence[Series], name: str, look: dict[str, Look]) -> None:
    xs: list[float] = []
    ys: list[float] = []
    found: list[tuple[Series, Order]] = []
    for s in series:
        for o in s.orders:
            if o.name == name and any(e > 0 for e in o.errors):
                found.append((s, o))
                xs += o.dts
                ys += [e for e in o.errors if e > 0]
    log_axes(ax, xs, ys)
    _slopes(ax, xs, ys)
    ends: list[tuple[float, str, str]] = []
    for s, o in found:
        drawn = [(dt, e) for dt, e in zip(o.dts, o.errors, strict=True) if e > 0]
        # Hollow marks are levels that the order was not fitted to.
        ax.plot(*zip(*drawn, strict=True), markerfacecolor="none", **look[s.label].line)
        used = [p for p in drawn if p[0] in o.fitted and o.verdict != "elsewhere"]
        if used:
            ax.plot(
                *zip(*used, strict=True),
                color=look[s.label].colour,
                linestyle="none",
                marker=look[s.label].marker,
                markersize=look[s.label].size,
            )
        if o.verdict == "elsewhere":
            ax.axhline(o.limit_rms, color=look[s.label].colour, linewidth=0.8, linestyle=DASHES[2])
        if o.verdict == "elsewhere":
            ax.annotate(
                f"≠ {o.limit_rms:.2g} {o.unit} off",
                (min(o.dts), o.limit_rms),
                (-8, -8),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=7,
                color=look[s.label].colour,
            )
        else:
            ends.append((drawn[-1][1], _label(o), look[s.label].colour))
    _end_labels(ax, xs, ends)
    unit = found[0][1].unit
    ax.set_xlabel("dt (ms)")
    ax.set_ylabel(style.with_unit("error, root mean square", unit or "share of range"))
    ax.set_title(fitted(name, 190, 8.5, "bold"), loc="left")


def _label(o: Order) -> str:
    return "exact" if o.verdict == "exact" else f"p = {o.order_in_words}"


def _end_labels(ax: Axes, dts: Sequence[float], ends: Sequence[tuple[float, str, str]]) -> None:
    """The orders beside the fine ends of the lines, moved apart where they would cover each other."""
    x = min(dts)
    low, high = np.log10(ax.get_ylim())
    least = (high - low) * 0.055
    # Lines that end alike and say the same share a label.
    placed: list[tuple[float, str, str, float]] = []
    for y, text, colour in sorted(ends):
        at = float(np.log10(y))
        if placed and at - placed[-1][3] < least and placed[-1][1] == text:
            placed[-1] = (*placed[-1][:2], style.INK, placed[-1][3])
            continue
        where = max(at, placed[-1][0] + least) if placed else at
        placed.append((where, text, colour, at))
    ax.set_xlim(left=x / (ax.get_xlim()[1] / x) ** 0.42)
    # Steps that were run, and none in the room of the labels.
    steps = sorted(set(dts), reverse=True)
    ax.xaxis.set_major_locator(FixedLocator(steps[:: -(-len(steps) // 4)]))
    ax.xaxis.set_minor_locator(FixedLocator(steps))
    for where, text, colour, _ in placed:
        ax.annotate(
            text,
            (x, 10**where),
            (-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7,
            color=colour,
        )


def _slopes(ax: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Grey lines of the slopes 1, 2 and 4 from the upper right corner, as far as there are errors."""
    right, top = max(xs), max(ys)
    bottom = min(ys)
    for p in _SLOPES:
        left = max(min(xs), right * (bottom / top) ** (1 / p))
        if left >= right:
            continue
        ax.plot(
            [left, right],
            [top * (left / right) ** p, top],
            color=style.HALO,
            linewidth=0.7,
            zorder=1,
        )
        ax.annotate(
            f"{p}",
            (left, top * (left / right) ** p),
            (2, 3),
            textcoords="offset points",
            color=style.MUTED,
            fontsize=7,
        )


def horizon_figure(study: ConvergenceStudy) -> Figure:
    """Until when spikes agree over dt, and the growth of a perturbation over time."""
    horizon = study.horizon
    if horizon is None:
        return message("Refinement agrees to the end of the run: there is no horizon.")
    end = study.experiment.duration_ms
    shown = [s for s in study.series if s.label in horizon.until_ms]
    look = looks([(s.label, s.backend) for s in shown])
    with chart(WIDTH_IN, _PANEL_IN + 0.24 * -(-len(shown) // 2)) as figure:
        left, right = figure.subplots(1, 2)
        dts = [dt for levels in horizon.until_ms.values() for dt, _ in levels]
        log_axes(left, dts, [1.0, 10.0])
        left.set_yscale("linear")
        for s in shown:
            levels = horizon.until_ms[s.label]
            left.plot(
                [dt for dt, _ in levels],
                [end if t is None else t for _, t in levels],
                markerfacecolor="none",
                **look[s.label].line,
            )
        left.axhline(end, color=style.MUTED, linewidth=0.7)
        left.set_ylim(0.0, 1.06 * end)
        left.annotate(
            "end of the run",
            (0.02, end),
            (0, 2),
            xycoords=left.get_yaxis_transform(),
            textcoords="offset points",
            color=style.MUTED,
            fontsize=7,
        )
        left.set_xlabel("dt (ms)")
        left.set_ylabel("same spikes as the truth until (ms)")
        left.set_title("horizon", loc="left")
        _growth(right, horizon, end)
        handles = [Line2D([], [], label=s.label, **look[s.label].line) for s in shown]
        figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _growth(ax: Axes, horizon: Horizon, end: float) -> None:
    found = horizon.lyapunov
    ax.set_title("a perturbation of one initial value", loc="left")
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("shift of spikes, rms (ms)")
    pairs = [] if found is None else zip(found.times_ms, found.shifts_ms, strict=True)
    points = [(time, shift) for time, shift in pairs if shift > 0]
    if found is None or not points:
        ax.text(0.5, 0.5, "no spike moves", transform=ax.transAxes, ha="center", color=style.MUTED)
        return
    t, s = (np.array(values) for values in zip(*points, strict=True))
    log_axes(ax, [1.0, 10.0], list(s))
    ax.set_xscale("linear")
    ax.set_xlim(0.0, end)
    ax.plot(t, s, color=style.PURPLE, marker="o", markersize=3, linewidth=0.8)
    if np.isfinite(found.exponent):
        middle = np.exp(np.mean(np.log(s)) + found.exponent * (t - t.mean()))
        ax.plot(t, middle, color=style.INK, linewidth=1.0, linestyle="--")
        ax.annotate(
            f"λ = {1e3 * found.exponent:.3g} /s",
            (0.97, 0.04),
            xycoords="axes fraction",
            ha="right",
            fontsize=7.5,
        )
