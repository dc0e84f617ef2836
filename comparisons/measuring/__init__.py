"""Numbers that say how two recordings differ, on plain arrays: ms, Hz, the variable's unit."""

from .distances import (
    SpikeTrainDistance,
    isi_distance,
    spike_distance,
    van_rossum_distance,
    victor_purpura_distance,
)
from .spikes import SpikeMatch, match_spikes
from .statistics import (
    CountCorrelation,
    FiringRate,
    IntervalVariation,
    SpikeStatistics,
    Synchrony,
    spike_statistics,
    trace_synchrony,
)
from .traces import ROUND_OFF, Sample, TraceDifference, columns_of, compare_traces

__all__ = [
    "ROUND_OFF",
    "CountCorrelation",
    "FiringRate",
    "IntervalVariation",
    "Sample",
    "SpikeMatch",
    "SpikeStatistics",
    "SpikeTrainDistance",
    "Synchrony",
    "TraceDifference",
    "columns_of",
    "compare_traces",
    "isi_distance",
    "match_spikes",
    "spike_distance",
    "spike_statistics",
    "trace_synchrony",
    "van_rossum_distance",
    "victor_purpura_distance",
]
