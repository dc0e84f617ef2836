"""The network of a benchmark, realized once and written twice: for us and for the native scripts.

Run as a process of its own (``python -m coincide.comparisons.checks.bench.networks coba 4000 1000 DIR``),
it prints one line of JSON, so that the memory it takes is that of realizing alone.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.experiment import Experiment
from ....core.realization import Edges, Realization
from ....core.realize import realize
from ....models.library import load_model
from .options import MODELS

REALIZATION, NATIVE, OUT_DEGREES = "realization.npz", "edges.npz", "out_degrees.npz"


def experiment_of(network: str, size: int, duration_ms: float) -> Experiment:
    """The library's network with spikes as its only recording, as the native scripts record them."""
    experiment = load_model(MODELS.get(network, network), size=size)
    return experiment.with_(duration=f"{duration_ms} ms", records=[])


def first_cells(realization: Realization) -> dict[str, int]:
    """The number of each population's first cell when all cells are numbered through."""
    sizes = [p.size for p in realization.populations.values()]
    starts = np.cumsum([0, *sizes])[:-1].tolist()
    return dict(zip(realization.populations, starts, strict=True))


def native_arrays(realization: Realization) -> dict[str, NDArray[Any]]:
    """The wiring file of `native/edges.py` from a realization, with weights divided by the leak g_L.

    Connections are sorted by source, then target. A conductance in nS over g_L in nS is a number; a
    current in pA over g_L in nS is in mV.
    """
    first = first_cells(realization)
    populations = realization.populations
    leak = {name: np.asarray(p.parameters["g_L"]) for name, p in populations.items()}
    arrays: dict[str, NDArray[Any]] = {
        "v0": np.concatenate([p.initial["v"] for p in populations.values()])
    }
    for name in ("exc", "inh"):
        chosen = [e for e in realization.edges if e.receptor == name]
        columns = [_columns(edges, first, leak[edges.target]) for edges in chosen]
        pre, post, weight, delay = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.lexsort((post, pre))
        arrays[f"{name}_pre"] = pre[order].astype(np.int32)
        arrays[f"{name}_post"] = post[order].astype(np.int32)
        arrays[f"{name}_weight"] = weight[order]
        arrays[f"{name}_delay"] = delay[order].astype(np.int32)
        arrays[f"g{name[0]}0"] = np.concatenate(
            [
                p.initial[f"g_{name}"] / leak[key] if f"g_{name}" in p.initial else np.zeros(p.size)
                for key, p in populations.items()
            ]
        )
    return arrays


def _columns(edges: Edges, first: dict[str, int], leak: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    n = len(edges)
    weight = np.broadcast_to(np.asarray(edges.weight) / leak, n)
    delay = np.broadcast_to(edges.delay_steps, n)
    return edges.pre + first[edges.source], edges.post + first[edges.target], weight, delay


def out_degrees(realization: Realization) -> dict[str, NDArray[np.int64]]:
    """By population or source, how many connections leave each cell: a spike makes that many events."""
    found = {name: np.zeros(p.size, np.int64) for name, p in realization.populations.items()}
    found |= {name: np.zeros(s.size, np.int64) for name, s in realization.sources.items()}
    for edges in realization.edges:
        found[edges.source] += np.diff(edges.starts)
    return found


def array_bytes(realization: Realization) -> int:
    """The bytes of all connections of a realization; a value that all share counts once."""
    fields = ("pre", "post", "weight", "delay_steps", "delay_ms")
    return sum(np.asarray(getattr(e, field)).nbytes for e in realization.edges for field in fields)


def write(network: str, size: int, duration_ms: float, folder: Path) -> dict[str, Any]:
    """Realize a network and write its files; returns what was measured.

    Keys: `cells`, `synapses`, `realize_s` (drawing all numbers), `bytes` (of the connections in
    memory), `given_events` (arrivals of given spikes). What the native scripts read is written of the
    networks that they have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    experiment = experiment_of(network, size, duration_ms)
    started = time.perf_counter()
    realization = realize(experiment)
    realized = time.perf_counter()
    realization.save(folder / REALIZATION)
    if network in MODELS:
        np.savez(folder / NATIVE, **native_arrays(realization))  # type: ignore[arg-type]
    degrees = out_degrees(realization)
    np.savez(folder / OUT_DEGREES, **degrees)  # type: ignore[arg-type]
    return {
        "cells": size,
        "synapses": sum(len(edges) for edges in realization.edges),
        "realize_s": realized - started,
        "bytes": array_bytes(realization),
        "given_events": sum(
            int(degrees[name][source.cells].sum()) for name, source in realization.sources.items()
        ),
    }


if __name__ == "__main__":
    name, cells, duration, target = sys.argv[1:]
    print(json.dumps(write(name, int(cells), float(duration), Path(target))))
