"""Steps in continuous time of one cell after the other: Radau IIA, or SciPy's LSODA as a check."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from scipy.integrate import LSODA

from ...core.errors import RunError
from .ends import StuckError
from .radau import RadauSolver
from .scalar import Inputs, OneCell
from .steps import Floats, Rows, Search, Stepper
from .tableau import TABLEAU, Piece


class Cells(Protocol):
    """The cells of a population one by one."""

    def of(self, cell: int) -> OneCell:
        """The functions of a cell."""

    def inputs(self, cell: int, time: float) -> Inputs:
        """What drives a cell at a time until its next event."""


Reach = Callable[[int], tuple[float, Sequence[tuple[int, float]]] | None]
"""The distance of a cell to its threshold as ``constant + Σ factor·state``, if it is of that form."""


class OneByOne(Stepper):
    """Steps of one cell after the other: a proposal runs to its limit or to the first crossing."""

    def __init__(
        self, cells: Cells, state: Floats, search: Search, rtol: float, atol: float
    ) -> None:
        super().__init__(state, search)
        self._cells = cells
        self._rtol, self._atol = rtol, atol

    def _cross(self, cell: int, above: bool) -> bool:
        """Look for a crossing in the last piece; whether the cell stayed above."""
        rows: Rows = np.array([cell])
        begin, end = self._last_piece(cell)
        self.crossing[rows], stayed = self._search(rows, begin, end, np.array([above]))
        return bool(stayed[0])

    @abstractmethod
    def _last_piece(self, cell: int) -> tuple[Floats, Floats]:
        """Begin and end of the last piece of a cell, each of shape (1,)."""


class RadauStepper(OneByOne):
    """Radau IIA of order 13 (`RadauSolver`): for stiff cells and for those with switches in them.

    A piece in which the threshold cannot be reached is not searched: between its nodes a polynomial
    leaves the range of its values there by no more than its Lebesgue constant allows.
    """

    def __init__(
        self,
        cells: Cells,
        state: Floats,
        search: Search,
        rtol: float,
        atol: float,
        first_step: float,
        reach: Reach,
    ) -> None:
        super().__init__(cells, state, search, rtol, atol)
        size = state.shape[1]
        self._pieces: list[list[Piece]] = [[] for _ in range(size)]
        self._ends: list[list[float]] = [[] for _ in range(size)]
        self._reach = [reach(k) for k in range(size)]
        self._solvers = [
            RadauSolver(cells.of(k), partial(cells.inputs, k), rtol, atol, first_step, k)
            for k in range(size)
        ]

    def propose(self, cells: Rows, limit: Floats) -> None:
        """Take the steps of every cell up to its limit or its first crossing."""
        for cell, last in zip(cells.tolist(), limit.tolist(), strict=True):
            solver = self._solvers[cell]
            pieces, ends = [], []  # type: list[Piece], list[float]
            self._pieces[cell], self._ends[cell] = pieces, ends
            time, state = float(self.begin[cell]), self.state[:, cell].copy()
            above = bool(self.above[cell])
            solver.restart(time, state)
            tried = solver.n_steps
            self.crossing[cell] = np.inf
            while time < last:
                try:
                    piece = solver.step(time, state, last)
                except StuckError:
                    if not pieces:
                        raise
                    break  # what was reached is kept; the next proposal begins where this one ends
                pieces.append(piece)
                ends.append(piece.end)
                time, state = piece.end, piece.after
                low, high = self._range(cell, piece)
                if (high <= 0 and not above) or (low > 0 and above):
                    continue
                self.end[cell] = time
                above = self._cross(cell, above)
                if self.crossing[cell] < np.inf:
                    break
            self.n_steps += solver.n_steps - tried
            self.end[cell] = time
            self._above_after[cell] = above
            self._after[:, cell] = state

    def _range(self, cell: int, piece: Piece) -> tuple[float, float]:
        """Between which values the distance to the threshold stays in a piece."""
        reach = self._reach[cell]
        if reach is None:
            return -np.inf, np.inf
        low = high = reach[0]
        for row, factor in reach[1]:
            bounds = [factor * b for b in piece.bounds(row)]
            low, high = low + min(bounds), high + max(bounds)
        return low, high

    def _last_piece(self, cell: int) -> tuple[Floats, Floats]:
        piece = self._pieces[cell][-1]
        return np.array([piece.begin]), np.array([piece.end])

    def _which(self, cell: int, times: Floats) -> Rows:
        piece: Rows = np.searchsorted(self._ends[cell], times)
        return np.minimum(piece, len(self._pieces[cell]) - 1)

    def dense(self, cells: Rows, times: Floats, rows: Rows | None = None) -> Floats:
        """The states (S, times) by the polynomials of degree 7."""
        chosen = np.arange(self.state.shape[0]) if rows is None else rows
        states = np.empty((chosen.size, cells.size))
        for cell in set(cells.tolist()):
            here = np.flatnonzero(cells == cell)
            which = self._which(cell, times[here])
            for number in np.unique(which).tolist():
                mine = here[which == number]
                piece = self._pieces[cell][number]
                x = (times[mine] - piece.begin) / (piece.end - piece.begin)
                change = TABLEAU.basis(x) @ piece.coefficients[:, chosen]
                states[:, mine] = (piece.state[chosen] + change).T
        return states

    def exact(self, cells: Rows, times: Floats) -> Floats:
        """The states (S, times) by one step of order 13 from the begin of the piece."""
        states = np.empty((self.state.shape[0], cells.size))
        for k, (cell, time) in enumerate(zip(cells.tolist(), times.tolist(), strict=True)):
            if time == self.end[cell]:
                states[:, k] = self._after[:, cell]
                continue
            piece = self._pieces[cell][int(self._which(cell, np.array([time]))[0])]
            states[:, k] = self._solvers[cell].exact(piece, time)
        return states


class LSODAStepper(OneByOne):
    """SciPy's LSODA, one solver a cell: an independent check of the others.

    A proposal runs to its limit or to the first piece with a crossing;
    LSODA cannot be interleaved with another one, so no solver outlives a proposal.
    """

    def __init__(
        self, cells: Cells, state: Floats, search: Search, rtol: float, atol: float
    ) -> None:
        super().__init__(cells, state, search, rtol, atol)
        self._pieces: list[list[Any]] = [[] for _ in range(state.shape[1])]

    def _make(self, cell: int, limit: float) -> Any:
        functions, inputs = self._cells.of(cell), partial(self._cells.inputs, cell)

        def modes(t: float, y: list[float]) -> tuple[bool, ...]:
            return functions.conditions(y, inputs(t), ())

        def rates(t: float, y: Floats) -> tuple[Any, ...]:
            state = y.tolist()
            return functions.rates(state, inputs(t), modes(t, state))

        def jacobian(t: float, y: Floats) -> Floats:
            return functions.jacobian(y, inputs(t), modes(t, y.tolist()))

        return LSODA(
            rates,
            self.begin[cell],
            self.state[:, cell].copy(),
            limit,
            rtol=self._rtol,
            atol=self._atol,
            jac=jacobian,
        )

    def propose(self, cells: Rows, limit: Floats) -> None:
        """Run one solver a cell up to its limit or its first crossing."""
        for cell, last in zip(cells.tolist(), limit.tolist(), strict=True):
            solver = self._make(cell, last)
            pieces = self._pieces[cell] = []
            above = bool(self.above[cell])
            while solver.status == "running":
                problem = solver.step()
                if solver.status == "failed":
                    raise RunError("oracle", f"cell {cell} at {solver.t:.6g} ms: {problem}")
                self.n_steps += 1
                pieces.append(solver.dense_output())
                self.end[cell] = solver.t
                above = self._cross(cell, above)
                if np.isfinite(self.crossing[cell]):
                    break
            self._above_after[cell] = above
            self._after[:, cell] = solver.y

    def _last_piece(self, cell: int) -> tuple[Floats, Floats]:
        piece = self._pieces[cell][-1]
        return np.array([piece.t_old]), np.array([piece.t])

    def dense(self, cells: Rows, times: Floats, rows: Rows | None = None) -> Floats:
        """The states (S, times) by the solver's own interpolation."""
        states = np.empty((self.state.shape[0], cells.size))
        for cell in np.unique(cells).tolist():
            here = np.flatnonzero(cells == cell)
            pieces = self._pieces[cell]
            edges = np.array([p.t for p in pieces])
            which = np.minimum(np.searchsorted(edges, times[here]), len(pieces) - 1)
            for piece in np.unique(which).tolist():
                mine = here[which == piece]
                states[:, mine] = pieces[piece](times[mine])
        return states if rows is None else states[rows]

    def exact(self, cells: Rows, times: Floats) -> Floats:
        """The states (S, times) by interpolation, which is as good as the steps here."""
        states = np.empty((self.state.shape[0], cells.size))
        for k, (cell, time) in enumerate(zip(cells.tolist(), times.tolist(), strict=True)):
            if time == self.end[cell]:
                states[:, k] = self._after[:, cell]
                continue
            piece = next(p for p in self._pieces[cell] if time <= p.t)
            states[:, k] = piece(time)
        return states
