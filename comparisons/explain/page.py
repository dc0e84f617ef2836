"""An explanation as a section of a page."""

from __future__ import annotations

from collections.abc import Mapping

from ..report import Drawing, Section, Table, bullets, prose
from .explanation import Explanation
from .figures import divergence_figure, explanation_figure
from .words import about, percent, sentences

CAUSES: Mapping[str, str] = {
    "share": "share", "cause": "cause", "what": "what", "spikes": "spikes identical when left in alone",
    "of": "of", "confirmed_by": "confirmed by",
}  # fmt: skip
LADDER: Mapping[str, str] = {
    "words": "removed so far", "spikes": "spikes identical", "of": "of",
    "spikes_until_ms": "same spikes until (ms)", "disagreement": "disagreement",
}  # fmt: skip


def section(explanation: Explanation, name: str = "explanation", title: str = "") -> Section:
    """Sentences, causes and ladder with their pictures; *name* begins the names of its files."""
    e = explanation
    pair = f"{e.a.label} and {e.b.label}"
    html = prose(*sentences(e))
    figures = {
        name: Drawing(
            explanation_figure(e),
            f"share of the disagreement of {pair} that each cause explains, and what is left rung by rung",
        )
    }
    if e.divergence is not None:
        html += prose(f"First divergence: {e.divergence.in_words}")
        figures[f"{name}-divergence"] = Drawing(
            divergence_figure(e), f"first divergence of {pair}: {e.divergence.in_words}"
        )
    html += bullets(e.notes) if e.notes else ""
    causes = [
        {
            "share": percent(f.share), "cause": f.cause, "what": about(f),
            "spikes": f.effect.identical_spikes, "of": f.effect.n_spikes, "confirmed_by": f.run,
        }
        for f in e.causes
    ]  # fmt: skip
    ladder = [
        {
            "words": rung.words, "spikes": rung.disagreement.identical_spikes,
            "of": rung.disagreement.n_spikes, "spikes_until_ms": rung.disagreement.spikes_until_ms,
            "disagreement": rung.disagreement.total,
        }
        for rung in e.ladder
    ]  # fmt: skip
    return Section(
        title or f"Why {pair} disagree",
        html,
        figures,
        {
            f"{name}-causes": Table(CAUSES, causes, "Causes, each confirmed by a run without it"),
            f"{name}-ladder": Table(LADDER, ladder, "What is left as causes are removed"),
        },
        {name: e.to_dict()},
    )
