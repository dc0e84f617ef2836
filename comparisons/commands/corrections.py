"""``coincide corrections``."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import Backends, Fresh, Jobs, Json, Timeout, check_writable, write_json


def corrections(
    repository: Annotated[
        str, typer.Argument(metavar="REPOSITORY", help="Whose faults: basal_ganglia.")
    ] = "basal_ganglia",
    only: Annotated[list[str] | None, typer.Option(help="A fault by name; several times.")] = None,
    backends: Backends = None,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "aligned",
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """A repository's known faults: the same experiment as written and corrected, and its rate."""
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    from ...core.errors import unknown
    from ...models.basal_ganglia.corrections import DURATION_MS, SIDES, START_MS
    from ..checks.corrections import REPOSITORIES, SOURCES
    from ..checks.corrections import corrections as found_of
    from ..showing.terminal import Console

    check_writable(None, json_file)
    if repository not in REPOSITORIES:
        raise unknown("corrections", "repository", repository, REPOSITORIES)
    console = Console(stderr=json_file == "-")
    with console.status("as written and corrected, on each simulator"):
        found = found_of(backends, mode, only or (), jobs=jobs, timeout_s=timeout, fresh=fresh)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("fault", no_wrap=True)
    for name in found.simulators:
        table.add_column(f"{name} Hz", justify="right", no_wrap=True)
    for fault in found.faults:
        cells = []
        for name in found.simulators:
            both = [found.rate(name, fault.name, side) for side in SIDES]
            shown = ["–" if r is None else f"{r[0]:.1f}" for r in both]
            if fault.name == "no_heterogeneity":
                shown = ["–" if r is None else f"{r[0]:.1f}±{r[1]:.1f}" for r in both]
            if fault.cycle_hz is not None:
                depths = [found.depths.get((name, fault.name, side)) for side in SIDES]
                shown = [
                    rate if d is None else f"{rate} ({d:.0%})"
                    for rate, d in zip(shown, depths, strict=True)
                ]
            cells.append(" → ".join(shown))
        table.add_row(f"[bold]{fault.name}[/]", *cells)
    console.print(f"faults of {SOURCES[repository]}", highlight=False)
    for fault in found.faults:
        console.print(f"[bold]{fault.name}[/]: {escape(fault.experiment)}", highlight=False)
        for side, what in zip(SIDES, (fault.as_written, fault.corrected), strict=True):
            said = f"{side.replace('_', ' ')}: {what}"
            console.print(Padding(escape(said), (0, 0, 0, 2)), style="dim", highlight=False)
    console.print()
    console.print(table)
    console.print(
        f"Rates from {START_MS:g} to {DURATION_MS:g} ms, the mean over cells (± over cells), "
        f"{found.mode}; as written → corrected.",
        highlight=False,
    )
    for name, why in found.failed.items():
        console.print(f"{name}: {escape(why)}", highlight=False)
    if json_file is not None:
        write_json(found.to_dict(), json_file)
    return 3 if found.failed else 0
