"""A `Sheet`: what probes found of every backend, beside what the clock contract asks for."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from ....core.errors import unknown
from ...showing.result import Result
from .probe import Probe, same

Status = Literal["measured", "refused", "failed"]
Agreement = Literal["same", "other", "continuous", "open", "none"]

MARKS: Mapping[str, str] = MappingProxyType(
    {"same": "=", "other": "≠", "continuous": "∿", "open": "·", "none": "∅"}
)
"""One sign for every agreement, so that colour is never alone."""
MEANING: Mapping[str, str] = MappingProxyType(
    {
        "same": "as the clock contract",
        "other": "not as the clock contract",
        "continuous": "another number because there is no grid",
        "open": "the clock contract leaves it open",
        "none": "no answer: the run was refused or failed",
    }
)


@dataclass(frozen=True)
class Cell:
    """What one probe found of one backend in one mode, measured in the run ``run``.

    ``number`` is in the unit of the probe, None for what never happens and for a run that gave none;
    ``reason`` says why a run was refused or failed.
    """

    probe: str
    status: Status
    number: float | None
    text: str
    agreement: Agreement
    reason: str = ""
    run: str = ""


@dataclass(frozen=True)
class Column:
    """One backend in one mode with the version that was measured."""

    backend: str
    mode: str
    version: str
    cells: tuple[Cell, ...]

    @property
    def label(self) -> str:
        """The backend and its mode."""
        return f"{self.backend} {self.mode}"

    def cell(self, probe: str) -> Cell:
        """The cell of a probe; InputError for one that is not in the sheet."""
        for cell in self.cells:
            if cell.probe == probe:
                return cell
        raise unknown("probe", "probe", probe, [cell.probe for cell in self.cells])

    @property
    def others(self) -> tuple[str, ...]:
        """The probes that found something else than the contract asks for."""
        return tuple(cell.probe for cell in self.cells if cell.agreement == "other")


_MOST = 4
"""More columns than these are folded."""
Standing = Literal["shown", "hidden", "not shown", "not probed", "undeclared"]


@dataclass(frozen=True)
class Declaration:
    """Whether what a backend declares as its convention is what was measured, in raw mode.

    ``hidden`` is a convention that other conventions cover up, and that shows where it alone is left;
    ``undeclared`` are rows that differ from the contract although no convention says so.
    """

    backend: str
    convention: str
    standing: Standing
    probes: tuple[str, ...] = ()
    does: str = ""

    @property
    def text(self) -> str:
        """The finding as a sentence."""
        rows = ", ".join(self.probes)
        return {
            "shown": f"{self.backend} declares {self.convention}, and shows it: {rows}",
            "hidden": f"{self.backend} declares {self.convention}, which its other conventions cover up; "
            f"left alone it shows: {rows}",
            "not shown": f"{self.backend} declares {self.convention} ({self.does}), but no probe shows it",
            "not probed": f"{self.backend} declares {self.convention} ({self.does}); no probe asks for it",
            "undeclared": f"{self.backend} differs from the contract in {rows}, and declares nothing of it",
        }[self.standing]


@dataclass(frozen=True)
class Change:
    """A cell that has become another since an earlier version of a simulator was measured."""

    backend: str
    mode: str
    probe: str
    before: str
    after: str
    was: str
    now: str

    @property
    def text(self) -> str:
        """The change as a sentence."""
        return f"since {self.before}: {self.backend} {self.mode} {self.probe} was {self.was}, is {self.now}"


@dataclass(frozen=True, repr=False)
class Sheet(Result):
    """The conventions of backends as measured: rows of probes, columns of backends in their modes."""

    kind: ClassVar[str] = "coincide-conventions/1"
    experiment: None = field(default=None, init=False)
    probes: tuple[Probe, ...]
    columns: tuple[Column, ...]
    declarations: tuple[Declaration, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def column(self, backend: str, mode: str = "raw") -> Column:
        """The column of a backend in a mode; InputError if it is not in the sheet."""
        for column in self.columns:
            if (column.backend, column.mode) == (backend, mode):
                return column
        raise unknown("column", "column", f"{backend} {mode}", [c.label for c in self.columns])

    def probe(self, name: str) -> Probe:
        """A probe by name; InputError with the nearest name if there is none."""
        for probe in self.probes:
            if probe.name == name:
                return probe
        raise unknown("probe", "probe", name, [p.name for p in self.probes])

    def causes(self, backend: str, mode: str = "raw") -> dict[str, tuple[str, ...]]:
        """The classes of causes for which a backend is not as the contract, with the probes that say so."""
        found: dict[str, list[str]] = {}
        for name in self.column(backend, mode).others:
            found.setdefault(self.probe(name).cause, []).append(name)
        return {cause: tuple(names) for cause, names in found.items()}

    def shown(self, backend: str) -> tuple[str, ...]:
        """The conventions that a backend declares and shows in raw mode."""
        return tuple(
            d.convention
            for d in self.declarations
            if d.backend == backend and d.standing == "shown"
        )

    @property
    def folded(self) -> tuple[tuple[Column, ...], tuple[str, ...]]:
        """The columns to show, and lines on the others: of many columns those without anything to see.

        That are those that are as the contract throughout, or as another mode of their backend.
        """
        if len(self.columns) <= _MOST:
            return self.columns, ()
        shown: list[Column] = []
        lines = []
        for column in self.columns:
            agreements = [cell.agreement for cell in column.cells]
            texts = [cell.text for cell in column.cells]
            twins = [
                c.label
                for c in shown
                if c.backend == column.backend and [cell.text for cell in c.cells] == texts
            ]
            if not {"other", "continuous"} & set(agreements):
                rows = f"all {agreements.count('same')} rows that it fixes"
                lines.append(f"= {column.label}: as the clock contract in {rows}")
            elif twins:
                lines.append(f"{column.label}: as {twins[0]}")
            else:
                shown.append(column)
        return tuple(shown), tuple(lines)

    @property
    def reasons(self) -> dict[str, tuple[str, ...]]:
        """Why runs were refused or failed: each reason once, with the columns and probes it is about."""
        found: dict[str, dict[str, list[str]]] = {}
        for column in self.columns:
            for cell in column.cells:
                if cell.reason:
                    about = found.setdefault(cell.reason, {})
                    about.setdefault(self.probe(cell.probe).label, []).append(column.label)
        return {
            reason: tuple(f"{label} ({', '.join(labels)})" for label, labels in about.items())
            for reason, about in found.items()
        }

    def plain(self) -> dict[str, Any]:
        """The columns, the rows with their cells, what backends declare, what has changed."""
        rows = []
        for probe in self.probes:
            row: dict[str, Any] = {
                "probe": probe.name,
                "section": probe.section,
                "label": probe.label,
                "question": probe.question,
                "cause": probe.cause,
                "conventions": list(probe.informs),
                "unit": probe.unit,
                "contract": {"number": probe.contract, "text": probe.expected},
                "cells": {},
            }
            for column in self.columns:
                cell = asdict(column.cell(probe.name))
                row["cells"][column.label] = {k: v for k, v in cell.items() if k != "probe"}
            rows.append(row)
        return {
            "columns": [
                {"label": c.label, "backend": c.backend, "mode": c.mode, "version": c.version}
                for c in self.columns
            ],
            "rows": rows,
            "declarations": [{**asdict(d), "text": d.text} for d in self.declarations],
            "changes": [{**asdict(c), "text": c.text} for c in self.changes],
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """The rows as CSV: what the probe is, the contract, then a text and a number a column."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        heads = [f"{c.label}{end}" for c in self.columns for end in ("", " number", " agreement")]
        writer.writerow(["probe", "section", "label", "question", "unit", "contract", *heads])
        for probe in self.probes:
            cells = [column.cell(probe.name) for column in self.columns]
            values = [v for cell in cells for v in (cell.text, cell.number, cell.agreement)]
            about = [probe.name, probe.section, probe.label, probe.question, probe.unit]
            writer.writerow([*about, probe.expected, *values])
        return buffer.getvalue()


