"""How the figures of a study look on paper: a simulator's colour and marker, white ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import style
from .layout import fitted

WIDTH_IN = 7.6


_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


STYLE: Any = {
    "font.family": ["DejaVu Sans"], "font.size": 8, "axes.linewidth": 0.7,
    "axes.edgecolor": style.MUTED, "axes.labelcolor": style.INK, "text.color": style.INK,
    "xtick.color": style.MUTED, "ytick.color": style.MUTED,
    "xtick.labelcolor": style.INK, "ytick.labelcolor": style.INK,
    "xtick.labelsize": 7.5, "ytick.labelsize": 7.5, "axes.labelsize": 8, "axes.titlesize": 8.5,
    "axes.titleweight": "bold", "legend.frameon": False, "legend.fontsize": 8,
    "axes.facecolor": "white", "figure.facecolor": "white", "savefig.facecolor": "white",
    "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": True,
    "text.parse_math": False, "svg.fonttype": "none",
}  # fmt: skip


def styled() -> Any:
    """The style of the figures, as a context."""
    return mpl.rc_context(STYLE)


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of a size in inches whose parts are laid out without overlap."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def empty(message: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    with styled():
        figure = figure_of(WIDTH_IN, 0.7)
        figure.text(0.01, 0.5, message, color=style.MUTED, va="center")
    return figure


def looks(simulators: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of every simulator."""
    colours = style.colours([(name, name.split()[0]) for name in simulators])
    return {name: (colours[name], _MARKERS[k % len(_MARKERS)]) for k, name in enumerate(simulators)}


def headline(figure: Figure, text: str) -> None:
    """What a figure shows, above all panels, in as many lines as it needs."""
    room = 72 * figure.get_size_inches()[0] - 12
    figure.suptitle(
        fitted(text, room, 8.5, lines=3), fontsize=8.5, x=0.01, ha="left", color=style.MUTED
    )


def legend(figure: Figure, simulators: Sequence[str], free: Axes | None = None) -> None:
    """The simulators with their markers, below all panels or in axes that nothing else is drawn in."""
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=5.5, linewidth=1.2, label=name)
        for name, (colour, marker) in looks(simulators).items()
    ]
    if free is not None:
        free.legend(handles=handles, loc="center left")
        return
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))


def row_label(ax: Axes, text: str, colour: str) -> None:
    """The name of a simulator to the right of its row."""
    ax.annotate(
        text,
        (1.0, 0.5),
        (6, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=-90,
        va="center",
        ha="left",
        color=colour,
        fontsize=8.5,
        fontweight="bold",
    )
