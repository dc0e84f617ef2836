"""A small cerebellar circuit: what walking sends in over mossy fibres, and what the nuclei make of it.

::

    C dv/dt = g_L (E_L - v) + I_e + Σ_x g_x (E_x - v),   dg_x/dt = -g_x/τ_x,   spike where v > v_threshold

::

    mossy ──> granule ──> stellate, basket ──| purkinje ──| nuclei (output)
      ├─────> golgi ──| granule                  ^             ^
      │         ^── granule                      └── granule   │
      └──────────────────────────────────────────────────────> ┘
    climbing ──> purkinje, one to one

``mossy`` are Poisson trains whose rate carries the signal: a raised cosine, one stride a second, from 4 to
20 Hz. ``climbing`` are Poisson trains of 1 Hz, each of which makes its Purkinje cell fire a burst, the
complex spike. Golgi cells inhibit each other, as do stellate cells and basket cells. The cells are those of
Casali et al. 2019 to the last number: capacitance, leak, threshold, reset, refractoriness, constant current
and synaptic time constants of every kind of cell. Their circuit has tens of thousands of cells; here are
710, so that in-degrees had to shrink, and the weights of some connections to grow. Every number
says in its table whether it is theirs or chosen.

Rates [Hz] over 1 s, mean over 5 seeds and all cells, beside those of a published model of the awake mouse,
at rest and with a burst of mossy fibres, and those recorded:

========  ====  =======  =============  ====================================================
cells     rest  walking  published      recorded
========  ====  =======  =============  ====================================================
granule    6.4     13.4   3.4 to 21
golgi      8.5     11.6   11 to 52      ~8 Hz alone (Casali et al. 2019 tune to 6 to 12)
stellate  14.9     19.3   18 to 71      basket and stellate ~15 (Kim & Augustine 2021)
basket    13.7     17.9   21 to 77
purkinje  44.5     50.5   91 to 140     36 to 76 (Zhou et al. 2014); ~50 in slices
nuclei     7.4     20     45 to 57      ~10 anaesthetised (Moscato et al. 2019)
========  ====  =======  =============  ====================================================

``rest`` is with the mossy fibres at 4 Hz throughout.

What it has not: gap junctions, plasticity, an inferior olive (the climbing fibres fire by themselves), the
pause after a complex spike, and any learned order: all weights of a connection are alike. So silencing the
climbing fibres takes the complex spikes away here and nothing else.

Variants: ``point`` as above; ``hh``: the Purkinje cells are those of Khaliq et al. 2003, with every
conductance that reaches them scaled to their capacitance; ``as_written``: see `cerebellum_as_written`.

Sources: Casali et al. 2019, Front. Neuroinform. 13:37, and github.com/stefanocasali984/
scaffold_model_cerebellum (commit fbf9996). Published rates: github.com/dbbs-lab/cerebellar-models (commit
2498767, documentation of the canonical circuit and of the nuclei, awake state), which extends De Schepper et
al. 2022, Commun. Biol. 5:1240.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.errors import InputError
from ..core.experiment import Experiment, Record
from ..core.neurons import NeuronModel
from ..core.populations import PoissonSource, Population
from ..core.projections import FixedInDegree, OneToOne, Projection
from ..core.receptors import ExponentialConductance, Receptor
from ..core.units import Quantity
from ..core.values import Uniform
from .cerebellum_as_written import build_as_written
from .purkinje_khaliq2003 import purkinje_cell
from .tables import Table, read_table

_EQUATIONS = """
dv/dt = (g_L*(E_L - v) + I_e + I)/C : mV (unless refractory)
I : pA (input)
I_e : pA
C : pF
g_L : nS
E_L : mV
v_threshold : mV
v_reset : mV
"""
_PARAMETERS = ("I_e", "C", "g_L", "E_L", "v_threshold", "v_reset")
_KINDS = {
    "granule": "granule",
    "golgi": "golgi",
    "stellate": "interneuron",
    "basket": "interneuron",
    "purkinje": "purkinje",
    "nuclei": "nuclei",
}
"""The populations, and whose lines in the table their cells have."""
_INHIBITORY = ("golgi", "stellate", "basket", "purkinje")
_PROJECTIONS = (
    ("mossy", "granule"), ("mossy", "golgi"), ("granule", "golgi"), ("golgi", "granule"),
    ("golgi", "golgi"), ("granule", "stellate"), ("granule", "basket"), ("granule", "purkinje"),
    ("stellate", "stellate"), ("basket", "basket"), ("stellate", "purkinje"),
    ("basket", "purkinje"), ("purkinje", "nuclei"), ("mossy", "nuclei"),
)  # fmt: skip


def build(variant: str, *, size: float = 1.0) -> Experiment:
    """The experiment of a variant; ``size`` multiplies the cells, not the in-degrees, of point and hh."""
    table = read_table("cerebellar_circuit")
    if variant == "as_written":
        if size != 1:
            raise InputError(
                "cerebellar_circuit.size", "as_written has the sizes it was written with"
            )
        return build_as_written(table)
    hh = variant == "hh"
    sizes = _sizes(table, size)
    recorded = tuple(range(table.count("recorded")))
    return Experiment(
        name="cerebellar_circuit",
        variant=variant,
        title=f"Cerebellar circuit of {sum(sizes[name] for name in _KINDS):,} cells"
        + (", Purkinje cells with resurgent sodium" if hh else ""),
        source=table.source,
        populations=(
            _mossy_fibres(table, sizes["mossy"]),
            PoissonSource(name="climbing", size=sizes["purkinje"], rate=table["rate_climbing"]),
            *(
                _purkinje_hh(table, sizes[name])
                if hh and name == "purkinje"
                else _cells(table, name, sizes[name])
                for name in _KINDS
            ),
        ),
        projections=(
            *(_projection(table, source, target, hh) for source, target in _PROJECTIONS),
            _climbing_fibres(table, hh),
        ),
        records=(
            Record(population="purkinje", variables=("v",), cells=recorded),
            Record(population="nuclei", variables=("v",), cells=recorded),
        ),
        duration=table.quantity("duration"),
        dt=table.quantity("hh_dt" if hh else "dt"),
        signal="mossy",
        output="nuclei",
    )


def _sizes(table: Table, factor: float) -> dict[str, int]:
    names = ("mossy", *_KINDS)
    if not 0 < factor <= 1e4:
        raise InputError("cerebellar_circuit.size", f"{factor:g} is not in (0, 10000]")
    sizes = {name: round(table.count(f"size_{name}") * factor) for name in names}
    for source, target in _PROJECTIONS:
        needed = table.count(f"in_degree_{source}_to_{target}") + (source == target)
        if sizes[source] < needed:
            least = math.ceil(100 * needed / table.count(f"size_{source}")) / 100
            raise InputError(
                "cerebellar_circuit.size",
                f"{factor:g} leaves {sizes[source]} {source} cells, but {needed} are needed; "
                f"give {least:g} or more",
            )
    return sizes


def _mossy_fibres(table: Table, size: int) -> PoissonSource:
    interval = table.quantity("gait_interval")
    samples = round(table.internal("gait_stride", "ms") / interval.internal)
    phase = (np.arange(samples * table.count("gait_strides")) + 0.5) / samples
    floor = table.number("gait_floor")
    factors = floor + (1 - floor) * (1 - np.cos(2 * np.pi * phase)) / 2
    return PoissonSource(
        name="mossy",
        size=size,
        rate=table["rate_mossy"],
        profile=tuple(np.round(factors, 6).tolist()),
        interval=interval,
    )


def _receptors(table: Table, name: str) -> dict[str, Receptor]:
    kind = _KINDS[name]
    receptors: dict[str, Receptor] = {
        sign: ExponentialConductance(tau=table[f"tau_{sign}_{kind}"], reversal=table[f"E_{sign}"])
        for sign in ("exc", "inh")
    }
    if name == "purkinje":
        receptors["climbing"] = ExponentialConductance(
            tau=table["tau_climbing"], reversal=table["E_exc"]
        )
    return receptors


def _cells(table: Table, name: str, size: int) -> Population:
    kind = _KINDS[name]
    model = NeuronModel(
        name="LIF",
        equations=_EQUATIONS,
        threshold="v > v_threshold",
        reset="v = v_reset",
        refractory=str(table.quantity(f"refractory_{kind}")),
        parameters={p: table[f"{p}_{kind}"] for p in _PARAMETERS},
        source=table.source,
    )
    return Population(
        name=name,
        model=model,
        size=size,
        receptors=_receptors(table, name),
        # Anywhere between two spikes: cells that begin alike would fire together for long.
        initial={
            "v": Uniform(
                low=table.quantity(f"v_reset_{kind}"), high=table.quantity(f"v_threshold_{kind}")
            )
        },
    )


def _purkinje_hh(table: Table, size: int) -> Population:
    return Population(
        name="purkinje",
        model=purkinje_cell(),
        size=size,
        receptors=_receptors(table, "purkinje"),
        initial={"v": table["hh_initial_v"]},
    )


def _weight(table: Table, name: str, target: str, hh: bool) -> Quantity:
    weight = table.quantity(f"weight_{name}")
    if not (hh and target == "purkinje"):
        return weight
    return Quantity(round(weight.magnitude * table.number("hh_scale"), 9), weight.unit)


def _projection(table: Table, source: str, target: str, hh: bool) -> Projection:
    name = f"{source}_to_{target}"
    return Projection(
        name=name,
        source=source,
        target=target,
        receptor="inh" if source in _INHIBITORY else "exc",
        rule=FixedInDegree(n=table.count(f"in_degree_{name}"), self_connections=False),
        weight=_weight(table, name, target, hh),
        delay=table.quantity(f"delay_{name}"),
    )


def _climbing_fibres(table: Table, hh: bool) -> Projection:
    name = "climbing_to_purkinje"
    return Projection(
        name=name,
        source="climbing",
        target="purkinje",
        receptor="climbing",
        rule=OneToOne(),
        weight=_weight(table, name, "purkinje", hh),
        delay=table.quantity(f"delay_{name}"),
    )
