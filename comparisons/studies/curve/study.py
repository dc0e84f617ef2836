"""The f-I curve on every simulator: `curve` runs it, a `Curve` is what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from ....backends.registry import is_judge
from ....core.caveats import Caveat
from ....core.errors import InputError
from ....core.experiment import Experiment
from ...measuring.caveats import caveats_of
from ...running.how import How, HowKeywords
from ...running.runs import Run
from ...running.store import store_realization
from ...showing.result import Result
from .currents import at_currents, cell_of, range_of
from .rates import Edge, Floats, block_of, next_currents, onset_of, steady_rates

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

DURATION_MS = 2000.0
MEASURED = 0.5
"""The part of a run, at its end, whose intervals count."""
FIRST_POINTS = 9
FINEST = 1 / 512
"""How fine, of the range, the step between silence and firing gets."""
BEND_HZ = 0.5
BEND = 0.01
"""A bend is a deviation from the straight line above BEND_HZ and above this part of the largest rate."""
MAX_ROUNDS = 5
MAX_CURRENTS = 120
ORACLE = "oracle"


@dataclass(frozen=True, repr=False, eq=False)
class Curve(Result):
    """The rate of one cell at currents [unit] on several simulators.

    ``rates`` has for every simulator the rates [Hz] of the last part of the run, from ``start_ms`` on, by the
    intervals that end there. ``failed`` says why a simulator has none. ``runs`` are all runs of all rounds,
    ``caveats`` what was not seen of them, or cannot be trusted.
    """

    kind: ClassVar[str] = "coincide-curve/1"
    experiment: Experiment
    mode: str
    unit: str
    currents: Floats
    rates: Mapping[str, Floats]
    start_ms: float
    runs: tuple[Run, ...]
    failed: Mapping[str, str]
    rounds: int
    caveats: tuple[Caveat, ...] = ()

    @property
    def simulators(self) -> tuple[str, ...]:
        """The simulators with a curve, the oracle last."""
        return tuple(sorted(self.rates, key=lambda name: name == ORACLE))

    @property
    def yardstick(self) -> str:
        """What the others are held against: the oracle, else the reference, else the first."""
        for name in (ORACLE, "reference"):
            if name in self.rates:
                return name
        return self.simulators[0]

    @property
    def n_simulators(self) -> int:
        """The simulators with a curve: the reference and the oracle are none."""
        return sum(not is_judge(name) for name in self.rates)

    def onset(self, simulator: str) -> Edge | None:
        """Between which currents firing starts."""
        return onset_of(self.currents, self.rates[simulator])

    def block(self, simulator: str) -> Edge | None:
        """Between which currents firing ends as the current grows."""
        return block_of(self.currents, self.rates[simulator])

    def largest_difference(self, simulator: str) -> tuple[float, float]:
        """The largest difference to the yardstick [Hz] where both fire, and its current; NaN if nowhere."""
        own, other = self.rates[simulator], self.rates[self.yardstick]
        both = (own > 0) & (other > 0)
        if not both.any():
            return float("nan"), float("nan")
        difference = np.where(both, np.abs(own - other), -1.0)
        k = int(np.argmax(difference))
        return float(own[k] - other[k]), float(self.currents[k])

    def one_only(self, simulator: str) -> Floats:
        """The currents at which either a simulator or the yardstick fires, and the other does not."""
        firing, other = self.rates[simulator] > 0, self.rates[self.yardstick] > 0
        return np.asarray(self.currents[firing != other])

    @property
    def table(self) -> pandas.DataFrame:
        """One row a current: the current, and the rate on every simulator."""
        import pandas

        columns = {f"current ({self.unit})": self.currents}
        columns |= {f"{name} (Hz)": self.rates[name] for name in self.simulators}
        return pandas.DataFrame(columns)

    def plot(self) -> Figure:
        """The curves in one figure, with what they differ by below."""
        figure: Figure = self._beside("figures").curve_figure(self)
        return figure

    def plain(self) -> dict[str, Any]:
        """The currents, the rates on every simulator, where firing starts and ends, the runs."""
        e = self.experiment
        edges = {
            name: {
                "onset": None if (on := self.onset(name)) is None else on.to_dict(),
                "block": None if (off := self.block(name)) is None else off.to_dict(),
            }
            for name in self.simulators
        }
        return {
            "model": {
                "name": e.name,
                "variant": e.variant,
                "title": e.title,
                "source": e.source,
                "population": cell_of(e).name,
                "dt_ms": e.dt_ms,
                "duration_ms": e.duration_ms,
            },
            "mode": self.mode,
            "unit": self.unit,
            "measured": {
                "from_ms": self.start_ms,
                "to_ms": e.duration_ms,
                "rule": "rate from the intervals that end there; 0 if the cell stopped",
            },
            "currents": self.currents.tolist(),
            "rates_hz": {name: self.rates[name].tolist() for name in self.simulators},
            "edges": edges,
            "failed": dict(self.failed),
            "caveats": [asdict(caveat) for caveat in self.caveats],
            "sentences": self.sentences(),
            "rounds": self.rounds,
            "runs": [run.to_dict() for run in self.runs],
        }


def curve(
    experiment: Experiment | str,
    backends: str | Iterable[str] | None = None,
    mode: str = "aligned",
    *,
    first: str | None = None,
    last: str | None = None,
    duration_ms: float = DURATION_MS,
    measured: float = MEASURED,
    oracle: bool = True,
    on_round: Callable[[int, int, int], None] = lambda k, currents, runs: None,
    **keywords: Unpack[HowKeywords],
) -> Curve:
    """The f-I curve of a model with one population of cells, on several simulators.

    All currents of a round are one population, so a simulator is one process a round; every round adds
    currents where a curve starts, ends or bends, the same for all. The oracle runs once, on all. The
    current goes from *first* to *last*, such as "0 pA" to "500 pA", by default from 0 to twice the model's
    own. Raises InputError for a model with more than one population or without an (input). How runs are done
    is said by the keywords of `HowKeywords`.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    if not 0 < measured <= 1:
        raise InputError("measured", f"{measured} is no part of a run; it has to be in (0, 1]")
    low, high, unit = range_of(experiment, first, last)
    experiment = experiment.with_(duration=f"{duration_ms!r} ms")
    how = How.of(backends, [mode], keywords, by_name=True)
    requests = how.requests()
    truth = [r for r in requests if r[0] == ORACLE] or (
        How((ORACLE,), (mode,), reference=False).requests() if oracle else []
    )
    requests = [r for r in requests if r[0] != ORACLE]
    start_ms = duration_ms * (1.0 - measured)
    every: list[Run] = []
    failed: dict[str, str] = {}
    seen: dict[Caveat, None] = {}

    def measure(wanted: list[Any], currents: Floats, k: int) -> dict[str, Floats]:
        one = at_currents(experiment, currents.tolist(), unit)
        on_round(k, currents.size, len(wanted))
        realization, path = store_realization(one)
        jobs = [how.job(path, realization, *request) for request in wanted]
        words = f"round {k}: {currents.size} currents"
        how.listener.plan([job.id for job in jobs], words)
        runs = how.perform(jobs)
        every.extend(runs)
        population = cell_of(one).name
        found = {}
        for run in runs:
            seen.update(dict.fromkeys(caveats_of([run])))
            if run.ok:
                spikes = run.recording.spikes[population]
                found[run.backend] = steady_rates(spikes, currents.size, start_ms, duration_ms)
            else:
                failed[run.backend] = run.reason or run.status
        return found

    currents = np.linspace(low, high, FIRST_POINTS)
    rates = measure(requests, currents, 1)
    done = 1
    while rates and done < MAX_ROUNDS:
        top = max(float(r.max()) for r in rates.values())
        added = next_currents(
            currents, list(rates.values()), (high - low) * FINEST, max(BEND_HZ, BEND * top)
        )
        added = added[: MAX_CURRENTS - currents.size]
        if not added.size:
            break
        done += 1
        wanted = [r for r in requests if r[0] in rates]
        more = measure(wanted, added, done)
        order = np.argsort(both := np.concatenate([currents, added]))
        currents = both[order]
        rates = {
            name: np.concatenate([rates[name], more[name]])[order] for name in rates if name in more
        }
    if truth:
        rates |= measure(truth, currents, done + 1)
    return Curve(
        experiment, mode, unit, currents, rates, start_ms, tuple(every), failed, done, tuple(seen)
    )
