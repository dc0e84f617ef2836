"""``coincide targets``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import MODEL, OUTPUT, Asked, asking

_MEASURED_MS = 1000.0


@asking(MODEL, "backends", "timeout", "jobs", "fresh", OUTPUT, without=("variant",))
def targets(
    asked: Asked,
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "aligned",
    states: Annotated[
        list[str] | None, typer.Option("--state", help="States of the brain (default: activation).")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of every condition.")] = 5,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Where measuring starts (default: where the source's does)."),
    ] = None,
) -> int:
    """Put a model beside what was measured and what its authors aimed at, on several simulators."""
    from ...core.units import milliseconds
    from ...models.library import targets_of
    from ..showing.bars import running
    from ..studies.targets.beside import beside
    from ..studies.targets.page import command
    from ..studies.targets.terminal import exit_status, print_beside

    asked.check()
    published = targets_of(asked.model)
    start_ms = None if start is None else milliseconds(start, "--from")
    chosen = states or [published.states[0]]
    console = asked.console()
    if asked.duration is None and published.window_ms is not None:
        # A second within what the authors measure: their runs are longer, ours are not judged before.
        asked = asked.with_(duration=f"{published.window_ms[0] + _MEASURED_MS:g} ms")
    with running(console, asked.experiment(), "seeds from") as bars:
        study = beside(
            lambda state, variant: asked.with_(variant=variant).experiment(None, f"state={state}"),
            published,
            asked.backends,
            mode,
            seeds=seeds,
            states=chosen,
            start_ms=start_ms,
            **asked.how(bars),
        )
    print_beside(console, study)
    asked.write(console, study, command(study, asked.assignments or ()))
    return exit_status(study)
