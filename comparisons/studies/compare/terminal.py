"""What the command line shows: progress bars, tables, verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from ....core.caveats import Caveat
from ...measuring.pairs import Verdict
from ...measuring.wording import SYMBOLS, caveat_sentences
from ...running.runs import Run
from ...showing.bars import one_bar, running
from ...showing.terminal import STYLE, Console, pairs_table, print_pair
from .study import Comparison
from .words import mode_sentences, modes_of

__all__ = [
    "Console",
    "exit_status",
    "one_bar",
    "print_comparison",
    "print_pair",
    "print_run",
    "running",
]


def print_comparison(console: Console, result: Comparison) -> None:
    """The runs, the verdict of every pair, and the whole in one sentence."""
    console.print(_runs_table(result.runs))
    versions = dict.fromkeys(run.version for run in result.runs if run.version)
    console.print(escape(", ".join(versions)), style="dim", highlight=False)
    if result.pairs:
        console.print(pairs_table(result.pairs, result.caveats))
    for note in result.notes:
        console.print(f"  note: {escape(note)}", style="dim")
    for line in conclusions(result):
        console.print(line)


def conclusions(result: Comparison) -> list[str]:
    """What became of every mode, in sentences: do the simulators coincide?"""
    lines = []
    for mode in modes_of(result):
        worst = result.verdict_in(mode)
        mark = f"[{STYLE[worst]}]{SYMBOLS[worst]}[/]" if worst else "–"
        words = " ".join(mode_sentences(result, mode))
        # A word only where the sentences say something else: they tell what the runs that were seen did.
        word = ", undecided" if worst == "undecided" else ""
        lines.append(f"{mark} [bold]{mode}{word}[/bold]: {escape(words)}")
    return lines


def _runs_table(runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("spikes", "build s", "run s", "wall s", "peak MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        word = "cached" if run.cached else run.status
        status = f"[{STYLE[run.status]}]{SYMBOLS[run.status]} {word}[/]"
        numbers = [
            f"{sum(run.spikes.values()):,}",
            f"{run.build_s:.2f}",
            f"{run.run_s:.2f}",
            f"{run.wall_s:.2f}",
            f"{run.peak_mb:.0f}",
        ]
        table.add_row(escape(run.id), status, *(numbers if run.ok else [""] * 5))
    return table


def print_run(
    console: Console, data: Mapping[str, Any], out: Path, caveats: Iterable[Caveat] = ()
) -> None:
    """How one run ended, what of it cannot be trusted, and where its recording is."""
    status = data["status"]
    console.print(
        f"[{STYLE[status]}]{SYMBOLS[status]} {status}[/] {escape(data.get('version', ''))}"
    )
    if status != "ok":
        console.print(escape(data["reason"]))
        return
    for population, n in data["spikes"].items():
        console.print(f"  {escape(population)}: {n:,} spikes")
    for line in caveat_sentences(caveats):
        console.print(f"[{STYLE['undecided']}]{SYMBOLS['undecided']}[/] {escape(line)}")
    for note in data.get("notes", ()):
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)
    console.print(f"recording: {escape(str(out))}")


def exit_status(
    result: Comparison, expected: Verdict | None, asked: Sequence[str] | None = None
) -> int:
    """3 if a run failed or a backend *asked* for ran nothing, 1 if it is worse than expected, else 0."""
    if any(run.status in ("failed", "timeout") for run in result.runs):
        return 3
    able = {run.backend for run in result.runs if run.ok}
    if not able or not able.issuperset(asked or ()):
        return 3
    if expected is None:
        return 0
    return 0 if result.within(expected) else 1
