"""The order of convergence of a vector of numbers, its limit, and whether that is the right one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from ...measuring.ordering import Floats

Verdict = Literal["exact", "converges", "undecided", "stalls", "elsewhere"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the best to the worst."""
FITTED = 5
"""An order is fitted to at most so many of the finest levels."""
LEVEL = 0.95
LEAST_ORDER = 0.25
"""Below this an error does not go to 0 within any number of halvings that one could pay for."""
APART = 2.0
"""A limit is another one if it is apart by more than so many times its uncertainty."""


@dataclass(frozen=True)
class Offset:
    """How far the limit of one number is from the truth; ``place`` says which number it is.

    ``uncertainty`` is that of the limit, in the same unit.
    """

    place: str
    value: float
    uncertainty: float


@dataclass(frozen=True)
class Order:
    """How a quantity of M numbers converges as dt is halved.

    With q(dt) the numbers, T the truth and ‖·‖ the root mean square over the M::

        errors[k]   ‖q(dt_k) − T‖
        changes[k]  ‖q(dt_k) − q(dt_{k+1})‖
        order       slope of log errors (of log changes where the limit is another) over log dt
        limit       q_n + (q_n − q_{n−1}) / (2^p − 1), p the slope of log changes (Richardson)
        limit_rms   ‖limit − T‖, its ``limit_uncertainty`` the root mean square of the difference
                    of the last two such limits, plus the grid for what is stamped on one

    ``low`` to ``high`` is the 95 % interval of the order by Student's t of the fit; NaN with two levels.
    ``dts`` are the levels [ms], coarse to fine, of which ``fitted`` were used for the order. ``largest`` is
    max |q_n − T| at the finest. ``stamped``: the numbers are multiples of dt. Verdicts:

    exact       within round-off of the truth at every level
    converges   the error goes to 0, or to round-off
    elsewhere   goes to a limit that is apart from the truth by more than twice its uncertainty
    stalls      the error does not go down with dt
    undecided   fewer than three levels, nothing to compare, or a truth that is not known so well

    Source: Roache 1994, J. Fluids Eng. 116:405 for the use of Richardson's extrapolation.
    """

    name: str
    unit: str
    dts: tuple[float, ...]
    errors: tuple[float, ...]
    changes: tuple[float, ...]
    fitted: tuple[float, ...]
    order: float
    low: float
    high: float
    largest: float
    limit_rms: float
    limit_uncertainty: float
    offsets: tuple[Offset, ...]
    n: int
    verdict: Verdict
    stamped: bool = False

    @property
    def half_width(self) -> float:
        """Half of the interval of the order; NaN without one."""
        return (self.high - self.low) / 2

    @property
    def worst(self) -> Offset | None:
        """The number whose limit is farthest from the truth."""
        return max(self.offsets, key=lambda o: abs(o.value), default=None)

    @property
    def order_in_words(self) -> str:
        """The order with its uncertainty, such as ``2.00 ± 0.03``."""
        if math.isnan(self.order):
            return "–"
        if math.isnan(self.half_width):
            return f"{self.order:.2f}"
        digits = 1 if self.half_width >= 0.1 else 2
        return f"{self.order:.{digits}f} ± {max(self.half_width, 10.0**-digits / 2):.{digits}f}"


