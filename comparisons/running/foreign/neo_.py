"""Neo's blocks and segments as recordings, and the way back.

Everything in them is read or named: all segments, all signals (regular or not), every train by the id that
it is annotated with. Waveforms, events, epochs and images are named as left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.recording import Recording, Spikes, Trace
from ....core.values import Floats
from .found import Found
from .ids import Ids, named_ids, split_name, whole_ids
from .reading import Reading
from .sampled import in_internal, trace_of
from .time_steps import check_times

_POPULATION = ("source_population", "population")
_ID = (
    "source_index",
    "source_id",
    "channel_id",
    "channel_index",
    "unit_id",
    "node_id",
    "gid",
    "cell_id",
    "cell",
    "neuron",
    "id",
)
_IDS = (
    "source_index",
    "source_ids",
    "source_indices",
    "channel_id",
    "channel_ids",
    "channel_index",
    "channel_names",
)
_EXTRAS = {".nix": "nixio"}


def read_neo(path: Path, found: Found) -> None:
    """Add what Neo reads of a file to *found*; InputError saying what to install, or why it cannot."""
    try:
        import neo
    except ImportError as error:
        raise InputError(
            str(path), "is no SONATA or CSV file; to try Neo: pip install 'coincide[analysis]'"
        ) from error
    try:
        blocks = neo.get_io(str(path)).read()
    except Exception as error:  # Neo's readers fail in ways of their own
        library = _EXTRAS.get(path.suffix.lower())
        if library is not None and not _is_installed(library):
            raise InputError(
                str(path), f"is read by Neo with {library}: pip install {library}"
            ) from error
        if "Could not identify IO" in str(error):
            known = "a SONATA .h5, a .csv, .npz or .mat, or a file that Neo knows by its name"
            raise InputError(
                str(path), f"is of a kind that nothing here reads; give {known}"
            ) from None
        raise InputError(
            str(path), "cannot be read by Neo; it is damaged, or of another kind than its name says"
        ) from error
    add_neo(blocks, path.stem, found)


def _is_installed(library: str) -> bool:
    from importlib.util import find_spec

    return find_spec(library) is not None


def from_neo(source: Any, population: str = "cells") -> Recording:
    """A recording from a Neo block or segment, or several blocks.

    Trains and signals annotated with ``source_population``, as PyNN does, go to that population. Trains are
    told by ``source_index``, ``source_id``, ``channel_id`` or their names, in whatever order they stand.
    """
    found = Found("neo", Reading())
    add_neo(source, population, found)
    return found.foreign().recording


def add_neo(source: Any, population: str, found: Found) -> None:
    """Add Neo's objects to *found*."""
    segments = list(_segments(source))
    if not segments:
        raise InputError(found.where, "holds no segment")
    found.base = population
    found.made_by = found.made_by or _made_by(source)
    for suffix, segment in segments:
        _add_trains(segment, population, suffix, found)
        _add_signals(segment, population, suffix, found)
        for kind in ("events", "epochs", "imagesequences"):
            n = len(getattr(segment, kind, ()))
            if n:
                found.left_out(f"{kind}{suffix}", f"{n} of them are neither spikes nor traces")


def _made_by(source: Any) -> str:
    """The simulator that PyNN names in a block's annotations."""
    first = source[0] if isinstance(source, list | tuple) and source else source
    notes = getattr(first, "annotations", {})
    named = [notes.get(key) for key in ("simulator", "software", "simulator_version")]
    return " ".join(str(part) for part in named if part)


def _segments(source: Any) -> Iterable[tuple[str, Any]]:
    """Every segment with what tells it from the first."""
    if hasattr(source, "spiketrains") and not hasattr(source, "segments"):
        yield "", source
        return
    blocks = [source] if hasattr(source, "segments") else list(source)
    for b, block in enumerate(blocks):
        for s, segment in enumerate(block.segments):
            parts = [f"block {b + 1}"] if len(blocks) > 1 else []
            parts += [f"segment {s + 1}"] if len(block.segments) > 1 else []
            yield f" [{', '.join(parts)}]" if parts and (b or s) else "", segment


