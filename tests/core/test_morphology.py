"""Morphologies: the tree, its places, its regions."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.errors import InputError
from coincide.core.morphology import Morphology, Section, ball_and_stick, cylinder


def section(name: str, parent: str | None = None, label: str = "", **given: object) -> Section:
    shape = {"length": "10 um", "diameter": "1 um"} if "points" not in given else {}
    return Section(name=name, parent=parent, label=label, **{**shape, **given})  # type: ignore[arg-type]


TREE = Morphology(
    sections=(
        section("soma", label="soma"),
        section("trunk", "soma", "apic"),
        section("left", "trunk", "apic"),
        section("right", "trunk", "apic", parent_x=0.5),
        section("basal", "soma", "dend", parent_x=0.0),
    )
)


class TestSection:
    def test_a_cylinder(self) -> None:
        found = Section(name="a", length="1 mm", diameter="2 um")
        assert found.profile == ((0.0, 2.0), (1000.0, 2.0))
        assert found.extent_um == 1000.0

    def test_points(self) -> None:
        found = section("a", points=((0, 0, 0, 2), (3, 4, 0, 1), (3, 4, 12, 4)))
        assert found.profile == ((0.0, 2.0), (5.0, 1.0), (17.0, 4.0))

    @given(
        st.lists(st.tuples(*[st.floats(-100, 100)] * 3, st.floats(0.1, 10)), min_size=2, max_size=8)
    )
    def test_the_extent_is_the_length_of_the_path(
        self, points: list[tuple[float, float, float, float]]
    ) -> None:
        length = sum(math.dist(a[:3], b[:3]) for a, b in itertools.pairwise(points))
        if length > 1e-5:
            assert section("a", points=points).extent_um == pytest.approx(length)

    @pytest.mark.parametrize(
        ("given", "where", "words"),
        [
            ({"length": "10 um"}, "a", "needs a length and a diameter, or points"),
            ({}, "a", "needs a length and a diameter, or points"),
            (
                {"length": "1 um", "diameter": "1 um", "points": ((0, 0, 0, 1), (1, 0, 0, 1))},
                "a",
                "one of the two",
            ),
            ({"length": "1 um", "points": ((0, 0, 0, 1), (1, 0, 0, 1))}, "a", "one of the two"),
            ({"length": "0 um", "diameter": "1 um"}, "a.length", "has to be > 0"),
            ({"length": "1 um", "diameter": "-1 um"}, "a.diameter", "has to be > 0"),
            ({"length": "1 um", "diameter": "1 mV"}, "a.diameter", "a length [um] is needed"),
            ({"points": ((0, 0, 0, 1),)}, "a.points", "needs two points"),
            (
                {"points": ((0, 0, 0, 1), (1, 0, 0, -1))},
                "a.points",
                "has the diameter -1; it has to be",
            ),
            (
                {"points": ((0, 0, 0, 1), (1, 0, 0, 0), (2, 0, 0, 1))},
                "a.points",
                "between its ends",
            ),
            ({"points": ((0, 0, 0, 0), (1, 0, 0, 0))}, "a.points", "at both ends"),
            ({"points": ((1, 2, 3, 1), (1, 2, 3, 2))}, "a.points", "the length is 0"),
            ({"points": ((0, 0, 0, 1), (math.nan, 0, 0, 1))}, "a.points.1.0", "finite"),
            ({"points": ((0, 0, 0, 1), (math.inf, 0, 0, 1))}, "a.points.1.0", "finite"),
        ],
    )
    def test_what_is_no_section(self, given: dict[str, object], where: str, words: str) -> None:
        with pytest.raises(InputError) as caught:
            Section(name="a", **given)  # type: ignore[arg-type]
        assert str(caught.value).startswith(f"{where}: ")
        assert words in str(caught.value)


class TestTree:
    @pytest.mark.parametrize(
        ("sections", "where", "words"),
        [
            ((), "Morphology.sections", "is empty"),
            (("a", "a"), "a", "is the name of two sections"),
            (("a", ("b", "c")), "b.parent", "there is no section 'c'; known: a, b"),
            (("a", ("b", "b")), "b", "is its own ancestor: b → b"),
            ((("a", "b"), ("b", "c"), ("c", "a")), "a", "is its own ancestor: a → b → c → a"),
            (("a", "b"), "b", "has no parent, nor has a"),
        ],
    )
    def test_what_is_no_tree(self, sections: tuple[object, ...], where: str, words: str) -> None:
        made = tuple(section(*((s,) if isinstance(s, str) else s)) for s in sections)  # type: ignore[misc]
        with pytest.raises(InputError) as caught:
            Morphology(sections=made)
        assert str(caught.value).startswith(f"{where}: {words}")

    @pytest.mark.parametrize("x", [0.0, 1.0])
    def test_nothing_is_joined_to_a_point(self, x: float) -> None:
        spindle = section("a", points=((0, 0, 0, 0), (5, 0, 0, 2), (10, 0, 0, 0)))
        assert Morphology(sections=(spindle, section("b", "a", parent_x=0.5))).root == spindle
        with pytest.raises(
            InputError, match=rf"b\.parent: is joined to a\({x:g}\) at a diameter of 0"
        ):
            Morphology(sections=(spindle, section("b", "a", parent_x=x)))
        with pytest.raises(InputError, match=r"a\.parent: is joined to b\(1\) at a diameter of 0"):
            Morphology(sections=(section("b"), spindle.model_copy(update={"parent": "b"})))

    def test_sections_in_any_order(self) -> None:
        tree = Morphology(sections=(section("b", "a"), section("a")))
        assert tree.root.name == "a"

    @pytest.mark.parametrize(
        ("region", "names"),
        [
            ("all", ["soma", "trunk", "left", "right", "basal"]),
            ("soma", ["soma"]),
            ("apic", ["trunk", "left", "right"]),
            ("dend", ["basal"]),
            ("left,basal", ["left", "basal"]),
            ("  left , apic", ["trunk", "left", "right"]),
            ("all, left", ["soma", "trunk", "left", "right", "basal"]),
        ],
    )
    def test_regions_by_name_and_label(self, region: str, names: list[str]) -> None:
        assert [s.name for s in TREE.in_region(region)] == names

    @pytest.mark.parametrize("region", ["apical", "", "left,", "soma(0.5)", "Soma"])
    def test_regions_that_are_not_there(self, region: str) -> None:
        with pytest.raises(InputError, match=r"there is no region .*known: all, apic, basal, dend"):
            TREE.in_region(region)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("left(0)", ("left", 0.0)),
            ("left(1)", ("left", 1.0)),
            ("left(.25)", ("left", 0.25)),
            (" left ( 2.5e-1 ) ", ("left", 0.25)),
        ],
    )
    def test_places(self, text: str, expected: tuple[str, float]) -> None:
        found, x = TREE.place(text)
        assert (found.name, x) == expected

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("left(1.5)", "'left(1.5)' is off the tree; the fraction is from 0 to 1"),
            ("left(-0.1)", "is off the tree"),
            ("left(nan)", "is off the tree"),
            ("left", "'left' is no place; write a section and a fraction: 'soma(0.5)'"),
            ("left()", "is no number"),
            ("left(x)", "'x' in 'left(x)' is no number"),
            ("left(0.5", "is no place"),
            ("(0.5)", "is no place"),
            ("left(0.5)(0.5)", "is no place"),
            ("nosuch(0.5)", "there is no section 'nosuch'; known: basal, left"),
            ("lift(0.5)", "did you mean 'left'?"),
            ("apic(0.5)", "there is no section 'apic'"),
        ],
    )
    def test_places_off_the_tree(self, text: str, words: str) -> None:
        with pytest.raises(InputError) as caught:
            TREE.place(text, "here")
        assert str(caught.value).startswith("here: ")
        assert words in str(caught.value)


def test_shorthands() -> None:
    one = cylinder("100 um", "2 um")
    assert [s.name for s in one.sections] == ["soma"]
    both = ball_and_stick("20 um", "300 um", "1 um")
    soma, dend = both.sections
    assert (soma.extent_um, soma.profile[0][1]) == (20.0, 20.0)
    assert (dend.parent, dend.parent_x, dend.extent_um) == ("soma", 1.0, 300.0)
    for bad in ("0 um", "-1 um", "1 mV", "long"):
        with pytest.raises(InputError):
            cylinder(bad, "1 um")
