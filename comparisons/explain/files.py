"""An explanation as files (text, JSON, CSV, PNG, SVG) and in a notebook."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from ..lesion.look import styled
from ..report import render
from .explanation import Explanation
from .figures import divergence_figure, explanation_figure
from .words import about, lines, percent, sentences, spikes_in_common

_DPI = 120


def write_explanation(explanation: Explanation, folder: Path) -> Path:
    """Write ``explanation.txt``, ``.json``, ``causes.csv``, ``ladder.csv``, figures; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "explanation.txt", "\n".join(lines(explanation)) + "\n")
    _write(folder / "explanation.json", explanation.to_json() + "\n")
    _write(folder / "causes.csv", _table(_CAUSES, _causes(explanation)))
    _write(folder / "ladder.csv", _table(_LADDER, _ladder(explanation)))
    for name, draw in _figures(explanation):
        figure = draw(explanation)
        with styled():
            (folder / f"{name}.png").write_bytes(render.png(figure))
            _write(folder / f"{name}.svg", render.standalone_svg(render.svg(figure)))
    return folder


def _figures(explanation: Explanation) -> Iterator[tuple[str, Callable[[Explanation], Figure]]]:
    yield "explanation", explanation_figure
    if explanation.divergence is not None:
        yield "divergence", divergence_figure


_CAUSES = (
    "cause", "name", "side", "share", "effect", "identical_spikes", "of", "alone_share", "confirmed_by",
    "left_in",
)  # fmt: skip
_LADDER = ("words", "identical_spikes", "of", "spikes_until_ms", "disagreement", "run_a", "run_b")


def _causes(e: Explanation) -> Iterator[tuple[object, ...]]:
    for f in e.causes:
        yield (
            f.cause, f.name, f.side, f.share, f.effect.total, f.effect.identical_spikes,
            f.effect.n_spikes, "" if f.alone_share is None else f.alone_share, f.run, f.left_in,
        )  # fmt: skip
    if e.unexplained:
        yield ("unexplained", "", "", e.unexplained, *[""] * 6)


def _ladder(e: Explanation) -> Iterator[tuple[object, ...]]:
    for rung in e.ladder:
        d = rung.disagreement
        until = "" if d.spikes_until_ms is None else d.spikes_until_ms
        yield (rung.words, d.identical_spikes, d.n_spikes, until, d.total, *rung.runs)


def _table(columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def notebook_html(explanation: Explanation) -> str:
    """The sentences, the causes as a table, and the figures."""
    e = explanation
    parts = [Markup("<h3>{}: {} and {}</h3>").format(e.model, e.a.label, e.b.label)]
    parts += [Markup("<p>{}</p>").format(sentence) for sentence in sentences(e)]
    if e.causes:
        rows = Markup("").join(
            Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(
                percent(f.share), f.cause, about(f), spikes_in_common(f.effect)
            )
            for f in e.causes
        )
        head = Markup("<tr><th>share</th><th>cause</th><th>what</th><th>left in alone</th></tr>")
        parts.append(Markup("<table>{}{}</table>").format(head, rows))
    if e.divergence is not None:
        parts.append(Markup("<p>{}</p>").format(e.divergence.in_words))
    for name, draw in _figures(e):
        image = render.data_uri(render.png(draw(e), _DPI))
        parts.append(Markup('<img alt="{}" src="{}"/>').format(name, image))
    return str(Markup("").join(parts))
