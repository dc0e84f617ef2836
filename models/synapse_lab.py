"""What a synapse model and a connection rule do to a population of LIF cells: a course's laboratory.

::

    τ dv/dt = -(v - v_rest) + R I,   spike and reset where v > v_threshold

Synapses (first half of a variant's name), made to have equal weight: a spike over a connection of strength
J (mV) moves v of a passive cell by an area of J·τ (mV ms), whatever the synapse.

- ``delta``: v += J;
- ``current``: a current of J/R·τ/τ_s that decays with τ_s;
- ``conductance``: a conductance of J/R·τ/τ_s/(E - v_match) that decays with τ_s; equal at v = v_match only.

Connections (second half): ``full``: all to all, J = J0/N; ``probability``: every pair with p, J = J0/(pN);
``in_degree``: C sources for every cell, J = J0/C (Gerstner et al. 2014, Neuronal Dynamics, ch. 12). N is
the number of source cells. So a cell's mean input is the same for all nine, and what differs is its time
course and its spread over cells.

Populations: 80 excitatory and 20 inhibitory cells (``mixed``), or 100 excitatory (``homogeneous``); with a
frozen noise current of its own for every cell, or without. ``decision``: two excitatory populations, each
exciting itself, and one inhibitory that both excite and that inhibits both; from ``start`` on both are
driven more, the first most. In 8 of 8 seeds the first goes up to 58-82 Hz and the second, although driven
more than before, down to 1-6 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ..core.errors import InputError
from ..core.experiment import Experiment, Record
from ..core.inputs import ConstantInput, Input, StepInput, WhiteNoiseInput
from ..core.neurons import NeuronModel
from ..core.populations import Population
from ..core.projections import (
    AllToAll,
    FixedInDegree,
    FixedProbability,
    Projection,
    Rule,
    WeightScale,
)
from ..core.receptors import Delta, ExponentialConductance, ExponentialCurrent, Receptor
from ..core.units import Quantity
from .tables import Table, read_table

Synapse = Literal["delta", "current", "conductance"]
Connections = Literal["full", "probability", "in_degree"]
Populations = Literal["mixed", "homogeneous"]

_EQUATIONS = """
dv/dt = (-(v - v_rest) + R*I)/tau : mV
I : pA (input)
v_rest : mV
v_reset : mV
v_threshold : mV
R : GOhm
tau : ms
"""
_WORDS = {
    "delta": "voltage kicks",
    "current": "exponential currents",
    "conductance": "exponential conductances",
    "full": "all to all",
    "probability": "fixed probability",
    "in_degree": "fixed in-degree",
}
_STATES = {"delta": (), "current": ("current",), "conductance": ("g",)}


def build(variant: str, *, populations: Populations = "mixed", noise: bool = True) -> Experiment:
    """The experiment of a variant ``<synapse>_<connections>``, or of ``decision``."""
    table = read_table("synapse_lab")
    if variant == "decision":
        if populations != "mixed":
            raise InputError("synapse_lab.populations", "the decision has populations of its own")
        return _decision(table, noise)
    synapse, _, connections = variant.partition("_")
    return _grid(table, synapse, connections, populations, noise)


def sweep() -> list[tuple[dict[str, str], Experiment]]:
    """The whole grid: 3 synapses × 3 connection rules × 2 populations × without and with noise."""
    return [
        (
            {
                "synapse": synapse,
                "connections": connections,
                "populations": populations,
                "noise": "yes" if noise else "no",
            },
            build(f"{synapse}_{connections}", populations=populations, noise=noise),
        )
        for synapse in get_args(Synapse)
        for connections in get_args(Connections)
        for populations in get_args(Populations)
        for noise in (False, True)
    ]


def _grid(
    table: Table, synapse: str, connections: str, populations: Populations, noise: bool
) -> Experiment:
    mixed = populations == "mixed"
    sizes = (
        {"exc": table.count("size_exc"), "inh": table.count("size_inh")}
        if mixed
        else {"exc": table.count("size_exc") + table.count("size_inh")}
    )
    strength = {
        "exc": table.quantity("J_mixed_exc" if mixed else "J_homogeneous"),
        "inh": table.quantity("J_mixed_inh"),
    }
    states = ("v", *(f"{s}_{group}" for s in _STATES[synapse] for group in sizes))
    cells = "80 excitatory and 20 inhibitory" if mixed else "100 excitatory"
    return Experiment(
        name="synapse_lab",
        variant=f"{synapse}_{connections}",
        title=f"{cells} LIF cells, {_WORDS[synapse]}, {_WORDS[connections]}, "
        f"{'with' if noise else 'without'} noise",
        source=table.source,
        populations=tuple(
            _cells(table, n, size, synapse, tuple(sizes)) for n, size in sizes.items()
        ),
        projections=tuple(
            _projection(table, synapse, connections, (source, target), strength[source], sizes)
            for source in sizes
            for target in sizes
        ),
        inputs=(
            *(_drive(group, table.quantity("I")) for group in sizes),
            *_noises(table, tuple(sizes) if noise else ()),
        ),
        records=tuple(
            Record(population=group, variables=states, cells=tuple(range(5))) for group in sizes
        ),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )


def _decision(table: Table, noise: bool) -> Experiment:
    sizes = {name: table.count(f"decision_size_{name}") for name in ("first", "second", "inh")}
    pairs = (
        ("first", "first"),
        ("second", "second"),
        ("first", "inh"),
        ("second", "inh"),
        ("inh", "first"),
        ("inh", "second"),
    )
    return Experiment(
        name="synapse_lab",
        variant="decision",
        title="Two excitatory populations compete through one inhibitory, "
        f"{'with' if noise else 'without'} noise",
        source=table.source,
        populations=tuple(
            _cells(table, name, size, "current", ("exc", "inh")) for name, size in sizes.items()
        ),
        projections=tuple(
            _projection(
                table, "current", "probability", pair, table.quantity(_strength(*pair)), sizes
            )
            for pair in pairs
        ),
        inputs=(
            *(_drive(name, table.quantity(f"decision_I_{name}")) for name in sizes),
            *(
                StepInput(
                    name=f"evidence_{name}",
                    population=name,
                    amplitude=table[f"decision_evidence_{name}"],
                    start=table.quantity("decision_start"),
                )
                for name in ("first", "second")
            ),
            *_noises(table, tuple(sizes) if noise else ()),
        ),
        records=tuple(
            Record(population=name, variables=("v",), cells=tuple(range(5))) for name in sizes
        ),
        duration=table.quantity("decision_duration"),
        dt=table.quantity("dt"),
    )


def _strength(source: str, target: str) -> str:
    if source == "inh":
        return "decision_J_from_inh"
    return "decision_J_to_inh" if target == "inh" else "decision_J_own"


def _cells(
    table: Table, name: str, size: int, synapse: str, receptors: Sequence[str]
) -> Population:
    model = NeuronModel(
        name="LIF",
        equations=_EQUATIONS,
        threshold="v > v_threshold",
        reset="v = v_reset",
        parameters=table.values("v_rest", "v_reset", "v_threshold", "R", "tau"),
        source=table.source,
    )
    return Population(
        name=name,
        model=model,
        size=size,
        receptors={r: _receptor(table, synapse, r) for r in receptors if r in {"exc", "inh"}},
        initial={"v": table["initial_v"]},
    )


def _receptor(table: Table, synapse: str, kind: str) -> Receptor:
    if synapse == "delta":
        return Delta()
    tau = table[f"tau_{kind}"]
    if synapse == "current":
        return ExponentialCurrent(tau=tau)
    return ExponentialConductance(tau=tau, reversal=table[f"E_{kind}"])


def _projection(
    table: Table,
    synapse: str,
    connections: str,
    pair: tuple[str, str],
    strength: Quantity,
    sizes: dict[str, int],
) -> Projection:
    source, target = pair
    receptor = "inh" if source == "inh" else "exc"
    p = table.number("p")
    rule: Rule
    scale: WeightScale
    if connections == "full":
        rule, scale = AllToAll(self_connections=False), "1/N"
    elif connections == "probability":
        rule, scale = FixedProbability(p=p, self_connections=False), "1/(pN)"
    else:
        rule, scale = FixedInDegree(n=round(p * sizes[source]), self_connections=False), "1/C"
    return Projection(
        source=source,
        target=target,
        receptor=receptor,
        rule=rule,
        weight=_weight(table, synapse, receptor, strength),
        weight_scale=scale,
        delay=table["delay"],
    )


def _weight(table: Table, synapse: str, kind: str, strength: Quantity) -> Quantity:
    """The weight of a connection that moves v by the area *strength* times τ."""
    if synapse == "delta":
        return strength
    tau, tau_s = table.internal("tau", "ms"), table.internal(f"tau_{kind}", "ms")
    current = strength.internal / table.internal("R", "GOhm") * tau / tau_s
    if synapse == "current":
        return Quantity(round(current, 6), "pA")
    force = table.internal(f"E_{kind}", "mV") - table.internal("v_match", "mV")
    return Quantity(round(current / force, 6), "nS")


def _drive(population: str, amplitude: Quantity) -> ConstantInput:
    return ConstantInput(name=f"drive_{population}", population=population, amplitude=amplitude)


def _noises(table: Table, populations: Sequence[str]) -> list[Input]:
    return [
        WhiteNoiseInput(
            name=f"noise_{name}",
            population=name,
            mean=table.quantity("noise_mean"),
            std=table.quantity("noise_std"),
            interval=table.quantity("noise_interval"),
        )
        for name in populations
    ]
