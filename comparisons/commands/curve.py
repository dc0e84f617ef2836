"""``coincide curve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    Backends,
    Device,
    Dt,
    Fresh,
    Jobs,
    Json,
    MethodOption,
    Model,
    Precision,
    Seed,
    Set,
    Target,
    Timeout,
    Variant,
    check_writable,
    load_experiment,
    write_json,
)


def curve(
    model: Model,
    backends: Backends = None,
    parameters: Annotated[
        str | None, typer.Option(help="A parameter set of the cell, or a JSON file of one's own.")
    ] = None,
    variant: Variant = "",
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
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="The oracle's curve under the others.")
    ] = True,
    method: MethodOption = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the page, figures, tables.")] = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """The f-I curve of a cell on every simulator: rate against current, onset and block."""
    from ...core.errors import InputError, unknown
    from ...core.settings import MODES
    from ...core.units import milliseconds
    from ..showing.terminal import Console
    from ..studies.curve import curve as curve_of
    from ..studies.curve.terminal import print_curve, rounds

    check_writable(out, json_file)
    if mode not in MODES:
        raise unknown("--mode", "mode", mode, MODES)
    if parameters == "":
        raise InputError(
            "--parameters", "'' names no parameter set; leave it out for the model's own"
        )
    given = [*(assignments or ()), *(() if parameters is None else [f"parameters={parameters}"])]
    experiment = load_experiment(model, variant, None, dt, seed, given)
    console = Console(stderr=json_file == "-")
    with rounds(console, experiment) as shown:
        found = curve_of(
            experiment,
            backends,
            mode,
            first=first,
            last=last,
            duration_ms=milliseconds(duration, "--duration"),
            measured=measured,
            oracle=oracle,
            method=method,
            device=device,
            precision=precision,
            target=target,
            jobs=jobs,
            timeout_s=timeout,
            fresh=fresh,
            on_round=shown.begin,
            on_end=shown.end,
        )
    print_curve(console, found)
    if json_file is not None:
        write_json(found.to_dict(), json_file)
    if out is not None:
        console.print(f"report: {found.save(out)}")
    return 3 if found.failed or not found.rates else 0
