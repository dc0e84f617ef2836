"""The picture of work and precision: error over seconds, as in the diagrams of SciML."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...showing import style
from ...showing.charts import WIDTH_IN, chart, log_axes, looks, message, short
from .points import Point
from .study import Selection

_HEIGHT_IN = 4.4


def precision_figure(study: Selection) -> Figure:
    """Error over seconds of building and simulating, a line for each backend and method.

    The front is drawn thick and pale behind the lines, the recommended point in a ring. Points without a
    defined error (another number of spikes) stand at the upper edge, open.
    """
    kind = study.bound.kind
    good = [p for p in study.points if p.run.ok and p.time_s > 0]
    known = [p for p in good if math.isfinite(p.value(kind)) and p.value(kind) > 0]
    if not known:
        return message("No run has an error that is defined, so there is nothing to draw.")
    factor = 1.0 if kind == "spikes" else 100.0
    labels = list(dict.fromkeys(p.label for p in good))
    look = looks([(label, label.split(",")[0]) for label in labels])
    rows = -(-len(labels) // 2)
    with chart(WIDTH_IN, _HEIGHT_IN + 0.17 * rows) as figure:
        ax = figure.subplots()
        bound = study.bound.value * factor
        errors = [factor * p.value(kind) for p in known]
        log_axes(ax, [p.time_s for p in good], [*errors, bound])
        if len(known) < len(good):
            low, high = ax.get_ylim()
            ax.set_ylim(low, high * (high / low) ** 0.1)
        top = ax.get_ylim()[1]
        ax.axhline(bound, color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)))
        ax.annotate(
            f"asked for: {study.bound}",
            (0.995, bound),
            (0, 3),
            ha="right",
            fontsize=7.5,
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
        )
        front = [p for p in study.front if p.value(kind) > 0]
        ax.plot(
            [p.time_s for p in front],
            [factor * p.value(kind) for p in front],
            color=style.HALO,
            linewidth=6,
            alpha=0.45,
            solid_capstyle="round",
            zorder=1.5,
        )
        for label in labels:
            mine = sorted((p for p in known if p.label == label), key=lambda p: p.dt_ms)
            ax.plot(
                [p.time_s for p in mine], [factor * p.value(kind) for p in mine], **look[label].line
            )
            lost = [p.time_s for p in good if p.label == label and p not in known]
            ax.plot(
                lost,
                [top * 0.8] * len(lost),
                linestyle="none",
                marker=look[label].marker,
                color=look[label].colour,
                markerfacecolor="none",
                markersize=4.5,
            )
        if study.recommended is not None and study.recommended.value(kind) > 0:
            _ring(ax, study.recommended, factor * study.recommended.value(kind))
        ax.set_xlabel("building + simulating (s)")
        what = "largest shift of a spike (ms)" if kind == "spikes" else "error of traces, rms (%)"
        ax.set_ylabel(what)
        handles = [Line2D([], [], label=label, **look[label].line) for label in labels]
        handles.append(
            Line2D(
                [],
                [],
                color=style.HALO,
                linewidth=6,
                alpha=0.45,
                label="front: none is better in both",
            )
        )
        if len(known) < len(good):
            kept = "the count of spikes differs" if kind == "spikes" else "no error is defined"
            handles.append(
                Line2D(
                    [],
                    [],
                    linestyle="none",
                    marker="o",
                    markerfacecolor="none",
                    markersize=4.5,
                    color=style.INK,
                    label=f"hollow, at the top: {kept}",
                )
            )
        figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _ring(ax: object, best: Point, error: float) -> None:
    ax.plot(  # type: ignore[attr-defined]
        [best.time_s],
        [error],
        marker="o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=style.INK,
        markeredgewidth=1.4,
        linestyle="none",
    )
    ax.annotate(  # type: ignore[attr-defined]
        f"take this: dt {short(best.dt_ms)} ms",
        (best.time_s, error),
        (9, -11),
        textcoords="offset points",
        fontsize=7.5,
    )
