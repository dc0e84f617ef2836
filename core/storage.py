"""Recordings as SONATA HDF5 (spikes.h5, one report a variable) with a run.json beside them.

Format: https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pydantic import BaseModel, Field, ValidationError

from .caveats import Caveat, CaveatKind
from .errors import InputError
from .reading import read_json, read_text
from .recording import Recording, Spikes, Trace
from .safe_hdf5 import what_is_wrong
from .units import internal_unit, parse_unit
from .values import Floats

RUN_FILE = "run.json"
SPIKES_FILE = "spikes.h5"
_DOUBLE = "data_float64"
_MAGIC = 0x0A7A
_VERSION = (0, 1)
_BY_TIME = 2
_LARGE = 2_000_000


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of *target* when the block ends without an error.

    Nothing half-written is ever seen under *target*; of two processes that write one target, the later wins.
    Raises InputError when *target* holds something else than a run.
    """
    target = Path(target)
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    temporary.chmod(0o755)
    try:
        yield temporary
        replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_target(target: str | Path) -> None:
    """InputError for a file, or a folder of other things than a run: they would be lost."""
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise InputError(str(target), "is a file; a folder is needed")
    # A second look, because another process may just be replacing the folder.
    if all(names and RUN_FILE not in names for names in (_names(target), _names(target))):
        raise InputError(str(target), f"has other files and no {RUN_FILE}; choose another folder")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def replace_folder(source: Path, target: Path) -> None:
    """Move a folder onto another, which disappears."""
    for _ in range(10):
        try:
            os.rename(source, target)
        except OSError:
            # The target exists and is not empty: set it aside first. Another process may have done so.
            aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
            try:
                os.rename(target, aside / "old")
            except FileNotFoundError:
                pass
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        else:
            return
    raise InputError(str(target), "is written by several processes at once; choose another folder")


def write_recording(recording: Recording, folder: str | Path, run: Mapping[str, Any]) -> None:
    """Write spikes, traces and run.json into an existing folder."""
    folder = Path(folder)
    with _new_file(folder / SPIKES_FILE) as file:
        spikes = file.create_group("spikes")
        enum = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": _BY_TIME}, basetype=np.uint8)
        for name, trains in recording.spikes.items():
            group = spikes.create_group(name)
            group.attrs.create("sorting", _BY_TIME, dtype=enum)
            times = group.create_dataset("timestamps", data=trains.times)
            times.attrs["units"] = "ms"
            group.create_dataset("node_ids", data=trains.cells.astype(np.uint64))
    by_variable: dict[str, dict[str, Trace]] = {}
    for (population, variable), trace in recording.traces.items():
        by_variable.setdefault(variable, {})[population] = trace
    for variable, traces in by_variable.items():
        with _new_file(folder / _report_file(variable)) as file:
            for population, trace in traces.items():
                _write_report(file.create_group(f"report/{population}"), trace)
    data = {
        **run,
        "duration_ms": recording.duration_ms,
        "dt_ms": recording.dt_ms,
        "sizes": dict(recording.sizes),
        "variables": sorted(by_variable),
        "notes": list(recording.notes),
        "caveats": [asdict(caveat) for caveat in recording.caveats],
        "build_s": recording.build_s,
        "run_s": recording.run_s,
    }
    # What read_recording adds from the run itself is not written twice.
    own = {key: value for key, value in recording.provenance.items() if key not in data}
    write_json(folder / RUN_FILE, data | ({"provenance": own} if own else {}))


def _report_file(variable: str) -> str:
    # A variable could be called like the file of spikes.
    return f"{variable}.h5" if f"{variable}.h5" != SPIKES_FILE else f"{variable}.report.h5"


@contextmanager
def _new_file(path: Path) -> Iterator[h5py.File]:
    """A SONATA file that takes the place of another when it is whole: its traces may be in use."""
    part = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["magic"] = np.uint32(_MAGIC)
            file.attrs["version"] = np.asarray(_VERSION, dtype=np.uint32)
            yield file
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_report(group: h5py.Group, trace: Trace) -> None:
    n_samples, n_cells = trace.values.shape
    # SONATA's readers accept single precision only; our own comparisons need every bit.
    data = group.create_dataset("data", trace.values.shape, np.float32)
    data[...] = trace.values
    data.attrs["units"] = trace.unit
    group.create_dataset(_DOUBLE, data=trace.values)
    mapping = group.create_group("mapping")
    ids = mapping.create_dataset("node_ids", data=trace.cells.astype(np.uint64))
    ids.attrs["sorted"] = np.uint8(bool(np.all(np.diff(trace.cells) >= 0)))
    mapping.create_dataset("index_pointers", data=np.arange(n_cells + 1, dtype=np.uint64))
    mapping.create_dataset("element_ids", data=np.zeros(n_cells, dtype=np.uint32))
    stop = trace.start_ms + n_samples * trace.dt_ms
    time = mapping.create_dataset("time", data=np.array([trace.start_ms, stop, trace.dt_ms]))
    time.attrs["units"] = "ms"


