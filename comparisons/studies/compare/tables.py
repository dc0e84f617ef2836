"""The numbers of a comparison as rows: for the tables of a page, and for CSV."""

from __future__ import annotations

from dataclasses import asdict

from ...measuring.populations import population_statistics
from ...showing.statistics import Row, Statistics
from .study import Comparison

RUN_FIELDS = (
    "id",
    "backend",
    "mode",
    "method",
    "status",
    "reason",
    "version",
    "spikes",
    "build_s",
    "run_s",
    "wall_s",
    "peak_mb",
    "cached",
)
PAIR_FIELDS = (
    "a", "b", "verdict", "agree_until_ms", "tolerance_ms", "population", "n_a", "n_b", "matched",
    "missing", "extra", "max_shift_ms", "rms_shift_ms", "mean_shift_ms", "first_mismatch_ms",
    "farthest_ms", "alone", "identical",
)  # fmt: skip
TRACE_FIELDS = (
    "a",
    "b",
    "population",
    "variable",
    "unit",
    "max_abs",
    "rms",
    "relative",
    "first_divergence_ms",
    "first_divergence_cell",
    "grid",
    "n_missing",
    "n_extra",
    "identical",
)


def statistics_of(comparison: Comparison) -> list[Statistics]:
    """The statistics of every population of every run, population by population."""
    found = []
    for name in dict.fromkeys(n for r in comparison.runs if r.ok for n in r.recording.spikes):
        for run in comparison.runs:
            if run.ok and name in run.recording.spikes:
                found.append(Statistics(run.id, name, *population_statistics(run.recording, name)))
    return found


def run_rows(comparison: Comparison) -> list[Row]:
    """One row for every run; spikes as population=n."""
    rows = []
    for run in comparison.runs:
        spikes = " ".join(f"{name}={n}" for name, n in run.spikes.items())
        rows.append({**{f: getattr(run, f) for f in RUN_FIELDS}, "spikes": spikes})
    return rows


def pair_rows(comparison: Comparison) -> list[Row]:
    """One row for every pair and population with spikes recorded, one for a pair without any."""
    rows = []
    for pair in comparison.pairs:
        head = {f: getattr(pair, f) for f in PAIR_FIELDS[:5]}
        rows += [{**head, **asdict(spikes)} for spikes in pair.spikes] or [head]
    return rows


def trace_rows(comparison: Comparison) -> list[Row]:
    """One row for every pair and variable recorded."""
    rows = []
    for pair in comparison.pairs:
        for trace in pair.traces:
            first = trace.first_divergence or {}
            row = {**asdict(trace), "a": pair.a, "b": pair.b}
            row["first_divergence_ms"] = first.get("t_ms")
            row["first_divergence_cell"] = first.get("cell")
            rows.append(row)
    return rows
