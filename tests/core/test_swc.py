"""SWC files: what is read, what becomes a section, and what is refused with its line."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from coincide.core.cable import CableCell
from coincide.core.channels import Channel
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
            (
                "1 1 0 0 0 5 -1\n2 3 1 0 0 1 -1\n",
                2,
                "is a second root beside line 1; a cell is one tree, "
                "and here are 2 of the roots 1 (1 points), 2 (1 points): roots='all' joins them",
            ),
            (
                "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 1 9 0 0 5 2\n",
                3,
                "begins a second soma beside that of line 1",
            ),
            ("1 1 0 0 0 5\n", 1, "has 6 fields; a point is"),
            ("1 1 0 0 0 five -1\n", 1, "is no point"),
            ("1.5 1 0 0 0 5 -1\n", 1, "is no point"),
            (
                "1 soma 0 0 0 5 -1\n",
                1,
                "is no point: 'soma' is no number; one is: number type x y z",
            ),
            ("1 1 0 0 0 5 -1\nend of file\n", 2, "has 3 fields; a point is"),
            ("1 1 0 0 0 0 -1\n", 1, "has the radius 0: only a cone at a tip"),
            (
                "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 0 2\n4 3 12 0 0 1 3\n",
                3,
                "has the radius 0: only",
            ),
            (
                "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 0 2\n4 3 12 0 0 0 3\n",
                3,
                "has the radius 0: only",
            ),
            ("1 1 0 0 0 5 -1\n2 3 5 0 0 0 1\n", 2, "is a neurite of radius 0; min_radius="),
            (
                "1 1 0 0 0 -2 -1\n",
                1,
                "has the radius -2; it has to be >= 0: min_radius='0.1 um' raises",
            ),
            ("1 1 nan 0 0 5 -1\n", 1, "has a number that is not finite: nan"),
            ("1 1 0 0 0 inf -1\n", 1, "has a number that is not finite: inf"),
            (
                "1 1 0 0 0 5 -1\n2 3 5 0 0 1e-9 1\n3 3 9 0 0 1 2\n",
                2,
                "has the radius 1e-09: only a cone at a tip may end",
            ),
            ("-1 1 0 0 0 5 -1\n", 1, "has the number -1; the numbers of points are >= 0"),
            ("1_0 1 0 0 0 5 -1\n", 1, "is no point: '1_0' is no number"),
            ("1 1 1e30 0 0 5 -1\n", 1, "has a place or radius beyond 1e9 um"),
            ("nan 1 0 0 0 5 -1\n", 1, "has a number that is not finite: nan"),
            ("1e400 1 0 0 0 5 -1\n", 1, "has a number that is not finite: 1e400"),
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
        (tmp_path / "zeros.swc").write_bytes(b"1 1 0 0 0 5 -1\n\x00")
        for name in ("absent.swc", "binary.swc", "zeros.swc", "."):
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
            "dend_0": (2, 3),
            "dend_1": (3, 4),
            "dend_2": (3, 5, 6),
            "axon_0": (7, 8),
            "apic_0": (9, 10),
            "type5_0": (10, 11),
        }
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
        # The neurite begins at the soma's point that it is joined to, as thick as its own first.
        assert area(morphology) == pytest.approx(cones + math.pi * 2 * 29)
        dend = morphology.section("dend_0")
        assert (dend.parent, dend.parent_x) == ("soma", 0.5)
        assert dend.points[0] == (0, 8, 0, 2)
        apart = load_swc(tmp_path / "cell.swc", neurites_from="first_point")
        assert area(apart) == pytest.approx(cones + math.pi * 2 * 20)
        dend = apart.section("dend_0")
        assert (dend.parent, dend.parent_x, dend.points[0]) == ("soma", 0.5, (9, 8, 0, 2))

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

    def test_a_soma_that_is_not_the_root_becomes_it(self, tmp_path: Path) -> None:
        turned = load_swc(
            written(
                tmp_path,
                "1 2 0 0 -9 1 -1\n2 2 0 0 -5 2 1\n3 1 0 0 0 4 2\n4 3 0 4 0 1 3\n5 3 0 9 0 1 4\n",
            )
        )
        upright = "1 1 0 0 0 4 -1\n2 2 0 0 -5 2 1\n3 2 0 0 -9 1 2\n4 3 0 4 0 1 1\n5 3 0 9 0 1 4\n"
        assert {s.name: s for s in turned.sections} == {
            s.name: s for s in load_swc(written(tmp_path, upright)).sections
        }

    def test_a_soma_of_three_points_that_is_no_sphere(self, tmp_path: Path) -> None:
        # Thinner outer points, or a neurite at one of them: cones as written.
        thinner = "1 1 0 0 0 6 -1\n2 1 0 -6 0 3 1\n3 1 0 6 0 3 1\n"
        cones = 2 * lateral((0, 0, 0, 6), (0, 6, 0, 3))
        assert area(load_swc(written(tmp_path, thinner))) == pytest.approx(cones)
        held = "1 1 0 0 0 6 -1\n2 1 0 -6 0 6 1\n3 1 0 6 0 6 1\n4 3 0 16 0 1 3\n"
        morphology = load_swc(written(tmp_path, held))
        assert morphology.section("dend_0").extent_um == 10
        assert area(morphology) == pytest.approx(math.pi * (12 * 12 + 2 * 10))

    def test_a_soma_whose_points_are_at_one_place_is_a_sphere(self, tmp_path: Path) -> None:
        soma = load_swc(written(tmp_path, "1 1 0 0 0 6 -1\n2 1 0 0 0 7 1\n")).root
        assert (soma.extent_um, soma.profile[0][1]) == (14, 14)

    def test_a_soma_of_298_branches(self, tmp_path: Path) -> None:
        lines = ["1 1 0 0 0 9 -1"]
        for k in range(298):
            lines += [f"{2 * k + 2} 3 9 {k} 0 1 1", f"{2 * k + 3} 3 99 {k} 0 1 {2 * k + 2}"]
        morphology = load_swc(written(tmp_path, "\n".join(lines)))
        leak = Channel(name="leak", conductance="0.1 mS/cm**2", reversal="-65 mV")
        cell = CableCell(name="star", morphology=morphology, channels=(leak,))
        assert cell.lowered.point.variables
        row = "1 1 0 0 0 9 -1\n2 1 0 9 0 9 1\n3 1 0 20 0 9 2\n"
        lines = [f"{k} 3 9 {k} 0 1 3" for k in range(4, 99)]
        crowded = load_swc(written(tmp_path, row + "\n".join(lines)))
        with pytest.raises(InputError, match=r"^soma\(1\): 96 sections meet in this point"):
            CableCell(name="star", morphology=crowded, channels=(leak,))

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
        assert all(
            sum(c.section == s.name for c in pieces.compartments) % 2 == 1
            for s in morphology.sections
        )


SOMA = "1 1 0 0 0 5 -1\n"
STRAY = SOMA + "2 3 10 0 0 1 1\n3 3 20 0 0 1 2\n7 2 0 -8 0 1 -1\n8 2 0 -58 0 1 7\n"


class TestOptions:
    @pytest.mark.parametrize(
        ("unit", "scale"), [("nm", 1e3), ("mm", 1e-3), ("um", 1.0), ("µm", 1.0)]
    )
    def test_a_unit(self, unit: str, scale: float, tmp_path: Path) -> None:
        def line(row: str) -> str:
            number, kind, *lengths, parent = row.split()
            return " ".join([number, kind, *(str(scale * float(x)) for x in lengths), parent])

        rows = [r.split("#")[0].replace(",", " ") for r in BRANCHED.splitlines()[1:] if r]
        plain = load_swc(written(tmp_path, BRANCHED))
        found = load_swc(written(tmp_path, "\n".join(map(line, rows))), unit=unit)
        for a, b in zip(plain.sections, found.sections, strict=True):
            assert (a.name, a.parent, a.parent_x) == (b.name, b.parent, b.parent_x)
            assert np.allclose(a.profile, b.profile, rtol=1e-12)

    @pytest.mark.parametrize(("size", "likely"), [("5000", "nm"), ("0.005", "mm")])
    def test_a_size_that_no_cell_has_is_asked_about(
        self, size: str, likely: str, tmp_path: Path
    ) -> None:
        file = written(tmp_path, f"1 1 0 0 0 {size} -1\n")
        with pytest.raises(InputError) as caught:
            load_swc(file)
        assert str(caught.value).startswith(f"{file}: would be a cell 0 um across and up to ")
        assert f"unit='{likely}' or, if that is so, unit='um'" in str(caught.value)
        assert load_swc(file, unit=likely).root.extent_um == pytest.approx(10)
        assert load_swc(file, unit="um").root.extent_um == 2 * float(size)

    @pytest.mark.parametrize("unit", ["mV", "pixel", "", "1", "um**2"])
    def test_what_is_no_unit_of_length(self, unit: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"^unit: "):
            load_swc(written(tmp_path, BRANCHED), unit=unit)

    def test_a_least_radius(self, tmp_path: Path) -> None:
        text = SOMA + "2 3 10 0 0 0 1\n3 3 20 0 0 0.05 2\n4 3 30 0 0 -1 3\n5 3 40 0 0 1 4\n"
        file = written(tmp_path, text)
        with pytest.raises(InputError, match=r"line 4: has the radius -1; .*min_radius='0.1 um'"):
            load_swc(file)
        found = load_swc(file, min_radius="0.1 um").section("dend_0")
        assert [d for _, d in found.profile] == pytest.approx([0.2, 0.2, 0.2, 2.0])
        assert load_swc(file, min_radius="100 nm").section("dend_0") == found
        for wrong in ("0 um", "-1 um", "1 mV", "x"):
            with pytest.raises(InputError, match="min_radius"):
                load_swc(file, min_radius=wrong)

    def test_several_roots(self, tmp_path: Path) -> None:
        file = written(tmp_path, STRAY)
        with pytest.raises(InputError, match=r"line 4: is a second root beside line 1"):
            load_swc(file)
        both = load_swc(file, roots="all")
        assert {s.name: (s.parent, s.parent_x) for s in both.sections} == {
            "soma": (None, 1.0),
            "dend_0": ("soma", 0.5),
            "axon_0": ("soma", 0.5),
        }
        # Nothing is put between, whatever neurites begin from: the file has no edge there.
        for begin in (None, "soma", "first_point"):
            assert (
                load_swc(file, roots="all", neurites_from=begin).section("axon_0").extent_um == 50
            )
        assert load_swc(file, roots=(1, 7)) == both
        for one in (1, [1], "largest"):
            assert [s.name for s in load_swc(file, roots=one).sections] == ["soma", "dend_0"]
        assert [s.name for s in load_swc(file, roots=7).sections] == ["axon_0"]
        with pytest.raises(
            InputError, match=r"roots: 2 is no root; here are 2 of the roots 1 \(3 "
        ):
            load_swc(file, roots=2)
        for wrong in ("both", [], "7", True, 1.5):
            with pytest.raises(InputError, match="roots"):
                load_swc(file, roots=wrong)
        with pytest.raises(InputError, match="'both' is none of 'all', 'largest' and the number"):
            load_swc(file, roots="both")

    def test_several_roots_without_a_soma(self, tmp_path: Path) -> None:
        file = written(tmp_path, STRAY.replace("1 1 0", "1 3 0"))
        with pytest.raises(InputError, match="line 4: is a second root, and there is no soma"):
            load_swc(file, roots="all")

    def test_where_neurites_begin(self, tmp_path: Path) -> None:
        file = written(tmp_path, SOMA + "2 3 10 0 0 1 1\n3 3 20 0 0 1 2\n")
        assert load_swc(file).section("dend_0").extent_um == 10
        assert load_swc(file, neurites_from="first_point") == load_swc(file)
        longer = load_swc(file, neurites_from="soma").section("dend_0")
        assert longer.points[0] == (0, 0, 0, 2)
        assert longer.extent_um == 20
        with pytest.raises(InputError, match=r"^neurites_from: 'center'.*'soma' or 'first_point'"):
            load_swc(file, neurites_from="center")

    def test_in_a_description(self, tmp_path: Path) -> None:
        file = written(tmp_path, STRAY.replace(" 5 -1", " 0 -1"))
        given = {"file": str(file), "roots": "all", "min_radius": "2 um", "unit": "um"}
        morphology = Morphology.model_validate(given)
        assert morphology.sections == load_swc(file, roots="all", min_radius="2 um").sections
        assert (morphology.file, morphology.unit, morphology.roots) == (str(file), "um", "all")
        file.unlink()
        assert Morphology.model_validate(morphology.model_dump(mode="json")) == morphology
        with pytest.raises(InputError, match=r"Morphology\.unit: 'mV' is no length"):
            Morphology(swc=str(file), unit="mV")
        with pytest.raises(InputError, match=r"Morphology\.file: is given beside swc"):
            Morphology(swc=str(file), file=str(file))

    def test_options_not_given_are_not_part_of_a_description(self, tmp_path: Path) -> None:
        morphology = Morphology.model_validate({"swc": str(written(tmp_path, BRANCHED))})
        assert set(morphology.model_dump(exclude_defaults=True)) == {"swc", "sections"}


class TestOddFiles:
    """What is written in files and does no harm."""

    PLAIN = SOMA + "2 3 10 0 0 1 1\n3 3 20 0.5 0 1 2\n"

    @pytest.mark.parametrize(
        "raw",
        [
            b"# \xb5m, caf\xe9\x85 \x0c words\n" + PLAIN.encode(),
            PLAIN.encode("utf-16"),
            PLAIN.replace("\n", "\r").encode(),
            PLAIN.replace(" ", ";").encode(),
            PLAIN.replace(" ", ", ").encode(),
            PLAIN.replace("0.5", "0,5").encode(),
            b"# Id Type\nn T x y z R P\n" + PLAIN.encode(),
            PLAIN.replace("5 -1", "5 -2").encode(),
            PLAIN.replace("5 -1", "5 0").encode(),
            PLAIN.replace("\n", " 7 seg 3\n").encode(),
            PLAIN.replace("20 ", "2.0e1 ").encode(),
            "\n".join(reversed(PLAIN.splitlines())).encode(),
        ],
    )
    def test_is_read(self, raw: bytes, tmp_path: Path) -> None:
        (tmp_path / "odd.swc").write_bytes(raw)
        assert load_swc(tmp_path / "odd.swc") == load_swc(written(tmp_path, self.PLAIN))

    @pytest.mark.parametrize("kind", [-1, 0, 5, 17])
    def test_other_types(self, kind: int, tmp_path: Path) -> None:
        found = load_swc(written(tmp_path, self.PLAIN.replace(" 3 ", f" {kind} ")))
        assert found.sections[1].label == f"type{kind}".replace("-", "_minus_")
