"""``coincide compare``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ...core.errors import InputError
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
    changed,
    check_expected,
    check_writable,
    load_experiment,
    tolerance_of,
    write_json,
)
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven


def compare(
    model: Model,
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
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
    tolerance: Annotated[
        str | None, typer.Option(help="How far spikes may be apart to match (default: one dt).")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(help="identical, round-off or close: exit status 1 if not reached."),
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Compare with the reference too.")
    ] = True,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the report.")] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write pictures and a page.")
    ] = True,
    json_file: Json = None,
    fresh: Fresh = False,
    distances: Annotated[
        bool,
        typer.Option("--distances", help="Also Victor-Purpura, van Rossum, SPIKE, ISI distance."),
    ] = False,
    conventions: Annotated[
        bool, typer.Option("--conventions", help="Also measure the conventions of the backends.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also prove why each backend differs.")
    ] = False,
    converge: Annotated[
        bool, typer.Option("--converge", help="Also halve dt: what does each converge to?")
    ] = False,
    select: Annotated[
        bool, typer.Option("--select", help="Also measure what precision costs on each.")
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Run the model's whole grid of variants and draw it.")
    ] = False,
) -> int:
    """Run a model on several backends and say whether they coincide."""
    from ..showing.bars import running
    from ..showing.terminal import Console
    from ..studies.compare import study as comparing
    from ..studies.compare.terminal import exit_status, print_comparison
    from ..studies.explain.terminal import hints

    expected = check_expected(expect)
    how: dict[str, Any] = {
        "method": method,
        "device": device,
        "precision": precision,
        "target": target,
        "tolerance_ms": tolerance_of(tolerance),
        "reference": reference,
        "jobs": jobs,
        "timeout_s": timeout,
        "fresh": fresh,
    }
    check_writable(out, json_file)
    parts_asked = {
        "conventions": conventions,
        "explain": explain,
        "converge": converge,
        "select": select,
    }
    wanted = [name for name, yes in parts_asked.items() if yes]
    console = Console(stderr=json_file == "-")
    follow = partial(
        driven,
        gait=gait,
        column=gait_column,
        into=gait_into,
        amplitude=gait_amplitude,
        frame_rate=frame_rate,
    )
    if sweep:
        from .sweep import run_sweep

        if variant:
            raise InputError("--variant", "a sweep has its own variants; leave it out")
        for name in (*(["distances"] if distances else []), *wanted):
            raise InputError(f"--{name}", "a sweep has none; compare one of its experiments")
        changes = partial(
            changed, duration=duration, dt=dt, seed=seed, assignments=assignments or ()
        )
        points = run_sweep(
            model,
            lambda e: follow(changes(e), None),
            console,
            json_file,
            out,
            report,
            backends,
            modes or ["lockstep"],
            how,
        )
        return max(exit_status(point.comparison, expected, backends) for point in points)
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    experiment = follow(experiment, console)
    with running(console, experiment) as progress:
        result = comparing.compare(
            experiment,
            backends,
            modes or ["lockstep"],
            **how,
            on_start=progress.start,
            on_end=progress.end,
        )
    print_comparison(console, result)
    asked = {
        "--variant": variant,
        "--method": method,
        "--duration": duration,
        "--dt": dt,
        "--seed": seed,
        "--set": assignments or (),
        "--gait": gait,
        "--gait-column": gait_column,
        "--gait-into": gait_into,
        "--gait-amplitude": gait_amplitude,
        "--frame-rate": frame_rate,
        "--device": None if device == "cpu" else device,
        "--precision": precision,
        "--target": target,
        "--tolerance": tolerance,
    }
    for line in hints(result, model, asked):
        console.print(f"why: {line}", markup=False, highlight=False, soft_wrap=True)
    extra: dict[str, Any] = {}
    if distances:
        from ..measuring.pairs import json_safe
        from ..studies.compare.distances import print_distances

        extra["distances"] = json_safe(print_distances(console, result))
    parts = []
    if wanted and any(run.ok for run in result.runs):
        from .further import further

        parts = further(
            result, console, wanted, {"jobs": jobs, "timeout_s": timeout, "fresh": fresh}
        )
        extra |= {part.name: part.data for part in parts}
    if json_file is not None:
        write_json({**result.to_dict(), **extra}, json_file)
    if report and any(run.ok for run in result.runs):
        from ..studies.compare.page import comparison_command

        more = [section for part in parts for section in part.sections]
        folder = out or Path("coincide-report") / experiment.name
        repeat = " ".join([comparison_command(result), *(f"--{name}" for name in wanted)])
        page = result.save(folder, more=more, command=repeat)
        console.print(f"report: {escape(str(page))}")
    return exit_status(result, expected, backends)
