"""What a backend has to show on each case, mode by mode.

lockstep
    the same spikes as the reference and traces within 1e-9 of their range: only translation is left.
aligned
    the spikes of the oracle, each within (1 + k)·dt, k being the number of the spike in its cell (a grid
    stamps a spike up to one step late and starts the next interval there); or, since an integrator of
    first order may be further off, errors that fall to less than half with a quarter of the step.
raw
    a whole, finite recording whose spikes are as many as the oracle's up to what the simulator's own
    conventions may gain or lose (a fifth, at least two a cell).

Cases of whole ``steps``, in which the integrator does not matter, are held against the contract: in aligned
to the step; in raw a stamp, a delay or a refractory period may be one step off if the backend declares a
convention that does so.

Cases marked ``chaotic`` are compared with the oracle by their number of spikes alone, within a tenth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from ....backends.registry import load_backend
from ....core.errors import CoincideError, UnsupportedError
from ....core.realization import Realization
from ....core.realize import realize
from ....core.recording import Recording
from ....core.settings import MODES, Settings
from ...measuring.pairs import compare_one_trace, compare_recordings
from .cases import CASES, Case
from .steps import off_the_contract

Status = Literal["passed", "failed", "unsupported", "known gap"]

_IN_STEPS = ("spike_stamp", "delivery_order", "refractory_count", "rounding", "lost_spikes")
"""The causes of a convention that moves something by a step."""

EXACT = 1e-8
"""Traces this near the oracle's, in their range, need not get nearer: its own tolerance is 1e-10."""


@dataclass(frozen=True)
class Check:
    """One case on one backend in one mode and scheme."""

    backend: str
    case: str
    mode: str
    method: str | None

    @property
    def id(self) -> str:
        """A name for tables and tests."""
        return "-".join(p for p in (self.backend, self.mode, self.case, self.method) if p)


@dataclass(frozen=True)
class Outcome:
    """How a check ended, with the number or the reason behind it."""

    check: Check
    status: Status
    detail: str


def checks_of(backend: str, modes: tuple[str, ...] = MODES) -> Iterator[Check]:
    """Every check of a backend: lockstep in each scheme of the case, other modes in the default."""
    for mode in modes:
        for case in CASES.values():
            methods = case.methods if mode == "lockstep" else (None,)
            for method in methods:
                yield Check(backend, case.name, mode, method)


@lru_cache(maxsize=64)
def _realized(case: str) -> Realization:
    return realize(CASES[case].build())


@lru_cache(maxsize=64)
def _reference(case: str, method: str) -> Recording:
    settings = Settings("lockstep", method)
    return load_backend("reference").run(_realized(case), settings)


@lru_cache(maxsize=64)
def _oracle(case: str) -> Recording:
    return load_backend("oracle").run(_realized(case), Settings("aligned"))


def run_check(check: Check) -> Outcome:
    """Perform one check in this process; whatever goes wrong is the outcome."""
    case = CASES[check.case]
    realization = _realized(check.case)
    settings = Settings(check.mode, check.method)  # type: ignore[arg-type]
    try:
        recording = load_backend(check.backend).run(realization, settings)
    except UnsupportedError as error:
        return Outcome(check, "unsupported", error.reason)
    except CoincideError as error:
        outcome = Outcome(check, "failed", str(error))
    else:
        if check.mode == "lockstep":
            outcome = _same_as_reference(check, recording)
        elif case.steps:
            outcome = _same_steps(check, case, recording)
        else:
            outcome = _near_oracle(check, case, realization, recording)
    reason = load_backend(check.backend).gaps.get((settings.mode, check.case))
    if reason is None:
        return outcome
    if outcome.status == "passed":
        return Outcome(check, "failed", f"passes, but is listed as a known gap: {reason}")
    return Outcome(check, "known gap", reason)


def _same_as_reference(check: Check, recording: Recording) -> Outcome:
    assert check.method is not None
    reference = _reference(check.case, check.method)
    pair = compare_recordings(reference, recording, ("reference", check.backend), reference.dt_ms)
    good = pair.verdict in ("identical", "round-off")
    return Outcome(check, "passed" if good else "failed", pair.in_words)


