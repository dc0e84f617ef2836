"""Spikes ordered by cell and time, fast for recordings that are already in some order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 100_000


@dataclass(frozen=True, eq=False)
class SortedSpikes:
    """Spike times ordered by cell, then time.

    Attributes:
        times: (n,) in ms.
        ids: (K,) cells that have spikes, ascending.
        counts: (K,) spikes of each.
        order: (n,) where each spike was among the given ones, or None.
    """

    times: Floats
    ids: Integers
    counts: Integers
    order: Integers | None


def sort_by_cell(
    times: ArrayLike, cells: ArrayLike, where: str, suffix: str = "", *, keep_order: bool = False
) -> SortedSpikes:
    """Order spikes by cell, then time.

    Args:
        times: (n,) spike times in ms, in any order.
        cells: (n,) integer cell of each spike.
        where: the function an error is about.
        suffix: what the arguments' names have after "times" and "cells", for the error.
        keep_order: also keep where each spike was among the given ones.

    Raises:
        InputError: for unequal lengths, times that are not finite, cells that are not integers.
    """
    return _by_cell(*_checked(times, cells, where, suffix), keep_order)


def _checked(
    times: ArrayLike, cells: ArrayLike, where: str, suffix: str
) -> tuple[Floats, NDArray[np.signedinteger]]:
    t = np.asarray(times, dtype=np.float64)
    c = np.asarray(cells)
    if t.ndim != 1 or c.shape != t.shape:
        raise InputError(
            f"{where}.cells{suffix}",
            f"shape {c.shape} for times of shape {t.shape}; one cell per spike time is needed",
        )
    if t.size == 0:
        return t, c.astype(np.int64)
    if c.dtype.kind not in "iu":
        raise InputError(
            f"{where}.cells{suffix}", f"cells of type {c.dtype}; they have to be integers"
        )
    # The sum is not finite where a time is not; a search for it is only then needed.
    if not np.isfinite(t.sum()) and not np.isfinite(t).all():
        first = int(np.flatnonzero(~np.isfinite(t))[0])
        raise InputError(
            f"{where}.times{suffix}",
            f"spike {first} (cell {c[first]}) is at {t[first]} ms; times have to be finite",
        )
    # The difference of two cells has to fit the type.
    return t, c if c.dtype in (np.int32, np.int64) else c.astype(np.int64)


def _by_cell(times: Floats, cells: NDArray[np.signedinteger], keep_order: bool) -> SortedSpikes:
    late = times[1:] >= times[:-1]
    if bool(np.all((cells[1:] > cells[:-1]) | ((cells[1:] == cells[:-1]) & late))):
        starts = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))[: cells.size]
        counts = np.diff(np.append(starts, cells.size))
        order = np.arange(times.size) if keep_order else None
        return SortedSpikes(times, cells[starts].astype(np.int64), counts, order)
    by_time = None if bool(late.all()) else np.argsort(times, kind="stable")
    if by_time is not None:
        times, cells = times[by_time], cells[by_time]
    low, high = int(cells.min()), int(cells.max())
    if high - low < 2**16:
        ordered, counts, order = _group(times, cells, low, high, keep_order)
        ids = np.flatnonzero(counts)
        counts = counts[ids]
        ids += low
    else:
        order = np.argsort(cells, kind="stable")
        ordered, sorted_cells = times[order], cells[order]
        starts = np.flatnonzero(np.concatenate([[True], sorted_cells[1:] != sorted_cells[:-1]]))
        ids, counts = sorted_cells[starts].astype(np.int64), np.diff(np.append(starts, cells.size))
    if not keep_order:
        order = None
    elif by_time is not None:
        order = by_time[order]
    return SortedSpikes(ordered, ids, counts, order)


def _group(
    times: Floats, cells: NDArray[np.signedinteger], low: int, high: int, keep_order: bool
) -> tuple[Floats, Integers, Integers | None]:
    """Times grouped by cell, each group in the order given, and the size of all groups.

    Block by block, so that each fits the cache: NumPy sorts a block of 16-bit integers by radix,
    and each of its groups then goes behind those of the same cell from the blocks before.
    """
    n_cells = high - low + 1
    size = max(_BLOCK, 4 * n_cells)
    blocks = [
        (cells[start : start + size] - low).astype(np.uint16)
        for start in range(0, cells.size, size)
    ]
    counts = np.array([np.bincount(block, minlength=n_cells) for block in blocks])
    total = counts.sum(axis=0)
    first = np.cumsum(total) - total + np.cumsum(counts, axis=0) - counts
    grouped = np.empty_like(times)
    order = np.empty(times.size, dtype=np.int64) if keep_order else None
    for k, block in enumerate(blocks):
        within = np.argsort(block, kind="stable")
        to = np.repeat(first[k] - (np.cumsum(counts[k]) - counts[k]), counts[k])
        to += np.arange(block.size)
        grouped[to] = times[k * size : k * size + block.size][within]
        if order is not None:
            order[to] = k * size + within
    return grouped, total, order
