"""A series of runs while it grows: what has come out so far, and whether it goes on."""

from __future__ import annotations

from ....core.realization import Realization
from ....core.settings import Settings
from ...running.runs import Job, Run
from .order import rms
from .quantities import CROSSINGS, quantities
from .reduced import Reduced, reduce_recording

_GROWTH = 2.2
"""A level costs at most so many times the level before, in seconds of simulation."""


class Growing:
    """One backend with its settings; ``runs`` by their dt, and what is kept of the recordings."""

    def __init__(self, backend: str, settings: Settings) -> None:
        self.backend, self.settings = backend, settings
        self.runs: list[tuple[float, Run]] = []
        self.reduced: list[Reduced] = []
        self.stopped = ""

    @property
    def label(self) -> str:
        """The id that its runs have."""
        return Job("", "", self.backend, self.settings).id

    def goes_on(self, left_s: float) -> bool:
        """Whether the next level is to be run; else ``stopped`` says why not."""
        if self.stopped:
            return False
        last = self.runs[-1][1]
        # Starting and building cost the same at every level.
        expected = last.wall_s - last.run_s + _GROWTH * last.run_s
        if expected > left_s:
            left = max(left_s, 0.0)
            self.stopped = f"the next level would take about {expected:.2g} s, of {left:.2g} s left"
        elif self._at_round_off():
            self.stopped = "at round-off"
        return not self.stopped

    def _at_round_off(self) -> bool:
        """Whether the two last levels differ by round-off in everything.

        Stamps never do; where crossings between samples are known, stamps tell nothing more.
        """
        if len(self.reduced) < 3:
            return False
        found = quantities(self.reduced[:-1], self.reduced[-1])
        located = any(q.name == CROSSINGS for q in found)
        counted = [q for q in found if not (q.stamped and located)]
        return bool(counted) and all(rms(q.values[-1] - q.truth) <= q.floor for q in counted)

    def add(self, dt_ms: float, run: Run, realization: Realization, coarse: float) -> None:
        """Take in a run."""
        self.runs.append((dt_ms, run))
        if not run.ok:
            self.stopped = f"{run.status} at dt {dt_ms:g} ms: {run.reason}"
            return
        self.reduced.append(reduce_recording(run.read(), realization, coarse))
