"""A `Probe`: a question about a simulator that one tiny experiment answers with a number."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ....backends.conventions import Cause
from .pack import Packed, Parts, pack
from .view import View

TOLERANCE = 1e-3
"""Numbers closer than this are the same: a hundredth of a step, far above the round-off of float32."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A question about a simulator, and the tiny experiment whose recording answers it.

    ``label`` is the question in a few words. ``read`` gets what was recorded of the ``parts`` and
    returns a number in ``unit``, NaN for *never*. ``contract`` is the number that the clock
    contract asks for, worked out by hand; None where it leaves the matter open. ``words`` turns a
    number into what it means. ``informs`` names the conventions of backends that can make the
    number another, ``cause`` the class of causes it belongs to. Probes of one ``batch`` share a
    run, all with ``method`` as their settings' method. ``grid`` says that the number is an effect
    of the grid, which continuous time does not have. Where the contract asks for a refusal,
    ``refusal`` is a pattern that its reason has to match; ``stopped`` says what it means that a run
    ends with a reason, where that is an answer.
    """

    name: str
    section: str
    label: str
    question: str
    cause: Cause
    parts: Parts
    read: Callable[[View], float]
    contract: float | None
    unit: str = ""
    informs: tuple[str, ...] = ()
    words: Callable[[float], str] | None = None
    batch: str = "main"
    grid: bool = False
    refusal: str = ""
    stopped: str = ""
    method: str | None = None

    def text(self, number: float) -> str:
        """A number of this probe in words, with its unit."""
        if self.words is not None:
            return self.words(number)
        if math.isnan(number):
            return "never"
        if self.unit in ("step", "spike"):
            shown = shown_number(number)
            return f"{shown} {self.unit}" + ("" if shown in ("1", "−1") else "s")
        return f"{shown_number(number)} {self.unit}".strip()

    @property
    def expected(self) -> str:
        """What the clock contract asks for, in words."""
        if self.refusal:
            return "refused"
        return "open" if self.contract is None else self.text(self.contract)

    @cached_property
    def alone(self) -> Packed:
        """The probe alone as an experiment."""
        return pack(self.name, [(self.name, self.parts)])

    @cached_property
    def digest(self) -> str:
        """The same for the same question asked in the same way: what may be compared across versions."""
        asked = json.dumps(
            [self.alone.experiment.to_dict(), self.question, self.unit], sort_keys=True
        )
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def same(a: float, b: float) -> bool:
    """Whether two numbers of a probe mean the same."""
    return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= TOLERANCE


def shown_number(number: float) -> str:
    """A number with four decimals at most, none that are zero, and a true minus."""
    return f"{round(number, 4) + 0.0:g}".replace("-", "−")
