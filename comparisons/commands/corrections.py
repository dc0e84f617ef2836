"""``coincide corrections``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import RUNNING, Asked, asking


@asking("backends", RUNNING, "json_file")
def corrections(
    asked: Asked,
    repository: Annotated[
        str, typer.Argument(metavar="REPOSITORY", help="Whose faults: basal_ganglia.")
    ] = "basal_ganglia",
    only: Annotated[list[str] | None, typer.Option(help="A fault by name; several times.")] = None,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "aligned",
) -> int:
    """A repository's known faults: the same experiment as written and corrected, and its rate."""
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    from ...core.errors import unknown
    from ...models.basal_ganglia.corrections import DURATION_MS, SIDES, START_MS
    from ..checks.corrections import REPOSITORIES, SOURCES
    from ..checks.corrections import corrections as found_of
    from ..showing.bars import counting

    asked.check()
    if repository not in REPOSITORIES:
        raise unknown("corrections", "repository", repository, REPOSITORIES)
    console = asked.console()
    with counting(console, "as written and corrected, on each simulator") as bar:
        found = found_of(asked.backends, mode, only or (), **asked.how(bar))
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
    asked.write_json(found.to_dict())
    return 3 if found.failed else 0
