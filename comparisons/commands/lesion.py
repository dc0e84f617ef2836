"""``coincide lesion``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import GAIT, HOW, MODEL, OUTPUT, Asked, asking


@asking(MODEL, GAIT, HOW, "reference", OUTPUT)
def lesion(
    asked: Asked,
    lesions: Annotated[
        list[str],
        typer.Argument(
            metavar="LESION...",
            help="Names of the model's lesions, or 'a.weight *= 0.5', 'remove 40% b', 'silence c', "
            "a JSON file; joined with +.",
        ),
    ],
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of every arm (default: 5, or 1 if nothing is random).")
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="Severities from 0 to 1, such as 0,0.25,0.5,1.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Where measuring starts (default: a fifth).")
    ] = None,
) -> int:
    """Run a model healthy and lesioned: is the effect larger than what the simulators differ by?"""
    from ...core.units import milliseconds
    from ..showing.bars import running
    from ..studies.lesion import lesion as study_of
    from ..studies.lesion.arms import read_severities
    from ..studies.lesion.terminal import exit_status, print_study

    asked.check()
    severities = read_severities(severity)
    start_ms = None if start is None else milliseconds(start, "--from")
    console = asked.console()
    experiment = asked.experiment(console)
    with running(console, experiment, "seeds from") as bars:
        study = study_of(
            experiment,
            lesions,
            asked.backends,
            asked.modes or ["aligned"],
            seeds=seeds,
            severities=severities,
            start_ms=start_ms,
            reference=asked.reference,
            **asked.how(bars),
        )
    print_study(console, study)
    asked.write(console, study)
    return exit_status(study, asked.backends)
