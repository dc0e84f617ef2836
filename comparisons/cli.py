"""The command ``coincide``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import CoincideError, InputError
from .arguments import (
    Backends,
    Device,
    Dt,
    Duration,
    Fresh,
    Jobs,
    Json,
    MethodOption,
    Model,
    Modes,
    Precision,
    Seed,
    Set,
    Target,
    Timeout,
    Variant,
    changed,
    check_expected,
    check_writable,
    load_experiment,
    spread,
    tolerance_of,
    write_json,
)
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven
from .gait import app as gait_app

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="coincide",
    help="One model, many simulators: do they coincide? If not, why?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(gait_app, name="gait")

# Typer brings a click of its own in some versions: the class that all its usage errors have in common.
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 not within, 2 bad input, 3 a run failed."""
    arguments = spread(list(sys.argv[1:] if argv is None else argv))
    try:
        # A scheduler's SIGTERM ends the simulators as Ctrl-C does.
        with contextlib.suppress(ValueError):  # only the main thread can set it
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = app(arguments, prog_name="coincide", standalone_mode=False)
    except typer.Exit as finished:
        return _interrupted() if finished.exit_code == 130 else int(finished.exit_code)
    except _USAGE_ERROR as error:
        error.show()
        return int(error.exit_code)
    except CoincideError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except MemoryError:
        print(
            "error: this does not fit into the memory of this machine; take less", file=sys.stderr
        )
        return CoincideError.exit_status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return _interrupted() if code == 130 else int(code or 0)


def _interrupted() -> int:
    print("interrupted; what had finished is kept, the same command goes on", file=sys.stderr)
    return 130


def _console() -> Console:
    """Where a command prints; imported late, as --help and quiet runs print nothing with it."""
    from rich.console import Console

    return Console()


@app.command()
def compare(
    model: Model,
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
    method: MethodOption = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    gait: Gait = None,
    gait_column: GaitColumn = None,
    gait_into: GaitInto = None,
    gait_amplitude: GaitAmplitude = None,
    frame_rate: FrameRate = None,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    tolerance: Annotated[
        str | None, typer.Option(help="How far spikes may be apart to match (default: one dt).")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(help="identical, round-off or close: exit status 1 if not reached."),
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Compare with the reference too.")
    ] = True,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the report.")] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write pictures and a page.")
    ] = True,
    json_file: Json = None,
    fresh: Fresh = False,
    distances: Annotated[
        bool,
        typer.Option("--distances", help="Also Victor-Purpura, van Rossum, SPIKE, ISI distance."),
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Run the model's whole grid of variants and draw it.")
    ] = False,
) -> int:
    """Run a model on several backends and say whether they coincide."""
    from . import compare as comparing
    from .terminal import Console, exit_status, print_comparison, running

    expected = check_expected(expect)
    how: dict[str, Any] = {
        "method": method, "device": device, "precision": precision, "target": target,
        "tolerance_ms": tolerance_of(tolerance), "reference": reference, "jobs": jobs,
        "timeout_s": timeout, "fresh": fresh,
    }  # fmt: skip
    check_writable(out, json_file)
    console = Console(stderr=json_file == "-")
    follow = partial(
        driven, gait=gait, column=gait_column, into=gait_into, amplitude=gait_amplitude,
        frame_rate=frame_rate,
    )  # fmt: skip
    if sweep:
        from .sweep import run_sweep

        if variant:
            raise InputError("--variant", "a sweep has its own variants; leave it out")
        if distances:
            raise InputError("--distances", "a sweep has none; compare one of its experiments")
        changes = partial(
            changed, duration=duration, dt=dt, seed=seed, assignments=assignments or ()
        )
        points = run_sweep(
            model, lambda e: follow(changes(e), None), console, json_file, out, report, backends,
            modes or ["lockstep"], how,
        )  # fmt: skip
        return max(exit_status(point.comparison, expected) for point in points)
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    experiment = follow(experiment, console)
    with running(console, experiment) as progress:
        result = comparing.compare(
            experiment, backends, modes or ["lockstep"], **how, on_start=progress.start,
            on_end=progress.end,
        )  # fmt: skip
    print_comparison(console, result)
    extra: dict[str, Any] = {}
    if distances:
        from .distances import print_distances
        from .pairs import json_safe

        extra["distances"] = json_safe(print_distances(console, result))
    if json_file is not None:
        write_json({**result.to_dict(), **extra}, json_file)
    if report and any(run.ok for run in result.runs):
        page = result.save(out or Path("coincide-report") / experiment.name)
        console.print(f"report: {page}")
    return exit_status(result, expected)


