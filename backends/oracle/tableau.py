"""The coefficients of Radau IIA, and a step taken with them as a polynomial."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from .scalar import Modes

Floats = NDArray[np.float64]

STAGES = 7


class Tableau:
    """The coefficients of Radau IIA of an odd number of stages."""

    def __init__(self, stages: int) -> None:
        inner = roots_jacobi(stages - 1, 1, 0)[0]
        self.stages = stages
        self.nodes: Floats = np.array([*(inner + 1) / 2, 1.0], dtype=np.float64)
        at_nodes = legendre.legvander(2 * self.nodes - 1, stages)
        values, integrals = at_nodes[:, :stages], np.empty((stages, stages))
        integrals[:, 0] = self.nodes
        for k in range(1, stages):
            integrals[:, k] = (at_nodes[:, k + 1] - at_nodes[:, k - 1]) / (2 * (2 * k + 1))
        to_coefficients = np.linalg.inv(values)
        self.a: NDArray[Any] = integrals @ to_coefficients
        self.inverse: NDArray[Any] = np.linalg.inv(self.a)
        # The polynomial y + x·q(x) through the stages: q by its values there.
        self.to_polynomial: NDArray[Any] = to_coefficients / self.nodes
        eigenvalues, vectors = np.linalg.eig(self.inverse)
        real = int(np.argmin(np.abs(eigenvalues.imag)))
        upper = [real, *np.flatnonzero(eigenvalues.imag > 1e-6)]
        self.eigenvalues = eigenvalues[upper]
        self.to_modes = np.linalg.inv(vectors)[upper]
        self.from_modes = vectors[:, upper] * np.where(np.arange(len(upper)) == 0, 1.0, 2.0)
        self.real = float(eigenvalues[real].real)
        # The embedded method of order s uses the slope at the begin with the weight 1/real.
        gamma = 1 / self.real
        wanted = -gamma * (-1.0) ** np.arange(stages)
        wanted[0] += 1.0
        self.error: Floats = np.linalg.solve(values.T, wanted) @ self.inverse
        self.error[-1] -= 1.0
        x = np.linspace(0, 1, 2001)
        powers = self.basis(x) @ self.to_polynomial
        zeroth = 1 - powers.sum(axis=1)
        self.lebesgue = 1.001 * float(np.max(np.abs(powers).sum(axis=1) + np.abs(zeroth)))

    def basis(self, x: Floats) -> Floats:
        """x·P_k(2x - 1), shape (x, s): times ``to_polynomial @ stages`` the change from the begin."""
        found: Floats = legendre.legvander(2 * x - 1, self.stages - 1) * x[:, None]
        return found


TABLEAU = Tableau(STAGES)


@dataclass(frozen=True)
class Piece:
    """A step that was taken: the change from ``state`` at the stages, shape (s, S), with its modes.

    ``begin`` to ``end`` is what counts of it.
    """

    begin: float
    end: float
    state: Floats
    stages: Floats
    modes: Modes

    @cached_property
    def coefficients(self) -> Floats:
        """Of the polynomial, shape (s, S)."""
        found: Floats = TABLEAU.to_polynomial @ self.stages
        return found

    @property
    def after(self) -> Floats:
        """The state at the end."""
        found: Floats = self.state + self.stages[-1]
        return found

    def at(self, times: Floats) -> Floats:
        """The states (times, S) by the polynomial; beyond the end it extrapolates."""
        x = (times - self.begin) / (self.end - self.begin)
        found: Floats = self.state + TABLEAU.basis(x) @ self.coefficients
        return found

    def bounds(self, row: int) -> tuple[float, float]:
        """Between which values the polynomial of a state stays, from its values at the nodes."""
        stages = self.stages[:, row]
        low, high = min(float(stages.min()), 0.0), max(float(stages.max()), 0.0)
        middle, half = 0.5 * (low + high), 0.5 * (high - low) * TABLEAU.lebesgue
        start = float(self.state[row])
        return start + middle - half, start + middle + half
