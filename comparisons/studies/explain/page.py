"""The page of an explanation, and its section on the page of a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType

from ....core.storage import read_run
from ...showing.drawing import Drawing
from ...showing.page import EXPERIMENT
from ...showing.provenance import spelled
from ...showing.section import Provenance, Section, Statement, Table, Tone, bullets, prose
from .explanation import Explanation
from .figures import divergence_figure, explanation_figure
from .words import about, percent, summary

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


def statements(explanation: Explanation) -> list[Statement]:
    """What the disagreement is due to, in sentences."""
    e = explanation
    quiet = e.before.settled and e.explained and not e.off
    tone: Tone = "" if quiet else "good" if e.explained else "bad"
    return [Statement(_pair(e), tuple(summary(e)), e.verdict, tone)]


def sections(explanation: Explanation) -> list[Section]:
    """The sentences, causes and ladder with their pictures."""
    return [section(explanation, "Causes")]


def section(explanation: Explanation, title: str, begin: str = "") -> Section:
    """The sentences, causes and ladder with their pictures; *begin* begins the names of the files."""
    e = explanation
    html = prose(*summary(e))
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


def heading(explanation: Explanation) -> tuple[str, str]:
    """The model, and what the two differ by."""
    e = explanation
    shares = ", ".join(f"{cause} {percent(share)}" for cause, share in e.shares().items())
    said = f"What makes {_pair(e)} differ: {shares}" if shares else f"{_pair(e)} agree"
    return e.model or "Two recordings", said


def provenance(explanation: Explanation) -> Provenance:
    """The command that repeats it, where its runs can be asked for by one, and what was run."""
    return Provenance(command(explanation), _rows(explanation), explanation.experiment)


def command(explanation: Explanation) -> str:
    """The command that repeats it from the experiment beside its page; empty for what no command asks for."""
    e = explanation
    # One backend alone is held against the contract, which has another label.
    asked = [side for side in (e.a, e.b) if side.label == side.backend]
    if e.experiment is None or not asked or any(s.settings.undone is not None for s in asked):
        return ""
    settings = asked[0].settings
    words = ["coincide", "explain", EXPERIMENT, "-b", *(side.backend for side in asked)]
    words += ["--mode", settings.mode, "--budget", str(e.budget)]
    words += spelled(vars(side.settings) for side in asked)
    if e.tolerance_ms is not None:
        words += ["--tolerance", f"{e.tolerance_ms:g} ms"]
    return shlex.join(words)


def files(explanation: Explanation) -> dict[str, str]:
    """The whole as a text."""
    return {TEXT: f"{explanation}\n"}


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
