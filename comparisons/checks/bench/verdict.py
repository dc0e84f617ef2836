"""How long the first verdict takes: ``coincide compare lif_10`` from an empty cache and again.

The numbers of a row: ``seconds`` of the whole process (the median of ``pairs``, for *cold* of one),
and ``floor``, the same over the time that importing the simulators alone takes, side by side as compare
does it. *cold* has an empty COINCIDE_CACHE_DIR, so that all is compiled; *warm* has compiled code but
runs everything again (``--fresh``).
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from ....backends.registry import entries, interpreter
from .options import Options
from .processes import Measured, machine_line, measure
from .tables import Cell, Column, Table

TARGETS_S: Mapping[str, float] = {
    "compare lif_10, warm": 6.0,
    "compare lif_10, cold": 30.0,
    "import coincide": 0.5,
    "coincide --help": 0.7,
}
COLUMNS = (
    Column("what", "what", wraps=True),
    Column("seconds", "seconds", "{:.2f}"),
    Column("target_s", "aimed at", "≤ {:g} s"),
    Column("reached", ""),
    Column("cpu_s", "cpu s", "{:.2f}"),
    Column("over_floor", "over\nfloor", "{:.2f}"),
    Column("floor", "floor", wraps=True),
)
_COMPARE = ("-m", "coincide", "compare", "lif_10", "--no-report")
# Timed inside: the interpreter's own start is not the package's.
_IMPORT = (
    "import time; start = time.perf_counter(); import coincide; print(time.perf_counter() - start)"
)


def measure_verdict(
    options: Options,
    backends: Sequence[str],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """Cold, then warm in the cache that cold left; then what a user waits for before anything runs."""
    cache = folder / "cold-cache"
    environment = {"COINCIDE_CACHE_DIR": str(cache)}
    compare = [sys.executable, *_COMPARE, *(w for b in backends for w in ("-b", b))]

    def run(*command: str) -> Measured:
        return measure(command, options.timeout_s, environment)

    cold = run(*compare)
    say("compare lif_10: cold done")
    warm, floors, helps, starts, imports = [], [], [], [], []
    for _ in range(options.pairs):
        warm.append(run(*compare, "--fresh"))
        floors.append(_side_by_side(backends, run))
        helps.append(run(sys.executable, "-m", "coincide", "--help"))
        starts.append(run(sys.executable, "-c", "pass").wall_s)
        imports.append(run(sys.executable, "-c", _IMPORT))
        say("compare lif_10: warm done")
    floor, start = statistics.median(floors), statistics.median(starts)
    simulators, python = "importing the simulators", "python -c pass"
    timed = [float(m.output.strip() or "nan") for m in imports]
    rows = (
        _row("compare lif_10, cold", [cold.wall_s], [cold], floor, simulators),
        _row("compare lif_10, warm", [m.wall_s for m in warm], warm, floor, simulators),
        _row("coincide --help", [m.wall_s for m in helps], helps, start, python),
        _row("import coincide", timed, imports, start, python),
    )
    notes = (
        f"compare on {', '.join(backends)} and the reference, in lockstep, without pictures",
        "cold: empty cache, all compiled; warm: compiled, but every run computed again",
    )
    failed = any(bool(row["problem"]) for row in rows)
    title = f"what a user waits for, medians of {options.pairs}"
    return Table(
        "verdict", title, COLUMNS, rows, notes, machine_line(), failed, {"options": asdict(options)}
    )


def _side_by_side(backends: Sequence[str], run: Callable[..., Measured]) -> float:
    """Seconds to import all simulators, each in its process, as many at once as there are cores."""
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        commands = [(interpreter(b), "-c", _importing(b)) for b in backends]
        list(pool.map(lambda command: run(*command), commands))
    return time.perf_counter() - started


def _importing(backend: str) -> str:
    return f"import {', '.join(entries()[backend].needs or ('numpy',))}"


def _row(
    what: str, seconds: Sequence[float], runs: Sequence[Measured], floor: float, name: str
) -> dict[str, Cell]:
    problem = next((r.problem for r in runs if r.problem), "")
    median = statistics.median(seconds)
    target = TARGETS_S[what]
    return {
        "what": what,
        "seconds": median,
        "target_s": target,
        "reached": "" if problem else "✓" if median <= target else "✗",
        "cpu_s": statistics.median(r.cpu_s for r in runs),
        "over_floor": median / floor if floor > 0 else None,
        "floor": name,
        "problem": problem,
    }
