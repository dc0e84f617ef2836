"""Replays: a changed model run over the few steps in which two recordings first part.

A hypothesis that is right says what happens there to the last digit, so that most of them can be dismissed
for the price of a few dozen steps. The clock contract is run in this process (`backends.reference`), from
the instant before the parting if nothing can have been different earlier, else from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....backends.reference import Network, scheme_for
from ....core.errors import CoincideError
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from ....core.values import Floats
from ...measuring import ROUND_OFF
from .hypothesis import Side

Key = tuple[str, str]
Stamps = tuple[NDArray[np.int64], NDArray[np.int32]]
"""Steps and cells of spikes."""
AHEAD = 24
"""Steps after the parting over which traces are replayed."""
AHEAD_SPIKES = 150
"""Steps likewise where spikes alone tell."""
REACH = 8
"""Steps before the parting from which a number's change is replayed: states that no trace shows come in."""
NEAR_START = 40
"""A parting within so many steps is replayed from the start."""
TOO_EARLY = 1e-8
"""A change that moves a trace by this share of its range before the parting is not what parted the two."""
ENOUGH = 1e-5
"""A hypothesis that leaves less than this share of the difference is taken to be right about the window."""


@dataclass(frozen=True)
class Parting:
    """Where two recordings first part: the step, the populations that do, and by what they are seen to.

    ``traced`` says that a trace shows it: then the cells agreed until the step before. Without, spikes
    of a cell that no trace shows came or stayed away, which may have been long in the making. ``spikes`` are
    those of the healthy recording.
    """

    step: int
    populations: tuple[str, ...]
    traced: bool
    cell: int
    variable: str
    spikes: Mapping[str, Stamps] = field(default_factory=dict, repr=False)


def step_of_spikes(times: Floats, dt_ms: float) -> NDArray[np.int64]:
    """The steps of stamps."""
    return np.rint(times / dt_ms).astype(np.int64)


def differences(a: Recording, b: Recording) -> dict[Key, Floats]:
    """b - a of every trace that both have on one grid, over its range; shape (samples, cells)."""
    found = {}
    for key, one in a.traces.items():
        other = b.traces.get(key)
        if other is None or not np.array_equal(one.cells, other.cells):
            continue
        if abs(one.start_ms - other.start_ms) > 1e-9 or abs(one.dt_ms - other.dt_ms) > 1e-9:
            continue
        n = min(len(one.values), len(other.values))
        found[key] = (other.values[:n] - one.values[:n]) / spread(one.values)
    return found


