"""The command ``coincide``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import CoincideError, InputError

app = typer.Typer(
    name="coincide",
    help="One model, many simulators: do they coincide? If not, why?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Typer brings a click of its own in some versions: the class that all its usage errors have in common.
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
_SEVERAL = {"-b", "--backend", "--mode", "--set"}

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A library name or a JSON file.")]
Variant = Annotated[str, typer.Option(help="A variant of the library model.")]
Backends = Annotated[
    list[str] | None,
    typer.Option("-b", "--backend", help="Backends, for instance: -b brian2 neuron."),
]
Modes = Annotated[
    list[str] | None, typer.Option("--mode", help="raw, aligned, lockstep; several can follow.")
]
MethodOption = Annotated[
    str | None, typer.Option("--method", help="euler, exponential_euler, rk4 (lockstep).")
]
Duration = Annotated[str | None, typer.Option(help='How long to simulate, such as "500 ms".')]
Dt = Annotated[str | None, typer.Option(help='The time step, such as "0.1 ms".')]
Seed = Annotated[int | None, typer.Option(help="The seed of everything random.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="path=value, such as exc.tau='10 ms'; several.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, … for backends that have devices.")]
Precision = Annotated[str | None, typer.Option(help="float64 or float32.")]
Target = Annotated[
    str | None, typer.Option(help="How code is generated (brian2: numpy, cython, cpp_standalone).")
]
Timeout = Annotated[float, typer.Option(help="Seconds after which a run is stopped.", min=0.1)]
Jobs = Annotated[int | None, typer.Option(help="Runs side by side (default: cores).", min=1)]
Json = Annotated[
    str | None, typer.Option("--json", help="Write JSON to this file, or - for stdout.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run again what has been run before.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 not within, 2 bad input, 3 a run failed."""
    arguments = spread(list(sys.argv[1:] if argv is None else argv))
    try:
        code = app(arguments, prog_name="coincide", standalone_mode=False)
    except typer.Exit as finished:
        return int(finished.exit_code)
    except _USAGE_ERROR as error:
        error.show()
        return int(error.exit_code)
    except CoincideError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; what had finished is kept, the same command goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code or 0)


def spread(arguments: list[str]) -> list[str]:
    """``-b A B`` as ``-b A -b B``: an option that takes several values takes all up to the next option."""
    result: list[str] = []
    positional = 0
    k = 0
    while k < len(arguments):
        word = arguments[k]
        k += 1
        if word not in _SEVERAL:
            positional += not word.startswith("-") and not _takes_value(result)
            result.append(word)
            continue
        values = []
        while k < len(arguments) and not arguments[k].startswith("-"):
            values.append(arguments[k])
            k += 1
        later = any(not a.startswith("-") for a in arguments[k:])
        # ``compare -b A B MODEL``: the last word is the model if none stands elsewhere.
        model = [values.pop()] if positional < 2 and not later and len(values) > 1 else []
        for value in values or [""]:
            result += [word, value] if value else [word]
        result += model
    return result


def _takes_value(before: list[str]) -> bool:
    flags = {"--fresh", "--quiet", "--no-reference", "--no-report", "--distances", "--sweep", "-h"}
    return (
        bool(before)
        and before[-1].startswith("-")
        and before[-1] not in flags
        and ("=" not in before[-1])
    )


