"""The activity of a group of populations: rate, irregularity, variability of counts, rhythm, phase.

Spike trains go through elephant, signals through SciPy. The signal of a group is the rate of its mean cell
in bins of 1 ms.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.errors import CoincideError, InputError
from ....core.recording import Recording
from ....core.values import Floats
from ...measuring.statistics import spike_statistics

BETA_HZ = (12.0, 30.0)
"""The beta band."""
BROAD_HZ = (2.0, 100.0)
"""What the share of the beta band is of."""
SLOW_HZ = (0.5, 1.5)
"""The band of slow waves, as Lindahl & Hellgren Kotaleski 2016 filter it."""
COUNT_MS = 100.0
"""The bins of Fano factors."""
_BIN_MS = 1.0
_ORDER = 3
_MOST_TRAINS = 1000


@dataclass(frozen=True)
class Activity:
    """The activity of a group of cells in a window.

    Attributes:
        n_cells: cells.
        rate: mean over the cells, in Hz.
        cv: of the inter-spike intervals, mean over the cells with three spikes or more; nan without.
        fano: variance over mean of a cell's counts in 100 ms, mean over the cells that spike.
        beta_power: of the group's rate from 12 to 30 Hz, in Hz²: the Welch spectrum integrated.
        beta_share: that over the power from 2 to 100 Hz.
        beta_peak: where the spectrum is largest from 12 to 30 Hz, in Hz.
    """

    n_cells: int
    rate: float
    cv: float
    fano: float
    beta_power: float
    beta_share: float
    beta_peak: float


@dataclass(frozen=True)
class Phase:
    """How the rhythm of one group stands to that of another in a band.

    Attributes:
        degrees: mean of phase a − phase b, from −180 to 180; negative where a follows b.
        locking: length of the mean unit vector of the difference: 0 for none, 1 for a fixed phase.
    """

    degrees: float
    locking: float


def activity(
    recording: Recording, group: Sequence[str], start_ms: float, stop_ms: float
) -> Activity:
    """The activity of a group of populations from *start_ms* to *stop_ms*.

    Raises InputError for a population that was not recorded, or an empty window.
    """
    times, cells, n = _spikes(recording, group)
    told = spike_statistics(
        times, cells, n, start=start_ms, stop=stop_ms, bin=min(5.0, stop_ms - start_ms)
    )
    frequencies, power = spectrum(signal(recording, group, start_ms, stop_ms))
    inside = _within(frequencies, BETA_HZ)
    beta = band_power(frequencies, power, BETA_HZ)
    broad = band_power(frequencies, power, BROAD_HZ)
    peak = float(frequencies[inside][np.argmax(power[inside])]) if inside.any() else math.nan
    return Activity(
        n_cells=n,
        rate=told.rate.mean,
        cv=told.variation.mean,
        fano=_fano(times, cells, n, start_ms, stop_ms),
        beta_power=beta,
        beta_share=beta / broad if broad > 0 else math.nan,
        beta_peak=peak if beta > 0 else math.nan,
    )


def signal(recording: Recording, group: Sequence[str], start_ms: float, stop_ms: float) -> Floats:
    """The rate of the mean cell of a group in Hz, in bins of 1 ms, shape (bins,)."""
    times, _, n = _spikes(recording, group)
    n_bins = int((stop_ms - start_ms) / _BIN_MS + 1e-9)
    if n_bins < 2:
        raise InputError(
            "activity",
            f"from {start_ms:g} to {stop_ms:g} ms are fewer than two bins of {_BIN_MS:g} ms",
        )
    counts, _ = np.histogram(times, n_bins, (start_ms, start_ms + n_bins * _BIN_MS))
    return counts / n / _BIN_MS * 1e3


def spectrum(rate: Floats) -> tuple[Floats, Floats]:
    """Frequencies in Hz and one-sided power in Hz²/Hz of a rate in bins of 1 ms, by Welch's method.

    Segments of 1 s (all of it where it is shorter), half overlapping.
    """
    pq, neo = _library("quantities"), _library("neo")
    welch_psd = _library("elephant.spectral").welch_psd
    given = neo.AnalogSignal(
        rate[:, None] - rate.mean(), units="Hz", sampling_rate=1e3 / _BIN_MS * pq.Hz
    )
    length = min(rate.size, int(1000.0 / _BIN_MS))
    frequencies, power = welch_psd(given, len_segment=length, overlap=0.5)
    return np.asarray(frequencies.rescale("Hz").magnitude), np.asarray(power.magnitude)[0]


def band_power(frequencies: Floats, power: Floats, band: tuple[float, float]) -> float:
    """A spectrum integrated over a band by the trapezoidal rule; nan with fewer than two points in it."""
    from scipy.integrate import trapezoid

    inside = _within(frequencies, band)
    if inside.sum() < 2:
        return math.nan
    return float(trapezoid(power[inside], x=frequencies[inside]))


def phase(a: Floats, b: Floats, band: tuple[float, float]) -> Phase:
    """How the phase of rate *a* stands to that of *b*, both in bins of 1 ms, in a band.

    Filtered forth and back by Butterworth filters of order 3, phases by Hilbert transform, as Lindahl &
    Hellgren Kotaleski 2016 do; nan where one of them does not fluctuate or is too short.
    """
    from scipy.signal import butter, hilbert, sosfiltfilt

    sections = butter(_ORDER, band, "bandpass", fs=1e3 / _BIN_MS, output="sos")
    shortest = 3 * (2 * len(sections) + 1) + 1
    if min(a.size, b.size) < shortest or a.std() == 0 or b.std() == 0:
        return Phase(math.nan, math.nan)
    first, second = (np.angle(hilbert(sosfiltfilt(sections, x - x.mean()))) for x in (a, b))
    mean = np.mean(np.exp(1j * (first - second)))
    return Phase(float(np.degrees(np.angle(mean))), float(np.abs(mean)))


def _within(frequencies: Floats, band: tuple[float, float]) -> np.ndarray:
    return np.asarray((frequencies >= band[0]) & (frequencies <= band[1]))


def _spikes(recording: Recording, group: Sequence[str]) -> tuple[Floats, np.ndarray, int]:
    """Times, cells and the number of cells of several populations, numbered one behind the other."""
    times, cells, n = [], [], 0
    for name in group:
        if name not in recording.spikes:
            known = ", ".join(recording.spikes)
            raise InputError("activity", f"no population {name!r} was recorded; known: {known}")
        times.append(recording.spikes[name].times)
        cells.append(recording.spikes[name].cells + np.int64(n))
        n += recording.sizes[name]
    return np.concatenate(times), np.concatenate(cells), n


def _fano(times: Floats, cells: np.ndarray, n: int, start_ms: float, stop_ms: float) -> float:
    """Over at most 1,000 cells, the first that spike: elephant has an object for each train."""
    pq, neo = _library("quantities"), _library("neo")
    elephant = _library("elephant.conversion")
    n_bins = int((stop_ms - start_ms) / COUNT_MS + 1e-9)
    inside = (times >= start_ms) & (times < start_ms + n_bins * COUNT_MS)
    if n_bins < 2 or not inside.any():
        return math.nan
    times, cells = times[inside], cells[inside]
    order = np.lexsort((times, cells))
    _, firsts = np.unique(cells[order], return_index=True)
    trains = np.split(times[order], firsts[1:])[:_MOST_TRAINS]
    stop = (start_ms + n_bins * COUNT_MS) * pq.ms
    binned = elephant.BinnedSpikeTrain(
        [neo.SpikeTrain(t * pq.ms, t_start=start_ms * pq.ms, t_stop=stop) for t in trains],
        bin_size=COUNT_MS * pq.ms,
        n_bins=n_bins,
        t_start=start_ms * pq.ms,
    )
    counts = binned.to_array()
    return float(np.mean(counts.var(axis=1, ddof=1) / counts.mean(axis=1)))


def _library(name: str) -> Any:
    """A library of the extra *analysis*; CoincideError that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise CoincideError(
            f"the analysis of activity needs {package}: pip install {package}"
        ) from error
