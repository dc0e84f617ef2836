"""The options that commands share, from one place: which model, driven by what, run how, written where.

A command says which of them it has, and gets them as its first argument::

    @asking(MODEL, HOW, OUTPUT)
    def converge(asked: Asked, levels: Annotated[int, typer.Option(help="…")] = 6) -> int:
        experiment = asked.experiment()
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ...backends.registry import EXAMPLE, values_in_words
from . import arguments
from .driving import driven

if TYPE_CHECKING:
    from ...core.experiment import Experiment
    from ..running.how import Listener
    from ..showing.result import Result
    from ..showing.terminal import Console

MODEL = ("model", "variant", "duration", "dt", "seed", "assignments")
"""What is run."""
GAIT = ("gait", "gait_column", "gait_into", "gait_amplitude", "frame_rate")
"""What drives it."""
NUMERICS = ("method", "device", "precision", "target")
"""What the backends do with it."""
RUNNING = ("timeout", "jobs", "fresh")
"""What becomes of a run."""
HOW = ("backends", "modes", *NUMERICS, *RUNNING)
"""How it is run."""
OUTPUT = ("out", "json_file")
"""Where the result goes."""


@dataclass(frozen=True)
class Asked:
    """What the shared options of a command were given: each field is one, with its help and default.

    ``names`` are those that the command has; the others have their defaults.
    """

    names: tuple[str, ...] = ()
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A library name or a JSON file.")
    ] = ""
    variant: Annotated[str, typer.Option(help="A variant of the library model.")] = ""
    backends: Annotated[
        list[str] | None,
        typer.Option("-b", "--backend", help=f"Backends, for instance: -b {EXAMPLE}."),
    ] = None
    modes: Annotated[
        list[str] | None, typer.Option("--mode", help="raw, aligned, lockstep; several can follow.")
    ] = None
    method: Annotated[
        str | None, typer.Option("--method", help="euler, exponential_euler, rk4 (lockstep).")
    ] = None
    duration: Annotated[
        str | None, typer.Option(help='How long to simulate, such as "500 ms".')
    ] = None
    dt: Annotated[str | None, typer.Option(help='The time step, such as "0.1 ms".')] = None
    seed: Annotated[int | None, typer.Option(help="The seed of everything random.")] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="path=value, such as exc.tau='10 ms'; several."),
    ] = None
    gait: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Drive the model by a gait file, or by synthetic_healthy or synthetic_ataxic.",
        ),
    ] = None
    gait_column: Annotated[
        str | None, typer.Option(help="The column that drives it (default: LeftStrideSpeed).")
    ] = None
    gait_into: Annotated[
        str | None,
        typer.Option(help="The source, input or population that is driven; several with commas."),
    ] = None
    gait_amplitude: Annotated[
        str | None,
        typer.Option(help='For a population: what the highest value is, such as "50 pA".'),
    ] = None
    frame_rate: Annotated[
        str | None, typer.Option(help='Rows a second of the gait file, such as "30 Hz".')
    ] = None
    device: Annotated[str, typer.Option(help="cpu, cuda, … for backends that have devices.")] = (
        "cpu"
    )
    precision: Annotated[str | None, typer.Option(help="float64 or float32.")] = None
    target: Annotated[
        str | None, typer.Option(help=f"How code is generated ({values_in_words('target')}).")
    ] = None
    tolerance: Annotated[
        str | None, typer.Option(help="How far spikes may be apart to match (default: one dt).")
    ] = None
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Run the reference too.")
    ] = True
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="Hold against the oracle if it can run.")
    ] = True
    expect: Annotated[
        str | None,
        typer.Option(help="identical, round-off or close: exit status 1 if not reached."),
    ] = None
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a run is stopped.", min=0.1, max=1e9)
    ] = 3600.0
    jobs: Annotated[int | None, typer.Option(help="Runs side by side (default: cores).", min=1)] = (
        None
    )
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what has been run before.")] = (
        False
    )
    out: Annotated[
        Path | None, typer.Option(help="Folder for a page with its figures and tables.")
    ] = None
    json_file: Annotated[
        str | None, typer.Option("--json", help="Write JSON to this file, or - for stdout.")
    ] = None

    def console(self) -> Console:
        """Where the command prints: stderr if JSON goes to stdout."""
        from ..showing.terminal import Console

        return Console(stderr=self.json_file == "-")

    def check(self) -> None:
        """InputError before anything is run if a result could not be written."""
        arguments.check_writable(self.out, self.json_file)

    def experiment(self, console: Console | None = None, *more: str) -> Experiment:
        """The experiment that the options describe, with *more* assignments; notes on gait are printed."""
        given = [*(self.assignments or ()), *more]
        loaded = arguments.load_experiment(
            self.model, self.variant, self.duration, self.dt, self.seed, given
        )
        return self._driven(loaded, console)

    def changed(self, experiment: Experiment) -> Experiment:
        """Another experiment than the model's own with all that the options change in it."""
        changed = arguments.changed(
            experiment, self.duration, self.dt, self.seed, self.assignments or ()
        )
        return self._driven(changed, None)

    def _driven(self, experiment: Experiment, console: Console | None) -> Experiment:
        return driven(
            experiment,
            console,
            self.gait,
            self.gait_column,
            self.gait_into,
            self.gait_amplitude,
            self.frame_rate,
        )

    def with_(self, **changes: Any) -> Asked:
        """The same but for some options."""
        return replace(self, **changes)

    def how(
        self, listener: Listener | None = None, options: Iterable[str] = (*NUMERICS, *RUNNING)
    ) -> dict[str, Any]:
        """The keywords of `HowKeywords` for a study, of the options that the command has."""
        keywords = {name: getattr(self, name) for name in options if name in self.names}
        if "timeout" in keywords:
            keywords["timeout_s"] = keywords.pop("timeout")
        return keywords if listener is None else {**keywords, "listener": listener}

    def tolerance_ms(self) -> float | None:
        """The tolerance that is asked for; InputError if it is negative or no time."""
        return arguments.tolerance_of(self.tolerance)

    def write_json(self, data: Any) -> None:
        """Plain data as JSON, if that is asked for."""
        if self.json_file is not None:
            arguments.write_json(data, self.json_file)

    def write(self, console: Console, result: Result, command: str = "") -> None:
        """The JSON and the page of a result, where they were asked for; *command* repeats it."""
        self.write_json(result.to_dict())
        if self.out is not None:
            console.print(f"report: {result.save(self.out, command=command)}")

    def given(self, *names: str) -> dict[str, Any]:
        """Options as they are typed, such as ``--dt``, with what they were given, if it is no default."""
        defaults = {f.name: f.default for f in fields(self)}
        return {
            _spelled(name): getattr(self, name)
            for name in names
            if getattr(self, name) != defaults[name]
        }


