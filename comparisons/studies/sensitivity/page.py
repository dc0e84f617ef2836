"""A study of sensitivity as a page: what matters more than the choice of simulator."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ...measuring.wording import caveat_sentences
from ...showing.drawing import Drawing
from ...showing.layout import NARROW_IN
from ...showing.page import EXPERIMENT
from ...showing.provenance import options_of, provenance_of
from ...showing.section import Provenance, Section, Statement, Table, Tone, bullets, prose
from .figures import MOST, tornado
from .study import MEANING, Sensitivity, Verdict
from .words import about

_TONES: Mapping[Verdict, Tone] = {
    "more": "good",
    "less": "fair",
    "depends": "fair",
    "undecided": "fair",
}
_COLUMNS = {
    "parameter": "parameter",
    "simulator": "simulator",
    "down_percent": "change, smaller (%)",
    "up_percent": "change, larger (%)",
    "elasticity": "elasticity",
    "verdict": "than the choice of simulator",
}


def statements(study: Sensitivity) -> list[Statement]:
    """Of every read-out, which parameters matter more."""
    said = []
    for m in study.measures:
        verdicts = [i.verdict for i in study.of(m)]
        word: Verdict = "more" if "more" in verdicts else verdicts[0]
        counted = f"{verdicts.count('more')} of {len(verdicts)} more"
        tone = _TONES.get(word, "")
        text = about(study, m).removeprefix(m.label).lstrip(": ")
        said.append(Statement(m.label, (text,), counted if word == "more" else word, tone))
    return said or [Statement("Read-outs", tuple(study.sentences()), "none", "bad")]


def sections(study: Sensitivity) -> list[Section]:
    """A tornado and a table for every read-out; what the words mean; what was not seen."""
    found = []
    rows = study.rows()
    for m in study.measures:
        name = m.label.replace(" ", "-")
        alt = f"{m.label}: relative change by each parameter on each simulator, largest on top"
        caption = (
            f"Each parameter {study.percent:g} % smaller (open) and larger (filled). Grey: how far the "
            "simulators are apart on the model as it is."
        )
        own = [
            {**row, "down_percent": 100 * row["smaller"], "up_percent": 100 * row["larger"]}
            for row in rows
            if row["read-out"] == m.label
        ]
        table = Table(_COLUMNS, own, in_file=("value", "unit", "disagreement"), shown=len(own) < 80)
        more = len(study.of(m)) - MOST
        text = f"The {MOST} largest of {len(study.of(m))}; the table has all." if more > 0 else ""
        narrow = Drawing(tornado(study, m, NARROW_IN), alt)
        figures = {f"tornado-{name}": Drawing(tornado(study, m), alt, caption, narrow=narrow)}
        found.append(Section(m.with_unit, prose(text), figures, {f"sensitivity-{name}": table}))
    words = (f"{word}: {meaning}" for word, meaning in MEANING.items())
    found.append(Section("What the words mean", bullets(words), data={"study": study.to_dict()}))
    if said := [*caveat_sentences(study.caveats), *study.notes]:
        found.append(Section("Notes", bullets(said)))
    return found


def provenance(study: Sensitivity) -> Provenance:
    """The command that repeats it, and what it ran with."""
    backends = dict.fromkeys(run.backend for run in study.runs)
    words = ["coincide", "sensitivity", EXPERIMENT, "-b", *backends, "--mode", study.mode]
    for path in study.parameters:
        words += ["--parameter", path]
    words += ["--percent", f"{study.percent:g}", "--seeds", str(len(study.seeds))]
    words += ["--from", f"{study.start_ms:g} ms"]
    good = [*{run.backend: run for run in study.runs if run.ok}.values()]
    command = shlex.join([*words, *options_of(good)])
    return provenance_of(study.experiment, good, command)
