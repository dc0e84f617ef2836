"""The page of a selection: the recommendation in words, and its sections."""

from __future__ import annotations

import shlex

from ...measuring.wording import caveat_sentences
from ...running.runs import Run
from ...showing.drawing import Drawing
from ...showing.page import EXPERIMENT
from ...showing.provenance import options_of, provenance_of
from ...showing.section import Provenance, Section, Statement, Table, Tone, bullets
from .figures import precision_figure
from .study import Selection
from .tables import ABILITIES, FORECASTS, POINTS, ability_rows, forecast_rows, point_rows
from .words import details, recommendation


def statements(study: Selection) -> list[Statement]:
    """The recommendation and the forecasts."""
    tones: dict[str, Tone] = {"found": "good", "not reached": "bad", "undecided": "fair"}
    said = (recommendation(study), *caveat_sentences(study.caveats))
    first = Statement(f"within {study.bound}", said, study.verdict, tones[study.verdict])
    if not study.forecasts:
        return [first]
    told = tuple(f.in_words for f in study.forecasts)
    return [first, Statement(f"for {study.forecasts[0].target}", told)]


def sections(study: Selection) -> list[Section]:
    """The picture with what its numbers mean, all points, abilities, forecasts, notes."""
    drawing = Drawing(
        precision_figure(study),
        "error over seconds on logarithmic axes, a line for each backend and method",
        "Lower and further left is better. Each line is one method with steps halved from left to right.",
    )
    tables = {"points": Table(POINTS, point_rows(study), "Every run that was measured")}
    found = [
        Section(
            "Work and precision",
            bullets(details(study)),
            {"precision": drawing},
            tables,
            {"selection": study.to_dict()},
        ),
        Section(
            "What each backend can do", tables={"abilities": Table(ABILITIES, ability_rows(study))}
        ),
    ]
    if study.forecasts:
        rows = {"forecasts": Table(FORECASTS, forecast_rows(study))}
        found.append(Section("Larger or longer", tables=rows))
    if study.notes:
        found.append(Section("Notes", bullets(study.notes)))
    return found


def command(study: Selection) -> str:
    """The command that repeats a selection from the experiment beside its page."""
    backends = dict.fromkeys(a.backend for a in study.abilities)
    modes = dict.fromkeys(a.mode for a in study.abilities)
    methods = {a.method for a in study.abilities}
    error = f"{study.bound}".replace(" ", "")
    words = ["coincide", "select", EXPERIMENT, "-b", *backends, "--mode", *modes]
    # A backend's own choice stands among its methods unless one was asked for.
    words += ["--method", *methods] if len(methods - {""}) == len(methods) == 1 else []
    words += ["--error", error, "--budget", f"{study.budget_s:g}"]
    words += [] if study.truth_is_oracle else ["--no-oracle"]
    return shlex.join([*words, *options_of(_good(study), but=("method",))])


def provenance(study: Selection) -> Provenance:
    """The command that repeats it, the versions, the machine."""
    return provenance_of(study.experiment, _good(study), command(study))


def _good(study: Selection) -> list[Run]:
    """A run of every backend that ended well."""
    return [*{p.backend: p.run for p in study.points if p.run.ok}.values()]
