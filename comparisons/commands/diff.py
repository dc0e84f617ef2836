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
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Say why they differ, as far as they tell without running anything: a lag, a scale, "
            "a missing tail, lost spikes or cells, 32-bit numbers, NaN.",
        ),
    ] = False,
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
    console = Console(stderr=json_file == "-")
    print_pair(console, pair)
    data = pair_to_dict(pair)
    if explain:
        from ..explain.recorded import explain_recordings
        from ..explain.terminal import print_explanation

        explanation = explain_recordings(first, second, (str(a), str(b)), within)
        print_explanation(console, explanation)
        data["explanation"] = explanation.to_dict()
    if json_file is not None:
        write_json(data, json_file)
    reached = expected is None or VERDICTS.index(pair.verdict) <= VERDICTS.index(expected)
    return 0 if reached else 1
