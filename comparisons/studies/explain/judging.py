"""The clock contract as the judge of each side by itself.

In lockstep every simulator executes the contract with one scheme, so nothing may be left but round-off.
The reference run likewise is the judge there: a side that differs from it by more is off the contract,
whoever it is held against, whichever of the two is named first, and whatever the other one does. A
pair in raw or aligned mode is judged in lockstep too, for the reference's own integrator is no truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ....backends.registry import entries, load_backend
from ....core.caveats import Caveat
from ....core.settings import Settings
from ...measuring.caveats import caveats_of_recording
from .case import Case
from .explanation import Finding
from .hypothesis import Side
from .measure import Disagreement
from .numerics import CHAOS
from .trials import Trials, key_of

CONTRACT = "the contract"
JUDGE = "reference"

Found = Literal["obeys", "off", "judge", "not judged"]


@dataclass(frozen=True)
class Judged:
    """What was found about one side.

    ``judge`` is found of the reference in lockstep. ``distance`` is how far the run ``run`` of the side in
    lockstep and the run ``judge`` of the contract disagree; None where nobody judged, ``words`` say why.
    """

    label: str
    found: Found
    words: str
    run: str = ""
    judge: str = ""
    distance: Disagreement | None = None

    @property
    def in_words(self) -> str:
        """The side and what was found about it."""
        if self.distance is None or not self.distance.settled:
            return f"{self.label} {self.words}"
        how = "to the bit" if self.distance.verdict == "identical" else "to round-off"
        return f"{self.label} {self.words}, {how}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "side": self.label,
            "found": self.found,
            "in_words": self.in_words,
            "run": self.run,
            "judge": self.judge,
            "distance": None if self.distance is None else self.distance.to_dict(),
        }


@dataclass(eq=False)
class Hearing:
    """One side and whom it is held against while its mistakes are looked for.

    The case is of the side in lockstep and the contract; where nobody could judge one of a pair
    (``judged`` is None) it is of the two sides themselves.
    """

    case: Case
    before: Disagreement
    after: Disagreement
    judged: bool = True

    @property
    def findings(self) -> list[Finding]:
        """The causes found."""
        return self.case.findings


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the judge says of both sides, in their order, and the hearings of those that are off."""

    sides: tuple[Judged, Judged]
    off: tuple[Hearing | None, Hearing | None]

    @property
    def told(self) -> tuple[Judged, ...]:
        """What is said: once, where both sides are one simulator with other conventions."""
        one, other = self.sides
        return (one,) if one.run and one.run == other.run else self.sides

    def alike(self, trials: Trials) -> bool:
        """Whether both sides are off in the same way: that is no part of their disagreement."""
        one, other = self.sides
        if one.found != "off" or other.found != "off":
            return False
        if one.run == other.run:
            return True
        first, second = self.off
        if first is None or second is None:
            return False
        between = trials.measure(first.case.a, second.case.a)
        return between is not None and between.settled

    @property
    def hearings(self) -> list[Hearing]:
        """Those of the sides that are off the contract."""
        return [h for h in self.off if h is not None]


def judge(case: Case) -> Judgement:
    """Hold both sides of a pair against the contract, as far as they and the budget allow."""
    found: list[Judged] = []
    off: list[Hearing | None] = []
    for side in (case.a, case.b):
        judged = _judged(case, side)
        hearing = None
        again = any(judged.run and judged.run == other.run for other in found)
        if judged.found == "off" and judged.distance is not None and not again:
            mine = in_lockstep(side)
            sub = Case(mine, contract_of(mine), case.trials, judged=True, reserved=case.kept)
            hearing = Hearing(sub, judged.distance, judged.distance)
        found.append(judged)
        off.append(hearing)
    return Judgement((found[0], found[1]), (off[0], off[1]))


