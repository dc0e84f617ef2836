"""The panels of a figure: traces with their difference, rasters, rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from ...core.recording import Recording, Trace
from ..measuring.wording import enumerate_words
from . import shown as select
from . import style
from .drawing import Track
from .layout import GAP_IN, Layout, fitted, text_width

_COLUMNS = 1100
_NEAR_PT = 1.0
_ZOOM_COLUMNS = 6000
_DASH_PT = 7.0
_LABEL_PT = 7.5
_MOST_MARKS = 3_000
_AS_IMAGE = 2 * _MOST_MARKS
_MOST_IN_IMAGE = 200_000
_DOTS = 120


@dataclass(frozen=True, eq=False)
class Series:
    """One recording in a figure: its label, colour and place among the dashes."""

    label: str
    recording: Recording
    colour: str
    dash: tuple[float, tuple[float, ...]] | None
    is_reference: bool


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is being drawn: series by label, the reference first, and the tracks collected so far."""

    series: tuple[Series, ...]
    layout: Layout
    duration_ms: float
    tolerance_ms: float
    tracks: list[Track] = field(default_factory=list)

    @property
    def reference(self) -> Series:
        """What the others are held against."""
        return self.series[0]

    @property
    def others(self) -> tuple[Series, ...]:
        """All but the reference."""
        return self.series[1:]


def series_of(named: Sequence[tuple[str, str, Recording]]) -> tuple[Series, ...]:
    """Recordings with their looks, in the order given."""
    colours = style.colours([(label, backend) for label, backend, _ in named])
    n = len(named) - 1
    found = []
    for k, (label, _, recording) in enumerate(named):
        # Dashes that leave room for each other: where lines coincide, all colours are seen.
        dash = (_DASH_PT * (k - 1), (_DASH_PT, _DASH_PT * (n - 1))) if k and n > 1 else None
        found.append(Series(label, recording, colours[label], dash, k == 0))
    return tuple(found)


def strips_of(n_keys: int, place: int) -> int:
    """How many cells of a trace are shown: 3 of a single one, fewer of several."""
    return {1: 3, 2: 2}.get(n_keys, 2 if place == 0 else 1)


def in_words(series: Series) -> str:
    """A series within a sentence."""
    return "the reference" if series.label == "reference" else series.label


def _line(series: Series, alone: bool) -> dict[str, Any]:
    if series.is_reference and not alone:
        # A broad pale band under the others, so that it shows where they cover it.
        return {"color": style.HALO, "linewidth": 2.6, "alpha": 0.65, "solid_capstyle": "butt"}
    dash: Any = series.dash or "-"
    return {"color": series.colour, "linewidth": 1.0, "linestyle": dash, "dash_capstyle": "butt"}


def handle_of(series: Series, alone: bool) -> Line2D:
    """The entry of a series in the legend."""
    look = _line(series, alone)
    look["linestyle"] = "-"
    return Line2D([], [], label=series.label, **{**look, "linewidth": max(1.6, look["linewidth"])})


def add_traces(sheet: Sheet, key: select.Key, parting: Sequence[int], count: int) -> None:
    """A strip for each of a few cells, and their difference to the reference below."""
    population, variable = key
    traces = [series.recording.traces[key] for series in sheet.series]
    spikes = sheet.reference.recording.spikes.get(population)
    cells = select.choose_cells(traces, spikes, parting, count)
    unit = style.shown_unit(traces[0].unit)
    for place, cell in enumerate(cells):
        title = f"population {population}" if place == 0 else ""
        index, ax = sheet.layout.add(0.78, title, side=f"cell {cell}")
        _label(sheet, index, ax, variable, unit)
        _draw_strip(sheet, index, ax, key, cell)
    if sheet.others:
        shown = [
            (s, select.difference_over_time(traces[0], t, cells))
            for s, t in zip(sheet.others, traces[1:], strict=True)
        ]
        n_cells = select.common_cells(traces).size
        _draw_difference(sheet, shown, traces, variable, n_cells)


