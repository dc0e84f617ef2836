"""``coincide gait``, and the options with which every command that runs a model drives it by gait."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import InputError
from .arguments import Json, check_writable, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from ...core.experiment import Experiment
    from ...data.gait.recording import GaitRecording

Gait = Annotated[
    str | None,
    typer.Option(
        "--gait",
        metavar="FILE",
        help="Drive the model by a gait file, or by synthetic_healthy or synthetic_ataxic.",
    ),
]
GaitColumn = Annotated[
    str | None, typer.Option(help="The column that drives it (default: LeftStrideSpeed).")
]
GaitInto = Annotated[
    str | None,
    typer.Option(help="The source, input or population that is driven; several with commas."),
]
GaitAmplitude = Annotated[
    str | None, typer.Option(help='For a population: what the highest value is, such as "50 pA".')
]
FrameRate = Annotated[
    str | None, typer.Option(help='Rows a second of the gait file, such as "30 Hz".')
]

app = typer.Typer(
    help="Check gait files, and make synthetic ones.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        _print_notes(console, recording.name, recording.notes)
        _print_notes(console, "gait", drive.notes)
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


@app.command()
def make(
    out: Annotated[
        Path, typer.Argument(metavar="OUT.csv", help="The file to write, or - for stdout.")
    ],
    ataxic: Annotated[
        bool, typer.Option("--ataxic/--healthy", help="With cerebellar ataxia, or without.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 1,
    duration: Annotated[str, typer.Option(help='How long, such as "60 s".')] = "60 s",
    frame_rate: Annotated[str, typer.Option(help="Rows a second.")] = "30 Hz",
    faults: Annotated[
        list[str] | None,
        typer.Option("--fault", help="A fault of the published files: copies or equal_axes."),
    ] = None,
) -> None:
    """Make a synthetic gait file with the 47 columns, healthy or ataxic."""
    from ...core.units import milliseconds
    from ...data.gait.generate import gait_text, write_gait

    rate = hertz(frame_rate)
    assert rate is not None  # it was given
    seconds = milliseconds(duration, "--duration") / 1000
    if str(out) == "-":
        print(gait_text(ataxic, seed, seconds, rate, faults or ()), end="")
        return
    print(write_gait(out, ataxic, seed, seconds, rate, faults or ()))


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A gait file.")],
    frame_rate: FrameRate = None,
    json_file: Json = None,
) -> None:
    """Read a gait file and say what is in it and what is wrong with it."""
    from ...data.gait.read import read_gait
    from ..showing.terminal import Console

    check_writable(None, json_file)
    recording = read_gait(file, hertz(frame_rate))
    console = Console(stderr=json_file == "-")
    console.print(
        f"{recording.name}: {recording.n_rows:,} rows at {recording.frame_rate_hz:g} Hz, "
        f"{recording.duration_ms / 1000:g} s",
        highlight=False,
        markup=False,
    )
    _print_notes(console, "note", recording.notes)
    _print_features(console, recording)
    if json_file is not None:
        write_json(_plain(recording), json_file)


def _print_notes(console: Console, about: str, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(f"{about}: {note}", highlight=False, markup=False, soft_wrap=True)


def _print_features(console: Console, recording: GaitRecording) -> None:
    from rich.table import Table

    from ...data.gait.schema import UNITS

    table = Table(box=None, header_style="dim")
    for heading in ("column", "unit", "mean", "SD", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading in ("column", "unit") else "right")
    for name, numbers in _features(recording).items():
        table.add_row(name, UNITS[name], *(f"{value:.4g}" for value in numbers.values()))
    console.print(table)


def _features(recording: GaitRecording) -> dict[str, dict[str, float]]:
    from ...data.gait.schema import COMPUTED, FEATURES

    known = [n for n, joint in COMPUTED.items() if joint not in recording.equal_axes]
    found = {}
    for name in (*FEATURES, *known):
        x = recording.column(name)
        found[name] = {
            "mean": float(x.mean()),
            "sd": float(x.std()),
            "lowest": float(x.min()),
            "highest": float(x.max()),
        }
    return found


def _plain(recording: GaitRecording) -> dict[str, Any]:
    copies = recording.copies
    return {
        "name": recording.name,
        "synthetic": bool(recording.synthetic),
        "frame_rate_hz": recording.frame_rate_hz,
        "rows": recording.n_rows,
        "rows_in_file": len(recording.frame),
        "sequences": 1 if copies is None else copies.n,
        "equal_axes": list(recording.equal_axes),
        "notes": list(recording.notes),
        "features": _features(recording),
    }
