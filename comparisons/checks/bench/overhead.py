"""What running a network through coincide costs beside the same network written by hand.

Ours is ``coincide run realization.npz -b X --mode raw --quiet``; the other is a script of `native`, on
the same numbers. Both record all spikes and nothing else, and both read their network from a file.

The numbers of a row:

- *run*: median over pairs of our run phase over the script's. A run phase is the steps alone:
  code is generated and compiled, and the network stands, before it begins.
- *whole*: the same of whole processes, from their start to their end.
- *cpu*: the same of processor time, which other users of the machine change little.
- *lockstep run, lockstep whole*: the same for ``--mode lockstep``.
- *same*, *matched*, *agree until*, *shift*: see `Agreement`, our raw spikes against the script's.

Compiled code is there for both: each is run once before it is measured.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ....backends.registry import interpreter
from ....core.errors import CoincideError
from ....core.storage import read_recording, read_run
from .agreement import SpikeList, agreement
from .by_hand import COMPILING, METHODS, network_script, script_command
from .networks import NATIVE, REALIZATION
from .options import Options
from .processes import Measured, in_turn, machine_line, measure, median_ratio
from .tables import Cell, Column, Table

DT_MS = 0.1
RUN_TARGET, WHOLE_TARGET = 1.10, 1.5

COLUMNS = (
    Column("simulator", "simulator"),
    Column("run_ratio", "run", "{:.2f}", RUN_TARGET),
    Column("whole_ratio", "whole", "{:.2f}", WHOLE_TARGET),
    Column("cpu_ratio", "cpu", "{:.2f}"),
    Column("lockstep_run_ratio", "lockstep\nrun", "{:.2f}"),
    Column("lockstep_whole_ratio", "lockstep\nwhole", "{:.2f}"),
    Column("share", "same", "{:.1%}"),
    Column("matched", "match", "{:.1%}"),
    Column("agree_until", "agree\nuntil"),
    Column("shift_steps", "shift", "{:+d}"),
)


def draw_network(options: Options, size: int, duration_ms: float, folder: Path) -> dict[str, Any]:
    """Realize the network in a process of its own; RunError's text as ``problem`` if that fails.

    Keys: those of `networks.write`, and ``peak_mb``, ``wall_s``, ``cpu_s`` of the process.
    """
    module = f"{__package__}.networks"
    command = [sys.executable, "-m", module, options.network, size, f"{duration_ms:g}", folder]
    done = measure([str(word) for word in command], options.timeout_s)
    extra = {"peak_mb": done.peak_mb, "wall_s": done.wall_s, "cpu_s": done.cpu_s}
    return {**done.line, **extra, "problem": done.problem}


def run_ours(
    backend: str,
    mode: str,
    realization: Path,
    out: Path,
    timeout_s: float,
    method: str | None = None,
    device: str = "cpu",
    target: str | None = None,
) -> Measured:
    """Our whole process; its problem is the run's reason if it did not end well."""
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [
        interpreter(backend),
        "-m",
        "coincide",
        "run",
        realization,
        "-b",
        backend,
        "--mode",
        mode,
        "--device",
        device,
        "--out",
        out,
        "--quiet",
    ]
    if method is not None:
        command += ["--method", method]
    if target is not None:
        command += ["--target", target]
    done = measure(command, timeout_s)
    if not done.timed_out:
        with suppress(CoincideError):
            data = read_run(out)
            if data["status"] != "ok":
                return done.but(f"{data['status']}: {data['reason']}")
    return done


def compile_ours(
    backend: str, mode: str, realization: Path, out: Path, timeout_s: float, method: str | None
) -> Measured:
    """Run ours once so that compiled code is there for the runs to come.

    Some compile only where that pays within the run; asked to once, later ones use it. Where there is no
    compiler, neither ours nor the script compiles.
    """
    target = COMPILING.get(backend)
    if target is not None:
        done = run_ours(backend, mode, realization, out, timeout_s, method, target=target)
        if not done.problem:
            return done
    return run_ours(backend, mode, realization, out, timeout_s, method)


