"""The models in which faults are planted: some that the hypotheses were made with, others held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ....core.errors import unknown
from ....core.experiment import Experiment, Record
from ....core.neurons import NeuronModel
from ....core.paths import set_values
from ....core.populations import Population, SpikeTrains
from ....core.projections import FixedInDegree, Projection
from ....core.receptors import Delta
from ....core.units import Quantity
from ....models.library import load_model


@dataclass(frozen=True)
class Planted:
    """A model of the suite; ``held_out`` if nothing was tuned while looking at it."""

    name: str
    held_out: bool
    build: Callable[[], Experiment]


def _library(
    name: str, duration: str, variant: str = "", **options: object
) -> Callable[[], Experiment]:
    return lambda: load_model(name, variant, **options).with_(duration=duration)


def counting() -> Experiment:
    """Cells that add up kicks without leak, so that thresholds are reached exactly and never by rounding.

    Two synapses between the same cells occur, and several spikes of a source in one step.
    """
    cells = Population(
        name="counters",
        model=NeuronModel(
            name="Counter",
            equations="dv/dt = 0*mV/ms : mV\nv_threshold : mV",
            threshold="v > v_threshold",
            reset="v = 0*mV",
            parameters={"v_threshold": Quantity(4.0, "mV")},
        ),
        size=6,
        receptors={"kick": Delta()},
    )
    # Every third spike comes twice within the same step of 0.1 ms.
    trains = tuple(
        tuple(
            sorted(
                t
                for k in range(1, 60)
                for t in (k * (1.3 + 0.2 * c), k * 3.9 + 0.01)[: 1 + (k % 3 == 0)]
            )
        )
        for c in range(3)
    )
    source = SpikeTrains(name="given", times=trains, unit="ms")
    into = Projection(
        source="given",
        target="counters",
        receptor="kick",
        rule=FixedInDegree(n=3, multapses=True),
        weight=Quantity(0.5, "mV"),
        delay=Quantity(1.0, "ms"),
    )
    return Experiment(
        name="counting",
        populations=(cells, source),
        projections=(into,),
        records=(Record(population="counters", variables=("v",)),),
        duration=Quantity(60.0, "ms"),
        dt=Quantity(0.1, "ms"),
    )


def varied() -> Experiment:
    """lif_80 with everything drawn: weights, initial values, multapses; refractoriness off the grid."""
    experiment = set_values(
        load_model("lif_80"),
        [
            'exc_to_exc_exc.weight={"distribution": "normal", "mean": "30 pA", "std": "8 pA"}',
            "exc_to_exc_exc.rule.multapses=true",
            'exc.initial.v={"distribution": "uniform", "low": "-65 mV", "high": "-55 mV"}',
            'inh.initial.current_exc={"distribution": "uniform", "low": "0 pA", "high": "100 pA"}',
        ],
    )
    return experiment.with_(duration="100 ms")


_ALL = (
    Planted("lif_10", False, lambda: load_model("lif_10")),
    Planted("lif_80", False, _library("lif_80", "200 ms")),
    Planted("varied", False, varied),
    Planted("counting", False, counting),
    Planted("conductance", False, _library("synapse_lab", "100 ms", "conductance_probability")),
    Planted("hh_squid", False, _library("hh_squid", "30 ms")),
    Planted("izhikevich_50", True, _library("izhikevich_50", "200 ms")),
    Planted("coba", True, _library("coba_4000", "100 ms", size=400)),
    Planted("cerebellum", True, _library("cerebellar_circuit", "100 ms")),
    Planted("decision", True, _library("synapse_lab", "100 ms", "decision")),
    Planted("purkinje", True, _library("purkinje_khaliq2003", "40 ms")),
)

MODELS: Mapping[str, Planted] = MappingProxyType({model.name: model for model in _ALL})
"""The suite's models by name."""


def planted_model(name: str) -> Planted:
    """A model of the suite by name; InputError with the nearest name if there is none."""
    if name not in MODELS:
        raise unknown("--models", "model of the suite", name, MODELS)
    return MODELS[name]