def _label(sheet: Sheet, index: int, ax: Axes, name: str, unit: str) -> None:
    """The label of the vertical axis, in two lines at most that are no longer than the axis."""
    room = 72 * (sheet.layout.heights[index] + GAP_IN)
    text = style.with_unit(name, unit)
    # Broken near its middle rather than where the first line is full.
    for part in (1.0,) if text_width(text, _LABEL_PT) <= room else (0.6, 0.7, 0.8, 0.9, 1.0):
        label = fitted(text, part * room, _LABEL_PT)
        if "…" not in label:
            break
    ax.set_ylabel(label, linespacing=1.25)


def _draw_strip(sheet: Sheet, index: int, ax: Axes, key: select.Key, cell: int) -> None:
    """One cell of all runs, with a row of spikes for each run above the lines."""
    columns = {s.label: select.column(s.recording.traces[key], cell) for s in sheet.series}
    finite = np.concatenate([v[np.isfinite(v)] for v in columns.values()])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = (high - low) or abs(high) * 0.1 or 1.0
    marks = []
    for series in sheet.series:
        spikes = series.recording.spikes.get(key[0])
        marks.append(np.empty(0) if spikes is None else spikes.times[spikes.cells == cell])
    rows = len(marks) if any(m.size for m in marks) else 0
    height_pt = sheet.layout.heights[index] * 72
    room = min(0.5, (rows * 4.0 + 3.0) / height_pt) if rows else 0.06
    bottom = low - 0.06 * span
    ax.set_ylim(bottom, bottom + 1.12 * span / (1 - room))
    ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
    _hide_ticks_above(ax, high + 0.05 * span)
    drawn = {s.label: (s.recording.traces[key].times, columns[s.label]) for s in sheet.series}
    near = span * _NEAR_PT / ((1 - room) * height_pt)
    for series in sheet.series:
        times, values = drawn[series.label]
        if series.dash is None:
            _draw_line(sheet, index, ax, times, values, series)
            continue
        # Dashes only where lines lie on each other: a line of its own is easier to follow whole.
        others = [drawn[s.label] for s in sheet.others if s is not series]
        apart = select.apart(times, values, others, near)
        if not apart.all():
            hidden = select.outlined(apart)
            _draw_line(sheet, index, ax, times, np.where(hidden, np.nan, values), series)
        if apart.any():
            own = np.where(apart, values, np.nan)
            _draw_line(sheet, index, ax, times, own, series, linestyle="-")
    for row, (series, times) in enumerate(zip(sheet.series, marks, strict=True)):
        height = 1 - (4.0 * row + 3.5) / height_pt
        ax.plot(
            times,
            np.full(times.size, height),
            "|",
            markersize=3.4,
            markeredgewidth=0.9,
            color=style.HALO if series.is_reference and sheet.others else series.colour,
            transform=blended_transform_factory(ax.transData, ax.transAxes),
        )


def _hide_ticks_above(ax: Axes, highest: float) -> None:
    low = ax.get_ylim()[0]
    ticks = [t for t in ax.get_yticks() if low <= t <= highest]
    ax.set_yticks(ticks)


def _draw_line(
    sheet: Sheet,
    index: int,
    ax: Axes,
    times: select.Floats,
    values: select.Floats,
    series: Series,
    **look: Any,
) -> None:
    gid = f"line-{len(sheet.tracks)}"
    share = sheet.layout.share
    x, y = select.thin(times, values, round(_COLUMNS * share))
    ax.plot(x, y, gid=gid, **{**_line(series, not sheet.others), **look})
    low, high = ax.get_ylim()
    x, y = select.thin(times, values, round(_ZOOM_COLUMNS * share))
    sheet.tracks.append(Track(gid, index, x, (y - low) / (high - low)))


