"""The effect of a lesion on a read-out, held against what the simulators differ by among themselves."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ....core.caveats import Caveat
from ...measuring import ROUND_OFF
from ...measuring.ordering import Floats
from ...measuring.readings import Measure

Verdict = Literal[
    "independent", "none", "undecided", "unclear", "indistinguishable", "alone", "undefined"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the one that says most to the one that says least."""
CLEAR = 3.0
"""An effect of this many times the disagreement does not depend on the simulator."""
LEVEL = 0.95
"""The confidence level of every interval."""


@dataclass(frozen=True)
class SimulatorEffect:
    """What one simulator says, in the unit of the read-out: means over the seeds and their difference.

    ``low`` to ``high`` is the 95 % interval of the effect, NaN with one seed; ``relative`` is the effect
    over the healthy mean, NaN where that is 0. ``judge``: it is the reference or the oracle, no simulator.
    """

    simulator: str
    healthy: float
    lesioned: float
    effect: float
    low: float
    high: float
    judge: bool = False

    @property
    def relative(self) -> float:
        """The effect over the size of the healthy mean."""
        return self.effect / abs(self.healthy) if self.healthy else math.nan

    @property
    def has_interval(self) -> bool:
        """Whether there were two seeds at least."""
        return not math.isnan(self.low)

    @property
    def contains_zero(self) -> bool:
        """Whether the interval has 0 in it; False without one."""
        return self.has_interval and self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Effect:
    """The paired effect of a lesion on one read-out, the disagreement of the simulators, the verdict.

    With x_h(a, k) and x_l(a, k) the healthy and lesioned value on simulator a with seed k, over the n
    seeds in which all of them are defined::

        effect of a     d_a = mean_k [x_l(a, k) − x_h(a, k)],  with d_a ± t_{0.975, n−1}·s_a/√n
        effect          the d_a of the smallest size
        disagreement    the largest of mean_k |x(a, k) − x(b, k)| over any two simulators a, b and
                        over both arms
        ratio           |effect| / max(disagreement, grain)

    The smallest effect over the largest disagreement, so that the ratio holds for whichever simulators
    the two arms would have been run on: had one arm been moved to another simulator, its read-out would
    have changed by the disagreement at most. Simulators that are off by the same in both arms disagree
    all the same. The disagreement is a mean of sizes over seeds, so more seeds do not make it smaller, as
    they do the intervals; where the dynamics is chaotic it has what another draw would change, too.
    Every interval is one of 95 % by itself; `certainty.all_together` looks at all read-outs together.
    ``apart`` is the largest difference of any two simulators' effects: small beside the disagreement
    where simulators are off by the same in both arms.

    ``grain`` is the least by which a read-out can differ: one spike in the window for what counts, a
    step of time for what is timed, else 0. ``disagreement`` is NaN with one simulator; ``ratio`` then
    too, and infinite where the simulators agree to round-off (10⁻⁹ of the largest value). Verdicts:

    independent        the same sign everywhere, ratio ≥ 3, no interval contains 0
    indistinguishable  ratio ≤ 1, or another sign on another simulator
    unclear            in between, or ``few``: there are not enough seeds to call it independent
    none               every value the same to round-off, or every interval contains 0
    alone              one simulator only: the reference and the oracle are none, whatever they say
    undecided          it would be independent or none, but not all was seen (``caveats``)
    undefined          an arm without a value, on some simulator or on all; or ``silent``: no cell of the
                       population spikes in any arm on any simulator
    """

    mode: str
    arm: str
    severity: float
    measure: Measure
    simulators: tuple[SimulatorEffect, ...]
    n_seeds: int
    effect: float
    disagreement: float
    ratio: float
    verdict: Verdict
    remark: str = ""
    grain: float = 0.0
    apart: float = math.nan
    silent: bool = False
    few: bool = False
    caveats: tuple[Caveat, ...] = ()

    @property
    def ambiguous(self) -> bool:
        """Whether the number of its spikes depends on where the threshold is put."""
        return any(caveat.kind == "ambiguous" for caveat in self.caveats)

    @property
    def n_simulators(self) -> int:
        """The simulators that ran: without what only judges."""
        return sum(not s.judge for s in self.simulators)

    @property
    def healthy(self) -> float:
        """The healthy value, the mean over the simulators."""
        return _mean([s.healthy for s in self.simulators])

    @property
    def lesioned(self) -> float:
        """The lesioned value, the mean over the simulators."""
        return _mean([s.lesioned for s in self.simulators])

    @property
    def relative(self) -> float:
        """The smallest relative effect of any simulator; NaN where there is none."""
        found = [s.relative for s in self.simulators if not math.isnan(s.relative)]
        return min(found, key=abs, default=math.nan)

    @property
    def same_effect(self) -> bool:
        """Whether simulators that differ in level have nearly the same effect: apart by a third at most."""
        doubtful = self.verdict in ("unclear", "indistinguishable") and self.ratio < CLEAR
        return doubtful and abs(self.effect) >= CLEAR * max(self.apart, self.grain, 1e-300)

    @property
    def agree(self) -> bool:
        """Whether the simulators differ by round-off at most."""
        return math.isinf(self.ratio)

    @property
    def hidden(self) -> bool:
        """Whether the verdict is ``none`` though values differ: the seeds are too few to show an effect."""
        return self.verdict == "none" and any(
            abs(s.effect) > ROUND_OFF * max(abs(s.healthy), abs(s.lesioned))
            for s in self.simulators
        )


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan


