"""Probes of inputs, samples, initial values and the numbers themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from .cells import ADDING, DRIVEN, EXCITED, EXPLODING, LIF, SQUARE, of, ramp
from .pack import DT_MS, DURATION_MS, Cells, Given, Parts
from .probe import Probe, shown_number
from .view import View

_STEPS = round(DURATION_MS / DT_MS)
_POWERS = tuple(2.0**-k for k in range(1, 61))


def _step(start_ms: float, stop_ms: float | None = None) -> Parts:
    """An input of 1 into its integral."""
    return Parts(
        {"cell": of(DRIVEN, "x")}, inputs=(Given("cell", start_ms=start_ms, stop_ms=stop_ms),)
    )


def _acts(view: View) -> float:
    return view.since("cell")


def _behind(view: View) -> float:
    """By how many steps an input that rises by 1 a ms lags, on the average, from its integral."""
    end = float(view.times("cell", "x")[-1])
    return round((end * end / 2 - view.end("cell", "x")) / end / DT_MS, 3)


def _held(number: float) -> str:
    for lag, words in ((0.5, "at its start"), (-0.5, "at its end"), (0.0, "as it varies")):
        # In the last of the 200 steps it may be held from the one before.
        if abs(number - lag) <= 0.01:
            return words
    return f"{shown_number(number)} steps late"


_RISING = Parts({"cell": of(DRIVEN, "x")}, inputs=(Given("cell", rising=True),))


def _at_stamp(view: View) -> float:
    return view.at("cell", "u", view.stamp("cell"))


def _sample(number: float) -> str:
    if math.isnan(number):
        return "none"
    if number < 1e-3:
        return "reset"
    if number < 1:
        return "past its reset"
    return "overshoot" if number > 10.05 else "not yet"


def _missed(view: View) -> float:
    """How far the first samples are from the solution that starts at the initial values, relative."""
    t = float(view.times("cell", "v")[0])
    current, v = (float(view.values("cell", name)[0]) for name in ("current_exc", "v"))
    # dy/dt = -y/20 + 0.16·exp(-t/5) with y = v + 65, y(0) = 3.5.
    y = 3.5 * math.exp(-t / 20) + 0.16 * (math.exp(-t / 20) - math.exp(-t / 5)) / 0.15
    missed = max(abs(current / (40 * math.exp(-t / 5)) - 1), abs((v + 65 - y) / 3.5))
    # Where the first sample is not at 0, a first step of Euler is off by 2·10⁻⁴.
    return 0.0 if missed < 1e-3 else missed


def _honoured(number: float) -> str:
    return "honoured" if number == 0 else f"off by {shown_number(100 * number)} %"


_KEPT = {23: "float32", 52: "float64"}
"""The binary digits after the first that a type keeps."""


def _digits(view: View) -> float:
    """The last k for which 1 + 2⁻ᵏ is more than 1 after one step.

    For the bit after the last one, 1 + 2⁻ᵏ is a tie, which goes up where a sum is taken in another order, as
    BLAS does by processor: no digit more is kept.
    """
    k = int(np.argmin(np.abs(view.times("cell", "u") - DT_MS)))
    grown = [view.values("cell", "u", cell)[k] > 1.0 for cell in range(len(_POWERS))]
    digits = int(np.flatnonzero(grown)[-1]) + 1
    return float(digits - 1 if digits - 1 in _KEPT else digits)


def _precision(number: float) -> str:
    return _KEPT.get(round(number), f"{number:g} bits")


def _scheme(number: float, exact: float, schemes: Mapping[str, float]) -> str:
    """The scheme whose value after one step is the one found, to the digits of float32."""
    known = {"exact": exact, **schemes}
    nearest = min(known, key=lambda name: abs(number - known[name]))
    return nearest if abs(number - known[nearest]) <= 1e-5 else shown_number(number)


def _linear(number: float) -> str:
    h = DT_MS / 20
    schemes = {"forward Euler": -65 + 24 * h, "implicit Euler": -65 + 24 * h / (1 + h)}
    return _scheme(number, -65 + 24 * -math.expm1(-h), schemes)


def _runge_kutta(h: float) -> float:
    """A step of the classical method for du/dt = -u² from 1."""
    k1 = -1.0
    k2 = -((1 + h * k1 / 2) ** 2)
    k3 = -((1 + h * k2 / 2) ** 2)
    k4 = -((1 + h * k3) ** 2)
    return 1 + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6


def _quadratic(number: float) -> str:
    h = DT_MS
    schemes = {
        "forward Euler": 1 - h,
        "implicit Euler": (math.sqrt(1 + 4 * h) - 1) / (2 * h),
        "midpoint": 1 - h * (1 - h / 2) ** 2,
        "Runge-Kutta 4": _runge_kutta(h),
    }
    return _scheme(number, 1 / (1 + h), schemes)


def _after_a_step(variable: str) -> Callable[[View], float]:
    return lambda view: view.at("cell", variable, DT_MS)


# Whatever the simulator or the check of its recording says; a crash or a hang says nothing.
_SAID = r"^(?!did not finish|the process died|the process ended)."
_RAMP = Parts({"cell": ramp("u")})

NUMBERS = (
    Probe(
        "input_onset", "inputs", "step at 5 ms acts from",
        "an input steps up at 5 ms: since when it acts", "input_onset",
        _step(5.0), _acts, 5.0, "ms", ("input_onset",),
    ),
    Probe(
        "input_seen", "inputs", "and is first seen at",
        "the same: the first sample that it changes", "input_onset",
        _step(5.0), lambda v: v.first_change("cell", "x"), 5.1, "ms", ("input_onset",),
    ),
    Probe(
        "input_between", "inputs", "step at 5.05 ms acts from",
        "an input steps up at 5.05 ms, between two steps: since when it acts",
        "input_onset", _step(5.05), _acts, 5.1, "ms", ("input_onset",), grid=True,
    ),
    Probe(
        "input_duration", "inputs", "5.05 to 8.05 ms acts for",
        "an input from 5.05 to 8.05 ms: how long it acts", "input_onset",
        _step(5.05, 8.05), lambda v: v.end("cell", "x"), 3.0, "ms", ("input_onset",),
    ),
    Probe(
        "input_varying", "inputs", "value within a step",
        "an input that rises within a step: the value that acts",
        "input_onset", _RISING, _behind, 0.5, "step", ("input_onset",), _held, grid=True,
    ),
    Probe(
        "input_stages", "inputs", "the same, integrated by rk4",
        "an input that rises within a step, to a Runge-Kutta method of order 4: the value that acts",
        "input_onset", _RISING, _behind, 0.5, "step", ("input_hold",), _held, grid=True, batch="rk4",
        method="rk4",
    ),
    Probe(
        "samples", "samples", "samples of 20 ms",
        "a run of 20 ms in steps of 0.1 ms: the number of its samples",
        "recording_grid", _RAMP, lambda v: float(v.values("cell", "u").size), _STEPS + 1, "",
        ("recording_phase",),
    ),
    Probe(
        "first_sample", "samples", "first sample",
        "the time of the first sample", "recording_grid", _RAMP,
        lambda v: float(v.times("cell", "u")[0]), 0.0, "ms", ("recording_phase",),
    ),
    Probe(
        "last_sample", "samples", "last sample",
        "the time of the last sample", "recording_grid", _RAMP,
        lambda v: float(v.times("cell", "u")[-1]), DURATION_MS, "ms", ("recording_phase",),
    ),
    Probe(
        "sample_at_spike", "samples", "sample at the stamp of a spike",
        "the sample at the stamp of a spike", "recording_grid", _RAMP,
        _at_stamp, 0.0, "mV", ("recording_phase", "spike_stamp"), _sample, grid=True,
    ),
    Probe(
        "overshoot", "samples", "highest sample, threshold 10.05 mV",
        "the highest sample of a ramp with its threshold at 10.05 mV",
        "recording_grid", _RAMP, lambda v: float(v.values("cell", "u").max()), 10.0, "mV",
        ("recording_phase",),
    ),
    Probe(
        "initial_value", "numbers", "initial values",
        "initial values of a cell and of a receptor", "initial_value",
        Parts({"cell": of(EXCITED, "v", "current_exc", current_exc=40.0)}), _missed, 0.0, "",
        ("initial_value",), _honoured,
    ),
    Probe(
        "precision_kept", "numbers", "precision of what is kept",
        "binary digits of a state that does not change", "precision",
        Parts({"cell": Cells(ADDING, ("u",), 60, initial={"u": [1 + p for p in _POWERS]})}), _digits,
        52, "", ("precision",), _precision,
    ),
    Probe(
        "precision_computed", "numbers", "precision of a sum",
        "binary digits of a sum in one step", "precision",
        Parts({"cell": Cells(ADDING, ("u",), 60, initial={"s": [p / DT_MS for p in _POWERS]})}), _digits,
        52, "", ("precision",), _precision,
    ),
    Probe(
        "integrator_linear", "numbers", "integrator, linear equation",
        "v of a leaky cell after one step, exactly −64.880299501 mV",
        "integrator", Parts({"cell": of(LIF, "v")}), _after_a_step("v"), None, "mV", ("integrator",), _linear,
    ),
    Probe(
        "integrator_nonlinear", "numbers", "integrator, nonlinear equation",
        "u of du/dt = −u²/ms from 1 after one step, exactly 0.909090909",
        "integrator", Parts({"cell": of(SQUARE, "u")}), _after_a_step("u"), None, "", ("integrator",),
        _quadratic,
    ),
    Probe(
        "not_finite", "numbers", "a recorded state explodes",
        "a state that explodes and is recorded", "not_finite",
        Parts({"cell": of(EXPLODING, "u")}), lambda v: v.end("cell", "u"), None, batch="not_finite",
        refusal=_SAID, words=lambda n: f"{n:.3g} is recorded",
    ),
    Probe(
        "not_finite_hidden", "numbers", "a state not recorded explodes",
        "a state that explodes and is not recorded", "not_finite",
        Parts({"cell": of(EXPLODING)}), lambda v: 1.0, None, batch="not_finite_hidden",
        words=lambda n: "silent", stopped="reported",
    ),
)  # fmt: skip
"""Inputs, samples, initial values, precision, integrators, numbers that are none."""
