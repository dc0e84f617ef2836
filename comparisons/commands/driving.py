"""An experiment driven by gait, as ``--gait`` and its companions say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from ...core.experiment import Experiment


def driven(
    experiment: Experiment,
    console: Console | None,
    gait: str | None,
    column: str | None = None,
    into: str | None = None,
    amplitude: str | None = None,
    frame_rate: str | None = None,
) -> Experiment:
    """An experiment driven as ``--gait`` and its companions say, with notes printed; as it was without."""
    if gait is None:
        given = {
            "--gait-column": column,
            "--gait-into": into,
            "--gait-amplitude": amplitude,
            "--frame-rate": frame_rate,
        }
        for name, value in given.items():
            if value is not None:
                raise InputError(name, "is of use only with --gait FILE")
        return experiment
    # Imported here and below, so that --help does not wait for pandas.
    from ...data.gait.drive import DEFAULT_COLUMN, gait_drive
    from ...data.gait.read import read_gait

    recording = read_gait(gait, hertz(frame_rate))
    drive = gait_drive(
        experiment, recording, DEFAULT_COLUMN if column is None else column, into, amplitude
    )
    if console is not None:
        print_notes(console, recording.name, recording.notes)
        print_notes(console, "gait", drive.notes)
    return drive.experiment


def hertz(text: str | None) -> float | None:
    """A frame rate in Hz from ``30`` or ``30 Hz``; InputError for anything else."""
    from ...core.units import Quantity, dimension_of_unit

    if text is None:
        return None
    given = Quantity.parse(text, "--frame-rate")
    if given.unit == "1":
        return given.magnitude
    return round(given.to(dimension_of_unit("Hz"), "--frame-rate") * 1000, 9)


def print_notes(console: Console, about: str, notes: Sequence[str]) -> None:
    """A line a note."""
    for note in notes:
        console.print(f"{about}: {note}", highlight=False, markup=False, soft_wrap=True)
