"""Ten leaky integrate-and-fire cells: what a first network in Brian2 was, and what it was meant to be.

::

    τ dv/dt = -(v - v_rest) + I,   spike and reset to v_rest where v > v_threshold

``as_written``: I = 15 mV, so v tends to v_rest + I = v_threshold and never exceeds it; the cells are all
alike and not coupled. No spike is right; one spike says that a simulator tests ``>=``, or rounds.

``as_intended``: ten drives from 15.5 to 24 mV, so that the cells fire at ten rates (interval
t_ref + τ·ln(I/(I - 15 mV)) without coupling), refractoriness, and kicks of a spike to three other cells
after a delay.
"""

from __future__ import annotations

import numpy as np

from ..core.experiment import Experiment, Record
from ..core.inputs import ConstantInput
from ..core.neurons import NeuronModel
from ..core.populations import Population
from ..core.projections import FixedOutDegree, Projection
from ..core.receptors import Delta
from ..core.values import Array
from .tables import Table, read_table

_EQUATIONS = """
dv/dt = (-(v - v_rest) + I)/tau : mV{flag}
I : mV (input)
v_rest : mV
v_threshold : mV
tau : ms
"""


def build(variant: str) -> Experiment:
    """The experiment of a variant."""
    table = read_table("lif_10")
    return _as_written(table) if variant == "as_written" else _as_intended(table)


def _model(table: Table, refractory: str | None) -> NeuronModel:
    return NeuronModel(
        name="LIF",
        equations=_EQUATIONS.format(flag=" (unless refractory)" if refractory else ""),
        threshold="v > v_threshold",
        reset="v = v_rest",
        refractory=refractory,
        parameters=table.values("v_rest", "v_threshold", "tau"),
        initial={"v": "v_rest"},
        source=table.source,
    )


def _as_written(table: Table) -> Experiment:
    cells = Population(name="cells", model=_model(table, None), size=table.count("size"))
    return Experiment(
        name="lif_10",
        variant="as_written",
        title="Ten LIF cells driven exactly to threshold: none may spike",
        source=table.source,
        populations=(cells,),
        inputs=(ConstantInput(name="drive", population="cells", amplitude=table["I_as_written"]),),
        records=(Record(population="cells", variables=("v",)),),
        duration=table.quantity("duration_as_written"),
        dt=table.quantity("dt"),
    )


def _as_intended(table: Table) -> Experiment:
    size = table.count("size")
    drives = np.linspace(table.internal("I_lowest", "mV"), table.internal("I_highest", "mV"), size)
    cells = Population(
        name="cells",
        model=_model(table, str(table.quantity("refractory"))),
        size=size,
        receptors={"kick": Delta()},
    )
    coupling = Projection(
        name="coupling",
        source="cells",
        target="cells",
        receptor="kick",
        rule=FixedOutDegree(n=table.count("out_degree"), self_connections=False),
        weight=table["weight"],
        delay=table["delay"],
    )
    amplitude = Array(np.round(drives, 6), "mV")
    return Experiment(
        name="lif_10",
        variant="as_intended",
        title="Ten LIF cells with ten drives, each kicking three others",
        source=table.source,
        populations=(cells,),
        projections=(coupling,),
        inputs=(ConstantInput(name="drive", population="cells", amplitude=amplitude),),
        records=(Record(population="cells", variables=("v",)),),
        duration=table.quantity("duration_as_intended"),
        dt=table.quantity("dt"),
    )
