"""How a command ends: the one table of exit statuses, for every command, its ``--help`` and the README."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class ExitStatus(IntEnum):
    """What the number says that a command ends with; the lowest that is true of it, from the highest down."""

    DONE = 0
    FOUND = 1
    BAD_INPUT = 2
    FAILED = 3
    MACHINE = 4
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What it says, in a few words."""
        return _MEANINGS[self]


_MEANINGS: Mapping[ExitStatus, str] = MappingProxyType(
    {
        ExitStatus.DONE: "all was done, and what was asked for holds",
        ExitStatus.FOUND: "all was done, and there is a finding",
        ExitStatus.BAD_INPUT: "a model, a file or an option is wrong; nothing was run",
        ExitStatus.FAILED: "a run failed or did not finish, or a backend asked for could not run it",
        ExitStatus.MACHINE: "the machine: a disk is full, memory ran out, a folder cannot be written "
        "or trusted",
        ExitStatus.INTERRUPTED: "interrupted by Ctrl-C or SIGTERM; what had finished is kept",
    }
)

FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "compare": "a pair is worse than --expect asks for",
        "diff": "the two are worse than --expect asks for",
        "explain": "a part that counts is unexplained, or not all was seen",
        "converge": "a series goes to another limit than the others, or to none",
        "targets": "a claim does not hold on a simulator, or cannot be decided",
        "select": "no backend is within the error asked for",
        "conventions": "a backend departs from what it declares",
        "conformance": "a check failed",
        "faults": "a planted fault was not found, or another was named",
        "fuzz": "a disagreement or a crash was found",
    }
)
"""What status 1 means, by command; the others never end with it."""


def table_of(command: str = "") -> list[str]:
    """The statuses of a command, or of all, one a line."""
    lines = []
    for status in ExitStatus:
        meaning = status.meaning
        if status is ExitStatus.FOUND:
            if command and command not in FINDINGS:
                continue
            meaning = FINDINGS.get(command, f"{meaning} (which one: the --help of each command)")
        lines.append(f"{int(status)}: {meaning}")
    return lines
