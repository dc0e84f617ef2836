"""Which models there are: a table of strings, so that listing them imports none of them."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from ..core.errors import InputError, nearest, unknown

if TYPE_CHECKING:
    from ..core.experiment import Experiment
    from ..core.perturbations import Lesion
    from .targets import Targets

Sweep: TypeAlias = "list[tuple[dict[str, str], Experiment]]"
"""Experiments with their labels: what is varied, and the value it has."""


@dataclass(frozen=True)
class Entry:
    """Where a model is built and what there is to choose; the first variant is the default.

    ``variants`` and ``options`` map a name to a line on it. ``sweep`` is where the experiments of a
    figure are built, ``lesions`` where the model's lesions stand, ``targets`` where the published
    numbers are that it is put beside; empty if it has none.
    """

    target: str
    title: str
    source: str
    variants: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    sweep: str = ""
    lesions: str = ""
    targets: str = ""

    @property
    def default(self) -> str:
        """The variant that is meant when none is named."""
        return next(iter(self.variants))


@dataclass(frozen=True)
class Option:
    """An option of a model: its default, a line on it, and the values allowed (empty: any)."""

    default: bool | int | float | str
    description: str
    choices: tuple[str, ...] = ()


_BRETTE = "Brette et al. 2007, J. Comput. Neurosci. 23:349"
_SETS = {
    "lindahl2016": "Lindahl & Hellgren Kotaleski 2016, the printed tables",
    "lindahl2016_code": "Lindahl & Hellgren Kotaleski 2016, the authors' program",
    "chakravarty2022": "Chakravarty et al. 2022",
    "ortone2023": "Ortone et al. 2023",
    "thibeault2013": "Thibeault & Srinivasa 2013",
    "thibeault2013_depleted": "Thibeault & Srinivasa 2013, without dopamine",
    "as_written": "a repository's numbers and equations, with its slips",
}
_CELL_OPTIONS = {
    "parameters": "a parameter set, or a JSON file of one's own, in place of the variant",
    "current": "the constant current, such as 300 pA",
}


def _cell(name: str, title: str, *sets: str) -> Entry:
    """A cell of the basal ganglia: its variants are its parameter sets."""
    return Entry(
        f"coincide.models.basal_ganglia.cells:{name}",
        title,
        _SETS[sets[0]].removesuffix(", the printed tables"),
        {chosen: _SETS[chosen] for chosen in sets},
        _CELL_OPTIONS,
    )


_SYNAPSES = "Gerstner et al. 2014, Neuronal Dynamics, ch. 12; a course's project on synapses"

MODELS: Mapping[str, Entry] = MappingProxyType(
    {
        "lif_10": Entry(
            "coincide.models.lif_10:build",
            "Ten leaky integrate-and-fire cells",
            "github.com/anshumandas04/brian2_snn_simulation",
            {
                "as_intended": "ten different drives above threshold, cells coupled by kicks",
                "as_written": "drive whose asymptote is the threshold, uncoupled: no spike at all",
            },
        ),
        "lif_80": Entry(
            "coincide.models.lif_80:build",
            "80 leaky integrate-and-fire cells, 64 excitatory and 16 inhibitory",
            "coincide",
            {"default": "delays, current synapses, refractoriness, Poisson input, 1 s"},
        ),
        "izhikevich_50": Entry(
            "coincide.models.izhikevich_50:build",
            "50 Izhikevich cells, 40 excitatory and 10 inhibitory",
            "github.com/sadichchha-neuro/Small-spiking-network",
            {"as_intended": "sparse random coupling that keeps Dale's law, frozen noise"},
            {
                "inhibition": "factor on the inhibitory weights",
                "excitation": "factor on the excitatory weights",
            },
            "coincide.models.izhikevich_50:sweep",
        ),
        "izhikevich_1000": Entry(
            "coincide.models.izhikevich_1000:build",
            "The network of 1,000 Izhikevich cells with frozen thalamic noise",
            "Izhikevich 2003, IEEE Trans. Neural Networks 14:1569",
            {"default": "800 excitatory and 200 inhibitory cells, all to all"},
        ),
        "synapse_lab": Entry(
            "coincide.models.synapse_lab:build",
            "What a synapse model and a connection rule do to a population",
            _SYNAPSES,
            {
                "current_probability": "exponential current, fixed probability",
                "current_full": "exponential current, all to all",
                "current_in_degree": "exponential current, fixed in-degree",
                "delta_probability": "voltage kick, fixed probability",
                "delta_full": "voltage kick, all to all",
                "delta_in_degree": "voltage kick, fixed in-degree",
                "conductance_probability": "exponential conductance, fixed probability",
                "conductance_full": "exponential conductance, all to all",
                "conductance_in_degree": "exponential conductance, fixed in-degree",
                "decision": "two excitatory populations compete through one inhibitory",
            },
            {
                "populations": "80/20 excitatory and inhibitory cells, or excitatory alone",
                "noise": "whether every cell gets a frozen noise current of its own",
            },
            "coincide.models.synapse_lab:sweep",
        ),
        "cuba_4000": Entry(
            "coincide.models.brette_2007:build_cuba",
            "The benchmark of 4,000 cells with current synapses",
            _BRETTE,
            {"default": "2 % connections, no input: the activity sustains itself"},
            {"size": "number of cells; every cell keeps 80 inputs on average"},
        ),
        "coba_4000": Entry(
            "coincide.models.brette_2007:build_coba",
            "The benchmark of 4,000 cells with conductance synapses",
            _BRETTE,
            {"default": "2 % connections, no input: started by its initial conductances"},
            {"size": "number of cells; every cell keeps 80 inputs on average"},
        ),
        "cerebellar_circuit": Entry(
            "coincide.models.cerebellar_circuit:build",
            "A small cerebellar circuit, from mossy fibres to the nuclei",
            "Casali et al. 2019, Front. Neuroinform. 13:37, reduced",
            {
                "point": "integrate-and-fire cells of six kinds with conductance synapses",
                "hh": "the Purkinje cells are those of purkinje_khaliq2003",
                "as_written": "a notebook's circuit, with a motor cell that is only inhibited",
            },
            {"size": "factor on the numbers of cells of point and hh; in-degrees stay"},
            lesions="coincide.models.cerebellum_lesions:LESIONS",
        ),
        "hh_squid": Entry(
            "coincide.models.hh_squid:build",
            "The squid axon, one compartment",
            "Hodgkin & Huxley 1952, J. Physiol. 117:500",
            {
                "default": "our equations on every backend",
                "built_in": "in raw mode NEURON takes its own mechanism hh, with tabulated rates",
            },
        ),
        "purkinje_khaliq2003": Entry(
            "coincide.models.purkinje_khaliq2003:build",
            "A Purkinje cell with resurgent sodium current",
            "Khaliq, Gouwens & Raman 2003, J. Neurosci. 23:4899",
            {
                "wild_type": "healthy: 27.4 Hz without input",
                "med": "of mice without Nav1.6, which are ataxic: 21.7 Hz",
            },
            {"cells": "number of cells, all alike"},
            lesions="coincide.models.purkinje_khaliq2003:LESIONS",
        ),
        "basal_ganglia": Entry(
            "coincide.models.basal_ganglia.network:build",
            "The basal ganglia, from striatum to substantia nigra",
            "Lindahl & Hellgren Kotaleski 2016, eNeuro 3(6):0156-16, and others by option",
            {
                "normal": "dopamine at its control level, alpha 0.8",
                "depleted": "no dopamine, alpha 0",
            },
            {
                "parameters": "whose numbers: cells, synapses, drives and what dopamine does",
                "size": "number of cells, shared out by the authors' rule; fan-ins stay",
                "alpha": "dopamine from 0 to 1.2; 0.8 is control",
                "state": "the drive of cortical activation or of slow-wave sleep",
                "modulation": "whether the cortex is modulated, at 20 Hz or 1 Hz",
            },
            lesions="coincide.models.basal_ganglia.network:LESIONS",
            targets="coincide.models.basal_ganglia.targets:targets",
        ),
        "msn_d1": _cell(
            "msn_d1",
            "Medium spiny neuron of the striatum with D1 receptors",
            "lindahl2016",
            "lindahl2016_code",
            "chakravarty2022",
            "as_written",
        ),
        "msn_d2": _cell(
            "msn_d2",
            "Medium spiny neuron of the striatum with D2 receptors",
            "lindahl2016",
            "lindahl2016_code",
            "chakravarty2022",
            "as_written",
        ),
        "fsn": _cell(
            "fsn",
            "Fast-spiking interneuron of the striatum",
            "lindahl2016",
            "lindahl2016_code",
            "chakravarty2022",
            "as_written",
        ),
        "gpe_ti": _cell(
            "gpe_ti",
            "Prototypic cell of the external globus pallidus",
            "lindahl2016",
            "chakravarty2022",
            "ortone2023",
            "as_written",
        ),
        "gpe_ta": _cell(
            "gpe_ta",
            "Arkypallidal cell of the external globus pallidus",
            "lindahl2016",
            "chakravarty2022",
            "ortone2023",
            "as_written",
        ),
        "stn": _cell(
            "stn",
            "Cell of the subthalamic nucleus",
            "lindahl2016",
            "chakravarty2022",
            "ortone2023",
            "as_written",
        ),
        "stn_pv_positive": _cell(
            "stn_pv_positive", "Cell of the subthalamic nucleus with parvalbumin", "as_written"
        ),
        "stn_pv_negative": _cell(
            "stn_pv_negative", "Cell of the subthalamic nucleus without parvalbumin", "as_written"
        ),
        "snr": _cell(
            "snr",
            "Cell of the substantia nigra pars reticulata",
            "lindahl2016",
            "chakravarty2022",
            "as_written",
        ),
        "gpi": _cell(
            "gpi",
            "Cell of the internal globus pallidus",
            "thibeault2013",
            "thibeault2013_depleted",
            "as_written",
        ),
        "rallpack1": Entry(
            "coincide.models.rallpack:build_passive",
            "A passive cable with a current into its end",
            "Bhalla, Bilitch & Bower 1992, Trends Neurosci. 15:453",
            {"default": "1 mm of 1 µm; compared with its closed form"},
            {"compartments": "into how many the cable is cut"},
        ),
        "rallpack3": Entry(
            "coincide.models.rallpack:build_active",
            "A cable with the squid axon's channels",
            "Bhalla, Bilitch & Bower 1992, Trends Neurosci. 15:453",
            {"default": "1 mm of 1 µm, spikes seen at the far end"},
            {"compartments": "into how many the cable is cut"},
        ),
    }
)
"""Every model of the library by name."""


def entry_of(name: str) -> Entry:
    """The entry of a model; InputError with the nearest name if there is none."""
    if name not in MODELS:
        raise unknown("model", "model", name, MODELS)
    return MODELS[name]


def load_model(name: str, variant: str = "", **options: object) -> Experiment:
    """The experiment of a library model, in a variant (the first by default), with options.

    Raises InputError, with the nearest name, for a model, variant or option that does not exist, and
    for an option's value of the wrong kind. Values may be texts, as a command line has them.
    """
    entry = entry_of(name)
    variant = variant or entry.default
    if variant not in entry.variants:
        raise unknown(name, "variant", variant, entry.variants)
    known = options_of(name)
    for option in options:
        if option not in known:
            raise unknown(name, "option", option, known)
    given = {
        option: _read_option(f"{name}.{option}", value, known[option])
        for option, value in options.items()
    }
    experiment: Experiment = _imported(entry.target)(variant, **given)
    return experiment


def options_of(name: str) -> dict[str, Option]:
    """The options of a model with their defaults; imports the model's module."""
    entry = entry_of(name)
    build = _imported(entry.target)
    hints = get_type_hints(build)
    parameters = inspect.signature(build).parameters
    return {
        option: Option(
            parameters[option].default,
            description,
            get_args(hints[option]) if get_origin(hints[option]) is Literal else (),
        )
        for option, description in entry.options.items()
    }


