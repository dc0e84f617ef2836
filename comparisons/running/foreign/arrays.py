"""Arrays as a `Table`: NumPy's and MATLAB's files, data frames, dictionaries; nothing is ever unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import InputError
from .found import Found
from .headers import is_time
from .reading import time_unit
from .table import Table

_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    MemoryError,
    NotImplementedError,
    IndexError,
    RuntimeError,
    SyntaxError,
    UnicodeError,
    OverflowError,
)


def read_numpy(path: Path, found: Found) -> Table:
    """The arrays of a ``.npy`` or ``.npz``; InputError for what is damaged, and for objects alone."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except _BROKEN as error:
        raise InputError(str(path), _why(error)) from error
    if isinstance(loaded, np.ndarray):
        return _of_one(loaded, str(path))
    arrays: dict[str, Any] = {}
    with loaded:
        for name in loaded.files:
            try:
                arrays[name] = loaded[name]
            except _BROKEN as error:
                found.left_out(f"{path.name}, {name}", _why(error))
    return table_of_arrays(arrays, str(path), found)


def _why(error: BaseException) -> str:
    said = str(error).split("\n", 1)[0]
    if "pickle" in said.lower():
        return "holds pickled objects, which are never loaded; write plain arrays"
    return "is no file of NumPy, or damaged"


def read_matlab(path: Path, found: Found) -> Table | None:
    """The arrays of a ``.mat`` up to version 7.2, by SciPy; None for one that Neo wrote."""
    from scipy.io import loadmat

    try:
        loaded = loadmat(path, squeeze_me=True)
    except NotImplementedError as error:
        raise InputError(
            str(path), "is a .mat of version 7.3; save it with -v7, or as CSV"
        ) from error
    except Exception as error:  # SciPy's reader fails in ways of its own
        raise InputError(
            str(path), "is no .mat file, or is damaged; save it again, or as CSV"
        ) from error
    arrays = {name: value for name, value in loaded.items() if not name.startswith("__")}
    if "block" in arrays and not any(map(is_time, arrays)):
        return None
    return table_of_arrays(arrays, str(path), found)


def _of_one(array: NDArray[Any], where: str) -> Table:
    if array.dtype.names:
        columns = tuple(np.atleast_1d(array[name]).ravel() for name in array.dtype.names)
        return Table(where, tuple(array.dtype.names), columns, True, ("",) * len(columns))
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise InputError(
            where, f"is an array of {array.dtype} with {array.ndim} axes; a table is needed"
        )
    if array.ndim == 2 and array.shape[0] == 2 and array.shape[1] != 2:
        array = array.T
    columns = (array,) if array.ndim == 1 else tuple(array.T)
    return Table(where, ("",) * len(columns), columns, False, ("",) * len(columns))


def table_of_arrays(arrays: Mapping[Any, Any], where: str, found: Found) -> Table:
    """A table of arrays by name, those of several cells taken apart; what does not fit is named."""
    plain = {str(name): value_and_unit(value) for name, value in arrays.items()}
    time = next((name for name in plain if is_time(name)), None)
    if time is None:
        listed = ", ".join(plain) or "nothing"
        raise InputError(
            where, f"has no array of times; call it 'time (ms)' or 't' (it has: {listed})"
        )
    n = np.size(plain[time][0])
    names: list[str] = []
    columns: list[NDArray[Any]] = []
    units: list[str] = []
    for name, (value, unit) in plain.items():
        for one, column in _columns(name, value, n, where):
            if column is None:
                found.left_out(
                    one, f"does not fit {n:,} times: shape {np.shape(value)}, {value.dtype}"
                )
                continue
            names.append(one)
            columns.append(column)
            units.append(unit)
    return Table(where, tuple(names), tuple(columns), True, tuple(units))


def _columns(
    name: str, value: NDArray[Any], n: int, where: str
) -> Iterator[tuple[str, NDArray[Any] | None]]:
    value = np.squeeze(value) if value.ndim > 1 else np.atleast_1d(value)
    value = np.atleast_1d(value)
    if value.dtype.kind == "O" and all(isinstance(v, str) for v in value.ravel()):
        value = value.astype(str)
    if value.dtype.kind == "S":
        value = np.char.decode(value, "latin-1")
    if value.dtype.kind not in "iufUb":
        yield name, None
    elif value.shape == (n,):
        yield name, value
    elif value.ndim == 2 and n in value.shape and value.dtype.kind != "U":
        if value.shape == (n, n):
            raise InputError(
                f"{where}, {name}", f"is {n} times {n}: which axis is time cannot be told"
            )
        rows = value if value.shape[0] == n else value.T
        for k in range(rows.shape[1]):
            yield f"{name}[{k}]", rows[:, k]
    else:
        yield name, None


def value_and_unit(value: Any) -> tuple[NDArray[Any], str]:
    """An array and the unit that it carries, as those of Brian2, quantities and pint do."""
    if hasattr(value, "dim") and not hasattr(value, "get_best_unit"):
        value = value[:]  # a view into a monitor of Brian2
    if hasattr(value, "dim") and hasattr(value, "get_best_unit"):  # Brian2: numbers are in SI
        return np.array(value, dtype=np.float64), _si_of_brian(value)
    if hasattr(value, "magnitude") and hasattr(value, "units"):
        unit = getattr(value, "dimensionality", None)
        text = (
            str(unit.string) if unit is not None and hasattr(unit, "string") else f"{value.units:~}"
        )
        return np.asarray(value.magnitude), time_unit(text) or text.replace(" ", "")
    return np.asarray(value), ""


def _si_of_brian(value: Any) -> str:
    names = ("m", "kg", "s", "A", "K", "mol", "cd")
    powers = [float(value.dim.get_dimension(name)) for name in names]
    if powers == [0, 0, 1, 0, 0, 0, 0]:
        return "s"
    return "*".join(f"{n}**{p:g}" for n, p in zip(names, powers, strict=True) if p)


def table_of_frame(frame: Any, where: str, found: Found) -> Table:
    """A pandas data frame: its columns, and its index where that is the time."""
    arrays: dict[str, Any] = {}
    if frame.index.name is not None and is_time(str(frame.index.name)):
        arrays[str(frame.index.name)] = frame.index.to_numpy()
    for name in frame.columns:
        values = frame[name]
        if getattr(values, "ndim", 1) != 1:
            raise InputError(where, f"has two columns called {name!r}")
        numeric = values.dtype.kind in "iufb"
        arrays[str(name)] = values.to_numpy() if numeric else values.astype(str).to_numpy(dtype=str)
    return table_of_arrays(arrays, where, found)
