"""``coincide targets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    Backends,
    Dt,
    Duration,
    Fresh,
    Jobs,
    Json,
    Model,
    Seed,
    Set,
    Timeout,
    check_writable,
    load_experiment,
    write_json,
)

_MEASURED_MS = 1000.0


def targets(
    model: Model,
    backends: Backends = None,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "aligned",
    states: Annotated[
        list[str] | None, typer.Option("--state", help="States of the brain (default: activation).")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of every condition.")] = 5,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Where measuring starts (default: where the source's does)."),
    ] = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a page with its figures and tables.")
    ] = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """Put a model beside what was measured and what its authors aimed at, on several simulators."""
    from ...core.units import milliseconds
    from ...models.library import targets_of
    from ..showing.terminal import Console
    from ..studies.lesion.terminal import running
    from ..studies.targets.beside import beside
    from ..studies.targets.page import command
    from ..studies.targets.terminal import exit_status, print_beside

    check_writable(out, json_file)
    published = targets_of(model)
    start_ms = None if start is None else milliseconds(start, "--from")
    given = list(assignments or ())
    chosen = states or [published.states[0]]
    console = Console(stderr=json_file == "-")
    if duration is None and published.window_ms is not None:
        # A second within what the authors measure: their runs are longer, ours are not judged before.
        duration = f"{published.window_ms[0] + _MEASURED_MS:g} ms"
    example = load_experiment(model, "", duration, dt, seed, given)
    with running(console, example) as bars:
        study = beside(
            lambda state, variant: load_experiment(
                model, variant, duration, dt, seed, [*given, f"state={state}"]
            ),
            published,
            backends,
            mode,
            seeds=seeds,
            states=chosen,
            start_ms=start_ms,
            jobs=jobs,
            timeout_s=timeout,
            fresh=fresh,
            on_plan=bars.plan,
            on_start=bars.start,
            on_end=bars.end,
        )
    print_beside(console, study)
    if json_file is not None:
        write_json(study.to_dict(), json_file)
    if out is not None:
        console.print(f"report: {study.save(out, command=command(study, given))}")
    return exit_status(study)
