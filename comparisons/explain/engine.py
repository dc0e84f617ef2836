"""Explaining a pair: everything that may be a cause is removed, then each is put back by itself.

1. The pair as it is.
2. All conventions undone that are likely to act on this model, on both sides at once. If something is
   left, all others too; on a side whose run that does not change, they are cleared by this one run.
3. What is left is numerics: both sides by one scheme, in lockstep.
4. What is left after that is asked of the proposers, whose hypotheses are tested one at a time on top of
   what was removed, the likeliest first; then of chaos; then it is unexplained.
5. Each cause is put back alone, everything else removed. One that makes no difference is cleared; of one
   that does, the difference is its effect, and the run with it and that without it prove it. The integrators'
   difference is put back by itself in step 2.
6. With what the budget leaves: whether the effect goes to 0 with dt, the rungs between, each cause removed
   alone.

Putting back by itself is what proves a cause in a network that amplifies every difference: there, removing
one of three causes changes little, and all three much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ...core.recording import Recording
from .conventions import Candidate, candidates
from .divergence import look, look_cost
from .explanation import Cleared, Convergence, Explanation, Finding, Rung
from .hypothesis import Hypothesis, Side, apply_all
from .measure import Disagreement, growing_error, share_removed
from .numerics import (
    CHAOS,
    INTEGRATORS,
    NOT_REMOVED,
    SHRINKS,
    STEP,
    at_half_step,
    exchange,
    in_float64,
    perturbed,
)
from .trials import Trials

ENOUGH = 0.1
"""A hypothesis on top of others is confirmed when it removes this share of what they left."""
TINY = 1e-6
"""A disagreement below this is not worth the runs at half the step, nor those for unlikely conventions."""


@dataclass(frozen=True, eq=False)
class Situation:
    """What a proposer sees: the pair with all causes removed that were confirmed so far."""

    a: Side
    b: Side
    recording_a: Recording
    recording_b: Recording
    disagreement: Disagreement
    confirmed: tuple[Hypothesis, ...]
    runs_left: int


Proposer = Callable[[Situation], Iterable[Hypothesis]]
"""Makes hypotheses from the evidence of a pair; asked again after each one that is confirmed."""


def explain_sides(
    a: Side,
    b: Side,
    trials: Trials,
    proposers: Sequence[Proposer] = (),
    model: str = "",
) -> Explanation:
    """Why two sides disagree; RunError if one of the two cannot be run as it is."""
    return _Case(a, b, trials, tuple(proposers), model).explain()


@dataclass(eq=False)
class _Case:
    """One pair while it is being explained."""

    a: Side
    b: Side
    trials: Trials
    proposers: tuple[Proposer, ...]
    model: str
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Hypothesis] = field(default_factory=list)
    cleared: list[Cleared] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def explain(self) -> Explanation:
        self.trials.run([self.a, self.b], "the pair")
        self.trials.need(self.a)
        self.trials.need(self.b)
        before = self._measured(self.a, self.b)
        if before.settled:
            return self._told(before, before)
        conventional = self._undo_conventions(before)
        after = self._exchange_integrators(conventional)
        after = self._ask_proposers(after)
        self._put_back(conventional)
        after = self._ask_finer_steps(after)
        after = self._ask_for_chaos(before, after)
        self._share_out(before, after)
        self._refine()
        return self._told(before, after)

    # --- the pairs ------------------------------------------------------------------------------------

    def _without(self, hypotheses: Iterable[Hypothesis]) -> tuple[Side, Side]:
        return apply_all(hypotheses, self.a, self.b)

    def _measured(self, a: Side, b: Side) -> Disagreement:
        found = self.trials.measure(a, b)
        assert found is not None
        return found

    def _try(
        self, hypotheses: Sequence[Hypothesis], purpose: str, reserve: int = 0
    ) -> Disagreement | None:
        """How far the pair disagrees without some causes; None if that could not be run."""
        pair = self._without(hypotheses)
        if self.trials.cost(pair) > self.trials.left - reserve:
            return None
        self.trials.run(pair, purpose)
        found = self.trials.measure(*pair)
        if found is None:
            self.notes += [
                f"{purpose}: {t.id} {t.status}, {t.reason}"
                for t in map(self.trials.trial, pair) if t is not None and t.reason
            ]  # fmt: skip
        return found

    # --- 2. conventions -------------------------------------------------------------------------------

    def _undo_conventions(self, before: Disagreement) -> Disagreement:
        """Undo what is likely to act; on a side where more than that turns out to act, everything."""
        every = [*candidates(self.a, "a"), *candidates(self.b, "b")]
        likely = [c for c in every if not c.cannot and not c.doubtful]
        rest = [c for c in every if c not in likely]
        found: Disagreement | None = before
        if likely:
            found = self._try([c.hypothesis for c in likely], "likely conventions undone")
        if rest and (found is None or found.total > TINY):
            found = self._undo_the_rest(likely, every)
            rest = [c for c in every if c not in self.candidates]
        else:
            self.candidates = likely
        if found is None:
            self.untested += [c.hypothesis.name for c in every]
            self.candidates = []
            return before
        why = "left in, nothing is left between the two" if found.total <= TINY else ""
        for c in rest:
            said = c.cannot or why or "left in with others, it changes nothing"
            side = _of(self._without(x.hypothesis for x in self.candidates), c.hypothesis.side)
            run = self.trials.id(side)
            self.cleared.append(Cleared(c.name, self._label(c.hypothesis), said, run))
        self.removed = [c.hypothesis for c in self.candidates]
        return found

    def _undo_the_rest(
        self, likely: Sequence[Candidate], every: Sequence[Candidate]
    ) -> Disagreement | None:
        """Undo everything, and keep that on a side whose run it changes."""
        some = [c for c in every if not c.cannot]
        self.candidates = list(likely)
        if self._try([c.hypothesis for c in every], "all conventions undone") is not None:
            for which in ("a", "b"):
                for more in (likely, some, every):
                    if self._same_without(more, every, which):
                        break
                self.candidates += [
                    c for c in more if c.hypothesis.side == which and c not in likely
                ]
        return self._try([c.hypothesis for c in self.candidates], "conventions undone")

    def _same_without(
        self, few: Sequence[Candidate], every: Sequence[Candidate], which: str
    ) -> bool:
        """Whether a side is the same run with a few conventions undone as with all."""
        one = _of(self._without(c.hypothesis for c in few), which)
        other = _of(self._without(c.hypothesis for c in every), which)
        if self.trials.cost([one]) <= self.trials.left:
            self.trials.run([one], "conventions undone that can act")
        found = self.trials.measure(one, other)
        return found is not None and found.settled

    # --- 3. integrators -------------------------------------------------------------------------------

    def _exchange_integrators(self, found: Disagreement) -> Disagreement:
        if found.settled:
            return found
        a, b = self._without(self.removed)
        for which, side in (("a", a), ("b", b)):
            precise = in_float64(side, which)
            if precise is not None:
                found = self._accept(precise, found)
        methods = [t.method if (t := self.trials.trial(s)) is not None else "" for s in (a, b)]
        by_one_scheme = exchange(a, b, *methods)
        if by_one_scheme is None or found.settled:
            return found
        return self._accept(by_one_scheme, found)

    def _accept(self, hypothesis: Hypothesis, found: Disagreement) -> Disagreement:
        """Remove a cause if what is left is less without it; returns what is left then."""
        tried = self._try([*self.removed, hypothesis], f"without: {hypothesis.name}")
        if tried is None or share_removed(found, tried) < ENOUGH:
            return found
        pair_with, pair_without = (
            self._without(self.removed), self._without([*self.removed, hypothesis]),
        )  # fmt: skip
        self.findings.append(
            Finding(
                hypothesis.cause, hypothesis, self._label(hypothesis), 0.0, found,
                self._ids(pair_without, hypothesis), self._ids(pair_with, hypothesis),
            )
        )  # fmt: skip
        self.removed.append(hypothesis)
        return tried

    # --- 4. evidence, chaos ---------------------------------------------------------------------------

    def _ask_proposers(self, found: Disagreement) -> Disagreement:
        seen: set[str] = set()
        while not found.settled:
            a, b = self._without(self.removed)
            situation = Situation(
                a, b, self.trials.need(a), self.trials.need(b), found, tuple(self.removed),
                self.trials.left,
            )  # fmt: skip
            proposals = [h for propose in self.proposers for h in propose(situation)]
            taken = {h.exclusive for h in self.removed if h.exclusive}
            fresh = [h for h in proposals if h.name not in seen and h.exclusive not in taken]
            n_before = len(self.removed)
            for hypothesis in sorted(fresh, key=lambda h: -h.prior):
                seen.add(hypothesis.name)
                found = self._accept(hypothesis, found)
                if len(self.removed) > n_before:
                    break
            if len(self.removed) == n_before:
                break
        return found

    def _ask_finer_steps(self, found: Disagreement) -> Disagreement:
        """Where the integrators cannot be exchanged: whether what is left goes away with dt.

        If it shrinks, it is the integrators'. If it does not, although each of the two changes little itself,
        they tend to different solutions.
        """
        pair = self._without(self.removed)
        if found.settled or any(h.name == INTEGRATORS for h in self.removed):
            return found
        at_dt = self._error(*pair)
        finer = self._finer(pair, "what is left at half the step")
        at_half = None if finer is None else self._error(*finer)
        if at_dt is None or at_half is None or finer is None or pair[0].realization is None:
            return found
        shrinks = at_half[0] < SHRINKS * at_dt[0]
        if not shrinks:
            own = [self._error(x, y) for x, y in zip(pair, finer, strict=True)]
            if any(e is None or e[0] > 0.5 * at_dt[0] for e in own):
                return found
        cause: Literal["integrator", "non_convergent"] = (
            "integrator" if shrinks else "non_convergent"
        )
        step = Hypothesis(
            cause, STEP, f"{self.a.label} and {self.b.label} integrate in different ways", "both",
            lambda side: side,
        )  # fmt: skip
        convergence = Convergence(
            pair[0].realization.dt_ms, at_dt[0], at_half[0], at_dt[1], shrinks
        )
        self.findings.append(
            Finding(
                cause, step, "both", 0.0, found, self._ids(finer, step), self._ids(pair, step),
                convergence=convergence,
            )
        )  # fmt: skip
        return replace(found, total=0.0)

    def _finer(self, pair: tuple[Side, Side], purpose: str) -> tuple[Side, Side] | None:
        """A pair at half the step, run; None if that cannot be had."""
        one, other = (at_half_step(side) for side in pair)
        if one is None or other is None or self.trials.cost((one, other)) > self.trials.left:
            return None
        self.trials.run((one, other), purpose)
        return one, other

    def _ask_for_chaos(self, before: Disagreement, found: Disagreement) -> Disagreement:
        """Whether round-off alone grows to what is left; then that is what it is."""
        b = self._without(self.removed)[1]
        if found.total < 0.01 * before.total or not found.n_spikes or not b.runs:
            return found
        kicked = perturbed(b)
        if self.trials.cost([kicked]) > self.trials.left:
            return found
        self.trials.run([kicked], "a perturbation of the size of round-off")
        grown = self.trials.measure(b, kicked)
        if grown is None or grown.total < 0.5 * found.total:
            return found
        chaos = Hypothesis(
            "chaos", CHAOS,
            f"moved by 10⁻¹² of its initial values comes to disagree with itself by {grown.total:.2g}, "
            f"from {grown.until_ms or 0:g} ms on: this is what is left between the two",
            "b", lambda side: side,
        )  # fmt: skip
        self.findings.append(
            Finding("chaos", chaos, b.label, 0.0, found, self.trials.id(kicked), self.trials.id(b))
        )
        return replace(found, total=0.0)

    # --- 5. each put back by itself -------------------------------------------------------------------

    def _put_back(self, conventional: Disagreement) -> None:
        """Leave one convention in, all others of its side undone: what does it make by itself?"""
        undone = [c.hypothesis for c in self.candidates]
        pair = self._without(undone)
        left_in: dict[str, Side] = {}
        for c in self.candidates:
            others = self._without(h for h in undone if h is not c.hypothesis)
            left_in[c.hypothesis.name] = _of(others, c.hypothesis.side)
        self.trials.run(
            list(left_in.values()),
            "one convention left in, all others undone",
            reserve=self._kept(),
        )
        acting: list[Candidate] = []
        for c in self.candidates:
            side, bare = left_in[c.hypothesis.name], _of(pair, c.hypothesis.side)
            effect = self.trials.measure(side, bare)
            label = self._label(c.hypothesis)
            if effect is None:
                self.untested.append(c.hypothesis.name)
            elif effect.settled:
                why = "left in, it changes nothing"
                self.cleared.append(Cleared(c.name, label, why, self.trials.id(side)))
            else:
                acting.append(c)
                finding = Finding(
                    c.hypothesis.cause, c.hypothesis, label, 0.0, effect, self.trials.id(bare),
                    self.trials.id(side),
                )  # fmt: skip
                self.findings.append(finding)
        self._clear_shared(acting, left_in, conventional)

    def _clear_shared(
        self, acting: Sequence[Candidate], left_in: dict[str, Side], bare: Disagreement
    ) -> None:
        """A convention that both sides have in the same way moves both alike: it is no cause."""
        for one in (c for c in acting if c.hypothesis.side == "a"):
            for other in (c for c in acting if c.hypothesis.side == "b"):
                if one.name != other.name:
                    continue
                pair = left_in[one.hypothesis.name], left_in[other.hypothesis.name]
                found = self.trials.measure(*pair)
                if found is None or not (found.settled or found.total <= 1.001 * bare.total):
                    continue
                both = {one.hypothesis.name, other.hypothesis.name}
                self.findings = [f for f in self.findings if f.hypothesis.name not in both]
                self.cleared.append(
                    Cleared(
                        one.name, "both", "both have it in the same way", self.trials.id(pair[0])
                    )
                )

    def _kept(self) -> int:
        """Runs to keep back for the look at the first divergence, with its cell recorded."""
        return look_cost(self.a, self.b, self.trials)

    # --- 6. shares, convergence -----------------------------------------------------------------------

    def _share_out(self, before: Disagreement, after: Disagreement) -> None:
        """Divide what is explained among the causes, in proportion to what each makes by itself."""
        explained = min(1.0, max(0.0, share_removed(before, after)))
        total = sum(f.effect.total for f in self.findings)
        self.findings = sorted(
            (
                replace(f, share=explained * f.effect.total / total if total else 0.0)
                for f in self.findings
            ),
            key=lambda f: -f.share,
        )

    def _refine(self) -> None:
        """For what may be numerics: does its effect go to 0 with dt? That tells the classes apart."""
        for k, finding in enumerate(self.findings):
            if finding.cause not in ("integrator", "non_convergent") or finding.convergence:
                continue
            if finding.effect.total < TINY:
                continue
            convergence = self._convergence(finding)
            if convergence is not None:
                cause: Literal["integrator", "non_convergent"] = (
                    "integrator" if convergence.shrinks else "non_convergent"
                )
                self.findings[k] = replace(finding, cause=cause, convergence=convergence)

    def _convergence(self, finding: Finding) -> Convergence | None:
        conventions = [c.hypothesis for c in self.candidates]
        if finding.hypothesis.side == "both":
            pair = self._without(conventions)
        else:
            side = finding.hypothesis.side
            others = [h for h in conventions if h is not finding.hypothesis]
            pair = _of(self._without(others), side), _of(self._without(conventions), side)
        at_dt = self._error(*pair)
        if at_dt is None or pair[0].realization is None:
            return None
        halves = self._finer(pair, f"half the step: {finding.name}")
        if halves is None:
            return None
        at_half = self._error(*halves)
        if at_half is None or at_dt[0] == 0:
            return None
        shrinks = at_half[0] < SHRINKS * at_dt[0]
        return Convergence(pair[0].realization.dt_ms, at_dt[0], at_half[0], at_dt[1], shrinks)

    def _error(self, a: Side, b: Side) -> tuple[float, str] | None:
        one, other = self.trials.recording(a), self.trials.recording(b)
        return None if one is None or other is None else growing_error(one, other)

    def _climb(self) -> list[Rung]:
        """The ladder: causes removed one after the other, as far as there are runs."""
        found = [f for f in self.findings if f.hypothesis.name not in NOT_REMOVED]
        hypotheses = [f.hypothesis for f in found]
        # What was undone without being a cause: it changes nothing.
        named = {h.name for h in hypotheses}
        last = [h for h in self.removed if h.name not in named]
        order = [h for h in hypotheses if h.name != INTEGRATORS]
        order += [h for h in hypotheses if h.name == INTEGRATORS]
        stages = [order[:k] for k in range(len(order) + 1)]
        pairs = [self._without(stage) for stage in stages]
        for k, stage in enumerate(stages[1:], 1):
            # With the idle ones undone too where that has been run already.
            idle = self._without([*stage, *last])
            if self.trials.cost(idle) < self.trials.cost(pairs[k]):
                pairs[k] = idle
        wanted = [side for pair in pairs for side in pair]
        self.trials.run(wanted, "a rung of the ladder", reserve=self._kept())
        rungs: list[Rung] = []
        shown = 0
        for k, (stage, pair) in enumerate(zip(stages, pairs, strict=True)):
            measured = self.trials.measure(*pair)
            if measured is not None:
                new = ", ".join(self._spoken(h) for h in stage[shown:])
                ids = self.trials.id(pair[0]), self.trials.id(pair[1])
                words = f"{'without' if shown == 0 else 'nor'} {new}" if stage else "as they are"
                rungs.append(Rung(words, tuple(h.name for h in stage), ids, measured))
                shown = k
        return rungs

    def _alone(self, before: Disagreement) -> None:
        """Each cause removed alone, as far as there are runs."""
        # Lockstep undoes the conventions too, so the integrators cannot be exchanged alone.
        whole = (INTEGRATORS,) if self.candidates else ()
        real = [f for f in self.findings if f.hypothesis.name not in (*NOT_REMOVED, *whole)]
        pairs = {f.hypothesis.name: self._without([f.hypothesis]) for f in real}
        wanted = [side for pair in pairs.values() for side in pair]
        self.trials.run(wanted, "one cause removed alone", reserve=self._kept())
        for k, finding in enumerate(self.findings):
            pair = pairs.get(finding.hypothesis.name)
            measured = None if pair is None else self.trials.measure(*pair)
            if measured is not None and pair is not None:
                self.findings[k] = replace(
                    finding, alone=measured, alone_share=share_removed(before, measured),
                    alone_run=self._ids(pair, finding.hypothesis),
                )  # fmt: skip

    # --- the end --------------------------------------------------------------------------------------

    def _told(self, before: Disagreement, after: Disagreement) -> Explanation:
        ladder: list[Rung] = []
        if self.findings:
            ladder = self._climb()
            self._alone(before)
        divergence = None if before.settled else look(self.a, self.b, self.trials)
        left = 0.0 if after.settled or before.total == 0 else min(1.0, after.total / before.total)
        return Explanation(
            self.model, self.a, self.b, before, after, tuple(self.findings), tuple(ladder),
            tuple(self.cleared), tuple(self.untested), left, tuple(self.trials.done.values()),
            self.trials.budget, divergence, tuple(dict.fromkeys(self.notes)),
        )  # fmt: skip

    def _label(self, hypothesis: Hypothesis) -> str:
        about = {"a": self.a.label, "b": self.b.label, "both": "both"}
        if hypothesis.imitates:
            about |= {"a": self.b.label, "b": self.a.label}
        return about[hypothesis.side]

    def _spoken(self, hypothesis: Hypothesis) -> str:
        """A cause's name, with its side where both have some."""
        name = hypothesis.place or hypothesis.name
        sides = {f.hypothesis.side for f in self.findings} - {"both"}
        if len(sides) < 2 or hypothesis.side == "both":
            return name
        return f"{name} of {self._label(hypothesis)}"

    def _ids(self, pair: tuple[Side, Side], hypothesis: Hypothesis) -> str:
        """The run, or the two, of the side that a hypothesis is about."""
        sides = pair if hypothesis.side == "both" else (_of(pair, hypothesis.side),)
        return " and ".join(self.trials.id(side) for side in sides)


def _of(pair: tuple[Side, Side], which: str) -> Side:
    return pair[1] if which == "b" else pair[0]
