"""What was not seen of the runs of a study, and what it does to the verdicts of the effects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ....core.caveats import Caveat
from ...measuring.caveats import capped
from ...measuring.wording import enumerate_words
from .effects import VERDICTS, Effect

if TYPE_CHECKING:
    from .study import ArmRun


def told(runs: Sequence[ArmRun], caveats: Sequence[Sequence[Caveat]]) -> tuple[Caveat, ...]:
    """The caveats of runs, in the same order, each once: with arms and seeds where these are not all."""
    groups: dict[tuple[str, str, str], list[tuple[ArmRun, Caveat]]] = {}
    for r, own in zip(runs, caveats, strict=True):
        for caveat in own:
            groups.setdefault((r.run.id, caveat.kind, caveat.where), []).append((r, caveat))
    return tuple(
        replace(group[0][1], where=group[0][1].where + _which([r for r, _ in group], runs))
        for group in groups.values()
    )


def _which(found: Sequence[ArmRun], runs: Sequence[ArmRun]) -> str:
    """In which arms and with which seeds, as the end of a place; nothing for all of a simulator's runs."""
    alike = [r for r in runs if r.run.id == found[0].run.id]
    if len(found) == len(alike):
        return ""
    arms = list(dict.fromkeys(r.arm.label for r in found))
    seeds = list(dict.fromkeys(r.seed for r in found))
    said = f", {enumerate_words(arms)}"
    if len(found) < sum(r.arm.label in arms for r in alike):
        word = "seed" if len(seeds) == 1 else "seeds"
        said += f", {word} {enumerate_words([str(s) for s in seeds])}"
    return said


def with_caveats(effect: Effect, caveats: Iterable[Caveat]) -> Effect:
    """An effect with what was not seen of it: undecided where its verdict would say more."""
    found = (*effect.caveats, *caveats)
    verdict = capped(effect.verdict, found, "undecided", VERDICTS)
    return replace(effect, verdict=verdict, caveats=found)