def asking(
    *groups: str | Iterable[str],
    without: Iterable[str] = (),
    helps: Mapping[str, str] = MappingProxyType({}),
    **defaults: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command shared options; it gets them as its first argument, an `Asked`.

    *groups* are names of fields of `Asked` or several of them, *without* those of a group that the command
    has no use for; *helps* and *defaults* are given where they are not the usual ones.
    """
    names = [
        name
        for group in groups
        for name in ((group,) if isinstance(group, str) else group)
        if name not in without
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()][1:]
        panels = _PANELS if "model" in names else {}  # a command with few options needs none
        shared = [_parameter(name, helps, defaults, panels.get(name)) for name in names]
        # An argument goes before options: the model first, then those that only this command has.
        together = sorted([*shared, *own], key=lambda p: (p.name != "model", not _is_argument(p)))
        # All are given by name, and so may stand in any order.
        together = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in together]

        @wraps(command)
        def wrapper(**given: Any) -> Any:
            mine = {p.name: given.pop(p.name) for p in own}
            return command(Asked(tuple(names), **given), **mine)

        wrapper.__signature__ = signature.replace(parameters=together)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in together}
        return wrapper

    return decorate


_PANELS = {
    **dict.fromkeys(MODEL[1:], "The model"),
    **dict.fromkeys(GAIT, "Gait that drives it"),
    **dict.fromkeys((*HOW, "reference", "oracle"), "How it is run"),
    **dict.fromkeys((*OUTPUT, "expect"), "The result"),
}
"""Under which heading ``--help`` shows an option; the others stand with the command's own."""


@cache
def _options() -> Mapping[str, tuple[Any, Any]]:
    """Of every shared option its type and what Typer is told of it."""
    hints = get_type_hints(Asked, include_extras=True)
    return {
        name: (hint.__origin__, hint.__metadata__[0])
        for name, hint in hints.items()
        if hasattr(hint, "__metadata__")
    }


def _spelled(name: str) -> str:
    """An option as it is typed."""
    _, info = _options()[name]
    # Where the default stands in the signature, Typer has the first declaration in its place.
    declared = [d for d in (info.default, *(info.param_decls or ())) if str(d).startswith("--")]
    return declared[0].partition("/")[0] if declared else f"--{name.replace('_', '-')}"


def _parameter(
    name: str, helps: Mapping[str, str], defaults: Mapping[str, Any], panel: str | None
) -> inspect.Parameter:
    kind, info = _options()[name]
    info = copy(info)
    info.help = helps.get(name, info.help)
    info.rich_help_panel = panel
    usual = {f.name: f.default for f in fields(Asked)}
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if name == "model" else defaults.get(name, usual[name]),
        annotation=Annotated[kind, info],
    )


def _is_argument(parameter: inspect.Parameter) -> bool:
    told = getattr(parameter.annotation, "__metadata__", ())
    return any(isinstance(info, typer.models.ArgumentInfo) for info in told)
