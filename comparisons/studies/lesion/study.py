"""Healthy against lesioned on several simulators: `lesion` runs it, a `LesionStudy` is what came out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from ....backends.registry import is_judge
from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.populations import n_lost
from ....core.realization import Ints
from ...measuring.caveats import caveats_of, caveats_of_recording
from ...measuring.readings import COUNTED, Measure, Reading
from ...measuring.readouts import (
    SPIKE_QUANTITIES,
    Probe,
    check_start,
    measure,
    probe_of,
    reason,
    silent_in,
    smallest_step,
    with_thresholds,
)
from ...measuring.signal import signal_of
from ...measuring.wording import enumerate_words
from ...running.how import How, HowKeywords
from ...running.runs import Run
from ...running.store import store_realization
from ...showing.result import Result
from ..compare.words import run_labels
from .arms import Arm, arms_of, check_severities, describe_arms, is_unchanged, read_lesion
from .certainty import all_together, of_one_draw
from .effects import CLEAR, Effect, effect_of, without_spikes
from .seen import told, with_caveats

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from ....core.perturbations import Lesion

DEFAULT_SEEDS = 5
"""Seeds of a study in which anything is random."""
_MOST_SEEDS = 1000


@dataclass(frozen=True, repr=False)
class ArmRun:
    """One run of one arm with one seed; ``kept`` are the surviving cells of populations that lost some.

    ``simulator`` is the run's short name within its mode.
    """

    arm: Arm
    seed: int
    run: Run
    simulator: str
    kept: Mapping[str, Ints]

    def __repr__(self) -> str:
        return f"ArmRun({self.arm.label}, seed {self.seed}, {self.run!r})"


@dataclass(frozen=True, repr=False)
class LesionStudy(Result):
    """An experiment, its arms (the healthy one first), their runs, read-outs and effects.

    ``readings`` has the read-outs of every run that ended well, in the order of ``runs``; empty for others.
    ``seen`` has, in the same order, what was not seen of every run.
    ``start_ms`` is where measuring starts. ``notes`` say what a reader should know.
    """

    kind: ClassVar[str] = "coincide-lesion/1"
    experiment: Experiment
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    start_ms: float
    runs: tuple[ArmRun, ...]
    readings: tuple[Mapping[Measure, Reading], ...]
    seen: tuple[tuple[Caveat, ...], ...]
    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes in the order in which they were asked for."""
        return tuple(dict.fromkeys(found.run.mode for found in self.runs))

    @property
    def lesions(self) -> tuple[str, ...]:
        """The names of the lesions."""
        return tuple(dict.fromkeys(arm.name for arm in self.arms if not arm.is_healthy))

    @property
    def severities(self) -> tuple[float, ...]:
        """The severities above 0, ascending."""
        return tuple(sorted({arm.severity for arm in self.arms if not arm.is_healthy}))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The read-outs, in the order of the populations."""
        return tuple(dict.fromkeys(effect.measure for effect in self.effects))

    def simulators(self, mode: str) -> tuple[str, ...]:
        """The simulators of a mode of which a run ended well, the reference last."""
        names = dict.fromkeys(r.simulator for r in self.runs if r.run.mode == mode and r.run.ok)
        return tuple(sorted(names, key=lambda name: name == "reference"))

    def at(self, mode: str, name: str, severity: float | None = None) -> tuple[Effect, ...]:
        """The effects of a lesion in a mode, by default at the largest severity."""
        dose = self.severities[-1] if severity is None else severity
        return tuple(e for e in self.effects if (e.mode, e.arm, e.severity) == (mode, name, dose))

    def run(self, arm: Arm, mode: str, simulator: str, seed: int) -> ArmRun | None:
        """One run; None if there is none or it did not end well."""
        for found in self.runs:
            if (found.arm, found.run.mode, found.simulator, found.seed) == (
                arm,
                mode,
                simulator,
                seed,
            ):
                return found if found.run.ok else None
        return None

    def caveats(self, mode: str, name: str | None = None) -> tuple[Caveat, ...]:
        """What was not seen, or cannot be trusted, in a mode: of a lesion and the healthy arm, or of all."""
        return _caveats(self.runs, self.seen, mode, name)

    def sentence(self, mode: str, name: str, title: str = "") -> str:
        """What holds of a lesion in a mode, in words that begin with a title, and what was not seen."""
        title = title or (f"{name}, {mode}" if len(self.modes) > 1 else name)
        caveats = self.caveats(mode, name)
        return str(self._beside("words").overall(title, self.at(mode, name), caveats))

    @cached_property
    def table(self) -> pandas.DataFrame:
        """Every read-out of every run: one row each, with the reason where it has no value."""
        table: pandas.DataFrame = self._beside("tables").readings_table(self)
        return table

    @cached_property
    def effects_table(self) -> pandas.DataFrame:
        """The effect of every lesion on every read-out on every simulator, with its verdict."""
        table: pandas.DataFrame = self._beside("tables").effects_table(self)
        return table

    @cached_property
    def dose_response(self) -> pandas.DataFrame:
        """Read-outs over the severity, a row for each simulator, with the interval of the change."""
        table: pandas.DataFrame = self._beside("tables").dose_table(self)
        return table

    def plot_voltage(self, mode: str | None = None, severity: float | None = None) -> Figure:
        """The membrane potential of healthy and lesioned side by side, one row a simulator."""
        figure: Figure = self._beside("figures").voltage_figure(self, mode, severity)
        return figure

    def plot_rasters(self, mode: str | None = None, severity: float | None = None) -> Figure:
        """The spikes of healthy and lesioned side by side, one row a simulator."""
        figure: Figure = self._beside("figures").raster_figure(self, mode, severity)
        return figure

    def plot_effects(self, mode: str | None = None, severity: float | None = None) -> Figure:
        """A forest plot: the relative effect on every read-out on every simulator, with intervals."""
        figure: Figure = self._beside("forest").effects_figure(self, mode, severity)
        return figure

    def plot_dose_response(self, mode: str | None = None, name: str | None = None) -> Figure:
        """Read-outs over the severity of a lesion, one line a simulator."""
        figure: Figure = self._beside("forest").dose_figure(self, mode, name)
        return figure

    def plain(self) -> dict[str, Any]:
        """The arms, the runs with their read-outs, every effect, what holds in sentences."""
        plain: dict[str, Any] = self._beside("tables").plain(self)
        return plain


def lesion(
    experiment: Experiment | str,
    lesions: Lesion | str | Iterable[Lesion | str],
    backends: str | Iterable[str] | None = None,
    modes: str | Iterable[str] = ("aligned",),
    *,
    seeds: int | None = None,
    severities: Iterable[float] = (),
    start_ms: float | None = None,
    reference: bool = True,
    **keywords: Unpack[HowKeywords],
) -> LesionStudy:
    """Run an experiment healthy and with every lesion on several backends, and measure the effects.

    *experiment* is an Experiment or the name of a library model; *lesions* are names of the model's own
    lesions, perturbations as texts, Lesions, or texts joined with +. Every arm is run with the same *seeds*:
    those that follow the experiment's own, 5 by default and 1 where nothing is random. *severities* from 0
    to 1 make a sweep of every lesion. The first *start_ms* of every run are not measured, a fifth by
    default. In lockstep simulators agree by construction; the default mode is ``aligned``, each simulator's
    own integration. Raises InputError for anything wrong before anything runs; runs that fail cost their own
    rows only. How runs are done is said by the keywords of `HowKeywords`.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    arms = arms_of(_lesions(experiment, lesions), check_severities(severities))
    start = check_start(experiment, start_ms)
    if seeds is not None and seeds < 1:
        raise InputError("--seeds", f"{seeds} is given; at least 1 is needed")
    if seeds is not None and seeds > _MOST_SEEDS:
        raise InputError("--seeds", f"{seeds} is given; at most {_MOST_SEEDS:,} are run")
    how = How.of(backends, modes, keywords, reference=reference)
    requests = how.requests()
    described = describe_arms(experiment, arms)
    numbers, is_random, notes = choose_seeds(described, experiment.seed, seeds)
    probe = probe_of(experiment, start)
    signals, todo, asked = {}, [], []
    drawn: dict[str, list[int]] = {}
    for seed in numbers:
        for arm in arms:
            with _said_of(arm):
                realization, path = store_realization(described[arm].with_(seed=seed))
            if arm.is_healthy and seed == numbers[0]:
                probe = with_thresholds(probe, realization)
            if arm.is_healthy and experiment.signal:
                signals[seed] = signal_of(realization, experiment.signal)
            kept = {n: p.kept for n, p in realization.populations.items() if p.kept is not None}
            for note in realization.notes:
                said = note if arm.is_healthy else f"{arm.label}: {note}"
                # What the healthy arm says already is not said again of every lesion.
                new = arm.is_healthy or note not in drawn
                if new and arm.severity in (0.0, arms[-1].severity):
                    seen = drawn.setdefault(said, [])
                    seen += [seed] if seed not in seen else []
            for backend, settings in requests:
                todo.append(how.job(path, realization, backend, settings))
                asked.append((arm, seed, kept))
    how.listener.plan([job.id for job in todo])
    ended = how.perform(todo)
    labels = run_labels(ended[: len(requests)])
    runs = tuple(
        ArmRun(arm, seed, run, labels[run.id], kept)
        for (arm, seed, kept), run in zip(asked, ended, strict=True)
    )
    probe = replace(probe, signals=signals)
    all_notes = (*notes, *without_effect(described), *_by_seed(drawn, numbers))
    return evaluate(experiment, arms, numbers, runs, probe, all_notes, is_random)