def _population_of(item: Any, population: str) -> str:
    for key in _POPULATION:
        if key in item.annotations:
            return str(item.annotations[key])
    return population


def _in_ms(quantity: Any, where: str) -> Floats:
    try:
        values = np.asarray(quantity.rescale("ms").magnitude, dtype=np.float64)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            where, f"has times in {getattr(quantity, 'units', '?')}, no times"
        ) from error
    return values


def _add_trains(segment: Any, population: str, suffix: str, found: Found) -> None:
    groups: dict[str, list[Any]] = {}
    for train in segment.spiketrains:
        groups.setdefault(_population_of(train, population), []).append(train)
    for name, trains in groups.items():
        ids, labels = _ids_of(trains, name, found)
        times = [_in_ms(train, f"{found.where}, train {k + 1}") for k, train in enumerate(trains)]
        counts = [part.size for part in times]
        joined = np.concatenate([*times, np.empty(0)])
        check_times(joined, f"{found.where}, {name}")
        size = max(len(trains), int(ids.max()) + 1)
        found.add_spikes(name + suffix, Spikes.sorted(joined, np.repeat(ids, counts)), size)
        if labels:
            found.labels[name + suffix] = labels
        if any(getattr(train, "waveforms", None) is not None for train in trains):
            found.left_out(f"{name}{suffix}, waveforms", "are not compared")
        stops = [float(_in_ms(t.t_stop, found.where)) for t in trains if np.isfinite(t.t_stop)]
        found.duration_ms = max([*stops, found.duration_ms or 0.0])
        starts = [float(_in_ms(t.t_start, found.where)) for t in trains]
        found.start_ms = min([*starts, np.inf if found.start_ms is None else found.start_ms])


def _ids_of(trains: Sequence[Any], name: str, found: Found) -> tuple[Ids, tuple[str, ...]]:
    """The cells of trains by what they are annotated with, or by their names, or by their order."""
    candidates = [[train.annotations.get(key) for train in trains] for key in _ID]
    candidates.append([train.name for train in trains])
    for values in candidates:
        ids = _distinct(values, f"{found.where}, {name}", found)
        if ids is not None:
            return ids
    if len(trains) > 1:
        found.assumed(name, "trains have no ids that tell them apart: numbered in their order")
    return np.arange(len(trains), dtype=np.int32), ()


def _distinct(
    values: Sequence[Any], where: str, found: Found
) -> tuple[Ids, tuple[str, ...]] | None:
    """Ids, one a train or signal, if all have one and no two the same."""
    if any(value is None or str(value) == "" for value in values):
        return None
    texts = [str(value) for value in values]
    if len(set(texts)) < len(texts):
        return None
    if all(isinstance(value, int | float | np.number) for value in values):
        return whole_ids(np.array(values), where, found.reading.ids_from), ()
    if all(text.isascii() and text.isdigit() for text in texts):
        return whole_ids(np.array([int(t) for t in texts]), where, found.reading.ids_from), ()
    parts = [split_name(text) for text in texts]
    if all(parts) and len({part[0] for part in parts if part}) == 1:
        return whole_ids(np.array([p[1] for p in parts if p]), where, found.reading.ids_from), ()
    return named_ids(np.array(texts))


def _add_signals(segment: Any, population: str, suffix: str, found: Found) -> None:
    groups: dict[tuple[str, str], list[Trace]] = {}
    for signal in (*segment.analogsignals, *segment.irregularlysampledsignals):
        name = _population_of(signal, population) + suffix
        variable = str(signal.name or "signal")
        trace = _trace(signal, f"{found.where}, {name}.{variable}", variable, found)
        if trace is None:
            found.left_out(f"{name}.{variable}", "its samples are no real numbers, or too few")
        else:
            groups.setdefault((name, variable), []).append(trace)
    for (name, variable), traces in groups.items():
        merged = _merged(traces)
        if len(merged) > 1:
            found.assumed(
                f"{name}.{variable}",
                f"{len(merged)} signals of this name are told apart by their order",
            )
        for trace in merged:
            found.add_trace(name, variable, trace)


