"""What ``coincide explain`` shows: the causes, the ladder, the first divergence, what is left."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...measuring.wording import enumerate_words
from ..compare.study import Comparison
from .explanation import LOUD, Explanation, Finding
from .measure import Disagreement
from .trials import Trial
from .words import about, percent, summary, until

_SIGNS: Mapping[str, tuple[str, str]] = {
    "partly explained": ("yellow", "~"),
    "unexplained": ("red", "≠"),
    "undecided": ("magenta", "?"),
}


def print_explanation(console: Console, explanation: Explanation, model: str = "") -> None:
    """The causes with their shares and proofs, the ladder, the first divergence, what is unexplained.

    ``model`` is what a command line says to get the same model, for the command that repeats a run.
    """
    e = explanation
    verdict = summary(e)
    loud = verdict.pop() if e.unexplained >= LOUD and e.judged else ""
    colour, sign = _SIGNS.get(e.verdict, ("green", "✓"))
    console.print(f"[{colour}]{sign} {e.verdict}[/]: {escape(' '.join(verdict))}", highlight=False)
    if loud:
        console.print(f"[bold red]{escape(loud)}[/]", highlight=False)
    if e.causes:
        console.print(_causes(e))
        for finding in e.causes:
            _print_about(console, finding)
    if e.ladder:
        console.print(_ladder(e))
    if e.divergence is not None:
        console.print("\n[bold]First divergence[/]")
        console.print(escape(e.divergence.in_words), highlight=False)
    _print_rest(console, e, model)


def _causes(e: Explanation) -> Table:
    table = _table("Causes, each left in by itself with all others removed")
    for name, side in (("share", "right"), ("cause", "left"), ("what", "left")):
        table.add_column(name, justify=side, no_wrap=name == "share")  # type: ignore[arg-type]
    table.add_column("spikes shared", justify="right")
    table.add_column("disagree", justify="right")
    table.add_column("removed alone", justify="right")
    table.caption = (
        "disagree: with this cause alone left in. removed alone: the part of the disagreement that goes "
        "when only this one is removed; below 0 it grows."
    )
    one_side = len({f.side for f in e.causes if f.side != "both"}) < 2
    for f in e.causes:
        name = f.name if one_side or f.side == "both" else f"{f.name} of {f.side}"
        alone = "–" if f.alone_share is None else percent(f.alone_share)
        table.add_row(percent(f.share), f.cause, escape(name), *_numbers(f.effect), alone)
    return table


def _numbers(found: Disagreement) -> tuple[str, str]:
    spikes = f"{found.matched_spikes:,} of {found.n_spikes:,}" if found.n_spikes else "–"
    return spikes, f"{found.total:.2g}"


def _print_about(console: Console, finding: Finding) -> None:
    said = f"  {finding.name}: {about(finding)}"
    if finding.convergence is not None:
        said += f"; {finding.convergence.in_words}"
    said += "."
    if finding.left_in != finding.run:  # recordings from elsewhere are changed, not run
        said += f" Proof: {finding.left_in} against {finding.run}."
    console.print(escape(said), style="dim", highlight=False)


def _ladder(e: Explanation) -> Table:
    table = _table("Ladder")
    table.add_column("removed")
    for name in ("spikes shared", "same until (ms)", "disagree"):
        table.add_column(name, justify="right")
    for rung in e.ladder:
        spikes, total = _numbers(rung.disagreement)
        table.add_row(escape(rung.words), spikes, until(rung.disagreement), total)
    return table


def _table(title: str) -> Table:
    return Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
        caption_justify="left",
    )


def _print_rest(console: Console, e: Explanation, model: str) -> None:
    for side in dict.fromkeys(c.side for c in e.cleared):
        names = enumerate_words(list(dict.fromkeys(c.name for c in e.cleared if c.side == side)))
        said = f"conventions of {side} that are no cause here: {names}"
        console.print(escape(said), style="dim", highlight=False)
    if e.untested:
        names = enumerate_words(e.untested)
        console.print(
            f"[yellow]not tested, for want of runs: {escape(names)}; --budget allows more[/]"
        )
    for note in e.notes:
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)
    said = f"{len(e.runs)} runs of at most {e.budget}." if e.a.runs or e.b.runs else _nothing_run(e)
    last = _bare_run(e)
    if model and last is not None:
        said += f" Without the causes: coincide run {model} {last.command} --out FOLDER"
    console.print(escape(said), style="dim", highlight=False)


def _nothing_run(e: Explanation) -> str:
    """What recordings tell is not all: running again tells more."""
    more = "; coincide explain MODEL -b A B runs both again to find causes" if e.unexplained else ""
    return f"Nothing was run{more}."


def _bare_run(e: Explanation) -> Trial | None:
    """The run of the first side with every convention undone that is a cause."""
    ids = [f.run for f in e.causes if f.side == e.a.label]
    return next((t for t in e.runs if ids and t.id == ids[0]), None)


def exit_status(explanation: Explanation) -> int:
    """1 if a part that counts is unexplained, or not all was seen, else 0."""
    e = explanation
    return 1 if e.verdict == "undecided" or e.unexplained >= LOUD else 0


def hints(result: Comparison, model: str, options: Mapping[str, Any]) -> list[str]:
    """For every mode the command that explains its worst pair, where one is worse than round-off."""
    from ...measuring.pairs import VERDICTS
    from ..compare.study import yardstick
    from ..compare.words import modes_of, pairs_of

    found = []
    for mode in modes_of(result):
        apart = [p for p in pairs_of(result, mode) if p.verdict not in ("identical", "round-off")]
        if not apart:
            continue
        # Against what others are held against where there is such a pair, the worst one of these.
        rank = min(yardstick(result.run(p.a)) for p in apart)
        direct = [p for p in apart if yardstick(result.run(p.a)) == rank]
        worst = max(direct, key=lambda p: (VERDICTS.index(p.verdict), _lonely(p)))
        names = [result.run(worst.b).backend, result.run(worst.a).backend]
        found.append(command(model, names, mode, options))
    return found


def _lonely(pair: Any) -> int:
    return sum(row.missing + row.extra for row in pair.spikes)


def command(model: str, backends: Sequence[str], mode: str, options: Mapping[str, Any]) -> str:
    """The command that explains a pair, with the options that were given."""
    return f"coincide explain {spelled(model, options)} -b {' '.join(backends)} --mode {mode}"


def spelled(model: str, options: Mapping[str, Any]) -> str:
    """A model and the options that were given, as a command line has them."""
    words = [model]
    for name, value in options.items():
        values = value if isinstance(value, list | tuple) else [value]
        for one in values:
            if one not in (None, "", False):
                words += [name, str(one)]
    return shlex.join(words)
