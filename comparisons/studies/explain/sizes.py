"""By how much: steps of stamps, delays, refractoriness, inputs; the height of a threshold; from own states.

No size is tried by a run. The suspicious side runs once more with all its states recorded, and every number
of steps is held against these (`residuals`); the right one leaves nothing. A threshold lies between the
highest state that did not spike and the lowest that did. What leaves nothing is proposed, to be proved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....core.expressions import names
from ....core.recording import Recording, Spikes
from .changes import in_steps
from .engine import CERTAIN, Situation
from .fitting import hypothesis_of
from .hypothesis import Hypothesis, with_recording
from .judging import CONTRACT
from .mistakes import delays_by, inputs_by, refractoriness_by
from .replay import step_of_spikes
from .residuals import OwnStates, Stepped, compared, recorded_whole
from .scalars import offsets_of

FARTHEST = 100
"""Steps, either way, up to which delays, refractoriness and inputs are looked for."""
WINDOWS = (2, 100)
"""Steps after the first that is off in which a number of steps is screened before the whole run is asked."""


def sizes(situation: Situation) -> Iterable[Hypothesis]:
    """A proposer: what makes every step of a side that the contract judges one of the contract."""
    contract, suspect = situation.b, situation.a
    late = _stamps(situation.recording_a, situation.recording_b)
    if late is not None:
        return (late,)
    if contract.label != CONTRACT or contract.realization is None or suspect.realization is None:
        return ()
    whole = recorded_whole(suspect.realization)
    if whole is None:
        return ()
    purpose = "every state of every cell recorded"
    recording = situation.again(replace(suspect, realization=whole), purpose)
    if recording is None:
        return ()
    own = OwnStates(contract.realization, contract.settings.scheme, recording)
    now = own.step(own.model)
    if not any(s.left for s in now.values()):
        return ()  # whatever differs is no step of the run
    if not any(s.off.any() for s in now.values()):
        found = list(_thresholds(own, now))
    else:
        found = _whole_steps(own, now, situation)
    return [replace(h, prior=CERTAIN + 0.01 - 0.001 * k) for k, h in enumerate(found)]


def _stamps(a: Recording, b: Recording) -> Hypothesis | None:
    """One lag that makes all stamps of b those of a; those that leave the run by it are lost."""
    steps = [np.sort(np.concatenate([_NONE, *_steps(r)])) for r in (a, b)]
    ends = [(steps[0][k], steps[1][k]) for k in (0, -1) if all(s.size for s in steps)]
    for lag in (int(mine - its) for mine, its in ends if mine != its):
        change = partial(_stamped, by=lag)
        said = change(b)
        if all(_same(a.spikes[n], said.spikes[n], a.dt_ms) for n in a.spikes.keys() & said.spikes):
            steps_ms = f"{in_steps(lag)} ({abs(lag) * a.dt_ms:g} ms)"
            words = f"stamps every spike {steps_ms} {'late' if lag > 0 else 'early'}"
            return Hypothesis(
                "spike_stamp",
                words,
                words,
                "b",
                with_recording(change),
                CERTAIN,
                place="stamps",
                imitates=True,
            )
    return None


_NONE = np.empty(0, dtype=np.int64)


def _steps(recording: Recording) -> Iterator[NDArray[np.int64]]:
    for spikes in recording.spikes.values():
        yield step_of_spikes(spikes.times, recording.dt_ms)


def _stamped(recording: Recording, by: int) -> Recording:
    """A recording whose stamps are some steps late; one that would lie outside the run is not written."""
    last = round(recording.duration_ms / recording.dt_ms)

    def change(spikes: Spikes) -> Spikes:
        steps = step_of_spikes(spikes.times, recording.dt_ms) + by
        inside = (steps >= 0) & (steps <= last)
        return Spikes.from_steps(steps[inside], spikes.cells[inside], recording.dt_ms)

    return replace(recording, spikes={n: change(s) for n, s in recording.spikes.items()})


def _same(a: Spikes, b: Spikes, dt_ms: float) -> bool:
    """Whether two trains have the same stamps of the same cells."""
    keys = [np.sort(step_of_spikes(s.times, dt_ms) * 2**31 + s.cells) for s in (a, b)]
    return np.array_equal(keys[0], keys[1])


def _whole_steps(own: OwnStates, now: dict[str, Stepped], situation: Situation) -> list[Hypothesis]:
    """What leaves nothing if it happens some steps earlier or later, by the smallest number of steps."""
    populations = [name for name, s in now.items() if s.left]
    first = min(now[name].first for name in populations)
    windows = [own.between(first - 1, first + n) for n in WINDOWS]
    for steps in range(1, FARTHEST + 1):
        found = []
        for family in (refractoriness_by, delays_by, inputs_by):
            for hypothesis in family(own.model, populations, (steps, -steps)):
                changed = hypothesis.change(situation.b).realization
                assert changed is not None
                if not any(w.left(changed) for w in (*windows, own)):
                    found.append(hypothesis)
        if found:
            return found
    return []


def _thresholds(own: OwnStates, now: dict[str, Stepped]) -> Iterator[Hypothesis]:
    """The offsets of a parameter of the threshold that every spike and every silence allows."""
    brackets = {name: bracket for name, s in now.items() if (bracket := s.bracket) is not None}
    wrong = [name for name, s in now.items() if s.left]
    for parameter in dict.fromkeys(p for name in wrong for p in _levels(own, name)):
        owners = [n for n, p in own.model.populations.items() if parameter in p.parameters]
        for scope in (owners, wrong):
            if any(n not in brackets for n in scope) or not set(wrong) <= set(scope):
                continue
            low, high = max(brackets[n][0] for n in scope), min(brackets[n][1] for n in scope)
            if low < high:
                scalar = offsets_of(own.model, parameter, tuple(scope), len(owners) > 1)
                yield hypothesis_of(scalar, simplest(low, high))
                break


def _levels(own: OwnStates, population: str) -> Sequence[str]:
    """The parameters that the threshold's level is the value of."""
    sides = compared(own.model.populations[population].cell)
    parameters = own.model.populations[population].parameters
    return () if sides is None else [n for n in names(sides[0]) if n in parameters]


def simplest(low: float, high: float) -> float:
    """The number of fewest digits in [low, high), the one nearest to the middle of several.

    >>> simplest(0.68, 0.74)
    0.7
    """
    middle = 0.5 * (low + high)
    for digits in range(-math.ceil(math.log10(max(abs(low), abs(high)))) - 1, 17):
        found = round(middle, digits)
        if low <= found < high:
            return found
    return middle
