"""How a figure looks: one table of type and lines, colours for the colour-blind too, units of an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ...backends.registry import entries, plug_ins

INK = "#1b1f24"
MUTED = "#66707a"
RULE = "#d3d8de"
HALO = "#9aa3ad"
PAPER, LOST = "#ffffff", "#e4e7eb"

# Okabe and Ito, jfly.uni-koeln.de/color: told apart with any common colour blindness.
BLUE, VERMILION, GREEN = "#0072b2", "#d55e00", "#009e73"
PURPLE, SKY, ORANGE = "#cc79a7", "#56b4e9", "#e69f00"
OTHERS = (PURPLE, SKY, ORANGE)
"""Colours of what is not the first of its backend; those that no built-in has are those of plug-ins."""

TABLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": ["DejaVu Sans"],
        "font.size": 8,
        "axes.linewidth": 0.7,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "axes.labelsize": 8,
        "axes.titlesize": 8.5,
        "axes.titleweight": "bold",
        "legend.frameon": False,
        "legend.fontsize": 7.5,
        "axes.facecolor": PAPER,
        "figure.facecolor": PAPER,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "text.parse_math": False,
        "svg.fonttype": "none",
    }
)
"""What Matplotlib is told of every figure; on a page, which may be dark, it is drawn without its ground."""

DENSE: Mapping[str, Any] = MappingProxyType(
    {
        "font.size": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "axes.labelsize": 7.5,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "lines.scale_dashes": False,
        "path.simplify": True,
        "axes.spines.top": True,
        "axes.spines.right": True,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
    }
)
"""What is otherwise where many strips of traces and rasters lie close together, and their axes overlap."""

THEMED: Mapping[str, str] = MappingProxyType(
    {
        INK: "ink",
        MUTED: "muted",
        RULE: "rule",
        HALO: "halo",
        BLUE: "blue",
        VERMILION: "vermilion",
        GREEN: "green",
        PURPLE: "purple",
        SKY: "sky",
        ORANGE: "orange",
        PAPER: "paper",
        LOST: "lost",
    }
)
"""Colours of a figure and the CSS variables that replace them on a page, which may be dark."""

_PREFIXES = {0: "m", -3: "µ", -6: "n", -9: "p", -12: "f"}


def colours(labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A colour for every label, given as (label, backend): the first of a backend has the backend's own."""
    labels, backends = list(labels), _of_backends()
    chosen: dict[str, str] = {}
    for label, backend in labels:
        own = backends.get(backend)
        if own is not None and own not in chosen.values():
            chosen[label] = own
    for label, _ in labels:
        free = [c for c in (*OTHERS, *backends.values()) if c not in chosen.values() and c != INK]
        chosen.setdefault(label, free[0] if free else OTHERS[len(chosen) % len(OTHERS)])
    return {label: chosen[label] for label, _ in labels}


def _of_backends() -> dict[str, str]:
    """The colour of each backend that has one of its own: plug-ins beyond the second have none."""
    words = {word: colour for colour, word in THEMED.items()}
    built_in = {name: words[e.colour] for name, e in entries().items() if e.colour}
    others = [colour for colour in OTHERS if colour not in built_in.values()]
    return built_in | dict(zip(plug_ins(), others, strict=False))


def superscript(exponent: int) -> str:
    """A power of ten as people write it: 10⁻⁹."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def scaled_unit(largest: float, unit: str) -> tuple[float, str]:
    """The factor and the unit in which values up to *largest* are easy to read."""
    if largest <= 0 or not math.isfinite(largest):
        return 1.0, shown_unit(unit)
    exponent = 3 * math.floor(math.log10(largest) / 3 + 1e-9)
    if exponent == 0:
        return 1.0, shown_unit(unit)
    if unit == "mV" and exponent in _PREFIXES:
        return 10.0**-exponent, f"{_PREFIXES[exponent]}V"
    exponent = math.floor(math.log10(largest))
    return 10.0**-exponent, f"{superscript(exponent)} {shown_unit(unit)}".strip()


def power_label(exponent: int, unit: str) -> str:
    """The label of a power of ten on a logarithmic axis: 1 pV, or 10⁻⁹ with the unit elsewhere."""
    if unit == "mV":
        if exponent in _PREFIXES:
            return f"1 {_PREFIXES[exponent]}V"
        return f"{superscript(exponent)} mV"
    return {0: "1", 1: "10"}.get(exponent, superscript(exponent))


def shown_unit(unit: str) -> str:
    """A unit as a label shows it; nothing for pure numbers."""
    return "" if unit in ("1", "") else unit


def with_unit(name: str, unit: str) -> str:
    """The label of an axis: v (mV)."""
    return f"{name} ({unit})" if unit else name
