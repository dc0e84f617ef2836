"""``coincide diff``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments import Json, check_expected, check_writable, tolerance_of, write_json


def diff(
    a: Annotated[
        Path, typer.Argument(help="A folder of a run, or a SONATA, CSV, NumPy, MATLAB or Neo file.")
    ],
    b: Annotated[Path, typer.Argument(help="Another.")],
    tolerance: Annotated[
        str, typer.Option(help="How far spikes may be apart to match.")
    ] = "0.1 ms",
    unit: Annotated[
        list[str] | None,
        typer.Option(
            help="The unit of numbers without one: of times (s), of traces (mV), or both."
        ),
    ] = None,
    unit_a: Annotated[list[str] | None, typer.Option(help="The same of the first alone.")] = None,
    unit_b: Annotated[list[str] | None, typer.Option(help="The same of the second alone.")] = None,
    dt: Annotated[
        str | None, typer.Option(help='The time step, such as "0.1 ms", of times counted in steps.')
    ] = None,
    ids_from: Annotated[int, typer.Option(help="The number of the first cell: 0 or 1.")] = 0,
    ids_from_a: Annotated[int | None, typer.Option(help="The same of the first alone.")] = None,
    ids_from_b: Annotated[int | None, typer.Option(help="The same of the second alone.")] = None,
    variable: Annotated[
        str | None, typer.Option(help="What a trace is called whose file does not name it.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(help="identical, round-off or close: exit status 1 if not reached."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say why they differ, as far as they tell without running anything: a lag, a scale of "
            "times or values, cells numbered otherwise, a missing head or tail, lost or doubled spikes, "
            "32-bit numbers, NaN.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the page, figures, tables.")] = None,
    json_file: Json = None,
) -> int:
    """Compare two recordings from anywhere: coincide, SONATA, tables of spikes or traces, Neo."""
    from ..measuring.pairs import VERDICTS
    from ..running.foreign.reading import Reading
    from ..showing.terminal import Console
    from ..studies.diff.study import diff_of
    from ..studies.diff.terminal import print_diff

    expected = check_expected(expect)
    check_writable(out, json_file)
    wanted = tolerance_of(tolerance) or 0.0
    readings = (
        Reading.of(
            unit_a or unit or [], dt, ids_from if ids_from_a is None else ids_from_a, variable
        ),
        Reading.of(
            unit_b or unit or [], dt, ids_from if ids_from_b is None else ids_from_b, variable
        ),
    )
    found = diff_of(a, b, readings, wanted, (str(a), str(b)), explain)
    console = Console(stderr=json_file == "-")
    print_diff(console, found)
    if json_file is not None:
        write_json(found.to_dict(), json_file)
    if out is not None:
        asked: dict[str, list[Any]] = {
            "--tolerance": [tolerance],
            "--unit": unit or [],
            "--unit-a": unit_a or [],
            "--unit-b": unit_b or [],
            "--dt": [dt],
            "--ids-from": [ids_from],
            "--ids-from-a": [ids_from_a],
            "--ids-from-b": [ids_from_b],
            "--variable": [variable],
        }
        words = ["coincide", "diff", str(a), str(b), *(["--explain"] if explain else [])]
        for option, values in asked.items():
            words += [word for v in values if v is not None for word in (option, str(v))]
        console.print(f"report: {found.save(out, command=shlex.join(words))}")
    reached = expected is None or VERDICTS.index(found.verdict) <= VERDICTS.index(expected)
    return 0 if reached else 1
