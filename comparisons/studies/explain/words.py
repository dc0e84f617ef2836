"""An explanation in words."""

from __future__ import annotations

from ...measuring.wording import enumerate_words
from .explanation import LOUD, Explanation, Finding
from .hypothesis import Side
from .measure import Disagreement
from .numerics import NOT_REMOVED


def percent(share: float) -> str:
    """A share as people write it; what is not nothing is not written as 0."""
    if share <= 0:
        return "0 %" if share > -0.005 else f"−{-100 * share:.0f} %"
    if share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return "99.9 %"
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def spikes_in_common(found: Disagreement) -> str:
    """How many spikes are shared, as the verdict of the pair counts them."""
    if not found.n_spikes:
        return "no spikes"
    share = found.matched_spikes / found.n_spikes
    text = "all" if found.matched_spikes == found.n_spikes else percent(share)
    return f"{found.matched_spikes:,} of {found.n_spikes:,} spikes shared ({text})"


def until(found: Disagreement) -> str:
    """From when the two are not the same."""
    if found.spikes_until_ms is not None:
        return f"{found.spikes_until_ms:g}"
    return "–"


def summary(explanation: Explanation) -> list[str]:
    """The whole in sentences: the disagreement, what it is due to, what is left."""
    e = explanation
    pair = f"{e.a.label} and {e.b.label}"
    if e.before.settled and not e.off:
        return [f"{pair} agree: {e.before.in_words}. There is nothing to explain.", *judgement(e)]
    verb = "disagree"
    if e.before.settled:
        verb = "agree"
    said = [f"{pair} {verb}: {e.before.in_words}."]
    limits = [str(c) for c in e.caveats if c.limits]
    if limits and not e.judged:
        said.append(f"No cause can be told, for {'; '.join(limits)}.")
    said += judgement(e)
    causes = [f for f in e.causes if f.share > 0 or not e.alike]
    if alike := [_of_side(f) for f in e.causes if f not in causes]:
        what = enumerate_words(alike)
        said.append(f"Both do the same wrong, which is no part of what parts them: {what}.")
    if causes:
        named = [_of_side(f) for f in causes]
        if not e.before.settled:
            named = [f"{n} ({percent(f.share)})" for n, f in zip(named, causes, strict=True)]
        due = "They are off it by" if e.before.settled else "It is due to"
        said.append(f"{due} {enumerate_words(named)}.")
        removed = [f for f in e.causes if f.name not in NOT_REMOVED]
        if removed:
            end = f": {e.after.in_words}" if e.after.settled or not e.after.n_spikes else ""
            said.append(f"Without {'it' if len(removed) == 1 else 'these'}, {_left(e)}{end}.")
        for f in e.causes:
            if f.name in NOT_REMOVED:
                end = "" if f.convergence is None else f": {f.convergence.in_words}"
                said.append(f"{about(f)}{end}.")
    if e.unexplained > 0 and e.judged:
        said.append(unexplained(e))
    return said


def judgement(explanation: Explanation) -> list[str]:
    """Who judged, and what was found about each side by itself."""
    e = explanation
    if not e.judged:
        return []
    if all(j.found == "not judged" for j in e.judged):
        one, other = e.judged
        sides = f"neither {one.words.removeprefix('is not ')}"
        if one.words != other.words:
            sides = f"{one.in_words}; {other.in_words}"
        if e.before.settled:
            return [f"Whether they are right is another question: {sides}."]
        return [f"Nobody says which of them is right: {sides}."]
    said = f"Judged by {e.judge}, each by itself: {'; '.join(j.in_words for j in e.judged)}."
    if len(e.off) == 2:
        both = "agree and are both" if e.before.settled else "are both"
        said += f" They {both} off the contract."
    return [said]


def _of_side(finding: Finding) -> str:
    if finding.side == "both" or finding.name in NOT_REMOVED:
        return finding.name
    return f"{finding.name} of {finding.side}"


def _left(e: Explanation) -> str:
    if e.after.settled:
        return "the two coincide"
    if not e.after.n_spikes:
        return "they are nearer"
    return f"they share {e.after.matched_spikes:,} of {e.after.n_spikes:,} spikes"


def unexplained(explanation: Explanation) -> str:
    """What no run explained, loudly if it is more than next to nothing."""
    e = explanation
    words = "UNEXPLAINED" if e.unexplained >= LOUD else "left"
    of = "what is off the contract" if e.before.settled else "the disagreement"
    said = f"{words}: {percent(e.unexplained)} of {of} ({e.after.in_words})"
    if e.untested:
        said += (
            f"; not tested for want of runs: {', '.join(e.untested)} (a larger --budget tests them)"
        )
    return said + "."


def about(finding: Finding) -> str:
    """What a cause is, as a sentence."""
    words = finding.hypothesis.words
    return words if finding.side == "both" else f"{finding.side} {words}"


def side_in_words(side: Side) -> str:
    """What a side is."""
    if not side.runs:
        return side.label
    settings = side.settings
    undone = "" if settings.undone is None else f", {len(settings.undone)} conventions undone"
    return f"{side.label} ({side.backend}, {settings.mode}{undone})"


def sentences(explanation: Explanation) -> list[str]:
    """The explanation as plain text."""
    e = explanation
    said = [
        f"{e.model}: {side_in_words(e.a)} against {side_in_words(e.b)}: {e.verdict}",
        *summary(e),
        "",
    ]
    for f in e.causes:
        said.append(
            f"{percent(f.share):>8}  {f.cause:16} {about(f)}; left in alone: "
            f"{spikes_in_common(f.effect)} [{f.left_in} against {f.run}]"
        )
        if f.convergence is not None:
            said.append(f"{'':8}  {f.convergence.in_words}")
    if e.ladder:
        said += ["", "ladder"]
        said += [
            f"  {rung.words}: {spikes_in_common(rung.disagreement)}, disagreement "
            f"{rung.disagreement.total:.3g} [{rung.runs[0]}, {rung.runs[1]}]"
            for rung in e.ladder
        ]
    if e.divergence is not None:
        said += ["", f"first divergence: {e.divergence.in_words}"]
    if e.untested:
        said += ["", f"not tested, for want of runs: {', '.join(e.untested)}"]
    said += ["", f"{len(e.runs)} runs of at most {e.budget}"]
    return [*said, *e.notes]
