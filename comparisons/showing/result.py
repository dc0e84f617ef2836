"""`Result`: the base of what every study found; data first, shown by the other modules of its package."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol, cast, final

from ...core.experiment import Experiment
from ...core.html import notebook_html
from ..measuring.pairs import json_safe
from ..measuring.wording import titled
from ..running.runs import Run
from .page import notebook_page, write_page
from .section import Provenance, Section, Statement


class PageOf(Protocol):
    """What the ``page`` module of a study's package has: the parts of its page, from the result."""

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
    2. ``experiment``: what was studied.
    3. `plain`: what was found as plain data; `to_dict` puts the head before it.
    4. `sentences`: what was found in words, the verdict first, with everything that limits it.

    and, in the modules ``page`` and, if it wants a notebook form that is not its page, ``notebook`` beside
    it, functions of the result (see `PageOf`). They are looked up by name when they are asked for, so that a
    study can be imported without drawing anything. The rest is done here.
    """

    kind: ClassVar[str]
    experiment: Experiment

    @abstractmethod
    def plain(self) -> Mapping[str, Any]:
        """What was found, as plain data for JSON."""

    @abstractmethod
    def sentences(self) -> Iterable[str]:
        """What was found in words: verdicts first, then what limits them."""

    @final
    def to_dict(self) -> dict[str, Any]:
        """Plain data: what it is, of which experiment, then what was found; NaN and infinity as None."""
        e = self.experiment
        head = {
            "kind": self.kind,
            "experiment": {
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
    def save(
        self, folder: str | Path, more: Sequence[Section] = (), command: str | None = None
    ) -> Path:
        """Write a page with its figures (PNG, SVG), tables (CSV) and data (JSON); returns the page.

        *more* are sections to add at the end; *command* is what repeats it, where that is known better.
        """
        page = self._page()
        provenance = page.provenance(self)
        if command is not None:
            provenance = Provenance(command, provenance.rows, provenance.experiment)
        return write_page(
            folder,
            titled(self.experiment),
            page.statements(self),
            [*page.sections(self), *more],
            provenance,
            self.experiment.title,
        )

    def __str__(self) -> str:
        return "\n".join(self.sentences())

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.experiment!r}\n{self}"

    def _repr_html_(self) -> str:
        page = self._page()
        brief = getattr(page, "notebook", page.sections)
        return notebook_page(titled(self.experiment), page.statements(self), brief(self))

    def _page(self) -> PageOf:
        return cast(PageOf, _beside(type(self), "page"))


def _beside(kind: type, name: str) -> ModuleType:
    """A module of the package in which a class is defined."""
    return import_module(f".{name}", kind.__module__.rpartition(".")[0])


@notebook_html.register
def _(run: Run) -> str:
    # Runs are what studies hand out, so whoever has one has imported this.
    from .notebook import run_html

    return run_html(run)
