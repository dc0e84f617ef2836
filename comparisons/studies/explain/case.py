"""A `Case`: one pair while it is being explained, and what is known of it so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ....core.caveats import Caveat
from ....core.recording import Recording
from ...measuring.caveats import caveats_of_recording
from .conventions import Candidate
from .divergence import look_cost
from .explanation import Cleared, Finding
from .hypothesis import Hypothesis, Side, apply_all
from .measure import Disagreement
from .trials import Trials

TINY = 1e-6
"""A disagreement below this is not worth the runs at half the step, nor those for unlikely conventions."""


@dataclass(eq=False)
class Case:
    """One pair while it is being explained.

    ``candidates`` are the conventions that are undone, ``removed`` all hypotheses without which the pair is
    being looked at; ``findings`` those that made a difference. Where b is the contract itself (``judged``),
    no cause can be of b. ``reserved`` says how many runs others will need.
    """

    a: Side
    b: Side
    trials: Trials
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Hypothesis] = field(default_factory=list)
    cleared: list[Cleared] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged: bool = False
    reserved: Callable[[], int] | None = None

    def without(self, hypotheses: Iterable[Hypothesis]) -> tuple[Side, Side]:
        """The pair without some causes."""
        return apply_all(hypotheses, self.a, self.b)

    def measured(self, a: Side, b: Side) -> Disagreement:
        """How far two sides disagree that have been run."""
        found = self.trials.measure(a, b)
        assert found is not None
        return found

    def try_without(
        self, hypotheses: Sequence[Hypothesis], purpose: str, reserve: int = 0
    ) -> Disagreement | None:
        """How far the pair disagrees without some causes; None if that could not be run."""
        pair = self.without(hypotheses)
        if self.trials.cost(pair) > self.trials.left - reserve:
            return None
        self.trials.run(pair, purpose)
        found = self.trials.measure(*pair)
        spoiled = [str(c) for side in pair if self.trials.trial(side) for c in self._limits(side)]
        if spoiled:
            self.notes.append(f"{purpose}: {'; '.join(spoiled)}; so nothing is concluded from it")
            return None
        if found is None:
            self.notes += [
                f"{purpose}: {t.id} {t.status}, {t.reason}"
                for t in map(self.trials.trial, pair)
                if t is not None and t.reason
            ]
        return found

    def again(self, side: Side, purpose: str) -> Recording | None:
        """A side run once more for a purpose; None if it fails or no run is left for it."""
        if self.trials.cost([side]) > self.trials.left - self.kept():
            return None
        self.trials.run([side], purpose)
        return None if self._limits(side) else self.trials.recording(side)

    def _limits(self, side: Side) -> list[Caveat]:
        recording = self.trials.recording(side)
        found = () if recording is None else caveats_of_recording(recording, self.trials.id(side))
        return [caveat for caveat in found if caveat.limits]

    def kept(self) -> int:
        """Runs to keep back for the look at the first divergence, with its cell recorded."""
        if self.reserved is not None:
            return self.reserved()
        return look_cost(self.a, self.b, self.trials)

    def label(self, hypothesis: Hypothesis) -> str:
        """The side that a hypothesis is about, in words."""
        about = {"a": self.a.label, "b": self.b.label, "both": "both"}
        if hypothesis.imitates:
            about |= {"a": self.b.label, "b": self.a.label}
        return about[hypothesis.side]

    def spoken(self, hypothesis: Hypothesis) -> str:
        """A cause's name, with its side where both have some."""
        name = hypothesis.place or hypothesis.name
        sides = {f.hypothesis.side for f in self.findings} - {"both"}
        if len(sides) < 2 or hypothesis.side == "both":
            return name
        return f"{name} of {self.label(hypothesis)}"

    def ids(self, pair: tuple[Side, Side], hypothesis: Hypothesis) -> str:
        """The run, or the two, of the side that a hypothesis is about."""
        sides = pair if hypothesis.side == "both" else (of_side(pair, hypothesis.side),)
        return " and ".join(self.trials.id(side) for side in sides)


def of_side(pair: tuple[Side, Side], which: str) -> Side:
    """The side of a pair that a hypothesis is about."""
    return pair[1] if which == "b" else pair[0]