def slope(dts: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The slope of log values over log dts and half of its 95 % interval (NaN with two points)."""
    from scipy.stats import linregress
    from scipy.stats import t as student

    if len(dts) < 2:
        return math.nan, math.nan
    fit = linregress(np.log(dts), np.log(values))
    if len(dts) < 3:
        return float(fit.slope), math.nan
    return float(fit.slope), float(student.ppf(0.5 + LEVEL / 2, len(dts) - 2) * fit.stderr)


def extrapolate(values: Sequence[Floats], order: float) -> tuple[Floats, Floats]:
    """The limit of the finest two of three levels, and how far it is from that of the level before."""
    factor = 1.0 / (2.0**order - 1.0)
    limit = values[-1] + factor * (values[-1] - values[-2])
    if len(values) < 3:
        return limit, np.abs(limit - values[-1])
    before = values[-2] + factor * (values[-2] - values[-3])
    return limit, np.abs(limit - before)


def order_of_changes(dts: Sequence[float], changes: Sequence[float], floor: float) -> float:
    """The slope of log changes over log dt, of the finest that are above round-off; between ½ and 8.

    changes[k] belongs to dts[k]; 1 where fewer than two are above round-off.
    """
    above = [(dt, c) for dt, c in zip(dts[:-1], changes, strict=True) if c > floor][-3:]
    if len(above) < 2:
        return 1.0
    found, _ = slope([dt for dt, _ in above], [c for _, c in above])
    return min(max(found, 0.5), 8.0)


def order_of(
    name: str,
    unit: str,
    dts: Sequence[float],
    values: Sequence[Floats],
    truth: Floats,
    *,
    floor: float,
    stamped: bool = False,
    truth_uncertainty: float = 0.0,
    places: Sequence[str] = (),
) -> Order:
    """How levels of shape (M,), coarse to fine, converge to the *truth* of the same shape.

    *floor* is round-off in the unit of the values; ``stamped``: the values are the next multiples of dt, so
    that their order is 1 and each is within a step of where it belongs. *places* name the M numbers.
    """
    nan = math.nan
    n = int(truth.size)
    empty = Order(
        name,
        unit,
        tuple(dts),
        (),
        (),
        (),
        nan,
        nan,
        nan,
        nan,
        nan,
        nan,
        (),
        n,
        "undecided",
        stamped,
    )
    if not n or not values:
        return empty
    errors = [rms(q - truth) for q in values]
    changes = [rms(a - b) for a, b in pairwise(values)]
    largest = float(np.abs(values[-1] - truth).max())
    round_off, floor = floor, max(floor, 2.0 * truth_uncertainty)
    above = [(dt, e) for dt, e in zip(dts, errors, strict=True) if e > floor]
    # Past round-off errors go up again: only those before they first reach it count.
    if errors and min(errors) <= floor:
        first = next(k for k, e in enumerate(errors) if e <= floor)
        above = list(zip(dts, errors, strict=True))[:first]
    used = above[-FITTED:]
    fitted, half = slope([dt for dt, _ in used], [e for _, e in used])
    own = 1.0 if stamped else order_of_changes(dts, changes, floor)
    limit_rms = uncertainty = nan
    offsets: tuple[Offset, ...] = ()
    if len(values) > 1:
        limit, doubt = extrapolate(values, own)
        doubt = doubt + (dts[-1] if stamped else 0.0)
        limit_rms, uncertainty = rms(limit - truth), rms(doubt)
        offsets = _offsets(limit - truth, doubt + truth_uncertainty, places)
    verdict: Verdict
    if errors[-1] <= floor:
        # Within what the truth is known to is not within round-off of it.
        near: Verdict = "exact" if errors[-1] <= round_off else "undecided"
        verdict = near if len(above) < 2 else "converges"
    elif len(values) < 3:
        verdict = "undecided"
    elif (
        limit_rms > APART * (uncertainty + truth_uncertainty) + floor
        and changes[-1] < 0.5 * errors[-1]
        and limit_rms > 0.5 * errors[-1]
    ):
        verdict = "elsewhere"
        pairs = [(dt, c) for dt, c in zip(dts[:-1], changes, strict=True) if c > floor][-FITTED:]
        used = pairs
        fitted, half = slope([dt for dt, _ in pairs], [c for _, c in pairs])
    elif _stalls(fitted, half, [e for _, e in used]) and not (stamped and errors[-1] <= dts[-1]):
        verdict = "stalls"
    else:
        verdict = "converges"
    return Order(
        name,
        unit,
        tuple(dts),
        tuple(errors),
        tuple(changes),
        tuple(dt for dt, _ in used),
        fitted,
        fitted - half,
        fitted + half,
        largest,
        limit_rms,
        uncertainty,
        offsets,
        n,
        verdict,
        stamped,
    )


def _stalls(fitted: float, half: float, errors: Sequence[float]) -> bool:
    """Whether the errors of the levels fitted do not go down: no order, or none that is told from 0."""
    if fitted < LEAST_ORDER:
        return True
    return fitted - half < LEAST_ORDER and errors[-1] > errors[0] / 2


_MOST_OFFSETS = 50


def _offsets(apart: Floats, doubt: Floats, places: Sequence[str]) -> tuple[Offset, ...]:
    """The first numbers and the farthest one, in their order."""
    if not places:
        return ()
    chosen = sorted({*range(min(apart.size, _MOST_OFFSETS)), int(np.argmax(np.abs(apart)))})
    return tuple(Offset(places[k], float(apart[k]), float(doubt[k])) for k in chosen)


def rms(values: Floats) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
