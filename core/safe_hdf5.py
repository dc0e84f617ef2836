"""Reading HDF5 that somebody else wrote: nothing outside the file is followed, damage is said in a sentence.

What is refused: links that lead elsewhere (soft, external), data kept in other files (external storage,
virtual data sets), data sets that declare far more than the file stores, and whatever HDF5 cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .errors import InputError
from .reading import reason_of

_BEST_COMPRESSION = 1100
"""Deflate stores at most this many bytes in one."""
_SMALL = 1_000_000
_BROKEN = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    MemoryError,
    NotImplementedError,
)
"""What h5py raises for files that are damaged or not as they should be."""


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """An HDF5 file to read from.

    Raises InputError naming the file if it is none, and for everything that h5py cannot read of it within the
    block.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(str(path), "there is no such file")
    try:
        file = h5py.File(path, "r")
    except _BROKEN as error:
        raise InputError(str(path), f"is no HDF5 file: {what_is_wrong(error)}") from error
    try:
        with file:
            yield file
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(str(path), f"is damaged or incomplete: {what_is_wrong(error)}") from error


def names_of(group: h5py.Group) -> list[str]:
    """The names in a group; InputError naming the file if they cannot be read."""
    try:
        return [str(name) for name in group]
    except _BROKEN as error:
        raise InputError(_place(group), f"is damaged: {what_is_wrong(error)}") from error


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """What stands in a group under a name, None if nothing; InputError for a link, or if it is damaged.

    *name* may be a path, every part of which is looked at.
    """
    item: Any = group
    for part in name.split("/"):
        if not isinstance(item, h5py.Group):
            return None
        try:
            link = item.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise InputError(
                    f"{_place(item)}/{part}".replace("//", "/"),
                    "is a link to somewhere else, which is not followed; write the data themselves",
                )
            item = item.get(part)
        except InputError:
            raise
        except _BROKEN as error:
            raise InputError(
                f"{_place(item)}/{part}", f"is damaged: {what_is_wrong(error)}"
            ) from error
    return item


def group_in(group: h5py.Group, name: str) -> h5py.Group | None:
    """A group in a group, None if there is none; InputError if something else stands there."""
    item = member(group, name)
    if item is not None and not isinstance(item, h5py.Group):
        raise InputError(f"{_place(group)}/{name}", "is a data set; a group is needed")
    return item


def dataset_in(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A data set of numbers, None if there is none; InputError if it is something else or kept elsewhere."""
    dataset = member(group, name)
    if dataset is None:
        return None
    where = f"{_place(group)}/{name}"
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(where, "is a group; a data set is needed")
    if dataset.external or dataset.is_virtual:
        raise InputError(where, "keeps its data in another file, which is not followed")
    if dataset.shape is None or dataset.dtype.kind not in "iuf":
        raise InputError(where, f"holds {dataset.dtype}; numbers are needed")
    stored = int(dataset.id.get_storage_size())
    if dataset.size * dataset.dtype.itemsize > _BEST_COMPRESSION * stored + _SMALL:
        raise InputError(where, f"declares {dataset.size:,} numbers and stores {stored:,} bytes")
    return dataset


def array_in(group: h5py.Group, name: str, ndim: int = 1) -> Any | None:
    """The numbers of a data set with so many axes, None if there is none; InputError for another shape."""
    dataset = dataset_in(group, name)
    if dataset is None:
        return None
    where = f"{_place(group)}/{name}"
    if dataset.ndim != ndim:
        axes = "axis is" if ndim == 1 else "axes are"
        raise InputError(where, f"has the shape {dataset.shape}; {ndim} {axes} needed")
    try:
        return np.asarray(dataset[()])
    except _BROKEN as error:
        raise InputError(where, f"cannot be read: {what_is_wrong(error)}") from error


def text_attribute(item: h5py.Group | h5py.Dataset, name: str) -> str | None:
    """An attribute that is a text, None if there is none or it is no text."""
    try:
        value = item.attrs.get(name)
    except _BROKEN:
        return None
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _place(group: h5py.Group) -> str:
    return f"{group.file.filename}, {group.name}".removesuffix(", /")


def what_is_wrong(error: BaseException) -> str:
    """Why HDF5 cannot read something, in a sentence without the library's own words."""
    message = str(error)
    missing = re.search(r"object '([^']*)' doesn't exist", message)
    if missing is not None:
        return f"there is no {missing[1]!r} in it"
    cut = re.search(r"truncated file: eof = (\d+), .*stored_eof = (\d+)", message)
    if cut is not None:
        return f"it is cut short, {cut[1]} of {cut[2]} bytes are there"
    if "file signature not found" in message:
        return "it does not begin as such a file does"
    if isinstance(error, OSError) and error.errno is not None and not message.startswith("Unable"):
        return reason_of(error)
    return "its structure is broken, or what stands there is of another kind"
