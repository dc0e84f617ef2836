"""The one place that decides what a verdict may say when something was not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np

from ...core.caveats import Caveat, CaveatKind
from ...core.recording import Recording

V = TypeVar("V", bound=str)
IMPLAUSIBLE_MV = 1000.0
"""A membrane potential beyond this is a numerical accident."""


class Ended(Protocol):
    """A run that has ended, well or not: what is asked of it here."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def ok(self) -> bool:
        """Whether there is a recording."""

    @property
    def status(self) -> str:
        """How it ended: ok, failed, unsupported, timeout."""

    @property
    def reason(self) -> str:
        """Why it did not end well."""

    @property
    def recording(self) -> Recording:
        """What it recorded."""


def caveats_of(runs: Iterable[Ended]) -> tuple[Caveat, ...]:
    """What was not seen of some runs: those that did not end well, and what the others say of themselves."""
    found: list[Caveat] = []
    for run in runs:
        if run.ok:
            found += caveats_of_recording(run.recording, run.id)
        else:
            kind: CaveatKind = "not run" if run.status == "unsupported" else "not finished"
            why = f"{run.status}: {run.reason}" if run.reason else run.status
            found.append(Caveat(kind, run.id, why))
    return tuple(dict.fromkeys(found))


def caveats_of_recording(recording: Recording, name: str) -> tuple[Caveat, ...]:
    """What a recording says of itself, and what is plain to see in its traces, under the name of its run."""
    own = recording.caveats
    kinds = {caveat.kind for caveat in own}
    found = (*own, *(c for c in _plain_to_see(recording) if c.kind not in kinds))
    return tuple(Caveat(c.kind, f"{name}, {c.where}" if c.where else name, c.why) for c in found)


def _plain_to_see(recording: Recording) -> Iterator[Caveat]:
    """Samples that are no numbers, and voltages that no cell has: agreement on them is no agreement."""
    for key, trace in recording.traces.items():
        if not trace.values.size:
            continue
        # Without a copy of all samples; a NaN among them comes out of both.
        high, low = float(np.max(trace.values)), float(np.min(trace.values))
        if not np.isfinite(high - low):
            broken = ~np.isfinite(trace.values)
            sample, column = (int(k) for k in np.argwhere(broken)[0])
            where = f"{'.'.join(key)} of cell {trace.cells[column]}"
            yield Caveat("not finite", where, f"is not finite from {trace.times[sample]:g} ms")
        elif trace.unit == "mV" and max(high, -low) > IMPLAUSIBLE_MV:
            place = np.argmax(trace.values) if high > -low else np.argmin(trace.values)
            sample, column = divmod(int(place), trace.values.shape[1])
            where = f"{'.'.join(key)} of cell {trace.cells[column]}"
            extreme = float(trace.values[sample, column])
            why = f"reaches {extreme:.3g} mV at {trace.times[sample]:g} ms, which no cell does"
            yield Caveat("implausible", where, why)


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
