"""Random expressions of the language: of the right dimension, bounded where the state is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw

VOLTS = "mV"


@dataclass(frozen=True)
class Known:
    """A variable that an expression may use: its name and its unit (``mV``, ``ms``, ``1``)."""

    name: str
    unit: str

    def as_number(self, draw: Draw) -> str:
        """The variable as a pure number of the size of one."""
        if self.unit == "1":
            return self.name
        return f"{self.name}/({draw.between(5, 40):g}*{self.unit})"


class Terms:
    """Expressions of some variables."""

    def __init__(self, draw: Draw, known: Sequence[Known]) -> None:
        self.draw = draw
        self.known = list(known)

    def number(self, depth: int) -> str:
        """A pure number, finite for finite variables."""
        d = self.draw
        if depth <= 0 or d.chance(0.15):
            if not self.known or d.chance(0.25):
                return f"{d.between(0.1, 3):g}"
            return d.one(self.known).as_number(d)
        a = self.number(depth - 1)
        kind = d.whole(0, 21)
        if kind <= 5:
            b = self.number(depth - 1)
            return (
                f"({a} + {b})",
                f"({a} - {b})",
                f"({a})*({b})",
                f"({a})/(1.5 + ({b})**2)",
                f"minimum({a}, {b})",
                f"maximum({a}, {b})",
            )[kind]
        low, high = d.between(-3, -0.1), d.between(0.1, 3)
        if kind == 6:
            return f"({a} if {self.condition(depth - 1)} else {self.number(depth - 1)})"
        if kind == 7:
            return f"int({self.condition(depth - 1)})*({a})"
        if kind == 8:
            return f"floor({d.between(1, 4):g}*tanh({a}))"
        return (
            f"tanh({a})",
            f"sin({a})",
            f"cos({a})",
            f"exp(-({a})**2)",
            f"exp(clip({a}, {low:g}, {high:g}))",
            f"exprel(clip({a}, {low:g}, {high:g}))",
            f"expm1(clip({a}, {low:g}, {high:g}))",
            f"log1p(abs({a}))",
            f"log(1.3 + abs({a}))",
            f"sqrt(abs({a}))",
            f"abs({a})**{d.one(('0.5', '1.5', '2'))}",
            f"clip({a}, {low:g}, {high:g})",
            f"-({a})",
            f"sign({a})*{d.between(0.2, 1):g}",
        )[(kind - 9) % 14]

    def bounded(self, depth: int) -> str:
        """A pure number within (-2, 2)."""
        inner = self.number(depth)
        forms = (
            f"tanh({inner})",
            f"clip({inner}, -1.7, 1.9)",
            f"sin({inner})",
            f"1/(1 + exp(-clip({inner}, -20, 20)))",
        )
        return self.draw.one(forms)

    def condition(self, depth: int) -> str:
        """A condition."""
        d = self.draw
        if depth > 0 and d.chance(0.35):
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return d.one((f"({left} and {right})", f"({left} or {right})", f"(not {left})"))
        sign = d.one(("<", ">", "<=", ">="))
        return f"{self.number(min(depth, 1))} {sign} {d.between(-1, 1.2):g}"

    def time(self, depth: int) -> str:
        """A time from about 1 to 60 ms: a number, a parameter, or an expression that stays there."""
        d = self.draw
        times = [k.name for k in self.known if k.unit == "ms"]
        if times and d.chance(0.5):
            return d.one(times)
        if depth > 0 and d.chance(0.3):
            return f"({d.between(3, 20):g}*ms*(1.2 + {self.bounded(depth - 1)}/2.5))"
        return f"({d.between(2, 40):g}*ms)"
