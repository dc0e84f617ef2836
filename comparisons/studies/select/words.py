"""A selection in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....backends.registry import is_judge
from ...measuring.wording import caveat_sentences
from .cost import seconds
from .points import Kind, Need
from .study import Selection


def error_text(value: float, kind: Kind) -> str:
    """An error with its unit."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.2g} ms" if kind == "spikes" else f"{100 * value:.2g} %"


def recommendation(study: Selection) -> str:
    """What to take, with its numbers, and what the others would need, in one sentence."""
    best, kind = study.recommended, study.bound.kind
    others = [n for n in study.needs if best is None or n.backend != best.backend]
    if best is None:
        said = f"nothing that was measured is within {study.bound}"
        nearest = min(study.points, key=lambda p: p.value(kind), default=None)
        if nearest is not None and math.isfinite(nearest.value(kind)):
            said += f"; nearest: {nearest.label}, dt {nearest.dt_ms:g} ms with " + error_text(
                nearest.value(kind), kind
            )
    else:
        said = (
            f"{best.label}, dt {best.dt_ms:g} ms: {error_text(best.value(kind), kind)} error, "
            f"{seconds(best.time_s)}"
        )
        if is_judge(best.backend):
            said += " (the reference judges, and is no simulator)"
    if study.verdict == "undecided":
        said = f"undecided, for not all was measured; of what was: {said}"
    return "; ".join([said, *(_other(need, study) for need in others)])


def _other(need: Need, study: Selection) -> str:
    if math.isfinite(need.seconds):
        about = "" if need.measured else "about "
        return f"{need.backend} would need {about}{seconds(need.seconds)}"
    if not any(p.run.ok for p in study.points if p.backend == need.backend):
        return f"of {need.backend} no run ended well, so that nothing is known of it"
    return f"{need.backend} did not get there"


def sentences(study: Selection) -> list[str]:
    """The recommendation, what the others need and why, the forecasts."""
    lines = [recommendation(study)]
    lines += caveat_sentences(study.caveats)
    lines += details(study)
    lines += [f.in_words for f in study.forecasts]
    return lines


def details(study: Selection) -> Iterator[str]:
    """What the numbers mean, and how each backend would get there."""
    default = "" if study.bound_given else " (the default)"
    what = (
        "largest shift of any spike"
        if study.bound.kind == "spikes"
        else "root mean square of the worst trace over its range"
    )
    yield f"error: {what}, against {study.truth or 'nothing'}; asked for: {study.bound}{default}"
    if study.until_ms is not None:
        yield (
            f"errors are counted until {study.until_ms:.4g} ms: beyond that half of the runs have lost the "
            "truth's spikes, see coincide converge"
        )
    yield "seconds: building with all code compiled, plus simulating; starting Python is not in them"
    for need in study.needs:
        how = f"{need.label}, dt {need.dt_ms:.3g} ms"
        if need.measured:
            error = error_text(need.error, study.bound.kind)
            yield f"{need.backend}: {how}: {error}, {seconds(need.seconds)}"
        else:
            yield f"{need.backend}: {how}: {need.why}"
