"""Pydantic's complaints about a single value, said as what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NEEDED: Mapping[str, str] = {
    "string": "a text is needed",
    "int": "a whole number is needed",
    "float": "a number is needed",
    "bool": "true or false is needed",
    "bytes": "a text is needed",
    "list": "a list is needed",
    "tuple": "a list is needed",
    "iterable": "a list is needed",
    "set": "a list is needed",
    "frozen_set": "a list is needed",
    "dict": "names with values are needed, { … } in JSON",
    "mapping": "names with values are needed, { … } in JSON",
    "model": "names with values are needed, { … } in JSON",
    "model_attributes": "names with values are needed, { … } in JSON",
    "finite": "a finite number is needed",
    "none": "nothing can be given here",
    "recursion": "it holds itself",
}
"""By the first word or words of pydantic's name of an error."""
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def complaint(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as half a sentence, beginning with a small letter.

    Raised by our own validators, its words are ours and stay.
    """
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind in _BOUNDS:
        sign, key = _BOUNDS[kind]
        return f"it has to be {sign} {context[key]:.12g}"
    if kind in {"literal_error", "enum"}:
        return f"it has to be {context['expected']}"
    if kind in {"too_short", "too_long", "string_too_short", "string_too_long"}:
        word, key = ("least", "min_length") if "short" in kind else ("most", "max_length")
        return f"it has to have at {word} {context[key]} parts"
    if kind in {"value_error", "assertion_error"}:
        said = str(context.get("error", "")) or str(error["msg"]).partition(", ")[2]
        return said[:1].lower() + said[1:]
    if kind == "is_instance_of":
        return f"a {context['class']} is needed"
    for word in (kind.rsplit("_", 1)[0], kind.split("_", 1)[0]):
        if word in _NEEDED:
            return _NEEDED[word]
    return "it is not what is needed here"
