"""The one place that decides what a verdict may say when something was not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from ..core.caveats import Caveat, CaveatKind

if TYPE_CHECKING:
    from .runs import Run

V = TypeVar("V", bound=str)


def caveats_of(runs: Iterable[Run]) -> tuple[Caveat, ...]:
    """What was not seen of some runs: those that did not end well, and what the others say of themselves."""
    found: list[Caveat] = []
    for run in runs:
        if run.ok:
            own = run.recording.caveats
            found += [
                Caveat(c.kind, f"{run.id}, {c.where}" if c.where else run.id, c.why) for c in own
            ]
        else:
            kind: CaveatKind = "not run" if run.status == "unsupported" else "not finished"
            found.append(Caveat(kind, run.id, run.reason or run.status))
    return tuple(dict.fromkeys(found))


def capped(verdict: V, caveats: Sequence[Caveat], best: V, order: Sequence[V]) -> V:
    """A verdict, or *best* where it says more than the caveats allow.

    *order* are all the verdicts from the one that says most to the one that says least; *best* is the one
    that a study gives when it cannot tell. A finding against a model stands: a part that was not seen
    does not undo a difference that was.

    >>> order = ("identical", "close", "undecided", "different")
    >>> capped("identical", [Caveat("not run", "neuron", "is not installed")], "undecided", order)
    'undecided'
    >>> capped("different", [Caveat("not run", "neuron", "is not installed")], "undecided", order)
    'different'
    """
    if not any(caveat.limits for caveat in caveats):
        return verdict
    return max(verdict, best, key=order.index)
