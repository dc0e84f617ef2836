"""Columns kept per version of a simulator: nothing is measured twice, and what an upgrade changes shows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....core.cache import cache_dir
from ....core.settings import Settings
from ....core.storage import write_json
from ...running.keys import run_key
from .catalogue import PROBES
from .probe import same
from .sheet import Cell, Change, Column, Declaration

_FOLDER = "conventions"
_FORMAT = "coincide-conventions/2"


def key_of(backend: str, settings: Settings) -> str:
    """Changes with the simulator, with coincide, with the probes and with how they are read."""
    return run_key(_questions(), backend, settings)


@lru_cache(maxsize=1)
def _questions() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def keep(column: Column, key: str = "", declarations: Sequence[Declaration] = ()) -> Path:
    """Store a column under its backend, mode and version; returns the file.

    A run that failed may succeed the next time: a column with such a cell is not to be recalled.
    """
    digests = {probe.name: probe.digest for probe in PROBES}
    unsettled = any(c.status == "failed" and c.agreement in ("other", "none") for c in column.cells)
    data = {
        "format": _FORMAT,
        "backend": column.backend,
        "mode": column.mode,
        "version": column.version,
        "key": "" if unsettled else key,
        "measured": time.time(),
        "cells": [{**asdict(cell), "digest": digests[cell.probe]} for cell in column.cells],
        "declarations": [asdict(declaration) for declaration in declarations],
    }
    path = _path(column)
    write_json(path, data)
    return path


def recall(backend: str, mode: str, key: str) -> tuple[Column, tuple[Declaration, ...]] | None:
    """A column that was measured under the same key, with its declarations; None if there is none."""
    for _, data in _stored(backend, mode):
        if key and data["key"] == key:
            cells = [{k: v for k, v in cell.items() if k != "digest"} for cell in data["cells"]]
            column = Column(backend, mode, data["version"], tuple(Cell(**cell) for cell in cells))
            declared = [{**d, "probes": tuple(d["probes"])} for d in data["declarations"]]
            return column, tuple(Declaration(**d) for d in declared)
    return None


def changes_since(column: Column) -> tuple[Change, ...]:
    """The cells that are other than when the backend was last measured, in its last other version if any.

    A probe that has since become another question is left out, and what gave no answer then or now.
    """
    earlier = _earlier(column)
    if earlier is None or not column.version:
        return ()
    digests = {probe.name: probe.digest for probe in PROBES}
    old = {cell["probe"]: cell for cell in earlier["cells"]}
    found = []
    for cell in column.cells:
        was = old.get(cell.probe)
        if was is None or was["digest"] != digests[cell.probe]:
            continue
        if "failed" in (was["text"], cell.text) or _alike(was, cell):
            continue
        found.append(
            Change(
                column.backend,
                column.mode,
                cell.probe,
                earlier["version"],
                column.version,
                was["text"],
                cell.text,
            )
        )
    return tuple(found)


def _alike(was: Mapping[str, Any], cell: Cell) -> bool:
    if was["number"] is None or cell.number is None:
        return (was["number"], was["text"]) == (cell.number, cell.text)
    return same(was["number"], cell.number)


def _path(column: Column) -> Path:
    version = hashlib.sha256(column.version.encode()).hexdigest()[:12]
    return cache_dir(_FOLDER) / f"{column.backend}-{column.mode}-{version}.json"


def _earlier(column: Column) -> Mapping[str, Any] | None:
    """What was last measured of another version; of the same version if there is no other."""
    own = _path(column)
    found = [
        (path != own, data["measured"], data) for path, data in _stored(column.backend, column.mode)
    ]
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def _stored(backend: str, mode: str) -> list[tuple[Path, Mapping[str, Any]]]:
    """The columns of a backend and mode that are kept; anything else that may lie there is passed over."""
    found = []
    for path in sorted(cache_dir(_FOLDER).glob(f"{backend}-{mode}-*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            known = data["format"] == _FORMAT and isinstance(data["measured"], float)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if known and (data["backend"], data["mode"]) == (backend, mode):
            found.append((path, data))
    return found
