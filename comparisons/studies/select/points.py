"""What is measured of a way to run a model: abilities, points of work and precision, the front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ....core.settings import Settings
from ...measuring.accuracy import Accuracy, ErrorBound
from ...running.runs import Run
from ..converge.order import LEAST_ORDER, slope

Kind = Literal["spikes", "traces"]
_FITTED = 3


@dataclass(frozen=True)
class Ability:
    """Whether a backend can run a model in a mode with a method (its own default if empty); if not, why."""

    backend: str
    mode: str
    method: str
    reason: str = ""

    @property
    def able(self) -> bool:
        """Whether it can."""
        return not self.reason


@dataclass(frozen=True, repr=False)
class Point:
    """One measured run of a candidate with a step: its error, seconds, memory.

    ``method`` is the one that was used. ``build_s`` is the least of the candidate's runs, since the first may
    compile what later ones find compiled; ``compile_s`` is what the first took beyond that. Where no second
    run told the two apart, ``compiling`` is True: how long it builds is then not known, and not counted.
    ``error`` is None if the run did not end well or there is no truth.
    """

    backend: str
    mode: str
    method: str
    settings: Settings
    dt_ms: float
    run: Run
    error: Accuracy | None
    build_s: float
    compile_s: float
    compiling: bool = False

    @property
    def label(self) -> str:
        """Backend, mode and method."""
        return ", ".join(part for part in (self.backend, self.mode, self.method) if part)

    @property
    def run_s(self) -> float:
        """Seconds of simulating."""
        return self.run.run_s

    @property
    def time_s(self) -> float:
        """Seconds of building, with everything compiled, and simulating."""
        return (0.0 if self.compiling else self.build_s) + self.run.run_s

    def value(self, kind: Kind) -> float:
        """The error of a kind; infinite where the number of spikes is wrong or there is no run."""
        found = None if self.error is None else self.error.of(kind)
        return math.inf if found is None else found

    def meets(self, bound: ErrorBound) -> bool:
        """Whether the error is within a bound."""
        return self.error is not None and self.error.meets(bound)


def front(points: Iterable[Point], kind: Kind) -> tuple[Point, ...]:
    """The points that no other beats in both time and error, the quickest first."""
    ordered = sorted(
        (p for p in points if math.isfinite(p.value(kind))), key=lambda p: (p.time_s, p.value(kind))
    )
    found: list[Point] = []
    for point in ordered:
        if not found or point.value(kind) < found[-1].value(kind):
            found.append(point)
    return tuple(found)


@dataclass(frozen=True)
class Need:
    """What a backend would need to meet the bound: seconds, with what; measured or foretold.

    ``seconds`` is infinite where it does not get there: ``why`` says so. ``dt_ms`` is the step.
    """

    backend: str
    label: str
    dt_ms: float
    seconds: float
    error: float
    measured: bool
    why: str = ""


def cheapest(points: Sequence[Point], bound: ErrorBound) -> Point | None:
    """The quickest point within a bound; None if there is none."""
    within = [p for p in points if p.meets(bound)]
    return min(within, key=lambda p: p.time_s, default=None)


def foretell(points: Sequence[Point], bound: ErrorBound) -> tuple[float, float, float] | None:
    """Step [ms], seconds and order by which one candidate would meet a bound, from its finest point.

    The error falls by dt^p, p the slope over all its points, between ½ and 8; 1 with fewer than three.
    Simulating takes 1/dt as long. None where no error is known, or where it does not fall.
    """
    value = {p.dt_ms: p.value(bound.kind) for p in points}
    known = {dt: e for dt, e in value.items() if math.isfinite(e) and e > 0}
    if not known:
        return None
    order = slope([*known], [*known.values()])[0] if len(known) >= _FITTED else 1.0
    if order < LEAST_ORDER:
        return None
    order = min(max(order, 0.5), 8.0)
    finest = min((p for p in points if p.dt_ms in known), key=lambda p: p.dt_ms)
    dt = finest.dt_ms * min(1.0, (bound.value / known[finest.dt_ms]) ** (1 / order))
    return dt, finest.build_s + finest.run_s * finest.dt_ms / dt, order
