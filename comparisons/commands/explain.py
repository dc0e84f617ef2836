"""``coincide explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...backends.registry import EXAMPLE
from ...core.errors import InputError
from .arguments import (
    Backends,
    Device,
    Dt,
    Duration,
    Fresh,
    Jobs,
    Json,
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
    tolerance_of,
    write_json,
)
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven


def explain(
    model: Model,
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
    method: Annotated[
        str | None, typer.Option("--method", help="A method of both backends in this mode.")
    ] = None,
    budget: Annotated[
        int, typer.Option(help="Runs of the model at most, the pair among them.", min=2)
    ] = 15,
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
    tolerance: Annotated[
        str | None, typer.Option(help="How far spikes may be apart to match (default: one dt).")
    ] = None,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the page, figures, tables.")] = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """Why two backends disagree on a model, or one and the clock contract: causes, each proved."""
    from ..showing.bars import running
    from ..showing.terminal import Console
    from ..studies.explain import explain as explain_pair
    from ..studies.explain.terminal import exit_status, print_explanation, spelled

    modes = modes or ["raw"]
    if len(modes) > 1:
        raise InputError("--mode", f"{', '.join(modes)} are given; one pair has one mode")
    if not backends:
        raise InputError("-b", f"name one backend, or two; for instance: -b {EXAMPLE}")
    check_writable(out, json_file)
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    console = Console(stderr=json_file == "-")
    experiment = driven(
        experiment, console, gait, gait_column, gait_into, gait_amplitude, frame_rate
    )
    with running(console, experiment) as bars:
        found = explain_pair(
            experiment,
            backends,
            modes[0],
            method=method,
            device=device,
            precision=precision,
            target=target,
            tolerance_ms=tolerance_of(tolerance),
            budget=budget,
            jobs=jobs,
            timeout_s=timeout,
            fresh=fresh,
            on_start=bars.start,
            on_end=bars.end,
        )
    same = {
        "--variant": variant,
        "--duration": duration,
        "--dt": dt,
        "--seed": seed,
        "--set": assignments,
    }
    asked = "" if gait else spelled(model, same)
    print_explanation(console, found, asked)
    if json_file is not None:
        write_json(found.to_dict(), json_file)
    if out is not None:
        repeat = (
            f"coincide explain {asked} -b {' '.join(backends)} --mode {modes[0]}" if asked else ""
        )
        console.print(f"report: {found.save(out, command=repeat)}")
    return exit_status(found)
