"""A study of convergence as plain data and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...measuring.pairs import json_safe
from .order import Order
from .study import ConvergenceStudy, Series
from .words import sentence

if TYPE_CHECKING:
    import pandas

LEVELS: Mapping[str, str] = {
    "backend": "backend",
    "mode": "mode",
    "method": "method",
    "dt_ms": "dt (ms)",
    "status": "status",
    "spikes": "spikes",
    "spike_error_ms": "largest shift (ms)",
    "trace_error": "trace error (rms, share of range)",
    "agree_until_ms": "same spikes until (ms)",
    "build_s": "build (s)",
    "run_s": "run (s)",
    "wall_s": "wall (s)",
    "peak_mb": "peak (MB)",
    "reason": "reason",
}
ORDERS: Mapping[str, str] = {
    "series": "series",
    "quantity": "quantity",
    "unit": "unit",
    "numbers": "numbers",
    "finest_dt_ms": "finest dt (ms)",
    "error": "error (rms)",
    "largest": "largest",
    "order": "order",
    "order_low": "low",
    "order_high": "high",
    "limit": "limit − truth (rms)",
    "limit_uncertainty": "± limit",
    "verdict": "verdict",
}


def level_rows(study: ConvergenceStudy) -> list[dict[str, Any]]:
    """A row for every level of every series."""
    rows = []
    for s in study.series:
        for level in s.levels:
            run, error = level.run, level.error
            rows.append(
                {
                    "backend": s.backend,
                    "mode": s.mode,
                    "method": run.method or s.method,
                    "dt_ms": level.dt_ms,
                    "status": run.status,
                    "reason": run.reason,
                    "spikes": sum(run.spikes.values()) if run.ok else None,
                    "spike_error_ms": None if error is None else error.spike_ms,
                    "trace_error": None if error is None else error.trace_rms,
                    "agree_until_ms": level.agree_until_ms,
                    "build_s": run.build_s,
                    "run_s": run.run_s,
                    "wall_s": run.wall_s,
                    "peak_mb": run.peak_mb,
                }
            )
    return rows


def order_rows(study: ConvergenceStudy) -> list[dict[str, Any]]:
    """A row for every quantity of every series."""
    return [_order_row(s, o) for s in study.series for o in s.orders]


def _order_row(s: Series, o: Order) -> dict[str, Any]:
    row = {
        "series": s.label,
        "quantity": o.name,
        "unit": o.unit,
        "numbers": o.n,
        "finest_dt_ms": o.dts[-1],
        "error": o.errors[-1] if o.errors else None,
        "largest": o.largest,
        "order": o.order,
        "order_low": o.low,
        "order_high": o.high,
        "limit": o.limit_rms,
        "limit_uncertainty": o.limit_uncertainty,
        "verdict": o.verdict,
    }
    found: dict[str, Any] = json_safe(row)
    return found


TESTS: Mapping[str, str] = {
    "quantity": "statistic",
    "a": "yardstick",
    "b": "held against it",
    "unit": "unit",
    "mean_a": "mean",
    "mean_b": "mean of the other",
    "difference": "difference",
    "low": "low",
    "high": "high (90 %)",
    "margin": "± margin",
    "p": "p",
    "power": "power",
    "n": "seeds",
    "seeds_needed": "seeds for a power of 0.80",
    "verdict": "verdict",
}


def equivalence_rows(study: ConvergenceStudy) -> list[dict[str, Any]]:
    """A row for every equivalence test."""
    tests = () if study.horizon is None else study.horizon.tests
    rows: list[dict[str, Any]] = json_safe([asdict(t) for t in tests])
    return rows


def levels_table(study: ConvergenceStudy) -> pandas.DataFrame:
    """`level_rows` as a table."""
    import pandas as pd

    return pd.DataFrame(level_rows(study), columns=[*LEVELS])


def orders_table(study: ConvergenceStudy) -> pandas.DataFrame:
    """`order_rows` as a table."""
    import pandas as pd

    return pd.DataFrame(order_rows(study), columns=[*ORDERS])


def plain(study: ConvergenceStudy) -> dict[str, Any]:
    """What was found, as plain data."""
    return {
        "verdict": study.verdict,
        "caveats": [asdict(caveat) for caveat in study.caveats],
        "truth": study.truth,
        "truth_is_oracle": study.truth_is_oracle,
        "budget_s": study.budget_s,
        "flagged": [s.label for s in study.flagged],
        "series": [_series(s) for s in study.series],
        "horizon": None if study.horizon is None else study.horizon.to_dict(),
        "in_words": study.sentences(),
        "notes": list(study.notes),
    }


def _series(s: Series) -> dict[str, Any]:
    return {
        "backend": s.backend,
        "mode": s.mode,
        "method": s.method,
        "version": s.version,
        "verdict": s.verdict,
        "stopped": s.stopped,
        "caveats": [asdict(caveat) for caveat in s.caveats],
        "sentence": sentence(s),
        "levels": [
            {
                "dt_ms": level.dt_ms,
                "agree_until_ms": level.agree_until_ms,
                "error": None if level.error is None else level.error.to_dict(),
                "run": level.run.to_dict(),
            }
            for level in s.levels
        ],
        "orders": [{**asdict(o), "reasons": list(s.reasons.get(o.name, ()))} for o in s.orders],
    }
