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

WIDTH_IN, NARROW_IN = 7.6, 3.9
"""The width of a figure on paper or a desk, and on a phone held upright."""
TOP_IN, BOTTOM_IN, LINE_IN = 0.05, 0.4, 0.15
TITLE_IN, GAP_IN, NOTE_IN = 0.27, 0.07, 0.3
# Of an entry of a legend beside its text: the handle, the space to it and to the next.
_ENTRY_PT = 38.0
_SIZE = 7.5
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

    ``heights`` are those of the panels in inches; ``headline`` stands above all.
    """

    width: float = WIDTH_IN
    headline: str = ""
    figure: Figure = field(init=False)
    panels: list[Axes] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    keys: dict[int, Sequence[Line2D]] = field(default_factory=dict)

    @property
    def narrow(self) -> bool:
        """Whether it is for a phone."""
        return self.width <= NARROW_IN

    @property
    def left(self) -> float:
        """Where panels begin, in inches."""
        return 0.7 if self.narrow else 0.88

    @property
    def right(self) -> float:
        """Where panels end, in inches."""
        return self.width - (0.5 if self.narrow else 0.55)

    @property
    def share(self) -> float:
        """The width as a share of that on a desk."""
        return self.width / WIDTH_IN

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
                side,
                (1.0, 0.5),
                (4, 0),
                xycoords="axes fraction",
                textcoords="offset points",
                va="center",
                color=style.MUTED,
                fontsize=7,
            )
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
        room = 72 * (self.right - self.left)
        titles = [fitted(t, room, _SIZE, "bold", lines=3) if t else "" for t in self.titles]
        columns = self._columns_of(handles)
        y = TOP_IN + LINE_IN * (-(-len(handles) // columns) + bool(self.headline))
        notes = {k: fitted(text, room, _SIZE, lines=3) for k, text in self.notes}
        for k, height in enumerate(self.heights):
            y += TITLE_IN + LINE_IN * titles[k].count("\n") if titles[k] else GAP_IN
            y += LINE_IN * self._key_below(k, titles[k], room)
            tops.append(y)
            y += height
            if k + 1 in notes:
                more = LINE_IN * notes[k + 1].count("\n")
                note_at.append((y + 0.6 * NOTE_IN + more, notes[k + 1]))
                y += NOTE_IN + more
        total = y + BOTTOM_IN
        self.figure.set_size_inches(self.width, total)
        left, right = self.left, self.right
        boxes = []
        for k, ax in enumerate(self.panels):
            top, height = tops[k], self.heights[k]
            ax.set_position(
                (
                    left / self.width,
                    1 - (top + height) / total,
                    (right - left) / self.width,
                    height / total,
                )
            )
            ax.set_xlim(*span)
            # Labels of all panels on one line, whatever the width of the tick labels.
            ax.yaxis.set_label_coords((0.32 - left) / (right - left), 0.5)
            if titles[k]:
                below = LINE_IN * self._key_below(k, titles[k], room)
                self.figure.text(
                    left / self.width,
                    1 - (top - 0.06 - below) / total,
                    titles[k],
                    fontsize=_SIZE,
                    fontweight="bold",
                    va="bottom",
                )
            boxes.append((72 * left, 72 * top, 72 * right, 72 * (top + height)))
        for at, text in note_at:
            self.figure.text(left / self.width, 1 - at / total, text, color=style.MUTED)
        if self.headline:
            self.figure.text(
                left / self.width,
                1 - 0.04 / total,
                fitted(self.headline, room, _SIZE, lines=1),
                color=style.MUTED,
                va="top",
            )
        self._time_axis()
        self._legends(handles, columns, tops, total)
        return self.figure, tuple(boxes)

    def _columns_of(self, handles: Sequence[Line2D]) -> int:
        """In how many columns the legend fits."""
        longest = max((text_width(str(h.get_label()), _SIZE) for h in handles), default=0.0)
        fit = int(72 * (self.right - self.left) // (longest + _ENTRY_PT))
        return max(1, min(len(handles), fit, 5))

    def _key_below(self, index: int, title: str, room: float) -> bool:
        """Whether the legend of a panel needs a line of its own below the title."""
        marks = self.keys.get(index, ())
        if not marks:
            return False
        wide = sum(text_width(str(m.get_label()), _SIZE) + 0.6 * _ENTRY_PT for m in marks)
        last = title.split("\n")[-1]
        return text_width(last, _SIZE, "bold") + wide > room

    def _time_axis(self) -> None:
        last = self.panels[-1]
        last.spines["bottom"].set_visible(True)
        last.tick_params(axis="x", bottom=True, labelbottom=True)
        last.xaxis.set_major_locator(MaxNLocator(5 if self.narrow else 8, steps=[1, 2, 2.5, 5, 10]))
        last.set_xlabel("time (ms)")
        last.xaxis.set_gid("time-axis")

    def _legends(
        self, handles: Sequence[Line2D], columns: int, tops: Sequence[float], total: float
    ) -> None:
        above = 0.04 + LINE_IN * bool(self.headline)
        self.figure.legend(
            handles=list(handles),
            loc="upper left",
            ncols=columns,
            bbox_to_anchor=(self.left / self.width, 1 - above / total),
            borderpad=0,
            borderaxespad=0,
            handlelength=1.8,
            columnspacing=1.6,
        )
        for index, marks in self.keys.items():
            self.figure.legend(
                handles=list(marks),
                loc="lower right",
                ncols=len(marks),
                bbox_to_anchor=(self.right / self.width, 1 - (tops[index] - 0.05) / total),
                borderpad=0,
                borderaxespad=0,
                handletextpad=0.2,
                columnspacing=1.2,
                handlelength=1.2,
            )
