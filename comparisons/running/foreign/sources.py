"""Where a recording from elsewhere comes from: a file by its kind, a folder, or an object in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....core.errors import InputError
from ....core.reading import reason_of
from ....core.recording import Recording
from .arrays import table_of_arrays, table_of_frame
from .columns import read_table
from .files import read_file
from .folders import read_folder
from .found import Foreign, Found
from .neo_ import add_neo
from .reading import Reading


def read_foreign(
    source: Any,
    unit: str = "",
    dt: str | float | None = None,
    ids_from: int = 0,
    variable: str | None = None,
) -> Recording:
    """A recording from a file or folder of any program, or from arrays in memory.

    *source* is a folder of `coincide run`, a SONATA ``.h5``, a table of spikes or traces (``.csv``,
    ``.tsv``, ``.dat``, ``.gdf``, ``.npy``, ``.npz``, ``.mat``), an NWB file, a file for Neo, a folder of
    such files; or a Recording, a Neo block or segment, a pandas data frame, a dictionary of arrays, a spike
    monitor of Brian2. *unit* is that of numbers without one (``"s"``, ``"s mV"``), *dt* the step (a number
    in ms), *ids_from* the number of the first cell, *variable* the name of a trace whose file does not
    name it.

    The recording's ``caveats`` say what was assumed and what was left out.

    Raises InputError naming the file, what is wrong with it and what to do. Pickles are refused unread.

    >>> read_foreign({"time (ms)": [1.0, 2.0], "cell": [0, 1]}).spikes["cells"].times
    array([1., 2.])
    """
    return read(source, Reading.of([unit] if unit else [], dt, ids_from, variable)).recording


def read(source: Any, reading: Reading) -> Foreign:
    """`read_foreign` with the options as one value, and with what aligning two recordings needs to know."""
    if isinstance(source, str | Path):
        return _read_path(Path(source), reading)
    if isinstance(source, Foreign):
        return source
    if isinstance(source, Recording):
        return Foreign(source, lasts=True)
    found = Found(type(source).__name__, reading)
    if isinstance(getattr(source, "recording", None), Recording):  # a Run
        return Foreign(source.recording, lasts=True)
    if hasattr(source, "segments") or hasattr(source, "spiketrains") or _is_blocks(source):
        add_neo(source, "cells", found)
    elif hasattr(source, "columns") and hasattr(source, "index"):
        read_table(table_of_frame(source, found.where, found), "cells", found)
    elif isinstance(source, Mapping):
        read_table(table_of_arrays(source, found.where, found), "cells", found)
    elif hasattr(source, "t") and hasattr(source, "i") and hasattr(source, "source"):
        arrays = {"t": source.t, "i": source.i}
        read_table(table_of_arrays(arrays, found.where, found), "cells", found)
    else:
        raise InputError(
            found.where,
            "is no recording; a path, a Recording, a Neo block, a data frame or a dict of arrays is needed",
        )
    return found.foreign()


def _is_blocks(source: Any) -> bool:
    return isinstance(source, list | tuple) and bool(source) and hasattr(source[0], "segments")


def _read_path(path: Path, reading: Reading) -> Foreign:
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"cannot be looked at: {reason_of(error)}") from error
    if not exists:
        raise InputError(str(path), "there is no such file or folder")
    if is_folder:
        return read_folder(path, reading)
    found = Found(str(path), reading)
    read_file(path, found)
    return found.foreign()
