"""A study as files (CSV, JSON, PNG, SVG) and in a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ..report import render
from ..words import titled
from .figures import raster_figure, voltage_figure
from .forest import dose_figure, effects_figure
from .look import styled
from .study import LesionStudy
from .words import in_words, overall

_LESIONS_A_FIGURE = 3
_DPI = 120


def write_study(study: LesionStudy, folder: Path) -> Path:
    """Write tables, JSON and figures; returns the folder.

    ``readouts.csv`` has every read-out of every run, ``effects.csv`` every effect, ``dose_response.csv`` the
    sweep if there was one, ``study.json`` all of it; the names of figures end in the mode where there are
    several, and in a number where lesions need several.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "readouts.csv", study.table.to_csv(index=False))
    _write(folder / "effects.csv", study.effects_table.to_csv(index=False))
    if len(study.severities) > 1:
        _write(folder / "dose_response.csv", study.dose_response.to_csv(index=False))
    text = json.dumps(study.to_dict(), indent=2, ensure_ascii=False)
    _write(folder / "study.json", text + "\n")
    for name, draw in _figures(study):
        figure = draw()
        with styled():
            (folder / f"{name}.png").write_bytes(render.png(figure))
            _write(folder / f"{name}.svg", render.standalone_svg(render.svg(figure)))
    return folder


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _figures(study: LesionStudy) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """The figures by name, each drawn when asked for."""
    chunks = [
        study.lesions[k : k + _LESIONS_A_FIGURE]
        for k in range(0, len(study.lesions), _LESIONS_A_FIGURE)
    ]
    for mode in study.modes:
        suffix = f"-{mode}" if len(study.modes) > 1 else ""
        for k, names in enumerate(chunks):
            number = f"-{k + 1}" if len(chunks) > 1 else ""
            for kind, figure in (
                ("voltage", voltage_figure), ("rasters", raster_figure), ("effects", effects_figure),
            ):  # fmt: skip
                yield f"{kind}{suffix}{number}", _drawing(figure, study, mode, names)
        if len(study.severities) > 1:
            for k, name in enumerate(study.lesions):
                number = f"-{k + 1}" if len(study.lesions) > 1 else ""
                yield f"dose_response{suffix}{number}", _dose(study, mode, name)


def _drawing(
    figure: Callable[..., Figure], study: LesionStudy, mode: str, names: tuple[str, ...]
) -> Callable[[], Figure]:
    return lambda: figure(study, mode, None, names)


def _dose(study: LesionStudy, mode: str, name: str) -> Callable[[], Figure]:
    return lambda: dose_figure(study, mode, name)


def notebook_html(study: LesionStudy) -> str:
    """The sentences, the verdict of every read-out, and the forest plot of the first mode."""
    parts = [Markup("<h3>{}</h3>").format(titled(study.experiment))]
    for mode in study.modes:
        for name in study.lesions:
            effects = study.at(mode, name)
            where = f"{name}, {mode}" if len(study.modes) > 1 else name
            parts.append(Markup("<p><b>{}</b></p>").format(overall(where, effects)))
            rows = Markup("").join(
                Markup("<li>{}: {}</li>").format(e.measure.with_unit, in_words(e)) for e in effects
            )
            parts.append(Markup("<ul>{}</ul>").format(rows))
    image = render.data_uri(render.png(study.plot_effects(), _DPI))
    parts.append(Markup('<img alt="effects as a forest plot" src="{}"/>').format(image))
    if study.notes:
        notes = Markup("").join(Markup("<li>{}</li>").format(escape(n)) for n in study.notes)
        parts.append(Markup("<ul>{}</ul>").format(notes))
    return str(Markup("").join(parts))
