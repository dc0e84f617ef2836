"""What NEURON does in its own way, and the switches for each of these conventions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ...core.program import Scheme
from ...core.realization import Realization, RealizedPopulation
from ...core.settings import Settings
from ...core.units import TIME, Quantity
from ...core.values import Floats
from ..conventions import Convention
from ..why_not import no_given_spike_off_grid, no_given_spikes
from .equations import why_not_cnexp, why_not_together


def _source_times(r: Realization, settings: Settings) -> str:
    return no_given_spikes(r, settings) or no_given_spike_off_grid(r, settings)


def _no_stand_in(r: Realization, settings: Settings) -> str:
    for population in r.experiment.populations:
        for stand_in in getattr(getattr(population, "model", None), "stand_ins", ()):
            if stand_in.simulator == "neuron":
                return ""
    return "no cell names a mechanism of the simulator's own"


def _same_integrator(r: Realization, settings: Settings) -> str:
    """It acts on Sections, and on point neurons that cnexp does not solve all states of together."""
    for population in r.populations.values():
        cable = population.cell.lowered is not None
        if cable or why_not_cnexp(population, r.dt_ms) or why_not_together(population.cell):
            return ""
    return "there are no cable cells, and the equations of the others are linear in all states together"


CONVENTIONS = (
    Convention(
        "threshold_test",
        "WATCH notices a condition that becomes true: a cell above threshold at t = 0 or when its "
        "refractoriness ends does not spike before it has been below (a NetCon that looks at a Section's v "
        "does make a cell spike that begins above threshold); what is above at the end of the run is not "
        "tested any more",
        "the condition is tested at every t_n, from t = 0 to the end, and makes every cell spike that is "
        "not refractory",
        doubtful=True,
    ),
    Convention(
        "delivery_order",
        "events act one after the other, in the order of their times to the last bit: by round-off an "
        "arrival at t_n mostly comes after the threshold test of t_n, so that the spike it causes is a step "
        "late; each acts on the state that the one before left",
        "arrivals of t_n act before the threshold test of t_n, all on the state before any of them",
    ),
    Convention(
        "delay_rounding",
        "a delay stays as it is in ms, and an event acts at the step nearest to its time, ties down: "
        "1.05 ms acts as 1.0 ms with dt 0.1 ms",
        "a delay is rounded to whole steps, ties up",
    ),
    Convention(
        "source_delivery",
        "a given spike is sent at its exact time, and only its time of arrival is brought to a step",
        "a given spike is brought to a step first, ties up, then its delay",
        why_not=_source_times,
        doubtful=True,
    ),
    Convention(
        "refractory_rounding",
        "refractoriness is ended by net_send after a time in ms, which acts at the nearest step, ties as "
        "round-off has it: after 2.05 ms it ends after 20 or 21 steps of 0.1 ms",
        "refractoriness holds for a whole number of steps, rounded to the nearest, ties up",
    ),
    Convention(
        "refractory_count",
        "an event ends refractoriness; by round-off an arrival at that instant may come first and is lost",
        "refractory steps are counted; arrivals at the instant refractoriness ends are accepted",
        doubtful=True,
    ),
    Convention(
        "recording_phase",
        "Vector.record samples the state of t_n before the arrivals, the threshold test and the reset of "
        "t_n: the overshoot is seen, an arrival one sample late",
        "the sample of t_n is the state after all that happens at t_n",
    ),
    Convention(
        "built_in",
        "where a cable cell names a mechanism of NEURON's own as the same as some of its channels, that "
        "mechanism is taken: hh takes its rates from a table of 1 mV steps, so that it does not come to the "
        "solution of its equations as dt goes to 0",
        "the cell's own channels are taken",
        cause="non_convergent",
        why_not=_no_stand_in,
    ),
    Convention(
        "integrator",
        "Sections are integrated by implicit Euler, NEURON's default (secondorder = 0), of order 1 in dt; "
        "point neurons that are not linear in their own variables by its METHOD euler with a reset, such as "
        "exponential ones, by derivimplicit without one, such as Morris and Lecar's; all others by cnexp, "
        "which solves one equation after the other, all other states held",
        "Sections are integrated by Crank and Nicolson's method with the channels' states half a step ahead "
        "(secondorder = 2), of order 2; a state's sample of t_n is the mean of the two around it; such point "
        "neurons, and those in which states multiply each other (Hodgkin and Huxley's), by rk4 that looks at "
        "nothing beyond the threshold",
        why_not=_same_integrator,
    ),
)
# Not among them, since measured to agree: spikes are stamped at the end of the step; Vector.play with times
# changes an input at t_n for the step from t_n, also when time has drifted by round-off; samples are 0 … T.

Integrator = Literal["cnexp", "derivimplicit", "euler", "guarded_rk4"]
"""The METHODs of NEURON's that are used, and core's program of that name, which is written as C."""


@dataclass(frozen=True)
class Style:
    """What a mechanism does in NEURON's way, and what in the clock contract's.

    ``integrator`` is a METHOD of NEURON's; with ``program`` that scheme's statements are rendered instead.
    ``watch``: WATCH finds the threshold. ``release``: an event ends refractoriness, else a counter of steps.
    ``in_turn``: an arrival acts on what the one before left. ``played``: NEURON plays inputs into variables,
    else they are read from tables at t_n. ``copies``: samples are copies taken at t_n after everything else.
    ``whole_steps``: refractory times are whole numbers of steps by the contract. ``built_in``: a mechanism of
    NEURON's own stands in for channels that a cable cell says it is the same as. ``second_order``: Sections
    by secondorder = 2. ``variable_step``: CVODE chooses the steps.
    """

    integrator: Integrator = "cnexp"
    program: Scheme | None = None
    watch: bool = False
    release: bool = False
    in_turn: bool = False
    played: bool = False
    copies: bool = True
    whole_steps: bool = True
    built_in: bool = False
    second_order: bool = True
    variable_step: bool = False

    @property
    def by_contract(self) -> bool:
        """Whether a program's statements can do all of a step: nothing of it is done in NEURON's way."""
        ways = self.watch, self.release, self.in_turn, self.played, not self.copies
        return self.second_order and not any(ways)


@dataclass(frozen=True)
class Timing:
    """When events act.

    ``described``: delays in ms as described, else whole steps. ``exact_sources``: given spikes at their
    exact times, else on the grid. ``late_ms``: how much later than its stamp a cell's spike is sent, which
    its delays make up for; ``early_ms`` is taken off every delay.
    """

    described: bool
    exact_sources: bool
    late_ms: float
    early_ms: float


def style_of(settings: Settings) -> Style:
    """What the mechanisms do in which way, but for the integrator of point neurons."""
    if settings.mode == "lockstep":
        return Style(program=settings.scheme)
    if settings.method == "cvode":
        # A NetCon that looks at v is what CVODE locates; samples are of chosen times already.
        return Style(watch=True, played=True, copies=False, second_order=False, variable_step=True)
    style = Style(
        integrator=_integrator(settings),
        watch=not settings.undoes("threshold_test"),
        release=not settings.undoes("refractory_count"),
        in_turn=not settings.undoes("delivery_order"),
        copies=settings.undoes("recording_phase"),
        whole_steps=settings.undoes("refractory_rounding"),
        built_in=not settings.undoes("built_in"),
        second_order=settings.undoes("integrator"),
    )
    # Both ways of giving inputs agree; a program's statements read them from tables.
    return replace(style, played=settings.mode == "raw" and not style.by_contract)


def _integrator(settings: Settings) -> Integrator:
    """What the method asks for; where it leaves it open, what a cable cell's channels are integrated by."""
    return "cnexp" if settings.method in {None, "auto"} else settings.method  # type: ignore[return-value]


