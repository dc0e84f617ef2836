"""What figures are made of: a figure in the style, a look for every label, legends, logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from . import style
from .layout import fitted

WIDTH_IN = 7.6
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Look:
    """How a line is drawn: colour by backend, marker, dashes and size by its place among all.

    The first are the largest, so that of lines that coincide each can be seen.
    """

    colour: str
    marker: str
    dashes: str
    size: float = 4.5

    @property
    def line(self) -> dict[str, Any]:
        """Keywords for ``Axes.plot``."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "linestyle": self.dashes,
            "markersize": self.size,
            "linewidth": self.size / 4,
            "markeredgewidth": 1.0,
        }


def looks(labels: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """A look for every label, given as (label, backend): one colour a backend, one marker a label."""
    given = list(labels)
    backends = list(dict.fromkeys(backend for _, backend in given))
    colours = style.colours([(b, b) for b in backends])
    seen: dict[str, int] = {}
    found = {}
    for k, (label, backend) in enumerate(given):
        place = seen[backend] = seen.get(backend, -1) + 1
        found[label] = Look(
            colours[backend],
            MARKERS[k % len(MARKERS)],
            DASHES[place % len(DASHES)],
            max(4.0, 8.0 - 1.3 * k),
        )
    return found


def looks_of(simulators: Sequence[str]) -> dict[str, Look]:
    """A look for every simulator, which is called by its backend and what it was told."""
    return looks([(name, name.split()[0]) for name in simulators])


def styled(*differences: Mapping[str, Any]) -> Any:
    """The style of all figures, but for some named *differences*, as a context."""
    table: Any = {**style.TABLE}
    for difference in differences:
        table |= difference
    return mpl.rc_context(table)


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of a size in inches whose parts are laid out without overlap."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def chart(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of a size in inches; it is laid out while the style holds."""
    with styled():
        figure = figure_of(width, height)
        yield figure
        figure.draw_without_rendering()


def message(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    with chart(WIDTH_IN, 0.7) as figure:
        figure.text(0.01, 0.5, text, color=style.MUTED, va="center")
    return figure


def headline(figure: Figure, text: str) -> None:
    """What a figure shows, above all panels, in as many lines as it needs."""
    room = 72 * figure.get_size_inches()[0] - 12
    figure.suptitle(
        fitted(text, room, 8.5, lines=3), fontsize=8.5, x=0.01, ha="left", color=style.MUTED
    )


def legend(figure: Figure, simulators: Sequence[str], free: Axes | None = None) -> None:
    """The simulators with their markers, below all panels or in axes that nothing else is drawn in."""
    handles = [
        Line2D([], [], color=o.colour, marker=o.marker, markersize=5.5, linewidth=1.2, label=name)
        for name, o in looks_of(simulators).items()
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


def log_axes(ax: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    """Logarithmic axes around positive values, with ticks that read as numbers."""
    for values, axis, scale, limit in (
        (x, ax.xaxis, ax.set_xscale, ax.set_xlim),
        (y, ax.yaxis, ax.set_yscale, ax.set_ylim),
    ):
        scale("log")
        low, high = min(values), max(values)
        room = max((high / low) ** 0.06, 1.25)
        limit(low / room, high * room)
        decades = math.log10(high / low) if high > low else 0.0
        subs = (1.0,) if decades > 2.5 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(10, subs, numticks=9))
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        axis.set_minor_formatter(NullFormatter())
    ax.grid(True, which="major", color=style.RULE, linewidth=0.5)
    ax.set_axisbelow(True)


def short(value: float) -> str:
    """A number on an axis: 0.05, 20, 10⁻⁷, 2·10⁻⁷."""
    if value <= 0:
        return f"{value:g}"
    exponent = math.floor(math.log10(value) + 1e-9)
    if -5 < exponent < 5:
        return f"{value:g}"
    factor = value / 10.0**exponent
    power = style.superscript(exponent)
    return power if abs(factor - 1) < 1e-6 else f"{factor:.3g}·{power}"
