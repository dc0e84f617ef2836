"""Pages: one HTML file that needs nothing else, with its figures, tables and data beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ...core.describe import describe
from ...core.errors import InputError
from ...core.storage import atomic_folder
from ..measuring import wording
from ..measuring.pairs import json_safe
from . import render
from .charts import styled
from .drawing import Drawing
from .layout import WIDTH_IN
from .section import Provenance, Section, Statement, unbroken

PAGE = "index.html"
CONTENTS = "page.json"
EXPERIMENT = "experiment.json"
_TEMPLATES = Path(__file__).parent / "templates"
_FEW_SECTIONS = 4
_DPI = 120


def write_page(
    folder: str | Path,
    title: str,
    verdict: Sequence[Statement],
    sections: Sequence[Section],
    provenance: Provenance,
    subtitle: str = "",
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a page with the figures, tables and data of its sections to a folder; returns the page.

    *beside* are further texts to write, by the names of their files.
    A new folder appears whole. In one that exists the files of an earlier page are replaced, each whole, the
    page last, and those that this page has not are removed; everything else there stays as it is. Raises
    InputError when the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "is a file; the report needs a folder")
    files = page_files(title, verdict, sections, provenance, subtitle, beside)
    if not folder.exists():
        with atomic_folder(folder) as new:
            for name, content in files.items():
                (new / name).write_bytes(content)
    else:
        _replace_files(folder, files)
    return folder / PAGE


def _replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".report."))
    try:
        for name, content in files.items():
            (scratch / name).write_bytes(content)
        before = _files_of(folder)
        for name in sorted(files, key=lambda name: name == PAGE):
            os.replace(scratch / name, folder / name)
        for name in before - files.keys():
            (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _files_of(folder: Path) -> set[str]:
    """The names of the files of the page that is in a folder."""
    try:
        found = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))["files"]
        # A name from outside must not lead out of the folder.
        return {name for name in found if Path(name).name == name}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


@dataclass(frozen=True, eq=False)
class _Shown:
    """A figure of a page, rendered once for the page and for its files."""

    name: str
    drawing: Drawing
    svg: str
    narrow: str

    @classmethod
    def of(cls, name: str, drawing: Drawing) -> _Shown:
        # Ticks that are only made when a figure is rendered take the style of then.
        with styled():
            narrow = drawing.narrow and render.svg(drawing.narrow.figure, _narrow(name))
            return cls(name, drawing, render.svg(drawing.figure, name), narrow or "")

    def inline(self) -> dict[str, Any]:
        """What the template needs."""
        widths = [("wide" if self.narrow else "", self.name, self.drawing, self.svg)]
        if self.drawing.narrow is not None:
            widths.append(("narrow", _narrow(self.name), self.drawing.narrow, self.narrow))
        return {
            "name": self.name,
            "caption": self.drawing.caption,
            "zoom": bool(self.drawing.tracks),
            "drawings": [
                {
                    "width": width,
                    "share": min(1.0, drawing.figure.get_size_inches()[0] / WIDTH_IN),
                    "svg": Markup(render.inline_svg(svg, prefix, self.drawing.alt)),
                    "zoom": Markup(render.zoom_data(drawing, prefix)) if drawing.tracks else "",
                }
                for width, prefix, drawing, svg in widths
            ],
        }


def _narrow(name: str) -> str:
    return f"{name}-narrow"


def page_files(
    title: str,
    verdict: Sequence[Statement],
    sections: Sequence[Section],
    provenance: Provenance,
    subtitle: str = "",
    beside: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, bytes]:
    """Every file of a page by name."""
    shown = [[_Shown.of(name, d) for name, d in s.figures.items()] for s in sections]
    files: dict[str, bytes] = {}

    def keep(name: str, content: str | bytes) -> None:
        assert name not in files, f"two parts of a page are called {name}"
        assert Path(name).name == name, f"{name!r} is no file name"
        files[name] = content if isinstance(content, bytes) else encoded(content)

    keep(PAGE, _page_html(title, verdict, sections, shown, provenance, subtitle))
    if provenance.experiment is not None:
        keep(EXPERIMENT, provenance.experiment.to_json() + "\n")
    for section, figures in zip(sections, shown, strict=True):
        for one in figures:
            keep(f"{one.name}.svg", render.standalone_svg(one.svg))
            with styled():
                keep(f"{one.name}.png", render.png(one.drawing.figure))
        for name, table in section.tables.items():
            keep(f"{name}.csv", table.to_csv())
        for name, data in section.data.items():
            keep(f"{name}.json", as_json(data))
    for name, text in beside.items():
        keep(name, text)
    contents = {
        "title": title,
        "subtitle": subtitle,
        "verdict": [
            {"title": s.title, "word": s.word, "sentences": list(s.sentences)} for s in verdict
        ],
        "sections": [
            {"title": s.title, "figures": [*s.figures], "tables": [*s.tables], "data": [*s.data]}
            for s in sections
        ],
        "provenance": {"command": provenance.command, **dict(provenance.rows)},
        "files": sorted([*files, CONTENTS]),
    }
    keep(CONTENTS, as_json(contents))
    return files


def encoded(text: str) -> bytes:
    """A text as a file holds it, whatever a simulator wrote into its messages."""
    return text.encode("utf-8", "surrogatepass")


def as_json(data: Any) -> str:
    """Data as JSON text; NaN and infinity as null, since JSON has none."""
    return json.dumps(json_safe(data), indent=2, ensure_ascii=False) + "\n"


def _page_html(
    title: str,
    verdict: Sequence[Statement],
    sections: Sequence[Section],
    shown: Sequence[Sequence[_Shown]],
    provenance: Provenance,
    subtitle: str,
) -> str:
    experiment = provenance.experiment
    ids = _ids([section.title for section in sections])
    parts: list[dict[str, Any]] = [
        {
            "title": section.title,
            "id": name,
            "body": section.body,
            "figures": [one.inline() for one in figures],
            "tables": [t.to_html() for t in section.tables.values() if t.shown and t.rows],
            "files": section.files,
        }
        for name, section, figures in zip(ids, sections, shown, strict=True)
    ]
    zooms = any(figure["zoom"] for part in parts for figure in part["figures"])
    html: str = template("page.html.jinja").render(
        title=title,
        subtitle=subtitle,
        verdict=verdict,
        sections=parts,
        contents=len(parts) >= _FEW_SECTIONS,
        model=None if experiment is None else describe(experiment),
        provenance=provenance,
        css=asset("report.css"),
        script=asset("zoom.js") if zooms else "",
    )
    return html


def _ids(titles: Sequence[str]) -> list[str]:
    """A name for every section that links can point to."""
    found: list[str] = []
    for title in titles:
        name = "section-" + (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "untitled")
        taken = found.count(name) + (name in ("section-model", "section-provenance"))
        found.append(f"{name}-{len(found)}" if taken else name)
    return found


def notebook_page(
    title: str, verdict: Sequence[Statement], sections: Sequence[Section], subtitle: str = ""
) -> str:
    """The same parts as a notebook shows them: figures as images, nothing written to a file."""
    parts = [
        {
            "title": section.title,
            "body": section.body,
            "images": [_image(drawing) for drawing in section.figures.values()],
            "tables": [t.to_html() for t in section.tables.values() if t.shown and t.rows],
        }
        for section in sections
    ]
    html = template("notebook.html.jinja").render(
        css=asset("notebook.css"), name=title, variant=subtitle, verdict=verdict, sections=parts
    )
    return str(Markup(html))


def _image(drawing: Drawing) -> tuple[str, str, str]:
    with styled():
        address = render.data_uri(render.png(drawing.figure, _DPI))
    return address, drawing.alt, drawing.caption


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = wording.scientific
    environment.filters["unbroken"] = unbroken
    environment.globals["symbols"] = wording.SYMBOLS
    return environment


def template(name: str) -> Any:
    """A template by file name; all text that it is given is escaped."""
    return _environment().get_template(name)


def asset(name: str) -> Markup:
    """A style sheet or script of ours, as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def macro(name: str, *arguments: Any) -> Markup:
    """A table from the templates, which scrolls on its own where it is wider than the page."""
    text = getattr(template("macros.jinja").module, name)(*arguments)
    return Markup('<div class="scroll">{}</div>\n').format(Markup(text))
