"""What a notebook shows of a comparison, a run, a recording, with figures."""

from __future__ import annotations

from ...showing.page import macro, notebook_page
from ...showing.section import Section, prose
from .figures import draw_comparison, first_mode
from .page import matrix_section, notes_of, statements
from .study import Comparison


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
