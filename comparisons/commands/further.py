"""What can follow a comparison: conventions measured, causes, convergence, work and precision.

Each gives sections for the page of the comparison, and its data under a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...core.settings import MODES
from ..studies.compare.study import Comparison
from ..studies.compare.words import run_labels

if TYPE_CHECKING:
    from ..running.runs import Run
    from ..showing.section import Section, Statement
    from ..showing.terminal import Console


@dataclass(frozen=True, eq=False)
class Part:
    """One part: its name in the JSON, its sections, its data."""

    name: str
    sections: Sequence[Section]
    data: Any


def further(
    comparison: Comparison, console: Console, names: Sequence[str], how: Mapping[str, Any]
) -> list[Part]:
    """The parts of some names of `PARTS`, in their order; *how* to run: jobs, timeout_s, fresh.

    What is printed by the command of the same name is printed here. Raises what that command raises.
    """
    return [PARTS[name](comparison, console, how) for name in PARTS if name in names]


def _conventions(comparison: Comparison, console: Console, how: Mapping[str, Any]) -> Part:
    from ..checks.conventions import conventions
    from ..checks.conventions.page import sections
    from ..checks.conventions.terminal import print_sheet
    from ..showing.bars import counting

    with counting(console, "measuring") as bar:
        sheet = conventions(_backends(comparison), ("raw",), listener=bar, **how)
    print_sheet(console, sheet)
    return Part("conventions", sections(sheet), sheet.to_dict())


def _explain(comparison: Comparison, console: Console, how: Mapping[str, Any]) -> Part:
    from ..showing.bars import running
    from ..studies.explain import explain
    from ..studies.explain.page import section
    from ..studies.explain.terminal import print_explanation

    sections, data = [], {}
    for run, held in differing(comparison):
        settings = dict(run.recording.provenance.get("settings") or {})
        with running(console, comparison.experiment) as bars:
            found = explain(
                comparison.experiment,
                [run.backend, held.backend],
                run.mode,
                method=None if run.mode != "lockstep" else settings.get("method"),
                device=str(settings.get("device") or "cpu"),
                precision=settings.get("precision"),
                target=settings.get("target"),
                **how,
                tolerance_ms=comparison.pair(run.id, held.id).tolerance_ms,
                listener=bars,
            )
        print_explanation(console, found)
        title = f"Why {run.backend} differs from the {held.backend}: {run.mode}"
        sections.append(section(found, title, f"{run.backend}-{run.mode}-"))
        data[f"{run.backend}-{run.mode}"] = found.to_dict()
    return Part("explanations", sections, data)


def differing(comparison: Comparison) -> list[tuple[Run, Run]]:
    """Every backend with what it is held against, in the first mode in which more than round-off is left."""
    from ..studies.compare.words import reference_of

    found: dict[str, tuple[Run, Run]] = {}
    labels = run_labels(comparison.runs)
    for mode in MODES:
        good = [run for run in comparison.runs if run.mode == mode and run.ok]
        held = reference_of(good)
        for run in good:
            if held is None or run is held or run.backend == held.backend:
                continue
            settled = comparison.pair(run.id, held.id).verdict in ("identical", "round-off")
            # Its integrator is what makes a reference differ from an oracle.
            if not settled and run.backend not in ("reference", "oracle"):
                found.setdefault(labels[run.id], (run, held))
    return list(found.values())


def _converge(comparison: Comparison, console: Console, how: Mapping[str, Any]) -> Part:
    from ..showing.bars import running
    from ..studies.converge import converge
    from ..studies.converge.page import sections, statements
    from ..studies.converge.terminal import print_study

    with running(console, comparison.experiment, "seeds from") as bars:
        study = converge(comparison.experiment, _grid(comparison), listener=bars, **how)
    print_study(console, study)
    return Part("convergence", joined(statements(study), sections(study)), study.to_dict())


def _select(comparison: Comparison, console: Console, how: Mapping[str, Any]) -> Part:
    from ..showing.bars import running
    from ..studies.select import select
    from ..studies.select.page import sections, statements
    from ..studies.select.terminal import print_selection

    with running(console, comparison.experiment, "seeds from") as bars:
        study = select(
            comparison.experiment, _grid(comparison), timeout_s=how["timeout_s"], listener=bars
        )
    print_selection(console, study)
    return Part("selection", joined(statements(study), sections(study)), study.to_dict())


PARTS: Mapping[str, Callable[[Comparison, Console, Mapping[str, Any]], Part]] = {
    "conventions": _conventions,
    "explain": _explain,
    "converge": _converge,
    "select": _select,
}
"""The parts by the names of their commands, in the order of the page."""


def joined(statements: Sequence[Statement], sections: Sequence[Section]) -> list[Section]:
    """Sections of another page within one: its statements in the first, whose title begins the others'."""
    from ..showing.section import bullets

    first = sections[0]
    said = bullets(f"{s.title}: {' '.join(s.sentences)}" for s in statements)
    rest = [replace(s, title=f"{first.title}: {s.title[0].lower()}{s.title[1:]}") for s in sections]
    return [replace(first, html=said + first.body), *rest[1:]]


def _backends(comparison: Comparison) -> list[str]:
    """The backends that ran, in order."""
    return list(dict.fromkeys(run.backend for run in comparison.runs if run.ok))


def _grid(comparison: Comparison) -> list[str]:
    """Those that step on a grid: the oracle has no step to halve."""
    return [name for name in _backends(comparison) if name != "oracle"]
