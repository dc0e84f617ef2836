"""``coincide faults``."""

from __future__ import annotations

from typing import Annotated

import typer

from ...core.errors import InputError
from .asking import Asked, asking


@asking("jobs", "json_file")
def faults(
    asked: Asked,
    only: Annotated[str, typer.Option(help="Faults to plant, with commas; all by default.")] = "",
    models: Annotated[str, typer.Option(help="Models to plant them in, with commas.")] = "",
    per_fault: Annotated[
        int,
        typer.Option(help="Models for each fault, of the tuned and of the held-out ones.", min=1),
    ] = 2,
    controls: Annotated[bool, typer.Option(help="Also pairs without a fault.")] = True,
    processes: Annotated[
        bool, typer.Option(help="Every run in a process of its own; without, all in this one.")
    ] = True,
) -> int:
    """Plant faults in backends and see whether `explain` names the right cause, and none without a fault."""
    from ..checks.faults.suite import cases, in_simulators, run_suite
    from ..checks.faults.suite import controls as without_fault
    from ..checks.faults.table import Table, print_scores

    asked.check()
    names = [name.strip() for name in only.split(",") if name.strip()]
    among = [name.strip() for name in models.split(",") if name.strip()]
    for option, text, found in (("--only", only, names), ("--models", models, among)):
        if text and not found:
            raise InputError(option, f"{text!r} names nothing; leave it out for all")
    console = asked.console()
    chosen = [*cases(names, among, per_fault), *in_simulators(names, among)]
    if controls:
        chosen += list(without_fault(among))
    with Table(console, len(chosen)) as table:
        results = run_suite(chosen, processes=processes, jobs=asked.jobs, on_end=table.add)
    print_scores(console, results)
    asked.write_json(results.to_dict())
    wrong = any(not o.right and not o.caught for o in results.outcomes)
    return 1 if wrong else 0
