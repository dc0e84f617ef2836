"""Published numbers beside which a model is put: what was measured, in which condition, by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["rate", "cv", "fano", "beta_power", "beta_share", "beta_peak"]
"""What is measured of the spikes of a group."""


@dataclass(frozen=True)
class Target:
    """A number that was measured, or aimed at, in a group of populations.

    ``state`` and ``variant`` are the option and variant of the model that stand for the condition.
    """

    group: str
    state: str
    variant: str
    quantity: Quantity
    value: float
    source: str


@dataclass(frozen=True)
class Claim:
    """A statement that holds where the ratio a/b of two quantities is above ``bound``.

    ``a`` and ``b`` are (variant, group, quantity).
    """

    name: str
    state: str
    a: tuple[str, str, Quantity]
    b: tuple[str, str, Quantity]
    bound: float
    source: str


@dataclass(frozen=True)
class Targets:
    """All that a model is put beside: groups of its populations, numbers, claims, pairs for phases.

    ``window_ms`` is where the authors of the model measure: from when on, and how long their runs last.
    Claims are judged within it.
    """

    groups: Mapping[str, tuple[str, ...]]
    targets: tuple[Target, ...]
    claims: tuple[Claim, ...]
    phases: tuple[tuple[str, str], ...]
    window_ms: tuple[float, float] | None = None

    @property
    def states(self) -> tuple[str, ...]:
        """The states of the brain for which there are numbers, in their order."""
        return tuple(dict.fromkeys(t.state for t in self.targets))
