"""A model beside what was published: every backend's value over seeds, with intervals; which claims hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Unpack, get_args

import numpy as np

from ....backends.registry import is_judge
from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.recording import Recording
from ....models.targets import Claim, Target, Targets
from ...measuring.caveats import capped, caveats_of, caveats_of_recording
from ...measuring.equivalence import Equivalence, all_equivalent, equivalence, seed_margin
from ...running.how import How, HowKeywords
from ...running.runs import Run
from ...running.store import store_realization
from ...showing.result import Result
from .activity import BETA_HZ, SLOW_HZ, Activity, activity, phase, signal
from .intervals import POSSIBLE, circular_interval, interval_of
from .settled import Halves, drift, halves, other_window

QUANTITIES = ("rate", "cv", "fano", "beta_power", "beta_share", "beta_peak")
UNITS: Mapping[str, str] = {
    "rate": "Hz",
    "cv": "",
    "fano": "",
    "beta_power": "Hz²",
    "beta_share": "",
    "beta_peak": "Hz",
    "phase": "°",
    "locking": "",
}
MEASURED, AIMED = "Mallet 2008", "authors' aim"
"""Whose the published numbers are, as figures and tables name them."""
MARGIN = 0.25
"""The share of a published number within which an interval has to be, to say that it is met."""
_BANDS = {"slow_wave": SLOW_HZ}
Standing = Literal["inside", "above", "below", "undecided", "unknown"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
Holds = Literal["holds", "fails", "undecided"]
HOLDS: tuple[Holds, ...] = get_args(Holds)
Key = tuple[str, str, str]
"""State, variant, backend."""


def whose(source: str) -> str:
    """Who published a number: what was measured, or what the authors of the model aimed at."""
    return MEASURED if source.startswith("Mallet") else AIMED


@dataclass(frozen=True)
class Value:
    """A quantity of a group on one simulator: mean over the seeds, its interval, one value a seed.

    ``by_seed`` is NaN for a seed whose run did not end well, or in which the quantity is not defined;
    ``caveats`` are what was not seen of its runs, and whether the rate of the group still drifts.
    """

    state: str
    variant: str
    group: str
    quantity: str
    simulator: str
    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    caveats: tuple[Caveat, ...] = ()

    def standing(self, target: float) -> Standing:
        """Where the simulator stands to a published number: ``above`` if its interval lies above it.

        ``inside`` if the interval holds the number and does not reach further than `MARGIN` of it from its
        mean; ``undecided`` where it is wider, or not all was seen.
        """
        if not math.isfinite(self.low):
            return "unknown"
        found: Standing = "inside"
        if self.low > target or self.high < target:
            found = "above" if self.low > target else "below"
        elif max(self.high - self.mean, self.mean - self.low) > MARGIN * abs(target):
            found = "undecided"
        return capped(found, self.caveats, "undecided", STANDINGS)


@dataclass(frozen=True)
class Judged:
    """A claim on one simulator: the ratio (geometric mean over seeds), its interval, whether it holds.

    It holds where the whole interval is above the bound, and fails where all of it is below; ``undecided``
    where it has the bound in it, and where ``caveats`` say that not all was seen, or in another window.
    """

    claim: Claim
    simulator: str
    ratio: float
    low: float
    high: float
    holds: Holds
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True, repr=False)
class TargetStudy(Result):
    """What came out; ``runs`` are all runs, ``start_ms`` is where measuring starts.

    ``experiment`` is one of those that were run: of the first state, variant and seed.
    """

    kind: ClassVar[str] = "coincide-targets/1"
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
    caveats: tuple[Caveat, ...] = ()

    @property
    def agreement(self) -> str:
        """Whether the simulators agree in their rates, in words; a judge is none."""
        if not self.equivalences:
            return "one simulator tells nothing of another"
        first = self.simulators[0]
        several = sum(not is_judge(name) for name in self.simulators) > 1
        said = all_equivalent(self.equivalences)
        if not several:
            said += f" (against the {first}, which is no simulator: one tells nothing of another)"
        if any(caveat.limits and caveat.kind != "not settled" for caveat in self.caveats):
            return f"undecided, for not all was seen; of what was: {said}"
        return said

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
            (t, v)
            for t in self.targets.targets
            for name in self.simulators
            if (v := self.value(t.state, t.variant, t.group, t.quantity, name)) is not None
            and v.standing(t.value) in ("above", "below")
        ]

    def plain(self) -> dict[str, Any]:
        """Every value, the targets with where each simulator stands to them, the claims, the runs."""
        return {
            "mode": self.mode,
            "seeds": list(self.seeds),
            "start_ms": self.start_ms,
            "states": list(self.states),
            "simulators": list(self.simulators),
            "values": [asdict(v) | {"unit": UNITS[v.quantity]} for v in self.values],
            "targets": [
                asdict(t)
                | {
                    "standing": {
                        name: v.standing(t.value)
                        for name in self.simulators
                        if (v := self.value(t.state, t.variant, t.group, t.quantity, name))
                    }
                }
                for t in self.targets.targets
                if t.state in self.states
            ],
            "claims": [asdict(c) for c in self.claims],
            "equivalence": [e.to_dict() for e in self.equivalences],
            "equivalent": self.agreement,
            "window_ms": self.targets.window_ms,
            "caveats": [asdict(caveat) for caveat in self.caveats],
            "runs": [run.to_dict() for run in self.runs],
        }


def beside(
    make: Callable[[str, str], Experiment],
    targets: Targets,
    backends: Iterable[str] | None = None,
    mode: str = "aligned",
    *,
    seeds: int = 5,
    states: Sequence[str] = ("activation",),
    start_ms: float | None = None,
    **keywords: Unpack[HowKeywords],
) -> TargetStudy:
    """Run every variant and state that has a target, with several seeds, and put it beside the targets.

    *make* gives the experiment of a state and a variant. The first *start_ms* are not measured: by default
    what the authors of the model leave out, where the runs last longer, else a fifth. Raises InputError for a
    state without targets, fewer than two seeds, a window that is empty. How runs are done is said by the
    keywords of `HowKeywords`.
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
    start = default_start(targets, first) if start_ms is None else start_ms
    if not 0 <= start <= first.duration_ms - 2:
        raise InputError("--from", f"{start:g} ms leaves nothing of {first.duration} to measure")
    numbers = tuple(range(first.seed, first.seed + seeds))
    how = How.of(backends, [mode], keywords, reference=False)
    requests = how.requests()
    todo, asked = [], []
    for (state, variant), experiment in described.items():
        for seed in numbers:
            realization, path = store_realization(experiment.with_(seed=seed))
            for backend, settings in requests:
                todo.append(how.job(path, realization, backend, settings))
                asked.append((state, variant, seed))
    how.listener.plan([job.id for job in todo])
    runs = how.perform(todo)
    by_key: dict[Key, dict[int, Measured]] = {}
    seen: dict[Key, list[Caveat]] = {}
    for (state, variant, seed), run in zip(asked, runs, strict=True):
        key = (state, variant, run.backend)
        place = f", {state}, {variant}" + (f", seed {seed}" if run.ok else "")
        found = seen.setdefault(key, [])
        if run.ok:
            recording = run.read()
            own = caveats_of_recording(recording, run.id)
            by_key.setdefault(key, {})[seed] = _measured(recording, targets, state, start)
        else:
            own = caveats_of([run])
        told = [replace(c, where=c.where + place) for c in own]
        found += [c for c in told if c not in found]
    simulators = tuple(dict.fromkeys(run.backend for run in runs if run.ok))
    values = tuple(_values(by_key, numbers, seen))
    window = other_window(targets.window_ms, start, first.duration_ms)
    claims = tuple(
        judge(claim, name, values, [*window, *_missing(claim, name, seen)])
        for claim in targets.claims
        if claim.state in states
        for name in dict.fromkeys(run.backend for run in runs)
    )
    tests = tuple(_equivalences(values, simulators))
    caveats = dict.fromkeys(
        [
            *window,
            *(c for own in seen.values() for c in own),
            *(c for v in values for c in v.caveats),
        ]
    )
    return TargetStudy(
        first,
        mode,
        targets,
        numbers,
        start,
        tuple(states),
        simulators,
        values,
        claims,
        tests,
        runs,
        tuple(caveats),
    )


