"""`diff`: two recordings from anywhere compared, with what was assumed, left out, and why they differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.recording import Recording
from ...measuring import spike_statistics
from ...measuring.caveats import caveats_of_recording
from ...measuring.pairs import Pair, Verdict, compare_recordings, json_safe, pair_to_dict
from ...measuring.populations import BIN_MS
from ...running.foreign.aligning import align
from ...running.foreign.reading import Reading
from ...running.foreign.sources import read
from ...showing.result import Result

if TYPE_CHECKING:
    from ..explain.explanation import Explanation

TOLERANCE_MS = 0.1
_MOST_CELLS = 1_000_000
_MOST_BINS = 1_000_000


@dataclass(frozen=True)
class Statistics:
    """What the spikes of a population amount to in one recording; None where there are too few."""

    population: str
    cells: int
    spikes: int
    rate_hz: float | None
    cv: float | None
    correlation: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Diff(Result):
    """Two recordings compared; of which ``experiment`` is not known.

    ``pair`` holds the verdict and its numbers; ``assumed`` what neither file says and was taken for granted;
    ``statistics`` those of every population on both sides, ``versions`` the programs that wrote the two, as
    far as the files say it; ``explanation`` why they differ, if it was asked for.
    """

    kind: ClassVar[str] = "coincide-diff/1"
    experiment: None = field(default=None, init=False)
    pair: Pair
    a: Recording
    b: Recording
    assumed: tuple[Caveat, ...]
    statistics: tuple[tuple[Statistics, ...], tuple[Statistics, ...]]
    versions: tuple[str, str] = ("", "")
    explanation: Explanation | None = None

    @property
    def verdict(self) -> Verdict:
        """identical, round-off, close, undecided or different."""
        return self.pair.verdict

    @property
    def in_words(self) -> str:
        """The verdict with its main numbers."""
        return self.pair.in_words

    def plain(self) -> dict[str, Any]:
        """The two recordings, the pair as in a comparison, what was assumed, the statistics of both."""
        data = pair_to_dict(self.pair)
        data["recordings"] = {
            side: {
                "name": name,
                "version": version,
                "dt_ms": recording.dt_ms,
                "duration_ms": recording.duration_ms,
                "sizes": dict(recording.sizes),
            }
            for side, name, version, recording in zip(
                "ab", (self.pair.a, self.pair.b), self.versions, (self.a, self.b), strict=True
            )
        }
        data["assumed"] = [{"where": c.where, "why": c.why} for c in self.assumed]
        data["statistics"] = {
            side: [vars(row) for row in rows]
            for side, rows in zip("ab", self.statistics, strict=True)
        }
        data["versions"] = dict(zip("ab", self.versions, strict=True))
        if self.explanation is not None:
            data["explanation"] = self.explanation.to_dict()
        return data


def diff(
    a: Any,
    b: Any,
    *,
    tolerance_ms: float = TOLERANCE_MS,
    unit: str | tuple[str, str] = "",
    dt: str | float | None = None,
    ids_from: int | tuple[int, int] = 0,
    variable: str | None = None,
    names: tuple[str, str] | None = None,
    explain: bool = False,
) -> Diff:
    """Compare two recordings from anywhere.

    *a* and *b* are whatever `read_foreign` takes: paths, Recordings, Neo blocks, data frames, dictionaries of
    arrays. *unit* (of numbers without one, such as ``"s"``), *dt*, *ids_from* (the number of the first
    cell) and *variable* are said of both; *unit* and *ids_from* may be pairs, one a side. Spikes match
    within *tolerance_ms*. With *explain* it is said why they differ, as far as the two alone tell.

    Raises InputError for what cannot be read, and where the two have nothing in common.

    >>> ours = {"time (ms)": [1.0, 2.0], "cell": [0, 1]}
    >>> theirs = {"time (s)": [0.001, 0.002], "cell": [1, 2]}
    >>> diff(ours, theirs, ids_from=(0, 1)).verdict
    'identical'
    """
    units = (unit, unit) if isinstance(unit, str) else unit
    firsts = (ids_from, ids_from) if isinstance(ids_from, int) else ids_from
    readings = [
        Reading.of([u] if u else [], dt, first, variable)
        for u, first in zip(units, firsts, strict=True)
    ]
    return diff_of(a, b, (readings[0], readings[1]), tolerance_ms, names, explain)


def diff_of(
    a: Any,
    b: Any,
    readings: tuple[Reading, Reading],
    tolerance_ms: float = TOLERANCE_MS,
    names: tuple[str, str] | None = None,
    explain: bool = False,
) -> Diff:
    """`diff` with a `Reading` for each side."""
    labels = names or (_label(a, "a"), _label(b, "b"))
    first, second = read(a, readings[0]), read(b, readings[1])
    one, other, said = align(first, second, labels)
    _check_common(one, other, labels)
    caveats = [
        *caveats_of_recording(one, labels[0]),
        *caveats_of_recording(other, labels[1]),
        *said,
    ]
    limits = [c for c in dict.fromkeys(caveats) if c.limits]
    pair = compare_recordings(one, other, labels, tolerance_ms, limits)
    explanation = None
    if explain:
        from ..explain.recorded import explain_recordings

        # What was not read can neither be explained nor undone, and does not hide that the rest is.
        bare = [replace(recording, caveats=()) for recording in (one, other)]
        explanation = explain_recordings(bare[0], bare[1], labels, tolerance_ms)
        if limits:
            left = "; ".join(map(str, limits[:5]))
            note = f"what was not seen is not explained: {left}"
            explanation = replace(explanation, notes=(*explanation.notes, note))
    assumed = tuple(c for c in dict.fromkeys(caveats) if not c.limits)
    # A table of spikes says neither how long was recorded nor how many cells were silent.
    known = first.lasts and second.lasts
    statistics = (
        _statistics(one, one if known else other),
        _statistics(other, other if known else one),
    )
    versions = first.made_by, second.made_by
    return Diff(pair, one, other, assumed, statistics, versions, explanation)


def _label(source: Any, otherwise: str) -> str:
    return str(source) if isinstance(source, str | Path) else otherwise


def _check_common(a: Recording, b: Recording, names: tuple[str, str]) -> None:
    if a.spikes.keys() & b.spikes.keys() or a.traces.keys() & b.traces.keys():
        return

    def held(recording: Recording) -> str:
        spikes = [f"spikes of {name}" for name in recording.spikes]
        return ", ".join([*spikes, *(".".join(key) for key in recording.traces)][:8]) or "nothing"

    raise InputError(
        f"{names[0]}, {names[1]}",
        f"have no population and no trace in common: one has {held(a)}, the other {held(b)}; a trace whose "
        "file does not name it is called by --variable",
    )


def _statistics(recording: Recording, beside: Recording) -> tuple[Statistics, ...]:
    """Rate, CV and correlation of every population; nothing but the counts where there are too few spikes.

    Where *beside* lasts longer or has more cells, these count: it is another recording of the same.
    """
    rows = []
    for name, spikes in recording.spikes.items():
        ids: NDArray[np.integer[Any]] = spikes.cells
        size = max(recording.sizes.get(name, 0), beside.sizes.get(name, 0))
        if size > _MOST_CELLS:  # ids that are no indices: of the cells that spiked
            found, ids = np.unique(ids, return_inverse=True)
            size = found.size
        first = min(float(spikes.times[0]), 0.0) if len(spikes) else 0.0
        lasts = max(recording.duration_ms, beside.duration_ms)
        last = max(float(spikes.times[-1]), lasts) if len(spikes) else 0.0
        if len(spikes) < 2 or last <= first or (last - first) / BIN_MS > _MOST_BINS:
            rows.append(Statistics(name, size, len(spikes), None, None, None))
            continue
        width = min(BIN_MS, last - first)
        numbers = spike_statistics(spikes.times, ids, size, start=first, stop=last, bin=width)
        means = [numbers.rate.mean, numbers.variation.mean, numbers.correlation.mean]
        rows.append(Statistics(name, size, len(spikes), *json_safe(means)))
    return tuple(rows)
