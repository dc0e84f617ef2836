"""A study of convergence in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from ....backends.registry import numerics_of
from ...measuring.equivalence import all_equivalent
from ...measuring.wording import caveat_sentences
from .horizon import Horizon
from .order import Order, Verdict
from .study import ALL_LEVELS, ConvergenceStudy, Series

SYMBOLS: Mapping[Verdict, str] = {
    "exact": "✓",
    "converges": "✓",
    "undecided": "·",
    "stalls": "≁",
    "elsewhere": "≠",
}
MEANING: Mapping[Verdict, str] = {
    "exact": "within round-off of the truth at every step tried",
    "converges": "its error goes to 0 with dt",
    "elsewhere": "converges to something else: its limit is apart from the truth by more than twice "
    "its uncertainty",
    "stalls": "does not converge: its error does not go down with dt",
    "undecided": "too few levels to say, a truth that is not known so well, or not all was seen",
}


def amount(value: float, unit: str, digits: int = 2) -> str:
    """A number with its unit."""
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}g} {unit}".strip()


def sentences(study: ConvergenceStudy) -> list[str]:
    """The truth, a sentence for every series with its reasons, the horizon."""
    lines = [f"held against {study.truth}"] if study.truth else ["no run ended well"]
    for series in study.series:
        lines.append(f"{symbol(series)} {sentence(series)}")
        lines += [f"  {reason}" for reason in (*reasons(series), *beside(series))]
    if study.horizon is not None:
        lines += horizon_lines(study.horizon)
    return lines


def symbol(series: Series) -> str:
    """One sign for how a series ended."""
    if not series.ok:
        run = series.levels[0].run
        return "∅" if run.status == "unsupported" else "✕"
    return SYMBOLS[series.verdict]


def sentence(series: Series) -> str:
    """What a series does as dt is halved, in one sentence."""
    if not series.ok:
        run = series.levels[0].run
        return f"{series.label}: {run.status}, {run.reason}"
    if not series.orders:
        return (
            f"{series.label}: nothing to compare: no spike and no sample in common with the truth"
        )
    flagged = [o for o in series.orders if o.verdict in ("elsewhere", "stalls")]
    # Where crossings are known between samples, stamps on the grid add nothing to a flag.
    if any(not o.stamped for o in flagged):
        flagged = [o for o in flagged if not o.stamped]
    if flagged:
        rest = [o for o in series.orders if o.verdict not in ("elsewhere", "stalls")]
        said = [_flag(o) for o in flagged] + [_about(o, series) for o in rest]
        return f"{series.label} {'; '.join(said)}"
    said = [_about(o, series) for o in series.orders]
    if series.caveats and series.verdict == "undecided":
        said.insert(0, "undecided")
    return f"{series.label}: {'; '.join(said)}; {_finest(series)}"


def beside(series: Series) -> list[str]:
    """What was not seen of a series that ran, and what cannot be trusted, in sentences."""
    return caveat_sentences(series.caveats) if series.ok else []


def brief(series: Series) -> str:
    """The sentence of a flagged series; of others the error at the finest step, a table has the orders."""
    if series.flagged or not series.ok or not series.orders:
        return sentence(series)
    word = ", undecided" if series.caveats and series.verdict == "undecided" else ""
    return f"{series.label}{word}, {_finest(series)}"


def grouped_reasons(series: Sequence[Series]) -> list[str]:
    """The reasons of all series, each once, with those it is about where these are not all."""
    about: dict[str, list[str]] = {}
    for s in series:
        for reason in reasons(s):
            about.setdefault(reason, []).append(s.label)
    n = sum(bool(s.orders) for s in series)
    return [
        reason if len(labels) == n else f"{reason} ({'; '.join(labels)})"
        for reason, labels in about.items()
    ]


def stops(series: Sequence[Series]) -> list[str]:
    """Why the series that did not run all levels stopped."""
    return [f"{s.label} stopped: {s.stopped}" for s in series if s.ok and s.stopped != ALL_LEVELS]


def _flag(order: Order) -> str:
    if order.verdict == "stalls":
        return (
            f"DOES NOT CONVERGE in its {order.name}: the error goes from "
            f"{amount(order.errors[0], order.unit)} to {amount(order.errors[-1], order.unit)} "
            f"between dt {order.dts[0]:g} and {order.dts[-1]:g} ms"
        )
    what = f"CONVERGES TO SOMETHING ELSE in its {order.name}"
    off = (
        f"{amount(order.limit_rms, order.unit, 3)} off as dt → 0 (root mean square, "
        f"± {amount(order.limit_uncertainty, order.unit)}), order {order.order_in_words} to that limit"
    )
    worst = order.worst
    if worst is None or order.unit != "ms":
        return f"{what}: {off}"
    side = "early" if worst.value < 0 else "late"
    return (
        f"{what}: {worst.place} comes {abs(worst.value):.3g} ± {worst.uncertainty:.1g} ms {side} as "
        f"dt → 0; all are {off}"
    )


def _about(order: Order, series: Series) -> str:
    if order.verdict == "exact":
        return f"{order.name} exact to round-off ({amount(order.errors[-1], order.unit)})"
    known = numerics_of(series.backend).order(series.method)
    book = ""
    if not order.stamped and math.isfinite(known):
        book = f" (textbook {known:g})"
    return f"{order.name} of order {order.order_in_words}{book}"


def _finest(series: Series) -> str:
    last = next(level for level in reversed(series.levels) if level.run.ok)
    said = f"dt {last.dt_ms:g} ms: "
    if last.error is not None:
        return said + last.error.in_words
    stamps = series.orders[0]
    return said + f"{stamps.name} within {amount(stamps.largest, stamps.unit)}"


def reasons(series: Series) -> list[str]:
    """What holds the orders of a series down, each with the quantities it is about."""
    about: dict[str, list[str]] = {}
    for name, found in series.reasons.items():
        for reason in found:
            about.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in about.items()]


MARKS = {"equivalent": "✓", "undecided": "~", "different": "≠"}
"""One sign for every verdict of an equivalence test."""


def horizon_lines(horizon: Horizon) -> Iterator[str]:
    """Until when runs agree, how a perturbation grows, the statistics after that."""
    yield from agreement_lines(horizon)
    for test in horizon.tests:
        yield f"{MARKS[test.verdict]} {test.in_words}"
    yield from distribution_lines(horizon)


def agreement_lines(horizon: Horizon) -> Iterator[str]:
    """Until when runs agree, how a perturbation grows, what the statistics are of."""
    for label, levels in horizon.until_ms.items():
        first, last = levels[0], levels[-1]
        if last[1] is None:
            yield f"horizon: {label} keeps the spikes of the truth to the end from dt {_from(levels):g} ms on"
            continue
        start = "to the end" if first[1] is None else f"until {first[1]:.4g} ms"
        yield (
            f"horizon: {label} has the spikes of the truth {start} with dt {first[0]:g} ms, until "
            f"{last[1]:.4g} ms with dt {last[0]:g} ms"
        )
    if horizon.lyapunov is not None:
        yield horizon.lyapunov.in_words
    if horizon.missing:
        yield f"statistics: {horizon.missing}"
        return
    yield (
        f"statistics from {horizon.start_ms:.4g} ms on, {len(horizon.seeds)} seeds, at the model's own "
        f"dt; {horizon.margin_rule}"
    )
    yield all_equivalent(horizon.tests)


def distribution_lines(horizon: Horizon) -> Iterator[str]:
    """How far the distributions over cells are from those of the yardstick, beside the spread over seeds."""
    for row in horizon.distributions:
        if not row.distance:
            continue
        unit = f" {row.unit}" if row.unit else ""
        yield (
            f"distribution of {row.quantity} over single cells: {row.b} is {row.distance:.3g}{unit} "
            f"from {row.a} (Wasserstein), two seeds are {row.between_seeds:.3g}{unit} apart"
        )


def _from(levels: tuple[tuple[float, float | None], ...]) -> float:
    """The coarsest dt from which on no level parts."""
    found = levels[-1][0]
    for dt, until in reversed(levels):
        if until is not None:
            break
        found = dt
    return found
