"""Radau IIA with many stages for stiff cells: one Runge-Kutta step at a time, and its polynomial.

::

    Y_i = y + h·Σ_j a_ij·f(Y_j),    i = 1…s,    y(t + h) = Y_s

of order 2s - 1 at the end of a step, s + 1 within it. The stages are found by Newton's method with one
Jacobian a step, in the eigenvectors of A⁻¹.

Source: Hairer & Wanner 1999, J. Comput. Appl. Math. 111:93; 1996, Solving ODEs II, IV.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from .ends import LEAP, MOST_REFUSED, PASSED, StuckError
from .scalar import Inputs, Modes, OneCell
from .tableau import TABLEAU, Piece

Floats = NDArray[np.float64]

_MOST_ITERATIONS = 14
_MOST_TURNS = 100
_GRAZES = 1e-3
"""A switch that turns within this part of a step, time after time, is never left."""
_MANY_STATES = 40


class _Dense:
    """(λ/h - J)⁻¹ for every eigenvalue λ, of few states."""

    def __init__(self, cell: OneCell, state: Floats, inputs: Inputs, modes: Modes) -> None:
        self._jacobian = cell.jacobian(state, inputs, modes)
        self._inverse: Any = None

    def factor(self, h: float) -> None:
        """Take a step; LinAlgError if it is singular."""
        n = self._jacobian.shape[0]
        shifts = TABLEAU.eigenvalues / h
        matrix = np.broadcast_to(-self._jacobian, (shifts.size, n, n)).astype(complex)
        matrix[:, np.arange(n), np.arange(n)] += shifts[:, None]
        self._inverse = np.linalg.inv(matrix)

    def solve(self, vectors: Any) -> Any:
        """For every eigenvalue its vector, shape (k, S)."""
        return np.matmul(self._inverse, vectors[:, :, None])[:, :, 0]

    def solve_real(self, vector: Floats) -> Floats:
        """For the real eigenvalue."""
        solution: Floats = self._inverse[0].real @ vector
        return solution


class _Sparse:
    """The same for many states, of which each depends on few."""

    def __init__(self, cell: OneCell, state: Floats, inputs: Inputs, modes: Modes) -> None:
        assert cell.entries is not None
        values = np.array(cell.entries(state.tolist(), inputs, modes), dtype=np.float64)
        n = state.size
        self._jacobian = sparse.csc_array((values, (cell.rows, cell.columns)), shape=(n, n))
        self._unit = sparse.identity(n, format="csc")
        self._factors: list[Any] = []

    def factor(self, h: float) -> None:
        """Take a step; LinAlgError if it is singular."""
        try:
            self._factors = [
                splu(sparse.csc_matrix(self._unit * (shift / h) - self._jacobian))
                for shift in [TABLEAU.real, *TABLEAU.eigenvalues[1:]]
            ]
        except RuntimeError as error:
            raise np.linalg.LinAlgError(str(error)) from error

    def solve(self, vectors: Any) -> Any:
        """For every eigenvalue its vector, shape (k, S)."""
        solutions = np.empty(vectors.shape, dtype=complex)
        solutions[0] = self._factors[0].solve(vectors[0].real.copy())
        for k, factors in enumerate(self._factors[1:], 1):
            solutions[k] = factors.solve(vectors[k])
        return solutions

    def solve_real(self, vector: Floats) -> Floats:
        """For the real eigenvalue."""
        solution: Floats = self._factors[0].solve(vector)
        return solution


class RadauSolver:
    """The steps of one cell; `restart` before the first one and after every jump of the state."""

    def __init__(
        self,
        cell: OneCell,
        inputs: Callable[[float], Inputs],
        relative: float,
        absolute: float,
        first_step: float,
        number: int,
    ) -> None:
        self.cell, self._inputs, self._number = cell, inputs, number
        self._relative, self._absolute = relative, absolute
        self._enough = max(1e-3, 4e-15 / relative)
        self._wish = first_step
        self._last: Piece | None = None
        self._modes: Modes = ()
        self._turns, self._refused = 0, 0
        self._passed = PASSED * first_step
        self.n_steps = 0

    def restart(self, time: float, state: Floats) -> None:
        """Begin at a state: the switches stand as their conditions say."""
        conditions = self.cell.conditions(state.tolist(), self._inputs(time), ())
        self._modes = tuple(bool(m) for m in conditions)
        self._last = None

    def step(self, begin: float, state: Floats, limit: float) -> Piece:
        """One step that keeps the tolerance, to the limit at most, and to where a switch turns."""
        cell, table = self.cell, TABLEAU
        inputs = self._inputs(begin)
        slope = np.array(cell.rates(state.tolist(), inputs, self._modes))
        linear = self._linear(state, inputs, self._modes)
        room = limit - begin
        least = 64 * np.spacing(max(abs(begin), 1.0))
        shrunk = False
        while True:
            self.n_steps += 1
            whole = self._wish >= room * (1 - 1e-9)
            h = room if whole else self._wish
            self._check(begin, state)
            solved = self._solve(begin, state, h, linear, self._guess(begin, h))
            if solved is None:
                if h <= least:
                    raise StuckError(self._number, begin, state, finite=False)
                self._wish = 0.3 * h
                shrunk = True
                self._refused += 1
                continue
            stages, iterations = solved
            error = self._error(state, stages, slope, linear, h, inputs, shrunk)
            fine = error < 1 or h <= least
            if not error < 1 and fine and _leaps(state, stages[-1]):
                raise StuckError(self._number, begin, state, finite=False)
            cost = (2 * _MOST_ITERATIONS + 1) / (2 * _MOST_ITERATIONS + iterations)
            factor = 0.9 * cost * max(error, 1e-12) ** (-1 / (table.stages + 1))
            factor = min(max(factor, 0.2), 1.0 if shrunk else 8.0)
            wish = h * (factor if fine else min(factor, 0.9))
            # A step cut short by its limit says nothing against the longer one wished for.
            self._wish = max(wish, self._wish) if fine and whole else max(wish, 0.5 * least)
            shrunk = True
            if fine and h > self._passed:
                self._refused = 0
            elif error >= 1:
                self._refused += 1
            if fine:
                break
        end = limit if whole else begin + h
        piece = Piece(begin, end, state, stages, self._modes)
        if self._modes:
            piece = self._until_turned(piece, linear)
        self._last = piece
        return piece

    def exact(self, piece: Piece, time: float) -> Floats:
        """The state within a step that was taken, as good as the one at its end."""
        if time <= piece.begin:
            return piece.state
        return piece.after if time == piece.end else self._part(piece, time, None).after

    def _check(self, begin: float, state: Floats) -> None:
        """StuckError where tiny steps are refused without end: at a jump that is no switch."""
        if self._refused > MOST_REFUSED:
            raise StuckError(self._number, begin, state, finite=True)

    # -- one step ----------------------------------------------------------------------------

    def _linear(self, state: Floats, inputs: Inputs, modes: Modes) -> _Dense | _Sparse:
        many = state.size > _MANY_STATES and self.cell.entries is not None
        return (_Sparse if many else _Dense)(self.cell, state, inputs, modes)

    def _guess(self, begin: float, h: float) -> Floats | None:
        last = self._last
        if last is None or last.end != begin or h > 8 * (last.end - last.begin):
            return None
        stages: Floats = last.at(begin + TABLEAU.nodes * h) - last.after
        return stages

    def _solve(
        self,
        begin: float,
        state: Floats,
        h: float,
        linear: _Dense | _Sparse,
        guess: Floats | None,
        modes: Modes | None = None,
    ) -> tuple[Floats, int] | None:
        """The stages by Newton's method, and how many iterations it took."""
        table, rates = TABLEAU, self.cell.rates
        modes = self._modes if modes is None else modes
        n = state.size
        try:
            linear.factor(h)
        except np.linalg.LinAlgError:
            return None
        inputs = [self._inputs(t) for t in (begin + table.nodes * h).tolist()]
        scale = self._absolute + self._relative * np.abs(state)
        weight = 1 / (scale * np.sqrt(n * table.stages))
        stages = np.zeros((table.stages, n)) if guess is None else guess
        before, theta = np.inf, 0.5
        for iteration in range(1, _MOST_ITERATIONS + 1):
            at = (state + stages).tolist()
            slopes = np.array(
                [rates(y, u, modes) for y, u in zip(at, inputs, strict=True)], dtype=np.float64
            )
            residual = slopes - (table.inverse @ stages) / h
            change = (table.from_modes @ linear.solve(table.to_modes @ residual)).real
            stages = stages + change
            norm = float(np.linalg.norm(change * weight))
            if not norm < np.inf:
                return None
            if iteration > 1:
                theta = norm / before if before > 0 else 0.0
                left = _MOST_ITERATIONS - iteration
                if theta >= 1 and norm > self._enough:
                    return None
                if theta < 1 and theta**left / (1 - theta) * norm > self._enough:
                    return None
            if theta < 1 and theta / (1 - theta) * norm <= self._enough:
                return stages, iteration
            before = norm
        return None

    def _error(
        self,
        state: Floats,
        stages: Floats,
        slope: Floats,
        linear: _Dense | _Sparse,
        h: float,
        inputs: Inputs,
        again: bool,
    ) -> float:
        """The estimate of Hairer & Wanner, IV.8.20, over the tolerance."""
        scale = self._absolute + self._relative * np.maximum(
            np.abs(state), np.abs(state + stages[-1])
        )
        ends = (TABLEAU.real / h) * (TABLEAU.error @ stages)

        def size(vector: Floats) -> float:
            return float(np.sqrt(np.mean((vector / scale) ** 2)))

        error = linear.solve_real(slope + ends)
        estimate = size(error)
        if estimate >= 1 and (again or self._last is None):
            moved = np.array(self.cell.rates((state + error).tolist(), inputs, self._modes))
            estimate = size(linear.solve_real(moved + ends))
        return estimate if estimate < np.inf else 1e30

    def _part(self, piece: Piece, time: float, linear: _Dense | _Sparse | None) -> Piece:
        """The first part of a step, integrated anew."""
        h = time - piece.begin
        if linear is None:
            linear = self._linear(piece.state, self._inputs(piece.begin), piece.modes)
        guess = piece.at(piece.begin + TABLEAU.nodes * h) - piece.state
        solved = self._solve(piece.begin, piece.state, h, linear, guess, piece.modes)
        stages = guess if solved is None else solved[0]
        return Piece(piece.begin, time, piece.state, stages, piece.modes)

    # -- switches ----------------------------------------------------------------------------

    def _until_turned(self, piece: Piece, linear: _Dense | _Sparse) -> Piece:
        """The step up to where the first switch turns; from there on it stands otherwise."""
        times = piece.begin + TABLEAU.nodes * (piece.end - piece.begin)
        states = (piece.state + piece.stages).tolist()
        at_nodes = [
            self.cell.turned(y, self._inputs(t), piece.modes)
            for t, y in zip(times.tolist(), states, strict=True)
        ]
        start = self.cell.turned(piece.state.tolist(), self._inputs(piece.begin), piece.modes)
        values = np.array([start, *at_nodes])
        at = np.append(piece.begin, times)
        first, switch = np.inf, -1
        for k in np.flatnonzero(_may_turn(values)).tolist():
            turn = self._turn(piece, k, at, values[:, k])
            if turn < first:
                first, switch = turn, k
        if switch < 0:
            self._turns = 0
            return piece
        return self._cut(piece, first, switch, linear)

    def _turn(self, piece: Piece, switch: int, at: Floats, values: Floats) -> float:
        """When a switch first turns in a step by its polynomial; inf if it does not."""

        def beyond(times: Floats) -> Floats:
            return np.array(
                [
                    self.cell.turned(y, self._inputs(t), piece.modes)[switch]
                    for t, y in zip(times.tolist(), piece.at(times).tolist(), strict=True)
                ]
            )

        for _ in range(8):
            hits = np.flatnonzero(values > 0)
            if hits.size:
                node = int(hits[0])
                if node == 0:
                    return float(at[0])
                return self._root(piece, switch, float(at[node - 1]), float(at[node]))
            if not _may_turn(values[:, None])[0]:
                return np.inf
            top = int(np.clip(np.argmax(values), 1, values.size - 2))
            at = np.linspace(at[top - 1], at[top + 1], 9)
            values = beyond(at)
        return np.inf

    def _distance(self, piece: Piece, switch: int, time: float, state: Floats) -> float:
        """How far a switch has gone over to its other side."""
        value = self.cell.distances(state.tolist(), self._inputs(time), piece.modes)[switch]
        return float(-value if piece.modes[switch] else value)

    def _root(self, piece: Piece, switch: int, low: float, high: float) -> float:
        def value(time: float) -> float:
            return self._distance(piece, switch, time, piece.at(np.array([time]))[0])

        f_low, f_high = value(low), value(high)
        if f_low > 0:
            return low
        side = 0
        for trial in range(100):
            if high - low <= 4 * np.spacing(max(abs(high), 1.0)):
                break
            guess = 0.5 * (low + high)
            if trial % 3 != 2 and f_high != f_low:
                secant = (low * f_high - high * f_low) / (f_high - f_low)
                guess = secant if low < secant < high else guess
            here = value(guess)
            if here <= 0:
                low, f_low = guess, here
                f_high *= 0.5 if side < 0 else 1.0
                side = -1
            else:
                high, f_high = guess, here
                f_low *= 0.5 if side > 0 else 1.0
                side = 1
        return high

    def _cut(self, piece: Piece, time: float, switch: int, linear: _Dense | _Sparse) -> Piece:
        """The step up to the turn, a little later if the integrated state is not beyond it yet."""
        least = 8 * np.spacing(max(abs(time), 1.0))
        grazes = time - piece.begin < _GRAZES * (piece.end - piece.begin)
        self._turns = self._turns + 1 if grazes else 0
        if self._turns > _MOST_TURNS:
            raise StuckError(self._number, time, piece.state, finite=True, switch=switch)
        self._modes = tuple(m is not (k == switch) for k, m in enumerate(piece.modes))
        time = min(max(time, piece.begin + least), piece.end)
        cut = piece
        for trial in range(12):
            cut = piece if time >= piece.end else self._part(piece, time, linear)
            if time >= piece.end or self._distance(piece, switch, time, cut.after) >= 0:
                break
            time = min(time + least * 2**trial, piece.end)
        return cut


def _leaps(state: Floats, change: Floats) -> bool:
    return bool(np.abs(change).max() > LEAP * np.abs(state + change).max(initial=1.0))


def _may_turn(values: Floats) -> NDArray[np.bool_]:
    """Whether functions (nodes, n) are positive at a node, or a parabola near their top could be."""
    columns = np.arange(values.shape[1])
    top = np.clip(np.argmax(values, axis=0), 1, values.shape[0] - 2)
    at, left, right = values[top, columns], values[top - 1, columns], values[top + 1, columns]
    bend = np.abs(left - 2 * at + right)
    inner = (at >= np.maximum(left, right)) & (at + 2 * bend > 0)
    may_turn: NDArray[np.bool_] = (np.max(values, axis=0) > 0) | inner
    return may_turn
