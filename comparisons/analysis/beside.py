"""A model beside what was published: every backend's value over seeds, with intervals; which claims hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError
from ...core.experiment import Experiment
from ...core.settings import Settings
from ...models.targets import Claim, Target, Targets
from ..compare import plan
from ..equivalence import Equivalence, all_equivalent, equivalence, seed_margin
from ..pairs import json_safe
from ..runs import DEFAULT_TIMEOUT_S, Job, Run, perform_all, store_realization
from .activity import BETA_HZ, SLOW_HZ, Activity, activity, phase, signal

LEVEL = 0.95
"""Of the intervals, by Student's t over seeds."""
QUANTITIES = ("rate", "cv", "fano", "beta_power", "beta_share", "beta_peak")
UNITS: Mapping[str, str] = {
    "rate": "Hz", "cv": "", "fano": "", "beta_power": "Hz²", "beta_share": "", "beta_peak": "Hz",
    "phase": "°", "locking": "",
}  # fmt: skip
MEASURED, AIMED = "Mallet 2008", "authors' aim"
"""Whose the published numbers are, as figures and tables name them."""
_BANDS = {"slow_wave": SLOW_HZ}
Standing = Literal["inside", "above", "below", "unknown"]
Holds = Literal["holds", "fails", "unclear"]
Key = tuple[str, str, str]
"""State, variant, backend."""


def whose(source: str) -> str:
    """Who published a number: what was measured, or what the authors of the model aimed at."""
    return MEASURED if source.startswith("Mallet") else AIMED


@dataclass(frozen=True)
class Value:
    """A quantity of a group on one simulator: mean over the seeds, its interval, one value a seed."""

    state: str
    variant: str
    group: str
    quantity: str
    simulator: str
    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]

    def standing(self, target: float) -> Standing:
        """Where the simulator stands to a published number: ``above`` if its interval lies above it."""
        if not math.isfinite(self.low):
            return "unknown"
        return "above" if self.low > target else "below" if self.high < target else "inside"


@dataclass(frozen=True)
class Judged:
    """A claim on one simulator: the ratio (geometric mean over seeds), its interval, whether it holds.

    It holds where the whole interval is above the bound, and fails where all of it is below.
    """

    claim: Claim
    simulator: str
    ratio: float
    low: float
    high: float
    holds: Holds


