"""The figures of ``coincide targets``: intervals beside the published numbers, and the claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ...showing import style
from ...showing.charts import WIDTH_IN, Look, chart, looks, message, short
from ...showing.layout import fitted
from .beside import AIMED, MEASURED, UNITS, TargetStudy, whose

_LOOK = {MEASURED: ("|", 15.0), AIMED: ("*", 10.0)}
_QUANTITIES = ("rate", "cv")
_NAMES = {"rate": "rate", "cv": "CV of intervals"}
_ROW_IN = 0.2
_SPREAD = 0.56
"""Over how much of a row the simulators lie one below the other."""
_ROOM = 1.15


def look_of(study: TargetStudy) -> dict[str, Look]:
    """Colour and marker of every simulator."""
    return looks([(name, name) for name in study.simulators])


def beside_figure(study: TargetStudy, state: str) -> Figure:
    """Rates and their irregularity in a state: a row for each group and variant, a marker a simulator.

    Rows of the healthy variant have filled markers, others open ones on grey; lines are 95 % intervals.
    """
    targets = [t for t in study.targets.targets if t.state == state]
    if not study.simulators or not targets:
        return message("No run ended well, so there is nothing to put beside what was published.")
    variants = list(dict.fromkeys(t.variant for t in targets))
    known = {t.group for t in targets}
    rows = [(g, v) for g in study.targets.groups if g in known for v in variants]
    shown = [q for q in _QUANTITIES if any(t.quantity == q for t in targets)]
    tall = max(_ROW_IN, 0.09 * len(study.simulators))
    with chart(WIDTH_IN, tall * len(rows) + 1.15) as figure:
        axes = figure.subplots(
            1,
            len(shown),
            sharey=True,
            squeeze=False,
            width_ratios=[1.5 if q == "rate" else 1.0 for q in shown],
        )[0].tolist()
        for ax, quantity in zip(axes, shown, strict=True):
            published = {
                (t.group, t.variant, whose(t.source)): t.value
                for t in targets
                if t.quantity == quantity
            }
            found = {
                (row, name): (v.mean, v.low, v.high)
                for row, (group, variant) in enumerate(rows)
                for name in study.simulators
                if (v := study.value(state, variant, group, quantity, name)) is not None
            }
            means = [mean for mean, _, _ in found.values() if math.isfinite(mean)]
            right = _ROOM * max([*means, *published.values()], default=0.0) or 1.0
            ax.set_xlim(-0.02 * right, right)
            for row, (group, variant) in enumerate(rows):
                if variant != variants[0]:
                    ax.axhspan(row - 0.5, row + 0.5, color=style.LOST, alpha=0.6, lw=0, zorder=0)
                for who, (marker, size) in _LOOK.items():
                    if (group, variant, who) in published:
                        ax.plot(
                            published[group, variant, who],
                            row,
                            marker,
                            color=style.INK,
                            markersize=size,
                            markeredgewidth=1.6 if marker == "|" else 0.5,
                            clip_on=False,
                            zorder=4 if marker == "*" else 2,
                        )
            _draw(ax, found, look_of(study), [v == variants[0] for _, v in rows])
            ax.set_xlabel(style.with_unit(_NAMES[quantity], UNITS[quantity]))
            ax.xaxis.set_major_locator(MaxNLocator(6, min_n_ticks=3))
        axes[0].set_yticks(range(len(rows)), [f"{group}  {variant}" for group, variant in rows])
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        _finish(
            figure,
            study,
            f"{state}, {study.mode}: mean over {len(study.seeds)} seeds",
            [*_LOOK],
            variants,
        )
    return figure


def claims_figure(study: TargetStudy) -> Figure:
    """The ratio of every claim on every simulator with its interval, and the bound it has to be above."""
    claims = list(dict.fromkeys(judged.claim.name for judged in study.claims))
    if not claims:
        return message("No claim could be judged.")
    found = {
        (claims.index(c.claim.name), c.simulator): (c.ratio, c.low, c.high) for c in study.claims
    }
    bounds = {claims.index(c.claim.name): c.claim.bound for c in study.claims}
    ratios = [r for r, _, _ in found.values() if math.isfinite(r) and r > 0]
    edges = [*ratios, *bounds.values()]
    tall = max(0.3, 0.1 * len(study.simulators))
    with chart(WIDTH_IN, tall * len(claims) + 1.0) as figure:
        ax = figure.subplots()
        ax.set_xscale("log")
        ax.set_xlim(min(edges) / 2.5, max(edges) * 2.5)
        for row, bound in bounds.items():
            ax.plot([bound] * 2, [row - 0.42, row + 0.42], color=style.INK, lw=1.6, zorder=2)
        _draw(ax, found, look_of(study), [True] * len(claims))
        ax.set_yticks(range(len(claims)), [fitted(name, 190, 7.5, lines=2) for name in claims])
        ax.set_ylim(len(claims) - 0.5, -0.5)
        ax.xaxis.set_major_locator(LogLocator(10, (1.0, 2.0, 5.0), numticks=9))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("ratio")
        _finish(
            figure,
            study,
            f"claims, {study.mode}: one holds where all of its interval is above the bar",
        )
    return figure


def _draw(
    ax: Axes,
    found: Mapping[tuple[int, str], tuple[float, float, float]],
    look: Mapping[str, Look],
    filled: Sequence[bool],
) -> None:
    """Means with intervals, the simulators of a row one below the other; an arrow where one is cut off."""
    left, right = ax.get_xlim()
    n = len(look)
    for (row, name), (mean, low, high) in found.items():
        if not math.isfinite(mean):
            continue
        one = look[name]
        y = row + (_SPREAD * (list(look).index(name) / (n - 1) - 0.5) if n > 1 else 0.0)
        if math.isfinite(low):
            ax.plot([max(low, left), min(high, right)], [y, y], color=one.colour, lw=1.1, zorder=3)
            if high > right:
                ax.plot(right, y, ">", color=one.colour, markersize=3.5, clip_on=False, zorder=3)
        ax.plot(
            mean,
            y,
            one.marker,
            color=one.colour,
            markersize=4.6,
            markeredgewidth=1.0,
            markerfacecolor=one.colour if filled[row] else style.PAPER,
            clip_on=False,
            zorder=3,
        )


def _finish(
    figure: Figure,
    study: TargetStudy,
    headline: str,
    published: Sequence[str] = (),
    variants: Sequence[str] = (),
) -> None:
    """Headline above, legend below."""
    for ax in figure.axes:
        ax.grid(True, axis="x", color=style.RULE, linewidth=0.5)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0, pad=6)
    figure.suptitle(
        fitted(f"{headline}; lines: 95 % intervals", 72 * WIDTH_IN - 12, 8.5, lines=2),
        fontsize=8.5,
        x=0.01,
        ha="left",
        color=style.MUTED,
    )
    handles = [
        Line2D([], [], color=one.colour, marker=one.marker, markersize=5, lw=1.1, label=name)
        for name, one in look_of(study).items()
    ]
    for who in published:
        marker, size = _LOOK[who]
        width = 1.6 if marker == "|" else 0.5
        handles.append(
            Line2D(
                [],
                [],
                color=style.INK,
                marker=marker,
                markersize=min(size, 10),
                lw=0,
                markeredgewidth=width,
                label=who,
            )
        )
    for k, variant in enumerate(variants):
        handles.append(
            Line2D(
                [],
                [],
                color=style.MUTED,
                marker="o",
                markersize=5,
                lw=0,
                label=variant,
                markerfacecolor=style.PAPER if k else style.MUTED,
            )
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
