"""The tables of ``coincide targets --out``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ..arguments import write_json
from .beside import UNITS, Study


def write_beside(study: Study, folder: Path) -> Path:
    """Write ``values.csv``, ``targets.csv``, ``claims.csv`` and ``study.json``; returns the folder."""
    import pandas

    folder.mkdir(parents=True, exist_ok=True)
    values = [{**asdict(v), "unit": UNITS[v.quantity]} for v in study.values]
    for row in values:
        row["by_seed"] = " ".join(f"{x:.6g}" for x in row["by_seed"])
    targets = []
    for t in study.targets.targets:
        row = asdict(t)
        for name in study.simulators:
            value = study.value(t.state, t.variant, t.group, t.quantity, name)
            if value is not None:
                row |= {
                    f"{name}": value.mean, f"{name} low": value.low, f"{name} high": value.high,
                    f"{name} standing": value.standing(t.value),
                }  # fmt: skip
        if t.state in study.states:
            targets.append(row)
    claims = [
        {"claim": c.claim.name, "simulator": c.simulator, "ratio": c.ratio, "low": c.low,
         "high": c.high, "bound": c.claim.bound, "holds": c.holds}
        for c in study.claims
    ]  # fmt: skip
    for name, rows in (("values", values), ("targets", targets), ("claims", claims)):
        pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    write_json(study.to_dict(), str(folder / "study.json"))
    return folder
