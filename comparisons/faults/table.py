"""The suite of planted faults in the terminal: a row for every case as it ends, then the scores."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .suite import Outcome, Results, Score

_WIDTHS = (32, 15, 17, 17)


class Table:
    """Rows printed one by one under a progress bar; a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = Progress(
            TextColumn("  faults"), BarColumn(bar_width=24), TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task("faults", total=total)

    def __enter__(self) -> Table:
        self._progress.start()
        self._print("fault", "model", "planted", "named", "what was found", "", style="dim")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def add(self, outcome: Outcome) -> None:
        """Print one row: ✓ right, ✕ wrong, ∅ refused by the contract; * is a model held out."""
        case = outcome.case
        sign = "∅" if outcome.caught else "✓" if outcome.right else "✕"
        style = {"✓": "green", "✕": "bold red", "∅": "yellow"}[sign]
        name = case.fault or case.words
        if case.fault and case.backend != "reference":
            name = f"{case.fault} in {case.backend}"
        cost = f" ({outcome.runs}+{outcome.replayed:.1f} runs)"
        self._print(
            name, case.model + (" *" if case.held_out else ""), case.cause or "none",
            outcome.named or "none", (outcome.caught or outcome.found) + cost, f"[{style}]{sign}[/] ",
        )  # fmt: skip
        self._progress.advance(self._task)

    def _print(
        self,
        name: str,
        model: str,
        planted: str,
        named: str,
        found: str,
        sign: str,
        style: str = "",
    ) -> None:
        cells = [
            text[: width - 1].ljust(width)
            for text, width in zip((name, model, planted, named), _WIDTHS, strict=True)
        ]
        line = escape("".join(cells) + found)
        self._progress.console.print(
            (sign or "  ") + line, style=style, overflow="ellipsis", no_wrap=True, highlight=False
        )


def print_scores(console: Console, results: Results) -> None:
    """The shares that are right, tuned and held out apart, and the costs."""
    faults = len({o.case.fault for o in results.outcomes if o.case.cause})
    models = len({o.case.model for o in results.outcomes})
    console.print(f"\n{faults} faults in {models} models (* held out)", highlight=False)
    for label, score in (
        ("first cause right, models tuned with", results.score(False)),
        ("first cause right, models held out", results.score(True)),
        ("first cause right, all", results.score()),
        ("no alarm without a fault", results.score(controls=True)),
    ):
        if score.of:
            console.print(f"  {label:38} {_said(score)}", highlight=False)
    if results.caught:
        n = len(results.caught)
        console.print(f"  refused by the contract before a comparison: {n}", highlight=False)
    most = max((o.runs for o in results.outcomes), default=0)
    replayed = max((o.replayed for o in results.outcomes), default=0.0)
    console.print(
        f"  most runs for one case: {most}; replays besides: {replayed:.1f} runs", highlight=False
    )


def _said(score: Score) -> str:
    return f"{score.right} of {score.of} ({100 * score.share:.0f} %)"
