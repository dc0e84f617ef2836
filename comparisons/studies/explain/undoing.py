"""Conventions of both sides undone together, then each put back by itself."""

from __future__ import annotations

from collections.abc import Sequence

from .case import TINY, Case, of_side
from .conventions import Candidate, candidates
from .explanation import Cleared, Finding
from .hypothesis import Side
from .measure import Disagreement


def undo_conventions(case: Case, before: Disagreement) -> Disagreement:
    """Undo what is likely to act; on a side where more than that turns out to act, everything."""
    every = [*candidates(case.a, "a"), *candidates(case.b, "b")]
    every.sort(key=lambda c: c.hypothesis.name)  # the same ones fit the budget in either order
    likely = [c for c in every if not c.cannot and not c.doubtful]
    rest = [c for c in every if c not in likely]
    found: Disagreement | None = before
    if likely:
        found = case.try_without([c.hypothesis for c in likely], "likely conventions undone")
    if rest and (found is None or found.total > TINY):
        found = _undo_the_rest(case, likely, every)
        rest = [c for c in every if c not in case.candidates]
    else:
        case.candidates = likely
    if found is None:
        case.untested += [c.hypothesis.name for c in every]
        case.candidates = []
        return before
    why = "left in, nothing is left between the two" if found.total <= TINY else ""
    for c in rest:
        said = c.cannot or why or "left in with others, it changes nothing"
        side = of_side(case.without(x.hypothesis for x in case.candidates), c.hypothesis.side)
        run = case.trials.id(side)
        case.cleared.append(
            Cleared(c.name, case.label(c.hypothesis), said, run, c.hypothesis.cause)
        )
    case.removed = [c.hypothesis for c in case.candidates]
    return found


def _undo_the_rest(
    case: Case, likely: Sequence[Candidate], every: Sequence[Candidate]
) -> Disagreement | None:
    """Undo everything, and keep that on a side whose run it changes."""
    some = [c for c in every if not c.cannot]
    case.candidates = list(likely)
    if case.try_without([c.hypothesis for c in every], "all conventions undone") is not None:
        for which in ("a", "b"):
            for more in (likely, some, every):
                if _same_without(case, more, every, which):
                    break
            case.candidates += [c for c in more if c.hypothesis.side == which and c not in likely]
    return case.try_without([c.hypothesis for c in case.candidates], "conventions undone")


def _same_without(
    case: Case, few: Sequence[Candidate], every: Sequence[Candidate], which: str
) -> bool:
    """Whether a side is the same run with a few conventions undone as with all."""
    one = of_side(case.without(c.hypothesis for c in few), which)
    other = of_side(case.without(c.hypothesis for c in every), which)
    if case.trials.cost([one]) <= case.trials.left:
        case.trials.run([one], "conventions undone that can act")
    found = case.trials.measure(one, other)
    return found is not None and found.settled


def put_back(case: Case, conventional: Disagreement) -> None:
    """Leave one convention in, all others of its side undone: what does it make by itself?"""
    undone = [c.hypothesis for c in case.candidates]
    pair = case.without(undone)
    left_in: dict[str, Side] = {}
    for c in case.candidates:
        others = case.without(h for h in undone if h is not c.hypothesis)
        left_in[c.hypothesis.name] = of_side(others, c.hypothesis.side)
    case.trials.run(
        list(left_in.values()), "one convention left in, all others undone", reserve=case.kept()
    )
    acting: list[Candidate] = []
    for c in case.candidates:
        side, bare = left_in[c.hypothesis.name], of_side(pair, c.hypothesis.side)
        bare = _of_its_integrator(case, c, left_in, bare)
        effect = case.trials.measure(side, bare)
        label = case.label(c.hypothesis)
        if effect is None:
            case.untested.append(c.hypothesis.name)
        elif effect.settled:
            why = "left in, it changes nothing"
            run = case.trials.id(side)
            case.cleared.append(Cleared(c.name, label, why, run, c.hypothesis.cause))
        else:
            acting.append(c)
            finding = Finding(
                c.hypothesis.cause,
                c.hypothesis,
                label,
                0.0,
                effect,
                case.trials.id(bare),
                case.trials.id(side),
            )
            case.findings.append(finding)
    _clear_shared(case, acting, left_in, conventional)


def _of_its_integrator(case: Case, c: Candidate, left_in: dict[str, Side], bare: Side) -> Side:
    """What a run with one convention left in is held against: where it has another integrator, that alone.

    NEURON moves some cells by the contract's integrator only where nothing else is done in its own way, so
    any convention left in brings its own integrator along, whose effect is none of that convention.
    """
    side = left_in[c.hypothesis.name]
    for other in case.candidates:
        alike = other.hypothesis.side == c.hypothesis.side
        if alike and other is not c and other.hypothesis.cause == "integrator":
            own = left_in[other.hypothesis.name]
            if _method(case, side) == _method(case, own) != _method(case, bare):
                return own
    return bare


def _method(case: Case, side: Side) -> str:
    found = case.trials.recording(side)
    return "" if found is None else str(found.provenance.get("method", ""))


def _clear_shared(
    case: Case, acting: Sequence[Candidate], left_in: dict[str, Side], bare: Disagreement
) -> None:
    """A convention that both sides have in the same way moves both alike: it is no cause."""
    for one in (c for c in acting if c.hypothesis.side == "a"):
        for other in (c for c in acting if c.hypothesis.side == "b"):
            if one.name != other.name:
                continue
            pair = left_in[one.hypothesis.name], left_in[other.hypothesis.name]
            found = case.trials.measure(*pair)
            if found is None or not (found.settled or found.total <= 1.001 * bare.total):
                continue
            both = {one.hypothesis.name, other.hypothesis.name}
            case.findings = [f for f in case.findings if f.hypothesis.name not in both]
            run, said = case.trials.id(pair[0]), "both have it in the same way"
            case.cleared.append(Cleared(one.name, "both", said, run, one.hypothesis.cause))
