"""Steps in continuous time: what a stepper is, and Dormand-Prince 8(5,3) for many cells at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from .ends import LEAP, MOST_REFUSED, PASSED, StuckError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
RatesOfSome = Callable[[Floats, Floats], Floats]
"""(times, states (S, cells)) to the rates of change, shape (S, cells)."""
Rates = Callable[[Rows], RatesOfSome]
"""The rates of some cells as a function."""
_STABLE = 6.1
"""The method damps y' = -λy for hλ up to this (Hairer, Norsett & Wanner 1993, II.10 and IV.2)."""
Search = Callable[[Rows, Floats, Floats, Bools], tuple[Floats, Bools]]
"""(cells, begin, end, above) to the first crossing and whether the cell stayed above."""


@dataclass(frozen=True)
class Tolerance:
    """Relative and absolute error of a step; ``slack`` is how far beyond its threshold a cell spikes."""

    relative: float
    absolute: float

    @property
    def slack(self) -> float:
        """What steps at the threshold can be wrong by, relative to both sides of a comparison."""
        return 8 * self.relative


class Stepper(ABC):
    """Proposes for every cell a step from ``begin``, as long as the tolerance allows.

    A proposed step can be looked into (`dense`) and cut short (`exact`); `commit` makes its end the
    begin of the next one, and `restart` begins anew at another state. ``crossing`` is when the
    threshold is crossed in the step (inf: not), ``above`` whether the cell has been above it since.
    """

    def __init__(self, state: Floats, search: Search) -> None:
        size = state.shape[1]
        self.state = state.copy()
        self.begin, self.end = np.zeros(size), np.zeros(size)
        self.crossing = np.full(size, np.inf)
        self.above = np.zeros(size, dtype=bool)
        self.n_steps = 0
        self._after = state.copy()
        self._above_after = np.zeros(size, dtype=bool)
        self._search = search

    @abstractmethod
    def propose(self, cells: Rows, limit: Floats) -> None:
        """Find steps of some cells, none beyond its limit, and the crossings in them."""

    @abstractmethod
    def dense(self, cells: Rows, times: Floats, rows: Rows | None = None) -> Floats:
        """The states (S, times), or some ``rows`` of them, within the proposed steps, by interpolation."""

    @abstractmethod
    def exact(self, cells: Rows, times: Floats) -> Floats:
        """The states (S, times) within the proposed steps, as good as those at their ends."""

    def commit(self, cells: Rows) -> None:
        """Accept the proposed steps as they are."""
        self.begin[cells] = self.end[cells]
        self.state[:, cells] = self._after[:, cells]
        self.above[cells] = self._above_after[cells]

    def restart(self, cells: Rows, times: Floats, states: Floats) -> None:
        """Begin at a time from a state, after something happened there."""
        self.begin[cells] = times
        self.end[cells] = times
        self.state[:, cells] = states


