"""A `Fuzz` on the terminal: a line while it runs, then a table and the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ...showing.bars import Tally
from .inputs import Verdict
from .judging import Judged, summary
from .report import command_of, name_of
from .study import CaseResult, Fuzz, reasons


class Progress(Tally):
    """Cases done, findings so far."""

    def __init__(self, console: Console, cases: int) -> None:
        super().__init__(console, "random experiments", cases)
        self._faults = 0

    def add(self, result: CaseResult) -> None:
        """One more case is done."""
        for judged in result.faults:
            self._faults += 1
            words = judged.why.splitlines()[0][:160] if judged.why else ""
            self.console.print(
                f"{result.case.name} {judged.backend} {judged.mode}: {judged.kind}, {words}",
                markup=False,
                highlight=False,
            )
        self.say(f"{self._faults} findings")
        self.advance()

    def shrink(self, judged: Judged, size: int) -> None:
        """A failing experiment became smaller."""
        self.say(f"making small: {judged.backend} {judged.kind}, {size} characters")


def print_fuzz(console: Console, found: Fuzz) -> None:
    """Print what the cases amount to."""
    kinds = list(dict.fromkeys(j.kind for j in found.judged))
    table = Table(
        title=f"{len(found.results)} random experiments, seed {found.seed}, {found.seconds:.0f} s"
    )
    table.add_column("backend, mode")
    for kind in kinds:
        table.add_column(kind, justify="right")
    for row, counts in summary(found.judged).items():
        table.add_row(row or "description", *(str(counts.get(kind, 0)) for kind in kinds))
    console.print(table)
    for note in found.notes:
        console.print(note)
    for reason, count in reasons(found.judged, "unsupported").items():
        console.print(f"unsupported, {count} ×: {reason}", markup=False, highlight=False)
    for finding in found.findings:
        j = finding.judged
        words = j.why.splitlines()[0][:300] if j.why else ""
        console.print(
            f"{name_of(finding)} ({len(finding.cases)} cases): {words}\n  {command_of(finding)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if not found.findings:
        console.print("No crash and no disagreement.")


def print_attacks(console: Console, seed: int, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Print what commands did with mutated inputs; the same as plain data."""
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        counts.setdefault(verdict.attack.kind, Counter())[str(verdict.status)] += 1
    statuses = sorted({status for row in counts.values() for status in row})
    table = Table(title=f"{len(verdicts)} damaged inputs, seed {seed}")
    table.add_column("kind")
    for status in statuses:
        table.add_column(f"ends with {status}", justify="right")
    for kind, row in sorted(counts.items()):
        table.add_row(kind, *(str(row[status]) for status in statuses))
    console.print(table)
    failed = [v for v in verdicts if v.problem]
    for v in failed:
        words = f"{v.number} {v.attack.kind}: {v.problem}\n  given {v.attack.given!r}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    if not failed:
        console.print("Each was understood or refused in a sentence.")
    return {
        "seed": seed,
        "statuses": {kind: dict(row) for kind, row in counts.items()},
        "problems": [
            {
                "number": v.number,
                "kind": v.attack.kind,
                "given": v.attack.given,
                "problem": v.problem,
            }
            for v in failed
        ],
    }
