"""A file of another program by its kind, which is what its name says."""

from __future__ import annotations

from pathlib import Path

from ....core.errors import InputError
from .arrays import read_matlab, read_numpy
from .columns import read_table
from .found import Found
from .neo_ import read_neo
from .nwb import read_nwb
from .sonata import read_sonata
from .text import read_text

TABLES = {".csv", ".tsv", ".txt", ".dat", ".gdf", ".tab", ".ras", ".asc"}
SONATA = {".h5", ".hdf5"}
_PICKLES = {".pkl", ".pickle", ".pck", ".p", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth"}
_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def read_file(path: Path, found: Found) -> None:
    """Add what a file holds to *found*, by the kind that its name says; InputError if it cannot be read."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES or _is_pickle(path):
        raise InputError(
            str(path),
            "is a pickle: reading it would run whatever is in it, so it is refused unread; write it as "
            "CSV, NIX or SONATA",
        )
    if suffix in SONATA:
        read_sonata(path, found)
    elif suffix in TABLES:
        read_table(read_text(path), path.stem, found)
    elif suffix in (".npy", ".npz"):
        read_table(read_numpy(path, found), path.stem, found)
    elif suffix == ".mat":
        table = read_matlab(path, found)
        if table is None:
            read_neo(path, found)
        else:
            read_table(table, path.stem, found)
    elif suffix == ".nwb":
        read_nwb(path, found)
    else:
        read_neo(path, found)


def _is_pickle(path: Path) -> bool:
    """Whether a file begins as pickles do, whatever it is called."""
    try:
        if not path.is_file():
            raise InputError(str(path), "is no regular file")
        with path.open("rb") as file:
            return file.read(2) in _PICKLE_STARTS
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from error
