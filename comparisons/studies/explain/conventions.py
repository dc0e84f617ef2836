"""The conventions of a backend as hypotheses, and why one cannot act on a given model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....backends.base import Convention
from ....backends.registry import entries, load_backend
from .hypothesis import Hypothesis, Side, undo


@dataclass(frozen=True)
class Candidate:
    """A convention of one side that has not been undone there.

    ``cannot`` says why it cannot act on this model, empty if it can.
    """

    hypothesis: Hypothesis
    convention: Convention
    cannot: str

    @property
    def name(self) -> str:
        """The convention's own name."""
        return self.convention.name

    @property
    def doubtful(self) -> bool:
        """Whether it acts only where round-off or a coincidence lets it."""
        return self.convention.doubtful


def candidates(side: Side, which: Literal["a", "b"]) -> tuple[Candidate, ...]:
    """The conventions that a side follows and that could be undone, in the backend's order."""
    if not side.runs or side.settings.mode == "lockstep" or side.backend not in entries():
        return ()
    assert side.realization is not None
    found = []
    for convention in load_backend(side.backend).conventions:
        if side.settings.undoes(convention.name):
            continue
        hypothesis = Hypothesis(
            convention.cause,
            f"{side.label}: {convention.name}",
            convention.does,
            which,
            undo(convention.name),
            prior=0.9,
            place=convention.name,
        )
        cannot = convention.why_not(side.realization, side.settings)
        found.append(Candidate(hypothesis, convention, cannot))
    return tuple(found)
