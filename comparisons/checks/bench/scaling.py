"""How time and memory grow with a network: COBA or CUBA, every cell with 80 inputs, or a library model.

Each size is realized once, in a process of its own, and run by every backend in raw. A row has, for one
backend and size: cells, synapses, spikes, *events* (spikes times the connections that leave their cell, those
of sources too),
*build_s*, *run_s*, *whole_s* (the process), *cpu_s* (its processor time), *ns_per_event* (the run phase over
events), *peak_mb*. In the rows of ``realize``, *build_s* is the time to draw all numbers and
*array_bytes_per_synapse* what the arrays of connections hold.

Fitted, by least squares on logarithms, is the exponent k of ``y = c·synapses^k``, over all sizes and over
the upper half of them (where what does not grow with the network counts less): 1 is linear, less is better.
*event_ratio* is ns_per_event of the largest network over that of the smallest. *bytes_per_synapse* of a
backend is the slope of peak memory over synapses.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ....backends.registry import entries
from ....core.errors import CoincideError
from ....core.storage import read_recording
from .by_hand import METHODS
from .networks import OUT_DEGREES, REALIZATION
from .options import MODELS, Options
from .overhead import compile_ours, draw_network, run_ours
from .processes import machine_line
from .tables import Cell, Column, Table

REALIZE = "realize"
EVENT_TARGET = 1.5
"""How many times longer an event may take in the largest network than in the smallest."""
COLUMNS = (
    Column("backend", ""),
    Column("cells", "cells", "{:,}"),
    Column("synapses", "synapses", "{:,}"),
    Column("build_s", "build\ns", "{:.2f}"),
    Column("run_s", "run\ns", "{:.2f}"),
    Column("whole_s", "whole\ns", "{:.2f}"),
    Column("events", "events", "{:,}"),
    Column("ns_per_event", "ns/\nevent", "{:.0f}"),
    Column("peak_mb", "peak\nMB", "{:.0f}"),
)
FIT_COLUMNS = (
    Column("backend", ""),
    Column("run_exponent", "run\nall", "{:.2f}"),
    Column("run_exponent_upper", "\nupper", "{:.2f}"),
    Column("build_exponent", "build\nall", "{:.2f}"),
    Column("build_exponent_upper", "\nupper", "{:.2f}"),
    Column("cpu_exponent", "cpu\nall", "{:.2f}"),
    Column("cpu_exponent_upper", "\nupper", "{:.2f}"),
    Column("memory_exponent", "memory\nall", "{:.2f}"),
    Column("memory_exponent_upper", "\nupper", "{:.2f}"),
    Column("event_ratio", "event\nratio", "{:.2f}", EVENT_TARGET),
    Column("bytes_per_synapse", "bytes/\nsynapse", "{:.0f}"),
)
_FITTED = (("run", "run_s"), ("build", "build_s"), ("cpu", "cpu_s"), ("memory", "peak_mb"))


def measure_scaling(
    options: Options,
    backends: Sequence[str],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Table, Table]:
    """The rows and the fits; a size that would exceed the budget is left out and named in the notes."""
    deadline = time.perf_counter() + options.budget_s
    rows: list[dict[str, Cell]] = []
    skipped: dict[str, list[int]] = {}
    large: dict[str, list[int]] = {}
    last: dict[str, tuple[int, float, float]] = {}

    def affordable(name: str, size: int) -> bool:
        # No faster than linear from the last size on, in time and in memory.
        before, seconds, peak_mb = last.get(name, (size, 0.0, 0.0))
        if peak_mb * size / before > available_mb():
            large.setdefault(name, []).append(size)
            return False
        fits = time.perf_counter() + seconds * size / before < deadline
        if not fits:
            skipped.setdefault(name, []).append(size)
        return fits

    for size in options.sizes:
        place = folder / f"scaling-{size}"
        if not affordable(REALIZE, size):
            continue
        network = draw_network(options, size, options.scaling_ms, place)
        rows.append(_realize_row(network, size))
        last[REALIZE] = size, network["wall_s"], network["peak_mb"] or 0.0
        say(f"{size:,} cells realized")
        if network["problem"]:
            break
        for backend in backends:
            if not affordable(backend, size):
                continue
            row = _row(options, backend, place, network)
            rows.append(row)
            last[backend] = size, float(row["whole_s"] or 0), float(row["peak_mb"] or 0)
            say(f"{size:,} cells: {backend} done")
        (place / REALIZATION).unlink(missing_ok=True)
    notes = [
        f"left out, over the budget of {options.budget_s:g} s: {name} with "
        + ", ".join(f"{size:,}" for size in sizes)
        for name, sizes in skipped.items()
    ]
    notes += [
        f"left out, more than the memory that is free: {name} with "
        + ", ".join(f"{size:,}" for size in sizes)
        for name, sizes in large.items()
    ]
    ordered = sorted(rows, key=lambda row: [REALIZE, *backends].index(str(row["backend"])))
    failed = any(bool(row.get("problem")) for row in ordered)
    machine, extra = machine_line(), {"options": asdict(options)}
    inputs = ", 80 inputs a cell" if options.network in MODELS else ""
    title = f"{options.network}, {options.scaling_ms:g} ms{inputs}, raw"
    found = Table("scaling", title, COLUMNS, tuple(ordered), tuple(notes), machine, failed, extra)
    fits = tuple(fit_row(name, ordered) for name in (REALIZE, *backends))
    notes_fit = (
        "1 is linear; less, where a cost that does not grow is shared by more; upper: half of the sizes",
        "cpu: processor time of whole processes, which other users of the machine change little",
        "event ratio: time per event in the largest network over that in the smallest",
        "bytes/synapse: of the connections' arrays for realize, else the slope of peak memory",
    )
    return found, Table(
        "scaling_fits",
        "the exponents k of time and memory ∝ synapses^k",
        FIT_COLUMNS,
        fits,
        notes_fit,
        machine,
    )


def _realize_row(network: Mapping[str, Any], size: int) -> dict[str, Cell]:
    synapses = network.get("synapses")
    return {
        "backend": REALIZE,
        "cells": size,
        "synapses": synapses,
        "build_s": network.get("realize_s"),
        "whole_s": network["wall_s"],
        "cpu_s": network["cpu_s"],
        "peak_mb": network["peak_mb"],
        "array_bytes_per_synapse": network["bytes"] / synapses if synapses else None,
        "problem": network["problem"],
    }


def _row(
    options: Options, backend: str, place: Path, network: Mapping[str, Any]
) -> dict[str, Cell]:
    out = place / backend
    method = METHODS.get((backend, options.network))
    if network["cells"] == options.sizes[0]:
        # Compile first, or the smallest network alone would pay for it.
        compile_ours(backend, "raw", place / REALIZATION, out, options.timeout_s, method)
    limit, device = (
        options.timeout_s,
        options.device if "device" in entries()[backend].options else "cpu",
    )
    done = run_ours(backend, "raw", place / REALIZATION, out, limit, method, device)
    row: dict[str, Cell] = {
        "backend": backend,
        "cells": network["cells"],
        "synapses": network["synapses"],
        "whole_s": done.wall_s,
        "cpu_s": done.cpu_s,
        "peak_mb": done.peak_mb,
        "problem": done.problem,
    }
    if done.problem:
        return row
    try:
        recording = read_recording(out)
    except CoincideError as error:
        return row | {"problem": str(error)}
    with np.load(place / OUT_DEGREES) as degrees:
        events = int(network.get("given_events", 0))
        events += sum(int(degrees[p][s.cells].sum()) for p, s in recording.spikes.items())
    return row | {
        "build_s": recording.build_s,
        "run_s": recording.run_s,
        "spikes": sum(len(s) for s in recording.spikes.values()),
        "events": events,
        "ns_per_event": recording.run_s * 1e9 / events if events else None,
    }


def available_mb() -> float:
    """The memory that is free or can be freed, in MB; no limit where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    return math.inf


