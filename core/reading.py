"""Reading texts and JSON that somebody wrote: what is wrong is said in a sentence, with line and column."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError

_MEANING: Mapping[str, str] = {
    "Expecting value": "a value is missing or misspelled; a text stands in double quotes",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing after a name",
    "Expecting property name enclosed in double quotes": (
        "a name in double quotes has to stand here; is there a comma too many before it?"
    ),
    "Illegal trailing comma before end of object": "the comma before the closing brace is too many",
    "Illegal trailing comma before end of array": "the comma before the closing bracket is too many",
    "Unterminated string starting at": "the text that begins here is not closed",
    "Invalid control character at": "a control character or the end of a line is inside of a text",
    "Extra data": "something follows after the end",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "a byte order mark stands here",
}
"""What the complaints of Python's reader mean."""


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; InputError if it cannot be read."""
    path = Path(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            str(path),
            f"cannot be read: line {line} has the byte 0x{error.object[error.start]:02x}, "
            "which is no text in UTF-8; save it in this encoding",
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"cannot be read: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """Why the system could not open something, without its number."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error)


def read_json(text: str, where: str) -> Any:
    """Plain data from JSON; InputError names line and column of what is none.

    A key given twice is refused, since one of its values would be lost.

    >>> read_json('{"a": 1,}', "model.json")
    Traceback (most recent call last):
        ...
    coincide.core.errors.InputError: model.json, line 1, column 9: is no JSON: a name in double quotes has \
to stand here; is there a comma too many before it?
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct_keys)
    except InputError as error:
        raise InputError(where, error.problem) from None
    except RecursionError:
        raise InputError(where, "is nested too deeply") from None
    except json.JSONDecodeError as error:
        said = _MEANING.get(error.msg, "a backslash or a number is written wrongly here")
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise InputError(place, f"is no JSON: {said}") from None
    except ValueError:
        # Python limits how many digits it reads of a whole number.
        raise InputError(where, "is no JSON: a number has too many digits") from None


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, none of whose keys was given twice."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError("", f"an object has the key {twice!r} twice")
    return mapping
