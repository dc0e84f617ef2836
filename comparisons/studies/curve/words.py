"""What a curve says, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...measuring.wording import caveat_sentences, enumerate_words
from .rates import Edge
from .study import Curve


def between(edge: Edge, unit: str) -> str:
    """An edge as people say it."""
    if edge.silent is None:
        return f"at or below {edge.firing:.4g} {unit}"
    low, high = sorted((edge.silent, edge.firing))
    return f"between {low:.4g} and {high:.4g} {unit}"


def sentences(curve: Curve) -> list[str]:
    """What was not seen, how rates were measured, where firing starts and ends, how far all are apart."""
    e = curve.experiment
    said = []
    if any(caveat.limits for caveat in curve.caveats):
        said.append("Undecided, for not all was seen:")
    said += caveat_sentences(curve.caveats)
    said += [
        f"Rates of the intervals that end between {curve.start_ms:g} and {e.duration_ms:g} ms; "
        f"{curve.currents.size} currents in {curve.rounds} rounds, dt {e.dt}, {curve.mode}."
    ]
    for what, edge_of in (("Firing starts", curve.onset), ("Firing ends (block)", curve.block)):
        groups: dict[str, list[str]] = {}
        for name in curve.simulators:
            edge = edge_of(name)
            if edge is not None:
                groups.setdefault(between(edge, curve.unit), []).append(name)
        for where, names in groups.items():
            whose = f" for {enumerate_words(names)}" if len(groups) > 1 else ""
            said.append(f"{what} {where}{whose}.")
    silent = [name for name in curve.simulators if curve.onset(name) is None]
    if silent:
        said.append(f"Silent at every current: {enumerate_words(silent)}.")
    for name in curve.simulators:
        if name == curve.yardstick:
            continue
        said += _apart(curve, name)
    said += [f"{name}: no curve, {reason}" for name, reason in curve.failed.items()]
    if curve.rates and curve.n_simulators < 2:
        one = (
            "One simulator tells"
            if curve.n_simulators
            else "What judges is no simulator, and tells"
        )
        said.append(f"{one} nothing of another.")
    return said


def _apart(curve: Curve, name: str) -> Iterator[str]:
    """How far a simulator is from the yardstick, where both fire and where one of them does."""
    difference, current = curve.largest_difference(name)
    alone = curve.one_only(name)
    words = []
    if not math.isnan(difference):
        words.append(
            f"at most {difference:+.2f} Hz off {curve.yardstick} where both fire, "
            f"at {current:.4g} {curve.unit}"
        )
    if alone.size:
        at = f"{alone[0]:.4g}" if alone.size == 1 else f"{alone[0]:.4g} to {alone[-1]:.4g}"
        currents = "current" if alone.size == 1 else "currents"
        words.append(f"only one of the two fires at {alone.size} {currents}, {at} {curve.unit}")
    if words:
        yield f"{name}: {'; '.join(words)}."
