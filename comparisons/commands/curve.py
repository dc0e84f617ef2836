"""``coincide curve``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from .asking import HOW, MODEL, OUTPUT, Asked, asking


@asking(
    MODEL,
    HOW,
    "oracle",
    OUTPUT,
    without=("duration", "modes"),
    helps={"oracle": "The oracle's curve under the others."},
)
def curve(
    asked: Asked,
    parameters: Annotated[
        str | None, typer.Option(help="A parameter set of the cell, or a JSON file of one's own.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The least current (default: 0).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="The largest (default: twice the model's own).")
    ] = None,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "aligned",
    duration: Annotated[str, typer.Option(help="How long every current is held.")] = "2 s",
    measured: Annotated[
        float, typer.Option(help="The part of the run, at its end, whose intervals count.")
    ] = 0.5,
) -> int:
    """The f-I curve of a cell on every simulator: rate against current, onset and block."""
    from ...core.errors import InputError, unknown
    from ...core.settings import MODES
    from ...core.units import milliseconds
    from ..showing.bars import counting
    from ..studies.curve import curve as curve_of
    from ..studies.curve.terminal import print_curve

    asked.check()
    if mode not in MODES:
        raise unknown("--mode", "mode", mode, MODES)
    if parameters == "":
        raise InputError(
            "--parameters", "'' names no parameter set; leave it out for the model's own"
        )
    console = asked.console()
    own = () if parameters is None else (f"parameters={parameters}",)
    experiment = asked.experiment(None, *own)
    console.print(f"[bold]{escape(experiment.name)}[/bold] {escape(experiment.variant)}")
    with counting(console, "currents") as bar:
        found = curve_of(
            experiment,
            asked.backends,
            mode,
            first=first,
            last=last,
            duration_ms=milliseconds(duration, "--duration"),
            measured=measured,
            oracle=asked.oracle,
            **asked.how(bar),
        )
    print_curve(console, found)
    asked.write(console, found)
    return 3 if found.failed or not found.rates else 0
