"""SONATA files of others: spikes and reports in the layouts, units and numbers of elements there are.

Format: https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md; and the older one
with the data sets ``/spikes/gids`` and ``/spikes/timestamps``, or ``/data`` and ``/mapping/gids``, for one
population without a name.
"""

from __future__ import annotations

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
from .clocks import array_times
from .found import Found
from .ids import Ids, whole_ids
from .reading import time_unit
from .sampled import in_internal
from .time_steps import check_times

_IDS = ("node_ids", "gids", "node_id", "ids")
_OF_A_NETWORK = {"nodes", "edges"}
_SAYS_NOTHING = {
    "report",
    "reports",
    "output",
    "data",
    "compartment_report",
    "soma_report",
    "membrane_report",
    "cell_vars",
    "traces",
}
"""Names of files that do not say which variable is in them."""
_OURS = "data_float64"
_AT_MOST = 200
"""Elements of a cell (compartments) whose traces are read."""


def read_sonata(path: Path, found: Found) -> None:
    """Add the spikes and reports of a SONATA file to *found*; what else is in it is named as left out.

    Raises InputError naming the file and the place in it, also if it holds neither.
    """
    with open_hdf5(path) as file:
        names = names_of(file)
        known = {"spikes", "report"} & set(names)
        old_report = {"data", "mapping"} <= set(names)
        if not known and not old_report:
            listed = ", ".join(sorted(names)[:12]) or "nothing"
            raise InputError(str(path), f"has neither /spikes nor /report but {listed}")
        if "spikes" in names:
            _all_spikes(_needed(file, "spikes"), path, found)
        if "report" in names:
            report = _needed(file, "report")
            for name in names_of(report):
                _report(_needed(report, name), name, path, found)
        elif old_report:
            found.base = path.stem
            _report(file, path.stem, path, found)
        for name in sorted(set(names) - known - ({"data", "mapping"} if old_report else set())):
            what = f"/{name}"
            if name in _OF_A_NETWORK:
                found.assumed(what, "describes a network and is no recording")
            else:
                found.left_out(what, "is neither spikes nor a report")


def _needed(group: h5py.Group, name: str) -> h5py.Group:
    found = group_in(group, name)
    if found is None:
        raise InputError(f"{group.file.filename}, {group.name}", f"lacks the group {name!r}")
    return found


def _all_spikes(group: h5py.Group, path: Path, found: Found) -> None:
    names = names_of(group)
    if "timestamps" in names:
        found.base = path.stem
        _spikes(group, path.stem, path, found)
        return
    for name in names:
        item = member(group, name)
        if isinstance(item, h5py.Group):
            _spikes(item, name, path, found)
        else:
            found.left_out(f"/spikes/{name}", "is no population")


def _spikes(group: h5py.Group, population: str, path: Path, found: Found) -> None:
    where = f"{path}, {group.name}"
    names = set(names_of(group))
    values = array_in(group, "timestamps")
    key = next((name for name in _IDS if name in names), None)
    ids = None if key is None else array_in(group, key)
    if values is None or ids is None:
        lacks = "timestamps" if values is None else "node_ids"
        raise InputError(where, f"lacks the data set {lacks!r}")
    if values.shape != ids.shape:
        raise InputError(where, f"has {values.size:,} timestamps and {ids.size:,} {key}")
    cells = whole_ids(ids, f"{where}/{key}", found.reading.ids_from)
    times = _times(group, "timestamps", values, path, found)
    found.add_spikes(population, Spikes.sorted(times, cells))
    for name in sorted(names - {"timestamps", key or "", "sorting"}):
        found.left_out(f"{group.name}/{name}", "is neither times nor cells")


def _times(group: h5py.Group, name: str, values: Any, path: Path, found: Found) -> Floats:
    """Times in ms by the unit that the file names; what it does not is said."""
    where = f"{path}, {group.name}/{name}"
    item = dataset_in(group, name)
    assert item is not None
    said = text_attribute(item, "units") or text_attribute(item, "unit")
    given = found.reading.time_unit
    unit = given or "ms"
    if said is not None:
        own = time_unit(said)
        if own is None:
            raise InputError(where, f"is in {said!r}; times are read in ns, us, ms, s, min")
        if given not in (None, own):
            raise InputError(where, f"is in {own}; --unit {given} contradicts it")
        unit = own
    elif given is None and values.size:
        found.assumed(f"{group.name}/{name}", "has no unit; read as ms, as SONATA has it")
    times = array_times(values, unit, where)
    check_times(times, where)
    return times


