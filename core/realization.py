"""A `Realization`: an experiment with every random number drawn, as plain arrays in internal units.

This is all that a backend sees. Two backends given one realization run the same connections, weights,
delays, parameters, initial values, noise and spike trains, because neither draws anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cache import allow_others
from .cell import Cell
from .errors import InputError
from .experiment import Experiment
from .plasticity import RealizedPlasticity
from .values import Floats

Ints = NDArray[np.int32]
_DAMAGED = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    SyntaxError,
    MemoryError,
)
"""What NumPy and the zip reader raise for a file of which bytes have changed."""
_PLASTIC = ("U", "tau_rec", "tau_facil")


def renumbered(cells: NDArray[np.integer], kept: Ints | None) -> NDArray[np.integer]:
    """Numbers in the intact population as numbers among the *kept* cells; -1 for a cell that is lost."""
    if kept is None:
        return cells
    position = np.searchsorted(kept, cells)
    there = kept[np.minimum(position, kept.size - 1)] == cells
    return np.where(there, position, -1)


@dataclass(frozen=True, eq=False)
class HeldInput:
    """An input that changes with time: cell i gets ``gain[i]·values[frames[n], columns[i]]`` in step n.

    Shapes: ``values`` (frames, columns), ``frames`` (n_steps,), ``columns`` and ``gain`` (cells,);
    in internal units. ``variable`` is its name in the cell's equations.
    """

    variable: str
    input_name: str
    values: Floats
    frames: Ints
    columns: Ints
    gain: Floats

    def at(self, step: int) -> Floats:
        """The value for every cell, shape (cells,), held from t_step to t_{step+1}."""
        held: Floats = self.gain * self.values[self.frames[step], self.columns]
        return held


@dataclass(frozen=True, eq=False)
class RealizedPopulation:
    """Cells with their numbers: floats where all cells agree by description, else arrays (size,).

    ``initial`` arrays have shape (size,); ``refractory_steps`` is 0 where there is no refractoriness.
    ``size`` counts the cells that are there; ``kept``, shape (size,) and sorted, holds their numbers in the
    intact population, None where no cell is lost.
    """

    name: str
    size: int
    cell: Cell
    parameters: Mapping[str, float | Floats]
    initial: Mapping[str, Floats]
    refractory_steps: int | Ints
    inputs: tuple[HeldInput, ...]
    kept: Ints | None = None

    @property
    def has_refractoriness(self) -> bool:
        """Whether any cell is refractory for at least one step."""
        return bool(np.any(np.asarray(self.refractory_steps) > 0))


@dataclass(frozen=True, eq=False)
class RealizedSource:
    """Given or Poisson spikes of a source: ``steps`` (sorted), ``cells`` and exact ``times`` [ms].

    ``size`` and ``kept`` as of a `RealizedPopulation`.
    """

    name: str
    size: int
    steps: Ints
    cells: Ints
    times: Floats
    kept: Ints | None = None


@dataclass(frozen=True, eq=False)
class Edges:
    """The connections of a projection, sorted by source cell, then target cell.

    ``pre`` and ``post`` have shape (n,); ``weight`` (in the unit of the receptor's ``w``),
    ``delay_steps`` and ``delay_ms`` are one number for all or arrays (n,), and so are the numbers of
    ``plasticity``, None where every spike passes on the whole weight.
    """

    name: str
    source: str
    target: str
    receptor: str
    source_size: int
    pre: Ints
    post: Ints
    weight: float | Floats
    delay_steps: int | Ints
    delay_ms: float | Floats
    plasticity: RealizedPlasticity | None = None

    def __len__(self) -> int:
        return int(self.pre.size)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Shape (source_size + 1,): the connections of cell k are ``starts[k]:starts[k+1]``."""
        return np.searchsorted(self.pre, np.arange(self.source_size + 1)).astype(np.int64)

    @property
    def max_delay_steps(self) -> int:
        """The longest delay in steps; 1 if there is no connection."""
        return int(np.max(self.delay_steps, initial=1))


@dataclass(frozen=True, eq=False)
class Realization:
    """An experiment with everything drawn.

    ``notes`` say what was changed on the way; ``grid_notes`` are those of what was rounded to the grid.
    """

    experiment: Experiment
    dt_ms: float
    n_steps: int
    populations: Mapping[str, RealizedPopulation]
    sources: Mapping[str, RealizedSource]
    edges: tuple[Edges, ...]
    notes: tuple[str, ...] = ()
    grid_notes: tuple[str, ...] = ()

    def edges_from(self, source: str) -> tuple[Edges, ...]:
        """The projections that leave a population or source."""
        return tuple(e for e in self.edges if e.source == source)

    def recorded(self) -> Iterator[tuple[str, str, Ints]]:
        """(population, variable, cells) of every trace to record; cells as numbered in this realization.

        Lost cells are not recorded; a record of lost cells only is left out.
        """
        for record in self.experiment.records:
            population = self.populations[record.population]
            cells: NDArray[np.integer] = np.arange(population.size)
            if record.cells is not None:
                cells = renumbered(np.asarray(record.cells), population.kept)
                cells = cells[cells >= 0]
            for variable in self.experiment.recorded_variables(record) if cells.size else ():
                yield record.population, variable, cells.astype(np.int32)

    def drew_the_same(self, other: Realization) -> bool:
        """Whether *other* has the same numbers, although its seed is another: nothing in it is random."""
        return replace(other, experiment=self.experiment).digest == self.digest

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of everything drawn and of the equations: two runs with one digest ran the same model.

        The texts about an experiment (name, variant, title, sources) do not count.
        """
        canonical = json.dumps(self._dynamics(), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode())
        for key, value in sorted(self._arrays().items()):
            digest.update(key.encode())
            # No copy: the arrays of connections are most of what there is.
            digest.update(np.atleast_1d(np.ascontiguousarray(value)).data.cast("B"))
        return digest.hexdigest()

    def _dynamics(self) -> dict[str, Any]:
        """The description without what is only told about it."""
        data = self.experiment.to_dict()
        for text in ("name", "variant", "title", "source", "signal", "output"):
            data.pop(text, None)
        for population in data["populations"]:
            population.get("model", {}).pop("source", None)
        return data

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, Any] = {}
        for p in self.populations.values():
            for name, value in p.parameters.items():
                arrays[f"populations/{p.name}/parameters/{name}"] = value
            for name, value in p.initial.items():
                arrays[f"populations/{p.name}/initial/{name}"] = value
            arrays[f"populations/{p.name}/refractory_steps"] = p.refractory_steps
            if p.kept is not None:
                arrays[f"populations/{p.name}/kept"] = p.kept
            for k, given in enumerate(p.inputs):
                for field in ("values", "frames", "columns", "gain"):
                    arrays[f"populations/{p.name}/inputs/{k}/{field}"] = getattr(given, field)
        for s in self.sources.values():
            for field in ("steps", "cells", "times"):
                arrays[f"sources/{s.name}/{field}"] = getattr(s, field)
            if s.kept is not None:
                arrays[f"sources/{s.name}/kept"] = s.kept
        for k, e in enumerate(self.edges):
            for field in ("pre", "post", "weight", "delay_steps", "delay_ms"):
                arrays[f"edges/{k}/{field}"] = getattr(e, field)
            if e.plasticity is not None:
                for field, value in e.plasticity.values().items():
                    arrays[f"edges/{k}/plasticity/{field}"] = value
        return {name: np.asarray(value) for name, value in arrays.items()}

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file, atomically."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {
            "experiment": self.experiment.to_dict(),
            "notes": list(self.notes),
            "grid_notes": list(self.grid_notes),
            "digest": self.digest,
            "inputs": {
                p.name: [[i.variable, i.input_name] for i in p.inputs]
                for p in self.populations.values()
            },
        }
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, header=np.array(json.dumps(header)), **self._arrays())  # type: ignore[arg-type]
            allow_others(temporary)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | Path) -> Realization:
        """Read what `save` wrote; InputError if the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(str(arrays.pop("header")))
            realization = cls._from_arrays(header, arrays)
            written = header["digest"]
        except _DAMAGED as error:
            raise InputError(
                str(path), "is no realization, or is damaged; give the model instead"
            ) from error
        if realization.digest != written:
            raise InputError(str(path), "has other numbers than were written")
        return realization

    @classmethod
    def _from_arrays(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Realization:
        experiment = Experiment.from_dict(header["experiment"])

        def under(prefix: str) -> dict[str, Any]:
            below = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
            return {k: v.item() if v.ndim == 0 else v for k, v in below.items()}

        populations, sources, sizes = {}, {}, {}
        for p in experiment.populations:
            place = f"{'populations' if p.name in experiment.cells else 'sources'}/{p.name}/"
            kept = arrays.get(f"{place}kept")
            size = sizes[p.name] = p.size if kept is None else len(kept)
            if p.name not in experiment.cells:
                sources[p.name] = RealizedSource(p.name, size, **under(place))
                continue
            inputs = tuple(
                HeldInput(variable, name, **under(f"{place}inputs/{k}/"))
                for k, (variable, name) in enumerate(header["inputs"][p.name])
            )
            populations[p.name] = RealizedPopulation(
                p.name,
                size,
                experiment.cells[p.name],
                under(f"{place}parameters/"),
                under(f"{place}initial/"),
                under(place)["refractory_steps"],
                inputs,
                kept,
            )
        edges = []
        for k, projection in enumerate(experiment.projections):
            given = under(f"edges/{k}/")
            names = _PLASTIC if projection.plasticity is not None else ()
            plastic = {n: given.pop(f"plasticity/{n}") for n in names}
            edges.append(
                Edges(
                    projection.name,
                    projection.source,
                    projection.target,
                    projection.receptor,
                    sizes[projection.source],
                    **given,
                    plasticity=RealizedPlasticity(**plastic) if plastic else None,
                )
            )
        return cls(
            experiment,
            experiment.dt_ms,
            experiment.n_steps,
            populations,
            sources,
            tuple(edges),
            tuple(header["notes"]),
            tuple(header.get("grid_notes", ())),
        )
