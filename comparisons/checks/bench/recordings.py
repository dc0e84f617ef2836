"""How long two recordings take to compare: ``coincide diff`` of files, as a process of its own.

By default each has ten million spikes and 1,000 traces of 100,000 samples (0.8 GB as float64). The second
lacks one spike in a hundred, and its traces differ by 1e-6 mV from the middle on; a row only counts if
that is what was found. ``seconds`` and ``peak`` are those of the whole process, reading included; pages of
a file that the system keeps in memory for it count as its own.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core.recording import Recording, Spikes, Trace
from ....core.storage import write_recording
from .options import Options
from .processes import Measured, machine_line, measure
from .tables import Cell, Column, Table

COLUMNS = (
    Column("what", "what"),
    Column("n_spikes", "spikes\nof each", "{:,}"),
    Column("n_samples", "samples\nof each", "{:,}"),
    Column("seconds", "seconds", "{:.2f}", target=20.0),
    Column("cpu_s", "cpu s", "{:.2f}"),
    Column("peak_gb", "peak\n(GB)", "{:.2f}", target=4.0),
)
_DT_MS = 0.1
_CELLS = 4000
_SHIFT_MV = 1e-6
_BLOCK = 10_000


def measure_recordings(
    options: Options, folder: Path, say: Callable[[str], None] = lambda text: None
) -> Table:
    """Two recordings on disk: identical, and different; each the median of ``pairs`` runs."""
    samples, traces = options.n_samples, options.n_traces
    a, b, twin = (folder / name for name in ("a", "b", "twin"))
    first, second, n_a, n_b = write_pair(options, a, b)
    twin.mkdir()
    for path in a.iterdir():
        (twin / path.name).hardlink_to(path)
    say("recordings written")
    rows: list[dict[str, Cell]] = []
    for what, other, check in (
        ("coincide diff, different", b, _differs(n_b, first, second)),
        ("coincide diff, identical", twin, _same),
    ):
        found = []
        for k in range(options.pairs):
            answer = folder / f"{what.split()[-1]}-{k}.json"
            done = measure(
                [sys.executable, "-m", "coincide", "diff", a, other, "--json", answer],
                options.timeout_s,
            )
            found.append(_checked(done, answer, check))
            say(f"{what}: {k + 1} of {options.pairs}")
        problem = next((m.problem for m in found if m.problem), "")
        good = [m for m in found if not m.problem]
        row: dict[str, Cell] = {"what": what, "n_spikes": n_a, "n_samples": samples * traces}
        if good:
            row["seconds"] = statistics.median(m.wall_s for m in good)
            row["cpu_s"] = statistics.median(m.cpu_s for m in good)
            row["peak_gb"] = max(m.peak_mb for m in good) * 2**20 / 1e9
        rows.append({**row, "problem": problem} if problem else row)
    title = (
        f"comparing two recordings of {n_a:,} spikes and {traces:,} traces of {samples:,} samples"
    )
    notes = (
        "read from SONATA files of 64-bit samples; the whole process, from its start to its end",
    )
    return Table(
        "compare",
        title,
        COLUMNS,
        tuple(rows),
        notes,
        machine_line(),
        any("problem" in row for row in rows),
        {"options": asdict(options)},
    )


def write_pair(options: Options, a: Path, b: Path) -> tuple[float, float, int, int]:
    """Write two recordings; when their spikes and when their traces first differ [ms], and their spikes."""
    rng = np.random.default_rng(0)
    samples, n_traces = options.n_samples, options.n_traces
    key = np.sort(rng.choice(samples * _CELLS, options.n_compared, replace=False, shuffle=False))
    spikes = Spikes.from_steps(key // _CELLS, key % _CELLS, _DT_MS)
    del key
    values = np.empty((samples, n_traces))
    for start in range(0, samples, _BLOCK):
        block = values[start : start + _BLOCK]
        block[:] = -65.0 + 10.0 * rng.random(block.shape)
    trace = Trace(values, np.arange(n_traces, dtype=np.int32), "mV", 0.0, _DT_MS)
    whole = Recording(
        samples * _DT_MS,
        _DT_MS,
        {"cells": spikes},
        {("cells", "v"): trace},
        sizes={"cells": _CELLS},
    )
    kept = rng.random(len(spikes)) >= 0.01
    kept[0] = True
    a.mkdir()
    write_recording(whole, a, {"status": "ok"})
    values[samples // 2 :] += _SHIFT_MV
    fewer = Spikes(spikes.times[kept], spikes.cells[kept])
    b.mkdir()
    write_recording(replace(whole, spikes={"cells": fewer}), b, {"status": "ok"})
    first = float(spikes.times[np.argmin(kept)])
    return first, float(trace.times[samples // 2]), len(spikes), len(fewer)


def _differs(n_b: int, first_ms: float, parted_ms: float) -> Callable[[dict[str, Any]], bool]:
    def check(pair: dict[str, Any]) -> bool:
        (spikes,), (trace,) = pair["spikes"], pair["traces"]
        return bool(
            (spikes["matched"], spikes["extra"], spikes["max_shift_ms"]) == (n_b, 0, 0.0)
            and spikes["first_mismatch_ms"] == first_ms
            and trace["first_divergence"]["t_ms"] == parted_ms
            and abs(trace["max_abs"] - _SHIFT_MV) < 1e-9
        )

    return check


def _same(pair: dict[str, Any]) -> bool:
    return bool(pair["verdict"] == "identical")


def _checked(done: Measured, answer: Path, check: Callable[[dict[str, Any]], bool]) -> Measured:
    if done.problem:
        return done
    pair = json.loads(answer.read_text(encoding="utf-8"))
    return done if check(pair) else done.but("found something else than what was put in")
