"""The page of a study of lesions: what holds in words, its sections, and those of a notebook."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pandas

from ...showing.drawing import Drawing
from ...showing.page import EXPERIMENT
from ...showing.provenance import options_of, provenance_of
from ...showing.section import Provenance, Section, Statement, Table, bullets
from .arms import Arm
from .figures import raster_figure, voltage_figure
from .forest import dose_figure, effects_figure
from .study import LesionStudy
from .words import in_words, legend, marked, short

_LESIONS_A_FIGURE = 3
_EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        "readout": "read-out",
        "lesion": "lesion",
        "healthy": "healthy",
        "lesioned": "lesioned",
        "effect": "effect",
        "disagreement": "disagree",
        "ratio": "ratio",
        "verdict": "verdict",
        "in_words": "in words",
    }
)


def statements(study: LesionStudy) -> list[Statement]:
    """What holds of every lesion on every simulator, in one sentence each."""
    found = []
    for mode in study.modes:
        for name in study.lesions:
            title = f"{name}, {mode}" if len(study.modes) > 1 else name
            said = study.sentence(mode, name).removeprefix(f"{title}: ")
            capped = any(caveat.limits for caveat in study.caveats(mode, name))
            word = "undecided" if capped else ""
            found.append(Statement(title, (said[0].upper() + said[1:],), word))
    return found


def sections(study: LesionStudy) -> list[Section]:
    """Effects in every mode, membrane potentials, spikes, the dose response, all read-outs, notes.

    ``readouts.csv`` has every read-out of every run, ``effects.csv`` every effect, ``dose_response.csv`` the
    sweep if there was one, ``study.json`` all of it, ``lesion-1.json`` and so on the lesions; the names of
    figures end in the mode where there are several, and in a number where lesions need several.
    """
    found = []
    for k, mode in enumerate(study.modes):
        of = f": {mode}" if len(study.modes) > 1 else ""
        found += [
            _effects_section(study, mode, of),
            Section(f"Membrane potential{of}", figures=dict(_pictures(study, mode, "voltage"))),
            Section(f"Spikes{of}", figures=dict(_pictures(study, mode, "rasters"))),
        ]
        if len(study.severities) > 1:
            figures = dict(_dose_pictures(study, mode))
            found.append(Section(f"Dose response{of}", figures=figures, tables=_doses(study, k)))
    files = {"readouts": _frame(study.table), "effects": _frame(study.effects_table)}
    lesions = {
        f"lesion-{k + 1}": json.loads(arm.lesion.to_json())
        for k, arm in enumerate(_arms_in_full(study))
        if arm.lesion is not None
    }
    found.append(Section("All numbers", tables=files, data={"study": study.to_dict(), **lesions}))
    return [*found, *([Section("Notes", bullets(study.notes))] if study.notes else [])]


def _arms_in_full(study: LesionStudy) -> list[Arm]:
    """One arm for every lesion, at its largest severity."""
    return [next(a for a in reversed(study.arms) if a.name == name) for name in study.lesions]


def _effects_section(study: LesionStudy, mode: str, of: str) -> Section:
    effects = [e for name in study.lesions for e in study.at(mode, name)]
    rows = [
        {
            "readout": marked(e),
            "lesion": e.arm,
            "healthy": e.healthy,
            "lesioned": e.lesioned,
            "effect": e.effect,
            "disagreement": e.disagreement,
            "ratio": e.ratio,
            "verdict": short(e),
            "in_words": in_words(e),
        }
        for e in effects
    ]
    columns = {k: v for k, v in _EFFECTS.items() if k != "lesion" or len(study.lesions) > 1}
    suffix = f"-{mode}" if of else ""
    return Section(
        f"Effects{of}",
        bullets(f"{word}: {said}" for word, said in legend(effects)),
        dict(_pictures(study, mode, "effects")),
        {f"verdicts{suffix}": Table(columns, rows)},
    )


_SHOWS = {
    "voltage": (
        voltage_figure,
        "membrane potential of one cell, healthy and lesioned side by side",
    ),
    "rasters": (raster_figure, "spikes of all populations, healthy and lesioned side by side"),
    "effects": (effects_figure, "forest plot of the effect on every read-out with its interval"),
}


def _pictures(study: LesionStudy, mode: str, kind: str) -> Iterator[tuple[str, Drawing]]:
    """The figures of one kind by name, a few lesions in each."""
    draw, shows = _SHOWS[kind]
    chunks = [
        study.lesions[k : k + _LESIONS_A_FIGURE]
        for k in range(0, len(study.lesions), _LESIONS_A_FIGURE)
    ]
    suffix = f"-{mode}" if len(study.modes) > 1 else ""
    for k, names in enumerate(chunks):
        number = f"-{k + 1}" if len(chunks) > 1 else ""
        alt = f"{shows}; {', '.join(names)}; {_simulators(study, mode)}"
        yield f"{kind}{suffix}{number}", Drawing(draw(study, mode, None, names), alt)


def _dose_pictures(study: LesionStudy, mode: str) -> Iterator[tuple[str, Drawing]]:
    suffix = f"-{mode}" if len(study.modes) > 1 else ""
    for k, name in enumerate(study.lesions):
        number = f"-{k + 1}" if len(study.lesions) > 1 else ""
        alt = f"read-outs over the severity of {name}; {_simulators(study, mode)}"
        yield f"dose_response{suffix}{number}", Drawing(dose_figure(study, mode, name), alt)


def _simulators(study: LesionStudy, mode: str) -> str:
    return f"a row or line for each of {', '.join(study.simulators(mode)) or 'no simulator'}"


def _doses(study: LesionStudy, place: int) -> dict[str, Table]:
    return {"dose_response": _frame(study.dose_response)} if place == 0 else {}


def _frame(frame: pandas.DataFrame) -> Table:
    """A table that is a file only."""
    return Table.file(frame.columns, frame.to_dict("records"))


def provenance(study: LesionStudy) -> Provenance:
    """The command that repeats it, the versions, the machine."""
    runs = list({(r.run.backend, r.run.mode): r.run for r in reversed(study.runs)}.values())
    names = [f"lesion-{k + 1}.json" for k in range(len(study.lesions))]
    backends = list(dict.fromkeys(r.run.backend for r in study.runs))
    parts = ["coincide", "lesion", EXPERIMENT, *names, "-b"]
    parts += [b for b in backends if b != "reference"] or ["reference"]
    parts += ["--mode", *study.modes, "--seeds", str(len(study.seeds))]
    if "reference" not in backends:
        parts.append("--no-reference")
    if study.severities != (1.0,):
        parts += ["--severity", ",".join(f"{s:g}" for s in study.severities)]
    parts += ["--from", f"{study.start_ms:g} ms"]
    parts += options_of(runs)
    return provenance_of(study.experiment, runs, shlex.join(parts))


def notebook(study: LesionStudy) -> list[Section]:
    """The verdict of every read-out, and the forest plot of the first mode."""
    rows = [
        Section(name if len(study.modes) == 1 else f"{name}, {mode}", _listed(study, mode, name))
        for mode in study.modes
        for name in study.lesions
    ]
    forest = Drawing(study.plot_effects(), "effects as a forest plot")
    last = Section("", bullets(study.notes) if study.notes else "", {"effects": forest})
    return [*rows, last]


def _listed(study: LesionStudy, mode: str, name: str) -> str:
    return bullets(f"{e.measure.with_unit}: {in_words(e)}" for e in study.at(mode, name))
