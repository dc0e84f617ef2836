"""The steady state of a Markov scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import InputError
from .values import Floats


def steady_state(
    states: Sequence[str], rates: Mapping[tuple[str, str], Any], size: int, where: str
) -> dict[str, Floats]:
    """The occupancies that no longer change, by state, shape (size,): p·Q = 0 with Σp = 1.

    ``rates`` are those of (source, target) in 1/ms, numbers or arrays (size,). InputError for a rate
    that is negative or not finite, or where the steady state is not unique.
    """
    n = len(states)
    rows = {state: k for k, state in enumerate(states)}
    flow = np.zeros((size, n, n))
    for (source, target), rate in rates.items():
        values = np.broadcast_to(np.asarray(rate, dtype=np.float64), size)
        if not np.isfinite(values).all() or (values < 0).any():
            worst = values[~(np.isfinite(values) & (values >= 0))][0]
            raise InputError(
                f"{where}.initial", f"the rate of {source} -> {target} is {worst:g}/ms at t = 0"
            )
        flow[:, rows[target], rows[source]] += values
        flow[:, rows[source], rows[source]] -= values
    # One balance is the sum of the others; that all add to 1 stands in its place.
    flow[:, -1, :] = 1.0
    right = np.zeros((size, n, 1))
    right[:, -1] = 1.0
    try:
        found = np.linalg.solve(flow, right)[:, :, 0]
    except np.linalg.LinAlgError as error:
        raise InputError(
            f"{where}.initial",
            "a scheme has no single steady state at t = 0; give its initial occupancies",
        ) from error
    return {state: found[:, k].copy() for state, k in rows.items()}
