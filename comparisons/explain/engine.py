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
from dataclasses import dataclass, replace

from ...core.recording import Recording
from .case import Case
from .divergence import look
from .explanation import Explanation, Finding, Rung
from .hypothesis import Hypothesis, Side
from .ladder import climb, remove_alone
from .measure import Disagreement, share_removed
from .numerics import exchange, in_float64
from .refining import ask_finer_steps, ask_for_chaos, refine
from .trials import Trials
from .undoing import put_back, undo_conventions

ENOUGH = 0.1
"""A hypothesis on top of others is confirmed when it removes this share of what they left."""


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
    case = Case(a, b, trials)
    trials.run([a, b], "the pair")
    trials.need(a)
    trials.need(b)
    before = case.measured(a, b)
    if before.settled:
        return _told(case, model, before, before)
    conventional = undo_conventions(case, before)
    after = _exchange_integrators(case, conventional)
    after = _ask_proposers(case, proposers, after)
    put_back(case, conventional)
    after = ask_finer_steps(case, after)
    after = ask_for_chaos(case, before, after)
    _share_out(case, before, after)
    refine(case)
    return _told(case, model, before, after)


def _exchange_integrators(case: Case, found: Disagreement) -> Disagreement:
    if found.settled:
        return found
    a, b = case.without(case.removed)
    for which, side in (("a", a), ("b", b)):
        precise = in_float64(side, which)
        if precise is not None:
            found = _accept(case, precise, found)
    methods = [t.method if (t := case.trials.trial(s)) is not None else "" for s in (a, b)]
    by_one_scheme = exchange(a, b, *methods)
    if by_one_scheme is None or found.settled:
        return found
    return _accept(case, by_one_scheme, found)


def _accept(case: Case, hypothesis: Hypothesis, found: Disagreement) -> Disagreement:
    """Remove a cause if what is left is less without it; returns what is left then."""
    tried = case.try_without([*case.removed, hypothesis], f"without: {hypothesis.name}")
    if tried is None or share_removed(found, tried) < ENOUGH:
        return found
    pair_with, pair_without = (
        case.without(case.removed), case.without([*case.removed, hypothesis]),
    )  # fmt: skip
    case.findings.append(
        Finding(
            hypothesis.cause, hypothesis, case.label(hypothesis), 0.0, found,
            case.ids(pair_without, hypothesis), case.ids(pair_with, hypothesis),
        )
    )  # fmt: skip
    case.removed.append(hypothesis)
    return tried


def _ask_proposers(case: Case, proposers: Sequence[Proposer], found: Disagreement) -> Disagreement:
    seen: set[str] = set()
    while not found.settled:
        a, b = case.without(case.removed)
        situation = Situation(
            a, b, case.trials.need(a), case.trials.need(b), found, tuple(case.removed),
            case.trials.left,
        )  # fmt: skip
        proposals = [h for propose in proposers for h in propose(situation)]
        taken = {h.exclusive for h in case.removed if h.exclusive}
        fresh = [h for h in proposals if h.name not in seen and h.exclusive not in taken]
        n_before = len(case.removed)
        for hypothesis in sorted(fresh, key=lambda h: -h.prior):
            if case.trials.cost(case.without([*case.removed, hypothesis])):
                seen.add(hypothesis.name)  # what costs nothing is asked again after the next
            found = _accept(case, hypothesis, found)
            if len(case.removed) > n_before:
                break
        if len(case.removed) == n_before:
            break
    return found


def _share_out(case: Case, before: Disagreement, after: Disagreement) -> None:
    """Divide what is explained among the causes, in proportion to what each makes by itself."""
    explained = min(1.0, max(0.0, share_removed(before, after)))
    total = sum(f.effect.total for f in case.findings)
    case.findings = sorted(
        (
            replace(f, share=explained * f.effect.total / total if total else 0.0)
            for f in case.findings
        ),
        key=lambda f: -f.share,
    )


def _told(case: Case, model: str, before: Disagreement, after: Disagreement) -> Explanation:
    ladder: list[Rung] = []
    if case.findings:
        ladder = climb(case)
        remove_alone(case, before)
    divergence = None if before.settled else look(case.a, case.b, case.trials)
    left = 0.0 if after.settled or before.total == 0 else min(1.0, after.total / before.total)
    return Explanation(
        model, case.a, case.b, before, after, tuple(case.findings), tuple(ladder),
        tuple(case.cleared), tuple(case.untested), left, tuple(case.trials.done.values()),
        case.trials.budget, divergence, tuple(dict.fromkeys(case.notes)),
    )  # fmt: skip