def load_experiment(
    model: str,
    variant: str = "",
    duration: str | None = None,
    dt: str | None = None,
    seed: int | None = None,
    assignments: Sequence[str] = (),
) -> Any:
    """The experiment that a command line asks for; InputError for anything wrong."""
    from ..core.experiment import Experiment
    from ..core.paths import set_values
    from ..models.library import MODELS, load_model

    path = Path(model)
    if model in MODELS:
        # A model's own options, such as size, are set in the same way as any value.
        options = {
            name.strip(): value.strip()
            for name, equals, value in (a.partition("=") for a in assignments)
            if equals and name.strip() in MODELS[model].options
        }
        assignments = [a for a in assignments if a.partition("=")[0].strip() not in options]
        experiment = load_model(model, variant, **options)
    elif path.suffix == ".json" or path.exists():
        if variant:
            raise InputError("--variant", "a JSON file has no variants; leave it out")
        experiment = Experiment.load(path)
    else:
        from ..core.errors import nearest

        raise InputError(
            "MODEL", f"{model!r} is neither a library model nor a file; {nearest(model, MODELS)}"
        )
    changes = {"duration": duration, "dt": dt, "seed": seed}
    given = {name: value for name, value in changes.items() if value is not None}
    if given:
        experiment = experiment.with_(**given)
    return set_values(experiment, assignments) if assignments else experiment


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
    device: Device = "cpu",
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
    from ..core.units import milliseconds
    from . import compare as comparing
    from .terminal import Console, exit_status, print_comparison, running

    experiment = load_experiment(model, variant, duration, dt, seed, assignments or ())
    if expect is not None and expect not in comparing.VERDICTS[:3]:
        raise InputError(
            "--expect", f"{expect!r} is not one of {', '.join(comparing.VERDICTS[:3])}"
        )
    console = Console(stderr=json_file == "-")
    _check_writable(out, json_file)
    if sweep:
        from .sweep import run_sweep

        return run_sweep(
            model, backends, modes or ["lockstep"], console,
            out=out, jobs=jobs, timeout_s=timeout, fresh=fresh, json_file=json_file, draw=report,
        )  # fmt: skip
    with running(console, experiment) as progress:
        result = comparing.compare(
            experiment,
            backends,
            modes or ["lockstep"],
            method=method,
            device=device,
            tolerance_ms=None if tolerance is None else milliseconds(tolerance, "--tolerance"),
            reference=reference,
            jobs=jobs,
            timeout_s=timeout,
            fresh=fresh,
            on_start=progress.start,
            on_end=progress.end,
        )
    print_comparison(console, result)
    extra: dict[str, Any] = {}
    if distances:
        from .distances import print_distances

        extra["distances"] = print_distances(console, result)
    if json_file is not None:
        _write_json({**result.to_dict(), **extra}, json_file)
    if report and any(run.ok for run in result.runs):
        page = result.save(out or Path("coincide-report") / experiment.name)
        console.print(f"report: {page}")
    return exit_status(result, expect)


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
    from .runs import run_to_folder, write_progress

    if backend not in entries():
        raise unknown("-b", "backend", backend, entries())
    if settings_json is not None:
        given = json.loads(settings_json)
        undone = given.pop("undone")
        settings = Settings(**given, undone=None if undone is None else tuple(undone))
    else:
        undone = None if undo is None else tuple(u for u in undo.split(",") if u)
        settings = Settings(mode, method, device, precision, undone, target)  # type: ignore[arg-type]
    if model.endswith(".npz"):
        realization = Realization.load(model)
    else:
        realization = realize(
            load_experiment(model, variant, duration, dt, seed, assignments or ())
        )
    _check_writable(out, None)
    if quiet:
        progress = write_progress(progress_file) if progress_file else lambda fraction: None
        data = run_to_folder(realization, backend, settings, out, progress)
        return 0 if data["status"] == "ok" else 3
    from .terminal import Console, one_bar, print_run

    console = Console()
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
    from dataclasses import asdict

    from ..core.units import milliseconds
    from .compare import VERDICTS, compare_recordings
    from .foreign import read_foreign, same_names
    from .terminal import Console, print_pair

    if expect is not None and expect not in VERDICTS[:3]:
        raise InputError("--expect", f"{expect!r} is not one of {', '.join(VERDICTS[:3])}")
    first, second = same_names(read_foreign(a), read_foreign(b))
    pair = compare_recordings(
        first, second, (str(a), str(b)), milliseconds(tolerance, "--tolerance")
    )
    print_pair(Console(stderr=json_file == "-"), pair)
    if json_file is not None:
        _write_json({**asdict(pair), "in_words": pair.in_words}, json_file)
    within = expect is None or VERDICTS.index(pair.verdict) <= VERDICTS.index(expect)
    return 0 if within else 1


@app.command("list")
def list_(json_file: Json = None) -> None:
    """List the library's models and the backends, with what is installed."""
    from .overview import inventory, print_inventory
    from .terminal import Console

    data = inventory()
    print_inventory(Console(stderr=json_file == "-"), data)
    if json_file is not None:
        _write_json(data, json_file)


@app.command()
def show(
    model: Model,
    variant: Variant = "",
    assignments: Set = None,
    json_file: Json = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiments instead.")
    ] = False,
) -> None:
    """Show a model: equations, parameters with units, populations, projections; its JSON with --json."""
    from .overview import print_experiment
    from .terminal import Console

    if schema:
        from ..core.experiment import json_schema

        _write_json(json_schema(), json_file or "-")
        return
    experiment = load_experiment(model, variant, assignments=assignments or ())
    if json_file is not None:
        _write_json(experiment.to_dict(), json_file)
    else:
        print_experiment(Console(), experiment)


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
        _write_json(data, json_file)
    return status


@app.command()
def bench(
    backends: Backends = None,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Time and memory from 1,000 to 50,000 cells.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(help="One table: overhead, pynn, verdict, metrics.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the table and the plot.")] = None,
) -> int:
    """Measure ratios in one run: through coincide against hand-written, and how time scales."""
    from .bench import run_bench
    from .terminal import Console

    return run_bench(Console(), backends, scaling, only, out)


def _check_writable(out: Path | None, json_file: str | None) -> None:
    """InputError before anything is run if a result could not be written."""
    if out is not None and out.exists() and not out.is_dir():
        raise InputError("--out", f"{out} is a file; give a folder")
    for path in (out, Path(json_file) if json_file not in (None, "-") else None):
        if path is None:
            continue
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        try:
            with tempfile.TemporaryFile(dir=parent):
                pass
        except OSError as error:
            raise InputError(str(path), f"{parent} cannot be written to: {error}") from error


def _write_json(data: Any, target: str) -> None:
    write_json_text(json.dumps(data, indent=2, ensure_ascii=False, default=float), target)


def write_json_text(text: str, target: str) -> None:
    """Print a text for ``-``, else write it to a file, whole or not at all."""
    if target == "-":
        print(text)
        return
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)
