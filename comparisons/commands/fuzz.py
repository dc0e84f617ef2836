"""``coincide fuzz``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from ...core.errors import InputError
from .asking import OUTPUT, Asked, asking


@asking(
    "modes",
    "backends",
    "timeout",
    OUTPUT,
    timeout=120.0,
    helps={"out": "Folder of the report and of failing experiments."},
)
def fuzz(
    asked: Asked,
    seed: Annotated[int, typer.Option(help="What fixes the experiments.", min=0)] = 1,
    cases: Annotated[int, typer.Option(help="How many experiments.", min=1)] = 60,
    first: Annotated[int, typer.Option(help="The number of the first one.", min=0)] = 0,
    budget: Annotated[
        float | None, typer.Option("--time", help="Seconds after which no new case begins.")
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Make failing experiments small.")
    ] = True,
    inputs: Annotated[
        bool,
        typer.Option(
            "--inputs", help="Instead, give damaged files and texts of every kind to the commands."
        ),
    ] = False,
) -> int:
    """Draw random valid experiments and run them on every backend: does one crash, does one differ?"""
    if inputs:
        return _inputs(asked, seed, range(first, first + cases))
    from ..checks.fuzz.study import fuzz as study_of
    from ..checks.fuzz.terminal import Progress, print_fuzz

    asked.check()
    if budget is not None and not 0 < budget < float("inf"):
        raise InputError("--time", f"{budget:g} s is no time; give seconds > 0")
    console = asked.console()
    with Progress(console, cases) as bar:
        found = study_of(
            seed,
            cases,
            tuple(asked.modes or ["lockstep"]),
            asked.backends,
            first=first,
            budget_s=float("inf") if budget is None else budget,
            timeout_s=asked.timeout,
            shrink=shrink,
            on_case=bar.add,
            on_shrink=bar.shrink,
        )
    print_fuzz(console, found)
    asked.write_json(found.to_dict())
    if asked.out is not None:
        from ..checks.fuzz.report import write_report

        console.print(f"report: {write_report(found, asked.out)}")
    return 1 if found.findings else 0


def _inputs(asked: Asked, seed: int, numbers: Sequence[int]) -> int:
    """Damaged inputs for the commands."""
    from ..checks.fuzz.inputs import attacks
    from ..checks.fuzz.terminal import print_attacks

    for option, given in (("--mode", asked.modes), ("-b", asked.backends)):
        if given:
            raise InputError(option, "is for experiments; damaged inputs are given to the commands")
    asked.check()
    console = asked.console()
    verdicts = attacks(seed, numbers, asked.out)
    data = print_attacks(console, seed, verdicts)
    asked.write_json(data)
    if asked.out is not None:
        console.print(f"what failed: {escape(str(asked.out))}")
    return 1 if any(v.problem for v in verdicts) else 0
