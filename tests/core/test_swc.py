"""SWC files: what is read, what becomes a section, and what is refused with its line."""

import itertools
import math
from pathlib import Path

import pytest

from coincide.core.discretisation import FixedSegments, LengthConstant, cut
from coincide.core.errors import InputError
from coincide.core.morphology import Morphology, load_swc
from coincide.core.swc import read_swc


def written(path: Path, text: str) -> Path:
    file = path / "cell.swc"
    file.write_text(text)
    return file


def lateral(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The lateral area of the cone between two points (x, y, z, radius)."""
    return math.pi * (a[3] + b[3]) * math.hypot(math.dist(a[:3], b[:3]), b[3] - a[3])


def area(morphology: Morphology, segments: int = 1) -> float:
    return sum(
        c.area for c in cut(morphology, FixedSegments(segments=segments), 1.0, 1.0).compartments
    )


BRANCHED = """# a soma of one point, two dendrites of which one branches, an axon, an apical dendrite
1 1 0 0 0 5 -1   # the soma
2 3 5 0 0 1 1
3 3 25 0 0 1 2

4 3 45 10 0 0.5 3
5 3 45 -10 0 0.75 3
6 3 65 -10 0 0.25 5
7 2 0,-5,0,0.5,1
8 2 0 -105 0 0.5 7
9 4 0 5 0 1.5 1
10 4 0 55 0 1 9
11 5 0 75 3 0.4 10
"""


class TestReading:
    def test_comments_blank_lines_and_commas(self, tmp_path: Path) -> None:
        points = read_swc(written(tmp_path, BRANCHED))
        assert list(points) == list(range(1, 12))
        assert (points[7].x, points[7].y, points[7].radius, points[7].parent) == (0, -5, 0.5, 1)
        assert points[7].line == 9
        assert points[1].kind == 1

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("1 1 0 0 0 5 -1\n2 3 1 0 0 1 3\n3 3 2 0 0 1 2\n", 2, "is its own ancestor: 2 → 3 → 2"),
            ("1 1 0 0 0 5 -1\n2 3 1 0 0 1 2\n", 2, "is its own ancestor: 2 → 2"),
            ("1 1 0 0 0 5 1\n", 1, "is its own ancestor: 1 → 1"),
            ("1 1 0 0 0 5 -1\n2 3 1 0 0 1 7\n", 2, "its parent 7 is not in the file"),
            ("1 1 0 0 0 5 -1\n\n1 3 1 0 0 1 1\n", 3, "the number 1 is taken by line 1"),
            ("1 1 0 0 0 5 -1\n2 3 1 0 0 1 -1\n", 2, "is a second root beside line 1"),
            ("1 1 0 0 0 5\n", 1, "has 6 fields; a point is"),
            ("1 1 0 0 0 five -1\n", 1, "is no point"),
            ("1.5 1 0 0 0 5 -1\n", 1, "is no point"),
            ("1 soma 0 0 0 5 -1\n", 1, "is no point"),
            ("1 1 0 0 0 0 -1\n", 1, "has the radius 0; it has to be > 0"),
            ("1 1 0 0 0 -2 -1\n", 1, "has the radius -2; it has to be > 0"),
            ("1 1 nan 0 0 5 -1\n", 1, "has a number that is not finite"),
            ("1 1 0 0 0 inf -1\n", 1, "has a number that is not finite"),
        ],
    )
    def test_what_is_no_tree_is_refused_with_its_line(
        self, text: str, line: int, words: str, tmp_path: Path
    ) -> None:
        file = written(tmp_path, text)
        with pytest.raises(InputError) as caught:
            load_swc(file)
        assert str(caught.value).startswith(f"{file}, line {line}: {words}")

    @pytest.mark.parametrize("text", ["", "\n\n", "# only words\n"])
    def test_an_empty_file(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="has no points; a line is: number type"):
            read_swc(written(tmp_path, text))

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "binary.swc").write_bytes(b"\xff\xfe\x00")
        for name in ("absent.swc", "binary.swc", "."):
            with pytest.raises(InputError, match="cannot be read"):
                load_swc(tmp_path / name)

    def test_a_file_as_a_windows_editor_writes_it(self, tmp_path: Path) -> None:
        (tmp_path / "cell.swc").write_bytes(
            b"\xef\xbb\xbf1 1 0 0 0 5 -1\r\n2 3 5 0 0 1 1\r\n3 3 9 0 0 1 2\r\n"
        )
        assert [s.name for s in load_swc(tmp_path / "cell.swc").sections] == ["soma", "dend_0"]

    def test_a_long_file_written_backwards_is_read_at_once(self, tmp_path: Path) -> None:
        # Ancestors are followed once, not once a point: 20,000 points would take minutes.
        lines = [f"{k} 3 {k} 0 0 1 {k - 1 if k > 1 else -1}" for k in range(1, 20_001)]
        morphology = load_swc(written(tmp_path, "\n".join(reversed(lines))))
        assert morphology.root.extent_um == pytest.approx(19_999)


class TestSections:
    def test_unbranched_runs_of_one_type_become_sections(self, tmp_path: Path) -> None:
        morphology = load_swc(written(tmp_path, BRANCHED))
        tree = {s.name: (s.parent, s.parent_x, s.label) for s in morphology.sections}
        assert tree == {
            "soma": (None, 1.0, "soma"),
            "dend_0": ("soma", 0.5, "dend"),
            "axon_0": ("soma", 0.5, "axon"),
            "apic_0": ("soma", 0.5, "apic"),
            "dend_1": ("dend_0", 1.0, "dend"),
            "dend_2": ("dend_0", 1.0, "dend"),
            "type5_0": ("apic_0", 1.0, "type5"),
        }

    def test_lengths_and_areas_are_those_of_the_file(self, tmp_path: Path) -> None:
        morphology = load_swc(written(tmp_path, BRANCHED))
        p = {q.number: (q.x, q.y, q.z, q.radius) for q in read_swc(tmp_path / "cell.swc").values()}
        # Neurites begin at their own first point, other branches at their parent's.
        runs = {
            "dend_0": (2, 3), "dend_1": (3, 4), "dend_2": (3, 5, 6), "axon_0": (7, 8),
            "apic_0": (9, 10), "type5_0": (10, 11),
        }  # fmt: skip
        total = math.pi * 10.0**2  # the soma's cylinder, as long as wide: that of a sphere
        for name, numbers in runs.items():
            pairs = list(itertools.pairwise(numbers))
            length = sum(math.dist(p[a][:3], p[b][:3]) for a, b in pairs)
            assert morphology.section(name).extent_um == pytest.approx(length, rel=1e-14)
            total += sum(lateral(p[a], p[b]) for a, b in pairs)
        for segments in (1, 2, 7):
            assert area(morphology, segments) == pytest.approx(total, rel=1e-13)

    def test_a_soma_of_one_point_has_the_area_of_its_sphere(self, tmp_path: Path) -> None:
        soma = load_swc(written(tmp_path, "1 1 3 4 5 7.5 -1\n")).root
        assert soma.extent_um == 15
        assert area(Morphology(sections=(soma,))) == pytest.approx(4 * math.pi * 7.5**2)

    def test_a_soma_of_three_points_is_the_same(self, tmp_path: Path) -> None:
        text = "1 1 0 0 0 6 -1\n2 1 0 -6 0 6 1\n3 1 0 6 0 6 1\n"
        soma = load_swc(written(tmp_path, text)).root
        assert soma.extent_um == 12
        assert area(Morphology(sections=(soma,))) == pytest.approx(4 * math.pi * 6**2)

    def test_a_soma_of_three_points_in_a_row_is_two_cones(self, tmp_path: Path) -> None:
        text = "1 1 0 0 0 3 -1\n2 1 10 0 0 6 1\n3 1 20 0 0 2 2\n"
        soma = load_swc(written(tmp_path, text)).root
        assert soma.extent_um == 20
        cones = lateral((0, 0, 0, 3), (10, 0, 0, 6)) + lateral((10, 0, 0, 6), (20, 0, 0, 2))
        assert area(Morphology(sections=(soma,))) == pytest.approx(cones)

    def test_a_contour_of_a_soma_is_a_row_of_cones(self, tmp_path: Path) -> None:
        points = [(0.0, 4.0 * k, 0.0, r) for k, r in enumerate((1.0, 4.0, 5.0, 3.0, 1.0))]
        text = "".join(
            f"{k + 1} 1 {x} {y} {z} {r} {k if k else -1}\n" for k, (x, y, z, r) in enumerate(points)
        )
        morphology = load_swc(written(tmp_path, text + "6 3 9 8 0 1 3\n7 3 29 8 0 1 6\n"))
        cones = sum(lateral(a, b) for a, b in itertools.pairwise(points))
        assert area(morphology) == pytest.approx(cones + math.pi * 2 * 20)
        assert morphology.section("dend_0").parent == "soma"

    def test_a_neurite_without_a_soma(self, tmp_path: Path) -> None:
        morphology = load_swc(written(tmp_path, "1 2 0 0 0 1 -1\n2 2 0 0 9 1 1\n3 2 0 5 9 1 2\n"))
        assert [s.name for s in morphology.sections] == ["axon_0"]
        assert morphology.root.extent_um == 14

    def test_a_neurite_of_one_point_begins_in_the_soma(self, tmp_path: Path) -> None:
        morphology = load_swc(written(tmp_path, "1 1 0 0 0 5 -1\n2 3 15 0 0 1 1\n"))
        assert morphology.section("dend_0").extent_um == 15

    def test_a_single_point_that_is_no_soma(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="line 1: is a neurite of one point"):
            load_swc(written(tmp_path, "1 3 0 0 0 5 -1\n"))

    @pytest.mark.parametrize(
        "text",
        [
            "1 2 0 0 0 1 -1\n2 1 0 0 9 5 1\n3 3 0 9 9 1 2\n4 3 0 19 9 1 3\n",
            "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 15 0 0 1 2\n4 1 25 0 0 5 3\n",
        ],
    )
    def test_a_soma_that_does_not_hold_together(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"line \d: is a point of the soma, but its parent"):
            load_swc(written(tmp_path, text))

    def test_a_description_names_a_file_and_keeps_what_was_read(self, tmp_path: Path) -> None:
        file = written(tmp_path, BRANCHED)
        morphology = Morphology.model_validate({"swc": str(file)})
        assert morphology.sections == load_swc(file).sections
        file.unlink()
        assert Morphology.model_validate(morphology.model_dump(mode="json")) == morphology

    def test_what_is_wrong_in_a_file_that_a_description_names(self, tmp_path: Path) -> None:
        file = written(tmp_path, "1 1 0 0 0 5 -1\n2 3 1 0 0 1 3\n3 3 2 0 0 1 2\n")
        with pytest.raises(InputError) as caught:
            Morphology(swc=str(file))
        assert str(caught.value) == f"{file}, line 2: is its own ancestor: 2 → 3 → 2"
        with pytest.raises(InputError, match="is empty; give sections, or an swc file"):
            Morphology()

    def test_it_is_cut_by_the_length_constant(self, tmp_path: Path) -> None:
        morphology = load_swc(written(tmp_path, BRANCHED))
        pieces = cut(morphology, LengthConstant(fraction=0.02), 1e-3, 0.01)
        assert len(pieces.compartments) > len(morphology.sections)
        assert all(sum(c.section == s.name for c in pieces.compartments) % 2 == 1
                   for s in morphology.sections)  # fmt: skip
