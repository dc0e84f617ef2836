"""A folder as one recording: that of a run, or SONATA files and tables that lie beside each other."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ....core.errors import InputError
from ....core.recording import Spikes
from ....core.storage import RUN_FILE, read_recording, read_run
from .files import SONATA, TABLES, read_file
from .found import Foreign, Found
from .reading import Reading

_TABLES = {*TABLES, ".npy", ".npz", ".mat"}
_NEO = {".nix", ".nwb"}
_PART = re.compile(r"(.+?)-\d+-\d+\.(gdf|dat)", re.IGNORECASE)
"""NEST writes a file for every recorder and thread: ``spikes-12-0.dat``."""
_MOST = 2000


def read_folder(path: Path, reading: Reading) -> Foreign:
    """The recording of a folder; InputError if there is none in it, or the run in it did not end well."""
    if (path / RUN_FILE).exists():
        run = read_run(path)
        if run.get("status", "ok") != "ok":
            raise InputError(str(path), f"this run {run['status']}: {run.get('reason', '')}")
        recording = read_recording(path)
        return Foreign(recording, lasts=True, made_by=_made_by(run))
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from error
    files = [path / name for name in names if not name.startswith(".")]
    sonata = [file for file in files if file.suffix.lower() in SONATA]
    tables = [file for file in files if file.suffix.lower() in _TABLES | _NEO]
    if not sonata and not tables:
        raise InputError(
            str(path), f"holds neither {RUN_FILE} nor files of recordings (*.h5, *.csv, *.gdf, …)"
        )
    found = Found(str(path), reading)
    # A folder of SONATA has tables of its own that are no recordings, such as types of nodes.
    recordings = sonata or tables
    if len(recordings) > _MOST:
        raise InputError(
            str(path), f"holds {len(recordings):,} files; up to {_MOST:,} are read together"
        )
    for file in recordings:
        _add(file, found)
    others = [file.name for file in files if file not in recordings]
    if others:
        listed = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        found.assumed(str(path), f"is recorded in its other files alone, not in {listed}")
    return found.foreign()


def _add(file: Path, found: Found) -> None:
    """One file of a folder: what cannot be read is named, for others may be all that is meant."""
    own = Found(str(file), found.reading)
    try:
        read_file(file, own)
    except InputError as error:
        if "--" in error.problem:  # an option that was not given, or contradicts the file
            raise
        place = error.where.removeprefix(str(file)).strip(", ")
        found.left_out(", ".join(filter(None, (file.name, place))), error.problem)
        return
    part = _PART.fullmatch(file.name)
    for population, spikes in own.spikes.items():
        name = part[1] if part and population == file.stem else population
        if name in found.spikes and not part:
            found.left_out(f"{file.name}, {name}", "has spikes in another file already")
            continue
        before = found.spikes.pop(name, Spikes(np.empty(0), np.empty(0, dtype=np.int32)))
        joined = Spikes.sorted(
            np.concatenate([before.times, spikes.times]),
            np.concatenate([before.cells, spikes.cells]),
        )
        found.add_spikes(name, joined, own.sizes.get(population))
    for (population, variable), trace in own.traces.items():
        found.add_trace(population, variable, trace)
    found.labels |= own.labels
    found.caveats += [
        replace(c, where=", ".join(filter(None, (file.name, c.where)))) for c in own.caveats
    ]


def _made_by(run: dict[str, object]) -> str:
    return str(run.get("version") or run.get("backend") or "")
