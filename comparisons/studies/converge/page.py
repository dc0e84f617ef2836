"""The page of a study of convergence: what every series does in words, and its sections."""

from __future__ import annotations

import shlex

from ...showing.drawing import Drawing
from ...showing.page import EXPERIMENT
from ...showing.provenance import provenance_of, spelled
from ...showing.section import Provenance, Section, Statement, Table, bullets, prose
from .figures import convergence_figure, horizon_figure
from .order import Verdict
from .study import LEAST_LEVELS, ConvergenceStudy, Series
from .tables import LEVELS, ORDERS, TESTS, equivalence_rows, level_rows, order_rows
from .words import MEANING, agreement_lines, beside, distribution_lines, grouped_reasons, sentence

_TONES: dict[Verdict, str] = {
    "exact": "good",
    "converges": "good",
    "undecided": "fair",
    "stalls": "bad",
    "elsewhere": "bad",
}


def statements(study: ConvergenceStudy) -> list[Statement]:
    """What every series converges to, and how fast, in words."""
    return [_statement(s) for s in study.series]


def _statement(s: Series) -> Statement:
    if not s.ok:
        return Statement(s.label, (sentence(s),), s.levels[0].run.status, "bad")
    tone = _TONES[s.verdict]
    said = sentence(s).removeprefix(s.label).lstrip(": ")
    return Statement(s.label, (said, *beside(s)), s.verdict, tone)  # type: ignore[arg-type]


def sections(study: ConvergenceStudy) -> list[Section]:
    """Orders with their picture, all levels, the horizon, notes."""
    flagged = ", ".join(s.label for s in study.flagged)
    alt = "error over dt on logarithmic axes, a line for each simulator"
    drawing = Drawing(
        convergence_figure(study),
        alt + (f"; {flagged} does not go to 0" if flagged else ""),
        "Filled marks: the levels that the order was fitted to. Grey: slopes 1, 2 and 4. A dotted flat line "
        "is the limit of a series that converges to something else.",
    )
    found = [
        Section(
            "Convergence",
            prose(f"Errors are against {study.truth or 'nothing: no run ended well'}.")
            + bullets(grouped_reasons(study.series)),
            {"convergence": drawing},
            {"orders": Table(ORDERS, order_rows(study), "Orders, with 95 % intervals")},
            {"study": study.to_dict()},
        ),
        Section(
            "Every level",
            bullets(f"{s.label}: {s.stopped}" for s in study.series),
            tables={"levels": Table(LEVELS, level_rows(study))},
        ),
    ]
    if study.horizon is not None:
        picture = Drawing(
            horizon_figure(study),
            "until when spikes agree with the truth over dt; growth of a perturbation over time",
        )
        said = [*agreement_lines(study.horizon), *distribution_lines(study.horizon)]
        tests = {"equivalence": Table(TESTS, equivalence_rows(study), "Equivalence tests (TOST)")}
        found.append(Section("Horizon", bullets(said), {"horizon": picture}, tests))
    found.append(Section("What the words mean", bullets(f"{k}: {v}" for k, v in MEANING.items())))
    if study.notes:
        found.append(Section("Notes", bullets(study.notes)))
    return found


def command(study: ConvergenceStudy) -> str:
    """The command that repeats a study from the experiment beside its page."""
    backends = dict.fromkeys(s.backend for s in study.series)
    modes = dict.fromkeys(s.mode for s in study.series)
    words = ["coincide", "converge", EXPERIMENT, "-b", *backends, "--mode", *modes]
    words += spelled(vars(s.settings) for s in study.series)
    words += ["--levels", str(max(LEAST_LEVELS, *(len(s.levels) for s in study.series)))]
    words += ["--budget", f"{study.budget_s:g}"] + (
        [] if study.truth_is_oracle else ["--no-oracle"]
    )
    seeds = () if study.horizon is None else study.horizon.seeds
    words += ["--seeds", str(len(seeds))] if seeds or study.horizon is None else []
    return shlex.join(words)


def provenance(study: ConvergenceStudy) -> Provenance:
    """The command that repeats it, the versions, the machine."""
    runs = [level.run for s in study.series for level in s.levels]
    some = runs[:1] + [run for run in runs[1:] if run.ok][:8]
    return provenance_of(study.experiment, some, command(study))
