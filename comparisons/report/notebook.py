"""What a notebook shows of a comparison, a run, a recording, with figures."""

from __future__ import annotations

from ...core.recording import Recording
from ..caveats import caveats_of
from ..compare import Comparison, population_statistics
from ..runs import Run
from ..words import caveat_sentences
from . import tables
from .comparison import macro, matrix_section, notes_of, statements, statistics_html
from .figures import draw_comparison, draw_recordings, first_mode
from .page import notebook_page
from .section import Section, prose


def notebook_html(comparison: Comparison) -> str:
    """The verdict in words, the matrix, the runs and the figure of the first mode."""
    mode = first_mode(comparison)
    sections = [
        matrix_section(comparison),
        Section("", macro("runs_table", comparison.runs)),
        Section("", prose(*notes_of(comparison), quiet=True)),
        Section("", figures={f"figure-{mode}": draw_comparison(comparison, mode)}),
    ]
    experiment = comparison.experiment
    return notebook_page(
        experiment.name,
        statements(comparison),
        [section for section in sections if section is not None],
        experiment.variant,
    )


def run_html(run: Run) -> str:
    """One run: how it ended, how long it took, and what it recorded."""
    sections = [Section("", macro("runs_table", [run]))]
    if run.ok:
        said = caveat_sentences(caveats_of([run]))
        notes = dict.fromkeys((*said, *run.notes, *run.recording.notes))
        sections += _recorded(run.id, run.backend, run.recording, (*notes,))
    return notebook_page(run.id, (), sections)


def recording_html(recording: Recording) -> str:
    """A recording: the statistics of its spikes and a figure."""
    backend = str(recording.provenance.get("backend", "recording"))
    lasting = f"{recording.duration_ms:g} ms in steps of {recording.dt_ms:g} ms"
    said = caveat_sentences(recording.caveats)
    sections = _recorded(backend, backend, recording, (*said, *recording.notes))
    return notebook_page(backend, (), sections, lasting)


def _recorded(
    label: str, backend: str, recording: Recording, notes: tuple[str, ...]
) -> list[Section]:
    found = [
        tables.Statistics(label, name, *population_statistics(recording, name))
        for name in recording.spikes
    ]
    rows = tables.statistics_rows(found)
    return [
        *([Section("", statistics_html(rows))] if rows else []),
        Section("", prose(*notes, quiet=True)),
        Section("", figures={"figure": draw_recordings([(label, backend, recording)])}),
    ]
