"""``coincide run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...core.errors import InputError
from ...core.exit_status import ExitStatus
from .asking import GAIT, MODEL, NUMERICS, Asked, asking


@asking(
    MODEL,
    GAIT,
    NUMERICS,
    "out",
    out=Path("coincide-run"),
    helps={"out": "Folder for spikes.h5, traces and run.json."},
)
def run(
    asked: Asked,
    context: typer.Context,
    backend: Annotated[str, typer.Option("-b", "--backend", help="One backend.")] = "reference",
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "lockstep",
    undo: Annotated[
        list[str] | None,
        typer.Option(help="Conventions to undo, several or with commas; only in raw and aligned."),
    ] = None,
    settings_json: Annotated[str | None, typer.Option("--settings", hidden=True)] = None,
    progress_file: Annotated[str | None, typer.Option("--progress-file", hidden=True)] = None,
    ends_after: Annotated[float | None, typer.Option("--ends-after", hidden=True)] = None,
    waits: Annotated[bool, typer.Option("--waits", hidden=True)] = False,
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
        wait_for_runs,
        write_progress,
    )

    if waits:
        task = wait_for_runs(backend)  # from here on this is one run
        asked = asked.with_(model=task["realization"], out=Path(task["out"]))
        settings_json, progress_file = json.dumps(task["settings"]), task["progress_file"]
        quiet = True
    else:
        end_with_parent(ends_after)
    console = None if quiet else asked.console()
    if backend not in entries():
        raise unknown("-b", "backend", backend, entries())
    elsewhere = in_its_own_environment(backend, context.obj or ())
    if elsewhere is not None:
        return elsewhere
    out = asked.out
    assert out is not None  # it has a default
    asked.check()
    check_target(out)
    if settings_json is not None:
        given = json.loads(settings_json)
        undone = given.pop("undone", None)
        settings = Settings(**given, undone=None if undone is None else tuple(undone))
    else:
        undone = None if undo is None else tuple(u for one in undo for u in one.split(",") if u)
        settings = Settings(mode, undone=undone, **asked.how())  # type: ignore[arg-type]
    if asked.model.endswith(".npz"):
        if asked.gait is not None:
            raise InputError(
                "--gait", "what is drawn cannot be driven; give the model, not its npz"
            )
        realization = Realization.load(asked.model)
    else:
        realization = realize(asked.experiment(console))
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