def cell_of(probe: Probe, number: float, on_grid: bool, run: str = "") -> Cell:
    """The cell of a number that was read from a recording."""
    kept = None if math.isnan(number) else number
    text = probe.text(number)
    if probe.refusal:
        return Cell(probe.name, "measured", kept, text, "other", run=run)
    if probe.contract is None:
        return Cell(probe.name, "measured", kept, text, "open", run=run)
    agreement: Agreement = "same" if same(number, probe.contract) else "other"
    if agreement == "other" and probe.grid and not on_grid:
        agreement = "continuous"
    return Cell(probe.name, "measured", kept, text, agreement, run=run)


def cell_without(probe: Probe, status: Status, reason: str, run: str = "") -> Cell:
    """The cell of a run that gave no recording."""
    if probe.refusal and re.search(probe.refusal, reason):
        return Cell(probe.name, "refused", None, "refused", "same", reason, run)
    if probe.stopped:
        return Cell(probe.name, status, None, probe.stopped, "open", reason, run)
    return Cell(probe.name, status, None, status, "other" if probe.refusal else "none", reason, run)


def declarations_of(
    backend: str,
    conventions: Mapping[str, str],
    column: Column,
    probes: Sequence[Probe],
    alone: Mapping[str, Iterable[str]],
    own: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> tuple[Declaration, ...]:
    """What is declared against what was measured.

    ``conventions`` says what each does; ``alone`` which probes differ where one convention alone is left.
    ``own``: the same for those of names that no probe knows, which are about these probes.
    """
    informed = {
        p.name: {*p.informs, *(name for name, rows in own.items() if p.name in rows)}
        for p in probes
    }
    found = []
    for name, does in conventions.items():
        rows = tuple(p for p in column.others if name in informed[p])
        hidden = tuple(p for p in alone.get(name, ()) if name in informed[p])
        standing: Standing = "not shown"
        if name not in own and not any(name in names for names in informed.values()):
            standing = "not probed"
        elif rows:
            standing = "shown"
        elif hidden:
            standing = "hidden"
        found.append(Declaration(backend, name, standing, rows or hidden, does))
    undeclared = tuple(p for p in column.others if not conventions.keys() & informed[p])
    if undeclared:
        found.append(Declaration(backend, "", "undeclared", undeclared))
    return tuple(found)
