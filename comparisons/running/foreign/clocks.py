"""Times of a table in ms: the unit that is told, or the only one that is possible, or the question for it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.values import Floats
from .found import Found
from .headers import Column, canonical
from .ids import Ids
from .reading import STEPS, in_ms
from .table import Table, scaled
from .time_steps import check_times

FASTEST_HZ = 1000.0
"""Cells that fire faster than this on average do so because of a wrong unit."""
SHORTEST_STEP_MS = 1e-3
"""Samples closer than this are so because of a wrong unit."""
_IN_MS_BY_CONVENTION = {
    frozenset({"sender", "time"}): "NEST",
    frozenset({"senders", "times"}): "NEST",
    frozenset({"gid", "time"}): "NEST",
    frozenset({"spkt", "spkid"}): "NetPyNE",
    frozenset({"timestamps", "nodeids"}): "SONATA",
    frozenset({"gid", "spiketimes"}): "SONATA",
}
"""Names of columns by which a program writes ms, without saying so."""


def spike_times(
    table: Table,
    column: int,
    offset: int | None,
    meanings: Sequence[Column],
    cells: Ids,
    found: Found,
) -> Floats:
    """The times of spikes in ms; InputError asking for ``--unit`` where nothing tells it."""
    unit = _time_unit(table, column, meanings, found)
    if unit == STEPS:
        times = _from_steps(table, column, offset, meanings, found)
    else:
        if offset is not None:
            found.left_out(f"column {table.names[offset]!r}", "is added to steps only")
        if unit is None:
            unit = _by_convention(table, column, meanings, cells, found)
        times = table.numbers(column, in_ms(unit))
    check_times(times, f"{table.where}, column {table.names[column] or column + 1!r}")
    return times


def sample_times(table: Table, column: int, meanings: Sequence[Column], found: Found) -> Floats:
    """The times of samples in ms; InputError asking for ``--unit`` where nothing tells it."""
    unit = _time_unit(table, column, meanings, found)
    if unit == STEPS:
        times = _from_steps(table, column, None, meanings, found)
    elif unit is not None:
        times = table.numbers(column, in_ms(unit))
    else:
        times = table.numbers(column)
        gaps = np.diff(np.unique(times))
        step = float(np.median(gaps)) if gaps.size else 1.0
        if step < SHORTEST_STEP_MS:
            raise InputError(
                _place(table, column),
                f"has no unit; in ms, samples would be {step:.2g} ms apart; say it: --unit s",
            )
        _say_ms(table, column, found)
    check_times(times, _place(table, column))
    return times


def _place(table: Table, column: int) -> str:
    return f"{table.where}, column {table.names[column] or column + 1!r}"


def _time_unit(table: Table, column: int, meanings: Sequence[Column], found: Found) -> str | None:
    """The unit of times in the file, or that of ``--unit``; InputError if they contradict each other."""
    own = (table.units[column] if table.units else "") or meanings[column].unit
    given = found.reading.time_unit
    if own and given and own != given and STEPS not in (own, given):
        raise InputError(_place(table, column), f"is in {own}; --unit {given} contradicts it")
    if own and own != STEPS:
        in_ms_of(own, _place(table, column))
    return own or given or None


def in_ms_of(unit: str, where: str) -> Decimal:
    """The factor to ms of a unit a file names; InputError if it is no unit of time."""
    try:
        return in_ms(unit)
    except KeyError:
        raise InputError(where, f"{unit!r} is no unit of time; ns, us, ms, s, min are") from None


def _from_steps(
    table: Table, column: int, offset: int | None, meanings: Sequence[Column], found: Found
) -> Floats:
    dt = found.reading.dt_ms
    if dt is None:
        raise InputError(
            _place(table, column), "counts time steps; say how long one is: --dt 0.1ms"
        )
    times = table.numbers(column) * dt
    if offset is not None:  # NEST: the spike is so much before the end of its step
        times = times - table.numbers(offset, in_ms(meanings[offset].unit or "ms"))
    return times


def _by_convention(
    table: Table, column: int, meanings: Sequence[Column], cells: Ids, found: Found
) -> str:
    """The unit of spike times that nothing names: the only possible one, or ms, which is said."""
    names = frozenset(canonical(c.name) for c in meanings if c.role in ("time", "cell"))
    rate = pooled_rate(table.numbers(column), cells)
    too_fast = rate is not None and rate > FASTEST_HZ
    if names == {"t", "i"} and table.n_rows:
        # Brian2's SpikeMonitor is in s, but people write M.t/ms under the same names.
        if too_fast:
            found.assumed(
                f"column {table.names[column]!r}",
                "t and i are names of Brian2's SpikeMonitor, and in ms cells would fire at "
                f"{rate:,.0f} Hz: read as s",
            )
            return "s"
        raise InputError(
            _place(table, column),
            "has no unit: Brian2's t is in s, M.t/ms is not, and both are possible here; say it: "
            "--unit s or --unit ms",
        )
    if too_fast:
        raise InputError(
            _place(table, column),
            f"has no unit; in ms, cells would fire at {rate:,.0f} Hz; say it: --unit s",
        )
    made_by = _IN_MS_BY_CONVENTION.get(names)
    _say_ms(table, column, found, f"as {made_by} writes" if made_by else "")
    return "ms"


def _say_ms(table: Table, column: int, found: Found, why: str = "") -> None:
    if table.n_rows:
        name = table.names[column] or column + 1
        found.assumed(f"column {name!r}", f"has no unit; read as ms{f', {why}' if why else ''}")


def pooled_rate(times_ms: Floats, cells: Ids) -> float | None:
    """The rate [Hz] of cells between their first and last spikes, together; None if none has two."""
    if times_ms.size < 2:
        return None
    order = np.lexsort((times_ms, cells))
    gaps, same = np.diff(times_ms[order]), np.diff(cells[order]) == 0
    total = float(gaps[same].sum())
    n = int(same.sum())
    return 1000.0 * n / total if n and total > 0 else None


def array_times(values: Any, unit: str, where: str) -> Floats:
    """Times in ms of an array that knows its unit."""
    return scaled(np.asarray(values, dtype=np.float64), in_ms_of(unit, where))
