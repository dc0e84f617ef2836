"""Driving an experiment by gait: a column of a recording becomes the time course of a source or an input.

The column is brought to [0, 1] over the whole recording (`GaitRecording.normalised`) and called s(t); one row
lasts one frame, and a run that is longer than the recording begins it again. With p(t) = s(t)/mean(s),
the mean over the time of the run in which the part acts:

- a Poisson source of rate r gets r·p(t): the mean rate is kept;
- an input of mean m becomes m·p(t): its mean is kept. Where its amplitude differs from cell to cell it
  stays, and m·(p(t) - 1) with the mean m over cells is added;
- a population without input gets amplitude·s(t) into its (input).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.cell import choose_port
from ...core.drawn import stream
from ...core.errors import InputError, unknown
from ...core.experiment import Experiment
from ...core.held_inputs import realize_input
from ...core.inputs import Input
from ...core.populations import PoissonSource, Population
from ...core.units import TIME, Dimension, Quantity, internal_unit
from ...core.values import Array, Floats, Uniform
from .recording import GaitRecording

DEFAULT_COLUMN = "LeftStrideSpeed"
_MOST_FRAMES = 10_000_000


@dataclass(frozen=True)
class GaitDrive:
    """An experiment driven by gait, and what was done to it in words."""

    experiment: Experiment
    notes: tuple[str, ...]


def drive_by_gait(
    experiment: Experiment,
    recording: GaitRecording,
    column: str = DEFAULT_COLUMN,
    into: str | Sequence[str] | None = None,
    amplitude: Quantity | str | None = None,
) -> Experiment:
    """The experiment with the part *into* following *column*; see `gait_drive`."""
    return gait_drive(experiment, recording, column, into, amplitude).experiment


def gait_drive(
    experiment: Experiment,
    recording: GaitRecording,
    column: str = DEFAULT_COLUMN,
    into: str | Sequence[str] | None = None,
    amplitude: Quantity | str | None = None,
) -> GaitDrive:
    """The experiment with the parts *into* following *column*, and notes.

    *into* names Poisson sources, inputs or populations: one, several, or several in one text with commas. By
    default it is the experiment's ``signal``, else its only source or input, else its only population with an
    (input). *amplitude* is what s(t) = 1 is for a population. Raises InputError for a name that is no such
    part or that is needed, a constant column, an input of mean 0, or an amplitude too many or too few.
    """
    signal = recording.normalised(column)
    names = _chosen(experiment, into)
    frames = _frames(experiment, recording, signal)
    notes = [*_on_length(experiment, recording)]
    if amplitude is not None and not any(_is_population(experiment, name) for name in names):
        raise InputError(
            "gait amplitude",
            f"{', '.join(names)} keeps the mean it has; leave it out, or name a population",
        )
    data = experiment.to_dict()
    interval = str(Quantity(recording.interval_ms, "ms"))
    for name in names:
        notes.append(_apply(data, experiment, name, frames, interval, recording, column, amplitude))
    title = experiment.title or experiment.name
    data["title"] = f"{title}; {', '.join(names)} driven by {column} of {recording.name}"
    return GaitDrive(Experiment.from_dict(data), tuple(notes))


def _chosen(experiment: Experiment, into: str | Sequence[str] | None) -> list[str]:
    poisson = [p.name for p in experiment.populations if isinstance(p, PoissonSource)]
    inputs = [i.name for i in experiment.inputs]
    cells = [
        p.name
        for p in experiment.populations
        if isinstance(p, Population) and any(v.kind == "input" for v in p.model.variables)
    ]
    if into is None:
        into = experiment.signal or None
    if into is not None:
        given = into.split(",") if isinstance(into, str) else into
        names = list(dict.fromkeys(name.strip() for name in given if name.strip()))
        for name in names:
            if name not in {*poisson, *inputs, *cells}:
                _refuse(experiment, name, [*poisson, *inputs, *cells])
        if names:
            return names
    found = [*poisson, *inputs] or cells
    if len(found) == 1:
        return found
    what = f"one of {', '.join(found)}" if found else "none: there is no source, input or (input)"
    raise InputError(
        f"{experiment.name}: gait", f"into which part? give into (--gait-into): {what}"
    )


def _refuse(experiment: Experiment, name: str, known: list[str]) -> None:
    for population in experiment.populations:
        if population.name != name:
            continue
        why = (
            f"the model {population.model.name} has no (input); add a line such as 'I : pA (input)'"
            if isinstance(population, Population)
            else "its spike trains are given, so that there is no rate to change"
        )
        raise InputError(f"gait into {name}", f"{why}, or choose another part")
    raise unknown("gait into", "source, input or population", name, known)


def _is_population(experiment: Experiment, name: str) -> bool:
    return any(isinstance(p, Population) and p.name == name for p in experiment.populations)


def _frames(experiment: Experiment, recording: GaitRecording, signal: Floats) -> Floats:
    """s(t) in every frame that the run touches, the recording begun again as often as needed."""
    n = int(np.ceil(experiment.duration_ms / recording.interval_ms - 1e-9))
    if n > _MOST_FRAMES:
        raise InputError(
            f"{experiment.name}: gait", f"the run takes {n:,} frames; at most {_MOST_FRAMES:,} do"
        )
    return np.resize(signal, max(n, 1))


def _on_length(experiment: Experiment, recording: GaitRecording) -> list[str]:
    if experiment.duration_ms <= recording.interval_ms * (1 + 1e-9):
        return [
            f"the run of {experiment.duration_ms:g} ms lies within one row of "
            f"{recording.interval_ms:.4g} ms, so that the drive stays the same; take a longer duration"
        ]
    times = experiment.duration_ms / recording.duration_ms
    if times <= 1 + 1e-9:
        return []
    return [
        f"the run of {experiment.duration_ms:g} ms is longer than the recording of "
        f"{recording.duration_ms:g} ms, which is begun again {int(np.ceil(times - 1e-9)) - 1} times; "
        "there is a jump at every beginning"
    ]


def _share(experiment: Experiment, frames: Floats, interval: float, part: Any) -> Floats:
    """p(t): the frames over their mean while *part* acts, each weighted by how much of it lies therein."""
    start = part.start.to(TIME, part.name) if hasattr(part, "start") else 0.0
    stop = getattr(part, "stop", None)
    end = min(experiment.duration_ms, np.inf if stop is None else stop.to(TIME, part.name))
    edges = np.arange(frames.size + 1) * interval
    weights = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0.0, None)
    total = float(weights @ frames)
    if not total > 0:
        raise InputError(
            f"gait into {part.name}",
            f"the column is at its lowest throughout the {end - start:g} ms in which it acts; "
            "take a longer duration or another column",
        )
    return np.asarray(frames * (weights.sum() / total))


def _apply(
    data: dict[str, Any],
    experiment: Experiment,
    name: str,
    frames: Floats,
    interval: str,
    recording: GaitRecording,
    column: str,
    amplitude: Quantity | str | None,
) -> str:
    for k, part in enumerate(experiment.populations):
        if part.name == name and isinstance(part, PoissonSource):
            share = _share(experiment, frames, recording.interval_ms, part)
            data["populations"][k] |= {"profile": share.tolist(), "interval": interval}
            before = "; the profile it had is replaced" if part.profile is not None else ""
            return (
                f"{name}: the rate follows {column}, its mean over the run stays the rate{before}"
            )
    for k, given in enumerate(experiment.inputs):
        if given.name == name:
            share = _share(experiment, frames, recording.interval_ms, given)
            return _into_input(data, experiment, k, given, share, interval, column)
    return _into_population(data, experiment, name, frames, interval, column, amplitude)


def _series(given: Input, name: str, values: Floats, unit: str, interval: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": "time_series",
        "name": name,
        "population": given.population,
        "values": values.tolist(),
        "unit": unit,
        "interval": interval,
    }
    if given.port is not None:
        made["port"] = given.port
    if given.cells is not None:
        made["cells"] = list(given.cells)
    return made


def _into_input(
    data: dict[str, Any],
    experiment: Experiment,
    k: int,
    given: Input,
    share: Floats,
    interval: str,
    column: str,
) -> str:
    mean, unit = _mean_of(experiment, given)
    if mean == 0:
        raise InputError(
            f"gait into {given.name}",
            "its mean is 0, so that there is nothing to scale; name its population "
            f"({given.population}) and give an amplitude",
        )
    if given.constant is not None and not isinstance(given.constant, Quantity):
        added = _free_name(experiment, f"{given.name}_gait")
        data["inputs"].append(_series(given, added, mean * (share - 1), unit, interval))
        return (
            f"{given.name}: stays, as it differs from cell to cell; {added} adds the deviation of "
            f"{column} from its mean, scaled to {mean:g} {unit}"
        )
    data["inputs"][k] = _series(given, given.name, mean * share, unit, interval)
    return f"{given.name}: follows {column} around its mean of {mean:g} {unit}, instead of {given.kind}"


def _mean_of(experiment: Experiment, given: Input) -> tuple[float, str]:
    """The mean of an input over cells and, while it acts, over time, with its unit."""
    population = experiment.neurons(given.population)
    port = choose_port(population, given.port, given.name)
    assert port is not None  # the experiment was validated
    value = given.constant
    if value is not None:
        if isinstance(value, Quantity):
            return value.magnitude, value.unit
        if isinstance(value, Array):
            return float(np.mean(value.values)), value.unit
        return _centre(value, port.dimension, given.name), internal_unit(port.dimension)
    rng = stream(experiment.seed, "input", given.name)
    held = realize_input(experiment, population, given, rng).value
    gain = held.gain if given.cells is None else held.gain[list(given.cells)]
    columns = held.columns if given.cells is None else held.columns[list(given.cells)]
    over_time = held.values[held.frames].mean(axis=0)
    return float(np.mean(over_time[columns] * gain)), internal_unit(port.dimension)


def _centre(value: Any, dimension: Dimension, where: str) -> float:
    """The middle of a distribution: its mean, median, or the middle of its range."""
    fields = value.internal(dimension, where)
    if isinstance(value, Uniform):
        return float((fields["low"] + fields["high"]) / 2)
    return float(fields.get("mean", fields.get("median", 0.0)))


def _into_population(
    data: dict[str, Any],
    experiment: Experiment,
    name: str,
    frames: Floats,
    interval: str,
    column: str,
    amplitude: Quantity | str | None,
) -> str:
    population = experiment.neurons(name)
    port = choose_port(population, None, f"gait into {name}")
    assert port is not None  # _chosen names populations that have one
    unit = internal_unit(port.dimension)
    if amplitude is None:
        raise InputError(
            f"gait into {name}",
            "a population has no input to scale; give the amplitude that the highest value of the "
            f"column stands for (--gait-amplitude '… {unit}')",
        )
    highest = Quantity.parse(amplitude, "gait amplitude")
    highest.to(port.dimension, "gait amplitude")
    added = _free_name(experiment, "gait")
    series = {
        "kind": "time_series",
        "name": added,
        "population": name,
        "port": port.name,
        "values": (highest.magnitude * frames).tolist(),
        "unit": highest.unit,
        "interval": interval,
    }
    data["inputs"] = [*data.get("inputs", []), series]
    return f"{name}: {added} brings {column}, from 0 to {highest}, into {port.name}"


def _free_name(experiment: Experiment, wanted: str) -> str:
    taken = {i.name for i in experiment.inputs}
    name, k = wanted, 2
    while name in taken:
        name, k = f"{wanted}_{k}", k + 1
    return name
