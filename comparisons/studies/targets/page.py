"""The page of ``coincide targets --out``: claims, figures, tables, all numbers as files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ....core.caveats import Caveat
from ...measuring.wording import caveat_sentences, titled
from ...showing.drawing import Drawing
from ...showing.provenance import provenance_of
from ...showing.section import Provenance, Section, Statement, Table, Tone, bullets, prose
from .beside import UNITS, Holds, Judged, TargetStudy, whose
from .figures import beside_figure, claims_figure
from .words import MARK, MARKS, in_words, rhythm_keys, shown

_TONES: Mapping[Holds, Tone] = {"holds": "good", "fails": "bad", "undecided": "fair"}
_WORST: tuple[Holds, ...] = ("fails", "undecided", "holds")


def heading(study: TargetStudy) -> tuple[str, str]:
    """The model, and what it is put beside."""
    return titled(study.experiment), "beside what was published"


def provenance(study: TargetStudy) -> Provenance:
    """The command that repeats it as far as the study knows it, the versions, the machine."""
    example = {run.backend: run for run in study.runs if run.ok}
    return provenance_of(study.experiment, [*example.values()], command(study))


def command(study: TargetStudy, assignments: Sequence[str] = ()) -> str:
    """The command that repeats a study; *assignments* are what a command line had set."""
    e = study.experiment
    words = ["coincide", "targets", e.name]
    words += ["-b", *dict.fromkeys(run.backend for run in study.runs), "--mode", study.mode]
    for state in study.states:
        words += ["--state", state]
    words += ["--seeds", str(len(study.seeds)), "--seed", str(study.seeds[0])]
    words += ["--from", f"{study.start_ms:g} ms", "--duration", str(e.duration), "--dt", str(e.dt)]
    for assignment in assignments:
        words += ["--set", assignment]
    return shlex.join(words)


def statements(study: TargetStudy) -> list[Statement]:
    """Whether every claim holds, the worst word of all simulators first."""
    found = []
    for name in dict.fromkeys(judged.claim.name for judged in study.claims):
        every = [judged for judged in study.claims if judged.claim.name == name]
        word = min((judged.holds for judged in every), key=_WORST.index)
        found.append(Statement(name, tuple(map(_said, every)), word, _TONES[word]))
    if not found:
        said = ("No claim could be judged.", *caveat_sentences(study.caveats))
        return [Statement("Claims", said, "none", "bad")]
    return found


def _said(judged: Judged) -> str:
    return f"{judged.simulator}: {in_words(judged)}."


def sections(study: TargetStudy) -> list[Section]:
    """Every state with its figure, the claims, equivalence, all numbers, what failed.

    ``values.csv`` has every quantity, ``targets.csv`` the published numbers with every simulator's,
    ``claims.csv`` the claims, ``study.json`` all of it.
    """
    found = [_state_section(study, state) for state in study.states]
    drawing = Drawing(
        claims_figure(study),
        "the ratio of every claim with its interval on every simulator",
        "Bars: the bound of the claim. An arrow: the interval goes on.",
    )
    sources = [f"{c.name}: {c.source}" for c in study.targets.claims if c.state in study.states]
    found.append(
        Section("Claims", bullets(sources), {"claims": drawing}, {"claims": _claims(study)})
    )
    if study.simulators:
        first = (
            "Rates of every simulator against the first, with the margin stated beforehand: the spread "
            f"of {study.simulators[0]} over seeds."
        )
        found.append(Section("Do the simulators agree?", prose(first, study.agreement)))
    numbers = {"values": _values(study), "targets": _targets(study)}
    found.append(Section("All numbers", tables=numbers, data={"study": study.to_dict()}))
    said = caveat_sentences(study.caveats)
    return [*found, *([Section("What was not seen", bullets(said))] if said else [])]


def _state_section(study: TargetStudy, state: str) -> Section:
    drawing = Drawing(
        beside_figure(study, state),
        f"{state}: rates and irregularity of every group beside the published numbers",
        "Filled: normal. Open, on grey: depleted. An upright bar is what was measured, a star what the "
        "authors of the model aimed at. An arrow: the interval goes on.",
    )
    told = [t for t in study.targets.targets if t.state == state]
    outside = sum(t.state == state for t, _ in study.outside())
    text = (
        f"{outside} of {len(told) * len(study.simulators)} intervals do not hold the published number. "
        f"Means over {len(study.seeds)} seeds with 95 % intervals, from {study.start_ms:g} ms on."
    )
    tables = {
        f"beside-{state}": Table(
            _columns("published", study),
            list(_beside_rows(study, state)),
            f"Beside what was published: {MARKS}",
        ),
        f"rhythm-{state}": Table(
            _columns("", study),
            list(_rhythm_rows(study, state)),
            "Variability and rhythm: nothing was published for these conditions here",
        ),
    }
    return Section(
        state.replace("_", " ").capitalize(), prose(text), {f"beside-{state}": drawing}, tables
    )


def _columns(published: str, study: TargetStudy) -> dict[str, str]:
    columns = {"row": "group", "quantity": "quantity"}
    if published:
        columns |= {"published": published, "whose": "whose"}
    return columns | {name: name for name in study.simulators}


def _beside_rows(study: TargetStudy, state: str) -> Iterator[dict[str, Any]]:
    for t in study.targets.targets:
        if t.state != state:
            continue
        row = {
            "row": f"{t.group} {t.variant}",
            "quantity": named(t.quantity),
            "published": t.value,
            "whose": whose(t.source),
        }
        for name in study.simulators:
            value = study.value(state, t.variant, t.group, t.quantity, name)
            if value is not None:
                row[name] = f"{shown(value)} {MARK[value.standing(t.value)]}"
        yield row


def _rhythm_rows(study: TargetStudy, state: str) -> Iterator[dict[str, Any]]:
    for variant, group, quantity in rhythm_keys(study, state):
        row = {"row": f"{group} {variant}", "quantity": named(quantity)}
        for name in study.simulators:
            value = study.value(state, variant, group, quantity, name)
            if value is not None:
                row[name] = shown(value)
        yield row


def named(quantity: str) -> str:
    """A quantity with its unit, as a table names it."""
    unit = UNITS[quantity]
    return quantity.replace("_", " ") + (f" ({unit})" if unit else "")


def _values(study: TargetStudy) -> Table:
    rows = [asdict(v) | {"unit": UNITS[v.quantity]} for v in study.values]
    for row in rows:
        row["by_seed"] = " ".join(f"{x:.6g}" for x in row["by_seed"])
        row["caveats"] = " ".join(caveat_sentences(Caveat(**c) for c in row["caveats"]))
    return Table.file(list(rows[0]) if rows else [], rows)


def _targets(study: TargetStudy) -> Table:
    rows = []
    for t in study.targets.targets:
        if t.state not in study.states:
            continue
        row = asdict(t)
        for name in study.simulators:
            value = study.value(t.state, t.variant, t.group, t.quantity, name)
            if value is not None:
                row |= {
                    name: value.mean,
                    f"{name} low": value.low,
                    f"{name} high": value.high,
                    f"{name} standing": value.standing(t.value),
                }
        rows.append(row)
    return Table.file(list(dict.fromkeys(key for row in rows for key in row)), rows)


def _claims(study: TargetStudy) -> Table:
    fields = ("claim", "simulator", "ratio", "low", "high", "bound", "holds")
    return Table.file(
        fields,
        [
            {
                "claim": c.claim.name,
                "simulator": c.simulator,
                "ratio": c.ratio,
                "low": c.low,
                "high": c.high,
                "bound": c.claim.bound,
                "holds": c.holds,
            }
            for c in study.claims
        ],
    )
