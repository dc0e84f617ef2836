"""Explaining a pair: everything that may be a cause is removed, then each is put back by itself.

1. The pair as it is. From a side that diverged, or whose values no cell has, nothing is concluded.
2. All conventions undone that are likely to act on this model, on both sides at once. If something is
   left, all others too; on a side whose run that does not change, they are cleared by this one run.
3. Each side is judged by itself: in lockstep, against the contract as the reference executes it (`judging`).
   Of a side that is off, the proposers' hypotheses are tested one at a time, the likeliest first, by making
   the contract do the same. So the order of the two has no part in what is said of either.
4. What is left is numerics: both sides by one scheme, in lockstep.
5. Where nobody can judge (recordings from elsewhere, two models), the proposers are asked about the pair;
   then whether the rest goes away with dt, or is chaos; then it is unexplained.
6. Each convention is put back alone, everything else removed. One that makes no difference is cleared; of one
   that does, the difference is its effect, and the run with it and that without it prove it.
7. With what the budget leaves: whether an effect goes to 0 with dt, the rungs between, each cause removed
   alone.

Putting back by itself is what proves a cause in a network that amplifies every difference: there, removing
one of three causes changes little, and all three much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ....core.recording import Recording
from .case import Case
from .divergence import look
from .explanation import Cleared, Explanation, Finding, Rung
from .hypothesis import Hypothesis, Side
from .judging import Hearing, Judged, Judgement, after_chaos, caveats_of_side, judge, spoiled
from .ladder import climb, remove_alone
from .measure import Disagreement, share_removed
from .numerics import exchange, in_float64
from .refining import ask_finer_steps, ask_for_chaos, refine
from .trials import Trials
from .undoing import put_back, undo_conventions

CERTAIN = 0.98
"""From this prior on a hypothesis is tested before anybody else is asked."""
ENOUGH = 0.1
"""A hypothesis on top of others is confirmed when it removes this share of what they left."""


@dataclass(frozen=True, eq=False)
class Situation:
    """What a proposer sees: the pair with all causes removed that were confirmed so far.

    Where the contract judges, b is the contract.
    """

    a: Side
    b: Side
    recording_a: Recording
    recording_b: Recording
    disagreement: Disagreement
    confirmed: tuple[Hypothesis, ...]
    runs_left: int
    again: Callable[[Side, str], Recording | None]
    """Runs a side for a purpose; None where it fails, or no run is left for it."""


Proposer = Callable[[Situation], Iterable[Hypothesis]]
"""Makes hypotheses from the evidence of a pair; asked again after each one that is confirmed."""


def explain_sides(
    a: Side, b: Side, trials: Trials, proposers: Sequence[Proposer] = (), model: str = ""
) -> Explanation:
    """Why two sides disagree; RunError if one of the two cannot be run as it is."""
    case = Case(a, b, trials)
    trials.run([a, b], "the pair")
    trials.need(a)
    trials.need(b)
    before = case.measured(a, b)
    if spoiled(a, trials) or spoiled(b, trials):
        return _explanation_of(case, model, before, before, None, [])
    conventional = before if before.settled else undo_conventions(case, before)
    if conventional.settled:  # nobody has to judge for that, so that it is not short of runs
        put_back(case, conventional)
    judgement = judge(case)
    hearings = judgement.hearings
    for hearing in hearings:
        hearing.after = _ask_proposers(hearing.case, proposers, hearing.before)
    after = _exchange_integrators(case, conventional, judgement)
    unjudged = _unjudged(case, after, judgement)
    if unjudged is not None:
        hearings = [*hearings, unjudged]
        if not any(_is_the_truth(j) for j in judgement.sides):
            unjudged.after = _ask_proposers(unjudged.case, proposers, unjudged.before)
    if not conventional.settled:
        put_back(case, conventional)
    for hearing in hearings:
        if not hearing.judged:
            hearing.after = ask_finer_steps(hearing.case, hearing.after)
        hearing.after = ask_for_chaos(hearing.case, hearing.before, hearing.after)
    judgement = after_chaos(judgement)
    if judgement.alike(trials) and not before.settled:
        _share_out([case], before, after)  # what both do wrong alike is no part of what parts them
    else:
        if hearings:
            after = max((h.after for h in hearings), key=lambda d: (not d.settled, d.total))
        _share_out([case, *(h.case for h in hearings)], before, after)
    refine(case)
    return _explanation_of(case, model, before, after, judgement, hearings)


def _is_the_truth(judged: Judged) -> bool:
    """Whether a side that nobody judged is none that mistakes are looked for in."""
    return judged.found == "not judged" and "continuous time" in judged.words


def _unjudged(case: Case, found: Disagreement, judgement: Judgement) -> Hearing | None:
    """The two against each other where nobody judged one of them: that one is the one suspected.

    In place of a side that is off the contract stands the contract. None where nothing is left, or both sides
    have been judged and what is left of them is known.
    """
    first, second = judgement.off
    nobody = any(judged.found == "not judged" for judged in judgement.sides)
    if not nobody if judgement.hearings else found.settled:
        return None
    a, b = case.without(case.removed)
    a, b = (a if first is None else first.case.b), (b if second is None else second.case.b)
    if judgement.sides[0].found != "not judged":
        a, b = b, a
    before = case.trials.measure(a, b) if judgement.hearings else found
    if before is None or before.settled:
        return None
    return Hearing(Case(a, b, case.trials, reserved=case.kept), before, before, judged=False)


def _exchange_integrators(case: Case, found: Disagreement, judgement: Judgement) -> Disagreement:
    """Both by one scheme instead of by their own; returns what is left of the pair then."""
    if found.settled:
        return found
    a, b = case.without(case.removed)
    for which, side in (("a", a), ("b", b)):
        precise = in_float64(side, which)
        if precise is not None:
            found = _accept(case, precise, found)
    a, b = case.without(case.removed)
    methods = [t.method if (t := case.trials.trial(s)) is not None else "" for s in (a, b)]
    by_one_scheme = exchange(a, b, *methods)
    if by_one_scheme is None or found.settled:
        return found
    mended = _mended(case, a, b, judgement)
    if mended is None:
        return _accept(case, by_one_scheme, found)
    return mended if mended.settled else _accept(case, by_one_scheme, mended, of_its_own=True)


def _mended(case: Case, a: Side, b: Side, judgement: Judgement) -> Disagreement | None:
    """What is left of a pair that integrates as asked for when the other does what is wrong with one too.

    None where both are off the contract, or what is wrong is not known.
    """
    (first, second), sides = judgement.off, judgement.sides
    hearing, pair = (first, (a, b)) if second is None else (second, (b, a))
    fine = sides[1].found if second is None else sides[0].found
    if hearing is None or fine not in ("obeys", "judge") or not hearing.after.settled:
        return None
    for hypothesis in hearing.case.removed:
        pair = hypothesis.apply(*pair)
    if case.trials.cost(pair) > case.trials.left - case.kept():
        return None
    case.trials.run(pair, "the other with the same mistakes")
    return case.trials.measure(*pair)


def _accept(
    case: Case, hypothesis: Hypothesis, found: Disagreement, of_its_own: bool = False
) -> Disagreement:
    """Remove a cause if what is left is less without it; returns what is left then.

    With *of_its_own* what it makes is known already, and nothing is run.
    """
    tried: Disagreement | None = None
    if not of_its_own:
        tried = case.try_without([*case.removed, hypothesis], f"without: {hypothesis.name}")
        if tried is None or share_removed(found, tried) < ENOUGH:
            return found
    pair_with = case.without(case.removed)
    pair_without = case.without([*case.removed, hypothesis])
    finding = Finding(
        hypothesis.cause,
        hypothesis,
        case.label(hypothesis),
        0.0,
        found,
        case.ids(pair_without, hypothesis),
        case.ids(pair_with, hypothesis),
    )
    case.findings.append(finding)
    case.removed.append(hypothesis)
    return found if tried is None else tried


def _ask_proposers(case: Case, proposers: Sequence[Proposer], found: Disagreement) -> Disagreement:
    seen: set[str] = set()
    while not found.settled:
        a, b = case.without(case.removed)
        situation = Situation(
            a,
            b,
            case.trials.need(a),
            case.trials.need(b),
            found,
            tuple(case.removed),
            case.trials.left,
            case.again,
        )
        n_before = len(case.removed)
        waiting: list[Hypothesis] = []
        for propose in proposers:
            proposals = list(propose(situation))
            certain = [h for h in proposals if h.prior >= CERTAIN or _settles(case, h)]
            found = _first_that_helps(case, certain, seen, found)
            if len(case.removed) > n_before:
                break
            waiting += [h for h in proposals if h not in certain]
        else:
            found = _first_that_helps(case, waiting, seen, found)
        if len(case.removed) == n_before:
            break
    return found


def _settles(case: Case, hypothesis: Hypothesis) -> bool:
    """Whether nothing is left without a cause, by the recordings there are."""
    pair = case.without([*case.removed, hypothesis])
    if case.trials.cost(pair):
        return False
    tried = case.trials.measure(*pair)
    return tried is not None and tried.settled


def _first_that_helps(
    case: Case, proposals: Sequence[Hypothesis], seen: set[str], found: Disagreement
) -> Disagreement:
    """Test hypotheses, the likeliest first, until one of them is confirmed; returns what is left then."""
    taken = {h.exclusive for h in case.removed if h.exclusive}
    for hypothesis in sorted(proposals, key=lambda h: -h.prior):
        if hypothesis.name in seen or hypothesis.exclusive in taken:
            continue
        if case.judged and case.label(hypothesis) == case.b.label:
            continue  # the contract is not wrong
        if case.trials.cost(case.without([*case.removed, hypothesis])):
            seen.add(hypothesis.name)  # what costs nothing is asked again after the next
        left = _accept(case, hypothesis, found)
        if hypothesis in case.removed:
            return left
    return found


def _share_out(cases: Sequence[Case], before: Disagreement, after: Disagreement) -> None:
    """Divide what is explained among the causes, in proportion to what each makes by itself."""
    explained = min(1.0, max(0.0, share_removed(before, after)))
    total = sum(f.effect.total for case in cases for f in case.findings)
    for case in cases:
        shared = [
            replace(f, share=explained * f.effect.total / total if total else 0.0)
            for f in case.findings
        ]
        case.findings = sorted(shared, key=lambda f: -f.share)


def _named(cleared: Cleared, findings: Sequence[Finding]) -> bool:
    """Whether a convention that is no cause is what a cause is about, so that saying both contradicts."""
    for f in findings:
        if f.side == "both" and f.cause == cleared.cause:
            return True
        if (f.side, f.name) == (cleared.side, cleared.name):
            return True
    return False


def _explanation_of(
    case: Case,
    model: str,
    before: Disagreement,
    after: Disagreement,
    judgement: Judgement | None,
    hearings: Sequence[Hearing],
) -> Explanation:
    ladder: list[Rung] = climb(case) if case.findings else []
    if case.findings:
        remove_alone(case, before)
    for hearing in hearings:
        if hearing.findings:
            if hearing.judged:
                ladder += climb(hearing.case, f"{hearing.case.a.label} against the contract")
            else:  # the pair as the ladder has left it
                ladder += climb(hearing.case)[1 if ladder else 0 :]
            remove_alone(hearing.case, hearing.before)
    cases = [case, *(h.case for h in hearings)]
    findings = sorted((f for c in cases for f in c.findings), key=lambda f: -f.share)
    parted = (case.a, case.b)
    if before.settled and hearings:
        parted = (hearings[0].case.a, hearings[0].case.b)
    divergence = None if before.settled and not hearings else look(*parted, case.trials)
    left = 0.0 if after.settled else 1.0
    if before.total > 0 and not after.settled:
        left = min(1.0, after.total / before.total)
    drawn = [side.realization for side in (case.a, case.b) if side.realization is not None]
    one = len({realization.experiment.hash for realization in drawn}) == 1
    return Explanation(
        drawn[0].experiment if one else None,
        model,
        case.a,
        case.b,
        before,
        after,
        tuple(findings),
        tuple(ladder),
        tuple(c for c in case.cleared if not _named(c, findings)),
        tuple(u for one in cases for u in one.untested),
        left,
        tuple(case.trials.done.values()),
        case.trials.budget,
        divergence,
        tuple(dict.fromkeys(n for one in cases for n in one.notes)),
        () if judgement is None else judgement.told,
        (*caveats_of_side(case.a, case.trials), *caveats_of_side(case.b, case.trials)),
        judgement is not None and judgement.alike(case.trials),
        case.trials.tolerance_ms,
    )
