"""An explanation as a page with its files, as a section of another page, and in a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ....core.storage import read_run
from ...showing.drawing import Drawing
from ...showing.page import notebook_page, write_page
from ...showing.section import Provenance, Section, Statement, Table, bullets, prose
from .explanation import Explanation
from .figures import divergence_figure, explanation_figure
from .words import about, lines, percent, sentences

TEXT = "explanation.txt"
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "share": "share",
        "cause": "cause",
        "what": "what",
        "matched_spikes": "spikes shared",
        "of": "of",
        "confirmed_by": "confirmed by",
    }
)
LADDER: Mapping[str, str] = MappingProxyType(
    {
        "words": "removed so far",
        "matched_spikes": "spikes shared",
        "of": "of",
        "spikes_until_ms": "same spikes until (ms)",
        "disagreement": "disagreement",
    }
)


def statement(explanation: Explanation) -> Statement:
    """What the disagreement is due to, in sentences."""
    e = explanation
    if e.before.settled and e.explained and not e.off:
        return Statement(_pair(e), tuple(sentences(e)), e.verdict)
    tone = "good" if e.explained else "bad"
    return Statement(_pair(e), tuple(sentences(e)), e.verdict, tone)  # type: ignore[arg-type]


def section(explanation: Explanation, title: str, begin: str = "") -> Section:
    """The sentences, causes and ladder with their pictures; *begin* begins the names of the files."""
    e = explanation
    html = prose(*sentences(e))
    figures = {
        f"{begin}explanation": Drawing(
            explanation_figure(e),
            f"share of the disagreement of {_pair(e)} that each cause explains, and what is left rung by "
            "rung",
        )
    }
    if e.divergence is not None:
        html += prose(f"First divergence: {e.divergence.in_words}")
        figures[f"{begin}divergence"] = Drawing(
            divergence_figure(e), f"first divergence of {_pair(e)}: {e.divergence.in_words}"
        )
    html += bullets(e.notes) if e.notes else ""
    tables = {f"{begin}causes": _causes(e), f"{begin}ladder": _ladder(e)}
    return Section(title, html, figures, tables, {f"{begin}explanation": e.to_dict()})


def _causes(e: Explanation) -> Table:
    rows = [
        {
            "share": f.share,
            "cause": f.cause,
            "what": about(f),
            "matched_spikes": f.effect.matched_spikes,
            "of": f.effect.n_spikes,
            "confirmed_by": f.run,
            "name": f.name,
            "side": f.side,
            "effect": f.effect.total,
            "alone_share": f.alone_share,
            "left_in": f.left_in,
        }
        for f in e.causes
    ]
    if e.unexplained:
        rows.append({"cause": "unexplained", "share": e.unexplained})
    more = ("name", "side", "effect", "alone_share", "left_in")
    return Table(
        CAUSES, rows, "Causes, each left in by itself with all others removed", in_file=more
    )


def _ladder(e: Explanation) -> Table:
    rows = [
        {
            "words": rung.words,
            "matched_spikes": rung.disagreement.matched_spikes,
            "of": rung.disagreement.n_spikes,
            "spikes_until_ms": rung.disagreement.spikes_until_ms,
            "disagreement": rung.disagreement.total,
            "run_a": rung.runs[0],
            "run_b": rung.runs[1],
        }
        for rung in e.ladder
    ]
    return Table(LADDER, rows, "What is left as causes are removed", in_file=("run_a", "run_b"))


def _pair(e: Explanation) -> str:
    return f"{e.a.label} and {e.b.label}"


def write_explanation(explanation: Explanation, folder: Path, command: str = "") -> Path:
    """Write the page with its figures, tables and data, and ``explanation.txt``; returns the page.

    *command* is the one that repeats it.
    """
    e = explanation
    shares = f"What makes {_pair(e)} differ: {', '.join(map(_share, e.shares().items()))}"
    page = write_page(
        folder,
        e.model or "Two recordings",
        [statement(e)],
        [section(e, "Causes")],
        Provenance(command, _rows(e)),
        shares if e.shares() else f"{_pair(e)} agree",
    )
    part = folder / f".{TEXT}.part"
    part.write_text("\n".join(lines(e)) + "\n", encoding="utf-8")
    os.replace(part, folder / TEXT)
    return page


def _share(item: tuple[str, float]) -> str:
    return f"{item[0]} {percent(item[1])}"


def _rows(e: Explanation) -> tuple[tuple[str, str], ...]:
    """The versions, the machine, what was run."""
    kept = {t.backend: t.folder for t in e.runs if t.folder is not None and t.status == "ok"}
    found = [read_run(folder) for folder in kept.values()]
    machines = [run["machine"] for run in found if isinstance(run.get("machine"), dict)]
    machine = machines[0] if machines else {}
    rows = (
        ("simulators", ", ".join(dict.fromkeys(str(r.get("version", "")) for r in found))),
        ("Python", str(machine.get("python", ""))),
        ("machine", str(machine.get("platform", ""))),
        ("realizations", ", ".join(dict.fromkeys(t.digest[:16] for t in e.runs))),
        ("runs", f"{len(e.runs)} of at most {e.budget}" if e.runs else ""),
    )
    return tuple((term, text) for term, text in rows if text)


def notebook_html(explanation: Explanation) -> str:
    """The sentences, the causes, the ladder and the figures."""
    e = explanation
    return notebook_page(e.model, [statement(e)], [section(e, "")], _pair(e))
