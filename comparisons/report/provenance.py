"""Where the results of a page come from: versions, hash, seed, machine, the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ...core.experiment import Experiment
from .. import words
from ..compare import Comparison
from ..runs import Run
from .page import EXPERIMENT
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


def _own_version() -> str:
    try:
        return version("coincide")
    except PackageNotFoundError:
        return "not installed as a package"


def _machine(machine: Mapping[str, Any]) -> str:
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    return ", ".join(filter(None, (machine.get("platform"), machine.get("processor"), cores)))


def comparison_command(comparison: Comparison) -> str:
    """The command that repeats a comparison from the experiment beside the page."""
    settings = [
        dict(run.recording.provenance.get("settings") or {}) for run in comparison.runs if run.ok
    ]
    backends = list(dict.fromkeys(run.backend for run in comparison.runs))
    parts = ["coincide", "compare", EXPERIMENT, "-b", *[b for b in backends if b != "reference"]]
    if parts[-1] == "-b":
        parts.append("reference")
    if "reference" not in backends:
        parts.append("--no-reference")
    parts += ["--mode", *words.modes_of(comparison)]
    # Written only where it was not left to its default.
    for option, name, default in (("--method", "method", None), ("--device", "device", "cpu")):
        given = {s.get(name) for s in settings} - {default, None}
        if len(given) == 1:
            parts += [option, str(given.pop())]
    tolerances = {pair.tolerance_ms for pair in comparison.pairs} - {comparison.experiment.dt_ms}
    if len(tolerances) == 1:
        parts += ["--tolerance", f"{tolerances.pop():g} ms"]
    return shlex.join(parts)
