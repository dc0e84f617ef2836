"""80 leaky integrate-and-fire cells, 64 excitatory and 16 inhibitory: small, recurrent, irregular.

::

    C dv/dt = g_L (E_L - v) + I_exc + I_inh,   dI_x/dt = -I_x/τ_x,   spike where v > v_threshold

Every cell gets its own Poisson train and, from each group, a fixed number of connections with delays of 1
to 3 ms. It has everything in which simulators' conventions differ (refractoriness, delays from cell to cell,
a spike source, current synapses) and is small enough to compare spike by spike over 1 s.
"""

from __future__ import annotations

from ..core.experiment import Experiment, Record
from ..core.neurons import NeuronModel
from ..core.populations import PoissonSource, Population
from ..core.projections import FixedInDegree, OneToOne, Projection
from ..core.receptors import ExponentialCurrent
from .tables import Table, read_table

_EQUATIONS = """
dv/dt = (g_L*(E_L - v) + I)/C : mV (unless refractory)
I : pA (input)
C : pF
g_L : nS
E_L : mV
v_threshold : mV
v_reset : mV
"""
_GROUPS = ("exc", "inh")


def build(variant: str) -> Experiment:
    """The experiment; there is one variant."""
    table = read_table("lif_80")
    sizes = {group: table.count(f"size_{group}") for group in _GROUPS}
    return Experiment(
        name="lif_80",
        variant=variant,
        title="80 LIF cells, 64 excitatory and 16 inhibitory, with delays and Poisson input",
        source=table.source,
        populations=(
            *(_cells(table, group, n) for group, n in sizes.items()),
            *(
                PoissonSource(name=f"input_{group}", size=n, rate=table["rate_input"])
                for group, n in sizes.items()
            ),
        ),
        projections=(
            *(_coupling(table, source, target) for source in _GROUPS for target in _GROUPS),
            *(_input(table, group) for group in _GROUPS),
        ),
        records=(
            Record(population="exc", variables=("v",), cells=tuple(range(4))),
            Record(population="inh", variables=("v",), cells=(0,)),
        ),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )


def _cells(table: Table, group: str, size: int) -> Population:
    model = NeuronModel(
        name="LIF",
        equations=_EQUATIONS,
        threshold="v > v_threshold",
        reset="v = v_reset",
        refractory=str(table.quantity("refractory")),
        parameters=table.values("C", "g_L", "E_L", "v_threshold", "v_reset"),
        source=table.source,
    )
    return Population(
        name=group,
        model=model,
        size=size,
        receptors={g: ExponentialCurrent(tau=table[f"tau_{g}"]) for g in _GROUPS},
        initial={"v": table["initial_v"]},
    )


def _coupling(table: Table, source: str, target: str) -> Projection:
    return Projection(
        source=source,
        target=target,
        receptor=source,
        rule=FixedInDegree(n=table.count(f"in_degree_{source}"), self_connections=False),
        weight=table[f"weight_{source}"],
        delay=table["delay"],
    )


def _input(table: Table, group: str) -> Projection:
    return Projection(
        source=f"input_{group}",
        target=group,
        receptor="exc",
        rule=OneToOne(),
        weight=table["weight_input"],
        delay=table["delay_input"],
    )
