"""HDF5 that somebody else wrote: what is refused, and that nothing of it is a traceback."""

from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest

from coincide.core.errors import InputError
from coincide.core.safe_hdf5 import (
    array_in,
    dataset_in,
    group_in,
    member,
    names_of,
    open_hdf5,
    text_attribute,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.arange(3.0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = np.arange(3.0)
        file["good"].attrs["units"] = np.bytes_("ms")
        file["text"] = "hello"
        file["scalar"] = 1.0
        file["table"] = np.ones((2, 2))
        file["loop"] = h5py.SoftLink("/loop")
        file["alias"] = h5py.SoftLink("/good")
        file["outside"] = h5py.ExternalLink("other.h5", "/secret")
        file["group/inner"] = [1]
        layout = h5py.VirtualLayout((3,), np.float64)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", (3,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("huge", (10**12,), np.float64, chunks=(10**6,), compression="gzip")
        file.create_dataset("raw", (3,), np.float64, external=[(str(tmp_path / "raw"), 0, 24)])
    return tmp_path / "a.h5"


def test_plain_numbers_and_texts_are_read(path: Path) -> None:
    with open_hdf5(path) as file:
        assert array_in(file, "good").tolist() == [0.0, 1.0, 2.0]  # type: ignore[union-attr]
        assert text_attribute(file["good"], "units") == "ms"
        assert array_in(file, "group/inner").tolist() == [1]  # type: ignore[union-attr]
        assert array_in(file, "nothing") is None
        assert group_in(file, "nothing/at/all") is None
        assert "good" in names_of(file)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("loop", "link"),
        ("alias", "link"),
        ("outside", "link"),
        ("virtual", "another file"),
        ("raw", "another file"),
        ("huge", "declares 1,000,000,000,000 numbers"),
        ("text", "numbers are needed"),
        ("scalar", r"the shape \(\)"),
        ("table", r"the shape \(2, 2\)"),
        ("group", "is a group"),
    ],
)
def test_what_leads_elsewhere_or_has_another_form_is_refused(
    path: Path, name: str, words: str
) -> None:
    with open_hdf5(path) as file, pytest.raises(InputError, match=words) as error:
        array_in(file, name)
    assert str(path) in str(error.value)


def test_a_group_is_no_data_set(path: Path) -> None:
    with open_hdf5(path) as file:
        assert isinstance(member(file, "group"), h5py.Group)
        with pytest.raises(InputError, match="is a data set"):
            group_in(file, "good")
        assert dataset_in(file, "table").shape == (2, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"text"])
def test_what_is_no_hdf5_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no HDF5 file"), open_hdf5(path):
        pass
    with pytest.raises(InputError, match="no such file"), open_hdf5(tmp_path / "absent.h5"):
        pass


def test_a_file_cut_anywhere_is_a_sentence_or_right(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    rng = np.random.default_rng(3)
    for k in range(60):
        broken = bytearray(data)
        if k % 2:
            broken = broken[: int(rng.integers(len(data)))]
        else:
            for at in rng.integers(0, min(len(data), 6000), 8):
                broken[at] ^= 1 << int(rng.integers(8))
        other = tmp_path / f"{k}.h5"
        other.write_bytes(broken)
        with suppress(InputError), open_hdf5(other) as file:
            for name in names_of(file):
                if name in ("good", "table"):
                    array_in(file, name, 1 if name == "good" else 2)
