"""A `Caveat`: what was not seen of a run or a recording, so that no verdict says more than was seen.

Whoever finds one (a backend that checks its states, a reader of files, the runner of a process) names it;
`coincide.comparisons.measuring.caveats` is the one place that decides what it does to a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

CaveatKind = Literal[
    "not run",
    "not finished",
    "not finite",
    "implausible",
    "rate of the step",
    "ambiguous",
    "not settled",
    "not read",
    "assumed",
]
"""What keeps a verdict from being better than *undecided*, but for the last.

- ``not run``: a backend was asked for and cannot run this, or is not installed.
- ``not finished``: a crash, a time-out, an interruption, a budget that ran out.
- ``not finite``: a state, recorded or not, was NaN or infinite.
- ``implausible``: a voltage that no cell has.
- ``rate of the step``: a cell fires in nearly every step, so that its rate is 1/dt and not the model's.
- ``ambiguous``: what is counted depends on where a threshold is put.
- ``not settled``: it was measured while it still drifts, or in another window than what it is put beside.
- ``not read``: something that stands in a file was left out.
- ``assumed``: a unit, a step, the first id were not in the file: said, but no limit.
"""
KINDS: tuple[CaveatKind, ...] = get_args(CaveatKind)


@dataclass(frozen=True)
class Caveat:
    """One thing that was not seen: its kind, ``where`` (``cells.v of cell 3``) and why, in words."""

    kind: CaveatKind
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}" if self.where else self.why

    @property
    def limits(self) -> bool:
        """Whether it caps the verdict, or is only said."""
        return self.kind != "assumed"
