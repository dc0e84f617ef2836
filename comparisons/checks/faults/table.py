"""The suite of planted faults in the terminal: a row for every case as it ends, then the scores."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from ...showing.bars import Tally
from .suite import Outcome, Results, Score

_WIDTHS = (15, 17, 17)
"""Columns of the model, of the cause planted and of the one named."""
_NAME = (28, 40)
"""The least and the most columns of a fault's name."""
_FOUND = 40
"""Where fewer columns than these are left, what was found has a line of its own."""


class Table(Tally):
    """Rows printed one by one under a progress bar; a context manager."""

    def __init__(self, console: Console, total: int) -> None:
        super().__init__(console, "faults", total)

    def __enter__(self) -> Self:
        super().__enter__()
        self._print("fault", "model", "planted", "named", "what was found", "", style="dim")
        return self

    def add(self, outcome: Outcome) -> None:
        """Print one row: ✓ right, ✕ wrong, ∅ refused by the contract; * is a model held out."""
        case = outcome.case
        sign = "∅" if outcome.caught else "✓" if outcome.right else "✕"
        style = {"✓": "green", "✕": "bold red", "∅": "yellow"}[sign]
        name = case.fault or case.words
        if case.fault and case.backend != "reference":
            name = f"{case.fault} in {case.backend}"
        cost = f"({outcome.runs}+{outcome.replayed:.1f} runs)"
        found = f"{outcome.caught or outcome.found} {cost}".strip()
        self._print(
            name,
            case.model + (" *" if case.held_out else ""),
            case.cause or "none",
            outcome.named or "none",
            found,
            f"[{style}]{sign}[/] ",
        )
        self.advance()

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
        console = self.console
        room = console.width - len("✓ ") - sum(_WIDTHS)
        widths = (min(max(room - _FOUND, _NAME[0]), _NAME[1]), *_WIDTHS)
        cells = [
            (text if len(text) < width else f"{text[: width - 2]}…").ljust(width)
            for text, width in zip((name, model, planted, named), widths, strict=True)
        ]
        beside = room - widths[0] >= _FOUND
        line = escape("".join(cells) + (found if beside else ""))
        console.print(
            (sign or "  ") + line, style=style, overflow="ellipsis", no_wrap=True, highlight=False
        )
        if not beside:
            console.print(
                Padding(escape(found), (0, 0, 0, 4)), style=style or "dim", highlight=False
            )


def print_scores(console: Console, results: Results) -> None:
    """The shares that are right, tuned and held out apart, and the costs."""
    faults = len({o.case.fault for o in results.outcomes if o.case.cause})
    models = len({o.case.model for o in results.outcomes})
    said = f"{faults} fault{'s'[: faults != 1]} in {models} model{'s'[: models != 1]}"
    console.print(f"\n{said} (* held out)", highlight=False)
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
