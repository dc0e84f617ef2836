"""How a channel opens: independent gates, and Markov schemes of any size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator
from typing_extensions import override

from .description import Description
from .errors import InputError, nearest
from .names import check_variable
from .values import WholeNumber

_TRANSITION = re.compile(
    r"(?P<left>[\w\s]+?)\s*(?P<arrow><->|->)\s*(?P<right>[\w\s]*?)\s*\((?P<rates>.*)\)\s*"
)


class Gate(Description):
    """One gate x of a channel, by rates or by steady state and time constant; it starts at its steady state.

    dx/dt = α·(1 - x) - β·x, or dx/dt = (x∞ - x)/τ. ``power`` is its exponent in what is open when the
    channel does not say. α and β are in 1/time, τ is a time, x∞ a number.
    """

    name: str
    power: WholeNumber = Field(default=1, ge=1, le=16)
    alpha: str | None = None
    beta: str | None = None
    inf: str | None = None
    tau: str | None = None

    @classmethod
    @override
    def _called(cls, data: Mapping[str, Any]) -> object:
        return None  # m alone is no place: the channel says which

    @model_validator(mode="after")
    def _one_form(self) -> Gate:
        _check_name(self.name, "Gate")
        rates = [f for f in ("alpha", "beta") if getattr(self, f) is not None]
        limits = [f for f in ("inf", "tau") if getattr(self, f) is not None]
        if len(rates) + len(limits) != 2 or len(rates) == 1:
            given = ", ".join(rates + limits) or "nothing"
            raise InputError(
                f"Gate.{self.name}",
                f"is given by {given}; a gate needs alpha and beta, or inf and tau",
                relative=True,
            )
        return self


@dataclass(frozen=True)
class Transition:
    """``source → target`` with a rate, as an expression in 1/time."""

    source: str
    target: str
    rate: str


class Scheme(Description):
    """A Markov scheme: occupancies of states that always add to 1.

    ``transitions`` are texts such as ``"C1 <-> C2 (4*alpha, beta)"`` or ``"O -> B (epsilon)"``. The
    ``remainder`` (the last state by default) is 1 minus all others, so that no integration method can
    lose anything; a state that is left slowly keeps explicit methods stable. The scheme starts at its
    steady state for the initial membrane potential, or at the occupancies ``initial``.
    """

    transitions: tuple[str, ...]
    remainder: str | None = None
    initial: dict[str, float] | None = None

    @model_validator(mode="after")
    def _conserves(self) -> Scheme:
        if not self.transitions:
            raise _problem("transitions", "is empty; write for instance 'C <-> O (alpha, beta)'")
        arrows, states = self.arrows, self.states
        between = [(t.source, t.target) for t in arrows]
        for source, target in between:
            if between.count((source, target)) > 1:
                raise _problem(
                    "transitions",
                    f"{source} -> {target} is given twice; write the sum of its rates",
                )
        for state in states:
            _check_name(state, "Scheme")
        if len(states) < 2:
            raise _problem("transitions", f"has the one state {states[0]}; a scheme needs two")
        if self.remainder is not None and self.remainder not in states:
            raise _problem(
                "remainder",
                f"there is no state {self.remainder!r}; {nearest(self.remainder, states)}",
            )
        self._check_connected(states, arrows)
        self._check_initial(states)
        return self

    def _check_connected(self, states: Sequence[str], arrows: Sequence[Transition]) -> None:
        """A part that nothing enters or leaves would keep whatever it has: the sum alone is no rule."""
        reached = {states[0]}
        links = [{t.source, t.target} for t in arrows]
        while grown := [link for link in links if len(link & reached) == 1]:
            reached |= set().union(*grown)
        apart = [s for s in states if s not in reached]
        if apart:
            raise _problem(
                "transitions",
                f"{', '.join(apart)} cannot be reached from {states[0]}; one scheme has to hang together",
            )

    def _check_initial(self, states: Sequence[str]) -> None:
        if self.initial is None:
            return
        for name, value in self.initial.items():
            if name not in states:
                raise _problem("initial", f"there is no state {name!r}; {nearest(name, states)}")
            if not 0 <= value <= 1:
                raise _problem(
                    f"initial.{name}", f"{value} is no occupancy; it has to be in [0, 1]"
                )
        total = sum(self.initial.values())
        if abs(total - 1) > 1e-6:
            raise _problem(
                "initial", f"adds to {total:.6g}, not to 1: a scheme conserves its channels"
            )

    @property
    def arrows(self) -> tuple[Transition, ...]:
        """The transitions one by one."""
        arrows: list[Transition] = []
        for text in self.transitions:
            arrows += _read(text)
        return tuple(arrows)

    @property
    def states(self) -> tuple[str, ...]:
        """The states in the order in which they are named."""
        return tuple(dict.fromkeys(s for t in self.arrows for s in (t.source, t.target)))

    @property
    def rest(self) -> str:
        """The state that is 1 minus all others."""
        return self.remainder or self.states[-1]


def _check_name(name: str, where: str) -> None:
    try:
        check_variable(name, where)
    except InputError as error:
        raise InputError(f"{where}.{name}", error.problem, relative=True) from None


def _problem(field: str, problem: str) -> InputError:
    """An error of a scheme, which has no name: what holds it knows where it is."""
    return InputError(f"Scheme.{field}", problem, relative=True)


def _read(text: str) -> list[Transition]:
    match = _TRANSITION.fullmatch(text.strip())
    if match is None:
        raise _problem(
            "transitions",
            f"{text!r} is no transition; write 'A <-> B (there, back)' or 'A -> B (there)'",
        )
    left, right = match["left"].strip(), match["right"].strip()
    for side, name in (("left", left), ("right", right)):
        if not name:
            raise _problem(
                "transitions",
                f"{text!r} has no state on the {side}: it does not conserve its channels",
            )
        if " " in name:
            raise _problem(
                "transitions",
                f"{text!r} does not conserve: one channel is in {name.split()[-1]!r} once, not {name!r}",
            )
    if left == right:
        raise _problem("transitions", f"{text!r} goes nowhere")
    rates = _split(match["rates"])
    both = match["arrow"] == "<->"
    if len(rates) != (2 if both else 1) or not all(rates):
        needed = "two rates, there and back" if both else "one rate"
        raise _problem("transitions", f"{text!r} needs {needed}")
    made = [Transition(left, right, rates[0])]
    return [*made, Transition(right, left, rates[1])] if both else made


def _split(rates: str) -> list[str]:
    """The parts between commas that are in no parentheses."""
    parts, depth, start = [], 0, 0
    for k, character in enumerate(rates):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(rates[start:k])
            start = k + 1
    return [part.strip() for part in [*parts, rates[start:]]]