class VectorDOP853(Stepper):
    """Dormand-Prince 8(5,3) with dense output of order 7, each cell with a step of its own.

    Source: Hairer, Norsett & Wanner 1993, Solving ODEs I, II.5; the coefficients are SciPy's.
    """

    def __init__(
        self,
        rates: Rates,
        state: Floats,
        search: Search,
        rtol: float,
        atol: float,
        first_step: float,
    ) -> None:
        super().__init__(state, search)
        self._rates = rates
        self._rtol, self._atol = rtol, atol
        n_states, size = state.shape
        self._slope = np.zeros((n_states, size))
        self._slope_after = np.zeros((n_states, size))
        self._stale = np.ones(size, dtype=bool)
        self._wish = np.full(size, first_step)
        self._fastest = np.zeros(size)
        self._refused = np.zeros(size, dtype=np.int64)
        self._left = np.zeros(size, dtype=bool)
        self._passed = PASSED * first_step
        self._poly = np.zeros((7, n_states, size))

    def restart(self, cells: Rows, times: Floats, states: Floats) -> None:
        """Begin anew; the slope there is not known yet."""
        super().restart(cells, times, states)
        self._stale[cells] = True

    def commit(self, cells: Rows) -> None:
        """Accept the proposed steps; their last slopes are the first of the next ones."""
        super().commit(cells)
        self._slope[:, cells] = self._slope_after[:, cells]

    def _stages(self, rates: RatesOfSome, cells: Rows, h: Floats, k: Floats) -> Floats:
        """Fill the 12 stages k, given the first, and return the state after a step h."""
        begin, state = self.begin[cells], self.state[:, cells]
        flat = k.reshape(k.shape[0], -1)
        for s in range(1, 12):
            change = (DOP853.A[s, :s] @ flat[:s]).reshape(state.shape)
            k[s] = rates(begin + DOP853.C[s] * h, state + h * change)
        after: Floats = state + h * (DOP853.B @ flat[:12]).reshape(state.shape)
        return after

    def propose(self, cells: Rows, limit: Floats) -> None:
        """Find one step a cell that keeps the tolerance."""
        self._integrate(cells, limit)
        self.crossing[cells], self._above_after[cells] = self._search(
            cells, self.begin[cells], self.end[cells], self.above[cells]
        )

    def _integrate(self, cells: Rows, limit: Floats) -> None:
        stale = cells[self._stale[cells]]
        if stale.size:
            self._slope[:, stale] = self._rates(stale)(self.begin[stale], self.state[:, stale])
            self._stale[stale] = False
        shrunk = np.zeros(self.begin.size, dtype=bool)
        last = np.empty(self.begin.size)
        last[cells] = limit
        while cells.size:
            self.n_steps += cells.size
            room = last[cells] - self.begin[cells]
            whole = self._wish[cells] >= room
            h = np.where(whole, room, self._wish[cells])
            n_states = self.state.shape[0]
            k = np.empty((16, n_states, cells.size))
            k[0] = self._slope[:, cells]
            rates = self._rates(cells)
            after = self._stages(rates, cells, h, k)
            ends = np.where(whole, last[cells], self.begin[cells] + h)
            k[12] = rates(ends, after)
            error = self._error(cells, h, k, after)
            fine = error < 1
            least = 64 * np.spacing(np.maximum(np.abs(self.begin[cells]), 1.0))
            smooth = np.isfinite(after).all(axis=0) & np.isfinite(k[12]).all(axis=0)
            # At a kink or jump of the right-hand side no step is short enough; one of round-off is.
            forced = smooth & ~fine & (h <= least)
            # But no jump of it moves a state far in such a step: only a blow-up does.
            moved = np.abs(after - self.state[:, cells]).max(axis=0, initial=0.0)
            smooth &= ~(forced & (moved > LEAP * np.abs(after).max(axis=0, initial=1.0)))
            fine = smooth & (fine | forced)
            self._check(cells, ~fine | forced, fine & (h > self._passed), smooth, h <= least)
            with np.errstate(all="ignore"):
                factor = np.where(error > 0, 0.9 * error**-0.125, 10.0)
            factor = np.clip(np.nan_to_num(factor, nan=0.2), 0.2, 10.0)
            factor = np.where(shrunk[cells], np.minimum(factor, 1.0), factor)
            wish = np.maximum(h * np.where(fine, factor, np.minimum(factor, 0.9)), 0.5 * least)
            # The stages of a step that is refused may lie anywhere, and tell nothing of the solution.
            longest = self._longest(cells, h, k, after, rates, ends, fine)
            wish = np.minimum(wish, np.maximum(longest, 0.5 * least))
            # A step cut short by its limit says nothing against the longer one wished for.
            self._wish[cells] = np.where(fine & whole, np.maximum(wish, self._wish[cells]), wish)
            shrunk[cells] = ~fine
            if fine.any():
                self._keep(cells[fine], h[fine], k[:, :, fine], after[:, fine], ends[fine])
            cells = cells[~fine]

    def _check(
        self, cells: Rows, refused: Bools, passed: Bools, smooth: Bools, shortest: Bools
    ) -> None:
        """StuckError where a solution leaves the finite numbers, or tiny steps are refused without end."""
        self._refused[cells[passed]] = 0
        self._refused[cells[refused]] += 1
        self._left[cells[passed]] = False
        self._left[cells[~smooth]] = True
        stuck = (~smooth & shortest) | (self._refused[cells] > MOST_REFUSED)
        if stuck.any():
            k = int(np.flatnonzero(stuck)[0])
            cell = int(cells[k])
            time, state = float(self.begin[cell]), self.state[:, cell].copy()
            raise StuckError(cell, time, state, finite=not self._left[cell])

    def _longest(
        self,
        cells: Rows,
        h: Floats,
        k: Floats,
        after: Floats,
        rates: RatesOfSome,
        ends: Floats,
        accepted: Bools,
    ) -> Floats:
        """The longest step that damps what is left of earlier errors.

        At rest the error estimate is one of round-off alone and would let steps grow until the method
        amplifies it, so that a cell at rest just below its threshold crosses it. The rate is that of
        the last two stages, which both lie at the end of the step; where they are the same to
        round-off and the rate seen last holds the step back, it is asked for: at rest it is still
        there, after the upstroke of a spike it may have been a billion times as fast.
        """
        flat = k[:11].reshape(11, -1)
        last = self.state[:, cells] + h * (DOP853.A[11, :11] @ flat).reshape(after.shape)
        moved = np.abs(after - last).max(axis=0, initial=0.0)
        seen = moved > 1e4 * np.spacing(np.abs(after).max(axis=0, initial=1.0))
        rate = np.abs(k[12] - k[11]).max(axis=0, initial=0.0)[seen] / moved[seen]
        measured = seen & accepted
        self._fastest[cells[measured]] = rate[accepted[seen]]
        asked = ~seen & accepted & (h * self._fastest[cells] > 1)
        if asked.any():
            probed = self._probed(rates, ends, k[12], after)
            asked &= np.isfinite(probed)
            self._fastest[cells[asked]] = probed[asked]
        with np.errstate(divide="ignore"):
            longest: Floats = _STABLE / self._fastest[cells]
        return longest

    def _probed(self, rates: RatesOfSome, ends: Floats, slope: Floats, after: Floats) -> Floats:
        """The fastest rate at the ends of steps, about, from the slopes a little beside them."""
        # A direction in which neither rows nor columns of a Jacobian are likely to cancel.
        beside = np.cos(1.0 + np.arange(after.shape[0]))
        beside /= np.abs(beside).max(initial=1e-300)
        size = 1e-7 * np.abs(after).max(axis=0, initial=1.0)
        changed = rates(ends, after + beside[:, None] * size) - slope
        rates_there: Floats = np.abs(changed).max(axis=0, initial=0.0) / size
        return rates_there

    def _error(self, cells: Rows, h: Floats, k: Floats, after: Floats) -> Floats:
        size = np.maximum(np.abs(self.state[:, cells]), np.abs(after))
        scale = self._atol + self._rtol * size
        flat = k[:13].reshape(13, -1)
        fifth = ((DOP853.E5 @ flat).reshape(after.shape) / scale) ** 2
        third = ((DOP853.E3 @ flat).reshape(after.shape) / scale) ** 2
        five, three = fifth.sum(axis=0), third.sum(axis=0)
        with np.errstate(all="ignore"):
            error = h * five / np.sqrt((five + 0.01 * three) * after.shape[0])
        return np.where(five + three > 0, error, 0.0)

    def _keep(self, cells: Rows, h: Floats, k: Floats, after: Floats, ends: Floats) -> None:
        """Store accepted steps with the polynomials of their dense output."""
        begin, state, rates = self.begin[cells], self.state[:, cells], self._rates(cells)
        k = np.ascontiguousarray(k)
        flat = k.reshape(16, -1)
        for extra, (a, c) in enumerate(zip(DOP853.A_EXTRA, DOP853.C_EXTRA, strict=True)):
            s = 13 + extra
            change = (a[:s] @ flat[:s]).reshape(state.shape)
            k[s] = rates(begin + c * h, state + h * change)
        change = after - state
        poly = np.empty((7, *state.shape))
        poly[0] = change
        poly[1] = h * k[0] - change
        poly[2] = 2 * change - h * (k[12] + k[0])
        poly[3:] = h * (DOP853.D @ flat).reshape(4, *state.shape)
        self._poly[:, :, cells] = poly
        self._after[:, cells] = after
        self._slope_after[:, cells] = k[12]
        self.end[cells] = ends

    def dense(self, cells: Rows, times: Floats, rows: Rows | None = None) -> Floats:
        """The states (S, times) by the polynomials of order 7."""
        begin = self.begin[cells]
        x = (times - begin) / (self.end[cells] - begin)
        if rows is None:
            poly, state = self._poly[:, :, cells], self.state[:, cells]
        else:
            poly, state = self._poly[:, rows[:, None], cells], self.state[rows[:, None], cells]
        y = np.zeros(poly.shape[1:])
        for i in range(7):
            y = (y + poly[6 - i]) * (x if i % 2 == 0 else 1 - x)
        return state + y

    def exact(self, cells: Rows, times: Floats) -> Floats:
        """The states (S, times) by one step of order 8 from the begins."""
        k = np.empty((12, self.state.shape[0], cells.size))
        k[0] = self._slope[:, cells]
        after = self._stages(self._rates(cells), cells, times - self.begin[cells], k)
        whole = times == self.end[cells]
        return np.where(whole, self._after[:, cells], after)
