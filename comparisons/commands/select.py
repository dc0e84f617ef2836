"""``coincide select``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import HOW, MODEL, OUTPUT, Asked, asking


@asking(MODEL, HOW, "oracle", OUTPUT, without=("jobs", "fresh"))
def select(
    asked: Asked,
    error: Annotated[
        str | None,
        typer.Option(help="What is asked for: 0.05ms of spikes, or 1% of traces (of their range)."),
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds that measuring may take.")] = 120.0,
    size: Annotated[
        int | None, typer.Option(help="Also foretell a network of so many cells.")
    ] = None,
    duration_of_interest: Annotated[
        str | None,
        typer.Option("--duration-of-interest", help='Also foretell a run this long, as "10 s".'),
    ] = None,
) -> int:
    """Measure what precision costs on every backend, and say which to take for this model."""
    from ...core.units import milliseconds
    from ..measuring.accuracy import parse_error
    from ..showing.bars import running
    from ..studies.select import select as selection_of
    from ..studies.select.terminal import exit_status, print_selection

    asked.check()
    bound = None if error is None else parse_error(error)
    longer = duration_of_interest
    wanted_ms = None if longer is None else milliseconds(longer, "--duration-of-interest")
    experiment = asked.experiment()
    console = asked.console()
    with running(console, experiment, "seeds from") as bars:
        study = selection_of(
            experiment,
            asked.backends,
            asked.modes or ["aligned", "raw"],
            error=bound,
            budget_s=budget,
            size=size,
            duration_ms=wanted_ms,
            oracle=asked.oracle,
            **asked.how(bars),
        )
    print_selection(console, study)
    asked.write(console, study)
    return exit_status(study, asked.backends)
