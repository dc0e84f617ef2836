"""A sheet as HTML: a fragment for other pages, and a page of its own."""

from __future__ import annotations

import csv
import io
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...showing.section import Provenance, Section, Statement, Table
from .sheet import MARKS, MEANING, Column, Sheet

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("sheet.html.jinja")


def sheet_html(sheet: Sheet, *, style: bool = True) -> str:
    """The sheet as an HTML fragment in one ``<div class="convention-sheet">``; all text is escaped.

    ``style=False`` leaves its style sheet out, for a page that shows several.
    """
    css = Markup((_HERE / "sheet.css").read_text(encoding="utf-8")) if style else ""
    sections = [
        {"name": name, "probes": [p for p in sheet.probes if p.section == name]}
        for name in dict.fromkeys(p.section for p in sheet.probes)
    ]
    findings = [d for d in sheet.declarations if d.standing not in ("shown", "not probed")]
    unprobed = [d for d in sheet.declarations if d.standing == "not probed"]
    columns, folded = sheet.folded
    html = _template().render(
        sheet=sheet,
        columns=columns,
        folded=folded,
        sections=sections,
        findings=findings,
        unprobed=unprobed,
        marks=MARKS,
        meaning=MEANING,
        css=css,
    )
    return str(html)


def sections(sheet: Sheet) -> list[Section]:
    """The sheet as a section of a page, with its CSV and JSON."""
    rows = list(csv.DictReader(io.StringIO(sheet.to_csv())))
    return [
        Section(
            "Conventions, measured",
            Markup(sheet_html(sheet)),
            tables={"conventions": Table.file(rows[0] if rows else (), rows)},
            data={"conventions": sheet.to_dict()},
        )
    ]


def heading(sheet: Sheet) -> tuple[str, str]:
    """What a sheet is about."""
    said = "as measured on the installed versions, beside the clock contract"
    return "Conventions of simulators", said


def statements(sheet: Sheet) -> list[Statement]:
    """How many conventions of every column are not those of the contract."""
    return [Statement(*_said(column)) for column in sheet.columns]


def provenance(sheet: Sheet) -> Provenance:
    """The command that measures them again, and what was measured."""
    return Provenance(_command(sheet), (("simulators", _versions(sheet)),))


def _said(column: Column) -> tuple[str, tuple[str, ...]]:
    """What departs from the contract in one column."""
    n = len(column.others)
    asked = sum(cell.status == "measured" for cell in column.cells)
    said = f"{n} of {asked} measured conventions are not those of the clock contract."
    return f"{column.backend}, {column.mode}", (said,)


def _command(sheet: Sheet) -> str:
    backends = dict.fromkeys(column.backend for column in sheet.columns)
    modes = dict.fromkeys(column.mode for column in sheet.columns)
    return shlex.join(["coincide", "conventions", "-b", *backends, "--mode", *modes])


def _versions(sheet: Sheet) -> str:
    return ", ".join(dict.fromkeys(f"{c.backend}: {c.version}" for c in sheet.columns))
