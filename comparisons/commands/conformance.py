"""``coincide conformance``."""

from __future__ import annotations

from typing import Annotated

import typer

from .arguments import Json, write_json


def conformance(
    backend: Annotated[str, typer.Argument(help="The backend to test.")],
    cases: Annotated[
        str | None, typer.Option("-k", "--cases", help="Only cases whose name contains this.")
    ] = None,
    json_file: Json = None,
) -> int:
    """Run the conformance suite on a backend, yours too: every case, every mode."""
    from ..checks.conformance import report_conformance
    from ..showing.terminal import Console

    data, status = report_conformance(Console(stderr=json_file == "-"), backend, cases)
    if json_file is not None:
        write_json(data, json_file)
    return status
