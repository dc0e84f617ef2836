"""``coincide conventions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments import Backends, Fresh, Jobs, Json, Modes, Timeout, check_writable, write_json


def conventions(
    backends: Backends = None,
    modes: Modes = None,
    timeout: Timeout = 600.0,
    jobs: Jobs = None,
    json_file: Json = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the sheet as a page, CSV and JSON.")
    ] = None,
    fresh: Fresh = False,
) -> int:
    """Measure the conventions of the installed simulators and print them beside the clock contract."""
    from ..checks import conventions as probes
    from ..checks.conventions.terminal import counting, print_sheet
    from ..showing.terminal import Console

    check_writable(out, json_file)
    console = Console(stderr=json_file == "-")
    asked: Any = tuple(modes or ("raw",))
    with counting(console) as on_run:
        sheet = probes.conventions(
            backends, asked, jobs=jobs, timeout_s=timeout, fresh=fresh, on_run=on_run
        )
    print_sheet(console, sheet)
    if out is not None:
        console.print(f"page: {sheet.save(out)}")
    if json_file is not None:
        write_json(sheet.to_dict(), json_file)
    cells = [cell for column in sheet.columns for cell in column.cells]
    if any(cell.status == "failed" and cell.agreement in ("other", "none") for cell in cells):
        return 3
    departs = any(column.others for column in sheet.columns if column.mode != "raw")
    return 1 if departs else 0
