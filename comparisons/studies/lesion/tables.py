"""A study as tables and as plain data."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pandas

from ...measuring.readings import Measure
from .effects import Effect
from .study import LesionStudy
from .words import in_words


def readings_table(study: LesionStudy) -> pandas.DataFrame:
    """One row for every read-out of every run."""
    return pandas.DataFrame(
        [
            {
                "mode": r.run.mode,
                "simulator": r.simulator,
                "arm": r.arm.name,
                "severity": r.arm.severity,
                "seed": r.seed,
                "population": m.population,
                "quantity": m.quantity,
                "unit": m.unit,
                "value": reading.value,
                "why": reading.why,
            }
            for r, readings in zip(study.runs, study.readings, strict=True)
            for m, reading in readings.items()
        ],
        columns=[
            "mode",
            "simulator",
            "arm",
            "severity",
            "seed",
            "population",
            "quantity",
            "unit",
            "value",
            "why",
        ],
    )


def effects_table(study: LesionStudy) -> pandas.DataFrame:
    """One row for every lesion, severity, read-out and simulator."""
    return pandas.DataFrame(
        [
            {
                "mode": e.mode, "arm": e.arm, "severity": e.severity,
                "population": e.measure.population, "quantity": e.measure.quantity,
                "unit": e.measure.unit, "simulator": s.simulator, "healthy": s.healthy,
                "lesioned": s.lesioned, "effect": s.effect, "low": s.low, "high": s.high,
                "relative": s.relative, "seeds": e.n_seeds, "disagreement": e.disagreement,
                "apart": e.apart, "ratio": e.ratio, "verdict": e.verdict, "in_words": in_words(e),
            }
            for e in study.effects
            for s in e.simulators
        ],
        columns=[
            "mode", "arm", "severity", "population", "quantity", "unit", "simulator", "healthy",
            "lesioned", "effect", "low", "high", "relative", "seeds", "disagreement", "apart",
            "ratio", "verdict", "in_words",
        ],
    )  # fmt: skip


def dose_table(study: LesionStudy) -> pandas.DataFrame:
    """One row for every lesion, read-out, simulator and severity, 0 included.

    ``response`` is the healthy mean plus the effect; ``low`` and ``high`` its interval, that of the effect.
    """
    rows: list[dict[str, Any]] = []
    for mode in study.modes:
        for name in study.lesions:
            for m in study.measures:
                found = [e for e in study.effects if (e.mode, e.arm, e.measure) == (mode, name, m)]
                rows += _doses(found)
    columns = [
        "mode",
        "arm",
        "population",
        "quantity",
        "unit",
        "simulator",
        "severity",
        "response",
        "low",
        "high",
    ]
    return pandas.DataFrame(rows, columns=columns)


def _doses(effects: list[Effect]) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys(s.simulator for e in effects for s in e.simulators):
        told = [(e, s) for e in effects for s in e.simulators if s.simulator == name]
        first, healthy = told[0]
        base = {
            "mode": first.mode,
            "arm": first.arm,
            "population": first.measure.population,
            "quantity": first.measure.quantity,
            "unit": first.measure.unit,
            "simulator": name,
        }
        rows.append(
            {
                **base,
                "severity": 0.0,
                "response": healthy.healthy,
                "low": math.nan,
                "high": math.nan,
            }
        )
        rows += [
            {
                **base,
                "severity": e.severity,
                "response": s.lesioned,
                "low": possible_edge(e, s.healthy + s.low),
                "high": possible_edge(e, s.healthy + s.high),
            }
            for e, s in told
        ]
    return rows


def possible_edge(e: Effect, value: float) -> float:
    """An edge of an interval within what a read-out can be: none is below 0, a transmission not above 1."""
    if math.isnan(value):
        return value
    return min(max(value, 0.0), 1.0 if e.measure.quantity == "transmission" else math.inf)


def unchanged(study: LesionStudy, mode: str, name: str) -> list[Measure]:
    """The read-outs that are the same at every severity, on every simulator."""
    changed = {
        e.measure
        for e in study.effects
        if (e.mode, e.arm) == (mode, name)
        and not (e.silent or all(s.effect == 0.0 for s in e.simulators))
    }
    return [m for m in study.measures if m not in changed]


def plain(study: LesionStudy) -> dict[str, Any]:
    """What was found, as plain data.

    ``ratio`` is null where the simulators agree to round-off (``agree`` is then true) or only one ran.
    """
    return {
        "from_ms": study.start_ms,
        "seeds": study.seeds,
        "arms": [
            {
                "name": arm.name,
                "severity": arm.severity,
                "title": arm.lesion.title if arm.lesion else "",
                "citation": arm.lesion.citation if arm.lesion else "",
                "perturbations": [
                    p.model_dump(mode="json", exclude_defaults=True)
                    for p in (arm.lesion.perturbations if arm.lesion else ())
                ],
            }
            for arm in study.arms
        ],
        "runs": [
            {
                "arm": r.arm.name,
                "severity": r.arm.severity,
                "seed": r.seed,
                "simulator": r.simulator,
                **r.run.to_dict(),
            }
            for r in study.runs
        ],
        "readings": study.table.to_dict("records"),
        "effects": [_plain_effect(effect) for effect in study.effects],
        "sentences": [
            {
                "mode": mode,
                "arm": name,
                "sentence": study.sentence(mode, name),
                "caveats": [asdict(caveat) for caveat in study.caveats(mode, name)],
            }
            for mode in study.modes
            for name in study.lesions
        ],
        "notes": study.notes,
    }


def _plain_effect(e: Effect) -> dict[str, Any]:
    return {
        "mode": e.mode, "arm": e.arm, "severity": e.severity,
        "population": e.measure.population, "quantity": e.measure.quantity,
        "unit": e.measure.unit, "seeds": e.n_seeds, "effect": e.effect, "relative": e.relative,
        "disagreement": e.disagreement, "apart": e.apart, "agree": e.agree, "ratio": e.ratio,
        "verdict": e.verdict, "in_words": in_words(e),
        "caveats": [asdict(caveat) for caveat in e.caveats],
        "simulators": [
            {
                "simulator": s.simulator, "healthy": s.healthy, "lesioned": s.lesioned,
                "effect": s.effect, "low": s.low, "high": s.high, "relative": s.relative,
                "judge": s.judge,
            }
            for s in e.simulators
        ],
    }  # fmt: skip
