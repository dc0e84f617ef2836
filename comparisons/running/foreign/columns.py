"""A `Table` as spikes or traces: which column is which, in which unit, of which cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import InputError
from ....core.recording import Spikes
from .clocks import spike_times
from .found import Found
from .headers import Column, meaning
from .ids import Ids, named_ids, split_name, whole_ids
from .sampled import is_long_form, long_traces, wide_traces
from .table import Table


@dataclass(frozen=True, eq=False)
class Roles:
    """Which columns of a table are what, by their place; None where there is none."""

    time: int | None
    cell: int | None
    population: int | None
    segment: int | None
    offset: int | None
    values: tuple[int, ...]
    meanings: tuple[Column, ...]


def read_table(table: Table, population: str, found: Found) -> None:
    """Add what a table holds to *found*: spikes, or traces where there is no column of cells."""
    found.made_by = found.made_by or _made_by(table)
    if not table.headed:
        table = _headed(table, found)
    roles = _roles(table, found)
    if roles.time is None:
        known = ", ".join(name or "?" for name in table.names[:12])
        raise InputError(
            table.where,
            f"has no column of times; call it 'time (ms)' or 'time (s)' (it has: {known})",
        )
    numeric = [k for k in roles.values if table.is_numeric(k)]
    if roles.cell is None:
        _without_cells(table, roles, numeric, population, found)
    elif numeric and is_long_form(table, roles, numeric):
        long_traces(table, roles, numeric, population, found)
        _leave_out(table, [k for k in roles.values if k not in numeric], found)
    else:
        _spikes(table, roles, population, found)
        _leave_out(table, roles.values, found)


_PROGRAM = re.compile(
    r"\b(NEST|NEURON|Brian ?2?|Arbor|GeNN|PyNN|NetPyNE|BMTK|Neo)\b\D{0,20}(\d+\.\d[\w.+-]*)",
    re.IGNORECASE,
)


def _made_by(table: Table) -> str:
    """The program that wrote a table, with its version, as its comments say it."""
    match = next((m for remark in table.remarks if (m := _PROGRAM.search(remark))), None)
    return "" if match is None else f"{match[1]} {match[2]}"


def _leave_out(table: Table, columns: Iterable[int], found: Found) -> None:
    for k in columns:
        found.left_out(f"column {table.names[k] or k + 1!r}", "is neither a time nor a cell")


def _without_cells(
    table: Table, roles: Roles, numeric: list[int], population: str, found: Found
) -> None:
    if not roles.values:
        # One column: the spikes of one cell.
        found.assumed("cells", "the file names none; all spikes are of cell 0")
        _spikes(table, roles, population, found)
        return
    if not numeric or table.n_rows < 2:
        raise InputError(
            table.where,
            "has no column of cells, and no samples of a trace; call the cells 'cell' "
            f"(it has: {', '.join(n or '?' for n in table.names[:12])})",
        )
    wide_traces(table, roles, numeric, population, found)
    _leave_out(table, [k for k in roles.values if k not in numeric], found)


def _headed(table: Table, found: Found) -> Table:
    """A table without a header with the names that its numbers allow, which are said."""
    names = _names_by_numbers(table)
    found.assumed("columns", f"there is no header; read as {', '.join(names)}")
    return Table(table.where, names, table.columns, True, table.units, table.lines, table.remarks)


def _names_by_numbers(table: Table) -> tuple[str, ...]:
    width = len(table.columns)
    if width == 1:
        return ("time",)
    advice = "write a header, such as time (ms),cell"
    if width > 2:
        raise InputError(table.where, f"has {width} columns and no header; {advice}")
    if not table.n_rows:
        return ("time", "cell")
    whole = [_is_whole(table, k) for k in range(2)]
    if table.where.lower().endswith(".gdf"):  # NEST: the cell stands first
        whole = [whole[0], False]
    if whole == [True, False]:
        return ("cell", "time")
    if whole == [False, True] or not table.is_numeric(1):
        return ("time", "cell")
    if not table.is_numeric(0):
        return ("cell", "time")
    which = "either can be the cell" if all(whole) else "neither holds whole numbers, as cells do"
    raise InputError(table.where, f"has two columns, no header, and {which}; {advice}")


def _is_whole(table: Table, column: int) -> bool:
    if not table.is_numeric(column):
        return False
    values = table.numbers(column, missing=True)
    texts = table.columns[column]
    # 12.0 stands for a time even if all are whole.
    pointed = texts.dtype.kind == "U" and any("." in text for text in texts.tolist())
    return not pointed and bool(np.all(values == np.floor(values)))


def _roles(table: Table, found: Found) -> Roles:
    meanings = tuple(meaning(name) for name in table.names)
    places: dict[str, list[int]] = {}
    for k, column in enumerate(meanings):
        places.setdefault(column.role, []).append(k)
    times = places.get("time", []) + places.get("step", [])
    spare: list[int] = []
    if len(times) > 1:
        spare += times[1:]
        times = times[:1]
    cells = places.get("cell", [])
    counted = [k for k, name in enumerate(table.names) if _is_row_number(table, k, name)]
    if len(cells) > 1:
        cells = [k for k in cells if k not in counted] or cells
        spare += cells[1:]
        cells = cells[:1]
    taken = {*times, *cells, *spare}
    chosen: dict[str, int | None] = {}
    for role in ("population", "segment", "offset"):
        there = places.get(role, [])
        chosen[role] = there[0] if there else None
        spare += there[1:]
        taken |= set(there[:1])
    values = tuple(
        k for k in range(len(meanings)) if k in spare or (k not in taken and k not in counted)
    )
    return Roles(
        times[0] if times else None,
        cells[0] if cells else None,
        chosen["population"],
        chosen["segment"],
        chosen["offset"],
        values,
        meanings,
    )


def _is_row_number(table: Table, column: int, name: str) -> bool:
    """Whether a column only counts the rows, as pandas writes its index without a name."""
    if name.strip() and name.strip().lower() not in ("index", "unnamed: 0", "row"):
        return False
    if not table.n_rows or not table.is_numeric(column):
        return not table.n_rows and not name.strip()
    values = table.numbers(column, missing=True)
    steps = np.arange(values.size)
    return bool(np.array_equal(values, steps) or np.array_equal(values, steps + 1))


def _spikes(table: Table, roles: Roles, population: str, found: Found) -> None:
    assert roles.time is not None
    names = _populations(table, roles, population)
    if roles.population is None:
        found.base = population
    cells, from_names, labels = _cells(table, roles, found)
    if from_names is not None:
        names = from_names
        found.base = ""
    times = spike_times(table, roles.time, roles.offset, roles.meanings, cells, found)
    if not names.size:
        found.add_spikes(population, Spikes.sorted(times, cells))
    for name in dict.fromkeys(names.tolist()):
        inside = names == name
        found.add_spikes(str(name), Spikes.sorted(times[inside], cells[inside]))
        if labels:
            found.labels[str(name)] = labels
            found.sizes[str(name)] = len(labels)


def _populations(table: Table, roles: Roles, population: str) -> NDArray[Any]:
    """The population of every row, with its segment where the table has several."""
    names = np.full(table.n_rows, population)
    if roles.population is not None:
        names = np.array([str(name).strip() for name in table.columns[roles.population].tolist()])
    if roles.segment is not None and len(set(table.columns[roles.segment].tolist())) > 1:
        title = table.names[roles.segment]
        segments = table.columns[roles.segment].tolist()
        pairs = zip(names.tolist(), segments, strict=True)
        names = np.array([f"{name} [{title} {segment}]" for name, segment in pairs])
    return names


def _cells(
    table: Table, roles: Roles, found: Found
) -> tuple[Ids, NDArray[Any] | None, tuple[str, ...]]:
    """The cell of every row; the populations and the labels that names of cells tell."""
    if roles.cell is None:
        return np.zeros(table.n_rows, dtype=np.int32), None, ()
    first = found.reading.ids_from
    column = table.columns[roles.cell]
    where = f"{table.where}, column {table.names[roles.cell]!r}"
    if table.is_numeric(roles.cell):
        if column.dtype.kind in "iuf":
            return whole_ids(column, where, first), None, ()
        return whole_ids(table.numbers(roles.cell), where, first), None, ()
    texts = [str(name).strip() for name in column.tolist()]
    parts = [split_name(name) for name in texts]
    if all(part is not None and part[0] for part in parts):
        prefixes = [part[0] for part in parts if part is not None]
        numbers = np.array([part[1] for part in parts if part is not None], dtype=np.int64)
        several = len(set(prefixes)) > 1
        if several and roles.population is None:
            found.assumed(
                "populations",
                f"are read from the names of the cells ({', '.join(sorted(set(prefixes))[:6])})",
            )
            return whole_ids(numbers, where, first), np.array(prefixes), ()
        if not several:
            found.assumed("cells", f"{texts[0]!r} is read as cell {numbers[0] - first}")
            return whole_ids(numbers, where, first), None, ()
    if all(part is None or part[0] for part in parts) and "" not in texts:
        ids, labels = named_ids(np.array(texts))
        found.assumed("cells", f"have names ({', '.join(labels[:4])}), which are matched by name")
        return ids, None, labels
    row = next((k for k, part in enumerate(parts) if part is None), 0)
    raise InputError(
        table.place(row, roles.cell),
        f"{texts[row]!r} is no id, while others in the column are numbers",
    )
