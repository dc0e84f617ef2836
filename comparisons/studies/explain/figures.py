"""An explanation in pictures: causes and ladder; the first divergence with what happened around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ...showing import style
from ...showing.charts import figure_of, message, styled
from .divergence import Divergence
from .events import Event
from .explanation import Explanation, Finding
from .words import percent

WIDTH_IN = 7.2
_ROW_IN = 0.3
_KINDS: Mapping[str, tuple[str, str]] = {
    "excitatory": ("^", "arrival, weight > 0"),
    "inhibitory": ("v", "arrival, weight < 0"),
    "spike": ("*", "spike of the cell"),
    "refractory": ("|", "end of refractoriness"),
    "input": ("D", "input changes"),
}


def explanation_figure(explanation: Explanation) -> Figure:
    """The share of every cause, and what is left rung by rung as causes are removed."""
    e = explanation
    if not e.causes and not e.unexplained:
        return message("The two agree, so there is nothing to explain.")
    n_causes, n_rungs = len(e.causes) + bool(e.unexplained), max(1, len(e.ladder))
    with styled():
        height = 1.5 + _ROW_IN * (n_causes + n_rungs) + 0.6
        figure = figure_of(WIDTH_IN, height)
        top, bottom = figure.subplots(
            2, 1, gridspec_kw={"height_ratios": [n_causes + 0.6, n_rungs + 0.6]}
        )
        _draw_causes(top, e)
        _draw_ladder(bottom, e)
        figure.suptitle(
            f"{e.model}: why {e.a.label} and {e.b.label} disagree",
            x=0.01,
            ha="left",
            color=style.INK,
            fontsize=10,
            fontweight="bold",
        )
    return figure


def _draw_causes(ax: Axes, e: Explanation) -> None:
    names = [_labelled(f) for f in e.causes]
    shares = [f.share for f in e.causes]
    colours = [style.BLUE] * len(shares)
    if e.unexplained:
        names, shares = [*names, "unexplained"], [*shares, e.unexplained]
        colours.append(style.VERMILION)
    rows = np.arange(len(names))[::-1]
    ax.barh(rows, [100 * s for s in shares], 0.55, color=colours)
    for row, share in zip(rows, shares, strict=True):
        ax.annotate(
            percent(share),
            (100 * share, row),
            (4, 0),
            textcoords="offset points",
            va="center",
            color=style.INK,
            fontsize=8,
        )
    alone = [(r, f.alone_share) for r, f in zip(rows, e.causes, strict=False) if f.alone_share]
    if alone:
        ax.plot(
            [100 * s for _, s in alone],
            [r for r, _ in alone],
            "D",
            ms=5,
            mfc="white",
            mec=style.INK,
            ls="",
            label="removed when only this is undone",
        )
        _key(ax)
    ax.set_yticks(rows, names, fontsize=7)
    ax.set_xlabel("share of the disagreement (%)")
    ax.set_xlim(min(0.0, *(100 * s for _, s in alone), -1.0) - 2.0, 112)
    _plain(ax)


def _draw_ladder(ax: Axes, e: Explanation) -> None:
    rungs = e.ladder
    if not rungs:
        ax.set_axis_off()
        return
    rows = np.arange(len(rungs))[::-1]
    found = [rung.disagreement for rung in rungs]
    ax.plot([d.total for d in found], rows, "o-", color=style.VERMILION, ms=5, label="disagreement")
    spiking = any(d.n_spikes for d in found)
    if spiking:
        shares = [d.matched_spikes / d.n_spikes if d.n_spikes else 1.0 for d in found]
        ax.plot(shares, rows, "s--", color=style.BLUE, ms=5, label="share of spikes shared")
        for row, d in zip(rows, found, strict=True):
            ax.annotate(
                f"{d.matched_spikes:,} of {d.n_spikes:,}",
                (1.0, row),
                (6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=style.INK,
            )
    ax.set_yticks(rows, [rung.words for rung in rungs], fontsize=7)
    ax.set_ylim(-0.6, len(rungs) - 0.4)
    ax.set_xlim(-0.04, 1.04)
    ax.set_xlabel("disagreement (0 none, 1 unrelated)" + (", share of spikes" if spiking else ""))
    _key(ax)
    _plain(ax)


def _key(ax: Axes) -> None:
    """The legend above the axes, where it covers nothing."""
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=7)


def _labelled(finding: Finding) -> str:
    name = finding.name if finding.side == "both" else f"{finding.name} of {finding.side}"
    return name if finding.cause in name else f"{name}\n({finding.cause})"


def _plain(ax: Axes) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis="x", color=style.RULE, lw=0.5)
    ax.set_axisbelow(True)


def divergence_figure(explanation: Explanation) -> Figure:
    """The cell in which the two first part, on both sides, with what reached it."""
    d = explanation.divergence
    if d is None:
        return message("The two part nowhere that can be seen.")
    with styled():
        figure = figure_of(WIDTH_IN, 5.0 if d.courses else 2.2)
        colours = style.colours(
            [(d.labels[0], _backend(explanation, 0)), (d.labels[1], _backend(explanation, 1))]
        )
        if d.courses:
            top, middle, bottom = figure.subplots(
                3, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.3, 1]}
            )
            _draw_difference(middle, d)
            _draw_courses(top, d, colours)
        else:
            bottom = figure.subplots()
        _draw_events(bottom, d, colours)
        p = d.place
        what = "a spike of one alone" if p.variable == "spike" else p.variable
        figure.suptitle(
            f"First divergence: {what}, cell {p.cell} of {p.population}, {p.time_ms:.6g} ms",
            x=0.01,
            ha="left",
            color=style.INK,
            fontsize=10,
            fontweight="bold",
        )
    return figure


def _backend(e: Explanation, side: int) -> str:
    found = (e.a, e.b)[side].backend
    # The contract run by the same simulator takes the reference's colour.
    return "reference" if side == 1 and found == e.a.backend else found


def _draw_courses(ax: Axes, d: Divergence, colours: Mapping[str, str]) -> None:
    looks = (("-", "o", 3.5), ("--", "x", 4.5))
    for course, (line, mark, size) in zip(d.courses, looks, strict=True):
        ax.plot(
            course.times,
            course.values,
            line,
            marker=mark,
            ms=size,
            lw=1.1,
            color=colours[course.label],
            label=course.label,
        )
    values = np.concatenate([c.values[np.isfinite(c.values)] for c in d.courses])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if d.threshold is not None and low - (high - low) < d.threshold < high + (high - low):
        ax.axhline(d.threshold, color=style.MUTED, lw=0.8, ls=":", label="threshold")
    ax.axvline(d.place.time_ms, color=style.HALO, lw=0.8)
    ax.set_ylabel(style.with_unit(d.shown, style.shown_unit(d.unit)))
    ax.legend(loc="best", frameon=False, fontsize=8)
    ax.yaxis.set_major_locator(MaxNLocator(5))
    _plain(ax)


def _draw_difference(ax: Axes, d: Divergence) -> None:
    """The second less the first, at the times that both were sampled."""
    one, other = d.courses
    _, in_one, in_other = np.intersect1d(
        np.round(one.times / d.dt_ms, 4), np.round(other.times / d.dt_ms, 4), return_indices=True
    )
    difference = other.values[in_other] - one.values[in_one]
    factor, unit = style.scaled_unit(float(np.max(np.abs(difference), initial=0.0)), d.unit)
    ax.plot(one.times[in_one], factor * difference, ".-", color=style.INK, ms=4, lw=0.9)
    ax.axhline(0.0, color=style.RULE, lw=0.8)
    ax.axvline(d.place.time_ms, color=style.HALO, lw=0.8)
    ax.set_ylabel(style.with_unit(f"{other.label}\n− {one.label}", unit), fontsize=7)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    _plain(ax)


def _kind(event: Event) -> str:
    if event.kind != "arrival":
        return event.kind
    return "inhibitory" if event.weight is not None and event.weight < 0 else "excitatory"


def _draw_events(ax: Axes, d: Divergence, colours: Mapping[str, str]) -> None:
    used: list[str] = []
    for row, label in zip((1, 0), d.labels, strict=True):
        for kind, (mark, _) in _KINDS.items():
            times = [e.time_ms for e in d.events if e.side == label and _kind(e) == kind]
            if times:
                used.append(kind)
                ax.plot(times, [row] * len(times), mark, ms=8, color=colours[label], ls="")
    ax.axvline(d.place.time_ms, color=style.HALO, lw=0.8)
    ax.set_yticks((1, 0), d.labels, fontsize=8)
    ax.set_ylim(-0.6, 1.6)
    ax.set_xlabel("time (ms)")
    if not used:
        ax.text(
            0.02,
            0.5,
            "nothing reached the cell in the steps before",
            transform=ax.transAxes,
            va="center",
            fontsize=8,
            color=style.MUTED,
        )
    ax.legend(
        handles=_keys(dict.fromkeys(used)),
        loc="upper left",
        bbox_to_anchor=(0, -0.35),
        ncols=3,
        frameon=False,
        fontsize=7,
    )
    _plain(ax)


def _keys(kinds: Mapping[str, None] | Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], marker=_KINDS[k][0], ls="", color=style.MUTED, ms=7, label=_KINDS[k][1])
        for k in _KINDS
        if k in kinds
    ]
