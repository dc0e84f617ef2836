"""``coincide explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...backends.registry import EXAMPLE
from ...core.errors import InputError
from .asking import GAIT, HOW, MODEL, OUTPUT, Asked, asking


@asking(
    MODEL,
    GAIT,
    HOW,
    "tolerance",
    OUTPUT,
    helps={"method": "A method of both backends in this mode."},
)
def explain(
    asked: Asked,
    budget: Annotated[
        int, typer.Option(help="Runs of the model at most, the pair among them.", min=2)
    ] = 15,
) -> int:
    """Why two backends disagree on a model, or one and the clock contract: causes, each proved."""
    from ..showing.bars import running
    from ..studies.explain import explain as explain_pair
    from ..studies.explain.terminal import exit_status, print_explanation, spelled

    modes, backends = asked.modes or ["raw"], asked.backends
    if len(modes) > 1:
        raise InputError("--mode", f"{', '.join(modes)} are given; one pair has one mode")
    if not backends:
        raise InputError("-b", f"name one backend, or two; for instance: -b {EXAMPLE}")
    asked.check()
    console = asked.console()
    experiment = asked.experiment(console)
    with running(console, experiment) as bars:
        found = explain_pair(
            experiment,
            backends,
            modes[0],
            tolerance_ms=asked.tolerance_ms(),
            budget=budget,
            **asked.how(bars),
        )
    print_explanation(console, found, spelled(asked.model, asked.given(*MODEL[1:], *GAIT)))
    asked.write(console, found)
    return exit_status(found)
