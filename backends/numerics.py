"""`Numerics`: what is known of a simulator's integrators without starting it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..core.experiment import Experiment
from ..core.program import ORDERS
from ..core.settings import Mode


def _no_reason(experiment: Experiment, mode: str) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Numerics:
    """What a study of convergence has to know of a backend.

    ``orders``: what textbooks give its methods for smooth right-hand sides, beside the schemes of core.
    ``adaptive``: methods that choose their own steps, so that dt is only the grid of what is recorded.
    ``single``: modes that compute in float32 unless asked for more. ``staged``: methods that in raw read
    inputs at the times of their stages, where others hold them over a step. ``elsewhere`` says in words why
    a mode comes to another limit than the solution of an experiment's equations.
    """

    orders: Mapping[str, float] = field(default_factory=dict)
    adaptive: tuple[str, ...] = ()
    single: tuple[Mode, ...] = ()
    staged: tuple[str, ...] = ()
    elsewhere: Callable[[Experiment, str], Iterable[str]] = _no_reason

    def order(self, method: str) -> float:
        """The textbook order of a method, by its first part; NaN where it is not known.

        >>> Numerics({"Crank-Nicolson": 2.0}).order("Crank-Nicolson, cnexp")
        2.0
        """
        first = method.split(",")[0].split(" (")[0].strip()
        return {**ORDERS, **self.orders}.get(first, math.nan)

    def is_adaptive(self, method: str) -> bool:
        """Whether a method chooses its own steps."""
        return method.lower().startswith(self.adaptive)
