"""A gait recording: the table that was read, with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError, nearest
from .faults import Copies
from .schema import AXES, COLUMNS, COMPUTED, Floats, speed

Normalisation = Literal["min_max", "z_score"]


@dataclass(frozen=True, eq=False)
class GaitRecording:
    """A gait file that was found to be sound.

    ``frame`` (pandas.DataFrame) has the 47 columns as numbers, one row a frame. ``synthetic`` is the line in
    which a made file says so, empty for a recording of somebody. ``notes`` say what is wrong with the
    file or was taken for granted. Where ``copies`` follow the sequence, arrays are of the first rows only.
    """

    name: str
    frame: Any = field(repr=False)
    frame_rate_hz: float
    notes: tuple[str, ...] = ()
    synthetic: str = ""
    copies: Copies | None = None
    equal_axes: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """The rows of the sequence as it was recorded, without copies."""
        return len(self.frame) if self.copies is None else self.copies.rows

    @property
    def interval_ms(self) -> float:
        """The time from a row to the next."""
        return 1000.0 / self.frame_rate_hz

    @property
    def duration_ms(self) -> float:
        """How long the sequence lasts, without copies."""
        return self.n_rows * self.interval_ms

    def column(self, name: str) -> Floats:
        """One column, shape (n_rows,): one of the 47, or the computed LeftAnkleSpeed, RightAnkleSpeed [m/s].

        Raises InputError with the nearest name, and for a speed that equal axes leave no positions for.
        """
        if name in COMPUTED:
            return speed(self._positions(COMPUTED[name], name), self.frame_rate_hz)
        if name not in COLUMNS:
            raise InputError(
                f"{self.name}: {name}", f"no such column; {nearest(name, (*COLUMNS, *COMPUTED))}"
            )
        return np.array(self.frame[name].to_numpy(dtype=float)[: self.n_rows])

    def normalised(self, name: str, how: Normalisation = "min_max") -> Floats:
        """A column on [0, 1] (``min_max``) or with mean 0 and SD 1 (``z_score``), shape (n_rows,).

        Raises InputError if the column is constant.
        """
        values = self.column(name)
        low, high = float(values.min()), float(values.max())
        if not high - low > 1e-12 * max(abs(low), abs(high)):
            raise InputError(
                f"{self.name}: {name}",
                f"is {low:g} in all {self.n_rows} rows, so it carries no signal; choose another column",
            )
        if how == "min_max":
            return np.asarray((values - low) / (high - low))
        if how == "z_score":
            return np.asarray((values - values.mean()) / values.std())
        raise InputError("normalisation", f"{how!r} is neither 'min_max' nor 'z_score'")

    def _positions(self, joint: str, name: str) -> Floats:
        if joint in self.equal_axes:
            raise InputError(
                f"{self.name}: {name}",
                f"X, Y and Z of {joint} are the same, so that its positions are not known; "
                "choose another column",
            )
        return np.stack([self.column(f"{axis}{joint}") for axis in AXES], axis=1)
