"""What a notebook shows of a comparison, a run, a recording, with figures."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ...core.recording import Recording
from .. import words
from ..compare import Comparison, population_statistics
from ..runs import Run
from . import render, tables
from .figures import Drawing, draw_comparison, draw_recordings, first_mode
from .page import asset, matrices, notes_of, template

_DPI = 120


def notebook_html(comparison: Comparison) -> str:
    """The verdict in words, the matrix, the runs and the figure of the first mode."""
    modes = [
        {
            "name": mode,
            "worst": words.worst_of(words.pairs_of(comparison, mode)),
            "sentences": words.mode_sentences(comparison, mode),
        }
        for mode in words.modes_of(comparison)
    ]
    return _render(
        name=comparison.experiment.name,
        variant=comparison.experiment.variant,
        modes=modes,
        matrices=matrices(comparison),
        runs=comparison.runs,
        notes=notes_of(comparison),
        drawing=draw_comparison(comparison, first_mode(comparison)),
    )


def run_html(run: Run) -> str:
    """One run: how it ended, how long it took, and what it recorded."""
    if not run.ok:
        return _render(name=run.id, runs=[run])
    recording = run.recording
    return _render(
        name=run.id,
        runs=[run],
        statistics=_statistics(run.id, recording),
        notes=[*dict.fromkeys((*run.notes, *recording.notes))],
        drawing=draw_recordings([(run.id, run.backend, recording)]),
    )


def recording_html(recording: Recording) -> str:
    """A recording: the statistics of its spikes and a figure."""
    backend = str(recording.provenance.get("backend", "recording"))
    return _render(
        name=backend,
        variant=f"{recording.duration_ms:g} ms in steps of {recording.dt_ms:g} ms",
        statistics=_statistics(backend, recording),
        notes=recording.notes,
        drawing=draw_recordings([(backend, backend, recording)]),
    )


def _statistics(run: str, recording: Recording) -> list[tables.Row]:
    found = [
        tables.Statistics(run, name, *population_statistics(recording, name))
        for name in recording.spikes
    ]
    return tables.statistics_rows(found)


def _render(drawing: Drawing | None = None, **content: Any) -> str:
    image = ""
    if drawing is not None:
        image = render.data_uri(render.png(drawing.figure, _DPI))
    html = template("notebook.html.jinja").render(
        css=asset("notebook.css"), image=image, alt=drawing.alt if drawing else "", **content
    )
    return str(Markup(html))
