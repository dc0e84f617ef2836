"""What is known of Brian2's state updaters without starting it."""

from __future__ import annotations

import math

from ..numerics import Numerics

NUMERICS = Numerics(
    # heun is forward Euler where no noise is multiplicative.
    orders={"exact": math.inf, "rk2": 2.0, "heun": 1.0},
    staged=("rk2", "rk4"),
)
