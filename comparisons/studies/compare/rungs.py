"""The ladder: how far every backend is from the yardstick in raw, aligned and lockstep.

From raw to aligned a simulator gives up its conventions, from aligned to lockstep its integrator; what a rung
takes away is what these made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ....core.settings import MODES
from ...measuring import ROUND_OFF, wording
from ...measuring.pairs import Pair
from ...showing import charts, style
from ...showing.drawing import Drawing
from ...showing.layout import NARROW_IN
from ...showing.section import Section, Table, bullets, prose
from . import words
from .study import Comparison

_FLOOR = 1e-17
_DODGE = 0.08
COLUMNS: Mapping[str, str] = {
    "backend": "backend",
    "mode": "mode",
    "yardstick": "held against",
    "verdict": "verdict",
    "spikes": "spikes",
    "matched": "matched",
    "unmatched_percent": "without partner (%)",
    "spikes_until_ms": "same spikes until (ms)",
    "relative": "max |Δ| / range",
    "rms_relative": "rms Δ / range",
}


@dataclass(frozen=True)
class Rung:
    """One backend in one mode against the yardstick of the mode.

    ``unmatched`` is the share of spikes without a partner, ``relative`` the largest difference of a trace
    over its range; None without spikes or traces.
    """

    label: str
    backend: str
    mode: str
    yardstick: str
    pair: Pair

    @property
    def n_spikes(self) -> int:
        """The spikes of the run that has more."""
        spikes = self.pair.spikes
        return max(sum(row.n_a for row in spikes), sum(row.n_b for row in spikes))

    @property
    def matched(self) -> int:
        """The spikes that have a partner."""
        return sum(row.matched for row in self.pair.spikes)

    @property
    def unmatched(self) -> float | None:
        """The share of spikes without a partner; None without spikes."""
        return 1.0 - self.matched / self.n_spikes if self.n_spikes else None

    @property
    def relative(self) -> float | None:
        """The largest difference of a trace over its range; None without traces."""
        return max((row.relative for row in self.pair.traces if row.n_compared), default=None)

    @property
    def settled(self) -> bool:
        """Whether nothing but round-off is left."""
        return self.pair.verdict in ("identical", "round-off")


def ladder(comparison: Comparison) -> list[list[Rung]]:
    """The rungs of every backend that has more than one, in the order of the modes."""
    labels = words.run_labels(comparison.runs)
    found: dict[str, list[Rung]] = {}
    for mode in MODES:
        runs = [run for run in comparison.runs if run.mode == mode and run.ok]
        held = words.reference_of(runs)
        for run in runs:
            if held is not None and run is not held:
                pair = comparison.pair(held.id, run.id)
                rung = Rung(labels[run.id], run.backend, mode, labels[held.id], pair)
                found.setdefault(rung.label, []).append(rung)
    return [rungs for rungs in found.values() if len(rungs) > 1]


def ladder_section(comparison: Comparison) -> Section | None:
    """The ladder as sentences, figure and table; None where no backend ran in two modes."""
    found = ladder(comparison)
    if not found:
        return None
    title = wording.titled(comparison.experiment)
    narrow = Drawing(ladder_figure(found, title, NARROW_IN), "")
    drawing = Drawing(
        ladder_figure(found, title),
        f"Disagreement with the yardstick by mode: {' '.join(sentence(r) for r in found)}",
        f"Each backend against {_held(found)}. At 0 nothing is left; lines that coincide stand side by side.",
        narrow=narrow,
    )
    rows = [row for rungs in found for row in map(_row, rungs)]
    html = prose(
        "From raw to aligned a simulator gives up its conventions, from aligned to lockstep its "
        "integrator: what a step takes away is what these made. What is left in lockstep is neither.",
        quiet=True,
    ) + bullets(sentence(rungs) for rungs in found)
    return Section(
        "Ladder: raw → aligned → lockstep",
        html,
        {"rungs": drawing},
        {"rungs": Table(COLUMNS, rows)},
    )


def _held(found: Sequence[Sequence[Rung]]) -> str:
    """What is held against, with the modes where that changes."""
    held = {rung.mode: f"the {rung.yardstick}" for rungs in found for rung in rungs}
    if len(set(held.values())) == 1:
        return next(iter(held.values()))
    return wording.enumerate_words([f"{name} in {mode}" for mode, name in held.items()])


def _row(rung: Rung) -> dict[str, Any]:
    return {
        "backend": rung.label,
        "mode": rung.mode,
        "yardstick": rung.yardstick,
        "verdict": rung.pair.verdict,
        "spikes": rung.n_spikes,
        "matched": rung.matched,
        "unmatched_percent": None if rung.unmatched is None else 100 * rung.unmatched,
        "spikes_until_ms": rung.pair.spikes_until_ms,
        "relative": rung.relative,
        "rms_relative": max(
            (row.relative_rms for row in rung.pair.traces if row.n_compared), default=None
        ),
    }


def sentence(rungs: Sequence[Rung]) -> str:
    """What the steps of one backend took away, in words."""
    first = next((k for k, rung in enumerate(rungs) if rung.settled), None)
    said = f"{rungs[0].label}: " + "; ".join(_about(rung) for rung in rungs)
    unseen = [rung.mode for rung in rungs if rung.pair.verdict == "undecided"]
    if unseen:
        return (
            f"{said}. Not all was seen in {wording.enumerate_words(unseen)}, so no cause is told."
        )
    if first is not None and (later := [r.mode for r in rungs[first:] if not r.settled]):
        return f"{said}. {later[0]} differs although {rungs[first].mode} does not: neither explains it."
    if first == 0:
        return f"{said}. Nothing but round-off in any mode."
    if first is None:
        left = rungs[-1]
        if left.mode == "lockstep":
            return f"{said}. What is left in lockstep is neither a convention nor an integrator."
        return f"{said}. Lockstep would tell what of this is numerics."
    if rungs[first].mode == "aligned":
        return f"{said}. All that differs is due to its conventions."
    if rungs[first - 1].mode == "aligned":
        return f"{said}. What aligned leaves is due to its integrator."
    return f"{said}. All that differs is due to its conventions and its integrator."


def _about(rung: Rung) -> str:
    """One rung in a few words."""
    if rung.pair.verdict == "identical":
        return f"{rung.mode} identical"
    if rung.settled:
        return f"{rung.mode} the same to round-off"
    if rung.unmatched:
        return f"{rung.mode} {rung.matched:,} of {rung.n_spikes:,} spikes in common"
    said = f"{rung.mode} every spike in common, " if rung.n_spikes else f"{rung.mode} "
    return f"{said}traces within {wording.scientific(rung.relative)} of their range"


def ladder_figure(
    found: Sequence[Sequence[Rung]], title: str, width: float = charts.WIDTH_IN
) -> Figure:
    """Spikes without a partner, and the largest difference of a trace, over the modes."""
    looks = charts.looks([(rungs[0].label, rungs[0].backend) for rungs in found])
    modes = [m for m in MODES if any(rung.mode == m for rungs in found for rung in rungs)]
    kinds = [
        draw
        for draw, name in ((_draw_spikes, "unmatched"), (_draw_traces, "relative"))
        if any(getattr(rung, name) is not None for rungs in found for rung in rungs)
    ]
    wide = width > NARROW_IN
    with charts.chart(width, 2.5 if wide else 0.5 + 2.0 * len(kinds)) as figure:
        shape = (1, max(1, len(kinds))) if wide else (max(1, len(kinds)), 1)
        axes = figure.subplots(*shape, squeeze=False).ravel()
        for ax, draw in zip(axes, kinds, strict=False):
            draw(ax, found, looks, modes)
            ax.set_xticks(range(len(modes)), modes)
            ax.set_xlim(-0.3, len(modes) - 0.7)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(len(labels), 5 if wide else 3)
        )
        figure.suptitle(
            f"{title}: {' → '.join(modes)}", fontsize=8.5, x=0.01, ha="left", color=style.MUTED
        )
    return figure


def _draw_spikes(
    ax: Axes,
    found: Sequence[Sequence[Rung]],
    looks: Mapping[str, charts.Look],
    modes: Sequence[str],
) -> None:
    for k, rungs in enumerate(found):
        seen = [r for r in rungs if r.unmatched is not None]
        at = [modes.index(r.mode) + _shift(k, len(found)) for r in seen]
        label = rungs[0].label
        ax.plot(at, [100 * (r.unmatched or 0.0) for r in seen], label=label, **looks[label].line)
    ax.set_ylabel("spikes without a partner (%)")
    top = max(ax.get_ylim()[1], 1.0)
    ax.set_ylim(-0.05 * top, top)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _draw_traces(
    ax: Axes,
    found: Sequence[Sequence[Rung]],
    looks: Mapping[str, charts.Look],
    modes: Sequence[str],
) -> None:
    largest = 0.0
    for k, rungs in enumerate(found):
        seen = [r for r in rungs if r.relative is not None and math.isfinite(r.relative)]
        at = [modes.index(r.mode) + _shift(k, len(found)) for r in seen]
        sizes = [math.log10(max(r.relative or 0.0, _FLOOR)) for r in seen]
        largest = max([largest, *(r.relative or 0.0 for r in seen)])
        label = rungs[0].label
        ax.plot(at, sizes, label=label, **looks[label].line)
    top = max(0, math.ceil(math.log10(largest))) if largest > 0 else 0
    bottom = math.log10(_FLOOR)
    ax.set_ylim(bottom - 0.7, top + 0.5)
    powers = range(-15, top + 1, 3)
    ax.set_yticks([bottom, *powers], ["0", *(style.power_label(p, "1") for p in powers)])
    ax.axhline(math.log10(ROUND_OFF), color=style.MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
    ax.annotate(
        "round-off",
        (0.0, math.log10(ROUND_OFF)),
        (2, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="bottom",
        color=style.MUTED,
        fontsize=6.5,
    )
    ax.set_ylabel("largest difference of a trace\nover its range")


def _shift(place: int, n: int) -> float:
    """Lines that coincide stand side by side."""
    return _DODGE * (place - (n - 1) / 2)
