"""``coincide fuzz``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ...core.errors import InputError
from .arguments import Backends, Json, Modes, check_writable, write_json


def fuzz(
    seed: Annotated[int, typer.Option(help="What fixes the experiments.", min=0)] = 1,
    cases: Annotated[int, typer.Option(help="How many experiments.", min=1)] = 60,
    first: Annotated[int, typer.Option(help="The number of the first one.", min=0)] = 0,
    modes: Modes = None,
    backends: Backends = None,
    budget: Annotated[
        float | None, typer.Option("--time", help="Seconds after which no new case begins.")
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Make failing experiments small.")
    ] = True,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a run is stopped.", min=0.1, max=1e9)
    ] = 120.0,
    inputs: Annotated[
        bool,
        typer.Option(
            "--inputs", help="Instead, give damaged files and texts of every kind to the commands."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report and of failing experiments.")
    ] = None,
    json_file: Json = None,
) -> int:
    """Draw random valid experiments and run them on every backend: does one crash, does one differ?"""
    if inputs:
        return _inputs(seed, cases, first, modes, backends, out, json_file)
    from ..checks.fuzz.study import fuzz as study_of
    from ..checks.fuzz.terminal import Progress, print_fuzz
    from ..showing.terminal import Console

    check_writable(out, json_file)
    if budget is not None and not 0 < budget < float("inf"):
        raise InputError("--time", f"{budget:g} s is no time; give seconds > 0")
    console = Console(stderr=json_file == "-")
    with Progress(console, cases) as bar:
        found = study_of(
            seed,
            cases,
            tuple(modes or ["lockstep"]),
            backends,
            first=first,
            budget_s=float("inf") if budget is None else budget,
            timeout_s=timeout,
            shrink=shrink,
            on_case=bar.add,
            on_shrink=bar.shrink,
        )
    print_fuzz(console, found)
    if json_file is not None:
        write_json(found.to_dict(), json_file)
    if out is not None:
        from ..checks.fuzz.report import write_report

        console.print(f"report: {write_report(found, out)}")
    return 1 if found.findings else 0


def _inputs(
    seed: int,
    cases: int,
    first: int,
    modes: list[str] | None,
    backends: list[str] | None,
    out: Path | None,
    json_file: str | None,
) -> int:
    """Damaged inputs for the commands."""
    from ..checks.fuzz.inputs import attacks
    from ..checks.fuzz.terminal import print_attacks
    from ..showing.terminal import Console

    for option, given in (("--mode", modes), ("-b", backends)):
        if given:
            raise InputError(option, "is for experiments; damaged inputs are given to the commands")
    check_writable(out, json_file)
    console = Console(stderr=json_file == "-")
    verdicts = attacks(seed, range(first, first + cases), out)
    data = print_attacks(console, seed, verdicts)
    if json_file is not None:
        write_json(data, json_file)
    if out is not None:
        console.print(f"what failed: {escape(str(out))}")
    return 1 if any(v.problem for v in verdicts) else 0
