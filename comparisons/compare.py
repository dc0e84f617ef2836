"""Comparing runs: a verdict for every pair, with the numbers behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..core.errors import InputError, unknown
from ..core.experiment import Experiment
from ..core.recording import Recording, Spikes, Trace
from ..core.settings import Settings
from .metrics import ROUND_OFF, compare_traces, match_spikes
from .runs import DEFAULT_TIMEOUT_S, Run, execute, grid_backends, store_realization

Verdict = Literal["identical", "round-off", "close", "different"]
VERDICTS: tuple[Verdict, ...] = ("identical", "round-off", "close", "different")
QUIET_TRACES = 0.01
"""Without spikes, traces within this share of their range are called close."""


@dataclass(frozen=True)
class TraceRow:
    """How far one variable of two runs differs; values in ``unit``, times in ms."""

    population: str
    variable: str
    unit: str
    max_abs: float
    rms: float
    relative: float
    first_divergence: dict[str, float | int] | None
    grid: str
    n_missing: int
    n_extra: int
    identical: bool


@dataclass(frozen=True)
class SpikeRow:
    """How the spikes of one population of two runs match one to one; times in ms.

    ``first_mismatch_ms`` is the time of the first spike without a partner, None if all have one.
    """

    population: str
    n_a: int
    n_b: int
    matched: int
    missing: int
    extra: int
    max_shift_ms: float
    rms_shift_ms: float
    mean_shift_ms: float
    first_mismatch_ms: float | None
    identical: bool


@dataclass(frozen=True)
class Pair:
    """Two runs compared: the verdict, and the traces and spikes that led to it.

    ``agree_until_ms`` is when spikes or traces first differ by more than round-off; None if never.
    """

    a: str
    b: str
    verdict: Verdict
    agree_until_ms: float | None
    tolerance_ms: float
    traces: tuple[TraceRow, ...]
    spikes: tuple[SpikeRow, ...]

    @property
    def in_words(self) -> str:
        """The verdict with its main number."""
        n_a = sum(row.n_a for row in self.spikes)
        n_b = sum(row.n_b for row in self.spikes)
        matched = sum(row.matched for row in self.spikes)
        relative = max((row.relative for row in self.traces), default=0.0)
        if self.verdict == "identical":
            return f"every spike ({n_a}) and every sample are the same to the bit"
        if self.verdict == "round-off":
            if n_a == 0:
                return f"no spikes; traces within {relative:.1e} of their range"
            return f"all {n_a} spikes the same, traces within {relative:.1e} of their range"
        until = ""
        if self.agree_until_ms is not None and self.agree_until_ms > 0:
            until = f"; the same to round-off until {self.agree_until_ms:g} ms"
        if n_a == n_b == 0:
            return f"no spikes; traces within {relative:.1e} of their range"
        shift = max((row.max_shift_ms for row in self.spikes), default=0.0)
        share = f"{matched} of {max(n_a, n_b)} spikes within {self.tolerance_ms:g} ms"
        return f"{share}, largest shift {shift:.3g} ms{until}"


def compare_recordings(
    a: Recording, b: Recording, names: tuple[str, str], tolerance_ms: float
) -> Pair:
    """Compare two recordings of one model; only what both recorded is compared.

    Raises InputError when they have nothing in common.
    """
    spikes = tuple(
        compare_spikes(name, a.spikes[name], b.spikes[name], tolerance_ms, min(a.dt_ms, b.dt_ms))
        for name in a.spikes
        if name in b.spikes
    )
    traces = tuple(
        compare_one_trace(key, a.traces[key], b.traces[key]) for key in a.traces if key in b.traces
    )
    if not spikes and not traces:
        raise InputError(
            f"{names[0]}, {names[1]}",
            "have no population and no trace in common; "
            f"one has {', '.join(a.spikes) or 'none'}, the other {', '.join(b.spikes) or 'none'}",
        )
    return Pair(
        *names, _verdict(spikes, traces), _agree_until(spikes, traces), tolerance_ms, traces, spikes
    )


def compare_spikes(
    population: str, a: Spikes, b: Spikes, tolerance_ms: float, dt_ms: float
) -> SpikeRow:
    """Match the spikes of one population and say where they first part."""
    match = match_spikes(a.times, a.cells, b.times, b.cells, tolerance_ms, indices=True)
    assert match.missing_spikes is not None
    assert match.extra_spikes is not None
    lonely = [*a.times[match.missing_spikes], *b.times[match.extra_spikes]]
    assert match.pairs is not None
    if match.matched:
        first, second = a.times[match.pairs[:, 0]], b.times[match.pairs[:, 1]]
        # A shift of less than a millionth of a step is the rounding of step·dt.
        shifted = np.abs(first - second) > 1e-6 * dt_ms
        lonely += [*np.minimum(first, second)[shifted]]
    same = len(a) == len(b) and bool(
        np.array_equal(a.times, b.times) and np.array_equal(a.cells, b.cells)
    )
    return SpikeRow(
        population, match.n_a, match.n_b, match.matched, match.missing, match.extra,
        match.max_shift, match.rms_shift, match.mean_shift,
        float(min(lonely)) if lonely else None, same,
    )  # fmt: skip


def compare_one_trace(key: tuple[str, str], a: Trace, b: Trace) -> TraceRow:
    """Compare one variable of the cells that both recorded."""
    population, variable = key
    common, in_a, in_b = np.intersect1d(a.cells, b.cells, return_indices=True)
    if not common.size:
        raise InputError(f"{population}.{variable}", "the recordings have no cell in common")
    difference = compare_traces(a.times, a.values[:, in_a], b.times, b.values[:, in_b])
    first = difference.first_divergence
    return TraceRow(
        population, variable, a.unit, difference.max_abs, difference.rms, difference.relative,
        None if first is None else {"t_ms": first.time, "cell": int(common[first.cell])},
        difference.grid, difference.n_missing, difference.n_extra, difference.identical,
    )  # fmt: skip


def _verdict(spikes: Sequence[SpikeRow], traces: Sequence[TraceRow]) -> Verdict:
    if all(row.identical for row in spikes) and all(row.identical for row in traces):
        return "identical"
    all_matched = all(row.missing == row.extra == 0 for row in spikes)
    same_spikes = all(row.first_mismatch_ms is None for row in spikes)
    whole = all(row.n_missing == row.n_extra == 0 for row in traces)
    if same_spikes and whole and all(row.relative <= ROUND_OFF for row in traces):
        return "round-off"
    silent = not any(row.n_a or row.n_b for row in spikes)
    if silent and traces:
        near = all(row.relative <= QUIET_TRACES for row in traces)
        return "close" if near else "different"
    return "close" if all_matched else "different"


def _agree_until(spikes: Sequence[SpikeRow], traces: Sequence[TraceRow]) -> float | None:
    times = [row.first_mismatch_ms for row in spikes if row.first_mismatch_ms is not None]
    times += [float(row.first_divergence["t_ms"]) for row in traces if row.first_divergence]
    return min(times, default=None)


@dataclass(frozen=True)
class Comparison:
    """An experiment, its runs on several backends, and the verdict of every pair within a mode."""

    experiment: Experiment
    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def worst(self) -> Verdict | None:
        """The worst verdict of all pairs; None if nothing could be compared."""
        found = [VERDICTS.index(pair.verdict) for pair in self.pairs]
        return VERDICTS[max(found)] if found else None

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
        """Whether every pair is at least as good as the verdict expected."""
        limit = VERDICTS.index(expected)
        return all(VERDICTS.index(pair.verdict) <= limit for pair in self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as the plain data that ``--json`` writes."""
        e = self.experiment
        return {
            "experiment": {
                "name": e.name, "variant": e.variant, "hash": e.hash, "seed": e.seed,
                "dt_ms": e.dt_ms, "duration_ms": e.duration_ms,
            },
            "runs": [run.to_dict() for run in self.runs],
            "pairs": [{**asdict(pair), "in_words": pair.in_words} for pair in self.pairs],
            "notes": list(self.notes),
        }  # fmt: skip

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=float)

    def save(self, folder: str | Path) -> Path:
        """Write the report, its pictures and the JSON to a folder; returns the page."""
        from .report import write_report

        return write_report(self, Path(folder))

    def _repr_html_(self) -> str:
        from .report import notebook_html

        return notebook_html(self)