def lonely_spikes(
    a: Recording, b: Recording
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Steps and cells of the spikes that only one of two recordings has at that step, by population."""
    found = {}
    for name in a.spikes.keys() & b.spikes.keys():
        one, other = a.spikes[name], b.spikes[name]
        size = 1 + max(one.cells.max(initial=0), other.cells.max(initial=0))
        keys = [
            step_of_spikes(s.times, a.dt_ms) * int(size) + s.cells.astype(np.int64)
            for s in (one, other)
        ]
        odd = np.setxor1d(keys[0], keys[1])
        found[name] = (odd // size, odd % size)
    return found


def parting(a: Recording, b: Recording, threshold: float = ROUND_OFF) -> Parting | None:
    """Where two recordings on one grid first part; None if nowhere beyond a share of the range."""
    first: dict[Key, tuple[int, int]] = {}
    for key, difference in differences(a, b).items():
        beyond = ~(np.abs(difference) <= threshold)
        rows = np.flatnonzero(beyond.any(axis=1))
        if rows.size:
            first[key] = (int(rows[0]), int(a.traces[key].cells[np.argmax(beyond[rows[0]])]))
    spikes = {
        name: (int(steps[0]), int(cells[0]))
        for name, (steps, cells) in lonely_spikes(a, b).items()
        if steps.size
    }
    if not first and not spikes:
        return None
    step = min(at for at, _ in (*first.values(), *spikes.values()))
    here = {p for (p, _), (at, _) in first.items() if at <= step + 1}
    here |= {p for p, (at, _) in spikes.items() if at <= step + 1}
    stamps = {n: (step_of_spikes(s.times, a.dt_ms), s.cells) for n, s in a.spikes.items()}
    shown = next((k for k, (at, _) in first.items() if at == step), None)
    if shown is not None:
        return Parting(step, tuple(sorted(here)), True, first[shown][1], shown[1], stamps)
    name = next(p for p, (at, _) in spikes.items() if at == step)
    return Parting(step, tuple(sorted(here)), False, spikes[name][1], "", stamps)


@dataclass(frozen=True)
class Replayed:
    """What a replay leaves of the difference: ``traces`` and ``spikes`` as shares, 1 for all of it.

    ``response`` is what the change does to the traces at the parting and a step later, before a spike or
    reset can have made it jump: all variables and cells in a row, as `Replay.observed`. ``early`` says that
    the change shows before the recordings part, so that it cannot be what parted them.
    """

    traces: float
    spikes: float
    response: Floats
    early: bool = False

    @property
    def left(self) -> float:
        """The larger of the two shares."""
        return max(self.traces, self.spikes)


class Replay:
    """Replays of changed models around the parting of a healthy and a suspicious recording.

    ``steps`` counts the steps replayed so far; over the steps of a run they are its cost in runs. ``ahead``
    is how many steps after the parting it goes; ``whole`` replays begin at the start of the run, for what
    parted unseen in cells that no trace shows.
    """

    def __init__(
        self,
        side: Side,
        healthy: Recording,
        suspicious: Recording,
        at: Parting,
        ahead: int = 0,
        whole: bool = False,
    ) -> None:
        assert side.realization is not None
        self.model: Realization = side.realization
        self.settings: Settings = side.settings
        self.at = at
        self.steps = 0
        self.last = min(
            at.step + (ahead or (AHEAD if at.traced else AHEAD_SPIKES)), self.model.n_steps
        )
        self._difference = differences(healthy, suspicious)
        self._lonely = lonely_spikes(healthy, suspicious)
        self._spread = {key: spread(healthy.traces[key].values) for key in self._difference}
        delays = [e.max_delay_steps for e in self.model.edges]
        quiet = [int(np.max(p.refractory_steps)) for p in self.model.populations.values()]
        whole = whole or not at.traced or at.step <= NEAR_START
        self._far = 0 if whole else max(0, at.step - max([*delays, *quiet]) - 6)
        self._near = 0 if whole else max(0, at.step - REACH)
        self._bases: dict[int, Network] = {}

    @cached_property
    def jumps(self) -> bool:
        """Whether a spike comes or stays away at the parting, so that states jump there."""
        near = (self.at.step - 1, self.at.step + 1)
        return any(
            bool(np.any((steps >= near[0]) & (steps <= near[1])))
            for steps, _ in self._lonely.values()
        )

    @property
    def cost(self) -> float:
        """The steps replayed so far in runs of the model."""
        return self.steps / self.model.n_steps

    def _new(self, model: Realization, settings: Settings, kept: int) -> Network:
        return Network(model, scheme_for(model, settings), kept)

    def _base(self, start: int) -> Network:
        """The healthy model as it stands before a step."""
        if start not in self._bases:
            before = max((s for s in self._bases if s < start), default=0)
            network = self._new(self.model, self.settings, start - before)
            if before:
                network.resume(self._bases[before], before - 1)
            with np.errstate(all="ignore"):
                for now in range(before, start):
                    network.step(now)
            self.steps += start - before
            self._bases[start] = network
        return self._bases[start]

    @cached_property
    def _plain(self) -> _Window:
        """The healthy model in the whole window."""
        found = self._run(self.model, self.settings, self._far, self.last, watch=False)
        assert found is not None
        return found

    def _run(
        self, model: Realization, settings: Settings, start: int, stop: int, watch: bool = True
    ) -> _Window | None:
        """A model from one step to another; None as soon as it parts from the healthy one too early."""
        network = self._new(model, settings, stop - start)
        if start:
            network.resume(self._base(start), start - 1)
        with np.errstate(all="ignore"):
            for now in range(start, stop + 1):
                network.step(now)
                if watch and now < self.at.step and (now - start) % 8 in (1, 7):
                    if self._departs(_Window(network, start), start, now):
                        self.steps += now - start
                        return None
        self.steps += stop - start
        return _Window(network, start)

    def _departs(self, window: _Window, start: int, now: int) -> bool:
        for key in self._difference:
            moved = window.rows(key, now, now) - self._plain.rows(key, now, now)
            if not np.all(np.abs(moved) <= TOO_EARLY * self._spread[key]):
                return True
        if (now - start) % 32 != 31:
            return False
        return any(
            spikes ^ {s for s in self._plain.spikes[name] if s[0] <= now}
            for name, spikes in window.spikes.items()
        )

    @cached_property
    def observed(self) -> Floats:
        """The difference of the recordings at the parting and a step later, over the ranges, in a row."""
        return self._seen(min(self.at.step + 1, self.last))

    def _seen(self, stop: int) -> Floats:
        rows = slice(max(self.at.step - 1, 0), stop + 1)
        return _flat({k: d[rows] for k, d in self._difference.items()})

    def _moved(self, window: _Window, stop: int) -> Floats:
        first = max(self.at.step - 1, 0)
        return _flat(
            {
                k: (window.rows(k, first, stop) - self._plain.rows(k, first, stop))
                / self._spread[k]
                for k in self._difference
            }
        )

    def __call__(self, changed: Side, *, far: bool = True, quick: bool = False) -> Replayed | None:
        """Replay a changed side; None if it cannot be run.

        *far* begins early enough for what is under way (delays, refractoriness) to be changed as well;
        *quick* ends a step after the parting.
        """
        assert changed.realization is not None
        stop = min(self.at.step + 1, self.last) if quick else self.last
        start = self._far if far else self._near
        try:
            window = self._run(changed.realization, changed.settings, start, stop)
        except (CoincideError, ArithmeticError, TypeError, ValueError):
            return None  # numbers that no model can have: a root of a negative temperature
        if window is None:
            return Replayed(np.inf, 1.0, np.zeros_like(self.observed), early=True)
        seen, moved = self._seen(stop), self._moved(window, stop)
        scale = float(np.linalg.norm(seen))
        left = float(np.linalg.norm(moved - seen)) / scale if scale else float(np.any(moved))
        n = self.observed.size
        response = moved if quick else self._moved(window, min(self.at.step + 1, self.last))
        assert response.size == n
        return Replayed(
            left if np.isfinite(left) else np.inf, self._odd_spikes(window, start, stop), response
        )

    def _odd_spikes(self, window: _Window, start: int, stop: int) -> float:
        """The share of the lonely spikes in the window that the change does not give."""
        odd = total = 0
        for name, (steps, cells) in self._lonely.items():
            inside = (steps >= start) & (steps <= stop)
            wanted = set(zip(steps[inside].tolist(), cells[inside].tolist(), strict=True))
            plain = {s for s in self._plain.spikes[name] if start <= s[0] <= stop}
            odd += len((window.spikes[name] ^ plain) ^ wanted)
            total += len(wanted)
        return odd / max(total, 1)


class _Window:
    """What a network did from one step on."""

    def __init__(self, network: Network, start: int) -> None:
        self._traces = {key: trace.values for key, trace in network.traces().items()}
        self._network, self._start = network, start

    def rows(self, key: Key, first: int, last: int) -> Floats:
        """The samples of two steps and those between."""
        return self._traces[key][first - self._start : last - self._start + 1]

    @cached_property
    def spikes(self) -> dict[str, set[tuple[int, int]]]:
        """(step, cell) of every spike, by population."""
        return {
            name: set(
                zip(
                    step_of_spikes(s.times, self._network.dt_ms).tolist(),
                    s.cells.tolist(),
                    strict=True,
                )
            )
            for name, s in self._network.spikes().items()
        }


def spread(values: Floats) -> float:
    """The range of a variable; 1 if it does not move."""
    return float(np.nanmax(values) - np.nanmin(values)) or 1.0


def _flat(parts: Mapping[Key, Floats]) -> Floats:
    rows = [np.ravel(parts[key]) for key in sorted(parts)]
    return np.concatenate(rows) if rows else np.empty(0)
