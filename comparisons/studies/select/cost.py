"""What a run costs by its steps, cells and spikes: fitted, extrapolated, checked by a larger run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.realize import realize
from ....core.recording import Recording
from ...measuring.ordering import Floats

TERMS = ("start", "steps", "steps × cells", "deliveries")
"""Of simulating: seconds once, per step, per step and cell, per spike delivered through a connection."""
BUILD_TERMS = ("start", "cells", "connections")


@dataclass(frozen=True)
class Load:
    """What a run has to do: steps, cells, connections, spikes delivered through connections."""

    steps: float
    cells: float
    connections: float
    deliveries: float

    @property
    def running(self) -> Floats:
        """The values of `TERMS`."""
        return np.array([1.0, self.steps, self.steps * self.cells, self.deliveries])

    @property
    def building(self) -> Floats:
        """The values of `BUILD_TERMS`."""
        return np.array([1.0, self.cells, self.connections])


@dataclass(frozen=True)
class CostModel:
    """run_s = Σ c_k·x_k and build_s = Σ b_k·y_k with coefficients ≥ 0, by least squares of relative errors.

    x are `TERMS` (1, steps, steps·cells, deliveries) and y are `BUILD_TERMS`; a term that did not vary over
    the runs cannot be told from others and is left at what the fit gives. ``rms`` is the root mean square
    relative residual of run_s over the ``n`` runs fitted.

    Source: Lawson & Hanson 1974, Solving Least Squares Problems, ch. 23, through scipy.optimize.nnls.
    """

    label: str
    running: tuple[float, ...]
    building: tuple[float, ...]
    rms: float
    n: int

    def run_s(self, load: Load) -> float:
        """Seconds of simulating."""
        return float(np.dot(self.running, load.running))

    def build_s(self, load: Load) -> float:
        """Seconds of building."""
        return float(np.dot(self.building, load.building))

    def time_s(self, load: Load) -> float:
        """Seconds in all."""
        return self.run_s(load) + self.build_s(load)


def fit(
    label: str, loads: Sequence[Load], run_s: Sequence[float], build_s: Sequence[float]
) -> CostModel:
    """The cost model of measured runs."""
    running, residual = _non_negative([load.running for load in loads], run_s)
    building, _ = _non_negative([load.building for load in loads], build_s)
    rms = float(np.sqrt(np.mean(residual**2)))
    return CostModel(label, tuple(running), tuple(building), rms, len(loads))


def _non_negative(rows: Sequence[Floats], seconds: Sequence[float]) -> tuple[list[float], Floats]:
    """Coefficients ≥ 0 of the least relative errors, and these errors."""
    from scipy.optimize import nnls

    y = np.maximum(np.asarray(seconds, dtype=np.float64), 1e-6)
    x = np.array(rows) / y[:, None]
    # Columns of size 1, for nnls weighs them as they are.
    scale = np.maximum(np.linalg.norm(x, axis=0), 1e-300)
    found, _ = nnls(x / scale, np.ones(y.size))
    coefficients = found / scale
    return [float(c) for c in coefficients], x @ coefficients - 1.0


def load_of(realization: Realization, recording: Recording) -> Load:
    """What a run had to do, from what was drawn and what it recorded."""
    deliveries = 0.0
    for edges in realization.edges:
        counts = np.diff(edges.starts)
        if edges.source in realization.sources:
            cells = realization.sources[edges.source].cells
        else:
            cells = recording.spikes[edges.source].cells
        deliveries += float(counts[cells].sum())
    return Load(
        float(realization.n_steps),
        float(sum(p.size for p in realization.populations.values())),
        float(sum(len(e) for e in realization.edges)),
        deliveries,
    )


def foreseen(base: Load, duration_ms: float, experiment: Experiment) -> Load:
    """What a longer or larger experiment has to do, if every connection carries as many spikes a time.

    *base* is the load of a measured run that lasted *duration_ms*. The connections of the larger one are
    drawn, its spikes are not.
    """
    drawn = realize(_brief(experiment))
    connections = float(sum(len(e) for e in drawn.edges))
    cells = float(sum(p.size for p in drawn.populations.values()))
    carried = base.deliveries / max(base.connections, 1.0) / duration_ms
    deliveries = carried * connections * experiment.duration_ms
    return Load(float(experiment.n_steps), cells, connections, deliveries)


def _brief(experiment: Experiment) -> Experiment:
    """The experiment for a few steps, of which the connections are those of the whole."""
    few = min(10 * experiment.dt_ms, experiment.duration_ms)
    return experiment.with_(duration=f"{few!r} ms")


def scaled(experiment: Experiment, factor: float) -> Experiment:
    """The experiment with every population *factor* times as large, to whole cells; rules stay as they are.

    So in- and out-degrees stay, and a fixed probability makes more connections a cell. Raises InputError
    where values are given cell by cell.
    """
    data = experiment.to_dict()
    for population in data["populations"]:
        if "size" not in population:
            raise InputError(
                "--size", f"{population['name']} has given spikes; it cannot be made larger"
            )
        population["size"] = max(1, round(population["size"] * factor))
    try:
        larger = Experiment.from_dict(data)
        realize(_brief(larger))
    except InputError as error:
        raise InputError(
            "--size", f"{experiment.name} cannot be {factor:.3g} times as large: {error}"
        ) from error
    return larger


@dataclass(frozen=True)
class Forecast:
    """What a candidate would take for a larger or longer run, and how far a check was off.

    ``recommended``: it is of what is recommended. ``check`` is (what was run, foretold seconds, measured
    seconds) of one run larger than those that were fitted; ``error`` the relative error of the foretold, NaN
    without a check.
    """

    label: str
    dt_ms: float
    target: str
    seconds: float
    run_s: float
    build_s: float
    model: CostModel
    check: tuple[str, float, float] | None = None
    remark: str = ""
    recommended: bool = False

    @property
    def error(self) -> float:
        """(foretold − measured) / measured of the check."""
        if self.check is None:
            return math.nan
        return (self.check[1] - self.check[2]) / self.check[2]

    @property
    def in_words(self) -> str:
        """The forecast in a sentence."""
        said = (
            f"{self.label}, dt {self.dt_ms:g} ms{' (recommended)' if self.recommended else ''} would take "
            f"{seconds(self.seconds)} for {self.target} "
            f"({seconds(self.build_s)} to build)"
        )
        if self.check is None:
            return f"{said}; not checked{f': {self.remark}' if self.remark else ''}"
        what, foretold, measured = self.check
        return (
            f"{said}; checked by {what}: foretold {seconds(foretold)}, took {seconds(measured)}, "
            f"{100 * self.error:+.0f} %"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "error": self.error, "in_words": self.in_words}


def seconds(value: float) -> str:
    """A time as people read it."""
    if not math.isfinite(value):
        return "–"
    if value < 1e-3:
        return f"{1e6 * value:.2g} µs"
    if value < 1.0:
        return f"{1e3 * value:.2g} ms" if value < 0.1 else f"{value:.2g} s"
    if value < 120:
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"
