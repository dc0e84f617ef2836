"""Panels of a figure, one below the other on a common axis of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator

from . import style

LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 0.88, 0.55, 0.2, 0.4
TITLE_IN, GAP_IN, NOTE_IN = 0.27, 0.07, 0.3
# Between words but not before a value, after _ and +, and after a point that no digit follows.
_BREAKS = re.compile(r"(?<=[ _+/])(?<!= )(?!=)|(?<=\.)(?!\d)")


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """The width of a line of text in points."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight=weight)
    return float(TextPath((0, 0), text, size=size, prop=font, usetex=False).get_extents().x1)


def fitted(text: str, width: float, size: float, weight: str = "normal", lines: int = 2) -> str:
    """A text broken into lines of a width in points at most, with an ellipsis in its middle if too long.

    *size* is that of the type in points; *lines* how many there may be.
    """
    text = text.replace("\n", " ")
    for cut in range(len(text)):
        half = (len(text) - cut) // 2
        kept = text if cut == 0 else f"{text[:half].rstrip()}…{text[half + cut :].lstrip()}"
        found = _broken(kept, width, size, weight)
        if len(found) <= lines and all(text_width(x, size, weight) <= width for x in found):
            return "\n".join(found)
    return "…"


def _broken(text: str, width: float, size: float, weight: str) -> list[str]:
    """The text in lines, broken where it may be."""
    found = [""]
    for part in _BREAKS.split(text):
        if found[-1] and text_width((found[-1] + part).rstrip(), size, weight) > width:
            found.append("")
        found[-1] += part
    return [line.strip() for line in found]


@dataclass
class Layout:
    """Collects panels of known height from top to bottom; `build` puts them in their places.

    ``heights`` are those of the panels in inches.
    """

    width: float
    figure: Figure = field(init=False)
    panels: list[Axes] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    keys: dict[int, Sequence[Line2D]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=(self.width, 1.0), facecolor="none")

    def add(self, height: float, title: str, side: str = "") -> tuple[int, Axes]:
        """A panel of a height in inches below those there are; its number and its axes."""
        ax = self.figure.add_axes((0.1, 0.1, 0.8, 0.8))
        for name in ("top", "right", "bottom"):
            ax.spines[name].set_visible(False)
        ax.tick_params(axis="x", bottom=False, labelbottom=False)
        ax.set_gid(f"panel-{len(self.panels)}")
        if side:
            ax.annotate(
                side, (1.0, 0.5), (4, 0), xycoords="axes fraction", textcoords="offset points",
                va="center", color=style.MUTED, fontsize=7,
            )  # fmt: skip
        self.panels.append(ax)
        self.heights.append(height)
        self.titles.append(title)
        return len(self.panels) - 1, ax

    def add_note(self, text: str) -> None:
        """A line of text below the last panel."""
        self.notes.append((len(self.panels), text))

    def key(self, index: int, handles: Sequence[Line2D]) -> None:
        """A legend in the line of a panel's title."""
        self.keys[index] = handles

    def build(
        self, span: tuple[float, float], handles: Sequence[Line2D]
    ) -> tuple[Figure, tuple[tuple[float, float, float, float], ...]]:
        """The figure, and the edges of its panels in points: left, top, right, bottom."""
        tops: list[float] = []
        note_at: list[tuple[float, str]] = []
        y = TOP_IN
        notes = dict(self.notes)
        for k, height in enumerate(self.heights):
            y += TITLE_IN if self.titles[k] else GAP_IN
            tops.append(y)
            y += height
            if k + 1 in notes:
                note_at.append((y + 0.6 * NOTE_IN, notes[k + 1]))
                y += NOTE_IN
        total = y + BOTTOM_IN
        self.figure.set_size_inches(self.width, total)
        right = self.width - RIGHT_IN
        boxes = []
        for k, ax in enumerate(self.panels):
            top, height = tops[k], self.heights[k]
            ax.set_position((
                LEFT_IN / self.width, 1 - (top + height) / total,
                (right - LEFT_IN) / self.width, height / total,
            ))  # fmt: skip
            ax.set_xlim(*span)
            # Labels of all panels on one line, whatever the width of the tick labels.
            ax.yaxis.set_label_coords(-0.56 / (right - LEFT_IN), 0.5)
            if self.titles[k]:
                self.figure.text(
                    LEFT_IN / self.width, 1 - (top - 0.06) / total, self.titles[k],
                    fontsize=7.5, fontweight="bold", va="bottom",
                )  # fmt: skip
            boxes.append((72 * LEFT_IN, 72 * top, 72 * right, 72 * (top + height)))
        for at, text in note_at:
            self.figure.text(LEFT_IN / self.width, 1 - at / total, text, color=style.MUTED)
        self._time_axis()
        self._legends(handles, tops, total)
        return self.figure, tuple(boxes)

    def _time_axis(self) -> None:
        last = self.panels[-1]
        last.spines["bottom"].set_visible(True)
        last.tick_params(axis="x", bottom=True, labelbottom=True)
        last.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
        last.set_xlabel("time (ms)")
        last.xaxis.set_gid("time-axis")

    def _legends(self, handles: Sequence[Line2D], tops: Sequence[float], total: float) -> None:
        self.figure.legend(
            handles=list(handles), loc="upper left", ncols=min(len(handles), 5),
            bbox_to_anchor=(LEFT_IN / self.width, 1 - 0.04 / total), borderpad=0, borderaxespad=0,
            handlelength=1.8, columnspacing=1.6,
        )  # fmt: skip
        for index, marks in self.keys.items():
            self.figure.legend(
                handles=list(marks), loc="lower right", ncols=len(marks),
                bbox_to_anchor=(1 - RIGHT_IN / self.width, 1 - (tops[index] - 0.05) / total),
                borderpad=0, borderaxespad=0, handletextpad=0.2, columnspacing=1.2,
                handlelength=1.2,
            )  # fmt: skip
