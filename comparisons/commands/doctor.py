"""``coincide doctor``."""

from __future__ import annotations

from .arguments import Jobs


def doctor(jobs: Jobs = None) -> int:
    """Say what works here, what is missing and how to get it; a tiny run on every backend."""
    from ..checks.doctor import examine
    from ..showing.terminal import Console

    return examine(Console(), jobs)
