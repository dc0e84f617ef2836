"""The numbers of `parameters.json`: how people walk, healthy and with ataxia, each with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ...core.errors import unknown
from ...core.units import Quantity


@dataclass(frozen=True)
class Walker:
    """How somebody walks: means, variability from stride to stride, asymmetry [m, s, rad, 1].

    ``stride_time_cv`` and ``stride_length_cv`` are SD over mean of strides, ``asymmetry`` is
    (left - right)/mean of step length and of step time, ``double_support`` a share of the cycle.
    """

    stride_length: float
    speed: float
    step_width: float
    stride_time_cv: float
    stride_length_cv: float
    step_width_sd: float
    asymmetry: float
    double_support: float
    clearance: float
    clearance_cv: float
    arm_swing: float

    @property
    def stride_time(self) -> float:
        """The mean duration of a stride [s]: length over speed."""
        return self.stride_length / self.speed

    @property
    def stance(self) -> float:
        """The share of the cycle in which a foot is on the ground: two of them overlap twice."""
        return (1 + self.double_support) / 2


@dataclass(frozen=True)
class Body:
    """The lengths of a body and where the sensor stands [m]."""

    thigh: float
    shank: float
    ankle_height: float
    trunk: float
    shoulder_width: float
    hip_width: float
    upper_arm: float
    forearm: float
    sensor_distance: float
    sensor_height: float


def walker(ataxic: bool) -> Walker:
    """The walker of the table, healthy or ataxic."""
    group = "ataxic" if ataxic else "healthy"
    return Walker(**{name: _number(f"{name}_{group}") for name in Walker.__annotations__})


def body() -> Body:
    """The body of the table; shares of stature become lengths."""
    placed = {name: _number(name) for name in ("sensor_distance", "sensor_height")}
    lengths = {n: _number(n) * _number("stature") for n in Body.__annotations__ if n not in placed}
    return Body(**lengths, **placed)


@lru_cache(maxsize=1)
def read_parameters() -> dict[str, Any]:
    """The table as JSON holds it: a value and a source for every name."""
    text = files(__package__).joinpath("parameters.json").read_text(encoding="utf-8")
    parameters: dict[str, Any] = json.loads(text)["parameters"]
    return parameters


def _number(name: str) -> float:
    """A value in m, s or 1."""
    table = read_parameters()
    if name not in table:
        raise unknown("parameters.json", "parameter", name, table)
    quantity = Quantity.parse(table[name]["value"], f"parameters.json: {name}")
    # Lengths and speeds are written in m and m/s there, which is what the files are in.
    assert quantity.unit in {"1", "m", "m/s"}
    return quantity.magnitude
