"""Recordings that coincide did not make: SONATA files, CSV of spikes, anything Neo reads."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, nearest
from ..core.recording import Recording, Spikes, Trace
from ..core.units import Quantity, dimension_of_unit, internal_unit

_TIME_NAMES = ("time", "t", "times", "time_ms", "t_ms", "spike_time", "timestamps", "timestamp")
_CELL_NAMES = (
    "cell", "cells", "id", "ids", "i", "index", "node_id", "node_ids", "neuron", "gid", "sender",
    "senders",
)  # fmt: skip


def read_foreign(path: str | Path) -> Recording:
    """A recording from a folder of `coincide run`, a SONATA ``.h5``, a CSV of spikes, or a file for Neo.

    A CSV has a column of times (``time``, in ms unless it is called ``time_s``), one of cells (``cell``) and
    may have one called ``population``. Raises InputError naming the file and what it lacks.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(str(path), "there is no such file or folder")
    if path.is_dir():
        return _read_folder(path)
    suffix = path.suffix.lower()
    if suffix in {".h5", ".hdf5"}:
        return _read_sonata([path])
    if suffix in {".csv", ".tsv", ".txt", ".dat", ".gdf"}:
        return _read_table(path)
    return _read_neo(path)


def same_names(a: Recording, b: Recording) -> tuple[Recording, Recording]:
    """Two recordings of one population each are compared whatever the populations are called."""
    if len(a.spikes) == len(b.spikes) == 1 and not set(a.spikes) & set(b.spikes):
        old, new = next(iter(b.spikes)), next(iter(a.spikes))
        traces = {(new if p == old else p, v): t for (p, v), t in b.traces.items()}
        sizes = {new if p == old else p: n for p, n in b.sizes.items()}
        b = replace(b, spikes={new: b.spikes[old]}, traces=traces, sizes=sizes)
    return a, b


def _recording(spikes: dict[str, Spikes], traces: dict[tuple[str, str], Trace]) -> Recording:
    """A recording whose duration, step and sizes are read off its data."""
    ends = [float(s.times[-1]) for s in spikes.values() if len(s)]
    ends += [float(t.times[-1]) for t in traces.values() if t.values.size]
    steps = [t.dt_ms for t in traces.values()]
    sizes = {p: int(s.cells.max()) + 1 if len(s) else 0 for p, s in spikes.items()}
    return Recording(
        max(ends, default=0.0), min(steps, default=_smallest_step(spikes)), spikes, traces, sizes
    )


def _smallest_step(spikes: dict[str, Spikes]) -> float:
    gaps = [np.diff(np.unique(s.times)) for s in spikes.values()]
    found = [float(g[g > 1e-9].min()) for g in gaps if (g > 1e-9).any()]
    return min(found, default=1.0)


def _read_folder(path: Path) -> Recording:
    if (path / "run.json").exists():
        from ..core.storage import read_recording, read_run

        run = read_run(path)
        if run.get("status", "ok") != "ok":
            raise InputError(str(path), f"this run {run['status']}: {run.get('reason', '')}")
        return read_recording(path)
    files = sorted(path.glob("*.h5"))
    if not files:
        raise InputError(str(path), "holds neither run.json nor SONATA files (*.h5)")
    return _read_sonata(files)


def _read_sonata(files: list[Path]) -> Recording:
    import h5py

    from ..core.storage import read_report, read_spikes

    spikes: dict[str, Spikes] = {}
    traces: dict[tuple[str, str], Trace] = {}
    for path in files:
        try:
            with h5py.File(path, "r") as file:
                kinds = set(file)
        except OSError as error:
            raise InputError(str(path), f"is no HDF5 file: {error}") from error
        if "spikes" in kinds:
            spikes |= read_spikes(path)
        elif "report" in kinds:
            for population, trace in read_report(path).items():
                traces[population, path.stem] = trace
        else:
            found = ", ".join(sorted(kinds)) or "nothing"
            raise InputError(str(path), f"has neither /spikes nor /report but {found}")
    return _recording(spikes, traces)


