"""``coincide compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ...core.errors import InputError
from .arguments import check_expected
from .asking import GAIT, HOW, MODEL, NUMERICS, OUTPUT, RUNNING, Asked, asking


@asking(
    MODEL,
    GAIT,
    HOW,
    "reference",
    "tolerance",
    "expect",
    OUTPUT,
    helps={"reference": "Compare with the reference too.", "out": "Folder of the report."},
)
def compare(
    asked: Asked,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write pictures and a page.")
    ] = True,
    distances: Annotated[
        bool,
        typer.Option("--distances", help="Also Victor-Purpura, van Rossum, SPIKE, ISI distance."),
    ] = False,
    conventions: Annotated[
        bool, typer.Option("--conventions", help="Also measure the conventions of the backends.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also prove why each backend differs.")
    ] = False,
    converge: Annotated[
        bool, typer.Option("--converge", help="Also halve dt: what does each converge to?")
    ] = False,
    select: Annotated[
        bool, typer.Option("--select", help="Also measure what precision costs on each.")
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Run the model's whole grid of variants and draw it.")
    ] = False,
) -> int:
    """Run a model on several backends and say whether they coincide."""
    from ..showing.bars import running
    from ..studies.compare import study as comparing
    from ..studies.compare.terminal import exit_status, print_comparison
    from ..studies.explain.terminal import hints

    expected = check_expected(asked.expect)
    tolerance_ms = asked.tolerance_ms()
    asked.check()
    parts_asked = {
        "conventions": conventions,
        "explain": explain,
        "converge": converge,
        "select": select,
    }
    wanted = [name for name, yes in parts_asked.items() if yes]
    console = asked.console()
    if sweep:
        from .sweep import run_sweep

        if asked.variant:
            raise InputError("--variant", "a sweep has its own variants; leave it out")
        for name in (*(["distances"] if distances else []), *wanted):
            raise InputError(f"--{name}", "a sweep has none; compare one of its experiments")
        points = run_sweep(asked, console, report)
        return max(exit_status(point.comparison, expected, asked.backends) for point in points)
    experiment = asked.experiment(console)
    with running(console, experiment) as bars:
        result = comparing.compare(
            experiment,
            asked.backends,
            asked.modes or ["lockstep"],
            tolerance_ms=tolerance_ms,
            reference=asked.reference,
            **asked.how(bars),
        )
    print_comparison(console, result)
    for line in hints(result, asked.model, asked.given(*MODEL[1:], *GAIT, *NUMERICS, "tolerance")):
        console.print(f"why: {line}", markup=False, highlight=False, soft_wrap=True)
    extra: dict[str, Any] = {}
    if distances:
        from ..measuring.pairs import json_safe
        from ..studies.compare.distances import print_distances

        extra["distances"] = json_safe(print_distances(console, result))
    parts = []
    if wanted and any(run.ok for run in result.runs):
        from .further import further

        parts = further(result, console, wanted, asked.how(options=RUNNING))
        extra |= {part.name: part.data for part in parts}
    asked.write_json({**result.to_dict(), **extra})
    if report and any(run.ok for run in result.runs):
        from ..studies.compare.page import comparison_command

        more = [section for part in parts for section in part.sections]
        folder = asked.out or Path("coincide-report") / experiment.name
        repeat = " ".join([comparison_command(result), *(f"--{name}" for name in wanted)])
        page = result.save(folder, more=more, command=repeat)
        console.print(f"report: {escape(str(page))}")
    return exit_status(result, expected, asked.backends)
