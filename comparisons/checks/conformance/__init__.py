"""The conformance suite: every backend, every mode, every case; ``coincide conformance BACKEND``.

It is part of the package, so that whoever writes a backend elsewhere can run it on theirs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from ....backends.registry import load_backend
from ....core.errors import InputError, nearest
from .cases import CASES, Case
from .checks import Check, Outcome, checks_of, run_check

__all__ = ["CASES", "Case", "Check", "Outcome", "checks_of", "report_conformance", "run_check"]

_MARK = {
    "passed": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "unsupported": "[yellow]–[/]",
    "known gap": "[yellow]![/]",
}


def report_conformance(
    console: Console, backend: str, cases: str | None = None
) -> tuple[dict[str, Any], int]:
    """Run the suite on a backend and print a line a check; 0 if nothing failed, else 1.

    Raises InputError if the backend cannot be loaded or *cases* matches no case.
    """
    simulator = load_backend(backend)
    todo = [check for check in checks_of(backend) if cases is None or cases in check.case]
    if not todo:
        raise InputError(
            "--cases", f"no case has {cases!r} in its name; {nearest(str(cases), CASES)}"
        )
    console.print(f"[bold]{backend}[/] {escape(simulator.version())}: {len(todo)} checks")
    outcomes = []
    for check in todo:
        outcome = run_check(check)
        outcomes.append(outcome)
        method = f" {check.method}" if check.method else ""
        console.print(
            f"{_MARK[outcome.status]} {check.mode} {check.case}{method}: {escape(outcome.detail)}"
        )
    counts = {
        status: sum(o.status == status for o in outcomes)
        for status in ("passed", "failed", "unsupported", "known gap")
    }
    console.print(", ".join(f"{n} {status}" for status, n in counts.items() if n))
    data = {
        "backend": backend,
        "version": simulator.version(),
        "checks": [{**asdict(o.check), "status": o.status, "detail": o.detail} for o in outcomes],
        "counts": counts,
    }
    return data, 1 if counts["failed"] else 0
