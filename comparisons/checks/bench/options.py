"""What `coincide bench` is asked to measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ....backends.registry import entries, is_installed
from ....core.errors import InputError, unknown

TABLES = ("overhead", "cell", "pynn", "verdict", "metrics", "compare")
"""The tables of `coincide bench`, in the order in which they are measured."""

MODELS: Mapping[str, str] = MappingProxyType({"coba": "coba_4000", "cuba": "cuba_4000"})
"""The networks that are also written by hand, and their names in the library."""


@dataclass(frozen=True)
class Options:
    """Sizes and limits of a benchmark.

    Attributes:
        network: coba or cuba, of Brette et al. (2007); for --scaling any library model that has a size.
        size: cells; every cell has 80 inputs on average, whatever the size.
        duration_ms: simulated time of overhead and pynn.
        pairs: how often each of the things compared is run, in turn: A B A B …
        pynn_size: cells for PyNN; None for `size`.
        timeout_s: after which a process is stopped; a ratio to it is then a lower bound.
        sizes: cells of the networks of --scaling.
        scaling_ms: simulated time of --scaling.
        budget_s: seconds that --scaling may take; a network expected to exceed them is left out.
        n_spikes: spikes matched for the table of metrics.
        n_compared: spikes of each recording for the table of compare.
        n_traces: its traces.
        n_samples: samples of each of its traces.
        device: of the backends that have devices, for --scaling.
    """

    network: str = "coba"
    size: int = 4000
    duration_ms: float = 1000.0
    pairs: int = 3
    pynn_size: int | None = None
    timeout_s: float = 600.0
    sizes: tuple[int, ...] = (1000, 2000, 5000, 10_000, 20_000, 50_000)
    scaling_ms: float = 100.0
    budget_s: float = 900.0
    n_spikes: int = 10_000_000
    n_compared: int = 10_000_000
    n_traces: int = 1000
    n_samples: int = 100_000
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.network not in MODELS and self.network not in sized_models():
            raise unknown("--network", "network", self.network, (*MODELS, *sized_models()))
        if self.pairs < 1:
            raise InputError("--pairs", f"{self.pairs} is too few; one is the least")
        for name in ("duration_ms", "timeout_s", "scaling_ms", "budget_s"):
            if not 0 < getattr(self, name) < math.inf:
                option = _OPTIONS.get(name, name)
                raise InputError(option, f"{getattr(self, name):g} is given; it has to be > 0")
        for size in (self.size, self.pynn_size or self.size, *self.sizes):
            if size < 160:
                raise InputError("--size", f"{size} is too small; 80 inputs need 160 cells")
        if not self.sizes:
            raise InputError("--sizes", "give one or more numbers of cells, with commas")


_OPTIONS = {"duration_ms": "--duration", "timeout_s": "--timeout", "budget_s": "--budget"}


def sized_models() -> tuple[str, ...]:
    """The library's models whose size, a number of cells, is an option."""
    from ....models.library import MODELS as LIBRARY

    return tuple(
        name
        for name, entry in LIBRARY.items()
        if entry.options.get("size", "").startswith("number of cells")
    )


def parse_sizes(text: str) -> tuple[int, ...]:
    """Numbers of cells from a text such as ``1000,5000``; ascending."""
    try:
        return tuple(sorted({int(part.replace("_", "")) for part in text.split(",")}))
    except ValueError:
        raise InputError("--sizes", f"{text!r} is no list of whole numbers with commas") from None


def installed(backends: Sequence[str] | None, among: Sequence[str]) -> tuple[str, ...]:
    """The backends to measure: those asked for, or all of *among* that are installed.

    InputError for an unknown backend, or one that is not installed or not among those measured.
    """
    if not backends:
        return tuple(name for name in among if is_installed(name))
    for name in backends:
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
        if name not in among:
            raise unknown("-b", "backend to measure", name, among)
        if not is_installed(name):
            raise InputError("-b", f"{name} is not installed; {entries()[name].install}")
    return tuple(dict.fromkeys(backends))
