"""The benchmarks CUBA and COBA: 4,000 sparsely connected cells whose activity sustains itself.

::

    C dv/dt = g_L (E_L - v) + I                                       spike where v > v_threshold
    CUBA:  I = I_exc + I_inh,                                         dI_x/dt = -I_x/τ_x
    COBA:  I = g_exc (E_exc - v) + g_inh (E_inh - v),                 dg_x/dt = -g_x/τ_x

80 % of the cells are excitatory; every pair is connected with a probability of 2 %. CUBA's rest is above
its threshold, so it starts by itself. COBA's rest is below and there is no input: it is silent for ever
unless started, here by initial conductances, of which each cell has its own; for that its conductances
are variables of the neuron, not of a receptor. Over 1 s CUBA fires at 5.7 Hz, COBA at 18 Hz (seed 1).
Which initial conductances keep COBA alive is delicate: those of Brian's example end in silence for some
seeds; these did not for any of 8, with 1,000 cells as with 4,000. With 400 cells the activity dies out.

The delay is 0.1 ms, one step, as the benchmark has none. With ``size`` the probability becomes
2 %·4000/size: every cell keeps 80 inputs on average, so that synapses grow as the cells do.

Source: Brette et al. 2007, J. Comput. Neurosci. 23:349, appendix B; Vogels & Abbott 2005, J. Neurosci.
25:10786.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import InputError
from ..core.experiment import Experiment, Record
from ..core.neurons import NeuronModel
from ..core.populations import Population
from ..core.projections import FixedProbability, Projection
from ..core.receptors import Delta, ExponentialCurrent, Receptor
from .tables import Table, read_table

_MEMBRANE = """
dv/dt = (g_L*(E_L - v) + I)/C : mV (unless refractory)
C : pF
g_L : nS
E_L : mV
v_threshold : mV
v_reset : mV
"""
_CURRENT = "I : pA (input)"
_CONDUCTANCE = """
I = g_exc*(E_exc - v) + g_inh*(E_inh - v) : pA
dg_exc/dt = -g_exc/tau_exc : nS
dg_inh/dt = -g_inh/tau_inh : nS
E_exc : mV
E_inh : mV
tau_exc : ms
tau_inh : ms
"""
_CELL = ("C", "g_L", "E_L", "v_threshold", "v_reset")


def build_cuba(variant: str, *, size: int = 4000) -> Experiment:
    """CUBA: current synapses; rest above threshold."""
    table = read_table("cuba_4000")
    receptors: dict[str, Receptor] = {
        "exc": ExponentialCurrent(tau=table["tau_exc"]),
        "inh": ExponentialCurrent(tau=table["tau_inh"]),
    }
    model = _model("LIF", table, _CURRENT, _CELL)
    return _network("cuba_4000", variant, "current synapses", table, model, receptors, {}, size)


def build_coba(variant: str, *, size: int = 4000) -> Experiment:
    """COBA: conductance synapses; started by initial conductances."""
    table = read_table("coba_4000")
    parameters = (*_CELL, "E_exc", "E_inh", "tau_exc", "tau_inh")
    model = _model("LIFConductance", table, _CONDUCTANCE, parameters)
    receptors: dict[str, Receptor] = {"exc": Delta(target="g_exc"), "inh": Delta(target="g_inh")}
    initial = {name: table[f"initial_{name}"] for name in ("g_exc", "g_inh")}
    return _network(
        "coba_4000", variant, "conductance synapses", table, model, receptors, initial, size
    )


def _model(name: str, table: Table, synapses: str, parameters: tuple[str, ...]) -> NeuronModel:
    return NeuronModel(
        name=name,
        equations=f"{_MEMBRANE}\n{synapses}",
        threshold="v > v_threshold",
        reset="v = v_reset",
        refractory=str(table.quantity("refractory")),
        parameters=table.values(*parameters),
        source=table.source,
    )


def _network(
    name: str,
    variant: str,
    synapses: str,
    table: Table,
    model: NeuronModel,
    receptors: Mapping[str, Receptor],
    initial: Mapping[str, object],
    size: int,
) -> Experiment:
    in_degree = table.number("p") * table.count("size")
    if size < 2 * in_degree:
        raise InputError(
            f"{name}.size",
            f"{size} is too small; {in_degree:g} inputs need {2 * in_degree:g} cells",
        )
    n_exc = round(size * table.number("fraction_exc"))
    sizes = {"exc": n_exc, "inh": size - n_exc}
    recorded = tuple(range(table.count("recorded")))
    return Experiment(
        name=name,
        variant=variant,
        title=f"{size:,} LIF cells with {synapses}, self-sustained",
        source=table.source,
        populations=tuple(
            Population(
                name=group,
                model=model,
                size=n,
                receptors=dict(receptors),
                initial={"v": table["initial_v"], **initial},
            )
            for group, n in sizes.items()
        ),
        projections=tuple(
            Projection(
                source=source,
                target=target,
                receptor=source,
                rule=FixedProbability(p=in_degree / size),
                weight=table[f"weight_{source}"],
                delay=table["delay"],
            )
            for source in sizes
            for target in sizes
        ),
        records=(Record(population="exc", variables=("v",), cells=recorded),),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )
