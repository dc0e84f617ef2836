"""Figures as files and as parts of a page: PNG, SVG, SVG in the colours of the page, data to zoom."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO, StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from . import style
from .drawing import Drawing

_DPI = 160
_STEPS = 65534
_DIGITS = re.compile(r"(\d\.\d{2})\d+")
_TAG = re.compile(r"<[^>]*>")
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.S)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.S)
_NAMESPACES = re.compile(r'\s+xmlns(:\w+)?="[^"]*"')
_USE = re.compile(r'<use href="#([^"]+)"([^>]*?) style="([^"]*)"\s*/>')
_SIZE = re.compile(r'(<svg[^>]*?)\s+width="[^"]*"', re.S)
_HEIGHT = re.compile(r'(<svg[^>]*?)\s+height="[^"]*"', re.S)


def png(figure: Figure, dpi: int = _DPI) -> bytes:
    """The figure as PNG on white."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def svg(figure: Figure, salt: str = "coincide") -> str:
    """The figure as SVG without a background; the same figure gives the same text."""
    buffer = StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "path.simplify": True}):
        figure.savefig(
            buffer,
            format="svg",
            dpi=_DPI,
            metadata={"Date": None, "Creator": None},
            transparent=True,
        )
    # Two digits are enough for a place, not for the text of a label.
    short = _TAG.sub(lambda tag: _DIGITS.sub(r"\1", tag[0]), buffer.getvalue())
    return _METADATA.sub("", short)


def standalone_svg(text: str) -> str:
    """The SVG with a white background, for use outside a page."""
    at = text.index(">", text.index("<svg")) + 1
    return f'{text[:at]}\n <rect width="100%" height="100%" fill="#ffffff"/>{text[at:]}'


def inline_svg(text: str, prefix: str, alt: str) -> str:
    """The SVG as a part of a page: its colours are CSS variables, its ids begin with *prefix*."""
    text = _NAMESPACES.sub("", _PROLOGUE.sub("", text)).replace("xlink:href", "href")
    text = _HEIGHT.sub(r"\1", _SIZE.sub(r"\1", text, count=1), count=1)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", text)
    for colour, name in style.THEMED.items():
        text = text.replace(colour, f"var(--{name})")
    text = _short_marks(text, prefix)
    # Text takes the font of the page; matplotlib names its own in every label.
    text = text.replace("'DejaVu Sans'", "inherit").replace("px inherit", "px var(--font)")
    label = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _short_marks(text: str, prefix: str) -> str:
    """The marks of a raster with their style in a class and short ids: a third of the length."""
    classes: dict[str, str] = {}
    ids: dict[str, str] = {}

    def shorten(found: re.Match[str]) -> str:
        name = classes.setdefault(found[3], f"{prefix}-{len(classes)}")
        mark = ids.setdefault(found[1], f"{prefix}-m{len(ids)}")
        return f'<use href="#{mark}"{found[2]} class="{name}"/>'

    text = _USE.sub(shorten, text)
    for long, short in ids.items():
        text = text.replace(f'"{long}"', f'"{short}"')
    rules = "".join(f".{name}{{{rule}}}" for rule, name in classes.items())
    at = text.index(">") + 1
    return f"{text[:at]}<style>{rules}</style>{text[at:]}"


def data_uri(content: bytes, kind: str = "image/png") -> str:
    """Bytes as the address of an image that is part of the page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def zoom_data(drawing: Drawing, prefix: str) -> str:
    """All that a script needs to redraw the lines at any zoom, as JSON safe within a page.

    Heights are whole numbers of 16 bits, so lines that coincide on the page are kept once.
    """
    blobs: dict[bytes, int] = {}

    def keep(values: Any) -> int:
        return blobs.setdefault(values.tobytes(), len(blobs))

    tracks = []
    for track in drawing.tracks:
        if not track.times.size:
            continue
        # Of what lies outside the panel only that it does so is kept; 65535 is a gap.
        heights = np.clip(np.nan_to_num(track.heights, nan=2.0), -0.25, 1.25)
        q = np.round((heights + 0.25) / 1.5 * _STEPS)
        q[~np.isfinite(track.heights)] = _STEPS + 1
        step = np.diff(track.times)
        regular = bool(step.size) and bool(np.ptp(step) < 1e-6 * step[0])
        entry: dict[str, Any] = {"id": f"{prefix}-{track.gid}", "axes": track.axes}
        if regular:
            entry |= {
                "t0": float(track.times[0]),
                "dt": float(track.times[-1] - track.times[0]) / step.size,
            }
        else:
            entry |= {"t": keep(track.times.astype("<f4"))}
        tracks.append({**entry, "y": keep(q.astype("<u2"))})
    data = {
        "prefix": prefix,
        "span": drawing.span_ms,
        "axes": drawing.axes,
        "tracks": tracks,
        "blobs": [base64.b64encode(b).decode() for b in blobs],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
