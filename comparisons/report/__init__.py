"""A comparison as a page, a picture, tables; the same objects in a notebook."""

from .figures import comparison_figure, recordings_figure
from .notebook import notebook_html, recording_html, run_html
from .page import write_report

__all__ = [
    "comparison_figure",
    "notebook_html",
    "recording_html",
    "recordings_figure",
    "run_html",
    "write_report",
]
