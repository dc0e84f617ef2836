"""NWB files, read as the HDF5 that they are: units with their ids, time series, and what else is in them.

Format: https://nwb-schema.readthedocs.io (NWB 2). Times are in s; samples are ``conversion · data + offset``.
Neo reads these files too, but without the ids of units and without saying what it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ....core.errors import InputError
from ....core.recording import Spikes, Trace
from ....core.safe_hdf5 import (
    array_in,
    dataset_in,
    group_in,
    member,
    names_of,
    open_hdf5,
    text_attribute,
)
from ....core.values import Floats
from .found import Found
from .ids import whole_ids
from .reading import in_ms
from .sampled import in_internal, trace_of
from .table import scaled
from .time_steps import check_times

_WHERE = ("acquisition", "stimulus", "processing", "analysis", "scratch", "intervals")
"""Groups that hold data; the others describe the experiment."""
_OF_SPIKES = {"id", "spike_times", "spike_times_index"}


def read_nwb(path: Path, found: Found) -> None:
    """Add the units and time series of an NWB file to *found*; InputError if it is none."""
    with open_hdf5(path) as file:
        version = text_attribute(file, "nwb_version")
        if version is None:
            raise InputError(str(path), "is HDF5, but no NWB 2 file: it has no nwb_version")
        found.base = path.stem
        units = group_in(file, "units")
        if units is not None:
            _units(units, path, found)
        for name in _WHERE:
            group = group_in(file, name)
            for place, series in _series(group) if group is not None else ():
                _trace(place, series, path, found)


def _units(group: h5py.Group, path: Path, found: Found) -> None:
    where = f"{path}, /units"
    times, ends = array_in(group, "spike_times"), array_in(group, "spike_times_index")
    if times is None or ends is None:
        found.left_out("/units", "has no spike times")
        return
    ids = array_in(group, "id")
    ends = whole_ids(ends, f"{where}/spike_times_index").astype(np.int64)
    counts = np.diff(np.r_[0, ends])
    if (counts < 0).any() or (ends.size and ends[-1] != times.size):
        raise InputError(
            f"{where}/spike_times_index", f"does not divide {times.size:,} spike times"
        )
    if ids is None or ids.shape != ends.shape:
        raise InputError(f"{where}/id", f"does not fit {ends.size} units")
    cells = whole_ids(ids, f"{where}/id", found.reading.ids_from)
    in_file = scaled(np.asarray(times, dtype=np.float64), in_ms("s"))
    check_times(in_file, f"{where}/spike_times")
    size = int(cells.max()) + 1 if cells.size else 0
    found.add_spikes(path.stem, Spikes.sorted(in_file, np.repeat(cells, counts)), size)
    for name in sorted(set(names_of(group)) - _OF_SPIKES):
        found.left_out(f"/units/{name}", "is neither times nor ids of spikes")


def _series(group: h5py.Group, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """What holds data in a group and in the groups in it, by its name."""
    for name in names_of(group):
        item = member(group, name)
        if isinstance(item, h5py.Group) and "data" not in names_of(item) and depth < 4:
            if names_of(item):
                yield from _series(item, depth + 1)
        else:
            yield name, item


def _trace(name: str, item: Any, path: Path, found: Found) -> None:
    what = f"{item.name}"
    data = dataset_in(item, "data") if isinstance(item, h5py.Group) and _has_numbers(item) else None
    if data is None or data.ndim not in (1, 2) or data.shape[0] < 2:
        found.left_out(what, "is no series of numbers in time")
        return
    where = f"{path}, {item.name}"
    factor, offset = (
        float(data.attrs.get(key, d)) for key, d in (("conversion", 1.0), ("offset", 0.0))
    )
    values = np.asarray(data[()], dtype=np.float64)
    values = values * factor + offset if (factor, offset) != (1.0, 0.0) else values
    values = values[:, None] if values.ndim == 1 else values
    unit = text_attribute(data, "unit") or ""
    values, unit = in_internal(values, name, unit, where, found)
    cells = np.arange(values.shape[1], dtype=np.int32)
    stamps = array_in(item, "timestamps")
    if stamps is not None:
        if stamps.shape != values.shape[:1]:
            raise InputError(
                where, f"has {stamps.size:,} timestamps for {values.shape[0]:,} samples"
            )
        times = scaled(np.asarray(stamps, dtype=np.float64), in_ms("s"))
        check_times(times, where)
        found.add_trace(path.stem, name, trace_of(times, values, cells, unit, where))
        return
    start, step = _grid(item, where)
    found.add_trace(path.stem, name, Trace(values, cells, unit, start, step))


def _has_numbers(group: h5py.Group) -> bool:
    data = member(group, "data")
    return isinstance(data, h5py.Dataset) and data.dtype.kind in "iuf" and data.shape is not None


def _grid(item: h5py.Group, where: str) -> tuple[float, float]:
    """Start and step of a regular series in ms."""
    start = array_in(item, "starting_time", 0)
    begin = dataset_in(item, "starting_time")
    rate = None if begin is None else begin.attrs.get("rate")
    if start is None or rate is None or not float(rate) > 0:
        raise InputError(where, "has neither timestamps nor a starting_time with a rate > 0")
    grid: Floats = np.array(
        [float(start) * 1000.0, float(Decimal(1000) / Decimal(repr(float(rate))))]
    )
    check_times(grid, where)
    # 0.1 and not 0.0999…98 for 10 kHz.
    return float(grid[0]), float(f"{grid[1]:.12g}")
