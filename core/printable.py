"""Texts from files made fit for a terminal: what would move its cursor or its colours is shown, not done."""

from __future__ import annotations

from collections.abc import Mapping

_KEPT = "\n\t"
_CONTROLS: Mapping[int, str] = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in _KEPT
} | {
    # Marks that turn the direction of writing, which can make a text read as another.
    code: f"\\u{code:04x}"
    for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def printable(text: str) -> str:
    """A text with its control characters written out; line ends and tabs stay.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return text.translate(_CONTROLS)
