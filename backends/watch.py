"""A `Watch` over a run: whether its states are finite and such as cells have, recorded or not.

The backends show their states now and then and at the end. What one look finds is one reduction an array,
none per cell, so that looking costs nothing beside simulating.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.caveats import Caveat
from ..core.cell import Cell
from ..core.errors import RunError
from ..core.guarded_rk4 import runs_away
from ..core.realization import Realization
from ..core.recording import Recording, Spikes
from ..core.settings import Settings
from ..core.units import internal_unit
from ..core.values import Floats
from .diverged import NEUTRAL, advice

Progress = Callable[[float], None]
"""Called during a run with the fraction done, 0 to 1."""
States = Iterable[tuple[str, str, Any]]
"""(population, variable, values (cells,)); of plasticity (projection, variable, values (any,))."""

LOOKS = 50
"""How often a backend that counts its steps looks: a state is known to the fiftieth of a run."""
IMPLAUSIBLE_MV = 1000.0
"""No cell has a potential beyond this: ten times what an action potential spans. A numerical accident."""
_IN_A_ROW = 16
_WINDOW = 20
"""A stretch is 16 spikes within 20 steps: most intervals are one step, so that a smaller step would give
more spikes. The fastest cells known fire at 1 kHz, which is every tenth step of 0.1 ms."""


@dataclass(frozen=True)
class Divergence:
    """The first state seen that is not finite: after one time [ms] at which all were, at another at last."""

    owner: str
    variable: str
    index: int
    value: float
    after_ms: float
    until_ms: float


class Watch:
    """What a backend tells while it runs: how far it is (called with a fraction), and its states (`look`)."""

    def __init__(self, backend: str, realization: Realization, progress: Progress) -> None:
        self._backend, self._realization, self._progress = backend, realization, progress
        self._recorded: dict[tuple[str, str], Any] = {
            (p, v): cells for p, v, cells in realization.recorded()
        }
        self._potentials = {
            (name, v.name)
            for name, population in realization.populations.items()
            for v in population.cell.states
            if internal_unit(v.dimension) == "mV"
        }
        self._highest: dict[tuple[str, str], tuple[float, int]] = {}
        self._fine_ms = 0.0
        self.found: Divergence | None = None

    def __call__(self, fraction: float) -> None:
        """Tell the fraction done."""
        self._progress(fraction)

    def look(self, time_ms: float, states: States) -> None:
        """Look at all states of a moment; RunError for one that is not finite.

        What is recorded is only remembered, because the recording knows from when it is so.
        """
        if self.found is not None:
            return
        with np.errstate(invalid="ignore"):
            for owner, variable, given in states:
                values = np.asarray(given)
                if not values.size:
                    continue
                largest = max(float(values.max()), -float(values.min()))
                if not largest < np.inf:
                    self._diverged(owner, variable, np.ravel(values), time_ms)
                    return
                if largest > IMPLAUSIBLE_MV and (owner, variable) in self._potentials:
                    self._remember(owner, variable, np.ravel(values))
        self._fine_ms = max(self._fine_ms, time_ms)

    def stopped(self, why: str, time_ms: float, states: States) -> RunError:
        """The error for a simulator that gave up at a time: which state has gone farthest since the start."""
        farthest, told, there = 0.0, NEUTRAL, ""
        for owner, variable, given in states:
            population = self._realization.populations.get(owner)
            if population is None or not population.size:
                continue
            start = population.initial[variable]
            gone = np.abs(np.asarray(given) - start) / np.maximum(1.0, np.abs(start))
            cell = int(np.argmax(gone))
            if not gone[cell] <= farthest:
                farthest, value = float(gone[cell]), float(np.asarray(given)[cell])
                unit = internal_unit(population.cell.variable(variable).dimension)
                shown = f"{value:.3g}{'' if unit == '1' else f' {unit}'}"
                there = (
                    f", where {owner}.{variable} of cell {cell_number(population, cell)} has gone "
                    f"farthest, to {shown}"
                )
                told = advice(self._realization, population, cell, value)
        return RunError(self._backend, f"{why} at {time_ms:g} ms{there}; {told}")

    def _remember(self, owner: str, variable: str, values: Floats) -> None:
        cell = int(np.argmax(np.abs(values)))
        known = self._highest.get((owner, variable), (0.0, 0))
        self._highest[owner, variable] = max(known, (abs(float(values[cell])), cell))

    def _diverged(self, owner: str, variable: str, values: Floats, time_ms: float) -> None:
        index = int(np.argmin(np.isfinite(values)))
        self.found = Divergence(
            owner, variable, index, float(values[index]), self._fine_ms, max(time_ms, self._fine_ms)
        )
        if index not in self._recorded.get((owner, variable), ()):
            raise self.error()

    def error(self) -> RunError:
        """What was found, as the error that ends the run."""
        divergence, population = self.found, None
        assert divergence is not None
        what = f"{divergence.owner}.{divergence.variable} of connection {divergence.index}"
        if divergence.owner in self._realization.populations:
            population = self._realization.populations[divergence.owner]
            cell = cell_number(population, divergence.index)
            what = f"{divergence.owner}.{divergence.variable} of cell {cell}"
        when = (
            f"from a time between {divergence.after_ms:g} and {divergence.until_ms:g} ms on"
            if divergence.after_ms < divergence.until_ms
            else f"at {divergence.until_ms:g} ms"
        )
        remedy = advice(self._realization, population, divergence.index, divergence.value)
        return RunError(self._backend, f"{what} is {divergence.value} {when}; {remedy}")

    def caveats(
        self, recording: Recording, settings: Settings, on_grid: bool
    ) -> tuple[Caveat, ...]:
        """What keeps a finite run from being believed: voltages no cell has, the rate of the step."""
        for (population, variable), trace in recording.traces.items():
            if (population, variable) not in self._potentials or not trace.values.size:
                continue
            # Without a copy of all samples.
            if max(float(trace.values.max()), -float(trace.values.min())) > IMPLAUSIBLE_MV:
                largest = np.maximum(trace.values.max(axis=0), -trace.values.min(axis=0))
                k = int(np.argmax(largest))
                known = self._highest.get((population, variable), (0.0, 0))
                self._highest[population, variable] = max(
                    known, (float(largest[k]), int(trace.cells[k]))
                )
        caveats = list(self._implausible(settings, on_grid))
        if on_grid:
            for name, spikes in recording.spikes.items():
                rate = rate_of_the_step(self._realization, name, spikes)
                caveats += [] if rate is None else [rate]
        return tuple(caveats)

    def _implausible(self, settings: Settings, on_grid: bool) -> Iterable[Caveat]:
        worst: dict[str, tuple[float, int, str]] = {}
        for (name, variable), (value, cell) in self._highest.items():
            worst[name] = max(worst.get(name, (0.0, 0, "")), (value, cell, variable))
        for name, (value, cell, variable) in worst.items():
            population = self._realization.populations[name]
            number = cell_number(population, cell)
            # In continuous time no step is to blame, and there is nobody better to ask.
            told = "look at its equations and their units"
            if on_grid:
                told = f"{_over_the_threshold(population.cell, settings)}compare with -b oracle"
            yield Caveat(
                "implausible",
                f"{name}.{variable} of cell {number}",
                f"reaches {value:.3g} mV, which no cell does; {told}",
            )


def _over_the_threshold(cell: Cell, settings: Settings) -> str:
    """What to do where a scheme may have evaluated an upstroke beyond the threshold that ends it."""
    guarded = settings.mode == "aligned" and settings.method in (None, "default", "guarded_rk4")
    if guarded or cell.threshold is None or cell.on_crossing or not runs_away(cell):
        return ""
    method = settings.method or (
        "its default method" if settings.mode == "raw" else settings.scheme
    )
    return (
        f"{method} goes on beyond the threshold, where the upstroke becomes infinite: take --mode aligned "
        "without --method, which stops there, and "
    )


def cell_number(population: Any, index: int) -> int:
    """The number of a cell in the intact population."""
    return index if population.kept is None else int(population.kept[index])


def rate_of_the_step(realization: Realization, name: str, spikes: Spikes) -> Caveat | None:
    """The caveat for a population with a cell that fires in nearly every step over a stretch; None without.

    A refractory time of a step or more bounds the rate by a number of the model's own. A cell without reset
    has to come down between two spikes, so that every second step is its limit.
    """
    population = realization.populations[name]
    dt, every = realization.dt_ms, 2 if population.cell.on_crossing else 1
    if len(spikes) < _IN_A_ROW:
        return None
    order = np.lexsort((spikes.times, spikes.cells))
    times, cells = spikes.times[order], spikes.cells[order]
    last = _IN_A_ROW - 1
    near = times[last:] - times[:-last] <= (every * (_WINDOW - 1) + 0.5) * dt
    near &= cells[last:] == cells[:-last]
    near &= (
        np.broadcast_to(np.asarray(population.refractory_steps), population.size)[
            cells[: near.size]
        ]
        == 0
    )
    rows = np.flatnonzero(near)
    if not rows.size:
        return None
    first = rows[np.argmin(times[rows])]
    n_cells = np.unique(cells[rows]).size
    more = f" (and {n_cells - 1:,} more cells)" if n_cells > 1 else ""
    return Caveat(
        "rate of the step",
        f"{name}, cell {cell_number(population, int(cells[first]))}{more}",
        f"fires in nearly every {'second ' if every == 2 else ''}step from {times[first]:g} ms on: "
        f"the rate is that of the step, {'1/(2 dt)' if every == 2 else '1/dt'}, not the model's",
    )