def read_run(folder: str | Path) -> dict[str, Any]:
    """The run.json of a folder; InputError if there is none."""
    path = Path(folder) / RUN_FILE
    data = read_json(read_text(path), str(path))
    if not isinstance(data, dict):
        raise InputError(str(path), "is no JSON object")
    return data


def read_recording(folder: str | Path) -> Recording:
    """A recording from a folder that `write_recording` wrote; InputError if something is missing.

    Its provenance is what is in run.json, together with the provenance that was written.
    """
    folder = Path(folder)
    run = read_run(folder)
    own = run.pop("provenance", {})
    if not isinstance(own, dict):
        raise InputError(str(folder / RUN_FILE), "its 'provenance' is no JSON object")
    try:
        header = _Header.model_validate(run)
    except ValidationError as error:
        raise InputError(str(folder / RUN_FILE), _first_complaint(error)) from error
    spikes = read_spikes(folder / SPIKES_FILE)
    traces: dict[tuple[str, str], Trace] = {}
    for variable in header.variables:
        for population, trace in read_report(folder / _report_file(variable)).items():
            traces[population, variable] = trace
    return Recording(
        duration_ms=header.duration_ms,
        dt_ms=header.dt_ms,
        spikes=spikes,
        traces=traces,
        sizes=header.sizes,
        notes=header.notes,
        caveats=tuple(Caveat(c.kind, c.where, c.why) for c in header.caveats),
        build_s=header.build_s,
        run_s=header.run_s,
        provenance={**own, **run},
    )


class _Caveat(BaseModel):
    kind: CaveatKind
    where: str
    why: str


class _Header(BaseModel):
    """What run.json has to say for its folder to be a recording."""

    duration_ms: float = Field(ge=0, allow_inf_nan=False)
    dt_ms: float = Field(gt=0, allow_inf_nan=False)
    sizes: dict[str, int]
    variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    caveats: tuple[_Caveat, ...] = ()
    build_s: float = 0.0
    run_s: float = 0.0


def _first_complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"lacks {place!r}"
    return f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}"


def read_spikes(path: str | Path) -> dict[str, Spikes]:
    """The spikes of a SONATA file by population, times in ms."""
    try:
        with h5py.File(path, "r") as file:
            found = {}
            for name, group in file["spikes"].items():
                times = np.asarray(group["timestamps"], dtype=np.float64)
                unit = group["timestamps"].attrs.get("units", "ms")
                if unit not in ("ms", b"ms"):
                    raise InputError(str(path), f"spike times in {unit!r}; 'ms' is needed")
                found[name] = Spikes.sorted(times, np.asarray(group["node_ids"], dtype=np.int64))
            return found
    except InputError:
        raise
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(str(path), f"is no SONATA spike file: {what_is_wrong(error)}") from error


def read_report(path: str | Path) -> dict[str, Trace]:
    """The traces of a SONATA report by population, in internal units.

    Values in another unit of the same dimension (V) are converted; a unit that is not known is kept.
    """
    try:
        with h5py.File(path, "r") as file:
            found = {}
            for name, group in file["report"].items():
                start, _, dt = (float(x) for x in group["mapping/time"])
                unit = group["data"].attrs.get("units", "1")
                values, unit = _in_internal_unit(
                    _samples(path, group.get(_DOUBLE, group["data"])),
                    unit.decode() if isinstance(unit, bytes) else str(unit),
                )
                cells = np.asarray(group["mapping/node_ids"])
                if values.ndim != 2 or cells.shape != values.shape[1:] or not dt > 0:
                    raise InputError(
                        str(path),
                        f"{name}: samples of shape {values.shape} every {dt:g} ms do not fit "
                        f"{cells.size} cells",
                    )
                found[name] = Trace(
                    values,
                    cells.astype(np.int32),
                    unit,
                    start,
                    dt,
                )
            return found
    except InputError:
        raise
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(str(path), f"is no SONATA report: {what_is_wrong(error)}") from error


def _samples(path: str | Path, data: h5py.Dataset) -> Floats:
    """Samples as float64: large ones stay in the file, of which the system reads what is asked for."""
    if data.dtype == np.float64 and data.size >= _LARGE and data.chunks is None:
        offset = data.id.get_offset()
        if offset is not None:
            mapped = np.memmap(path, data.dtype, "r", offset, data.shape)
            # A file with a block of its user's before the data counts from another place.
            if np.array_equal(mapped[0], data[0], equal_nan=True):
                return mapped.view(np.ndarray)
    values = np.empty(data.shape)
    if data.size:
        data.read_direct(values)
    return values


def _in_internal_unit(values: Floats, unit: str) -> tuple[Floats, str]:
    try:
        factor, dimension = parse_unit(unit)
    except InputError:
        return values, unit
    if factor == 1:
        return values, unit
    return values * float(factor), internal_unit(dimension)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2, ensure_ascii=False, default=float)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
