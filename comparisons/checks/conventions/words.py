"""A sheet of conventions in words."""

from __future__ import annotations

from .sheet import Sheet


def sentences(sheet: Sheet) -> list[str]:
    """How many conventions of every column are not those of the contract, what has changed, notes."""
    said = [f"{len(sheet.probes)} probes"]
    for column in sheet.columns:
        n = len(column.others)
        found = f"{n} not as the contract" if n else "as the contract"
        said.append(f"{column.label} ({column.version}): {found}")
    return [*said, *(change.text for change in sheet.changes), *sheet.notes]
