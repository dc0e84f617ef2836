"""``coincide doctor``."""

from __future__ import annotations

from .asking import Asked, asking


@asking("jobs")
def doctor(asked: Asked) -> int:
    """Say what works here, what is missing and how to get it; a tiny run on every backend."""
    from ..checks.doctor import examine

    return examine(asked.console(), asked.jobs)
