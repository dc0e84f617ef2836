"""``coincide run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...core.errors import InputError
from ...core.exit_status import ExitStatus
from .arguments import (
    Device,
    Dt,
    Duration,
    MethodOption,
    Model,
    Precision,
    Seed,
    Set,
    Target,
    Variant,
    check_writable,
    load_experiment,
)
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven


def run(
    context: typer.Context,
    model: Model,
    backend: Annotated[str, typer.Option("-b", "--backend", help="One backend.")] = "reference",
    out: Annotated[Path, typer.Option(help="Folder for spikes.h5, traces and run.json.")] = Path(
        "coincide-run"
    ),
    variant: Variant = "",
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "lockstep",
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
    undo: Annotated[
        list[str] | None,
        typer.Option(help="Conventions to undo, several or with commas; only in raw and aligned."),
    ] = None,
    settings_json: Annotated[str | None, typer.Option("--settings", hidden=True)] = None,
    progress_file: Annotated[str | None, typer.Option("--progress-file", hidden=True)] = None,
    ends_after: Annotated[float | None, typer.Option("--ends-after", hidden=True)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
) -> int:
    """Run a model on one backend and store the recording (SONATA HDF5 and run.json)."""
    from ...backends.registry import entries
    from ...core.errors import unknown
    from ...core.realization import Realization
    from ...core.realize import realize
    from ...core.settings import Settings
    from ...core.storage import check_target, read_recording
    from ..measuring.caveats import caveats_of_recording
    from ..running.child import (
        end_with_parent,
        in_its_own_environment,
        run_to_folder,
        write_progress,
    )

    end_with_parent(ends_after)
    console = None
    if not quiet:
        from ..showing.terminal import Console

        console = Console()
    if backend not in entries():
        raise unknown("-b", "backend", backend, entries())
    elsewhere = in_its_own_environment(backend, context.obj or ())
    if elsewhere is not None:
        return elsewhere
    check_writable(out, None)
    check_target(out)
    if settings_json is not None:
        given = json.loads(settings_json)
        undone = given.pop("undone", None)
        settings = Settings(**given, undone=None if undone is None else tuple(undone))
    else:
        undone = None if undo is None else tuple(u for one in undo for u in one.split(",") if u)
        settings = Settings(mode, method, device, precision, undone, target)  # type: ignore[arg-type]
    if model.endswith(".npz"):
        if gait is not None:
            raise InputError(
                "--gait", "what is drawn cannot be driven; give the model, not its npz"
            )
        realization = Realization.load(model)
    else:
        experiment = driven(
            load_experiment(model, variant, duration, dt, seed, assignments or ()),
            console,
            gait,
            gait_column,
            gait_into,
            gait_amplitude,
            frame_rate,
        )
        realization = realize(experiment)
    if console is None:
        progress = write_progress(progress_file) if progress_file else lambda fraction: None
        data = run_to_folder(realization, backend, settings, out, progress)
        return ExitStatus.DONE if data["status"] == "ok" else ExitStatus.FAILED
    from ..showing.bars import one_bar
    from ..studies.compare.terminal import print_run

    with one_bar(console, backend) as bar:
        data = run_to_folder(realization, backend, settings, out, bar)
    caveats = caveats_of_recording(read_recording(out), backend) if data["status"] == "ok" else ()
    print_run(console, data, out, caveats)
    return ExitStatus.DONE if data["status"] == "ok" else ExitStatus.FAILED