def _read_table(path: Path) -> Recording:
    import pandas

    try:
        table = pandas.read_csv(path, sep=None, engine="python", comment="#")
    except (ValueError, OSError, csv.Error) as error:
        raise InputError(str(path), f"is no table: {error}") from error
    lower = {str(name).strip().lower(): name for name in table.columns}
    seconds = "time_s" in lower
    time = _pick(path, lower, ("time_s",) if seconds else _TIME_NAMES, "times")
    cell = _pick(path, lower, _CELL_NAMES, "cells")
    times = _numbers(path, table, time) * (1000.0 if seconds else 1.0)
    cells = _numbers(path, table, cell)
    if (cells != np.floor(cells)).any() or (cells < 0).any():
        raise InputError(f"{path}, column {cell!r}", "has a cell that is no whole number >= 0")
    if "population" not in lower:
        return _recording({path.stem: Spikes.sorted(times, cells)}, {})
    names = table[lower["population"]].astype(str).to_numpy()
    spikes = {
        str(name): Spikes.sorted(times[names == name], cells[names == name])
        for name in dict.fromkeys(names)
    }
    return _recording(spikes, {})


def _pick(path: Path, columns: dict[str, Any], wanted: tuple[str, ...], what: str) -> Any:
    for name in wanted:
        if name in columns:
            return columns[name]
    raise InputError(
        str(path),
        f"has no column of {what}; call it {wanted[0]!r} ({nearest(wanted[0], columns)})",
    )


def _numbers(path: Path, table: Any, column: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    import pandas

    numbers = pandas.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InputError(
            f"{path}, row {row + 2}, column {column!r}",
            f"{table[column].iloc[row]!r} is no finite number",
        )
    return np.asarray(numbers, dtype=np.float64)


def _read_neo(path: Path) -> Recording:
    try:
        import neo
    except ImportError as error:
        raise InputError(
            str(path), "is no SONATA or CSV file; to try Neo: pip install 'coincide[analysis]'"
        ) from error
    try:
        blocks = neo.get_io(str(path)).read()
    except Exception as error:  # Neo's readers fail in ways of their own
        raise InputError(
            str(path), f"cannot be read by Neo ({type(error).__name__}: {error})"
        ) from error
    segments = [segment for block in blocks for segment in block.segments]
    if not segments:
        raise InputError(str(path), "holds no segment")
    return from_neo(segments[0], path.stem)


def from_neo(segment: Any, population: str = "cells") -> Recording:
    """A recording from a Neo segment: its spike trains are cells 0, 1, …; regular analog signals are traces.

    A spike train or signal annotated with ``source_population``, as PyNN does, goes to that population.
    """
    trains: dict[str, list[Any]] = {}
    for train in segment.spiketrains:
        name = str(train.annotations.get("source_population", population))
        trains.setdefault(name, []).append(np.asarray(train.rescale("ms").magnitude, dtype=float))
    spikes = {
        name: Spikes.sorted(
            np.concatenate([*parts, np.empty(0)]),
            np.repeat(np.arange(len(parts)), [p.size for p in parts]),
        )
        for name, parts in trains.items()
    }
    traces = {}
    for signal in segment.analogsignals:
        name = str(signal.annotations.get("source_population", population))
        unit = str(signal.units.dimensionality.string)
        dimension = dimension_of_unit(unit)
        scale = Quantity(1.0, unit).internal
        values = np.asarray(signal.magnitude, dtype=np.float64) * scale
        start = float(signal.t_start.rescale("ms"))
        dt = float(signal.sampling_period.rescale("ms"))
        cells = np.arange(values.shape[1], dtype=np.int32)
        variable = signal.name or "signal"
        traces[name, variable] = Trace(values, cells, internal_unit(dimension), start, dt)
    recording = _recording(spikes, traces)
    return replace(recording, sizes={name: len(parts) for name, parts in trains.items()})


def to_neo(recording: Recording) -> Any:
    """A recording as a Neo block of one segment, for everything that reads Neo."""
    import neo
    import quantities

    segment = neo.Segment(name="coincide")
    for name, spikes in recording.spikes.items():
        for cell in range(recording.sizes.get(name, 0)):
            times = spikes.times[spikes.cells == cell]
            segment.spiketrains.append(
                neo.SpikeTrain(
                    times,
                    units="ms",
                    t_stop=recording.duration_ms,
                    source_population=name,
                    source_index=cell,
                )
            )
    for (name, variable), trace in recording.traces.items():
        unit = quantities.Quantity(1.0, "dimensionless" if trace.unit == "1" else trace.unit)
        segment.analogsignals.append(
            neo.AnalogSignal(
                trace.values,
                units=unit.units,
                t_start=trace.start_ms * quantities.ms,
                sampling_period=trace.dt_ms * quantities.ms,
                name=variable,
                source_population=name,
            )
        )
    block = neo.Block(name="coincide")
    block.segments.append(segment)
    return block
