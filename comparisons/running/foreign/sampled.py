"""Traces in a table: a column a cell (``t, v_0, v_1``), or long (``t, cell, v``)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import InputError
from ....core.recording import Trace
from ....core.units import internal_unit, parse_unit
from ....core.values import Floats
from .clocks import sample_times
from .found import Found
from .headers import VOLTAGES, Column, canonical
from .ids import whole_ids
from .table import Table
from .time_steps import regular

if TYPE_CHECKING:
    from .columns import Roles

LOW_MV = 1.0
"""A membrane potential that never leaves ±this is in V, or is none."""


def wide_traces(
    table: Table, roles: Roles, columns: Sequence[int], population: str, found: Found
) -> None:
    """Traces of a table whose every column is one cell, or one variable of cell 0."""
    assert roles.time is not None
    times = sample_times(table, roles.time, roles.meanings, found)
    found.base = population
    groups: dict[tuple[str, str], list[int]] = {}
    for k in columns:
        column = roles.meanings[k]
        groups.setdefault((_variable(column, found), _own_unit(table, k, column)), []).append(k)
    for (variable, own), members in groups.items():
        cells = [roles.meanings[k].cell for k in members]
        if len(set(cells)) < len(cells):
            names = ", ".join(repr(table.names[k]) for k in members[:4])
            raise InputError(
                table.where, f"columns {names} are one cell of {variable}; name them apart"
            )
        ids = whole_ids(np.array(cells), table.where, 0 if cells == [0] else found.reading.ids_from)
        values = np.column_stack([table.numbers(k, missing=True) for k in members])
        values, unit = in_internal(values, variable, own, table.where, found)
        order = np.argsort(ids, kind="stable")
        trace = trace_of(times, values[:, order], ids[order], unit, f"{table.where}, {variable}")
        found.add_trace(population, variable, trace)


def is_long_form(table: Table, roles: Roles, columns: Sequence[int]) -> bool:
    """Whether a table of times, cells and values has a sample of every cell at every time."""
    assert roles.time is not None
    assert roles.cell is not None
    if table.n_rows < 2 or not table.is_numeric(roles.time):
        return False
    times = table.numbers(roles.time, missing=True)
    cells, counts = np.unique(table.columns[roles.cell], return_counts=True)
    distinct = np.unique(times)
    full = distinct.size >= 2 and bool((counts == distinct.size).all())
    if not full or distinct.size * cells.size != times.size:
        return False
    named = any(_is_voltage(roles.meanings[k]) or roles.meanings[k].unit for k in columns)
    return named or (regular(distinct) is not None and (distinct.size > 2 or cells.size > 1))


def long_traces(
    table: Table, roles: Roles, columns: Sequence[int], population: str, found: Found
) -> None:
    """Traces of a table with a row for every sample of every cell."""
    assert roles.time is not None
    assert roles.cell is not None
    place = f"{table.where}, column {table.names[roles.cell]!r}"
    ids = whole_ids(table.numbers(roles.cell), place, found.reading.ids_from)
    if roles.population is not None and len(set(table.columns[roles.population].tolist())) > 1:
        raise InputError(
            table.where, "has traces of several populations in one table; write one a file"
        )
    times = sample_times(table, roles.time, roles.meanings, found)
    found.base = population
    cells = np.unique(ids)
    order = np.lexsort((ids, times))
    grid = times[order].reshape(-1, cells.size)
    if not np.array_equal(grid, np.broadcast_to(grid[:, :1], grid.shape)):
        raise InputError(table.where, "has a cell twice at one time; one sample of each is needed")
    for k in columns:
        column = roles.meanings[k]
        variable = _variable(column, found)
        values = table.numbers(k, missing=True)[order].reshape(grid.shape)
        values, unit = in_internal(
            values, variable, _own_unit(table, k, column), table.where, found
        )
        found.add_trace(
            population,
            variable,
            trace_of(grid[:, 0], values, cells, unit, f"{table.where}, {variable}"),
        )


def trace_of(times: Floats, values: Floats, cells: object, unit: str, where: str) -> Trace:
    """A trace from times and samples; InputError where times do not increase."""
    ids = np.asarray(cells, dtype=np.int32)
    if times.size < 2:
        raise InputError(
            where, f"has {times.size} sample{'s' if times.size != 1 else ''}; two are needed"
        )
    back = np.flatnonzero(np.diff(times) <= 0)
    if back.size:
        k = int(back[0]) + 1
        raise InputError(
            where,
            f"times do not increase: sample {k + 1} is at {times[k]:g} ms, after {times[k - 1]:g} ms",
        )
    step = regular(times)
    if step is None:
        gap = float(np.median(np.diff(times)))
        return Trace(values, ids, unit, float(times[0]), gap, at_ms=times)
    return Trace(values, ids, unit, float(times[0]), step)


def in_internal(
    values: Floats, variable: str, unit: str, where: str, found: Found
) -> tuple[Floats, str]:
    """Samples in internal units, and the unit; what is assumed is said, a potential is asked for."""
    unit = unit or found.reading.value_unit or ""
    if unit:
        try:
            factor, dimension = parse_unit(unit)
        except InputError:
            found.assumed(
                variable, f"is in {unit!r}, which is no unit known here: numbers are compared"
            )
            return values, unit
        return converted(values, factor), internal_unit(dimension)
    if canonical(variable) not in VOLTAGES:
        found.assumed(variable, "has no unit: numbers are compared")
        return values, "1"
    finite = np.abs(values[np.isfinite(values)])
    if finite.size and float(finite.max()) <= LOW_MV and finite.any():
        raise InputError(
            f"{where}, {variable}",
            f"has no unit, and reaches {finite.max():.3g} only; say it: --unit V or --unit mV",
        )
    found.assumed(variable, "has no unit; read as mV")
    return values, "mV"


def converted(values: Floats, factor: Decimal) -> Floats:
    """Values times an exact factor."""
    return values if factor == 1 else values * float(factor)


def _own_unit(table: Table, k: int, column: Column) -> str:
    return (table.units[k] if table.units else "") or column.unit


def _is_voltage(column: Column) -> bool:
    return canonical(column.variable) in VOLTAGES


def _variable(column: Column, found: Found) -> str:
    variable = column.variable or found.reading.variable
    if variable is None:
        found.assumed(
            f"column {column.name!r}", "does not say which variable it is: called 'value'"
        )
        return "value"
    return variable
