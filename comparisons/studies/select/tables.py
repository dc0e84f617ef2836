"""A selection as rows and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...measuring.pairs import json_safe
from .cost import BUILD_TERMS, TERMS
from .points import Point
from .study import Selection
from .words import details, recommendation

if TYPE_CHECKING:
    import pandas

POINTS: Mapping[str, str] = {
    "backend": "backend",
    "mode": "mode",
    "method": "method",
    "dt_ms": "dt (ms)",
    "status": "status",
    "spike_error_ms": "spikes within (ms)",
    "trace_error": "traces within (rms, share of range)",
    "time_s": "build + run (s)",
    "build_s": "build (s)",
    "run_s": "run (s)",
    "compile_s": "compiled once (s)",
    "wall_s": "wall (s)",
    "peak_mb": "peak (MB)",
    "on_front": "front",
    "within": "within",
    "reason": "reason",
}
ABILITIES: Mapping[str, str] = {
    "backend": "backend",
    "mode": "mode",
    "method": "method",
    "able": "able",
    "reason": "reason",
}
FORECASTS: Mapping[str, str] = {
    "label": "candidate",
    "dt_ms": "dt (ms)",
    "target": "for",
    "seconds": "seconds",
    "build_s": "build (s)",
    "run_s": "run (s)",
    "error": "error of the check",
}


def point_rows(study: Selection) -> list[dict[str, Any]]:
    """A row for every run measured."""
    best = study.front
    return [_row(p, study, p in best) for p in study.points]


def _row(p: Point, study: Selection, on_front: bool) -> dict[str, Any]:
    row = {
        "backend": p.backend,
        "mode": p.mode,
        "method": p.method,
        "dt_ms": p.dt_ms,
        "status": p.run.status,
        "spike_error_ms": None if p.error is None else p.error.spike_ms,
        "trace_error": None if p.error is None else p.error.trace_rms,
        "time_s": p.time_s if p.run.ok else None,
        "build_s": p.build_s,
        "run_s": p.run_s,
        "compile_s": p.compile_s,
        "wall_s": p.run.wall_s,
        "peak_mb": p.run.peak_mb,
        "on_front": on_front,
        "within": p.meets(study.bound),
        "reason": p.run.reason,
    }
    found: dict[str, Any] = json_safe(row)
    return found


def ability_rows(study: Selection) -> list[dict[str, Any]]:
    """A row for every mode and method of every backend."""
    return [
        {**asdict(a), "method": a.method or "its own choice", "able": a.able}
        for a in study.abilities
    ]


def forecast_rows(study: Selection) -> list[dict[str, Any]]:
    """A row for every forecast."""
    rows = [f.to_dict() for f in study.forecasts]
    return [{name: json_safe(row[name]) for name in FORECASTS} for row in rows]


def points_table(study: Selection) -> pandas.DataFrame:
    """`point_rows` as a table."""
    import pandas as pd

    return pd.DataFrame(point_rows(study), columns=[*POINTS])


def plain(study: Selection) -> dict[str, Any]:
    """What was found, as plain data."""
    best = study.recommended
    return {
        "asked": {"kind": study.bound.kind, "value": study.bound.value},
        "truth": study.truth,
        "truth_is_oracle": study.truth_is_oracle,
        "until_ms": study.until_ms,
        "budget_s": study.budget_s,
        "recommendation": recommendation(study),
        "verdict": study.verdict,
        "caveats": [asdict(caveat) for caveat in study.caveats],
        "recommended": None if best is None else _row(best, study, True),
        "needs": [asdict(n) for n in study.needs],
        "abilities": ability_rows(study),
        "points": point_rows(study),
        "forecasts": [f.to_dict() for f in study.forecasts],
        "terms": {"run": list(TERMS), "build": list(BUILD_TERMS)},
        "details": list(details(study)),
        "notes": list(study.notes),
    }
