"""What a page is made of: statements on top, sections with their figures, tables and data, provenance."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import Markup, escape

from ...core.experiment import Experiment
from ..measuring.wording import scientific
from .drawing import Drawing

Tone = Literal["", "good", "fair", "bad"]


@dataclass(frozen=True)
class Statement:
    """A verdict in words, at the top of a page: of what it is, one word, whole sentences.

    ``word`` is a verdict (``round-off``) or another word; ``tone`` colours a word that is no verdict. All are
    plain text.
    """

    title: str
    sentences: tuple[str, ...]
    word: str = ""
    tone: Tone = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows that a page shows, and a CSV file keeps with every digit.

    ``columns`` are the keys of the rows with their headings, units included; ``caption`` says what the rows
    are. ``shown`` is False for a table that is a file only, and ``in_file`` are keys that only the file has.
    """

    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    caption: str = ""
    shown: bool = True
    in_file: tuple[str, ...] = ()

    @classmethod
    def file(cls, fields: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> Table:
        """A table that is a file only."""
        return cls({name: name for name in fields}, rows, shown=False)

    def to_csv(self) -> str:
        """CSV with the keys as header; None is an empty field, numbers keep all digits."""
        buffer = io.StringIO()
        fields = [*self.columns, *self.in_file]
        writer = csv.DictWriter(buffer, fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return buffer.getvalue()

    def to_html(self) -> Markup:
        """A table with a header; the first column names the rows, numbers are short and to the right."""
        numeric = {k for k in self.columns if any(_is_number(row.get(k)) for row in self.rows)}
        heads = Markup("").join(
            Markup('<th scope="col"{}>{}</th>').format(_right(key in numeric), heading)
            for key, heading in self.columns.items()
        )
        body = Markup("").join(
            Markup("<tr>{}</tr>\n").format(Markup("").join(self._cells(row, numeric)))
            for row in self.rows
        )
        caption = Markup("<caption>{}</caption>").format(self.caption) if self.caption else ""
        return Markup("<table>{}<thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table>").format(
            caption, heads, body
        )

    def _cells(self, row: Mapping[str, Any], numeric: set[str]) -> Iterable[Markup]:
        for place, key in enumerate(self.columns):
            text = cell_text(row.get(key))
            if place == 0:
                yield Markup('<th scope="row">{}</th>').format(text)
            elif key in numeric:
                yield Markup("<td{}>{}</td>").format(_right(True), text)
            else:
                long = Markup(' class="long"') if len(text) > _LONG else ""
                yield Markup("<td{}>{}</td>").format(long, text)


_LONG = 36


def _right(yes: bool) -> Markup:
    return Markup(' class="n"') if yes else Markup("")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_text(value: Any) -> str:
    """A value as a table shows it: numbers short, yes and no, nothing for what there is not."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return scientific(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page with a title: HTML, figures, tables, and data.

    ``html`` is `Markup`; a plain text is escaped and becomes a paragraph. ``figures``, ``tables`` and
    ``data`` are by the name of their files without the ending: every figure is written as PNG and SVG, every
    table as CSV, all data (anything that JSON can hold) as JSON. The page shows HTML, figures and tables in
    this order.
    """

    title: str
    html: str = ""
    figures: Mapping[str, Drawing] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> Markup:
        """The HTML, safe to stand in a page."""
        if isinstance(self.html, Markup) or not self.html:
            return Markup(self.html)
        return prose(self.html)

    @property
    def files(self) -> list[str]:
        """The names of the files that belong to the section, figures aside."""
        return [*(f"{name}.csv" for name in self.tables), *(f"{name}.json" for name in self.data)]


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a page comes from: the command that repeats it, and terms with their texts.

    With an experiment its description is written beside the page, for the command to read.
    """

    command: str
    rows: tuple[tuple[str, str], ...] = ()
    experiment: Experiment | None = None


_EXPONENT = re.compile(r"\d[\d.]*e[-+]\d+")


def unbroken(text: str) -> Markup:
    """A text, escaped, in which no line ends within a number such as 4.7e-16; HTML stays as it is."""
    if isinstance(text, Markup):
        return text
    number = Markup('<span class="number">{}</span>')
    return Markup(_EXPONENT.sub(lambda found: number.format(found.group()), escape(text)))


def prose(*paragraphs: str, quiet: bool = False) -> Markup:
    """Texts as paragraphs, escaped; quiet ones are remarks in small type."""
    kind = Markup(' class="quiet"') if quiet else ""
    return Markup("").join(Markup("<p{}>{}</p>\n").format(kind, unbroken(p)) for p in paragraphs)


def bullets(items: Iterable[str]) -> Markup:
    """Texts as a list, escaped."""
    rows = Markup("").join(Markup("<li>{}</li>\n").format(unbroken(item)) for item in items)
    return Markup("<ul>{}</ul>\n").format(rows)


def quiet(text: str) -> Markup:
    """A paragraph that says how to read what follows."""
    return Markup('<p class="quiet">{}</p>\n').format(text)