def default_start(targets: Targets, experiment: Experiment) -> float:
    """Where measuring starts [ms]: where the authors of the model do, if runs are longer, else a fifth."""
    if targets.window_ms is not None and experiment.duration_ms >= targets.window_ms[0] + 2:
        return targets.window_ms[0]
    return 0.2 * experiment.duration_ms


@dataclass(frozen=True)
class Measured:
    """What was measured of one run: quantities by group, and the halves of the window by group."""

    quantities: Mapping[str, Mapping[str, float]]
    halves: Mapping[str, Halves]


def _measured(recording: Recording, targets: Targets, state: str, start: float) -> Measured:
    stop = recording.duration_ms
    found: dict[str, dict[str, float]] = {}
    for group, members in targets.groups.items():
        told: Activity = activity(recording, members, start, stop)
        found[group] = {name: float(getattr(told, name)) for name in QUANTITIES}
    for a, b in targets.phases:
        first, second = (signal(recording, targets.groups[g], start, stop) for g in (a, b))
        told_phase = phase(first, second, _BANDS.get(state, BETA_HZ))
        found[f"{a}–{b}"] = {"phase": told_phase.degrees, "locking": told_phase.locking}
    parts = {name: halves(recording, own, start, stop) for name, own in targets.groups.items()}
    return Measured(found, parts)


