"""What a `Fault` is: one mistake of a simulator or of a recorder, and the cause that has to be named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings

ChangeModel = Callable[[Realization], Realization | None]
"""What a simulator makes of a realization; None where the mistake cannot be made in this model."""
ChangeRecording = Callable[[Recording], Recording | None]
"""What a recorder makes of a recording; None likewise."""
ChangeSettings = Callable[[Settings], Settings]


@dataclass(frozen=True)
class Fault:
    """One planted mistake; exactly one of ``model``, ``recording`` and ``settings`` is given.

    ``cause`` is the class of `explain` that is right. ``foreign`` marks a mistake that our own contract would
    refuse at once (a missing tail, NaN): it is planted in a recording on disk, as of somebody else's program.
    """

    name: str
    words: str
    cause: str
    model: ChangeModel | None = None
    recording: ChangeRecording | None = None
    settings: ChangeSettings | None = None
    foreign: bool = False
