"""The read-outs of a recording: what is measured of each population, and what it came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ....core.experiment import Experiment
from ....core.recording import Recording
from ...measuring import spike_statistics
from ...measuring.ordering import Floats
from .signal import Signal, transmission
from .spikes import depends_on_threshold

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
SPIKE_QUANTITIES = ("rate", "interval", "CV", "output", "transmission")
"""Read-outs of spikes alone."""
LEAST_SPIKES = 4
"""Spikes of a cell whose intervals have a CV: three intervals."""


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


@dataclass(frozen=True, eq=False)
class Probe:
    """What is to be measured of every run of a study.

    ``start_ms`` is where measuring starts; ``signals`` maps a seed to the course of the signal in the
    healthy arm, ``downstream`` are the populations that it reaches; ``shapes`` maps populations whose
    action potentials have a shape to the variable that is their membrane potential, ``thresholds`` to the
    potential [mV] that is a spike; ``paced`` are those whose currents make them spike. ``unavailable`` says
    which read-outs there are not, and why.
    """

    populations: tuple[str, ...]
    start_ms: float
    output: str = ""
    downstream: tuple[str, ...] = ()
    signals: Mapping[int, Signal] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    paced: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Every read-out, population by population."""
        found = []
        for name in self.populations:
            found.append(Measure(name, "rate"))
            if name in self.paced:
                found.append(Measure(name, "interval"))
            found.append(Measure(name, "CV"))
            if name in self.shapes and name in self.thresholds:
                found += [Measure(name, "AP amplitude"), Measure(name, "AP width")]
            if name == self.output:
                found.append(Measure(name, "output"))
            if name in self.downstream and self.signals:
                found.append(Measure(name, "transmission"))
        return tuple(found)


def measure(probe: Probe, recording: Recording, seed: int) -> dict[Measure, Reading]:
    """All read-outs of a recording, which has the surviving cells only."""
    found: dict[Measure, Reading] = {}
    for name in probe.populations:
        if name not in recording.spikes:
            gone = Reading(math.nan, f"no cell of {name} is left")
            found |= {m: gone for m in probe.measures if m.population == name}
            continue
        found.update(_spiking(probe, recording, name))
        found.update(_shaped(probe, recording, name))
        if name in probe.downstream and seed in probe.signals:
            value, why = transmission(
                probe.signals[seed], recording.spikes[name].times, probe.start_ms
            )
            found[Measure(name, "transmission")] = Reading(value, why)
        if told := _ambiguous(probe, recording, name):
            own = [m for m in found if m.population == name]
            found |= {m: replace(found[m], ambiguous=told) for m in own}
    return found


def _shaped(probe: Probe, recording: Recording, name: str) -> Iterator[tuple[Measure, Reading]]:
    """Amplitude and width of the action potentials of one population, where these have a shape."""
    if name in probe.shapes and name in probe.thresholds:
        from .potentials import shapes

        how = (probe.shapes[name], probe.start_ms, probe.thresholds[name])
        amplitude, width = shapes(recording, name, *how)
        yield Measure(name, "AP amplitude"), amplitude
        yield Measure(name, "AP width"), width


def _ambiguous(probe: Probe, recording: Recording, name: str) -> str:
    """That the number of a population's spikes depends on the threshold; nothing where that is not so."""
    trace = recording.traces.get((name, probe.shapes.get(name, "")))
    if trace is None or name not in probe.thresholds:
        return ""
    return depends_on_threshold(trace, probe.start_ms, probe.thresholds[name])


def _spiking(probe: Probe, recording: Recording, name: str) -> Iterator[tuple[Measure, Reading]]:
    """Rate, CV and output of one population."""
    spikes = recording.spikes[name]
    window_s = (recording.duration_ms - probe.start_ms) / 1e3
    inside = spikes.times > probe.start_ms
    times, owners = spikes.times[inside], spikes.cells[inside]
    yield Measure(name, "rate"), Reading(times.size / recording.sizes[name] / window_s)
    if name in probe.paced:
        mean = interval(times, owners)
        why = "no cell has 2 spikes" if math.isnan(mean) else ""
        yield Measure(name, "interval"), Reading(mean, why)
    cv = variation(times, owners)
    why = f"no cell has {LEAST_SPIKES} spikes" if math.isnan(cv) else ""
    yield Measure(name, "CV"), Reading(cv, why)
    if name == probe.output:
        yield Measure(name, "output"), Reading(times.size / window_s)


def interval(times: Floats, cells: NDArray[np.int32]) -> float:
    """The mean interval [ms] of each cell with two spikes at least, averaged over them; NaN without one."""
    if not times.size:
        return math.nan
    counts = np.bincount(cells)
    first, last = np.full(counts.size, np.inf), np.full(counts.size, -np.inf)
    np.minimum.at(first, cells, times)
    np.maximum.at(last, cells, times)
    several = counts >= 2
    if not several.any():
        return math.nan
    return float(((last - first)[several] / (counts[several] - 1)).mean())


def variation(times: Floats, cells: NDArray[np.int32]) -> float:
    """The mean CV of the intervals of the cells with three intervals at least; NaN without one.

    The CV is the standard deviation of the sample (divided by n − 1) over the mean.
    """
    if times.size < LEAST_SPIKES:
        return math.nan
    counts = np.bincount(cells)
    stop = float(times.max())
    found = spike_statistics(times, cells, counts.size, start=0.0, stop=stop, bin=stop)
    per_cell = found.variation.per_cell[counts >= LEAST_SPIKES]
    known = per_cell[np.isfinite(per_cell)]
    return float(known.mean()) if known.size else math.nan


def reason(readings: Sequence[Reading]) -> str:
    """Why a read-out is not defined, of the first that says so."""
    return next((r.why for r in readings if r.why), "")


def silent_in(
    populations: Sequence[str], readings: Sequence[Mapping[Measure, Reading]]
) -> list[str]:
    """The populations of which no cell spikes in the window of any of several runs."""
    silent = []
    for name in populations:
        rates = [r[Measure(name, "rate")].value for r in readings if r]
        # A population that is gone has no rate.
        known = [rate for rate in rates if not math.isnan(rate)]
        if known and not any(known):
            silent.append(name)
    return silent


def populations_of(experiment: Experiment) -> tuple[str, ...]:
    """The populations of neurons, in the order of the description."""
    return tuple(p.name for p in experiment.populations if p.kind == "neurons")
