"""The picture of a comparison: traces overlaid, their difference below, rasters on top of each other.

Drawn on a `matplotlib.figure.Figure` without pyplot, so that nothing global changes and no window opens.
"""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from ....core.settings import MODES
from ...measuring.wording import titled
from ...running.runs import Run
from ...showing.drawing import Drawing
from ...showing.layout import NARROW_IN
from ...showing.recordings import draw_recordings
from .study import Comparison
from .words import reference_of, run_labels


def comparison_figure(comparison: Comparison, mode: str | None = None) -> Figure:
    """The picture of the runs of one mode, by default the first that has a run.

    Runs without a recording are left out; the figure says so when none is left.
    """
    return draw_comparison(comparison, mode or first_mode(comparison)).figure


def first_mode(comparison: Comparison) -> str:
    """The first mode with a run that ended well, else the first of all."""
    modes = [run.mode for run in comparison.runs if run.ok] or [r.mode for r in comparison.runs]
    return modes[0] if modes else MODES[-1]


def draw_comparison(comparison: Comparison, mode: str) -> Drawing:
    """The drawing of one mode of a comparison."""
    good = [run for run in comparison.runs if run.mode == mode and run.ok]
    labels = run_labels(comparison.runs)
    reference = reference_of(good)
    ordered: list[Run] = sorted(good, key=lambda run: run is not reference)
    pairs = [p for p in comparison.pairs if comparison.run(p.a).mode == mode]
    parting = [
        ((row.population, row.variable), int(row.first_divergence["cell"]))
        for pair in pairs
        for row in pair.traces
        if row.first_divergence is not None
    ]
    given = (
        [(labels[run.id], run.backend, run.recording) for run in ordered],
        pairs[0].tolerance_ms if pairs else comparison.experiment.dt_ms,
        parting,
        [p.name for p in comparison.experiment.populations],
    )
    wide = draw_recordings(*given, headline=f"{titled(comparison.experiment)}, {mode}")
    return replace(wide, narrow=draw_recordings(*given, width=NARROW_IN))
