"""What a backend is: one simulator that turns a `Realization` into a `Recording`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, final

import numpy as np

from ..core.errors import RunError, UnsupportedError
from ..core.features import FEATURES, required_features
from ..core.program import METHODS
from ..core.realization import Realization
from ..core.recording import Recording
from ..core.settings import Mode, Settings
from .conventions import Convention
from .diverged import advice
from .numerics import Numerics
from .watch import Progress, Watch, cell_number

__all__ = ["Backend", "Convention", "Progress", "Watch", "check_recording"]


class Backend(ABC):
    """One simulator.

    To add one, write `_simulate` and declare what it can do:

    1. ``name``, ``modes``, ``methods`` (by mode, the default first), ``features`` (of core.features; none by
       default), ``conventions`` and ``devices`` are class data, as is all below. A `Convention` says of what
       class of causes it is and where it cannot act: explain, the probes and conformance know no other way.
    2. `_simulate` gets a realization whose features are all declared, builds the model from its arrays,
       draws nothing, runs it as ``settings`` say, and returns a Recording in internal units with ``build_s``
       and ``run_s``. Now and then it calls ``progress`` with the fraction done, and, now and then and at the
       end, ``progress.look`` with all states: without that only what is recorded is known to be finite.
    3. In aligned and lockstep the recording keeps the clock contract: ``n_steps + 1`` samples from t = 0,
       spikes stamped with multiples of dt. In raw it says what the simulator says.
    4. What cannot be done exactly is refused with UnsupportedError by `_refuse`; nothing is approximated.
    """

    name: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]] = ()
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    features: ClassVar[frozenset[str]] = frozenset()
    conventions: ClassVar[tuple[Convention, ...]] = ()
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    targets: ClassVar[tuple[str, ...]] = ()
    """Ways of generating code that ``settings.target`` can ask for."""
    precisions: ClassVar[tuple[str, ...]] = ("float64",)
    numerics: ClassVar[Numerics] = Numerics()
    """What is known of its integrators."""
    gaps: ClassVar[Mapping[tuple[Mode, str], str]] = {}
    """Cases of ``coincide conformance`` that it cannot pass yet, by mode and name, and why."""
    on_grid: ClassVar[bool] = True
    """Whether spikes and samples lie on the grid; the oracle's spikes do not."""

    @abstractmethod
    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        """Run a realization; see the numbered contract of the class."""

    @abstractmethod
    def version(self) -> str:
        """The version of the simulator, such as ``Brian2 2.9.0``."""

    def prepare(self) -> None:
        """Import what a run needs, and leave nothing that one run could see of another.

        Called once in a process that then forks for every run.
        """
        self.version()

    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        """A reason why this realization cannot be run, beyond missing features; None if it can."""
        return None

    @final
    def unsupported(self, realization: Realization, settings: Settings) -> str | None:
        """Why this backend cannot run a realization with these settings; None if it can."""
        if settings.mode not in self.modes:
            return f"it has no {settings.mode} mode (it has {', '.join(self.modes)})"
        methods = self.methods.get(settings.mode, METHODS)
        if settings.method is not None and settings.method not in methods:
            return (
                f"it has no method {settings.method!r} in {settings.mode} mode "
                f"(it has {', '.join(methods)})"
            )
        known = [convention.name for convention in self.conventions]
        for name in settings.undone or ():
            if name not in known:
                return (
                    f"it has no convention {name!r} to undo (it has {', '.join(known) or 'none'})"
                )
        if settings.device.split(":")[0] not in self.devices:
            return f"it does not run on {settings.device!r} (it runs on {', '.join(self.devices)})"
        if settings.precision is not None and settings.precision not in self.precisions:
            return f"it does not compute in {settings.precision}"
        if settings.target not in (None, "auto", *self.targets):
            return (
                f"it has no target {settings.target!r} (it has {', '.join(self.targets) or 'none'})"
            )
        for feature, place in required_features(realization).items():
            if feature not in self.features:
                return f"{place} needs {FEATURES[feature]}"
        return self._refuse(realization, settings)

    @final
    def run(
        self,
        realization: Realization,
        settings: Settings,
        progress: Progress = lambda fraction: None,
    ) -> Recording:
        """Run a realization and check that the recording keeps the contract.

        Raises UnsupportedError before anything is simulated, and RunError for a state that is not finite,
        recorded or not, a missing tail, times off the grid or an ignored initial value. What keeps a finite
        run from being believed is among the recording's caveats.
        """
        reason = self.unsupported(realization, settings)
        if reason is not None:
            raise UnsupportedError(self.name, reason)
        started = time.perf_counter()
        watch = Watch(self.name, realization, progress)
        try:
            recording = self._simulate(realization, settings, watch)
        except Exception as error:
            if watch.found is None:
                raise
            # What a simulator says of a number that is none comes after the number.
            raise watch.error() from error
        check_recording(self.name, recording, realization, settings, self.on_grid)
        if watch.found is not None:
            raise watch.error()
        progress(1.0)
        if not recording.run_s:
            recording = replace(recording, run_s=time.perf_counter() - started)
        drawn = realization.notes
        if not self.on_grid:
            drawn = tuple(note for note in drawn if note not in realization.grid_notes)
        notes = (*drawn, *recording.notes)
        caveats = (*recording.caveats, *watch.caveats(recording, settings, self.on_grid))
        return replace(
            recording, notes=tuple(dict.fromkeys(notes)), caveats=tuple(dict.fromkeys(caveats))
        )


