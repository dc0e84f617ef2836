"""Whether two simulators are equivalent in a statistic: two one-sided tests over common seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ...core.errors import InputError
from .ordering import Floats
from .wording import enumerate_words

Verdict = Literal["equivalent", "different", "undecided"]
ALPHA = 0.05
WANTED_POWER = 0.8
_MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided t tests (TOST) of the paired differences d_k = b_k − a_k over n seeds.

    With the margin Δ > 0 the hypotheses |E d| ≥ Δ are rejected, and a and b are ``equivalent``, when::

        d̄ − t_{1−α, n−1}·s/√n > −Δ   and   d̄ + t_{1−α, n−1}·s/√n < Δ,

    that is, when the 1 − 2α interval ``low`` to ``high`` of the difference lies within ±Δ. They are
    ``different`` when it lies wholly outside, else ``undecided``: too few seeds. ``p`` is the larger of
    the two one-sided p values. ``power`` is the probability of finding equivalence with these seeds if the
    true difference were 0 and its spread s; ``seeds_needed`` are those that would make it 80 %, None where
    no number up to 100,000 does. ``n_left_out`` seeds had no value in a or in b.

    Source: Schuirmann 1987, J. Pharmacokin. Biopharm. 15:657; Lakens 2017, Soc. Psychol. Pers. Sci. 8:355.
    """

    quantity: str
    unit: str
    a: str
    b: str
    n: int
    n_left_out: int
    mean_a: float
    mean_b: float
    difference: float
    sd: float
    margin: float
    alpha: float
    low: float
    high: float
    p: float
    power: float
    seeds_needed: int | None
    verdict: Verdict

    @property
    def in_words(self) -> str:
        """The verdict with its numbers, in one sentence."""
        unit = f" {self.unit}" if self.unit not in ("", "1") else ""
        lost = f", {self.n_left_out} without a value" if self.n_left_out else ""
        said = (
            f"{self.quantity} of {self.a} and {self.b} differs by {self.difference:+.3g}{unit} "
            f"({100 * (1 - 2 * self.alpha):.0f} % interval {self.low:.3g} to {self.high:.3g}, "
            f"{self.n} seeds{lost}; margin ±{self.margin:.3g}{unit})"
        )
        if self.verdict == "equivalent":
            return f"{said}: equivalent, p = {self.p:.2g}, power {self.power:.2f}"
        if self.verdict == "different":
            return f"{said}: different by more than the margin"
        more = f"; a power of 0.80 needs {self.seeds_needed} seeds" if self.seeds_needed else ""
        return f"{said}: undecided, p = {self.p:.2g}, power {self.power:.2f}{more}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "in_words": self.in_words}


def equivalence(
    a: ArrayLike,
    b: ArrayLike,
    margin: float,
    *,
    quantity: str,
    unit: str = "",
    names: tuple[str, str] = ("a", "b"),
    alpha: float = ALPHA,
) -> Equivalence:
    """Test whether two simulators are equivalent in one statistic.

    *a* and *b* have one value a seed, shape (n,), of the same seeds in the same order; seeds with NaN in
    either are left out. *margin*, in the unit of the statistic, has to be fixed before b is looked at: by
    what would matter, or by the spread over seeds of the yardstick alone (`seed_margin`).

    Raises InputError for unequal shapes, fewer than two seeds, a margin or an alpha out of bounds.
    """
    from scipy.stats import t as student
    from scipy.stats import ttest_1samp

    x, y = (np.asarray(values, dtype=np.float64) for values in (a, b))
    where = f"equivalence of {quantity}"
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(where, f"shapes {x.shape} and {y.shape}; one value a seed on both sides")
    if not (math.isfinite(margin) and margin > 0.0):
        raise InputError(where, f"the margin {margin:g} is given; it has to be finite and > 0")
    if not 0.0 < alpha < 0.5:
        raise InputError(where, f"alpha {alpha:g} is given; it has to be between 0 and 0.5")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    n = x.size
    if n < 2:
        raise InputError(
            where, f"{n} of {known.size} seeds have a value on both; two at least are needed"
        )
    d = y - x
    mean, sd = float(d.mean()), float(d.std(ddof=1))
    if sd <= 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max())):
        # The same difference in every seed, to rounding: no spread for a test to weigh.
        sd, low, high, p = 0.0, mean, mean, float(abs(mean) >= margin)
    else:
        half = float(student.ppf(1.0 - alpha, n - 1)) * sd / math.sqrt(n)
        low, high = mean - half, mean + half
        p = max(
            float(ttest_1samp(d, -margin, alternative="greater").pvalue),
            float(ttest_1samp(d, margin, alternative="less").pvalue),
        )
    verdict: Verdict = "undecided"
    if low > -margin and high < margin:
        verdict = "equivalent"
    elif high <= -margin or low >= margin:
        verdict = "different"
    return Equivalence(
        quantity,
        unit,
        *names,
        n,
        int((~known).sum()),
        float(x.mean()),
        float(y.mean()),
        mean,
        sd,
        float(margin),
        alpha,
        low,
        high,
        p,
        power_of(margin, sd, n, alpha),
        seeds_needed(margin, sd, alpha),
        verdict,
    )


