"""Firing statistics of populations as rows and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ..measuring import SpikeStatistics
from ..measuring.populations import BIN_MS
from .page import macro
from .section import quiet

STATISTICS_FIELDS = (
    "run",
    "population",
    "cells",
    "spikes",
    "rate_Hz",
    "rate_sd_Hz",
    "silent",
    "cv",
    "correlation",
    "synchrony",
)


Row = dict[str, Any]


@dataclass(frozen=True)
class Statistics:
    """What the spikes of one population of one run amount to."""

    run: str
    population: str
    cells: int
    numbers: SpikeStatistics


def statistics_rows(found: Iterable[Statistics]) -> list[Row]:
    """One row for every run and population."""
    return [
        {
            "run": s.run,
            "population": s.population,
            "cells": s.cells,
            "spikes": s.numbers.n_spikes,
            "rate_Hz": s.numbers.rate.mean,
            "rate_sd_Hz": s.numbers.rate.sd,
            "silent": s.numbers.rate.n_silent,
            "cv": s.numbers.variation.mean,
            "correlation": s.numbers.correlation.mean,
            "synchrony": s.numbers.synchrony.chi,
        }
        for s in found
    ]


def statistics_html(rows: Sequence[Row]) -> Markup:
    """The statistics of populations as a table, and what its columns mean."""
    return macro("statistics_table", rows) + quiet(
        "Rate: mean ± standard deviation over cells. Correlation of spike counts of pairs of cells and "
        f"synchrony (Golomb's χ): bins of {BIN_MS:g} ms."
    )