def compare(
    experiment: Experiment | str,
    backends: Iterable[str] | None = None,
    modes: Iterable[str] = ("lockstep",),
    *,
    method: str | None = None,
    device: str = "cpu",
    tolerance_ms: float | None = None,
    reference: bool = True,
    jobs: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    on_plan: Callable[[Sequence[str]], None] = lambda ids: None,
    on_start: Callable[[str, str], None] = lambda run_id, progress_file: None,
    on_end: Callable[[Run], None] = lambda run: None,
) -> Comparison:
    """Run an experiment on several backends and compare every two runs of one mode.

    *experiment* is an Experiment or the name of a library model; *backends* are all installed ones by
    default, and the reference is always among them unless ``reference=False``. Spikes count as matched
    within *tolerance_ms*, one time step by default. Runs that fail cost their own row only.
    """
    if isinstance(experiment, str):
        from ..models.library import load_model

        experiment = load_model(experiment)
    requests = plan(backends, modes, method, device, reference)
    realization, path = store_realization(experiment)
    runs = execute(
        realization, path, requests,
        jobs=jobs, timeout_s=timeout_s, fresh=fresh, on_start=on_start, on_end=on_end,
    )  # fmt: skip
    return compare_runs(experiment, runs, tolerance_ms, realization.notes)


def plan(
    backends: Iterable[str] | None,
    modes: Iterable[str],
    method: str | None,
    device: str,
    reference: bool,
) -> list[tuple[str, Settings]]:
    """The runs to do: every backend in every mode, the reference among them, the slow ones first."""
    from ..backends.registry import entries

    names = list(dict.fromkeys(backends or grid_backends()))
    for name in names:
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
    if reference and "reference" not in names:
        names.append("reference")
    if not reference and backends is None:
        names.remove("reference")
    # Simulators that take longest to import start first.
    order = {name: k for k, name in enumerate(("brian2", "pymonntorch", "neuron"))}
    names.sort(key=lambda name: order.get(name, 99))
    requests = []
    for mode in dict.fromkeys(modes):
        for name in names:
            own_device = device if name == "pymonntorch" else "cpu"
            requests.append((name, Settings(mode=mode, method=method, device=own_device)))  # type: ignore[arg-type]
    return requests


def compare_runs(
    experiment: Experiment,
    runs: Sequence[Run],
    tolerance_ms: float | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare every two good runs of one mode; the reference is the first of a pair."""
    tolerance = experiment.dt_ms if tolerance_ms is None else tolerance_ms
    good = [run for run in runs if run.ok]
    pairs = []
    for first, second in combinations(good, 2):
        if first.mode != second.mode:
            continue
        a, b = (second, first) if second.backend == "reference" else (first, second)
        pairs.append(compare_recordings(a.recording, b.recording, (a.id, b.id), tolerance))
    return Comparison(experiment, tuple(runs), tuple(pairs), tuple(notes))
