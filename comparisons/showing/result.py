"""`Result`: the base of what every study found; data first, shown by the other modules of its package."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast, final

from ...core.experiment import Experiment
from ...core.html import notebook_html
from ..measuring.pairs import json_safe
from ..measuring.wording import titled
from ..running.runs import Run

if TYPE_CHECKING:
    from .section import Provenance, Section, Statement


class PageOf(Protocol):
    """What the ``page`` module of a study's package has: the parts of its page, from the result.

    It may also have ``heading(result)``, the title and what stands below it, where that is not the
    experiment's; ``notebook(result)``, the sections that a notebook shows, where these are not those of the
    page; and ``files(result)``, texts to write beside the page, by the names of their files.
    """

    def statements(self, result: Any) -> Sequence[Statement]:
        """The verdicts in words, at the top."""

    def sections(self, result: Any) -> Sequence[Section]:
        """The figures, tables and data below."""

    def provenance(self, result: Any) -> Provenance:
        """The command that repeats it, and what it ran with."""


class Result(ABC):
    """What a study found.

    To add one, write a package under ``studies`` whose `Result` has:

    1. ``kind``, such as ``coincide-convergence/1``: what the JSON is, and which version of it.
    2. ``experiment``: what was studied; None where that is recordings whose experiment nobody knows.
    3. `plain`: what was found as plain data; `to_dict` puts the head before it.

    and, in modules beside it, functions of the result:

    4. ``words.sentences``: what was found in words, with everything that limits it.
    5. ``page.statements``, ``page.sections``, ``page.provenance``: the parts of its page; see `PageOf`.

    The modules beside it are looked up by name when they are asked for: they know the result, the result does
    not know them, and a study can be imported without drawing anything. The rest is done here.
    """

    kind: ClassVar[str]
    experiment: Experiment | None

    @abstractmethod
    def plain(self) -> Mapping[str, Any]:
        """What was found, as plain data for JSON."""

    @property
    def verdict(self) -> str | None:
        """What was found in one word; None where no word says it."""
        return None

    @final
    def sentences(self) -> list[str]:
        """What was found in words, line by line, with everything that limits it."""
        return list(self._beside("words").sentences(self))

    @final
    def to_dict(self) -> dict[str, Any]:
        """Plain data: what it is, of which experiment, then what was found; NaN and infinity as None."""
        e = self.experiment
        head = {
            "kind": self.kind,
            "experiment": None
            if e is None
            else {
                "name": e.name,
                "variant": e.variant,
                "title": e.title,
                "hash": e.hash,
                "seed": e.seed,
                "dt_ms": e.dt_ms,
                "duration_ms": e.duration_ms,
            },
        }
        return cast(dict[str, Any], json_safe({**head, **self.plain()}))

    @final
    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @final
    def save(self, folder: str | Path, *, more: Sequence[Section] = (), command: str = "") -> Path:
        """Write a page with its figures (PNG, SVG), tables (CSV) and data (JSON); returns the page.

        *more* are sections to add at the end; *command* is what repeats it, where that is known better.
        """
        from .page import write_page

        page = self._page()
        provenance = page.provenance(self)
        title, subtitle = self._heading()
        return write_page(
            folder,
            title,
            page.statements(self),
            [*page.sections(self), *more],
            replace(provenance, command=command) if command else provenance,
            subtitle,
            _optional(page, "files")(self) if _optional(page, "files") else {},
        )

    def __str__(self) -> str:
        return "\n".join(self.sentences())

    def __repr__(self) -> str:
        of = "" if self.experiment is None else f" of {self.experiment!r}"
        word = "" if self.verdict is None else f": {self.verdict}"
        return f"{type(self).__name__}{of}{word}\n{self}"

    def _repr_html_(self) -> str:
        from .page import notebook_page

        page = self._page()
        brief = _optional(page, "notebook") or page.sections
        title, subtitle = self._heading()
        return notebook_page(title, page.statements(self), brief(self), subtitle)

    def _heading(self) -> tuple[str, str]:
        given = _optional(self._page(), "heading")
        if given is not None:
            return cast(tuple[str, str], given(self))
        assert self.experiment is not None, "a result without an experiment needs a heading"
        return titled(self.experiment), self.experiment.title

    def _page(self) -> PageOf:
        return cast(PageOf, self._beside("page"))

    def _beside(self, name: str) -> ModuleType:
        """A module of the package in which the class of this result is defined."""
        return import_module(f".{name}", type(self).__module__.rpartition(".")[0])


def _optional(page: PageOf, name: str) -> Any:
    """A function that a page has or has not."""
    return getattr(page, name, None)


@notebook_html.register
def _(run: Run) -> str:
    # Runs are what studies hand out, so whoever has one has imported this.
    from .notebook import run_html

    return run_html(run)
