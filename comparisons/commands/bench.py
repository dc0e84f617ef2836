"""``coincide bench``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import Asked, asking

_MODEL_SIZES = (5000, 10_000, 20_000, 40_000, 80_000)


@asking(
    "backends",
    "duration",
    "device",
    "timeout",
    "out",
    timeout=600.0,
    helps={"out": "Folder for the tables and the plot."},
)
def bench(
    asked: Asked,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Time and memory from 1,000 to 50,000 cells.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(help="One table: overhead, cell, pynn, verdict, metrics, compare.")
    ] = None,
    network: Annotated[str, typer.Option(help="coba or cuba.")] = "coba",
    model: Annotated[
        str | None, typer.Option(help="A library model with a size, for --scaling.")
    ] = None,
    size: Annotated[int, typer.Option(help="Cells of the network (overhead, pynn).")] = 4000,
    pairs: Annotated[int, typer.Option(help="How often each is run, in turn.")] = 3,
    pynn_size: Annotated[
        int | None, typer.Option(help="Fewer cells for PyNN, whose processes take minutes.")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Cells of the networks of --scaling: 1000,5000.")
    ] = None,
    budget: Annotated[
        float, typer.Option(help="Seconds for --scaling; networks beyond are left out.")
    ] = 900.0,
) -> int:
    """Measure ratios in one run: through coincide against hand-written, and how time scales."""
    from ...core.errors import InputError
    from ...core.units import milliseconds
    from ..checks.bench import Options, parse_sizes, run_bench

    asked.check()
    if model is not None and not scaling:
        raise InputError("--model", "is for --scaling; the other tables are of coba and cuba")
    lasting = None if asked.duration is None else milliseconds(asked.duration, "--duration")
    standard = Options()
    options = Options(
        network=network if model is None else model,
        size=size,
        pairs=pairs,
        pynn_size=pynn_size,
        timeout_s=asked.timeout,
        sizes=(standard.sizes if model is None else _MODEL_SIZES)
        if sizes is None
        else parse_sizes(sizes),
        budget_s=budget,
        duration_ms=standard.duration_ms if lasting is None else lasting,
        scaling_ms=standard.scaling_ms if lasting is None else lasting,
        device=asked.device,
    )
    return run_bench(asked.console(), asked.backends, scaling, only, asked.out, options)
