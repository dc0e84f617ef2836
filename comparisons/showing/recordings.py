"""The picture of recordings: traces overlaid, their difference below, rasters on top of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...core.recording import Recording
from ..measuring.wording import enumerate_words
from . import panels, style
from . import shown as select
from .charts import styled
from .drawing import Drawing
from .layout import WIDTH_IN, Layout, fitted

_MOST_STRIPS = 4


_LARGE = 200


def recordings_figure(
    recordings: Mapping[str, Recording], tolerance_ms: float | None = None
) -> Figure:
    """The picture of recordings from anywhere by label; the first is what the others are held against."""
    return draw_recordings(
        [(label, label, r) for label, r in recordings.items()], tolerance_ms
    ).figure


def draw_recordings(
    named: Sequence[tuple[str, str, Recording]],
    tolerance_ms: float | None = None,
    parting: Sequence[tuple[select.Key, int]] = (),
    order: Sequence[str] = (),
    *,
    width: float = WIDTH_IN,
    headline: str = "",
) -> Drawing:
    """Draw recordings given as (label, backend, recording), the reference first.

    *parting* are cells to show, by trace; *order* is that of the populations; *width* is in inches, and
    *headline* says above all what is drawn.
    """
    if not named:
        return _empty("No run ended well, so there is nothing to draw.", width)
    recordings = {label: recording for label, _, recording in named}
    keys = select.shared_traces(recordings)
    sizes = select.population_sizes(recordings, order)
    n_spikes = sum(len(s) for r in recordings.values() for s in r.spikes.values())
    if not keys and not n_spikes:
        return _empty("The runs have no spikes and no trace in common.", width)
    first = named[0][2]
    with styled(style.DENSE):
        sheet = panels.Sheet(
            panels.series_of(named),
            Layout(width, headline),
            max(r.duration_ms for r in recordings.values()),
            first.dt_ms if tolerance_ms is None else tolerance_ms,
        )
        for place, key in enumerate(keys[:_MOST_STRIPS]):
            cells = [cell for other, cell in parting if other == key]
            panels.add_traces(sheet, key, cells, panels.strips_of(len(keys), place))
        if n_spikes:
            panels.add_rasters(sheet, sizes)
            if sum(sizes.values()) >= _LARGE:
                panels.add_rates(sheet, sizes)
        handles = [panels.handle_of(series, not sheet.others) for series in sheet.series]
        figure, boxes = sheet.layout.build((0.0, sheet.duration_ms), handles)
        FigureCanvasAgg(figure)
    return Drawing(
        figure,
        _alt(sheet, keys, n_spikes),
        _caption(sheet, keys, n_spikes),
        (0.0, sheet.duration_ms),
        boxes,
        tuple(sheet.tracks),
    )


def _empty(message: str, width: float) -> Drawing:
    figure = Figure(figsize=(width, 0.6), facecolor="none")
    FigureCanvasAgg(figure)
    shown = fitted(message, 72 * width - 10, 8)
    figure.text(0.01, 0.5, shown, color=style.MUTED, va="center", fontsize=8)
    return Drawing(figure, message)


def _caption(sheet: panels.Sheet, keys: Sequence[select.Key], n_spikes: int) -> str:
    """How to read the figure."""
    said = []
    if keys and sheet.others:
        said.append(f"The wide grey line is {panels.in_words(sheet.reference)}.")
        if len(sheet.others) > 1:
            said.append("Where runs coincide, dashes of their colours alternate on it.")
    if keys and n_spikes:
        said.append("Ticks above the traces are spikes.")
    if n_spikes and sheet.others:
        said.append(
            f"A missing spike is one of {panels.in_words(sheet.reference)} only, "
            "an extra one of the run only."
        )
    left = len(keys) - _MOST_STRIPS
    if left > 0:
        said.append(f"{left} more variables are compared in the table of traces.")
    return " ".join(said)


def _alt(sheet: panels.Sheet, keys: Sequence[select.Key], n_spikes: int) -> str:
    parts = [f"{variable} of {population}" for population, variable in keys[:_MOST_STRIPS]]
    names = enumerate_words([s.label for s in sheet.series])
    shown = []
    if parts:
        shown.append(f"traces of {enumerate_words(parts)} overlaid")
        if sheet.others:
            shown.append(f"their difference to {panels.in_words(sheet.reference)}")
    if n_spikes:
        shown.append("raster of the spikes")
    return f"{names}: {'; '.join(shown)}; over {sheet.duration_ms:g} ms."
