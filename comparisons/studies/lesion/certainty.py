"""Many read-outs, few seeds: which effects stay when all are looked at together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from .effects import LEVEL, Effect, SimulatorEffect


def p_value(told: SimulatorEffect, n_seeds: int) -> float:
    """The two-sided p of Student's t for an effect of 0, from its interval; NaN without one."""
    if not told.has_interval:
        return math.nan
    if told.effect == 0.0:
        return 1.0
    from scipy.special import stdtr, stdtrit

    half = told.high - told.effect
    if half <= 0.0:
        return 0.0
    t = abs(told.effect) / half * float(stdtrit(n_seeds - 1, 0.5 + LEVEL / 2))
    return float(2.0 * stdtr(n_seeds - 1, -t))


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted for their number, so that any false one is as rare as a single one was.

    max_{j ≤ k} (m − j + 1)·p_(j), at most 1 (Holm 1979, Scand. J. Statist. 6:65).
    """
    order = sorted(range(len(values)), key=lambda k: values[k])
    adjusted, largest = [1.0] * len(values), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, (len(values) - rank) * values[k])
        adjusted[k] = min(1.0, largest)
    return adjusted


def all_together(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Effects with the verdicts that stay when the read-outs of a lesion are looked at together.

    Each effect's p is the largest of its simulators; those of one mode, lesion and severity are adjusted
    by `holm`. What does not stay below 5 % is unclear. Read-outs that the lesion cannot reach, the same
    in both arms to the last digit, are no tests and do not count.
    """
    found = list(effects)
    families: dict[tuple[str, str, float], list[int]] = {}
    for k, e in enumerate(found):
        tested = any(s.effect for s in e.simulators) and e.verdict != "undefined"
        if tested and all(s.has_interval for s in e.simulators):
            families.setdefault((e.mode, e.arm, e.severity), []).append(k)
    for members in families.values():
        p = [max(p_value(s, found[k].n_seeds) for s in found[k].simulators) for k in members]
        for k, adjusted in zip(members, holm(p), strict=True):
            e = found[k]
            if e.verdict == "independent" and adjusted > 1.0 - LEVEL:
                said = f"p = {adjusted:.2g} among {len(members)} read-outs; more seeds tell more"
                remark = f"{e.remark}; {said}" if e.remark else said
                found[k] = replace(e, verdict="unclear", remark=remark, few=True)
    return tuple(found)


def of_one_draw(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Effects of one seed where another would draw otherwise: none can be said to hold."""
    said = "one draw only; more seeds tell whether it holds"
    return tuple(
        replace(e, verdict="unclear", remark=f"{e.remark}; {said}" if e.remark else said, few=True)
        if e.verdict == "independent"
        else e
        for e in effects
    )