def _draw_difference(
    sheet: Sheet,
    shown: Sequence[tuple[Series, select.Difference | None]],
    traces: Sequence[Trace],
    variable: str,
    n_cells: int,
) -> None:
    found = [(s, d) for s, d in shown if d is not None]
    largest = max((float(d.values.max()) for _, d in found), default=0.0)
    of = f"largest of {n_cells} cells" if n_cells > 1 else "of the cell"
    against = f"|difference| to {in_words(sheet.reference)}, {of}"
    if largest == 0.0:
        sheet.layout.add_note(f"{against}: 0, every sample is the same to the bit")
        return
    index, ax = sheet.layout.add(0.95, against)
    limit = select.round_off_limit(traces)
    looks = _looks_of_differences(len(found))
    unit = traces[0].unit
    if largest <= limit:
        factor, label = style.scaled_unit(largest, unit)
        ax.set_ylim(0.0, 1.12 * largest * factor)
        _label(sheet, index, ax, f"|Δ{variable}|", label)
        ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
        for (series, difference), look in zip(found, looks, strict=True):
            values = factor * difference.values
            _draw_line(sheet, index, ax, difference.times, values, series, **look)
        return
    smallest = min(float(d.values[d.values > 0].min()) for _, d in found if d.values.any())
    top = math.ceil(math.log10(largest) + 0.05)
    bottom = max(math.floor(math.log10(smallest)), top - 18)
    # One decade more at the bottom for 0, which has no logarithm.
    ax.set_ylim(bottom - 0.9, top)
    every = max(1, math.ceil((top - bottom) / 5 / 3)) * 3 if top - bottom > 5 else 1
    decade_pt = 72 * sheet.layout.heights[index] / (top - bottom + 0.9)
    # Not where its label would touch that of 0.
    lowest = bottom - 0.6 + _LABEL_PT / decade_pt
    powers = [e for e in range(bottom, top + 1) if e % every == 0 and e >= lowest]
    ax.set_yticks([bottom - 0.6, *powers], ["0", *(style.power_label(e, unit) for e in powers)])
    _label(sheet, index, ax, f"|Δ{variable}|", "" if unit == "mV" else style.shown_unit(unit))
    if bottom < math.log10(limit) < top:
        ax.axhline(math.log10(limit), color=style.MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
        ax.annotate(
            "round-off",
            (1.0, math.log10(limit)),
            (3, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=style.MUTED,
            fontsize=6.5,
        )
    for (series, difference), look in zip(found, looks, strict=True):
        with np.errstate(divide="ignore"):
            values = np.maximum(np.log10(difference.values), bottom - 0.6)
        _draw_line(sheet, index, ax, difference.times, values, series, **look)


def _looks_of_differences(n: int) -> list[dict[str, Any]]:
    """The first broad and solid, the others dashes on it with room for each other: none hides another."""
    if n == 1:
        return [{"linewidth": 0.8, "linestyle": "-"}]
    rest = (_DASH_PT, _DASH_PT * (n - 1))
    dashed = [{"linewidth": 1.0, "linestyle": (_DASH_PT * k, rest)} for k in range(n - 1)]
    return [{"linewidth": 1.8, "linestyle": "-"}, *dashed]


def add_rasters(sheet: Sheet, sizes: Mapping[str, int]) -> None:
    """One raster for all runs whose spikes all have a partner, one for each run where some have none."""
    reference = sheet.reference
    n = sum(len(s) for s in reference.recording.spikes.values())
    if not sheet.others:
        _draw_raster(sheet, sizes, f"{n} spikes of {reference.label}", None, reference)
        return
    matches = [
        (s, select.match_all(reference.recording, s.recording, sizes, sheet.tolerance_ms))
        for s in sheet.others
    ]
    perfect = [(s, m) for s, m in matches if m.perfect]
    if perfect:
        names = enumerate_words([s.label for s, _ in perfect])
        within = f"within {sheet.tolerance_ms:g} ms"
        have = "each have" if len(perfect) > 1 else "has"
        title = f"{names} {have} all {n} spikes of {in_words(reference)} ({within})"
        _draw_raster(sheet, sizes, title, perfect[0][1], perfect[0][0])
    for series, match in matches:
        if not match.perfect:
            title = f"{series.label} against {in_words(reference)}"
            _draw_raster(sheet, sizes, title, match, series)


def _draw_raster(
    sheet: Sheet, sizes: Mapping[str, int], title: str, match: select.Matched | None, series: Series
) -> None:
    rows = sum(sizes.values())
    alone = match is None or match.perfect
    plain = select.stacked(series.recording, sizes) if match is None else match.matched
    marked = [plain] if match is None or alone else [plain, match.missing, match.extra]
    every = select.cells_to_skip(marked, rows, round(_MOST_MARKS * sheet.layout.share))
    shown = [select.every_cell(spikes, sizes, every) for spikes in marked]
    if every > 1:
        title += f"; every {_ordinal(every)} cell"
    height = min(max(0.5 + 0.045 * rows, 0.85), 2.3)
    index, ax = sheet.layout.add(height, title)
    ax.set_ylim(-0.7, rows - 0.3)
    _label_populations(ax, sizes)
    row_pt = height * 72 / rows
    if rows <= _DOTS:
        look: dict[str, Any] = {"marker": "|", "markersize": min(0.8 * row_pt, 7.0), "mew": 0.9}
    else:
        look = {"marker": "o", "markersize": 1.6, "mew": 0}
    look["color"] = series.colour if match is None else style.MUTED
    _draw_marks(ax, shown[0], **look)
    if match is None or alone:
        return
    # A missing spike is one of the reference only, an extra one is of the run only: each in its colour.
    missing = {"color": style.INK, "mew": 0.7, "marker": "v", "mfc": "none"}
    extra = {"color": series.colour, "mew": 0.9, "marker": "x"}
    size = min(max(1.1 * row_pt, 2.6), 5.0)
    _draw_marks(ax, shown[1], markersize=size, **missing)
    _draw_marks(ax, shown[2], markersize=size, **extra)
    key = [
        (f"{match.matched[0].size} matched", {**look, "markersize": max(look["markersize"], 3)}),
        (f"{match.missing[0].size} missing", {**missing, "markersize": 4.5}),
        (f"{match.extra[0].size} extra", {**extra, "markersize": 4.5}),
    ]
    sheet.layout.key(index, [Line2D([], [], linestyle="", label=text, **m) for text, m in key])


def _draw_marks(ax: Axes, spikes: tuple[select.Floats, select.Floats], **look: Any) -> None:
    times, rows = spikes
    as_image = times.size > _AS_IMAGE
    if as_image:
        # An image does not follow the colours of a page: a grey that shows on white and on black.
        look["color"] = style.MUTED if look["color"] == style.INK else look["color"]
        step = -(-times.size // _MOST_IN_IMAGE)
        times, rows = times[::step], rows[::step]
    if times.size:
        ax.plot(times, rows, linestyle="", rasterized=as_image, **look)


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _label_populations(ax: Axes, sizes: Mapping[str, int]) -> None:
    if len(sizes) == 1:
        size = next(iter(sizes.values()))
        ax.set_ylabel("cell")
        ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        _hide_ticks_above(ax, size - 1)
        if size == 1:
            ax.set_yticks([0])
        return
    edges = np.cumsum([0, *sizes.values()])
    ax.set_yticks((edges[1:] + edges[:-1] - 1) / 2, [f"{n} ({s})" for n, s in sizes.items()])
    ax.tick_params(axis="y", length=0)
    for edge in edges[1:-1]:
        ax.axhline(edge - 0.5, color=style.RULE, linewidth=0.7, zorder=0)


def add_rates(sheet: Sheet, sizes: Mapping[str, int]) -> None:
    """The rate of the whole network over time, where single spikes are too many to follow."""
    bin_ms = min(5.0, sheet.duration_ms / 20)
    n_bins = max(1, math.floor(sheet.duration_ms / bin_ms + 1e-9))
    cells = sum(sizes.values())
    rates = []
    for series in sheet.series:
        times, _ = select.stacked(series.recording, sizes)
        # A spike is stamped with the end of its step, so an edge belongs to the bin before it.
        place = np.maximum(np.ceil(times / bin_ms - 1e-9).astype(np.int64) - 1, 0)
        counts = np.bincount(place[place < n_bins], minlength=n_bins)
        rates.append(np.asarray(counts / (cells * bin_ms * 1e-3), dtype=np.float64))
    index, ax = sheet.layout.add(0.7, f"rate of all {cells} cells in bins of {bin_ms:g} ms")
    ax.set_ylabel("rate (Hz)")
    ax.set_ylim(0.0, 1.1 * max(float(r.max()) for r in rates) or 1.0)
    ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
    middle = np.asarray((np.arange(n_bins) + 0.5) * bin_ms, dtype=np.float64)
    for series, rate in zip(sheet.series, rates, strict=True):
        _draw_line(sheet, index, ax, middle, rate, series)
