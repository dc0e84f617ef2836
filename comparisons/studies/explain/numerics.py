"""What is left after the conventions: integrators exchanged, dt halved, a tiny perturbation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realization import Realization, RealizedPopulation
from ....core.realize import realize
from ....core.settings import Settings
from .hypothesis import Hypothesis, Side, with_model, with_settings

SHRINKS = 0.8
"""What falls below this share of itself at half the step goes to 0 with dt: order 1 halves it."""
KICK = 1e-12
"""The relative size of the perturbation that asks for chaos: some thousand roundings."""
INTEGRATORS = "the integrators"
"""The name of the hypothesis that the two integrate by different methods."""
STEP = "the step"
"""The name of the finding that the two differ by what they make of a step."""
CHAOS = "chaos"
NOT_REMOVED = (CHAOS, STEP)
"""Findings that no run can be without: they are shown by how a difference grows or shrinks."""


def exchange(a: Side, b: Side, method_a: str, method_b: str) -> Hypothesis | None:
    """Both sides by one scheme in lockstep instead of by their own; None where that is so already."""
    if not (a.runs and b.runs) or a.settings.mode == b.settings.mode == "lockstep":
        return None

    def lockstep(settings: Settings) -> Settings:
        return Settings(
            "lockstep", device=settings.device, precision=settings.precision, target=settings.target
        )

    said = (
        f"{a.label} integrates with {method_a or 'its own'}, {b.label} with {method_b or 'its own'}"
    )
    if method_a == method_b:
        said = f"{a.label} and {b.label} integrate with {method_a}, each in its own way"
    return Hypothesis("integrator", INTEGRATORS, said, "both", with_settings(lockstep), prior=0.5)


def in_float64(side: Side, which: str) -> Hypothesis | None:
    """A side that was asked to compute in float32, in float64."""
    if not side.runs or side.settings.precision != "float32":
        return None
    return Hypothesis(
        "precision",
        f"{side.label}: float32",
        "computes in float32",
        which,  # type: ignore[arg-type]
        with_settings(lambda s: replace(s, precision="float64")),
        prior=0.8,
    )


def at_half_step(side: Side) -> Side | None:
    """A side with half the dt; None where other random numbers would be drawn, or nothing can be run."""
    if not side.runs or side.realization is None:
        return None
    experiment = side.realization.experiment
    if any(given.random for given in experiment.inputs):
        return None
    finer = _halved(experiment)
    if finer is None or realize(experiment).digest != side.realization.digest:
        return None  # the realization has been changed by hand; a new one would not be
    return replace(side, realization=finer)


def _halved(experiment: Experiment) -> Realization | None:
    try:
        return realize(experiment.with_(dt=f"{experiment.dt_ms / 2!r} ms"))
    except InputError:
        return None  # more steps than there can be


def perturbed(side: Side) -> Side:
    """A side all of whose initial values are moved by `KICK` of themselves."""

    def moved(realization: Realization) -> Realization:
        return replace(
            realization, populations={n: _kicked(p) for n, p in realization.populations.items()}
        )

    return with_model(moved)(side)


def _kicked(population: RealizedPopulation) -> RealizedPopulation:
    initial = {
        name: values + KICK * np.where(values == 0.0, 0.0, np.abs(values))
        for name, values in population.initial.items()
    }
    return replace(population, initial=initial)
