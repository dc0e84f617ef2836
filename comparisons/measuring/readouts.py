"""The read-outs of a recording: what is measured of each population, and what it came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ...core.experiment import Experiment
from ...core.populations import n_lost
from ...core.realization import Realization
from ...core.recording import Recording
from . import spike_statistics
from .ordering import Floats
from .potentials import shaped, shapes
from .readings import COUNTED, TIMED, Measure, Reading
from .signal import Signal, downstream_of, transmission
from .thresholds import depends_on_threshold, thresholds_of

if TYPE_CHECKING:
    pass


SPIKE_QUANTITIES = ("rate", "interval", "CV", "output", "transmission")
"""Read-outs of spikes alone."""
LEAST_SPIKES = 4
"""Spikes of a cell whose intervals have a CV: three intervals."""


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


TRANSIENT = 0.2
"""The share of a run that is left out at its start unless asked otherwise."""


def check_start(experiment: Experiment, start_ms: float | None) -> float:
    """Where measuring starts [ms]: a fifth of the run by default; InputError if nothing is left."""
    if start_ms is None:
        return TRANSIENT * experiment.duration_ms
    if not 0.0 <= start_ms < experiment.duration_ms:
        raise InputError(
            "--from",
            f"{start_ms:g} ms is not within the run, which is from 0 to {experiment.duration}",
        )
    return start_ms


def probe_of(experiment: Experiment, start_ms: float) -> Probe:
    """What can be measured of an experiment; InputError for an output or a signal that is not there."""
    shapes, unavailable = shaped(experiment)
    if experiment.output:
        experiment.neurons(experiment.output, f"{experiment.name}.output")
    downstream: tuple[str, ...] = ()
    if experiment.signal:
        downstream = downstream_of(experiment, experiment.signal)
    paced = tuple(name for name, cell in experiment.cells.items() if cell.on_crossing)
    return Probe(
        populations_of(experiment),
        start_ms,
        experiment.output,
        downstream,
        shapes=shapes,
        paced=paced,
        unavailable=tuple(unavailable),
    )


def with_thresholds(probe: Probe, healthy: Realization) -> Probe:
    """A probe with the potential above which each population spikes: the healthy model's, in all arms."""
    found = thresholds_of(healthy, probe.shapes)
    lost = [name for name in probe.shapes if name not in found]
    said = [
        f"{name}: its threshold is not one potential, so action potentials have no amplitude nor width"
        for name in lost
    ]
    return replace(probe, thresholds=found, unavailable=(*probe.unavailable, *said))


def smallest_step(m: Measure, experiment: Experiment, start_ms: float) -> float:
    """The least by which a read-out can differ: one spike where spikes are counted, else a step of time."""
    if m.quantity in TIMED:
        return experiment.dt_ms
    if m.quantity not in COUNTED:
        return 0.0
    population = experiment.population(m.population)
    cells = population.size - n_lost(population) if m.quantity == "rate" else 1
    return 1e3 / (experiment.duration_ms - start_ms) / cells
