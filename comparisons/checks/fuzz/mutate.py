"""Mutations of texts, bytes and JSON: what damaged, hostile or careless files hold."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from .draw import Draw

ODD_TEXTS = (
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "1e400",
    "-1e400",
    "1e308 ms",
    "1e-400 ms",
    "nan ms",
    "inf mV",
    "-1",
    "0",
    "0 ms",
    "-5 ms",
    "10",
    "10 kg",
    "10 mms",
    "10 ms ms",
    "ms",
    "10 ms; import os",
    "__import__('os')",
    "5 m s",
    "1,5 ms",
    "10 degC",
    "½ ms",
    "\u0661\u0660 ms",
    "10 ms",
    "5\u202ems",
    "\x00",
    "a\x00b",
    "\x1b[31mred",
    "☃",
    "e\u0301",
    "A" * 5000,
    "(" * 200,
    "v" * 70,
    "../../etc/passwd",
    "/dev/zero",
    "-h",
    "--help",
    "null",
    "true",
    "[]",
    "{}",
    "0x10",
    "1_000",
    "1e",
    "+-3",
    "3 > 2",
    "v>",
    "lambda: 0",
    "%s%n",
    "$HOME",
)
"""Texts in the place of a text or of a number."""
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2.5,
    -0.0,
    1e308,
    1e-320,
    10**30,
    -(10**30),
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    {"": 0},
    [1, "a"],
    {"a": {"b": []}},
    [0] * 2000,
)
"""Values of another type or size in the place of any."""
DEEP = 3000
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def mutated_bytes(draw: Draw, given: bytes) -> bytes:
    """One damage to bytes: cut, flipped, lost, doubled, overwritten."""
    if not given:
        return b"\x00"
    at = draw.whole(0, len(given) - 1)
    length = draw.whole(1, max(1, min(64, len(given) // 4)))
    kind = draw.whole(0, 6)
    if kind == 0:
        return given[:at]
    if kind == 1:
        return given[:at] + bytes([given[at] ^ (1 << draw.whole(0, 7))]) + given[at + 1 :]
    if kind == 2:
        return given[:at] + given[at + length :]
    if kind == 3:
        return given[: at + length] + given[at : at + length] + given[at + length :]
    if kind == 4:
        return given[:at] + bytes(draw.whole(0, 255) for _ in range(length)) + given[at + length :]
    if kind == 5:
        return given + given
    return (
        given[:at]
        + draw.one((b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\x1b[2J"))
        + given[at:]
    )


def mutated_text(draw: Draw, given: str) -> str:
    """One careless or hostile change of a text: a number replaced, a line lost, a separator changed."""
    numbers = list(_NUMBER.finditer(given))
    lines = given.split("\n")
    kind = draw.whole(0, 9)
    if kind <= 3 and numbers:
        match = draw.one(numbers)
        other = draw.one(
            (
                "nan",
                "inf",
                "-inf",
                "1e400",
                "-7",
                "0",
                "1e30",
                "99999999999",
                "",
                "abc",
                "1.5.2",
                "1,5",
                "½",
                "--1",
                "1e-400",
            )
        )
        return given[: match.start()] + other + given[match.end() :]
    k = draw.whole(0, len(lines) - 1)
    if kind == 4:
        return "\n".join([*lines[:k], *lines[k + 1 :]])
    if kind == 5:
        return "\n".join([*lines[: k + 1], *lines[k:]])
    if kind == 6:
        odd = draw.one(ODD_TEXTS)
        return "\n".join([*lines[:k], odd, *lines[k:]])
    if kind == 7:
        return given.replace(
            draw.one((",", " ", "=", ":", ".", "(")), draw.one((";", "\t", "", "  ", "\u00a0"))
        )
    if kind == 8:
        j = draw.whole(0, len(lines) - 1)
        lines[j], lines[k] = lines[k], lines[j]
        return "\n".join(lines)
    return mutated_bytes(draw, given.encode()).decode("utf-8", "replace")


def places_of(data: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all values inside plain data."""
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        yield (*steps, key)
        yield from places_of(value, (*steps, key))


def mutated_json(draw: Draw, given: Any) -> str:
    """JSON text of plain data with one thing wrong in it, in structure or in writing."""
    kind = draw.whole(0, 11)
    text = json.dumps(given, ensure_ascii=False, indent=1)
    if kind == 0:
        return mutated_bytes(draw, text.encode()).decode("utf-8", "surrogateescape")
    if kind == 1:
        return mutated_text(draw, text)
    data = copy.deepcopy(given)
    steps = draw.one(list(places_of(data)))
    holder = data
    for step in steps[:-1]:
        holder = holder[step]
    key, value = steps[-1], holder[steps[-1]]
    if kind == 2:
        del holder[key]
    elif kind == 3 and isinstance(holder, dict):
        holder[draw.one((f"{key}s", f" {key}", str(key).upper(), "", "\u202e", "__class__"))] = (
            holder.pop(key)
        )
    elif kind == 4:
        # A key given twice, of which JSON's readers keep the last.
        return text.replace(f'"{key}":', f'"{key}": null, "{key}":', 1)
    elif kind == 5:
        holder[key] = (
            [value] if not isinstance(value, list) else {str(k): v for k, v in enumerate(value)}
        )
    elif kind == 6:
        inner: Any = value
        for _ in range(90):
            inner = [inner]
        holder[key] = inner
    elif kind == 7:
        holder[key] = "@deep@"
        deep = "[" * DEEP + "]" * DEEP if draw.chance(0.5) else '{"a":' * DEEP + "1" + "}" * DEEP
        return json.dumps(data).replace('"@deep@"', deep)
    elif isinstance(value, str) and draw.chance(0.6):
        holder[key] = mutated_text(draw, value) if draw.chance(0.5) else draw.one(ODD_TEXTS)
    elif isinstance(value, list) and value and draw.chance(0.5):
        holder[key] = draw.one(
            (value * 2, value[:-1], value[::-1], [*value, None], [*value, draw.one(ODD_VALUES)])
        )
    else:
        holder[key] = draw.one((*ODD_VALUES, *ODD_TEXTS))
    return json.dumps(data, ensure_ascii=False)