def without_spikes(effect: Effect, start_ms: float) -> Effect:
    """The effect on a population of which no cell spikes in any arm: it is not defined."""
    nan = math.nan
    told = tuple(replace(s, effect=nan, low=nan, high=nan) for s in effect.simulators)
    remark = f"no cell of {effect.measure.population} spikes after {start_ms:g} ms"
    return replace(
        effect,
        simulators=told,
        effect=nan,
        disagreement=nan,
        ratio=nan,
        apart=nan,
        verdict="undefined",
        remark=remark,
        silent=True,
    )


def t_interval(differences: Floats) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of n differences, shape (n,): mean ± t·s/√n.

    Student's t with n − 1 degrees of freedom; NaN with fewer than two.
    """
    n = differences.size
    if n < 2:
        return math.nan, math.nan
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * float(differences.std(ddof=1)) / math.sqrt(n)
    mean = float(differences.mean())
    return mean - half, mean + half


def disagreement_of(healthy: Floats, lesioned: Floats) -> float:
    """The largest mean |difference| of any two simulators in either arm; arms of shape (simulators, seeds).

    NaN with one simulator.
    """
    largest = math.nan
    for arm in (healthy, lesioned):
        for k in range(1, len(arm)):
            apart = np.abs(arm[k:] - arm[:-k]).mean(axis=1)
            largest = float(np.fmax(largest, apart.max()))
    return largest


def effect_of(
    measure: Measure,
    where: tuple[str, str, float],
    simulators: Sequence[str],
    healthy: Floats,
    lesioned: Floats,
    why: str = "",
    grain: float = 0.0,
    judges: Collection[str] = (),
) -> Effect:
    """The effect from values of shape (simulators, seeds), NaN where a read-out is not defined.

    *where* is (mode, arm, severity). Seeds in which a simulator has no value in an arm are left out for all
    of them, which the effect's ``remark`` says; *why* tells why values are missing. *grain* is the least
    difference of a read-out that counts. *judges* are those of the simulators that are none: with one
    simulator beside them there is no disagreement to hold the effect against.
    """
    empty = Effect(*where, measure, (), 0, math.nan, math.nan, math.nan, "undefined", why)
    if not simulators:
        return replace(empty, remark="no simulator ran both arms to their end")
    if not healthy.size:
        return replace(empty, remark=why or "no seed ran on all simulators")
    whole = (np.isfinite(healthy) & np.isfinite(lesioned)).all(axis=0)
    split = [_split(arm, simulators) for arm in (healthy, lesioned)]
    if not whole.any():
        told = [
            SimulatorEffect(
                name, _mean([*h]), _mean([*w]), math.nan, math.nan, math.nan, name in judges
            )
            for name, h, w in zip(simulators, healthy, lesioned, strict=True)
        ]
        remark = _undefined(healthy, lesioned, split, why)
        return replace(empty, simulators=tuple(told), remark=remark)
    kept = healthy[:, whole], lesioned[:, whole]
    told = [
        replace(_effect_on(name, h, w), judge=name in judges)
        for name, h, w in zip(simulators, *kept, strict=True)
    ]
    scale = max(float(np.abs(kept).max()), 1e-300)
    several = sum(not s.judge for s in told) > 1
    disagreement = disagreement_of(*kept) if several else math.nan
    # One simulator alone says what the effect is; what judges says how far to believe it.
    counted = told if several else [s for s in told if not s.judge] or told
    least = min((s.effect for s in counted), key=abs)
    ratio = math.nan
    if several:
        known = max(disagreement, grain)
        ratio = math.inf if known <= ROUND_OFF * scale else abs(least) / known
    verdict = _verdict(told, several, ratio, ROUND_OFF * scale)
    remark = ""
    if not whole.all():
        remark = f"defined in {int(whole.sum())} of {whole.size} seeds"
        if any(split):
            remark += f"; in another {next(filter(None, split))}"
        if verdict == "independent" and (any(split) or whole.sum() == 1):
            verdict = "unclear"
    sizes = [s.effect for s in told]
    apart = max(sizes) - min(sizes) if several else math.nan
    return Effect(
        *where,
        measure,
        tuple(told),
        int(whole.sum()),
        least,
        disagreement,
        ratio,
        verdict,
        remark,
        grain,
        apart,
    )


def _effect_on(name: str, healthy: Floats, lesioned: Floats) -> SimulatorEffect:
    difference = lesioned - healthy
    return SimulatorEffect(
        name,
        float(healthy.mean()),
        float(lesioned.mean()),
        float(difference.mean()),
        *t_interval(difference),
    )


def _verdict(told: Sequence[SimulatorEffect], several: bool, ratio: float, tiny: float) -> Verdict:
    if all(abs(s.effect) <= tiny for s in told) or all(s.contains_zero for s in told):
        return "none"
    if not several:
        return "alone"
    if (
        min(s.effect for s in told) <= 0.0 <= max(s.effect for s in told)
        or ratio <= 1.0 + ROUND_OFF
    ):
        return "indistinguishable"
    if ratio >= CLEAR * (1.0 - ROUND_OFF) and not any(s.contains_zero for s in told):
        return "independent"
    return "unclear"


def _split(arm: Floats, simulators: Sequence[str]) -> str:
    """In which simulators a read-out is defined where others of the same seed have none; or nothing."""
    defined = np.isfinite(arm)
    mixed = defined.any(axis=0) & ~defined.all(axis=0)
    if not mixed.any():
        return ""
    column = defined[:, int(np.flatnonzero(mixed)[0])]
    yes = [name for name, known in zip(simulators, column, strict=True) if known]
    no = [name for name, known in zip(simulators, column, strict=True) if not known]
    return f"it is defined on {', '.join(yes)} but not on {', '.join(no)}"


def _undefined(healthy: Floats, lesioned: Floats, split: Sequence[str], why: str) -> str:
    reason = f" ({why})" if why else ""
    for name, mixed in zip(("healthy", "lesioned"), split, strict=True):
        if mixed:
            return f"{mixed} in the {name} arm{reason}"
    has = [bool(np.isfinite(arm).any()) for arm in (healthy, lesioned)]
    on = ", on every simulator" if len(healthy) > 1 else ""
    words = {
        (True, False): f"defined in the healthy arm only{on}",
        (False, True): f"defined in the lesioned arm only{on}",
        (False, False): "defined in neither arm",
        (True, True): "in no seed defined in both arms",
    }
    return words[has[0], has[1]] + reason
