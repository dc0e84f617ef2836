"""``coincide lesion``."""

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
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven


def lesion(
    model: Model,
    lesions: Annotated[
        list[str],
        typer.Argument(
            metavar="LESION...",
            help="Names of the model's lesions, or 'a.weight *= 0.5', 'remove 40% b', 'silence c', "
            "a JSON file; joined with +.",
        ),
    ],
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of every arm (default: 5, or 1 if nothing is random).")
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="Severities from 0 to 1, such as 0,0.25,0.5,1.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Where measuring starts (default: a fifth).")
    ] = None,
    method: MethodOption = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    gait: Gait = None,
    gait_column: GaitColumn = None,
    gait_into: GaitInto = None,
    gait_amplitude: GaitAmplitude = None,
    frame_rate: FrameRate = None,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Run the reference too.")
    ] = True,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a page with its figures and tables.")
    ] = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """Run a model healthy and lesioned: is the effect larger than what the simulators differ by?"""
    from ...core.units import milliseconds
    from ..showing.terminal import Console
    from ..studies.lesion import lesion as study_of
    from ..studies.lesion.arms import read_severities
    from ..studies.lesion.terminal import exit_status, print_study, running

    check_writable(out, json_file)
    severities = read_severities(severity)
    start_ms = None if start is None else milliseconds(start, "--from")
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    console = Console(stderr=json_file == "-")
    experiment = driven(
        experiment, console, gait, gait_column, gait_into, gait_amplitude, frame_rate
    )
    with running(console, experiment) as bars:
        study = study_of(
            experiment,
            lesions,
            backends,
            modes or ["aligned"],
            seeds=seeds,
            severities=severities,
            start_ms=start_ms,
            method=method,
            device=device,
            precision=precision,
            target=target,
            reference=reference,
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
    return exit_status(study, backends)
