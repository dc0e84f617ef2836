"""A `Reading`: how a recording from elsewhere is to be read where its file does not say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ....core.errors import InputError
from ....core.units import TIME, internal_unit, milliseconds, parse_unit

STEPS = "steps"
"""The unit of times that are counted in time steps."""
_TIMES = {
    "ns": ("ns", "nsec", "nanosecond", "nanoseconds"),
    "us": ("us", "µs", "μs", "usec", "microsecond", "microseconds"),
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    STEPS: ("step", "steps", "timestep", "timesteps", "ticks"),
}
TIME_UNITS = {name: unit for unit, names in _TIMES.items() for name in names}
"""What units of time are called, in small letters, and how each is written here."""
_IN_MS = {
    "ns": Decimal("1e-6"),
    "us": Decimal("1e-3"),
    "ms": Decimal(1),
    "s": Decimal(1000),
    "min": Decimal(60_000),
}
LATEST_MS = 1e12
"""A time beyond this, 30 years, is none of a recording."""


def time_unit(text: str) -> str | None:
    """How a unit of time is written here, whatever a file calls it; None if it is none.

    >>> time_unit("Milliseconds"), time_unit("usec"), time_unit("mV")
    ('ms', 'us', None)
    """
    return TIME_UNITS.get(text.strip().strip(".").lower())


def in_ms(unit: str) -> Decimal:
    """The factor to ms of a unit of time, exact."""
    return _IN_MS[unit]


@dataclass(frozen=True)
class Reading:
    """What is said of a file besides what stands in it.

    ``time_unit`` (as `time_unit` writes it) and ``value_unit`` are those of numbers without a unit;
    ``dt_ms`` is the time step, ``ids_from`` the number of the first cell, ``variable`` the name of the one
    trace in a file that does not name it. Where the file says something else, it is an error.
    """

    time_unit: str | None = None
    value_unit: str | None = None
    dt_ms: float | None = None
    ids_from: int = 0
    variable: str | None = None

    @classmethod
    def of(
        cls,
        units: Sequence[str] = (),
        dt: str | float | None = None,
        ids_from: int = 0,
        variable: str | None = None,
    ) -> Reading:
        """From what options say; InputError naming the option."""
        found = cls(ids_from=ids_from, variable=variable or None)
        if ids_from < 0:
            raise InputError("--ids-from", f"{ids_from} is negative; the first id has to be >= 0")
        for given in units:
            for text in given.replace(",", " ").split():
                found = found._with_unit(text, "--unit")
        if dt is not None:
            step = milliseconds(dt if isinstance(dt, str) else f"{dt!r} ms", "--dt")
            if not 0 < step < LATEST_MS:
                raise InputError("--dt", f"{dt} is no time step; it has to be > 0")
            found = replace(found, dt_ms=step)
        return found

    def _with_unit(self, text: str, option: str) -> Reading:
        unit = time_unit(text)
        if unit is not None:
            if self.time_unit not in (None, unit):
                raise InputError(option, f"{self.time_unit} and {unit}: two units of time")
            return replace(self, time_unit=unit)
        try:
            dimension = parse_unit(text)[1]
        except InputError as error:
            raise InputError(option, error.problem) from error
        if dimension == TIME:
            raise InputError(option, f"{text!r}: times are read in {', '.join(_TIMES)}")
        if self.value_unit not in (None, text):
            raise InputError(
                option,
                f"{self.value_unit} and {text} ({internal_unit(dimension)}): two units of traces",
            )
        return replace(self, value_unit=text)
