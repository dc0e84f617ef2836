"""Ids of cells as they stand in files: whole numbers, kept exactly, or names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import InputError

LARGEST = 2**31 - 1
Ids = NDArray[np.int32]
_NUMBERED = re.compile(r"(.*?)[\s_:.#-]*(\d{1,10})[\])]?")


def whole_ids(values: Any, where: str, first: int = 0) -> Ids:
    """Ids as whole numbers from 0 to `LARGEST`, less *first*; InputError for any that is none."""
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        raise InputError(where, f"ids are {values.dtype}, no whole numbers")
    if values.dtype.kind == "f":
        bad = ~(np.isfinite(values) & (values == np.floor(values)))
        if bad.any():
            raise InputError(where, f"id {values[bad][0]:g} is no whole number >= 0")
    if values.size:
        low, high = values.min(), values.max()
        if low < first:
            more = f"; with --ids-from {first} ids begin at {first}" if first else ""
            raise InputError(where, f"id {low:g} is no whole number >= {first}{more}")
        if high - first > LARGEST:
            raise InputError(where, f"id {high:.0f} is too large; ids up to {LARGEST:,} are read")
    ids: Ids = (values.astype(np.int64) - first).astype(np.int32)
    return ids


def named_ids(names: NDArray[Any]) -> tuple[Ids, tuple[str, ...]]:
    """Names numbered in the order of the alphabet, and the names."""
    found, numbers = np.unique(names, return_inverse=True)
    return numbers.astype(np.int32), tuple(str(name) for name in found)


def split_name(name: str) -> tuple[str, int] | None:
    """A name that ends in a number, taken apart; None if it does not.

    >>> split_name("exc_12"), split_name("v[3]"), split_name("left")
    (('exc', 12), ('v', 3), None)
    """
    match = _NUMBERED.fullmatch(name.strip())
    if match is None:
        return None
    return match[1].rstrip(" _:.#-[("), int(match[2])
