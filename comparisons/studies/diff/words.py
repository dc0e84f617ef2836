"""Two recordings compared, in words."""

from __future__ import annotations

from .study import Diff


def sentences(found: Diff) -> list[str]:
    """The verdict with its main numbers, what was assumed, why they differ if it was asked for."""
    said = [f"{found.pair.a} and {found.pair.b}: {found.verdict}, {found.in_words}"]
    said += [f"  assumed: {caveat}" for caveat in found.assumed]
    if found.explanation is not None:
        said += found.explanation.sentences()
    return said
