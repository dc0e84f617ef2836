"""``coincide diff``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments import check_expected
from .asking import OUTPUT, Asked, asking


@asking(
    "tolerance",
    "expect",
    OUTPUT,
    tolerance="0.1 ms",
    helps={"tolerance": "How far spikes may be apart to match."},
)
def diff(
    asked: Asked,
    a: Annotated[
        Path, typer.Argument(help="A folder of a run, or a SONATA, CSV, NumPy, MATLAB or Neo file.")
    ],
    b: Annotated[Path, typer.Argument(help="Another.")],
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
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say why they differ, as far as they tell without running anything: a lag, a scale of "
            "times or values, cells numbered otherwise, a missing head or tail, lost or doubled spikes, "
            "32-bit numbers, NaN.",
        ),
    ] = False,
) -> int:
    """Compare two recordings from anywhere: coincide, SONATA, tables of spikes or traces, Neo."""
    from ..measuring.pairs import VERDICTS
    from ..running.foreign.reading import Reading
    from ..studies.diff.study import diff_of
    from ..studies.diff.terminal import print_diff

    expected = check_expected(asked.expect)
    asked.check()
    wanted = asked.tolerance_ms() or 0.0
    readings = (
        Reading.of(
            unit_a or unit or [], dt, ids_from if ids_from_a is None else ids_from_a, variable
        ),
        Reading.of(
            unit_b or unit or [], dt, ids_from if ids_from_b is None else ids_from_b, variable
        ),
    )
    found = diff_of(a, b, readings, wanted, (str(a), str(b)), explain)
    console = asked.console()
    print_diff(console, found)
    given: dict[str, list[Any]] = {
        "--tolerance": [asked.tolerance],
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
    for option, values in given.items():
        words += [word for v in values if v is not None for word in (option, str(v))]
    asked.write(console, found, shlex.join(words))
    reached = expected is None or VERDICTS.index(found.verdict) <= VERDICTS.index(expected)
    return 0 if reached else 1
