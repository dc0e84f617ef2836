"""What is drawn, with notes of what was changed on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Note(NamedTuple):
    """What was changed of a part of an experiment, or of all of it, when it was drawn.

    ``of_grid`` says that it was rounded to whole steps, which is not true of a run in continuous time.
    """

    where: str
    what: str
    of_grid: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(frozen=True)
class Drawn(Generic[T]):
    """A part of a realization, and the notes about it."""

    value: T
    notes: tuple[Note, ...] = ()
