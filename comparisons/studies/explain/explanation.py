"""An `Explanation`: why two runs disagree, each cause with the run that proves it, and what is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from ....core.caveats import Caveat
from ....core.experiment import Experiment
from ...measuring.caveats import capped
from ...showing.result import Result
from .causes import MEANING, Cause
from .hypothesis import Hypothesis, Side, hypothesis_to_dict
from .measure import Disagreement
from .trials import Trial

if TYPE_CHECKING:
    from .divergence import Divergence
    from .judging import Judged

LOUD = 0.005
"""From this share of the disagreement on, what is unexplained is printed loudly, and is a status of 1."""


Explained = Literal[
    "identical", "round-off", "explained", "partly explained", "unexplained", "undecided"
]
EXPLAINED: tuple[Explained, ...] = get_args(Explained)
"""What an explanation may say, from the most to the least."""


@dataclass(frozen=True)
class Convergence:
    """What becomes of the difference that a cause makes when dt is halved; see `measure.growing_error`."""

    dt_ms: float
    at_dt: float
    at_half: float
    unit: str
    shrinks: bool

    @property
    def in_words(self) -> str:
        """The two numbers and what they say."""
        if self.shrinks:
            end = "so it shrinks with dt"
        else:
            end = "so it does not shrink with dt: the two tend to different solutions"
        what = "spikes are apart by" if self.unit == "ms" else "the traces are apart by"
        mean = " on average" if self.unit == "ms" else ""
        return (
            f"{what} {self.at_dt:.3g} {self.unit}{mean} for it, and by {self.at_half:.3g} {self.unit} at "
            f"half the step, {end}"
        )


@dataclass(frozen=True, eq=False)
class Finding:
    """One cause, proved.

    ``share`` of the disagreement: what is explained, divided among the causes in proportion to the
    disagreement that each makes by itself, which is ``effect`` (every other cause removed, this one left in;
    by the runs ``left_in``). ``alone`` is what is left when only this cause is removed, by the run
    ``alone_run``; None if the budget did not allow it. ``run`` is the run without this cause nor any other
    that confirms it against ``left_in``.
    """

    cause: Cause
    hypothesis: Hypothesis
    side: str
    share: float
    effect: Disagreement
    run: str
    left_in: str
    alone: Disagreement | None = None
    alone_share: float | None = None
    alone_run: str | None = None
    convergence: Convergence | None = None

    @property
    def name(self) -> str:
        """The convention, or what the hypothesis is called."""
        return self.hypothesis.place or self.hypothesis.name

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        c = self.convergence
        return {
            **hypothesis_to_dict(self.hypothesis),
            "cause": self.cause,
            "meaning": MEANING[self.cause],
            "side": self.side,
            "share": self.share,
            "confirmed_by": self.run,
            "left_in": self.left_in,
            "effect": self.effect.to_dict(),
            "alone_share": self.alone_share,
            "alone_run": self.alone_run,
            "alone": None if self.alone is None else self.alone.to_dict(),
            "convergence": None
            if c is None
            else {
                "dt_ms": c.dt_ms,
                "at_dt": c.at_dt,
                "at_half": c.at_half,
                "unit": c.unit,
                "shrinks": c.shrinks,
            },
        }


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder: what has been removed so far, and how far the two then disagree."""

    words: str
    removed: tuple[str, ...]
    runs: tuple[str, str]
    disagreement: Disagreement

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "words": self.words,
            "removed": list(self.removed),
            "runs": list(self.runs),
            "disagreement": self.disagreement.to_dict(),
        }


