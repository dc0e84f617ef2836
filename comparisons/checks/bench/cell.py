"""What running one cell with a membrane costs beside the same cell written by hand, and many beside one.

The cell is `purkinje_khaliq2003`, at dt 0.01 ms; the columns are those of `overhead`. *many*: time per
cell of 1,000 cells in lockstep over that of one, on PymoNNtorch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ....core.realize import realize
from ....core.storage import read_run
from ....models.library import load_model
from .by_hand import MANY, METHODS, cell_script, script_command
from .networks import REALIZATION
from .options import Options
from .overhead import COLUMNS, beside_script, run_ours
from .processes import machine_line
from .tables import Cell, Column, Table

MODEL = "purkinje_khaliq2003"
RUN_TARGET = 1.2
MANY_CELLS, MANY_MS = 1000, 20.0


def measure_cell(
    options: Options,
    backends: Sequence[str],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """Our process against the script's, for every backend, on one cell that fires by itself."""
    place = folder / "cell"
    place.mkdir(parents=True, exist_ok=True)
    duration = f"{options.duration_ms} ms"
    experiment = load_model(MODEL).with_(duration=duration, records=[])
    realize(experiment).save(place / REALIZATION)
    rows: list[dict[str, Cell]] = []
    for backend in backends:
        native = place / f"{backend}-native.npz"
        dt_ms = experiment.dt_ms
        script = script_command(
            backend, cell_script(backend), [], native, dt_ms, options.duration_ms
        )
        row = beside_script(
            options, backend, place, script, native, METHODS.get((backend, "cell")), dt_ms, say
        )
        if backend in MANY:
            row["many"] = _many(options, backend, place, say)
        rows.append(row)
    # With one column more, two must go for a terminal of 80 characters.
    kept = (c for c in COLUMNS if c.key not in {"lockstep_whole_ratio", "shift_steps"})
    columns = tuple(replace(c, target=RUN_TARGET) if c.key == "run_ratio" else c for c in kept)
    notes = [
        "run: the steps alone; whole: the process, with its start and files; cpu: its processor time",
        f"many: time per cell of {MANY_CELLS:,} cells over that of one",
    ]
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        notes.append("the machine is busy with other things: trust cpu more than the others")
    return Table(
        "cell",
        f"{MODEL}, {options.duration_ms:g} ms at dt 0.01 ms: coincide over a native script, "
        f"{options.pairs} pairs",
        (*columns, Column("many", "many", "{:.4f}")),
        tuple(rows),
        tuple(notes),
        machine_line(),
        any(row.get("problem") for row in rows),
        {"options": asdict(options)},
    )


def _many(options: Options, backend: str, place: Path, say: Callable[[str], None]) -> float | None:
    """Time per cell of many cells over that of one, in the run phase."""
    spent = {}
    for cells in (1, MANY_CELLS):
        experiment = load_model(MODEL, cells=cells).with_(duration=f"{MANY_MS} ms", records=[])
        path = place / f"{cells}.npz"
        realize(experiment).save(path)
        out = place / f"{backend}-{cells}"
        done = run_ours(backend, "lockstep", path, out, options.timeout_s)
        say(f"{backend}: {cells:,} cells done")
        if done.problem:
            return None
        spent[cells] = float(read_run(out)["run_s"])
    return spent[MANY_CELLS] / MANY_CELLS / spent[1]
