"""Runs by content: what has been run is not run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...core.cache import cache_dir, lock
from ...core.errors import InputError, MachineError
from ...core.experiment import Experiment
from ...core.realization import Realization
from ...core.realize import realize
from ...core.seal import broken_seal
from ...core.storage import RUN_FILE, read_run
from .keys import code_fingerprint, installed_version, run_key
from .process import run_in_process
from .runs import LOG, Job, Run, as_run


def store_realization(experiment: Experiment) -> tuple[Realization, Path]:
    """The realization of an experiment and the file in the cache that holds it."""
    folder = cache_dir("realizations")
    # A generator's stream may change between versions of NumPy.
    numpy_version = installed_version("numpy")
    path = folder / f"{experiment.hash[:32]}-{code_fingerprint()}-{numpy_version}.npz"
    damage = ""
    if path.exists():
        try:
            return Realization.load(path), path
        except InputError as error:
            damage = (
                f"what was kept of this model {error.problem.partition(';')[0]}; it was drawn anew"
            )
            LOG.warning("%s: %s", experiment.name, damage)
            path.unlink(missing_ok=True)
    realization = realize(experiment)
    try:
        realization.save(path)
    except OSError as error:
        raise MachineError.of(error, str(folder)) from error
    if damage:
        realization = replace(realization, notes=(*realization.notes, damage))
    return realization, path


def perform(job: Job) -> Run:
    """Perform one run in a process of its own, or take it from the cache.

    Never raises for what happens in the process: a crash, a hang, an error is the run's status. Raises
    MachineError where the cache cannot be written, which is so for every other run too.
    """
    key = run_key(job.digest, job.backend, job.settings)
    folder = cache_dir("runs", key[:2]) / key
    try:
        with lock(folder):
            damage = None
            if not job.fresh:
                found, damage = _from_store(job, folder)
                if found is not None:
                    return found
            run = run_in_process(job, folder)
    except OSError as error:
        raise MachineError.of(error, str(cache_dir())) from error
    if damage is None:
        return run
    LOG.warning("%s: %s", job.id, damage)
    return replace(run, notes=(*run.notes, damage))


def _from_store(job: Job, folder: Path) -> tuple[Run | None, str | None]:
    """The run that is kept in a folder; else None, and what is wrong with what is there, if anything is."""
    if not (folder / RUN_FILE).exists():
        return None, None
    try:
        damage = broken_seal(folder)
        if damage is None:
            return as_run(job, read_run(folder), folder, cached=True), None
    except InputError as error:
        damage = error.problem
    return None, f"the recording kept of this run was damaged ({damage}); it was computed again"