@dataclass(frozen=True)
class Cleared:
    """A candidate that is no cause here, with the reason; ``run`` is the run that shows it, if one does.

    ``cause`` is the class that it would have been of.
    """

    name: str
    side: str
    why: str
    run: str = ""
    cause: Cause = "unexplained"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
    """Why two runs of one model disagree.

    ``experiment`` is None where the two are of different ones, or recordings from elsewhere.
    ``before`` is the disagreement of the two, ``after`` what is left without the causes named;
    ``unexplained`` is its share, 0 to 1. ``causes`` are in order of their shares, ``ladder`` begins with
    the two as they are. ``judged`` says what the contract finds about each side by itself, ``caveats`` what
    was not seen of them; ``alike`` that both are off it in the same way. ``runs`` are all that were done, at
    most ``budget``. ``tolerance_ms`` is how far spikes may be apart to match, None for a time step.
    """

    kind: ClassVar[str] = "coincide-explanation/1"
    experiment: Experiment | None
    model: str
    a: Side
    b: Side
    before: Disagreement
    after: Disagreement
    causes: tuple[Finding, ...]
    ladder: tuple[Rung, ...]
    cleared: tuple[Cleared, ...]
    untested: tuple[str, ...]
    unexplained: float
    runs: tuple[Trial, ...]
    budget: int
    divergence: Divergence | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)
    judged: tuple[Judged, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    alike: bool = False
    tolerance_ms: float | None = None

    @property
    def off(self) -> tuple[Judged, ...]:
        """The sides that do not obey the contract."""
        return tuple(j for j in self.judged if j.found == "off")

    @property
    def judge(self) -> str:
        """Who judged the sides, in words; empty where nobody could."""
        ids = {j.judge or j.run for j in self.judged if j.found != "not judged"}
        methods = dict.fromkeys(t.method or t.settings.scheme for t in self.runs if t.id in ids)
        if not ids:
            return ""
        return f"the contract (the reference in {', '.join(['lockstep', *methods])})"

    @property
    def verdict(self) -> Explained:
        """How much of the disagreement is explained; of two that agree and obey, how well they agree.

        *explained* only if runs without the causes, or of the contract with them, coincide to round-off.
        """
        found: Explained
        if self.before.settled and not self.off:
            found = "identical" if self.before.verdict == "identical" else "round-off"
        elif self.after.settled:
            found = "explained"
        else:
            found = "partly explained" if self.causes else "unexplained"
        return capped(found, self.caveats, "undecided", EXPLAINED)

    @property
    def explained(self) -> bool:
        """Whether nothing is left to explain."""
        return EXPLAINED.index(self.verdict) <= EXPLAINED.index("explained")

    @property
    def in_words(self) -> str:
        """The whole in sentences."""
        return " ".join(self._beside("words").summary(self))

    def of_cause(self, cause: Cause) -> float:
        """The share of the disagreement that a class of causes explains."""
        if cause == "unexplained":
            return self.unexplained
        return sum(f.share for f in self.causes if f.cause == cause)

    def shares(self) -> dict[Cause, float]:
        """The share of every class of causes that was found, largest first, and what is unexplained."""
        found = {f.cause: self.of_cause(f.cause) for f in self.causes}
        ordered = dict(sorted(found.items(), key=lambda item: -item[1]))
        if self.unexplained > 0:
            ordered["unexplained"] = self.unexplained
        return ordered

    def plain(self) -> dict[str, Any]:
        """The two sides, how far they disagree, the causes with their proofs, every run."""
        return {
            "model": self.model,
            "a": _side(self.a),
            "b": _side(self.b),
            "verdict": self.verdict,
            "judge": self.judge,
            "judged": [j.to_dict() for j in self.judged],
            "caveats": [vars(c) for c in self.caveats],
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "shares": self.shares(),
            "causes": [f.to_dict() for f in self.causes],
            "unexplained": self.unexplained,
            "ladder": [rung.to_dict() for rung in self.ladder],
            "cleared": [vars(c) for c in self.cleared],
            "untested": list(self.untested),
            "divergence": None if self.divergence is None else self.divergence.to_dict(),
            "runs": [trial.to_dict() for trial in self.runs],
            "budget": self.budget,
            "in_words": self.in_words,
            "notes": list(self.notes),
        }


def _side(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "backend": side.backend,
        "mode": side.settings.mode if side.runs else "",
        "digest": side.realization.digest if side.realization is not None else "",
    }
