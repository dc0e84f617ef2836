"""What every fault of a repository does to the rate: as written against corrected, by real runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from ...core.errors import unknown
from ...core.values import Floats
from ...models.basal_ganglia.corrections import (
    DURATION_MS,
    SIDES,
    START_MS,
    Fault,
    Side,
    experiments,
    faults,
)
from ..running.how import How, HowKeywords
from ..running.runs import Run
from ..running.store import store_realization

SOURCES = {"basal_ganglia": "github.com/techzzt/Basal-ganglia-neuron-models, commit ef74d2b"}
"""Where the faults were found, by the name that the command has."""
REPOSITORIES = tuple(SOURCES)
DEFAULT_BACKENDS = ("neuron", "reference")


@dataclass(frozen=True, repr=False)
class Corrections:
    """The faults, and by simulator, fault and side the mean rate [Hz] and its spread over cells.

    ``depths`` are those of the faults with a cycle: `depth`.
    """

    faults: tuple[Fault, ...]
    rates: dict[tuple[str, str, Side], tuple[float, float]]
    depths: dict[tuple[str, str, Side], float]
    runs: tuple[Run, ...]
    mode: str

    @property
    def simulators(self) -> tuple[str, ...]:
        """The simulators that ran, in the order asked for."""
        return tuple(dict.fromkeys(run.backend for run in self.runs))

    @property
    def failed(self) -> dict[str, str]:
        """Why a simulator has no rates."""
        return {run.id: run.reason or run.status for run in self.runs if not run.ok}

    def rate(self, simulator: str, fault: str, side: Side) -> tuple[float, float] | None:
        """Mean and standard deviation over cells [Hz]; None if the run failed."""
        return self.rates.get((simulator, fault, side))

    def _depth(self, simulator: str, fault: Fault, side: Side) -> dict[str, float]:
        key = (simulator, fault.name, side)
        return {"depth": self.depths[key]} if key in self.depths else {}

    def to_dict(self) -> dict[str, Any]:
        """The table as the plain data that ``--json`` writes."""
        rows = []
        for fault in self.faults:
            rates = {}
            for simulator in self.simulators:
                found = {side: self.rate(simulator, fault.name, side) for side in SIDES}
                rates[simulator] = {
                    side: None
                    if r is None
                    else {"mean_hz": r[0], "std_over_cells_hz": r[1]}
                    | self._depth(simulator, fault, side)
                    for side, r in found.items()
                }
            rows.append(
                {
                    "fault": fault.name,
                    "cell": fault.cell,
                    "as_written": fault.as_written,
                    "corrected": fault.corrected,
                    "experiment": fault.experiment,
                    "rates": rates,
                }
            )
        return {
            "repository": SOURCES["basal_ganglia"],
            "mode": self.mode,
            "measured": {"from_ms": START_MS, "to_ms": DURATION_MS},
            "faults": rows,
            "runs": [run.to_dict() for run in self.runs],
        }


def corrections(
    backends: Iterable[str] | None = None,
    mode: str = "aligned",
    only: Sequence[str] = (),
    **keywords: Unpack[HowKeywords],
) -> Corrections:
    """Run the faults as written and corrected, two runs a simulator; *only* names some of them.

    Rates are the spikes of a cell from 1 s to the end at 2 s, the mean over its cells. Raises InputError
    for a fault or a backend that does not exist. How runs are done is said by the keywords of `HowKeywords`.
    """
    every = {fault.name: fault for fault in faults()}
    for name in only:
        if name not in every:
            raise unknown("corrections", "fault", name, every)
    chosen = tuple(every[name] for name in only) or tuple(every.values())
    how = How.of(backends or DEFAULT_BACKENDS, mode, keywords, reference=False, by_name=True)
    requests = how.requests()
    rates: dict[tuple[str, str, Side], tuple[float, float]] = {}
    depths: dict[tuple[str, str, Side], float] = {}
    runs: list[Run] = []
    for experiment in experiments(chosen):
        realization, path = store_realization(experiment)
        done = how.run(path, realization, requests)
        runs.extend(done)
        for run in done:
            if run.ok:
                rates |= _rates(run, chosen)
                depths |= _depths(run, chosen)
    return Corrections(chosen, rates, depths, tuple(runs), mode)


def depth(times: Floats, frequency_hz: float) -> float:
    """How deep a rate follows a cycle: the amplitude of its first harmonic over its mean, 0 to 2.

    2 |Σ exp(2πi f t)| / n over *n* spikes at *times* [ms]; nan without any. About √(π/n) for spikes that
    do not follow it, since Σ then is a walk of n steps.
    """
    if not times.size:
        return float("nan")
    return float(2 * np.abs(np.exp(2j * np.pi * frequency_hz * times / 1e3).mean()))


def _depths(run: Run, chosen: Sequence[Fault]) -> dict[tuple[str, str, Side], float]:
    found = {}
    for fault in chosen:
        for side in SIDES:
            name = fault.population(side)
            if fault.cycle_hz is not None and name in run.recording.sizes:
                times = run.recording.spikes[name].times
                found[run.backend, fault.name, side] = depth(
                    times[times > START_MS], fault.cycle_hz
                )
    return found


def _rates(run: Run, chosen: Sequence[Fault]) -> dict[tuple[str, str, Side], tuple[float, float]]:
    recording = run.recording
    found = {}
    for fault in chosen:
        for side in SIDES:
            name = fault.population(side)
            if name not in recording.sizes:
                continue
            spikes = recording.spikes[name]
            counts = np.bincount(
                spikes.cells[spikes.times > START_MS], minlength=recording.sizes[name]
            )
            rate = counts * 1000.0 / (DURATION_MS - START_MS)
            found[run.backend, fault.name, side] = float(rate.mean()), float(rate.std())
    return found
