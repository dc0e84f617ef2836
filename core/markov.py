"""The steady state of a Markov scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .values import Floats


def steady_state(
    states: Sequence[str], rates: Mapping[tuple[str, str], Any], size: int, where: str
) -> dict[str, Floats]:
    """The occupancies that no longer change, by state, shape (size,): p·Q = 0 with Σp = 1.

    ``rates`` are those of (source, target) in 1/ms, numbers or arrays (size,). States are eliminated one
    by one without a subtraction (Grassmann, Taksar & Heyman 1985, Oper. Res. 33:1107), so that no
    occupancy comes out negative, however far apart the rates are. InputError for a rate that is negative
    or not finite, or where the steady state is not unique.
    """
    n = len(states)
    rows = {state: k for k, state in enumerate(states)}
    flow = np.zeros((size, n, n))
    for (source, target), rate in rates.items():
        values = np.broadcast_to(np.asarray(rate, dtype=np.float64), size)
        wrong = ~(np.isfinite(values) & (values >= 0))
        if wrong.any():
            raise InputError(
                f"{where}.initial",
                f"the rate of {source} -> {target} is {values[wrong][0]:g}/ms at t = 0; "
                "it has to be finite and >= 0",
            )
        flow[:, rows[source], rows[target]] += values
    occupancies = np.empty((size, n))
    patterns, members = np.unique((flow > 0).reshape(size, -1), axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        root = _common_end(pattern.reshape(n, n))
        if root is None:
            raise InputError(
                f"{where}.initial",
                f"the scheme of {', '.join(states[:3])}{', …' if n > 3 else ''} has no single steady "
                "state at t = 0; give its initial occupancies",
            )
        cells = np.flatnonzero(members.ravel() == k)
        order = np.roll(np.arange(n), -root)
        occupancies[np.ix_(cells, order)] = _eliminated(flow[np.ix_(cells, order, order)])
    return {state: np.ascontiguousarray(occupancies[:, k]) for state, k in rows.items()}


def _common_end(links: NDArray[np.bool_]) -> int | None:
    """A state that can be reached from all others, shape of links (n, n); None if there is none."""
    reached = links | np.eye(len(links), dtype=np.bool_)
    for k in range(len(links)):
        reached |= reached[:, k, None] & reached[None, k, :]
    ends = np.flatnonzero(reached.all(axis=0))
    return int(ends[0]) if ends.size else None


def _eliminated(flow: Floats) -> Floats:
    """The steady states of schemes, shape (cells, n), whose first state can be reached from all others."""
    n = flow.shape[1]
    for k in range(n - 1, 0, -1):
        # Without state k, what came into it goes on to where it would have gone.
        flow[:, :k, k] /= flow[:, k, :k].sum(axis=1)[:, None]
        flow[:, :k, :k] += flow[:, :k, k, None] * flow[:, None, k, :k]
    weights = np.ones((len(flow), n))
    for k in range(1, n):
        weights[:, k] = (weights[:, :k] * flow[:, :k, k]).sum(axis=1)
        weights[:, : k + 1] /= weights[:, : k + 1].max(axis=1)[:, None]
    return np.asarray(weights / weights.sum(axis=1)[:, None])
