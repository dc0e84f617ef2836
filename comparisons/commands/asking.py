"""The options that commands share, from one place: which model, driven by what, run how, written where."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from . import arguments
from .gait import FrameRate, Gait, GaitAmplitude, GaitColumn, GaitInto, driven

if TYPE_CHECKING:
    from rich.console import Console

    from ...core.experiment import Experiment
    from ..running.how import How, Listener

_MODEL: Mapping[str, Any] = {
    "variant": arguments.Variant,
    "duration": arguments.Duration,
    "dt": arguments.Dt,
    "seed": arguments.Seed,
    "assignments": arguments.Set,
}
_GAIT: Mapping[str, Any] = {
    "gait": Gait,
    "gait_column": GaitColumn,
    "gait_into": GaitInto,
    "gait_amplitude": GaitAmplitude,
    "frame_rate": FrameRate,
}
_REFERENCE = Annotated[
    bool, typer.Option("--reference/--no-reference", help="Run the reference too.")
]
_HOW: Mapping[str, Any] = {
    "backends": arguments.Backends,
    "modes": arguments.Modes,
    "method": arguments.MethodOption,
    "device": arguments.Device,
    "precision": arguments.Precision,
    "target": arguments.Target,
    "reference": _REFERENCE,
    "jobs": arguments.Jobs,
    "timeout": arguments.Timeout,
    "fresh": arguments.Fresh,
}
_OUTPUT: Mapping[str, Any] = {
    "out": Annotated[
        Path | None, typer.Option(help="Folder for a page with its figures and tables.")
    ],
    "json_file": arguments.Json,
}
_DEFAULTS: Mapping[str, Any] = {
    "variant": "",
    "device": "cpu",
    "reference": True,
    "timeout": 3600.0,
    "fresh": False,
}
"""The defaults that are not None."""


@dataclass(frozen=True)
class Asked:
    """What the shared options of a command were given."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    def console(self) -> Console:
        """Where the command prints: stderr if JSON goes to stdout."""
        from ..showing.terminal import Console

        return Console(stderr=self.values.get("json_file") == "-")

    def check(self) -> None:
        """InputError before anything is run if a result could not be written."""
        arguments.check_writable(self.values.get("out"), self.values.get("json_file"))

    def experiment(self, console: Console | None = None) -> Experiment:
        """The experiment that the options describe, driven by gait if they say so."""
        v = self.values
        loaded = arguments.load_experiment(
            v["model"],
            v.get("variant", ""),
            v.get("duration"),
            v.get("dt"),
            v.get("seed"),
            v.get("assignments") or (),
        )
        return self.driven(loaded, console)

    def driven(self, experiment: Experiment, console: Console | None = None) -> Experiment:
        """An experiment driven by gait, if the options say so."""
        v = self.values
        if "gait" not in v:
            return experiment
        return driven(
            experiment,
            console,
            v["gait"],
            v["gait_column"],
            v["gait_into"],
            v["gait_amplitude"],
            v["frame_rate"],
        )

    def how(self, listener: Listener | None = None, modes: Sequence[str] = ("aligned",)) -> How:
        """How the runs are done; *modes* are those of the command unless others are asked for."""
        from ..running.how import How

        v = self.values
        given = {
            name: v[name]
            for name in ("method", "device", "precision", "target", "reference", "jobs", "fresh")
            if name in v
        }
        if "timeout" in v:
            given["timeout_s"] = v["timeout"]
        if listener is not None:
            given["listener"] = listener
        return How.of(v.get("backends"), v.get("modes") or modes, **given)

    def write(self, console: Console, result: Any) -> None:
        """The JSON and the page of a result, where they were asked for."""
        if self.values.get("json_file") is not None:
            arguments.write_json(result.to_dict(), self.values["json_file"])
        if self.values.get("out") is not None:
            console.print(f"report: {result.save(self.values['out'])}")

    def spelled(self) -> dict[str, Any]:
        """The options that change the experiment, as they were typed; what was left out is None."""
        v = self.values
        names = {**_MODEL, **_GAIT}
        spelled = {
            name: "--set" if name == "assignments" else f"--{name.replace('_', '-')}"
            for name in names
            if name in v
        }
        return {option: v[name] for name, option in spelled.items()}


def asking(
    *,
    model: bool = True,
    gait: bool = False,
    output: bool = True,
    without: Sequence[str] = (),
    **defaults: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the shared options; it gets them as its first argument, an `Asked`.

    *model*, *gait* and *output* are groups of them; *without* names single ones that the command has no use
    for, and *defaults* other defaults than the usual ones.
    """
    groups: dict[str, Any] = {"model": arguments.Model} if model else {}
    groups |= {**_MODEL} if model else {}
    groups |= {**_GAIT} if gait else {}
    groups |= _HOW
    groups |= _OUTPUT if output else {}
    shared = {name: kind for name, kind in groups.items() if name not in without}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()][1:]
        usual = {**dict.fromkeys(shared), **_DEFAULTS, **defaults}

        def parameter(name: str) -> inspect.Parameter:
            default = inspect.Parameter.empty if name == "model" else usual[name]
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            return inspect.Parameter(name, kind, default=default, annotation=shared[name])

        first = [parameter("model")] if "model" in shared else []
        rest = [parameter(name) for name in shared if name != "model"]
        needed = [p for p in own if p.default is inspect.Parameter.empty]
        optional = [p for p in own if p.default is not inspect.Parameter.empty]
        together = [*first, *needed, *optional, *rest]

        @wraps(command)
        def wrapper(**given: Any) -> Any:
            mine = {p.name: given.pop(p.name) for p in own}
            return command(Asked(given), **mine)

        wrapper.__signature__ = signature.replace(parameters=together)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in together}
        del wrapper.__wrapped__
        return wrapper

    return decorate