def _same_steps(check: Check, case: Case, recording: Recording) -> Outcome:
    own = 0
    if check.mode == "raw":
        conventions = load_backend(check.backend).conventions
        own = int(any(c.cause in _IN_STEPS for c in conventions))
    wrong = off_the_contract(recording, _reference(check.case, case.methods[0]), own)
    said = f"every stamp, delay and refractory period within {own} steps of the contract's"
    return Outcome(check, "failed" if wrong else "passed", wrong or said)


def _near_oracle(
    check: Check, case: Case, realization: Realization, recording: Recording
) -> Outcome:
    try:
        oracle = _oracle(check.case)
    except CoincideError as error:
        return Outcome(check, "failed", f"the oracle failed: {error}")
    if case.chaotic or check.mode == "raw":
        for name, population in realization.populations.items():
            n, expected = len(recording.spikes[name]), len(oracle.spikes[name])
            most = max(n, expected)
            allowed = most / 10 if case.chaotic else max(2 * population.size, most / 5)
            if abs(n - expected) > allowed:
                detail = f"{n} spikes of {name}, the oracle has {expected}"
                return Outcome(check, "failed", detail)
        return Outcome(check, "passed", "whole and finite, as many spikes as the oracle has")
    if not any(len(spikes) for spikes in oracle.spikes.values()):
        return _near_traces(check, recording, oracle, realization)
    largest, over = _late(recording, oracle, realization)
    if over <= 1.0:
        return Outcome(check, "passed", f"spikes at most {largest:.3g} ms off the oracle")
    fine, again = _refined(check, realization, 4)
    finer, _ = _late(again, oracle, fine)
    detail = f"spikes {largest:.3g} ms off the oracle, {finer:.3g} ms with a quarter of the step"
    return Outcome(check, "passed" if finer <= 0.5 * largest else "failed", detail)


def _refined(check: Check, realization: Realization, factor: int) -> tuple[Realization, Recording]:
    fine = realize(realization.experiment.with_(dt=f"{realization.dt_ms / factor!r} ms"))
    settings = Settings(check.mode, check.method)  # type: ignore[arg-type]
    return fine, load_backend(check.backend).run(fine, settings)


def _near_traces(
    check: Check, recording: Recording, oracle: Recording, realization: Realization
) -> Outcome:
    if any(len(spikes) for spikes in recording.spikes.values()):
        return Outcome(check, "failed", "spikes, but the oracle has none")
    error = _trace_error(recording, oracle)
    if error <= EXACT:
        return Outcome(check, "passed", f"no spikes; traces within {error:.1e} of the oracle's")
    # Conditions in the equations make the error fall in jumps; only many halvings show the order.
    _, again = _refined(check, realization, 16)
    finer = _trace_error(again, oracle)
    detail = f"traces {error:.1e} off the oracle, {finer:.1e} with a sixteenth of the step"
    return Outcome(check, "passed" if finer <= 0.5 * error else "failed", detail)


def _trace_error(recording: Recording, oracle: Recording) -> float:
    """The largest difference of any trace over its range, at the times that both have."""
    return max(
        compare_one_trace(key, oracle.traces[key], trace).relative
        for key, trace in recording.traces.items()
    )


def _late(recording: Recording, oracle: Recording, realization: Realization) -> tuple[float, float]:
    """The largest |shift| of the k-th spike of a cell [ms], and the largest over its bound (1 + k)·dt.

    A spike without a counterpart counts with the time that was left in the run, in which it may have
    fallen out of the other recording.
    """
    largest = over = 0.0
    end, dt = realization.n_steps * realization.dt_ms, realization.dt_ms
    for name, population in realization.populations.items():
        found, expected = recording.spikes[name], oracle.spikes[name]
        for cell in range(population.size):
            a = found.times[found.cells == cell]
            b = expected.times[expected.cells == cell]
            common = min(a.size, b.size)
            lonely = (a if a.size > b.size else b)[common:]
            shifts = np.concatenate([np.abs(a[:common] - b[:common]), end - lonely])
            bounds = (2.0 + np.arange(shifts.size)) * dt
            largest = max(largest, float(np.max(shifts, initial=0.0)))
            over = max(over, float(np.max(shifts / bounds, initial=0.0)))
    return largest, over
