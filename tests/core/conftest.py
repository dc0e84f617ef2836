"""One description that uses every kind of part, and the hypothesis profiles."""

import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from coincide.core.cell import Cell
from coincide.core.numpy_code import compile_statements, evaluate_constants
from coincide.core.program import Method, program_of
from coincide.core.values import draw_value

# The same examples in every run, so that a check does not fail because of luck; HYPOTHESIS_PROFILE=explore
# draws new ones.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
settings.register_profile("repeatable", derandomize=True, max_examples=60, **_COMMON)
settings.register_profile("explore", max_examples=1000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

_LIF = {
    "name": "LIF",
    "equations": "dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)\n"
    "I : pA (input)\nE_L : mV\nR : GOhm\ntau : ms",
    "threshold": "v > -50*mV",
    "reset": "v = E_L",
    "refractory": "2 ms",
    "parameters": {"tau": "20 ms", "E_L": "-65 mV", "R": "0.08 GOhm"},
    "initial": {"v": "E_L"},
}
_DESCRIBED = {
    "name": "all",
    "duration": "50 ms",
    "populations": [
        {
            "name": "exc", "kind": "neurons", "model": _LIF, "size": 12,
            "initial": {"v": {"distribution": "uniform", "low": "-65 mV", "high": "-50 mV"}},
            "parameters": {
                "tau": {"distribution": "truncated_normal", "mean": "20 ms", "std": "2 ms", "low": "5 ms"},
                "R": {"values": [0.08] * 12, "unit": "GOhm"},
            },
            "receptors": {
                "ampa": {"kind": "exponential_conductance", "tau": "5 ms", "reversal": "0 mV"},
                "nmda": {"kind": "nmda", "tau": "100 ms"},
                "gaba": {
                    "kind": "double_exponential_conductance",
                    "tau_rise": "1 ms", "tau_decay": "8 ms", "reversal": "-80 mV",
                },
                "slow": {"kind": "alpha_conductance", "tau": "3 ms", "reversal": "-80 mV"},
                "expo": {"kind": "exponential_current", "tau": "4 ms"},
                "alpha": {"kind": "alpha_current", "tau": "2 ms"},
                "kick": {"kind": "delta"},
                "own": {
                    "kind": "custom", "equations": "dx/dt = -x/tau_x : 1\ncur = 10*pA*x : pA\ntau_x : ms",
                    "on_pre": "x += 2*w", "current": "cur", "parameters": {"tau_x": "7 ms"},
                },
            },
        },
        {
            "name": "inh", "kind": "neurons", "model": _LIF, "size": 8,
            "receptors": {"kick": {"kind": "delta"}},
        },
        {"name": "drive", "kind": "poisson", "size": 10, "rate": "30 Hz"},
        {
            "name": "wave", "kind": "poisson", "size": 3, "rate": {"values": [10, 20, 30], "unit": "Hz"},
            "profile": [1.0, 0.0, 2.0], "interval": "10 ms", "start": "5 ms", "stop": "40 ms",
        },
        {"name": "given", "kind": "spike_trains", "times": [[1.0, 2.04], [], [30.0, 30.0]], "unit": "ms"},
    ],
    "projections": [
        {
            "source": "drive", "target": "exc", "receptor": "ampa", "weight": "1 nS", "delay": "1 ms",
            "rule": {"rule": "fixed_probability", "p": 0.3}, "weight_scale": "1/(pN)",
        },
        {
            "source": "exc", "target": "exc", "receptor": "gaba",
            "rule": {"rule": "fixed_in_degree", "n": 3, "self_connections": False}, "weight_scale": "1/C",
            "weight": {"distribution": "normal", "mean": "1 nS", "std": "0.1 nS"},
            "delay": {"distribution": "uniform", "low": "1 ms", "high": "2 ms"},
        },
        {
            "source": "exc", "target": "inh", "receptor": "kick", "delay": "0.5 ms",
            "rule": {"rule": "fixed_out_degree", "n": 2, "multapses": True},
            "weight": {"distribution": "lognormal", "median": "1 mV", "sigma": 0.5},
        },
        {
            "source": "inh", "target": "exc", "receptor": "slow", "delay": "1.5 ms",
            "rule": {"rule": "fixed_total_number", "n": 20},
            "weight": {"distribution": "exponential", "mean": "1 nS"},
        },
        {
            "source": "exc", "target": "exc", "receptor": "expo", "delay": "2 ms",
            "rule": {"rule": "one_to_one"}, "weight": "5 pA",
        },
        {
            "source": "inh", "target": "inh", "receptor": "kick", "delay": "2 ms", "weight_scale": "1/N",
            "rule": {"rule": "all_to_all", "self_connections": False}, "weight": "-1 mV",
        },
        {
            "source": "given", "target": "exc", "receptor": "alpha",
            "rule": {"rule": "explicit", "pre": [2, 0, 0], "post": [1, 5, 5]},
            "weight": {"values": [1, 2, 3], "unit": "pA"}, "delay": {"values": [1, 2, 3], "unit": "ms"},
        },
        {
            "source": "wave", "target": "exc", "receptor": "own", "delay": "1 ms", "weight": "0.5",
            "rule": {"rule": "all_to_all"},
        },
    ],
    "inputs": [
        {"name": "bias", "kind": "constant", "population": "exc", "amplitude": "100 pA", "cells": [0, 3]},
        {"name": "step", "kind": "step", "population": "exc", "amplitude": "50 pA", "start": "20 ms"},
        {
            "name": "ramp", "kind": "ramp", "population": "exc",
            "initial": "0 pA", "final": "10 pA", "stop": "40 ms",
        },
        {
            "name": "sine", "kind": "sine", "population": "exc",
            "amplitude": "20 pA", "frequency": "40 Hz", "offset": "5 pA",
        },
        {
            "name": "series", "kind": "time_series", "population": "exc",
            "values": [1.0, 2.0, 3.0], "unit": "pA", "interval": "10 ms",
        },
        {
            "name": "white", "kind": "white_noise", "population": "exc",
            "mean": "0 pA", "std": "5 pA", "interval": "0.1 ms",
        },
        {
            "name": "uniform", "kind": "uniform_noise", "population": "exc",
            "low": "0 pA", "high": "1 pA", "interval": "1 ms", "shared": True,
        },
        {
            "name": "ou", "kind": "ornstein_uhlenbeck", "population": "inh",
            "mean": "200 pA", "std": "20 pA", "tau": "5 ms", "interval": "0.2 ms",
        },
    ],
    "records": [
        {"population": "exc", "variables": ["v", "g_ampa"], "cells": [0, 1]},
        {"population": "inh", "variables": ["v"]},
    ],
}  # fmt: skip


@pytest.fixture
def described() -> dict[str, Any]:
    """A fresh description with every kind of receptor, rule, value and input, as plain data."""
    return copy.deepcopy(_DESCRIBED)


def _run_program(
    cell: Cell,
    method: Method,
    dt: float,
    n_steps: int,
    initial: Mapping[str, float],
    inputs: Mapping[str, float] | None = None,
    not_refractory: bool = True,
    **parameters: float,
) -> dict[str, NDArray[np.float64]]:
    """The states of a cell over a number of steps, shape (n_steps + 1,), without spikes."""
    program = program_of(cell, method)
    rng = np.random.default_rng(0)
    given = {
        v.name: parameters.get(v.name)
        if v.name in parameters
        else draw_value(cell.values[v.name], rng, 1, v.dimension, v.name)
        for v in cell.parameters
    }
    states = [v.name for v in cell.states]
    namespace: dict[str, Any] = {
        **given,
        **evaluate_constants(program.constants, given, dt),
        **{v.name: np.float64((inputs or {})[v.name]) for v in cell.inputs},
        **{name: np.array([initial.get(name, 0.0)]) for name in states},
        "dt": dt,
        "not_refractory": np.array([not_refractory]),
    }
    update = compile_statements(program.update, states)
    course = {name: np.empty(n_steps + 1) for name in states}
    for step in range(n_steps + 1):
        for name in states:
            course[name][step] = namespace[name].item()
        update(namespace)
    return course


@pytest.fixture
def run_program() -> Callable[..., dict[str, NDArray[np.float64]]]:
    """A cell without spikes, run by its program alone."""
    return _run_program
