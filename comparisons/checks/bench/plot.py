"""The figure of --scaling: time and memory over synapses, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...showing.style import INK, MUTED, RULE, colours
from .scaling import REALIZE
from .tables import Cell, Table

_PANELS = (
    ("run_s", "run phase (s)", "Time to run"),
    ("build_s", "build (s)", "Time to build"),
    ("peak_mb", "peak memory of the process (MB)", "Memory"),
)
_MARKERS = "osD^vP"


def draw_scaling(table: Table, folder: Path) -> list[Path]:
    """Write ``scaling.png`` and ``scaling.svg``; a dashed line of slope 1 shows what linear is."""
    names = list(dict.fromkeys(str(row["backend"]) for row in table.rows))
    colour = colours((name, name) for name in names)
    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    for axes, (key, label, title) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        curves = {name: _curve(name, key, table.rows) for name in names}
        for k, (name, (x, y)) in enumerate(curves.items()):
            if x.size:
                axes.plot(
                    x,
                    y,
                    color=colour[name],
                    marker=_MARKERS[k % len(_MARKERS)],
                    markersize=5,
                    linewidth=1.6,
                    label="drawing all numbers" if name == REALIZE else name,
                )
        _linear(axes, [curve for curve in curves.values() if curve[0].size])
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("synapses")
        axes.set_ylabel(label)
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.grid(True, color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=MUTED, which="both")
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        frameon=False,
        ncols=len(handles) or 1,
    )
    figure.suptitle(f"{table.title}\n{table.machine}", fontsize=9, color=MUTED)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for suffix in ("png", "svg"):
        path = folder / f"scaling.{suffix}"
        figure.savefig(path, dpi=150)
        written.append(path)
    return written


def _curve(
    name: str, key: str, rows: Sequence[Mapping[str, Cell]]
) -> tuple[np.ndarray, np.ndarray]:
    points = [
        (float(row["synapses"]), float(row[key]))  # type: ignore[arg-type]
        for row in rows
        if row["backend"] == name and row.get(key) and row.get("synapses")
    ]
    x, y = np.asarray(points, float).reshape(-1, 2).T
    return x, y


def _linear(axes: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """A line of slope 1 through the end of the curve that is highest there."""
    if not curves:
        return
    x, y = max(curves, key=lambda curve: curve[1][-1])
    ends = np.asarray([min(c[0][0] for c in curves), max(c[0][-1] for c in curves)])
    axes.plot(
        ends,
        y[-1] * ends / x[-1],
        color=MUTED,
        linestyle="--",
        linewidth=1,
        label="linear",
        zorder=1,
    )
