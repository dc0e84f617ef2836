"""The ladder of an explanation, and each cause removed alone."""

from __future__ import annotations

from dataclasses import replace

from .case import Case
from .explanation import Rung
from .measure import Disagreement, share_removed
from .numerics import INTEGRATORS, NOT_REMOVED


def climb(case: Case, first: str = "as they are") -> list[Rung]:
    """The ladder: causes removed one after the other, as far as there are runs; *first* is its begin."""
    found = [f for f in case.findings if f.hypothesis.name not in NOT_REMOVED]
    hypotheses = [f.hypothesis for f in found]
    # What was undone without being a cause: it changes nothing.
    named = {h.name for h in hypotheses}
    last = [h for h in case.removed if h.name not in named]
    order = [h for h in hypotheses if h.name != INTEGRATORS]
    order += [h for h in hypotheses if h.name == INTEGRATORS]
    stages = [order[:k] for k in range(len(order) + 1)]
    pairs = [case.without(stage) for stage in stages]
    for k, stage in enumerate(stages[1:], 1):
        # With the idle ones undone too where that has been run already.
        idle = case.without([*stage, *last])
        if case.trials.cost(idle) < case.trials.cost(pairs[k]):
            pairs[k] = idle
    wanted = [side for pair in pairs for side in pair]
    case.trials.run(wanted, "a rung of the ladder", reserve=case.kept())
    rungs: list[Rung] = []
    shown = 0
    for k, (stage, pair) in enumerate(zip(stages, pairs, strict=True)):
        measured = case.trials.measure(*pair)
        if measured is not None:
            new = ", ".join(case.spoken(h) for h in stage[shown:])
            ids = case.trials.id(pair[0]), case.trials.id(pair[1])
            words = f"{'without' if shown == 0 else 'nor'} {new}" if stage else first
            rungs.append(Rung(words, tuple(h.name for h in stage), ids, measured))
            shown = k
    return rungs


def remove_alone(case: Case, before: Disagreement) -> None:
    """Each cause removed alone, as far as there are runs."""
    # Lockstep undoes the conventions too, so the integrators cannot be exchanged alone.
    whole = (INTEGRATORS,) if case.candidates else ()
    real = [f for f in case.findings if f.hypothesis.name not in (*NOT_REMOVED, *whole)]
    pairs = {f.hypothesis.name: case.without([f.hypothesis]) for f in real}
    wanted = [side for pair in pairs.values() for side in pair]
    case.trials.run(wanted, "one cause removed alone", reserve=case.kept())
    for k, finding in enumerate(case.findings):
        pair = pairs.get(finding.hypothesis.name)
        measured = None if pair is None else case.trials.measure(*pair)
        if measured is not None and pair is not None:
            case.findings[k] = replace(
                finding,
                alone=measured,
                alone_share=share_removed(before, measured),
                alone_run=case.ids(pair, finding.hypothesis),
            )
