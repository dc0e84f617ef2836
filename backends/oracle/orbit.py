"""The periodic orbit of a cell that fires by itself: its steady interval, without waiting for it.

::

    P(x*) = x*,    P: the state just after a spike → the state just after the next one

Newton's method on P(x) - x, whose linear systems are solved in the Krylov space of P's derivative. Of
that only the slow directions are left after one interval, so a few intervals are enough, however
slowly the cell settles and however many states it has.

Source: Sanchez, Net, Garcia-Archilla & Simo 2004, J. Comput. Phys. 201:13 (Newton-Krylov shooting).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError, RunError, unknown
from ...core.experiment import Experiment
from ...core.realize import realize
from .cells import CellGroup
from .steps import Tolerance

Floats = NDArray[np.float64]

_SHIFT = 1e-5
_MOST_NEWTON = 12
_MOST_SETTLING = 5


@dataclass(frozen=True)
class Orbit:
    """A periodic orbit that attracts.

    ``period_ms`` from spike to spike (or over ``spikes`` of them), known within ``error_ms``: what a
    tolerance 100 times as tight and the last step of Newton's method still changed. ``state`` is the
    state just after a spike. A deviation shrinks by ``multiplier``, the largest modulus of a Floquet
    multiplier, over a period, so the cell settles with the time constant ``settling_ms``.
    ``intervals_ms`` are the first ones from the initial state.
    """

    period_ms: float
    error_ms: float
    state: Mapping[str, float]
    multiplier: float
    spikes: int
    intervals_ms: tuple[float, ...]

    @property
    def rate_hz(self) -> float:
        """The firing rate."""
        return 1e3 * self.spikes / self.period_ms

    @property
    def settling_ms(self) -> float:
        """-period/log(multiplier): how long a deviation takes to shrink by e."""
        if self.multiplier <= 0:
            return 0.0
        return float(-self.period_ms / np.log(self.multiplier))


def steady_interval(
    experiment: Experiment,
    population: str | None = None,
    cell: int = 0,
    *,
    spikes: int = 1,
    relative: float = 1e-11,
    longest_ms: float = 5000.0,
) -> Orbit:
    """The interval at which a cell that fires by itself becomes steady.

    *relative* is the tolerance of a step, *longest_ms* the longest interval waited for, and *spikes*
    how many of them make a period (more than 1 for bursts). Raises InputError if the cell is driven by
    others or by an input that changes with time, RunError if it stops firing or does not fire
    periodically; the message says what was seen.
    """
    coarse = _Return(experiment, population, cell, spikes, 100 * relative, longest_ms)
    state = coarse.settle()
    rough = coarse.solve(state)
    fine = _Return(experiment, population, cell, spikes, relative, longest_ms)
    fine.scale, fine.seen = coarse.scale, coarse.seen
    better = fine.solve(rough.state)
    multiplier = coarse.multiplier(better.state)
    if multiplier >= 1:
        raise RunError(
            "oracle",
            f"{fine.label} has an orbit of {better.period:.6g} ms, but leaves it: a deviation grows "
            f"{multiplier:.3g} times from spike to spike{fine.saw()}; try spikes=2 or more",
        )
    return Orbit(
        period_ms=better.period,
        error_ms=abs(better.period - rough.period) + better.left,
        state=dict(zip(fine.states, better.state.tolist(), strict=True)),
        multiplier=multiplier,
        spikes=spikes,
        intervals_ms=tuple(coarse.seen[:_MOST_SETTLING]),
    )


@dataclass(frozen=True)
class _Fixed:
    """A fixed point: its state, its period and what the last correction changed of that."""

    state: Floats
    period: float
    left: float


class _Return:
    """The map from a spike to the next of one cell."""

    def __init__(
        self,
        experiment: Experiment,
        population: str | None,
        cell: int,
        spikes: int,
        relative: float,
        longest_ms: float,
    ) -> None:
        if spikes < 1:
            raise InputError("spikes", f"{spikes} spikes make no period; at least 1 does")
        alone = experiment.with_(records=[], duration=f"{spikes * longest_ms!r} ms")
        realization = realize(alone)
        names = list(realization.populations)
        population = names[0] if population is None and len(names) == 1 else population
        if population is None or population not in realization.populations:
            raise unknown("population", "population", str(population), names)
        cells = realization.populations[population]
        if not 0 <= cell < cells.size:
            raise InputError(
                "cell", f"{population} has the cells 0 to {cells.size - 1}, not {cell}"
            )
        self.label = f"cell {cell} of {population}"
        if cells.cell.threshold is None:
            raise InputError(population, "has no threshold, so it has no spikes")
        for edges in realization.edges:
            if edges.target == population and len(edges):
                raise InputError(
                    edges.name, f"reaches {population}; only a cell without synapses has an orbit"
                )
        self._group = CellGroup(realization, cells, Tolerance(relative, 1e-13))
        self._group.prepare("radau")
        for drive in self._group.drives:
            if drive.breakpoints.size or drive.moves:
                raise InputError(
                    drive.variable,
                    "changes with time; only a cell driven by constants has an orbit",
                )
        self.states = [v.name for v in cells.cell.states]
        self._cell, self._spikes, self._longest = cell, spikes, longest_ms
        self._only = np.array([cell])
        self.seen: list[float] = []
        self.scale: Floats = np.ones(len(self.states))

    def saw(self) -> str:
        """The intervals so far, for a message."""
        if not self.seen:
            return ""
        return f" (intervals of {', '.join(f'{t:.6g}' for t in self.seen[-6:])} ms)"

    def _next(self, limit: float) -> tuple[float, Floats]:
        times, _ = self._group.advance(limit, limit, last=True, only=self._only, stop=True)
        if not times.size:
            raise RunError(
                "oracle",
                f"{self.label} fired {len(self.seen) + 1 if self.seen else 0} times, then not for "
                f"{limit:g} ms{self.saw()}; a cell that does not fire by itself has no orbit",
            )
        return float(times[0]), self._group.state_at(self._cell, np.inf)

    def __call__(self, state: Floats) -> tuple[Floats, float]:
        """P and the time it takes."""
        total = 0.0
        for _ in range(self._spikes):
            self._group.after_spike(self._cell, state)
            interval, state = self._next(self._longest)
            total += interval
        return state, total

    def settle(self) -> Floats:
        """The state after the first few spikes; on the way, how large each state becomes."""
        self._group.begin_window(0.0)
        states = []
        _, state = self._next(self._longest)
        for _ in range(_MOST_SETTLING):
            states.append(np.abs(state))
            state, interval = self(state)
            self.seen.append(interval)
        self._group.after_spike(self._cell, state)
        for time in np.linspace(0.05, 0.95, 19) * self.seen[-1] / self._spikes:
            self._group.advance(time, self._longest, last=False, only=self._only)
            states.append(np.abs(self._group.state_at(self._cell, time)))
        self.scale = np.maximum(np.max(states, axis=0), 1e-9)
        return state

    def _derivative(self, state: Floats, image: Floats, direction: Floats) -> Floats:
        moved, _ = self(state + _SHIFT * self.scale * direction)
        slope: Floats = (moved - image) / (_SHIFT * self.scale)
        return slope

    def solve(self, state: Floats) -> _Fixed:
        """Newton's method with the linear systems in Krylov spaces."""
        image, period = self(state)
        miss = (image - state) / self.scale
        worst = float(np.linalg.norm(miss))
        for _ in range(_MOST_NEWTON):
            step = self._newton(state, image, miss)
            try:
                after = state + self.scale * step
                there, taken = self(after)
                new = float(np.linalg.norm((there - after) / self.scale))
            except RunError:
                new = np.inf
            if not new < worst:
                # At round-off nothing gets better; far away the cell itself knows the way.
                if worst < 1e-8:
                    return _Fixed(state, period, abs(period) * worst)
                after, new = image, np.inf
                there, taken = self(after)
                self.seen.append(taken)
                new = float(np.linalg.norm((there - after) / self.scale))
            change = abs(taken - period)
            state, image, period, worst = after, there, taken, new
            miss = (image - state) / self.scale
            if worst < 1e-10 or (worst < 1e-8 and change < 1e-10 * period):
                return _Fixed(state, period, change)
        raise RunError(
            "oracle",
            f"{self.label} does not settle at one interval{self.saw()}; if it fires in bursts, say "
            "spikes= how many of them make a period",
        )

    def _newton(self, state: Floats, image: Floats, miss: Floats) -> Floats:
        """The solution of (1 - DP)·step = miss, by GMRES as far as it is worth it."""
        size = float(np.linalg.norm(miss))
        if size == 0:
            return np.zeros_like(miss)
        step = miss
        for basis, hessenberg in self._arnoldi(state, image, miss / size):
            m = hessenberg.shape[1]
            system = np.eye(m + 1, m) - hessenberg
            right = np.zeros(m + 1)
            right[0] = size
            weights = np.linalg.lstsq(system, right, rcond=None)[0]
            step = basis[:m].T @ weights
            if np.linalg.norm(system @ weights - right) < 1e-3 * size:
                break
        return step

    def _arnoldi(
        self, state: Floats, image: Floats, start: Floats
    ) -> Iterator[tuple[Floats, Floats]]:
        """Ever larger Krylov spaces of DP: orthonormal rows (m + 1, S) and H of shape (m + 1, m)."""
        n = start.size
        basis = [start]
        full = np.zeros((n + 1, n))
        for m in range(n):
            vector = self._derivative(state, image, basis[m])
            for _ in range(2):
                for k, other in enumerate(basis):
                    part = float(other @ vector)
                    full[k, m] += part
                    vector = vector - part * other
            left = float(np.linalg.norm(vector))
            full[m + 1, m] = left
            # Below the accuracy of the differences nothing is left but noise.
            done = left < 1e-6
            basis.append(np.zeros(n) if done else vector / left)
            yield np.array(basis), full[: m + 2, : m + 1]
            if done:
                return

    def multiplier(self, state: Floats) -> float:
        """The largest modulus of an eigenvalue of DP."""
        image, _ = self(state)
        start = np.cos(np.arange(state.size, dtype=np.float64))
        start /= np.linalg.norm(start)
        before = largest = 0.0
        for _, hessenberg in self._arnoldi(state, image, start):
            m = hessenberg.shape[1]
            largest = float(np.max(np.abs(np.linalg.eigvals(hessenberg[:m]))))
            # The residual of a Ritz value is at most the next element below the diagonal.
            if m > 3 and abs(largest - before) < 1e-4 * largest and hessenberg[m, m - 1] < 1e-2:
                break
            before = largest
        return largest
