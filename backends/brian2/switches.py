"""Which of Brian2's conventions a run undoes, and the slots, delays and rounding that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.settings import Settings
from .blocks import Values


@dataclass(frozen=True)
class Choices:
    """Which of Brian2's conventions are undone; `CONVENTIONS` of the backend says what each is.

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
