"""Every parameter a little smaller and larger on every simulator: `sensitivity` runs it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack, get_args

import numpy as np

from ....backends.registry import is_judge
from ....core.caveats import Caveat
from ....core.errors import InputError, nearest
from ....core.experiment import Experiment
from ....core.paths import Place, is_pattern, places
from ....core.perturbations import Perturbation, apply
from ....core.realize import realize
from ....core.units import Quantity
from ....core.values import Array, Distribution
from ...measuring.caveats import capped, caveats_of, caveats_of_recording
from ...measuring.readings import Measure
from ...measuring.readouts import (
    Probe,
    check_start,
    measure,
    probe_of,
    smallest_step,
    with_thresholds,
)
from ...measuring.wording import enumerate_words
from ...running.how import How, HowKeywords
from ...running.runs import Job, Run
from ...running.store import store_realization
from ...showing.result import Result

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

Verdict = Literal["more", "less", "depends", "undecided", "one only", "undefined"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MEANING: Mapping[Verdict, str] = {
    "more": "it changes the read-out by more than the simulators differ, on every one of them",
    "less": "it changes the read-out by no more than the simulators differ, on every one of them",
    "depends": "it depends on the simulator which of the two holds",
    "undecided": "it would matter more or less, but not all was seen",
    "one only": "one simulator only, so that nothing is known of the choice of another",
    "undefined": "the read-out has no value, or is 0 as the model is",
}
PERCENT = 10.0
DEFAULT_SEEDS = 5
"""Seeds where anything is random."""
BASE = ("", 0)
_HOW_IT_IS_RUN = ("duration", "dt", "seed")
_BEGINS = re.compile(r"\.(initial\.|v_initial$)")
"""What a run begins with."""


@dataclass(frozen=True)
class Influence:
    """What a parameter does to a read-out: relative changes by simulator where it is smaller and larger.

    ``disagreement`` is how far the simulators are apart on the model as it is, relative to their mean, and
    at least what one spike or one time step makes; NaN with fewer than two.
    """

    parameter: str
    measure: Measure
    smaller: Mapping[str, float]
    larger: Mapping[str, float]
    disagreement: float
    verdict: Verdict

    def largest(self, simulator: str) -> float:
        """The larger of the two changes on a simulator, without its sign."""
        return max(abs(self.smaller[simulator]), abs(self.larger[simulator]))

    @property
    def size(self) -> float:
        """The largest change, the mean over simulators; 0 where it is not defined."""
        sizes = [s for s in map(self.largest, self.smaller) if math.isfinite(s)]
        return float(np.mean(sizes)) if sizes else 0.0


@dataclass(frozen=True, repr=False, eq=False)
class Sensitivity(Result):
    """An experiment with each of its parameters made smaller and larger by ``percent``.

    ``values`` has the mean over seeds of every read-out by parameter and side (`BASE` for the model as it
    is), simulator and read-out; ``influences`` what follows, read-out by read-out, the largest first.
    ``start_ms`` is where measuring starts.
    """

    kind: ClassVar[str] = "coincide-sensitivity/1"
    experiment: Experiment
    mode: str
    percent: float
    seeds: tuple[int, ...]
    start_ms: float
    simulators: tuple[str, ...]
    values: Mapping[tuple[tuple[str, int], str, Measure], float]
    influences: tuple[Influence, ...]
    runs: tuple[Run, ...]
    caveats: tuple[Caveat, ...]
    notes: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The read-outs."""
        return tuple(dict.fromkeys(i.measure for i in self.influences))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The paths of the parameters."""
        return tuple(dict.fromkeys(i.parameter for i in self.influences))

    def of(self, measure: Measure) -> tuple[Influence, ...]:
        """What the parameters do to a read-out, the largest change first."""
        return tuple(i for i in self.influences if i.measure == measure)

    @property
    def table(self) -> pandas.DataFrame:
        """A row for every read-out, parameter and simulator."""
        import pandas

        return pandas.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Plain rows: values, relative changes, elasticity, disagreement, verdict."""
        return [
            {
                "read-out": i.measure.label,
                "unit": i.measure.unit,
                "parameter": i.parameter,
                "simulator": name,
                "value": self.values[BASE, name, i.measure],
                "smaller": i.smaller[name],
                "larger": i.larger[name],
                "elasticity": (i.larger[name] - i.smaller[name]) / (self.percent / 50),
                "disagreement": i.disagreement,
                "verdict": i.verdict,
            }
            for i in self.influences
            for name in self.simulators
        ]

    def plot(self, measure: Measure | str | None = None) -> Figure:
        """A tornado: a bar for every parameter and simulator, the simulators' disagreement in grey."""
        labels = {m.label: m for m in self.measures}
        if isinstance(measure, str) and measure not in labels:
            raise InputError(
                "measure", f"there is no {measure!r}; known: {', '.join(labels) or 'none'}"
            )
        one = labels[measure] if isinstance(measure, str) else measure
        figure: Figure = self._beside("figures").tornado(self, one or self.measures[0])
        return figure

    def plain(self) -> Mapping[str, Any]:
        """The study as the plain data that ``--json`` writes."""
        return {
            "mode": self.mode,
            "percent": self.percent,
            "seeds": list(self.seeds),
            "start_ms": self.start_ms,
            "simulators": list(self.simulators),
            "influences": self.rows(),
            "caveats": [asdict(caveat) for caveat in self.caveats],
            "sentences": self.sentences(),
            "runs": [run.to_dict() for run in self.runs],
            "notes": list(self.notes),
        }


