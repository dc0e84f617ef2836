"""What the runs of a case amount to: the reference is the judge, its own sensitivity the excuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ....backends.registry import load_backend
from ....core.errors import CoincideError
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ...measuring.pairs import Pair, compare_recordings
from .running import Outcome

Kind = Literal[
    "agrees",
    "unsupported",
    "sensitive",
    "integrators",
    "conventions",
    "differs",
    "failed",
    "crashed",
    "timeout",
    "refused",
    "not sane",
]
FAULTS: tuple[Kind, ...] = ("differs", "failed", "crashed", "timeout", "refused")
"""What is a finding; all else is counted."""
NUDGE = 4e-16
"""By what share numbers are moved to see what round-off does to a case: two bits."""


@dataclass(frozen=True)
class Judged:
    """One backend on one case: what it amounts to and why, in words."""

    backend: str
    mode: str
    kind: Kind
    why: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it is a finding."""
        return self.kind in FAULTS

    @property
    def signature(self) -> tuple[str, str, str, str]:
        """The same for findings that are the same as far as one can tell from their words."""
        if self.kind == "differs":
            return (self.backend, self.mode, self.kind, "")
        return (self.backend, self.mode, self.kind, essence(self.why))


def essence(reason: str) -> str:
    """A reason without names, numbers and paths, to tell kinds of reasons apart."""
    said = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S+|\d[\d.e+-]*", "…", reason.strip().split("\n")[0])
    # What stands before the first colon is the place.
    head, colon, rest = said.partition(": ")
    return (rest if colon and " " not in head.strip() else said)[:100]


def compared(a: Recording, b: Recording, dt_ms: float) -> Pair:
    """Two recordings of a case held against each other, spikes within one step."""
    return compare_recordings(a, b, ("reference", "other"), dt_ms)


def judge_lockstep(
    backend: str, outcome: Outcome, reference: Outcome, realization: Realization, settings: Settings
) -> Judged:
    """A run in lockstep held against the reference's: only round-off is allowed."""
    if not outcome.ok:
        return _not_ok(backend, "lockstep", outcome)
    pair = compared(reference.recording, outcome.recording, realization.dt_ms)
    # A random model may have voltages that no cell has: whether both compute the same is what is asked.
    if pair.of_seen in ("identical", "round-off"):
        return Judged(backend, "lockstep", "agrees", pair.of_seen)
    nudged = sensitivity(realization, settings, reference.recording)
    if nudged is not None and nudged.of_seen not in ("identical", "round-off"):
        words = f"{pair.in_words}; moving all numbers by {NUDGE:g} does too: {nudged.in_words}"
        return Judged(backend, "lockstep", "sensitive", words)
    return Judged(backend, "lockstep", "differs", pair.in_words)


def _not_ok(backend: str, mode: str, outcome: Outcome) -> Judged:
    kinds: dict[str, Kind] = {
        "unsupported": "unsupported",
        "timeout": "timeout",
        "crashed": "crashed",
    }
    return Judged(backend, mode, kinds.get(outcome.status, "failed"), outcome.reason)


def sensitivity(realization: Realization, settings: Settings, recording: Recording) -> Pair | None:
    """The reference against itself with every number two bits off: what round-off can do to a case.

    Initial values alone would not tell: a cell at rest forgets them, and round-off comes with every step.
    """
    populations = {
        name: replace(
            p,
            initial={variable: _nudged(values) for variable, values in p.initial.items()},
            parameters={parameter: _nudged(value) for parameter, value in p.parameters.items()},
        )
        for name, p in realization.populations.items()
    }
    edges = tuple(replace(e, weight=_nudged(e.weight)) for e in realization.edges)
    moved = replace(realization, populations=populations, edges=edges)
    try:
        other = load_backend("reference").run(moved, settings)
    except CoincideError:
        return None
    return compared(recording, other, realization.dt_ms)


def _nudged(values: Any) -> Any:
    """Numbers two bits larger and smaller by turns."""
    size = np.size(values)
    moved = np.asarray(values) * (1 + NUDGE * np.where(np.arange(size) % 2, -1, 1))
    return moved if np.ndim(values) else float(moved[0])


def size_of(pair: Pair) -> float:
    """How far two recordings are apart as one number: the share of lone spikes, or the RMS of traces."""
    spikes = [(row.missing + row.extra) / max(row.n_a + row.n_b, 1) for row in pair.spikes]
    traces = [row.relative_rms for row in pair.traces]
    return max([*spikes, *traces], default=0.0)


@dataclass(frozen=True)
class Steps:
    """The recordings of a backend and of the reference at dt and at dt/2."""

    backend: Recording
    backend_half: Recording
    reference: Recording
    reference_half: Recording


def within_integrators(steps: Steps, dt_ms: float) -> tuple[bool, str]:
    """Whether two differ by no more than halving dt changes them, or by less after halving it; in words."""
    apart = size_of(compared(steps.reference, steps.backend, dt_ms))
    halved = size_of(compared(steps.reference_half, steps.backend_half, dt_ms))
    own = size_of(compared(steps.reference, steps.reference_half, dt_ms))
    own += size_of(compared(steps.backend, steps.backend_half, dt_ms))
    words = f"apart by {apart:.2g}, at dt/2 by {halved:.2g}; halving dt moves the two by {own:.2g}"
    return halved <= 0.7 * apart or apart <= 2 * own, words


def summary(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """How often each kind occurs, by backend and mode."""
    table: dict[str, dict[str, int]] = {}
    for one in judged:
        row = table.setdefault(f"{one.backend} {one.mode}".strip(), {})
        row[one.kind] = row.get(one.kind, 0) + 1
    return table