def evaluate(
    experiment: Experiment,
    arms: tuple[Arm, ...],
    seeds: tuple[int, ...],
    runs: tuple[ArmRun, ...],
    probe: Probe,
    notes: Sequence[str] = (),
    is_random: bool = False,
) -> LesionStudy:
    """Measure runs that have ended and hold the effects against the disagreement of the simulators."""
    # Read here and not kept, so that the recordings of a whole study need not fit into memory.
    found = [_read(probe, r) for r in runs]
    readings = tuple(reading for reading, _ in found)
    seen = tuple(caveats for _, caveats in found)
    effects = tuple(
        _effect(experiment, probe, mode, arm, m, seeds, runs, readings)
        for mode in dict.fromkeys(r.run.mode for r in runs)
        for arm in arms
        if not arm.is_healthy
        for m in probe.measures
    )
    silent = silent_in(probe.populations, readings)
    effects = tuple(
        without_spikes(e, probe.start_ms)
        if e.measure.population in silent and e.measure.quantity in SPIKE_QUANTITIES
        else e
        for e in effects
    )
    effects = all_together(effects)
    if is_random and len(seeds) == 1:
        effects = of_one_draw(effects)
    quiet = []
    if silent:
        what = "its rate tells" if len(silent) == 1 else "their rates tell"
        quiet.append(
            f"no cell of {enumerate_words(silent)} spikes after {probe.start_ms:g} ms, "
            f"so that {what} nothing"
        )
    effects = tuple(
        with_caveats(e, _caveats(runs, seen, e.mode, e.arm, e.severity)) for e in effects
    )
    said = (*notes, *probe.unavailable, *quiet)
    return LesionStudy(experiment, arms, seeds, probe.start_ms, runs, readings, seen, effects, said)