@app.command()
def lesion(
    model: Model,
    lesions: Annotated[
        list[str],
        typer.Argument(
            metavar="LESION...",
            help="Names of the model's lesions, or 'a.weight *= 0.5', 'remove 40% b', 'silence c', "
            "a JSON file; joined with +.",
        ),
    ],
    variant: Variant = "",
    backends: Backends = None,
    modes: Modes = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds of every arm (default: 5, or 1 if nothing is random).")
    ] = None,
    severity: Annotated[
        str | None, typer.Option(help="Severities from 0 to 1, such as 0,0.25,0.5,1.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Where measuring starts (default: a fifth).")
    ] = None,
    method: MethodOption = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    gait: Gait = None,
    gait_column: GaitColumn = None,
    gait_into: GaitInto = None,
    gait_amplitude: GaitAmplitude = None,
    frame_rate: FrameRate = None,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Run the reference too.")
    ] = True,
    timeout: Timeout = 3600.0,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables (CSV, JSON) and figures.")
    ] = None,
    json_file: Json = None,
    fresh: Fresh = False,
) -> int:
    """Run a model healthy and lesioned: is the effect larger than what the simulators differ by?"""
    from ..core.units import milliseconds
    from .lesion import lesion as study_of
    from .lesion.arms import read_severities
    from .lesion.terminal import exit_status, print_study, running
    from .terminal import Console

    check_writable(out, json_file)
    severities = read_severities(severity)
    start_ms = None if start is None else milliseconds(start, "--from")
    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    console = Console(stderr=json_file == "-")
    experiment = driven(
        experiment, console, gait, gait_column, gait_into, gait_amplitude, frame_rate
    )
    with running(console, experiment) as bars:
        study = study_of(
            experiment, lesions, backends, modes or ["aligned"], seeds=seeds,
            severities=severities, start_ms=start_ms, method=method, device=device,
            precision=precision, target=target, reference=reference, jobs=jobs,
            timeout_s=timeout, fresh=fresh, on_plan=bars.plan, on_start=bars.start,
            on_end=bars.end,
        )  # fmt: skip
    print_study(console, study)
    if json_file is not None:
        write_json(study.to_dict(), json_file)
    if out is not None:
        console.print(f"tables and figures: {study.save(out)}")
    return exit_status(study)


@app.command()
def run(
    model: Model,
    backend: Annotated[str, typer.Option("-b", "--backend", help="One backend.")] = "reference",
    out: Annotated[Path, typer.Option(help="Folder for spikes.h5, traces and run.json.")] = Path(
        "coincide-run"
    ),
    variant: Variant = "",
    mode: Annotated[str, typer.Option(help="raw, aligned or lockstep.")] = "lockstep",
    method: MethodOption = None,
    duration: Duration = None,
    dt: Dt = None,
    seed: Seed = None,
    assignments: Set = None,
    gait: Gait = None,
    gait_column: GaitColumn = None,
    gait_into: GaitInto = None,
    gait_amplitude: GaitAmplitude = None,
    frame_rate: FrameRate = None,
    device: Device = "cpu",
    precision: Precision = None,
    target: Target = None,
    undo: Annotated[
        str | None, typer.Option(help="Conventions to undo, with commas; only in raw and aligned.")
    ] = None,
    settings_json: Annotated[str | None, typer.Option("--settings", hidden=True)] = None,
    progress_file: Annotated[str | None, typer.Option("--progress-file", hidden=True)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
) -> int:
    """Run a model on one backend and store the recording (SONATA HDF5 and run.json)."""
    from ..backends.registry import entries
    from ..core.errors import unknown
    from ..core.realization import Realization
    from ..core.realize import realize
    from ..core.settings import Settings
    from ..core.storage import check_target
    from .runs import run_to_folder, write_progress

    if backend not in entries():
        raise unknown("-b", "backend", backend, entries())
    check_writable(out, None)
    check_target(out)
    if settings_json is not None:
        given = json.loads(settings_json)
        undone = given.pop("undone", None)
        settings = Settings(**given, undone=None if undone is None else tuple(undone))
    else:
        undone = None if undo is None else tuple(u for u in undo.split(",") if u)
        settings = Settings(mode, method, device, precision, undone, target)  # type: ignore[arg-type]
    if model.endswith(".npz"):
        if gait is not None:
            raise InputError(
                "--gait", "what is drawn cannot be driven; give the model, not its npz"
            )
        realization = Realization.load(model)
    else:
        experiment = driven(
            load_experiment(model, variant, duration, dt, seed, assignments or ()),
            None if quiet else _console(), gait, gait_column, gait_into, gait_amplitude, frame_rate,
        )  # fmt: skip
        realization = realize(experiment)
    if quiet:
        progress = write_progress(progress_file) if progress_file else lambda fraction: None
        data = run_to_folder(realization, backend, settings, out, progress)
        return 0 if data["status"] == "ok" else 3
    from .terminal import one_bar, print_run

    console = _console()
    with one_bar(console, backend) as bar:
        data = run_to_folder(realization, backend, settings, out, bar)
    print_run(console, data, out)
    return 0 if data["status"] == "ok" else 3


@app.command()
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
    from .foreign import read_foreign, same_names
    from .pairs import VERDICTS, compare_recordings, pair_to_dict
    from .terminal import Console, print_pair

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


@app.command("list")
def list_(json_file: Json = None) -> None:
    """List the library's models and the backends, with what is installed."""
    from .overview import inventory, print_inventory
    from .terminal import Console

    data = inventory()
    print_inventory(Console(stderr=json_file == "-"), data)
    if json_file is not None:
        write_json(data, json_file)


@app.command()
def show(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A library name or a JSON file.")
    ] = None,
    variant: Variant = "",
    assignments: Set = None,
    json_file: Json = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiments instead.")
    ] = False,
) -> None:
    """Show a model: equations, parameters with units, populations, projections; its JSON with --json."""
    from ..models.library import MODELS, lesions_of
    from .overview import print_experiment, print_lesions
    from .terminal import Console

    if schema:
        from ..core.experiment import json_schema

        write_json(json_schema(), json_file or "-")
        return
    if model is None:
        raise InputError("MODEL", "which model? coincide list names those of the library")
    experiment = load_experiment(model, variant, assignments=assignments or ())
    if json_file is not None:
        write_json(experiment.to_dict(), json_file)
    else:
        print_experiment(Console(), experiment)
        if model in MODELS and lesions_of(model):
            print_lesions(Console(), lesions_of(model))


