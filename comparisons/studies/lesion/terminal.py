"""What ``coincide lesion`` shows: the verdicts, the numbers, the doses."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from textwrap import shorten
from types import MappingProxyType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ....core.exit_status import ExitStatus
from ...measuring.readings import Measure
from .effects import Effect, SimulatorEffect, Verdict
from .study import LesionStudy
from .tables import unchanged
from .words import SYMBOLS, below, in_words, legend, marked, number, percent, short, signed

STYLE: Mapping[Verdict, str] = MappingProxyType(
    {
        "independent": "green",
        "none": "dim",
        "undecided": "magenta",
        "unclear": "yellow",
        "indistinguishable": "red",
        "alone": "yellow",
        "undefined": "dim",
    }
)
_MOST_IN_FULL = 10
_DOSES_A_TABLE = 5
_LONGEST_CHANGES = 400


def print_study(console: Console, study: LesionStudy) -> None:
    """The whole in one sentence for each lesion, then what it rests on."""
    for mode in study.modes:
        for name in study.lesions:
            said = study.sentence(mode, name)
            console.print(f"[bold]{escape(said)}[/bold]", highlight=False)
    versions = dict.fromkeys(r.run.version for r in study.runs if r.run.version)
    console.print(escape(", ".join(versions)), style="dim", highlight=False)
    console.print(_about(study), style="dim", highlight=False)
    for line in changes(study):
        console.print(escape(line), highlight=False)
    for line in sources(study):
        console.print(escape(line), style="dim", highlight=False)
    for mode in study.modes:
        for name in study.lesions:
            _print_lesion(console, study, mode, name)
    if any(e.simulators for e in study.effects):
        console.print()
        _print_legend(console, study)
    if len(study.severities) > 1:
        _print_doses(console, study)
    for r in study.runs:
        if not r.run.ok:
            console.print(
                f"[red]✕[/] {escape(r.run.id)}, {escape(r.arm.label)}, seed {r.seed}: "
                f"{r.run.status}, {escape(r.run.reason)}"
            )
    for note in study.notes:
        console.print(f"  note: {escape(note)}", style="dim", highlight=False)


_MANY_DIGITS = re.compile(r"\b\d+\.\d{7,}\b")


def _about(study: LesionStudy) -> str:
    n = len(study.seeds)
    seeds = f"seeds {study.seeds[0]} to {study.seeds[-1]}" if n > 1 else f"seed {study.seeds[0]}"
    window = f"measured from {study.start_ms:g} to {study.experiment.duration_ms:g} ms"
    return f"{seeds}; {window}"


def changes(study: LesionStudy) -> list[str]:
    """What every lesion changes at severity 1, a line each; none for one named by what it changes."""
    lines = {}
    for arm in study.arms:
        if arm.lesion is not None:
            told = "; ".join(str(p) for p in arm.lesion.perturbations)
            if told != arm.name:
                # Six digits are for reading: the lesion itself has them all.
                told = _MANY_DIGITS.sub(lambda found: f"{float(found[0]):.6g}", told)
                lines[arm.name] = shorten(f"{arm.name}: {told}", _LONGEST_CHANGES, placeholder=" …")
    return [*lines.values()]


def sources(study: LesionStudy) -> list[str]:
    """Whose numbers every lesion has, a line each; none for one that names nobody."""
    lines = {}
    for arm in study.arms:
        if arm.lesion is not None:
            cited = [arm.lesion.citation, *(p.citation for p in arm.lesion.perturbations)]
            told = "; ".join(dict.fromkeys(c for c in cited if c))
            if told:
                lines[arm.name] = f"{arm.name}, source: {told}"
    return [*lines.values()]


def _print_legend(console: Console, study: LesionStudy) -> None:
    """What the columns and words of the tables above mean."""
    shown = [e for e in study.effects if e.severity == study.severities[-1]]
    table = Table(box=None, pad_edge=False, show_header=False, style="dim")
    table.add_column(no_wrap=True)
    table.add_column()
    for word, meaning in legend(shown):
        table.add_row(escape(word), escape(meaning))
    console.print(table)


def _print_lesion(console: Console, study: LesionStudy, mode: str, name: str) -> None:
    effects = study.at(mode, name)
    severity = study.severities[-1]
    at = f" at {severity:g}" if severity < 1.0 else ""
    console.print(f"\n[bold]{escape(name)}{at}[/bold], {mode}", highlight=False)
    console.print(_effects_table(effects))
    _print_verdicts(console, effects)
    shown = [e for e in effects if e.simulators and not math.isnan(e.effect)]
    if len(shown) <= _MOST_IN_FULL:
        if shown:
            console.print(_simulators_table(shown))
    else:
        console.print("what every simulator says, with intervals: in --json and --out", style="dim")


def _table(left: Sequence[str], right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _effects_table(effects: Sequence[Effect]) -> Table:
    """The effect that every simulator has at least, held against the disagreement."""
    table = _table(["read-out"], ["healthy", "lesioned", "effect", "disagree", "ratio"])
    table.columns[0].no_wrap = False
    table.add_column("verdict", no_wrap=True)
    for e in effects:
        no_ratio = math.isnan(e.ratio) or (e.agree and e.effect == 0.0)
        ratio = "–" if no_ratio else "∞" if e.agree else below(e.ratio)
        verdict = f"[{STYLE[e.verdict]}]{short(e)}[/]"
        table.add_row(
            escape(marked(e)),
            number(e.healthy),
            number(e.lesioned),
            signed(e.effect),
            number(e.disagreement, 2),
            ratio,
            verdict,
        )
    return table


def _print_verdicts(console: Console, effects: Sequence[Effect]) -> None:
    """Every verdict in words; read-outs of which the same is to be said share a line."""
    said: dict[tuple[Verdict, str], list[str]] = {}
    for e in effects:
        said.setdefault((e.verdict, in_words(e)), []).append(e.measure.label)
    for (verdict, words), labels in said.items():
        console.print(
            f"[{STYLE[verdict]}]{SYMBOLS[verdict]}[/] {escape(', '.join(labels))}: {escape(words)}",
            highlight=False,
        )


def _simulators_table(effects: Sequence[Effect]) -> Table:
    """The paired effect on every simulator; one row where all show the same."""
    table = _table(
        ["read-out", "simulator"], ["healthy", "lesioned", "effect", "95 % interval", "relative"]
    )
    table.columns[0].no_wrap = False
    for e in effects:
        rows: dict[tuple[str, ...], list[str]] = {}
        for s in e.simulators:
            rows.setdefault(_cells(s), []).append(s.simulator)
        for k, (cells, names) in enumerate(rows.items()):
            everywhere = len(rows) == 1 and len(names) > 1
            who = f"all {len(names)}" if everywhere else ", ".join(names)
            table.add_row(escape(e.measure.label) if k == 0 else "", escape(who), *cells)
    table.columns[1].no_wrap = False
    return table


def _cells(s: SimulatorEffect) -> tuple[str, ...]:
    interval = f"{signed(s.low)} to {signed(s.high)}" if s.has_interval else "–"
    return (number(s.healthy), number(s.lesioned), signed(s.effect), interval, percent(s.relative))


def _print_doses(console: Console, study: LesionStudy) -> None:
    """Dose against response: one row a simulator, ± half the 95 % interval of the change."""
    table = study.dose_response
    doses = [0.0, *study.severities]
    several = len(study.seeds) > 1
    for (mode, name), part in table.groupby(["mode", "arm"], sort=False):
        words = "response; ± half the 95 % interval of the change" if several else "response"
        console.print(
            f"\n[bold]{escape(name)}[/bold], {mode}: severity and {words}", highlight=False
        )
        still = unchanged(study, str(mode), str(name))
        for k in range(0, len(doses), _DOSES_A_TABLE):
            columns = doses[k : k + _DOSES_A_TABLE]
            shown = _table(["read-out", "simulator"], [f"{dose:g}" for dose in columns])
            shown.columns[0].no_wrap = shown.columns[1].no_wrap = False
            last = ""
            keys = ["population", "quantity", "unit"]
            for (population, quantity, unit), readout in part.groupby(keys, sort=False):
                if Measure(population, quantity) in still:
                    continue
                label = f"{population} {quantity}" + (f" ({unit})" if unit else "")
                for cells, names in _dose_rows(readout, columns).items():
                    who = ", ".join(names) if len(names) < 3 else f"{len(names)} simulators"
                    shown.add_row("" if label == last else escape(label), escape(who), *cells)
                    last = label
            console.print(shown)
        if still:
            console.print(
                f"the same at every severity: {escape(', '.join(m.label for m in still))}",
                style="dim",
                highlight=False,
            )


def _dose_rows(readout: object, doses: Sequence[float]) -> dict[tuple[str, ...], list[str]]:
    """What is told of every simulator; those of which the same is told share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for simulator, own in readout.groupby("simulator", sort=False):  # type: ignore[attr-defined]
        of = {row.severity: row for row in own.itertuples()}
        cells = tuple(_dose_cell(of.get(dose)) for dose in doses)
        rows.setdefault(cells, []).append(str(simulator))
    return rows


def _dose_cell(row: object) -> str:
    if row is None:
        return "–"
    value = row.response  # type: ignore[attr-defined]
    # An edge that lay outside what is possible was drawn in: the other is as far away.
    half = max(row.high - value, value - row.low)  # type: ignore[attr-defined]
    text = number(value, 3)
    return text if math.isnan(half) else f"{text}±{number(half, 2)}"


def exit_status(study: LesionStudy, asked: Sequence[str] | None = None) -> int:
    """3 if a run failed or a backend *asked* for ran nothing, else 0."""
    if any(r.run.status in ("failed", "timeout") for r in study.runs):
        return ExitStatus.FAILED
    able = {r.run.backend for r in study.runs if r.run.ok}
    return ExitStatus.DONE if able and able.issuperset(asked or ()) else ExitStatus.FAILED