def timing_of(settings: Settings, dt: float) -> Timing:
    """When events act; a threshold that is not tested by WATCH is noticed a step after its instant."""
    if settings.method == "cvode":
        return Timing(described=False, exact_sources=False, late_ms=0.0, early_ms=0.0)
    watch = not settings.undoes("threshold_test")
    return Timing(
        described=not settings.undoes("delay_rounding"),
        exact_sources=not settings.undoes("source_delivery"),
        late_ms=0.0 if watch else dt,
        early_ms=dt / 1000 if watch and settings.undoes("delivery_order") else 0.0,
    )


def refractory_ms(population: RealizedPopulation, whole_steps: bool, dt_ms: float) -> Floats:
    """The refractory time of every cell, as described or rounded to whole steps, shape () or (cells,)."""
    described = population.cell.refractory
    if whole_steps or described is None:
        return np.asarray(population.refractory_steps, dtype=np.float64) * dt_ms
    if described in population.parameters:
        return np.asarray(population.parameters[described], dtype=np.float64)
    return np.asarray(Quantity.parse(described).to(TIME, population.name))


def neuron_steps(period_ms: Floats, dt_ms: float) -> Floats:
    """The step at which NEURON delivers an event that is due after a time: the nearest, ties down."""
    return np.ceil(period_ms / dt_ms - 0.5 - 1e-9)
