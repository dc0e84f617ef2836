"""``coincide bench``: ratios measured in one run, in turn, on a machine that is named.

- `overhead`: a network through coincide over the same written by hand for that simulator.
- `cell`: the same for a single Purkinje cell with its membrane.
- `pynn`: over the same in PyNN 0.13.
- `verdict`: how long the first verdict takes.
- `matching`: matching spikes beside other libraries.
- `recordings`: comparing two large recordings on disk.
- `scaling`: how time and memory grow with the number of synapses.

What each number is stands at the top of its module. The scripts in `native` know nothing of coincide
and are run as files; nothing here imports them or a simulator.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ....core.errors import unknown
from .by_hand import SIMULATORS
from .options import MODELS, TABLES, Options, installed, parse_sizes
from .tables import Table, print_table, write_tables

__all__ = ["Options", "parse_sizes", "run_bench"]


def run_bench(
    console: Console,
    backends: Sequence[str] | None = None,
    scaling: bool = False,
    only: str | None = None,
    out: Path | None = None,
    options: Options | None = None,
) -> int:
    """Measure, print and, with *out*, write CSV, JSON and the figure of --scaling.

    Returns 0, or 3 if a process failed; a target that was missed is shown, not an error. Raises
    InputError for a table or backend that does not exist.
    """
    options = options or Options()
    if only is not None and only not in TABLES:
        raise unknown("--only", "table", only, TABLES)
    if options.network not in MODELS and (only is not None or not scaling):
        raise unknown("--network", "network", options.network, MODELS)
    among = ("reference", *SIMULATORS) if scaling else SIMULATORS
    chosen = installed(backends, among)
    by_hand = [name for name in chosen if name in SIMULATORS]
    tables: list[Table] = []

    def keep(*measured: Table) -> None:
        for table in measured:
            print_table(console, table)
        tables.extend(measured)
        if out is not None:
            write_tables(tables, out)

    with tempfile.TemporaryDirectory(prefix="coincide-bench-") as scratch:
        folder = Path(scratch)
        if scaling:
            keep(*_scaling(console, options, chosen, folder))
        for name in () if scaling and only is None else (only,) if only else TABLES:
            keep(_table(console, name, options, by_hand, folder))
    if out is not None:
        for path in _drawn(tables, out):
            console.print(f"figure: {escape(str(path))}")
        console.print(f"tables: {escape(str(out))}")
    return 3 if any(table.failed for table in tables) else 0


def _table(
    console: Console, name: str, options: Options, backends: Sequence[str], folder: Path
) -> Table:
    from .cell import measure_cell
    from .matching import measure_metrics
    from .overhead import measure_overhead
    from .pynn import measure_pynn
    from .recordings import measure_recordings
    from .verdict import measure_verdict

    with _Status(console, name) as say:
        if name == "metrics":
            return measure_metrics(options)
        if name == "compare":
            return measure_recordings(options, folder, say)
        measures = {
            "overhead": measure_overhead,
            "cell": measure_cell,
            "pynn": measure_pynn,
            "verdict": measure_verdict,
        }
        return measures[name](options, backends, folder, say)


def _scaling(
    console: Console, options: Options, backends: Sequence[str], folder: Path
) -> tuple[Table, Table]:
    from .scaling import measure_scaling

    with _Status(console, "scaling") as say:
        return measure_scaling(options, backends, folder, say)


def _drawn(tables: Sequence[Table], out: Path) -> list[Path]:
    for table in tables:
        if table.name == "scaling":
            from .plot import draw_scaling

            return draw_scaling(table, out)
    return []


class _Status:
    """A line that says what was measured last; it goes away at the end."""

    def __init__(self, console: Console, name: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(name)
        self._name = name

    def __enter__(self) -> Callable[[str], None]:
        self._progress.start()
        return self.say

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Show what is done."""
        self._progress.update(self._task, description=f"{self._name}: {text}")
