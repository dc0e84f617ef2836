"""A model beside what was published, in words: claims, values with their marks, agreement."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...measuring.wording import caveat_sentences
from .beside import MARGIN, Judged, Standing, TargetStudy, Value

MARK: Mapping[Standing, str] = {
    "inside": "=",
    "above": "↑",
    "below": "↓",
    "undecided": "?",
    "unknown": "–",
}
MARKS = (
    f"= the interval holds the target and is within {100 * MARGIN:g} % of it, ↑ ↓ all of it lies above or "
    "below, ? undecided: it is wider, or not all was seen"
)


def sentences(study: TargetStudy) -> list[str]:
    """What became of every claim, what was not seen, how the values stand to their targets, agreement."""
    said = [f"{c.claim.name}, {c.simulator}: {in_words(c)}" for c in study.claims]
    said = said or ["No claim could be judged."]
    said += caveat_sentences(study.caveats)
    return [*said, *agreement(study)] if study.simulators else said


def agreement(study: TargetStudy) -> list[str]:
    """How many values are not those published, and whether the simulators agree."""
    told = [t for t in study.targets.targets if t.state in study.states]
    total = len(told) * len(study.simulators)
    return [
        f"{len(study.outside())} of {total} values fall outside of their target",
        f"rates across simulators, margin: the yardstick's spread over seeds ({study.simulators[0]}): "
        f"{study.agreement}",
    ]


def in_words(judged: Judged) -> str:
    """What became of a claim, with its numbers, and what keeps it from more."""
    said = f"{judged.holds}, "
    if math.isfinite(judged.ratio):
        said += f"ratio {judged.ratio:.2f}"
        if math.isfinite(judged.low):
            said += f" ({judged.low:.2f} to {judged.high:.2f})"
    else:
        said += "no ratio"
    said += f", bound {judged.claim.bound:g}"
    # Why stands below, once for all claims.
    return "; ".join([said, *(f"{c.kind}: {c.where}" for c in judged.caveats)])


def rhythm_keys(study: TargetStudy, state: str) -> list[tuple[str, str, str]]:
    """Variant, group and quantity of all that has no published number here."""
    return list(
        dict.fromkeys(
            (v.variant, v.group, v.quantity)
            for v in study.values
            if v.state == state
            and v.quantity not in ("rate", "cv")
            and v.group not in ("D1", "D2", "FSN")
        )
    )


def shown(value: Value) -> str:
    """A mean with its interval."""
    if not math.isfinite(value.mean):
        return "–"
    if not math.isfinite(value.low):
        return f"{value.mean:.3g}"
    return f"{value.mean:.3g} ({value.low:.3g} to {value.high:.3g})"