@app.command()
def doctor(jobs: Jobs = None) -> int:
    """Say what works here, what is missing and how to get it; a tiny run on every backend."""
    from .doctor import examine
    from .terminal import Console

    return examine(Console(), jobs)


@app.command()
def conformance(
    backend: Annotated[str, typer.Argument(help="The backend to test.")],
    cases: Annotated[
        str | None, typer.Option("-k", "--cases", help="Only cases whose name contains this.")
    ] = None,
    json_file: Json = None,
) -> int:
    """Run the conformance suite on a backend, yours too: every case, every mode."""
    from .conformance import report_conformance
    from .terminal import Console

    data, status = report_conformance(Console(stderr=json_file == "-"), backend, cases)
    if json_file is not None:
        write_json(data, json_file)
    return status


@app.command()
def bench(
    backends: Backends = None,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Time and memory from 1,000 to 50,000 cells.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(help="One table: overhead, cell, pynn, verdict, metrics.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the tables and the plot.")] = None,
    network: Annotated[str, typer.Option(help="coba or cuba.")] = "coba",
    size: Annotated[int, typer.Option(help="Cells of the network (overhead, pynn).")] = 4000,
    duration: Duration = None,
    pairs: Annotated[int, typer.Option(help="How often each is run, in turn.")] = 3,
    pynn_size: Annotated[
        int | None, typer.Option(help="Fewer cells for PyNN, whose processes take minutes.")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Cells of the networks of --scaling: 1000,5000.")
    ] = None,
    budget: Annotated[
        float, typer.Option(help="Seconds for --scaling; networks beyond are left out.")
    ] = 900.0,
    timeout: Timeout = 600.0,
    device: Device = "cpu",
) -> int:
    """Measure ratios in one run: through coincide against hand-written, and how time scales."""
    from ..core.units import milliseconds
    from .bench import Options, parse_sizes, run_bench
    from .terminal import Console

    check_writable(out, None)
    lasting = None if duration is None else milliseconds(duration, "--duration")
    standard = Options()
    options = Options(
        network=network, size=size, pairs=pairs, pynn_size=pynn_size, timeout_s=timeout,
        sizes=standard.sizes if sizes is None else parse_sizes(sizes), budget_s=budget,
        duration_ms=lasting or standard.duration_ms, scaling_ms=lasting or standard.scaling_ms,
        device=device,
    )  # fmt: skip
    return run_bench(Console(), backends, scaling, only, out, options)