def _values(
    by_key: Mapping[Key, Mapping[int, Measured]],
    numbers: Sequence[int],
    seen: Mapping[Key, Sequence[Caveat]],
) -> Iterable[Value]:
    for key, seeds in by_key.items():
        state, variant, name = key
        ran = [seeds.get(seed) for seed in numbers]
        for group, quantities in next(iter(seeds.values())).quantities.items():
            caveats = list(seen[key])
            if all(group in m.halves for m in seeds.values()):
                parts = [m.halves[group] for m in seeds.values()]
                caveats += drift(parts, f"{group}, {variant}, {state}, {name}")
            for quantity in quantities:
                given = [math.nan if m is None else m.quantities[group][quantity] for m in ran]
                interval = (
                    circular_interval(given)
                    if quantity == "phase"
                    else interval_of(given, POSSIBLE[quantity])
                )
                yield Value(
                    state, variant, group, quantity, name, *interval, tuple(given), tuple(caveats)
                )


def _missing(claim: Claim, name: str, seen: Mapping[Key, Sequence[Caveat]]) -> list[Caveat]:
    """What was not seen of the runs that a claim is about."""
    keys = dict.fromkeys((claim.state, variant, name) for variant, _, _ in (claim.a, claim.b))
    return [caveat for key in keys for caveat in seen.get(key, ())]


def judge(claim: Claim, name: str, values: Iterable[Value], caveats: Sequence[Caveat]) -> Judged:
    """A claim on one simulator; *caveats* are what was not seen of the runs that it is about."""
    sides = [
        next(
            (
                v
                for v in values
                if (v.state, v.variant, v.group, v.quantity, v.simulator)
                == (claim.state, variant, group, quantity, name)
            ),
            None,
        )
        for variant, group, quantity in (claim.a, claim.b)
    ]
    found = [*caveats]
    a, b = sides
    logs = np.empty(0)
    if a is not None and b is not None:
        found += [c for c in (*a.caveats, *b.caveats) if c not in found]
        with np.errstate(all="ignore"):
            logs = np.log(np.asarray(a.by_seed) / np.asarray(b.by_seed))
        ran = np.isfinite(a.by_seed) & np.isfinite(b.by_seed)
        if lost := int(np.count_nonzero(ran & ~np.isfinite(logs))):
            why = f"{lost} of {logs.size} seeds have no ratio, for a side is 0"
            found.append(Caveat("not settled", f"{claim.name}, {name}", why))
    with np.errstate(over="ignore"):
        told = np.exp(interval_of(logs[np.isfinite(logs)].tolist()))
    ratio, low, high = (float(x) for x in told)
    holds: Holds = "holds" if low > claim.bound else "fails" if high < claim.bound else "undecided"
    return Judged(
        claim,
        name,
        ratio,
        low,
        high,
        capped(holds, found, "undecided", HOLDS),
        tuple(dict.fromkeys(found)),
    )


def _equivalences(values: Sequence[Value], simulators: Sequence[str]) -> Iterable[Equivalence]:
    """Rates of the other simulators against the first: the margin is its own spread over seeds."""
    for v in values:
        if v.simulator != simulators[0] or v.quantity != "rate":
            continue
        for name in simulators[1:]:
            wanted = (v.state, v.variant, v.group, v.quantity, name)
            for other in values:
                found = (other.state, other.variant, other.group, other.quantity, other.simulator)
                both = np.isfinite(v.by_seed) & np.isfinite(other.by_seed)
                if found != wanted or np.count_nonzero(both) < 2:
                    continue
                # A hundredth of a Hz: below that a rate of these lengths tells nothing.
                margin = seed_margin(v.by_seed, floor=0.01)
                yield equivalence(
                    v.by_seed,
                    other.by_seed,
                    margin,
                    unit="Hz",
                    names=(v.simulator, name),
                    quantity=f"rate of {v.group}, {v.variant}, {v.state}",
                )
