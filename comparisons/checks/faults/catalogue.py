"""The planted faults: what people get wrong in simulators, each with the cause that has to be named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ....core.errors import unknown
from . import realized as m
from . import recorded as r
from .fault import ChangeSettings, Fault


def _with_method(method: str) -> ChangeSettings:
    return lambda settings: replace(settings, method=method)


_ALL: tuple[Fault, ...] = (
    # Weights and units.
    Fault("weights_sign", "all weights have the other sign", "parameter", m.weight_factor(-1.0)),
    Fault(
        "inhibition_sign",
        "inhibitory weights have the other sign",
        "parameter",
        m.weight_factor(-1.0, "inhibitory"),
    ),
    Fault(
        "weights_unit",
        "weights are taken as a unit 1000 times smaller",
        "parameter",
        m.weight_factor(1e-3),
    ),
    Fault(
        "weights_unit_first",
        "the weights of one projection are 1000 times larger",
        "parameter",
        m.weight_factor(1e3, "first"),
    ),
    Fault("weights_half", "weights are halved", "parameter", m.weight_factor(0.5)),
    Fault(
        "weights_tenth_more",
        "the weights of one projection are 10 % larger",
        "parameter",
        m.weight_factor(1.1, "first"),
    ),
    Fault(
        "weights_mean",
        "every synapse of a projection has the mean weight",
        "parameter",
        m.mean_weights,
    ),
    # Connections.
    Fault("projection_lost", "one projection is never built", "lost_spikes", m.dropped_projection),
    Fault("synapse_lost", "one synapse is missing", "lost_spikes", m.dropped_synapse),
    Fault(
        "multapses_collapsed",
        "of several synapses between two cells one is kept",
        "lost_spikes",
        m.collapsed_multapses,
    ),
    Fault("targets_from_one", "targets are counted from 1", "lost_spikes", m.shifted_targets),
    Fault(
        "matrix_transposed",
        "rows and columns of connections are exchanged",
        "lost_spikes",
        m.transposed,
    ),
    # Delays.
    Fault("delay_plus_one", "delays are one step longer", "delivery_order", m.delays_by(1)),
    Fault("delay_minus_one", "delays are one step shorter", "delivery_order", m.delays_by(-1)),
    Fault(
        "source_late",
        "spikes of sources are delivered one step late",
        "delivery_order",
        m.delays_by(1, True),
    ),
    Fault("delay_floor", "delays are cut to whole steps", "rounding", m.floored_delays),
    Fault(
        "delay_mean", "every synapse of a projection has the mean delay", "parameter", m.mean_delays
    ),
    # Refractoriness, threshold, reset.
    Fault(
        "refractory_plus_one",
        "refractoriness lasts one step more",
        "refractory_count",
        m.refractory_by(lambda n: n + 1),
    ),
    Fault(
        "refractory_minus_one",
        "refractoriness lasts one step less",
        "refractory_count",
        m.refractory_by(lambda n: n - 1),
    ),
    Fault(
        "refractory_lost",
        "there is no refractoriness",
        "refractory_count",
        m.refractory_by(lambda n: n * 0),
    ),
    Fault(
        "refractory_arrivals",
        "a refractory cell takes what arrives",
        "refractory_count",
        m.arrivals_while_refractory,
    ),
    Fault(
        "threshold_reached",
        "a spike where the threshold is reached, not exceeded",
        "lost_spikes",
        m.threshold_reached,
    ),
    Fault(
        "threshold_higher",
        "the threshold is 1 mV higher",
        "parameter",
        m.parameter("v_threshold", lambda v: v + 1.0),
    ),
    Fault(
        "reset_default",
        "the reset is 5 mV lower",
        "parameter",
        m.parameter("v_reset", lambda v: v - 5.0),
    ),
    Fault("reset_half", "only the first line of the reset acts", "parameter", m.lost_reset),
    # Parameters.
    Fault(
        "capacitance_double",
        "the capacitance is twice as large",
        "parameter",
        m.parameter("C", lambda v: v * 2.0),
    ),
    Fault(
        "leak_unit",
        "the leak is 10 times larger",
        "parameter",
        m.parameter("g_L", lambda v: v * 10.0),
    ),
    Fault(
        "tau_membrane",
        "the membrane's time constant is 20 % longer",
        "parameter",
        m.parameter("tau", lambda v: v * 1.2),
    ),
    Fault(
        "tau_unit",
        "a synapse's time constant is 1000 times longer",
        "parameter",
        m.parameter("tau_exc", lambda v: v * 1e3),
    ),
    Fault(
        "taus_swapped",
        "two time constants are exchanged",
        "parameter",
        m.swapped("tau_exc", "tau_inh"),
    ),
    Fault(
        "reversal_wrong",
        "an inhibitory reversal potential is 10 mV higher",
        "parameter",
        m.parameter("reversal_inh", lambda v: v + 10.0),
    ),
    Fault(
        "rest_wrong",
        "the resting potential is 2 mV higher",
        "parameter",
        m.parameter("E_L", lambda v: v + 2.0),
    ),
    Fault(
        "drive_unit",
        "a constant current is 1000 times smaller",
        "parameter",
        m.parameter("I_*", lambda v: v * 1e-3),
    ),
    Fault(
        "drive_sign",
        "a constant current has the other sign",
        "parameter",
        m.parameter("I_*", lambda v: -v),
    ),
    Fault(
        "parameters_mean",
        "parameters that differ from cell to cell are averaged",
        "parameter",
        m.averaged_parameters,
    ),
    Fault(
        "q10_forgotten",
        "rates do not follow the temperature",
        "parameter",
        m.parameter("temperature", lambda v: v + 10.0),
    ),
    Fault(
        "density_unit",
        "a channel's density is 10 times larger",
        "parameter",
        m.parameter("conductance_leak", lambda v: v * 10.0),
    ),
    Fault(
        "sodium_less",
        "the sodium conductance is 10 % smaller",
        "parameter",
        m.parameter("conductance_na*", lambda v: v * 0.9),
    ),
    Fault(
        "sodium_less_hh",
        "the sodium conductance is 20 % smaller",
        "parameter",
        m.parameter("conductance_sodium", lambda v: v * 0.8),
    ),
    Fault(
        "reversal_potassium",
        "the potassium reversal is that of another species",
        "parameter",
        m.parameter("ek", lambda v: v + 5.0),
    ),
    Fault(
        "recovery_slow",
        "the recovery variable is half as fast",
        "parameter",
        m.parameter("a", lambda v: v * 0.5),
    ),
    # Initial values.
    Fault(
        "initial_lost",
        "initial values that nobody records are 0",
        "initial_value",
        m.initial_of(lambda v: v * 0.0),
    ),
    Fault(
        "initial_mean",
        "initial values that differ from cell to cell are averaged",
        "initial_value",
        m.initial_of(lambda v: np.full_like(v, np.mean(v))),
    ),
    # Inputs and sources.
    Fault("input_late", "inputs come one step late", "input_onset", m.input_by(1)),
    Fault("input_early", "inputs come one step early", "input_onset", m.input_by(-1)),
    Fault("input_lost", "inputs that change with time never come", "parameter", m.input_gain(0.0)),
    Fault(
        "input_unit",
        "inputs that change with time are 1000 times smaller",
        "parameter",
        m.input_gain(1e-3),
    ),
    Fault("noise_shared", "all cells get the noise of the first", "random_streams", m.shared_input),
    Fault(
        "source_shared", "all cells get the train of the first", "random_streams", m.shared_source
    ),
    Fault("source_seed", "sources are drawn with another seed", "random_streams", m.other_seed),
    Fault(
        "source_merged", "a source emits at most one spike a step", "lost_spikes", m.merged_source
    ),
    Fault(
        "source_saturated",
        "a source cannot spike twice within 5 steps",
        "saturation",
        m.saturated_source(5),
    ),
    Fault(
        "source_stops",
        "sources fall silent after 60 % of the run",
        "lost_spikes",
        m.source_until(0.6),
    ),
    # Numerics.
    Fault("euler", "the forward Euler method", "integrator", settings=_with_method("euler")),
    Fault("rk4", "the classical Runge-Kutta method", "integrator", settings=_with_method("rk4")),
    Fault(
        "single_parameters",
        "parameters pass through 32-bit floats",
        "precision",
        m.single_precision,
    ),
    # Recordings.
    Fault(
        "stamps_early",
        "spikes are stamped one step early",
        "spike_stamp",
        recording=r.stamps_by(-1),
    ),
    Fault(
        "stamps_late", "spikes are stamped two steps late", "spike_stamp", recording=r.stamps_by(2)
    ),
    Fault(
        "samples_late",
        "samples show the state of a step before",
        "recording_grid",
        recording=r.samples_late,
    ),
    Fault(
        "samples_single",
        "traces are stored as 32-bit floats",
        "precision",
        recording=r.single_precision,
    ),
    Fault("cell_lost", "the spikes of one cell are missing", "lost_spikes", recording=r.lost_cell),
    Fault("busy_steps", "one spike a step is recorded", "lost_spikes", recording=r.busy_steps(1)),
    Fault(
        "every_tenth_lost",
        "every tenth spike is missing",
        "lost_spikes",
        recording=r.every_nth_lost(10),
    ),
    Fault(
        "trace_unit",
        "traces are written in a unit 1000 times larger",
        "parameter",
        recording=r.scaled(1e-3),
        foreign=True,
    ),
    Fault(
        "tail_lost",
        "the recording ends after 80 % of the run",
        "recording_grid",
        recording=r.truncated(0.8),
        foreign=True,
    ),
    Fault(
        "nan_late",
        "traces are NaN after 70 % of the run",
        "not_finite",
        recording=r.not_finite(0.7),
        foreign=True,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for fault in _ALL})
"""Every planted fault by name."""


def fault_named(name: str) -> Fault:
    """A fault, or a control, by name; InputError with the nearest name if there is none."""
    known = {**FAULTS, **CONTROLS}
    if name not in known:
        raise unknown("fault", "planted fault", name, FAULTS)
    return known[name]


CONTROLS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            Fault(
                "populations_reversed",
                "populations are built in another order",
                "",
                m.populations_reversed,
            ),
            Fault(
                "projections_reversed",
                "projections are built in another order",
                "",
                m.projections_reversed,
            ),
            Fault(
                "arrays_spelled_out",
                "every number stands once for each cell and synapse",
                "",
                m.arrays_spelled_out,
            ),
        )
    }
)
"""What a simulator may do in its own way without being wrong: nothing may be named."""
