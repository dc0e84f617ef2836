"""What a curve says, in sentences."""

from __future__ import annotations

import math

from ..words import enumerate_words
from .rates import Edge
from .study import Curve


def between(edge: Edge, unit: str) -> str:
    """An edge as people say it."""
    if edge.silent is None:
        return f"at or below {edge.firing:.4g} {unit}"
    low, high = sorted((edge.silent, edge.firing))
    return f"between {low:.4g} and {high:.4g} {unit}"


def sentences(curve: Curve) -> list[str]:
    """How rates were measured, where firing starts and ends, how far the simulators are apart."""
    e = curve.experiment
    said = [
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
        difference, current = curve.largest_difference(name)
        if not math.isnan(difference):
            said.append(
                f"{name}: at most {difference:+.2f} Hz off {curve.yardstick}, "
                f"at {current:.4g} {curve.unit}."
            )
    said += [f"{name}: no curve, {reason}" for name, reason in curve.failed.items()]
    return said
