"""The cell types of the basal ganglia: which neuron model each is, with which numbers, by parameter set.

A set is a file ``parameters/<cell>.<set>.json``: the neuron model, and every value with its unit and its
source. Where sources disagree there is one set for each, and the line says what the other has:
``lindahl2016`` has the numbers of the printed tables, ``lindahl2016_code`` those of the authors' program,
github.com/mickelindahl/bgmodel; ``as_written`` those of github.com/techzzt/Basal-ganglia-neuron-models
(called techzzt in the files) with its slips. Beside the parameters of the neuron model a set has

- ``I``, the authors' constant current in a slice, ``I_in_vivo`` in the whole animal;
- ``current``, that of the library's experiment with one cell;
- ``initial_v``, ``initial_u``;
- ``beta_x``: dopamine, x (1 - beta_x·φ), φ = α - 0.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from ...core.errors import InputError, unknown
from ...core.experiment import Experiment, Record
from ...core.inputs import ConstantInput
from ...core.neurons import NeuronModel
from ...core.populations import Population
from ...core.reading import read_text
from ...core.units import DIMENSIONLESS, Dimension, Quantity
from ..tables import Table, parse_table
from .neurons import KINDS, Kind

CELLS: Mapping[str, str] = MappingProxyType(
    {
        "msn_d1": "Medium spiny neuron of the striatum with D1 receptors",
        "msn_d2": "Medium spiny neuron of the striatum with D2 receptors",
        "fsn": "Fast-spiking interneuron of the striatum",
        "gpe_ti": "Prototypic cell of the external globus pallidus",
        "gpe_ta": "Arkypallidal cell of the external globus pallidus",
        "stn": "Cell of the subthalamic nucleus",
        "stn_pv_positive": "Cell of the subthalamic nucleus with parvalbumin",
        "stn_pv_negative": "Cell of the subthalamic nucleus without parvalbumin",
        "snr": "Cell of the substantia nigra pars reticulata",
        "gpi": "Cell of the internal globus pallidus",
    }
)
"""The cell types by name."""

_ORDER = (
    "lindahl2016",
    "lindahl2016_code",
    "thibeault2013",
    "thibeault2013_depleted",
    "chakravarty2022",
    "ortone2023",
    "as_written",
)

CONTROL_ALPHA = 0.8
"""The dopamine level at which every parameter is as in its set: φ = α - 0.8 = 0."""


@dataclass(frozen=True)
class CellParameters:
    """One parameter set of a cell, checked against its neuron model."""

    cell: str
    name: str
    kind: Kind
    table: Table

    def model(self, phi: float = 0.0) -> NeuronModel:
        """The neuron at a dopamine level: x (1 - beta_x·φ) for every x that has a beta.

        Source: Lindahl & Hellgren Kotaleski 2016, eNeuro 3(6):0156-16.
        """
        names = self.kind.dimensions("parameter")
        initial = {
            state: self.table[f"initial_{state}"]
            for state in self.kind.dimensions("state")
            if f"initial_{state}" in self.table.parameters
        }
        values = self.table.values(*names)
        for name in names if phi else ():
            beta = f"beta_{name}"
            if beta in self.table.parameters:
                given = self.table.quantity(name)
                factor = 1.0 - self.table.number(beta) * phi
                values[name] = Quantity(given.magnitude * factor, given.unit)
        return self.kind.model(values, initial, self.table.source)

    @property
    def sources(self) -> dict[str, str]:
        """Where every value comes from, by name."""
        return {name: line.source for name, line in self.table.parameters.items()}


def sets_of(cell: str) -> tuple[str, ...]:
    """The parameter sets of a cell; the first is the default."""
    if cell not in CELLS:
        raise unknown("basal ganglia", "cell", cell, CELLS)
    names = [
        path.name.removeprefix(f"{cell}.").removesuffix(".json")
        for path in files(__package__).joinpath("parameters").iterdir()
        if path.name.startswith(f"{cell}.")
    ]
    return tuple(sorted(names, key=_ORDER.index))


def read_cell(cell: str, parameters: str = "") -> CellParameters:
    """A cell with one of its parameter sets, the first by default, or with a JSON file of one's own.

    Raises InputError that names the set, or the file and the key: a value without a unit or of a wrong
    dimension, a key that is missing or unknown.
    """
    sets = sets_of(cell)
    name = parameters or sets[0]
    if name in sets:
        return _packaged(cell, name)
    path = Path(name)
    if path.suffix != ".json" and not path.exists():
        raise unknown(f"{cell}.parameters", "parameter set", name, sets)
    try:
        text = read_text(path)
    except InputError as error:
        raise InputError(f"{cell}.parameters", f"{name} {error.problem}") from None
    return _checked(cell, path.stem, parse_table(text, path.stem, name))


@lru_cache(maxsize=64)
def _packaged(cell: str, name: str) -> CellParameters:
    file = f"{cell}.{name}.json"
    text = files(__package__).joinpath("parameters", file).read_text(encoding="utf-8")
    return _checked(cell, name, parse_table(text, f"{cell}.{name}", file))


def _checked(cell: str, name: str, table: Table) -> CellParameters:
    if table.model not in KINDS:
        raise unknown(f"{table.where}: model", "neuron model", table.model, KINDS)
    kind = KINDS[table.model]
    parameters, states = kind.dimensions("parameter"), kind.dimensions("state")
    current = kind.dimensions("input")["I"]
    optional: dict[str, Dimension] = {
        **{f"initial_{state}": dimension for state, dimension in states.items()},
        **{f"beta_{name}": DIMENSIONLESS for name in parameters},
        "I": current,
        "I_in_vivo": current,
        "current": current,
    }
    table.check({**parameters, **optional}, optional)
    found = CellParameters(cell, name, kind, table)
    try:
        found.model()
    except InputError as error:  # such as a capacitance that is not positive
        key = error.where.rpartition(".")[2]
        raise InputError(f"{table.where}: {key}", error.problem) from None
    return found


def one_cell(cell: str, variant: str, parameters: str = "", current: str = "") -> Experiment:
    """One cell from its initial values on with a constant current, 1 s."""
    if parameters and variant != sets_of(cell)[0]:
        raise InputError(
            f"{cell}.parameters", f"{parameters!r} and the variant {variant!r}: give one of them"
        )
    found = read_cell(cell, parameters or variant)
    amplitude = current or next(
        (str(found.table.quantity(k)) for k in ("current", "I") if k in found.table.parameters), ""
    )
    port = found.kind.dimensions("input")["I"]
    if amplitude:
        Quantity.parse(amplitude, f"{cell}.current").to(port, f"{cell}.current")
    title = f"{CELLS[cell]}, {found.kind.title}, {found.name}"
    conflicts = "; ".join(f"{name}: {said}" for name, said in found.table.conflicts.items())
    return Experiment(
        name=cell,
        variant=found.name,
        title=f"{title}. Conflicts: {conflicts}" if conflicts else title,
        source=found.table.source,
        populations=(Population(name=cell, model=found.model(), size=1),),
        inputs=(ConstantInput(name="current", population=cell, amplitude=amplitude),)
        if amplitude
        else (),
        records=(Record(population=cell, variables=tuple(found.kind.dimensions("state"))),),
        duration=Quantity(1.0, "s"),
        dt=Quantity(0.1, "ms"),
    )


def _builder(cell: str) -> Callable[..., Experiment]:
    def build(variant: str, *, parameters: str = "", current: str = "") -> Experiment:
        return one_cell(cell, variant, parameters, current)

    build.__doc__ = f"{CELLS[cell]}: one cell with a constant current."
    return build


msn_d1 = _builder("msn_d1")
msn_d2 = _builder("msn_d2")
fsn = _builder("fsn")
gpe_ti = _builder("gpe_ti")
gpe_ta = _builder("gpe_ta")
stn = _builder("stn")
stn_pv_positive = _builder("stn_pv_positive")
stn_pv_negative = _builder("stn_pv_negative")
snr = _builder("snr")
gpi = _builder("gpi")
