"""One model, many simulators: do they coincide? If not, why, and does your conclusion survive?

An `Experiment` describes; `realize` draws what is random in it, once; backends run what was drawn; a study
(`compare`, `explain`, `converge`, `select`, `lesion`, `sensitivity`, `curve`, `diff`) says what came of it::

    core                    descriptions, units, drawing, programs; knows no simulator
    backends  models  data  a package a simulator; the library; gait recordings
    comparisons             running, measuring < showing < studies < checks < commands < cli

What is to the left or above knows nothing of what is to the right or below it.
Names are imported on first use, so that ``import coincide`` stays quick and needs no simulator.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "coincide.core.errors": ("CoincideError", "InputError", "RunError", "UnsupportedError"),
    "coincide.core.units": ("Quantity",),
    "coincide.core.values": (
        "Array", "Exponential", "LogNormal", "Normal", "TruncatedNormal", "Uniform",
    ),
    "coincide.core.neurons": ("NeuronModel",),
    "coincide.core.cable": ("CableCell", "StandIn"),
    "coincide.core.channels": ("Channel", "Ion", "Pool"),
    "coincide.core.kinetics": ("Gate", "Scheme"),
    "coincide.core.morphology": (
        "Morphology", "Section", "ball_and_stick", "cylinder", "load_morphology", "load_swc",
    ),
    "coincide.core.discretisation": ("FixedSegments", "LengthConstant"),
    "coincide.core.perturbations": ("Lesion", "Perturbation", "apply", "parse_perturbation"),
    "coincide.core.receptors": (
        "AlphaConductance", "AlphaCurrent", "CustomReceptor", "Delta",
        "DoubleExponentialConductance", "ExponentialConductance", "ExponentialCurrent", "NMDA",
    ),
    "coincide.core.populations": ("PoissonSource", "Population", "SpikeTrains"),
    "coincide.core.plasticity": ("TsodyksMarkram",),
    "coincide.core.projections": (
        "AllToAll", "Explicit", "FixedInDegree", "FixedOutDegree", "FixedProbability",
        "FixedTotalNumber", "OneToOne", "Projection",
    ),
    "coincide.core.inputs": (
        "ConstantInput", "OrnsteinUhlenbeckInput", "RampInput", "SineInput", "StepInput",
        "TimeSeriesInput", "UniformNoiseInput", "WhiteNoiseInput",
    ),
    "coincide.core.experiment": ("Experiment", "Record", "json_schema"),
    "coincide.core.realization": ("Realization",),
    "coincide.core.realize": ("realize",),
    "coincide.core.recording": ("Recording", "Spikes", "Trace"),
    "coincide.core.settings": ("Settings",),
    "coincide.core.storage": ("read_recording", "write_recording"),
    "coincide.backends.base": ("Backend", "Convention"),
    "coincide.backends.registry": ("load_backend",),
    "coincide.backends.oracle.orbit": ("steady_interval",),
    "coincide.models.library": ("lesions_of", "load_model"),
    "coincide.comparisons.studies.compare.study": ("Comparison", "compare"),
    "coincide.comparisons.studies.converge": ("ConvergenceStudy", "converge"),
    "coincide.comparisons.studies.select": ("Selection", "select"),
    "coincide.comparisons.studies.explain": ("Explanation", "explain"),
    "coincide.comparisons.studies.curve": ("Curve", "curve"),
    "coincide.comparisons.studies.lesion": ("LesionStudy", "lesion"),
    "coincide.comparisons.studies.sensitivity": ("Sensitivity", "sensitivity"),
    "coincide.comparisons.checks.conventions": ("Sheet", "conventions"),
    "coincide.comparisons.running.runs": ("run",),
    "coincide.comparisons.running.how": ("HowKeywords", "Listener"),
    "coincide.comparisons.studies.diff.study": ("Diff", "diff"),
    "coincide.comparisons.running.foreign": ("from_neo", "read_foreign", "to_neo"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'coincide' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