def sensitivity(
    experiment: Experiment | str,
    backends: str | Iterable[str] | None = None,
    mode: str = "raw",
    *,
    parameters: str | Sequence[str] = (),
    percent: float = PERCENT,
    seeds: int | None = None,
    start_ms: float | None = None,
    **how: Unpack[HowKeywords],
) -> Sensitivity:
    """Make every parameter smaller and larger by *percent*, and see what read-outs do on every backend.

    *experiment* is an Experiment or the name of a library model. *parameters* are paths or patterns, such as
    ``"exc.*"``, of those that are changed; all by default, each by itself. All else is drawn as before, with
    *seeds* seeds, whose mean is taken: 5 by default if anything is random, else 1; with one draw of what is
    random all is undecided. In *raw* the
    simulators are as they come. Measuring starts at *start_ms*, a fifth of the run by default. That is 2
    runs a parameter, backend and seed, and one more.

    A parameter matters *more* than the choice of simulator where on each of them it changes a read-out by
    more than the simulators are apart on the model as it is. Raises InputError for anything wrong before
    anything runs; runs that fail cost themselves only, and cap the verdicts.

    >>> study = sensitivity("lif_10", ["reference"], parameters="cells.tau", mode="lockstep")
    >>> study.influences[0].verdict
    'one only'
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    if not 0 < percent < 100:
        raise InputError("--percent", f"{percent:g} is given; it has to be between 0 and 100")
    if seeds is not None and not 1 <= seeds <= 1000:
        raise InputError("--seeds", f"{seeds} is given; from 1 to 1,000 are run")
    patterns = [parameters] if isinstance(parameters, str) else list(parameters)
    arms, notes = changed(experiment, chosen(experiment, patterns), percent / 100)
    if not arms:
        raise InputError(experiment.name, "; ".join(notes) or "has no parameter to change")
    probe = probe_of(experiment, check_start(experiment, start_ms))
    runner = How.of(backends, mode, how, reference=False)
    requests = runner.requests()
    numbers, draws, one_draw = _seeds(experiment, seeds)
    jobs: list[Job] = []
    asked: list[tuple[tuple[str, int], int]] = []
    for seed in numbers:
        for arm, described in ((BASE, experiment), *arms.items()):
            drawn, path = store_realization(described.with_(seed=seed))
            if arm == BASE and seed == numbers[0]:
                probe = with_thresholds(probe, drawn)
            jobs += [runner.job(path, drawn, backend, settings) for backend, settings in requests]
            asked += [(arm, seed)] * len(requests)
    runner.listener.plan([job.id for job in jobs])
    runs = runner.perform(jobs)
    values, seen = _read(probe, runs, asked)
    caveats = (*one_draw, *seen)
    simulators = tuple(dict.fromkeys(run.backend for run in runs if run.ok))
    influences = [
        influence
        for m in probe.measures
        for influence in sorted(
            _influences(experiment, probe, m, tuple(arms), simulators, values, caveats),
            key=lambda i: (-i.size, i.parameter),
        )
    ]
    return Sensitivity(
        experiment,
        mode,
        percent,
        numbers,
        probe.start_ms,
        simulators,
        values,
        tuple(influences),
        runs,
        caveats,
        (*notes, *draws, *probe.unavailable),
    )


def scalable(experiment: Experiment) -> dict[str, Place]:
    """What has a dimension and a value other than 0, by its path; how the model is run is none of it.

    Parameters of cells, channels and receptors, weights, delays, amplitudes; not sizes, rules nor the
    states that a run begins with. A distribution is one parameter, and so is an array: all of it is scaled.
    """
    found: dict[str, Place] = {}
    for path, place in places(experiment).items():
        value = _quantity(path, place)
        if value is None or path in _HOW_IT_IS_RUN or _BEGINS.search(path):
            continue
        if any(path.startswith(f"{whole}.") for whole in found):
            continue  # a part of a distribution that is here as a whole
        if not (isinstance(value, Quantity) and value.magnitude == 0):
            found[path] = place
    return found


def _quantity(path: str, place: Place) -> Quantity | Array | Distribution | None:
    """The value of a place that a number can scale; a refractory time may be the text of one."""
    value = place.value
    if isinstance(value, str) and path.endswith(".refractory"):
        try:
            return Quantity.parse(value)
        except InputError:
            return None  # a condition
    if place.dimension is not None and isinstance(value, Quantity | Array | Distribution):
        return value
    return None


def chosen(experiment: Experiment, patterns: Sequence[str]) -> tuple[str, ...]:
    """The paths of the parameters that patterns such as ``exc.*`` or ``*.tau`` match, in their order.

    All without a pattern. InputError for one that matches none.
    """
    known = scalable(experiment)
    if not patterns:
        return tuple(known)
    matched: dict[str, None] = {}
    for pattern in patterns:
        fitting = [p for p in known if fnmatchcase(p, pattern)]
        if not fitting:
            what = "matches no parameter" if is_pattern(pattern) else "is no parameter to scale"
            raise InputError("--parameter", f"{pattern!r} {what}; {nearest(pattern, known)}")
        matched |= dict.fromkeys(fitting)
    return tuple(p for p in known if p in matched)


def changed(
    experiment: Experiment, paths: Sequence[str], change: float
) -> tuple[Mapping[tuple[str, int], Experiment], list[str]]:
    """The experiment with each parameter multiplied by 1 - change (-1) and by 1 + change (+1).

    And why parameters are left out, of which one of the two is not a valid experiment.
    """
    made: dict[tuple[str, int], Experiment] = {}
    left_out = []
    for path in paths:
        try:
            both = {
                (path, side): apply(experiment, Perturbation(path, "scale", 1 + side * change))
                for side in (-1, 1)
            }
        except InputError as error:
            left_out.append(f"{path} is left out, for it cannot be changed so: {error.problem}")
        else:
            made |= both
    return made, left_out


def _seeds(
    experiment: Experiment, asked: int | None
) -> tuple[tuple[int, ...], list[str], list[Caveat]]:
    """The seeds to run, one where nothing is random; a note; and that one draw tells nothing of another."""
    first = experiment.seed
    a, b = (realize(experiment.with_(seed=seed)) for seed in (first, first + 1))
    if not a.drew_the_same(b):
        one = "one draw only; more seeds (--seeds) tell whether it holds of others"
        told = [Caveat("not settled", experiment.name, one)] if asked == 1 else []
        n = DEFAULT_SEEDS if asked is None else asked
        return tuple(range(first, first + n)), [], told
    same = f"nothing in it is random, so that {asked} seeds would run the same {asked} times"
    return (first,), [same] if asked is not None and asked > 1 else [], []


def _read(
    probe: Probe, runs: Sequence[Run], asked: Sequence[tuple[tuple[str, int], int]]
) -> tuple[dict[tuple[tuple[str, int], str, Measure], float], tuple[Caveat, ...]]:
    """The read-outs, each the mean over seeds, and what was not seen; recordings are not kept."""
    by_seed: dict[tuple[tuple[str, int], str, Measure], list[float]] = {}
    arms_of: dict[Caveat, list[str]] = {}
    for (arm, seed), run in zip(asked, runs, strict=True):
        if not run.ok:
            own = caveats_of([run])
        else:
            recording = run.read()
            own = caveats_of_recording(recording, run.id)
            for m, reading in measure(probe, recording, seed).items():
                by_seed.setdefault((arm, run.backend, m), []).append(reading.value)
                if reading.ambiguous:
                    where = f"{run.id}, {m.population}"
                    own = (*own, Caveat("ambiguous", where, reading.ambiguous))
        label = " ".join(
            [*filter(None, arm[:1]), {-1: "smaller", 0: "as it is", 1: "larger"}[arm[1]]]
        )
        for caveat in dict.fromkeys(own):
            arms_of.setdefault(caveat, []).append(label)
    # What all runs of a simulator say is said once; of others it is said which.
    n_runs = Counter(run.id for run in runs)
    caveats = (
        replace(c, where=c.where + _which(arms, c.where in n_runs and n_runs[c.where] == len(arms)))
        for c, arms in arms_of.items()
    )
    return {key: float(np.mean(v)) for key, v in by_seed.items()}, tuple(caveats)


def _which(arms: Sequence[str], all_of_it: bool) -> str:
    """Of which arms something is said, as the end of a place."""
    known = list(dict.fromkeys(arms))
    few = known if len(known) <= 3 else [*known[:3], f"{len(known) - 3} more"]
    return "" if all_of_it else f", {enumerate_words(few)}"


def _influences(
    experiment: Experiment,
    probe: Probe,
    m: Measure,
    arms: Sequence[tuple[str, int]],
    simulators: Sequence[str],
    values: Mapping[tuple[tuple[str, int], str, Measure], float],
    caveats: Sequence[Caveat],
) -> Iterator[Influence]:
    base = {name: values.get((BASE, name, m), math.nan) for name in simulators}
    if not any(math.isfinite(value) for value in base.values()):
        return
    real = [value for name, value in base.items() if not is_judge(name)]
    apart = math.nan
    if len(real) > 1 and np.mean(real):
        apart = (max(real) - min(real)) / abs(float(np.mean(real)))
        apart = max(apart, smallest_step(m, experiment, probe.start_ms) / abs(float(np.mean(real))))
    for path in dict.fromkeys(path for path, _ in arms):
        smaller, larger = (
            {name: _relative(values.get(((path, side), name, m)), base[name]) for name in base}
            for side in (-1, 1)
        )
        influence = Influence(path, m, smaller, larger, apart, "undefined")
        sizes = [influence.largest(name) for name in simulators if not is_judge(name)]
        sizes = sizes or [influence.largest(name) for name in simulators]
        verdict = _verdict(sizes, apart)
        if verdict in ("more", "less", "depends"):
            verdict = capped(verdict, caveats, "undecided", VERDICTS)
        yield Influence(path, m, smaller, larger, apart, verdict)


def _relative(value: float | None, base: float) -> float:
    """The change of a value as a part of what it was; NaN where that was 0."""
    if value is None or not base:
        return math.nan
    return value / base - 1.0


def _verdict(sizes: Sequence[float], apart: float) -> Verdict:
    if not any(map(math.isfinite, sizes)):
        return "undefined"
    if len(sizes) < 2:
        return "one only"
    if math.isnan(apart) or not all(map(math.isfinite, sizes)):
        return "undefined"
    more = [size > apart for size in sizes]
    return "more" if all(more) else "depends" if any(more) else "less"
