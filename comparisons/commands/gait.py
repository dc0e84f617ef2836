"""``coincide gait``: checking gait files and making synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .asking import Asked, asking
from .driving import hertz, print_notes

if TYPE_CHECKING:
    from rich.console import Console

    from ...data.gait.recording import GaitRecording

app = typer.Typer(
    help="Check gait files, and make synthetic ones.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
@asking("frame_rate", "json_file")
def check(
    asked: Asked, file: Annotated[str, typer.Argument(metavar="FILE", help="A gait file.")]
) -> None:
    """Read a gait file and say what is in it and what is wrong with it."""
    from ...data.gait.read import read_gait

    asked.check()
    recording = read_gait(file, hertz(asked.frame_rate))
    console = asked.console()
    console.print(
        f"{recording.name}: {recording.n_rows:,} rows at {recording.frame_rate_hz:g} Hz, "
        f"{recording.duration_ms / 1000:g} s",
        highlight=False,
        markup=False,
    )
    print_notes(console, "note", recording.notes)
    _print_features(console, recording)
    asked.write_json(_plain(recording))


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
