"""Whether a rate still drifts in the window of a study, and whether that window is the source's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....core.caveats import Caveat
from ....core.recording import Recording

DRIFT = 0.1
"""The share of its mean by which a rate has to change from the first half of a window to the second."""
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Halves:
    """The spikes of a group in the first and in the second half of a window, and its rate in each [Hz]."""

    counts: tuple[int, int]
    rates: tuple[float, float]


def halves(recording: Recording, group: Sequence[str], start_ms: float, stop_ms: float) -> Halves:
    """The halves of a window of a group of populations."""
    times = np.concatenate([recording.spikes[name].times for name in group])
    middle = (start_ms + stop_ms) / 2
    first = int(np.count_nonzero((times > start_ms) & (times <= middle)))
    second = int(np.count_nonzero((times > middle) & (times <= stop_ms)))
    cell_seconds = sum(recording.sizes[name] for name in group) * (stop_ms - start_ms) / 2e3
    return Halves((first, second), (first / cell_seconds, second / cell_seconds))


def drift(by_seed: Sequence[Halves], where: str) -> list[Caveat]:
    """That a rate still changes within the window: in every seed to the same side, by more than chance.

    By more than a tenth of its mean, and more than 3 √(n₁ + n₂) spikes, of all seeds together.
    """
    changes = [seed.counts[1] - seed.counts[0] for seed in by_seed]
    total = sum(sum(seed.counts) for seed in by_seed)
    same_side = all(c > 0 for c in changes) or all(c < 0 for c in changes)
    change = abs(sum(changes))
    if not changes or not same_side or change <= DRIFT * total / 2:
        return []
    if change <= _DEVIATIONS * total**0.5:
        return []
    before, after = (float(np.mean([seed.rates[k] for seed in by_seed])) for k in (0, 1))
    why = f"its rate goes from {before:.3g} to {after:.3g} Hz within the window"
    return [Caveat("not settled", where, why)]


def other_window(
    source_ms: tuple[float, float] | None, start_ms: float, stop_ms: float
) -> list[Caveat]:
    """That the window is not within the source's, from when its authors measure to the end of their runs."""
    if source_ms is None or (start_ms >= source_ms[0] and stop_ms <= source_ms[1]):
        return []
    why = (
        f"it is from {start_ms:g} to {stop_ms:g} ms, the source's from {source_ms[0]:g} to "
        f"{source_ms[1]:g} ms; --from '{source_ms[0]:g} ms' and a longer --duration are within it"
    )
    return [Caveat("not settled", "window", why)]
