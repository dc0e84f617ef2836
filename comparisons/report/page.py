"""The page of a comparison, and its parts in a folder."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ...core.describe import describe
from ...core.errors import InputError
from ...core.settings import MODES
from ...core.storage import atomic_folder
from .. import words
from ..compare import BIN_MS, Comparison
from . import render, tables
from .figures import Drawing, draw_comparison

PAGE = "index.html"
EXPERIMENT = "experiment.json"
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, eq=False)
class Figured:
    """The drawing of one mode and its SVG, drawn once for the page and the file."""

    mode: str
    drawing: Drawing
    svg: str

    @property
    def file(self) -> str:
        """The name of its files without the ending."""
        return f"figure-{self.mode}"


def write_report(comparison: Comparison, folder: str | Path) -> Path:
    """Write the page with its figures, tables and JSON to a folder; returns the path of the page.

    A new folder appears whole. In one that exists only files of a report are replaced, each whole, the
    page last; everything else there stays as it is.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "is a file; the report needs a folder")
    files = report_files(comparison)
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
        for name in sorted(files, key=lambda name: name == PAGE):
            os.replace(scratch / name, folder / name)
        # Figures of modes that an earlier report had and this one has not.
        for mode in MODES:
            for ending in ("png", "svg"):
                if (name := f"figure-{mode}.{ending}") not in files:
                    (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def report_files(comparison: Comparison) -> dict[str, bytes]:
    """Every file of the report by name."""
    drawn = []
    for mode in words.modes_of(comparison):
        if any(run.ok and run.mode == mode for run in comparison.runs):
            drawing = draw_comparison(comparison, mode)
            drawn.append(Figured(mode, drawing, render.svg(drawing.figure, mode)))
    statistics = tables.statistics_rows(tables.statistics_of(comparison))
    texts = {
        PAGE: page_html(comparison, drawn, statistics),
        EXPERIMENT: comparison.experiment.to_json() + "\n",
        "comparison.json": comparison.to_json() + "\n",
        "runs.csv": tables.as_csv(tables.RUN_FIELDS, tables.run_rows(comparison)),
        "pairs.csv": tables.as_csv(tables.PAIR_FIELDS, tables.pair_rows(comparison)),
        "traces.csv": tables.as_csv(tables.TRACE_FIELDS, tables.trace_rows(comparison)),
        "statistics.csv": tables.as_csv(tables.STATISTICS_FIELDS, statistics),
        **{f"{one.file}.svg": render.standalone_svg(one.svg) for one in drawn},
    }
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    return files | {f"{one.file}.png": render.png(one.drawing.figure) for one in drawn}


def page_html(
    comparison: Comparison, drawn: Sequence[Figured], statistics: Sequence[tables.Row]
) -> str:
    """The page: verdict in words, matrix, figures, tables, provenance."""
    experiment = comparison.experiment
    figures = [
        {
            "mode": one.mode,
            "file": one.file,
            "svg": Markup(render.inline_svg(one.svg, one.mode, one.drawing.alt)),
            "zoom": Markup(render.zoom_data(one.drawing, one.mode)) if one.drawing.tracks else "",
            "caption": one.drawing.caption,
        }
        for one in drawn
    ]
    html: str = template("report.html.jinja").render(
        name=experiment.name,
        variant=experiment.variant,
        title=experiment.title,
        worst=comparison.worst,
        modes=[
            {
                "name": mode,
                "worst": words.worst_of(words.pairs_of(comparison, mode)),
                "sentences": words.mode_sentences(comparison, mode),
            }
            for mode in words.modes_of(comparison)
        ],
        matrices=matrices(comparison),
        meanings=words.MEANING,
        figures=figures,
        runs=comparison.runs,
        pairs={
            mode: pairs
            for mode in words.modes_of(comparison)
            if (pairs := words.pairs_of(comparison, mode))
        },
        labels=words.run_labels(comparison.runs),
        tolerance=f"{comparison.pairs[0].tolerance_ms:g}" if comparison.pairs else "",
        statistics=statistics,
        bin_ms=f"{BIN_MS:g}",
        notes=notes_of(comparison),
        model=describe(experiment),
        open_model=False,
        command=command(comparison),
        provenance=provenance(comparison),
        css=asset("report.css"),
        script=asset("zoom.js") if any(f["zoom"] for f in figures) else "",
    )
    return html


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = words.scientific
    environment.globals["symbols"] = words.SYMBOLS
    return environment


def template(name: str) -> Any:
    """A template by file name; all text that it is given is escaped."""
    return _environment().get_template(name)


def asset(name: str) -> Markup:
    """A style sheet or script of ours, as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def matrices(comparison: Comparison) -> list[dict[str, Any]]:
    """For every mode with a pair the verdicts of runs × runs, each with its main number."""
    labels = words.run_labels(comparison.runs)
    found = []
    for mode in words.modes_of(comparison):
        pairs = words.pairs_of(comparison, mode)
        if not pairs:
            continue
        by_ids = {frozenset((p.a, p.b)): p for p in pairs}
        ids = [run.id for run in comparison.runs if run.mode == mode and run.ok]
        rows = []
        for a in ids:
            cells: list[dict[str, str] | None] = []
            for b in ids:
                pair = by_ids.get(frozenset((a, b))) if a != b else None
                cells.append(
                    None if pair is None else
                    {"verdict": pair.verdict, "number": words.main_number(pair), "title": pair.in_words}
                )  # fmt: skip
            rows.append({"label": labels[a], "cells": cells})
        found.append({"mode": mode, "labels": [labels[i] for i in ids], "rows": rows})
    return found


def notes_of(comparison: Comparison) -> list[str]:
    """The notes of the comparison and of its runs, each once, with the runs that made it."""
    notes: dict[str, list[str]] = {}
    for run in comparison.runs:
        own = [*run.notes, *(run.recording.notes if run.ok else ())]
        for note in dict.fromkeys(own):
            notes.setdefault(note, []).append(run.id)
    return [
        *comparison.notes,
        *(f"{', '.join(ids)}: {n}" for n, ids in notes.items() if n not in comparison.notes),
    ]


def command(comparison: Comparison) -> str:
    """The command that repeats the comparison from the experiment beside the page."""
    settings = [
        dict(run.recording.provenance.get("settings") or {}) for run in comparison.runs if run.ok
    ]
    backends = list(dict.fromkeys(run.backend for run in comparison.runs))
    parts = ["coincide", "compare", EXPERIMENT, "-b", *[b for b in backends if b != "reference"]]
    if parts[-1] == "-b":
        parts.append("reference")
    if "reference" not in backends:
        parts.append("--no-reference")
    parts += ["--mode", *words.modes_of(comparison)]
    # Written only where it was not left to its default.
    for option, name, default in (("--method", "method", None), ("--device", "device", "cpu")):
        given = {s.get(name) for s in settings} - {default, None}
        if len(given) == 1:
            parts += [option, str(given.pop())]
    tolerances = {pair.tolerance_ms for pair in comparison.pairs} - {comparison.experiment.dt_ms}
    if len(tolerances) == 1:
        parts += ["--tolerance", f"{tolerances.pop():g} ms"]
    return shlex.join(parts)


def provenance(comparison: Comparison) -> list[tuple[str, str]]:
    """Where the results come from, as terms and texts."""
    experiment = comparison.experiment
    machines = [run.recording.provenance.get("machine") for run in comparison.runs if run.ok]
    machine: Mapping[str, Any] = next((m for m in machines if m), {})
    versions = {run.backend: run.version for run in comparison.runs if run.version}
    packages = machine.get("packages", {})
    try:
        own = version("coincide")
    except PackageNotFoundError:
        own = "not installed as a package"
    rows = [
        ("coincide", own),
        ("simulators", ", ".join(f"{name}: {v}" for name, v in versions.items())),
        ("packages", ", ".join(f"{name} {v}" for name, v in packages.items())),
        ("Python", machine.get("python", "")),
        ("machine", _machine(machine)),
        ("experiment", " ".join(filter(None, (experiment.name, experiment.variant)))),
        ("source of the model", experiment.source),
        ("hash", experiment.hash),
        ("seed", str(experiment.seed)),
        ("time step", f"{experiment.dt_ms:g} ms"),
        ("duration", f"{experiment.duration_ms:g} ms"),
    ]
    return [(term, text) for term, text in rows if text]


def _machine(machine: Mapping[str, Any]) -> str:
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    return ", ".join(filter(None, (machine.get("platform"), machine.get("processor"), cores)))
