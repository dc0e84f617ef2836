"""The page of two recordings compared: the verdict, the figure, spikes and traces, what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ...showing.page import macro
from ...showing.recordings import draw_recordings
from ...showing.section import Provenance, Section, Statement, Table, bullets
from ..explain.page import section as explanation_section
from .study import Diff

_STATISTICS: Mapping[str, str] = {
    "recording": "recording",
    "population": "population",
    "cells": "cells",
    "spikes": "spikes",
    "rate_hz": "rate (Hz)",
    "cv": "CV",
    "correlation": "correlation",
}


def heading(found: Diff) -> tuple[str, str]:
    """The names of the two."""
    return f"{found.pair.a} and {found.pair.b}", "two recordings compared"


def statements(found: Diff) -> list[Statement]:
    """The verdict with its main numbers."""
    return [Statement(heading(found)[0], (f"{found.in_words}.",), found.verdict)]


def sections(found: Diff) -> list[Section]:
    """The figure, spikes and traces, statistics of both, what was assumed, why they differ."""
    pair = found.pair
    labels = {pair.a: pair.a, pair.b: pair.b}
    named = [(pair.a, pair.a, found.a), (pair.b, pair.b, found.b)]
    parting = [
        ((row.population, row.variable), int(row.first_divergence["cell"]))
        for row in pair.traces
        if row.first_divergence is not None
    ]
    drawing = draw_recordings(named, pair.tolerance_ms, parting)
    parts = [Section("Traces and spikes", "", {"figure": drawing}, {}, {"diff": found.to_dict()})]
    if pair.spikes:
        rows = [asdict(row) for row in pair.spikes]
        html = macro("spikes_table", [pair], labels, "")
        parts.append(Section("Spikes", html, tables={"spikes": Table.file(rows[0], rows)}))
    if pair.traces:
        rows = [asdict(row) for row in pair.traces]
        html = macro("traces_table", [pair], labels, "")
        parts.append(Section("Traces", html, tables={"traces": Table.file(rows[0], rows)}))
    if rows := _statistics(found):
        statistics = Table(_STATISTICS, rows)
        parts.append(Section("Firing statistics", tables={"statistics": statistics}))
    if found.assumed:
        parts.append(Section("What was assumed", bullets(map(str, found.assumed))))
    if found.explanation is not None:
        parts.append(explanation_section(found.explanation, "Why they differ"))
    return parts


def _statistics(found: Diff) -> list[dict[str, object]]:
    names = (found.pair.a, found.pair.b)
    return [
        {"recording": name, **vars(row)}
        for name, side in zip(names, found.statistics, strict=True)
        for row in side
    ]


def provenance(found: Diff) -> Provenance:
    """The programs that wrote the two; the command is known to who asked for it."""
    names = (found.pair.a, found.pair.b)
    written = zip(names, found.versions, strict=True)
    return Provenance("", tuple((f"{name} written by", v) for name, v in written if v))
