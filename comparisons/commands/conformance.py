"""``coincide conformance``."""

from __future__ import annotations

from typing import Annotated

import typer

from .asking import Asked, asking


@asking("json_file")
def conformance(
    asked: Asked,
    backend: Annotated[str, typer.Argument(help="The backend to test.")],
    cases: Annotated[
        str | None, typer.Option("-k", "--cases", help="Only cases whose name contains this.")
    ] = None,
) -> int:
    """Run the conformance suite on a backend, yours too: every case, every mode."""
    from ..checks.conformance import report_conformance

    data, status = report_conformance(asked.console(), backend, cases)
    asked.write_json(data)
    return status
