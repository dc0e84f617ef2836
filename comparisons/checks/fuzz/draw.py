"""Random choices of one case: everything that is drawn comes from here, so that a seed repeats it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from ....core.errors import InputError
from ....core.names import check_variable

T = TypeVar("T")
Plain = dict[str, Any]

ORDINARY = (
    "a b c d e f g h k m n p q r s u x y z A B C D E F G K Q R S V W Z x1 x2 y0 a1 b2 n1 k1 g1 "
    "beta gamma alpha delta theta eta mu phi rho tau lam sigma kappa"
).split()
"""Short names that people give, some of which are units too (m, s, g, h, A, V, C, F, K)."""
OF_RECEPTORS = (
    "current reversal rise decay norm block peak_time magnesium tau_rise tau_decay g_syn s_exc"
).split()
"""Names that the equations of receptors have for their own."""
TAKEN = frozenset("current reversal a g tau rise decay norm block peak_time magnesium".split()) | {
    "beta",
    "gamma",
    "tau_rise",
    "tau_decay",
}
"""What the receptors of the library call their own."""
OF_LANGUAGES = (
    "hold advance weight delay pre post gid index idx N_pre v_pre v_post clock time rate spikes spike "
    "reset threshold steps state states group cell cells last self np math torch numpy array out this1 "
    "rand random pow fabs min max sum abs1 round mod fmod erf inf nan Inf NaN eps true false null NULL "
    "main printf size width length input output value values data type id list dict set map filter len "
    "object str print range open iter next hash dir vars lambda_ step_ns init ion nseg loc sec point "
    "attr insert access new_v e1 E1 e0 j1 I1 I0 y1 yn j0 gamma_m beta_x log10 log2 atan asin acos "
    "device module forward copy clone where clamp exp2 diff norm_x y_pred o0 ip pp node tqitem tsav "
    "v_old w_1 dt_v t_spike t0 t1 refrac lastupdate summed linked not_ref is_active default_x sampled"
).split()
"""Names that generated code, libraries and simulators' languages have for their own."""


class Draw:
    """Random choices from one named stream: the case *number* of a *seed*.

    >>> Draw(1, 2).between(0.0, 1.0) == Draw(1, 2).between(0.0, 1.0)
    True
    """

    def __init__(self, seed: int, number: int) -> None:
        self._rng = np.random.default_rng([seed, number, 20261])

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return bool(self._rng.random() < p)

    def one(self, among: Sequence[T]) -> T:
        """One of some things."""
        return among[int(self._rng.integers(len(among)))]

    def some(self, among: Sequence[T], least: int, most: int) -> list[T]:
        """From *least* to *most* distinct things, in any order."""
        number = min(self.whole(least, most), len(among))
        return [among[k] for k in self._rng.permutation(len(among))[:number]]

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self._rng.integers(low, high + 1))

    def between(self, low: float, high: float) -> float:
        """A number of four digits, so that a case reads well and no two numbers are equal by chance."""
        return float(f"{self._rng.uniform(low, high):.4g}")

    def scale(self, low: float, high: float) -> float:
        """A number of four digits, uniform in its logarithm; 0 < low < high."""
        return float(f"{np.exp(self._rng.uniform(np.log(low), np.log(high))):.4g}")

    def quantity(self, low: float, high: float, unit: str) -> str:
        """A quantity such as ``12.34 ms``, sometimes in a unit of another size."""
        number = self.between(low, high)
        for plain, other, factor in (("ms", "s", 1e-3), ("mV", "V", 1e-3), ("pA", "nA", 1e-3)):
            if unit == plain and self.chance(0.1):
                return f"{number * factor:.6g} {other}"
        return f"{number:g} {unit}"

    def value(self, low: float, high: float, unit: str, size: int, spread: float = 0.4) -> Any:
        """One number, an array of *size* or a distribution, all within [low, high].

        *spread* is how often they differ from cell to cell (connection to connection).
        """
        if not self.chance(spread):
            return self.quantity(low, high, unit)
        kind = self.one(("array", "uniform", "truncated_normal"))
        if kind == "array" and size:
            return {"values": [self.between(low, high) for _ in range(size)], "unit": unit}
        a, b = sorted((self.between(low, high), self.between(low, high)))
        if not a < b:
            a, b = low, high
        if kind != "truncated_normal":
            return {"distribution": "uniform", "low": f"{a:g} {unit}", "high": f"{b:g} {unit}"}
        return {
            "distribution": "truncated_normal",
            "mean": f"{(a + b) / 2:.6g} {unit}",
            "std": f"{(b - a):.4g} {unit}",
            "low": f"{a:g} {unit}",
            "high": f"{b:g} {unit}",
        }


class Names:
    """Names of one scope, none given twice, drawn to provoke collisions."""

    def __init__(self, draw: Draw, taken: Iterable[str] = ()) -> None:
        self._draw = draw
        self._taken = set(taken)

    def variable(self, usual: str = "", more: Sequence[str] = ()) -> str:
        """A name for a variable: the usual one, or one of *more*, or a nasty one."""
        for _ in range(100):
            pools: list[Sequence[str]] = [ORDINARY, OF_LANGUAGES, OF_RECEPTORS]
            if more:
                pools.append(more)
            name = (
                usual if usual and self._draw.chance(0.3) else self._draw.one(self._draw.one(pools))
            )
            if name not in self._taken and allowed(name):
                self._taken.add(name)
                return name
        raise AssertionError("no name is left")

    def identifier(self, pool: Sequence[str]) -> str:
        """A name for a population, receptor, channel, …: from a pool, with a number if all are taken."""
        for _ in range(100):
            name = self._draw.one((*pool, self._draw.one((*ORDINARY, *OF_LANGUAGES))))
            if name not in self._taken and re.fullmatch(r"[A-Za-z]\w*[A-Za-z0-9]|[A-Za-z]", name):
                self._taken.add(name)
                return name
        raise AssertionError("no name is left")

    def take(self, *names: str) -> None:
        """Say that names are given elsewhere."""
        self._taken.update(names)


def allowed(name: str) -> bool:
    """Whether the language takes a name for a variable."""
    try:
        check_variable(name, "name")
    except InputError:
        return False
    return True