@dataclass(frozen=True)
class Study:
    """What came out; ``runs`` are all runs, ``start_ms`` is where measuring starts.

    ``experiment`` is one of those that were run: of the first state, variant and seed.
    """

    experiment: Experiment
    mode: str
    targets: Targets
    seeds: tuple[int, ...]
    start_ms: float
    states: tuple[str, ...]
    simulators: tuple[str, ...]
    values: tuple[Value, ...]
    claims: tuple[Judged, ...]
    equivalences: tuple[Equivalence, ...]
    runs: tuple[Run, ...]

    def value(self, state: str, variant: str, group: str, quantity: str, name: str) -> Value | None:
        """One value; None if it was not measured."""
        wanted = (state, variant, group, quantity, name)
        for v in self.values:
            if (v.state, v.variant, v.group, v.quantity, v.simulator) == wanted:
                return v
        return None

    def outside(self) -> list[tuple[Target, Value]]:
        """The targets that a simulator's interval does not hold."""
        return [
            (t, v) for t in self.targets.targets for name in self.simulators
            if (v := self.value(t.state, t.variant, t.group, t.quantity, name)) is not None
            and v.standing(t.value) in ("above", "below")
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, which has no nan: None there."""
        data: dict[str, Any] = json_safe({
            "mode": self.mode, "seeds": list(self.seeds), "start_ms": self.start_ms,
            "states": list(self.states), "simulators": list(self.simulators),
            "values": [asdict(v) | {"unit": UNITS[v.quantity]} for v in self.values],
            "targets": [
                asdict(t) | {
                    "standing": {
                        name: v.standing(t.value) for name in self.simulators
                        if (v := self.value(t.state, t.variant, t.group, t.quantity, name))
                    }
                }
                for t in self.targets.targets if t.state in self.states
            ],
            "claims": [asdict(c) for c in self.claims],
            "equivalence": [e.to_dict() for e in self.equivalences],
            "equivalent": all_equivalent(self.equivalences),
            "runs": [run.to_dict() for run in self.runs],
        })  # fmt: skip
        return data


def beside(
    make: Callable[[str, str], Experiment],
    targets: Targets,
    backends: Iterable[str] | None = None,
    mode: str = "aligned",
    *,
    seeds: int = 5,
    states: Sequence[str] = ("activation",),
    start_ms: float | None = None,
    jobs: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    on_plan: Callable[[Sequence[str]], None] = lambda names: None,
    on_start: Callable[[int, Job], None] = lambda place, job: None,
    on_end: Callable[[int, Run], None] = lambda place, run: None,
) -> Study:
    """Run every variant and state that has a target, with several seeds, and put it beside the targets.

    *make* gives the experiment of a state and a variant. The first *start_ms*, a fifth by default, are not
    measured. Raises InputError for a state without targets, fewer than two seeds, a window that is empty.
    """
    for state in states:
        if state not in targets.states:
            raise InputError(
                "--state", f"{state!r} has no targets; known: {', '.join(targets.states)}"
            )
    if seeds < 2:
        raise InputError("--seeds", f"{seeds} is given; an interval needs two at least")
    variants = tuple(dict.fromkeys(t.variant for t in targets.targets))
    described = {(s, v): make(s, v) for s in states for v in variants}
    first = next(iter(described.values()))
    start = 0.2 * first.duration_ms if start_ms is None else start_ms
    if not 0 <= start <= first.duration_ms - 2:
        raise InputError("--from", f"{start:g} ms leaves nothing of {first.duration} to measure")
    numbers = tuple(range(first.seed, first.seed + seeds))
    requests: Sequence[tuple[str, Settings]] = plan(
        None if backends is None else list(backends), [mode], None, {}, False
    )
    todo: list[Job] = []
    asked: list[tuple[str, str, int]] = []
    for (state, variant), experiment in described.items():
        for seed in numbers:
            realization, path = store_realization(experiment.with_(seed=seed))
            for backend, settings in requests:
                todo.append(Job(str(path), realization.digest, backend, settings, timeout_s, fresh))
                asked.append((state, variant, seed))
    on_plan([job.id for job in todo])
    runs = perform_all(todo, jobs=jobs, on_start=on_start, on_end=on_end)
    by_key: dict[Key, list[dict[str, dict[str, float]]]] = {}
    for (state, variant, _), run in zip(asked, runs, strict=True):
        if run.ok:
            # Read here and not kept: the spikes of a whole study need not fit into memory.
            found = _measured(run, targets, state, start)
            by_key.setdefault((state, variant, run.backend), []).append(found)
            run.__dict__.pop("recording", None)
    simulators = tuple(dict.fromkeys(run.backend for run in runs if run.ok))
    values = tuple(_values(by_key))
    claims = tuple(
        judged for claim in targets.claims if claim.state in states
        for name in simulators if (judged := _judge(claim, name, values)) is not None
    )  # fmt: skip
    tests = tuple(_equivalences(values, simulators))
    return Study(
        first, mode, targets, numbers, start, tuple(states), simulators, values, claims, tests, runs,
    )  # fmt: skip


def _measured(run: Run, targets: Targets, state: str, start: float) -> dict[str, dict[str, float]]:
    recording = run.recording
    stop = recording.duration_ms
    found: dict[str, dict[str, float]] = {}
    for group, members in targets.groups.items():
        told: Activity = activity(recording, members, start, stop)
        found[group] = {name: float(getattr(told, name)) for name in QUANTITIES}
    for a, b in targets.phases:
        first, second = (signal(recording, targets.groups[g], start, stop) for g in (a, b))
        told_phase = phase(first, second, _BANDS.get(state, BETA_HZ))
        found[f"{a}–{b}"] = {"phase": told_phase.degrees, "locking": told_phase.locking}
    return found


def _values(
    by_key: Mapping[Key, Sequence[Mapping[str, Mapping[str, float]]]],
) -> Iterable[Value]:
    for (state, variant, name), seeds in by_key.items():
        for group, quantities in seeds[0].items():
            for quantity in quantities:
                given = [found[group][quantity] for found in seeds]
                interval = circular_interval if quantity == "phase" else interval_of
                yield Value(state, variant, group, quantity, name, *interval(given), tuple(given))


def interval_of(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval over seeds by Student's t; nan where fewer than two seeds have a value."""
    from scipy.stats import t as student

    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return math.nan, math.nan, math.nan
    mean = float(known.mean())
    if known.size < 2:
        return mean, math.nan, math.nan
    half = float(student.ppf(0.5 + LEVEL / 2, known.size - 1) * known.std(ddof=1))
    half /= math.sqrt(known.size)
    return mean, mean - half, mean + half


def circular_interval(degrees: Sequence[float]) -> tuple[float, float, float]:
    """The same for angles: the mean direction, and the interval of the deviations from it."""
    known = np.asarray(degrees, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return math.nan, math.nan, math.nan
    turned = np.exp(1j * np.radians(known))
    centre = float(np.degrees(np.angle(turned.mean())))
    away = np.degrees(np.angle(turned * np.exp(-1j * math.radians(centre))))
    _, low, high = interval_of(away.tolist())
    return centre, centre + low, centre + high


def _judge(claim: Claim, name: str, values: Iterable[Value]) -> Judged | None:
    sides = []
    for variant, group, quantity in (claim.a, claim.b):
        wanted = (claim.state, variant, group, quantity, name)
        found = [
            v for v in values if (v.state, v.variant, v.group, v.quantity, v.simulator) == wanted
        ]
        if not found:
            return None
        sides.append(np.asarray(found[0].by_seed))
    if sides[0].shape != sides[1].shape:
        return None
    with np.errstate(all="ignore"):
        logs = np.log(sides[0] / sides[1])
    told = interval_of(logs[np.isfinite(logs)].tolist())
    ratio, low, high = (math.exp(x) for x in told)
    holds: Holds = "holds" if low > claim.bound else "fails" if high < claim.bound else "unclear"
    return Judged(claim, name, ratio, low, high, holds)


def _equivalences(values: Sequence[Value], simulators: Sequence[str]) -> Iterable[Equivalence]:
    """Rates of the other simulators against the first: the margin is its own spread over seeds."""
    for v in values:
        if v.simulator != simulators[0] or v.quantity != "rate":
            continue
        for name in simulators[1:]:
            wanted = (v.state, v.variant, v.group, v.quantity, name)
            for other in values:
                found = (other.state, other.variant, other.group, other.quantity, other.simulator)
                if found != wanted or len(other.by_seed) != len(v.by_seed):
                    continue
                # A hundredth of a Hz: below that a rate of these lengths tells nothing.
                margin = seed_margin(v.by_seed, floor=0.01)
                yield equivalence(
                    v.by_seed, other.by_seed, margin, unit="Hz", names=(v.simulator, name),
                    quantity=f"rate of {v.group}, {v.variant}, {v.state}",
                )  # fmt: skip
