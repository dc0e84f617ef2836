"""A small cerebellar circuit: what walking sends in over mossy fibres, and what the nuclei make of it.

::

    C dv/dt = g_L (E_L - v) + I_e + Σ_x g_x (E_x - v),   dg_x/dt = -g_x/τ_x,   spike where v > v_threshold

::

    mossy ──> granule ──> stellate, basket ──| purkinje ──| nuclei (output)
      ├─────> golgi ──| granule                  ^             ^
      │         ^── granule                      └── granule   │
      └──────────────────────────────────────────────────────> ┘
    climbing ──> purkinje, one to one

``mossy`` are Poisson trains whose rate carries the signal: one cosine a stride, from 1 to 19 Hz, one stride
a second (``--gait FILE`` puts a recording in its place). ``climbing`` are Poisson trains of 1 Hz, each of
which makes its Purkinje cell fire a burst, the complex spike. Golgi cells inhibit each other, as do
stellate cells and basket cells.

The cells are those of Casali et al. 2019: capacitance, leak, threshold, reset, refractoriness, constant
current and synaptic time constants of every kind of cell are theirs; a spread of 5 % of the constant
currents is added. Their circuit has tens of thousands of cells; here are 710, so that in-degrees had to
shrink, and the weights of some connections to grow. The table says of every number whether it is theirs or
chosen.

Rates [Hz], mean over all cells and over 1 s of each of 5 seeds ± standard deviation over seeds, with the
mossy fibres at 1 Hz (rest) and with the signal (walking), beside those of a published model of the mouse:
at rest, in a slice and awake; and the highest of the two while mossy fibres are stimulated.

========  ==========  ==========  =================  ==========
cells     rest        walking     published, rest    stimulated
========  ==========  ==========  =================  ==========
granule   3.0 ± 0.1   18.1 ± 1.9  3.4                21
golgi     7.1 ± 0.9   13.5 ± 1.1  11                 52
stellate  11.6 ± 0.2  22.2 ± 1.2  13, 18             71
basket    11.1 ± 0.2  21.1 ± 1.5  16, 21             77
purkinje  42.1 ± 0.5  54.2 ± 1.7  47, 91             140
nuclei    14.4 ± 1.2  41.0 ± 1.6  11, 45             57
========  ==========  ==========  =================  ==========

Walking, every rate lies between that of the slice at rest and that awake and stimulated. At rest all but the
nuclei are slower than the slice, by up to 35 %, as the mossy fibres are at 1 instead of 4 Hz: with the weight
of Casali et al. one input is enough to make a granule cell fire.

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
    ("mossy", "granule"),
    ("mossy", "golgi"),
    ("granule", "golgi"),
    ("golgi", "granule"),
    ("golgi", "golgi"),
    ("granule", "stellate"),
    ("granule", "basket"),
    ("granule", "purkinje"),
    ("stellate", "stellate"),
    ("basket", "basket"),
    ("stellate", "purkinje"),
    ("basket", "purkinje"),
    ("purkinje", "nuclei"),
    ("mossy", "nuclei"),
)


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
        duration=table.quantity("hh_duration" if hh else "duration"),
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
    factors = 1 - (1 - floor) * np.cos(2 * np.pi * phase)
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
