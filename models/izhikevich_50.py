"""50 Izhikevich cells, 40 excitatory and 10 inhibitory, and the three questions asked of them.

Regular spiking (a, b, c, d = 0.02, 0.2, -65, 8) and fast spiking cells (0.1, 0.2, -65, 2); every cell gets a
new number from U(0, 5) mV/ms each ms, frozen by the seed. Every pair is connected with p = 0.2; the
weights of excitatory cells are positive, those of inhibitory cells negative (Dale's law).

The notebook behind it cannot be written down as a network and is left out: its weights change sign by
target instead of source, and over half of its kicks are overwritten before they act, which ones depending
on the order of the cells. Its coupling changes nothing that it shows.

The questions of its README, from runs of 1 s with 10 seeds (mean ± 95 % confidence interval). An event is a
run of 5 ms bins in each of which at least 10 excitatory spikes fall.

============  =======  ==========  ==========  ============  ============  ===========  =============
excitation    inhib.   exc. Hz     inh. Hz     silent exc.   silent inh.   events       spikes in them
============  =======  ==========  ==========  ============  ============  ===========  =============
0             0        1.2 ± 0.1   0.3 ± 0.1   8.6 ± 1.9     7.1 ± 0.5     0            0
0.5           1        1.9 ± 0.1   1.0 ± 0.2   2.2 ± 0.8     3.6 ± 0.9     0            0
1             0        5.8 ± 0.4   9.3 ± 0.7   0             0             5.4 ± 0.3    69 ± 3 %
1             1        5.3 ± 0.3   7.3 ± 0.6   0             0             4.9 ± 0.5    48 ± 6 %
1             2        5.0 ± 0.3   6.8 ± 0.5   0             0             4.2 ± 1.0    36 ± 8 %
1             4        4.8 ± 0.2   6.7 ± 0.7   0             0             3.0 ± 0.9    25 ± 8 %
1.5           1        8.8 ± 0.9   14.7 ± 1.6  0             0             5.5 ± 0.3    85 ± 3 %
============  =======  ==========  ==========  ============  ============  ===========  =============

Why are cells silent? The mean drive of 2.5 mV/ms is below the 3.8 (exc.) and 3.9 mV/ms (inh.) at which
rest loses its stability; only chance carries a cell over. Uncoupled, a fifth of the excitatory cells and
most of the inhibitory do not fire once in 1 s; excitation from others ends that. Why bursts? They come
with excitation between cells: none with half of it, though the noise is the same. What if inhibition
grows? From none to four times as strong it takes away nearly half of the events and most of the spikes in
them, but only a sixth of the excitatory rate: it desynchronises rather than silences.

The table again: ``pytest tests/models/test_izhikevich_50.py -m slow -s``.
"""

from __future__ import annotations

from ..core.errors import InputError
from ..core.experiment import Experiment, Record
from ..core.inputs import UniformNoiseInput
from ..core.populations import Population
from ..core.projections import FixedProbability, Projection
from ..core.receptors import Delta
from ..core.units import Quantity
from .izhikevich import izhikevich
from .tables import Table, read_table

_GROUPS = ("exc", "inh")


def build(variant: str, *, inhibition: float = 1.0, excitation: float = 1.0) -> Experiment:
    """The experiment, with the weights of each sign times a factor."""
    table = read_table("izhikevich_50")
    factors = {"exc": excitation, "inh": inhibition}
    for name, factor in (("inhibition", inhibition), ("excitation", excitation)):
        if not factor >= 0:
            raise InputError(f"izhikevich_50.{name}", f"{factor} is negative; it has to be >= 0")
    return Experiment(
        name="izhikevich_50",
        variant=variant,
        title=_title(inhibition, excitation),
        source=table.source,
        populations=tuple(
            Population(
                name=group,
                model=izhikevich({name: table[f"{name}_{group}"] for name in "abcd"}),
                size=table.count(f"size_{group}"),
                receptors={"kick": Delta()},
            )
            for group in _GROUPS
        ),
        projections=tuple(
            _coupling(table, source, target, factors[source])
            for source in _GROUPS
            for target in _GROUPS
        ),
        inputs=tuple(
            UniformNoiseInput(
                name=f"noise_{group}",
                population=group,
                low=table.quantity("noise_low"),
                high=table.quantity("noise_high"),
                interval=table.quantity("noise_interval"),
            )
            for group in _GROUPS
        ),
        records=tuple(Record(population=group, variables=("v",)) for group in _GROUPS),
        duration=table.quantity("duration"),
        dt=table.quantity("dt"),
    )


def sweep() -> list[tuple[dict[str, str], Experiment]]:
    """The network with inhibition from none to four times as strong; wiring and noise stay."""
    return [
        ({"inhibition": f"{factor:g}"}, build("as_intended", inhibition=factor))
        for factor in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
    ]


def _title(inhibition: float, excitation: float) -> str:
    changed = "".join(
        f", {word} times {factor:g}"
        for word, factor in (("inhibition", inhibition), ("excitation", excitation))
        if factor != 1.0
    )
    return f"50 Izhikevich cells, sparse, Dale's law, frozen noise{changed}"


def _coupling(table: Table, source: str, target: str, factor: float) -> Projection:
    weight = table.quantity(f"weight_{source}")
    return Projection(
        source=source,
        target=target,
        receptor="kick",
        rule=FixedProbability(p=table.number("p"), self_connections=False),
        weight=Quantity(weight.magnitude * factor, weight.unit),
        delay=table["delay"],
    )