def _read(probe: Probe, found: ArmRun) -> tuple[Mapping[Measure, Reading], tuple[Caveat, ...]]:
    """The read-outs of a run, and what was not seen of it."""
    if not found.run.ok:
        return {}, caveats_of([found.run])
    recording = found.run.read()
    return measure(probe, recording, found.seed), caveats_of_recording(recording, found.run.id)


def _caveats(
    runs: Sequence[ArmRun],
    seen: Sequence[tuple[Caveat, ...]],
    mode: str,
    name: str | None,
    severity: float | None = None,
) -> tuple[Caveat, ...]:
    """What was not seen of the runs of a mode: of all, or of the healthy arm and one lesion."""
    kept = [
        (r, caveats)
        for r, caveats in zip(runs, seen, strict=True)
        if r.run.mode == mode
        and (name is None or r.arm.is_healthy or r.arm.name == name)
        and (severity is None or r.arm.is_healthy or r.arm.severity == severity)
    ]
    return told([r for r, _ in kept], [caveats for _, caveats in kept])


def _effect(
    experiment: Experiment,
    probe: Probe,
    mode: str,
    arm: Arm,
    m: Measure,
    seeds: Sequence[int],
    runs: Sequence[ArmRun],
    readings: Sequence[Mapping[Measure, Reading]],
) -> Effect:
    """The effect of one arm on one read-out, of the simulators and seeds that ran in both arms."""
    found = {
        (r.arm.is_healthy, r.simulator, r.seed): reading[m]
        for r, reading in zip(runs, readings, strict=True)
        if r.run.mode == mode and r.run.ok and (r.arm.is_healthy or r.arm == arm)
    }
    both = [(s, k) for not_lesioned, s, k in found if not_lesioned and (False, s, k) in found]
    seeds_of = {s: {k for other, k in both if other == s} for s, _ in both}
    most = max((len(ran) for ran in seeds_of.values()), default=0)
    # A simulator whose runs failed costs itself, not the seeds of the others.
    simulators = sorted(
        (s for s, ran in seeds_of.items() if len(ran) == most),
        key=lambda name: (name == "reference", name),
    )
    shared = [k for k in seeds if all(k in seeds_of[s] for s in simulators) and simulators]
    healthy, lesioned = (
        np.array([[found[arm_is, s, k].value for k in shared] for s in simulators])
        for arm_is in (True, False)
    )
    why = reason([*found.values()])
    where = (mode, arm.name, arm.severity)
    grain = smallest_step(m, experiment, probe.start_ms)
    judges = {r.simulator for r in runs if is_judge(r.run.backend)}
    effect = effect_of(m, where, simulators, healthy, lesioned, why, grain, judges)
    # One line an arm, for what one run says the others say alike.
    ambiguous: dict[bool, Caveat] = {}
    for (not_lesioned, _, _), reading in found.items():
        if reading.ambiguous:
            where_told = f"{m.population}, {'healthy' if not_lesioned else arm.label}"
            caveat = Caveat("ambiguous", where_told, reading.ambiguous)
            ambiguous.setdefault(not_lesioned, caveat)
    said = [effect.remark] if effect.remark else []
    if lost := sorted(s for s in seeds_of if s not in simulators):
        said.append(f"without {enumerate_words(lost)}, of which runs are missing")
    if len(shared) < len(seeds) and simulators:
        said.append(f"of {len(shared)} of {len(seeds)} seeds, the others have runs missing")
    if note := _counted(effect):
        said.append(note)
    return with_caveats(replace(effect, remark="; ".join(said)), list(ambiguous.values()))


