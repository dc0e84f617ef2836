"""Hypotheses that two recordings alone can tell: times, samples, units, ends, cells, digits, NaN, spikes.

Each is a transform of a recording, so that testing it runs nothing. Beside them stand those about spikes that
one recorder lost although both simulated them: the traces, where there are any, still agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Literal

from ....core.recording import Recording
from .engine import Situation, explain_sides
from .explanation import Explanation
from .hypothesis import Hypothesis, Side, Transform, with_recording
from .recorded_cells import cell_hypotheses
from .recorded_spikes import end_hypotheses, missing_spike_hypotheses, traces_agree
from .recorded_times import (
    changed_times,
    late_in_words,
    sample_time_hypotheses,
    scaled_in_words,
    time_hypotheses,
)
from .recorded_values import not_finite, precision, sample_lags, scales
from .time_maps import TimeMap, time_map
from .trials import Trials

_RELATIVE = ("stamps", "times", "unit", "ids", "ids and times", "jitter", "times of samples")
"""What is of one as much as of the other: of the second it would be the same again, turned round."""


def from_recordings(situation: Situation) -> Iterable[Hypothesis]:
    """What the two recordings alone suggest, about either, likely causes first."""
    one, other = situation.recording_a, situation.recording_b
    found = recording_hypotheses(one, other)
    found += [_turned(h) for h in recording_hypotheses(other, one) if h.place not in _RELATIVE]
    return sorted(found, key=lambda h: -h.prior)


def explain_recordings(
    a: Recording, b: Recording, labels: tuple[str, str], tolerance_ms: float | None = None
) -> Explanation:
    """Why two recordings from anywhere differ, as far as they tell without running anything.

    Raises InputError where they have nothing in common.
    """
    trials = Trials(tolerance_ms=tolerance_ms)
    sides = Side(labels[0], given=a), Side(labels[1], given=b)
    return explain_sides(*sides, trials, (from_recordings,), "two recordings")


def _turned(hypothesis: Hypothesis) -> Hypothesis:
    """A hypothesis about the second recording instead of the first."""
    sides: dict[str, Literal["a", "b", "both"]] = {"a": "b", "b": "a", "both": "both"}
    return replace(
        hypothesis,
        name=f"the second {hypothesis.name}",
        words=hypothesis.words.replace("the first recording", "the second recording"),
        side=sides[hypothesis.side],
        prior=hypothesis.prior - 0.01,
    )


def recording_hypotheses(suspicious: Recording, other: Recording) -> list[Hypothesis]:
    """Hypotheses about what is wrong with one recording, as transforms of it or of the other."""
    found = [
        *not_finite(suspicious, other),
        *scales(suspicious, other),
        *sample_time_hypotheses(suspicious, other),
        *time_hypotheses(suspicious, other),
        *end_hypotheses(suspicious, other),
        *cell_hypotheses(suspicious, other),
        *precision(suspicious, other),
        *sample_lags(suspicious, other),
    ]
    found += _cells_and_times(suspicious, other)
    if traces_agree(suspicious, other):
        found += missing_spike_hypotheses(suspicious, other)
    return found


def _cells_and_times(a: Recording, b: Recording) -> Iterable[Hypothesis]:
    """Cells numbered otherwise and other times at once: undoing one alone brings nothing nearer."""
    for ids in cell_hypotheses(a, b):
        (renumbered,) = ids.change(Side("", given=a)).transforms
        mended = renumbered(a)
        maps = [time_map(mended.spikes[n], b.spikes[n]) for n in a.spikes.keys() & b.spikes.keys()]
        found = next((m for m in maps if m is not None), None)
        if found is None:
            continue
        times = late_in_words(found.lag_ms) if found.factor == 1 else scaled_in_words(found)
        words = f"{ids.words}, and writes their times {times}"
        yield replace(
            ids,
            name=words,
            words=words,
            change=with_recording(partial(_mended, renumbered=renumbered, found=found)),
            place="ids and times",
            prior=ids.prior - 0.2,
            factor=found.scale if found.factor > 1 else None,
        )


def _mended(recording: Recording, renumbered: Transform, found: TimeMap) -> Recording:
    return changed_times(renumbered(recording), found.back, recording.spikes)
