"""The cerebellar circuit as a first notebook wrote it, with its faults: the variant ``as_written``.

::

    dv/dt = (I - v)/τ (no unit, I = 0),   spike where v > 1, then v = 0;   an arrival adds its weight to v

10 Poisson trains at 100 Hz excite 50 granule cells, these 5 Purkinje cells, these inhibit one motor cell.
Its faults are kept. The motor cell has nothing but inhibition: it can never spike, and v, which was read
as the strength of the movement, never exceeds 0. There are no interneurons, though they are listed, no
climbing fibres and no nuclei; a kick of -0.5 has no reversal potential, so v has no lower bound.

One thing is not as written: connections have a delay of one step, the least that there is here. The
notebook gives none, and Brian2 then lets a spike act in the same step, after the threshold is tested, so
that it is felt by the threshold of the next: the same.

Over 2 s, with wiring drawn anew for each of 20 seeds: granule cells 18.0 ± 2.9 Hz, Purkinje cells
20.6 ± 8.3 Hz (standard deviation over seeds), mean v of the motor cell -0.51. The mean drive of a granule
cell, 10·0.3·100 Hz·0.2·10 ms = 0.6, is below its threshold: it fires by chance, and how much is a matter of
the wiring drawn. One seed, as in the notebook's figure, says nothing.

Source: github.com/pavithrasenth/cerebellar-circuit-dysfunction, cerebellar_model_v1.ipynb.
"""

from __future__ import annotations

from ..core.experiment import Experiment, Record
from ..core.neurons import NeuronModel
from ..core.populations import PoissonSource, Population
from ..core.projections import AllToAll, FixedProbability, Projection, Rule
from ..core.receptors import Delta
from ..core.units import Quantity
from .tables import Table

_EQUATIONS = """
dv/dt = (I - v)/tau : 1
I : 1
tau : ms
v_threshold : 1
v_reset : 1
"""
_SOURCE = "github.com/pavithrasenth/cerebellar-circuit-dysfunction"
_CELLS = ("granule", "purkinje", "motor")


def build_as_written(table: Table) -> Experiment:
    """The notebook's circuit, from the lines of the table that begin with ``as_written_``."""
    model = NeuronModel(
        name="LeakyIntegrator",
        equations=_EQUATIONS,
        threshold="v > v_threshold",
        reset="v = v_reset",
        parameters={
            "tau": _quantity(table, "tau"),
            **{name: _pure(table, name) for name in ("I", "v_threshold", "v_reset")},
        },
        source=_SOURCE,
    )
    return Experiment(
        name="cerebellar_circuit",
        variant="as_written",
        title="Granule cells, Purkinje cells and a motor cell that is only inhibited: "
        "a notebook's circuit",
        source=_SOURCE,
        populations=(
            PoissonSource(
                name="mossy",
                size=table.count("as_written_size_mossy"),
                rate=_quantity(table, "rate_mossy"),
            ),
            *(
                Population(
                    name=name,
                    model=model,
                    size=table.count(f"as_written_size_{name}"),
                    receptors={"kick": Delta()},
                )
                for name in _CELLS
            ),
        ),
        projections=(
            _projection(table, "mossy", "granule", _probability(table, "mossy_to_granule")),
            _projection(table, "granule", "purkinje", _probability(table, "granule_to_purkinje")),
            _projection(table, "purkinje", "motor", AllToAll()),
        ),
        records=tuple(Record(population=name, variables=("v",), cells=(0,)) for name in _CELLS),
        duration=_quantity(table, "duration"),
        dt=_quantity(table, "dt"),
        signal="mossy",
        output="motor",
    )


def _quantity(table: Table, name: str) -> Quantity:
    return table.quantity(f"as_written_{name}")


def _pure(table: Table, name: str) -> Quantity:
    return Quantity(table.number(f"as_written_{name}"), "1")


def _probability(table: Table, name: str) -> FixedProbability:
    return FixedProbability(p=table.number(f"as_written_p_{name}"))


def _projection(table: Table, source: str, target: str, rule: Rule) -> Projection:
    name = f"{source}_to_{target}"
    return Projection(
        name=name,
        source=source,
        target=target,
        receptor="kick",
        rule=rule,
        weight=_pure(table, f"weight_{name}"),
        delay=_quantity(table, "delay"),
    )