def exponent(x: Sequence[float], y: Sequence[float]) -> float | None:
    """The least-squares exponent k of y = c·x^k; None with fewer than two distinct x or a y of zero."""
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a > 0 and b > 0]
    if len({a for a, _ in pairs}) < 2:
        return None
    logs = np.log(np.asarray(pairs, float))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def fit_row(backend: str, rows: Sequence[Mapping[str, Cell]]) -> dict[str, Cell]:
    """The exponents of one backend, over all its sizes and over the upper half."""
    fit: dict[str, Cell] = {"backend": backend}
    own = [row for row in rows if row["backend"] == backend and not row.get("problem")]
    for name, key in _FITTED:
        chosen = [row for row in own if row.get(key) is not None]
        upper = chosen[len(chosen) // 2 :]
        for suffix, some in (("", chosen), ("_upper", upper)):
            x, y = ([float(row[k] or 0) for row in some] for k in ("synapses", key))
            fit[f"{name}_exponent{suffix}"] = exponent(x, y)
    each = [float(row["ns_per_event"] or 0) for row in own if row.get("ns_per_event")]
    fit["event_ratio"] = each[-1] / each[0] if len(each) > 1 else None
    if backend == REALIZE:
        arrays = [row.get("array_bytes_per_synapse") for row in own]
        fit["bytes_per_synapse"] = arrays[-1] if arrays else None
    elif len({row["synapses"] for row in own}) > 1:
        x, y = ([float(row[k] or 0) for row in own] for k in ("synapses", "peak_mb"))
        fit["bytes_per_synapse"] = float(np.polyfit(x, y, 1)[0]) * 2**20
    return fit