def _trace(signal: Any, where: str, variable: str, found: Found) -> Trace | None:
    values = np.asarray(signal.magnitude)
    if values.dtype.kind not in "iuf" or values.ndim != 2 or not values.size:
        return None
    text = str(signal.units.dimensionality.string)
    unit = "1" if text == "dimensionless" else text
    values, unit = in_internal(values.astype(np.float64), variable, unit, where, found)
    cells = _cells_of(signal, values.shape[1], where, found)
    if not hasattr(signal, "sampling_period"):
        if values.shape[0] < 2:
            return None
        return trace_of(_in_ms(signal.times, where), values, cells, unit, where)
    start = float(_in_ms(signal.t_start, where))
    # 0.1 and not 0.0999…98, which a sampling rate of 10 kHz becomes.
    dt = float(f"{float(_in_ms(signal.sampling_period, where)):.12g}")
    check_times(np.array([start, dt]), where)
    return Trace(values, cells, unit, start, dt) if dt > 0 else None


def _cells_of(signal: Any, n: int, where: str, found: Found) -> Ids:
    notes = {**getattr(signal, "annotations", {}), **getattr(signal, "array_annotations", {})}
    for key in _IDS:
        values = notes.get(key)
        if values is None or np.size(values) != n:
            continue
        ids = _distinct(np.atleast_1d(values).tolist(), where, found)
        if ids is not None and not ids[1]:
            return ids[0]
    return np.arange(n, dtype=np.int32)


def _merged(traces: list[Trace]) -> list[Trace]:
    """Signals of one name: as the cells of one trace where their ids say so, else as they are."""
    if len(traces) == 1:
        return [_sorted(traces[0])]
    first = traces[0]
    ids = np.concatenate([trace.cells for trace in traces])
    same = all(
        t.unit == first.unit
        and t.values.shape[0] == first.values.shape[0]
        and np.array_equal(t.times, first.times)
        for t in traces
    )
    if not same or np.unique(ids).size < ids.size:
        return [_sorted(trace) for trace in traces]
    values = np.column_stack([trace.values for trace in traces])
    return [_sorted(Trace(values, ids, first.unit, first.start_ms, first.dt_ms, first.at_ms))]


def _sorted(trace: Trace) -> Trace:
    order = np.argsort(trace.cells, kind="stable")
    if np.array_equal(order, np.arange(order.size)):
        return trace
    return Trace(
        trace.values[:, order],
        trace.cells[order],
        trace.unit,
        trace.start_ms,
        trace.dt_ms,
        trace.at_ms,
    )


def to_neo(recording: Recording) -> Any:
    """A recording as a Neo block of one segment, for everything that reads Neo."""
    import neo
    import quantities

    segment = neo.Segment(name="coincide")
    for name, spikes in recording.spikes.items():
        order = np.argsort(spikes.cells, kind="stable")
        bounds = np.searchsorted(spikes.cells[order], np.arange(recording.sizes.get(name, 0) + 1))
        for cell in range(bounds.size - 1):
            segment.spiketrains.append(
                neo.SpikeTrain(
                    spikes.times[order[bounds[cell] : bounds[cell + 1]]],
                    units="ms",
                    t_stop=recording.duration_ms,
                    source_population=name,
                    source_index=cell,
                )
            )
    for (name, variable), trace in recording.traces.items():
        unit = quantities.Quantity(1.0, "dimensionless" if trace.unit == "1" else trace.unit)
        common: dict[str, Any] = {
            "units": unit.units,
            "name": variable,
            "source_population": name,
            "array_annotations": {"channel_ids": trace.cells},
        }
        if trace.at_ms is not None:
            segment.irregularlysampledsignals.append(
                neo.IrregularlySampledSignal(trace.at_ms * quantities.ms, trace.values, **common)
            )
            continue
        segment.analogsignals.append(
            neo.AnalogSignal(
                trace.values,
                t_start=trace.start_ms * quantities.ms,
                sampling_period=trace.dt_ms * quantities.ms,
                **common,
            )
        )
    block = neo.Block(name="coincide")
    block.segments.append(segment)
    return block
