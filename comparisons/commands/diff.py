"""``coincide diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..arguments import (
    Json,
    check_expected,
    tolerance_of,
    write_json,
)


def diff(
    a: Annotated[Path, typer.Argument(help="A folder of a run, or a SONATA, CSV or Neo file.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    tolerance: Annotated[
        str, typer.Option(help="How far spikes may be apart to match.")
    ] = "0.1 ms",
    expect: Annotated[
        str | None,
        typer.Option(help="identical, round-off or close: exit status 1 if not reached."),
    ] = None,
    json_file: Json = None,
) -> int:
    """Compare two recordings from anywhere: coincide, SONATA, CSV of spikes, Neo."""
    from ..foreign import read_foreign, same_names
    from ..pairs import VERDICTS, compare_recordings, pair_to_dict
    from ..terminal import Console, print_pair

    expected = check_expected(expect)
    wanted = tolerance_of(tolerance)
    first, second = same_names(read_foreign(a), read_foreign(b))
    within = min(first.dt_ms, second.dt_ms) if wanted is None else wanted
    pair = compare_recordings(first, second, (str(a), str(b)), within)
    print_pair(Console(stderr=json_file == "-"), pair)
    if json_file is not None:
        write_json(pair_to_dict(pair), json_file)
    reached = expected is None or VERDICTS.index(pair.verdict) <= VERDICTS.index(expected)
    return 0 if reached else 1
