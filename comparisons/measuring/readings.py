"""What a read-out of a population is, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "rate": "Hz",
        "interval": "ms",
        "CV": "",
        "AP amplitude": "mV",
        "AP width": "ms",
        "output": "Hz",
        "transmission": "",
    }
)
"""The read-outs, in the order in which they are told, with their units; pure numbers have none."""


COUNTED = ("rate", "output")
"""Read-outs that count spikes, so that they differ by one spike at least."""


TIMED = ("interval", "AP width")
"""Read-outs that are times of the grid, so that they differ by one step at least."""


MEANING: Mapping[str, str] = MappingProxyType(
    {
        "output": "spikes per second of all cells of a population together",
        "transmission": "how much of the signal the rate carries, at its best delay: 0 to 1",
    }
)
"""The read-outs whose names do not say what they are, in a line."""


@dataclass(frozen=True, order=True)
class Measure:
    """One read-out of one population.

    ``rate`` is spikes per second and surviving cell; ``interval`` the time between two spikes, the mean over
    cells with two, which does not depend on how many spikes fall into the window; ``CV`` the coefficient of
    variation of the intervals, the mean over cells with three at least; ``AP amplitude`` and ``AP width``
    those of the action potentials; ``output`` the spikes per second of all cells of the output together;
    ``transmission`` how much of the signal the population's rate carries.
    """

    population: str
    quantity: str

    @property
    def unit(self) -> str:
        """The unit of the values; empty for a pure number."""
        return UNITS[self.quantity]

    @property
    def label(self) -> str:
        """The read-out in a table: purkinje rate."""
        return f"{self.population} {self.quantity}"

    @property
    def with_unit(self) -> str:
        """The read-out with its unit: purkinje rate (Hz)."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Reading:
    """What a read-out came to; NaN with the reason where it is not defined.

    ``ambiguous`` says in words that the number of spikes depends on where the threshold is put.
    """

    value: float
    why: str = ""
    ambiguous: str = ""
