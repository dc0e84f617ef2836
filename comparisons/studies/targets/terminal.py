"""What ``coincide targets`` shows: published numbers beside every simulator's, claims, equivalence."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ....core.exit_status import ExitStatus
from ...measuring.wording import caveat_sentences
from .beside import UNITS, Holds, Standing, TargetStudy, whose
from .words import MARK, MARKS, agreement, in_words, rhythm_keys, shown

_STYLE: Mapping[Standing, str] = {
    "inside": "green",
    "above": "yellow",
    "below": "yellow",
    "undecided": "magenta",
    "unknown": "dim",
}
_HOLDS: Mapping[Holds, tuple[str, str]] = {
    "holds": ("✓", "green"),
    "fails": ("✗", "red"),
    "undecided": ("?", "magenta"),
}


def print_beside(console: Console, study: TargetStudy) -> None:
    """Everything, the claims first."""
    for judged in study.claims:
        mark, style = _HOLDS[judged.holds]
        claim = judged.claim
        console.print(
            f"[{style}]{mark}[/] [bold]{escape(claim.name)}[/bold], {escape(judged.simulator)}: "
            f"{escape(in_words(judged))}",
            highlight=False,
        )
    for line in caveat_sentences(study.caveats):
        console.print(escape(line), highlight=False)
    if not study.simulators:
        return
    n = len(study.seeds)
    console.print(
        f"mean over {n} seeds (95 % interval), from {study.start_ms:g} ms on; " + MARKS,
        style="dim",
        highlight=False,
    )
    for state in study.states:
        console.print(_targets_table(study, state))
        console.print(_others_table(study, state))
    for line in agreement(study):
        console.print(escape(line), highlight=False)


def _targets_table(study: TargetStudy, state: str) -> Table:
    table = Table(
        title=f"\n{state}: beside what was published",
        title_justify="left",
        box=None,
        header_style="dim",
        pad_edge=False,
    )
    for name in ("", "group", "quantity"):
        table.add_column(name)
    table.add_column("target", justify="right")
    for name in study.simulators:
        table.add_column(escape(name), justify="right")
    table.add_column("whose")
    for t in study.targets.targets:
        if t.state != state:
            continue
        found = [study.value(state, t.variant, t.group, t.quantity, s) for s in study.simulators]
        table.add_row(
            t.variant,
            t.group,
            t.quantity,
            f"{t.value:g} {UNITS[t.quantity]}".strip(),
            *(
                "–"
                if v is None
                else f"{shown(v)} [{_STYLE[v.standing(t.value)]}]{MARK[v.standing(t.value)]}[/]"
                for v in found
            ),
            whose(t.source),
        )
    return table


def _others_table(study: TargetStudy, state: str) -> Table:
    """What has no published number here: counts, rhythm, phases."""
    table = Table(
        title=f"\n{state}: variability and rhythm",
        title_justify="left",
        box=None,
        header_style="dim",
        pad_edge=False,
    )
    for name in ("", "group", "quantity"):
        table.add_column(name)
    for name in study.simulators:
        table.add_column(escape(name), justify="right")
    for variant, group, quantity in rhythm_keys(study, state):
        found = [study.value(state, variant, group, quantity, s) for s in study.simulators]
        unit = f" {UNITS[quantity]}" if UNITS[quantity] else ""
        table.add_row(
            variant, group, f"{quantity}{unit}", *("–" if v is None else shown(v) for v in found)
        )
    return table


def exit_status(study: TargetStudy) -> int:
    """3 if a run failed or none could be run, 1 if a claim does not hold on a simulator, else 0."""
    if any(run.status in ("failed", "timeout") for run in study.runs) or not study.simulators:
        return ExitStatus.FAILED
    return (
        ExitStatus.DONE
        if all(judged.holds == "holds" for judged in study.claims)
        else ExitStatus.FOUND
    )
