"""Brian2, imported without what a run does not need, when this process is a run and nothing else."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def _is_run_process() -> bool:
    """Whether this process is ``coincide run``, in which no user's code will ever import Brian2."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    started = spec.name if spec is not None else sys.argv[0].rpartition("/")[2]
    return started in {"coincide", "coincide.__main__"} and sys.argv[1:2] == ["run"]


def import_brian2() -> Any:
    """The module ``brian2.only``.

    ``import brian2`` begins with pylab and pytest, a third of its time, and has fallbacks for their
    absence; elsewhere than in a run process a user would miss them.
    """
    absent: list[str] = []
    if _is_run_process() and "brian2" not in sys.modules:
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
