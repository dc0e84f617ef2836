"""The factor, or offset, by which a number has to be wrong to give the difference seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from .hypothesis import Hypothesis, Side, with_model
from .replay import ENOUGH, Replay, Replayed
from .scalars import Scalar

ROUNDS = 4
ALIKE = 0.7
"""A number whose change moves the cells in another direction than seen (cosine below this) is not meant."""
WORTH = 0.5
"""A change that leaves less than this at the parting is replayed for longer."""
_PROBES = (0.9, 1.1)
_SIMPLE = tuple(
    dict.fromkeys(
        (
            -1.0,
            0.0,
            *(10.0**k for k in (-12, -9, -6, -4, -3, -2, -1, 1, 2, 3, 4, 6, 9, 12)),
            0.5,
            2.0,
            3.0,
            1 / 3,
            4.0,
            0.25,
            5.0,
            0.2,
            1.5,
            2 / 3,
            *(round(0.05 * k, 2) for k in range(1, 60)),
        )
    )
)
NEXT = 3
"""Numbers that are right, and further changes of each, that are tried where spikes alone tell."""
_FEW = (-1.0, 0.0, 1e-3, 1e3, 0.5, 2.0, 0.1, 10.0, 0.9, 1.1, 0.8, 1.2)
_FEW_OFFSETS = (1.0, -1.0, 2.0, -2.0, 5.0, -5.0, 10.0, -10.0, 3.0, -3.0, 0.5, -0.5)


def fitted(scalar: Scalar, replay: Replay, side: Side) -> tuple[Hypothesis, Replayed] | None:
    """The best hypothesis about one number and what it leaves of the difference.

    The response of the traces is a function r(x) of the change, projected on the difference seen; where it
    reaches 1 is found by rational interpolation, (a + b·x)/(1 + c·x), which is exact for a number that
    multiplies a rate and for one that divides it. A number nearby that people write is preferred.
    """
    tried: dict[float, Replayed] = {}

    def at(x: float) -> Replayed | None:
        if x not in tried:
            change = with_model(scalar.by(x))
            found = replay(change(side), far=scalar.far, quick=True)
            if found is None:
                return None
            tried[x] = found
        return tried[x]

    if _search(scalar, replay, at) and min((r.left for r in tried.values()), default=1.0) >= ENOUGH:
        # Spikes that come or stay away make jumps, in which nothing can be fitted.
        for x in _FEW if scalar.kind == "factor" else _FEW_OFFSETS:
            found = at(x * (1.0 if scalar.kind == "factor" else scalar.size))
            if found is not None and found.left < ENOUGH:
                break
    good = sorted((x for x in tried if tried[x].left < WORTH), key=lambda x: tried[x].left)
    if not good:
        return None
    best: tuple[float, Replayed] | None = None
    for x in [*_simple_near(good[0], scalar.kind), *good[:3]]:
        change = with_model(scalar.by(x))
        found = replay(change(side), far=scalar.far)
        if found is not None and (best is None or found.left < best[1].left):
            best = x, found
        if best is not None and best[1].left < ENOUGH:
            break
    return None if best is None else (hypothesis_of(scalar, best[0]), best[1])


def guesses(
    candidates: Sequence[Scalar], replay: Replay, side: Side, spent: Callable[[], bool]
) -> Iterator[tuple[Hypothesis, Replayed]]:
    """Hypotheses where spikes alone tell, so that nothing can be fitted: what people get wrong, tried.

    The likeliest change of every number first, then the next, until a round has found what is right or
    *spent* says that it is enough; then the next few of what is right, since one spike that stays away
    does so for many of them.
    """

    def tried(scalar: Scalar, k: int) -> Iterator[tuple[Hypothesis, Replayed]]:
        x = _FEW[k] if scalar.kind == "factor" else _FEW_OFFSETS[k] * scalar.size
        changed = with_model(scalar.by(x))(side)
        found = replay(changed, far=scalar.far, quick=True)
        if found is not None and found.left < WORTH:
            found = replay(changed, far=scalar.far)
            if found is not None:
                yield hypothesis_of(scalar, x), found

    for k in range(len(_FEW)):
        right = []
        for scalar in candidates:
            if spent():
                break
            for hypothesis, said in tried(scalar, k):
                if said.left < ENOUGH:
                    right.append(scalar)
                yield hypothesis, said
        for scalar in right[:NEXT]:
            for other in range(k + 1, min(k + 1 + NEXT, len(_FEW))):
                yield from tried(scalar, other)
        if right or spent():
            return


def _search(scalar: Scalar, replay: Replay, at: Callable[[float], Replayed | None]) -> bool:
    """Find the change whose response is that seen, from the change that makes none.

    Returns whether it is worth while to try others: the number has a part in what is seen, but spikes
    hide how large.
    """
    observed = replay.observed
    norm = float(observed @ observed)
    factor = scalar.kind == "factor"
    known = {1.0 if factor else 0.0: 0.0}
    alike = 0.0

    def response(x: float) -> float:
        nonlocal alike
        found = at(x)
        if found is None or found.early:
            return math.nan
        value = float(found.response @ observed) / norm
        if math.isfinite(value):
            known[x] = value
            size = float(np.linalg.norm(found.response)) * math.sqrt(norm)
            alike = max(alike, abs(value) * norm / size) if size else alike
        return value

    probes = _PROBES if factor else (-0.1 * scalar.size, 0.1 * scalar.size)
    values = [response(probes[0])]
    if math.isnan(values[0]) or (values[0] != 0 and alike < ALIKE):
        return replay.jumps
    values.append(response(probes[1]))
    if all(value == 0 for value in values):
        return replay.jumps
    for _ in range(ROUNDS):
        x = _root(known)
        if x is None or not math.isfinite(x) or abs(x) > 1e15:
            break
        if any(abs(x - old) <= 1e-13 * max(abs(x), 1e-300) for old in known):
            break
        value = response(x)
        found = at(x)
        if not math.isfinite(value) or (found is not None and found.left < 1e-9):
            break
    return replay.jumps


def _root(known: dict[float, float]) -> float | None:
    """Where (a + b·x)/(1 + c·x) through the three points nearest to 1 is 1; of the chord if that fails."""
    points = sorted(known.items(), key=lambda item: abs(item[1] - 1.0))[:3]
    if len(points) == 3:
        # r·(1 + c·x) = a + b·x is linear in a, b and c.
        matrix = np.array([[1.0, x, -r * x] for x, r in points])
        try:
            a, b, c = np.linalg.solve(matrix, [r for _, r in points])
        except np.linalg.LinAlgError:
            a, b, c = math.nan, math.nan, math.nan
        if math.isfinite(a) and b != c:
            return float((1.0 - a) / (b - c))
    if len(points) < 2:
        return None
    (x0, r0), (x1, r1) = points[:2]
    return None if r0 == r1 else x0 + (1.0 - r0) * (x1 - x0) / (r1 - r0)


def _simple_near(x: float, kind: str) -> Iterable[float]:
    """Numbers that people write near x: powers of ten and simple ratios, or few digits."""
    if kind == "factor":
        near = [s for s in _SIMPLE if abs(s - x) <= 1e-3 * max(abs(s), 1e-2)]
        yield from sorted(near, key=lambda s: abs(s - x))
    if x and math.isfinite(x):
        for digits in (2, 3, 4):
            rounded = float(f"{x:.{digits}g}")
            if rounded != x and abs(rounded - x) <= 1e-3 * abs(x):
                yield rounded


def hypothesis_of(scalar: Scalar, x: float) -> Hypothesis:
    """The hypothesis that a number is changed by x."""
    factor = scalar.kind == "factor"
    lost = factor and x == 0
    if factor:
        words = f"takes {scalar.place} times {x:.6g}"
        if scalar.value is not None:
            words += f" ({_amount(scalar.value * x, scalar.unit)} for {_amount(scalar.value, scalar.unit)})"
    else:
        words = (
            f"takes {scalar.place} {_amount(abs(x), scalar.unit)} {'higher' if x > 0 else 'lower'}"
        )
        if scalar.value is not None:
            words += f" ({_amount(scalar.value + x, scalar.unit)} for {_amount(scalar.value, scalar.unit)})"
    if lost:
        words = f"leaves out {scalar.place}"
    easy = factor and x in _SIMPLE
    return Hypothesis(
        scalar.zero if lost else scalar.cause,
        f"{scalar.place} {'×' if factor else '+'} {x:.12g}",
        words,
        "b",
        with_model(scalar.by(x)),
        prior=scalar.prior + (0.2 if easy else 0.0),
        factor=x if factor else None,
        place=scalar.place,
        exclusive=scalar.place,
        imitates=True,
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.6g} {unit}" if unit != "1" else f"{value:.6g}"