def check_recording(
    backend: str, recording: Recording, realization: Realization, settings: Settings, on_grid: bool
) -> None:
    """RunError unless a recording is whole, finite, on its grid, and begins at the initial values."""

    def fail(problem: str) -> None:
        raise RunError(backend, problem)

    n_steps, dt = realization.n_steps, realization.dt_ms
    strict = settings.undone is None and settings.mode != "raw"
    for name, population in realization.populations.items():
        spikes = recording.spikes.get(name)
        if spikes is None:
            fail(f"no spikes of {name} were recorded")
            continue
        if not np.isfinite(spikes.times).all():
            fail(f"a spike time of {name} is not finite")
        if spikes.cells.size and (spikes.cells.min() < 0 or spikes.cells.max() >= population.size):
            fail(f"a spike of {name} comes from a cell that does not exist")
        last = (n_steps if strict else n_steps + 1) * dt
        if spikes.times.size and (spikes.times.min() < -1e-9 or spikes.times.max() > last + 1e-9):
            fail(f"a spike of {name} lies outside the run")
        if on_grid and strict and spikes.times.size:
            steps = spikes.times / dt
            if np.max(np.abs(steps - np.round(steps))) > 1e-6:
                fail(f"a spike of {name} is stamped off the grid of {dt:g} ms")
    for population_name, variable, cells in realization.recorded():
        trace = recording.traces.get((population_name, variable))
        what = f"{population_name}.{variable}"
        if trace is None:
            fail(f"{what} was not recorded")
            continue
        samples = trace.values.shape[0]
        if trace.values.shape[1] != cells.size:
            fail(f"{what} has {trace.values.shape[1]} cells instead of {cells.size}")
        if strict and not np.array_equal(trace.cells, cells):
            fail(f"{what} is of other cells than asked for")
        if strict and (abs(trace.start_ms) > 1e-9 or abs(trace.dt_ms - dt) > 1e-9):
            fail(
                f"{what} is sampled from {trace.start_ms:g} ms every {trace.dt_ms:g} ms "
                f"instead of from 0 ms every {dt:g} ms"
            )
        bad = ~np.isfinite(trace.values)
        if bad.any():
            _fail_not_finite(backend, recording, realization, population_name, variable)
        if strict and samples != n_steps + 1:
            fail(f"{what} has {samples} samples instead of {n_steps + 1}")
        if not strict and samples < n_steps:
            fail(f"{what} has {samples} samples, fewer than the {n_steps} steps of the run")
        if abs(trace.start_ms) < 1e-9:
            population = realization.populations[population_name]
            expected = population.initial[variable][cells]
            wrong = np.abs(trace.values[0] - expected) > 1e-5 * np.maximum(1.0, np.abs(expected))
            if any(a.target == variable for a in population.cell.reset):
                # A spike at t = 0 resets before the sample; a simulator's own stamp may be a step late.
                first = recording.spikes[population_name].times <= (0.0 if strict else dt) + 1e-9
                wrong &= ~np.isin(cells, recording.spikes[population_name].cells[first])
            if wrong.any():
                fail(
                    f"{what} of cell {cells[np.argmax(wrong)]} does not begin at its initial value"
                )


def _fail_not_finite(
    backend: str, recording: Recording, realization: Realization, name: str, variable: str
) -> None:
    """RunError for the first sample of a population that is not finite: *variable* is not in some."""
    population = realization.populations[name]
    first: tuple[float, int, str] | None = None
    for (owner, other), trace in recording.traces.items():
        if owner != name:
            continue
        bad = ~np.isfinite(trace.values)
        rows = np.flatnonzero(bad.any(axis=1))
        if rows.size and (first is None or trace.times[rows[0]] < first[0]):
            column = int(np.argmax(bad[rows[0]]))
            first = float(trace.times[rows[0]]), int(trace.cells[column]), other
    assert first is not None, variable
    time_ms, cell, variable = first
    before, value = {}, np.nan
    for (owner, other), trace in recording.traces.items():
        column_of = np.flatnonzero(trace.cells == cell)
        if owner == name and column_of.size:
            row = int(np.searchsorted(trace.times, time_ms - 1e-9))
            if row:
                before[other] = float(trace.values[row - 1, column_of[0]])
            if other == variable:
                value = float(trace.values[row, column_of[0]])
    remedy = advice(realization, population, cell, value, before)
    number = cell_number(population, cell)
    raise RunError(
        backend, f"{name}.{variable} of cell {number} is {value} from {time_ms:g} ms on; {remedy}"
    )
