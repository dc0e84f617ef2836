"""Where a solution in continuous time ends before its run does: what happened, and what to do about it.

Of four kinds: it slides along a condition of its equations, which lead to it from both sides; it leaves the
finite numbers; its spikes accumulate at one instant; or a step cannot be taken at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_SPIKES = 100
"""So many spikes of one cell within one step of the grid, and its spikes accumulate."""
PASSED = 1e-2
"""An accepted step that is longer than this part of the first has passed a jump of the equations."""
MOST_REFUSED = 200
"""So many steps that keep no tolerance without one that passed, and no solution passes."""
LEAP = 1e-3
"""A state that moves by this part of its size in a step of round-off blows up."""
_BLURRED = 1e4
"""Two times less apart than so many times their round-off tell nothing of the interval between them."""
_GRID = (
    "; the simulators step over it on their grid: compare with the reference in lockstep instead"
)


class StuckError(Exception):
    """The solution of a cell does not come further than a time, where its state (S,) is this.

    ``finite`` is False where the state or its rates leave the finite numbers; ``switch`` is the number
    of the condition it does not pass, where that is known.
    """

    def __init__(
        self, cell: int, time: float, state: Floats, finite: bool, switch: int | None = None
    ) -> None:
        super().__init__(f"cell {cell} at {time:.6g} ms")
        self.cell, self.time, self.state = cell, time, state
        self.finite, self.switch = finite, switch


def slides(who: str, time: float, conditions: Sequence[str]) -> str:
    """The sentence for a solution that its equations lead back to a condition from both sides."""
    named = " or ".join(f"'{c}'" for c in conditions) or "a jump or a singularity in them"
    return (
        f"{who} turns to and fro at {time:.6g} ms: its equations lead towards {named} "
        "from both sides, so that no solution passes it; write the condition as a steep but smooth "
        f"function, such as 1/(1 + exp(-(x - x0)/k)){_GRID}"
    )


def leaves(who: str, time: float, states: Sequence[str], state: Floats, spikes: bool) -> str:
    """The sentence for a state that becomes infinite, or whose rates are no numbers."""
    largest = int(np.argmax(np.abs(np.nan_to_num(state, nan=np.inf)))) if state.size else 0
    value = f" ({states[largest]} is {state[largest]:.3g} there)" if state.size else ""
    advice = (
        "its equations become infinite or are no number there; a threshold and a reset below that "
        "would end it"
        if spikes
        else "its equations become infinite or are no number there, and nothing ends that: a threshold "
        "and a reset would"
    )
    return f"the state of {who} leaves the finite numbers at {time:.6g} ms{value}: {advice}"


def accumulates(who: str, times: Floats) -> str:
    """The sentence for a cell whose last spikes, in order, lie within one step of the grid."""
    gaps = np.diff(times)
    shrinking = gaps[-1] < 0.9 * gaps[0]
    if not shrinking:
        return (
            f"{who} spikes {times.size} times within {times[-1] - times[0]:.3g} ms from "
            f"{times[0]:.6g} ms on, faster than any grid of this dt can hold: its reset leaves it just "
            "below threshold; a refractory time, or a reset further away, would end that"
        )
    # The gaps fall as a geometric series does: what is left of it is one gap times ratio/(1 - ratio).
    # Those that round-off of the times blurs tell no ratio: in the end two spikes have one time.
    blurred = np.flatnonzero(gaps < _BLURRED * np.spacing(times[-1]))
    reliable = gaps[: blurred[0]] if blurred.size else gaps
    if reliable.size < 3:
        limit = float(times[-1])
    else:
        middle = reliable.size // 2 if reliable.size > 3 else 0
        ratio = float((reliable[-1] / reliable[middle]) ** (1 / (reliable.size - 1 - middle)))
        limit = float(times[reliable.size] + reliable[-1] * ratio / max(1 - ratio, 1e-3))
    return (
        f"the spikes of {who} accumulate at {limit:.6g} ms, after {times.size} of them within "
        f"{times[-1] - times[0]:.3g} ms: in continuous time it spikes without end before that instant, "
        "and nothing is defined after it; a refractory time would end that"
    )
