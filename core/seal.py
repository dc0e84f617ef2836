"""The seal of a recording: a digest of every file, in run.json, so that what changed on a disk is noticed.

SHA-256, which processors have built in, reads more than 1 GB a second: a recording of 100 MB is checked in
less than a tenth of one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .storage import RUN_FILE, read_run, write_json

_KEY = "seal"


def seal(folder: Path, run: Mapping[str, Any]) -> None:
    """Write run.json with the digests of all other files of its folder, and of itself."""
    data = {name: value for name, value in run.items() if name != _KEY}
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != RUN_FILE)
    digests = {p.relative_to(folder).as_posix(): _of_file(p) for p in files}
    write_json(folder / RUN_FILE, {**data, _KEY: {"files": digests, "run": _of_data(data)}})


def broken_seal(folder: Path) -> str | None:
    """What of a sealed folder is not as it was written, in words; None if all is.

    Raises InputError if its run.json cannot be read.
    """
    data = read_run(folder)
    kept = data.pop(_KEY, None)
    if not isinstance(kept, dict) or not isinstance(kept.get("files"), dict):
        return f"its {RUN_FILE} carries no digest"
    if kept.get("run") != _of_data(data):
        return f"{RUN_FILE} is not as it was written"
    for name, digest in kept["files"].items():
        path = folder / str(name)
        try:
            digest_now = _of_file(path) if not path.is_symlink() else ""
        except OSError:
            return f"{name} is missing"
        if digest_now != digest:
            return f"{name} is not as it was written"
    return None


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_data(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, default=float)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
