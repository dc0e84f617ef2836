"""coincide beside PyNN 0.13: the same simulator, the same network, whole processes.

PyNN is no dependency of coincide and lives in an environment of its own, whose interpreter
COINCIDE_PYNN_PYTHON names. A ratio is PyNN's time over ours: how many times faster ours is, in *lockstep*,
the mode that coincide takes when none is named, and in *raw*, which is NEURON and Brian2 as PyNN
uses them. A process of PyNN that is stopped after ``timeout_s`` gives a lower bound, printed with >.
*cpu* is the same of the processor time of both, in lockstep.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from ....core.cache import cache_dir
from ....core.storage import read_run
from .by_hand import METHODS, PYNN_TIMES, SCRIPTS
from .networks import NATIVE, REALIZATION
from .options import Options
from .overhead import DT_MS, compile_ours, draw_network, run_ours
from .processes import Measured, in_turn, machine_line, measure
from .tables import Cell, Column, Table

VARIABLE = "COINCIDE_PYNN_PYTHON"
SET_UP = (
    f"{VARIABLE} names no Python with PyNN; to have one:",
    "python3 -m venv ~/pynn && ~/pynn/bin/pip install PyNN==0.13.0 "
    f"{' '.join(PYNN_TIMES)} cython setuptools",
    f"export {VARIABLE}=~/pynn/bin/python",
)
COLUMNS = (
    Column("simulator", "simulator"),
    Column("cells", "cells", "{:,}"),
    Column("lockstep_times", "times faster\nlockstep", "{:.1f}"),
    Column("raw_times", "\nraw", "{:.1f}"),
    Column("target", "aimed at", "≥ {:g}"),
    Column("cpu_times", "cpu\nlockstep", "{:.1f}"),
    Column("spikes", "our raw\nspikes", "{:,}"),
    Column("pynn_spikes", "PyNN's\nspikes", "{:,}"),
)


def pynn_python() -> Path | None:
    """The interpreter that has PyNN, if one is named and there."""
    path = os.environ.get(VARIABLE)
    return Path(path).expanduser() if path and Path(path).expanduser().is_file() else None


def measure_pynn(
    options: Options,
    backends: Sequence[str],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """PyNN against ours on NEURON and Brian2; a table without rows and with the way to set PyNN up."""
    size = options.pynn_size or options.size
    title = f"{options.network}, {options.duration_ms:g} ms: PyNN's whole process over ours"
    python = pynn_python()
    if python is None:
        return Table("pynn", title, COLUMNS, (), SET_UP, machine_line())
    place = folder / "pynn"
    network = draw_network(options, size, options.duration_ms, place)
    if network["problem"]:
        row: dict[str, Cell] = {"problem": network["problem"]}
        return Table("pynn", title, COLUMNS, (row,), (), machine_line(), failed=True)
    chosen = [name for name in PYNN_TIMES if name in backends]
    rows = [_row(options, name, size, python, place, say) for name in chosen]
    notes = [f"PyNN by {python}; {network['synapses']:,} synapses"]
    if size != options.size:
        notes.append(f"with {size:,} cells instead of {options.size:,}, for PyNN's sake")
    failed = any(bool(row["failed"]) for row in rows)
    return Table(
        "pynn",
        title,
        COLUMNS,
        tuple(rows),
        tuple(notes),
        machine_line(),
        failed,
        {"options": asdict(options)},
    )


def _row(
    options: Options, backend: str, size: int, python: Path, place: Path, say: Callable[[str], None]
) -> dict[str, Cell]:
    folders = {mode: place / f"{backend}-{mode}" for mode in ("lockstep", "raw")}
    command: list[str | Path] = [
        python,
        SCRIPTS / "pynn.py",
        "--simulator",
        backend,
        "--network",
        options.network,
        "--edges",
        place / NATIVE,
        "--duration",
        f"{options.duration_ms:g}",
        "--dt",
        f"{DT_MS:g}",
        "--out",
        place / f"{backend}-pynn.npz",
    ]

    def ours(mode: str, run: Callable[..., Measured]) -> Measured:
        method = METHODS.get((backend, options.network)) if mode == "raw" else None
        return run(backend, mode, place / REALIZATION, folders[mode], options.timeout_s, method)

    say(f"{backend}: ours once, to compile")
    compiled = [ours(mode, compile_ours) for mode in folders]
    makers: dict[str, Callable[[], Measured]] = {
        "lockstep": lambda: ours("lockstep", run_ours),
        "pynn": lambda: measure(command, options.timeout_s, _environment()),
        "raw": lambda: ours("raw", run_ours),
    }
    row: dict[str, Cell] = {
        "simulator": backend,
        "cells": size,
        "target": PYNN_TIMES[backend],
        "problem": next((done.problem for done in compiled if done.problem), ""),
    }
    if row["problem"]:
        return row | {"failed": True}
    # PyNN's processes take minutes: one of them says enough about a factor.
    done = {
        name: runs[0]
        for name, runs in in_turn(makers, 1, lambda name: say(f"{backend}: {name} done")).items()
    }
    pynn = done["pynn"]
    problems = {name: run.problem for name, run in done.items() if run.problem}
    row["problem"] = "; ".join(f"{name} {problem}" for name, problem in problems.items())
    row["failed"] = bool(problems) and not (len(problems) == 1 and pynn.timed_out)
    if row["failed"]:
        return row
    for mode in folders:
        row[f"{mode}_times"] = pynn.wall_s / done[mode].wall_s
        row[f"{mode}_times_is_bound"] = pynn.timed_out
        row[f"{mode}_whole_s"] = done[mode].wall_s
        row[f"{mode}_run_s"] = read_run(folders[mode])["run_s"]
    return row | {
        "cpu_times": pynn.cpu_s / done["lockstep"].cpu_s,
        "cpu_times_is_bound": pynn.timed_out,
        "spikes": sum(read_run(folders["raw"])["spikes"].values()),
        "pynn_spikes": pynn.line.get("spikes"),
        "pynn_whole_s": pynn.wall_s,
        "pynn_run_s": pynn.line.get("run_s"),
    }


def _environment() -> dict[str, str]:
    # The other environment has its own packages; ours in its path would hide them.
    return {"PYTHONPATH": "", "XDG_CACHE_HOME": str(cache_dir("bench", "pynn"))}
