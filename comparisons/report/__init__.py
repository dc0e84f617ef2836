"""Pages with their figures, tables and data; the same objects in a notebook.

A page is `write_page` of a title, a few `Statement` (verdicts in words), and `Section` (HTML, figures as
`Drawing`, `Table`, data), with its `Provenance`. `notebook_page` shows the same parts in a notebook.
"""

from .comparison import sections, statements, write_report
from .drawing import Drawing
from .figures import comparison_figure, recordings_figure
from .notebook import notebook_html, recording_html, run_html
from .page import EXPERIMENT, notebook_page, write_page
from .provenance import comparison_command, provenance_of
from .section import Provenance, Section, Statement, Table, bullets, prose

__all__ = [
    "EXPERIMENT",
    "Drawing",
    "Provenance",
    "Section",
    "Statement",
    "Table",
    "bullets",
    "comparison_command",
    "comparison_figure",
    "notebook_html",
    "notebook_page",
    "prose",
    "provenance_of",
    "recording_html",
    "recordings_figure",
    "run_html",
    "sections",
    "statements",
    "write_page",
    "write_report",
]
