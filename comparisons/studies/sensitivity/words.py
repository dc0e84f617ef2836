"""What a study of sensitivity says, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...measuring.readings import Measure
from ...measuring.wording import caveat_sentences, enumerate_words
from .study import MEANING, Sensitivity


def sentences(study: Sensitivity) -> Iterator[str]:
    """What matters more than the choice of simulator, read-out by read-out, and what was not seen."""
    yield from caveat_sentences(study.caveats)
    if not study.influences:
        yield "No read-out has a value, so that nothing can be told of any parameter."
    for m in study.measures:
        yield about(study, m)
    yield from study.notes


def about(study: Sensitivity, m: Measure) -> str:
    """Which parameters matter more, and which do not, for a read-out."""
    influences = study.of(m)
    said = []
    for verdict, verbs, words in (
        ("more", ("matters", "matter"), "more than the choice of simulator"),
        ("depends", ("matters", "matter"), "more on some simulators only"),
        ("less", ("matters", "matter"), "no more"),
        ("undecided", ("is", "are"), "undecided, for not all was seen"),
    ):
        names = [i.parameter for i in influences if i.verdict == verdict]
        if names:
            few = [*names[:4], f"{len(names) - 4} more"] if len(names) > 5 else names
            said.append(f"{enumerate_words(few)} {verbs[len(names) > 1]} {words}")
    if not said:
        return f"{m.label}: {MEANING[influences[0].verdict]}."
    apart = influences[0].disagreement
    if not math.isnan(apart):
        said.append(f"the simulators are {100 * apart:.2g} % apart")
    return f"{m.label}: {'; '.join(said)}."