def _counted(effect: Effect) -> str:
    """That simulators differ by a spike at most, where that is all that makes an effect doubtful."""
    doubtful = effect.verdict in ("unclear", "indistinguishable") and effect.ratio < CLEAR
    counts = effect.measure.quantity in COUNTED
    if not counts or not doubtful or effect.disagreement > 1.5 * effect.grain:
        return ""
    one = f"one spike more or less is {effect.grain:.2g} {effect.measure.unit}; "
    return ("" if effect.grain > effect.disagreement else one) + "a longer run tells more"


def _lesions(
    experiment: Experiment, given: Lesion | str | Iterable[Lesion | str]
) -> list[tuple[str, Lesion]]:
    from ....core.perturbations import Lesion
    from ....models.library import MODELS, lesions_of

    in_library = experiment.name in MODELS
    known = lesions_of(experiment.name) if in_library else {}
    variants = MODELS[experiment.name].variants if in_library else ()
    several = [given] if isinstance(given, str | Lesion) else given
    return [read_lesion(x, known, variants) if isinstance(x, str) else (x.name, x) for x in several]


def choose_seeds(
    described: Mapping[Arm, Experiment], first: int, asked: int | None
) -> tuple[tuple[int, ...], bool, list[str]]:
    """The seeds of a study, whether two of them draw differently in any arm, and notes."""
    from ....core.realize import realize

    def same(arm: Arm) -> bool:
        with _said_of(arm):
            a, b = (realize(described[arm].with_(seed=seed)) for seed in (first, first + 1))
        return a.drew_the_same(b)

    # Every arm is drawn, for what is wrong with one is said before anything runs.
    if all(tuple(same(arm) for arm in described)):
        said = "nothing in it is random, so one run of each is all there is: no intervals"
        if asked is not None and asked > 1:
            said += f" ({asked} seeds would run the same {asked} times)"
        return (first,), False, [said]
    n = DEFAULT_SEEDS if asked is None else asked
    notes = ["one seed: no intervals; give --seeds 2 or more"] if n == 1 else []
    return tuple(range(first, first + n)), True, notes


@contextmanager
def _said_of(arm: Arm) -> Iterator[None]:
    """Errors in what is drawn for a lesioned arm name the lesion."""
    try:
        yield
    except InputError as error:
        if arm.is_healthy:
            raise
        raise InputError(arm.label, str(error)) from None


def _by_seed(notes: Mapping[str, Sequence[int]], seeds: Sequence[int]) -> Iterator[str]:
    """Notes with the seeds of which they hold, where these are not all."""
    for note, held in notes.items():
        word = "seed" if len(held) == 1 else "seeds"
        some = f" ({word} {enumerate_words([str(s) for s in held])})"
        yield note if len(held) == len(seeds) else note + some


def without_effect(described: Mapping[Arm, Experiment]) -> Iterator[str]:
    """Notes on arms that are as the healthy one, or would lose less than a cell."""
    healthy = next(e for arm, e in described.items() if arm.is_healthy)
    for arm, experiment in described.items():
        spared = [p.name for p in experiment.populations if p.lost and not n_lost(p)]
        if not arm.is_healthy and is_unchanged(healthy, experiment):
            yield f"{arm.label}: leaves the model as it is, so that there is nothing to compare"
        elif not arm.is_healthy and spared:
            yield f"{arm.label}: too small a part of {enumerate_words(spared)} for a cell to be lost"