def in_lockstep(side: Side) -> Side:
    """A side as it has to be judged: by one scheme, in float64, its conventions undone."""
    s = side.settings
    precision = "float64" if s.precision == "float32" else s.precision
    method = s.method if s.mode == "lockstep" else None
    settings = Settings("lockstep", method, s.device, precision, target=s.target)
    return replace(side, settings=settings)


def contract_of(side: Side) -> Side:
    """The judge of a side in lockstep: the reference by the same scheme."""
    settings = Settings("lockstep", side.settings.method)
    return Side(CONTRACT, JUDGE, settings, side.realization)


def _judged(case: Case, side: Side) -> Judged:
    why = _why_not(case, side)
    if why:
        return Judged(side.label, "not judged", f"is not judged: {why}")
    trials, mine = case.trials, in_lockstep(side)
    contract = contract_of(mine)
    if key_of(mine) == key_of(contract):
        return Judged(side.label, "judge", "executes it: it is the judge", trials.id(contract))
    if trials.cost((mine, contract)) > trials.left:
        return Judged(side.label, "not judged", "is not judged, for want of runs (--budget)")
    trials.run((contract, mine), "held against the contract")
    for one in (contract, mine):
        trial, recording = trials.trial(one), trials.recording(one)
        if recording is None:
            reason = trial.reason if trial is not None else ""
            said = f"is not judged: {one.label} could not be run in lockstep: {reason}"
            return Judged(side.label, "not judged", said)
        if spoiled(one, trials):
            caveat = next(c for c in caveats_of_side(one, trials) if c.limits)
            said = f"is not judged: in lockstep, {caveat}"
            return Judged(side.label, "not judged", said)
    distance = case.measured(mine, contract)
    ids = trials.id(mine), trials.id(contract)
    found: Found = "obeys" if distance.settled else "off"
    return Judged(side.label, found, _words(side, mine, distance), *ids, distance)


def after_chaos(judgement: Judgement) -> Judgement:
    """The judgement, where what kept a side from obeying has turned out to be round-off that grew."""
    sides = []
    for judged, hearing in zip(judgement.sides, judgement.off, strict=True):
        if hearing is not None and [f.name for f in hearing.findings] == [CHAOS]:
            since = hearing.before.until_ms or 0.0
            said = f"obeys it until {since:g} ms; from there on round-off alone grows"
            judged = replace(judged, found="obeys", words=said)
        sides.append(judged)
    return Judgement((sides[0], sides[1]), judgement.off)


def _words(side: Side, mine: Side, distance: Disagreement) -> str:
    """What was found of a side, by the run of it in lockstep, which is another than its own elsewhere."""
    assert mine.realization is not None
    where = "" if side.settings is not None and side.settings.mode == "lockstep" else "in lockstep "
    if distance.settled:
        return f"{where}obeys it in all {mine.realization.n_steps:,} steps"
    return f"{where}is off it" + (
        "" if distance.until_ms is None else f" from {distance.until_ms:g} ms on"
    )


def _why_not(case: Case, side: Side) -> str:
    """Why the contract cannot judge a side; empty if it can."""
    if not side.runs or side.backend not in entries():
        return "a recording that cannot be run again"
    assert side.realization is not None
    other = case.a if side is case.b else case.b
    if other.realization is None or other.realization.digest != side.realization.digest:
        return "the two do not run the same model"
    backend = load_backend(side.backend)
    if not backend.on_grid:
        return "it integrates in continuous time, without the grid that the contract is about"
    return "" if "lockstep" in backend.modes else "it has no lockstep"


def caveats_of_side(side: Side, trials: Trials) -> tuple[Caveat, ...]:
    """What was not seen of a side, or cannot be trusted, under its name; nothing of one that has not run."""
    recording = trials.recording(side)
    return () if recording is None else caveats_of_recording(recording, side.label)


def spoiled(side: Side, trials: Trials) -> bool:
    """Whether a run diverged, or has values that no cell has: no cause can be told from it.

    A recording from elsewhere is all there is of it; what is wrong with it is what is looked for.
    """
    return side.runs and any(c.limits for c in caveats_of_side(side, trials))
