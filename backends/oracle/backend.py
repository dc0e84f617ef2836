"""The oracle: what an experiment means in continuous time, to judge the simulators on a grid.

Every cell is integrated with adaptive steps between the instants at which something happens to it, an
arrival after its exact delay, the end of its exact refractory time, a jump of an input, its own
threshold, located by root finding. Samples are taken on the grid, spikes are where they are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy

from ...core.features import FEATURES
from ...core.inlining import inlined
from ...core.plasticity import Terminals, occurrences
from ...core.program import METHODS
from ...core.realization import Edges, Realization
from ...core.recording import Recording
from ...core.settings import MODES, Settings
from ..base import Backend, Watch
from ..watch import States
from .cells import TOGETHER_MS, CellGroup
from .events import Arrivals, NoDistanceError, distance
from .steps import Tolerance

MAX_CELLS = 500
MAX_RESTARTS = 2_000_000
RADAU_RELATIVE = 1e-10
_STIFF_STEPS = 300_000
_OWN = ("auto", "dop853", "lsoda", "radau")


class OracleBackend(Backend):
    """Continuous time, adaptive and of high order; its three modes are the same.

    ``auto`` integrates by DOP853; by Radau IIA cells with channels, and where the fastest rate of the
    equations would hold an explicit method to more than 300,000 steps. ``lsoda`` is there as a check.
    ``relative`` and ``absolute`` bound the error of a step, by default 1e-12, 1e-10 for Radau IIA, and
    1e-13: the ends of its steps are far better than the estimate within them. Over 200 ms of a Purkinje
    cell spikes move by 3e-11 ms and samples by 1e-8 mV at 1e-12; LSODA's at 1e-12 are off by 2e-8 ms.
    In lockstep the scheme asked for has no meaning and is ignored.
    """

    name = "oracle"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": _OWN,
        "aligned": _OWN,
        "lockstep": METHODS,
    }
    features = frozenset(FEATURES)
    on_grid = False

    def __init__(self, relative: float | None = None, absolute: float = 1e-13) -> None:
        self.relative, self.absolute = relative, absolute

    def version(self) -> str:
        """The version of SciPy."""
        return f"SciPy {scipy.__version__}"

    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        cells = sum(p.size for p in realization.populations.values())
        if cells > MAX_CELLS:
            return (
                f"{cells} cells are more than the {MAX_CELLS} that it integrates in continuous "
                "time; compare with the reference instead"
            )
        for population in realization.populations.values():
            threshold = population.cell.threshold
            if threshold is None:
                continue
            try:
                distance(inlined(population.cell, threshold))
            except NoDistanceError as error:
                return f"{population.name}: {error}, so its crossing cannot be located"
        restarts = sum(_given_arrivals(realization, edges) for edges in realization.edges)
        if restarts > MAX_RESTARTS:
            return (
                f"{restarts:,} arrivals of given spikes, each a restart of its cell, are more "
                f"than {MAX_RESTARTS:,}; make the run shorter"
            )
        return None

    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        started = time.perf_counter()
        asked = str(settings.method) if settings.method in _OWN else "auto"
        end = realization.n_steps * realization.dt_ms
        groups: dict[str, CellGroup] = {}
        notes: list[str] = []
        for name, population in realization.populations.items():
            method, reason = asked, ""
            relative = self.relative or (RADAU_RELATIVE if method == "radau" else 1e-12)
            group = CellGroup(realization, population, Tolerance(relative, self.absolute))
            if method == "auto":
                method, reason = _choice(group, end)
                if reason:
                    notes.append(f"{name}: Radau IIA, because {reason}")
                    relative = self.relative or RADAU_RELATIVE
                    group = CellGroup(realization, population, Tolerance(relative, self.absolute))
            group.prepare(method)
            groups[name] = group
        terminals = {
            e.name: Terminals(e.plasticity, e.source_size, len(e))
            for e in realization.edges
            if e.plasticity is not None
        }
        for edges in realization.edges:
            if edges.source in realization.sources:
                source = realization.sources[edges.source]
                arrivals = groups[edges.target].given
                _send(edges, groups[edges.target], arrivals, source.times, source.cells, terminals)
        built = time.perf_counter()
        with np.errstate(all="ignore"):
            _run(realization, groups, terminals, end, progress)
        return Recording(
            duration_ms=end,
            dt_ms=realization.dt_ms,
            spikes={name: group.spikes() for name, group in groups.items()},
            traces={key: trace for g in groups.values() for key, trace in g.traces().items()},
            sizes={name: group.size for name, group in groups.items()},
            notes=tuple(notes),
            build_s=built - started,
            run_s=time.perf_counter() - built,
            provenance={
                "method": asked,
                "steps": sum(g.n_steps for g in groups.values()),
                "events": sum(g.n_events for g in groups.values()),
            },
        )


def _choice(group: CellGroup, end: float) -> tuple[str, str]:
    """The method for a population, and why it is not DOP853."""
    if group.population.cell.lowered is not None:
        return "radau", "it has channels, whose rates are stiff and often of several pieces"
    group.hold(0.0)
    rate = group.fastest_rate()
    if np.isfinite(rate) and rate * end / 3 > _STIFF_STEPS:
        return "radau", f"its fastest rate is {rate:.3g}/ms"
    return "dop853", ""


def _run(
    realization: Realization,
    groups: Mapping[str, CellGroup],
    terminals: Mapping[str, Terminals],
    end: float,
    progress: Watch,
) -> None:
    """Advance all groups, window by window: no spike of a window arrives within it."""
    inner = [e for e in realization.edges if e.source in groups and len(e)]
    shortest = min((float(np.min(e.delay_ms)) for e in inner), default=np.inf)
    recurrent = {e.target for e in inner}
    now = 0.0
    while True:
        for group in groups.values():
            group.begin_window(now)
        until = min(
            [now + shortest, now + end / 50, end, *(g.next_breakpoint for g in groups.values())]
        )
        # A jump at the window's end belongs to its end: a step up to it has to be over by then.
        jumps = (g.next_breakpoint for g in groups.values())
        until = max([until, *(t for t in jumps if abs(t - until) <= TOGETHER_MS)])
        last = until >= end - TOGETHER_MS
        until = end if last else until
        fired = {}
        for name, group in groups.items():
            horizon = until + 5 * shortest if name in recurrent else end
            fired[name] = group.advance(until, horizon, last)
        for edges in inner:
            times, cells = fired[edges.source]
            target = groups[edges.target]
            _send(edges, target, target.sent, times, cells, terminals)
        progress(until / end)
        progress.look(until, _states(groups, terminals))
        if last:
            return
        now = until


def _states(groups: Mapping[str, CellGroup], terminals: Mapping[str, Terminals]) -> States:
    """Every state at the begin of the steps under way, then those of plasticity."""
    for name, group in groups.items():
        yield from ((name, variable, values) for variable, values in group.states())
    for projection, of in terminals.items():
        yield projection, "u", of.u
        yield projection, "x", of.x


def _given_arrivals(realization: Realization, edges: Edges) -> int:
    if edges.source not in realization.sources:
        return 0
    cells = realization.sources[edges.source].cells
    return int(np.sum(edges.starts[cells + 1] - edges.starts[cells]))


def _send(
    edges: Edges,
    target: CellGroup,
    arrivals: Arrivals,
    times: np.ndarray,
    cells: np.ndarray,
    terminals: Mapping[str, Terminals],
) -> None:
    """Put spikes on their way: they arrive after the exact delays of their connections."""
    first, last = edges.starts[cells], edges.starts[cells + 1]
    counts = last - first
    total = int(counts.sum())
    if not total:
        return
    before = np.cumsum(counts) - counts
    chosen = np.arange(total) + np.repeat(first - before, counts)

    def of(values: object) -> np.ndarray:
        array = np.asarray(values, dtype=np.float64)
        return np.broadcast_to(array, total) if array.ndim == 0 else array[chosen]

    weights = np.array(of(edges.weight))
    if edges.name in terminals:
        weights *= _released(terminals[edges.name], times, cells, counts, chosen)
    arrivals.add(
        np.repeat(times, counts) + of(edges.delay_ms),
        edges.post[chosen].astype(np.intp),
        np.full(total, target.receptors[edges.receptor], dtype=np.intp),
        weights,
    )


def _released(
    terminals: Terminals,
    times: np.ndarray,
    cells: np.ndarray,
    counts: np.ndarray,
    chosen: np.ndarray,
) -> np.ndarray:
    """The part of its weight that each arrival carries: the spikes of a cell one after the other."""
    amounts = np.empty(chosen.size)
    ends = np.cumsum(counts)
    in_time = np.argsort(times, kind="stable")
    for once in occurrences(cells[in_time]):
        spikes = in_time[once]
        many = counts[spikes]
        where = np.arange(int(many.sum())) + np.repeat(ends[spikes] - np.cumsum(many), many)
        if terminals.per_connection:
            amounts[where] = terminals.release(chosen[where], np.repeat(times[spikes], many))
        else:
            amounts[where] = np.repeat(terminals.release(cells[spikes], times[spikes]), many)
    return amounts
