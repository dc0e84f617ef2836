"""The basal ganglia as one network, from striatum to substantia nigra, healthy and without dopamine.

A parameter set is a file ``networks/<set>.json``: populations with their proportions, receptors (one for
each time constant and reversal potential of a pathway, so that no connection takes over another's),
projections by fan-in, drives, how far numbers are spread, each with its source. What dopamine does is told
by betas: a weight, fan-in or parameter x is x·(1 + β·φ), φ = α - 0.8 (Lindahl & Hellgren Kotaleski 2016,
eNeuro 3(6):0156-16), with α = 0.8 in control and 0 without dopamine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError, unknown
from ...core.experiment import Experiment, Record
from ...core.inputs import ConstantInput
from ...core.perturbations import Lesion, Perturbation
from ...core.plasticity import TsodyksMarkram
from ...core.populations import PoissonSource, Population
from ...core.projections import FixedInDegree, FixedProbability, OneToOne, Projection
from ...core.units import Quantity
from ...core.values import TruncatedNormal, Uniform
from .cells import CONTROL_ALPHA, CellParameters, read_cell

Sets = Literal["lindahl2016", "chakravarty2022", "as_written"]
States = Literal["activation", "slow_wave"]

MOST_ALPHA = 1.2
_SHOWN = ("stn", "gpe_ti", "gpe_ta", "snr")
"""Populations of which the potential of one cell is recorded; of all cells the spikes are."""
_CUT = 3.0
"""Where normal distributions are cut, in standard deviations (the authors' cut_at)."""


@lru_cache(maxsize=8)
def read_network(name: str) -> Mapping[str, Any]:
    """A parameter set as plain data; InputError with the nearest name if there is none."""
    folder = files(__package__).joinpath("networks")
    known = sorted(p.name.removesuffix(".json") for p in folder.iterdir() if ".json" in p.name)
    if name not in known:
        raise unknown("basal_ganglia.parameters", "parameter set", name, known)
    data: Mapping[str, Any] = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
    return MappingProxyType(data)


def sizes_of(parameters: str, size: int) -> dict[str, int]:
    """The cells of every population in a network of *size* cells, by the authors' rule.

    Proportions are rounded; what is missing to the whole is given to the smallest populations, one each.
    InputError if a population would have no cell.
    """
    data = read_network(parameters)["populations"]
    counts = np.array([p["count"]["value"] for p in data.values()], dtype=float)
    cells = np.round(counts / counts.sum() * size).astype(int)
    for k in np.argsort(cells, kind="stable"):
        cells[k] += np.sign(size - cells.sum())
    found = dict(zip(data, cells.tolist(), strict=True))
    empty = [name for name, n in found.items() if n < 1]
    if empty:
        least = math.ceil(counts.sum() / counts.min())
        raise InputError(
            "basal_ganglia.size",
            f"{size} leaves no cell for {', '.join(empty)}; take {least:,} or more",
        )
    return found


def build(
    variant: str,
    *,
    parameters: Sets = "lindahl2016",
    size: int = 5000,
    alpha: float = CONTROL_ALPHA,
    state: States = "activation",
    modulation: bool = True,
) -> Experiment:
    """The network of a parameter set, with dopamine at *alpha*, driven as in a state of the brain.

    InputError for an alpha outside of [0, 1.2], a state that the set does not have, or a size that is
    too small.
    """
    if not 0 <= alpha <= MOST_ALPHA:
        raise InputError(
            "basal_ganglia.alpha",
            f"{alpha:g} is not in [0, {MOST_ALPHA}]; control is {CONTROL_ALPHA}, no dopamine 0",
        )
    data = read_network(parameters)
    if variant == "normal" and alpha == CONTROL_ALPHA:
        # What the seed calls normal is an alpha of 1.
        alpha = data.get("control_alpha", CONTROL_ALPHA)
    if variant == "depleted":
        if alpha != CONTROL_ALPHA:
            raise InputError(
                "basal_ganglia.alpha", f"{alpha:g} with the variant depleted, whose alpha is 0"
            )
        alpha = 0.0
    if state not in data["states"]:
        raise unknown(f"basal_ganglia.state of {parameters}", "state", state, data["states"])
    phi = alpha - CONTROL_ALPHA
    sizes = sizes_of(parameters, size)
    populations = [_population(data, name, n, phi) for name, n in sizes.items()]
    drive = data["states"][state]
    sources = [_source(i["name"], sizes[i["target"]], drive, modulation) for i in data["inputs"]]
    currents = [
        ConstantInput(name=f"current_{name}", population=name, amplitude=p["current"]["value"])
        for name, p in data["populations"].items()
        if Quantity.parse(p["current"]["value"]).magnitude
    ]
    spread = data["spread"].get("connections", {"value": 0.0})["value"]
    return Experiment(
        name="basal_ganglia",
        variant=variant,
        title=f"Basal ganglia of {size:,} cells, {parameters}, alpha {alpha:g}, {drive['title']}",
        source=data["source"],
        populations=(*populations, *sources),
        projections=(
            *(_projection(p, phi, spread, sizes[p["source"]]) for p in data["projections"]),
            *(_drive(i, a, phi) for i in data["inputs"] for a in i["arrivals"]),
        ),
        inputs=tuple(currents),
        records=tuple(Record(population=p, variables=("v",), cells=(0,)) for p in _SHOWN),
        duration=Quantity(1.0, "s"),
        dt=Quantity(0.1, "ms"),
        signal="ctx_stn",
        output="snr",
    )


def _population(data: Mapping[str, Any], name: str, size: int, phi: float) -> Population:
    described = data["populations"][name]
    cell = read_cell(described["cell"], described["set"])
    receptors = {
        key: {field: value for field, value in receptor.items() if field != "source"}
        for key, receptor in data["receptors"][name].items()
    }
    parameters, initial = _spread(data["spread"], cell)
    return Population(
        name=name,
        model=cell.model(phi),
        size=size,
        receptors=receptors,
        parameters=parameters,
        initial=initial,
    )


def _spread(
    spread: Mapping[str, Any], cell: CellParameters
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs from cell to cell: capacitance, threshold, potential at the start."""
    found: dict[str, Any] = {}
    threshold = cell.table.quantity("v_t")
    for name in ("C", "v_t"):
        if name in spread:
            mean, given = cell.table.quantity(name), spread[name]["value"]
            width = given * mean.magnitude if isinstance(given, float) else _in(given, mean.unit)
            found[name] = TruncatedNormal(
                mean=mean,
                std=Quantity(width, mean.unit),
                low=Quantity(mean.magnitude - _CUT * width, mean.unit),
                high=Quantity(mean.magnitude + _CUT * width, mean.unit),
            )
    if "v" not in spread:
        return found, {}
    start = spread["v"]["value"]
    low = (
        cell.table.quantity("E_L")
        if start == "rest"
        else Quantity(threshold.magnitude - _in(start, threshold.unit), threshold.unit)
    )
    return found, {"v": Uniform(low=low, high=threshold)}


def _in(text: str, unit: str) -> float:
    """The number of a quantity in a unit."""
    one = Quantity(1.0, unit)
    return Quantity.parse(text).to(one.dimension, text) / one.internal


def _source(name: str, size: int, drive: Mapping[str, Any], modulation: bool) -> PoissonSource:
    """One train a cell; modulated by a square wave that begins low."""
    given = drive["rates"][name]
    depth = given["modulation"] if modulation else 0
    if not depth:
        return PoissonSource(name=name, size=size, rate=given["rate"])
    half = 0.5 / Quantity.parse(drive["frequency"]).internal
    return PoissonSource(
        name=name,
        size=size,
        rate=given["rate"],
        profile=(1 - depth, 1 + depth),
        interval=Quantity(half, "ms"),
        repeat=True,
    )


def _projection(
    given: Mapping[str, Any], phi: float, spread: float, source_size: int
) -> Projection:
    plastic = given.get("plasticity")
    weight = Quantity.parse(given["weight"])
    factor = 1 + given.get("beta_weight", 0.0) * phi
    if plastic:
        factor /= float(plastic["U"])  # the weight is that of a first spike
    same = given["source"] == given["target"] and source_size > 1
    rule: FixedInDegree | FixedProbability
    if "probability" in given:
        rule = FixedProbability(p=given["probability"])
    else:
        fan_in = math.floor(given["fan_in"] * (1 + given.get("beta_fan_in", 0.0) * phi) + 0.5)
        # A fan-in larger than a small network's source is kept by cells that connect twice.
        twice = fan_in > source_size - same
        rule = FixedInDegree(n=fan_in, self_connections=not same, multapses=twice)
    return Projection(
        source=given["source"],
        target=given["target"],
        receptor=given["receptor"],
        rule=rule,
        weight=_around(Quantity(weight.magnitude * factor, weight.unit), spread),
        delay=_around(Quantity.parse(given["delay"]), spread),
        plasticity=TsodyksMarkram(**plastic) if plastic else None,
    )


def _around(mean: Quantity, spread: float) -> Quantity | Uniform:
    if not spread:
        return mean
    low, high = ((1 + sign * spread) * mean.magnitude for sign in (-1, 1))
    return Uniform(low=Quantity(low, mean.unit), high=Quantity(high, mean.unit))


def _drive(given: Mapping[str, Any], arrival: Mapping[str, Any], phi: float) -> Projection:
    weight = Quantity.parse(arrival["weight"])
    factor = 1 + arrival.get("beta_weight", 0.0) * phi
    return Projection(
        source=given["name"],
        target=given["target"],
        receptor=arrival["receptor"],
        rule=OneToOne(),
        weight=Quantity(weight.magnitude * factor, weight.unit),
        delay=arrival["delay"],
    )


def dopamine(parameters: str, alpha: float = 0.0) -> Lesion:
    """Dopamine at *alpha* as a lesion of the control network: at a severity s it is 0.8 + s·(α - 0.8)."""
    phi = alpha - CONTROL_ALPHA
    source = read_network(parameters)["source"]
    found = [
        Perturbation(path, "scale", 1 + beta * phi, source) for path, beta in betas(parameters)
    ]
    depleted = alpha == 0
    suffix = "" if parameters == "lindahl2016" else f"_{parameters}"
    return Lesion(
        name=f"dopamine_depletion{suffix}" if depleted else f"dopamine_{alpha:g}{suffix}",
        title=f"Dopamine at {alpha:g} instead of {CONTROL_ALPHA:g} ({parameters})",
        perturbations=tuple(found),
        citation=source,
    )


def betas(parameters: str) -> Iterator[tuple[str, float]]:
    """Every path that dopamine changes in the network of a set, with its beta: x·(1 + β·φ)."""
    data = read_network(parameters)
    for name, described in data["populations"].items():
        cell = read_cell(described["cell"], described["set"])
        for key in cell.table.parameters:
            if key.startswith("beta_"):
                # The authors give these with the other sign: x (1 - beta_x φ).
                yield f"{name}.{key.removeprefix('beta_')}", -cell.table.number(key)
    for given in data["projections"]:
        path = f"{given['source']}_to_{given['target']}_{given['receptor']}"
        if "beta_weight" in given:
            yield f"{path}.weight", given["beta_weight"]
        if "beta_fan_in" in given:
            yield f"{path}.rule.n", given["beta_fan_in"]
    for drive in data["inputs"]:
        for arrival in drive["arrivals"]:
            if "beta_weight" in arrival:
                path = f"{drive['name']}_to_{drive['target']}_{arrival['receptor']}"
                yield f"{path}.weight", arrival["beta_weight"]


LESIONS: Mapping[str, Lesion] = MappingProxyType(
    {lesion.name: lesion for lesion in (dopamine("lindahl2016"),)}
)
"""The lesions of the default parameter set; those of another are `dopamine` of it."""
