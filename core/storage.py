"""Recordings as SONATA HDF5 (spikes.h5, one report a variable) with a run.json beside them.

Format: https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from .cache import allow_others
from .caveats import Caveat, CaveatKind
from .complaints import complaint
from .errors import InputError, MachineError
from .reading import read_json, read_text
from .recording import Recording, Spikes, Trace
from .safe_hdf5 import array_in, dataset_in, group_in, names_of, open_hdf5, text_attribute
from .units import internal_unit, parse_unit
from .values import Floats

RUN_FILE = "run.json"
SPIKES_FILE = "spikes.h5"
_DOUBLE = "data_float64"
_MAGIC = 0x0A7A
_VERSION = (0, 1)
_BY_TIME = 2
_LARGE = 2_000_000
_OVERHEAD = 32_000
"""Bytes that a file holds beside its numbers, at most."""


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of *target* when the block ends without an error.

    Nothing half-written is ever seen under *target*; of two processes that write one target, the later wins.
    Raises InputError when *target* holds something else than a run.
    """
    target = Path(target)
    if target.is_symlink():
        target = target.resolve()  # the link stays, what it leads to is replaced
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
    with _new_file(
        folder / SPIKES_FILE, sum(16 * len(s) for s in recording.spikes.values())
    ) as file:
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
        n_bytes = sum(12 * t.values.size + 24 * t.cells.size for t in traces.values())
        with _new_file(folder / _report_file(variable), n_bytes) as file:
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
def _new_file(path: Path, n_bytes: int) -> Iterator[h5py.File]:
    """A SONATA file that takes the place of another when it is whole: its traces may be in use.

    It will hold about so many bytes.
    """
    _check_room(path, n_bytes + _OVERHEAD)
    part = path.with_name(f".{path.name}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["magic"] = np.uint32(_MAGIC)
            file.attrs["version"] = np.asarray(_VERSION, dtype=np.uint32)
            yield file
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        raise _not_written(error, path) from error
    finally:
        part.unlink(missing_ok=True)


def _check_room(path: Path, n_bytes: int) -> None:
    """MachineError where a file would not fit: HDF5 may crash when a disk is full in the middle of one."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and n_bytes > limit:
        raise MachineError.of(OSError(errno.EFBIG, ""), str(path.parent))
    disk = os.statvfs(path.parent)
    if n_bytes > disk.f_bavail * disk.f_frsize:
        raise MachineError.of(OSError(errno.ENOSPC, ""), str(path.parent))


def _not_written(error: Exception, path: Path) -> Exception:
    """What HDF5 says of a full disk, as what it is; any other error as it is."""
    errno_named = re.search(r"errno = (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else None
    number = int(errno_named[1]) if errno_named is not None else number
    return error if number is None else MachineError.of(OSError(number, ""), str(path.parent))


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
    run.pop("seal", None)
    if not isinstance(own, dict):
        raise InputError(str(folder / RUN_FILE), "its 'provenance' is no JSON object")
    try:
        header = _Header.model_validate(run)
    except ValidationError as error:
        raise InputError(str(folder / RUN_FILE), _first_complaint(error)) from error
    spikes = read_spikes(folder / SPIKES_FILE)
    traces: dict[tuple[str, str], Trace] = {}
    for variable in header.variables:
        if not variable or Path(variable).name != variable or variable == ".." or "\0" in variable:
            raise InputError(
                str(folder / RUN_FILE), f"variables: {variable!r} is no name of a variable"
            )
        for population, trace in read_report(folder / _report_file(variable)).items():
            traces[population, variable] = trace
    _check_sizes(folder, header.sizes, spikes, traces)
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


def _check_sizes(
    folder: Path,
    sizes: Mapping[str, int],
    spikes: Mapping[str, Spikes],
    traces: Mapping[tuple[str, str], Trace],
) -> None:
    """InputError where a spike or trace is of a cell beyond the size that run.json gives."""
    seen = [(name, "a spike", s.cells) for name, s in spikes.items()]
    seen += [(name, f"a trace of {variable}", t.cells) for (name, variable), t in traces.items()]
    for name, what, cells in seen:
        if not cells.size:
            continue
        size = sizes.get(name)
        if size is None:
            raise InputError(
                str(folder / RUN_FILE), f"sizes: lacks {name!r}, of which there is {what}"
            )
        if cells.max() >= size:
            raise InputError(
                str(folder / RUN_FILE),
                f"sizes.{name}: {size}, but there is {what} of cell {cells.max()}",
            )


class _Caveat(BaseModel):
    kind: CaveatKind
    where: str
    why: str


class _Header(BaseModel):
    """What run.json has to say for its folder to be a recording."""

    duration_ms: float = Field(ge=0, allow_inf_nan=False)
    dt_ms: float = Field(gt=0, allow_inf_nan=False)
    sizes: dict[str, Annotated[int, Field(ge=0, le=2**31)]]
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
    if first["type"] == "extra_forbidden":
        return f"there is no {place!r} in it"
    return f"{place}: {complaint(first)}"


def read_spikes(path: str | Path) -> dict[str, Spikes]:
    """The spikes of a SONATA file by population, times in ms."""
    with open_hdf5(path) as file:
        everything = group_in(file, "spikes")
        if everything is None:
            raise InputError(str(path), "is no SONATA spike file: there is no group 'spikes' in it")
        spikes = {}
        for name in names_of(everything):
            group = group_in(everything, name)
            times = None if group is None else array_in(group, "timestamps")
            cells = None if group is None else array_in(group, "node_ids")
            if group is None or times is None or cells is None:
                raise InputError(str(path), f"spikes/{name} lacks timestamps or node_ids")
            unit = text_attribute(group["timestamps"], "units") or "ms"
            if unit != "ms":
                raise InputError(str(path), f"spike times in {unit!r}; 'ms' is needed")
            if times.shape != cells.shape:
                raise InputError(
                    str(path), f"spikes/{name} has {times.size} times, but {cells.size} cells"
                )
            if not np.isfinite(times).all():
                raise InputError(str(path), f"spikes/{name} has a time that is no finite number")
            spikes[name] = Spikes.sorted(times, _cell_numbers(cells, f"{path}, spikes/{name}"))
        return spikes


def _cell_numbers(given: Any, where: str) -> NDArray[np.int32]:
    """Numbers of cells as they are kept; InputError for what is none."""
    numbers = np.asarray(given)
    wrong = (numbers < 0) | (numbers >= 2**31) | (numbers != np.floor(numbers))
    if wrong.any():
        shown = numbers[wrong].ravel()[0]
        raise InputError(where, f"{shown} is no number of a cell; they are whole, from 0 on")
    return numbers.astype(np.int32)


def read_report(path: str | Path) -> dict[str, Trace]:
    """The traces of a SONATA report by population, in internal units.

    Values in another unit of the same dimension (V) are converted; a unit that is not known is kept.
    """
    with open_hdf5(path) as file:
        everything = group_in(file, "report")
        if everything is None:
            raise InputError(str(path), "is no SONATA report: there is no group 'report' in it")
        traces = {}
        for name in names_of(everything):
            group = group_in(everything, name)
            mapping = None if group is None else group_in(group, "mapping")
            data = None if group is None else dataset_in(group, "data")
            times = None if mapping is None else array_in(mapping, "time")
            cells = None if mapping is None else array_in(mapping, "node_ids")
            if group is None or data is None or times is None or cells is None or times.size != 3:
                raise InputError(
                    str(path), f"report/{name} lacks data, mapping/node_ids or mapping/time"
                )
            start, _, dt = (float(x) for x in times)
            unit = text_attribute(data, "units") or "1"
            double = dataset_in(group, _DOUBLE)
            values, unit = _in_internal_unit(
                _samples(path, data if double is None else double), unit
            )
            if (
                values.ndim != 2
                or cells.shape != values.shape[1:]
                or not dt > 0
                or not np.isfinite([start, dt]).all()
            ):
                raise InputError(
                    str(path),
                    f"{name}: samples of shape {values.shape} every {dt:g} ms do not fit "
                    f"{cells.size} cells",
                )
            numbers = _cell_numbers(cells, f"{path}, report/{name}")
            traces[name] = Trace(values, numbers, unit, start, dt)
        return traces


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
        allow_others(temporary)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
