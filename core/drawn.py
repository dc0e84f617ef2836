"""What is drawn, with notes of what was changed on the way, and from which stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

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


def stream(seed: int, *name: str) -> np.random.Generator:
    """The random stream of a name: the same for the same seed and name, whatever else is drawn."""
    words = np.frombuffer(hashlib.sha256("/".join(name).encode()).digest(), dtype=np.uint32)
    return np.random.default_rng(np.random.SeedSequence([seed, *words.tolist()]))
