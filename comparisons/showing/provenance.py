"""Where the results of a page come from: versions, hash, seed, machine, the command that repeats it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ...core.experiment import Experiment
from ..running.runs import Run
from .section import Provenance


def provenance_of(experiment: Experiment, runs: Sequence[Run], command: str) -> Provenance:
    """The provenance of runs of an experiment; *command* repeats them, reading `EXPERIMENT`."""
    good = [run for run in runs if run.ok]
    machines = (run.recording.provenance.get("machine") for run in good)
    machine: Mapping[str, Any] = next((m for m in machines if m), {})
    versions = {run.backend: run.version for run in runs if run.version}
    packages = machine.get("packages", {})
    rows = [
        ("coincide", _own_version()),
        ("simulators", ", ".join(f"{name}: {v}" for name, v in versions.items())),
        ("packages", ", ".join(f"{name} {v}" for name, v in packages.items())),
        ("Python", machine.get("python", "")),
        ("machine", _machine(machine)),
        ("experiment", " ".join(filter(None, (experiment.name, experiment.variant)))),
        ("source of the model", experiment.source),
        ("hash", experiment.hash),
        ("seed", str(experiment.seed)),
        ("time step", f"{experiment.dt_ms:g} ms"),
        ("duration", f"{experiment.duration_ms:g} ms"),
    ]
    return Provenance(command, tuple((term, text) for term, text in rows if text), experiment)


_DEFAULTS: Mapping[str, str | None] = {
    "method": None,
    "device": "cpu",
    "precision": None,
    "target": None,
}
"""The options of a run that its settings hold, with their defaults."""


def options_of(runs: Iterable[Run], but: Container[str] = ()) -> list[str]:
    """The options that runs were given, as a command has them, *but* for some; defaults are left out."""
    good = (run for run in runs if run.ok)
    return spelled((run.recording.provenance.get("settings") or {} for run in good), but)


def spelled(settings: Iterable[Mapping[str, Any]], but: Container[str] = ()) -> list[str]:
    """The options that stand in settings, as a command has them; one that differs among them is left out."""
    every = list(settings)
    words = []
    for name, default in _DEFAULTS.items():
        given = {s.get(name) for s in every} - {default, None}
        if len(given) == 1 and name not in but:
            words += [f"--{name}", str(given.pop())]
    return words


def _own_version() -> str:
    try:
        return version("coincide")
    except PackageNotFoundError:
        return "not installed as a package"


def _machine(machine: Mapping[str, Any]) -> str:
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    return ", ".join(filter(None, (machine.get("platform"), machine.get("processor"), cores)))
