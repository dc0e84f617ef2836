"""What a notebook shows of a run and of a recording."""

from __future__ import annotations

from ...core.recording import Recording
from ..measuring.caveats import caveats_of
from ..measuring.populations import population_statistics
from ..measuring.wording import caveat_sentences
from ..running.runs import Run
from .page import macro, notebook_page
from .recordings import draw_recordings
from .section import Section, prose
from .statistics import Statistics, statistics_html, statistics_rows


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
        Statistics(label, name, *population_statistics(recording, name))
        for name in recording.spikes
    ]
    rows = statistics_rows(found)
    return [
        *([Section("", statistics_html(rows))] if rows else []),
        Section("", prose(*notes, quiet=True)),
        Section("", figures={"figure": draw_recordings([(label, backend, recording)])}),
    ]
