"""``coincide converge``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import HOW, MODEL, OUTPUT, Asked, asking


@asking(MODEL, HOW, "oracle", OUTPUT)
def converge(
    asked: Asked,
    budget: Annotated[
        float, typer.Option(help="Seconds that the runs of all levels may take.")
    ] = 120.0,
    levels: Annotated[
        int, typer.Option(help="Steps tried at most: dt, dt/2, dt/4, …; 3 or more.")
    ] = 6,
    seeds: Annotated[
        int | None,
        typer.Option(help="Seeds of the statistics beyond the horizon; 0 for no horizon."),
    ] = None,
) -> int:
    """Halve dt until it does not matter: what does each backend converge to, and how fast?"""
    from ..showing.bars import running
    from ..studies.converge import converge as study_of
    from ..studies.converge.terminal import exit_status, print_study

    asked.check()
    experiment = asked.experiment()
    console = asked.console()
    with running(console, experiment, "seeds from") as bars:
        study = study_of(
            experiment,
            asked.backends,
            asked.modes or ["aligned"],
            budget_s=budget,
            levels=levels,
            seeds=seeds,
            oracle=asked.oracle,
            **asked.how(bars),
        )
    print_study(console, study)
    asked.write(console, study)
    return exit_status(study)
