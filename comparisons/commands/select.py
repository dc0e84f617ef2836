"""``coincide select``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    Backends,
    Device,
    Dt,
    Duration,
    Json,
    MethodOption,
    Model,
    Modes,
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


def select(
    model: Model,
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
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
    method: MethodOption = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="Hold against the oracle if it can run.")
    ] = True,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    timeout: Timeout = 3600.0,
    out: Annotated[Path | None, typer.Option(help="Folder of the page, figures, tables.")] = None,
    json_file: Json = None,
) -> int:
    """Measure what precision costs on every backend, and say which to take for this model."""
    from ...core.units import milliseconds
    from ..measuring.accuracy import parse_error
    from ..showing.terminal import Console
    from ..studies.converge.terminal import LevelBars
    from ..studies.lesion.terminal import running
    from ..studies.select import select as selection_of
    from ..studies.select.terminal import exit_status, print_selection

    check_writable(out, json_file)
    bound = None if error is None else parse_error(error)
    longer = duration_of_interest
    wanted_ms = None if longer is None else milliseconds(longer, "--duration-of-interest")
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    console = Console(stderr=json_file == "-")
    with running(console, experiment, LevelBars) as bars:
        study = selection_of(
            experiment,
            backends,
            modes or ["aligned", "raw"],
            error=bound,
            budget_s=budget,
            method=method,
            size=size,
            duration_ms=wanted_ms,
            device=device,
            precision=precision,
            target=target,
            oracle=oracle,
            timeout_s=timeout,
            on_start=bars.start,
            on_end=bars.end,
        )
    print_selection(console, study)
    if json_file is not None:
        write_json(study.to_dict(), json_file)
    if out is not None:
        console.print(f"report: {study.save(out)}")
    return exit_status(study, backends)
