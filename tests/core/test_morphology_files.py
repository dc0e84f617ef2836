"""Morphologies that MorphIO reads: what is refused, and how that is said."""

import sys
from pathlib import Path

import numpy as np
import pytest

from coincide.core.errors import InputError
from coincide.core.morphology import Morphology, load_morphology
from coincide.core.soma import outlined

OUTLINE = """("CellBody" (CellBody)
  (-9 0 0 0.1) (-5 4 0 0.1) (0 5 0 0.1) (6 3 0 0.1) (9 0 0 0.1) (5 -4 0 0.1) (0 -5 0 0.1) (-5 -4 0 0.1)
)
"""
DENDRITE = "((Dendrite) (9 1 0 2) (17 1 0 2) (27 1 0 1))\n"


def test_without_morphio_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "morphio", None)
    with pytest.raises(InputError) as caught:
        load_morphology(tmp_path / "cell.asc")
    assert str(caught.value) == (
        f"{tmp_path / 'cell.asc'}: a .asc file is read by MorphIO: pip install 'coincide[morphology]', or "
        "convert it to SWC"
    )


class TestByMorphio:
    @pytest.fixture(autouse=True)
    def _morphio(self) -> None:
        pytest.importorskip("morphio", reason="MorphIO is not installed")

    @pytest.mark.parametrize("suffix", [".asc", ".h5"])
    @pytest.mark.parametrize(
        "raw", [b"", b"words", b"\x89HDF\r\n\x1a\n and no more", b"((Dendrite) (1 2"]
    )
    def test_a_damaged_file(
        self, suffix: str, raw: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / f"cell{suffix}"
        file.write_bytes(raw)
        with pytest.raises(InputError) as caught:
            load_morphology(file)
        assert str(caught.value).startswith(str(file))
        assert "\x1b" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("name", ["absent.asc", "absent.h5", "folder.h5"])
    def test_what_is_no_file(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "folder.h5").mkdir()
        with pytest.raises(InputError, match=r"cannot be read: there is no such file$"):
            load_morphology(tmp_path / name)

    def test_the_suffix_in_any_case_and_options(self, tmp_path: Path) -> None:
        file = tmp_path / "cell.ASC"
        file.write_text(OUTLINE + DENDRITE)
        read = load_morphology(file, min_radius="2 um")
        assert [d for _, d in read.section("dend_0").profile] == [4, 4, 4]
        assert Morphology(file=str(file), unit="nm").section("dend_0").extent_um == pytest.approx(
            0.018
        )
        file.write_text(DENDRITE + DENDRITE.replace("9 1", "9 5"))
        with pytest.raises(
            InputError, match=r"cell\.ASC: is a second root .* 2 of the roots 0 \(3 points"
        ):
            load_morphology(file)
        assert [s.name for s in load_morphology(file, roots="largest").sections] == ["dend_0"]

    def test_an_outline_of_two_points(self, tmp_path: Path) -> None:
        file = tmp_path / "cell.asc"
        file.write_text('("CellBody" (CellBody) (-9 0 0 0.1) (9 0 0 0.1))\n' + DENDRITE)
        with pytest.raises(InputError, match=r"cell\.asc: "):
            load_morphology(file)


class TestOutlines:
    def test_a_circle_is_made_cones_of_about_its_sphere(self) -> None:
        angle = np.linspace(0, 2 * np.pi, 400)[:-1]
        # Drawn out a little, so that it has a longest axis.
        circle = np.column_stack(
            [10.1 * np.cos(angle), 10 * np.sin(angle), np.full(angle.size, 3.0)]
        )
        cones = outlined(circle, "here")
        length = np.linalg.norm(np.diff(cones[:, :3], axis=0), axis=1)
        radii = 0.5 * cones[:, 3]
        area = np.sum(np.pi * (radii[1:] + radii[:-1]) * np.hypot(length, np.diff(radii)))
        # The two caps are left out, 1 % of the length each.
        assert area == pytest.approx(4 * np.pi * 10**2, rel=0.03)
        assert cones[:, 2] == pytest.approx(3.0)

    @pytest.mark.parametrize("points", [[(0, 0, 0)] * 4, [(0, 0, 0), (5, 0, 0), (10, 0, 0)]])
    def test_without_a_width(self, points: list[tuple[float, ...]]) -> None:
        with pytest.raises(InputError, match=r"^here: the outline of its soma"):
            outlined(np.asarray(points, dtype=float), "here")