def seed_margin(values: ArrayLike, factor: float = 1.0, floor: float = 0.0) -> float:
    """A margin from the yardstick alone: *factor* standard deviations over its seeds, at least *floor*.

    A change of simulator then matters less than a change of seed. NaN are left out. Raises InputError for
    fewer than two values, and where there is no spread and no floor.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if known.size < 2:
        raise InputError(
            "margin", f"{known.size} seeds have a value; two at least tell their spread"
        )
    margin = max(factor * float(known.std(ddof=1)), floor)
    if margin <= 0.0:
        raise InputError("margin", "the value is the same in every seed; give a margin of your own")
    return margin


def power_of(margin: float, sd: float, n: int, alpha: float = ALPHA, truth: float = 0.0) -> float:
    """The probability that n pairs of spread *sd* show equivalence if the true difference is *truth*.

    With the mean normal, the spread s by chi, and t = t_{1−α, n−1}::

        ∫ f(s) [Φ((Δ − t·s/√n − δ)·√n/σ) − Φ((−Δ + t·s/√n − δ)·√n/σ)] ds,  s < Δ·√n/t

    Source: Phillips 1990, J. Pharmacokin. Biopharm. 18:137, whose bivariate t this integrates exactly.
    """
    from scipy.special import ndtr
    from scipy.stats import chi
    from scipy.stats import t as student

    if sd == 0.0:
        return float(abs(truth) < margin)
    root, limit = math.sqrt(n), float(student.ppf(1.0 - alpha, n - 1))
    largest = margin * root / limit / sd  # of s/σ
    spread = chi(n - 1, scale=1.0 / math.sqrt(n - 1))
    low, high = (float(spread.ppf(q)) for q in (1e-12, 1.0 - 1e-12))
    high = min(high, largest)
    if high <= low:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(200)
    s: Floats = low + (high - low) * (nodes + 1.0) / 2.0
    room = margin / sd * root - limit * s
    inside = ndtr(room - truth / sd * root) - ndtr(-room - truth / sd * root)
    return float(np.clip(np.sum(weights * spread.pdf(s) * inside) * (high - low) / 2.0, 0.0, 1.0))


def seeds_needed(
    margin: float, sd: float, alpha: float = ALPHA, power: float = WANTED_POWER
) -> int | None:
    """The least number of seeds with that power for a true difference of 0; None above 100,000."""
    if sd == 0.0:
        return 2
    low, high = 1, 2
    while power_of(margin, sd, high, alpha) < power:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(margin, sd, middle, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def all_equivalent(tests: Sequence[Equivalence]) -> str:
    """What several tests say together, in a sentence.

    "All are equivalent" is an intersection-union test: each at α keeps the whole at α, so that no p value
    is adjusted for the number of tests (Berger 1982, Technometrics 24:295).
    """
    if not tests:
        return "nothing was tested"
    parts = []
    for verdict, word in (
        ("different", "differ by more than the margin"),
        ("undecided", "are undecided"),
    ):
        named = [f"{t.quantity} ({t.b})" for t in tests if t.verdict == verdict]
        if named:
            parts.append(f"{enumerate_words(named)} {word}")
    if parts:
        return "; ".join(parts)
    one = f"{tests[0].quantity} is" if len(tests) == 1 else f"all {len(tests)} statistics are"
    return f"{one} equivalent at α = {max(t.alpha for t in tests):g}"
