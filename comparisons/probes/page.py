"""A sheet as HTML: a fragment for a page or a notebook, and a page of its own."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from .sheet import MARKS, MEANING, Sheet

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
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
        sheet=sheet, columns=columns, folded=folded, sections=sections, findings=findings,
        unprobed=unprobed, marks=MARKS,
        meaning=MEANING, css=css,
    )  # fmt: skip
    return str(html)


def save_sheet(sheet: Sheet, folder: Path) -> Path:
    """Write conventions.html, .csv and .json to a folder, made if absent; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "conventions.html"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Conventions of simulators, as measured</title>"
        "<style>:root { color-scheme: light dark; }"
        "body { margin: 1.5rem; font-family: system-ui, sans-serif; }"
        "</style></head><body><h1>Conventions of simulators, as measured</h1>"
    )
    page.write_text(f"{head}{sheet_html(sheet)}</body></html>\n", encoding="utf-8")
    (folder / "conventions.csv").write_text(sheet.to_csv(), encoding="utf-8")
    text = json.dumps(sheet.to_dict(), indent=2, ensure_ascii=False)
    (folder / "conventions.json").write_text(text + "\n", encoding="utf-8")
    return page