def _report(group: h5py.Group, population: str, path: Path, found: Found) -> None:
    where = f"{path}, {group.name}"
    mapping = _needed(group, "mapping")
    data = dataset_in(group, _OURS) or dataset_in(group, "data")
    if data is None:
        raise InputError(where, "lacks the data set 'data'")
    start, step, stop = _grid(mapping, path, found)
    columns = _columns(mapping, where, found)
    if data.ndim != 2 or data.shape[1] != columns.ids.size:
        raise InputError(
            where,
            f"samples of shape {data.shape} do not fit {columns.ids.size} "
            f"element{'s' if columns.ids.size != 1 else ''} of cells; (samples, elements) is needed",
        )
    values = np.asarray(data[()], dtype=np.float64)
    end = start + values.shape[0] * step
    if abs(end - stop) > 1.5 * step:
        found.left_out(
            f"{group.name}", f"says that it ends at {stop:g} ms, but its samples end at {end:g} ms"
        )
    variable, unit = _variable(group, path, found)
    values, unit = in_internal(values, variable, unit, where, found)
    for name, chosen in columns.by_element(variable):
        if len(found.traces) >= _AT_MOST:
            found.left_out(f"{group.name}, {name}", f"is beyond {_AT_MOST} elements")
            continue
        found.add_trace(
            population, name, Trace(values[:, chosen], columns.ids[chosen], unit, start, step)
        )


def _grid(mapping: h5py.Group, path: Path, found: Found) -> tuple[float, float, float]:
    """Start, step and stop of a report in ms."""
    where = f"{path}, {mapping.name}/time"
    values = array_in(mapping, "time")
    if values is None or values.size != 3:
        raise InputError(where, "has to be the three numbers start, stop, dt")
    start, stop, step = (float(t) for t in _times(mapping, "time", values, path, found))
    if not step > 0:
        raise InputError(where, f"has the step {step:g} ms; it has to be > 0")
    return start, step, stop


class _Columns:
    """Of which cell, and of which element of it, the columns of a report are."""

    def __init__(self, ids: Ids, elements: Any) -> None:
        self.ids = ids
        self.elements = elements

    def by_element(self, variable: str) -> list[tuple[str, Any]]:
        """The columns of one trace each: ``v``, or ``v[0]``, ``v[1]`` where cells have several elements."""
        order = np.lexsort((self.elements, self.ids))
        ids, elements = self.ids[order], self.elements[order]
        first = np.r_[True, ids[1:] != ids[:-1]] if ids.size else np.empty(0, dtype=bool)
        if first.all():
            return [(variable, np.arange(self.ids.size))]
        again = np.r_[False, (ids[1:] == ids[:-1]) & (elements[1:] == elements[:-1])]
        if again.any():  # several segments of one section: told by their order
            starts = np.maximum.accumulate(np.where(first, np.arange(ids.size), 0))
            elements = np.arange(ids.size) - starts
        return [
            (f"{variable}[{element}]", np.sort(order[elements == element]))
            for element in np.unique(elements).tolist()
        ]


def _columns(mapping: h5py.Group, where: str, found: Found) -> _Columns:
    names = set(names_of(mapping))
    key = next((name for name in _IDS if name in names), None)
    values = None if key is None else array_in(mapping, key)
    if values is None:
        raise InputError(f"{where}/mapping", "lacks the data set 'node_ids'")
    ids = whole_ids(values, f"{where}/mapping/{key}", found.reading.ids_from)
    elements = _first(mapping, ("element_ids", "element_id"))
    pointers = _first(mapping, ("index_pointers", "index_pointer"))
    if pointers is not None:
        pointers = whole_ids(pointers, f"{where}/mapping/index_pointers").astype(np.int64)
        if pointers.size == ids.size:  # the old layout leaves the last one out
            pointers = np.append(pointers, elements.size if elements is not None else ids.size)
        counts = np.diff(pointers)
        if pointers.size != ids.size + 1 or (counts < 0).any() or (ids.size and pointers[0] != 0):
            raise InputError(
                f"{where}/mapping",
                f"has {pointers.size} index_pointers that do not fit {ids.size} cells",
            )
        if counts.sum() > 10 * (elements.size if elements is not None else ids.size) + 1000:
            raise InputError(f"{where}/mapping", "has index_pointers beyond its elements")
        ids = np.repeat(ids, counts)
    if elements is None or elements.size != ids.size:
        elements = np.zeros(ids.size)
    return _Columns(ids, elements)


def _first(group: h5py.Group, names: tuple[str, ...]) -> Any | None:
    found = [array for name in names if (array := array_in(group, name)) is not None]
    return found[0] if found else None


def _variable(group: h5py.Group, path: Path, found: Found) -> tuple[str, str]:
    """What a report is of, and its unit, "" if the file does not say it."""
    data = dataset_in(group, "data")
    items = [item for item in (data, group, group.file) if item is not None]
    unit = next((u for item in items if (u := text_attribute(item, "units"))), "")
    said = next(
        (
            v
            for item in items
            for key in ("variable", "variable_name")
            if (v := text_attribute(item, key))
        ),
        None,
    )
    given = found.reading.variable
    if said is not None:
        if given not in (None, said):
            raise InputError(
                str(path), f"is a report of {said!r}; --variable {given} contradicts it"
            )
        return said, unit
    if given is not None:
        return given, unit
    if path.stem.lower() in _SAYS_NOTHING:
        if not unit:
            raise InputError(
                str(path), "is a report that names neither variable nor unit; say it: --variable v"
            )
        found.assumed("", f"does not name its variable: called {path.stem!r}, by the file")
    return path.stem.removesuffix(".report"), unit
