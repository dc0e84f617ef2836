"""``coincide converge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    Backends,
    Device,
    Dt,
    Duration,
    Fresh,
    Jobs,
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


def converge(
    model: Model,
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
    method: MethodOption = None,
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
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="Hold against the oracle if it can run.")
    ] = True,
    duration: Duration = None,
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
    """Halve dt until it does not matter: what does each backend converge to, and how fast?"""
    from ..showing.terminal import Console
    from ..studies.converge import converge as study_of
    from ..studies.converge.terminal import LevelBars, exit_status, print_study
    from ..studies.lesion.terminal import running

    check_writable(out, json_file)
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    console = Console(stderr=json_file == "-")
    with running(console, experiment, LevelBars) as bars:
        study = study_of(
            experiment,
            backends,
            modes or ["aligned"],
            method=method,
            budget_s=budget,
            levels=levels,
            seeds=seeds,
            oracle=oracle,
            device=device,
            precision=precision,
            target=target,
            jobs=jobs,
            timeout_s=timeout,
            fresh=fresh,
            on_plan=bars.plan,
            on_start=bars.start,
            on_end=bars.end,
        )
    print_study(console, study)
    if json_file is not None:
        write_json(study.to_dict(), json_file)
    if out is not None:
        console.print(f"report: {study.save(out)}")
    return exit_status(study)
