"""Comparing runs: an experiment on several backends, and a verdict for every pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, ClassVar, Unpack

from ....core.caveats import Caveat
from ....core.errors import InputError, unknown
from ....core.experiment import Experiment
from ...measuring.caveats import capped, caveats_of
from ...measuring.pairs import VERDICTS, Pair, Verdict, compare_recordings, json_safe, pair_to_dict
from ...measuring.populations import population_statistics
from ...running.how import How, HowKeywords
from ...running.runs import Run
from ...running.store import store_realization
from ...showing.result import Result


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """An experiment, its runs on several backends, and the verdict of every pair within a mode.

    ``seen`` has for every run, by its id, the caveats: how it failed, or what of it cannot be trusted.
    """

    kind: ClassVar[str] = "coincide-comparison/1"
    experiment: Experiment
    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]
    seen: Mapping[str, tuple[Caveat, ...]]
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What was not seen, or cannot be trusted, in any run."""
        return self.caveats_in(None)

    def caveats_in(self, mode: str | None) -> tuple[Caveat, ...]:
        """What was not seen, or cannot be trusted, in the runs of one mode; None for all modes."""
        return tuple(c for run in self.runs if mode in (None, run.mode) for c in self.seen[run.id])

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of the whole: `verdict_in` of all modes together."""
        return self.verdict_in(None)

    @property
    def worst(self) -> Verdict | None:
        """Another name of `verdict`."""
        return self.verdict

    def verdict_in(self, mode: str | None) -> Verdict | None:
        """The worst verdict of the pairs of a mode, undecided at best if a run was not seen.

        None if one run alone was asked for, so that there is nothing to compare.
        """
        ids = {run.id for run in self.runs if mode in (None, run.mode)}
        found = [pair.verdict for pair in self.pairs if pair.a in ids]
        caveats = self.caveats_in(mode)
        if not found:
            return "undecided" if any(caveat.limits for caveat in caveats) else None
        return capped(max(found, key=VERDICTS.index), caveats, "undecided", VERDICTS)

    def pair(self, a: str, b: str) -> Pair:
        """The pair of two run ids, in either order; InputError if they were not compared."""
        for pair in self.pairs:
            if {pair.a, pair.b} == {a, b}:
                return pair
        raise unknown("pair", "pair", f"{a}, {b}", [f"{p.a}, {p.b}" for p in self.pairs])

    def run(self, run_id: str) -> Run:
        """A run by id; InputError with the nearest id if there is none."""
        for found in self.runs:
            if found.id == run_id:
                return found
        raise unknown("run", "run", run_id, [r.id for r in self.runs])

    def within(self, expected: Verdict) -> bool:
        """Whether the verdict of the whole is at least as good as the one expected."""
        return self.verdict is not None and VERDICTS.index(self.verdict) <= VERDICTS.index(expected)

    def plain(self) -> dict[str, Any]:
        """The verdicts, the runs with their statistics, and every pair."""
        return {
            "verdict": self.verdict,
            "verdicts": {m: self.verdict_in(m) for m in dict.fromkeys(r.mode for r in self.runs)},
            "caveats": [asdict(caveat) for caveat in self.caveats],
            "runs": [{**run.to_dict(), "statistics": statistics_of(run)} for run in self.runs],
            "pairs": [pair_to_dict(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }


def statistics_of(run: Run) -> dict[str, dict[str, float | None]]:
    """Rate [Hz], CV of intervals, correlation and synchrony of each population; empty without a recording."""
    if not run.ok:
        return {}
    found = {}
    for name in run.recording.spikes:
        cells, s = population_statistics(run.recording, name)
        found[name] = json_safe(
            {
                "rate_hz": s.rate.mean,
                "cv": s.variation.mean,
                "correlation": s.correlation.mean,
                "synchrony": s.synchrony.chi,
                "silent": s.rate.n_silent / cells,
            }
        )
    return found


def compare(
    experiment: Experiment | str,
    backends: str | Iterable[str] | None = None,
    modes: str | Iterable[str] = ("lockstep",),
    *,
    tolerance_ms: float | None = None,
    reference: bool = True,
    **keywords: Unpack[HowKeywords],
) -> Comparison:
    """Run an experiment on several backends and compare every two runs of one mode.

    *experiment* is an Experiment or the name of a library model; *backends* are all installed ones by
    default, and the reference is always among them unless ``reference=False``. Spikes count as matched
    within *tolerance_ms*, one time step by default. Runs that fail cost their own row only. How runs are
    done is said by the keywords of `HowKeywords`.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    how = How.of(backends, modes, keywords, reference=reference, by_name=True)
    if tolerance_ms is not None and not 0 <= tolerance_ms < float("inf"):
        raise InputError("tolerance", f"{tolerance_ms} ms is no tolerance; it has to be >= 0")
    requests = how.requests()
    realization, path = store_realization(experiment)
    runs = how.run(path, realization, requests)
    return compare_runs(experiment, runs, tolerance_ms, true_of(runs, realization.notes))


def true_of(runs: Sequence[Run], notes: Sequence[str]) -> list[str]:
    """Notes on what was drawn that are true of a run, with those of which they are not, as of the oracle."""
    good = [run for run in runs if run.ok]
    found = []
    for note in notes:
        told = [run.id for run in good if note in run.recording.notes]
        others = [run.id for run in good if run.id not in told]
        if told or not good:
            found.append(f"{note} (not of {', '.join(others)})" if others else note)
    return found


def yardstick(run: Run) -> int:
    """How far down a run stands among those that others are held against.

    Lockstep is held against the reference; otherwise the oracle, if it ran, says who is right, for the
    reference has an integrator too.
    """
    return yardstick_of(run.backend, run.mode)


def yardstick_of(backend: str, mode: str) -> int:
    """`yardstick` of a backend in a mode."""
    first = ("reference", "oracle") if mode == "lockstep" else ("oracle", "reference")
    return first.index(backend) if backend in first else len(first)


def compare_runs(
    experiment: Experiment,
    runs: Sequence[Run],
    tolerance_ms: float | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare every two good runs of one mode; the reference is the first of a pair."""
    tolerance = experiment.dt_ms if tolerance_ms is None else tolerance_ms
    good = [run for run in runs if run.ok]
    seen = {run.id: caveats_of([run]) for run in runs}
    pairs = []
    for first, second in combinations(good, 2):
        if first.mode != second.mode:
            continue
        a, b = sorted((first, second), key=yardstick)
        pair = compare_recordings(
            a.recording, b.recording, (a.id, b.id), tolerance, (*seen[a.id], *seen[b.id])
        )
        pairs.append((a, pair))
    modes = list(dict.fromkeys(run.mode for run in runs))
    pairs.sort(key=lambda found: (modes.index(found[0].mode), yardstick(found[0])))
    return Comparison(experiment, tuple(runs), tuple(p for _, p in pairs), seen, tuple(notes))