def measure_overhead(
    options: Options,
    backends: Sequence[str],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """Our process against the native script's, for every backend, on one realized network."""
    place = folder / "overhead"
    network = draw_network(options, options.size, options.duration_ms, place)
    if network["problem"]:
        rows: list[dict[str, Cell]] = [{"simulator": "", "problem": network["problem"]}]
    else:
        rows = []
        for backend in backends:
            out = place / f"{backend}-native.npz"
            words: list[str | Path] = ["--network", options.network, "--edges", place / NATIVE]
            script = script_command(
                backend, network_script(backend), words, out, DT_MS, options.duration_ms
            )
            method = METHODS.get((backend, options.network))
            rows.append(beside_script(options, backend, place, script, out, method, DT_MS, say))
    title = (
        f"{options.network} of {options.size:,} cells, {network.get('synapses', 0):,} synapses, "
        f"{options.duration_ms:g} ms: coincide over a native script, {options.pairs} pairs"
    )
    notes = [
        "run: the steps alone; whole: the process, with its start and files; cpu: its processor time",
        "same: raw spikes until the first that only one has; matched: one to one within a step",
        "shift: of our stamps, as a simulator's own convention may differ from the script's",
    ]
    failed = any(row.get("problem") for row in rows)
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        notes.append("the machine is busy with other things: trust cpu more than the others")
    return Table(
        "overhead",
        title,
        COLUMNS,
        tuple(rows),
        tuple(notes),
        machine_line(),
        failed,
        {"options": asdict(options)},
    )


def beside_script(
    options: Options,
    backend: str,
    place: Path,
    script: Sequence[str | Path],
    native: Path,
    method: str | None,
    dt_ms: float,
    say: Callable[[str], None],
) -> dict[str, Cell]:
    """A row: ours on the realization in *place* against a script that writes to *native*."""
    limit = options.timeout_s
    folders = {mode: place / f"{backend}-{mode}" for mode in ("raw", "lockstep")}

    def ours(mode: str, run: Callable[..., Measured]) -> Measured:
        own = method if mode == "raw" else None
        return run(backend, mode, place / REALIZATION, folders[mode], limit, own)

    def by_hand() -> Measured:
        return measure(list(script), limit)

    def makers(run: Callable[..., Measured]) -> dict[str, Callable[[], Measured]]:
        return {
            "raw": lambda: ours("raw", run),
            "native": by_hand,
            "lockstep": lambda: ours("lockstep", run),
        }

    say(f"{backend}: once each, to compile")
    first = in_turn(makers(compile_ours), 1)
    problems = {name: runs[0].problem for name, runs in first.items() if runs[0].problem}
    row: dict[str, Cell] = {"simulator": backend}
    if "raw" in problems or "native" in problems:
        return row | {"problem": _failed(problems), "agree_until": "failed"}
    phases: dict[str, list[float]] = {name: [] for name in first}

    def done(name: str) -> None:
        say(f"{backend}: {name} done")
        if name in folders:
            phases[name].append(_run_phase(folders[name]))

    again = {name: make for name, make in makers(run_ours).items() if name not in problems}
    found = in_turn(again, options.pairs, done)
    problems |= {name: r.problem for name, runs in found.items() for r in runs if r.problem}
    if "raw" in problems or "native" in problems:
        return row | {"problem": _failed(problems), "agree_until": "failed"}
    phases["native"] = [float(r.line["run_s"]) for r in found["native"]]
    walls = {name: [r.wall_s for r in runs] for name, runs in found.items()}
    cpus = {name: [r.cpu_s for r in runs] for name, runs in found.items()}
    row |= {
        "run_ratio": median_ratio(phases["raw"], phases["native"]),
        "whole_ratio": median_ratio(walls["raw"], walls["native"]),
        "cpu_ratio": median_ratio(cpus["raw"], cpus["native"]),
        "lockstep_run_ratio": median_ratio(phases["lockstep"], phases["native"]),
        "lockstep_whole_ratio": median_ratio(walls.get("lockstep", []), walls["native"]),
    }
    agreed = agreement(
        SpikeList.from_recording(read_recording(folders["raw"])), SpikeList.load(native), dt_ms
    )
    until = agreed.until_ms
    row |= {"agree_until_ms": until, "agree_until": "end" if until is None else f"{until:g} ms"}
    row |= {"share": agreed.share, "matched": agreed.matched}
    row |= {"spikes": agreed.n_a, "native_spikes": agreed.n_b, "shift_steps": agreed.shift_steps}
    for name in first:
        row[f"{name}_run_s"] = _listed(phases[name])
        row[f"{name}_whole_s"] = _listed(walls.get(name, []))
        row[f"{name}_cpu_s"] = _listed(cpus.get(name, []))
        row[f"{name}_peak_mb"] = max((r.peak_mb for r in found.get(name, [])), default=None)
    row["problem"] = _failed(problems) if problems else None
    return row


def _failed(problems: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {problem}" for name, problem in problems.items())


def _run_phase(folder: Path) -> float:
    try:
        return float(read_run(folder)["run_s"])
    except (CoincideError, KeyError):
        return float("nan")


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
