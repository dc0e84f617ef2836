"""Sheets kept per version of a simulator, so that what an upgrade changes shows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.cache import cache_dir
from ...core.storage import write_json
from .probe import Probe, same
from .sheet import Change, Column

_FOLDER = "conventions"
_FORMAT = "coincide-conventions/1"


def keep(column: Column, probes: Sequence[Probe]) -> Path:
    """Store a column under its backend, mode and version; returns the file."""
    digests = {probe.name: probe.digest for probe in probes}
    data = {
        "format": _FORMAT,
        "backend": column.backend,
        "mode": column.mode,
        "version": column.version,
        "measured": time.time(),
        "cells": {
            cell.probe: {
                "digest": digests[cell.probe], "status": cell.status, "number": cell.number,
                "text": cell.text,
            }
            for cell in column.cells
            if cell.status != "failed"
        },
    }  # fmt: skip
    path = _path(column)
    write_json(path, data)
    return path


def changes_since(column: Column, probes: Sequence[Probe]) -> tuple[Change, ...]:
    """The cells that are other than when the backend was last measured, in its last other version if any.

    A probe that has since become another question is left out.
    """
    earlier = _earlier(column)
    if earlier is None or not column.version:
        return ()
    digests = {probe.name: probe.digest for probe in probes}
    found = []
    for cell in column.cells:
        old = earlier["cells"].get(cell.probe)
        if old is None or old["digest"] != digests[cell.probe]:
            continue
        if old["status"] == cell.status and _alike(old["number"], cell.number):
            continue
        found.append(
            Change(
                column.backend, column.mode, cell.probe, earlier["version"], column.version,
                old["text"], cell.text,
            )
        )  # fmt: skip
    return tuple(found)


def _alike(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else same(a, b)


def _path(column: Column) -> Path:
    version = hashlib.sha256(column.version.encode()).hexdigest()[:12]
    return cache_dir(_FOLDER) / f"{column.backend}-{column.mode}-{version}.json"


def _earlier(column: Column) -> Mapping[str, Any] | None:
    """What was last measured of another version; of the same version if there is no other."""
    own = _path(column)
    found = []
    for path in cache_dir(_FOLDER).glob(f"{column.backend}-{column.mode}-*.json"):
        data = _read(path)
        if data is not None and (data["backend"], data["mode"]) == (column.backend, column.mode):
            found.append((path != own, data["measured"], data))
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def _read(path: Path) -> Mapping[str, Any] | None:
    """A stored column; None for anything else that may lie there."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = data["format"] == _FORMAT and isinstance(data["cells"], dict)
        return data if known and isinstance(data["measured"], float) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
