"""What Brian2 does in its own way, and the slots, delays and rounding that follow from what a run undoes."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.expressions import names
from ...core.realization import Realization
from ...core.settings import Settings
from ..conventions import Convention
from ..why_not import no_delay_in_the_middle, no_tree
from .blocks import Values


def _no_copy_is_changed(r: Realization, settings: Settings) -> str:
    for population in r.populations.values():
        copied: set[str] = set()
        for assignment in population.cell.reset:
            if assignment.target in copied and assignment.target in names(assignment.expression):
                return ""
            if isinstance(assignment.expression, ast.Name):
                copied |= {assignment.target, assignment.expression.id}
    return "no reset copies a variable that it changes afterwards"


CONVENTIONS = (
    Convention(
        "spike_stamp",
        "stamps a spike with the start of the step in which it tests the threshold",
        "the spike is stamped with the end of the step",
    ),
    Convention(
        "initial_instant",
        "integrates first, so that threshold and arrivals of t = 0 are passed over",
        "at t = 0 arrivals act and the threshold is tested on the initial values",
    ),
    Convention(
        "delivery_order",
        "delivers arrivals between threshold and reset, so that a reset wipes them",
        "arrivals act before the threshold is tested",
    ),
    Convention(
        "arrival_sum",
        "lets arrivals at one instant act one after the other, where their effect depends on the state",
        "all act on the state before any of them, and add",
    ),
    Convention(
        "source_delivery",
        "delivers given spikes one step later than their time plus the delay",
        "a given spike arrives at its time plus the delay",
    ),
    Convention(
        "source_rounding",
        "puts given spikes at the last step before their time",
        "given spikes are rounded to the nearest step, ties up",
    ),
    Convention(
        "delay_rounding",
        "rounds delays as int(delay/dt + 0.5), in which a tie such as 0.15 ms falls short",
        "delays are rounded to the nearest step, ties up",
        why_not=no_delay_in_the_middle,
        doubtful=True,
    ),
    Convention(
        "refractory_count",
        "holds a refractory cell one step short of its refractory time",
        "refractoriness holds for round(refractory/dt) steps",
    ),
    Convention(
        "refractory_rounding",
        "cuts refractory times down to whole steps",
        "refractory times are rounded to the nearest step, ties up",
    ),
    Convention(
        "refractory_arrivals",
        "refuses arrivals at the instant at which refractoriness ends",
        "a cell accepts input at the instant its refractoriness ends",
    ),
    Convention(
        "input_hold",
        "evaluates timed arrays at the times of the stages of a Runge-Kutta step",
        "inputs are evaluated at the start of a step and held over it",
    ),
    Convention(
        "aliased_copies",
        "makes `r = x` in a reset one array of r and x by its NumPy target (not by Cython), so that a later "
        "`x *= 0.5` changes r too",
        "every statement of a reset stores a value of its own",
        cause="non_convergent",
        why_not=_no_copy_is_changed,
    ),
    Convention(
        "compartment_shape",
        "takes each compartment of a tree for one truncated cone between the diameters at its ends",
        "a compartment is all the cones inside of it",
        cause="parameter",
        why_not=no_tree,
    ),
    Convention(
        "recording_phase",
        "samples at the start of each step, so that the state at the end of the run is missing",
        "samples run from 0 to the end of the run, both included",
    ),
)


@dataclass(frozen=True)
class Choices:
    """Which of Brian2's conventions are undone; `CONVENTIONS` says what each is.

    ``rotated``: a step of Brian2 begins with the arrivals of its instant and ends with the integration,
    so that its step n ends the contract's instant n; otherwise step n ends instant n + 1.
    """

    lockstep: bool
    rotated: bool
    arrivals_first: bool
    arrivals_add: bool
    source_on_time: bool
    source_rounding: bool
    delay_rounding: bool
    refractory_count: bool
    refractory_rounding: bool
    refractory_arrivals: bool
    input_hold: bool
    spike_stamp: bool
    last_sample: bool
    compartment_shape: bool
    aliased_copies: bool

    @classmethod
    def of(cls, settings: Settings) -> Choices:
        """The choices that settings ask for."""
        return cls(
            lockstep=settings.mode == "lockstep",
            rotated=settings.undoes("initial_instant"),
            arrivals_first=settings.undoes("delivery_order"),
            arrivals_add=settings.undoes("arrival_sum"),
            source_on_time=settings.undoes("source_delivery"),
            source_rounding=settings.undoes("source_rounding"),
            delay_rounding=settings.undoes("delay_rounding"),
            refractory_count=settings.undoes("refractory_count"),
            refractory_rounding=settings.undoes("refractory_rounding"),
            refractory_arrivals=settings.undoes("refractory_arrivals"),
            input_hold=settings.undoes("input_hold"),
            spike_stamp=settings.undoes("spike_stamp"),
            last_sample=settings.undoes("recording_phase"),
            compartment_shape=settings.undoes("compartment_shape"),
            aliased_copies=settings.undoes("aliased_copies"),
        )

    @property
    def lag(self) -> int:
        """The contract's instant that Brian2's step n ends, less n."""
        return 0 if self.rotated else 1

    @property
    def schedule(self) -> list[str]:
        """The slots of a step in order."""
        spiking = ["synapses", "thresholds"] if self.arrivals_first else ["thresholds", "synapses"]
        spiking = [*spiking, "resets"]
        middle = [*spiking, "groups"] if self.rotated else ["groups", *spiking]
        return ["start", *middle, "end"]

    @property
    def delay_offset(self) -> int:
        """Steps to add to the delay between cells, so that it acts as it says."""
        return -1 if self.arrivals_first else 0

    @property
    def source_offset(self) -> int:
        """The same for given spikes, which are emitted just before the synapses of their step."""
        return -self.lag + (0 if self.source_on_time else 1)


def brian2_timestep(time_ms: Values, dt_ms: float) -> NDArray[np.int64]:
    """Brian2's ``timestep(t, dt)``: the whole steps in a time, with a thousandth of a step to spare."""
    seconds, dt = np.asarray(time_ms, dtype=np.float64) * 1e-3, dt_ms * 1e-3
    return ((seconds + 1e-3 * dt) / dt).astype(np.int64)


def brian2_delay_steps(delay_ms: Values, dt_ms: float) -> NDArray[np.int64]:
    """The steps that Brian2's queue makes of a delay: int(delay/dt + 0.5), in floating point."""
    seconds, dt = np.asarray(delay_ms, dtype=np.float64) * 1e-3, dt_ms * 1e-3
    return (seconds / dt + 0.5).astype(np.int64)
