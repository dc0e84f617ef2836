"""Brian2, imported without what a run does not need, when this process is a run and nothing else."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ...core.process import is_alone


def import_brian2() -> Any:
    """The module ``brian2.only``.

    ``import brian2`` begins with pylab and pytest, a third of its time, and has fallbacks for their
    absence; in a process that is not one run alone a user would miss them.
    """
    absent: list[str] = []
    if is_alone() and "brian2" not in sys.modules:
        absent = [name for name in ("pylab", "pytest") if name not in sys.modules]
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    for name in absent:
        modules[name] = None
    try:
        import brian2.only
    finally:
        for name in absent:
            del modules[name]
    return brian2.only
