"""The page of a comparison: its verdicts in words, and its sections."""

from __future__ import annotations

import shlex
from typing import Any

from markupsafe import Markup

from ...showing.page import EXPERIMENT, macro, template
from ...showing.provenance import options_of, provenance_of
from ...showing.section import Provenance, Section, Statement, Table, bullets, prose, quiet
from ...showing.statistics import STATISTICS_FIELDS, statistics_html, statistics_rows
from . import tables, words
from .figures import draw_comparison, first_mode
from .rungs import ladder_section
from .study import Comparison, yardstick


def statements(comparison: Comparison) -> list[Statement]:
    """The verdict of every mode in words."""
    found = []
    for mode in words.modes_of(comparison):
        worst = comparison.verdict_in(mode)
        said = tuple(words.mode_sentences(comparison, mode))
        found.append(Statement(mode, said, worst or "", "" if worst else "bad"))
    return found


def sections(comparison: Comparison) -> list[Section]:
    """The sections of a comparison: matrix, figures, runs, pairs, statistics, notes."""
    found = [
        matrix_section(comparison),
        ladder_section(comparison),
        *_figure_sections(comparison),
        _runs_section(comparison),
        *_pair_sections(comparison),
        *_statistics_sections(comparison),
    ]
    notes = notes_of(comparison)
    found.append(Section("Notes", bullets(notes)) if notes else None)
    return [section for section in found if section is not None]


def provenance(comparison: Comparison) -> Provenance:
    """The command that repeats it, the versions, the machine."""
    return provenance_of(comparison.experiment, comparison.runs, comparison_command(comparison))


def notebook(comparison: Comparison) -> list[Section]:
    """The matrix, the runs, the notes and the figure of the first mode."""
    mode = first_mode(comparison)
    found = [
        matrix_section(comparison),
        Section("", macro("runs_table", comparison.runs)),
        Section("", prose(*notes_of(comparison), quiet=True)),
        Section("", figures={f"figure-{mode}": draw_comparison(comparison, mode)}),
    ]
    return [section for section in found if section is not None]


def matrix_section(comparison: Comparison) -> Section | None:
    """The verdicts of backends × backends in every mode; None without a pair."""
    found = matrices(comparison)
    if not found:
        return None
    shown = Markup("").join(macro("matrix", table) for table in found)
    html = Markup('<div class="matrices">{}</div>\n').format(shown)
    html += Markup(template("macros.jinja").module.meanings(words.MEANING))
    html += quiet(
        "Below each verdict: the largest difference of a trace as a share of its range, or the spikes "
        "matched."
    )
    return Section("Every two runs", html)


def _figure_sections(comparison: Comparison) -> list[Section]:
    modes = [
        mode
        for mode in words.modes_of(comparison)
        if any(run.ok and run.mode == mode for run in comparison.runs)
    ]
    return [
        Section(
            "Traces and spikes" + (f": {mode}" if len(modes) > 1 else ""),
            figures={f"figure-{mode}": draw_comparison(comparison, mode)},
        )
        for mode in modes
    ]


def _runs_section(comparison: Comparison) -> Section:
    return Section(
        "Runs",
        macro("runs_table", comparison.runs),
        tables={"runs": Table.file(tables.RUN_FIELDS, tables.run_rows(comparison))},
        data={"comparison": comparison.to_dict()},
    )


def _pair_sections(comparison: Comparison) -> list[Section]:
    labels = words.run_labels(comparison.runs)
    groups = {mode: words.pairs_of(comparison, mode) for mode in words.modes_of(comparison)}
    found = []
    if any(pair.spikes for pair in comparison.pairs):
        tolerance = f"{comparison.pairs[0].tolerance_ms:g}"
        html = quiet(
            f"Matched one to one within {tolerance} ms; missing: of the first run only, extra: of the second "
            "only; others: how far these are from the nearest spike of their cell in the other run."
        )
        for mode, pairs in groups.items():
            if any(pair.spikes for pair in pairs):
                html += macro("spikes_table", pairs, labels, mode)
        table = Table.file(tables.PAIR_FIELDS, tables.pair_rows(comparison))
        found.append(Section("Spikes of every pair", html, tables={"pairs": table}))
    if any(pair.traces for pair in comparison.pairs):
        html = quiet(
            "Δ is the second run minus the first, at the same times, over all cells recorded; round-off is "
            "10⁻⁹ of the range."
        )
        for mode, pairs in groups.items():
            if any(pair.traces for pair in pairs):
                html += macro("traces_table", pairs, labels, mode)
        table = Table.file(tables.TRACE_FIELDS, tables.trace_rows(comparison))
        found.append(Section("Traces of every pair", html, tables={"traces": table}))
    return found


def _statistics_sections(comparison: Comparison) -> list[Section]:
    rows = statistics_rows(tables.statistics_of(comparison))
    if not rows:
        return []
    table = Table.file(STATISTICS_FIELDS, rows)
    return [Section("Firing statistics", statistics_html(rows), tables={"statistics": table})]


def matrices(comparison: Comparison) -> list[dict[str, Any]]:
    """For every mode with a pair the verdicts of runs × runs, each with its main number."""
    labels = words.run_labels(comparison.runs)
    found = []
    for mode in words.modes_of(comparison):
        pairs = words.pairs_of(comparison, mode)
        if not pairs:
            continue
        by_ids = {frozenset((p.a, p.b)): p for p in pairs}
        good = [run for run in comparison.runs if run.mode == mode and run.ok]
        # The one that others are held against comes first.
        ids = [run.id for run in sorted(good, key=yardstick)]
        rows = []
        for a in ids:
            cells: list[dict[str, str] | None] = []
            for b in ids:
                pair = by_ids.get(frozenset((a, b))) if a != b else None
                cells.append(
                    None
                    if pair is None
                    else {
                        "verdict": pair.verdict,
                        "number": words.main_number(pair),
                        "title": pair.in_words,
                    }
                )
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


def comparison_command(comparison: Comparison) -> str:
    """The command that repeats a comparison from the experiment beside the page."""
    backends = list(dict.fromkeys(run.backend for run in comparison.runs))
    parts = ["coincide", "compare", EXPERIMENT, "-b", *[b for b in backends if b != "reference"]]
    if parts[-1] == "-b":
        parts.append("reference")
    if "reference" not in backends:
        parts.append("--no-reference")
    parts += ["--mode", *words.modes_of(comparison)]
    parts += options_of(comparison.runs)
    tolerances = {pair.tolerance_ms for pair in comparison.pairs} - {comparison.experiment.dt_ms}
    if len(tolerances) == 1:
        parts += ["--tolerance", f"{tolerances.pop():g} ms"]
    return shlex.join(parts)
