"""All probes, in the order in which a sheet shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .delivery import ARRIVALS, DELIVERY, SOURCES
from .membranes import MEMBRANES
from .numbers import NUMBERS
from .probe import Probe
from .spikes import REFRACTORINESS, SPIKES

SECTIONS = (
    "spikes",
    "refractoriness",
    "delivery",
    "sources",
    "inputs",
    "samples",
    "numbers",
    "membranes",
)

PROBES: tuple[Probe, ...] = tuple(
    sorted(
        (*SPIKES, *REFRACTORINESS, *DELIVERY, *ARRIVALS, *SOURCES, *NUMBERS, *MEMBRANES),
        key=lambda probe: SECTIONS.index(probe.section),
    )
)

BATCHES: Mapping[str, tuple[Probe, ...]] = MappingProxyType(
    {
        batch: tuple(p for p in PROBES if p.batch == batch)
        for batch in dict.fromkeys(p.batch for p in PROBES)
    }
)
"""The probes that share a run: all that can, and each alone that is to be refused or explodes."""
