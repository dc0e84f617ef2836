"""A `Hypothesis`: what may make two runs differ, and the change that would take it away.

A `Side` is one of the two runs as a value: backend, settings, realization, and what is done with its
recording afterwards. A hypothesis changes a side; changes compose, so that several hypotheses can be tested
together. Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from .causes import Cause

Which = Literal["a", "b", "both"]
Transform = Callable[[Recording], Recording]


@dataclass(frozen=True, eq=False)
class Side:
    """One of two runs, or a recording from elsewhere: all that is needed to do it again, changed.

    ``backend`` is empty for a recording from a file, which then is ``given`` and cannot be run again.
    ``transforms`` are applied to the recording in order, without running anything.
    """

    label: str
    backend: str = ""
    settings: Settings = field(default_factory=Settings)
    realization: Realization | None = None
    given: Recording | None = None
    transforms: tuple[Transform, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether it can be run again."""
        return bool(self.backend) and self.realization is not None


Change = Callable[[Side], Side]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One thing that may make two runs differ, and the change of a side that takes it away.

    ``name`` tells it from all others; ``words`` say what the side does differently, as the end of a sentence
    that begins with the side's name. ``prior`` (0 to 1) orders the tests. ``factor`` is the ratio by which a
    parameter is off, ``place`` what in the model it is about (``exc_to_inh.weight``). ``exclusive`` names
    a group of which at most one can hold (two values of one delay). ``imitates`` says that the change makes
    its side do what the other one does, where that one cannot be mended: the words are about the other.
    """

    cause: Cause
    name: str
    words: str
    side: Which
    change: Change
    prior: float = 0.5
    factor: float | None = None
    place: str = ""
    exclusive: str = ""
    imitates: bool = False

    def apply(self, a: Side, b: Side) -> tuple[Side, Side]:
        """The two sides without this cause: the counter-factual pair."""
        if self.side in ("a", "both"):
            a = self.change(a)
        if self.side in ("b", "both"):
            b = self.change(b)
        return a, b


def with_settings(change: Callable[[Settings], Settings]) -> Change:
    """Run a side again with other settings: a convention undone, another method, float64."""
    return lambda side: replace(side, settings=change(side.settings))


def with_model(change: Callable[[Realization], Realization]) -> Change:
    """Run a side again with a changed realization: a parameter times a factor, a delay one step longer.

    *change* returns a new realization (`dataclasses.replace`), never changes arrays in place.
    """

    def changed(side: Side) -> Side:
        if side.realization is None:
            return side
        return replace(side, realization=change(side.realization))

    return changed


def with_recording(transform: Transform) -> Change:
    """Change a side's recording without running: stamps shifted, a tail dropped, a trace scaled."""
    return lambda side: replace(side, transforms=(*side.transforms, transform))


def undo(convention: str) -> Change:
    """Run a side again with one more convention of its backend undone."""

    def undone(settings: Settings) -> Settings:
        if settings.undoes(convention):
            return settings
        # In order of their names, so that the same set is the same run.
        return replace(settings, undone=tuple(sorted({*(settings.undone or ()), convention})))

    return with_settings(undone)


def apply_all(hypotheses: Iterable[Hypothesis], a: Side, b: Side) -> tuple[Side, Side]:
    """The two sides without any of several causes."""
    for hypothesis in hypotheses:
        a, b = hypothesis.apply(a, b)
    return a, b


def hypothesis_to_dict(hypothesis: Hypothesis) -> dict[str, Any]:
    """What a hypothesis says, as plain data."""
    return {
        "cause": hypothesis.cause,
        "name": hypothesis.name,
        "words": hypothesis.words,
        "side": hypothesis.side,
        "factor": hypothesis.factor,
        "place": hypothesis.place,
    }