def load_sweep(name: str) -> Sweep:
    """The experiments of a model's sweep with their labels; InputError if it has none."""
    entry = entry_of(name)
    if not entry.sweep:
        having = ", ".join(n for n, e in MODELS.items() if e.sweep)
        raise InputError(name, f"has no sweep; models with one: {having}")
    made: Sweep = _imported(entry.sweep)()
    return made


def lesions_of(name: str) -> Mapping[str, Lesion]:
    """The lesions of a model by name, empty if it has none; imports the model's module."""
    target = entry_of(name).lesions
    found: Mapping[str, Lesion] = _imported(target) if target else {}
    return found


def targets_of(name: str) -> Targets:
    """The published numbers beside which a model is put; InputError if it has none."""
    entry = entry_of(name)
    if not entry.targets:
        having = ", ".join(n for n, e in MODELS.items() if e.targets)
        raise InputError(name, f"has no published numbers to be put beside; models with: {having}")
    found: Targets = _imported(entry.targets)()
    return found


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _read_option(where: str, given: object, option: Option) -> bool | int | float | str:
    default = option.default
    if isinstance(default, bool):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(given).lower() not in words:
            raise InputError(where, f"{given!r} is neither true nor false")
        return words[str(given).lower()]
    if isinstance(default, int | float):
        try:
            number = float(str(given))
        except ValueError:
            raise InputError(where, f"{given!r} is no number") from None
        if not math.isfinite(number):
            raise InputError(where, f"{given!r} is no finite number")
        if isinstance(default, float):
            return number
        if not number.is_integer():
            raise InputError(where, f"{given!r} is no whole number")
        return int(number)
    if option.choices and given not in option.choices:
        raise InputError(where, f"there is no {given!r}; {nearest(str(given), option.choices)}")
    return str(given)
