"""A `Drawing`: a figure with what it shows in words, as files and pages need it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from .shown import Floats


@dataclass(frozen=True, eq=False)
class Track:
    """A line that a page can redraw at any zoom: times [ms] and heights, 0 to 1 within its axes."""

    gid: str
    axes: int
    times: Floats
    heights: Floats


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, what it shows in words, and what zooming needs: axes as left, top, right, bottom [pt].

    ``alt`` stands for the figure where it cannot be seen, ``caption`` says how to read it; ``narrow`` is the
    same for a screen as wide as a phone's, if one was drawn.
    """

    figure: Figure
    alt: str
    caption: str = ""
    span_ms: tuple[float, float] = (0.0, 1.0)
    axes: tuple[tuple[float, float, float, float], ...] = ()
    tracks: tuple[Track, ...] = ()
    narrow: Drawing | None = None
