"""What is known of NEURON's integrators without starting it."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.experiment import Experiment
from ..numerics import Numerics


def _stand_ins(experiment: Experiment, mode: str) -> Iterator[str]:
    """Mechanisms of NEURON's own that take the place of channels in raw mode."""
    if mode != "raw":
        return
    for population in experiment.populations:
        for own in getattr(getattr(population, "model", None), "stand_ins", ()):
            if own.simulator == "neuron":
                yield (
                    f"NEURON's own {own.mechanism} stands for {', '.join(own.channels)} of "
                    f"{population.name} (the convention built_in): its rates come from a table"
                )


NUMERICS = Numerics(
    # cnexp is exact for one linear equation and of order 1 for coupled ones; with Sections the order is that
    # of the Section's method.
    orders={"derivimplicit": 1.0, "implicit Euler": 1.0, "Crank-Nicolson": 2.0},
    adaptive=("cvode",),
    elsewhere=_stand_ins,
)
