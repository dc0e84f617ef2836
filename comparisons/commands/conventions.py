"""``coincide conventions``."""

from __future__ import annotations

from typing import Any

from .asking import OUTPUT, Asked, asking


@asking(
    "backends",
    "modes",
    "timeout",
    "jobs",
    "fresh",
    OUTPUT,
    timeout=600.0,
    helps={"out": "Folder for the sheet as a page, CSV and JSON."},
)
def conventions(asked: Asked) -> int:
    """Measure the conventions of the installed simulators and print them beside the clock contract."""
    from ..checks import conventions as probes
    from ..checks.conventions.terminal import print_sheet
    from ..showing.bars import counting

    asked.check()
    console = asked.console()
    modes: Any = tuple(asked.modes or ("raw",))
    with counting(console, "measuring") as bar:
        sheet = probes.conventions(asked.backends, modes, **asked.how(bar))
    print_sheet(console, sheet)
    asked.write(console, sheet)
    cells = [cell for column in sheet.columns for cell in column.cells]
    if any(cell.status == "failed" and cell.agreement in ("other", "none") for cell in cells):
        return 3
    departs = any(column.others for column in sheet.columns if column.mode != "raw")
    return 1 if departs else 0
