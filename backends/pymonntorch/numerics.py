"""What is known of a run of PymoNNtorch without starting it."""

from __future__ import annotations

from ..numerics import Numerics

NUMERICS = Numerics(single=("raw",))
